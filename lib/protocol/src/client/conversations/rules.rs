//! What each verified act does to a conversation that is followed.
//! Never asks anybody, and never judges a signature: what comes here was verified.

use super::super::erase::{Right, Takes};
use super::super::error::{Error, What};
use super::super::event::{ErasedBy, Eraser};
use super::Row;
use journal::act::{Act, EraseTarget};
use journal::ids::Index;
use journal::membership::{ActBy, Standing};
use pki::{Certificate, PersonId, Role};

impl Row {
    pub(super) fn cut(&mut self, persons: &[PersonId], by: &ActBy) -> Result<(), Error> {
        let view = self.view.as_mut().ok_or(Error::unverified(What::Membership))?;
        persons.iter().for_each(|person| view.cut(*person, by.id));
        persons.iter().for_each(|person| self.note_joined(*person, by.index));
        Ok(())
    }

    pub(super) fn membership_act(&mut self, by: &ActBy, act: &Act) -> Result<(), Error> {
        let bad = Error::unverified(What::Membership);
        self.view.as_mut().ok_or(bad.clone())?.follow(by, act).map_err(|_| bad)
    }

    /// A member's new certificates: out where they do not suffice, a new epoch otherwise.
    pub(super) fn renewed(&mut self, signature: &[u8], by: &ActBy) -> Result<(), Error> {
        let view = self.view.as_mut().ok_or(Error::unverified(What::Membership))?;
        let certificate = Certificate::parse(signature).map_err(|_| Error::unverified(What::Certificate))?;
        let person = certificate.person().ok_or(Error::unverified(What::Certificate))?;
        let roles = certificate.roles();
        let corresponds = roles.contains(Role::Operator) || roles.contains(Role::Bot);
        if corresponds && certificate.clearance().covers(view.membership().ceiling()) {
            view.renewed(person);
        } else {
            view.cut(person, by.id);
        }
        self.note_joined(person, by.index);
        Ok(())
    }

    pub(super) fn erase(&mut self, target: &EraseTarget, by: &ActBy) -> Result<(), Error> {
        match target {
            EraseTarget::Conversation(id) if *id == self.id => {
                if !self.may_erase_all(by.signer, by.index) {
                    return Err(Error::unverified(What::Erasure));
                }
                self.erased = Some(ErasedBy { by: Eraser::Person(by.signer), index: by.index });
                self.title = None;
                Ok(())
            }
            // Messages are looked at one by one when their tombstone is shown: their authors are not known here.
            EraseTarget::Messages(id, _) if *id == self.id => Ok(()),
            EraseTarget::Conversation(_) | EraseTarget::Messages(..) => Err(Error::unverified(What::Answer)),
        }
    }

    /// An order over all of it was given; one that confirms what was stopped takes effect at once.
    pub(super) fn order(&mut self, given: Option<(ErasedBy, Takes)>) {
        match given {
            Some((by, Takes::AtOnce)) => self.goes(by),
            Some((by, Takes::From(time_ms))) => self.ordered = Some((by, time_ms)),
            None => {}
        }
    }

    /// At a Tick: the order over all of it takes effect, if its time has come, and by this terminal's clock too.
    pub(super) fn carry_out(&mut self, tick_ms: u64, not_after_ms: u64) {
        if self.ordered.as_ref().is_some_and(|(_, time_ms)| *time_ms <= tick_ms) {
            // The first that let it counts: a later one would only put it off.
            self.ahead_ms = Some(self.ahead_ms.map_or(tick_ms, |first| first.min(tick_ms)));
            self.ripen(not_after_ms);
        }
    }

    /// What waits for this terminal's clock takes effect when that has come so far.
    pub(crate) fn ripen(&mut self, not_after_ms: u64) {
        if self.ahead_ms.take_if(|tick_ms| *tick_ms <= not_after_ms).is_some()
            && let Some((by, _)) = self.ordered.take()
        {
            self.goes(by);
        }
    }

    /// Whether it is this order over all of it that waits for this terminal's clock.
    pub(crate) fn waits_for(&self, right: &Right, at: Index) -> bool {
        let ordered = self.ordered.as_ref().filter(|_| self.ahead_ms.is_some());
        right.target == EraseTarget::Conversation(self.id)
            && ordered.is_some_and(|(by, _)| *by == right.erased_by(at))
    }

    pub(super) fn goes(&mut self, by: ErasedBy) {
        self.erased.get_or_insert(by);
        self.title = None;
    }

    pub(super) fn note_owner(&mut self, index: Index) {
        let owner = self.view.as_ref().and_then(|view| view.membership().owner());
        if self.owners.last().is_none_or(|(_, last)| *last != owner) {
            self.owners.push((index, owner));
        }
    }

    pub(super) fn note_joined(&mut self, person: PersonId, index: Index) {
        let now = self.standing(person) == Some(Standing::Joined);
        let stays = self.joined.entry(person).or_default();
        if stays.last().is_none_or(|(_, last)| *last != now) {
            stays.push((index, now));
        }
    }

    /// How this person stands here.
    pub(crate) fn standing(&self, person: PersonId) -> Option<Standing> {
        Some(self.view.as_ref()?.membership().member(person).ok()?.standing)
    }
}
