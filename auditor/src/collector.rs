//! Gathers during the replay what a report needs, and makes the report of it.
//! Never hides a number: lists that grow too long are cut and say how many more there are.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use console::when::rfc3339;
use journal::act::{Act, EraseTarget};
use journal::fact::{AlarmKind, CellKind, Fact, LoginFailure};
use journal::ids::Index;
use journal::register::{Applied, Effect};
use journal::replay::CheckedEntry;
use journal::statement::Parsed;
use pki::PersonId;

use crate::audit::Audit;
use crate::duplicates::Sorter;
use crate::equivocation::Equivocations;
use crate::judgement::{Flaw, Judgement};
use crate::names::{Names, What, hex};
use crate::replaying::Replay;
use crate::report::{
    AnchorRow, Anomaly, AnomalyKind, BY_SCHEDULE, ErasureRow, Grounds, PersonRow, REPORT_VERSION, ROWS_MAX,
    Report, alarm_word,
};
use crate::report_rows::kinds;
use crate::report_successions::Recoveries;

/// An erasure while it is gathered.
struct Asked {
    index: Index,
    wall_ms: u64,
    /// `None`: the retention schedule.
    by: Option<PersonId>,
    conversation: Option<Index>,
    messages: Option<usize>,
    done: Option<Index>,
}

/// An anomaly while it is gathered.
struct Odd {
    kind: AnomalyKind,
    index: Index,
    other: Option<Index>,
    who: Option<PersonId>,
    alarm: Option<AlarmKind>,
}

impl Odd {
    fn new(kind: AnomalyKind, index: Index) -> Self {
        Self { kind, index, other: None, who: None, alarm: None }
    }
}

/// Gathers during the replay what a report needs.
#[derive(Default)]
pub struct Collector {
    /// Names, also for words about entries.
    pub names: Names,
    signed: BTreeMap<PersonId, u64>,
    /// The alarms that a second reading of the bundle may prove.
    pub equivocations: Equivocations,
    erasures: Vec<Asked>,
    /// Those of them that are not done, by index: where they stand in the list.
    pending: BTreeSet<(Index, usize)>,
    /// Who approved what: an order of erasure names its approval.
    approvals: BTreeMap<Index, PersonId>,
    erasures_more: u64,
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
        if let What::Statement(parsed) = what
            && let Act::Approve(_) = parsed.act()
        {
            self.approvals.insert(index, parsed.header().person);
        }
        self.orders(index, entry.wall_ms(), applied);
        match what {
            What::Statement(parsed) => self.statement(index, entry.wall_ms(), parsed),
            What::Fact(fact) => self.fact(index, fact),
        }
    }

    fn statement(&mut self, index: Index, wall_ms: u64, parsed: &Parsed) {
        let by = parsed.header().person;
        *self.signed.entry(by).or_default() += 1;
        self.equivocations.statement(parsed);
        if let Act::Succession(_) = parsed.act() {
            self.recoveries.succession();
        }
        if let Act::Message(act) = parsed.act() {
            self.commitment(act.commitment.0, index);
        } else if let Act::Title(act) = parsed.act() {
            self.commitment(act.commitment.0, index);
        } else if let Act::Erase(act) = parsed.act() {
            let (id, messages) = match &act.target {
                EraseTarget::Messages(id, messages) => (id, Some(messages.len())),
                EraseTarget::Conversation(id) => (id, None),
            };
            let conversation = self.names.conversation(*id);
            self.asked(Asked { index, wall_ms, by: Some(by), conversation, messages, done: None });
        }
    }

    /// Orders of two officers that took effect with this entry, a Tick or the approval of a confirmation; and what fell by
    /// a run of the retention schedule.
    fn orders(&mut self, index: Index, wall_ms: u64, applied: &Applied) {
        for effect in &applied.effects {
            if let Effect::OrderCarriedOut { approve, conversation, messages, .. } = effect {
                let by = self.approvals.get(approve).copied().unwrap_or(PersonId(0));
                let messages = Some(messages.len()).filter(|count| *count > 0);
                self.asked(Asked {
                    index,
                    wall_ms,
                    by: Some(by),
                    conversation: Some(*conversation),
                    messages,
                    done: None,
                });
            }
        }
        let fell = |effect: &Effect| {
            if let Effect::RetentionFell { messages, .. } = effect { messages.len() } else { 0 }
        };
        let messages: usize = applied.effects.iter().map(fell).sum();
        if messages > 0 {
            let messages = Some(messages);
            self.asked(Asked { index, wall_ms, by: None, conversation: None, messages, done: None });
        }
    }

    fn asked(&mut self, row: Asked) {
        if self.erasures.len() == ROWS_MAX {
            self.erasures_more += 1;
            return;
        }
        self.pending.insert((row.index, self.erasures.len()));
        self.erasures.push(row);
    }

    /// The first `Erased` at or above an erasure's index is the one that closed it.
    fn erased(&mut self, through: Index, said: Index) {
        while let Some((index, row)) = self.pending.first().copied()
            && index <= through
        {
            self.pending.remove(&(index, row));
            self.erasures[row].done = Some(said);
        }
    }

    fn commitment(&mut self, commitment: [u8; 32], index: Index) {
        if self.failed.is_none() {
            self.failed = self.commitments.take(commitment, index).err();
        }
    }

    fn fact(&mut self, index: Index, fact: &Fact) {
        match fact {
            Fact::Start(start) => {
                self.recoveries.start(index, start.erasure_epoch);
                if self.running {
                    self.anomaly(Odd::new(AnomalyKind::UncleanStart, index));
                }
                if start.set_aside_bytes > 0 {
                    self.anomaly(Odd::new(AnomalyKind::SetAside, index));
                }
                if start.cell == CellKind::File {
                    self.anomaly(Odd::new(AnomalyKind::DevelopmentCell, index));
                }
                self.running = true;
            }
            Fact::Stop(_) => self.running = false,
            Fact::ClockStep(_) => self.anomaly(Odd::new(AnomalyKind::ClockStep, index)),
            Fact::FailedLogin(failed) if failed.failure == LoginFailure::Password => {
                let who = Some(failed.person);
                self.anomaly(Odd { who, ..Odd::new(AnomalyKind::WrongPasswords, index) });
            }
            Fact::Alarm(alarm) => {
                self.equivocations.alarm(index, alarm);
                let (who, alarm) = (alarm.person, Some(alarm.alarm));
                self.anomaly(Odd { who, alarm, ..Odd::new(AnomalyKind::Alarm, index) });
            }
            Fact::Erased(erased) => {
                self.recoveries.erased(erased.epoch);
                self.erased(erased.through, index);
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

    /// The report. An error is the temporary disk's.
    pub fn finish(mut self, audit: &Audit) -> io::Result<(Report, Names)> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let (duplicates, all) = std::mem::take(&mut self.commitments).finish()?;
        for found in &duplicates {
            let other = Some(found.first);
            self.anomaly(Odd { other, ..Odd::new(AnomalyKind::DuplicateCommitment, found.again) });
        }
        self.anomalies_more += all - duplicates.len() as u64;
        let pending: Vec<Index> =
            audit.replay.register().erasures_pending().map(|(index, _)| index).collect();
        for index in pending {
            self.anomaly(Odd::new(AnomalyKind::ErasurePending, index));
        }
        Ok((self.build(audit), self.names))
    }

    fn build(&self, audit: &Audit) -> Report {
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
        });
        let (acts, claims) = kinds(&verdict.kinds);
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
            anchors: anchors.collect(),
            signed_heads: audit.confirmed.iter().map(|(head, _)| head.size).collect(),
            acts,
            claims,
            people: self.people(replay),
            conversations: [all, closed, erased],
            messages: register.message_count(),
            erasures: self.erasures.iter().map(|row| self.erasure(row)).collect(),
            erasures_more: self.erasures_more,
            successions: self.recoveries.found(audit),
            anomalies: self.anomalies.iter().map(|row| self.named(row)).collect(),
            anomalies_more: self.anomalies_more,
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

    fn erasure(&self, row: &Asked) -> ErasureRow {
        ErasureRow {
            index: row.index,
            at: rfc3339(row.wall_ms),
            by: row.by.map_or_else(|| BY_SCHEDULE.into(), |by| self.names.person(by, console::Lang::En)),
            conversation: row.conversation,
            messages: row.messages,
            done: row.done,
        }
    }

    fn named(&self, row: &Odd) -> Anomaly {
        let who = row.who.map(|person| self.names.person(person, console::Lang::En));
        let other = row.other.or_else(|| self.equivocations.proven(row.index));
        let grounds = match row.kind {
            AnomalyKind::Alarm if row.alarm != Some(AlarmKind::Equivocation) => Grounds::Claim,
            AnomalyKind::Alarm if other.is_some() => Grounds::Proven,
            AnomalyKind::Alarm => Grounds::Unproven,
            AnomalyKind::ClockStep
            | AnomalyKind::UncleanStart
            | AnomalyKind::SetAside
            | AnomalyKind::DevelopmentCell
            | AnomalyKind::WrongPasswords => Grounds::Claim,
            AnomalyKind::DuplicateCommitment | AnomalyKind::ErasurePending => Grounds::Entries,
        };
        Anomaly { kind: row.kind, index: row.index, other, who, alarm: row.alarm.map(alarm_word), grounds }
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
    use journal::fact::{Alarm, ClockStep, Erased};

    fn asked(index: Index) -> Asked {
        Asked { index, wall_ms: 0, by: Some(PersonId(1)), conversation: None, messages: None, done: None }
    }

    #[test]
    fn an_erasure_is_done_however_many_came_before_it() {
        let mut collector = Collector::default();
        for index in 0..=ROWS_MAX as u64 {
            collector.fact(index, &Fact::Erased(Erased { epoch: index + 1, through: index }));
        }
        let at = ROWS_MAX as u64 + 1;
        for index in [at, at + 1, at + 2] {
            collector.asked(asked(index));
        }
        let mut said = at + 3;
        let mut done = |collector: &mut Collector, through| {
            said += 1;
            collector.fact(said, &Fact::Erased(Erased { epoch: said, through }));
            collector.erasures.iter().map(|row| row.done).collect::<Vec<_>>()
        };
        assert_eq!(done(&mut collector, at + 1), [Some(at + 4), Some(at + 4), None]);
        assert_eq!(
            done(&mut collector, at),
            [Some(at + 4), Some(at + 4), None],
            "it claims less than before"
        );
        assert_eq!(done(&mut collector, at + 2), [Some(at + 4), Some(at + 4), Some(at + 6)]);
    }

    #[test]
    fn no_kind_of_anomaly_crowds_out_another() {
        let mut collector = Collector::default();
        for index in 0..ROWS_MAX as u64 + 5 {
            collector.fact(index, &Fact::ClockStep(ClockStep { expected_ms: 1, found_ms: 2 }));
        }
        collector.anomaly(Odd::new(AnomalyKind::ErasurePending, 7));
        assert_eq!((collector.anomalies.len(), collector.anomalies_more), (ROWS_MAX + 1, 5));
        let last = collector.named(collector.anomalies.last().unwrap());
        assert_eq!((last.kind, last.grounds), (AnomalyKind::ErasurePending, Grounds::Entries));
    }

    #[test]
    fn an_alarm_says_of_what_and_accuses_nobody_by_itself() {
        let mut collector = Collector::default();
        let mut told = |alarm| {
            let evidence = vec![7; 100].into();
            collector.fact(5, &Fact::Alarm(Alarm { alarm, person: Some(PersonId(3)), evidence }));
            let found = collector.named(collector.anomalies.last().unwrap());
            (found.alarm, found.grounds)
        };
        assert_eq!(told(AlarmKind::Equivocation), (Some("equivocation"), Grounds::Unproven));
        assert_eq!(told(AlarmKind::LoginFlood), (Some("login-flood"), Grounds::Claim));
    }
}
