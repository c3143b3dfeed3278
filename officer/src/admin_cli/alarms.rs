//! What was raised (alarms, reports, findings) and no officer has read at this terminal: told before anything else, and
//! remembered as told. Whether anybody has dealt with it is the log's to know: `alarm list`.
//! Never drops one: it counts as heard only once it was printed. A script hears none.

use super::alarm;
use super::names::Names;
use super::online::Online;
use super::trouble::Trouble;
use console::when::{minute, rfc3339};
use console::{Lang, Voice};
use journal::register::Raised;
use link::terminal::alarm_words;
use protocol::client::event::AlarmView;
use protocol::client::{Command, Reply};
use serde::Serialize;

console::words! {
    enum Said {
        Heard { lines: String } => en("{lines}"), ru("{lines}");
    }
}

/// For scripts.
#[derive(Serialize)]
pub(super) struct Alarm {
    index: u64,
    at: String,
    alarm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// The first of those that say the same; `index` is the newest.
    first: u64,
    times: u64,
}

/// Prints those that nobody was shown here, newest last.
pub(super) fn tell(online: &mut Online, voice: Voice) -> Result<(), Trouble> {
    let alarms = unheard(online)?;
    let Some(last) = alarms.last() else { return Ok(()) };
    let names = names(online, &alarms, voice.lang)?;
    // Where the server cannot say what is open, all of it may be.
    let open = alarm::open(online).ok();
    let is_open =
        |view: &AlarmView| open.as_ref().is_none_or(|open| alarm::is_open(open, view.what, view.index));
    voice.notice(&Said::Heard { lines: lines(&alarms, is_open, &names, voice.lang) });
    heard(online, last)
}

/// Those that nobody was shown here, for a script. They stay what nobody was shown.
pub(super) fn list(online: &mut Online, lang: Lang) -> Result<Vec<Alarm>, Trouble> {
    let alarms = unheard(online)?;
    let names = names(online, &alarms, lang)?;
    let row = |view: &AlarmView| Alarm {
        index: view.index,
        at: rfc3339(view.wall_ms),
        alarm: alarm_words(view).name,
        about: view.person().map(|person| names.login(person)),
        number: number(view.what),
        first: view.first,
        times: view.times,
    };
    Ok(alarms.iter().map(row).collect())
}

fn unheard(online: &mut Online) -> Result<Vec<AlarmView>, Trouble> {
    let Reply::Alarms(alarms) = online.run(Command::Alarms)? else { return Err(Trouble::odd_answer()) };
    Ok(alarms)
}

fn heard(online: &mut Online, last: &AlarmView) -> Result<(), Trouble> {
    online.run(Command::HeardAlarms(last.index.saturating_add(1))).map(drop)
}

fn names(online: &mut Online, alarms: &[AlarmView], lang: Lang) -> Result<Names, Trouble> {
    match alarms.iter().any(|view| view.person().is_some()) {
        true => Names::fetch(online, lang),
        false => Ok(Names::new(Vec::new(), lang)),
    }
}

/// What kind of thing was raised.
pub(super) fn heading(what: Raised, lang: Lang) -> &'static str {
    match what {
        Raised::Alarm(..) => lang.pick("ALARM", "ТРЕВОГА"),
        Raised::Report(..) => lang.pick("REPORT", "ЗАЯВЛЕНИЕ"),
        Raised::Finding(..) => lang.pick("FINDING", "ЗАМЕЧАНИЕ"),
    }
}

/// The number that goes with it: of the alarm's evidence, of the message reported, of the entry that the finding is at.
pub(super) fn number(what: Raised) -> Option<u64> {
    match what {
        Raised::Alarm(_, _, number) => number,
        Raised::Report(_, index) | Raised::Finding(_, _, index) => Some(index),
    }
}

fn lines(alarms: &[AlarmView], is_open: impl Fn(&AlarmView) -> bool, names: &Names, lang: Lang) -> String {
    let mut out = String::new();
    for view in alarms {
        let (words, at, index) = (alarm_words(view), minute(view.wall_ms), view.index);
        let about = view.person().map_or(String::new(), |person| format!(": {}", names.full(person)));
        let (en, ru) = match view.times {
            0 | 1 => (format!("#{index}, {at}"), format!("запись № {index}, {at}")),
            times => (
                format!("#{} to #{index}, {times} times, last {at}", view.first),
                format!("записи № {}–{index}, раз: {times}, последняя {at}", view.first),
            ),
        };
        // Only the server says so: what was to be done stays there to be read.
        let (closed_en, closed_ru) = match is_open(view) {
            true => ("", ""),
            false => (
                "closed since, by the server's word: conclave-admin alarm list --closed says by whom\n  ",
                "с тех пор закрыто, по словам сервера; кем — скажет conclave-admin alarm list --closed\n  ",
            ),
        };
        let (todo_en, todo_ru) = (words.advice_en, words.advice_ru);
        out.push_str(&lang.pick(
            format!("{} {en}: {}{about}\n  {closed_en}{todo_en}\n", heading(view.what, Lang::En), words.en),
            format!("{}, {ru}: {}{about}\n  {closed_ru}{todo_ru}\n", heading(view.what, Lang::Ru), words.ru),
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::names::tests::person;
    use super::*;
    use journal::act::{FindingCode, ReportReason, Severity};
    use journal::fact::AlarmKind;
    use pki::PersonId;

    fn alarm(index: u64, alarm: AlarmKind) -> AlarmView {
        about(index, alarm, None, None)
    }

    fn about(index: u64, alarm: AlarmKind, person: Option<u64>, number: Option<u64>) -> AlarmView {
        let what = Raised::Alarm(alarm, person.map(PersonId), number);
        AlarmView { index, wall_ms: 0, what, by: None, first: index, times: 1 }
    }

    #[test]
    fn an_alarm_is_told_with_its_entry_its_time_whom_it_is_about_and_what_to_do() {
        let names = Names::new(vec![person(1, "olga", "Ольга Зимина")], Lang::En);
        let leapt = about(7, AlarmKind::ClockLeapt, None, Some(370 * 24 * 3_600_000));
        let flood = about(9, AlarmKind::LoginFlood, Some(1), None);
        let en = lines(&[leapt, flood], |_| true, &names, Lang::En);
        assert!(
            en.starts_with("ALARM #7, 1970-01-01 00:00: the server's date went on by 370 d more"),
            "{en}"
        );
        assert!(en.contains("--date-is-right") && en.contains("--for-ever"), "{en}");
        assert!(en.contains("ALARM #9") && en.contains(": Ольга Зимина @olga\n"), "{en}");
        let closed = lines(&[leapt], |_| false, &names, Lang::En);
        assert!(closed.contains("closed since, by the server's word") && closed.contains("--date-is-right"));
        assert!(!en.contains("closed since"), "{en}");
        let ru = lines(&[leapt], |_| true, &names, Lang::Ru);
        assert!(ru.starts_with("ТРЕВОГА, запись № 7") && ru.contains("НЕТ, отмените сроки"), "{ru}");
    }

    #[test]
    fn a_report_and_a_finding_are_told_as_what_they_are_and_by_whom() {
        let names = Names::new(vec![person(1, "olga", "Ольга Зимина")], Lang::En);
        let by = Some(PersonId(1));
        let report = Raised::Report(ReportReason::NotMine, 5);
        let finding = Raised::Finding(Severity::High, FindingCode::Clock, 6);
        let views = [report, finding].map(|what| AlarmView { what, by, ..alarm(7, AlarmKind::Fork) });
        let en = lines(&views, |_| true, &names, Lang::En);
        assert!(en.starts_with("REPORT #7, ") && en.contains("message #5") && en.contains("@olga"), "{en}");
        assert!(en.contains("FINDING #7, ") && en.contains("entry #6, severity high"), "{en}");
        let ru = lines(&views, |_| true, &names, Lang::Ru);
        assert!(ru.contains("ЗАМЕЧАНИЕ, запись № 7") && ru.contains("сообщения № 5"), "{ru}");
    }

    #[test]
    fn of_very_many_each_that_says_something_else_is_printed() {
        let names = Names::new(vec![person(1, "olga", "Ольга Зимина")], Lang::En);
        let ends = |n| about(n, AlarmKind::HoldEndsSoon, None, Some(n));
        let mut many: Vec<AlarmView> = (1..50).map(ends).collect();
        let flood = about(2049, AlarmKind::LoginFlood, Some(1), None);
        many.push(AlarmView { first: 50, times: 2000, ..flood });
        let told = lines(&many, |_| true, &names, Lang::En);
        assert!((1..50).all(|n| told.contains(&format!("ALARM #{n}, "))), "{told}");
        assert_eq!(told.matches("failed logins").count(), 1, "{told}");
        assert!(told.contains("ALARM #50 to #2049, 2000 times, last 1970-01-01 00:00: failed"), "{told}");
        let told = lines(&many, |_| true, &names, Lang::Ru);
        assert!(told.contains("ТРЕВОГА, записи № 50–2049, раз: 2000, последняя"), "{told}");
    }
}
