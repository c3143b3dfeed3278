//! Gathers during the replay what a report needs, and makes the report of it.
//! Never hides a number: lists that grow too long are cut and say how many more there are.

use std::collections::BTreeMap;
use std::io;

use console::when::rfc3339;
use journal::act::Act;
use journal::fact::{AlarmKind, CellKind, Fact, LoginFailure};
use journal::ids::Index;
use journal::register::{Applied, Raised, RaisedRow, Register};
use journal::replay::CheckedEntry;
use journal::statement::Parsed;
use link::terminal::{raised_words, severity_words};
use pki::PersonId;

use crate::about_whom::AboutWhom;
use crate::audit::Audit;
use crate::certificates::certificates;
use crate::desk_rows::DeskRows;
use crate::duplicates::Sorter;
use crate::equivocation::Equivocations;
use crate::erasures::Erasures;
use crate::judgement::{Flaw, Judgement};
use crate::names::{Names, What, hex};
use crate::predecessor::{ClosedFound, ContinuesFound};
use crate::report::{
    AnchorRow, Anomaly, AnomalyKind, DoneBy, Grounds, OpenRow, PersonRow, REPORT_VERSION, ROWS_MAX, Report,
    alarm_word,
};
use crate::report_rows::kinds;
use crate::report_successions::Recoveries;
use crate::severity::Severity;
use crate::spilled::Replay;
use crate::timeline::Calendar;

/// How far an officer's watch may be from the server's clock before it is told, milliseconds: it is read and typed by hand.
const ATTESTED_OFF_MS: u64 = 120_000;

/// An anomaly while it is gathered.
struct Odd {
    kind: AnomalyKind,
    index: Index,
    wall_ms: Option<u64>,
    other: Option<Index>,
    who: Option<PersonId>,
    alarm: Option<AlarmKind>,
    to_ms: Option<u64>,
    open: Option<OpenRow>,
}

impl Odd {
    fn new(kind: AnomalyKind, index: Index, wall_ms: Option<u64>) -> Self {
        Self { kind, index, wall_ms, other: None, who: None, alarm: None, to_ms: None, open: None }
    }
}

/// Gathers during the replay what a report needs.
#[derive(Default)]
pub struct Collector {
    /// Names, also for words about entries.
    pub names: Names,
    signed: BTreeMap<PersonId, u64>,
    /// The alarms that a second reading of the bundle may prove.
    equivocations: Equivocations,
    about: AboutWhom,
    erasures: Erasures,
    desk: DeskRows,
    calendar: Calendar,
    anomalies: Vec<Odd>,
    /// How many were found of each kind.
    odd: BTreeMap<AnomalyKind, usize>,
    anomalies_more: u64,
    commitments: Sorter,
    recoveries: Recoveries,
    running: bool,
    failed: Option<io::Error>,
}

impl Collector {
    /// The next entry that stands.
    pub fn take(&mut self, index: Index, entry: &CheckedEntry, applied: &Applied) {
        let Some(what) = What::of(entry) else { return };
        self.names.take(index, what);
        let wall_ms = entry.wall_ms();
        self.calendar.take(index, wall_ms, what);
        self.desk.take(index, wall_ms, what);
        self.about.take(index, what);
        self.erasures.effects(index, wall_ms, applied);
        match what {
            What::Statement(parsed) => {
                self.statement(index, wall_ms, parsed);
                if let Some((_, to_ms)) = applied.clock_set() {
                    self.clock_set(index, wall_ms, to_ms, parsed);
                }
            }
            What::Fact(fact) => self.fact(index, wall_ms, fact),
        }
    }

    fn statement(&mut self, index: Index, wall_ms: u64, parsed: &Parsed) {
        let by = parsed.header().person;
        *self.signed.entry(by).or_default() += 1;
        self.equivocations.statement(parsed);
        self.erasures.statement(index, wall_ms, parsed, &self.names);
        if let Act::Succession(_) = parsed.act() {
            self.recoveries.succession();
        }
        if let Act::Message(act) = parsed.act() {
            self.commitment(act.commitment.0, index);
        } else if let Act::Title(act) = parsed.act() {
            self.commitment(act.commitment.0, index);
        } else if let Act::ClockAttest(act) = parsed.act()
            && act.shown_ms.abs_diff(wall_ms) > ATTESTED_OFF_MS
        {
            let off = Odd::new(AnomalyKind::ClockAttestedOff, index, Some(wall_ms));
            self.anomaly(Odd { who: Some(by), to_ms: Some(act.shown_ms), ..off });
        }
    }

    /// Two officers set the journal's time back by this entry.
    fn clock_set(&mut self, index: Index, wall_ms: u64, to_ms: u64, approve: &Parsed) {
        self.calendar.clock_set(index, wall_ms);
        let who = Some(approve.header().person);
        let other = if let Act::Approve(act) = approve.act() { Some(act.proposal) } else { None };
        let set = Odd::new(AnomalyKind::ClockSet, index, Some(wall_ms));
        self.anomaly(Odd { who, other, to_ms: Some(to_ms), ..set });
    }

    fn commitment(&mut self, commitment: [u8; 32], index: Index) {
        if self.failed.is_none() {
            self.failed = self.commitments.take(commitment, index).err();
        }
    }

    fn fact(&mut self, index: Index, wall_ms: u64, fact: &Fact) {
        let odd = |kind| Odd::new(kind, index, Some(wall_ms));
        match fact {
            Fact::Start(start) => {
                self.recoveries.start(index, start.erasure_epoch);
                if self.running {
                    self.anomaly(odd(AnomalyKind::UncleanStart));
                }
                if start.set_aside_bytes > 0 {
                    self.anomaly(odd(AnomalyKind::SetAside));
                }
                if start.cell == CellKind::File {
                    self.anomaly(odd(AnomalyKind::DevelopmentCell));
                }
                self.running = true;
            }
            Fact::Stop(_) => self.running = false,
            Fact::ClockStep(_) => self.anomaly(odd(AnomalyKind::ClockStep)),
            Fact::FailedLogin(failed) if failed.failure == LoginFailure::Password => {
                let who = Some(failed.person);
                self.anomaly(Odd { who, ..odd(AnomalyKind::WrongPasswords) });
            }
            Fact::Alarm(alarm) => {
                self.equivocations.alarm(index, alarm);
                let (who, alarm) = (alarm.person, Some(alarm.alarm));
                self.anomaly(Odd { who, alarm, ..odd(AnomalyKind::Alarm) });
            }
            Fact::Erased(erased) => {
                self.recoveries.erased(erased.epoch);
                self.erasures.erased(erased.through, index);
            }
            Fact::FailedLogin(_)
            | Fact::SessionEnd(_)
            | Fact::Tick(_)
            | Fact::KeyRoll(_)
            | Fact::PeriodEnd(_)
            | Fact::RetentionRun(_) => {}
        }
    }

    /// Each kind has room of its own, so that none that is cheap to make crowds out another.
    fn anomaly(&mut self, odd: Odd) {
        let found = self.odd.entry(odd.kind).or_default();
        *found += 1;
        match *found <= ROWS_MAX {
            true => self.anomalies.push(odd),
            false => self.anomalies_more += 1,
        }
    }

    /// Whether a second reading of the bundle may tell more: evidence names no entry, and a finding no person.
    pub fn wants_second_reading(&mut self, audit: &Audit) -> bool {
        self.about.ask(audit.replay.register());
        self.equivocations.is_open() || self.about.is_open()
    }

    /// The next statement of it.
    pub fn again(&mut self, index: Index, parsed: &Parsed) {
        self.equivocations.first(index, parsed);
        self.about.statement(index, parsed);
    }

    /// What was raised and is open.
    fn raised(&mut self, register: &Register) {
        self.about.ask(register);
        for (index, row) in register.raised() {
            let (kind, other, alarm) = match row.what {
                Raised::Finding(.., entry) => (AnomalyKind::FindingOpen, Some(entry), None),
                Raised::Report(_, message) => (AnomalyKind::ReportOpen, Some(message), None),
                Raised::Alarm(alarm, ..) if row.acknowledged.is_none() => {
                    (AnomalyKind::AlarmUnacknowledged, None, Some(alarm))
                }
                Raised::Alarm(..) => continue,
            };
            let (who, open) = (row.about.or_else(|| self.about.of(index)), Some(self.open(row)));
            let odd = Odd::new(kind, index, self.desk.at(index));
            self.anomaly(Odd { other, who, alarm, open, ..odd });
        }
    }

    /// The report. An error is the temporary disk's.
    pub fn finish(mut self, audit: &Audit) -> io::Result<(Report, Names)> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let (duplicates, all) = std::mem::take(&mut self.commitments).finish()?;
        for found in &duplicates {
            let other = Some(found.first);
            self.anomaly(Odd { other, ..Odd::new(AnomalyKind::DuplicateCommitment, found.again, None) });
        }
        self.anomalies_more += all - duplicates.len() as u64;
        let pending: Vec<Index> =
            audit.replay.register().erasures_pending().map(|(index, _)| index).collect();
        for index in pending {
            self.anomaly(Odd::new(AnomalyKind::ErasurePending, index, self.erasures.at(index)));
        }
        self.raised(audit.replay.register());
        Ok((self.build(audit), self.names))
    }

    fn build(&mut self, audit: &Audit) -> Report {
        let (replay, verdict) = (&audit.replay, audit.replay.verdict());
        let register = replay.register();
        let conversations = register.conversations();
        let [mut all, mut closed, mut erased] = [0; 3];
        for conversation in conversations {
            all += 1;
            closed += u64::from(conversation.closed.is_some());
            erased += u64::from(conversation.erased.is_some());
        }
        let anchors = audit.agreed.iter().map(|anchor| AnchorRow {
            file: anchor.file.clone(),
            size: anchor.head.size,
            root: hex(&anchor.head.root),
            cosigned_at: anchor.cosigned_ms.map(rfc3339),
            own: anchor.own,
        });
        let (acts, claims) = kinds(&verdict.kinds);
        let (erasures, erasures_more) = self.erasures.found(&self.names, register);
        let (disclosures, disclosures_more) = self.desk.given(register, &self.names);
        let (raised, raised_more) = self.desk.raised(register, &self.names, &self.about);
        Report {
            report: REPORT_VERSION,
            site: register.site().map(|site| console::clean(&site.name)).unwrap_or_default(),
            log: verdict.log.to_string(),
            verdict: audit.judgement.code(),
            first_bad: first_bad(&audit.judgement),
            entries: verdict.head.size,
            root: hex(&verdict.head.root),
            state: hex(&verdict.state),
            span: [rfc3339(verdict.span_ms.0), rfc3339(verdict.span_ms.1)],
            anchored: verdict.anchored,
            beyond: verdict.beyond,
            by_others: audit.by_others,
            anchors: anchors.collect(),
            signed_heads: audit.confirmed.iter().map(|(head, _)| head.size).collect(),
            labels: register.policy().map(|policy| policy.labels.clone()).unwrap_or_default(),
            acts,
            claims,
            people: self.people(replay),
            certificates: certificates(register),
            conversations: [all, closed, erased],
            messages: register.message_count(),
            erasures,
            erasures_more,
            disclosures,
            disclosures_more,
            raised,
            raised_more,
            successions: self.recoveries.found(audit),
            continues: ContinuesFound::of(audit),
            closed: ClosedFound::of(register),
            anomalies: self.anomalies.iter().map(|row| self.named(row)).collect(),
            anomalies_more: self.anomalies_more,
            timeline: std::mem::take(&mut self.calendar).found(),
        }
    }

    fn people(&self, replay: &Replay) -> Vec<PersonRow> {
        let row = |person: &journal::register::Person| PersonRow {
            person: person.id.to_string(),
            login: console::clean(&person.login),
            name: console::clean(&person.name),
            roles: person.roles.iter().map(|role| role.name()).collect(),
            clearance: person.clearance.0,
            signed: self.signed.get(&person.id).copied().unwrap_or_default(),
            enrolled: person.enrolled,
            revoked: person.revoked,
            suspended: person.suspended,
            locked: person.locked,
        };
        let mut rows: Vec<PersonRow> = replay.register().people().map(row).collect();
        rows.sort_by(|a, b| a.login.cmp(&b.login));
        rows
    }

    fn open(&self, row: &RaisedRow) -> OpenRow {
        let name = |person| self.names.person(person, console::Lang::En);
        let severity = match row.what {
            Raised::Finding(severity, ..) => Some(severity_words(severity).0),
            Raised::Report(..) | Raised::Alarm(..) => None,
        };
        OpenRow {
            what: raised_words(row.what).name,
            severity,
            by: row.by.map(name),
            times: row.times,
            acknowledged: row.acknowledged.map(|seen| DoneBy { index: seen.index, by: name(seen.person) }),
            raised: row.what,
        }
    }

    fn named(&self, row: &Odd) -> Anomaly {
        let who = row.who.map(|person| self.names.person(person, console::Lang::En));
        let other = row.other.or_else(|| self.equivocations.proven(row.index));
        let grounds = match row.kind {
            // That nobody acknowledged one the entries show; that there was something to see is what the alarm rests on.
            AnomalyKind::Alarm | AnomalyKind::AlarmUnacknowledged => match row.alarm {
                Some(AlarmKind::Equivocation) if other.is_some() => Grounds::Proven,
                // Of several that say the same only the first was looked at.
                Some(AlarmKind::Equivocation) if row.open.as_ref().is_some_and(|open| open.times > 1) => {
                    Grounds::Claim
                }
                Some(AlarmKind::Equivocation) => Grounds::Unproven,
                Some(_) | None => Grounds::Claim,
            },
            AnomalyKind::ClockStep
            | AnomalyKind::UncleanStart
            | AnomalyKind::SetAside
            | AnomalyKind::DevelopmentCell
            | AnomalyKind::WrongPasswords => Grounds::Claim,
            AnomalyKind::ClockSet
            | AnomalyKind::ClockAttestedOff
            | AnomalyKind::DuplicateCommitment
            | AnomalyKind::ErasurePending
            | AnomalyKind::FindingOpen
            | AnomalyKind::ReportOpen => Grounds::Entries,
        };
        Anomaly {
            severity: match &row.open {
                Some(open) => Severity::of_open(open.raised, grounds),
                None => Severity::of(row.kind, row.alarm, grounds),
            },
            kind: row.kind,
            index: row.index,
            at: row.wall_ms.map(rfc3339),
            other,
            who,
            alarm: row.alarm.map(alarm_word),
            to: row.to_ms.map(rfc3339),
            grounds,
            open: row.open.clone(),
        }
    }
}

fn first_bad(judgement: &Judgement) -> Option<Index> {
    match judgement {
        Judgement::Invalid(Flaw::Entry { index, .. } | Flaw::LoginRepeated { again: index, .. }) => {
            Some(*index)
        }
        Judgement::Invalid(_)
        | Judgement::Verified
        | Judgement::Diverged(_)
        | Judgement::Unanchored(_)
        | Judgement::Incomplete(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::fact::{Alarm, ClockStep};

    #[test]
    fn no_kind_of_anomaly_crowds_out_another() {
        let mut collector = Collector::default();
        for index in 0..ROWS_MAX as u64 + 5 {
            collector.fact(index, 0, &Fact::ClockStep(ClockStep { expected_ms: 1, found_ms: 2 }));
        }
        collector.anomaly(Odd::new(AnomalyKind::ErasurePending, 7, None));
        assert_eq!((collector.anomalies.len(), collector.anomalies_more), (ROWS_MAX + 1, 5));
        let last = collector.named(collector.anomalies.last().unwrap());
        assert_eq!((last.kind, last.grounds), (AnomalyKind::ErasurePending, Grounds::Entries));
    }

    #[test]
    fn an_alarm_says_of_what_and_accuses_nobody_by_itself() {
        let mut collector = Collector::default();
        let mut told = |alarm| {
            let evidence = vec![7; 100].into();
            collector.fact(5, 0, &Fact::Alarm(Alarm { alarm, person: Some(PersonId(3)), evidence }));
            let found = collector.named(collector.anomalies.last().unwrap());
            (found.alarm, found.grounds)
        };
        assert_eq!(told(AlarmKind::Equivocation), (Some("equivocation"), Grounds::Unproven));
        assert_eq!(told(AlarmKind::LoginFlood), (Some("login-flood"), Grounds::Claim));
    }
}
