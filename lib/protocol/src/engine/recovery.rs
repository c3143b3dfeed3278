//! From the durable entries to the state an engine starts with: the very rules that admitted them, once more.
//! Never trusts an entry that does not verify: a start over a damaged journal fails here, with the index.

use super::books::Books;
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
}

impl Recovery {
    /// Begins before the genesis.
    pub fn new() -> Self {
        Self::default()
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

    /// The next entry, read and verified already (in parallel, by `journal::replay`'s first two stages).
    pub fn push(&mut self, bytes: &[u8], entry: &CheckedEntry) -> Result<(), BadAt> {
        let index = self.tree.size();
        let candidate = entry.candidate(index);
        let tree = &self.tree;
        let applied = self.register.apply(&candidate, &|size| tree.root_at(size).ok());
        let applied = applied.map_err(|refusal| BadAt { index, fault: refusal.into() })?;
        self.tree.append(entry.leaf());
        self.books.observe(&candidate, bytes, &applied, &self.register);
        Ok(())
    }

    /// The keys of the entries so far, for those who verify in parallel.
    pub fn keys_mut(&mut self) -> &mut KeyBook {
        &mut self.keys
    }

    /// The state behind the entries so far, for [`super::EngineParts`].
    pub fn into_parts(self) -> (Register, Tree, Books) {
        (self.register, self.tree, self.books)
    }
}
