//! What witnesses cosigned last, as bytes that outlive a run: whoever drives the engine keeps them beside the journal and brings
//! them back at a start, so that an export has an anchor before the witness is back.
//! Never believed because they were kept: the log's own lines, its root, each witness' certificate, key and line are verified
//! again, and what does not hold is left out. Nothing else rests on them.
//!
//! ```text
//! kept = [1, time that it was cosigned first: ms, checkpoint: bytes, [[certificate: h, verifier key: text, binding: bytes,
//!         signature line: text]…]]                                                                        canonical CBOR
//! ```

use super::Engine;
use super::witnessing::Vouched;
use journal::Origin;
use journal::checkpoint::{LogKeys, SignedCheckpoint};
use journal::entry::{Content, Entry};
use journal::fact::Fact;
use journal::ids::Head;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::canonical::{self, NotCanonical};
use pki::{CertId, PersonId, PublicKey};

/// Longest that is kept, bytes: a note with all its lines, and what vouches for each of them.
pub const COSIGNED_BYTES_MAX: usize = 256 * 1024;

/// The version of the form that this program writes.
const VERSION: u8 = 1;

#[derive(Encode, Decode)]
#[cbor(array)]
struct Kept {
    #[n(0)]
    version: u8,
    #[n(1)]
    at_ms: u64,
    #[n(2)]
    checkpoint: ByteVec,
    #[n(3)]
    lines: Vec<KeptLine>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct KeptLine {
    #[n(0)]
    certificate: CertId,
    #[n(1)]
    key: String,
    #[n(2)]
    binding: ByteVec,
    #[n(3)]
    line: String,
}

/// Why what was kept is not taken back. Nothing is lost by it but an anchor until a witness is back.
#[derive(Debug, thiserror::Error)]
pub enum BadCosigned {
    /// Not the bytes that were given out.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// Written by a newer program.
    #[error("cosignatures in a form of version {0}; this build reads {VERSION}")]
    Version(u8),
    /// The checkpoint is not one of this log as it stands.
    #[error("the checkpoint that was cosigned is not one of this log as it stands")]
    Checkpoint,
    /// No line is by a witness whom the journal knows as one.
    #[error("no cosignature holds")]
    Lines,
}

impl Engine {
    /// What witnesses cosigned last, where that is new since this was asked before: to be kept.
    pub fn cosigned_to_keep(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.witnesses.unkept) {
            return None;
        }
        let (own, at_ms, lines) = self.witnesses.newest()?;
        let line = |vouched: &Vouched| KeptLine {
            certificate: vouched.certificate,
            key: vouched.key.to_string(),
            binding: vouched.binding.clone(),
            line: vouched.line.to_string(),
        };
        let checkpoint = own.to_string().into_bytes().into();
        Some(canonical::encode(&Kept {
            version: VERSION,
            at_ms,
            checkpoint,
            lines: lines.map(line).collect(),
        }))
    }

    /// What was kept comes back, as far as it holds. Gives the size that is cosigned.
    pub fn bring_back_cosigned(&mut self, kept: &[u8]) -> Result<u64, BadCosigned> {
        let Kept { version, at_ms, checkpoint, lines } = canonical::decode(kept)?;
        if version != VERSION {
            return Err(BadCosigned::Version(version));
        }
        let checkpoint = SignedCheckpoint::parse(&checkpoint).map_err(|_| BadCosigned::Checkpoint)?;
        let head = self.own_head(&checkpoint).ok_or(BadCosigned::Checkpoint)?;
        let vouched: Vec<_> = lines.into_iter().filter_map(|line| self.vouched(&checkpoint, line)).collect();
        if vouched.is_empty() {
            return Err(BadCosigned::Lines);
        }
        // It is kept already; what came meanwhile is not.
        let unkept = self.witnesses.unkept;
        vouched.into_iter().for_each(|by| self.witnesses.take(checkpoint.clone(), by, at_ms));
        self.witnesses.unkept = unkept;
        Ok(head.size)
    }

    /// The head of a checkpoint that this very log signed, by its era, its root and both its keys.
    fn own_head(&self, checkpoint: &SignedCheckpoint) -> Option<Head> {
        let (claimed, register) = (checkpoint.claimed(), &self.ledger.register);
        let head = claimed.head;
        let origin = Origin { log: self.site.log, era: register.era_at(head.size) };
        let rolls = self.ledger.books.key_rolls.iter();
        let (_, roll) = rolls.rev().find(|(index, _)| *index < head.size)?;
        let Content::Fact(Fact::KeyRoll(roll)) = Entry::decode(roll).ok()?.content else { return None };
        let identity = self.site.signers.identity.public().clone();
        let keys = LogKeys::new(origin, PublicKey::from_spki(&roll.key).ok()?, Some(identity)).ok()?;
        let is_ours = claimed.origin == origin && self.ledger.tree.root_at(head.size).ok()? == head.root;
        (is_ours && checkpoint.verify(&keys).is_ok()).then_some(head)
    }

    fn vouched(&self, checkpoint: &SignedCheckpoint, kept: KeptLine) -> Option<(PersonId, Vouched)> {
        let KeptLine { certificate, key, binding, line } = kept;
        let person = self.ledger.register.certificate(certificate)?.certificate().person()?;
        let key = self.cosigner((certificate, person), &key, &binding)?;
        let line = line.parse().ok()?;
        key.time_of(checkpoint.note().text(), &line).ok()?;
        Some((person, Vouched { certificate, key, binding, line }))
    }
}
