//! Alarms that no officer has read at this terminal: told before anything else, and remembered as told.
//! Never drops one: it counts as heard only once it was printed.

use super::names::Names;
use super::online::Online;
use super::trouble::Trouble;
use console::when::{minute, rfc3339};
use console::{Lang, Voice};
use link::terminal::alarm_words;
use protocol::client::event::AlarmView;
use protocol::client::{Command, Reply};
use serde::Serialize;

/// So many are printed one by one; of more the newest.
const SHOWN: usize = 20;

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
}

/// Prints those that nobody was shown here, newest last.
pub(super) fn tell(online: &mut Online, voice: Voice) -> Result<(), Trouble> {
    let alarms = unheard(online)?;
    let Some(last) = alarms.last() else { return Ok(()) };
    let names = names(online, &alarms, voice.lang)?;
    voice.notice(&Said::Heard { lines: lines(&alarms, &names, voice.lang) });
    heard(online, last)
}

/// Those that nobody was shown here, for a script, which has heard them then.
pub(super) fn take(online: &mut Online, lang: Lang) -> Result<Vec<Alarm>, Trouble> {
    let alarms = unheard(online)?;
    let names = names(online, &alarms, lang)?;
    let row = |view: &AlarmView| Alarm {
        index: view.index,
        at: rfc3339(view.wall_ms),
        alarm: alarm_words(view).name,
        about: view.person.map(|person| names.login(person)),
        number: view.number,
    };
    let rows = alarms.iter().map(row).collect();
    alarms.last().map_or(Ok(()), |last| heard(online, last))?;
    Ok(rows)
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
    let earlier = alarms.len().saturating_sub(SHOWN);
    if earlier > 0 {
        out.push_str(&lang.pick(
            format!("{earlier} earlier alarms stand in the journal: conclave-audit report\n"),
            format!("более ранних тревог в журнале: {earlier}; все показывает conclave-audit report\n"),
        ));
    }
    for view in &alarms[earlier..] {
        let (words, at, index) = (alarm_words(view), minute(view.wall_ms), view.index);
        let about = view.person.map_or(String::new(), |person| format!(": {}", names.full(person)));
        out.push_str(&lang.pick(
            format!("ALARM #{index}, {at}: {}{about}\n  {}\n", words.en, words.advice_en),
            format!("ТРЕВОГА, запись № {index}, {at}: {}{about}\n  {}\n", words.ru, words.advice_ru),
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
        AlarmView { index, wall_ms: 0, alarm, person: None, number: None }
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
    fn of_very_many_the_newest_are_printed_and_the_others_counted() {
        let names = Names::new(Vec::new(), Lang::En);
        let many: Vec<AlarmView> = (0..50).map(|n| alarm(n, AlarmKind::NearlyFull)).collect();
        let told = lines(&many, &names, Lang::En);
        assert!(told.starts_with("30 earlier alarms") && !told.contains("#29,") && told.contains("#49,"));
    }
}
