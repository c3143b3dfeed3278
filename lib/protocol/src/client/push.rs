//! What the core pushes: looked at in order, one frame after another, each entry verified before it means anything.
//! Never learns a conversation's acts from a push: a push says that there is something to ask for (`conversations.rs`).

use super::chain::Draft;
use super::erase::{Eraser, Right};
use super::error::{Error, What};
use super::event::{ErasedBy, Event};
use super::flow::Cx;
use super::receive::{Checked, CheckedContent, key_roll};
use crate::answer::Answer;
use crate::limits::ENTRIES_AT_MAX;
use crate::query::Query;
use journal::act::{Accept, Act, EraseTarget};
use journal::fact::Fact;
use journal::ids::{ConversationId, Index};
use journal::membership::Standing;
use journal::statement::Header;
use pki::PersonId;
use std::collections::BTreeMap;

impl Cx {
    /// Runs as long as the session: takes pushed frames one by one.
    pub(crate) async fn pump(self) {
        loop {
            let deliver = self.until(|state| state.inbox.pop()).await;
            let first = deliver.entries.first().map_or(0, |entry| entry.index);
            let note = deliver.note.clone();
            // A KeyRoll comes whatever else was left out before it.
            let is_roll = deliver.entries.iter().all(|entry| key_roll(entry).is_some());
            match self.check_deliver(deliver).await {
                Ok(entries) => {
                    for (index, entry) in entries {
                        self.pushed(index, entry).await;
                    }
                    if !is_roll {
                        self.with(|state| state.heard(&note));
                    }
                }
                Err(Error::NotVerified { what }) => self.event(Event::Dropped(first, what)),
                // The connection went while a certificate was asked for: what was pushed is asked for again.
                Err(_) => self.lost(first),
            }
        }
    }

    /// What was pushed at this index, or behind it, could not be looked at.
    fn lost(&self, index: Index) {
        // Whoever keeps copies gives none out until this was asked for.
        self.with(|state| state.lagging(index));
    }

    async fn pushed(&self, index: Index, entry: Result<Checked, Error>) {
        let outcome = match entry {
            Ok(entry) => self.interpret(&entry).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(())
            | Err(Error::UnknownConversation { .. } | Error::NoKey { .. } | Error::UnknownMessage { .. }) => {
            }
            Err(Error::NotVerified { what }) => self.event(Event::Dropped(index, what)),
            Err(_) => self.lost(index),
        }
    }

    async fn interpret(&self, entry: &Checked) -> Result<(), Error> {
        match &entry.content {
            CheckedContent::Fact(Fact::Tick(_)) => self.ticked(entry.index).await,
            CheckedContent::Fact(Fact::RetentionRun(_)) => self.ran(entry).await,
            CheckedContent::Fact(Fact::Alarm(_)) => {
                self.alarmed(entry);
                Ok(())
            }
            CheckedContent::Fact(fact) => {
                self.fact(fact);
                Ok(())
            }
            CheckedContent::Statement(statement) => {
                self.act(entry, statement.get().header(), statement.get().act()).await
            }
        }
    }

    fn fact(&self, fact: &Fact) {
        match fact {
            Fact::Erased(erased) => self.with(|state| state.erasure_done(erased.epoch, erased.through)),
            // A KeyRoll was taken in before the note that its key signs.
            Fact::KeyRoll(_)
            | Fact::Start(_)
            | Fact::Stop(_)
            | Fact::SessionEnd(_)
            | Fact::ClockStep(_)
            | Fact::FailedLogin(_)
            | Fact::Tick(_)
            | Fact::Alarm(_)
            | Fact::PeriodEnd(_)
            | Fact::RetentionRun(_) => {}
        }
    }

    async fn act(&self, entry: &Checked, header: &Header, act: &Act) -> Result<(), Error> {
        match act {
            Act::Message(message) => {
                self.with(|state| {
                    // A message under an epoch that we have not followed yet: there are acts to ask for.
                    let row = state.conversations.row(message.conversation);
                    row.dirty |= !row.epochs.contains_key(&message.epoch);
                });
                let id = message.conversation;
                self.follow(id).await?;
                let before = self.with(|state| state.conversations.drops_of(id));
                let mut view = self.view(entry).await?;
                // Erased while its key was asked for, and told before it was ever shown: what stands there now is shown.
                if self.with(|state| state.conversations.drops_of(id)) != before {
                    self.with(|state| state.messages.forget(entry.index));
                    view = self.message(id, entry.index).await?;
                }
                self.event(Event::Message(Box::new(view)));
                Ok(())
            }
            Act::Create(_) => {
                let id =
                    entry.id().map(|id| ConversationId(id.0)).ok_or(Error::unverified(What::Statement))?;
                self.changed(id).await
            }
            Act::Invite(act) => self.changed(act.conversation).await,
            Act::Accept(act) => self.changed(act.conversation).await,
            Act::Leave(act) => self.changed(act.conversation).await,
            Act::Remove(act) => self.changed(act.conversation).await,
            Act::HandOver(act) => self.changed(act.conversation).await,
            Act::ShareHistory(act) => self.changed(act.conversation).await,
            Act::BadWrap(act) => self.changed(act.conversation).await,
            Act::Title(act) => self.changed(act.conversation).await,
            Act::Epoch(act) => {
                self.with(|state| state.conversations.dirty(act.conversation));
                Ok(())
            }
            Act::Read(act) => {
                self.event(Event::ReadBy(act.conversation, header.person, act.up_to));
                Ok(())
            }
            Act::Acknowledge(act) => {
                self.event(Event::AcknowledgedBy(header.person, act.message));
                Ok(())
            }
            Act::Disclose(act) => {
                self.with(|state| match state.messages.get(act.message) {
                    Some(known) => state.conversations.dirty(known.conversation),
                    None => state.conversations.all_dirty(),
                });
                self.event(Event::Disclosed(header.person, entry.index, act.message));
                Ok(())
            }
            Act::Report(_) | Act::Finding(_) => {
                self.alarmed(entry);
                Ok(())
            }
            Act::Erase(act) => self.erased(entry.index, header.person, &act.target).await,
            Act::Revoke(act) => {
                self.with(|state| state.take_people_act(entry))?;
                self.event(Event::Revoked(act.person));
                self.conversations_of(act.person);
                Ok(())
            }
            Act::CrlPart(_) => {
                self.whole_list(entry).await?;
                self.with(|state| {
                    state.conversations.all_dirty();
                    state.take_people_act(entry)
                })
            }
            Act::Crl(_) | Act::Enrol(_) => self.with(|state| {
                state.conversations.all_dirty();
                state.take_people_act(entry)
            }),
            Act::Approve(approve) => {
                self.event(Event::Approved(entry.index));
                self.approved(entry.index, approve.proposal).await
            }
            Act::Genesis(_)
            | Act::Succession(_)
            | Act::Continues(_)
            | Act::Submit(_)
            | Act::Propose(_)
            | Act::Withdraw(_)
            | Act::Login(_)
            | Act::Logout(_)
            | Act::SetPassword(_)
            | Act::EnvelopePrint(_)
            | Act::EnvelopeHandOver(_)
            | Act::EnvelopeVoid(_)
            | Act::Suspend(_)
            | Act::Resume(_)
            | Act::Unlock(_)
            | Act::EndSession(_)
            | Act::Reserve(_)
            | Act::Object(_)
            | Act::Hold(_)
            | Act::Export(_)
            | Act::Backup(_)
            | Act::ClockAttest(_)
            | Act::AlarmAcknowledge(_)
            | Act::AlarmClose(_) => Ok(()),
        }
    }

    fn conversations_of(&self, person: PersonId) {
        self.with(|state| {
            for id in state.conversations.of(person) {
                state.conversations.dirty(id);
                state.event(Event::Conversation(id));
            }
        });
    }

    /// A conversation's acts grew: follow it, say so, and answer an invitation.
    async fn changed(&self, id: ConversationId) -> Result<(), Error> {
        self.with(|state| state.conversations.dirty(id));
        let followed = self.follow(id).await;
        self.event(Event::Conversation(id));
        match followed {
            Ok(()) => {
                self.answer_invitation(id);
                Ok(())
            }
            // We were removed, or left: it is not ours to follow any more.
            Err(Error::UnknownConversation { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Accepts an invitation as soon as it is seen, where the caller did not forbid it and the clearance suffices.
    pub(crate) fn answer_invitation(&self, id: ConversationId) {
        let accept = self.with(|state| {
            let (me, clearance, auto) = (state.me.person, state.me.clearance, state.auto_accept);
            let row = state.conversations.row(id);
            let view = row.view.as_ref()?;
            let invited =
                row.standing(me) == Some(Standing::Invited) && row.erased.is_none() && !row.accepting;
            let cleared = clearance.covers(view.membership().ceiling());
            if !invited {
                return None;
            }
            row.accepting = auto && cleared;
            let accept = row.accepting;
            if !accept {
                state.event(Event::Invited(id));
            }
            accept.then_some(())
        });
        if accept.is_some() {
            let cx = self.clone();
            self.spawn(async move {
                if cx.accept(id).await.is_err() {
                    cx.event(Event::Invited(id));
                }
                cx.with(|state| state.conversations.row(id).accepting = false);
            });
        }
    }

    /// Accepts the invitation that stands.
    pub(crate) async fn accept(&self, id: ConversationId) -> Result<super::event::Admitted, Error> {
        self.follow(id).await?;
        let unknown = Error::UnknownConversation { conversation: id };
        let invitation = self.with(|state| {
            let me = state.me.person;
            let view = state.conversations.row(id).view.as_ref()?;
            Some(view.membership().member(me).ok()?.invitation)
        });
        let invitation = invitation.ok_or(unknown)?;
        let act = Act::Accept(Accept { conversation: id, invitation });
        let admitted = self.submit(Draft::Act(Box::new(act))).await?;
        self.with(|state| state.conversations.dirty(id));
        self.event(Event::Conversation(id));
        Ok(admitted)
    }

    /// A pushed Erase: once its right is checked, copies go, also those that the caller keeps. The right over a whole
    /// conversation is checked when this very Erase is followed.
    pub(crate) async fn erased(
        &self,
        index: Index,
        person: PersonId,
        target: &EraseTarget,
    ) -> Result<(), Error> {
        let by = ErasedBy { by: Eraser::Person(person), index };
        let (id, messages) = match target {
            EraseTarget::Messages(id, messages) => (*id, messages.clone()),
            EraseTarget::Conversation(id) => {
                self.with(|state| state.conversations.dirty(*id));
                (*id, Vec::new())
            }
        };
        // Following judges the right over a whole conversation. Who is in it no more has nothing left to check with.
        let gone = match self.follow(id).await {
            Ok(()) => false,
            Err(Error::UnknownConversation { .. }) => true,
            Err(error) => return Err(error),
        };
        let authors = self.authors(id, &messages, index, gone).await?;
        let right = self.with(|state| {
            let row = state.conversations.row(id);
            match target {
                EraseTarget::Messages(..) => {
                    authors.values().all(|author| row.may_erase(person, index, *author))
                }
                EraseTarget::Conversation(_) => row.erased == Some(by),
            }
        });
        // What was said before one came is not shown, so its author is not known: there is no copy of it either.
        let messages: Vec<_> = messages.into_iter().filter(|at| authors.contains_key(at)).collect();
        if !right && gone {
            // What we know may end before the Erase: nobody is accused, and no copy stays either.
            self.with(|state| state.messages.forget_conversation(id));
            return Ok(());
        }
        if !right {
            return Err(Error::unverified(What::Erasure));
        }
        self.with(|state| {
            state.told_erase(index);
            state.erases.keep_right(index, Right { by: by.by, target: target.clone(), order: None });
            state.drop_erased(target);
        });
        // None named would mean the whole conversation.
        if !messages.is_empty() || matches!(target, EraseTarget::Conversation(_)) {
            self.event(Event::Erased(id, messages, by));
        }
        Ok(())
    }

    /// Who wrote these messages of a conversation, as far as they are shown and stand before that entry; of a
    /// conversation that one is in no more, as far as they are kept here.
    async fn authors(
        &self,
        id: ConversationId,
        messages: &[Index],
        before: Index,
        gone: bool,
    ) -> Result<BTreeMap<Index, PersonId>, Error> {
        let mut authors = BTreeMap::new();
        let mut unknown = Vec::new();
        self.with(|state| {
            for at in messages.iter().filter(|at| **at < before) {
                match state.messages.get(*at).filter(|kept| kept.conversation == id) {
                    Some(kept) => drop(authors.insert(*at, kept.author)),
                    None => unknown.push(*at),
                }
            }
        });
        unknown.sort_unstable();
        unknown.dedup();
        if gone {
            unknown.clear();
        }
        for some in unknown.chunks(ENTRIES_AT_MAX) {
            let Answer::EntriesAt(page) = self.ask(Query::EntriesAt(some.to_vec())).await? else {
                return Err(Error::unverified(What::Answer));
            };
            for entry in self.check_page(page).await? {
                if let Some((header, Act::Message(act))) = entry.act()
                    && act.conversation == id
                {
                    authors.insert(entry.index, header.person);
                }
            }
        }
        Ok(authors)
    }
}
