//! Sealing under the device keys: XChaCha20-Poly1305, random nonces, place and purpose as associated data.
//! These keys promise confidentiality at rest, never erasure.

use std::sync::Arc;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hardening::{SecretBox, SecretPageError};
use rand_core::CryptoRng;

use crate::extents::Stream;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 24;
/// Bytes of an authentication tag.
pub const TAG_BYTES: usize = 16;
/// What sealing adds to a plaintext.
pub(crate) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// Random name of one store, in every associated data: frames of one store never open in another.
pub type StoreId = [u8; 16];

/// The two long-lived keys of a device, each in a page of its own, and in clear only while a cipher needs it. They rest in
/// the cell's own slot.
#[derive(Clone)]
pub struct DeviceKeys {
    log: Arc<SecretBox<32>>,
    verifiers: VerifiersKey,
}

/// The key that alone finds and opens the password verifiers, before unlock too: superblocks, and headers and frames of
/// their runs.
#[derive(Clone)]
pub struct VerifiersKey(Arc<SecretBox<32>>);

impl VerifiersKey {
    /// Of bytes that were stored.
    pub fn of(bytes: &[u8; 32]) -> Result<Self, SecretPageError> {
        Ok(Self(kept(bytes)?))
    }

    /// Lends the bytes.
    pub fn with<T>(&self, read: impl FnOnce(&[u8; 32]) -> T) -> T {
        self.0.with(read)
    }

    /// Opens what is sealed under this key in a store.
    pub(crate) fn opener(&self, store: StoreId) -> Opener<'_> {
        Opener { key: &self.0, store }
    }
}

impl DeviceKeys {
    /// Fresh keys.
    pub fn random(rng: &mut dyn CryptoRng) -> Result<Self, SecretPageError> {
        let log = Arc::new(SecretBox::filled(|bytes| rng.fill_bytes(bytes))?);
        let verifiers = VerifiersKey(Arc::new(SecretBox::filled(|bytes| rng.fill_bytes(bytes))?));
        Ok(Self { log, verifiers })
    }

    /// Of bytes that were stored.
    pub fn of(log: &[u8; 32], verifiers: &[u8; 32]) -> Result<Self, SecretPageError> {
        Ok(Self { log: kept(log)?, verifiers: VerifiersKey::of(verifiers)? })
    }

    /// Lends the key of entries, tree frames, commit records, and of all headers but the verifiers'.
    pub fn with_log<T>(&self, read: impl FnOnce(&[u8; 32]) -> T) -> T {
        self.log.with(read)
    }

    /// The other one.
    pub fn verifiers(&self) -> &VerifiersKey {
        &self.verifiers
    }
}

fn kept(bytes: &[u8; 32]) -> Result<Arc<SecretBox<32>>, SecretPageError> {
    Ok(Arc::new(SecretBox::filled(|page| page.copy_from_slice(bytes))?))
}

/// What a sealed piece is, so that no piece opens in another's place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    Superblock,
    /// Of a run of any stream but the verifiers'.
    Header,
    /// Of a run of verifiers.
    VerifiersHeader,
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
            Self::VerifiersHeader => 5,
            Self::Frame(stream) => 16 + stream.number(),
        }
    }
}

/// The device keys made ready for one store.
pub struct Sealer {
    keys: DeviceKeys,
    store: StoreId,
}

impl Sealer {
    /// Keys and the store they belong to (zeros only for the superblock itself).
    pub fn new(keys: &DeviceKeys, store: StoreId) -> Self {
        Self { keys: keys.clone(), store }
    }

    /// The key that opens the superblocks, which are sealed before anybody knows the store's name.
    pub(crate) fn verifiers_key(&self) -> &VerifiersKey {
        &self.keys.verifiers
    }

    /// The store's name.
    pub fn store(&self) -> StoreId {
        self.store
    }

    /// Which key is a piece's.
    fn opener(&self, piece: Piece) -> Opener<'_> {
        let key = match piece {
            Piece::Superblock | Piece::VerifiersHeader | Piece::Frame(Stream::Verifiers) => {
                &self.keys.verifiers.0
            }
            Piece::Header | Piece::Table | Piece::Commit => &self.keys.log,
            Piece::Frame(Stream::Journal | Stream::Bodies | Stream::Tree) => &self.keys.log,
        };
        Opener { key, store: self.store }
    }

    /// Seals `slot[24..len-16]` in place; the nonce goes before it, the tag behind it.
    pub(crate) fn seal(&self, piece: Piece, offset: u64, slot: &mut [u8], rng: &mut dyn CryptoRng) {
        let (nonce, rest) = slot.split_first_chunk_mut::<NONCE_BYTES>().expect("the caller sized the slot");
        let (text, tag) = rest.split_last_chunk_mut::<TAG_BYTES>().expect("the caller sized the slot");
        rng.fill_bytes(nonce);
        let opener = self.opener(piece);
        let data = data(&self.store, piece, offset);
        let sealed = opener.key.with(|key| {
            let cipher = XChaCha20Poly1305::new(key.into());
            cipher.encrypt_inout_detached((&*nonce).into(), &data, text.into())
        });
        tag.copy_from_slice(&sealed.expect("a piece is far below the cipher's limit of 256 GiB"));
    }

    /// Opens a sealed piece; `None` when it is not what was sealed here.
    pub(crate) fn open(&self, piece: Piece, offset: u64, slot: &[u8]) -> Option<Vec<u8>> {
        self.opener(piece).open(piece, offset, slot)
    }
}

/// One key made ready to open what was sealed under it in one store.
#[derive(Clone, Copy)]
pub(crate) struct Opener<'a> {
    key: &'a SecretBox<32>,
    store: StoreId,
}

impl Opener<'_> {
    /// Opens a sealed piece; `None` when it is not what was sealed here.
    pub(crate) fn open(self, piece: Piece, offset: u64, slot: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = slot.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut plain = text.to_vec();
        let data = data(&self.store, piece, offset);
        let opened = self.key.with(|key| {
            let cipher = XChaCha20Poly1305::new(key.into());
            cipher.decrypt_inout_detached(nonce.into(), &data, plain.as_mut_slice().into(), tag.into())
        });
        opened.ok()?;
        Some(plain)
    }
}

/// Associated data: what, which store, where.
fn data(store: &StoreId, piece: Piece, offset: u64) -> [u8; 33] {
    let mut data = [0; 33];
    data[..8].copy_from_slice(b"ccldisk1");
    data[8] = piece.number();
    data[9..25].copy_from_slice(store);
    data[25..].copy_from_slice(&offset.to_le_bytes());
    data
}
