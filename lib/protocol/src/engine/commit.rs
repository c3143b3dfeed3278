//! Gathers what is admitted into batches, one under way at a time, and keeps back every word until what it depends on is
//! durable. Never decides what is admitted and never encodes more than once what goes to many.

use super::deliver::{Groups, Push};
use super::facts::StoreLimits;
use crate::answer::Answer;
use crate::code::Code;
use crate::io::{Batch, EraseItem, NewPeriod, SessionId, StoredBody, VerifierChange};
use crate::limits::{
    AROUND_STORED_BYTES, BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, ENTRIES_TOGETHER, INPUTS_TOGETHER_MAX,
};
use bytes::Bytes;
use journal::Origin;
use journal::act::CellName;
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::ids::{Head, Index};
use journal::note::{BadKey, CannotSign, NoteSigner, VerifierKey};
use journal::tree::{Frontier, leaf_hash};
use minicbor::bytes::ByteVec;
use pki::{KeyError, PersonId, SecretKey};
use std::collections::HashMap;

/// The keys that sign checkpoints and Hello.
pub(super) struct LogSigners {
    pub(super) identity: SecretKey,
    period: SecretKey,
    keys: LogKeys,
    /// The period that ended in the open batch, whose note both keys sign. Let go of behind that.
    before: Option<(SecretKey, VerifierKey)>,
    origin: Origin,
}

impl LogSigners {
    pub(super) fn new(
        origin: impl Into<Origin>,
        identity: SecretKey,
        period: SecretKey,
    ) -> Result<Self, KeyError> {
        let origin = origin.into();
        let identity_key = Some(identity.public().clone());
        let keys = LogKeys::new(origin, period.public().clone(), identity_key)
            .map_err(|_| KeyError::Unsupported { suite: period.public().suite() })?;
        Ok(Self { identity, period, keys, before: None, origin })
    }

    /// The period key that signs now.
    pub(super) fn period(&self) -> &SecretKey {
        &self.period
    }

    /// The next period's key signs from here on; the next note is signed by the old one, too.
    pub(super) fn roll(&mut self, next: SecretKey) -> Result<(), BadKey> {
        let key = VerifierKey::new(self.origin.key_name(), next.public().clone())?;
        let key = std::mem::replace(&mut self.keys.period, key);
        self.before = Some((std::mem::replace(&mut self.period, next), key));
        Ok(())
    }

    /// The signed note of a head: line 1 by the period key, line 2 by the identity key, and one by the key of a period that
    /// ended under this very head. That one is wiped behind it.
    pub(super) fn note(&mut self, head: Head) -> Result<Bytes, CannotSign> {
        let checkpoint = Checkpoint { origin: self.origin, head };
        let identity = self.keys.identity.as_ref().expect("`new` gives an identity key");
        let before = self.before.take();
        let mut signers = vec![
            NoteSigner { key: &self.keys.period, signer: &self.period },
            NoteSigner { key: identity, signer: &self.identity },
        ];
        signers.extend(before.as_ref().map(|(signer, key)| NoteSigner { key, signer }));
        Ok(SignedCheckpoint::sign(checkpoint, &signers)?.to_string().into_bytes().into())
    }
}

/// Something to be said once all before it is durable.
pub(super) enum Release {
    /// A finished frame.
    Frame(SessionId, Bytes),
    /// A finished frame that answers a request.
    Reply(SessionId, Bytes),
    /// A receipt; its proof is made against the checkpoint of the moment it leaves.
    Receipt { session: SessionId, request: u32, index: Index, wall_ms: u64, boot_ms: u64 },
    /// The answer to a Login.
    Welcome(Welcoming),
    /// An answer; `guard` is the message whose erasure makes it void.
    Answer { session: SessionId, request: u32, answer: Box<Answer>, guard: Option<Index> },
    /// A person of this session has taken a backup away, by the entry of this index.
    Taken { session: SessionId, person: PersonId, index: Index, manifest: journal::ids::Hash },
    /// The end of a session.
    End { session: SessionId, code: u16 },
}

/// See [`Release::Welcome`].
pub(super) struct Welcoming {
    pub(super) session: SessionId,
    pub(super) index: Index,
    pub(super) wall_ms: u64,
    pub(super) boot_ms: u64,
    pub(super) head: Head,
    pub(super) must_set_password: bool,
}

impl Release {
    pub(super) fn end(session: SessionId, code: Code) -> Self {
        Self::End { session, code: code.number() }
    }
}

/// What was admitted and is not yet on its way.
#[derive(Default)]
pub(super) struct Open {
    pub(super) entries: Vec<Bytes>,
    pub(super) bodies: Vec<StoredBody>,
    pub(super) erase: Vec<EraseItem>,
    pub(super) verifiers: Vec<VerifierChange>,
    pub(super) drop_cells: Vec<CellName>,
    pub(super) period: Option<NewPeriod>,
    pub(super) groups: Groups,
    pub(super) release: Vec<Release>,
    bytes: usize,
    journal_bytes: usize,
}

impl Open {
    fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.bodies.is_empty()
            && self.erase.is_empty()
            && self.verifiers.is_empty()
    }

    pub(super) fn entry(&mut self, bytes: Bytes) {
        self.bytes += bytes.len();
        self.journal_bytes += bytes.len() + AROUND_STORED_BYTES;
        self.entries.push(bytes);
    }

    /// Keeps a body and says where in the batch it stands.
    pub(super) fn body(&mut self, body: StoredBody) -> usize {
        self.bytes += body.body.len();
        self.bodies.push(body);
        self.bodies.len() - 1
    }
}

/// A batch that the driver writes.
pub(super) struct UnderWay {
    number: u64,
    pub(super) durable: Durable,
    /// Who gets what, not encoded yet: see [`Engine::prepare`](super::Engine::prepare).
    pub(super) unprepared: Option<Unprepared>,
    pub(super) pushes: Vec<Push>,
    pub(super) release: Vec<Release>,
}

/// What the frames of a batch are made of.
pub(super) struct Unprepared {
    pub(super) groups: Groups,
    /// Those that go along, by their place in the batch: a file's chunks go to nobody and are not copied.
    pub(super) bodies: HashMap<usize, ByteVec>,
}

/// The newest checkpoint that is durable.
#[derive(Clone)]
pub(super) struct Durable {
    pub(super) head: Head,
    pub(super) note: Bytes,
}

/// The tree's root is not that of the very bytes that are to be written: something flipped in memory.
#[derive(Debug, thiserror::Error)]
#[error(
    "the root over {size} entries, reckoned once more from their bytes, is another one: nothing was signed. The memory of this \
     machine is not to be trusted"
)]
pub(super) struct NotItsBytes {
    size: u64,
}

/// Reckons a head once more, before it is signed: from what stood before these entries, and from their bytes. Gives what
/// stands behind them.
pub(super) fn reckon_again(
    mut before: Frontier,
    entries: impl Iterator<Item = impl AsRef<[u8]>>,
    head: Head,
) -> Result<Frontier, NotItsBytes> {
    for entry in entries {
        before.append(leaf_hash(entry.as_ref()));
    }
    let again = Head { size: before.size(), root: before.root() };
    if again == head { Ok(before) } else { Err(NotItsBytes { size: head.size }) }
}

/// See the module.
pub(super) struct Commits {
    pub(super) open: Open,
    pub(super) under_way: Option<UnderWay>,
    pub(super) durable: Durable,
    /// Over the entries before the open batch, kept apart from the tree: what is signed is reckoned from both.
    pub(super) signed: Frontier,
    /// Whether the driver has more input at hand, and how often the open batch has waited for it.
    more: bool,
    waited: usize,
    next: u64,
    store: StoreLimits,
}

impl Commits {
    pub(super) fn new(durable: Durable, signed: Frontier) -> Self {
        Self {
            open: Open::default(),
            under_way: None,
            durable,
            signed,
            more: false,
            waited: 0,
            next: 1,
            store: StoreLimits::default(),
        }
    }

    pub(super) fn fit_to(&mut self, store: StoreLimits) {
        self.store = store;
    }

    /// Whether admission waits for the next batch. A third of the store's bound, so that a whole Submit still fits.
    pub(super) fn full(&self) -> bool {
        self.open.entries.len() >= BATCH_ENTRIES_MAX
            || self.open.bytes >= self.store.batch_bytes_max.min(BATCH_BYTES_MAX)
            || self.open.journal_bytes >= self.store.journal_bytes_max / 3
    }

    /// Whether so many entries of so many bytes fit into one batch beside what it holds already.
    pub(super) fn takes(&self, entries: usize, bytes: usize) -> bool {
        bytes + entries * AROUND_STORED_BYTES <= self.store.journal_bytes_max / 3 * 2
    }

    /// Where something said now must wait; `None` when everything is durable.
    pub(super) fn queue(&mut self) -> Option<&mut Vec<Release>> {
        if !self.open.is_empty() {
            return Some(&mut self.open.release);
        }
        self.under_way.as_mut().map(|under_way| &mut under_way.release)
    }

    pub(super) fn may_close(&self) -> bool {
        self.under_way.is_none() && !self.open.is_empty()
    }

    /// What the driver said before this input.
    pub(super) fn more_at_hand(&mut self, more: bool) {
        self.more = more;
    }

    /// Whether the open batch takes in what is at hand first: one sync for many costs each of them less. Never for long,
    /// and never for input that is not there yet.
    pub(super) fn waits_for_more(&mut self) -> bool {
        let waits =
            self.more && self.waited < INPUTS_TOGETHER_MAX && self.open.entries.len() < ENTRIES_TOGETHER;
        self.waited = if waits { self.waited + 1 } else { 0 };
        waits
    }

    pub(super) fn idle(&self) -> bool {
        self.under_way.is_none() && self.open.is_empty()
    }

    /// The head that the next batch brings, when it has entries.
    pub(super) fn has_entries(&self) -> bool {
        !self.open.entries.is_empty()
    }

    /// Reckons the open batch's head from its bytes; whoever signs it asks this first.
    pub(super) fn reckon_open(&mut self, head: Head) -> Result<(), NotItsBytes> {
        self.signed = reckon_again(self.signed.clone(), self.open.entries.iter(), head)?;
        Ok(())
    }

    /// Takes the open batch on its way.
    pub(super) fn close(
        &mut self,
        durable: Durable,
        snapshot: Option<ByteVec>,
        backup_required: bool,
    ) -> Batch {
        let open = std::mem::take(&mut self.open);
        let number = self.next;
        self.next += 1;
        let bodies = open.groups.bodies(&open.bodies);
        let unprepared = Some(Unprepared { groups: open.groups, bodies });
        let batch = Batch {
            number,
            first: self.durable.head.size,
            entries: open.entries.iter().map(|entry| ByteVec::from(entry.to_vec())).collect(),
            root: durable.head.root,
            note: durable.note.to_vec().into(),
            bodies: open.bodies,
            erase: open.erase,
            verifiers: open.verifiers,
            snapshot,
            backup_required,
            drop_cells: open.drop_cells,
            period: open.period,
        };
        self.under_way =
            Some(UnderWay { number, durable, unprepared, pushes: Vec::new(), release: open.release });
        batch
    }

    /// The batch is durable: gives what may be said now. `None` for a number that is not under way.
    pub(super) fn committed(&mut self, number: u64) -> Option<UnderWay> {
        let done = self.under_way.take_if(|under_way| under_way.number == number)?;
        self.durable = done.durable.clone();
        Some(done)
    }
}
