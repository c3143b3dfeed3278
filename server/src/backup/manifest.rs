//! What a backup is: the state, the segments that hold it, and the site's signature over both.
//! Never believed before the signature holds.

use super::BackupError;
use super::segment::Listed;
use disk::{OUTLINE_BYTES_MAX, Outline};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{PublicKey, SecretKey, Signer, Suite, Verifier, canonical};
use std::path::Path;

/// What goes before the body when it is signed: nothing else that the log identity key signs begins so.
const CONTEXT: &[u8] = b"conclave/1 backup manifest\0";
const VERSION: u8 = 1;
/// Segments of one backup.
pub(crate) const SEGMENTS_MAX: usize = 65_536;
/// Longest manifest.
pub(crate) const MANIFEST_BYTES_MAX: usize = OUTLINE_BYTES_MAX + SEGMENTS_MAX * 64;

/// The signed part.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Manifest {
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
struct Signed {
    #[n(0)]
    version: u8,
    #[n(1)]
    body: ByteVec,
    #[n(2)]
    signature: ByteVec,
}

/// A manifest whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) manifest: Manifest,
    pub(crate) outline: Outline,
}

impl Manifest {
    /// One that is not signed yet.
    pub(crate) fn new(identity: [u8; 32], made_ms: u64, outline: &Outline, segments: Vec<Listed>) -> Self {
        Self { version: VERSION, identity, made_ms, outline: outline.encode().into(), segments }
    }

    /// The bytes to sign.
    pub(crate) fn encode(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads a body, whoever signed it, with the state that it names.
    pub(crate) fn decode(body: &[u8]) -> Option<Verified> {
        let manifest: Self = canonical::decode(body).ok()?;
        let ascending = manifest.segments.windows(2).all(|pair| pair[0].number < pair[1].number);
        if manifest.version != VERSION || manifest.segments.len() > SEGMENTS_MAX || !ascending {
            return None;
        }
        let outline = Outline::decode(&manifest.outline).ok()?;
        Some(Verified { manifest, outline })
    }
}

/// Signs a body.
pub(crate) fn sign(body: &[u8], identity: &SecretKey) -> Result<Vec<u8>, pki::SignError> {
    identity.sign(&[CONTEXT, body].concat())
}

/// Body and signature as they are kept.
pub(crate) fn sealed(body: Vec<u8>, signature: Vec<u8>) -> Vec<u8> {
    canonical::encode(&Signed { version: VERSION, body: body.into(), signature: signature.into() })
}

/// Opens a manifest: the signature first, then everything else.
pub(crate) fn open(bytes: &[u8], identity: &[u8; 32], path: &Path) -> Result<Verified, BackupError> {
    let not_ours = || BackupError::NotAManifest { path: path.to_owned() };
    let signed: Signed = canonical::decode(bytes).map_err(|_| not_ours())?;
    if signed.version != VERSION {
        return Err(not_ours());
    }
    let not_signed = || BackupError::NotSigned { path: path.to_owned() };
    let key = PublicKey::from_raw(Suite::Ed25519, identity).map_err(|_| not_signed())?;
    key.verify(&[CONTEXT, &signed.body].concat(), &signed.signature).map_err(|_| not_signed())?;
    let verified = Manifest::decode(&signed.body).ok_or_else(not_ours)?;
    if verified.manifest.identity == *identity { Ok(verified) } else { Err(not_signed()) }
}
