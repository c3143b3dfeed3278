//! The roots that statements name as their heads, of the tree that a replay builds.
//! Never keeps more than a few: whoever names an old head waits for it to be reckoned.

use std::cell::RefCell;

use crate::ids::Hash;
use crate::tree::{Frontier, Leaves, Tree};

/// Most roots kept at hand, each in the place of its size: terminals name the newest heads, many of them the same ones.
const ROOTS_MAX: usize = 1024;
/// Leaves by which the complete subtrees are moved on one by one; from further behind they are taken from the tree.
const STEPS_MAX: u64 = 32;

/// See the module. Reckoning a root from the tree's stored rows costs more than all rules together; going on from the
/// complete subtrees of the head that was named before costs a few hashes.
#[derive(Debug, Clone, Default)]
pub(super) struct Roots(RefCell<Kept>);

#[derive(Debug, Clone, Default)]
struct Kept {
    /// The root of `size` leaves stands at `size % ROOTS_MAX`, if it is that one's that was asked for last; empty before the
    /// first.
    roots: Vec<Option<(u64, Hash)>>,
    frontier: Frontier,
}

impl Roots {
    /// The root over the first `size` leaves; `None` where there are fewer.
    pub(super) fn at<L: Leaves>(&self, tree: &Tree<L>, size: u64) -> Option<Hash> {
        let mut kept = self.0.borrow_mut();
        kept.roots.resize(ROOTS_MAX, None);
        let place = (size % ROOTS_MAX as u64) as usize;
        if let Some((at, root)) = kept.roots[place]
            && at == size
        {
            return Some(root);
        }
        let root = kept.reckon(tree, size)?;
        kept.roots[place] = Some((size, root));
        Some(root)
    }
}

impl Kept {
    fn reckon<L: Leaves>(&mut self, tree: &Tree<L>, size: u64) -> Option<Hash> {
        let from = self.frontier.size();
        if size > tree.size() || size < from {
            return tree.root_at(size).ok();
        }
        if size - from <= STEPS_MAX {
            for index in from..size {
                self.frontier.append(tree.leaves().at(index));
            }
        } else {
            self.frontier = tree.frontier_at(size).ok()?;
        }
        Some(self.frontier.root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf_hash;

    #[test]
    fn a_root_at_hand_is_the_trees_whatever_was_named_before() {
        let (mut tree, roots) = (Tree::new(), Roots::default());
        for n in 0..3000u64 {
            tree.append(leaf_hash(&n.to_be_bytes()));
            // The newest, again, a little behind, far behind, after a gap; and what is not there yet.
            let sizes = match n % 7 {
                0 => vec![n + 1, n + 1, n],
                1 => vec![n / 3, n + 1],
                2 if n % 5 > 0 => Vec::new(),
                2..=5 if n / 100 % 2 == 1 => Vec::new(),
                _ => vec![n + 1, n + 2],
            };
            for size in sizes {
                assert_eq!(roots.at(&tree, size), tree.root_at(size).ok(), "{size} of {}", n + 1);
            }
        }
        assert_eq!(roots.0.borrow().roots.len(), ROOTS_MAX);
    }
}
