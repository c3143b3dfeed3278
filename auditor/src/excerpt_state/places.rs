//! Where a statement of an excerpt stands: its number in its chain, or outside of all chains.
//! Never holds a missing number against anybody where an entry between may be missing.

use journal::Refusal;
use journal::act::{Act, Continues, Succession};
use journal::ids::{Chain, Hash, Index, StatementId};
use journal::register::offline_chain;
use journal::statement::Header;
use pki::PersonId;

use super::{State, Step};

impl State<'_> {
    /// The statement's number in its chain, against those of the chain that are here.
    pub(super) fn place(
        &mut self,
        index: Index,
        leaf: Hash,
        header: &Header,
        id: StatementId,
        act: &Act,
    ) -> Result<(), Refusal> {
        if header.head.size > index {
            return Err(Refusal::WrongHead { size: header.head.size });
        }
        let Header { chain, sequence, previous, .. } = *header;
        if let Act::Succession(act) = act {
            act.check_header(header)?;
            return self.later_era(act);
        }
        if let Act::Continues(act) = act {
            Continues::check_header(header)?;
            return self.continues(act);
        }
        if let Act::Login(_) = act {
            if let Some(first) = self.logins.insert(id, index) {
                return Err(Refusal::LoginRepeated { index: first });
            }
            self.chains.insert(Chain(leaf), Step { sequence: 0, id, index });
            return Ok(());
        }
        if header.person == PersonId(0) {
            let site = self.authorities.as_ref().ok_or(Refusal::UnknownCertificate)?;
            if chain != offline_chain(site.issuing.id(), site.issuing.subject()) {
                return Err(Refusal::ChainEnded);
            }
        }
        if let Some(before) = self.chains.get(&chain) {
            let expected = before.sequence + 1;
            if sequence < expected || (sequence > expected && self.all_between(before.index, index)) {
                return Err(Refusal::OutOfSequence { expected, found: sequence });
            }
            if sequence == expected && previous != before.id {
                return Err(Refusal::WrongPrevious);
            }
        }
        self.chains.insert(chain, Step { sequence, id, index });
        Ok(())
    }

    /// Of how many statements a succession is made is not known here: those of one keep the same.
    fn later_era(&self, act: &Succession) -> Result<(), Refusal> {
        let newest = self.eras.last();
        let current = newest.map_or(0, |era| era.number);
        let again = newest.is_some_and(|era| (era.number, era.kept) == (act.era, act.kept.size));
        match act.era > current || again {
            true => Ok(()),
            false => Err(Refusal::EraNotLater { found: act.era, current }),
        }
    }

    /// What the log continues is said before anybody has logged in, with a note of that other log's own.
    fn continues(&self, act: &Continues) -> Result<(), Refusal> {
        let bad = |reason: &str| Refusal::BadContinues { reason: reason.into() };
        if !self.logins.is_empty() {
            return Err(bad("people have logged in already"));
        }
        if act.log == self.trust.log {
            return Err(bad("no log continues itself"));
        }
        act.check_note()
    }

    /// Whether every entry between two that are here is here, too.
    fn all_between(&self, first: Index, behind: Index) -> bool {
        let from = self.leaves.partition_point(|(index, _)| *index < first);
        (self.leaves.len() - from) as u64 == behind - first
    }
}
