//! The founding of a log: genesis, first period key and the authority's first acts as one batch, made by the very code
//! that admits everything else.
//! Never writes: the batch goes to the driver, who starts an engine over it once it is durable.

use super::books::Books;
use super::ledger::Ledger;
use super::taking::{self, CannotTake};
use crate::frame::SealedVerifier;
use crate::io::{Batch, NewPeriod, Now, PeriodSecret};
use journal::LogId;
use journal::fact::{Fact, KeyRoll, key_roll_bytes};
use journal::register::{Register, verify_genesis};
use journal::statement::SignedStatement;
use journal::tree::Tree;
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

/// Founds a log. `verifiers` are those of the envelopes among the acts, still sealed to the core; an envelope without one
/// opens nothing (the authority keeps none that was taken in once). `people_max`: of so many people the store keeps passwords.
pub fn found(
    now: Now,
    genesis: SignedStatement,
    acts: Vec<SignedStatement>,
    verifiers: Vec<SealedVerifier>,
    people_max: usize,
    (identity, period): (&SecretKey, &SecretKey),
) -> Result<Founding, CannotTake> {
    let genesis = verify_genesis(genesis).map_err(|error| CannotTake::Genesis(error.to_string()))?;
    let log = LogId(genesis.get().id().0);
    let keys = |error: &dyn std::fmt::Display| CannotTake::Keys(error.to_string());
    let mut ledger = Ledger::new(Register::new(), Tree::new(), Books::default());
    ledger.set_now(now);
    let mut entries: Vec<ByteVec> = Vec::new();
    let refused = |index: usize| move |refusal| CannotTake::Refused { index: index as u64, refusal };
    let first = ledger.admit_statement(&genesis).map_err(refused(0))?;
    entries.push(first.bytes.to_vec().into());
    let (suite, key) = (period.public().suite(), period.public().spki().to_vec());
    let signature = identity.sign(&key_roll_bytes(log, 0, suite, &key)).map_err(|error| keys(&error))?;
    let roll = KeyRoll { period: 0, suite, key: key.into(), signature: signature.into() };
    let roll = ledger.admit_fact(Fact::KeyRoll(roll)).map_err(refused(1))?;
    entries.push(roll.bytes.to_vec().into());
    let acts = taking::read(&ledger.register, acts)?;
    let verifiers = taking::take(&mut ledger, acts, verifiers, people_max, &mut entries)?;
    let batch = taking::batch(&ledger, 0, entries, verifiers, identity, period)?;
    // The first period's key lives in the key tree like all others, so that an erasure can end it.
    let batch = Batch { period: Some(NewPeriod { number: 0, secret: PeriodSecret::of(period) }), ..batch };
    let Ledger { register, tree, books, .. } = ledger;
    Ok(Founding { batch, register, tree, books, log })
}
