//! One copy's state on the side of whoever has the store: held still, read, signed for.
//! Never signs for a state that is not the one being held.

use super::newest::{Newest, Shelf};
use crate::clock;
use crate::log::Log;
use backup::{ManifestId, Signed};
use disk::{Anchor, Copier, CopyBuffer, CopyError, Outline, Range, Still};
use pki::SecretKey;
use std::sync::Arc;

/// A store so busy and full that a state is gone before it was read is tried so often.
const HOLD_ATTEMPTS_MAX: u32 = 8;

/// What copies are made with.
pub(crate) struct Copies {
    pub(crate) copier: Copier,
    /// The log identity key.
    pub(crate) key: SecretKey,
    /// Its public half.
    pub(crate) identity: [u8; 32],
    pub(crate) shelf: Shelf,
    pub(crate) log: Log,
}

/// A signature over what is held, and what is remembered once the backup is whole.
pub(crate) struct SignedFor {
    pub(crate) signed: Signed,
    pub(crate) manifest: ManifestId,
    pub(crate) newest: Newest,
    /// Root over the journal entries.
    pub(crate) journal_root: [u8; 32],
}

/// One copy.
pub(crate) struct Holding {
    copies: Arc<Copies>,
    still: Option<Still>,
    buffer: CopyBuffer,
}

impl Holding {
    pub(crate) fn new(copies: Arc<Copies>) -> Self {
        Self { copies, still: None, buffer: CopyBuffer::new() }
    }

    pub(crate) fn copies(&self) -> &Copies {
        &self.copies
    }

    /// Holds the newest state; a former one is let go.
    pub(crate) fn hold(&mut self) -> Result<&Outline, CopyError> {
        self.hold_by(Copier::hold)
    }

    /// The same while an erasure waits for it: a copy that somebody else makes is lost.
    pub(crate) fn hold_first(&mut self) -> Result<&Outline, CopyError> {
        self.hold_by(Copier::hold_first)
    }

    fn hold_by(&mut self, hold: impl Fn(&Copier) -> Result<Still, CopyError>) -> Result<&Outline, CopyError> {
        self.still = None;
        let mut attempts = 0;
        let still = loop {
            match hold(&self.copies.copier) {
                Err(CopyError::Lost) if attempts < HOLD_ATTEMPTS_MAX => attempts += 1,
                held => break held?,
            }
        };
        let outline = self.still.insert(still).outline();
        let (batch, epoch) = (outline.anchor.batch, outline.epoch);
        self.copies.log.info(format_args!("a backup of batch {batch}, erasure epoch {epoch}, begins"));
        Ok(outline)
    }

    /// Was this store ever there?
    pub(crate) fn has_passed(&self, anchor: &Anchor) -> Result<bool, CopyError> {
        self.still.as_ref().ok_or(CopyError::Lost)?.has_passed(anchor)
    }

    /// Blocks of the state, and whether all of them read: those that do not are zeros. What is not held is lost.
    pub(crate) fn read(&mut self, range: &Range) -> Result<(&[u8], bool), CopyError> {
        let is_whole = self.still.as_ref().ok_or(CopyError::Lost)?.read(range, &mut self.buffer)?;
        if !is_whole {
            let Range { extent, block, .. } = range;
            self.copies.log.error(format_args!(
                "a backup: extent {extent} of the store does not read whole from block {block} on: zeros are copied there"
            ));
        }
        Ok((self.buffer.as_ref(), is_whole))
    }

    /// Has the state these blocks? Of what does not read nobody can say so.
    pub(crate) fn is_same(&mut self, range: &Range, digest: &[u8; 32]) -> Result<bool, CopyError> {
        self.read(range).map(|(blocks, is_whole)| is_whole && backup::blocks_digest(range, blocks) == *digest)
    }

    /// Signs for what is held; `None` when nothing is, or there is no clock or key that works.
    pub(crate) fn sign(&self, segments: &[u8; 32]) -> Option<SignedFor> {
        let Copies { key, identity, .. } = &*self.copies;
        let (outline, now) = (self.still.as_ref()?.outline(), clock::now().ok()?);
        let made_ms = now.wall_ms;
        let signature = backup::sign(key, identity, made_ms, outline, segments).ok()?;
        Some(SignedFor {
            signed: Signed { made_ms, signature },
            manifest: backup::manifest_id(identity, made_ms, outline, segments),
            newest: Newest::of(outline, made_ms),
            journal_root: outline.journal_root,
        })
    }

    /// The state is not needed any more.
    pub(crate) fn let_go(&mut self) {
        self.still = None;
    }

    /// A backup is whole. What is noted of it may fail: then `status` lacks a line.
    pub(crate) fn note(&self, newest: Newest) {
        let Copies { shelf, log, .. } = &*self.copies;
        log.info(format_args!("a backup of batch {} is complete", newest.batch));
        if let Err(error) = shelf.put(newest) {
            log.warn(format_args!("the note of the newest backup: {error}"));
        }
    }
}
