//! The secrets that bodies are sealed under, the places that bodies belong to, and the keys that follow from both.
//! Never stores a key and never draws one from anywhere but the caller's randomness.
//!
//! ```text
//! epoch key (random, wrapped for each member)     file key (random, inside the message's sealed text)
//!     │  HKDF(salt of the body; address)              │  HKDF(salt of the chunk; address)
//!     └──────────────► body key k ◄────────────────────┘
//!                        ├─ HKDF-Expand(k, "… body-key seal")    the AEAD's key, used once, nonce 0
//!                        └─ HKDF-Expand(k, "… body-key commit")  kc, which stands in the body
//! ```
//! Who holds k alone (a disclosed message) can check and open that one body and no other.

use journal::statement::Header;
use journal::{Chain, Commitment, ConversationId, LogId, ReservationId};
use pki::{PersonId, Suite};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::envelope::{Envelope, Unsupported};

const MESSAGE: &[u8] = b"conclave/1 message-body\0";
const TITLE: &[u8] = b"conclave/1 title-body\0";
const CHUNK: &[u8] = b"conclave/1 chunk-body\0";
const SEAL_LABEL: &[u8] = b"conclave/1 body-key seal\0";
const COMMIT_LABEL: &[u8] = b"conclave/1 body-key commit\0";
const EPOCH_COMMIT: &[u8] = b"conclave/1 epoch-key commit\0";

/// Bytes of every secret here.
pub const KEY_BYTES: usize = 32;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        /// Wiped when dropped, never printed, compared in constant time.
        pub struct $name(Zeroizing<[u8; KEY_BYTES]>);

        impl $name {
            /// Takes the bytes as they were at rest or in a wrap.
            pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
                Self(Zeroizing::new(*bytes))
            }

            /// The bytes, for whoever stores or wraps them.
            pub fn expose(&self) -> &[u8; KEY_BYTES] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&*other.0).into()
            }
        }

        impl Eq for $name {}
    };
}

secret! {
    /// The key of one epoch of one conversation: random, wrapped for each member, never with the server.
    EpochKey
}

secret! {
    /// The key of one file: random, inside the sealed text of the message that claims the file.
    FileKey
}

secret! {
    /// The key of one body. Discloses that body alone, to whoever has the body.
    BodyKey
}

impl EpochKey {
    /// Draws a new key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(draw(rng))
    }

    /// What an `Epoch` says of its key: binds it, tells nothing about it. Who opens a wrap compares.
    pub fn commitment(
        &self,
        suite: Suite,
        log: LogId,
        conversation: ConversationId,
        epoch: u32,
    ) -> Result<Commitment, Unsupported> {
        let envelope = Envelope::of(suite)?;
        let info = [EPOCH_COMMIT, &envelope.header(), &log.0, &conversation.0, &epoch.to_be_bytes()].concat();
        Ok(Commitment(*envelope.derive(None, &self.0, &info)))
    }
}

impl FileKey {
    /// Draws a new key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(draw(rng))
    }
}

impl BodyKey {
    /// The AEAD's key and kc.
    pub(crate) fn split(&self, envelope: Envelope) -> [Zeroizing<[u8; KEY_BYTES]>; 2] {
        envelope.expand_both(&self.0, [SEAL_LABEL, COMMIT_LABEL])
    }
}

/// 32 fresh bytes.
pub(crate) fn draw(rng: &mut dyn CryptoRng) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    rng.fill_bytes(&mut *bytes);
    bytes
}

/// The act that a message's or a title's body comes with, as far as it is known before it is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TextPlace {
    /// Which log.
    pub log: LogId,
    /// Which conversation.
    pub conversation: ConversationId,
    /// Under which epoch's key.
    pub epoch: u32,
    /// Who signs the act.
    pub signer: PersonId,
    /// In which of the signer's chains.
    pub chain: Chain,
    /// Under which number. A second attempt at one number has a fresh salt, so no key is used twice.
    pub sequence: u64,
}

impl TextPlace {
    /// The place of the body that comes with a statement of this header.
    pub fn of(header: &Header, conversation: ConversationId, epoch: u32) -> Self {
        Self {
            log: header.log,
            conversation,
            epoch,
            signer: header.person,
            chain: header.chain,
            sequence: header.sequence,
        }
    }
}

/// Where a chunk of a file belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkPlace {
    /// Which log.
    pub log: LogId,
    /// Which conversation.
    pub conversation: ConversationId,
    /// The reservation that holds the file.
    pub reservation: ReservationId,
    /// The chunk's number there, from 1: chunk 0 is the message's own body.
    pub number: u32,
}

/// A place and a purpose, spelled out: HKDF's info and the AEAD's associated data of one body.
/// `context ‖ 00 ‖ version ‖ suite ‖ the fields of the place`, numbers big-endian, everything of fixed length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    envelope: Envelope,
    bytes: Vec<u8>,
}

impl Address {
    /// A message's body.
    pub fn message(suite: Suite, place: &TextPlace) -> Result<Self, Unsupported> {
        Self::text(MESSAGE, suite, place)
    }

    /// A group title's body.
    pub fn title(suite: Suite, place: &TextPlace) -> Result<Self, Unsupported> {
        Self::text(TITLE, suite, place)
    }

    /// A file's chunk.
    pub fn chunk(suite: Suite, place: &ChunkPlace) -> Result<Self, Unsupported> {
        let (envelope, mut bytes) = Self::begin(CHUNK, suite)?;
        bytes.extend_from_slice(&place.log.0);
        bytes.extend_from_slice(&place.conversation.0);
        bytes.extend_from_slice(&place.reservation.0);
        bytes.extend_from_slice(&place.number.to_be_bytes());
        Ok(Self { envelope, bytes })
    }

    fn text(context: &[u8], suite: Suite, place: &TextPlace) -> Result<Self, Unsupported> {
        let (envelope, mut bytes) = Self::begin(context, suite)?;
        bytes.extend_from_slice(&place.log.0);
        bytes.extend_from_slice(&place.conversation.0);
        bytes.extend_from_slice(&place.epoch.to_be_bytes());
        bytes.extend_from_slice(&place.signer.0.to_be_bytes());
        bytes.extend_from_slice(&place.chain.0);
        bytes.extend_from_slice(&place.sequence.to_be_bytes());
        Ok(Self { envelope, bytes })
    }

    fn begin(context: &[u8], suite: Suite) -> Result<(Envelope, Vec<u8>), Unsupported> {
        let envelope = Envelope::of(suite)?;
        let mut bytes = Vec::with_capacity(160);
        bytes.extend_from_slice(context);
        bytes.extend_from_slice(&envelope.header());
        Ok((envelope, bytes))
    }

    /// The suite's envelope.
    pub(crate) fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What seals and opens the body of one place: the address and the secret above it.
pub struct Lock<'a> {
    secret: &'a [u8; KEY_BYTES],
    address: Address,
}

impl<'a> Lock<'a> {
    /// For a message's body.
    pub fn message(suite: Suite, key: &'a EpochKey, place: &TextPlace) -> Result<Self, Unsupported> {
        Ok(Self { secret: &key.0, address: Address::message(suite, place)? })
    }

    /// For a title's body.
    pub fn title(suite: Suite, key: &'a EpochKey, place: &TextPlace) -> Result<Self, Unsupported> {
        Ok(Self { secret: &key.0, address: Address::title(suite, place)? })
    }

    /// For a file's chunk.
    pub fn chunk(suite: Suite, key: &'a FileKey, place: &ChunkPlace) -> Result<Self, Unsupported> {
        Ok(Self { secret: &key.0, address: Address::chunk(suite, place)? })
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The key of the body with this salt.
    pub(crate) fn body_key(&self, salt: &[u8; 32]) -> BodyKey {
        BodyKey(self.address.envelope.derive(Some(salt), self.secret, &self.address.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::testing::{Rng, text_place};

    #[test]
    fn each_secret_is_drawn_afresh() {
        let mut rng = Rng::seeded(1);
        let one = EpochKey::generate(&mut rng);
        assert!(one != EpochKey::generate(&mut rng));
        assert!(one == EpochKey::from_bytes(one.expose()));
        assert!(FileKey::generate(&mut rng) != FileKey::generate(&mut rng));
    }

    #[test]
    fn a_key_commitment_is_of_one_key_in_one_place() {
        let mut rng = Rng::seeded(2);
        let place = text_place();
        let key = EpochKey::generate(&mut rng);
        let at = |suite, log, conversation, epoch| key.commitment(suite, log, conversation, epoch).unwrap();
        let good = at(Suite::Ed25519, place.log, place.conversation, 3);
        let others = [
            at(Suite::EcdsaP256, place.log, place.conversation, 3),
            at(Suite::Ed25519, LogId([9; 32]), place.conversation, 3),
            at(Suite::Ed25519, place.log, ConversationId([9; 32]), 3),
            at(Suite::Ed25519, place.log, place.conversation, 4),
            EpochKey::generate(&mut rng)
                .commitment(Suite::Ed25519, place.log, place.conversation, 3)
                .unwrap(),
        ];
        assert_eq!(good, at(Suite::Ed25519, place.log, place.conversation, 3));
        assert!(others.iter().all(|other| *other != good));
        assert!(key.commitment(Suite::Gost256, place.log, place.conversation, 3).is_err());
    }

    #[test]
    fn addresses_of_one_purpose_have_one_length_and_no_two_purposes_meet() {
        let place = text_place();
        let message = Address::message(Suite::Ed25519, &place).unwrap();
        let title = Address::title(Suite::Ed25519, &place).unwrap();
        assert_eq!(message.bytes().len(), MESSAGE.len() + 2 + 32 + 32 + 4 + 8 + 32 + 8);
        assert_ne!(message, title);
        let contexts = [MESSAGE, TITLE, CHUNK, EPOCH_COMMIT, SEAL_LABEL, COMMIT_LABEL];
        for (i, one) in contexts.iter().enumerate() {
            assert_eq!(one.iter().position(|byte| *byte == 0), Some(one.len() - 1));
            assert!(contexts[i + 1..].iter().all(|other| one != other));
        }
    }
}
