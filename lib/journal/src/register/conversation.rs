//! Conversations: founding, membership, titles, and who falls out of them by a revocation.
//! Never decides a membership question that `membership` decides: here stand persons, clearances and epochs.

use super::{Applied, Audience, Context, Conversation, Effect, Register, Silenced, TitleRow};
use crate::act::{Accept, ConversationKind, Create, HandOver, Invite, Leave, Remove, Title};
use crate::ids::{ConversationId, Place};
use crate::membership::Membership;
use crate::refusal::Refusal;
use crate::retention::RANKS;
use pki::{Clearance, PersonId, Role};
use std::collections::BTreeMap;

/// Whether this person may be where labels reach up to `ceiling`.
fn check_fit(person: &super::Person, ceiling: Clearance) -> Result<(), Refusal> {
    if let Some(index) = person.revoked {
        return Err(Refusal::CertificateRevoked { index });
    }
    if !person.roles.contains(Role::Operator) && !person.roles.contains(Role::Bot) {
        return Err(Refusal::NoCorrespondent { person: person.id });
    }
    if !person.clearance.covers(ceiling) {
        return Err(Refusal::ClearanceTooLow { person: person.id, needed: ceiling });
    }
    Ok(())
}

impl Register {
    fn check_fit(&self, person: PersonId, ceiling: Clearance) -> Result<(), Refusal> {
        check_fit(self.people.get(&person).ok_or(Refusal::UnknownPerson { person })?, ceiling)
    }

    /// The number of an open conversation.
    pub(super) fn open_conversation(&self, id: ConversationId) -> Result<u64, Refusal> {
        let unknown = Refusal::UnknownConversation { conversation: id };
        let number = *self.derived.conversation_ids.get(&id).ok_or(unknown.clone())?;
        match self.conversations.get(&number).ok_or(unknown)?.closed {
            Some(index) => Err(Refusal::ConversationClosed { index }),
            None => Ok(number),
        }
    }

    pub(super) fn row(&self, number: u64) -> Result<&Conversation, Refusal> {
        self.conversations.get(&number).ok_or(Refusal::WrongLog)
    }

    pub(super) fn row_mut(&mut self, number: u64) -> Result<&mut Conversation, Refusal> {
        self.conversations.get_mut(&number).ok_or(Refusal::WrongLog)
    }

    pub(super) fn create(&mut self, cx: &Context<'_>, act: &Create) -> Result<Applied, Refusal> {
        let number = cx.by.index;
        let membership = Membership::found(cx.by.signer, act, cx.by.id, number)?;
        for person in membership.members().keys() {
            self.check_fit(*person, act.ceiling)?;
        }
        let pair = pair_of(&membership);
        if let Some(existing) = pair.and_then(|pair| self.derived.privates.get(&pair)) {
            return Err(Refusal::PrivateExists { conversation: self.row(*existing)?.membership.id() });
        }
        let mut effects = vec![Effect::ConversationFounded { conversation: number }];
        for person in membership.members().keys() {
            self.derived.conversations_of.entry(*person).or_default().insert(number);
            effects.push(Effect::MemberAdded { conversation: number, person: *person });
        }
        if let Some(pair) = pair {
            self.derived.privates.insert(pair, number);
        }
        let ordinal = u32::try_from(self.derived.conversation_numbers.len()).expect("fewer than entries");
        self.derived.conversation_numbers.push(number);
        self.derived.conversation_ids.insert(membership.id(), number);
        self.conversations.insert(
            number,
            Conversation {
                number,
                ordinal,
                membership,
                epoch: None,
                epoch_stale: true,
                next_item: 0,
                title: None,
                closed: None,
                erased: None,
                cursors: BTreeMap::new(),
                stored: BTreeMap::new(),
                bad_wraps: BTreeMap::new(),
                swept: [0; RANKS],
                silenced: BTreeMap::new(),
                messages: Vec::new(),
            },
        );
        effects.push(Effect::EpochDue { conversation: number });
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    pub(super) fn invite(&mut self, cx: &Context<'_>, act: &Invite) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        let row = self.row(number)?;
        row.membership.member(cx.by.signer)?;
        self.check_fit(act.person, row.membership.ceiling())?;
        let epoch = row.epoch_number();
        self.row_mut(number)?.membership.invite(&cx.by, act.membership, act.person, epoch)?;
        self.derived.conversations_of.entry(act.person).or_default().insert(number);
        let mut effects = vec![Effect::MemberAdded { conversation: number, person: act.person }];
        self.make_epoch_due(number, &mut effects);
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    pub(super) fn accept(&mut self, cx: &Context<'_>, act: &Accept) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        self.row_mut(number)?.membership.accept(cx.by.signer, act.invitation)?;
        Ok(Applied::to(Audience::Conversation(number)))
    }

    pub(super) fn leave(&mut self, cx: &Context<'_>, act: &Leave) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        self.row_mut(number)?.membership.leave(&cx.by)?;
        let mut effects = Vec::new();
        self.gone(cx, number, cx.by.signer, &mut effects);
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    pub(super) fn remove(&mut self, cx: &Context<'_>, act: &Remove) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        self.row_mut(number)?.membership.remove(&cx.by, act.membership, act.person)?;
        let mut effects = Vec::new();
        self.gone(cx, number, act.person, &mut effects);
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    pub(super) fn hand_over(&mut self, cx: &Context<'_>, act: &HandOver) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        self.row_mut(number)?.membership.hand_over(&cx.by, act.membership, act.person)?;
        Ok(Applied::to(Audience::Conversation(number)))
    }

    /// A group's title is a body like a message's; the owner sets it.
    pub(super) fn title(&mut self, cx: &Context<'_>, act: &Title) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        let row = self.row(number)?;
        row.membership.joined(cx.by.signer)?;
        if row.membership.kind() == ConversationKind::Private {
            return Err(Refusal::PrivateIsForTwo);
        }
        if row.membership.owner() != Some(cx.by.signer) {
            return Err(Refusal::NotTheOwner);
        }
        self.check_epoch_in_force(number, act.epoch, cx.now_ms)?;
        self.check_quota(cx.by.signer, act.size.bytes())?;
        let place = Place { conversation: number, item: row.next_item };
        let row = self.row_mut(number)?;
        row.next_item += 1;
        row.title = Some(TitleRow { index: cx.by.index, place });
        self.charge(cx.by.signer, number, act.size.bytes());
        Ok(Applied::with(Audience::Conversation(number), vec![Effect::ItemAllocated { place }]))
    }

    /// What follows when a person is no member any more: the epoch is stale; an empty conversation is closed.
    fn gone(&mut self, cx: &Context<'_>, number: u64, person: PersonId, effects: &mut Vec<Effect>) {
        if let Some(numbers) = self.derived.conversations_of.get_mut(&person) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.derived.conversations_of.remove(&person);
            }
        }
        effects.push(Effect::MemberGone { conversation: number, person });
        self.make_epoch_due(number, effects);
        let Some(row) = self.conversations.get_mut(&number) else { return };
        // The two may begin another one, should both ever be fit again.
        if row.membership.kind() == ConversationKind::Private
            && let Some(other) = row.membership.members().keys().next()
        {
            let pair = (person.min(*other), person.max(*other));
            self.private_ends(pair, number);
        }
        let Some(row) = self.conversations.get_mut(&number) else { return };
        row.cursors.remove(&person);
        if row.membership.members().is_empty() && row.closed.is_none() {
            row.closed = Some(cx.by.index);
            effects.push(Effect::ConversationClosed { conversation: number });
        }
    }

    /// The two may begin another private conversation; where they have, because this one was erased, that one stands.
    pub(super) fn private_ends(&mut self, pair: (PersonId, PersonId), number: u64) {
        if self.derived.privates.get(&pair) == Some(&number) {
            self.derived.privates.remove(&pair);
        }
    }

    /// Takes the person out of every conversation that he is no longer fit for.
    pub(super) fn cut_where_unfit(&mut self, cx: &Context<'_>, person: PersonId, effects: &mut Vec<Effect>) {
        let Some(row) = self.people.get(&person) else { return };
        let held = self.conversations_of(person);
        let unfit = |found: &&Conversation| check_fit(row, found.membership.ceiling()).is_err();
        let numbers: Vec<u64> = held.filter(unfit).map(|found| found.number).collect();
        self.cut_from(cx, person, &numbers, effects);
    }

    /// Takes the person out of every conversation: nothing can be wrapped to him any more.
    pub(super) fn cut_everywhere(&mut self, cx: &Context<'_>, person: PersonId, effects: &mut Vec<Effect>) {
        let numbers: Vec<u64> = self.conversations_of(person).map(|found| found.number).collect();
        self.cut_from(cx, person, &numbers, effects);
    }

    fn cut_from(&mut self, cx: &Context<'_>, person: PersonId, numbers: &[u64], effects: &mut Vec<Effect>) {
        // Before he is out: he is still one of those concerned.
        self.silence(person, Some(numbers), cx.by.index, effects);
        for number in numbers {
            let Some(row) = self.conversations.get_mut(number) else { continue };
            let side = row.membership.owner().is_none_or(|owner| owner == person);
            if row.membership.cut(person, cx.by.id) {
                if side {
                    row.silenced.insert(person, Silenced::by(cx));
                }
                self.gone(cx, *number, person, effects);
            }
        }
    }

    /// New certificates of a member: out where they do not suffice, a new epoch everywhere else.
    pub(super) fn renew_in_conversations(
        &mut self,
        cx: &Context<'_>,
        person: PersonId,
        effects: &mut Vec<Effect>,
    ) {
        self.cut_where_unfit(cx, person, effects);
        let numbers: Vec<u64> = self.conversations_of(person).map(|found| found.number).collect();
        for number in numbers {
            self.make_epoch_due(number, effects);
        }
    }
}

/// The two of a private conversation, the lower id first.
pub(super) fn pair_of(membership: &Membership) -> Option<(PersonId, PersonId)> {
    let mut persons = membership.members().keys();
    match (membership.kind(), persons.next(), persons.next()) {
        (ConversationKind::Private, Some(one), Some(other)) => Some((*one, *other)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "epoch_tests.rs"]
mod epochs;
