//! What this terminal believes of the log: the identity key of the site card, the period keys that follow from it, and
//! the newest head whose consistency with everything seen before is proven.
//! Never believes a note without both of its lines, and never forgets a head because a server says so.

use super::error::What;
use super::event::Distrust;
use crate::frame::{Digest, Hello};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::fact::{KeyRoll, key_roll_bytes};
use journal::ids::{Hash, Head, Index, LogId};
use journal::proof::{ConsistencyProof, InclusionProof};
use journal::tree::empty_root;
use pki::{CertId, PublicKey, Verifier};

/// Verified notes kept, so that a note that comes again is not verified again.
const NOTES_KEPT: usize = 16;

/// A checkpoint of which both lines were verified, with the note's bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Noted {
    pub(crate) head: Head,
    pub(crate) note: Vec<u8>,
}

impl Noted {
    /// Before the first checkpoint.
    pub(crate) fn nothing() -> Self {
        Self { head: Head { size: 0, root: empty_root() }, note: Vec::new() }
    }
}

/// Why something about the log is not believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Doubt {
    /// It does not verify: no evidence of anything.
    Unverified(What),
    /// Two signed notes that cannot both be of one growing log.
    Contradiction(Box<Distrust>),
}

impl From<What> for Doubt {
    fn from(what: What) -> Self {
        Self::Unverified(what)
    }
}

pub(crate) struct Trust {
    log: LogId,
    identity: PublicKey,
    /// Each period's KeyRoll and the keys that sign checkpoints which cover it; ascending.
    periods: Vec<(Index, KeyRoll, LogKeys)>,
    proven: Noted,
    newest: Noted,
    seen: Vec<Noted>,
}

impl Trust {
    /// `proven` is the last signed checkpoint of the state record; its signatures were verified when it was stored.
    pub(crate) fn new(log: LogId, identity: PublicKey, proven: Noted) -> Self {
        Self { log, identity, periods: Vec::new(), newest: proven.clone(), proven, seen: Vec::new() }
    }

    pub(crate) fn log(&self) -> LogId {
        self.log
    }

    /// The head that statements name.
    pub(crate) fn proven(&self) -> &Noted {
        &self.proven
    }

    /// The newest note seen, when it is ahead of what is proven: its consistency is to be asked for.
    pub(crate) fn ahead(&self) -> Option<&Noted> {
        (self.newest.head.size > self.proven.head.size).then_some(&self.newest)
    }

    /// The greeting is for our log and by its identity key, on this very connection.
    pub(crate) fn check_hello(&self, hello: &Hello, exporter: &[u8; 32]) -> Result<(), What> {
        if hello.log != self.log {
            return Err(What::Hello);
        }
        let signed = Hello::signed_bytes(hello.log, &hello.nonce, CertId::of(&hello.core), exporter);
        self.identity.verify(&signed, &hello.signature).map_err(|_| What::Hello)
    }

    /// Takes the next period's key, by the key before it (the first one by the identity key). A roll that is known
    /// already is passed over; a different one for a known period is refused.
    pub(crate) fn roll(&mut self, index: Index, roll: &KeyRoll) -> Result<(), What> {
        let period = usize::try_from(roll.period).map_err(|_| What::KeyRoll)?;
        if let Some((at, known, _)) = self.periods.get(period) {
            return if *at == index && known == roll { Ok(()) } else { Err(What::KeyRoll) };
        }
        let after = self.periods.last().is_none_or(|(last, ..)| *last < index);
        if period != self.periods.len() || !after {
            return Err(What::KeyRoll);
        }
        let signed = key_roll_bytes(self.log, roll.period, roll.suite, &roll.key);
        let by = self.periods.last().map_or(&self.identity, |(.., keys)| keys.period.key());
        by.verify(&signed, &roll.signature).map_err(|_| What::KeyRoll)?;
        let key = PublicKey::from_spki(&roll.key).map_err(|_| What::KeyRoll)?;
        if key.suite() != roll.suite {
            return Err(What::KeyRoll);
        }
        let keys = LogKeys::new(self.log, key, Some(self.identity.clone())).map_err(|_| What::KeyRoll)?;
        self.periods.push((index, roll.clone(), keys));
        Ok(())
    }

    /// Verifies a note: of this log, line 1 by the key of the newest period it covers, line 2 by the identity key.
    pub(crate) fn note(&mut self, bytes: &[u8]) -> Result<Head, Doubt> {
        if let Some(known) = self.seen.iter().find(|known| known.note == bytes) {
            return Ok(known.head);
        }
        let signed = SignedCheckpoint::parse(bytes).map_err(|_| What::Note)?;
        let Checkpoint { log, head } = *signed.claimed();
        // A checkpoint of period p verifies only under p's key: p is the last one whose KeyRoll it covers.
        let keys = self.periods.iter().rev().find(|(index, ..)| *index < head.size).map(|(.., keys)| keys);
        let keys = keys.filter(|_| log == self.log).ok_or(What::Note)?;
        signed.verify(keys).map_err(|_| What::Note)?;
        let noted = Noted { head, note: bytes.to_vec() };
        let known = self.seen.iter().chain([&self.proven]);
        if let Some(other) =
            known.into_iter().find(|known| known.head.size == head.size && *known.head_root() != head.root)
        {
            return Err(contradiction(other, &noted));
        }
        if self.seen.len() == NOTES_KEPT {
            self.seen.remove(0);
        }
        if head.size > self.newest.head.size {
            self.newest = noted.clone();
        }
        self.seen.push(noted);
        Ok(head)
    }

    /// The entry with this leaf is at this index of the log with this head.
    pub(crate) fn included(index: Index, leaf: &Hash, path: &[Digest], head: &Head) -> Result<(), What> {
        let path = path.iter().map(|digest| digest.0).collect();
        let proof = InclusionProof::new(index, head.size, path).map_err(|_| What::Inclusion)?;
        proof.verify(leaf, &head.root).map_err(|_| What::Inclusion)
    }

    /// Moves the proven head on to a verified note, if the proof shows that the log only grew. A note that is signed
    /// and cannot be reached from ours is a contradiction: both notes together prove it to anyone.
    pub(crate) fn advance(&mut self, note: &[u8], path: &[Digest]) -> Result<(), Doubt> {
        let head = self.note(note)?;
        let noted = Noted { head, note: note.to_vec() };
        let old = self.proven.head;
        if head.size < old.size {
            return Err(contradiction(&self.proven, &noted));
        }
        let path: Vec<Hash> = path.iter().map(|digest| digest.0).collect();
        let grew = match old.size {
            0 => path.is_empty(),
            _ => ConsistencyProof::new(old.size, head.size, path)
                .is_ok_and(|proof| proof.verify(&old.root, &head.root).is_ok()),
        };
        if !grew {
            return Err(contradiction(&self.proven, &noted));
        }
        if head.size > self.newest.head.size {
            self.newest = noted.clone();
        }
        self.proven = noted;
        Ok(())
    }
}

impl Noted {
    fn head_root(&self) -> &Hash {
        &self.head.root
    }
}

fn contradiction(ours: &Noted, theirs: &Noted) -> Doubt {
    Doubt::Contradiction(Box::new(Distrust {
        rolled_back: theirs.head.size < ours.head.size,
        ours: ours.head,
        our_note: ours.note.clone().into(),
        theirs: theirs.head,
        their_note: theirs.note.clone().into(),
    }))
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
