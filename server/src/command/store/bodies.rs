//! Journal and key tree beside each other: every body that the journal says is there opens, and nothing else is there.
//! Never decides what becomes of what is wrong.

use super::damage::Damages;
use crate::reader::read_body;
use crate::store::StoreError;
use crate::words::{Reason, Trouble};
use journal::ErasePlace;
use journal::ids::{Index, Place};
use journal::register::Register;
use protocol::engine::Books;
use std::collections::BTreeSet;
use vault::{SECRETS_CONVERSATION, Vault};

/// How many bodies there are.
#[derive(Default, Clone, Copy)]
pub(in crate::command) struct Bodies {
    /// Of messages, that open.
    pub(in crate::command) opened: u64,
    /// That a succession gave up.
    pub(in crate::command) given_up: u64,
}

/// Looks both ways, and notes what is wrong. Gives how many there are.
pub(super) fn compare(
    vault: &Vault,
    register: &Register,
    books: &Books,
    damages: &mut Damages,
) -> Result<Bodies, Trouble> {
    let pending = Pending::of(register);
    let mut known = BTreeSet::new();
    let opened = open_all(vault, register, books, &pending, &mut known, damages);
    // Reserved, and perhaps begun.
    known.extend(register.reservations().map(|(_, reservation)| spot(reservation.place)));
    let period = register.period().map_or(0, |period| period.number);
    // A lost one's secret, if it comes to light, is no secret of anything that goes on.
    let is_lost =
        |number: u64| number < period && register.successions().iter().any(|row| row.period_key_lost);
    let mut unknown = BTreeSet::new();
    let told = vault.items(&mut |place| {
        let place = Place { conversation: place.conversation, item: place.item };
        let is_known = match place.conversation {
            SECRETS_CONVERSATION => place.item == period || pending.holds(place) || is_lost(place.item),
            _ => known.contains(&spot(place)) || pending.holds(place),
        };
        if !is_known {
            unknown.insert(spot(place));
        }
    });
    told.map_err(|error| super::super::store_trouble(StoreError::from(error)))?;
    for (conversation, item) in unknown {
        damages.add(Reason {
            en: format!(
                "item {item} of conversation {conversation} is in the key tree, and the journal knows nothing of it or says that \
                 it was erased: its keys still stand"
            ),
            ru: format!(
                "место {item} беседы {conversation} есть в дереве ключей, а журнал его не знает или называет стёртым: ключи ещё \
                 целы"
            ),
        });
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

/// Opens every body that the journal says is there, and notes those that do not open.
fn open_all(
    vault: &Vault,
    register: &Register,
    books: &Books,
    pending: &Pending,
    known: &mut BTreeSet<(u64, u64)>,
    damages: &mut Damages,
) -> Bodies {
    let (reader, mut bodies) = (vault.reader(), Bodies::default());
    for conversation in register.conversations() {
        for message in register.messages_of(conversation.number, 0..register.size()) {
            let place = Place { conversation: message.conversation, item: message.item };
            if message.erased || pending.holds(place) {
                continue;
            }
            known.insert(spot(place));
            for chunk in 0..=message.file.map_or(0, |file| file.chunks) {
                match read_body(&reader, place, chunk) {
                    Ok(_body) => bodies.opened += 1,
                    Err(error) if is_given_up(register, message.index, &error) => bodies.given_up += 1,
                    Err(error) => {
                        let index = message.index;
                        damages.add(Reason {
                            en: format!("the body of entry {index}, chunk {chunk}: {error}"),
                            ru: format!("тело записи № {index}, часть {chunk}: {}", error.ru()),
                        });
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
            match read_body(&reader, place, chunk) {
                Ok(_body) => {}
                Err(error) if is_given_up(register, index, &error) => bodies.given_up += 1,
                Err(error) => damages.add(Reason {
                    en: format!("the title or the wraps of entry {index}, chunk {chunk}: {error}"),
                    ru: format!(
                        "название или ключи для участников записи № {index}, часть {chunk}: {}",
                        error.ru()
                    ),
                }),
            }
        }
    }
    bodies
}

/// It is not there, and two officers have said so: no new damage.
fn is_given_up(register: &Register, index: Index, error: &vault::Error) -> bool {
    matches!(error, vault::Error::Missing(_)) && register.body_given_up(index).is_some()
}
