//! What an audit found, for people and for scripts: verdict, coverage, people, erasures, anomalies, and apart from all
//! that what only the server claims.
//! Never hides a number: lists that grow too long are cut and say how many more there are.

use std::collections::BTreeMap;
use std::io;

use console::when::rfc3339;
use journal::act::{Act, EraseTarget, KINDS};
use journal::fact::{CellKind, Fact, LoginFailure};
use journal::ids::Index;
use journal::replay::{CheckedEntry, Replay};
use journal::statement::Parsed;
use pki::PersonId;
use serde::Serialize;

use crate::audit::{Audit, Flaw, Judgement};
use crate::duplicates::Sorter;
use crate::names::{Names, What, hex};

pub use crate::report_rows::{AnchorRow, Anomaly, AnomalyKind, ErasureRow, KindRow, PersonRow};

/// The version of the JSON report.
pub const REPORT_VERSION: u8 = 1;
/// Rows of any list in a report; the rest is counted.
pub const ROWS_MAX: usize = 10_000;

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub report: u8,
    /// Site name, as the genesis says.
    pub site: String,
    /// The log id.
    pub log: String,
    /// Stable word of the verdict.
    pub verdict: &'static str,
    /// The first bad entry.
    pub first_bad: Option<Index>,
    /// Entries that stand.
    pub entries: u64,
    /// Root over them, hex.
    pub root: String,
    /// SHA-256 of the Register's state behind them, hex.
    pub state: String,
    /// First and last time stamp: the server's clock.
    pub span: [String; 2],
    /// Entries that a head from outside covers.
    pub anchored: u64,
    /// Entries beyond it.
    pub beyond: u64,
    /// Heads from outside that agree.
    pub anchors: Vec<AnchorRow>,
    /// Heads in the bundle that the log signed and the entries lead to.
    pub signed_heads: Vec<u64>,
    /// Signed acts by kind.
    pub acts: Vec<KindRow>,
    /// The server's claims by kind: covered by its signature alone.
    pub claims: Vec<KindRow>,
    /// Everybody.
    pub people: Vec<PersonRow>,
    /// Conversations: in all, closed, erased whole.
    pub conversations: [u64; 3],
    /// Messages, the erased included.
    pub messages: u64,
    /// Erasures, in order.
    pub erasures: Vec<ErasureRow>,
    /// Erasures that are not listed.
    pub erasures_more: u64,
    /// Anomalies.
    pub anomalies: Vec<Anomaly>,
    /// Anomalies that are not listed.
    pub anomalies_more: u64,
}

/// An erasure while it is gathered: index, time, by whom, conversation, messages.
type Asked = (Index, u64, PersonId, Option<Index>, Option<usize>);
/// An anomaly while it is gathered: kind, index, the other entry, about whom.
type Odd = (AnomalyKind, Index, Option<Index>, Option<PersonId>);

/// Gathers during the replay what a report needs.
#[derive(Default)]
pub struct Collector {
    /// Names, also for words about entries.
    pub names: Names,
    signed: BTreeMap<PersonId, u64>,
    erasures: Vec<Asked>,
    erased: Vec<(Index, Index)>,
    erasures_more: u64,
    anomalies: Vec<Odd>,
    anomalies_more: u64,
    commitments: Sorter,
    running: bool,
    failed: Option<io::Error>,
}

impl Collector {
    /// The next entry that stands.
    pub fn take(&mut self, index: Index, entry: &CheckedEntry) {
        let Some(what) = What::of(entry) else { return };
        self.names.take(index, what);
        match what {
            What::Statement(parsed) => self.statement(index, entry.wall_ms(), parsed),
            What::Fact(fact) => self.fact(index, fact),
        }
    }

    fn statement(&mut self, index: Index, wall_ms: u64, parsed: &Parsed) {
        let by = parsed.header().person;
        *self.signed.entry(by).or_default() += 1;
        if let Act::Message(act) = parsed.act() {
            self.commitment(act.commitment.0, index);
        } else if let Act::Title(act) = parsed.act() {
            self.commitment(act.commitment.0, index);
        } else if let Act::Erase(act) = parsed.act() {
            let (id, messages) = match &act.target {
                EraseTarget::Messages(id, messages) => (id, Some(messages.len())),
                EraseTarget::Conversation(id) => (id, None),
            };
            match self.erasures.len() < ROWS_MAX {
                true => self.erasures.push((index, wall_ms, by, self.names.conversation(*id), messages)),
                false => self.erasures_more += 1,
            }
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
                if self.running {
                    self.anomaly(AnomalyKind::UncleanStart, index, None, None);
                }
                if start.set_aside_bytes > 0 {
                    self.anomaly(AnomalyKind::SetAside, index, None, None);
                }
                if start.cell == CellKind::File {
                    self.anomaly(AnomalyKind::DevelopmentCell, index, None, None);
                }
                self.running = true;
            }
            Fact::Stop(_) => self.running = false,
            Fact::ClockStep(_) => self.anomaly(AnomalyKind::ClockStep, index, None, None),
            Fact::FailedLogin(failed) if failed.failure == LoginFailure::Password => {
                self.anomaly(AnomalyKind::WrongPasswords, index, None, Some(failed.person));
            }
            Fact::Alarm(alarm) => self.anomaly(AnomalyKind::Alarm, index, None, alarm.person),
            // The first `Erased` at or above an erasure's index is the one that closed it.
            Fact::Erased(erased) if self.erased.len() < ROWS_MAX => self.erased.push((erased.through, index)),
            Fact::FailedLogin(_)
            | Fact::Erased(_)
            | Fact::SessionEnd(_)
            | Fact::Tick(_)
            | Fact::KeyRoll(_)
            | Fact::PeriodEnd(_) => {}
        }
    }

    fn anomaly(&mut self, kind: AnomalyKind, index: Index, other: Option<Index>, who: Option<PersonId>) {
        match self.anomalies.len() < ROWS_MAX {
            true => self.anomalies.push((kind, index, other, who)),
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
            self.anomaly(AnomalyKind::DuplicateCommitment, found.again, Some(found.first), None);
        }
        self.anomalies_more += all - duplicates.len() as u64;
        let pending: Vec<Index> =
            audit.replay.register().erasures_pending().map(|(index, _)| index).collect();
        for index in pending {
            self.anomaly(AnomalyKind::ErasurePending, index, None, None);
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
        let (index, wall_ms, by, conversation, messages) = *row;
        let behind = self.erased.partition_point(|(through, _)| *through < index);
        ErasureRow {
            index,
            at: rfc3339(wall_ms),
            by: self.names.person(by, console::Lang::En),
            conversation,
            messages,
            done: self.erased.get(behind).map(|(_, said)| *said),
        }
    }

    fn named(&self, row: &Odd) -> Anomaly {
        let (kind, index, other, who) = *row;
        let who = who.map(|person| self.names.person(person, console::Lang::En));
        Anomaly { kind, index, other, who }
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

/// Names of the server's claims, by number.
pub const CLAIMS: [(u16, &str); 10] = [
    (1, "start"),
    (2, "stop"),
    (3, "session-end"),
    (4, "clock-step"),
    (5, "failed-login"),
    (6, "tick"),
    (7, "erased"),
    (8, "key-roll"),
    (9, "alarm"),
    (10, "period-end"),
];
const CLAIM_BASE: u16 = 1000;

fn kinds(counts: &BTreeMap<u16, u64>) -> (Vec<KindRow>, Vec<KindRow>) {
    let name = |kind: u16| {
        let (list, number): (&[(u16, &'static str)], u16) = match kind.checked_sub(CLAIM_BASE) {
            Some(number) => (&CLAIMS, number),
            None => (KINDS, kind),
        };
        list.iter().find(|(known, _)| *known == number).map_or("?", |(_, name)| *name)
    };
    let rows = counts.iter().map(|(kind, count)| KindRow { kind: *kind, name: name(*kind), count: *count });
    rows.partition(|row| row.kind < CLAIM_BASE)
}
