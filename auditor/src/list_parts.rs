//! Revocation lists that came in parts, put together again.
//! Never gives a list that is not of the very digest that all of its parts name.

use journal::act::{CRL_PARTS_MAX, CrlPart};
use journal::ids::Index;
use pki::RevocationList;
use sha2::{Digest, Sha256};

/// The parts of a list so far.
#[derive(Default)]
pub(crate) struct ListParts {
    at: Vec<Index>,
    parts: Vec<CrlPart>,
}

impl ListParts {
    /// The next part. With the last one the whole list, and the entries that its parts stand in; nothing where one of them
    /// is missing or another list's.
    pub(crate) fn take(&mut self, index: Index, part: &CrlPart) -> Option<(Vec<Index>, RevocationList)> {
        if !(2..=CRL_PARTS_MAX).contains(&part.of) || !(1..=part.of).contains(&part.number) {
            (self.at, self.parts) = Default::default();
            return None;
        }
        let first = part.number == 1;
        let next = self.parts.last().is_some_and(|last| {
            let follows = last.number + 1 == part.number;
            follows && (last.of, last.whole) == (part.of, part.whole) && self.at.last() == Some(&(index - 1))
        });
        if !next {
            (self.at, self.parts) = Default::default();
        }
        if !first && !next {
            return None;
        }
        self.at.push(index);
        self.parts.push(part.clone());
        if part.number < part.of {
            return None;
        }
        let (at, parts) = (std::mem::take(&mut self.at), std::mem::take(&mut self.parts));
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
        if <[u8; 32]>::from(Sha256::digest(&bytes)) != part.whole {
            return None;
        }
        Some((at, RevocationList::parse(&bytes).ok()?))
    }
}
