//! Sealing under keys of the tree: XChaCha20-Poly1305, random nonce, and the place as associated data.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use disk::{NONCE_BYTES, Owner, StoreId, TAG_BYTES};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// What sealing adds.
pub(crate) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// Associated data: store and place, so that nothing opens anywhere else.
fn data(store: &StoreId, owner: &Owner) -> [u8; 56] {
    let mut data = [0; 56];
    data[..8].copy_from_slice(b"cclvalt1");
    data[8..24].copy_from_slice(store);
    data[24..].copy_from_slice(owner);
    data
}

/// Seals `plain` straight into `slot`, which is [`SEAL_BYTES`] longer; gives the tag.
pub(crate) fn seal_into(
    key: &[u8; 32],
    store: &StoreId,
    owner: &Owner,
    plain: &[u8],
    slot: &mut [u8],
    rng: &mut dyn CryptoRng,
) -> [u8; TAG_BYTES] {
    let (nonce, rest) = slot.split_first_chunk_mut::<NONCE_BYTES>().expect("the caller sized the slot");
    let (text, tag) = rest.split_last_chunk_mut::<TAG_BYTES>().expect("the caller sized the slot");
    rng.fill_bytes(nonce);
    text.copy_from_slice(plain);
    let cipher = XChaCha20Poly1305::new(key.into());
    let sealed = cipher.encrypt_inout_detached((&*nonce).into(), &data(store, owner), text.into());
    tag.copy_from_slice(&sealed.expect("a frame is far below the cipher's limit of 256 GiB"));
    *tag
}

/// Seals into a new vector.
pub(crate) fn seal(
    key: &[u8; 32],
    store: &StoreId,
    owner: &Owner,
    plain: &[u8],
    rng: &mut dyn CryptoRng,
) -> Vec<u8> {
    let mut sealed = vec![0; plain.len() + SEAL_BYTES];
    seal_into(key, store, owner, plain, &mut sealed, rng);
    sealed
}

/// Opens; `None` when key, place or bytes are not the right ones.
pub(crate) fn open(
    key: &[u8; 32],
    store: &StoreId,
    owner: &Owner,
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
    let mut plain = Zeroizing::new(text.to_vec());
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher
        .decrypt_inout_detached(nonce.into(), &data(store, owner), plain.as_mut_slice().into(), tag.into())
        .ok()?;
    Some(plain)
}

/// The tag at the end of sealed bytes.
pub(crate) fn tag_of(sealed: &[u8]) -> Option<[u8; TAG_BYTES]> {
    sealed.last_chunk().copied()
}
