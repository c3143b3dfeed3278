//! Journal and key tree beside each other: every body that the journal says is there opens, and nothing else is there.
//! Never decides what becomes of what is wrong.

use super::damage::Damages;
use crate::reader::read_body;
use crate::store::StoreError;
use crate::words::Trouble;
use journal::ErasePlace;
use journal::ids::Place;
use journal::register::Register;
use protocol::engine::Books;
use std::collections::BTreeSet;
use vault::{SECRETS_CONVERSATION, Vault};

/// Looks both ways, and notes what is wrong. Gives how many bodies of messages open.
pub(super) fn compare(
    vault: &Vault,
    register: &Register,
    books: &Books,
    damages: &mut Damages,
) -> Result<u64, Trouble> {
    let pending = Pending::of(register);
    let mut known = BTreeSet::new();
    let opened = open_all(vault, register, books, &pending, &mut known, damages);
    // Reserved, and perhaps begun.
    known.extend(register.reservations().map(|(_, reservation)| spot(reservation.place)));
    let periods = register.period().map_or(0, |period| period.number + 1);
    let mut unknown = BTreeSet::new();
    let told = vault.items(&mut |place| {
        let place = Place { conversation: place.conversation, item: place.item };
        let is_known = match place.conversation {
            SECRETS_CONVERSATION => place.item < periods,
            _ => known.contains(&spot(place)) || pending.holds(place),
        };
        if !is_known {
            unknown.insert(spot(place));
        }
    });
    told.map_err(|error| super::super::store_trouble(StoreError::from(error)))?;
    for (conversation, item) in unknown {
        damages.add(format!(
            "item {item} of conversation {conversation} is in the key tree, and the journal knows nothing of it or says that it \
             was erased: its keys still stand"
        ));
    }
    Ok(opened)
}

fn spot(place: Place) -> (u64, u64) {
    (place.conversation, place.item)
}

/// What is to be erased and may be there or not.
struct Pending {
    items: BTreeSet<(u64, u64)>,
    conversations: BTreeSet<u64>,
}

impl Pending {
    fn of(register: &Register) -> Self {
        let (mut items, mut conversations) = (BTreeSet::new(), BTreeSet::new());
        for what in register.erasures_pending().flat_map(|(_, what)| what) {
            match what {
                ErasePlace::Item(place) => drop(items.insert(spot(*place))),
                ErasePlace::Conversation(number) => drop(conversations.insert(*number)),
            }
        }
        Self { items, conversations }
    }

    fn holds(&self, place: Place) -> bool {
        self.items.contains(&spot(place)) || self.conversations.contains(&place.conversation)
    }
}

/// Opens every body that the journal says is there, and notes those that do not open. Gives how many of messages do.
fn open_all(
    vault: &Vault,
    register: &Register,
    books: &Books,
    pending: &Pending,
    known: &mut BTreeSet<(u64, u64)>,
    damages: &mut Damages,
) -> u64 {
    let (reader, mut opened) = (vault.reader(), 0);
    for conversation in register.conversations() {
        for message in register.messages_of(conversation.number, 0..register.size()) {
            let place = Place { conversation: message.conversation, item: message.item };
            if message.erased || pending.holds(place) {
                continue;
            }
            known.insert(spot(place));
            for chunk in 0..=message.file.map_or(0, |file| file.chunks) {
                match read_body(&reader, place, chunk) {
                    Ok(_body) => opened += 1,
                    Err(error) => {
                        damages.add(format!("the body of entry {}, chunk {chunk}: {error}", message.index));
                    }
                }
            }
        }
    }
    for (index, place, chunks) in books.titles_and_wraps(register) {
        if pending.holds(place) {
            continue;
        }
        known.insert(spot(place));
        for chunk in 0..chunks {
            if let Err(error) = read_body(&reader, place, chunk) {
                damages.add(format!("the title or the wraps of entry {index}, chunk {chunk}: {error}"));
            }
        }
    }
    opened
}
