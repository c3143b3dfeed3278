//! One line on a Fact, in the reader's language: the server's own claim.
//! Never shows a text of others uncleaned.

use console::{Lang, clean};
use journal::fact::{AlarmKind, CellKind, EndReason, Fact, KindCount, LoginFailure, RetentionRun};
use journal::ids::Chain;

use crate::describe::Teller;

impl Teller<'_> {
    pub(crate) fn fact(&self, fact: &Fact) -> String {
        match fact {
            Fact::Start(fact) => {
                let (version, epoch) = (clean(&fact.version), fact.erasure_epoch);
                let cell = match fact.cell {
                    CellKind::File => self.lang.pick("file (development)", "файл (для разработки)"),
                    CellKind::Sector => self.lang.pick("raw sector", "сектор диска"),
                    CellKind::Tpm => "TPM",
                };
                let aside = match fact.set_aside_bytes {
                    0 => String::new(),
                    n => self.say(
                        format!(", {n} unreleased bytes set aside"),
                        format!(", отложено невыданных байт: {n}"),
                    ),
                };
                self.say(
                    format!("start, version {version}, root cell: {cell}, erasure epoch {epoch}{aside}"),
                    format!("пуск, версия {version}, ячейка корня: {cell}, эпоха уничтожения {epoch}{aside}"),
                )
            }
            Fact::Stop(_) => self.say("stop".into(), "остановка".into()),
            Fact::SessionEnd(fact) => {
                let why = match fact.reason {
                    EndReason::Lost => self.lang.pick("connection lost", "связь потеряна"),
                    EndReason::Idle => self.lang.pick("idle", "бездействие"),
                    EndReason::Expired => {
                        self.lang.pick("the certificate has run out", "срок сертификата истёк")
                    }
                    EndReason::Protocol => self.lang.pick("the peer broke the protocol", "нарушен протокол"),
                };
                let chain = short(fact.chain);
                self.say(format!("session {chain}… ended: {why}"), format!("сеанс {chain}… завершён: {why}"))
            }
            Fact::ClockStep(fact) => {
                let time = console::when::rfc3339;
                let (expected, found) = (time(fact.expected_ms), time(fact.found_ms));
                self.say(
                    format!("the clock jumped: {expected} expected, {found} found"),
                    format!("часы сбились: ожидалось {expected}, оказалось {found}"),
                )
            }
            Fact::FailedLogin(fact) => {
                let why = match fact.failure {
                    LoginFailure::Password => self.lang.pick("wrong password", "неверный пароль"),
                    LoginFailure::Refused => self.lang.pick("refused by the rules", "отклонён правилами"),
                    LoginFailure::Statement => {
                        self.lang.pick("the statement did not fit", "заявление не подошло")
                    }
                };
                let (who, n) = (self.who(fact.person), fact.count);
                self.say(
                    format!("failed logins of {who}: {n}, {why}"),
                    format!("неудачных входов {who}: {n}, {why}"),
                )
            }
            Fact::Tick(_) => self.say("a deadline passed".into(), "наступил срок".into()),
            Fact::Erased(fact) => {
                let (epoch, n) = (fact.epoch, fact.through);
                self.say(
                    format!("erased: everything asked for up to #{n}, erasure epoch {epoch}"),
                    format!("стёрто всё, о чём просили по #{n}, эпоха уничтожения {epoch}"),
                )
            }
            Fact::KeyRoll(fact) => {
                let n = fact.period;
                self.say(format!("new log key, period {n}"), format!("новый ключ журнала, период {n}"))
            }
            Fact::Alarm(fact) => {
                let what = alarm(fact.alarm, self.lang);
                match fact.person {
                    Some(person) => {
                        format!("{}: {what}: {}", self.lang.pick("ALARM", "ТРЕВОГА"), self.who(person))
                    }
                    None => format!("{}: {what}", self.lang.pick("ALARM", "ТРЕВОГА")),
                }
            }
            Fact::PeriodEnd(fact) => {
                // Not verified where `show` reads it: the counts may be anything.
                let all = |sum: u64, kind: &KindCount| sum.saturating_add(kind.count);
                let (n, entries) = (fact.period, fact.counts.iter().fold(0, all));
                self.say(
                    format!("end of period {n}, entries: {entries}"),
                    format!("конец периода {n}, записей: {entries}"),
                )
            }
            Fact::RetentionRun(fact) => self.run(fact),
        }
    }

    fn run(&self, fact: &RetentionRun) -> String {
        // Not verified where `show` reads it: the counts may be anything.
        let fell = fact.counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let (due, policy, held) = (console::when::rfc3339(fact.due_ms), fact.policy, fact.held);
        let mut said = self.say(
            format!("retention run due {due}, by the policy #{policy}: {fell} messages fall"),
            format!("стирание по сроку хранения на {due}, политика № {policy}: сообщений {fell}"),
        );
        if held > 0 {
            said += &self.say(format!(", {held} kept by holds"), format!(", удержано запретами: {held}"));
        }
        if (fact.part, fact.last) != (1, true) {
            let part = fact.part;
            said += &self.say(format!(" (part {part})"), format!(" (часть {part})"));
        }
        said
    }
}

/// Every alarm.
pub(crate) const ALARMS: [AlarmKind; 10] = [
    AlarmKind::Equivocation,
    AlarmKind::Fork,
    AlarmKind::NearlyFull,
    AlarmKind::BodyDamaged,
    AlarmKind::LoginFlood,
    AlarmKind::HoldEndsSoon,
    AlarmKind::RetentionMissed,
    AlarmKind::BackupBehind,
    AlarmKind::ClockLeapt,
    AlarmKind::WitnessSilent,
];

/// An alarm in words.
pub(crate) fn alarm(kind: AlarmKind, lang: Lang) -> &'static str {
    match kind {
        AlarmKind::Equivocation => {
            lang.pick("two different statements under one number", "два разных заявления под одним номером")
        }
        AlarmKind::Fork => lang.pick(
            "a signed checkpoint that contradicts the log",
            "подписанная контрольная точка противоречит журналу",
        ),
        AlarmKind::NearlyFull => lang.pick("the device is nearly full", "носитель почти заполнен"),
        AlarmKind::BodyDamaged => lang.pick("a body is missing or damaged", "тело пропало или повреждено"),
        AlarmKind::LoginFlood => lang.pick("a flood of failed logins", "поток неудачных входов"),
        AlarmKind::HoldEndsSoon => lang.pick("a hold ends soon", "запрет на стирание скоро истекает"),
        AlarmKind::RetentionMissed => lang.pick(
            "a run of the retention schedule was missed",
            "стирание по сроку хранения не прошло вовремя",
        ),
        AlarmKind::BackupBehind => lang.pick(
            "an erasure went on without its backup: no backup can be restored",
            "уничтожение прошло без своей резервной копии: восстановить нельзя ни одну",
        ),
        AlarmKind::WitnessSilent => lang.pick(
            "no witness cosigned the newest checkpoint for a minute",
            "свидетель минуту не заверял новейшую контрольную точку",
        ),
        AlarmKind::ClockLeapt => lang.pick(
            "the clock went far ahead without the server: erasure by the retention schedule waits; check the date",
            "часы ушли далеко вперёд без сервера: стирание по сроку хранения ждёт; проверьте дату",
        ),
    }
}

fn short(chain: Chain) -> String {
    chain.to_string()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::describe;
    use crate::names::{Names, What};
    use journal::fact::PeriodEnd;

    #[test]
    fn counts_that_nobody_verified_stop_nobody() {
        let counts = vec![KindCount { kind: 1, count: u64::MAX }, KindCount { kind: 2, count: 1 }];
        let end = Fact::PeriodEnd(PeriodEnd { period: 3, counts, snapshot: [0; 32] });
        for lang in [Lang::En, Lang::Ru] {
            let said = describe(What::Fact(&end), &Names::default(), lang);
            assert!(said.contains(&u64::MAX.to_string()), "{said}");
        }
    }
}
