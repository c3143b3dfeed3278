//! `acts`: the authority's own journal, an append-only file of its signed acts.
//! Never interprets an act, and never gives one back that is not whole.
//!
//! ```text
//! conclave acts 1 LF
//! base64(canonical SignedStatement) LF          one line for each act, in order; the parts of a revocation list, which
//!                                               are worth nothing by themselves, on one line with a space between them
//! ```
//! An act counts once its line, with the line's end, is on the disk. A last line that is torn was never followed by
//! anything: no certificate, list, sheet or bundle leaves before the sync. It is set aside, and the work goes on. A whole
//! last line may have been written by a process that did not live to sync it, so what is read is synced before it counts.

use crate::files::{self, Readers, shown};
use crate::trouble::Trouble;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use journal::SignedStatement;
use pki::canonical;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The first line.
const HEAD: &str = "conclave acts 1\n";
/// Largest file that is read, bytes.
pub const ACTS_BYTES_MAX: u64 = 1 << 30;

/// What the file is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Others may read too.
    Read,
    /// Nobody else may read or write meanwhile.
    Write,
}

/// The open file, locked.
pub struct ActsFile {
    path: PathBuf,
    file: File,
}

/// The lines that count, and what comes after them.
struct Split<'a> {
    acts: Vec<SignedStatement>,
    torn: &'a [u8],
}

impl ActsFile {
    /// Makes an empty one.
    pub fn create(path: &Path) -> Result<(), Trouble> {
        files::write_new(path, HEAD.as_bytes(), Readers::Owner)
    }

    /// Opens and reads it. Gives the acts in order, not yet verified.
    pub fn open(path: &Path, mode: Mode) -> Result<(Self, Vec<SignedStatement>), Trouble> {
        let is_writing = mode == Mode::Write;
        let opened = OpenOptions::new().read(true).append(is_writing).open(path);
        let mut file = opened.map_err(|cause| files::read_trouble(path, &cause))?;
        let locked = if is_writing { file.try_lock() } else { file.try_lock_shared() };
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Trouble::Busy { path: shown(path) }),
            Err(TryLockError::Error(cause)) => return Err(files::read_trouble(path, &cause)),
        }
        let mut bytes = Vec::new();
        (&mut file)
            .take(ACTS_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|cause| files::read_trouble(path, &cause))?;
        if bytes.len() as u64 > ACTS_BYTES_MAX {
            return Err(Trouble::TooLong { path: shown(path), limit: ACTS_BYTES_MAX });
        }
        // Whole lines that nobody saw on the disk: what is built on them must not outlive them.
        file.sync_data().map_err(|cause| files::read_trouble(path, &cause))?;
        let Split { acts, torn } = split(&bytes)?;
        let mut this = Self { path: path.to_owned(), file };
        if is_writing && !torn.is_empty() {
            this.set_aside(torn, (bytes.len() - torn.len()) as u64)?;
        }
        Ok((this, acts))
    }

    /// Adds acts, all or none: one, or the parts of one list. Once this returns they are durable; a crash before it leaves a
    /// torn line or none.
    pub fn append(&mut self, acts: &[SignedStatement]) -> Result<(), Trouble> {
        let acts: Vec<String> = acts.iter().map(|act| STANDARD.encode(canonical::encode(act))).collect();
        let line = acts.join(" ") + "\n";
        let trouble = |cause: std::io::Error| files::write_trouble(&self.path, &cause);
        let before = self.file.metadata().map_err(trouble)?.len();
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|cause| {
            // Not known to be on the disk, so it is not to be believed later; if it cannot be cut off either, the next
            // opening syncs it or finds it torn.
            let _cut = self.file.set_len(before);
            trouble(cause)
        })
    }

    /// Keeps the torn bytes beside the file, then cuts them off. A crash between the two repeats both.
    fn set_aside(&mut self, torn: &[u8], whole_bytes: u64) -> Result<(), Trouble> {
        files::replace(&self.path.with_extension("torn"), torn, Readers::Owner)?;
        let cut = self.file.set_len(whole_bytes).and_then(|()| self.file.sync_all());
        let cut = cut.and_then(|()| self.file.seek(SeekFrom::End(0)));
        cut.map(|_| ()).map_err(|cause| files::write_trouble(&self.path, &cause))
    }
}

fn split(bytes: &[u8]) -> Result<Split<'_>, Trouble> {
    let damaged = |line: usize| Trouble::ActsDamaged { line: line as u64, why: "unreadable".into() };
    let mut rest = bytes.strip_prefix(HEAD.as_bytes()).ok_or_else(|| damaged(1))?;
    let (mut acts, mut lines) = (Vec::new(), 1);
    while !rest.is_empty() {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        match parse(line) {
            Some(together) => acts.extend(together),
            // Sectors of one write may reach the disk in any order: only the last line can be so.
            None if after.is_empty() => break,
            None => return Err(damaged(lines + 1)),
        }
        lines += 1;
        rest = after;
    }
    Ok(Split { acts, torn: rest })
}

fn parse(line: &[u8]) -> Option<Vec<SignedStatement>> {
    let one = |act: &[u8]| canonical::decode(&STANDARD.decode(act).ok()?).ok();
    line.split(|byte| *byte == b' ').map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(byte: u8) -> SignedStatement {
        SignedStatement { statement: vec![byte; 90].into(), signature: vec![byte; 64].into() }
    }

    fn written(dir: &Path) -> PathBuf {
        let path = dir.join("acts");
        ActsFile::create(&path).unwrap();
        let (mut file, none) = ActsFile::open(&path, Mode::Write).unwrap();
        assert!(none.is_empty());
        file.append(&[act(1)]).unwrap();
        file.append(&[act(2)]).unwrap();
        path
    }

    #[test]
    fn acts_come_back_and_a_second_writer_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let (_held, acts) = ActsFile::open(&path, Mode::Write).unwrap();
        assert!(acts == [act(1), act(2)]);
        for mode in [Mode::Read, Mode::Write] {
            assert!(matches!(ActsFile::open(&path, mode), Err(Trouble::Busy { .. })));
        }
    }

    #[test]
    fn power_may_fail_at_every_byte_of_an_append() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let whole = std::fs::read(&path).unwrap();
        let first = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
        for cut in first..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (_, seen) = ActsFile::open(&path, Mode::Read).unwrap();
            assert!(seen == [act(1)], "cut at {cut}");
            let (mut file, acts) = ActsFile::open(&path, Mode::Write).unwrap();
            assert!(acts == [act(1)], "cut at {cut}");
            file.append(&[act(3)]).unwrap();
            drop(file);
            assert!(ActsFile::open(&path, Mode::Read).unwrap().1 == [act(1), act(3)], "cut at {cut}");
        }
        // Sectors out of order: the line's end is there, its middle is not.
        let mut holed = whole.clone();
        holed[first + 10..first + 40].fill(0);
        std::fs::write(&path, &holed).unwrap();
        assert!(ActsFile::open(&path, Mode::Write).unwrap().1 == [act(1)]);
        assert_eq!(std::fs::read(dir.path().join("acts.torn")).unwrap(), &holed[first..]);
    }

    #[test]
    fn what_belongs_together_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let before = std::fs::metadata(&path).unwrap().len() as usize;
        ActsFile::open(&path, Mode::Write).unwrap().0.append(&[act(4), act(5), act(6)]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert!(ActsFile::open(&path, Mode::Read).unwrap().1[2..] == [act(4), act(5), act(6)]);
        for cut in before..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(ActsFile::open(&path, Mode::Read).unwrap().1 == [act(1), act(2)], "cut at {cut}");
        }
    }

    #[test]
    fn damage_before_the_last_line_stops_the_work() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let mut bent = std::fs::read(&path).unwrap();
        bent[HEAD.len() + 3] = b'!';
        std::fs::write(&path, &bent).unwrap();
        assert!(matches!(ActsFile::open(&path, Mode::Write), Err(Trouble::ActsDamaged { line: 2, .. })));
    }
}
