//! What was raised and is open: alarms of the server, reports of members, findings of auditors, in one list.
//! Never holds what is closed: the journal does. Never refuses an alarm: where there are too many, they fold.

use super::codec::pairs;
use crate::act::{FindingCode, ReportReason, Severity};
use crate::fact::{Alarm, AlarmKind};
use crate::ids::Index;
use minicbor::{Decode, Encode};
use pki::{PersonId, canonical};
use std::collections::BTreeMap;

/// Most alarms of the server that stand open one by one. Of more, those of one kind are one.
pub const ALARMS_OPEN_MAX: usize = 512;
/// Most reports that are open at a site.
pub const REPORTS_OPEN_MAX: usize = 256;
/// Most of them by one person: he alone keeps no other's out.
pub const REPORTS_OF_ONE_MAX: usize = 16;
/// Most findings that are open at a site.
pub const FINDINGS_OPEN_MAX: usize = 256;
/// Most of them by one auditor.
pub const FINDINGS_OF_ONE_MAX: usize = 128;

/// What was raised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Raised {
    /// An alarm of the server: the kind, whom it is about, and the number in its evidence, where that is one. Where too
    /// many were open to tell them apart, neither.
    #[n(1)]
    Alarm(#[n(0)] AlarmKind, #[n(1)] Option<PersonId>, #[n(2)] Option<u64>),
    /// A member's report of the message at this index.
    #[n(2)]
    Report(#[n(0)] ReportReason, #[n(1)] Index),
    /// An auditor's finding at the entry of this index.
    #[n(3)]
    Finding(#[n(0)] Severity, #[n(1)] FindingCode, #[n(2)] Index),
}

impl Raised {
    /// What a Fact raises.
    pub fn by_fact(fact: &Alarm) -> Self {
        Self::Alarm(fact.alarm, fact.person, canonical::decode(&fact.evidence).ok())
    }
}

/// Who acknowledged, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct AcknowledgedBy {
    /// The `AlarmAcknowledge`.
    #[n(0)]
    pub index: Index,
    /// Whose.
    #[n(1)]
    pub person: PersonId,
}

/// One thing that is open; of alarms that say the same, all of them.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct RaisedRow {
    /// What.
    #[n(0)]
    pub what: Raised,
    /// Who raised it; `None`: the server.
    #[n(1)]
    pub by: Option<PersonId>,
    /// Whom it is about, where that is known: the alarm's person, or the author of the message reported.
    #[n(2)]
    pub about: Option<PersonId>,
    /// The last entry that says it.
    #[n(3)]
    pub last: Index,
    /// How many say it.
    #[n(4)]
    pub times: u64,
    /// By whom it was acknowledged, behind the last entry that says it.
    #[n(5)]
    pub acknowledged: Option<AcknowledgedBy>,
}

/// See the module. Each row under the entry that raised it first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(array)]
pub(super) struct RaisedRows {
    #[cbor(n(0), with = "pairs")]
    pub(super) rows: BTreeMap<Index, RaisedRow>,
}

impl RaisedRows {
    /// Takes an alarm in: into the row that says the same, or one of its own, or, where there are too many, into the one of
    /// its kind.
    pub(super) fn alarm(&mut self, index: Index, fact: &Alarm) {
        let what = Raised::by_fact(fact);
        if self.again(index, what) {
            return;
        }
        let alarms = self.rows.values().filter(|row| matches!(row.what, Raised::Alarm(..))).count();
        let (what, about) = match alarms < ALARMS_OPEN_MAX {
            true => (what, fact.person),
            false => (Raised::Alarm(fact.alarm, None, None), None),
        };
        if !self.again(index, what) {
            let row = RaisedRow { what, by: None, about, last: index, times: 1, acknowledged: None };
            self.rows.insert(index, row);
        }
    }

    fn again(&mut self, index: Index, what: Raised) -> bool {
        let Some(row) = self.rows.values_mut().find(|row| row.what == what) else { return false };
        row.last = index;
        row.times = row.times.saturating_add(1);
        // Who acknowledged has not seen this one.
        row.acknowledged = None;
        true
    }
}
