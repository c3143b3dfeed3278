//! The one thread that writes: batches, one sync each, and the erasures behind them.
//! Never answers before its sync has returned, never goes on after a failed one, and never believes the engine's root:
//! it reckons it from the very bytes it writes.

use crate::erasure::{self, Ran};
use crate::inbox::Inbox;
use crate::log::Log;
use crate::pacing::{Pacing, Turn};
use crate::randomness::PooledRng;
use crate::reader::Positions;
use crate::tending::Tending;
use crate::verifiers::Verifiers;
use crate::vital;
use console::Exit;
use disk::{Claim, Position, Space};
use journal::checkpoint::SignedCheckpoint;
use journal::tree::{Frontier, Hash, leaf_hash};
use pki::canonical;
use protocol::engine::StoreLimits;
use protocol::io::{Batch, Input, NewPeriod, StoredBody};
use protocol::limits::BATCH_BYTES_MAX;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use vault::{Row, Rows, SECRETS_CONVERSATION, Vault, VaultReader};

/// Why a batch is not written. Every one of them ends the process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The engine's batch does not follow what is on the device, or its root is not that of its bytes.
    #[error("batch {number}: {what}; nothing of it was written")]
    DoesNotFit {
        /// Which.
        number: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// Not even the reserve has room. Nothing of the batch was written; what was acknowledged stands.
    #[error(
        "the store is full to the last of its reserve: batch {number} was not written and nobody was told of it. All that \
         was acknowledged is safe. A start needs room for one more batch and stops in the same way without it: keep \
         device and cells as they are, make the container or partition longer, and run `conclaved store grow`. Once it runs, two \
         officers may close this log into another one, `conclave-admin log close`"
    )]
    Full {
        /// Which.
        number: u64,
    },
    /// The store refused or failed.
    #[error("batch {number}: {error}")]
    Store {
        /// Which.
        number: u64,
        /// Why.
        error: vault::Error,
    },
    /// An erasure stopped half-way; the next start finishes or redoes it.
    #[error("an erasure: {0}")]
    Erasure(vault::Error),
    /// Making room failed.
    #[error("compaction: {0}")]
    Tending(vault::Error),
}

impl WriteError {
    /// Where the next start would come to the same end: the process' exit, and what a person can do.
    fn comes_again(&self, reader: &VaultReader) -> Option<(Exit, String)> {
        let error = match self {
            Self::DoesNotFit { .. } => return None,
            // Its own words say it all.
            Self::Full { .. } => return Some((Exit::Missing, String::new())),
            Self::Store { error, .. } | Self::Erasure(error) | Self::Tending(error) => error,
        };
        let offset = reader.bad_place(error)?;
        let advice = format!(
            ". The store does not read or is damaged near byte {offset}, and what was to be done needs what lies there: the next \
             start would come to the same. `conclaved store check` names what is hurt. Where the device fails to read, copy it \
             onto another one, zeros in place of what does not read (`ddrescue` does so), and start from the copy: what it lost is \
             told, and all else goes on. Where no start goes on, two officers decide with `conclaved recover`. Change nothing in \
             the root cells"
        );
        Some((Exit::Invalid, advice))
    }
}

/// What the writer owns.
pub(crate) struct Writer {
    pub(crate) vault: Vault,
    /// Over the entries on the device: enough to reckon the next root.
    pub(crate) frontier: Frontier,
    pub(crate) positions: Positions,
    /// What the next snapshot names of each entry.
    pub(crate) rows: Rows,
    pub(crate) verifiers: Verifiers,
    pub(crate) room: Room,
    pub(crate) rng: PooledRng,
    /// When what is to be erased may be erased.
    pub(crate) pacing: Pacing,
    pub(crate) log: Log,
}

/// A batch is at most this part of the device, so that a small one is not filled by two.
const BATCH_SHARE: u64 = 64;
/// And at least this, bytes.
const BATCH_BYTES_MIN: u64 = 1 << 20;
/// Extents below this are small: a body takes a good part of one.
const SMALL_EXTENT_BYTES: u64 = 4 << 20;
/// What a batch's entries leave of one extent of the journal: run header and commit record with room to spare, bytes.
const JOURNAL_AROUND_BYTES: u64 = 24 * 1024;

/// How much room there is, in the words of [`Input::Room`].
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// The device's length, bytes.
    pub(crate) store_bytes: u64,
    /// Of one extent.
    pub(crate) extent_bytes: u64,
}

impl Room {
    /// Of an open store on a device of this length.
    pub(crate) fn of(vault: &Vault, store_bytes: u64) -> Self {
        Self { store_bytes, extent_bytes: vault.geometry().extent_bytes.into() }
    }

    /// Messages are taken as long as two full batches fit beside the reserve.
    fn input(self, vault: &Vault) -> Input {
        let space = vault.space();
        let free = u64::from(space.free) * self.extent_bytes;
        let takes_messages = free > self.limits(&space).reserve_bytes;
        Input::Room(takes_messages, self.store_bytes.saturating_sub(free), self.store_bytes)
    }

    /// What the engine may put into one batch, and how much room it leaves to whom.
    pub(crate) fn limits(self, space: &Space) -> StoreLimits {
        let extent_bytes = self.extent_bytes;
        let batch_bytes = (self.store_bytes / BATCH_SHARE).clamp(BATCH_BYTES_MIN, BATCH_BYTES_MAX as u64);
        // In small extents up to half of each stays empty behind the last whole body.
        let batches = if extent_bytes < SMALL_EXTENT_BYTES { 4 } else { 2 };
        let margin = batches * batch_bytes / extent_bytes + 2;
        let around = JOURNAL_AROUND_BYTES + 5 * u64::from(space.extents);
        let (kept, urgent) = (space.kept(), space.reserve.saturating_sub(space.kept()));
        StoreLimits {
            batch_bytes_max: batch_bytes as usize,
            journal_bytes_max: extent_bytes.saturating_sub(around) as usize,
            reserve_bytes: (u64::from(space.reserve) + margin) * extent_bytes,
            extent_bytes,
            last_bytes: u64::from(kept + urgent.div_ceil(2) + 1) * extent_bytes,
            end_bytes: u64::from(kept + urgent.div_ceil(4) + 1) * extent_bytes,
            kept_bytes: u64::from(kept) * extent_bytes,
            people_max: disk::verifiers_max(extent_bytes),
        }
    }
}

/// Starts the writer. It ends when the sender is dropped.
pub(crate) fn start(writer: Writer, inbox: Inbox) -> std::io::Result<(Sender<Box<Batch>>, JoinHandle<()>)> {
    // The engine has one batch under way at most, so this queue holds one at most.
    let (sender, batches) = channel();
    let (log, reader) = (writer.log, writer.vault.reader());
    let thread = vital::spawn("writer", log, move || {
        if let Err(error) = writer.run(&batches, &inbox) {
            match error.comes_again(&reader) {
                Some((exit, advice)) => vital::wait_for_a_person(log, exit, format_args!("{error}{advice}")),
                None => vital::die(log, error),
            }
        }
    })?;
    Ok((sender, thread))
}

/// The next batch, waited for as long as nothing else is to be done.
fn next(batches: &Receiver<Box<Batch>>, waits: Option<Duration>) -> Result<Box<Batch>, RecvTimeoutError> {
    match waits {
        Some(for_long) => batches.recv_timeout(for_long),
        None => batches.recv().map_err(|_core_gone| RecvTimeoutError::Disconnected),
    }
}

/// Where the vault keeps a body.
fn place_of(stored: &StoredBody) -> vault::Place {
    let StoredBody { place, chunk, subtree, .. } = stored;
    let chunk = subtree.then_some(u64::from(*chunk));
    vault::Place { conversation: place.conversation, item: place.item, chunk }
}

impl Writer {
    fn run(mut self, batches: &Receiver<Box<Batch>>, inbox: &Inbox) -> Result<(), WriteError> {
        let mut told = None;
        let mut tending = Tending::new(self.log);
        let mut is_started = false;
        loop {
            hardening::scrub_stack();
            if is_started && self.has_cut_off() && !inbox.give(Input::BodiesLost) {
                return Ok(());
            }
            let room = self.room.input(&self.vault);
            if told.as_ref() != Some(&room) {
                if !inbox.give(room.clone()) {
                    return Ok(());
                }
                told = Some(room);
            }
            let waits = match self.pacing.begin_turn(&self.vault, Instant::now()) {
                Turn::Idle => Some(self.pacing.look_after_cells(&mut self.vault, Instant::now())),
                Turn::Wait(for_long) => {
                    let looks = self.pacing.look_for_cells(&mut self.vault, Instant::now());
                    let after = self.pacing.look_after_cells(&mut self.vault, Instant::now());
                    Some(looks.map_or(for_long, |looks| looks.min(for_long)).min(after))
                }
                Turn::Now => {
                    let gate = self.pacing.gate();
                    let items = self.pacing.waiting();
                    let ran = erasure::run(&mut self.vault, items, gate.as_deref(), self.log);
                    match ran.map_err(WriteError::Erasure)? {
                        Ran::Erased { epoch, count, behind } => {
                            // What did not fit waits for the cells' pace like anything that was asked for later.
                            let through = self.pacing.done(count, Instant::now());
                            self.pacing.tell_listed(&self.vault);
                            let mut told = Vec::new();
                            told.extend(behind.then_some(Input::BackupBehind(epoch)));
                            told.extend(through.map(|through| Input::ErasureDone(epoch, through)));
                            if !told.into_iter().all(|input| inbox.give(input)) {
                                return Ok(());
                            }
                        }
                        Ran::NoRoom => self.pacing.found_no_room(Instant::now()),
                    }
                    if tending.written(&mut self.vault, &mut self.rng).map_err(WriteError::Tending)? {
                        self.pacing.room_is_back();
                    }
                    continue;
                }
            };
            let patience =
                tending.patience(&self.vault).filter(|patience| waits.is_none_or(|waits| *patience <= waits));
            let batch = match next(batches, patience.or(waits)) {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Timeout) if patience.is_some() => {
                    // One bounded step, and only while nobody waits.
                    if tending.step(&mut self.vault, &mut self.rng).map_err(WriteError::Tending)? {
                        self.pacing.room_is_back();
                    }
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            self.commit(&batch)?;
            is_started = true;
            if !inbox.give(Input::Committed(batch.number)) {
                return Ok(());
            }
            self.pacing.require_backup(batch.backup_required);
            let through = self.frontier.size() - 1;
            self.pacing.let_go_of_cells(&mut self.vault, &batch.drop_cells, through);
            self.pacing.intend(&batch.erase, through);
            if tending.written(&mut self.vault, &mut self.rng).map_err(WriteError::Tending)? {
                self.pacing.room_is_back();
            }
        }
    }

    /// Did a node of the key tree not open since this was asked last? Says which.
    fn has_cut_off(&mut self) -> bool {
        let cut = self.vault.take_cut_off();
        for vault::CutOff { offset, owner } in &cut {
            let lost = vault::owner_words(owner);
            self.log
                .error(format_args!("a node at byte {offset} of the store does not open: lost is {lost}"));
        }
        !cut.is_empty()
    }

    /// Writes one batch; it is durable when this returns.
    pub(crate) fn commit(&mut self, batch: &Batch) -> Result<(), WriteError> {
        let (frontier, leaves) = self.check(batch)?;
        let changed = self.verifiers.changed(&batch.verifiers);
        let records: Vec<_> = changed
            .iter()
            .map(|(person, record)| (person.0.to_be_bytes(), record.as_ref().map(canonical::encode)))
            .collect();
        let durable = self.rows.entries();
        let (mut claim, mut mended) = (Claim::Ordinary, false);
        let positions = loop {
            match self.write(batch, &leaves, &records, claim) {
                // What the engine admitted before it heard that there is little room may use the reserve.
                Err(error) if error.is_full() && claim == Claim::Ordinary => claim = Claim::Urgent,
                // At the very end it admits nothing more: what comes are Facts, without which there is no start and no
                // "erased". One extent stays for the tree.
                Err(error)
                    if error.is_full()
                        && claim == Claim::Urgent
                        && batch.bodies.is_empty()
                        && self.vault.space().free > 1 =>
                {
                    claim = Claim::Erasing;
                }
                // What was admitted is kept: in the place of a node that does not open comes an empty one.
                Err(error) if error.is_damage() && !mended => {
                    mended = true;
                    let period =
                        batch.period.iter().map(|new| vault::Place::item(SECRETS_CONVERSATION, new.number));
                    let places: Vec<_> = batch.bodies.iter().map(place_of).chain(period).collect();
                    if let Err(error) = self.vault.mend(&places, &mut self.rng) {
                        break Err(error);
                    }
                }
                written => break written,
            }
            self.rows.truncate(durable);
        };
        let positions = positions.map_err(|error| {
            let number = batch.number;
            if error.is_full() { WriteError::Full { number } } else { WriteError::Store { number, error } }
        })?;
        self.frontier = frontier;
        self.positions.extend(positions);
        self.verifiers.put(changed);
        self.log.debug(format_args!("batch {}: {} entries", batch.number, batch.entries.len()));
        Ok(())
    }

    /// The batch goes on where the device ends, and its root and note are those of its own bytes.
    fn check(&self, batch: &Batch) -> Result<(Frontier, Vec<Hash>), WriteError> {
        let wrong = |what| WriteError::DoesNotFit { number: batch.number, what };
        let mut frontier = self.frontier.clone();
        if batch.first != frontier.size() {
            return Err(wrong("its first entry is not the next one"));
        }
        let leaves: Vec<Hash> = batch.entries.iter().map(|entry| leaf_hash(entry)).collect();
        for leaf in &leaves {
            frontier.append(*leaf);
        }
        if frontier.root() != batch.root {
            return Err(wrong("its root is not that of its bytes"));
        }
        let note = SignedCheckpoint::parse(&batch.note).map_err(|_| wrong("its note is no checkpoint"))?;
        let head = note.claimed().head;
        if (head.size, head.root) != (frontier.size(), frontier.root()) {
            return Err(wrong("its note names another head"));
        }
        Ok((frontier, leaves))
    }

    fn write(
        &mut self,
        batch: &Batch,
        leaves: &[Hash],
        records: &[(disk::PersonKey, Option<Vec<u8>>)],
        claim: Claim,
    ) -> Result<Vec<Position>, vault::Error> {
        let log = self.log;
        // A snapshot is never the reason why a batch finds no room.
        let snapshot = batch.snapshot.as_ref().filter(|state| {
            let takes = claim == Claim::Ordinary && self.vault.takes_snapshot(&self.rows, state.len());
            log.debug(format_args!("a snapshot of {} bytes, written: {takes}", state.len()));
            takes
        });
        let reader = self.vault.reader();
        let mut writing = self.vault.begin(claim, &mut self.rng)?;
        let mut positions = Vec::with_capacity(batch.entries.len());
        for (entry, leaf) in batch.entries.iter().zip(leaves) {
            let position = writing.entry(entry)?;
            self.rows.push(Row { leaf: *leaf, position });
            positions.push(position);
        }
        for stored in &batch.bodies {
            match writing.insert(place_of(stored), &stored.body) {
                // A chunk that did not open when its reservation was read again after a start was taken for missing and
                // sent once more. What lies there stays and is told as damaged to whoever reads it; all others go on. One
                // that opens now is the same, or it is somebody else's.
                Err(vault::Error::Occupied(place)) if place.chunk.is_some() => match reader.read(place) {
                    Ok(body) if *body == stored.body[..] => {}
                    Ok(_) => return Err(vault::Error::Occupied(place)),
                    Err(_) => log.error(format_args!(
                        "batch {}: {place:?} holds a body that does not open",
                        batch.number
                    )),
                },
                // Any other body where one lies already is a fault of ours: the Register gives each item a number once, and
                // a batch counts with its entries or not at all. It ends the process before anything is written.
                inserted => inserted?,
            }
        }
        if let Some(NewPeriod { number, secret }) = &batch.period {
            writing.insert(vault::Place::item(SECRETS_CONVERSATION, *number), secret.bytes())?;
        }
        for (person, record) in records {
            writing.verifier(*person, record.as_deref())?;
        }
        let paged = snapshot.map(|state| writing.snapshot(&self.rows, state)).transpose()?;
        // A crash before this line: nothing of the batch was ever said to anyone. Behind it: all of it stands.
        writing.commit(batch.root)?;
        paged.into_iter().for_each(|paged| self.rows.paged(paged));
        Ok(positions)
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
