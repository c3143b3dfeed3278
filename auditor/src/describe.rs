//! One line on an entry, in the reader's language: what was done, never by whom or when (the caller has that).
//! Never shows a text of others uncleaned; there is none in the journal but names and notes.

use console::{Lang, clean};
use journal::act::{
    Act, Continues, ConversationKind, EraseTarget, FileClaim, KeptPasswords, LossCause, Precedence, Purpose,
    Reserve, RevokeReason, Succession,
};
use journal::ids::{ConversationId, Index};
use pki::{Certificate, Clearance, PersonId};

use crate::let_go::let_go_words;
use crate::names::{Names, What, roles};

/// What an entry says.
pub fn describe(what: What<'_>, names: &Names, lang: Lang) -> String {
    match what {
        What::Statement(parsed) => Teller { names, lang }.act(parsed.act()),
        What::Fact(fact) => Teller { names, lang }.fact(fact),
    }
}

/// Whose names, in which language.
pub(crate) struct Teller<'a> {
    names: &'a Names,
    pub(crate) lang: Lang,
}

impl Teller<'_> {
    pub(crate) fn say(&self, en: String, ru: String) -> String {
        self.lang.pick(en, ru)
    }

    pub(crate) fn who(&self, person: PersonId) -> String {
        self.names.person(person, self.lang)
    }

    pub(crate) fn at(&self, conversation: ConversationId) -> String {
        self.names.place(conversation)
    }

    fn label(&self, rank: Clearance) -> String {
        self.names.label(rank, self.lang)
    }

    fn act(&self, act: &Act) -> String {
        match act {
            Act::Genesis(act) => {
                let (site, suite, n) = (clean(&act.site), act.suite, act.officers.len());
                self.say(
                    format!("founds the site «{site}», suite {suite}, first officers: {n}"),
                    format!("основывает систему «{site}», набор алгоритмов {suite}, первых офицеров: {n}"),
                )
            }
            Act::Submit(act) => {
                let n = act.count;
                self.say(
                    format!("takes in the authority's acts: {n}"),
                    format!("принимает акты удостоверяющего центра: {n}"),
                )
            }
            Act::Propose(act) => self.proposal(&act.act),
            Act::Approve(act) => {
                let n = act.proposal;
                self.say(format!("approves the proposal #{n}"), format!("утверждает предложение #{n}"))
            }
            Act::Withdraw(act) => {
                let n = act.proposal;
                self.say(format!("withdraws the proposal #{n}"), format!("отзывает предложение #{n}"))
            }
            Act::Succession(act) => self.succession(act),
            Act::Continues(act) => self.continues(act),
            Act::Login(act) if act.end_other => {
                self.say("logs in, ending the other session".into(), "входит, завершая другой сеанс".into())
            }
            Act::Login(_) => self.say("logs in".into(), "входит".into()),
            Act::Logout(_) => self.say("logs out".into(), "выходит".into()),
            Act::SetPassword(_) => self.say("sets a new password".into(), "задаёт новый пароль".into()),
            Act::Enrol(act) => self.enrolment(&act.signature),
            Act::Revoke(act) => self.revocation(act.person, act.reason, &act.note),
            Act::Crl(act) => {
                let n = act.list.len();
                self.say(
                    format!("publishes a revocation list, {n} bytes"),
                    format!("публикует список отзыва, байт: {n}"),
                )
            }
            Act::CrlPart(act) => {
                let (n, of) = (act.number, act.of);
                self.say(
                    format!("publishes part {n} of {of} of a revocation list"),
                    format!("публикует часть {n} из {of} списка отзыва"),
                )
            }
            Act::EnvelopePrint(act) => {
                let (n, who) = (act.number, self.who(act.person));
                let instead = match act.replaces {
                    0 => String::new(),
                    old => self.say(format!(", replacing {old}"), format!(", взамен № {old}")),
                };
                self.say(
                    format!("prints envelope {n} for {who}{instead}"),
                    format!("печатает конверт № {n} для {who}{instead}"),
                )
            }
            Act::EnvelopeHandOver(act) => {
                let n = act.number;
                self.say(format!("hands over envelope {n}"), format!("выдаёт конверт № {n}"))
            }
            Act::EnvelopeVoid(act) => {
                let n = act.number;
                self.say(format!("voids envelope {n}"), format!("аннулирует конверт № {n}"))
            }
            Act::Suspend(act) => {
                let who = self.who(act.person);
                self.say(format!("suspends {who}"), format!("приостанавливает доступ: {who}"))
            }
            Act::Resume(act) => {
                let who = self.who(act.person);
                self.say(format!("lifts the suspension of {who}"), format!("возобновляет доступ: {who}"))
            }
            Act::Unlock(act) => {
                let who = self.who(act.person);
                self.say(format!("unlocks {who}"), format!("снимает блокировку: {who}"))
            }
            Act::EndSession(act) => {
                let who = self.who(act.person);
                self.say(format!("ends the session of {who}"), format!("завершает сеанс: {who}"))
            }
            Act::Export(act) => {
                let (from, to) = (act.from, act.to);
                self.say(
                    format!("exports the entries from #{from} to before #{to}"),
                    format!("выгружает записи с #{from} до #{to}, не включая её"),
                )
            }
            Act::Backup(act) => {
                let (size, epoch, batch, id) =
                    (act.size, act.epoch, act.batch, crate::names::hex(&act.manifest));
                self.say(
                    format!(
                        "took a backup away: {size} entries, erasure epoch {epoch}, batch {batch}, manifest {id}"
                    ),
                    format!(
                        "забирает резервную копию: записей {size}, эпоха уничтожения {epoch}, партия {batch}, опись {id}"
                    ),
                )
            }
            Act::Create(act) => {
                let others: Vec<String> = act.invited.iter().map(|person| self.who(*person)).collect();
                let (others, rank) = (others.join(", "), self.label(act.ceiling));
                match act.kind {
                    ConversationKind::Private => self.say(
                        format!("founds a private conversation with {others}, ceiling {rank}"),
                        format!("создаёт личную беседу с {others}, предельный гриф {rank}"),
                    ),
                    ConversationKind::Group => self.say(
                        format!("founds a group with {others}, ceiling {rank}"),
                        format!("создаёт группу с {others}, предельный гриф {rank}"),
                    ),
                }
            }
            Act::Invite(act) => {
                let (at, who) = (self.at(act.conversation), self.who(act.person));
                self.say(format!("invites {who} into {at}"), format!("приглашает {who} в {at}"))
            }
            Act::Accept(act) => {
                let at = self.at(act.conversation);
                self.say(format!("accepts the invitation into {at}"), format!("принимает приглашение в {at}"))
            }
            Act::Leave(act) => {
                let at = self.at(act.conversation);
                self.say(format!("leaves {at}"), format!("покидает {at}"))
            }
            Act::Remove(act) => {
                let (at, who) = (self.at(act.conversation), self.who(act.person));
                self.say(format!("removes {who} from {at}"), format!("исключает {who} из {at}"))
            }
            Act::HandOver(act) => {
                let (at, who) = (self.at(act.conversation), self.who(act.person));
                self.say(format!("makes {who} owner of {at}"), format!("передаёт {at} владельцу {who}"))
            }
            Act::Epoch(act) => {
                let (at, n, count) = (self.at(act.conversation), act.epoch, act.wraps.count);
                self.say(
                    format!("begins epoch {n} in {at}, keys for {count}"),
                    format!("начинает эпоху {n} в {at}, ключей выдано: {count}"),
                )
            }
            Act::ShareHistory(act) => {
                let (at, who) = (self.at(act.conversation), self.who(act.person));
                let (from, to) = (act.from_epoch, act.to_epoch);
                self.say(
                    format!("gives {who} the history of {at}, epochs {from} to {to}"),
                    format!("открывает {who} историю {at}, эпохи {from}–{to}"),
                )
            }
            Act::BadWrap(act) => {
                let (at, n) = (self.at(act.conversation), act.epoch);
                self.say(
                    format!("reports a wrap of epoch {n} in {at} that does not open"),
                    format!("сообщает, что ключ эпохи {n} в {at} не открывается"),
                )
            }
            Act::Title(act) => {
                let at = self.at(act.conversation);
                self.say(format!("sets the title of {at}"), format!("задаёт название {at}"))
            }
            Act::Reserve(act) => self.reservation(act),
            Act::Message(act) => {
                let (at, bytes, rank) = (self.at(act.conversation), act.size.bytes(), self.label(act.label));
                let more = self.message_more(act.precedence, act.must_acknowledge, act.reference, &act.file);
                self.say(
                    format!("writes in {at}, {bytes} bytes padded, label {rank}{more}"),
                    format!("пишет в {at}, с дополнением байт: {bytes}, гриф {rank}{more}"),
                )
            }
            Act::Read(act) => {
                let (at, n) = (self.at(act.conversation), act.up_to);
                self.say(format!("has read {at} up to #{n}"), format!("прочитал {at} до #{n}"))
            }
            Act::Acknowledge(act) => {
                let n = act.message;
                self.say(format!("acknowledges #{n}"), format!("подтверждает #{n}"))
            }
            Act::Erase(act) => {
                let what = self.target(&act.target);
                self.say(format!("erases {what}"), format!("стирает {what}"))
            }
            Act::Object(act) => {
                let n = act.proposal;
                self.say(
                    format!("objects to the order of erasure #{n}"),
                    format!("возражает против распоряжения о стирании #{n}"),
                )
            }
            Act::Hold(act) => self.hold(act),
            Act::ClockAttest(act) => {
                let shown = console::when::rfc3339(act.shown_ms);
                self.say(
                    format!("states that a trusted watch shows {shown}"),
                    format!("свидетельствует: верные часы показывают {shown}"),
                )
            }
            Act::AlarmAcknowledge(_)
            | Act::AlarmClose(_)
            | Act::Report(_)
            | Act::Disclose(_)
            | Act::Finding(_) => self.desk(act),
        }
    }

    pub(crate) fn messages(&self, at: &str, messages: &[Index]) -> String {
        let list = messages.iter().take(8).map(|n| format!("#{n}")).collect::<Vec<_>>().join(", ");
        let rest = if messages.len() > 8 { "…" } else { "" };
        self.say(format!("in {at}: {list}{rest}"), format!("в {at}: {list}{rest}"))
    }

    pub(crate) fn target(&self, target: &EraseTarget) -> String {
        match target {
            EraseTarget::Messages(id, messages) => self.messages(&self.at(*id), messages),
            EraseTarget::Conversation(id) => {
                let at = self.at(*id);
                self.say(format!("the whole of {at}"), format!("{at} целиком"))
            }
        }
    }

    fn continues(&self, act: &Continues) -> String {
        let Continues { log, closed, head, .. } = act;
        self.say(
            format!("says that this log continues the log {log}, closed by its entry #{closed}, at its head of {} entries", head.size),
            format!("говорит, что этот журнал продолжает журнал {log}, закрытый его записью #{closed}, с вершины размера {}", head.size),
        )
    }

    fn succession(&self, act: &Succession) -> String {
        let (era, kept, known) = (act.era, act.kept.size, act.known_size());
        let cause = cause(act.cause, self.lang);
        let bodies = match act.bodies_lost {
            false => "",
            true => self.lang.pick("; ALL BODIES ARE LOST", "; ВСЕ ТЕЛА УТРАЧЕНЫ"),
        };
        let mut more = vec![bodies.to_owned()];
        more.extend((act.bodies_missing > 0).then(|| {
            let (missing, entries) = (act.bodies_missing, act.given_up_list());
            let of = if entries.is_empty() { entries } else { format!(" ({entries})") };
            self.say(
                format!("; bodies that open no more: {missing}{of}"),
                format!("; тел, которые уже не открыть: {missing}{of}"),
            )
        }));
        let key = self.lang.pick("; the period key is lost", "; ключ периода утрачен");
        more.extend(act.period_key_lost.then(|| key.to_owned()));
        more.extend(match act.passwords {
            KeptPasswords::InForce => None,
            KeptPasswords::Others => {
                Some(self.lang.pick("; OTHER PASSWORDS came back", "; вернулись ДРУГИЕ ПАРОЛИ").to_owned())
            }
            KeptPasswords::Lost => {
                Some(self.lang.pick("; the passwords are lost", "; пароли утрачены").to_owned())
            }
        });
        more.extend(act.cell_let_go.then(|| let_go_words(&act.cells, self.lang)));
        let bodies = more.concat();
        self.say(
            format!(
                "signs the succession to era {era}: {kept} entries are kept, what stood behind them is lost (known: {known}), \
                 {cause}{bodies}"
            ),
            format!(
                "подписывает переход журнала в эру {era}: сохранено записей {kept}, стоявшее за ними утрачено \
                 (известно записей: {known}), {cause}{bodies}"
            ),
        )
    }

    fn enrolment(&self, der: &[u8]) -> String {
        let Ok(certificate) = Certificate::parse(der) else {
            return self.say("enrols an illegible certificate".into(), "вносит нечитаемый сертификат".into());
        };
        let text = |text: Option<&str>| clean(text.unwrap_or_default());
        let (login, name) = (text(certificate.login()), text(certificate.full_name()));
        let (roles, rank) = (roles(certificate.roles(), self.lang), self.label(certificate.clearance()));
        self.say(
            format!("enrols {login} ({name}), {roles}, clearance {rank}"),
            format!("вносит {login} ({name}), {roles}, допуск {rank}"),
        )
    }

    fn revocation(&self, person: PersonId, reason: RevokeReason, note: &str) -> String {
        let reason = match reason {
            RevokeReason::Unspecified => self.lang.pick("unspecified", "не указана"),
            RevokeReason::KeyCompromise => self.lang.pick("key compromise", "компрометация ключа"),
            RevokeReason::AffiliationChanged => self.lang.pick("affiliation changed", "смена подразделения"),
            RevokeReason::Superseded => self.lang.pick("superseded", "замена"),
            RevokeReason::CessationOfOperation => {
                self.lang.pick("cessation of operation", "прекращение работы")
            }
        };
        let note = match clean(note) {
            empty if empty.is_empty() => empty,
            note => format!(" — {note}"),
        };
        let who = self.who(person);
        self.say(format!("revokes {who}: {reason}{note}"), format!("отзывает {who}, причина: {reason}{note}"))
    }

    fn reservation(&self, act: &Reserve) -> String {
        let (at, n) = (self.at(act.conversation), act.chunks);
        match act.purpose {
            Purpose::File => self.say(
                format!("reserves room for a file in {at}, pieces: {n}"),
                format!("отводит место под файл в {at}, частей: {n}"),
            ),
            Purpose::Wraps => self.say(
                format!("reserves room for keys in {at}: {n}"),
                format!("отводит место под ключи в {at}: {n}"),
            ),
        }
    }

    fn message_more(
        &self,
        precedence: Precedence,
        must_acknowledge: bool,
        reference: Option<Index>,
        file: &Option<FileClaim>,
    ) -> String {
        let mut more = String::new();
        match precedence {
            Precedence::Routine => {}
            Precedence::Priority => more.push_str(self.lang.pick(", PRIORITY", ", СРОЧНОЕ")),
            Precedence::Immediate => more.push_str(self.lang.pick(", IMMEDIATE", ", НЕМЕДЛЕННОЕ")),
            Precedence::Flash => more.push_str(self.lang.pick(", FLASH", ", МОЛНИЯ")),
        }
        if let Some(n) = reference {
            more.push_str(&self.say(format!(", answers #{n}"), format!(", ответ на #{n}")));
        }
        if let Some(file) = file {
            let n = file.chunks;
            more.push_str(&self.say(format!(", a file of {n} pieces"), format!(", файл, частей: {n}")));
        }
        if must_acknowledge {
            more.push_str(self.lang.pick(", to be acknowledged", ", требует подтверждения"));
        }
        more
    }
}

/// The cause of a loss in words.
pub(crate) fn cause(cause: LossCause, lang: Lang) -> &'static str {
    match cause {
        LossCause::Damage => lang.pick("cause: damage", "причина: повреждение"),
        LossCause::Restored => {
            lang.pick("cause: an older state was put back", "причина: возвращено прежнее состояние")
        }
        LossCause::Tampering => lang.pick("cause: tampering", "причина: вмешательство"),
        LossCause::Other => lang.pick("cause: another", "причина: иная"),
    }
}
