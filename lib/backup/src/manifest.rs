//! What a backup is: the state, the segments that hold it, and the site's signature over both.
//! Never believed before the signature holds.
//!
//! ```text
//! signed = "conclave/1 backup manifest" 0 | version 1 | identity 32 | made 8 | SHA-256(outline) 32 | segments 32
//! segments = SHA-256(canonical list of the segments)
//! id = SHA-256(signed)
//! ```
//! So the server signs without seeing the list of segments, which may be long, and only for the state that it holds.

use crate::BackupError;
use crate::segment::Listed;
use disk::{OUTLINE_BYTES_MAX, Outline};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{PublicKey, SecretKey, Signer, Suite, Verifier, canonical};
use sha2::{Digest, Sha256};
use std::path::Path;

/// What goes before everything else that is signed: nothing else that the log identity key signs begins so.
const CONTEXT: &[u8] = b"conclave/1 backup manifest\0";
const VERSION: u8 = 1;
/// Segments of one backup.
pub(crate) const SEGMENTS_MAX: usize = 65_536;
/// Longest manifest.
pub(crate) const MANIFEST_BYTES_MAX: usize = OUTLINE_BYTES_MAX + SEGMENTS_MAX * 64;

/// SHA-256 of what is signed: what the journal names a backup by.
pub type ManifestId = [u8; 32];

/// The body.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Manifest {
    #[n(0)]
    version: u8,
    /// Whose backup: the log identity key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) identity: [u8; 32],
    /// When it was finished, by the server's clock.
    #[n(2)]
    pub(crate) made_ms: u64,
    /// The state, as `disk` writes it.
    #[n(3)]
    pub(crate) outline: ByteVec,
    /// In order of their numbers.
    #[n(4)]
    pub(crate) segments: Vec<Listed>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Sealed {
    #[n(0)]
    version: u8,
    #[n(1)]
    body: ByteVec,
    #[n(2)]
    signature: ByteVec,
}

/// A manifest whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its segments, and when it was made.
    pub manifest: Manifest,
    /// The state.
    pub outline: Outline,
}

impl Manifest {
    /// One that is not signed yet.
    pub(crate) fn new(identity: [u8; 32], made_ms: u64, outline: &Outline, segments: Vec<Listed>) -> Self {
        Self { version: VERSION, identity, made_ms, outline: outline.encode().into(), segments }
    }

    /// When it was finished, by the server's clock.
    pub fn made_ms(&self) -> u64 {
        self.made_ms
    }

    /// The name under which the journal knows this backup.
    pub fn id(&self) -> ManifestId {
        Sha256::digest(self.signed()).into()
    }

    fn signed(&self) -> Vec<u8> {
        signed_bytes(&self.identity, self.made_ms, &self.outline, &segments_digest(&self.segments))
    }

    /// Body and signature as they are kept.
    pub(crate) fn sealed(&self, signature: Vec<u8>) -> Vec<u8> {
        let body = canonical::encode(self).into();
        canonical::encode(&Sealed { version: VERSION, body, signature: signature.into() })
    }

    /// Reads a body, whoever signed it, with the state that it names.
    fn decode(body: &[u8]) -> Option<Verified> {
        let manifest: Self = canonical::decode(body).ok()?;
        let ascending = manifest.segments.windows(2).all(|pair| pair[0].number < pair[1].number);
        if manifest.version != VERSION || manifest.segments.len() > SEGMENTS_MAX || !ascending {
            return None;
        }
        let outline = Outline::decode(&manifest.outline).ok()?;
        Some(Verified { manifest, outline })
    }
}

/// What a list of segments comes to.
pub(crate) fn segments_digest(segments: &[Listed]) -> [u8; 32] {
    Sha256::digest(canonical::encode(&segments.to_vec())).into()
}

fn signed_bytes(identity: &[u8; 32], made_ms: u64, outline: &[u8], segments: &[u8; 32]) -> Vec<u8> {
    let outline: [u8; 32] = Sha256::digest(outline).into();
    [CONTEXT, &[VERSION], identity, &made_ms.to_be_bytes(), &outline, segments].concat()
}

/// The name of a backup of this state with these segments.
pub fn manifest_id(identity: &[u8; 32], made_ms: u64, outline: &Outline, segments: &[u8; 32]) -> ManifestId {
    Sha256::digest(signed_bytes(identity, made_ms, &outline.encode(), segments)).into()
}

/// Signs for a state and the digest of the segments that hold it.
pub fn sign(
    key: &SecretKey,
    identity: &[u8; 32],
    made_ms: u64,
    outline: &Outline,
    segments: &[u8; 32],
) -> Result<Vec<u8>, pki::SignError> {
    key.sign(&signed_bytes(identity, made_ms, &outline.encode(), segments))
}

/// Opens a manifest: read whole, and given to nobody unless the signature holds.
pub(crate) fn open(bytes: &[u8], identity: &[u8; 32], path: &Path) -> Result<Verified, BackupError> {
    let not_ours = || BackupError::NotAManifest { path: path.to_owned() };
    let sealed: Sealed = canonical::decode(bytes).map_err(|_| not_ours())?;
    if sealed.version != VERSION {
        return Err(not_ours());
    }
    let verified = Manifest::decode(&sealed.body).ok_or_else(not_ours)?;
    let holds = verified.manifest.identity == *identity && is_signed(&verified.manifest, &sealed.signature);
    if holds { Ok(verified) } else { Err(BackupError::NotSigned { path: path.to_owned() }) }
}

/// Is this the signature of the identity that the manifest names?
pub(crate) fn is_signed(manifest: &Manifest, signature: &[u8]) -> bool {
    let key = PublicKey::from_raw(Suite::Ed25519, &manifest.identity);
    key.is_ok_and(|key| key.verify(&manifest.signed(), signature).is_ok())
}
