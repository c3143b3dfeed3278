//! Where a replay ended, as bytes, so that a later one goes on from there.
//! Never says that it is right: whoever goes on by it vouches that these are his own bytes, and that the tree under them is
//! that of the entries which were replayed.

use std::collections::BTreeMap;

use super::roots::Roots;
use super::{KeyBook, Replay};
use crate::fact::KindCount;
use crate::ids::{Index, LogId};
use crate::register::Register;
use crate::tree::{Leaves, Tree};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::PublicKey;

/// A replay but for its tree, which follows from the entries, and its Register, which has a form of its own
/// ([`Register::snapshot`]).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct KeptReplay {
    /// Entries that were replayed.
    #[n(0)]
    pub size: u64,
    /// Every KeyRoll.
    #[n(1)]
    periods: Vec<KeptPeriod>,
    /// Entries by kind.
    #[n(2)]
    kinds: Vec<KindCount>,
    /// Time stamps of the first and the last entry.
    #[n(3)]
    first_ms: u64,
    #[n(4)]
    last_ms: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
struct KeptPeriod {
    /// Index of the KeyRoll.
    #[n(0)]
    index: Index,
    /// SubjectPublicKeyInfo, DER.
    #[n(1)]
    key: ByteVec,
}

/// Why a replay does not go on from these bytes.
#[derive(Debug, thiserror::Error)]
pub enum NotResumed {
    /// A period's key does not read.
    #[error("the key of a period does not read")]
    Period,
    /// The tree is of another size, or the log another one.
    #[error("tree, log and state are not of one log at one size")]
    OtherLog,
}

impl KeptReplay {
    /// Time stamp of the last entry.
    pub fn last_ms(&self) -> u64 {
        self.last_ms
    }
}

impl<L: Leaves> Replay<L> {
    /// All but the tree and the Register, to go on from later.
    pub fn keep(&self) -> KeptReplay {
        let period =
            |(index, key): &(Index, PublicKey)| KeptPeriod { index: *index, key: key.spki().to_vec().into() };
        let (first_ms, last_ms) = self.span_ms.unwrap_or_default();
        KeptReplay {
            size: self.tree.size(),
            periods: self.periods.iter().map(period).collect(),
            kinds: self.kinds.iter().map(|(kind, count)| KindCount { kind: *kind, count: *count }).collect(),
            first_ms,
            last_ms,
        }
    }

    /// Goes on behind the entries of this tree, with the Register as it was behind them. Nothing is anchored yet: heads from
    /// outside are compared anew.
    pub fn resume(
        expected: LogId,
        kept: &KeptReplay,
        register: Register,
        tree: Tree<L>,
    ) -> Result<Self, NotResumed> {
        if tree.size() != kept.size || kept.size == 0 || register.log_id() != expected {
            return Err(NotResumed::OtherLog);
        }
        let key = |period: &KeptPeriod| {
            let key = PublicKey::from_spki(&period.key).map_err(|_| NotResumed::Period)?;
            Ok((period.index, key))
        };
        Ok(Self {
            expected: Some(expected),
            roots: Roots::default(),
            anchored: 0,
            keys: KeyBook::of(&register),
            periods: kept.periods.iter().map(key).collect::<Result<_, NotResumed>>()?,
            kinds: kept.kinds.iter().map(|row| (row.kind, row.count)).collect::<BTreeMap<_, _>>(),
            span_ms: Some((kept.first_ms, kept.last_ms)),
            register,
            tree,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestLog;

    fn tree_of(log: &TestLog, size: u64) -> Tree {
        let mut tree = Tree::new();
        for index in 0..size {
            tree.append(*log.tree.leaf(index).unwrap());
        }
        tree
    }

    #[test]
    fn a_replay_that_goes_on_comes_to_what_a_whole_one_comes_to() {
        let mut log = TestLog::standard(41);
        let end = log.period_end();
        log.fact(end).unwrap();
        let roll = log.key_roll(1);
        log.fact(roll).unwrap();
        let mut whole = Replay::new(Some(log.register.log_id()));
        log.entries.iter().for_each(|bytes| drop(whole.feed(bytes).unwrap()));
        let (bytes, register) = (pki::canonical::encode(&whole.keep()), whole.register().snapshot());
        let chat = log.talking("anna", &["boris"]);
        log.send("boris", chat).unwrap();
        let kept: KeptReplay = pki::canonical::decode(&bytes).unwrap();
        let mut again = Replay::resume(
            log.register.log_id(),
            &kept,
            Register::restore(&register).unwrap(),
            tree_of(&log, kept.size),
        )
        .unwrap();
        for bytes in &log.entries[kept.size as usize..] {
            whole.feed(bytes).unwrap();
            again.feed(bytes).unwrap();
        }
        assert_eq!(again.verdict(), whole.verdict());
        assert_eq!(again.register(), whole.register());
        assert_eq!(again.keys_at(3), whole.keys_at(3));
        assert_eq!(again.keys_at(log.tree.size()), whole.keys_at(log.tree.size()));
    }

    #[test]
    fn what_is_not_of_this_log_at_this_size_is_not_gone_on_from() {
        let log = TestLog::standard(42);
        let mut whole = Replay::new(None);
        log.entries.iter().for_each(|bytes| drop(whole.feed(bytes).unwrap()));
        let kept = whole.keep();
        let resume =
            |id, size| Replay::resume(id, &kept, whole.register().clone(), tree_of(&log, size)).map(drop);
        assert!(resume(log.register.log_id(), kept.size).is_ok());
        assert!(matches!(resume(log.register.log_id(), kept.size - 1), Err(NotResumed::OtherLog)));
        assert!(matches!(resume(LogId([1; 32]), kept.size), Err(NotResumed::OtherLog)));
    }
}
