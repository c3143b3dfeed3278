//! Epoch keys sealed to members, and the list of them that an Epoch or a ShareHistory binds by one root.
//! Never decides who a recipient is: certificates and their order come from the membership.
//!
//! ```text
//! wrap        version 1 | suite | HPKE(recipient's agreement key, info = address, key or history)
//! address     context 00 | version | suite | log | conversation | epoch, membership head (or first, last epoch) |
//!             recipient's CertId; all of fixed length
//! history     (epoch u32 big-endian | key 32)…, ascending
//! ```

use journal::act::{SizeClass, WrapClaim};
use journal::tree::Tree;
use journal::{ConversationId, Hash, LogId, MembershipHead, ReservationId};
use pki::{AgreementPublic, CertId, Suite, canonical};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::envelope::{Envelope, Unsupported};
use super::keys::{EpochKey, KEY_BYTES};
use super::wrap_chunk::{WrapChunk, wrap_leaf};

const EPOCH_WRAP: &[u8] = b"conclave/1 epoch-wrap\0";
const HISTORY_WRAP: &[u8] = b"conclave/1 history-wrap\0";

/// Most wraps of one epoch.
pub const WRAPS_MAX: usize = journal::act::conversation::MEMBERS_MAX as usize;
/// Most epochs in one history; more go into a second ShareHistory.
pub const HISTORY_EPOCHS_MAX: usize = 4096;

/// An epoch's number and its key, in a history.
pub(crate) const RECORD_BYTES: usize = 4 + KEY_BYTES;

/// Which epoch's key is wrapped, for which membership.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochPlace {
    /// Which log.
    pub log: LogId,
    /// Which conversation.
    pub conversation: ConversationId,
    /// The new epoch.
    pub epoch: u32,
    /// The membership that gets its key.
    pub membership: MembershipHead,
}

/// Which epochs' keys one member gives to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HistoryPlace {
    /// Which log.
    pub log: LogId,
    /// Which conversation.
    pub conversation: ConversationId,
    /// First epoch.
    pub from_epoch: u32,
    /// Last epoch.
    pub to_epoch: u32,
}

/// Why wraps cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WrapError {
    /// A suite whose envelopes are not in this program.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// No recipients, or more than a conversation has members.
    #[error("{0} recipients: there must be 1 to {WRAPS_MAX}")]
    Recipients(usize),
    /// The recipient's key is of another suite than the site.
    #[error("the agreement key of certificate {recipient} is not of suite {expected}")]
    WrongSuite {
        /// Whose key.
        recipient: CertId,
        /// The site's suite.
        expected: Suite,
    },
    /// The recipient's key gives no shared secret.
    #[error("cannot wrap to the agreement key of certificate {0}")]
    UselessKey(CertId),
    /// The keys are not those of the epochs named, in order, or too many.
    #[error("the keys are not those of epochs {from_epoch} to {to_epoch}, at most {HISTORY_EPOCHS_MAX}")]
    Epochs {
        /// First named.
        from_epoch: u32,
        /// Last named.
        to_epoch: u32,
    },
}

/// All wraps of one act, ready to be uploaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrapSet {
    root: Hash,
    chunks: Vec<Vec<u8>>,
}

impl WrapSet {
    /// Wraps an epoch's key for every member, given in membership order with their current agreement certificates.
    pub fn make(
        suite: Suite,
        place: &EpochPlace,
        key: &EpochKey,
        recipients: &[(CertId, AgreementPublic)],
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, WrapError> {
        let envelope = Envelope::of(suite)?;
        if recipients.is_empty() || recipients.len() > WRAPS_MAX {
            return Err(WrapError::Recipients(recipients.len()));
        }
        let wraps = recipients
            .iter()
            .map(|(recipient, public)| {
                let info = place.address(envelope, *recipient);
                Ok((*recipient, wrap(envelope, &info, key.expose(), *recipient, public, rng)?))
            })
            .collect::<Result<_, WrapError>>()?;
        Ok(Self::bind(wraps))
    }

    /// Wraps the keys of all epochs named, ascending, for one member.
    pub fn make_history(
        suite: Suite,
        place: &HistoryPlace,
        keys: &[(u32, &EpochKey)],
        recipient: CertId,
        public: &AgreementPublic,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, WrapError> {
        let envelope = Envelope::of(suite)?;
        if !place.names(keys.iter().map(|(epoch, _)| *epoch)) {
            return Err(WrapError::Epochs { from_epoch: place.from_epoch, to_epoch: place.to_epoch });
        }
        let mut history = Zeroizing::new(Vec::with_capacity(keys.len() * RECORD_BYTES));
        for (epoch, key) in keys {
            history.extend_from_slice(&epoch.to_be_bytes());
            history.extend_from_slice(key.expose());
        }
        let info = place.address(envelope, recipient);
        let wrap = wrap(envelope, &info, &history, recipient, public, rng)?;
        Ok(Self::bind(vec![(recipient, wrap)]))
    }

    fn bind(wraps: Vec<(CertId, Vec<u8>)>) -> Self {
        let mut tree = Tree::new();
        for (recipient, wrap) in &wraps {
            tree.append(wrap_leaf(*recipient, wrap));
        }
        let size = tree.size();
        let mut prover = tree.prover(size).expect("all leaves are there");
        let chunks = wraps
            .into_iter()
            .zip(0..)
            .map(|((recipient, wrap), index)| {
                let proof = prover.inclusion_proof(index).expect("the index is below the size");
                canonical::encode(&WrapChunk::new(recipient, wrap, proof))
            })
            .collect();
        Self { root: tree.root(), chunks }
    }

    /// RFC 9162 root over the leaves.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// How many wraps.
    pub fn count(&self) -> u32 {
        u32::try_from(self.chunks.len()).expect("at most WRAPS_MAX")
    }

    /// What the reservation's chunks `0..count` hold.
    pub fn chunks(&self) -> &[Vec<u8>] {
        &self.chunks
    }

    /// The size class to reserve: the smallest that holds every chunk.
    pub fn size(&self) -> SizeClass {
        let longest = self.chunks.iter().map(Vec::len).max().unwrap_or(0);
        SizeClass::holding(longest).expect("the longest history is below the largest class")
    }

    /// What the act says of the wraps.
    pub fn claim(&self, reservation: ReservationId) -> WrapClaim {
        WrapClaim { reservation, root: self.root, count: self.count() }
    }
}

impl EpochPlace {
    pub(crate) fn address(&self, envelope: Envelope, recipient: CertId) -> Vec<u8> {
        let epoch = self.epoch.to_be_bytes();
        let fields: [&[u8]; 5] =
            [&self.log.0, &self.conversation.0, &epoch, &self.membership.0, &recipient.0];
        [EPOCH_WRAP, &envelope.header(), &fields.concat()].concat()
    }
}

impl HistoryPlace {
    pub(crate) fn address(&self, envelope: Envelope, recipient: CertId) -> Vec<u8> {
        let (from, to) = (self.from_epoch.to_be_bytes(), self.to_epoch.to_be_bytes());
        let fields: [&[u8]; 5] = [&self.log.0, &self.conversation.0, &from, &to, &recipient.0];
        [HISTORY_WRAP, &envelope.header(), &fields.concat()].concat()
    }

    /// Whether these are all epochs of the place, once each, ascending, and not too many.
    pub(crate) fn names(&self, epochs: impl ExactSizeIterator<Item = u32>) -> bool {
        let count = u64::from(self.to_epoch) + 1 - u64::from(self.from_epoch.min(self.to_epoch));
        self.from_epoch <= self.to_epoch
            && epochs.len() <= HISTORY_EPOCHS_MAX
            && epochs.len() as u64 == count
            && epochs.zip(self.from_epoch..=self.to_epoch).all(|(epoch, named)| epoch == named)
    }
}

fn wrap(
    envelope: Envelope,
    info: &[u8],
    content: &[u8],
    recipient: CertId,
    public: &AgreementPublic,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, WrapError> {
    let expected = envelope.suite();
    if public.suite() != expected {
        return Err(WrapError::WrongSuite { recipient, expected });
    }
    let sealed = public.seal(info, &[], content, rng).map_err(|_| WrapError::UselessKey(recipient))?;
    Ok([&envelope.header()[..], &sealed].concat())
}

#[cfg(test)]
#[path = "wraps_tests.rs"]
mod tests;
