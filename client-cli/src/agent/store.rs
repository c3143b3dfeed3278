//! Messages that the agent holds in memory, for `search` and to find a message's conversation by its number.
//! Never on a disk, bounded, and wiped when dropped: texts wipe themselves.

use journal::ids::{ConversationId, Index};
use protocol::client::event::{Content, MessageView, RunView};
use std::collections::BTreeMap;

/// Most messages that are held.
pub(crate) const HELD_MAX: usize = 50_000;
/// Most bytes of texts that are held.
pub(crate) const HELD_BYTES_MAX: usize = 64 << 20;
/// Most messages that one search shows.
pub(crate) const FOUND_MAX: usize = 200;
/// Most bytes of texts in one answer.
const FOUND_BYTES_MAX: usize = 2 << 20;

/// By index: an index is unique in the journal. The oldest are let go first.
#[derive(Default)]
pub(crate) struct Store {
    messages: BTreeMap<Index, MessageView>,
    bytes: usize,
    /// Something may have been erased that nobody has asked for yet: nothing is given out until then.
    behind: bool,
}

fn weight(message: &MessageView) -> usize {
    match &message.content {
        Content::Text(text, file) => {
            text.expose().len() + file.as_ref().map_or(0, |file| file.name.expose().len())
        }
        Content::Erased(_)
        | Content::NoKey(_)
        | Content::Missing
        | Content::Unreadable(_)
        | Content::Ahead(_)
        | Content::GivenUp(_) => 0,
    }
}

impl Store {
    /// Entries from `kept` on are lost, of a log of which this terminal had seen `seen`. Where it had seen more than is kept,
    /// the session holds nothing more and asks for no erasure of what it held: so nothing of it stays here either, and all
    /// is fetched again.
    pub(crate) fn succeed(&mut self, kept: Index, seen: u64) {
        if seen > kept {
            self.let_go();
        }
    }

    /// Something was erased of which it is not known yet what: nothing stays, and what is asked for from here on is what the
    /// server still gives.
    pub(crate) fn let_go(&mut self) {
        self.drop_where(|_| true);
    }

    /// Holds a message, as it is known now.
    pub(crate) fn hold(&mut self, message: MessageView) {
        self.bytes += weight(&message);
        if let Some(old) = self.messages.insert(message.index, message) {
            self.bytes -= weight(&old);
        }
        while self.messages.len() > HELD_MAX || self.bytes > HELD_BYTES_MAX {
            match self.messages.pop_first() {
                Some((_, oldest)) => self.bytes -= weight(&oldest),
                None => return,
            }
        }
    }

    /// Whether what was erased meanwhile is still to be asked for.
    pub(crate) fn set_behind(&mut self, behind: bool) {
        self.behind = behind;
    }

    /// See [`Self::set_behind`].
    pub(crate) fn is_behind(&self) -> bool {
        self.behind
    }

    fn given(&self) -> impl DoubleEndedIterator<Item = &MessageView> {
        self.messages.values().filter(|_| !self.behind)
    }

    /// Drops what was erased: these messages, or, where none is named, the whole conversation.
    pub(crate) fn erase(&mut self, conversation: ConversationId, indices: &[Index]) {
        self.drop_where(|message| {
            message.conversation == conversation && (indices.is_empty() || indices.contains(&message.index))
        });
    }

    /// Drops what a run of the retention schedule may have let fall. What a hold kept is asked for again.
    pub(crate) fn fall(&mut self, run: &RunView) {
        self.drop_where(|message| {
            message.index < run.index && run.takes(None, message.label, message.wall_ms)
        });
    }

    fn drop_where(&mut self, goes: impl Fn(&MessageView) -> bool) {
        let bytes = &mut self.bytes;
        self.messages.retain(|_, message| {
            let stays = !goes(message);
            if !stays {
                *bytes -= weight(message);
            }
            stays
        });
    }

    /// The message at an index.
    pub(crate) fn get(&self, index: Index) -> Option<&MessageView> {
        self.messages.get(&index).filter(|_| !self.behind)
    }

    /// What is held of a conversation, ascending.
    pub(crate) fn of(&self, of: ConversationId) -> impl DoubleEndedIterator<Item = &MessageView> {
        self.given().filter(move |message| message.conversation == of)
    }

    /// A page of the newest before an index, ascending, and whether there are older ones.
    pub(crate) fn newest(&self, of: ConversationId, before: Index) -> (Vec<MessageView>, bool) {
        let (mut page, more) = page(self.of(of).rev().filter(|message| message.index < before));
        page.reverse();
        (page, more)
    }

    /// A page at or above an index, ascending, and whether there are newer ones.
    pub(crate) fn from(&self, of: ConversationId, from: Index) -> (Vec<MessageView>, bool) {
        page(self.of(of).filter(|message| message.index >= from))
    }

    /// How many are held.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The newest messages with every word of the query, ascending, and whether there are more.
    pub(crate) fn search(&self, query: &str) -> (Vec<MessageView>, bool) {
        let (mut found, mut bytes, mut more) = (Vec::new(), 0, false);
        for message in self.given().rev() {
            let Content::Text(text, file) = &message.content else { continue };
            let name = file.as_ref().map_or("", |file| file.name.expose());
            if !console::matches(query, text.expose()) && !console::matches(query, name) {
                continue;
            }
            bytes += weight(message);
            if found.len() == FOUND_MAX || bytes > FOUND_BYTES_MAX {
                more = true;
                break;
            }
            found.push(message.clone());
        }
        found.reverse();
        (found, more)
    }
}

/// As many as fit one answer.
fn page<'a>(messages: impl Iterator<Item = &'a MessageView>) -> (Vec<MessageView>, bool) {
    let (mut page, mut bytes) = (Vec::new(), 0);
    for message in messages {
        bytes += weight(message);
        if page.len() == FOUND_MAX || bytes > FOUND_BYTES_MAX {
            return (page, true);
        }
        page.push(message.clone());
    }
    (page, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::act::Precedence;
    use pki::{Clearance, PersonId};
    use protocol::client::SecretText;

    fn message(index: Index, conversation: u8, text: &str) -> MessageView {
        MessageView {
            index,
            conversation: ConversationId([conversation; 32]),
            author: PersonId(1),
            wall_ms: 0,
            time_ms: 0,
            label: Clearance(0),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            reference: None,
            content: Content::Text(SecretText::from(text), None),
            disclosed: Vec::new(),
        }
    }

    #[test]
    fn what_falls_by_the_schedule_is_gone() {
        use journal::retention::{DAY_MS, Retention, RetentionRule};
        let mut store = Store::default();
        for index in 1..=3 {
            store.hold(MessageView { wall_ms: index * DAY_MS, ..message(index, 1, "слово") });
        }
        let rules = vec![RetentionRule { kind: None, label: None, keep_days: 2 }];
        let schedule = Retention { rules, minute: 0 };
        store.fall(&RunView { index: 9, wall_ms: 5 * DAY_MS, schedule: schedule.clone() });
        assert_eq!(found(&store, "слово"), [3]);
        store.fall(&RunView { index: 3, wall_ms: 50 * DAY_MS, schedule });
        assert_eq!(found(&store, "слово"), [3], "not what came after it");
    }

    #[test]
    fn what_a_succession_may_have_let_fall_is_held_by_nobody() {
        let mut store = Store::default();
        (1..=9).for_each(|index| store.hold(message(index, 1, "слово")));
        store.succeed(10, 10);
        assert_eq!(store.len(), 9, "nothing that was seen here is lost");
        store.succeed(7, 10);
        assert_eq!((store.len(), store.bytes), (0, 0), "also what is kept may have been erased since");
    }

    fn found(store: &Store, query: &str) -> Vec<Index> {
        store.search(query).0.iter().map(|message| message.index).collect()
    }

    #[test]
    fn search_forgives_case_and_yo() {
        let mut store = Store::default();
        store.hold(message(7, 1, "Ёлка стоит у штаба"));
        store.hold(message(9, 2, "елку убрали"));
        assert_eq!(found(&store, "ёлк"), [7, 9]);
        assert_eq!(found(&store, "ШТАБ елка"), [7]);
        assert_eq!(found(&store, "маяк"), [0; 0]);
    }

    #[test]
    fn what_is_erased_is_gone() {
        let mut store = Store::default();
        for index in 1..=4 {
            store.hold(message(index, (index % 2) as u8, "слово"));
        }
        store.erase(ConversationId([1; 32]), &[1, 2]);
        assert_eq!(found(&store, "слово"), [2, 3, 4]);
        store.erase(ConversationId([0; 32]), &[]);
        assert_eq!(found(&store, "слово"), [3]);
        assert_eq!(store.bytes, "слово".len());
    }

    #[test]
    fn nothing_is_given_out_before_it_is_known_what_was_erased_meanwhile() {
        let mut store = Store::default();
        store.hold(message(7, 1, "слово"));
        store.set_behind(true);
        store.hold(message(8, 1, "слово"));
        assert_eq!(found(&store, "слово"), [0; 0]);
        assert!(store.get(7).is_none() && store.of(ConversationId([1; 32])).next().is_none());
        store.erase(ConversationId([1; 32]), &[7]);
        store.set_behind(false);
        assert_eq!(found(&store, "слово"), [8]);
    }

    #[test]
    fn an_erasure_ahead_of_this_clock_takes_every_copy_and_shuts_nothing() {
        let mut store = Store::default();
        (1..=9).for_each(|index| store.hold(message(index, 1, "слово")));
        store.set_behind(true);
        store.let_go();
        store.set_behind(false);
        assert_eq!((store.len(), store.bytes), (0, 0));
        store.hold(message(5, 1, "слово"));
        assert_eq!(found(&store, "слово"), [5], "asked for again");
    }

    #[test]
    fn the_oldest_are_let_go() {
        let mut store = Store::default();
        let text = "x".repeat(60 * 1024);
        for index in 0..2000 {
            store.hold(message(index, 1, &text));
        }
        assert!(store.bytes <= HELD_BYTES_MAX && store.get(0).is_none() && store.get(1999).is_some());
        assert!(store.search("x").1, "more than fits one answer");
    }
}
