//! A witness' own copy of a log, and the checkpoint that it cosigned last, in one directory.
//! Never lets two programs use it at once, and never goes back: what is recorded is durable before a cosignature leaves.
//!
//! ```text
//! era-N/lock            held while a witness runs
//! era-N/journal         the beginning of a bundle (`bundle`): its entries, without end marks
//! era-N/checkpoint      the note that was cosigned last, with the witness' own line
//! ```

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use journal::checkpoint::SignedCheckpoint;
use journal::ids::Head;
use journal::note::{NOTE_BYTES_MAX, VerifierKey};
use journal::tree::{Tree, empty_root, leaf_hash};
use pki::durable_file::{self, OWNER_ONLY};

use crate::bundle::{BadBundle, BundleReader, BundleWriter};
use crate::spilled::Spilled;

/// Why a mirror cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadMirror {
    /// Another witness holds it.
    #[error("another witness uses this directory")]
    Busy,
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The journal is no beginning of a bundle.
    #[error("the mirrored journal: {0}")]
    Journal(BadBundle),
    /// The checkpoint is not one that this log signed.
    #[error("the recorded checkpoint is not signed by this log")]
    Checkpoint,
    /// The mirrored entries are not those of the checkpoint that was cosigned.
    #[error("the mirrored entries do not lead to the checkpoint that was cosigned at size {size}")]
    Contradiction {
        /// Of that checkpoint.
        size: u64,
    },
    /// Something of a later era was cosigned: the log does not come back to this one.
    #[error("a checkpoint of the later era {cosigned} was cosigned")]
    EraPassed {
        /// That era.
        cosigned: u32,
    },
}

/// An open mirror.
pub struct Mirror {
    dir: PathBuf,
    /// Locked as long as this lives.
    _lock: File,
    out: BundleWriter<BufWriter<File>>,
    tree: Tree<Spilled>,
    last: Option<SignedCheckpoint>,
}

impl Mirror {
    /// Opens the mirror of an era in this directory, or makes it. Entries behind the checkpoint that was cosigned last are
    /// forgotten: nobody has compared them yet.
    pub fn open(dir: &Path, era: u32, log: &VerifierKey) -> Result<Self, BadMirror> {
        if let Some(cosigned) = latest_era(dir)?.filter(|latest| *latest > era) {
            return Err(BadMirror::EraPassed { cosigned });
        }
        let dir = &dir.join(format!("era-{era}"));
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // What is recorded inside must not go with its name.
        durable_file::sync_name(dir)?;
        let lock = options().truncate(false).open(dir.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BadMirror::Busy),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let last = recorded(&dir.join("checkpoint"), log)?;
        let head = head_of(last.as_ref());
        let file = options().read(true).truncate(false).open(dir.join("journal"))?;
        let (out, tree) = journal(file, head.size)?;
        let root = tree.root_at(head.size);
        tree.leaves().failure().map_or(Ok(()), Err)?;
        // What is missing is asked for again, and compared then.
        if root.is_ok_and(|root| root != head.root) {
            return Err(BadMirror::Contradiction { size: head.size });
        }
        Ok(Self { dir: dir.to_owned(), _lock: lock, out, tree, last })
    }

    /// What was cosigned last; the empty tree where nothing was.
    pub fn last(&self) -> Head {
        head_of(self.last.as_ref())
    }

    /// The tree over the mirrored entries.
    pub fn tree(&self) -> &Tree<Spilled> {
        &self.tree
    }

    /// Takes the next entry in. It counts only once [`Self::record`] has recorded a checkpoint over it.
    pub fn append(&mut self, entry: &[u8]) -> io::Result<()> {
        self.out.entry(entry)?;
        self.tree.append(leaf_hash(entry));
        Ok(())
    }

    /// Whether the entries lead to this head, and by way of what was cosigned last.
    pub fn leads_to(&self, head: Head) -> io::Result<bool> {
        let leads = [self.last(), head].iter().all(|head| self.tree.root_at(head.size) == Ok(head.root));
        // What was reckoned over hashes that did not read says nothing, least of all that somebody lied.
        self.tree.leaves().failure().map_or(Ok(leads), Err)
    }

    /// Records the checkpoint that is about to be cosigned, its line already in it. Only when this has returned may the
    /// line leave.
    pub fn record(&mut self, checkpoint: SignedCheckpoint) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().get_ref().sync_all()?; // A crash here: entries that nobody has compared; they are forgotten.
        let text = checkpoint.to_string();
        durable_file::replace(&self.dir.join("checkpoint"), text.as_bytes(), OWNER_ONLY)?;
        self.last = Some(checkpoint); // A crash here: recorded, and perhaps never sent: it is cosigned once more.
        Ok(())
    }
}

/// The latest era of which anything was cosigned.
fn latest_era(dir: &Path) -> io::Result<Option<u32>> {
    let mut latest = None;
    for found in match std::fs::read_dir(dir) {
        Err(none) if none.kind() == io::ErrorKind::NotFound => return Ok(None),
        listed => listed?,
    } {
        let found = found?;
        let era = found.file_name().to_str().and_then(|name| name.strip_prefix("era-")?.parse().ok());
        if found.path().join("checkpoint").try_exists()? {
            latest = latest.max(era);
        }
    }
    Ok(latest)
}

fn head_of(last: Option<&SignedCheckpoint>) -> Head {
    last.map_or(Head { size: 0, root: empty_root() }, |last| last.claimed().head)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(OWNER_ONLY);
    options
}

fn recorded(path: &Path, log: &VerifierKey) -> Result<Option<SignedCheckpoint>, BadMirror> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let note = Some(bytes).filter(|bytes| bytes.len() <= NOTE_BYTES_MAX);
    let checkpoint =
        note.and_then(|note| SignedCheckpoint::parse(&note).ok()).ok_or(BadMirror::Checkpoint)?;
    checkpoint.verify_by(log).map_err(|_| BadMirror::Checkpoint)?;
    Ok(Some(checkpoint))
}

/// Reads what is there up to `size` entries, cuts off the rest, and goes on behind it.
fn journal(mut file: File, size: u64) -> Result<(BundleWriter<BufWriter<File>>, Tree<Spilled>), BadMirror> {
    let mut tree = Tree::over(Spilled::default());
    if file.metadata()?.len() == 0 {
        return Ok((BundleWriter::new(BufWriter::new(file))?, tree));
    }
    let mut reader = BundleReader::open(BufReader::new(&file)).map_err(BadMirror::Journal)?;
    let mut whole = reader.bytes();
    while tree.size() < size {
        match reader.next_entry() {
            Ok(Some(entry)) => tree.append(leaf_hash(&entry)),
            // Torn off by a crash before it was synced, or ended by somebody: the rest is asked for again.
            Ok(None) | Err(BadBundle::Truncated { .. }) => break,
            Err(bad) => return Err(BadMirror::Journal(bad)),
        };
        whole = reader.bytes();
    }
    file.set_len(whole)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(whole))?;
    Ok((BundleWriter::resume(BufWriter::new(file), tree.size()), tree))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::signed;
    use journal::checkpoint::Checkpoint;
    use journal::testing::TestLog;

    fn key(log: &TestLog) -> VerifierKey {
        let name = Checkpoint::key_name(log.register.log_id());
        VerifierKey::new(name, log.site.identity.public().clone()).unwrap()
    }

    fn checkpoint(log: &TestLog, size: u64) -> SignedCheckpoint {
        let head = Head { size, root: log.tree.root_at(size).unwrap() };
        SignedCheckpoint::parse(&signed(log, head)).unwrap()
    }

    fn fill(mirror: &mut Mirror, log: &TestLog, size: u64) {
        for index in mirror.tree().size()..size {
            mirror.append(&log.entries[index as usize]).unwrap();
        }
    }

    #[test]
    fn what_was_recorded_is_there_again_and_what_was_not_is_forgotten() {
        let (dir, log) = (tempfile::tempdir().unwrap(), TestLog::standard(1));
        let (dir, key) = (dir.path().join("era-0"), key(&log));
        let mut mirror = Mirror::open(dir.parent().unwrap(), 0, &key).unwrap();
        assert_eq!(mirror.last(), Head { size: 0, root: empty_root() });
        fill(&mut mirror, &log, 7);
        assert!(mirror.leads_to(checkpoint(&log, 7).claimed().head).unwrap());
        mirror.record(checkpoint(&log, 7)).unwrap();
        fill(&mut mirror, &log, 12);
        assert!(
            matches!(Mirror::open(dir.parent().unwrap(), 0, &key), Err(BadMirror::Busy)),
            "one witness at a time"
        );
        drop(mirror);
        let mut mirror = Mirror::open(dir.parent().unwrap(), 0, &key).unwrap();
        assert_eq!((mirror.last().size, mirror.tree().size()), (7, 7));
        fill(&mut mirror, &log, 20);
        let head = checkpoint(&log, 20).claimed().head;
        assert!(mirror.leads_to(head).unwrap() && !mirror.leads_to(Head { root: [1; 32], ..head }).unwrap());
        mirror.record(checkpoint(&log, 20)).unwrap();
        drop(mirror);
        // A tail that a crash tore.
        let whole = std::fs::read(dir.join("journal")).unwrap();
        std::fs::write(dir.join("journal"), &whole[..whole.len() - 3]).unwrap();
        let mut mirror = Mirror::open(dir.parent().unwrap(), 0, &key).unwrap();
        assert_eq!((mirror.last().size, mirror.tree().size()), (20, 19));
        fill(&mut mirror, &log, 20);
        assert!(mirror.leads_to(head).unwrap());
        mirror.record(checkpoint(&log, 20)).unwrap();
        drop(mirror);
        assert_eq!(std::fs::read(dir.join("journal")).unwrap(), whole);
    }

    /// A mirror or a checkpoint of another history: nothing is cosigned behind it.
    #[test]
    fn a_mirror_that_contradicts_its_own_checkpoint_is_not_used() {
        let (dir, log) = (tempfile::tempdir().unwrap(), TestLog::standard(1));
        let (dir, key) = (dir.path().join("era-0"), key(&log));
        let mut mirror = Mirror::open(dir.parent().unwrap(), 0, &key).unwrap();
        fill(&mut mirror, &log, 9);
        mirror.record(checkpoint(&log, 9)).unwrap();
        drop(mirror);
        let good = std::fs::read(dir.join("journal")).unwrap();
        let mut bent = good.clone();
        *bent.last_mut().unwrap() ^= 1;
        std::fs::write(dir.join("journal"), bent).unwrap();
        assert!(matches!(
            Mirror::open(dir.parent().unwrap(), 0, &key),
            Err(BadMirror::Contradiction { size: 9 })
        ));
        std::fs::write(dir.join("journal"), good).unwrap();
        let foreign = TestLog::standard(2);
        std::fs::write(dir.join("checkpoint"), signed(&foreign, foreign.head())).unwrap();
        assert!(matches!(Mirror::open(dir.parent().unwrap(), 0, &key), Err(BadMirror::Checkpoint)));
    }

    /// A log that went on into a later era, and then comes as one of an earlier: what it says there is not cosigned.
    #[test]
    fn a_mirror_of_a_later_era_takes_nothing_of_an_earlier_one() {
        let (dir, log) = (tempfile::tempdir().unwrap(), TestLog::standard(1));
        let (dir, key) = (dir.path(), key(&log));
        let mut seventh = Mirror::open(dir, 7, &key).unwrap();
        // What was opened and never cosigned binds nobody.
        assert!(Mirror::open(dir, 0, &key).is_ok());
        fill(&mut seventh, &log, 9);
        seventh.record(checkpoint(&log, 9)).unwrap();
        for era in [0, 6] {
            assert!(matches!(Mirror::open(dir, era, &key), Err(BadMirror::EraPassed { cosigned: 7 })));
        }
        assert!(matches!(Mirror::open(dir, 7, &key), Err(BadMirror::Busy)));
        assert!(Mirror::open(dir, 8, &key).is_ok());
    }

    /// Put back from an older copy, all of it: it goes on from there, and by way of what it knows alone.
    #[test]
    fn a_mirror_put_back_from_a_backup_goes_on_only_by_way_of_what_it_has() {
        let (dir, mut log) = (tempfile::tempdir().unwrap(), TestLog::standard(1));
        let (dir, key) = (dir.path().join("era-0"), key(&log));
        let mut mirror = Mirror::open(dir.parent().unwrap(), 0, &key).unwrap();
        fill(&mut mirror, &log, 9);
        mirror.record(checkpoint(&log, 9)).unwrap();
        let copy = ["journal", "checkpoint"].map(|name| (name, std::fs::read(dir.join(name)).unwrap()));
        log.talking("anna", &["boris"]);
        fill(&mut mirror, &log, log.tree.size());
        mirror.record(checkpoint(&log, log.tree.size())).unwrap();
        drop(mirror);
        for (name, bytes) in copy {
            std::fs::write(dir.join(name), bytes).unwrap();
        }
        let mut mirror = Mirror::open(dir.parent().unwrap(), 0, &key).unwrap();
        assert_eq!(mirror.last().size, 9);
        let mut other = log.entries.clone();
        other[3] = b"another history".to_vec();
        let mut forked = Tree::new();
        for entry in &other {
            forked.append(leaf_hash(entry));
        }
        for entry in &other[9..] {
            mirror.append(entry).unwrap();
        }
        assert!(!mirror.leads_to(Head { size: forked.size(), root: forked.root() }).unwrap());
    }
}
