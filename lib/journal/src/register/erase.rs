//! Who may erase what, and the intents that an erasure epoch is to carry out.
//! Never says "erased": that is the Fact, when the keys are gone.

use super::columns::{ERASED, Row};
use super::conversation::pair_of;
use super::{Applied, Audience, Context, Conversation, Effect, ErasePlace, Register};
use crate::act::{ConversationKind, Erase, EraseTarget};
use crate::ids::{ConversationId, Index, Place};
use crate::policy::PrivateErase;
use crate::refusal::Refusal;
use pki::PersonId;

impl Register {
    pub(super) fn erase(&mut self, cx: &Context<'_>, act: &Erase) -> Result<Applied, Refusal> {
        match &act.target {
            EraseTarget::Messages(id, messages) => self.erase_messages(cx, *id, messages),
            EraseTarget::Conversation(id) => self.erase_conversation(cx, *id),
        }
    }

    fn erase_messages(
        &mut self,
        cx: &Context<'_>,
        id: ConversationId,
        messages: &[Index],
    ) -> Result<Applied, Refusal> {
        let number = self.open_conversation(id)?;
        self.row(number)?.membership.member(cx.by.signer)?;
        if let Some(pair) = messages.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Refusal::NoSuchMessage { index: pair[1] });
        }
        for index in messages {
            let found = self.message_in(number, *index)?;
            let row = self.messages.row(found);
            if row.flags & ERASED != 0 {
                return Err(Refusal::AlreadyErased { index: *index });
            }
            self.check_may_erase(cx.by.signer, self.row(number)?, &row)?;
        }
        self.check_not_held(&EraseTarget::Messages(id, messages.to_vec()))?;
        let (_, places): (Vec<_>, _) = self.take_messages(number, messages).into_iter().unzip();
        let mut effects = Vec::new();
        self.intend(cx.by.index, places, &mut effects);
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    /// An Erase waits for a hold by not being admitted: afterwards it is to be signed anew, as the fresh confirmation.
    fn check_not_held(&self, target: &EraseTarget) -> Result<(), Refusal> {
        self.holding(target).map_or(Ok(()), |hold| Err(Refusal::Held { hold }))
    }

    /// Marks those of these messages that were not erased before, and gives their authors their room back.
    pub(super) fn take_messages(&mut self, number: u64, messages: &[Index]) -> Vec<(Index, ErasePlace)> {
        let mut taken = Vec::with_capacity(messages.len());
        for index in messages {
            let Ok(found) = self.message_in(number, *index) else { continue };
            let row = self.messages.row(found);
            if row.flags & ERASED != 0 {
                continue;
            }
            self.messages.erase(found);
            let author = self.derived.persons[row.author as usize];
            self.credit(author, number, self.message_bytes(&row));
            taken.push((*index, ErasePlace::Item(Place { conversation: number, item: row.item.into() })));
        }
        taken
    }

    /// One's own message where policy lets authors erase; any in a group that one owns.
    fn check_may_erase(&self, signer: PersonId, held: &Conversation, row: &Row) -> Result<(), Refusal> {
        let own = self.derived.persons[row.author as usize] == signer;
        let owner = held.membership.owner() == Some(signer);
        if owner || (own && self.ruling_policy()?.author_erases) {
            Ok(())
        } else {
            Err(Refusal::NoRightToErase)
        }
    }

    /// Closes the conversation and takes everything in it, at the cost of one slot.
    fn erase_conversation(&mut self, cx: &Context<'_>, id: ConversationId) -> Result<Applied, Refusal> {
        let unknown = Refusal::UnknownConversation { conversation: id };
        let number = *self.derived.conversation_ids.get(&id).ok_or(unknown)?;
        let row = self.row(number)?;
        row.membership.member(cx.by.signer)?;
        if let Some(index) = row.erased {
            return Err(Refusal::AlreadyErased { index });
        }
        let may = match row.membership.kind() {
            ConversationKind::Private => self.ruling_policy()?.private_erase == PrivateErase::Either,
            ConversationKind::Group => row.membership.owner() == Some(cx.by.signer),
        };
        if !may {
            return Err(Refusal::NoRightToErase);
        }
        self.check_not_held(&EraseTarget::Conversation(id))?;
        let mut effects = Vec::new();
        self.take_conversation(cx.by.index, cx.by.index, number, &mut effects);
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    /// Closes a conversation and takes all of it: `at` is the entry that lets it happen, `right` the one that proves the
    /// right to it.
    pub(super) fn take_conversation(
        &mut self,
        at: Index,
        right: Index,
        number: u64,
        effects: &mut Vec<Effect>,
    ) {
        self.drop_reservations_in(number, effects);
        let Some(row) = self.conversations.get_mut(&number) else { return };
        let pair = pair_of(&row.membership);
        row.erased = Some(right);
        row.closed.get_or_insert(at);
        row.title = None;
        let stored = std::mem::take(&mut row.stored);
        for (author, bytes) in stored {
            if let Some(person) = self.people.get_mut(&author) {
                person.stored_bytes = person.stored_bytes.saturating_sub(bytes);
            }
        }
        if let Some(pair) = pair {
            self.private_ends(pair, number);
        }
        self.forget_swept_ahead(number);
        self.drop_stopped_in(number);
        effects.push(Effect::ConversationClosed { conversation: number });
        self.intend(at, vec![ErasePlace::Conversation(number)], effects);
    }

    fn drop_reservations_in(&mut self, number: u64, effects: &mut Vec<Effect>) {
        let inside = self.reservations.iter().filter(|(_, found)| found.place.conversation == number);
        let ids: Vec<_> = inside.map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(reservation) = self.drop_reservation(id) {
                effects.push(Effect::ReservationDropped { id, place: reservation.place });
            }
        }
    }
}

#[cfg(test)]
#[path = "erase_tests.rs"]
mod tests;
