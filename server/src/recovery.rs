//! From an open store to the parts of an engine: every entry once more through the rules, signatures on all cores.
//! Never starts over a journal that does not verify, nor over one that is shorter than the cell names.

use crate::reader::Positions;
use crate::verifiers::Verifiers;
use disk::{JournalEntry, Position};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::ids::{Head, Index};
use journal::note::NoteSigner;
use journal::register::Register;
use journal::replay::{BadAt, CheckedEntry, Fault, KeyBook, ReadEntry, read};
use journal::tree::Tree;
use pki::{SecretKey, Suite};
use protocol::engine::Books;
use protocol::engine::recovery::Recovery;
use vault::{Opened, Place, SECRETS_CONVERSATION, Vault};

/// Entries that are read and verified at once.
const WINDOW_ENTRIES: usize = 8192;

/// Why the store's contents make no server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoveryError {
    /// The store does not give its entries or keys.
    #[error(transparent)]
    Store(#[from] vault::Error),
    /// An entry does not verify or is refused.
    #[error(transparent)]
    Bad(#[from] BadAt),
    /// The root over the entries is not the one that the last commit record names.
    #[error("the entries give another root than the last commit record names")]
    Root,
    /// The cell names a journal that this one does not contain.
    #[error("the cell names {size} entries with another root: the journal was rolled back or replaced")]
    Cell {
        /// How many.
        size: u64,
    },
    /// No genesis or no period.
    #[error("the store holds no founded log")]
    NotFounded,
    /// The period key in the vault is not the journal's.
    #[error("the key of period {0} is missing or not the journal's")]
    PeriodKey(u64),
    /// The keys do not sign a checkpoint.
    #[error("the log's keys do not sign: {0}")]
    Sign(String),
    /// A password verifier's record is none.
    #[error("the verifier record of person {0} is damaged")]
    Verifier(pki::PersonId),
}

/// What a start found.
pub(crate) struct Replayed {
    pub(crate) register: Register,
    pub(crate) tree: Tree,
    pub(crate) books: Books,
    pub(crate) positions: Positions,
}

/// Replays all entries and compares them with what commit record and cell name.
pub(crate) fn replay(vault: &Vault, opened: &Opened) -> Result<Replayed, RecoveryError> {
    let mut recovery = Recovery::new();
    let mut positions = Vec::new();
    let mut entries = vault.journal_entries(0);
    loop {
        let window = next_window(&mut entries)?;
        if window.is_empty() {
            break;
        }
        let first = positions.len() as Index;
        for (entry, checked) in window.iter().zip(checked(&window, first, recovery.keys_mut())?) {
            recovery.push(&entry.bytes, &checked)?;
        }
        positions.extend(window.iter().map(|entry: &JournalEntry| -> Position { entry.position }));
    }
    let (register, tree, books) = recovery.into_parts();
    let (size, root) = vault.journal();
    if (tree.size(), tree.root()) != (size, root) && size > 0 {
        return Err(RecoveryError::Root);
    }
    let (named, root) = opened.cell_names;
    if named > 0 && tree.root_at(named).ok() != Some(root) {
        return Err(RecoveryError::Cell { size: named });
    }
    Ok(Replayed { register, tree, books, positions: Positions::new(positions) })
}

fn next_window(entries: &mut disk::JournalEntries) -> Result<Vec<JournalEntry>, RecoveryError> {
    let window: Result<Vec<_>, disk::Error> = entries.take(WINDOW_ENTRIES).collect();
    Ok(window.map_err(vault::Error::from)?)
}

/// Stages 1 and 2 for a window: parsed and verified in parallel, keys gathered in between.
fn checked(window: &[JournalEntry], first: Index, keys: &mut KeyBook) -> Result<Vec<CheckedEntry>, BadAt> {
    let parsed = parallel(window, |entry| read(&entry.bytes), first)?;
    parsed.iter().for_each(|entry| keys.take(entry));
    let keys: &KeyBook = keys;
    parallel(&parsed, |entry: &ReadEntry| entry.clone().verify(keys), first)
}

/// Does one thing to many, on all cores; the first fault in order is the one that is told.
fn parallel<A: Sync, B: Send>(
    items: &[A],
    work: impl Fn(&A) -> Result<B, Fault> + Sync,
    first: Index,
) -> Result<Vec<B>, BadAt> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = items.len().div_ceil(threads).max(1);
    let work = &work;
    let shares: Vec<Vec<Result<B, Fault>>> = std::thread::scope(|scope| {
        let running: Vec<_> =
            items.chunks(share).map(|items| scope.spawn(move || items.iter().map(work).collect())).collect();
        running.into_iter().map(|thread| thread.join().expect("parsing and verifying do not panic")).collect()
    });
    let at = |(n, result): (usize, Result<B, Fault>)| {
        result.map_err(|fault| BadAt { index: first + n as Index, fault })
    };
    shares.into_iter().flatten().enumerate().map(at).collect()
}

/// The secret key of the current period, from its leaf in the vault.
pub(crate) fn period_key(vault: &Vault, register: &Register) -> Result<SecretKey, RecoveryError> {
    let (Some(site), Some(period)) = (register.site(), register.period()) else {
        return Err(RecoveryError::NotFounded);
    };
    let missing = || RecoveryError::PeriodKey(period.number);
    let bytes =
        vault.reader().read(Place::item(SECRETS_CONVERSATION, period.number)).map_err(|_| missing())?;
    let key = SecretKey::from_bytes(site.suite, &bytes).map_err(|_| missing())?;
    if key.public().spki() != &period.key[..] {
        return Err(missing());
    }
    Ok(key)
}

/// The signed note of a head, as the engine would sign it.
pub(crate) fn note(
    register: &Register,
    head: Head,
    identity: &SecretKey,
    period: &SecretKey,
) -> Result<Vec<u8>, RecoveryError> {
    let failed = |error: &dyn std::fmt::Display| RecoveryError::Sign(error.to_string());
    let log = register.log_id();
    let keys = LogKeys::new(log, period.public().clone(), Some(identity.public().clone()));
    let keys = keys.map_err(|error| failed(&error))?;
    let line2 = keys.identity.as_ref().ok_or_else(|| failed(&Suite::Ed25519.name()))?;
    let signers =
        [NoteSigner { key: &keys.period, signer: period }, NoteSigner { key: line2, signer: identity }];
    let signed =
        SignedCheckpoint::sign(Checkpoint { log, head }, &signers).map_err(|error| failed(&error))?;
    Ok(signed.to_string().into_bytes())
}

/// All password verifiers of people whom the journal knows.
pub(crate) fn verifiers(vault: &Vault, register: &Register) -> Result<Verifiers, RecoveryError> {
    let verifiers = Verifiers::default();
    for person in register.people() {
        if let Some(record) = vault.verifier(person.id.0.to_be_bytes()) {
            verifiers.load(person.id, record).map_err(|_| RecoveryError::Verifier(person.id))?;
        }
    }
    Ok(verifiers)
}
