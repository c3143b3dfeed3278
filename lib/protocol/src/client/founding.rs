//! Founding conversations, changing their membership, and showing them.
//! Never decides who may: the Register does; what is known to be refused is not sent.

use super::chain::Draft;
use super::command::{NewGroup, NewPrivate};
use super::error::{Error, What};
use super::event::{Admitted, ConversationView, MemberView, Reply};
use super::flow::Cx;
use crate::answer::{Answer, ConversationRecord};
use crate::query::Query;
use journal::act::{Act, ConversationKind, Create, HandOver, Invite, Leave, Remove};
use journal::ids::{ConversationId, MembershipHead};
use journal::membership::Standing;
use journal::tree::TREE_SIZE_MAX;
use pki::{Clearance, PersonId};

/// Conversations of one person that are listed.
const CONVERSATIONS_MAX: usize = 100_000;

impl Cx {
    /// Founds a private conversation.
    pub(crate) async fn new_private(&self, new: &NewPrivate) -> Result<Reply, Error> {
        let found =
            self.found(ConversationKind::Private, vec![new.person], new.ceiling, new.default_label).await;
        match found {
            Ok((id, admitted)) => Ok(Reply::Founded(id, admitted)),
            Err(error) if error.is_refusal(journal::refusal::code::PrivateExists) => {
                match self.private_with(new.person).await? {
                    Some(conversation) => Err(Error::Exists { conversation }),
                    None => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Founds a group, and gives it its title.
    pub(crate) async fn new_group(&self, new: &NewGroup) -> Result<Reply, Error> {
        let mut people = new.people.clone();
        people.sort_unstable();
        people.dedup();
        let (id, admitted) =
            self.found(ConversationKind::Group, people, new.ceiling, new.default_label).await?;
        if let Some(title) = &new.title {
            self.set_title(id, title).await?;
        }
        Ok(Reply::Founded(id, admitted))
    }

    async fn found(
        &self,
        kind: ConversationKind,
        invited: Vec<PersonId>,
        ceiling: Option<Clearance>,
        default_label: Option<Clearance>,
    ) -> Result<(ConversationId, Admitted), Error> {
        let mut lowest = self.with(|state| state.me.clearance);
        // Whoever cannot be wrapped to is not invited.
        self.recipients(&invited).await?;
        for person in &invited {
            lowest = lowest.min(self.person(*person).await?.view.clearance);
        }
        let mut random = [0; 16];
        self.with(|state| state.rng.fill_bytes(&mut random));
        let ceiling = ceiling.unwrap_or(lowest);
        let default_label = default_label.unwrap_or_default();
        let create = Create { random, kind, ceiling, default_label, invited };
        let admitted = self.submit(Draft::Act(Box::new(Act::Create(create)))).await?;
        Ok((ConversationId(admitted.id.0), admitted))
    }

    /// The private conversation with this person, if there is one.
    async fn private_with(&self, person: PersonId) -> Result<Option<ConversationId>, Error> {
        for record in self.records().await? {
            if record.kind != ConversationKind::Private || record.closed.is_some() {
                continue;
            }
            self.follow(record.id).await?;
            if self.with(|state| state.conversations.row(record.id).standing(person).is_some()) {
                return Ok(Some(record.id));
            }
        }
        Ok(None)
    }

    async fn records(&self) -> Result<Vec<ConversationRecord>, Error> {
        let mut all = Vec::new();
        let mut after = 0;
        loop {
            let Answer::Conversations(records) = self.ask(Query::Conversations(after)).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let ascending = records.windows(2).all(|pair| pair[0].number < pair[1].number);
            let Some(last) = records.last() else { return Ok(all) };
            let behind = records.first().is_some_and(|first| first.number > after);
            if !ascending || !behind || all.len() + records.len() > CONVERSATIONS_MAX {
                return Err(Error::unverified(What::Answer));
            }
            after = last.number;
            all.extend(records);
        }
    }

    /// One's conversations, each followed.
    pub(crate) async fn conversations(&self) -> Result<Vec<ConversationView>, Error> {
        let mut views = Vec::new();
        for record in self.records().await? {
            views.push(self.conversation_view(&record).await?);
        }
        // What was erased while the others were asked for has no title any more.
        self.with(|state| {
            let untitled = |view: &&mut ConversationView| {
                state.conversations.get(view.id).is_some_and(|row| row.title.is_none())
            };
            views.iter_mut().filter(untitled).for_each(|view| view.title = None);
        });
        Ok(views)
    }

    /// One conversation, followed.
    pub(crate) async fn conversation(&self, id: ConversationId) -> Result<ConversationView, Error> {
        let unknown = Error::UnknownConversation { conversation: id };
        let Answer::Conversation(record) = self.ask(Query::Conversation(id)).await? else {
            return Err(Error::unverified(What::Answer));
        };
        let record = record.ok_or(unknown)?;
        match record.id == id {
            true => self.conversation_view(&record).await,
            false => Err(Error::unverified(What::Answer)),
        }
    }

    async fn conversation_view(&self, record: &ConversationRecord) -> Result<ConversationView, Error> {
        let id = record.id;
        // No log has such an entry, nor so many: nobody is to reckon on from there.
        if [record.last, record.read, record.unread].iter().any(|number| *number > TREE_SIZE_MAX) {
            return Err(Error::unverified(What::Answer));
        }
        self.follow(id).await?;
        self.answer_invitation(id);
        let title = self.title(id).await;
        self.with(|state| {
            let bad = Error::unverified(What::Membership);
            let me = state.me.person;
            let row = state.conversations.row(id);
            let with = row.pair.and_then(|pair| pair.into_iter().find(|person| *person != me));
            let view = row.view.as_ref().ok_or(bad.clone())?;
            let membership = view.membership();
            // What the log says and what the server says of it must be one thing.
            if view.number() != record.number || membership.kind() != record.kind {
                return Err(bad);
            }
            let members = membership.members().iter().map(|(person, member)| MemberView {
                person: *person,
                joined: member.standing == Standing::Joined,
                since: member.since,
            });
            Ok(ConversationView {
                id,
                number: view.number(),
                kind: membership.kind(),
                title,
                ceiling: membership.ceiling(),
                default_label: membership.default_label(),
                owner: membership.owner(),
                members: members.collect(),
                epoch: view.epoch(),
                last: record.last,
                read: record.read,
                unread: record.unread,
                closed: record.closed,
                with,
            })
        })
    }

    /// Looks at every conversation once after a Login: invitations that came meanwhile are answered.
    pub(crate) async fn answer_invitations(self) {
        let Ok(records) = self.records().await else { return };
        for record in records.into_iter().filter(|record| record.closed.is_none()) {
            if self.follow(record.id).await.is_ok() {
                self.answer_invitation(record.id);
            }
        }
    }

    /// An act of the owner, under the membership that we have followed to the end.
    pub(crate) async fn as_owner(
        &self,
        conversation: ConversationId,
        person: PersonId,
        what: Ownership,
    ) -> Result<Admitted, Error> {
        for _ in 0..super::epochs::TRIES_MAX {
            self.follow(conversation).await?;
            let membership = self.with(|state| {
                let view = state.conversations.row(conversation).view.as_ref();
                view.map(|view| view.membership().head())
            });
            let membership = membership.ok_or(Error::UnknownConversation { conversation })?;
            let act = what.act(conversation, membership, person);
            let outcome = self.submit(Draft::Act(Box::new(act))).await;
            self.with(|state| state.conversations.dirty(conversation));
            match outcome {
                Err(error) if super::state::State::is_outpaced(&error) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Outpaced { times: super::epochs::TRIES_MAX })
    }

    /// Leaves a conversation, or declines an invitation.
    pub(crate) async fn leave(&self, conversation: ConversationId) -> Result<Admitted, Error> {
        let outcome = self.submit(Draft::Act(Box::new(Act::Leave(Leave { conversation })))).await;
        self.with(|state| state.conversations.dirty(conversation));
        outcome
    }
}

/// What only the owner may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ownership {
    Invite,
    Remove,
    HandOver,
}

impl Ownership {
    fn act(self, conversation: ConversationId, membership: MembershipHead, person: PersonId) -> Act {
        match self {
            Self::Invite => Act::Invite(Invite { conversation, membership, person }),
            Self::Remove => Act::Remove(Remove { conversation, membership, person }),
            Self::HandOver => Act::HandOver(HandOver { conversation, membership, person }),
        }
    }
}
