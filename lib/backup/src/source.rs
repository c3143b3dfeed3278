//! Where blocks come from. Two ways of reaching a server and one around it have this in common.
//! Never writes to the store.

use crate::BackupError;
use crate::manifest::Verified;
use disk::{Anchor, Outline, Range};

/// What came for a range.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its blocks.
    Blocks,
    /// The same, but for some that the store's device does not read: they are zeros.
    Torn,
    /// The state is gone: a newer one is to be held.
    Lost,
}

/// A manifest's signature, and the moment that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// When, by the server's clock.
    pub made_ms: u64,
    /// By the log identity key.
    pub signature: Vec<u8>,
}

/// A source of one copy.
pub trait Source {
    /// The log identity key, from where the caller believes it.
    fn identity(&self) -> [u8; 32];
    /// Holds the newest state; a former one is let go.
    fn hold(&mut self) -> Result<Outline, BackupError>;
    /// Was this store ever there?
    fn has_passed(&mut self, anchor: &Anchor) -> Result<bool, BackupError>;
    /// Has the state these blocks there, by [`crate::blocks_digest`]? `None`: the state is gone.
    fn is_same(&mut self, range: &Range, digest: &[u8; 32]) -> Result<Option<bool>, BackupError>;
    /// Asks for blocks, which [`Source::take`] gives in the order in which they were asked for.
    fn ask(&mut self, range: &Range) -> Result<(), BackupError>;
    /// The next blocks that were asked for.
    fn take(&mut self, blocks: &mut Vec<u8>) -> Result<Taken, BackupError>;
    /// The log identity key's signature over the state that is held and these segments.
    fn sign(&mut self, segments: &[u8; 32]) -> Result<Signed, BackupError>;
    /// The manifest is in place. Lets the state go. `true`: something waits for this copy to take a newer state as well.
    fn kept(&mut self, verified: &Verified) -> Result<bool, BackupError>;
}
