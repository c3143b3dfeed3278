//! Alarms that no officer has read at this terminal: told before anything else, and remembered as told.
//! Never drops one: it counts as heard only once it was printed. A script hears none.

use super::names::Names;
use super::online::Online;
use super::trouble::Trouble;
use console::when::{minute, rfc3339};
use console::{Lang, Voice};
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
    voice.notice(&Said::Heard { lines: lines(&alarms, &names, voice.lang) });
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
        about: view.person.map(|person| names.login(person)),
        number: view.number,
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
    match alarms.iter().any(|view| view.person.is_some()) {
        true => Names::fetch(online, lang),
        false => Ok(Names::new(Vec::new(), lang)),
    }
}

fn lines(alarms: &[AlarmView], names: &Names, lang: Lang) -> String {
    let mut out = String::new();
    for view in alarms {
        let (words, at, index) = (alarm_words(view), minute(view.wall_ms), view.index);
        let about = view.person.map_or(String::new(), |person| format!(": {}", names.full(person)));
        let (en, ru) = match view.times {
            0 | 1 => (format!("#{index}, {at}"), format!("запись № {index}, {at}")),
            times => (
                format!("#{} to #{index}, {times} times, last {at}", view.first),
                format!("записи № {}–{index}, раз: {times}, последняя {at}", view.first),
            ),
        };
        out.push_str(&lang.pick(
            format!("ALARM {en}: {}{about}\n  {}\n", words.en, words.advice_en),
            format!("ТРЕВОГА, {ru}: {}{about}\n  {}\n", words.ru, words.advice_ru),
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::names::tests::person;
    use super::*;
    use journal::fact::AlarmKind;
    use pki::PersonId;

    fn alarm(index: u64, alarm: AlarmKind) -> AlarmView {
        AlarmView { index, wall_ms: 0, alarm, person: None, number: None, first: index, times: 1 }
    }

    #[test]
    fn an_alarm_is_told_with_its_entry_its_time_whom_it_is_about_and_what_to_do() {
        let names = Names::new(vec![person(1, "olga", "Ольга Зимина")], Lang::En);
        let leapt = AlarmView { number: Some(370 * 24 * 3_600_000), ..alarm(7, AlarmKind::ClockLeapt) };
        let flood = AlarmView { person: Some(PersonId(1)), ..alarm(9, AlarmKind::LoginFlood) };
        let en = lines(&[leapt, flood], &names, Lang::En);
        assert!(
            en.starts_with("ALARM #7, 1970-01-01 00:00: the server's date went on by 370 d more"),
            "{en}"
        );
        assert!(en.contains("--date-is-right") && en.contains("--for-ever"), "{en}");
        assert!(en.contains("ALARM #9") && en.contains(": Ольга Зимина @olga\n"), "{en}");
        let ru = lines(&[leapt], &names, Lang::Ru);
        assert!(ru.starts_with("ТРЕВОГА, запись № 7") && ru.contains("НЕТ, отмените сроки"), "{ru}");
    }

    #[test]
    fn of_very_many_each_that_says_something_else_is_printed() {
        let names = Names::new(vec![person(1, "olga", "Ольга Зимина")], Lang::En);
        let ends = |n| AlarmView { number: Some(n), ..alarm(n, AlarmKind::HoldEndsSoon) };
        let mut many: Vec<AlarmView> = (1..50).map(ends).collect();
        let floods = AlarmView { first: 50, times: 2000, ..alarm(2049, AlarmKind::LoginFlood) };
        many.push(AlarmView { person: Some(PersonId(1)), ..floods });
        let told = lines(&many, &names, Lang::En);
        assert!((1..50).all(|n| told.contains(&format!("ALARM #{n}, "))), "{told}");
        assert_eq!(told.matches("failed logins").count(), 1, "{told}");
        assert!(told.contains("ALARM #50 to #2049, 2000 times, last 1970-01-01 00:00: failed"), "{told}");
        let told = lines(&many, &names, Lang::Ru);
        assert!(told.contains("ТРЕВОГА, записи № 50–2049, раз: 2000, последняя"), "{told}");
    }
}
