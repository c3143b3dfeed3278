//! One wrap as it is uploaded, stored and handed to its recipient: with its path, so that the root alone judges it.
//! Never trusts the order in which chunks arrive: each says its place and is held to it.
//!
//! ```text
//! chunk       canonical [1, recipient's CertId, wrap, [index, count, path]]: the body of the reservation's chunk `index`
//! leaf        RFC 9162 leaf hash of canonical [recipient's CertId, commitment]
//! commitment  SHA-256("conclave/1 wrap-commitment" 00 ‖ wrap)
//! ```

use journal::act::WrapClaim;
use journal::proof::InclusionProof;
use journal::tree::{leaf_hash, node_hash};
use journal::{Commitment, ConversationId, Hash, LogId};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use pki::canonical::{self, NotCanonical};
use pki::{AgreementSecret, CertId, Suite};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::envelope::{ENVELOPE_VERSION, Envelope, Unsupported};
use super::keys::{EpochKey, KEY_BYTES};
use super::wraps::{EpochPlace, HistoryPlace, RECORD_BYTES};

const WRAP_COMMITMENT: &[u8] = b"conclave/1 wrap-commitment\0";

/// The version of wrap chunks that this program writes.
pub const WRAP_CHUNK_VERSION: u8 = 1;
/// Largest wrap chunk, bytes: its largest size class.
pub const WRAP_CHUNK_BYTES_MAX: usize = 256 * 1024;

/// Why a chunk is no wrap, is not the one that was bound, or does not open. A member answers it with `BadWrap`.
#[derive(Debug, thiserror::Error)]
pub enum BadWrap {
    /// Longer than any wrap.
    #[error("{bytes} bytes are more than a wrap may have ({WRAP_CHUNK_BYTES_MAX})")]
    TooLong {
        /// Found.
        bytes: usize,
    },
    /// Not the one right encoding.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// Written by a newer program.
    #[error("wrap version {0} is newer than this program reads")]
    Newer(u8),
    /// No such version, or a wrap too short to name version and suite.
    #[error("not a wrap")]
    NotAWrap,
    /// The path says another place or another number of wraps.
    #[error("the wrap is number {index} of {count}, expected was {expected_index} of {expected_count}")]
    Misplaced {
        /// In the chunk.
        index: u64,
        /// In the chunk.
        count: u64,
        /// Asked for.
        expected_index: u32,
        /// Claimed.
        expected_count: u32,
    },
    /// The path does not lead to the root that the act names.
    #[error("the wrap is not under the root")]
    NotUnderRoot,
    /// It is wrapped to another certificate.
    #[error("the wrap is for certificate {0}")]
    NotForThisKey(CertId),
    /// Sealed by another suite than the site's.
    #[error("the wrap names suite number {found}, the site has suite {expected}")]
    WrongSuite {
        /// In the wrap.
        found: u8,
        /// Of the site.
        expected: Suite,
    },
    /// A suite whose envelopes are not in this program.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// Not for this key and place, or damaged.
    #[error("the wrap does not open")]
    DoesNotOpen,
    /// It opens, but what is inside is not what the epochs are bound to.
    #[error("the wrap holds no key that fits the commitment of epoch {0}")]
    WrongKey(u32),
}

/// A leaf's content: `[recipient, commitment]`.
#[derive(Encode)]
#[cbor(array)]
struct Leaf {
    #[n(0)]
    recipient: CertId,
    #[n(1)]
    commitment: Commitment,
}

/// The leaf of a wrap in the tree that an act's claim names.
pub(crate) fn wrap_leaf(recipient: CertId, wrap: &[u8]) -> Hash {
    let digest = Sha256::new().chain_update(WRAP_COMMITMENT).chain_update(wrap).finalize();
    leaf_hash(&canonical::encode(&Leaf { recipient, commitment: Commitment(digest.into()) }))
}

/// One wrap with its path, read whole. Whether it opens is not known yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct WrapChunk {
    #[n(0)]
    version: u8,
    #[n(1)]
    recipient: CertId,
    #[n(2)]
    wrap: ByteVec,
    #[n(3)]
    proof: InclusionProof,
}

impl WrapChunk {
    pub(crate) fn new(recipient: CertId, wrap: Vec<u8>, proof: InclusionProof) -> Self {
        Self { version: WRAP_CHUNK_VERSION, recipient, wrap: wrap.into(), proof }
    }

    /// Reads foreign bytes: chunk `index` of a reservation of `count`.
    pub fn parse(bytes: &[u8], index: u32, count: u32) -> Result<Self, BadWrap> {
        if bytes.len() > WRAP_CHUNK_BYTES_MAX {
            return Err(BadWrap::TooLong { bytes: bytes.len() });
        }
        // `[version, …`: the version is the second byte of the canonical form.
        if let Some(&version) = bytes.get(1)
            && version > WRAP_CHUNK_VERSION
            && version < 24
        {
            return Err(BadWrap::Newer(version));
        }
        let chunk: Self = canonical::decode(bytes)?;
        if chunk.version != WRAP_CHUNK_VERSION {
            return Err(BadWrap::NotAWrap);
        }
        match chunk.wrap.first() {
            Some(&ENVELOPE_VERSION) if chunk.wrap.len() > 2 => {}
            Some(&version) if version > ENVELOPE_VERSION => return Err(BadWrap::Newer(version)),
            Some(_) | None => return Err(BadWrap::NotAWrap),
        }
        let (at, of) = (chunk.proof.index(), chunk.proof.size());
        if at != u64::from(index) || of != u64::from(count) {
            let (expected_index, expected_count) = (index, count);
            return Err(BadWrap::Misplaced { index: at, count: of, expected_index, expected_count });
        }
        Ok(chunk)
    }

    /// Reads foreign bytes and checks that they are the wrap that an act's claim binds.
    pub fn check(bytes: &[u8], index: u32, claim: &WrapClaim) -> Result<Self, BadWrap> {
        let chunk = Self::parse(bytes, index, claim.count)?;
        let leaf = wrap_leaf(chunk.recipient, &chunk.wrap);
        chunk.proof.verify(&leaf, &claim.root).map_err(|_| BadWrap::NotUnderRoot)?;
        Ok(chunk)
    }

    /// To which certificate it is wrapped.
    pub fn recipient(&self) -> CertId {
        self.recipient
    }

    /// The only root under which this chunk can stand. The core keeps it with the first chunk of a reservation, demands
    /// the same of every other, and compares it with the claim: so it need not read the chunks again.
    pub fn implied_root(&self) -> Hash {
        fn climb(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Hash {
            let Some((top, below)) = path.split_last() else { return leaf };
            // The largest power of two below the size (RFC 9162 2.1.1).
            let left = 1 << (63 - (size - 1).leading_zeros());
            match index < left {
                true => node_hash(&climb(leaf, index, left, below), top),
                false => node_hash(top, &climb(leaf, index - left, size - left, below)),
            }
        }
        climb(wrap_leaf(self.recipient, &self.wrap), self.proof.index(), self.proof.size(), self.proof.path())
    }

    /// Opens an epoch's wrap with the recipient's key and compares the key with the Epoch's commitment.
    pub fn open_epoch(
        &self,
        suite: Suite,
        place: &EpochPlace,
        own: (CertId, &AgreementSecret),
        expected: &Commitment,
    ) -> Result<EpochKey, BadWrap> {
        let envelope = Envelope::of(suite)?;
        let opened = self.open(envelope, &place.address(envelope, self.recipient), own)?;
        let bytes: &[u8; KEY_BYTES] =
            opened.as_slice().try_into().map_err(|_| BadWrap::WrongKey(place.epoch))?;
        fitting_key(suite, place.log, place.conversation, place.epoch, bytes, expected)
    }

    /// Opens a history with the recipient's key and compares every key with its Epoch's commitment. `expected` are the
    /// commitments of the epochs named, in order.
    pub fn open_history(
        &self,
        suite: Suite,
        place: &HistoryPlace,
        own: (CertId, &AgreementSecret),
        expected: &[Commitment],
    ) -> Result<Vec<(u32, EpochKey)>, BadWrap> {
        let envelope = Envelope::of(suite)?;
        let opened = self.open(envelope, &place.address(envelope, self.recipient), own)?;
        let (records, rest) = opened.as_chunks::<RECORD_BYTES>();
        let epochs = records.iter().map(|record| split_record(record).0);
        if !rest.is_empty() || !place.names(epochs) || records.len() != expected.len() {
            return Err(BadWrap::WrongKey(place.from_epoch));
        }
        let keys = records.iter().zip(expected).map(|(record, expected)| {
            let (epoch, bytes) = split_record(record);
            Ok((epoch, fitting_key(suite, place.log, place.conversation, epoch, bytes, expected)?))
        });
        keys.collect()
    }

    fn open(
        &self,
        envelope: Envelope,
        info: &[u8],
        (certificate, secret): (CertId, &AgreementSecret),
    ) -> Result<Zeroizing<Vec<u8>>, BadWrap> {
        if certificate != self.recipient {
            return Err(BadWrap::NotForThisKey(self.recipient));
        }
        let &[_, suite, ref sealed @ ..] = self.wrap.as_slice() else { return Err(BadWrap::NotAWrap) };
        let expected = envelope.suite();
        if suite != expected.number() || secret.public().suite() != expected {
            return Err(BadWrap::WrongSuite { found: suite, expected });
        }
        secret.open(info, &[], sealed).map_err(|_| BadWrap::DoesNotOpen)
    }
}

fn split_record(record: &[u8; RECORD_BYTES]) -> (u32, &[u8; KEY_BYTES]) {
    let (epoch, key) = record.split_first_chunk::<4>().expect("a record is 36 bytes");
    (u32::from_be_bytes(*epoch), key.try_into().expect("32 of 36 bytes are left"))
}

fn fitting_key(
    suite: Suite,
    log: LogId,
    conversation: ConversationId,
    epoch: u32,
    bytes: &[u8; KEY_BYTES],
    expected: &Commitment,
) -> Result<EpochKey, BadWrap> {
    let key = EpochKey::from_bytes(bytes);
    // Both commitments are public: nothing is learned from the time that a comparison takes.
    if key.commitment(suite, log, conversation, epoch)? == *expected {
        Ok(key)
    } else {
        Err(BadWrap::WrongKey(epoch))
    }
}
