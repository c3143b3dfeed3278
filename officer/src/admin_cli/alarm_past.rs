//! What came of what was raised, and which messages members disclosed: each by the entry that its signer made, proven.
//! Never shows a text: whoever discloses gives a file to somebody, and the log knows the message's number alone.

use super::alarm_entries::{entries, raised_by};
use super::alarms::heading;
use super::names::Names;
use super::online::Online;
use super::trouble::Trouble;
use console::Lang;
use console::when::{minute, rfc3339};
use journal::act::{Act, AlarmClose, CloseOutcome, Disclose};
use journal::register::Raised;
use journal::{Content, Entry, Index};
use link::terminal::{outcome_words, raised_words};
use pki::PersonId;
use protocol::client::event::EntryView;
use protocol::client::{Command, Reply};
use protocol::query::Query;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Oldest first.
#[derive(Default)]
pub(super) struct Past {
    closed: Vec<Closed>,
    disclosed: Vec<Disclosed>,
    /// What each index had raised.
    raised: BTreeMap<Index, Raised>,
}

/// By whom, when and under which index it was signed.
#[derive(Clone, Copy)]
struct Signed {
    index: Index,
    wall_ms: u64,
    by: PersonId,
}

struct Closed {
    signed: Signed,
    raised: Index,
    outcome: CloseOutcome,
}

struct Disclosed {
    signed: Signed,
    message: Index,
}

/// For scripts.
#[derive(Serialize)]
pub(super) struct PastJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<Vec<ClosedJson>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disclosed: Option<Vec<DisclosedJson>>,
}

#[derive(Serialize)]
struct ClosedJson {
    raised: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'static str>,
    index: u64,
    at: String,
    by: String,
    outcome: &'static str,
}

#[derive(Serialize)]
struct DisclosedJson {
    message: u64,
    index: u64,
    at: String,
    by: String,
}

impl Past {
    /// Asks the server for all of it.
    pub(super) fn ask(online: &mut Online) -> Result<Self, Trouble> {
        let (mut from, mut past) = (0, Self::default());
        loop {
            let asked = Command::Ask(Query::Desk(from));
            let Reply::Entries(views, more) = online.run(asked)? else { return Err(Trouble::odd_answer()) };
            views.iter().for_each(|view| past.take(view));
            match views.last() {
                Some(last) if more && last.index >= from => from = last.index.saturating_add(1),
                Some(_) | None => break,
            }
        }
        let wanted: BTreeSet<Index> = past.closed.iter().map(|row| row.raised).collect();
        let found = entries(online, &wanted.into_iter().collect::<Vec<_>>())?;
        let what = |(index, view): (&Index, &EntryView)| Some((*index, raised_by(view)?.1));
        past.raised = found.iter().filter_map(what).collect();
        Ok(past)
    }

    fn take(&mut self, view: &EntryView) {
        let Ok(Entry { wall_ms, content: Content::Statement(signed), .. }) = Entry::decode(&view.entry)
        else {
            return;
        };
        let Ok(parsed) = signed.parse() else { return };
        let signed = Signed { index: view.index, wall_ms, by: parsed.header().person };
        if let Act::AlarmClose(AlarmClose { raised, outcome }) = parsed.act() {
            self.closed.push(Closed { signed, raised: *raised, outcome: *outcome });
        } else if let Act::Disclose(Disclose { message }) = parsed.act() {
            self.disclosed.push(Disclosed { signed, message: *message });
        }
    }

    /// A line for each, of what was asked for.
    pub(super) fn text(&self, closed: bool, disclosed: bool, names: &Names, lang: Lang) -> String {
        let mut out = String::new();
        if closed {
            out.extend(self.closed.iter().map(|row| self.closed_line(row, names, lang)));
        }
        if disclosed {
            out.extend(self.disclosed.iter().map(|row| row.line(names, lang)));
            if self.disclosed.is_empty() {
                out.push_str(lang.pick("nothing was disclosed\n", "раскрытого нет\n"));
            }
        }
        out
    }

    fn closed_line(&self, row: &Closed, names: &Names, lang: Lang) -> String {
        let Signed { index, wall_ms, by } = row.signed;
        let (at, by, (_, en, ru), raised) =
            (minute(wall_ms), names.full(by), outcome_words(row.outcome), row.raised);
        let what = self.raised.get(&raised).map_or(String::new(), |what| {
            let words = raised_words(*what);
            format!("{}: {}\n    ", heading(*what, lang), lang.pick(words.en, words.ru))
        });
        lang.pick(
            format!("#{raised}  {what}closed {at}, #{index}: {en}; {by}\n"),
            format!("#{raised}  {what}закрыто {at}, № {index}: {ru}; {by}\n"),
        )
    }

    /// The same, for scripts.
    pub(super) fn json(&self, closed: bool, disclosed: bool, names: &Names) -> PastJson {
        let close = |row: &Closed| ClosedJson {
            raised: row.raised,
            what: self.raised.get(&row.raised).map(|what| raised_words(*what).name),
            index: row.signed.index,
            at: rfc3339(row.signed.wall_ms),
            by: names.login(row.signed.by),
            outcome: outcome_words(row.outcome).0,
        };
        let disclose = |row: &Disclosed| DisclosedJson {
            message: row.message,
            index: row.signed.index,
            at: rfc3339(row.signed.wall_ms),
            by: names.login(row.signed.by),
        };
        PastJson {
            closed: closed.then(|| self.closed.iter().map(close).collect()),
            disclosed: disclosed.then(|| self.disclosed.iter().map(disclose).collect()),
        }
    }
}

impl Disclosed {
    fn line(&self, names: &Names, lang: Lang) -> String {
        let Signed { index, wall_ms, by } = self.signed;
        let (at, by, message) = (minute(wall_ms), names.full(by), self.message);
        lang.pick(
            format!("#{index}  {at}  DISCLOSED: message #{message}, to somebody outside; {by}\n"),
            format!("#{index}  {at}  РАСКРЫТО: сообщение № {message}, постороннему; {by}\n"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::tests::person;
    use super::*;
    use journal::act::ReportReason;

    #[test]
    fn what_was_closed_is_listed_with_what_it_had_been_and_what_was_disclosed_with_its_message() {
        let names = Names::new(vec![person(1, "olga", "Ольга Зимина")], Lang::En);
        let signed = Signed { index: 9, wall_ms: 0, by: PersonId(1) };
        let past = Past {
            closed: vec![Closed { signed, raised: 7, outcome: CloseOutcome::False }],
            disclosed: vec![Disclosed { signed, message: 5 }],
            raised: [(7, Raised::Report(ReportReason::NotMine, 5))].into(),
        };
        let en = past.text(true, true, &names, Lang::En);
        assert!(
            en.starts_with("#7  REPORT: ") && en.contains("message #5") && en.contains("closed 1970"),
            "{en}"
        );
        assert!(en.ends_with("DISCLOSED: message #5, to somebody outside; Ольга Зимина @olga\n"), "{en}");
        let ru = past.text(false, true, &names, Lang::Ru);
        assert_eq!(ru, "#9  1970-01-01 00:00  РАСКРЫТО: сообщение № 5, постороннему; Ольга Зимина @olga\n");
        assert!(past.json(true, false, &names).disclosed.is_none());
    }
}
