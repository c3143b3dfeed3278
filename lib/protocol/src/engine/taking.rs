//! Acts of the authority, taken in while no server runs: at the founding, and later at the machine's console.
//! Never writes: the batch goes to the driver. Never takes a password verifier that the authority did not sign for.

use super::books::Books;
use super::bundle::Unclaimed;
use super::commit::LogSigners;
use super::ledger::Ledger;
use crate::frame::SealedVerifier;
use crate::io::{Batch, Now, VerifierChange};
use journal::ids::Index;
use journal::register::{Effect, Register};
use journal::statement::SignedStatement;
use journal::tree::Tree;
use journal::{Act, Origin, Refusal};
use minicbor::bytes::ByteVec;
use pki::SecretKey;

/// Why a log cannot be founded so, or acts of the authority not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum CannotTake {
    /// The genesis is not accepted.
    #[error("the genesis: {0}")]
    Genesis(String),
    /// An act of the authority does not parse or verify.
    #[error("act {number}: {why}")]
    Act {
        /// Counted from 0.
        number: usize,
        /// What is wrong.
        why: String,
    },
    /// Verifiers came that are too long or two of one envelope.
    #[error("password verifiers that do not fit their envelopes")]
    Verifiers,
    /// A verifier is not what its envelope's act was signed for, or no act is signed for it.
    #[error("the password verifier of envelope {number} is not the one that the authority signed for")]
    Verifier {
        /// The envelope's.
        number: u64,
    },
    /// The Register refuses.
    #[error("entry {index}: {refusal}")]
    Refused {
        /// Which.
        index: u64,
        /// Why.
        refusal: Refusal,
    },
    /// The keys do not sign.
    #[error("the log's keys: {0}")]
    Keys(String),
}

/// The state of a log that nobody serves.
pub struct AtRest {
    /// Its rules' state.
    pub register: Register,
    /// The tree over it.
    pub tree: Tree,
    /// Its books.
    pub books: Books,
}

/// The batch of these acts, without those that are in the log already. Its entries are none where that is all of them.
pub fn take_in(
    now: Now,
    AtRest { register, tree, books }: AtRest,
    acts: Vec<SignedStatement>,
    verifiers: Vec<SealedVerifier>,
    identity: &SecretKey,
    period: &SecretKey,
) -> Result<Batch, CannotTake> {
    let first = tree.size();
    let now = Now { wall_ms: now.wall_ms.max(register.floor_ms()), ..now };
    let next = register.offline().map_or(0, |chain| chain.sequence);
    let verifiers = verifiers.into_iter().filter(|one| register.envelope(one.envelope).is_none()).collect();
    let mut ledger = Ledger::new(register, tree, books);
    ledger.set_now(now);
    let mut new = Vec::new();
    for (number, act) in acts.into_iter().enumerate() {
        let parsed = act.clone().parse();
        let parsed = parsed.map_err(|error| CannotTake::Act { number, why: error.to_string() })?;
        if parsed.header().sequence >= next {
            new.push(act);
        }
    }
    let mut entries = Vec::new();
    let verifiers = take(&mut ledger, new, verifiers, &mut entries)?;
    batch(&ledger, first, entries, verifiers, identity, period)
}

/// Admits acts of the authority. `verifiers` are those of the envelopes among them, still sealed to the core; an envelope
/// without one opens nothing (the authority keeps none that was taken in once). Gives what becomes of verifiers.
pub(super) fn take(
    ledger: &mut Ledger,
    acts: Vec<SignedStatement>,
    verifiers: Vec<SealedVerifier>,
    entries: &mut Vec<ByteVec>,
) -> Result<Vec<VerifierChange>, CannotTake> {
    let mut unclaimed = Unclaimed::new(verifiers).ok_or(CannotTake::Verifiers)?;
    let mut changes = Vec::new();
    for (number, act) in acts.into_iter().enumerate() {
        let bad = |why: String| CannotTake::Act { number, why };
        let parsed = act.parse().map_err(|error| bad(error.to_string()))?;
        let key = ledger.register.key_of(parsed.certificate());
        let key = key.cloned().ok_or_else(|| bad("an unknown certificate".into()))?;
        let act = parsed.verify(&key).map_err(|error| bad(error.to_string()))?;
        let index = ledger.tree.size();
        let refused = |refusal| CannotTake::Refused { index, refusal };
        let admitted = ledger.admit_statement(&act).map_err(refused)?;
        entries.push(admitted.bytes.to_vec().into());
        if let Act::EnvelopePrint(print) = act.get().act()
            && unclaimed.has(print.number)
        {
            let number = print.number;
            let sealed = unclaimed.claim(print).ok_or(CannotTake::Verifier { number })?;
            changes.push(VerifierChange::SetSealed(print.person, number, sealed));
        }
        changes.extend(admitted.applied.effects.iter().filter_map(change));
    }
    match unclaimed.left() {
        Some(number) => Err(CannotTake::Verifier { number }),
        None => Ok(changes),
    }
}

/// What an effect of the authority's word does to verifiers.
fn change(effect: &Effect) -> Option<VerifierChange> {
    if let Effect::EnvelopeVoided { number, person } = effect {
        return Some(VerifierChange::DropEnvelope(*person, *number));
    }
    if let Effect::PersonRevoked { person } = effect {
        return Some(VerifierChange::Drop(*person));
    }
    None
}

/// A batch of these entries from index `first` on, behind which the ledger stands.
pub(super) fn batch(
    ledger: &Ledger,
    first: Index,
    entries: Vec<ByteVec>,
    verifiers: Vec<VerifierChange>,
    identity: &SecretKey,
    period: &SecretKey,
) -> Result<Batch, CannotTake> {
    let keys = |error: &dyn std::fmt::Display| CannotTake::Keys(error.to_string());
    let head = ledger.head();
    let origin = Origin { log: ledger.register.log_id(), era: ledger.register.era() };
    let signers = LogSigners::new(origin, copy(identity), copy(period)).map_err(|error| keys(&error))?;
    let note = signers.note(head).map_err(|error| keys(&error))?;
    Ok(Batch {
        number: 0,
        first,
        entries,
        root: head.root,
        note: note.to_vec().into(),
        bodies: Vec::new(),
        erase: Vec::new(),
        verifiers,
        snapshot: None,
        backup_required: false,
        drop_cells: Vec::new(),
    })
}

fn copy(key: &SecretKey) -> SecretKey {
    SecretKey::from_bytes(key.public().suite(), &key.to_bytes()).expect("the bytes are a key's own")
}
