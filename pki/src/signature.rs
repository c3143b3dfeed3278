//! What signs and what verifies, whatever the suite: the seam through which GOST and tokens come later.
//! Never says whom a key belongs to.
use crate::suite::Suite;

/// Holds a signature key, in memory or behind a token.
pub trait Signer {
    /// The suite of the key.
    fn suite(&self) -> Suite;

    /// Signs the message as it stands, in the form statements carry (see [`Suite::signature_bytes`]).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Checks signatures of one key.
pub trait Verifier {
    /// Says yes, or an error that gives no reason away.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature>;
}

/// The key could not sign: a token was pulled out, a library failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign with the {suite} key")]
pub struct SignError {
    /// The suite of the key that refused.
    pub suite: Suite,
}

/// The signature is not this key's over this message, or is not in the one accepted form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;
