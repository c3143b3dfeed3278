//! The verdict in plain words, both languages.
//! Never shows what a program would say to a log without saying first what it means to a person.

use console::{DETAILS_RU, Lang, cause_ru, count_en, count_ru, when};
use journal::ids::Head;
use journal::register::SuccessionRow;
use journal::replay::Divergence;
use pki::PersonId;

use crate::audit::Audit;
use crate::bundle::BadBundle;
use crate::judgement::{Flaw, Judgement, Missing, Unanchored};
use crate::let_go::let_go_words;
use crate::names::hex;
pub use crate::plain_fault::fault;
use crate::predecessor::{ClosedFound, ContinuesFound};
use crate::unlinked::unlinked;

console::words! {
    /// What a verification says.
    pub enum Said {
        /// The first line.
        Verified { entries: u64, others: u64 }
            => en("VERIFIED: {}, all in order, compared with {}", count_en(*entries, "entry", "entries"), with_whom(*others).0),
               ru("ПРОВЕРЕНО: {}, всё в порядке, сверено {}", count_ru(*entries, "запись", "записи", "записей"),
                  with_whom(*others).1);
        /// The first line where what was verified before was passed over.
        VerifiedFrom { from: u64, entries: u64, others: u64 }
            => en("VERIFIED FROM ENTRY #{from} ON: {}, all in order, compared with {}; what stands before in this file was NOT READ: you \
                   verified the log up to there earlier", count_en(*entries, "entry", "entries"), with_whom(*others).0),
               ru("ПРОВЕРЕНО НАЧИНАЯ С ЗАПИСИ #{from}: {}, всё в порядке, сверено {}; стоящее до неё в этом файле НЕ ЧИТАЛОСЬ: вы \
                   проверили журнал до этого места раньше", count_ru(*entries, "запись", "записи", "записей"), with_whom(*others).1);
        /// An entry is bad.
        BadEntry { index: u64, why: String }
            => en("INVALID: entry #{index}: {why}"), ru("НЕДЕЙСТВИТЕЛЬНО: запись #{index}: {why}");
        /// Something else is bad.
        Invalid { why: String } => en("INVALID: {why}"), ru("НЕДЕЙСТВИТЕЛЬНО: {why}");
        /// What to do then.
        KeepIt
            => en("Keep this file as it is and export anew; where that says the same, tell the officers."),
               ru("Сохраните этот файл как есть и сделайте выгрузку заново; если и с ней так же, сообщите офицерам.");
        /// Two heads.
        Diverged { size: u64, named: String, found: String }
            => en("DIVERGED: two heads of one size contradict each other; somebody was shown another log\n\
                   \x20 at {size} entries, known or signed: {named}\n\
                   \x20 at {size} entries, this bundle:     {found}\n\
                   A head typed from paper: check the typing first. Otherwise keep this bundle and the trust file as they\n\
                   are, and tell the officers."),
               ru("РАСХОЖДЕНИЕ: две вершины одного размера противоречат друг другу; кому-то показали другой журнал\n\
                   \x20 при числе записей {size}, известно или подписано: {named}\n\
                   \x20 при числе записей {size}, в этой выгрузке:        {found}\n\
                   Если вершина введена с бумаги, сначала проверьте ввод. Иначе сохраните эту выгрузку и файл доверия как\n\
                   есть и сообщите офицерам.");
        /// Not compared.
        Unanchored { why: String }
            => en("NOT ANCHORED: everything is consistent, but {why}"),
               ru("НЕ СВЕРЕНО: внутренних противоречий нет, но {why}");
        /// The same where what was verified before was passed over.
        UnanchoredFrom { from: u64, why: String }
            => en("NOT ANCHORED, AND READ FROM ENTRY #{from} ON ALONE: what stands before in this file was NOT READ, the rest is \
                   consistent, but {why}"),
               ru("НЕ СВЕРЕНО, И ПРОЧИТАНО ТОЛЬКО С ЗАПИСИ #{from}: стоящее до неё в этом файле НЕ ЧИТАЛОСЬ, в остальном \
                   противоречий нет, но {why}");
        /// Something is missing.
        Incomplete { why: String } => en("INCOMPLETE: {why}"), ru("НЕПОЛНО: {why}");
        /// How far the anchors reach.
        Anchored { to: u64, beyond: u64 }
            => en("anchored to entry #{to}, {} beyond it", count_en(*beyond, "entry", "entries")),
               ru("сверено по запись #{to} включительно, после неё: {}", count_ru(*beyond, "запись", "записи", "записей"));
        /// The anchor is the auditor's own.
        OwnHead { others: u64 }
            => en("that head is your own, from an earlier audit: {}", match others.checked_sub(1) {
                    None => "nobody else's has ever been compared".to_owned(),
                    Some(to) => format!("somebody else's reach to entry #{to}"),
               }),
               ru("эта вершина ваша собственная, от прежней проверки: {}", match others.checked_sub(1) {
                    None => "с чужой ничего ещё не сверялось".to_owned(),
                    Some(to) => format!("чужие вершины подтверждают по запись #{to} включительно"),
               });
        /// The head.
        HeadIs { size: u64, root: String }
            => en("head of {}: {root}", count_en(*size, "entry", "entries")),
               ru("вершина размера {size}: {root}");
        /// From when to when.
        Span { from: String, to: String }
            => en("first entry {from}, last entry {to} (the server's clock)"),
               ru("первая запись {from}, последняя {to} (часы сервера)");
        /// Entries were lost, and the log went on.
        Succession { at: u64, era: u32, kept: u64, known: u64, by: String, more: String }
            => en("SUCCESSION at entry #{at} to era {era}: {} kept, what stood behind them is LOST (at least {known} there had been); \
                   by decision of {by}{more}", count_en(*kept, "entry", "entries")),
               ru("ПРЕЕМСТВО в записи #{at}, эра {era}: сохранено {}, стоявшее за ними УТРАЧЕНО (было не меньше {known}); \
                   по решению: {by}{more}", count_ru(*kept, "запись", "записи", "записей"));
        /// A log before this one, or behind it.
        Beside { line: String } => en("{line}"), ru("{line}");
        /// A head of which entries were lost.
        LostHead { what: String, size: u64 }
            => en("lost by succession, and not compared: the head of {} of {what}", count_en(*size, "entry", "entries")),
               ru("утрачена при преемстве и не сверялась: вершина размера {size} ({what})");
        /// The trust file moved on.
        Advanced { size: u64 }
            => en("the trust file now ends at {}", count_en(*size, "entry", "entries")),
               ru("файл доверия доведён до размера: {}", count_ru(*size, "запись", "записи", "записей"));
        /// It was taken without comparison.
        Adopted { size: u64 }
            => en("taken as anchor on your word (--adopt): {}", count_en(*size, "entry", "entries")),
               ru("принято как известная вершина под вашу ответственность (--adopt): {}",
                  count_ru(*size, "запись", "записи", "записей"));
        /// It could not be.
        NotAdvanced { file: String, cause: String }
            => en("{file} CANNOT BE WRITTEN ({cause}): it ends where it did; --no-update leaves it as it is"),
               ru("{file} НЕ ЗАПИСАН ({}): файл доверия остался прежним; с --no-update он и не меняется", cause_ru(cause));
    }
}

/// Whose head it was compared with, English and Russian.
fn with_whom(others: u64) -> (&'static str, &'static str) {
    match others {
        0 => ("your own earlier head alone", "лишь с вашей собственной прежней вершиной"),
        1.. => ("a head from outside", "с вершиной извне"),
    }
}

/// The first lines of a verdict.
pub fn judgement(audit: &Audit, lang: Lang) -> Said {
    match &audit.judgement {
        Judgement::Verified => {
            let (entries, others, from) = (audit.replay.tree().size(), audit.by_others, audit.unread);
            match from {
                0 => Said::Verified { entries, others },
                1.. => {
                    // A head of somebody else's that ends before it says nothing of these.
                    let others = if others == entries { others } else { others.saturating_sub(from) };
                    Said::VerifiedFrom { from, entries: entries - from, others }
                }
            }
        }
        Judgement::Invalid(Flaw::Entry { index, fault: found }) => {
            Said::BadEntry { index: *index, why: fault(found, lang) }
        }
        Judgement::Invalid(found) => Said::Invalid { why: flaw(found, lang) },
        Judgement::Diverged(Divergence { size, named, found }) => {
            Said::Diverged { size: *size, named: hex(named), found: hex(found) }
        }
        Judgement::Unanchored(why) => {
            let why = unanchored(why, lang);
            match audit.unread {
                0 => Said::Unanchored { why },
                from => Said::UnanchoredFrom { from, why },
            }
        }
        Judgement::Incomplete(why) => {
            Said::Incomplete { why: missing(why, audit.replay.tree().size(), lang) }
        }
    }
}

/// What was covered and how far outside heads reach.
pub fn coverage(audit: &Audit, lang: Lang) -> Vec<Said> {
    let verdict = audit.replay.verdict();
    let Head { size, root } = verdict.head;
    if size == 0 {
        return Vec::new();
    }
    let (from, to) = (when::rfc3339(verdict.span_ms.0), when::rfc3339(verdict.span_ms.1));
    let mut said = vec![Said::HeadIs { size, root: hex(&root) }, Said::Span { from, to }];
    if let Some(to) = verdict.anchored.checked_sub(1) {
        said.push(Said::Anchored { to, beyond: verdict.beyond });
        if audit.by_others < verdict.anchored {
            said.push(Said::OwnHead { others: audit.by_others });
        }
    }
    said.extend(ContinuesFound::of(audit).map(|found| Said::Beside { line: found.line(lang) }));
    let closed = ClosedFound::of(audit.replay.register());
    said.extend(closed.map(|found| Said::Beside { line: found.line(lang) }));
    said.extend(verdict.successions.iter().map(|row| succession(audit, row, lang)));
    said.extend(audit.lost.iter().map(|lost| {
        let own = lang.pick("the trust file", "файл доверия");
        let what = lost.file.as_ref().map_or_else(|| own.to_owned(), |file| console::clean(file).to_string());
        Said::LostHead { what, size: lost.head.size }
    }));
    said
}

fn succession(audit: &Audit, row: &SuccessionRow, lang: Lang) -> Said {
    let register = audit.replay.register();
    let name = |id: &PersonId| match register.person(*id) {
        Some(person) => format!("@{}", console::clean(&person.login)),
        None => id.to_string(),
    };
    let by = row.officers.iter().map(name).collect::<Vec<_>>().join(", ");
    let bodies = match row.bodies_lost {
        false => "",
        true => lang.pick("; ALL BODIES OF BEFORE ARE LOST", "; ВСЕ ПРЕЖНИЕ ТЕЛА УТРАЧЕНЫ"),
    };
    let cells = audit.let_go.by(row).map_or(String::new(), |cells| let_go_words(cells, lang));
    let SuccessionRow { era, kept, end, known, .. } = *row;
    Said::Succession { at: end - 1, era, kept, known, by, more: format!("{bodies}{cells}") }
}

/// What is wrong with a bundle.
pub(crate) fn flaw(flaw: &Flaw, lang: Lang) -> String {
    let at = |note: usize| note + 1;
    match flaw {
        Flaw::Entry { fault: found, .. } => fault(found, lang),
        Flaw::LoginRepeated { first, again } => lang.pick(
            format!("entry #{again} is the Login of entry #{first} once more: its signer said it only once"),
            format!("запись #{again} повторяет вход из записи #{first}: его автор подписал это лишь однажды"),
        ),
        Flaw::Container(BadBundle::TooLong { record, .. }) => lang.pick(
            format!("record {record} claims an impossible length"),
            format!("у фрагмента {record} невозможная длина"),
        ),
        Flaw::Container(BadBundle::TooManyNotes) => {
            lang.pick("there are too many notes", "слишком много контрольных точек").to_owned()
        }
        Flaw::Container(BadBundle::Malformed { record }) => lang.pick(
            format!("record {record} is malformed"),
            format!("фрагмент {record} составлен неправильно"),
        ),
        Flaw::Container(BadBundle::BringsTrust) => lang
            .pick(
                "it brings its own trust file; nothing that a bundle brings is believed, trust comes from you",
                "в ней лежит её собственный файл доверия; тому, что приносит выгрузка, не верят: файл доверия даёте вы",
            )
            .to_owned(),
        Flaw::Container(BadBundle::TrailingBytes) => lang
            .pick("something follows behind the end of the bundle", "за концом выгрузки что-то следует")
            .to_owned(),
        Flaw::Container(
            BadBundle::NotABundle
            | BadBundle::Newer(_)
            | BadBundle::Truncated { .. }
            | BadBundle::Excerpt
            | BadBundle::Whole
            | BadBundle::Io(_),
        ) => lang.pick("the file is damaged", "файл повреждён").to_owned(),
        Flaw::OtherAuthorities => lang
            .pick(
                "the genesis names other authorities, another identity key or suite than the trust file",
                "основание журнала называет не те центры, ключ журнала или алгоритмы, что файл доверия",
            )
            .to_owned(),
        Flaw::Disordered { index } => lang.pick(
            format!("entry #{index} stands out of order, or is marked as what it is not"),
            format!("запись #{index} стоит не на своём месте или помечена не тем, что она есть"),
        ),
        Flaw::RangeGap { index } => lang.pick(
            format!("entry #{index} is missing, and the excerpt claims to hold all of its range"),
            format!("нет записи #{index}, хотя выписка называет себя полной на своём промежутке"),
        ),
        Flaw::NotUnderNote { size } => lang.pick(
            format!("the entries do not stand under the head of {size} entries that the log signed: something was changed, \
                     inserted, moved or left out"),
            format!("записи не сходятся с вершиной, которую подписал журнал (записей: {size}): что-то изменено, вставлено, \
                     переставлено или выброшено"),
        ),
        Flaw::BadLink { size } => lang.pick(
            format!("its proof that the log continues your head of {size} entries does not hold"),
            format!("доказательство, что журнал продолжает известную вам вершину (записей: {size}), не сходится"),
        ),
        Flaw::BadNote { note, reason } => {
            let n = at(*note);
            lang.pick(
                format!("note {n} is no checkpoint: {reason}"),
                format!("контрольная точка № {n} нечитаема ({DETAILS_RU})"),
            )
        }
        Flaw::NoteOfOtherLog { note } => {
            let n = at(*note);
            lang.pick(format!("note {n} is another log's"), format!("контрольная точка № {n} — другого журнала"))
        }
        Flaw::NoteOfOtherEra { note, era } => {
            let n = at(*note);
            lang.pick(
                format!("note {n} is of era {era}, in which the log was not at that size"),
                format!("контрольная точка № {n} — эры {era}, в которой журнал не был такой длины"),
            )
        }
        Flaw::NoteNotSigned { note, .. } => {
            let n = at(*note);
            lang.pick(
                format!("note {n} is not signed by the log's keys of that time"),
                format!("контрольная точка № {n} не подписана ключами журнала того времени"),
            )
        }
        Flaw::NotWhatWasSigned(found) => {
            let heads = heads(found);
            lang.pick(
                format!("the entries are not those that the log signed: the bundle was changed, or exported wrongly\n{heads}"),
                format!("записи не те, что подписал журнал: выгрузка изменена или сделана с ошибкой\n{heads}"),
            )
        }
        Flaw::Predecessor(why) => unlinked(why, lang),
        Flaw::NotWhatIsKnown(found) => {
            let heads = heads(found);
            lang.pick(
                format!("the entries do not lead to the head known from outside, and no signature of the log vouches for them\n{heads}"),
                format!("записи не приводят к известной вершине, и подписи журнала под ними нет\n{heads}"),
            )
        }
    }
}

fn heads(found: &Divergence) -> String {
    format!("  {}: {}\n  {}: {}", found.size, hex(&found.named), found.size, hex(&found.found))
}

pub(crate) fn missing(missing: &Missing, entries: u64, lang: Lang) -> String {
    match missing {
        Missing::Cut => lang.pick(
            format!("the bundle breaks off after {entries} entries; those are in order"),
            format!("выгрузка обрывается, целых записей: {entries}; они в порядке"),
        ),
        Missing::Entries => lang.pick("there is no entry in it", "в ней нет ни одной записи").to_owned(),
        Missing::Note => lang
            .pick("the log's signature over the entries is missing", "нет подписи журнала под записями")
            .to_owned(),
        Missing::Selection => lang
            .pick(
                "PRESENCE, NOT COMPLETENESS: what is here is in the log; what was left out cannot be seen",
                "НАЛИЧИЕ, НО НЕ ПОЛНОТА: всё, что здесь есть, есть в журнале; что опущено, отсюда не видно",
            )
            .to_owned(),
        Missing::Predecessor { size } => lang.pick(
            format!("the predecessor's bundle ends before the head of {size} entries that this log names of it"),
            format!("выгрузка предшественника обрывается раньше названной этим журналом вершины (записей: {size})"),
        ),
        Missing::NoteOver { covered } => lang.pick(
            format!("the log's signature covers {covered} of {entries} entries"),
            format!("подпись журнала покрывает записей: {covered} из {entries}"),
        ),
        Missing::EntriesUpTo { size } => lang.pick(
            format!("the log signed {size} entries, the bundle has {entries}"),
            format!("журнал подписал записей: {size}, в выгрузке: {entries}"),
        ),
        Missing::KnownUpTo { size } => lang.pick(
            format!(
                "{size} entries are known from outside, the bundle has {entries}: an older export, or the log was rolled back"
            ),
            format!(
                "извне известно записей: {size}, в выгрузке: {entries}: выгрузка старая, или журнал откатили назад"
            ),
        ),
    }
}

pub(crate) fn unanchored(why: &Unanchored, lang: Lang) -> String {
    match why {
        Unanchored::NoAnchor => lang
            .pick(
                "no head from outside was there to compare with; give one with --anchor or --head, or take this one by `verify --adopt`",
                "сверить не с чем; дайте вершину извне через --anchor или --head либо примите эту командой verify --adopt",
            )
            .to_owned(),
        Unanchored::LostBySuccession { size, kept, end } => lang.pick(
            format!(
                "the known head of {size} entries is LOST BY SUCCESSION: entries {kept} to {} were given up by decision of \
                 the officers named below; look at who signed, then take the head behind it with --adopt",
                size - 1
            ),
            format!(
                "известная вершина размера {size} УТРАЧЕНА ПРИ ПРЕЕМСТВЕ: записи с {kept} по {} признаны утраченными по решению \
                 офицеров, названных ниже (преемство заканчивается записью {}); проверьте подписи и примите вершину после \
                 него через --adopt",
                size - 1,
                end - 1
            ),
        ),
        Unanchored::EraUnknown { size, kept } => lang.pick(
            format!(
                "the head of {size} entries that was typed is not that of these entries, and entries from {kept} on were given \
                 up by decision of the officers named below: it may be of those, or of another log; type it with the era \
                 that stands beside it (ERA/SIZE:ROOT), or give its checkpoint with --anchor"
            ),
            format!(
                "введённая вершина размера {size} с этими записями не сходится, а записи с {kept} признаны утраченными по \
                 решению офицеров, названных ниже: она может относиться к ним или к другому журналу; введите её с эрой, \
                 указанной рядом с ней (ЭРА/РАЗМЕР:КОРЕНЬ), или дайте её контрольную точку через --anchor"
            ),
        ),
        Unanchored::NotLinked { size } => lang.pick(
            format!("no proof leads from the head of {size} entries that is known from outside; ask for one cut with --link {size}"),
            format!("нет доказательства от известной извне вершины размера {size}; попросите выписку с --link {size}"),
        ),
        Unanchored::TooMany { limit } => lang.pick(
            format!("more than {limit} entries lie beyond the newest head from outside"),
            format!("после последней известной вершины записей больше, чем {limit}"),
        ),
        Unanchored::TooOld { age_ms, limit_ms } => {
            let (age, limit) = (when::duration(*age_ms, lang), when::duration(*limit_ms, lang));
            lang.pick(
                format!("the newest head from outside is {age} older than the last entry, {limit} are allowed"),
                format!("последняя известная вершина старше последней записи на {age}, допускается {limit}"),
            )
        }
    }
}
