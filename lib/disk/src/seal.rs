//! Sealing under the device keys: XChaCha20-Poly1305, random nonces, place and purpose as associated data.
//! These keys promise confidentiality at rest, never erasure.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::extents::Stream;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 24;
/// Bytes of an authentication tag.
pub const TAG_BYTES: usize = 16;
/// What sealing adds to a plaintext.
pub(crate) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// Random name of one store, in every associated data: frames of one store never open in another.
pub type StoreId = [u8; 16];

/// The two long-lived keys of a device. They rest in the cell's own slot.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DeviceKeys {
    /// Headers, entries, tree frames, commit records.
    pub log: [u8; 32],
    /// Password verifiers, needed before unlock.
    pub verifiers: [u8; 32],
}

impl DeviceKeys {
    /// Fresh keys.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        let mut keys = Self { log: [0; 32], verifiers: [0; 32] };
        rng.fill_bytes(&mut keys.log);
        rng.fill_bytes(&mut keys.verifiers);
        keys
    }
}

/// What a sealed piece is, so that no piece opens in another's place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    Superblock,
    Header,
    Table,
    Commit,
    Frame(Stream),
}

impl Piece {
    fn number(self) -> u8 {
        match self {
            Self::Superblock => 1,
            Self::Header => 2,
            Self::Table => 3,
            Self::Commit => 4,
            Self::Frame(stream) => 16 + stream.number(),
        }
    }
}

/// The device keys made ready for one store.
pub struct Sealer {
    log: XChaCha20Poly1305,
    verifiers: XChaCha20Poly1305,
    store: StoreId,
}

impl Sealer {
    /// Keys and the store they belong to (zeros only for the superblock itself).
    pub fn new(keys: &DeviceKeys, store: StoreId) -> Self {
        Self {
            log: XChaCha20Poly1305::new((&keys.log).into()),
            verifiers: XChaCha20Poly1305::new((&keys.verifiers).into()),
            store,
        }
    }

    /// The same keys for the superblocks, which are sealed before anybody knows the store's name.
    pub(crate) fn for_superblock(&self) -> Self {
        Self { log: self.log.clone(), verifiers: self.verifiers.clone(), store: [0; 16] }
    }

    /// The store's name.
    pub fn store(&self) -> StoreId {
        self.store
    }

    fn cipher(&self, piece: Piece) -> &XChaCha20Poly1305 {
        match piece {
            Piece::Frame(Stream::Verifiers) => &self.verifiers,
            Piece::Superblock | Piece::Header | Piece::Table | Piece::Commit => &self.log,
            Piece::Frame(Stream::Journal | Stream::Bodies | Stream::Tree) => &self.log,
        }
    }

    /// Associated data: what, which store, where.
    fn data(&self, piece: Piece, offset: u64) -> [u8; 33] {
        let mut data = [0; 33];
        data[..8].copy_from_slice(b"ccldisk1");
        data[8] = piece.number();
        data[9..25].copy_from_slice(&self.store);
        data[25..].copy_from_slice(&offset.to_le_bytes());
        data
    }

    /// Seals `slot[24..len-16]` in place; the nonce goes before it, the tag behind it.
    pub(crate) fn seal(&self, piece: Piece, offset: u64, slot: &mut [u8], rng: &mut dyn CryptoRng) {
        let (nonce, rest) = slot.split_first_chunk_mut::<NONCE_BYTES>().expect("the caller sized the slot");
        let (text, tag) = rest.split_last_chunk_mut::<TAG_BYTES>().expect("the caller sized the slot");
        rng.fill_bytes(nonce);
        let data = self.data(piece, offset);
        let sealed = self.cipher(piece).encrypt_inout_detached((&*nonce).into(), &data, text.into());
        tag.copy_from_slice(&sealed.expect("a piece is far below the cipher's limit of 256 GiB"));
    }

    /// Opens a sealed piece; `None` when it is not what was sealed here.
    pub(crate) fn open(&self, piece: Piece, offset: u64, slot: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = slot.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut plain = text.to_vec();
        let data = self.data(piece, offset);
        self.cipher(piece)
            .decrypt_inout_detached(nonce.into(), &data, plain.as_mut_slice().into(), tag.into())
            .ok()?;
        Some(plain)
    }
}
