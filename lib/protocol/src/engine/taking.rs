//! Acts of the authority, taken in while no server runs: at the founding, and later at the machine's console.
//! Never writes: the batch goes to the driver. Never takes a password verifier that the authority did not sign for.

use super::books::Books;
use super::bundle::{Unclaimed, envelope_began, people};
use super::commit::{LogSigners, reckon_again};
use super::ledger::Ledger;
use crate::frame::SealedVerifier;
use crate::io::{Batch, Now, VerifierChange};
use journal::fact::{Fact, Stop};
use journal::ids::Index;
use journal::register::{Effect, PasswordState, Person, Register};
use journal::statement::{Parsed, SignedStatement};
use journal::tree::Tree;
use journal::{Act, Origin, Refusal};
use minicbor::bytes::ByteVec;
use pki::{PersonId, SecretKey};
use std::collections::BTreeSet;

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
    /// An act is of somebody else than this log's authority.
    #[error("act {number} is not one of this log's authority")]
    NotTheAuthoritys {
        /// Counted from 0.
        number: usize,
    },
    /// The authority has signed two acts under one number, and the log has the other one.
    #[error("act {number} is not the one that the log has in its place")]
    OtherPast {
        /// Counted from 0.
        number: usize,
    },
    /// The log has more of the authority's acts than these.
    #[error(
        "these are the authority's first {acts} acts, and the log has {here} already: the bundle is an older one"
    )]
    Older {
        /// Up to where they go.
        acts: u64,
        /// How many the log has.
        here: u64,
    },
    /// An envelope is handed over whose verifier neither came nor lies in the store.
    #[error("the store has no password verifier of envelope {number}, and none came: reissue the envelope")]
    NoVerifier {
        /// The envelope's.
        number: u64,
    },
    /// The store keeps no passwords of so many.
    #[error("the store keeps the passwords of {people_max} people, and these acts make them {people}")]
    TooManyPeople {
        /// With these acts.
        people: usize,
        /// At most.
        people_max: usize,
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
    /// A bit flipped in memory between the admission and the signature.
    #[error("{0}")]
    Memory(String),
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
/// `people_max`: of so many people the store keeps passwords; `has`: whether it keeps the verifier of a person's envelope. Gives
/// the rules' state behind it too.
///
/// A life of the server that was cut off ends with a Stop before them, at the time of the newest entry: where its certificate has
/// run out meanwhile, no start could write one.
pub fn take_in(
    now: Now,
    AtRest { register, tree, books }: AtRest,
    acts: Vec<SignedStatement>,
    verifiers: Vec<SealedVerifier>,
    people_max: usize,
    has: &dyn Fn(PersonId, u64) -> bool,
    (identity, period): (&SecretKey, &SecretKey),
) -> Result<(Batch, Register), CannotTake> {
    let first = tree.size();
    let now = Now { wall_ms: now.wall_ms.max(register.floor_ms()), ..now };
    let (here, acts) = without_those_of(&register, read(&register, acts)?)?;
    let is_here = |number: u64| here.contains(&number) || register.envelope(number).is_some();
    let verifiers = verifiers.into_iter().filter(|one| !is_here(one.envelope)).collect();
    let mut ledger = Ledger::new(register, tree, books);
    let mut entries = Vec::new();
    if !acts.is_empty() {
        stop_cut_off(&mut ledger, &mut entries)?;
    }
    ledger.set_now(now);
    let verifiers = take(&mut ledger, acts, verifiers, people_max, &mut entries)?;
    // Whose right one-time password the store cannot tell from a wrong one would lock himself out by it.
    let opens = |person: PersonId, number: u64| {
        let came = |change: &VerifierChange| matches!(change, VerifierChange::SetSealed(of, n, _) if (*of, *n) == (person, number));
        verifiers.iter().any(came) || has(person, number)
    };
    let bare = handed_over(&ledger.register, first).find(|(person, number)| !opens(*person, *number));
    if let Some((_, number)) = bare {
        return Err(CannotTake::NoVerifier { number });
    }
    let batch = batch(&ledger, first, entries, verifiers, identity, period)?;
    Ok((batch, ledger.register))
}

/// The batch of first officers' statements of what the log continues. Gives the rules' state behind it too.
pub fn take_continues(
    now: Now,
    AtRest { register, tree, books }: AtRest,
    statements: Vec<SignedStatement>,
    (identity, period): (&SecretKey, &SecretKey),
) -> Result<(Batch, Register), CannotTake> {
    let first = tree.size();
    let now = Now { wall_ms: now.wall_ms.max(register.floor_ms()), ..now };
    let mut ledger = Ledger::new(register, tree, books);
    let mut entries = Vec::new();
    stop_cut_off(&mut ledger, &mut entries)?;
    ledger.set_now(now);
    // No more than the genesis demands: with the last of them it holds, and a further one would be refused.
    let needed = ledger.register.site().map_or(0, |site| site.threshold as usize);
    for (number, statement) in statements.into_iter().take(needed).enumerate() {
        let bad = |why: String| CannotTake::Act { number, why };
        let parsed = statement.parse().map_err(|error| bad(error.to_string()))?;
        let key = ledger.register.key_of(parsed.certificate());
        let key = key.cloned().ok_or_else(|| bad("an unknown certificate".into()))?;
        let act = parsed.verify(&key).map_err(|error| bad(error.to_string()))?;
        let index = ledger.tree.size();
        let admitted = ledger.admit_statement(&act);
        let admitted = admitted.map_err(|refusal| CannotTake::Refused { index, refusal })?;
        entries.push(admitted.bytes.to_vec().into());
    }
    let batch = batch(&ledger, first, entries, Vec::new(), identity, period)?;
    Ok((batch, ledger.register))
}

/// A life of the server that was cut off ends at the time of the newest entry.
fn stop_cut_off(ledger: &mut Ledger, entries: &mut Vec<ByteVec>) -> Result<(), CannotTake> {
    if !ledger.register.running() {
        return Ok(());
    }
    let (index, boot_ms) = (ledger.tree.size(), ledger.register.boot_ms());
    ledger.set_now(Now { wall_ms: ledger.register.floor_ms(), boot_ms });
    let stop = ledger.admit_fact(Fact::Stop(Stop {}));
    let stop = stop.map_err(|refusal| CannotTake::Refused { index, refusal })?;
    entries.push(stop.bytes.to_vec().into());
    Ok(())
}

/// Envelopes that were handed over from this index on and still open their persons' sessions.
fn handed_over(register: &Register, first: Index) -> impl Iterator<Item = (PersonId, u64)> {
    let open = move |person: &Person| match person.password {
        PasswordState::Envelope(number) => {
            let since = register.envelope(number).map(|envelope| envelope.index);
            since.is_some_and(|index| index >= first).then_some((person.id, number))
        }
        PasswordState::None | PasswordState::Own | PasswordState::Doubtful => None,
    };
    register.people().filter_map(open)
}

/// An act as it was read, behind its number in the bundle.
type Read = (usize, Parsed);

/// Reads acts whole. Each is of this log's authority: beside such acts nothing comes in without a live session.
pub(super) fn read(register: &Register, acts: Vec<SignedStatement>) -> Result<Vec<Read>, CannotTake> {
    let chain = register.offline().map(|offline| offline.chain);
    let read = |(number, act): (usize, SignedStatement)| {
        let parsed = act.parse().map_err(|error| CannotTake::Act { number, why: error.to_string() })?;
        let is_authoritys = parsed.header().person == PersonId(0) && Some(parsed.header().chain) == chain;
        if is_authoritys { Ok((number, parsed)) } else { Err(CannotTake::NotTheAuthoritys { number }) }
    };
    acts.into_iter().enumerate().map(read).collect()
}

/// What is new of them, behind the envelopes whose print is here already. Each act names the one before it, so the newest that
/// the log has speaks for those before; of acts that end before it nobody knows whether they are the log's.
fn without_those_of(register: &Register, acts: Vec<Read>) -> Result<(BTreeSet<u64>, Vec<Read>), CannotTake> {
    let Some(offline) = register.offline() else { return Ok((BTreeSet::new(), acts)) };
    let is_other = |(_, act): &&Read| {
        act.header().sequence.checked_add(1) == Some(offline.sequence) && act.id() != offline.last
    };
    if let Some((number, _)) = acts.iter().find(is_other) {
        return Err(CannotTake::OtherPast { number: *number });
    }
    let last = acts.iter().map(|(_, act)| act.header().sequence).max();
    if let Some(acts) = last.and_then(|last| last.checked_add(1)).filter(|acts| *acts < offline.sequence) {
        return Err(CannotTake::Older { acts, here: offline.sequence });
    }
    let is_here = |(_, act): &Read| act.header().sequence < offline.sequence;
    let (here, new): (Vec<_>, Vec<_>) = acts.into_iter().partition(is_here);
    let print = |(_, act): &Read| {
        let Act::EnvelopePrint(print) = act.act() else { return None };
        Some(print.number)
    };
    Ok((here.iter().filter_map(print).collect(), new))
}

/// Admits acts of the authority. `verifiers` are those of the envelopes among them, still sealed to the core; an envelope
/// without one opens nothing (the authority keeps none that was taken in once). Gives what becomes of verifiers.
pub(super) fn take(
    ledger: &mut Ledger,
    acts: Vec<Read>,
    verifiers: Vec<SealedVerifier>,
    people_max: usize,
    entries: &mut Vec<ByteVec>,
) -> Result<Vec<VerifierChange>, CannotTake> {
    let mut unclaimed = Unclaimed::new(verifiers).ok_or(CannotTake::Verifiers)?;
    let people_before = people(&ledger.register);
    let mut changes = Vec::new();
    for (number, parsed) in acts {
        let bad = |why: String| CannotTake::Act { number, why };
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
            if envelope_began(&ledger.register, print, index) {
                changes.push(VerifierChange::SetSealed(print.person, number, sealed));
            }
        }
        changes.extend(admitted.applied.effects.iter().filter_map(change));
    }
    if let Some(open) = ledger.register.open_list() {
        let (index, missing) = (ledger.tree.size(), open.of.saturating_sub(open.taken));
        return Err(CannotTake::Refused { index, refusal: Refusal::ListOpen { missing } });
    }
    let people = people(&ledger.register);
    if people > people_before && people > people_max {
        return Err(CannotTake::TooManyPeople { people, people_max });
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
    let memory = |error: &dyn std::fmt::Display| CannotTake::Memory(error.to_string());
    let before = ledger.tree.frontier_at(first).map_err(|error| memory(&error))?;
    reckon_again(before, entries.iter().map(|entry| &entry[..]), head).map_err(|error| memory(&error))?;
    let origin = Origin { log: ledger.register.log_id(), era: ledger.register.era() };
    let mut signers = LogSigners::new(origin, copy(identity), copy(period)).map_err(|error| keys(&error))?;
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
        period: None,
    })
}

fn copy(key: &SecretKey) -> SecretKey {
    SecretKey::from_bytes(key.public().suite(), &key.to_bytes()).expect("the bytes are a key's own")
}
