//! What witnesses cosigned last, as bytes that outlive a run: whoever drives the engine keeps them beside the journal and brings
//! them back at a start, so that an export has an anchor before the witness is back.
//! Never believed because they were kept: the log's own lines, its root, each witness' certificate, key and line are verified
//! again, and what does not hold is left out. Nothing else rests on them but this: what the log's own key signed and the journal
//! does not continue says that the journal is not what it was, whoever kept it.
//!
//! ```text
//! kept = [1, checkpoint with the log's two lines: bytes, [[certificate: h, verifier key: text, binding: bytes,
//!         signature line: text]…]]                                                              canonical CBOR
//! ```

use super::Engine;
use super::witnessing::Vouched;
use journal::Origin;
use journal::checkpoint::{LogKeys, SignedCheckpoint};
use journal::entry::{Content, Entry};
use journal::fact::Fact;
use journal::ids::Head;
use journal::note::VerifierKey;
use journal::register::Register;
use journal::tree::Tree;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::canonical::{self, NotCanonical};
use pki::{CertId, PersonId, PublicKey};

/// Longest that is kept, bytes: a note, and as many lines of witnesses as fit, with what vouches for each of them.
pub const COSIGNED_BYTES_MAX: usize = 256 * 1024;

/// What the head of an array of lines takes at most, bytes.
const ARRAY_HEAD_BYTES: usize = 9;

/// The version of the form that this program writes.
const VERSION: u8 = 1;

#[derive(Encode, Decode)]
#[cbor(array)]
struct Kept {
    #[n(0)]
    version: u8,
    #[n(1)]
    checkpoint: ByteVec,
    #[n(2)]
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

impl KeptLine {
    fn of(vouched: &Vouched) -> Self {
        Self {
            certificate: vouched.certificate,
            key: vouched.key.to_string(),
            binding: vouched.binding.clone(),
            line: vouched.line.to_string(),
        }
    }
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

/// What came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BroughtBack {
    /// The size that is cosigned.
    pub size: u64,
    /// Signature lines that did not hold.
    pub dropped: usize,
}

/// A head that this log's own identity key signed, in what was kept, where the journal is not what came of it: it was put back
/// to an older state, or exchanged. One that a succession gave up is none.
pub fn contradiction(kept: &[u8], register: &Register, tree: &Tree, identity: &PublicKey) -> Option<Head> {
    let kept: Kept = canonical::decode(kept).ok()?;
    let checkpoint = SignedCheckpoint::parse(&kept.checkpoint).ok()?;
    let claimed = *checkpoint.claimed();
    let identity = VerifierKey::new(claimed.origin.key_name(), identity.clone()).ok()?;
    let is_own = claimed.origin.log == register.log_id() && checkpoint.verify_by(&identity).is_ok();
    let (era, head) = (claimed.origin.era, claimed.head);
    if !is_own || register.lost_by(era, head.size).is_some() {
        return None;
    }
    let continued = era <= register.era() && tree.root_at(head.size).is_ok_and(|root| root == head.root);
    (!continued).then_some(head)
}

impl Engine {
    /// What witnesses cosigned last, where that is new since this was asked before: to be kept. At most
    /// [`COSIGNED_BYTES_MAX`] bytes; lines beyond them are left out.
    pub fn cosigned_to_keep(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.witnesses.unkept) {
            return None;
        }
        let (own, lines) = self.witnesses.newest()?;
        let checkpoint = own.clone().own_lines().to_string().into_bytes().into();
        let mut kept = Kept { version: VERSION, checkpoint, lines: Vec::new() };
        let mut room = COSIGNED_BYTES_MAX.saturating_sub(canonical::encode(&kept).len() + ARRAY_HEAD_BYTES);
        kept.lines.extend(lines.map(KeptLine::of).filter(|line| {
            let left = room.checked_sub(canonical::encode(line).len());
            room = left.unwrap_or(room);
            left.is_some()
        }));
        Some(canonical::encode(&kept))
    }

    /// What was kept comes back, as far as it holds: the log's own two lines, and those of witnesses that verify.
    pub fn bring_back_cosigned(&mut self, kept: &[u8]) -> Result<BroughtBack, BadCosigned> {
        let Kept { version, checkpoint, lines } = canonical::decode(kept)?;
        if version != VERSION {
            return Err(BadCosigned::Version(version));
        }
        let checkpoint = SignedCheckpoint::parse(&checkpoint).map_err(|_| BadCosigned::Checkpoint)?;
        let head = self.own_head(&checkpoint).ok_or(BadCosigned::Checkpoint)?;
        let brought = checkpoint.note().lines().len() + lines.len();
        let checkpoint = checkpoint.own_lines();
        let vouched: Vec<_> = lines.into_iter().filter_map(|line| self.vouched(&checkpoint, line)).collect();
        let first_ms = vouched.iter().map(|(at_ms, _)| *at_ms).min().ok_or(BadCosigned::Lines)?;
        let dropped = brought - checkpoint.note().lines().len() - vouched.len();
        // It is kept already; what came meanwhile is not.
        let unkept = self.witnesses.unkept;
        vouched.into_iter().for_each(|(_, by)| self.witnesses.take(checkpoint.clone(), by, first_ms));
        self.witnesses.unkept = unkept;
        Ok(BroughtBack { size: head.size, dropped })
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

    /// A line that holds, whose it is, and its own time, ms.
    fn vouched(&self, checkpoint: &SignedCheckpoint, kept: KeptLine) -> Option<(u64, (PersonId, Vouched))> {
        let KeptLine { certificate, key, binding, line } = kept;
        let person = self.ledger.register.certificate(certificate)?.certificate().person()?;
        let key = self.cosigner((certificate, person), &key, &binding)?;
        let line = line.parse().ok()?;
        let time_s = key.time_of(checkpoint.note().text(), &line).ok()?;
        Some((time_s.saturating_mul(1000), (person, Vouched { certificate, key, binding, line })))
    }
}
