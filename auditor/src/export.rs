//! Entries from the appliance into a bundle, page by page, up to one signed note.
//! Never believes what it copies: verifying the bundle is another command's work.

use std::io::{self, Write};

use journal::checkpoint::SignedCheckpoint;
use journal::ids::Index;

use crate::bundle::BundleWriter;

/// Entries asked for at once.
pub const PAGE_ENTRIES: u32 = 256;

/// Why an export cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum BadExport {
    /// The file cannot be written, or an entry is of an impossible length.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server's note is no checkpoint.
    #[error("the server gave no readable checkpoint")]
    Note,
    /// The entries given are not those that were asked for.
    #[error("asked for entry {wanted}, got {got:?}")]
    NotWhatWasAsked {
        /// The next one.
        wanted: Index,
        /// What came, if anything did.
        got: Option<Index>,
    },
}

/// An export under way.
pub struct Exporter<W: Write> {
    writer: BundleWriter<W>,
    note: Vec<u8>,
    cosigned: Option<Vec<u8>>,
    size: u64,
}

impl<W: Write> Exporter<W> {
    /// Everything that this note covers; a note that a witness cosigned goes along where it is not beyond that.
    pub fn new(out: W, note: Vec<u8>, cosigned: Option<Vec<u8>>) -> Result<Self, BadExport> {
        let size = SignedCheckpoint::parse(&note).map_err(|_| BadExport::Note)?.claimed().head.size;
        let within = |note: &Vec<u8>| {
            SignedCheckpoint::parse(note).is_ok_and(|checkpoint| checkpoint.claimed().head.size <= size)
        };
        let cosigned = cosigned.filter(within);
        Ok(Self { writer: BundleWriter::new(out)?, note, cosigned, size })
    }

    /// What to ask for next: from where, and how many; `None` when all is there.
    pub fn wanted(&self) -> Option<(Index, u32)> {
        let next = self.writer.entries();
        let left = self.size.checked_sub(next).filter(|left| *left > 0)?;
        Some((next, u32::try_from(left).unwrap_or(u32::MAX).min(PAGE_ENTRIES)))
    }

    /// Entries written, and in all.
    pub fn progress(&self) -> (u64, u64) {
        (self.writer.entries(), self.size)
    }

    /// Takes a page in: the entries asked for, or fewer, at least one.
    pub fn take<'a>(&mut self, page: impl IntoIterator<Item = (Index, &'a [u8])>) -> Result<(), BadExport> {
        let mut got_any = false;
        for (index, entry) in page {
            let wanted = self.writer.entries();
            if index != wanted || index >= self.size {
                return Err(BadExport::NotWhatWasAsked { wanted, got: Some(index) });
            }
            self.writer.entry(entry)?;
            got_any = true;
        }
        match got_any {
            true => Ok(()),
            false => Err(BadExport::NotWhatWasAsked { wanted: self.writer.entries(), got: None }),
        }
    }

    /// Ends the bundle with its notes, the newest last. An export that has not all its entries is not ended.
    pub fn finish(self) -> Result<W, BadExport> {
        match self.wanted() {
            Some((wanted, _)) => Err(BadExport::NotWhatWasAsked { wanted, got: None }),
            None => {
                let notes: Vec<&[u8]> = self.cosigned.iter().chain([&self.note]).map(Vec::as_slice).collect();
                Ok(self.writer.finish(&notes)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{exported, signed};
    use journal::testing::TestLog;

    #[test]
    fn pages_become_the_bundle_that_the_note_covers() {
        let mut log = TestLog::standard(1);
        let note = signed(&log, log.head());
        let whole = exported(&log);
        // The log grows meanwhile; the bundle ends with its note.
        log.talking("anna", &["boris"]);
        let mut exporter = Exporter::new(Vec::new(), note, None).unwrap();
        while let Some((from, count)) = exporter.wanted() {
            let page = (from..from + u64::from(count).min(7)).filter(|index| *index < exporter.progress().1);
            let page: Vec<_> = page.map(|index| (index, &log.entries[index as usize][..])).collect();
            exporter.take(page).unwrap();
        }
        assert_eq!(exporter.finish().unwrap(), whole);
    }

    #[test]
    fn a_server_that_answers_something_else_is_not_followed() {
        let log = TestLog::standard(2);
        let note = signed(&log, log.head());
        let mut exporter = Exporter::new(Vec::new(), note.clone(), None).unwrap();
        let entry = |index: u64| (index, &log.entries[index as usize][..]);
        assert!(exporter.take([]).is_err());
        assert!(exporter.take([entry(1)]).is_err());
        exporter.take([entry(0), entry(1)]).unwrap();
        assert!(exporter.take([entry(1)]).is_err());
        // A bad sector in the server's store: the entry is left out of the page, and the next one stands there.
        let gap = exporter.take([entry(3), entry(4)]);
        assert!(matches!(gap, Err(BadExport::NotWhatWasAsked { wanted: 2, got: Some(3) })));
        assert!(matches!(exporter.finish(), Err(BadExport::NotWhatWasAsked { wanted: 2, got: None })));
        assert!(matches!(Exporter::new(Vec::new(), b"none".to_vec(), None), Err(BadExport::Note)));
        let mut beyond = Exporter::new(Vec::new(), signed(&log, log.head()), None).unwrap();
        beyond.take((0..log.entries.len() as u64).map(entry)).unwrap();
        assert!(beyond.take([(log.tree.size(), &b"x"[..])]).is_err());
    }
}
