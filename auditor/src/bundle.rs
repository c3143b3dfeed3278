//! The file that carries a whole journal to the auditor: entries as they were hashed, then the signed notes.
//! Never judges an entry or a note, and never holds more than one record in memory.
//!
//! ```text
//! "conclave journal"        16 bytes
//! version                   1 byte: 1
//! entry records             length (4 bytes, big-endian, 1..=61440) ‖ entry; the first is index 0, no gaps
//! 00000000                  end of the entries
//! note records              length (4 bytes, big-endian, 1..=131072) ‖ signed note (text); at most 16
//! 00000000                  end of the notes and of the file
//! ```
//! The last note covers all entries. A file that stops before its second end mark was cut off.

use std::io::{self, Read, Seek, SeekFrom, Write};

use journal::entry::ENTRY_BYTES_MAX;
use journal::note::NOTE_BYTES_MAX;

use crate::record::{fill, read_record, read_record_into, write_record};

/// Entries in one batch at most.
pub const BATCH_ENTRIES: usize = 4096;
/// Bytes in one batch at most, but for its last entry.
pub const BATCH_BYTES: usize = 8 << 20;

/// The first bytes of every bundle.
pub const MAGIC: &[u8; 16] = b"conclave journal";
/// The first bytes of every excerpt: a part of a journal (`excerpt.rs`).
pub const EXCERPT_MAGIC: &[u8; 16] = b"conclave excerpt";
/// How a trust file begins.
const TRUST_ARMOUR: &[u8; 29] = b"-----BEGIN CONCLAVE TRUST----";
/// The version that this program writes.
pub const BUNDLE_VERSION: u8 = 1;
/// Most notes in one bundle.
pub const NOTES_MAX: usize = 16;

/// Why bytes are no bundle, or no whole one.
#[derive(Debug, thiserror::Error)]
pub enum BadBundle {
    /// It begins otherwise.
    #[error("not a journal bundle")]
    NotABundle,
    /// Written by a newer program.
    #[error("bundle version {0} is newer than this program reads ({BUNDLE_VERSION})")]
    Newer(u8),
    /// It ends in the middle: an export that was broken off, or a copy that was cut.
    #[error("the bundle ends after {entries} whole entries, without its end mark")]
    Truncated {
        /// Entries that are whole.
        entries: u64,
    },
    /// A length beyond the limit.
    #[error("record {record} claims {bytes} bytes, the limit is {limit}")]
    TooLong {
        /// Counted from 0, entries and notes apart.
        record: u64,
        /// Claimed.
        bytes: u64,
        /// Allowed.
        limit: u64,
    },
    /// A record that cannot be what stands at its place.
    #[error("record {record} is malformed")]
    Malformed {
        /// Counted from 0, entries and what follows them apart.
        record: u64,
    },
    /// More than [`NOTES_MAX`].
    #[error("the bundle has more than {NOTES_MAX} notes")]
    TooManyNotes,
    /// Something stands behind the end mark.
    #[error("there are bytes behind the end of the bundle")]
    TrailingBytes,
    /// A trust file stands behind the end mark: whoever made the bundle says what is to be believed of it.
    #[error("the bundle brings its own trust file")]
    BringsTrust,
    /// It is a part of a journal, not the whole.
    #[error("an excerpt, not a whole journal")]
    Excerpt,
    /// The whole journal, not a part of it.
    #[error("a whole journal, not an excerpt")]
    Whole,
    /// The file cannot be read.
    #[error(transparent)]
    Io(io::Error),
}

/// Writes a bundle record by record.
pub struct BundleWriter<W: Write> {
    out: W,
    entries: u64,
}

impl<W: Write> BundleWriter<W> {
    /// Writes the beginning.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        out.write_all(&[BUNDLE_VERSION])?;
        Ok(Self { out, entries: 0 })
    }

    /// Goes on behind so many entries, at whose end `out` stands.
    pub fn resume(out: W, entries: u64) -> Self {
        Self { out, entries }
    }

    /// What was written so far leaves the buffers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Where it is written.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// Writes the next entry.
    pub fn entry(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.record(bytes, ENTRY_BYTES_MAX)?;
        self.entries += 1;
        Ok(())
    }

    /// Entries written.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Writes the notes and the end marks; gives the file back, to be synced by its owner.
    pub fn finish(mut self, notes: &[&[u8]]) -> io::Result<W> {
        if notes.len() > NOTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many notes"));
        }
        self.end()?;
        for note in notes {
            self.record(note, NOTE_BYTES_MAX)?;
        }
        self.end()?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.write_all(&0u32.to_be_bytes())
    }

    fn record(&mut self, bytes: &[u8], limit: usize) -> io::Result<()> {
        write_record(&mut self.out, bytes, limit)
    }
}

/// Reads a bundle record by record.
#[derive(Debug)]
pub struct BundleReader<R: Read> {
    input: R,
    entries: u64,
    bytes: u64,
    /// Where the entries end, once their end mark was read.
    entries_end: Option<u64>,
    /// Behind what was malformed nothing stands where it seems to stand.
    broken: bool,
}

impl<R: Read> BundleReader<R> {
    /// Reads the beginning.
    pub fn open(mut input: R) -> Result<Self, BadBundle> {
        if opening(&mut input)? == Opening::Excerpt {
            return Err(BadBundle::Excerpt);
        }
        Ok(Self { input, entries: 0, bytes: OPENING_BYTES, entries_end: None, broken: false })
    }

    /// Goes on reading in another way.
    pub fn through<S: Read>(self, way: impl FnOnce(R) -> io::Result<S>) -> io::Result<BundleReader<S>> {
        let Self { input, entries, bytes, entries_end, broken } = self;
        Ok(BundleReader { input: way(input)?, entries, bytes, entries_end, broken })
    }

    /// The next entry's bytes; `None` behind the last one.
    pub fn next_entry(&mut self) -> Result<Option<Vec<u8>>, BadBundle> {
        let mut entry = Vec::new();
        Ok(self.next_entry_into(&mut entry)?.map(|_| entry))
    }

    /// Appends the next entry's bytes to `out`, and gives their number; `None` behind the last one. On an error `out` is
    /// void, and whoever reads on is told of an error for ever.
    pub fn next_entry_into(&mut self, out: &mut Vec<u8>) -> Result<Option<usize>, BadBundle> {
        if self.entries_end.is_some() {
            return Ok(None);
        }
        let (at, limit) = (self.entries, ENTRY_BYTES_MAX);
        if self.broken {
            return Err(BadBundle::Malformed { record: at });
        }
        let found = read_record_into(&mut self.input, limit, out);
        self.broken = found.is_err();
        let found = found.map_err(|error| error.at(at, at, limit))?;
        match found {
            Some(_) => self.entries += 1,
            None => self.entries_end = Some(self.bytes),
        }
        self.bytes += 4 + found.unwrap_or(0) as u64;
        Ok(found)
    }

    /// Entries read so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Where the entries end in the file, bytes; known once all were read.
    pub fn entries_end(&self) -> Option<u64> {
        self.entries_end
    }

    /// Bytes of the file read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The notes, once all entries were read (those that were not are passed over), and that nothing follows them.
    pub fn notes(mut self) -> Result<Vec<Vec<u8>>, BadBundle> {
        while self.next_entry()?.is_some() {}
        let mut notes = Vec::new();
        while let Some(note) = self.record(notes.len() as u64, NOTE_BYTES_MAX)? {
            if notes.len() == NOTES_MAX {
                return Err(BadBundle::TooManyNotes);
            }
            notes.push(note);
        }
        nothing_follows(&mut self.input)?;
        Ok(notes)
    }

    fn record(&mut self, record: u64, limit: usize) -> Result<Option<Vec<u8>>, BadBundle> {
        let found =
            read_record(&mut self.input, limit).map_err(|error| error.at(record, self.entries, limit))?;
        self.bytes += 4 + found.as_ref().map_or(0, Vec::len) as u64;
        Ok(found)
    }
}

impl<R: Read + Seek> BundleReader<R> {
    /// Passes over so many entries, which end there, without reading them. Where they do not, what follows is malformed, cut
    /// off, or comes to no root that anybody signed.
    pub fn pass_over(mut self, entries: u64, end: u64) -> io::Result<Self> {
        self.input.seek(SeekFrom::Start(end))?;
        (self.entries, self.bytes) = (entries, end);
        Ok(self)
    }
}

/// Bytes of magic and version.
pub(crate) const OPENING_BYTES: u64 = MAGIC.len() as u64 + 1;

/// Which kind of file begins so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opening {
    /// A whole journal.
    Whole,
    /// A part of one (`excerpt.rs`).
    Excerpt,
}

/// Reads magic and version. Both kinds are of version 1.
pub(crate) fn opening(input: &mut impl Read) -> Result<Opening, BadBundle> {
    let mut head = [0; MAGIC.len() + 1];
    let read = fill(input, &mut head).map_err(BadBundle::Io)?;
    let shown = read.min(MAGIC.len());
    let begins = |magic: &[u8; 16]| shown > 0 && head[..shown] == magic[..shown];
    let kind = match (begins(MAGIC), begins(EXCERPT_MAGIC)) {
        (true, _) => Opening::Whole,
        (false, true) => Opening::Excerpt,
        (false, false) => return Err(BadBundle::NotABundle),
    };
    if read < head.len() {
        return Err(BadBundle::Truncated { entries: 0 });
    }
    match head[MAGIC.len()] {
        BUNDLE_VERSION => Ok(kind),
        0 => Err(BadBundle::NotABundle),
        newer => Err(BadBundle::Newer(newer)),
    }
}

/// That the file ends here; a trust file behind the end is told for what it is.
pub(crate) fn nothing_follows(input: &mut impl Read) -> Result<(), BadBundle> {
    let mut more = [0; TRUST_ARMOUR.len()];
    match fill(input, &mut more).map_err(BadBundle::Io)? {
        0 => Ok(()),
        _ if more == *TRUST_ARMOUR => Err(BadBundle::BringsTrust),
        _ => Err(BadBundle::TrailingBytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Vec<u8> {
        let mut writer = BundleWriter::new(Vec::new()).unwrap();
        for entry in [&b"genesis"[..], b"x", &[7; ENTRY_BYTES_MAX]] {
            writer.entry(entry).unwrap();
        }
        assert_eq!(writer.entries(), 3);
        writer.finish(&[b"note\n"]).unwrap()
    }

    type Records = Vec<Vec<u8>>;

    fn read(bytes: &[u8]) -> Result<(Records, Records), BadBundle> {
        let mut reader = BundleReader::open(bytes)?;
        let mut entries = Vec::new();
        while let Some(entry) = reader.next_entry()? {
            entries.push(entry);
        }
        Ok((entries, reader.notes()?))
    }

    #[test]
    fn what_is_written_is_read() {
        let (entries, notes) = read(&bundle()).unwrap();
        assert_eq!((entries.len(), &entries[0][..], entries[2].len()), (3, &b"genesis"[..], ENTRY_BYTES_MAX));
        assert_eq!(notes, [b"note\n"]);
        let bytes = bundle();
        let reader = BundleReader::open(&bytes[..]).unwrap();
        assert_eq!(reader.notes().unwrap().len(), 1);
    }

    #[test]
    fn every_cut_is_seen_as_a_cut() {
        let whole = bundle();
        for length in (1..120).chain(whole.len() - 60..whole.len()) {
            assert!(matches!(read(&whole[..length]), Err(BadBundle::Truncated { .. })), "{length}");
        }
        assert!(matches!(read(&[]), Err(BadBundle::NotABundle)));
    }

    #[test]
    fn what_is_no_bundle_is_refused_by_its_fault() {
        let mut newer = bundle();
        newer[16] = 2;
        assert!(matches!(read(&newer), Err(BadBundle::Newer(2))));
        newer[16] = 0;
        assert!(matches!(read(&newer), Err(BadBundle::NotABundle)));
        let mut other = bundle();
        other[0] ^= 1;
        assert!(matches!(read(&other), Err(BadBundle::NotABundle)));
        let mut long = bundle();
        long[17..21].copy_from_slice(&(ENTRY_BYTES_MAX as u32 + 1).to_be_bytes());
        assert!(matches!(read(&long), Err(BadBundle::TooLong { record: 0, .. })));
        let mut more = bundle();
        more.push(0);
        assert!(matches!(read(&more), Err(BadBundle::TrailingBytes)));
        let own =
            [&bundle()[..], b"-----BEGIN CONCLAVE TRUST-----\nAAAA\n-----END CONCLAVE TRUST-----\n"].concat();
        assert!(matches!(read(&own), Err(BadBundle::BringsTrust)));
        let mut part = bundle();
        part[..16].copy_from_slice(EXCERPT_MAGIC);
        assert!(matches!(read(&part), Err(BadBundle::Excerpt)));
    }

    /// Four bytes that no length is, put between two entries, must not be skipped by who asks once more.
    #[test]
    fn nothing_is_read_behind_what_is_malformed() {
        let mut bytes = bundle();
        let behind_the_first = 17 + 4 + b"genesis".len();
        bytes.splice(behind_the_first..behind_the_first, [0xff; 4]);
        let mut reader = BundleReader::open(&bytes[..]).unwrap();
        assert!(reader.next_entry().is_ok());
        assert!(matches!(reader.next_entry(), Err(BadBundle::TooLong { record: 1, .. })));
        assert!(reader.next_entry().is_err() && reader.next_entry().is_err());
        assert!(reader.notes().is_err());
    }

    #[test]
    fn notes_and_their_lengths_are_limited() {
        let mut writer = BundleWriter::new(Vec::new()).unwrap();
        assert!(writer.entry(&[]).is_err() && writer.entry(&[0; ENTRY_BYTES_MAX + 1]).is_err());
        writer.entry(b"x").unwrap();
        let notes = vec![&b"n"[..]; NOTES_MAX];
        let mut bytes = writer.finish(&notes).unwrap();
        assert_eq!(read(&bytes).unwrap().1.len(), NOTES_MAX);
        bytes.truncate(bytes.len() - 4);
        bytes.extend([0, 0, 0, 1, b'n', 0, 0, 0, 0]);
        assert!(matches!(read(&bytes), Err(BadBundle::TooManyNotes)));
    }
}
