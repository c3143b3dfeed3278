//! Finds what stands in more than one entry (commitments, Logins), by an external sort: memory stays flat however long
//! the log is. Never judges: two equal commitments are an anomaly (a salt was used twice, or a body was sent twice), a
//! Login that stands twice is a flaw; whoever asks knows which.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use journal::ids::{Hash, Index};

/// The id of a Login, and its entry.
pub type LoginAt = (Hash, Index);

/// Hashes sorted in memory at once.
pub const RUN_RECORDS: usize = 1 << 18;
/// Duplicates that are named; further ones are counted.
pub const NAMED_MAX: usize = 100;

const RECORD_BYTES: usize = 40;

type Record = (Hash, Index);

/// A hash that came twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Duplicate {
    /// Where it stood again.
    pub again: Index,
    /// Where it stood first.
    pub first: Index,
}

/// Takes hashes in, run by run.
pub struct Sorter {
    run: Vec<Record>,
    run_records: usize,
    spilled: Vec<File>,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::with_runs_of(RUN_RECORDS)
    }
}

impl Sorter {
    /// With shorter runs, for tests.
    pub fn with_runs_of(run_records: usize) -> Self {
        Self { run: Vec::new(), run_records, spilled: Vec::new() }
    }

    /// The next hash.
    pub fn take(&mut self, hash: Hash, index: Index) -> io::Result<()> {
        self.run.push((hash, index));
        if self.run.len() < self.run_records {
            return Ok(());
        }
        self.run.sort_unstable();
        // An unnamed file: it is gone with the process, whatever ends it.
        let mut out = BufWriter::new(tempfile::tempfile()?);
        for (hash, index) in self.run.drain(..) {
            out.write_all(&hash)?;
            out.write_all(&index.to_be_bytes())?;
        }
        self.spilled.push(out.into_inner().map_err(io::IntoInnerError::into_error)?);
        Ok(())
    }

    /// Merges the runs: the first [`NAMED_MAX`] duplicates, in the order of the log, and how many there are.
    pub fn finish(self) -> io::Result<(Vec<Duplicate>, u64)> {
        self.finish_telling(&mut |_, _| {})
    }

    /// The same; `each` is told of every hash once, ascending, with where it stood first.
    pub fn finish_telling(mut self, each: &mut dyn FnMut(&Hash, Index)) -> io::Result<(Vec<Duplicate>, u64)> {
        self.run.sort_unstable();
        let mut runs = Vec::new();
        for mut file in self.spilled {
            file.seek(SeekFrom::Start(0))?;
            runs.push(Run::File(BufReader::new(file)));
        }
        runs.push(Run::Memory(self.run.into_iter()));
        let mut heads = runs.iter_mut().map(Run::next).collect::<io::Result<Vec<_>>>()?;
        let (mut named, mut count, mut last) = (BTreeSet::new(), 0, None::<Record>);
        while let Some((smallest, record)) = smallest(&heads) {
            heads[smallest] = runs[smallest].next()?;
            match last {
                Some((hash, first)) if hash == record.0 => {
                    count += 1;
                    named.insert(Duplicate { again: record.1, first });
                    if named.len() > NAMED_MAX {
                        named.pop_last();
                    }
                }
                Some(_) | None => {
                    each(&record.0, record.1);
                    last = Some(record);
                }
            }
        }
        Ok((named.into_iter().collect(), count))
    }
}

fn smallest(heads: &[Option<Record>]) -> Option<(usize, Record)> {
    heads.iter().enumerate().filter_map(|(run, head)| Some((run, (*head)?))).min_by_key(|(_, record)| *record)
}

enum Run {
    File(BufReader<File>),
    Memory(std::vec::IntoIter<Record>),
}

impl Run {
    fn next(&mut self) -> io::Result<Option<Record>> {
        let file = match self {
            Self::Memory(records) => return Ok(records.next()),
            Self::File(file) => file,
        };
        let mut bytes = [0; RECORD_BYTES];
        match file.read_exact(&mut bytes) {
            Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let (hash, index) = bytes.split_at(32);
        let hash = hash.try_into().expect("32 of 40 bytes");
        Ok(Some((hash, Index::from_be_bytes(index.try_into().expect("8 of 40 bytes")))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_found_across_runs_and_within_them() {
        for run in [1, 3, 1000] {
            let mut sorter = Sorter::with_runs_of(run);
            for index in 0..50u64 {
                let byte = if matches!(index, 7 | 40 | 41) { 200 } else { index as u8 };
                sorter.take([byte; 32], index).unwrap();
            }
            let (found, count) = sorter.finish().unwrap();
            assert_eq!(count, 2);
            assert_eq!(found, [Duplicate { first: 7, again: 40 }, Duplicate { first: 7, again: 41 }]);
        }
        let mut many = Sorter::with_runs_of(7);
        for index in (0..1000u64).rev() {
            many.take([(index % 500 % 256) as u8; 32], index).unwrap();
        }
        let (found, count) = many.finish().unwrap();
        assert_eq!((found.len(), count), (NAMED_MAX, 744));
        assert_eq!(found[0], Duplicate { first: 0, again: 256 }, "the first ones are named");
        assert_eq!(Sorter::default().finish().unwrap().1, 0);
    }
}
