//! What this terminal believes of the log: the identity key of the site card, the period keys that follow from it, the
//! newest head that is proven, and every verified head that is not tied to it yet.
//! Never believes a note without both of its lines, and never forgets a head because a server says so.
//!
//! # One line of heads
//! A note's signatures say that the server said it, not that it says the same to everyone. A server could keep one past
//! for the auditor and show a terminal receipts and entries under heads of another. So every verified head is kept until
//! it is *tied*: until consistency proofs lead from it to the proven head, or from the proven head to it. One round of
//! proofs ([`crate::query::Query::Line`]) goes along all of them in the order of their sizes; the largest is proven then.
//! The proofs are only between heads that we hold: a server cannot answer with another, honest one. Two heads that no
//! proof ties are two pasts, signed: [`Doubt::Contradiction`].
//!
//! What is shown or told as done may rest on a head that is not tied yet, or each message would wait for a question.
//! But it is bounded, and nothing is built on it:
//! - A round begins when growth was not proven for a while (`PROVE_EVERY_MS`), when [`ROUND_AT`] heads wait, when all of
//!   one's own acts are answered, and at once when something waits for it.
//! - A draft is signed only when every head is tied under which others' entries were believed before it was made
//!   ([`Trust::is_tied`]). One's own receipts are not waited for: a statement names the one before it in its chain, so
//!   that a log that holds it holds that one too. A receipt from a fork thus gives later statements to that fork alone,
//!   and is found out as soon as all of them are answered.
//! - A Logout is signed only when every head is tied that was seen until then, receipts too ([`Trust::all_tied`]).
//! - A server that owes its proofs gets nothing from it: while the oldest untied head is older than [`UNTIED_MS`], or
//!   [`UNTIED_ENTRIES_MAX`] of them wait, no further entries are believed and nothing is signed; a round that is not
//!   answered for `LINE_ANSWER_MS` ends the connection. Untied heads outlive connections.
//!
//! They do not outlive the process: a terminal that loses its power within a round has not found out about a fork that
//! only this last round would have shown. The proven head is durable, and every session begins at it.

use super::chain::IN_FLIGHT_MAX;
use super::error::What;
use super::event::{Distrust, SuccessionView};
use super::periods::Periods;
use super::succession::Moved;
use crate::frame::{Delivered, Digest, Hello};
use crate::limits::LINE_SIZES_MAX;
use journal::Origin;
use journal::checkpoint::{Checkpoint, SignedCheckpoint};
use journal::ids::{Hash, Head, Index, LogId};
use journal::multiproof::MultiProof;
use journal::proof::{ConsistencyProof, InclusionProof};
use journal::tree::{empty_root, leaf_hash};
use pki::{CertId, PublicKey, Verifier};

/// Tied notes kept, so that a note that comes again is not verified again.
const TIED_KEPT: usize = 16;
/// Notes that wait to be tied, at most: those under which entries came, and those of all receipts that may come.
pub(crate) const UNTIED_MAX: usize = LINE_SIZES_MAX - 2;
/// Notes that wait to be tied, above which no more entries are believed.
const UNTIED_ENTRIES_MAX: usize = UNTIED_MAX - IN_FLIGHT_MAX;
/// Notes that wait to be tied, from which on they do not wait for the time.
pub(crate) const ROUND_AT: usize = UNTIED_ENTRIES_MAX / 2;
/// How long a note may wait to be tied before nothing more is believed, milliseconds.
const UNTIED_MS: u64 = 15_000;

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
    pub(super) origin: Origin,
    pub(crate) periods: Periods,
    pub(super) proven: Noted,
    pub(super) seen: Vec<Seen>,
    /// What the greeting says was given up, until a Welcome proves it.
    pub(super) moved: Option<Moved>,
    /// All that the greeting shows, those of eras that are known too.
    pub(super) shown: Vec<SuccessionView>,
    /// Number of the newest head seen.
    last: u64,
}

/// A verified note, in the order of coming.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) noted: Noted,
    number: u64,
    since_ms: u64,
    tied: bool,
    /// Others' entries were believed under it.
    relied: bool,
}

impl Trust {
    /// `proven` is the last signed checkpoint of the state record; its signatures were verified when it was stored.
    pub(crate) fn new(origin: impl Into<Origin>, identity: PublicKey, proven: Noted) -> Self {
        let origin = origin.into();
        let periods = Periods::new(origin, identity);
        Self { origin, periods, proven, seen: Vec::new(), moved: None, shown: Vec::new(), last: 0 }
    }

    pub(crate) fn log(&self) -> LogId {
        self.origin.log
    }

    /// The era that it is in.
    pub(crate) fn era(&self) -> u32 {
        self.origin.era
    }

    /// The head that statements name.
    pub(crate) fn proven(&self) -> &Noted {
        &self.proven
    }

    fn untied(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(|seen| !seen.tied)
    }

    /// Heads that wait to be tied.
    pub(crate) fn untied_count(&self) -> usize {
        self.untied().count()
    }

    /// Whether one of them came with nothing but our own acts.
    pub(crate) fn owes_receipts(&self) -> bool {
        self.untied().any(|seen| !seen.relied)
    }

    /// Number of the newest head seen.
    pub(crate) fn mark(&self) -> u64 {
        self.last
    }

    /// Whether all heads up to this one are tied under which others' entries were believed.
    pub(crate) fn is_tied(&self, mark: u64) -> bool {
        !self.untied().any(|seen| seen.relied && seen.number <= mark)
    }

    /// Whether all heads up to this one are tied.
    pub(crate) fn all_tied(&self, mark: u64) -> bool {
        !self.untied().any(|seen| seen.number <= mark)
    }

    /// Whether the server does not owe a proof for too long.
    pub(crate) fn is_fresh(&self, now_ms: u64) -> bool {
        self.untied().all(|seen| now_ms.saturating_sub(seen.since_ms) < UNTIED_MS)
    }

    /// Whether entries under this note may be believed now, or must wait for a round of proofs.
    pub(crate) fn has_room(&self, note: &[u8], now_ms: u64) -> bool {
        let known = self.seen.iter().find(|seen| seen.noted.note == note);
        if known.is_some_and(|seen| seen.tied) {
            return true;
        }
        self.is_fresh(now_ms) && (known.is_some() || self.untied_count() < UNTIED_ENTRIES_MAX)
    }

    /// Others' entries are believed under this head.
    pub(crate) fn rely(&mut self, head: &Head) {
        for seen in self.seen.iter_mut().filter(|seen| seen.noted.head == *head) {
            seen.relied = true;
        }
    }

    /// The greeting is for our log and by its identity key, on this very connection.
    pub(crate) fn check_hello(&self, hello: &Hello, exporter: &[u8; 32]) -> Result<(), What> {
        if hello.log != self.origin.log {
            return Err(What::Hello);
        }
        let signed = Hello::signed_bytes(hello.log, &hello.nonce, CertId::of(&hello.core), exporter);
        self.periods.identity().verify(&signed, &hello.signature).map_err(|_| What::Hello)
    }

    /// Verifies a note and keeps its head until it is tied.
    pub(crate) fn note(&mut self, bytes: &[u8], now_ms: u64) -> Result<Head, Doubt> {
        let noted = self.verified(bytes)?;
        let head = noted.head;
        if head == self.proven.head || self.seen.iter().any(|seen| seen.noted.head == head) {
            return Ok(head);
        }
        // Whoever asks leaves room for what the server may send: more than that is none of an honest one.
        if self.untied_count() >= UNTIED_MAX {
            return Err(Doubt::Unverified(What::Consistency));
        }
        self.last += 1;
        self.seen.push(Seen { noted, number: self.last, since_ms: now_ms, tied: false, relied: false });
        Ok(head)
    }

    /// Verifies a note: of this log, line 1 by the key of the newest period it covers, line 2 by the identity key; and
    /// no other one of its size was seen.
    pub(crate) fn verified(&self, bytes: &[u8]) -> Result<Noted, Doubt> {
        if let Some(known) = self.seen.iter().find(|seen| seen.noted.note == bytes) {
            return Ok(known.noted.clone());
        }
        let signed = SignedCheckpoint::parse(bytes).map_err(|_| What::Note)?;
        let Checkpoint { origin, head } = *signed.claimed();
        if origin.log == self.origin.log && origin.era != self.origin.era {
            return Err(Doubt::Unverified(What::Succession));
        }
        let keys = self.periods.keys(head.size).filter(|_| origin == self.origin).ok_or(What::Note)?;
        signed.verify(keys).map_err(|_| What::Note)?;
        let noted = Noted { head, note: bytes.to_vec() };
        let mut known = self.seen.iter().map(|seen| &seen.noted).chain([&self.proven]);
        match known.find(|known| known.head.size == head.size && known.head.root != head.root) {
            Some(other) => Err(contradiction(other, &noted)),
            None => Ok(noted),
        }
    }

    /// The entry with this leaf is at this index of the log with this head.
    pub(crate) fn included(index: Index, leaf: &Hash, path: &[Digest], head: &Head) -> Result<(), What> {
        let path = path.iter().map(|digest| digest.0).collect();
        let proof = InclusionProof::new(index, head.size, path).map_err(|_| What::Inclusion)?;
        proof.verify(leaf, &head.root).map_err(|_| What::Inclusion)
    }

    /// These entries, ascending, are in the log with this head.
    pub(crate) fn all_included(entries: &[Delivered], proof: &MultiProof, head: &Head) -> Result<(), What> {
        if entries.is_empty() {
            return Ok(());
        }
        let leaves: Vec<_> =
            entries.iter().map(|delivered| (delivered.index, leaf_hash(&delivered.entry))).collect();
        proof.verify(&leaves, head.size, &head.root).map_err(|_| What::Inclusion)
    }

    /// Moves the proven head on to a verified note, if the proof shows that the log only grew. A note that is signed
    /// and cannot be reached from ours is a contradiction: both notes together prove it to anyone.
    pub(crate) fn advance(&mut self, note: &[u8], path: &[Digest]) -> Result<(), Doubt> {
        let noted = self.verified(note)?;
        if noted.head.size < self.proven.head.size || !grew(&self.proven.head, &noted.head, path) {
            return Err(contradiction(&self.proven, &noted));
        }
        self.seen.iter_mut().filter(|seen| seen.noted.head == noted.head).for_each(|seen| seen.tied = true);
        self.proven = noted;
        Ok(())
    }

    /// The heads that the next round of proofs ties, ascending: the proven one among those that wait.
    pub(crate) fn line(&self) -> Vec<Noted> {
        let mut line: Vec<Noted> = self.untied().map(|seen| seen.noted.clone()).collect();
        line.extend((self.proven.head.size > 0).then(|| self.proven.clone()));
        line.sort_unstable_by_key(|noted| noted.head.size);
        line
    }

    /// A round's answer: one proof from each head of the line to the next. Whether the proven head moved.
    pub(crate) fn tie(&mut self, line: &[Noted], paths: &[Vec<Digest>]) -> Result<bool, Doubt> {
        if paths.len() + 1 != line.len() {
            return Err(Doubt::Unverified(What::Answer));
        }
        // A Welcome moved it on meanwhile: what was asked for says nothing of the new one.
        let Some(at) = line.iter().position(|noted| noted.head == self.proven.head) else { return Ok(false) };
        for (lower, path) in paths.iter().enumerate() {
            let (old, new) = (&line[lower], &line[lower + 1]);
            if !grew(&old.head, &new.head, path) {
                // The one of the two that is nearer to the proven head is ours.
                let (ours, theirs) = if lower < at { (new, old) } else { (old, new) };
                return Err(fork(ours, theirs));
            }
        }
        for seen in &mut self.seen {
            seen.tied |= line.iter().any(|noted| noted.head == seen.noted.head);
        }
        let mut surplus = self.seen.iter().filter(|seen| seen.tied).count().saturating_sub(TIED_KEPT);
        self.seen.retain(|seen| {
            let goes = seen.tied && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
        let newest = line.last().unwrap_or(&self.proven).clone();
        let moved = newest.head != self.proven.head;
        self.proven = newest;
        Ok(moved)
    }
}

/// Whether the proof shows that one log grew from the old head to the new one. Every log grew from nothing.
fn grew(old: &Head, new: &Head, path: &[Digest]) -> bool {
    let path: Vec<Hash> = path.iter().map(|digest| digest.0).collect();
    match old.size {
        0 => path.is_empty(),
        _ => ConsistencyProof::new(old.size, new.size, path)
            .is_ok_and(|proof| proof.verify(&old.root, &new.root).is_ok()),
    }
}

/// The server goes back, or shows another past.
fn contradiction(ours: &Noted, theirs: &Noted) -> Doubt {
    distrust(ours, theirs, theirs.head.size < ours.head.size)
}

/// Another past.
fn fork(ours: &Noted, theirs: &Noted) -> Doubt {
    distrust(ours, theirs, false)
}

fn distrust(ours: &Noted, theirs: &Noted, rolled_back: bool) -> Doubt {
    Doubt::Contradiction(Box::new(Distrust {
        rolled_back,
        ours: ours.head,
        our_note: ours.note.clone().into(),
        theirs: theirs.head,
        their_note: theirs.note.clone().into(),
    }))
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
