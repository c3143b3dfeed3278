//! Remembers where the last statements of each chain stand, so that an identical retry gets its old receipt.
//! Never decides whether a statement is admitted, and forgets the oldest of ended chains first.

use crate::limits::{ENDED_CHAINS_MAX, UNANSWERED_MAX};
use journal::ids::{Chain, Index, StatementId};
use minicbor::decode::Error;
use minicbor::{Decode, Decoder, Encode, Encoder, encode::Write};
use pki::PersonId;
use std::collections::{HashMap, VecDeque};

/// An admitted statement, as much of it as a receipt needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Known {
    /// Its number in the chain.
    #[n(0)]
    pub sequence: u64,
    /// The attempt that was admitted.
    #[n(1)]
    pub attempt: u32,
    /// Its id.
    #[n(2)]
    pub id: StatementId,
    /// Where it stands.
    #[n(3)]
    pub index: Index,
    /// Its stamp.
    #[n(4)]
    pub wall_ms: u64,
    /// Its stamp.
    #[n(5)]
    pub boot_ms: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct OneChain {
    person: PersonId,
    /// Ascending by sequence, the newest [`UNANSWERED_MAX`].
    known: VecDeque<Known>,
    ended: bool,
}

/// The last statements of all live chains and of the newest ended ones.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ReceiptBook {
    chains: HashMap<Chain, OneChain>,
    /// Oldest first.
    ended: VecDeque<Chain>,
}

impl ReceiptBook {
    pub(super) fn admitted(&mut self, person: PersonId, chain: Chain, known: Known) {
        let one = self.chains.entry(chain).or_insert_with(|| OneChain {
            person,
            known: VecDeque::new(),
            ended: false,
        });
        if one.known.len() == UNANSWERED_MAX {
            one.known.pop_front();
        }
        one.known.push_back(known);
    }

    pub(super) fn ended(&mut self, chain: Chain) {
        let Some(one) = self.chains.get_mut(&chain) else { return };
        if !std::mem::replace(&mut one.ended, true) {
            self.ended.push_back(chain);
        }
        while self.ended.len() > ENDED_CHAINS_MAX {
            if let Some(oldest) = self.ended.pop_front() {
                self.chains.remove(&oldest);
            }
        }
    }

    /// The admitted statement with this id; only its own person is told.
    pub(super) fn by_id(&self, chain: Chain, person: PersonId, id: StatementId) -> Option<Known> {
        let one = self.chains.get(&chain).filter(|one| one.person == person)?;
        one.known.iter().rev().find(|known| known.id == id).copied()
    }

    /// The admitted statement with this number.
    pub(super) fn by_sequence(&self, chain: Chain, sequence: u64) -> Option<Known> {
        self.chains.get(&chain)?.known.iter().rev().find(|known| known.sequence == sequence).copied()
    }
}

/// `[[[chain, person, [known…]]…] ascending by chain, [ended chain…] oldest first]`.
impl<C> Encode<C> for ReceiptBook {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let mut chains: Vec<_> = self.chains.iter().collect();
        chains.sort_unstable_by_key(|(chain, _)| **chain);
        e.array(2)?.array(chains.len() as u64)?;
        for (chain, one) in chains {
            e.array(3)?.encode_with(chain, ctx)?.encode_with(one.person, ctx)?;
            e.array(one.known.len() as u64)?;
            one.known.iter().try_for_each(|known| e.encode_with(known, ctx).map(drop))?;
        }
        e.array(self.ended.len() as u64)?;
        self.ended.iter().try_for_each(|chain| e.encode_with(chain, ctx).map(drop))
    }
}

impl<'b, C> Decode<'b, C> for ReceiptBook {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, Error> {
        let mut book = Self::default();
        array(d, Some(2))?;
        for _ in 0..array(d, None)? {
            array(d, Some(3))?;
            let (chain, person) = (d.decode_with(ctx)?, d.decode_with(ctx)?);
            let known: Vec<Known> = d.decode_with(ctx)?;
            if known.is_empty() || known.len() > UNANSWERED_MAX {
                return Err(Error::message("a chain of no or too many statements"));
            }
            book.chains.insert(chain, OneChain { person, known: known.into(), ended: false });
        }
        for _ in 0..array(d, None)? {
            let chain = d.decode_with(ctx)?;
            let one = book.chains.get_mut(&chain).filter(|one| !one.ended);
            one.ok_or_else(|| Error::message("no such chain has ended"))?.ended = true;
            book.ended.push_back(chain);
        }
        if book.ended.len() > ENDED_CHAINS_MAX {
            return Err(Error::message("too many chains have ended"));
        }
        Ok(book)
    }
}

/// How many elements follow; of a definite array, and so many where it is known.
fn array(d: &mut Decoder<'_>, expected: Option<u64>) -> Result<u64, Error> {
    let found = d.array()?.filter(|found| expected.is_none_or(|expected| expected == *found));
    found.ok_or_else(|| Error::message("another array"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(sequence: u64) -> Known {
        let id = StatementId([sequence as u8; 32]);
        Known { sequence, attempt: 0, id, index: 100 + sequence, wall_ms: 1, boot_ms: 1 }
    }

    #[test]
    fn the_newest_statements_of_a_chain_are_known_to_their_person_only() {
        let (mut book, chain, anna) = (ReceiptBook::default(), Chain([1; 32]), PersonId(1));
        (0..=UNANSWERED_MAX as u64).for_each(|sequence| book.admitted(anna, chain, known(sequence)));
        assert_eq!(book.by_id(chain, anna, known(5).id), Some(known(5)));
        assert_eq!(book.by_id(chain, PersonId(2), known(5).id), None);
        assert_eq!(book.by_sequence(chain, 0), None, "the oldest is forgotten");
        let newest = known(UNANSWERED_MAX as u64);
        assert_eq!(book.by_sequence(chain, newest.sequence), Some(newest));
    }

    #[test]
    fn ended_chains_are_bounded_and_live_ones_stay() {
        let mut book = ReceiptBook::default();
        let chain = |n: usize| Chain(std::array::from_fn(|i| (n >> (8 * (i % 4))) as u8));
        book.admitted(PersonId(1), Chain([255; 32]), known(1));
        for n in 0..ENDED_CHAINS_MAX + 10 {
            book.admitted(PersonId(1), chain(n), known(1));
            book.ended(chain(n));
            book.ended(chain(n));
        }
        assert_eq!(book.chains.len(), ENDED_CHAINS_MAX + 1);
        assert!(book.by_sequence(Chain([255; 32]), 1).is_some());
        assert!(book.by_sequence(chain(0), 1).is_none());
    }
}
