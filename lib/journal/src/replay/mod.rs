//! The replay: every entry once more through the very rules that admitted it, and every head compared.
//! Never trusts an index, a snapshot or a key that the entries themselves do not give.
//!
//! Three stages: [`read`] and [`ReadEntry::verify`] in any order and in parallel, [`Replay::push`] in order;
//! [`in_order`] does the first two for many entries while the third takes those before.

mod belt;
mod kept;
pub mod parallel;
mod roots;
mod stages;
mod verdict;

pub use belt::in_order;
pub use kept::{KeptReplay, NotResumed};
pub use stages::{CheckedEntry, Fault, KeyBook, ReadEntry, Signatures, read};
pub use verdict::{Compared, Divergence, Unconfirmed, Verdict};

use crate::checkpoint::{LogKeys, SignedCheckpoint};
use crate::fact::Fact;
use crate::ids::{Hash, Head, Index, LogId};
use crate::origin::Origin;
use crate::register::{Applied, Register};
use crate::tree::{Leaves, Tree};
use pki::{PublicKey, Suite};
use roots::Roots;
use std::collections::BTreeMap;

/// The first entry that cannot stand, and why.
#[derive(Debug, thiserror::Error)]
#[error("entry {index}: {fault}")]
pub struct BadAt {
    /// Its index.
    pub index: Index,
    /// What is wrong with it.
    pub fault: Fault,
}

/// A replay under way.
#[derive(Debug, Clone)]
pub struct Replay<L = Vec<Hash>> {
    expected: Option<LogId>,
    register: Register,
    tree: Tree<L>,
    roots: Roots,
    keys: KeyBook,
    periods: Vec<(Index, PublicKey)>,
    kinds: BTreeMap<u16, u64>,
    anchored: u64,
    span_ms: Option<(u64, u64)>,
}

impl Replay {
    /// Begins before the genesis. `expected` is the log id from the site card; without it any log is believed.
    pub fn new(expected: Option<LogId>) -> Self {
        Self::over(expected, Vec::new())
    }
}

impl<L: Leaves> Replay<L> {
    /// The same with leaf hashes that lie here.
    pub fn over(expected: Option<LogId>, leaves: L) -> Self {
        Self {
            expected,
            register: Register::default(),
            tree: Tree::over(leaves),
            roots: Roots::default(),
            keys: KeyBook::new(),
            periods: Vec::new(),
            kinds: BTreeMap::new(),
            anchored: 0,
            span_ms: None,
        }
    }

    /// All three stages for the next entry.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Applied, BadAt> {
        let index = self.tree.size();
        let at = |fault| BadAt { index, fault };
        let entry = read(bytes).map_err(at)?;
        self.keys.take(&entry);
        let checked = entry.verify(&self.keys).map_err(at)?;
        self.push(&checked)
    }

    /// Stage 3: the next entry, in order.
    pub fn push(&mut self, entry: &CheckedEntry) -> Result<Applied, BadAt> {
        let index = self.tree.size();
        let at = |fault| BadAt { index, fault };
        let candidate = entry.candidate(index);
        let (tree, roots) = (&self.tree, &self.roots);
        let applied = self
            .register
            .apply(&candidate, &|size| roots.at(tree, size))
            .map_err(|refusal| at(refusal.into()))?;
        if let Some(expected) = self.expected
            && expected != self.register.log_id()
        {
            return Err(at(Fault::OtherLog { expected, found: self.register.log_id() }));
        }
        if let Some(Fact::KeyRoll(roll)) = entry.fact()
            && let Ok(key) = PublicKey::from_spki(&roll.key)
        {
            self.periods.push((index, key));
        }
        self.tree.append(entry.leaf());
        *self.kinds.entry(candidate.content.kind()).or_default() += 1;
        self.span_ms = Some((self.span_ms.map_or(candidate.wall_ms, |(first, _)| first), candidate.wall_ms));
        Ok(applied)
    }

    /// The state behind the entries so far.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// Their tree.
    pub fn tree(&self) -> &Tree<L> {
        &self.tree
    }

    /// The keys that sign the entries to come, as far as those so far make them known.
    pub fn keys(&self) -> &KeyBook {
        &self.keys
    }

    /// The keys of the entries so far, for the second stage of the next ones.
    pub fn keys_mut(&mut self) -> &mut KeyBook {
        &mut self.keys
    }

    /// Compares with a head from outside: an anchor of the auditor's own, a terminal's, a paper sheet's. `era` is the one
    /// that its note names; 0 where there is none.
    pub fn compare(&mut self, era: u32, head: Head) -> Result<Compared, Divergence> {
        let found = self.tree.root_at(head.size).ok();
        if found == Some(head.root) {
            self.anchored = self.anchored.max(head.size);
            return Ok(Compared::Same);
        }
        if let Some(row) = self.register.lost_by(era, head.size) {
            return Ok(Compared::Lost(row.clone()));
        }
        match found {
            Some(found) => Err(Divergence { size: head.size, named: head.root, found }),
            None => Ok(Compared::Beyond),
        }
    }

    /// The keys that sign a checkpoint of this size: those of the period whose KeyRoll is the last one covered.
    pub fn keys_at(&self, size: u64) -> Option<LogKeys> {
        let behind = self.periods.partition_point(|(index, _)| *index < size);
        let (_, period) = self.periods.get(behind.checked_sub(1)?)?;
        let identity = PublicKey::from_raw(Suite::Ed25519, self.register.identity()?).ok();
        let origin = Origin { log: self.register.log_id(), era: self.register.era_at(size) };
        LogKeys::new(origin, period.clone(), identity).ok()
    }

    /// A checkpoint of the log itself: signed by its period's keys, and the root of these very entries. It anchors
    /// nothing: the server could have made it for this reader alone.
    pub fn confirm(&self, checkpoint: &SignedCheckpoint) -> Result<Head, Unconfirmed> {
        let claimed = checkpoint.claimed();
        let Origin { log, era: named } = claimed.origin;
        if log != self.register.log_id() {
            return Err(Unconfirmed::OtherLog { log });
        }
        let size = claimed.head.size;
        if let Some(row) = self.register.lost_by(named, size) {
            return Err(Unconfirmed::Lost { size, kept: row.kept });
        }
        let Ok(found) = self.tree.root_at(size) else {
            return Err(Unconfirmed::Beyond { size, replayed: self.tree.size() });
        };
        let era = self.register.era_at(size);
        if named != era {
            return Err(Unconfirmed::OtherEra { found: named, era });
        }
        let keys = self.keys_at(size).ok_or(Unconfirmed::NoPeriod { size })?;
        let head = checkpoint.verify(&keys)?.head();
        if head.root != found {
            return Err(Divergence { size, named: head.root, found }.into());
        }
        Ok(head)
    }

    /// What was found so far.
    pub fn verdict(&self) -> Verdict {
        let head = Head { size: self.tree.size(), root: self.tree.root() };
        Verdict {
            log: self.register.log_id(),
            head,
            kinds: self.kinds.clone(),
            state: self.register.digest(),
            anchored: self.anchored,
            beyond: head.size - self.anchored,
            span_ms: self.span_ms.unwrap_or_default(),
            successions: self.register.successions().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::note::NoteSigner;
    use crate::refusal::Refusal;
    use crate::testing::TestLog;

    fn replayed(log: &TestLog) -> Replay {
        let mut replay = Replay::new(Some(log.register.log_id()));
        for bytes in &log.entries {
            replay.feed(bytes).expect("what was admitted replays");
        }
        replay
    }

    fn checkpoint(log: &TestLog) -> SignedCheckpoint {
        let log_id = log.register.log_id();
        let keys =
            LogKeys::new(log_id, log.period_key.public().clone(), Some(log.site.identity.public().clone()))
                .expect("keys in memory");
        let identity = keys.identity.as_ref().expect("given above");
        let signers = [
            NoteSigner { key: &keys.period, signer: &log.period_key },
            NoteSigner { key: identity, signer: &log.site.identity },
        ];
        let checkpoint = Checkpoint { origin: log_id.into(), head: log.head() };
        SignedCheckpoint::sign(checkpoint, &signers).expect("keys in memory sign")
    }

    #[test]
    fn a_replay_reaches_the_same_state() {
        let mut log = TestLog::standard(1);
        let chat = log.talking("anna", &["boris"]);
        log.send("boris", chat).unwrap();
        let mut replay = replayed(&log);
        assert_eq!(replay.register(), &log.register);
        assert_eq!(replay.compare(0, log.head()), Ok(Compared::Same));
        let verdict = replay.verdict();
        assert_eq!((verdict.head, verdict.anchored, verdict.beyond), (log.head(), log.tree.size(), 0));
        assert_eq!(verdict.kinds.values().sum::<u64>(), log.tree.size());
        assert_eq!(verdict.state, log.register.digest());
        let far = Head { size: log.tree.size() + 1, root: [0; 32] };
        assert_eq!(replay.compare(0, far), Ok(Compared::Beyond));
    }

    #[test]
    fn a_flipped_byte_anywhere_is_found_at_its_entry() {
        let log = TestLog::standard(2);
        for (index, bytes) in log.entries.iter().enumerate() {
            let mut replay = Replay::new(None);
            for before in &log.entries[..index] {
                replay.feed(before).unwrap();
            }
            let mut bad = bytes.clone();
            let last = bad.len() - 1;
            bad[last] ^= 1;
            // A Fact has no signature: its last byte may be a claim that nothing contradicts. The head does.
            if let Err(found) = replay.feed(&bad) {
                assert_eq!(found.index, index as u64);
                continue;
            }
            assert!(read(bytes).unwrap().verify(&KeyBook::new()).is_ok_and(|entry| entry.fact().is_some()));
            let root = log.tree.root_at(index as u64 + 1).unwrap();
            assert!(replay.compare(0, Head { size: index as u64 + 1, root }).is_err());
        }
    }

    #[test]
    fn a_missing_or_moved_entry_is_refused() {
        let log = TestLog::standard(3);
        let missing = log.entries.len() - 3;
        let mut replay = Replay::new(None);
        let mut bad = None;
        for (index, bytes) in log.entries.iter().enumerate() {
            if index != missing
                && let Err(found) = replay.feed(bytes)
            {
                bad = Some(found);
                break;
            }
        }
        let found = bad.expect("the next statement of the same chain does not fit");
        assert_eq!(found.index, missing as u64);
        assert!(matches!(found.fault, Fault::Refused(Refusal::WrongHead { .. })), "{found}");
    }

    #[test]
    fn another_log_is_not_taken_for_this_one() {
        let (log, other) = (TestLog::standard(4), TestLog::standard(5));
        let mut replay = Replay::new(Some(log.register.log_id()));
        let found = replay.feed(&other.entries[0]).unwrap_err();
        assert!(matches!(found.fault, Fault::OtherLog { .. }));
    }

    #[test]
    fn checkpoints_are_confirmed_by_their_period_alone() {
        let mut log = TestLog::standard(6);
        let first = checkpoint(&log);
        let end = log.period_end();
        log.fact(end).unwrap();
        let ended = checkpoint(&log);
        let roll = log.key_roll(1);
        log.fact(roll).unwrap();
        let second = checkpoint(&log);
        let replay = replayed(&log);
        for good in [&first, &ended, &second] {
            assert_eq!(replay.confirm(good).unwrap(), good.claimed().head);
        }
        let old_seed = crate::testing::seed(log.site.number, "period/0");
        log.period_key = pki::SecretKey::from_bytes(Suite::Ed25519, &old_seed).unwrap();
        assert!(matches!(replay.confirm(&checkpoint(&log)), Err(Unconfirmed::NotSigned(_))));
    }

    #[test]
    fn a_signed_head_of_other_entries_is_a_divergence() {
        let mut log = TestLog::standard(7);
        let mut other = TestLog::standard(7);
        let replay = replayed(&log);
        log.wait_ms(5);
        log.create("anna", &["boris"]).unwrap();
        other.create("vera", &["boris"]).unwrap();
        assert!(matches!(replay.confirm(&checkpoint(&log)), Err(Unconfirmed::Beyond { .. })));
        let replay = replayed(&log);
        let found = replay.confirm(&checkpoint(&other));
        assert!(
            matches!(found, Err(Unconfirmed::Diverged(Divergence { size, .. })) if size == log.tree.size())
        );
    }
}
