//! Register, tree, books and the newest entries' bytes: one admission changes them all, or none.
//! Never answers anyone and never writes: what was admitted goes back to the caller.

use super::books::Books;
use crate::io::Now;
use crate::limits::RECENT_BYTES_MAX;
use bytes::Bytes;
use journal::entry::{ENTRY_BYTES_MAX, ENTRY_VERSION};
use journal::fact::{Fact, Tick};
use journal::ids::{Hash, Head, Index};
use journal::register::{Applied, Candidate, CandidateContent, Register};
use journal::statement::VerifiedStatement;
use journal::tree::{Tree, leaf_hash};
use journal::{Content, Entry, Refusal};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

/// Most Ticks in a row: each one passes every deadline up to its own time, so a second is already unexpected.
const TICKS_MAX: usize = 4;

/// Most roots kept at hand: terminals name the newest heads, many of them the same ones.
const ROOTS_MAX: usize = 256;

pub(super) struct Ledger {
    pub(super) register: Register,
    pub(super) tree: Tree,
    pub(super) books: Books,
    recent: VecDeque<Bytes>,
    recent_bytes: usize,
    roots: Roots,
    /// The machine's clock; `wall_ms` is never before the last entry's.
    machine_ms: u64,
    wall_ms: u64,
    boot_ms: u64,
}

/// Roots that statements have named, by size: reckoning one again costs more than all rules together, and the tree only
/// grows, so that none of them ever changes.
#[derive(Default)]
pub(super) struct Roots(RefCell<BTreeMap<u64, Hash>>);

impl Roots {
    pub(super) fn at(&self, tree: &Tree, size: u64) -> Option<Hash> {
        if let Some(root) = self.0.borrow().get(&size) {
            return Some(*root);
        }
        let root = tree.root_at(size).ok()?;
        let mut kept = self.0.borrow_mut();
        kept.insert(size, root);
        if kept.len() > ROOTS_MAX {
            kept.pop_first();
        }
        Some(root)
    }
}

/// An entry that was admitted a moment ago.
pub(super) struct Admitted {
    pub(super) index: Index,
    pub(super) wall_ms: u64,
    pub(super) boot_ms: u64,
    pub(super) bytes: Bytes,
    pub(super) applied: Applied,
}

/// An entry that asks to be admitted, encoded and hashed once.
struct Stamped {
    index: Index,
    leaf: Hash,
    wall_ms: u64,
    boot_ms: u64,
    bytes: Bytes,
}

impl Stamped {
    fn candidate<'a>(&self, content: CandidateContent<'a>) -> Candidate<'a> {
        let Self { index, leaf, wall_ms, boot_ms, .. } = *self;
        Candidate { index, leaf, wall_ms, boot_ms, content }
    }

    fn admitted(self, applied: Applied) -> Admitted {
        let Self { index, wall_ms, boot_ms, bytes, .. } = self;
        Admitted { index, wall_ms, boot_ms, bytes, applied }
    }
}

impl Ledger {
    pub(super) fn new(register: Register, tree: Tree, books: Books) -> Self {
        let wall_ms = register.floor_ms();
        let (recent, roots) = (VecDeque::new(), Roots::default());
        Self { register, tree, books, recent, recent_bytes: 0, roots, machine_ms: 0, wall_ms, boot_ms: 0 }
    }

    /// The time of whatever is stamped next: never before the last entry's.
    pub(super) fn set_now(&mut self, now: Now) {
        self.machine_ms = now.wall_ms;
        self.wall_ms = self.wall_ms.max(now.wall_ms);
        self.boot_ms = self.boot_ms.max(now.boot_ms);
    }

    pub(super) fn wall_ms(&self) -> u64 {
        self.wall_ms
    }

    pub(super) fn boot_ms(&self) -> u64 {
        self.boot_ms
    }

    /// The time by which what happens in a minute or a day is counted.
    pub(super) fn counting_ms(&self) -> u64 {
        self.register.counting_ms_at(self.wall_ms, self.boot_ms)
    }

    pub(super) fn head(&self) -> Head {
        Head { size: self.tree.size(), root: self.tree.root() }
    }

    /// The bytes of a recent entry.
    pub(super) fn recent(&self, index: Index) -> Option<&Bytes> {
        let first = self.tree.size() - self.recent.len() as u64;
        self.recent.get(usize::try_from(index.checked_sub(first)?).ok()?)
    }

    /// The Ticks that must stand before anything else now.
    pub(super) fn ticks(&mut self) -> Result<Vec<Admitted>, Refusal> {
        let mut ticks = Vec::new();
        while self.register.running() && self.register.deadline_passed(self.wall_ms, self.boot_ms) {
            if ticks.len() == TICKS_MAX {
                return Err(Refusal::BadFact { reason: "a Tick does not move the deadline".into() });
            }
            ticks.push(self.admit_fact(Fact::Tick(Tick {}))?);
        }
        Ok(ticks)
    }

    pub(super) fn admit_fact(&mut self, fact: Fact) -> Result<Admitted, Refusal> {
        let stamped = self.stamp(self.tree.size(), Content::Fact(fact.clone()))?;
        self.admit(stamped, CandidateContent::Fact(&fact))
    }

    pub(super) fn admit_statement(&mut self, statement: &VerifiedStatement) -> Result<Admitted, Refusal> {
        let stamped = self.stamp(self.tree.size(), Content::Statement(statement.get().signed().clone()))?;
        self.admit(stamped, CandidateContent::Statement(statement))
    }

    /// All of these or none. A refusal costs a copy of the Register: for the rare Submit only.
    pub(super) fn admit_all(&mut self, statements: &[VerifiedStatement]) -> Result<Vec<Admitted>, Refusal> {
        let mut trial = self.register.clone();
        let mut done = Vec::with_capacity(statements.len());
        for (n, statement) in statements.iter().enumerate() {
            let content = Content::Statement(statement.get().signed().clone());
            let stamped = self.stamp(self.tree.size() + n as u64, content)?;
            let candidate = stamped.candidate(CandidateContent::Statement(statement));
            let applied = trial.apply(&candidate, &|size| self.roots.at(&self.tree, size))?;
            done.push((stamped, applied));
        }
        self.register = trial;
        let keep = |((stamped, applied), statement): ((Stamped, Applied), &VerifiedStatement)| {
            self.keep(stamped, CandidateContent::Statement(statement), applied)
        };
        Ok(done.into_iter().zip(statements).map(keep).collect())
    }

    fn stamp(&self, index: Index, content: Content) -> Result<Stamped, Refusal> {
        let (wall_ms, boot_ms) = (self.wall_ms, self.boot_ms);
        let bytes = Bytes::from(Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content }.encode());
        if bytes.len() > ENTRY_BYTES_MAX {
            // Statements are bounded before they come here; a Fact of ours that grew too long must not reach the log.
            return Err(Refusal::BadFact { reason: format!("an entry of {} bytes", bytes.len()) });
        }
        Ok(Stamped { index, leaf: leaf_hash(&bytes), wall_ms, boot_ms, bytes })
    }

    fn admit(&mut self, stamped: Stamped, content: CandidateContent<'_>) -> Result<Admitted, Refusal> {
        let (tree, roots) = (&self.tree, &self.roots);
        let applied = self.register.apply(&stamped.candidate(content), &|size| roots.at(tree, size))?;
        Ok(self.keep(stamped, content, applied))
    }

    fn keep(&mut self, stamped: Stamped, content: CandidateContent<'_>, applied: Applied) -> Admitted {
        self.tree.append(stamped.leaf);
        if self.register.floor_ms() < stamped.wall_ms {
            // Two officers set the time back: from here on the machine's clock counts again.
            self.wall_ms = self.machine_ms.max(self.register.floor_ms());
        }
        self.books.observe(&stamped.candidate(content), &stamped.bytes, &applied, &self.register);
        self.recent_bytes += stamped.bytes.len();
        self.recent.push_back(stamped.bytes.clone());
        while self.recent_bytes > RECENT_BYTES_MAX {
            self.recent_bytes -= self.recent.pop_front().map_or(0, |oldest| oldest.len());
        }
        stamped.admitted(applied)
    }
}
