//! From an open store to the parts of an engine: a snapshot and the entries behind it, or every entry once more through
//! the rules with its signature, on all cores.
//! Never starts over a journal that does not fit its commit record, nor over one that is shorter than the cell names.

use crate::reader::Positions;
use crate::verifiers::Verifiers;
use disk::{Claim, JournalEntry, Position};
use journal::Origin;
use journal::checkpoint::{Checkpoint, SignedCheckpoint};
use journal::ids::Head;
use journal::note::{NoteSigner, VerifierKey};
use journal::register::Register;
use journal::replay::{BadAt, CheckedEntry, Signatures, in_order};
use journal::tree::Tree;
use pki::SecretKey;
use protocol::engine::Books;
use protocol::engine::recovery::Recovery;
use protocol::engine::snapshot::{self, BadSnapshot};
use rand_core::CryptoRng;
use vault::snapshot::Snapshot;
use vault::{Opened, Place, Row, Rows, SECRETS_CONVERSATION, Vault};

/// Entries that go through the stages together, at most.
const BATCH_ENTRIES: usize = 4096;
/// Their bytes, but for the last one's.
const BATCH_BYTES: usize = 8 << 20;

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
    /// A succession was not carried out to its end.
    #[error("the succession to era {era} was begun and not finished: the cell does not name it yet")]
    SuccessionUnfinished {
        /// The era.
        era: u32,
    },
    /// A snapshot's state does not open or does not fit its rows.
    #[error("a snapshot: {0}")]
    Snapshot(#[from] BadSnapshot),
    /// A snapshot names entries that the journal does not have.
    #[error("a snapshot names {entries} entries, {durable} are durable")]
    Beyond {
        /// In the snapshot.
        entries: u64,
        /// In the journal.
        durable: u64,
    },
    /// A snapshot leads to another state than all entries do.
    #[error("the snapshot of {entries} entries leads to another state than the journal")]
    OtherState {
        /// In the snapshot.
        entries: u64,
    },
    /// No genesis or no period.
    #[error("the store holds no founded log")]
    NotFounded,
    /// The period key in the vault is not the journal's.
    #[error("the key of period {0} is missing or not the journal's")]
    PeriodKey(u64),
    /// The device does not give the period key's place; nobody knows what is there.
    #[error("the key of period {number} does not read: {error}")]
    PeriodKeyUnread {
        /// The period.
        number: u64,
        /// What the device says.
        error: vault::Error,
    },
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
    /// What the next snapshot names of each entry.
    pub(crate) rows: Rows,
    /// Entries of the snapshot that the start began with; 0: it read them all and verified every signature.
    pub(crate) snapshot: u64,
    /// Snapshots that were not used, and why.
    pub(crate) passed_over: Vec<RecoveryError>,
}

impl Replayed {
    pub(crate) fn head(&self) -> Head {
        Head { size: self.tree.size(), root: self.tree.root() }
    }
}

/// From the newest snapshot that fits; without one, from all entries. Compares what comes out with what commit record
/// and cell name.
pub(crate) fn replay(vault: &Vault, opened: &Opened) -> Result<Replayed, RecoveryError> {
    let mut passed_over = Vec::new();
    for position in vault.snapshots().into_iter().flatten() {
        match from_snapshot(vault, opened, position) {
            Ok(replayed) => return Ok(Replayed { passed_over, ..replayed }),
            // Whatever is wrong with it: the journal says it all again, and finds what is wrong with itself.
            Err(error) => passed_over.push(error),
        }
    }
    Ok(Replayed { passed_over, ..from_genesis(vault, opened)? })
}

/// Every entry through every rule, with its signature.
pub(crate) fn from_genesis(vault: &Vault, opened: &Opened) -> Result<Replayed, RecoveryError> {
    go_on(vault, opened, Recovery::new(), Rows::default(), Vec::new(), Signatures::Verify)
}

/// The state of a snapshot, and the entries behind it through every rule. Their signatures were verified when they were
/// admitted, and the root over all entries is the one that the newest commit record binds.
pub(crate) fn from_snapshot(
    vault: &Vault,
    opened: &Opened,
    position: Position,
) -> Result<Replayed, RecoveryError> {
    let (mut tree, mut positions) = (Tree::new(), Vec::new());
    let each = |row: Row| {
        tree.append(row.leaf);
        positions.push(row.position);
    };
    let Snapshot { state, rows } = vault.reader().snapshot(position, each)?;
    let (entries, durable) = (tree.size(), vault.journal().0);
    if entries > durable {
        return Err(RecoveryError::Beyond { entries, durable });
    }
    let recovery = Recovery::from_snapshot(&state, tree)?;
    drop(state);
    let replayed = go_on(vault, opened, recovery, rows, positions, Signatures::VerifiedBefore)?;
    Ok(Replayed { snapshot: entries, ..replayed })
}

fn go_on(
    vault: &Vault,
    opened: &Opened,
    mut recovery: Recovery,
    mut rows: Rows,
    mut positions: Vec<Position>,
    signatures: Signatures,
) -> Result<Replayed, RecoveryError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (first, keys) = (recovery.size(), recovery.keys());
    let mut entries = vault.journal_entries(first);
    let load = || next_batch(&mut entries);
    let push = |Stored(entry): &Stored, checked: &CheckedEntry| {
        recovery.push(&entry.bytes, checked)?;
        rows.push(Row { leaf: checked.leaf(), position: entry.position });
        positions.push(entry.position);
        Ok(())
    };
    in_order(threads, signatures, keys, first, load, push)?;
    let (register, tree, books) = recovery.into_parts();
    let (size, root) = vault.journal();
    if (tree.size(), tree.root()) != (size, root) && size > 0 {
        return Err(RecoveryError::Root);
    }
    let (named, root) = opened.cell_names;
    if named > 0 && tree.root_at(named).ok() != Some(root) {
        return Err(RecoveryError::Cell { size: named });
    }
    if let Some(last) = register.successions().last()
        && last.end > named
    {
        return Err(RecoveryError::SuccessionUnfinished { era: last.era });
    }
    let positions = Positions::new(positions);
    Ok(Replayed { register, tree, books, positions, rows, snapshot: 0, passed_over: Vec::new() })
}

/// What is left of a store that does not start, through every rule, with every signature.
pub(crate) fn of_entries(
    mut entries: disk::JournalEntries,
) -> Result<(Register, Tree, Books), RecoveryError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut recovery = Recovery::new();
    let keys = recovery.keys();
    let load = || next_batch(&mut entries);
    let push = |Stored(entry): &Stored, checked: &CheckedEntry| {
        Ok::<_, RecoveryError>(recovery.push(&entry.bytes, checked)?)
    };
    in_order(threads, Signatures::Verify, keys, 0, load, push)?;
    Ok(recovery.into_parts())
}

impl RecoveryError {
    /// Whether acknowledged entries are missing, or a key that nothing else gives: a recovery is the last way on.
    pub(crate) fn is_loss(&self) -> bool {
        match self {
            Self::Root | Self::Cell { .. } | Self::SuccessionUnfinished { .. } => true,
            Self::PeriodKey(_) | Self::PeriodKeyUnread { .. } => true,
            Self::Store(error) => error.is_damage(),
            Self::Bad(_)
            | Self::Snapshot(_)
            | Self::Beyond { .. }
            | Self::OtherState { .. }
            | Self::NotFounded
            | Self::Sign(_)
            | Self::Verifier(_) => false,
        }
    }

    /// In words for people.
    pub(crate) fn trouble(self) -> crate::words::Trouble {
        use crate::words::Trouble;
        let reason = self.reason();
        if self.is_loss() { Trouble::EntriesLost { reason } } else { Trouble::StoreDamaged { reason } }
    }
}

/// An entry as the store gives it.
struct Stored(JournalEntry);

impl AsRef<[u8]> for Stored {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

fn next_batch(entries: &mut disk::JournalEntries) -> Result<Vec<Stored>, RecoveryError> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < BATCH_ENTRIES && bytes < BATCH_BYTES {
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(vault::Error::from)?;
        bytes += entry.bytes.len();
        batch.push(Stored(entry));
    }
    Ok(batch)
}

/// After a start that had to read everything, `every` entries at least: writes a snapshot, so that the next one need not. Whether it did.
pub(crate) fn keep_snapshot(
    vault: &mut Vault,
    replayed: &mut Replayed,
    every: u64,
    rng: &mut dyn CryptoRng,
) -> Result<bool, RecoveryError> {
    let head = replayed.head();
    if replayed.snapshot > 0 || head.size < every {
        return Ok(false);
    }
    let state = snapshot::write(&replayed.register, &replayed.books, head);
    if !vault.takes_snapshot(&replayed.rows, state.len()) {
        return Ok(false);
    }
    vault.write_pages(&mut replayed.rows, rng)?;
    let mut batch = vault.begin(Claim::Ordinary, rng)?;
    let paged = batch.snapshot(&replayed.rows, &state)?;
    // A crash before this line: pages that nobody names. Behind it: the next start begins here.
    batch.commit(head.root)?;
    replayed.rows.paged(paged);
    replayed.snapshot = head.size;
    Ok(true)
}

const _: () =
    assert!(SECRETS_CONVERSATION == journal::ids::SECRETS_CONVERSATION, "one name for the log's own keys");

/// The secret key of the current period, from its leaf in the vault.
pub(crate) fn period_key(vault: &Vault, register: &Register) -> Result<SecretKey, RecoveryError> {
    let (Some(site), Some(period)) = (register.site(), register.period()) else {
        return Err(RecoveryError::NotFounded);
    };
    let missing = || RecoveryError::PeriodKey(period.number);
    let read = vault.reader().read(Place::item(SECRETS_CONVERSATION, period.number));
    let is_gone = |error: &vault::Error| error.is_damage() || matches!(error, vault::Error::Missing(_));
    let bytes = read.map_err(|error| match is_gone(&error) {
        true => missing(),
        false => RecoveryError::PeriodKeyUnread { number: period.number, error },
    })?;
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
    signed_note(register, head, &[period, identity])
}

/// The note of a head with a line by each of these keys, in their order.
pub(crate) fn signed_note(
    register: &Register,
    head: Head,
    secrets: &[&SecretKey],
) -> Result<Vec<u8>, RecoveryError> {
    let failed = |error: &dyn std::fmt::Display| RecoveryError::Sign(error.to_string());
    let origin = Origin { log: register.log_id(), era: register.era_at(head.size) };
    let keys = secrets.iter().map(|secret| VerifierKey::new(origin.key_name(), secret.public().clone()));
    let keys = keys.collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
    let pairs = keys.iter().zip(secrets);
    let signers: Vec<_> = pairs.map(|(key, signer)| NoteSigner { key, signer: *signer }).collect();
    let signed =
        SignedCheckpoint::sign(Checkpoint { origin, head }, &signers).map_err(|error| failed(&error))?;
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

#[cfg(test)]
mod tests;
