//! A message to a person with whom there may be no conversation yet: handed over in one piece, so that the text is safe
//! with the agent before anything is asked of the server. Look for the conversation, found it where there is none, send.
//! Never founds a second one beside a private conversation that the other side began meanwhile.

use super::memory::private_with;
use super::pending::{ConnectionId, For, MESSAGE, To};
use super::work::Work;
use journal::ids::ConversationId;
use link::terminal::now_ms;
use pki::PersonId;
use protocol::client::command::{NewPrivate, Send};
use protocol::client::{Command, CommandId, Reply};

/// How far it is; the command under way is the one of this step.
enum Step {
    Looking(Box<Send>),
    Founding(Box<Send>),
    Sending(ConversationId),
}

/// See the module.
pub(super) struct First {
    person: PersonId,
    step: Step,
}

/// What a reply to a command means.
pub(super) enum Outcome {
    /// It was no step of a first message: the reply is the command's own.
    Other(Reply),
    /// The next step is under way.
    GoesOn,
}

impl Work {
    /// Begins. The result is `Reply::Founded`: the conversation, and where the message stands.
    pub(super) fn send_to(&mut self, person: PersonId, send: Send, connection: ConnectionId) -> CommandId {
        let id = self.terminal.give(Command::Conversations);
        let to = Some(To::Person(person));
        self.pending.begin(id, For::Connection(connection), MESSAGE, to, now_ms());
        self.first.insert(id, First { person, step: Step::Looking(Box::new(send)) });
        id
    }

    /// A command has its reply.
    pub(super) fn first_step(&mut self, id: CommandId, reply: Reply) -> Outcome {
        let Some(First { person, step }) = self.first.remove(&id) else { return Outcome::Other(reply) };
        match (step, reply) {
            (Step::Looking(send), Reply::Conversations(all)) => match private_with(&all, person) {
                Some(there) => self.first_send(id, person, *send, there),
                None => {
                    let new = NewPrivate { person, ceiling: None, default_label: None };
                    let next = self.terminal.give(Command::NewPrivate(new));
                    self.next_step(id, next, First { person, step: Step::Founding(send) });
                }
            },
            (Step::Founding(send), Reply::Founded(there, _)) => self.first_send(id, person, *send, there),
            (Step::Sending(there), Reply::Admitted(admitted)) => {
                return Outcome::Other(Reply::Founded(there, admitted));
            }
            // The session answers each command with its own kind of reply; the text goes no further.
            (Step::Looking(_) | Step::Founding(_) | Step::Sending(_), reply) => return Outcome::Other(reply),
        }
        Outcome::GoesOn
    }

    fn first_send(&mut self, id: CommandId, person: PersonId, mut send: Send, there: ConversationId) {
        send.conversation = there;
        let next = self.terminal.give(Command::Send(send));
        self.next_step(id, next, First { person, step: Step::Sending(there) });
    }

    fn next_step(&mut self, id: CommandId, next: CommandId, first: First) {
        self.pending.renumber(id, next);
        self.patience.renumber(id, next);
        self.first.insert(next, first);
    }
}
