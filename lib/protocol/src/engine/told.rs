//! Entries that whoever was away asks for: runs of the retention schedule, what was raised, and what came of it.
//! Never holds what they say: the entry is the proof.

use journal::ids::Index;
use minicbor::{Decode, Encode};

/// Indices, ascending.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
pub(super) struct Told {
    /// Runs, and parts of them, that took something.
    #[n(0)]
    runs: Vec<Index>,
    /// Alarms, reports and findings.
    #[n(1)]
    alarms: Vec<Index>,
    /// What officers did about them, what their watches showed, and what members disclosed.
    #[n(2)]
    desk: Vec<Index>,
}

impl Told {
    /// A run took something; said once for each conversation.
    pub(super) fn run(&mut self, index: Index) {
        if self.runs.last() != Some(&index) {
            self.runs.push(index);
        }
    }

    pub(super) fn alarm(&mut self, index: Index) {
        self.alarms.push(index);
    }

    pub(super) fn desk(&mut self, index: Index) {
        self.desk.push(index);
    }

    /// Runs from this entry on.
    pub(super) fn runs_from(&self, from: Index) -> &[Index] {
        &self.runs[self.runs.partition_point(|index| *index < from)..]
    }

    /// What was raised from this entry on.
    pub(super) fn alarms_from(&self, from: Index) -> &[Index] {
        &self.alarms[self.alarms.partition_point(|index| *index < from)..]
    }

    /// What officers did, and what was disclosed, from this entry on.
    pub(super) fn desk_from(&self, from: Index) -> &[Index] {
        &self.desk[self.desk.partition_point(|index| *index < from)..]
    }
}
