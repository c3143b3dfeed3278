//! Where a statement of an excerpt stands: its number in its chain, or outside of all chains.
//! Never holds a missing number against anybody where an entry between may be missing.

use journal::Refusal;
use journal::act::{Act, Continues};
use journal::ids::{Chain, Index, StatementId};
use journal::register::offline_chain;
use journal::replay::CheckedEntry;
use journal::statement::Header;
use pki::PersonId;

use super::{State, Step};

impl State<'_> {
    /// The statement's number in its chain, against those of the chain that are here.
    pub(super) fn place(
        &mut self,
        index: Index,
        entry: &CheckedEntry,
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
            return self.succession((index, entry.wall_ms()), header.person, act);
        }
        if let Act::Continues(act) = act {
            Continues::check_header(header)?;
            return self.continues(header.person, act);
        }
        if let Act::Login(_) = act {
            if let Some(first) = self.logins.insert(id, index) {
                return Err(Refusal::LoginRepeated { index: first });
            }
            self.chains.insert(Chain(entry.leaf()), Step { sequence: 0, id, index });
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

    /// What the log continues is said before anybody has logged in, with a note of that other log's own.
    fn continues(&self, by: PersonId, act: &Continues) -> Result<(), Refusal> {
        let bad = |reason: &str| Refusal::BadContinues { reason: reason.into() };
        if by == PersonId(0) {
            return Err(Refusal::NotAFirstOfficer { person: by });
        }
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
