//! Bodies of kept entries that nothing opens any more: which entries they are of, and how many.
//! Never reads a body: what counts is whether the tree has its key. One that is damaged on the device stays named as damage.

use journal::ErasePlace;
use journal::ids::{Index, Place};
use journal::register::Register;
use protocol::engine::Books;
use std::collections::{BTreeMap, BTreeSet};
use vault::Salvage;

/// See the module.
pub(super) struct Missing {
    /// The entries.
    pub(super) entries: Vec<Index>,
    /// How many bodies they lack.
    pub(super) bodies: u64,
}

impl Missing {
    pub(super) fn of(salvage: &Salvage, register: &Register, books: &Books) -> Self {
        let mut held: BTreeMap<(u64, u64), u32> = BTreeMap::new();
        for found in salvage.items() {
            *held.entry((found.place.conversation, found.place.item)).or_default() += found.bodies;
        }
        let (mut items, mut conversations) = (BTreeSet::new(), BTreeSet::new());
        for what in register.erasures_pending().flat_map(|(_, what)| what) {
            match what {
                ErasePlace::Item(item) => drop(items.insert((item.conversation, item.item))),
                ErasePlace::Conversation(number) => drop(conversations.insert(*number)),
            }
        }
        let mut missing = Self { entries: Vec::new(), bodies: 0 };
        let mut look = |index: Index, place: Place, bodies: u32| {
            let at = (place.conversation, place.item);
            let there = held.get(&at).copied().unwrap_or_default();
            // What a former succession gave up is not lost once more.
            let is_known = || register.body_given_up(index).is_some();
            let goes = || conversations.contains(&place.conversation) || items.contains(&at);
            if there < bodies && !goes() && !is_known() {
                missing.entries.push(index);
                missing.bodies += u64::from(bodies - there);
            }
        };
        for conversation in register.conversations() {
            let all = register.messages_of(conversation.number, 0..register.size());
            for message in all.filter(|message| !message.erased) {
                let place = Place { conversation: message.conversation, item: message.item };
                look(message.index, place, 1 + message.file.map_or(0, |file| file.chunks));
            }
        }
        books.titles_and_wraps(register).for_each(|(index, place, bodies)| look(index, place, bodies));
        missing
    }
}
