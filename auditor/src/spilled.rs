//! The leaf hashes of a long log: the newest in memory, the others in a file that nobody can name.
//! Never gives a hash that was not written: where the file fails, that is kept, and what was reckoned meanwhile is void.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use journal::ids::Hash;
use journal::tree::Leaves;

use crate::trouble::Trouble;

/// A replay whose leaf hashes do not stay in memory.
pub type Replay = journal::replay::Replay<Spilled>;

/// Leaf hashes in memory at most; half of them leave it together.
const MEMORY_LEAVES: usize = 1 << 16;
const HASH_BYTES: u64 = 32;

/// See the module.
#[derive(Debug, Default)]
pub struct Spilled {
    /// Made when it is first needed; it is gone with the process, whatever ends it.
    file: Option<File>,
    in_file: u64,
    newest: Vec<Hash>,
    failed: RefCell<Option<io::Error>>,
}

impl Spilled {
    /// Why the file failed, if it did: nothing that was reckoned since counts.
    pub fn failure(&self) -> Option<io::Error> {
        self.failed.borrow_mut().take()
    }

    /// That it did not fail so far.
    pub fn held(&self) -> Result<(), Trouble> {
        self.failure().map_or(Ok(()), |error| Err(Trouble::Temporary { cause: error.to_string() }))
    }

    /// All of them, in order.
    pub(crate) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(file) = &self.file {
            // The position is this process' own: everybody else here reads and writes at one that he names.
            let mut file = file;
            file.seek(SeekFrom::Start(0))?;
            io::copy(&mut file.take(self.in_file * HASH_BYTES), out)?;
        }
        out.write_all(self.newest.as_flattened())
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        let half = MEMORY_LEAVES / 2;
        file.write_all_at(self.newest[..half].as_flattened(), self.in_file * HASH_BYTES)?;
        self.newest.drain(..half);
        self.in_file += half as u64;
        Ok(())
    }

    fn read(&self, index: u64) -> io::Result<Hash> {
        let mut leaf = Hash::default();
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        file.read_exact_at(&mut leaf, index * HASH_BYTES)?;
        Ok(leaf)
    }

    fn keep(&self, error: io::Error) {
        self.failed.borrow_mut().get_or_insert(error);
    }
}

impl Leaves for Spilled {
    fn count(&self) -> u64 {
        self.in_file + self.newest.len() as u64
    }

    fn push(&mut self, leaf: Hash) {
        self.newest.push(leaf);
        // Where the file fails, memory holds them all the same.
        if self.newest.len().is_multiple_of(MEMORY_LEAVES)
            && let Err(error) = self.spill()
        {
            self.keep(error);
        }
    }

    fn at(&self, index: u64) -> Hash {
        if let Some(newest) = index.checked_sub(self.in_file) {
            return self.newest[usize::try_from(newest).expect("below the count")];
        }
        self.read(index).unwrap_or_else(|error| {
            self.keep(error);
            Hash::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::tree::{Tree, leaf_hash};

    #[test]
    fn a_tree_over_a_file_is_the_tree_in_memory() {
        let (mut spilled, mut plain) = (Tree::over(Spilled::default()), Tree::new());
        for n in 0..200_003u32 {
            let leaf = leaf_hash(&n.to_be_bytes());
            assert_eq!(spilled.append(leaf), plain.append(leaf));
        }
        assert!(spilled.leaves().in_file > 100_000 && spilled.leaves().newest.len() < MEMORY_LEAVES);
        for size in (0..=200_003).step_by(977).chain([65_535, 65_536, 65_537, 131_071, 200_003]) {
            assert_eq!(spilled.root_at(size), plain.root_at(size), "{size}");
            assert_eq!(spilled.consistency_proof(size, 200_003), plain.consistency_proof(size, 200_003));
        }
        for index in (0..200_003).step_by(4_999) {
            assert_eq!(spilled.leaves().at(index), *plain.leaf(index).unwrap());
            assert_eq!(spilled.inclusion_proof(index, 200_003), plain.inclusion_proof(index, 200_003));
        }
        let mut written = Vec::new();
        spilled.leaves().write_to(&mut written).unwrap();
        let leaves: Vec<u8> = (0..200_003).flat_map(|index| *plain.leaf(index).unwrap()).collect();
        assert!(written == leaves);
        assert!(spilled.leaves().failure().is_none());
    }

    #[test]
    fn a_file_that_fails_is_told() {
        let mut leaves = Spilled::default();
        (0..MEMORY_LEAVES).for_each(|n| leaves.push(leaf_hash(&n.to_be_bytes())));
        assert_eq!(leaves.at(3), leaf_hash(&3usize.to_be_bytes()));
        leaves.file.as_ref().unwrap().set_len(64).unwrap();
        assert_eq!(leaves.at(1), leaf_hash(&1usize.to_be_bytes()));
        leaves.at(3);
        assert!(matches!(leaves.held(), Err(Trouble::Temporary { .. })));
    }
}
