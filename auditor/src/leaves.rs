//! The leaf hashes of what was verified, in a file beside the state file: by them the next audit goes on without reading
//! those entries again.
//! Never believed by itself: folded to a root, it must be the one that the auditor signed in the state file.
//!
//! ```text
//! "conclave leaves "    16 bytes
//! version               1 byte: 1
//! end                   8 bytes, big-endian: where in a bundle these entries end
//! leaf hashes           32 bytes each, of every entry from the first on
//! ```

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use journal::ids::Hash;
use journal::replay::parallel::each;
use journal::tree::{ROW_LEAVES, Tree, row_root};
use pki::durable_file::{OWNER_ONLY, beside, replace_with};

use crate::known::Known;
use crate::spilled::Spilled;

const MAGIC: &[u8; 16] = b"conclave leaves ";
const VERSION: u8 = 1;
const HEAD_BYTES: usize = MAGIC.len() + 1 + 8;
/// Rows of the tree that are read and hashed at once.
const BATCH_ROWS: usize = 4096;

/// What was verified before, as far as going on behind it needs it.
#[derive(Debug)]
pub struct Seen {
    /// The tree over it.
    pub(crate) tree: Tree<Spilled>,
    /// Where in a bundle it ends, bytes.
    pub end: u64,
}

struct Row {
    leaves: [Hash; ROW_LEAVES],
    root: Hash,
}

/// Where the leaf hashes of a state file lie.
pub fn beside_state(state: &Path) -> PathBuf {
    beside(state, "leaves")
}

/// Writes the leaf hashes of this tree beside a state file, whose entries end there in a bundle. A crash on the way leaves
/// the ones before, which are of another size.
pub fn write(state: &Path, tree: &Tree<Spilled>, end: u64) -> io::Result<()> {
    replace_with(&beside_state(state), OWNER_ONLY, |file| {
        file.write_all(&[&MAGIC[..], &[VERSION], &end.to_be_bytes()].concat())?;
        tree.leaves().write_to(file)
    })
}

/// Reads what lies beside a state file; `None` where it does not come to its root. Where it ends is a hint alone.
pub fn read(state: &Path, known: &Known, threads: usize) -> io::Result<Option<Seen>> {
    let path = beside_state(state);
    // Before it is opened: a pipe would wait for ever.
    let found = fs::metadata(&path)?;
    let expected = known.head.size.checked_mul(32).and_then(|bytes| bytes.checked_add(HEAD_BYTES as u64));
    if !found.is_file() || Some(found.len()) != expected {
        return Ok(None);
    }
    let file = File::open(path)?;
    let mut input = BufReader::with_capacity(1 << 20, file);
    let mut head = [0; HEAD_BYTES];
    input.read_exact(&mut head)?;
    let (magic, rest) = head.split_at(MAGIC.len());
    let (version, end) = rest.split_at(1);
    if magic != MAGIC || version != [VERSION] {
        return Ok(None);
    }
    let end = u64::from_be_bytes(end.try_into().expect("eight bytes are left of the head"));
    let tree = folded(&mut input, known.head.size, threads)?;
    Ok((tree.root() == known.head.root).then_some(Seen { tree, end }))
}

/// The tree over so many leaf hashes, row by row on all processors.
fn folded(input: &mut impl Read, size: u64, threads: usize) -> io::Result<Tree<Spilled>> {
    let mut tree = Tree::over(Spilled::default());
    let mut rows = Vec::new();
    let whole = size - size % ROW_LEAVES as u64;
    while tree.size() < whole {
        let left = ((whole - tree.size()) / ROW_LEAVES as u64).min(BATCH_ROWS as u64) as usize;
        rows.resize_with(left, || Row { leaves: Default::default(), root: Hash::default() });
        for row in &mut rows {
            input.read_exact(row.leaves.as_flattened_mut())?;
        }
        each(&mut rows, threads, |row| row.root = row_root(&row.leaves));
        rows.iter().for_each(|row| tree.append_row(&row.leaves, row.root));
    }
    for _ in whole..size {
        let mut leaf = Hash::default();
        input.read_exact(&mut leaf)?;
        tree.append(leaf);
    }
    tree.leaves().failure().map_or(Ok(tree), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{bundle, exported, judged, signed as note, trust};
    use crate::audit::{Audit, Wanted, audit_from};
    use crate::bundle::BundleReader;
    use crate::judgement::Judgement;
    use crate::replaying::Start;
    use crate::state;
    use journal::testing::TestLog;
    use pki::{SecretKey, Suite};
    use std::io::Cursor;

    /// A state file of a log as it stands, and its leaves beside it.
    struct Desk {
        state: PathBuf,
        known: Known,
        _dir: tempfile::TempDir,
    }

    impl Desk {
        fn of(log: &TestLog) -> Self {
            let (dir, key) =
                (tempfile::tempdir().unwrap(), SecretKey::from_bytes(Suite::Ed25519, &[7; 32]).unwrap());
            let state = dir.path().join("audit.state");
            let audit = judged(&exported(log), &trust(log, Some(log.head())), Vec::new());
            state::write(&state, &state::signed(&audit, &key).unwrap()).unwrap();
            write(&state, audit.replay.tree(), audit.entries_end.unwrap()).unwrap();
            let known = state::read(&state, key.public()).unwrap().unwrap().known.unwrap();
            Self { state, known, _dir: dir }
        }

        fn seen(&self) -> Option<Seen> {
            read(&self.state, &self.known, 2).ok().flatten()
        }

        fn go_on(&self, bytes: &[u8], log: &TestLog) -> Audit {
            let (trust, seen) = (trust(log, Some(self.known.head)), self.seen().unwrap());
            let wanted = Wanted {
                trust: &trust,
                outside: Vec::new(),
                progress: &mut |_| {},
                observer: &mut |_, _, _| {},
            };
            let reader = BundleReader::open(Cursor::new(bytes)).unwrap();
            let reader = reader.pass_over(self.known.head.size, seen.end).unwrap();
            audit_from(reader, wanted, Start::Unread(self.known.clone(), seen)).unwrap().unwrap()
        }
    }

    fn grown(seed: u64) -> (Desk, TestLog) {
        let mut log = TestLog::standard(seed);
        let desk = Desk::of(&log);
        let chat = log.talking("anna", &["boris"]);
        for _ in 0..40 {
            log.send("boris", chat).unwrap();
        }
        (desk, log)
    }

    #[test]
    fn what_goes_on_unread_comes_to_what_a_whole_audit_comes_to() {
        let (desk, log) = grown(61);
        let (next, whole) = (
            desk.go_on(&exported(&log), &log),
            judged(&exported(&log), &trust(&log, Some(log.head())), Vec::new()),
        );
        assert!(matches!(next.judgement, Judgement::Verified), "{:?}", next.judgement);
        let key = SecretKey::from_bytes(Suite::Ed25519, &[8; 32]).unwrap();
        assert_eq!(state::signed(&next, &key).unwrap(), state::signed(&whole, &key).unwrap());
        assert_eq!(next.entries_end, whole.entries_end);
        // Every root that there was is still known: a head on paper may be old.
        for size in 0..=log.tree.size() {
            assert_eq!(next.replay.tree().root_at(size), log.tree.root_at(size), "{size}");
        }
    }

    /// What this bundle holds of it is not looked at, and that is all that is not: what is new must follow what was verified.
    #[test]
    fn another_log_behind_what_was_verified_is_not_believed() {
        let (desk, log) = grown(62);
        let mut entries = log.entries.clone();
        *entries[3].last_mut().unwrap() ^= 1;
        let notes = [note(&log, log.head())];
        assert!(matches!(desk.go_on(&bundle(&entries, &notes), &log).judgement, Judgement::Verified));
        let size = usize::try_from(desk.known.head.size).unwrap();
        for at in [size, entries.len() - 1] {
            let mut entries = log.entries.clone();
            entries.remove(at);
            let found = desk.go_on(&bundle(&entries, &notes), &log).judgement;
            assert!(!matches!(found, Judgement::Verified | Judgement::Unanchored(_)), "{found:?}");
        }
        // One entry more before: it ends elsewhere.
        let mut entries = log.entries.clone();
        entries.insert(2, entries[2].clone());
        let found = desk.go_on(&bundle(&entries, &notes), &log).judgement;
        assert!(!matches!(found, Judgement::Verified | Judgement::Unanchored(_)), "{found:?}");
    }

    /// No root covers where the known entries end: it leads to the new ones, or to nothing that counts.
    #[test]
    fn an_end_that_is_another_leads_to_no_verdict() {
        let (desk, log) = grown(64);
        let path = beside_state(&desk.state);
        let good = fs::read(&path).unwrap();
        for (at, bit) in (MAGIC.len() + 1..HEAD_BYTES).flat_map(|at| [(at, 1), (at, 0x40)]) {
            let mut bad = good.clone();
            bad[at] ^= bit;
            fs::write(&path, &bad).unwrap();
            let found = desk.go_on(&exported(&log), &log).judgement;
            assert!(!matches!(found, Judgement::Verified | Judgement::Unanchored(_)), "{at}: {found:?}");
        }
    }

    #[test]
    fn leaves_that_do_not_come_to_the_signed_root_are_none() {
        let (desk, _) = grown(63);
        let path = beside_state(&desk.state);
        let good = fs::read(&path).unwrap();
        assert!(desk.seen().is_some());
        let last = good.len() - 1;
        for at in [0, 16, HEAD_BYTES, HEAD_BYTES + 32 * 17 + 5, last] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert!(desk.seen().is_none(), "{at}");
        }
        for bad in [&good[..last], &good[..good.len() - 32], &good[..3], &[]] {
            fs::write(&path, bad).unwrap();
            assert!(desk.seen().is_none());
        }
        fs::write(&path, [&good[..], &[0; 32]].concat()).unwrap();
        assert!(desk.seen().is_none());
        fs::remove_file(&path).unwrap();
        assert!(desk.seen().is_none());
        // Nobody waits for what may never come.
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(desk.seen().is_none());
    }
}
