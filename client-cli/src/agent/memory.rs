//! What the agent was last told of people, conversations and the policy: enough to know whom a message goes to, and to
//! show what is held, while the server is away.
//! Never on a disk, and never given for fresh: whoever gets it is told as of when it is.

use super::store::Store;
use journal::act::ConversationKind;
use journal::ids::{ConversationId, Index};
use pki::PersonId;
use protocol::answer::Answer;
use protocol::client::event::{ConversationView, MessageView, PersonView};
use protocol::client::{Command, Reply};
use protocol::query::Query;

/// See the module.
#[derive(Default)]
pub(crate) struct Memory {
    people: Option<Vec<PersonView>>,
    conversations: Option<Vec<ConversationView>>,
    policy: Option<Box<Answer>>,
}

impl Memory {
    /// Keeps what an answer says.
    pub(crate) fn keep(&mut self, reply: &Reply) {
        match reply {
            Reply::People(people) => self.people = Some(people.clone()),
            Reply::Conversations(all) => self.conversations = Some(all.clone()),
            Reply::Answer(answer) if matches!(**answer, Answer::Policy(..)) => {
                self.policy = Some(answer.clone());
            }
            Reply::Nothing
            | Reply::Admitted(_)
            | Reply::Conversation(_)
            | Reply::Messages(..)
            | Reply::Status(_)
            | Reply::Plan(_)
            | Reply::File(_)
            | Reply::Answer(_)
            | Reply::Entries(..)
            | Reply::Sessions(_)
            | Reply::Server(_)
            | Reply::Orders(..)
            | Reply::Alarms(_)
            | Reply::Document(_)
            | Reply::Found(..)
            | Reply::Founded(..) => {}
        }
    }

    /// A message came in.
    pub(crate) fn message(&mut self, message: &MessageView, me: PersonId) {
        if let Some(one) = self.one_mut(message.conversation)
            && message.index > one.last
        {
            one.last = message.index;
            // The server counted; a number of its that cannot be is not worth a fall.
            one.unread = one.unread.saturating_add(u64::from(message.author != me));
        }
    }

    /// One's own cursor moved.
    pub(crate) fn read(&mut self, of: ConversationId, up_to: Index, store: &Store, me: PersonId) {
        if let Some(one) = self.one_mut(of)
            && up_to > one.read
        {
            one.read = up_to;
            let behind = store.of(of).filter(|message| message.index > up_to && message.author != me);
            one.unread = behind.count() as u64;
        }
    }

    /// The whole of it was erased, and its title with it.
    pub(crate) fn forget_conversation(&mut self, of: ConversationId) {
        self.conversations.iter_mut().for_each(|all| all.retain(|one| one.id != of));
    }

    /// What is known of them came from entries that may be lost.
    pub(crate) fn forget_conversations(&mut self) {
        self.conversations = None;
    }

    fn one_mut(&mut self, of: ConversationId) -> Option<&mut ConversationView> {
        self.conversations.iter_mut().flatten().find(|one| one.id == of)
    }

    /// Whether [`Self::recall`] knows this kind of question at all.
    pub(crate) fn is_question(command: &Command) -> bool {
        matches!(
            command,
            Command::People
                | Command::Conversations
                | Command::Conversation(_)
                | Command::MessagesBefore(..)
                | Command::MessagesFrom(..)
                | Command::Ask(Query::Policy)
        )
    }

    /// The answer to a question as far as it is known here; `None` where only the server can say.
    pub(crate) fn recall(&self, command: &Command, store: &Store) -> Option<Reply> {
        if !Self::is_question(command) {
            return None;
        }
        if matches!(command, Command::People) {
            return self.people.clone().map(Reply::People);
        } else if matches!(command, Command::Conversations) {
            return self.conversations.clone().map(Reply::Conversations);
        } else if let Command::Conversation(of) = command {
            let one = self.conversations.iter().flatten().find(|one| one.id == *of);
            return one.cloned().map(|one| Reply::Conversation(Box::new(one)));
        } else if store.is_behind() && !matches!(command, Command::Ask(_)) {
            // What was erased meanwhile is not known yet.
            return None;
        } else if let Command::MessagesBefore(of, index) = command {
            let (page, more) = store.newest(*of, *index);
            return Some(Reply::Messages(page, more));
        } else if let Command::MessagesFrom(of, index) = command {
            let (page, more) = store.from(*of, *index);
            return Some(Reply::Messages(page, more));
        }
        self.policy.clone().map(Reply::Answer)
    }

    /// How a person is called in a list of what waits.
    pub(crate) fn login(&self, person: PersonId) -> Option<String> {
        let found = self.people.iter().flatten().find(|view| view.person == person);
        found.map(|view| format!("@{}", view.login))
    }

    /// Likewise a conversation.
    pub(crate) fn title(&self, of: ConversationId) -> Option<String> {
        let one = self.conversations.iter().flatten().find(|one| one.id == of)?;
        let title = one.title.as_ref().map(|title| title.expose()).filter(|title| !title.is_empty());
        match (one.with, title) {
            (Some(other), _) => self.login(other),
            (None, Some(title)) => Some(title.to_owned()),
            (None, None) => Some(format!("#{}", one.number)),
        }
    }
}

/// The open private conversation with a person, if there is one.
pub(crate) fn private_with(all: &[ConversationView], person: PersonId) -> Option<ConversationId> {
    let with = |one: &&ConversationView| {
        one.kind == ConversationKind::Private
            && one.closed.is_none()
            && one.members.iter().any(|member| member.person == person)
    };
    all.iter().find(with).map(|one| one.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::tests::{conversation_of, person};
    use journal::act::Precedence;
    use pki::Clearance;
    use protocol::client::SecretText;
    use protocol::client::event::Content;

    fn message(index: Index, conversation: u8, author: u64) -> MessageView {
        MessageView {
            index,
            conversation: ConversationId([conversation; 32]),
            author: PersonId(author),
            wall_ms: 0,
            time_ms: 0,
            label: Clearance(0),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            reference: None,
            content: Content::Text(SecretText::from("слово"), None),
            disclosed: Vec::new(),
        }
    }

    #[test]
    fn what_was_told_is_told_again() {
        let (mut memory, mut store) = (Memory::default(), Store::default());
        assert!(memory.recall(&Command::People, &store).is_none(), "never told");
        memory.keep(&Reply::People(vec![person(2, "boris", "Борис")]));
        memory.keep(&Reply::Conversations(vec![conversation_of(10, None, &[1, 2])]));
        for (index, author) in [(12, 2), (13, 1), (14, 2)] {
            store.hold(message(index, 10, author));
            memory.message(&message(index, 10, author), PersonId(1));
        }
        let of = ConversationId([10; 32]);
        let one = |memory: &Memory| match memory.recall(&Command::Conversations, &Store::default()) {
            Some(Reply::Conversations(all)) => (all[0].last, all[0].unread),
            _ => panic!("not told"),
        };
        assert_eq!(one(&memory), (14, 3), "one of before, and two more");
        memory.read(of, 12, &store, PersonId(1));
        assert_eq!(one(&memory), (14, 1));
        let Some(Reply::Messages(page, false)) = memory.recall(&Command::MessagesFrom(of, 13), &store) else {
            panic!("held");
        };
        assert_eq!(page.iter().map(|message| message.index).collect::<Vec<_>>(), [13, 14]);
        assert_eq!(memory.title(of).as_deref(), Some("@boris"));
        assert!(memory.recall(&Command::MessageStatus(of, 12), &store).is_none(), "only the server knows");
        memory.forget_conversation(of);
        assert_eq!(memory.title(of), None, "erased: neither listed nor found by its title");
        let mut endless = conversation_of(10, None, &[1, 2]);
        endless.unread = u64::MAX;
        memory.keep(&Reply::Conversations(vec![endless]));
        memory.message(&message(15, 10, 2), PersonId(1));
        assert_eq!(one(&memory), (15, u64::MAX), "a count that the server made up");
    }

    #[test]
    fn a_private_conversation_is_found_while_it_is_open() {
        let mut all = [conversation_of(10, None, &[1, 2]), conversation_of(20, Some("x"), &[1, 2, 3])];
        assert_eq!(private_with(&all, PersonId(2)), Some(all[0].id));
        assert_eq!(private_with(&all, PersonId(3)), None, "a group is none");
        all[0].closed = Some(30);
        assert_eq!(private_with(&all, PersonId(2)), None);
    }
}
