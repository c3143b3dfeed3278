//! What was given away of conversations, and what was raised (alarms, reports, findings) with what came of it: rows of a
//! report, gathered during the replay.
//! Never says who was right, and never decides by itself what is open: the Register behind the last entry does.

use std::collections::BTreeMap;

use console::Lang;
use console::when::rfc3339;
use journal::act::Act;
use journal::fact::Fact;
use journal::ids::Index;
use journal::register::{Raised, Register};
use link::terminal::{outcome_words, raised_words, severity_words};
use pki::PersonId;
use serde::Serialize;

use crate::about_whom::AboutWhom;
use crate::names::{Names, What};
use crate::report::ROWS_MAX;

/// A message that a member disclosed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DisclosureRow {
    /// The `Disclose`.
    pub index: Index,
    /// When.
    pub at: String,
    /// Who disclosed it.
    pub by: String,
    /// The message.
    pub message: Index,
    /// Its conversation's number, where the message is known.
    pub conversation: Option<Index>,
    /// Who wrote it, where the message is known.
    pub author: Option<String>,
}

/// By whom something was acknowledged or closed, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoneBy {
    /// The entry.
    pub index: Index,
    /// The officer.
    pub by: String,
}

/// Something that was raised, under the entry that said it first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RaisedRow {
    /// The entry.
    pub index: Index,
    /// When.
    pub at: String,
    /// Stable word: of an alarm, `report-…` or `finding`.
    pub what: &'static str,
    /// How bad, of a finding.
    pub severity: Option<&'static str>,
    /// The message reported, or the entry of a finding.
    pub entry: Option<Index>,
    /// Who raised it; `null`: the server.
    pub by: Option<String>,
    /// Whom it is about: the alarm's person, who wrote the message, who signed the entry; `null` where that is not known.
    pub about: Option<String>,
    /// How many entries say it.
    pub times: u64,
    /// Who acknowledged it first.
    pub acknowledged: Option<DoneBy>,
    /// Who closed it.
    pub closed: Option<DoneBy>,
    /// As what it was closed.
    pub outcome: Option<&'static str>,
    /// Whether it is open behind the last entry.
    pub open: bool,
    /// For words.
    #[serde(skip)]
    pub raised: Raised,
}

impl RaisedRow {
    /// What was raised, in words.
    pub fn words(&self, lang: Lang) -> String {
        let words = raised_words(self.raised);
        lang.pick(words.en, words.ru) + &about(self.about.as_deref(), lang)
    }

    /// How it stands, in words.
    pub fn state_words(&self, lang: Lang) -> String {
        let said = |done: &DoneBy| format!("{} (#{})", done.by, done.index);
        let outcome = journal::act::CloseOutcome::ALL.into_iter().map(outcome_words);
        let outcome = outcome.into_iter().find(|(name, ..)| Some(*name) == self.outcome);
        match (&self.closed, &self.acknowledged) {
            (Some(closed), _) => {
                let (_, en, ru) = outcome.unwrap_or_default();
                let (by, outcome) = (said(closed), lang.pick(en, ru));
                lang.pick(format!("closed by {by}: {outcome}"), format!("закрыто, {by}: {outcome}"))
            }
            (None, _) if !self.open => lang
                .pick("counted with another of its kind", "учтено вместе с другим того же вида")
                .to_owned(),
            (None, seen) => open_words(seen.as_ref(), lang),
        }
    }
}

/// How something stands that is open.
pub(crate) fn open_words(acknowledged: Option<&DoneBy>, lang: Lang) -> String {
    match acknowledged {
        Some(DoneBy { index, by }) => lang.pick(
            format!("open, acknowledged by {by} (#{index})"),
            format!("открыто, подтвердил {by} (#{index})"),
        ),
        None => lang.pick("open, nobody has acknowledged it", "открыто, никто не подтвердил").to_owned(),
    }
}

/// Whom something is about, behind the words for it.
pub(crate) fn about_words(person: Option<PersonId>, names: &Names, lang: Lang) -> String {
    about(person.map(|person| names.person(person, lang)).as_deref(), lang)
}

pub(crate) fn about(who: Option<&str>, lang: Lang) -> String {
    who.map_or_else(String::new, |who| lang.pick(format!("; about {who}"), format!("; о ком: {who}")))
}

struct GivenAway {
    index: Index,
    wall_ms: u64,
    by: PersonId,
    message: Index,
}

/// A row whose names are not yet looked up.
struct Draft {
    wall_ms: u64,
    what: Raised,
    by: Option<PersonId>,
    times: u64,
    acknowledged: Option<(Index, PersonId)>,
    closed: Option<(Index, PersonId, &'static str)>,
}

/// Gathers the rows.
#[derive(Default)]
pub struct DeskRows {
    given: Vec<GivenAway>,
    given_more: u64,
    raised: BTreeMap<Index, Draft>,
    raised_more: u64,
    /// Alarms of those not yet closed: one that says the same is counted with it.
    alarms: Vec<(Raised, Index)>,
}

impl DeskRows {
    /// The next entry that stands.
    pub fn take(&mut self, index: Index, wall_ms: u64, what: What<'_>) {
        match what {
            What::Fact(Fact::Alarm(fact)) => self.alarm(index, wall_ms, Raised::by_fact(fact)),
            What::Fact(
                Fact::Start(_)
                | Fact::Stop(_)
                | Fact::SessionEnd(_)
                | Fact::ClockStep(_)
                | Fact::FailedLogin(_)
                | Fact::Tick(_)
                | Fact::Erased(_)
                | Fact::KeyRoll(_)
                | Fact::PeriodEnd(_)
                | Fact::RetentionRun(_),
            ) => {}
            What::Statement(parsed) => self.act(index, wall_ms, parsed.header().person, parsed.act()),
        }
    }

    fn act(&mut self, index: Index, wall_ms: u64, by: PersonId, act: &Act) {
        if let Act::Disclose(act) = act {
            match self.given.len() < ROWS_MAX {
                true => self.given.push(GivenAway { index, wall_ms, by, message: act.message }),
                false => self.given_more += 1,
            }
        } else if let Act::Report(act) = act {
            self.raise(index, wall_ms, Raised::Report(act.reason, act.message), Some(by));
        } else if let Act::Finding(act) = act {
            self.raise(index, wall_ms, Raised::Finding(act.severity, act.code, act.entry), Some(by));
        } else if let Act::AlarmAcknowledge(act) = act {
            if let Some(row) = self.raised.get_mut(&act.raised) {
                row.acknowledged.get_or_insert((index, by));
            }
        } else if let Act::AlarmClose(act) = act {
            if let Some(row) = self.raised.get_mut(&act.raised) {
                row.closed = Some((index, by, outcome_words(act.outcome).0));
            }
            self.alarms.retain(|(_, first)| *first != act.raised);
        }
    }

    fn alarm(&mut self, index: Index, wall_ms: u64, what: Raised) {
        let first = self.alarms.iter().find(|(open, _)| *open == what).map(|(_, first)| *first);
        if let Some(first) = first {
            if let Some(row) = self.raised.get_mut(&first) {
                row.times += 1;
                // What comes again is to be seen again.
                row.acknowledged = None;
            }
            return;
        }
        if self.raise(index, wall_ms, what, None) {
            self.alarms.push((what, index));
        }
    }

    fn raise(&mut self, index: Index, wall_ms: u64, what: Raised, by: Option<PersonId>) -> bool {
        if self.raised.len() == ROWS_MAX {
            self.raised_more += 1;
            return false;
        }
        let row = Draft { wall_ms, what, by, times: 1, acknowledged: None, closed: None };
        self.raised.insert(index, row);
        true
    }

    /// When something was raised first, where it is listed.
    pub fn at(&self, raised: Index) -> Option<u64> {
        self.raised.get(&raised).map(|row| row.wall_ms)
    }

    /// What was given away, in order, and how many more.
    pub fn given(&self, register: &Register, names: &Names) -> (Vec<DisclosureRow>, u64) {
        let name = |person| names.person(person, Lang::En);
        let row = |given: &GivenAway| {
            let message = register.message(given.message);
            DisclosureRow {
                index: given.index,
                at: rfc3339(given.wall_ms),
                by: name(given.by),
                message: given.message,
                conversation: message.as_ref().map(|message| message.conversation),
                author: message.map(|message| name(message.author)),
            }
        };
        (self.given.iter().map(row).collect(), self.given_more)
    }

    /// What was raised, in order, and how many more.
    pub fn raised(&self, register: &Register, names: &Names, about: &AboutWhom) -> (Vec<RaisedRow>, u64) {
        let person = |index: Index, what| match what {
            Raised::Alarm(_, person, _) => person,
            Raised::Report(..) | Raised::Finding(..) => about.of(index),
        };
        let open: BTreeMap<Index, u64> = register.raised().map(|(index, row)| (index, row.times)).collect();
        let done = |(index, by): (Index, PersonId)| DoneBy { index, by: names.person(by, Lang::En) };
        let row = |(index, draft): (&Index, &Draft)| RaisedRow {
            index: *index,
            at: rfc3339(draft.wall_ms),
            what: raised_words(draft.what).name,
            severity: match draft.what {
                Raised::Finding(severity, ..) => Some(severity_words(severity).0),
                Raised::Alarm(..) | Raised::Report(..) => None,
            },
            entry: match draft.what {
                Raised::Report(_, entry) | Raised::Finding(_, _, entry) => Some(entry),
                Raised::Alarm(..) => None,
            },
            by: draft.by.map(|person| names.person(person, Lang::En)),
            about: person(*index, draft.what).map(|person| names.person(person, Lang::En)),
            times: open.get(index).copied().unwrap_or(draft.times),
            acknowledged: draft.acknowledged.map(done),
            closed: draft.closed.map(|(index, by, _)| done((index, by))),
            outcome: draft.closed.map(|(.., outcome)| outcome),
            open: open.contains_key(index),
            raised: draft.what,
        };
        (self.raised.iter().map(row).collect(), self.raised_more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{exported, trust};
    use crate::audit::{Wanted, audit};
    use crate::bundle::BundleReader;
    use crate::second_reading::read_again;
    use journal::act::{
        AlarmAcknowledge, AlarmClose, CloseOutcome, Disclose, Finding, FindingCode, Report, ReportReason,
        Severity,
    };
    use journal::fact::{Alarm, AlarmKind};
    use journal::testing::TestLog;

    fn rows(log: &TestLog) -> (Vec<DisclosureRow>, Vec<RaisedRow>) {
        let (mut desk, mut names, mut about) = (DeskRows::default(), Names::default(), AboutWhom::default());
        let mut observer = |index, entry: &_, _: &_| {
            let what = What::of(entry).unwrap();
            names.take(index, what);
            desk.take(index, 0, what);
            about.take(index, what);
        };
        let trust = trust(log, Some(log.head()));
        let wanted =
            Wanted { trust: &trust, outside: Vec::new(), progress: &mut |_| {}, observer: &mut observer };
        let found = audit(BundleReader::open(&exported(log)[..]).unwrap(), wanted).unwrap();
        let register = found.replay.register();
        about.ask(register);
        if about.is_open() {
            let bytes = exported(log);
            let mut again = |index, parsed: &_| about.statement(index, parsed);
            let reader = BundleReader::open(&bytes[..]).unwrap();
            read_again(reader, found.replay.tree(), &mut |_| {}, &mut again).unwrap();
        }
        (desk.given(register, &names).0, desk.raised(register, &names, &about).0)
    }

    #[test]
    fn what_was_given_away_and_raised_stands_with_what_came_of_it() {
        let mut log = TestLog::standard(61);
        let chat = log.talking("anna", &["boris"]);
        let message = log.send("anna", chat).unwrap();
        let last = |log: &TestLog| log.tree.size() - 1;
        log.act("boris", Act::Disclose(Disclose { message })).unwrap();
        let disclosed = last(&log);
        log.act("boris", Act::Report(Report { message, reason: ReportReason::Mislabelled })).unwrap();
        let reported = last(&log);
        let alarm =
            || Fact::Alarm(Alarm { alarm: AlarmKind::NearlyFull, person: None, evidence: Vec::new().into() });
        log.fact(alarm()).unwrap();
        let alarmed = last(&log);
        log.fact(alarm()).unwrap();
        log.act("olga", Act::AlarmAcknowledge(AlarmAcknowledge { raised: reported })).unwrap();
        let seen = last(&log);
        let close = AlarmClose { raised: reported, outcome: CloseOutcome::Mended };
        log.act("olga", Act::AlarmClose(close)).unwrap();
        let closed = last(&log);
        let (given, raised) = rows(&log);
        assert_eq!((given.len(), given[0].index, given[0].message), (1, disclosed, message));
        assert_eq!((given[0].by.as_str(), given[0].author.as_deref()), ("boris", Some("anna")));
        assert_eq!(raised.iter().map(|row| row.index).collect::<Vec<_>>(), [reported, alarmed]);
        let report = &raised[0];
        assert_eq!((report.what, report.entry, report.open), ("report-mislabelled", Some(message), false));
        assert_eq!(report.about.as_deref(), Some("anna"), "who wrote it");
        let by = |done: &Option<DoneBy>| done.as_ref().map(|done| (done.index, done.by.clone()));
        assert_eq!(by(&report.acknowledged), Some((seen, "olga".into())));
        assert_eq!((by(&report.closed), report.outcome), (Some((closed, "olga".into())), Some("mended")));
        let alarm = &raised[1];
        assert_eq!((alarm.what, alarm.times, alarm.open, &alarm.by), ("nearly-full", 2, true, &None));
        for lang in [Lang::En, Lang::Ru] {
            assert!(report.state_words(lang).contains(&format!("#{closed}")));
            assert!(!alarm.words(lang).is_empty() && !alarm.state_words(lang).contains('#'));
        }
    }

    #[test]
    fn a_finding_that_nobody_has_seen_is_open() {
        let mut log = TestLog::standard(62);
        let finding = Finding { entry: 3, severity: Severity::High, code: FindingCode::Clock };
        log.act("igor", Act::Finding(finding)).unwrap();
        let (given, raised) = rows(&log);
        assert!(given.is_empty());
        assert_eq!((raised[0].what, raised[0].severity, raised[0].entry), ("finding", Some("high"), Some(3)));
        assert_eq!(raised[0].about.as_deref(), Some("authority"), "entry 3 is an act of the authority");
        assert!(raised[0].words(Lang::En).ends_with("; about authority"), "{}", raised[0].words(Lang::En));
        assert_eq!((raised[0].by.as_deref(), raised[0].open, &raised[0].closed), (Some("igor"), true, &None));
    }
}
