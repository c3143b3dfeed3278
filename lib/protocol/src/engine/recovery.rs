//! From the durable entries to the state an engine starts with: the very rules that admitted them, once more, from the
//! genesis on or from a snapshot.
//! Never says that a state is right: the caller compares the root over all entries with the one that the store binds.

use super::books::Books;
use super::ledger::Roots;
use super::snapshot::{self, BadSnapshot};
use journal::ids::Head;
use journal::register::Register;
use journal::replay::{BadAt, CheckedEntry, KeyBook, read};
use journal::tree::Tree;

/// A recovery under way.
#[derive(Default)]
pub struct Recovery {
    register: Register,
    tree: Tree,
    books: Books,
    keys: KeyBook,
    roots: Roots,
}

impl Recovery {
    /// Begins before the genesis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins behind the entries of a snapshot; `tree` is that of their leaf hashes.
    pub fn from_snapshot(bytes: &[u8], tree: Tree) -> Result<Self, BadSnapshot> {
        let head = Head { size: tree.size(), root: tree.root() };
        let (register, books) = snapshot::read(bytes, head)?;
        let keys = KeyBook::of(&register);
        Ok(Self { register, tree, books, keys, roots: Roots::default() })
    }

    /// The next entry: reads it, verifies it, applies it.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), BadAt> {
        let index = self.tree.size();
        let at = |fault| BadAt { index, fault };
        let entry = read(bytes).map_err(at)?;
        self.keys.take(&entry);
        let checked = entry.verify(&self.keys).map_err(at)?;
        self.push(bytes, &checked)
    }

    /// The next entry, read and verified already (in parallel, by `journal::replay::in_order`).
    pub fn push(&mut self, bytes: &[u8], entry: &CheckedEntry) -> Result<(), BadAt> {
        let index = self.tree.size();
        let candidate = entry.candidate(index);
        let (tree, roots) = (&self.tree, &self.roots);
        let applied = self.register.apply(&candidate, &|size| roots.at(tree, size));
        let applied = applied.map_err(|refusal| BadAt { index, fault: refusal.into() })?;
        self.tree.append(entry.leaf());
        self.books.observe(&candidate, bytes, &applied, &self.register);
        Ok(())
    }

    /// The keys that the entries so far made known, for `journal::replay::in_order`.
    pub fn keys(&self) -> KeyBook {
        KeyBook::of(&self.register)
    }

    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The state as a snapshot's bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let head = Head { size: self.tree.size(), root: self.tree.root() };
        snapshot::write(&self.register, &self.books, head)
    }

    /// The state behind the entries so far, for [`super::EngineParts`].
    pub fn into_parts(self) -> (Register, Tree, Books) {
        (self.register, self.tree, self.books)
    }
}
