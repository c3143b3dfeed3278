//! A batch in the making: frames go straight into the buffers of its runs, one sync makes them count.
//! Dropped without `commit` it leaves no trace: nothing of the log's state changes before the sync has returned.

use std::sync::Arc;

use rand_core::CryptoRng;

use crate::commit::{Commit, CommitFields, FREED_MAX, RunRef, Top, digest};
use crate::error::Error;
use crate::extents::{Claim, Extent, STREAMS, Stream, Use};
use crate::log::Log;
use crate::placement::Placement;
use crate::reader::Reader;
use crate::run::{Owner, Position, RunBuilder};
use crate::seal::{NONCE_BYTES, Piece, SEAL_BYTES, Sealer, TAG_BYTES};
use crate::verifiers::{Change, PersonKey, VERIFIER_BYTES_MAX, VERIFIERS_MAX, VerifierFrame, apply};

/// What a durable batch is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its number, counted from 1.
    pub batch: u64,
    /// Journal entries up to and with it.
    pub entries: u64,
    /// Bytes submitted.
    pub bytes: u64,
}

/// A batch. Positions are final as soon as they are given; they are readable after `commit`.
pub struct Batch<'a> {
    log: &'a mut Log,
    rng: &'a mut dyn CryptoRng,
    placement: Placement,
    freed: Vec<Extent>,
    entries: u64,
    verifiers: Vec<Change>,
    /// Of these, people who had none.
    new_people: usize,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(log: &'a mut Log, claim: Claim, rng: &'a mut dyn CryptoRng) -> Self {
        let (table, entries) = (log.state.table.clone(), log.state.entries);
        let placement = Placement::new(table, std::mem::take(&mut log.pool), claim, Arc::clone(&log.desk));
        Self { log, rng, placement, freed: Vec::new(), entries, verifiers: Vec::new(), new_people: 0 }
    }

    /// The batch's source of randomness.
    pub fn rng(&mut self) -> &mut dyn CryptoRng {
        self.rng
    }

    /// Journal entries up to and with those of this batch so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Adds a journal entry; entries keep their order.
    pub fn entry(&mut self, bytes: &[u8]) -> Result<Position, Error> {
        let entry = self.sealed(Stream::Journal, &[0; 32], bytes)?;
        self.entries += 1;
        Ok(entry.position)
    }

    /// Largest frame [`Batch::tree`] takes.
    pub fn tree_bytes_max(&self) -> usize {
        self.placement.frame_bytes_max(Stream::Tree) - SEAL_BYTES
    }

    /// Largest body [`Batch::body`] takes, sealing included.
    pub fn body_bytes_max(&self) -> usize {
        self.placement.frame_bytes_max(Stream::Bodies)
    }

    /// Adds a frame to the tree stream.
    pub fn tree(&mut self, owner: &Owner, bytes: &[u8]) -> Result<Position, Error> {
        Ok(self.sealed(Stream::Tree, owner, bytes)?.position)
    }

    /// As [`Batch::tree`], in extents that hold nothing but what this batch puts apart: they die together.
    pub fn tree_apart(&mut self, owner: &Owner, bytes: &[u8]) -> Result<Position, Error> {
        let run = self.placement.room_apart(bytes.len() + SEAL_BYTES, self.entries)?;
        Ok(add_sealed(run, &self.log.sealer, owner, bytes, self.rng).position)
    }

    /// As [`Batch::tree`], for what is written once and kept: in extents that hold nothing else, so that no compaction
    /// ever has to move it. `after` is the newest of these frames before this batch.
    pub fn tree_lasting(
        &mut self,
        after: Option<Position>,
        owner: &Owner,
        bytes: &[u8],
    ) -> Result<Position, Error> {
        let after = after.and_then(|position| self.extent_of(position));
        let run = self.placement.room_lasting(after, bytes.len() + SEAL_BYTES, self.entries)?;
        Ok(add_sealed(run, &self.log.sealer, owner, bytes, self.rng).position)
    }

    /// Reads what earlier batches wrote.
    pub fn reader(&self) -> Reader {
        self.log.reader()
    }

    /// The extent that a position lies in, if it is one of this store.
    pub fn extent_of(&self, position: Position) -> Option<Extent> {
        self.log.extent_of(position)
    }

    /// Adds a body of `length` bytes; `fill` writes it, sealed, ending with its tag, straight into the run.
    pub fn body<F>(&mut self, owner: &Owner, length: usize, fill: F) -> Result<Position, Error>
    where
        F: FnOnce(&mut [u8], &mut dyn CryptoRng),
    {
        if length < TAG_BYTES {
            return Err(Error::BatchTooLarge("a body shorter than its tag is not sealed"));
        }
        let run = self.placement.room(Stream::Bodies, length, 0)?;
        Ok(run.add(owner, length, |_, slot| fill(slot, self.rng)))
    }

    /// Replaces or removes a person's password verifier.
    pub fn verifier(&mut self, person: PersonKey, verifier: Option<&[u8]>) -> Result<(), Error> {
        if verifier.is_some_and(|verifier| verifier.len() > VERIFIER_BYTES_MAX) {
            return Err(Error::BatchTooLarge("bytes of a verifier"));
        }
        let known = &self.log.verifiers.by_person;
        if verifier.is_some() && !known.contains_key(&person) {
            if known.len() + self.new_people >= VERIFIERS_MAX {
                return Err(Error::BatchTooLarge("verifiers"));
            }
            self.new_people += 1;
        }
        self.verifiers.push((person, verifier.map(<[u8]>::to_vec)));
        Ok(())
    }

    /// Gives an extent back whose every frame is dead. It is discarded and taken anew only after this batch is
    /// durable; the caller vouches that nothing durable names a frame in it.
    pub fn free(&mut self, extent: Extent) -> Result<(), Error> {
        if !self.placement.table.freeable(extent)
            || !self.log.state.table.freeable(extent)
            || self.freed.contains(&extent)
            || self.placement.lasting.as_ref().is_some_and(|run| run.extent == extent)
        {
            return Err(Error::NotFreeable(extent));
        }
        if self.freed.len() >= FREED_MAX {
            return Err(Error::BatchTooLarge("freed extents"));
        }
        self.freed.push(extent);
        Ok(())
    }

    fn sealed(&mut self, stream: Stream, owner: &Owner, bytes: &[u8]) -> Result<Top, Error> {
        let run = self.placement.room(stream, bytes.len() + SEAL_BYTES, self.entries)?;
        Ok(add_sealed(run, &self.log.sealer, owner, bytes, self.rng))
    }

    /// Submits all runs, syncs once, and only then changes the log. After an error of the device the log is poisoned.
    pub fn commit(mut self, fields: CommitFields) -> Result<Committed, Error> {
        let verifier_frame = self.write_verifiers()?;
        self.placement.room(Stream::Journal, 0, self.entries)?; // The commit record needs a journal run, even an empty one.
        let batch = self.log.state.batch + 1;
        let verifiers =
            verifier_frame.as_ref().map_or(self.log.verifiers.newest, |(_, newest)| Some(*newest));
        let mut commit = Commit {
            batch,
            previous: self.log.state.digest,
            entries: self.entries,
            fields,
            verifiers,
            current: self.placement.table.current,
            next_journal: self.placement.table.next_journal,
            extents: self.placement.table.geometry.extents,
            runs: Vec::new(),
            taken: self.placement.taken.clone(),
            freed: self.freed.clone(),
            table: None,
        };
        let (runs, record) = self.close_runs(&mut commit);
        let bytes = runs.iter().map(|run| run.buffer.len() as u64).sum();

        // A crash from here to the end of the sync: the batch counts only if all of it survived, and nobody was told.
        if let Err(error) = self.submit(&runs) {
            self.log.poisoned = true;
            return Err(error);
        }
        // A crash here: the batch is durable, its acknowledgements were not sent; recovery brings it back.
        self.apply(commit, &record, runs, verifier_frame);
        Ok(Committed { batch, entries: self.entries, bytes })
    }

    fn submit(&self, runs: &[RunBuilder]) -> Result<(), Error> {
        for run in runs {
            self.log.device.write(run.offset, run.buffer.as_ref())?;
        }
        Ok(self.log.device.sync()?)
    }

    /// Adds the verifiers' frame, when there are changes; a full one frees the extents before it.
    fn write_verifiers(&mut self) -> Result<Option<(VerifierFrame, Top)>, Error> {
        if self.verifiers.is_empty() {
            return Ok(None);
        }
        let frame = self.log.verifiers.next_frame(&self.verifiers);
        let newest = self.sealed(Stream::Verifiers, &[0; 32], &frame.encode())?;
        if frame.depth == 0 {
            for extent in 0..self.placement.table.geometry.extents {
                let carried = self.log.state.table.uses[extent as usize].stream;
                let freeable = self.placement.table.freeable(extent) && self.log.state.table.freeable(extent);
                if carried == Some(Stream::Verifiers) && freeable && self.freed.len() < FREED_MAX {
                    self.freed.push(extent);
                }
            }
        }
        Ok(Some((frame, newest)))
    }

    /// Closes every run, the one with the commit record last, and seals the record into it.
    fn close_runs(&mut self, commit: &mut Commit) -> (Vec<RunBuilder>, Vec<u8>) {
        let mut runs = std::mem::take(&mut self.placement.closed);
        runs.extend(self.placement.apart.take());
        runs.extend(self.placement.lasting.take());
        for stream in STREAMS {
            runs.extend(self.placement.open[stream.slot()].take());
        }
        let mut last = runs.pop().expect("the journal's run is open, and its stream is the last");
        for run in &mut runs {
            let header = run.close(&self.log.sealer, commit.batch, 0, self.rng);
            commit.runs.push(self.placement.count(run, header.covered_bytes()));
        }
        for extent in &commit.freed {
            self.placement.table.uses[*extent as usize] = Use::default();
        }
        // The record's length does not depend on what its last run's reference says.
        commit.runs.push(RunRef { digest: [0; 32], ..self.placement.reference(&last, 0) });
        let first_in_extent = last.offset == self.placement.table.geometry.start(last.extent);
        let with_table = first_in_extent || self.log.state.table_unwritten;
        let length = commit.encode(with_table.then_some(&self.placement.table)).len() + SEAL_BYTES;
        let header = last.close(&self.log.sealer, commit.batch, length, self.rng);
        commit.runs.pop();
        commit.runs.push(self.placement.count(&last, header.covered_bytes()));
        let record = commit.encode(with_table.then_some(&self.placement.table));
        let at = header.covered_bytes() as usize;
        let offset = last.offset + at as u64;
        let slot = &mut last.buffer.as_mut()[at..at + length];
        slot[NONCE_BYTES..NONCE_BYTES + record.len()].copy_from_slice(&record);
        self.log.sealer.seal(Piece::Commit, offset, slot, self.rng);
        runs.push(last);
        (runs, record)
    }

    fn apply(
        &mut self,
        commit: Commit,
        record: &[u8],
        runs: Vec<RunBuilder>,
        verifiers: Option<(VerifierFrame, Top)>,
    ) {
        let log = &mut *self.log;
        let journal = commit.current[Stream::Journal.slot()];
        if log.state.journal.last().is_some_and(|(extent, _)| *extent != journal) {
            let first = runs.last().map_or(commit.entries, |run| run.first);
            log.state.journal.push((journal, first));
        }
        log.state.batch = commit.batch;
        log.state.commit_at = runs.last().map_or(0, |run| run.offset);
        log.state.entries = commit.entries;
        log.state.digest = digest(record);
        log.state.fields = commit.fields;
        log.state.table = self.placement.table.clone();
        log.state.table_unwritten = false;
        if let Some((frame, newest)) = verifiers {
            apply(&mut log.verifiers.by_person, &self.verifiers);
            (log.verifiers.newest, log.verifiers.depth) = (Some(newest), frame.depth);
        }
        let geometry = log.state.table.geometry;
        for extent in log.desk.publish(&log.state, &commit.freed) {
            // Hygiene: an error here costs nothing but that the device keeps what is dead and sealed anyway.
            let _ = log.device.discard(geometry.start(extent), u64::from(geometry.extent_bytes));
        }
        self.placement.pool.extend(runs.into_iter().map(|run| run.buffer));
        log.give_back(std::mem::take(&mut self.placement.pool));
    }
}

/// Seals a frame straight into its run. Gives where it lies, and the seal's tag.
fn add_sealed(
    run: &mut RunBuilder,
    sealer: &Sealer,
    owner: &Owner,
    bytes: &[u8],
    rng: &mut dyn CryptoRng,
) -> Top {
    let (piece, mut tag) = (Piece::Frame(run.stream), [0; TAG_BYTES]);
    let position = run.add(owner, bytes.len() + SEAL_BYTES, |offset, slot| {
        slot[NONCE_BYTES..NONCE_BYTES + bytes.len()].copy_from_slice(bytes);
        sealer.seal(piece, offset, slot, rng);
        tag = *slot.last_chunk().expect("a sealed slot ends with its tag");
    });
    Top { position, tag }
}

impl Placement {
    /// How the commit record names a run.
    fn reference(&self, run: &RunBuilder, covered: u32) -> RunRef {
        let blocks = (run.buffer.len() / crate::device::BLOCK) as u32;
        let digest = digest(&run.buffer.as_ref()[..covered as usize]);
        RunRef { stream: run.stream, extent: run.extent, offset: run.offset, blocks, covered, digest }
    }

    /// Names a closed run and counts its blocks as used.
    fn count(&mut self, run: &RunBuilder, covered: u32) -> RunRef {
        let reference = self.reference(run, covered);
        self.table.uses[run.extent as usize].used_blocks += reference.blocks;
        reference
    }
}
