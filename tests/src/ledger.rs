//! What the entries say of conversations, read once more in the simplest way there is: who was in, under which key each
//! thing was said, what was erased. The oracle of the screens; shares no rule with the Register.

use crate::judge::Log;
use crate::schedule;
use journal::act::{Act, ConversationKind, EraseTarget};
use journal::ids::{ConversationId, Index, StatementId};
use pki::PersonId;
use std::collections::{BTreeMap, BTreeSet};

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// Where.
    pub index: Index,
    /// Which statement.
    pub id: StatementId,
    /// By whom.
    pub author: PersonId,
    /// Under which key.
    pub epoch: u32,
    /// Gone.
    pub erased: bool,
}

/// What a person may see of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// Its text.
    Text,
    /// That it is there; it was said under a key that the person was never given.
    NoKey,
    /// That it was erased.
    Erased,
}

/// Somebody in a conversation.
struct Member {
    since: Index,
    /// First epoch that was made for him, or that was given to him later.
    reads_from: u32,
}

/// A conversation.
#[derive(Default)]
pub struct Room {
    /// Index of its Create.
    pub number: Index,
    /// Of two, for ever.
    pub private: bool,
    members: BTreeMap<PersonId, Member>,
    /// Index of each epoch, and for whom it was made.
    epochs: Vec<(Index, BTreeSet<PersonId>)>,
    shares: BTreeSet<(PersonId, u32)>,
    /// In order.
    pub messages: Vec<Said>,
    /// Erased as a whole.
    pub erased: bool,
}

impl Room {
    /// What a person sees of it; nothing when he is not in it.
    pub fn sight(&self, person: PersonId) -> Option<Vec<(Said, Sight)>> {
        let member = self.members.get(&person)?;
        let shared = self.epochs.get(member.reads_from as usize - 1).map(|(index, _)| *index);
        let from = shared.map_or(member.since, |index| index.min(member.since));
        let sight = |said: &Said| {
            let made_for = self.epochs[said.epoch as usize - 1].1.contains(&person);
            match said.erased || self.erased {
                true => Sight::Erased,
                false if made_for || self.shares.contains(&(person, said.epoch)) => Sight::Text,
                false => Sight::NoKey,
            }
        };
        let seen = self.messages.iter().filter(|said| said.index >= from);
        Some(seen.map(|said| (*said, sight(said))).collect())
    }

    /// Who is in it.
    pub fn people(&self) -> impl Iterator<Item = PersonId> {
        self.members.keys().copied()
    }
}

/// All conversations of a log.
pub fn rooms(log: &Log) -> BTreeMap<ConversationId, Room> {
    let mut rooms: BTreeMap<ConversationId, Room> = BTreeMap::new();
    for (index, id, signer, act) in log.acts() {
        if let Act::Create(create) = act {
            let everybody = create.invited.iter().chain([&signer]);
            let members = everybody.map(|person| (*person, Member { since: index, reads_from: 1 })).collect();
            let private = create.kind == ConversationKind::Private;
            let room = Room { number: index, private, members, ..Room::default() };
            rooms.insert(ConversationId(id.0), room);
            continue;
        }
        if let Act::Revoke(revoke) = act {
            for room in rooms.values_mut() {
                room.members.remove(&revoke.person);
            }
            continue;
        }
        let Some(room) = conversation_of(act).and_then(|of| rooms.get_mut(&of)) else { continue };
        follow(room, index, id, signer, act);
    }
    for run in log.runs() {
        for room in rooms.values_mut() {
            let fell = |said: &&mut Said| schedule::is_due(log, room.private, said.index, run);
            room.messages.iter_mut().filter(fell).for_each(|said| said.erased = true);
        }
    }
    rooms
}

fn follow(room: &mut Room, index: Index, id: StatementId, signer: PersonId, act: &Act) {
    match act {
        Act::Invite(invite) => {
            let reads_from = room.epochs.len() as u32 + 1;
            room.members.insert(invite.person, Member { since: index, reads_from });
        }
        Act::Leave(_) => drop(room.members.remove(&signer)),
        Act::Remove(remove) => drop(room.members.remove(&remove.person)),
        Act::Epoch(_) => room.epochs.push((index, room.members.keys().copied().collect())),
        Act::ShareHistory(share) => {
            let given = share.from_epoch..=share.to_epoch;
            room.shares.extend(given.map(|epoch| (share.person, epoch)));
            if let Some(member) = room.members.get_mut(&share.person)
                && share.from_epoch < member.reads_from
                && share.to_epoch + 1 >= member.reads_from
            {
                member.reads_from = share.from_epoch;
            }
        }
        Act::Message(message) => {
            let said = Said { index, id, author: signer, epoch: message.epoch, erased: false };
            room.messages.push(said);
        }
        Act::Erase(erase) => match &erase.target {
            EraseTarget::Conversation(_) => room.erased = true,
            EraseTarget::Messages(_, gone) => {
                let gone = room.messages.iter_mut().filter(|said| gone.contains(&said.index));
                gone.for_each(|said| said.erased = true);
            }
        },
        _ => {}
    }
}

fn conversation_of(act: &Act) -> Option<ConversationId> {
    match act {
        Act::Invite(act) => Some(act.conversation),
        Act::Leave(act) => Some(act.conversation),
        Act::Remove(act) => Some(act.conversation),
        Act::Epoch(act) => Some(act.conversation),
        Act::ShareHistory(act) => Some(act.conversation),
        Act::Message(act) => Some(act.conversation),
        Act::Erase(erase) => match erase.target {
            EraseTarget::Conversation(of) | EraseTarget::Messages(of, _) => Some(of),
        },
        _ => None,
    }
}
