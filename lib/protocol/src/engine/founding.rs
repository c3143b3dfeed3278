//! The founding of a log: genesis, first period key and the authority's first acts as one batch, made by the very code
//! that admits everything else.
//! Never writes: the batch goes to the driver, who starts an engine over it once it is durable.

use super::books::Books;
use super::bundle::Unclaimed;
use super::commit::LogSigners;
use super::ledger::Ledger;
use crate::frame::SealedVerifier;
use crate::io::{Batch, Now, VerifierChange};
use journal::fact::{Fact, KeyRoll, key_roll_bytes};
use journal::register::{Effect, Register, verify_genesis};
use journal::statement::SignedStatement;
use journal::tree::Tree;
use journal::{Act, LogId, Refusal};
use minicbor::bytes::ByteVec;
use pki::{SecretKey, Signer};

/// What `conclaved init` writes, and the state behind it.
pub struct Founding {
    /// The first batch.
    pub batch: Batch,
    /// The state behind it.
    pub register: Register,
    /// The tree over it.
    pub tree: Tree,
    /// The books of it.
    pub books: Books,
    /// The log id.
    pub log: LogId,
}

/// Why a log cannot be founded so.
#[derive(Debug, thiserror::Error)]
pub enum CannotFound {
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

/// Founds a log. `verifiers` are those of the envelopes among the acts, still sealed to the core; an envelope without one
/// opens nothing (the authority keeps none that was taken in once).
pub fn found(
    now: Now,
    genesis: SignedStatement,
    acts: Vec<SignedStatement>,
    verifiers: Vec<SealedVerifier>,
    identity: &SecretKey,
    period: &SecretKey,
) -> Result<Founding, CannotFound> {
    let genesis = verify_genesis(genesis).map_err(|error| CannotFound::Genesis(error.to_string()))?;
    let log = LogId(genesis.get().id().0);
    let keys = |error: &dyn std::fmt::Display| CannotFound::Keys(error.to_string());
    let mut ledger = Ledger::new(Register::new(), Tree::new(), Books::default());
    ledger.set_now(now);
    let mut entries: Vec<ByteVec> = Vec::new();
    let mut unclaimed = Unclaimed::new(verifiers).ok_or(CannotFound::Verifiers)?;
    let mut verifiers = Vec::new();
    let refused = |index: usize| move |refusal| CannotFound::Refused { index: index as u64, refusal };
    let first = ledger.admit_statement(&genesis).map_err(refused(0))?;
    entries.push(first.bytes.to_vec().into());
    let (suite, key) = (period.public().suite(), period.public().spki().to_vec());
    let signature = identity.sign(&key_roll_bytes(log, 0, suite, &key)).map_err(|error| keys(&error))?;
    let roll = KeyRoll { period: 0, suite, key: key.into(), signature: signature.into() };
    let roll = ledger.admit_fact(Fact::KeyRoll(roll)).map_err(refused(1))?;
    entries.push(roll.bytes.to_vec().into());
    for (number, act) in acts.into_iter().enumerate() {
        let bad = |why: String| CannotFound::Act { number, why };
        let parsed = act.parse().map_err(|error| bad(error.to_string()))?;
        let key = ledger.register.key_of(parsed.certificate());
        let key = key.cloned().ok_or_else(|| bad("an unknown certificate".into()))?;
        let act = parsed.verify(&key).map_err(|error| bad(error.to_string()))?;
        let admitted = ledger.admit_statement(&act).map_err(refused(entries.len()))?;
        entries.push(admitted.bytes.to_vec().into());
        if let Act::EnvelopePrint(print) = act.get().act()
            && unclaimed.has(print.number)
        {
            let number = print.number;
            let sealed = unclaimed.claim(print).ok_or(CannotFound::Verifier { number })?;
            verifiers.push(VerifierChange::SetSealed(print.person, number, sealed));
        }
        verifiers.extend(admitted.applied.effects.iter().filter_map(|effect| {
            if let Effect::EnvelopeVoided { number, person } = effect {
                Some(VerifierChange::DropEnvelope(*person, *number))
            } else {
                None
            }
        }));
    }
    if let Some(number) = unclaimed.left() {
        return Err(CannotFound::Verifier { number });
    }
    let head = ledger.head();
    let signers = LogSigners::new(log, copy(identity), copy(period)).map_err(|error| keys(&error))?;
    let note = signers.note(head).map_err(|error| keys(&error))?;
    let batch = Batch {
        number: 0,
        first: 0,
        entries,
        root: head.root,
        note: note.to_vec().into(),
        bodies: Vec::new(),
        erase: Vec::new(),
        verifiers,
        snapshot: None,
        backup_required: false,
        drop_cells: Vec::new(),
    };
    let Ledger { register, tree, books, .. } = ledger;
    Ok(Founding { batch, register, tree, books, log })
}

fn copy(key: &SecretKey) -> SecretKey {
    SecretKey::from_bytes(key.public().suite(), &key.to_bytes()).expect("the bytes are a key's own")
}
