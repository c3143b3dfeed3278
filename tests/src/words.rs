//! The words in which tests tell their stories. Everything here is calm: it waits until nothing moves.

use crate::judge::{Audit, Log};
use crate::terminal::Told;
use crate::world::World;
use journal::act::{EraseTarget, Precedence};
use journal::ids::{ConversationId, Index, StatementId};
use pki::PersonId;
use protocol::client::command::{NewGroup, NewPrivate, Send, SendFile};
use protocol::client::event::{Content, MessageView};
use protocol::client::{Command, CommandId, Error, Reply, SecretText};

/// That an act is in the log, by the terminal's own reckoning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Where.
    pub index: Index,
    /// Which statement.
    pub id: StatementId,
}

impl Receipt {
    /// Whether the log holds it there.
    pub fn is_in(&self, log: &Log) -> bool {
        log.statement(self.index).is_some_and(|(id, _)| id == self.id)
    }
}

/// A plain message.
pub fn message(conversation: ConversationId, text: &str) -> Send {
    Send {
        conversation,
        text: SecretText::from(text),
        label: None,
        precedence: Precedence::Routine,
        must_acknowledge: false,
        reference: None,
    }
}

/// The command that sends it.
pub fn send(conversation: ConversationId, text: &str) -> Command {
    Command::Send(message(conversation, text))
}

/// A message with a file.
pub fn send_file(conversation: ConversationId, text: &str, bytes: u64) -> Command {
    let name = SecretText::from("chart.pdf");
    Command::SendFile(SendFile { message: message(conversation, text), name, bytes, media_type: None })
}

/// What a person sees of a message.
pub fn line(view: &MessageView) -> String {
    match &view.content {
        Content::Text(text, _) => text.expose().to_owned(),
        Content::Erased(_) => "erased".into(),
        Content::NoKey(_) => "no key".into(),
        Content::Missing => "missing!".into(),
        Content::Ahead(_) => "ahead of the clock".into(),
        Content::GivenUp(era) => format!("given up in era {era}"),
        Content::Unreadable(what) => format!("unreadable: {what:?}"),
    }
}

impl World {
    /// Who has this login.
    pub fn id(&self, login: &str) -> PersonId {
        self.site.id(login)
    }

    /// Tells a terminal something and waits for what comes of it.
    pub fn ask(&mut self, login: &str, command: Command) -> Result<Reply, Error> {
        let id = self.tell(login, command, Told::Other);
        self.run();
        self.result(login, id).expect("a command has a result")
    }

    /// The result of a command, if it is there.
    pub fn result(&mut self, login: &str, id: CommandId) -> Option<Result<Reply, Error>> {
        self.terminal(login).results.remove(&id)
    }

    /// The private conversation of two; founded when there is none.
    pub fn private(&mut self, from: &str, to: &str) -> ConversationId {
        let mut pair = [from.to_owned(), to.to_owned()];
        pair.sort();
        let [first, second] = pair;
        if let Some(id) = self.privates.get(&(first.clone(), second.clone())) {
            return *id;
        }
        let new = NewPrivate { person: self.id(to), ceiling: None, default_label: None };
        let id = match self.ask(from, Command::NewPrivate(new)) {
            Ok(Reply::Founded(id, _)) => id,
            Err(Error::Exists { conversation }) => conversation,
            _ => panic!("no private conversation"),
        };
        self.privates.insert((first, second), id);
        id
    }

    /// Founds a group.
    pub fn group(&mut self, owner: &str, others: &[&str]) -> ConversationId {
        let people = others.iter().map(|login| self.id(login)).collect();
        let new = NewGroup { title: None, people, ceiling: None, default_label: None };
        match self.ask(owner, Command::NewGroup(new)) {
            Ok(Reply::Founded(id, _)) => id,
            _ => panic!("no group"),
        }
    }

    /// One tells another something.
    pub fn say(&mut self, from: &str, to: &str, text: &str) -> Receipt {
        let id = self.private(from, to);
        self.say_in(from, id, text).expect("admitted")
    }

    /// One tells a conversation something.
    pub fn say_in(&mut self, from: &str, id: ConversationId, text: &str) -> Result<Receipt, Error> {
        let command = self.tell(from, send(id, text), Told::Send(id, text.into()));
        self.run();
        match self.result(from, command).expect("a command has a result")? {
            Reply::Admitted(admitted) => Ok(Receipt { index: admitted.index, id: admitted.id }),
            _ => panic!("a message is admitted or not"),
        }
    }

    /// Erases a message.
    pub fn erase(&mut self, who: &str, id: ConversationId, index: Index) -> Result<Receipt, Error> {
        match self.ask(who, Command::Erase(EraseTarget::Messages(id, vec![index])))? {
            Reply::Admitted(admitted) => Ok(Receipt { index: admitted.index, id: admitted.id }),
            _ => panic!("an erasure is admitted or not"),
        }
    }

    /// So many more small steps, then the power is cut.
    pub fn crash_after(&mut self, steps: usize) {
        (0..steps).for_each(|_| self.storm_step());
        self.crash();
    }

    /// Every message of a conversation as a person reads it: where, and what.
    pub fn read(&mut self, login: &str, id: ConversationId) -> Result<Vec<(Index, String)>, Error> {
        let (mut lines, mut before) = (Vec::new(), u64::MAX);
        loop {
            let Reply::Messages(views, more) = self.ask(login, Command::MessagesBefore(id, before))? else {
                panic!("messages were asked for")
            };
            let mut page: Vec<_> = views.iter().map(|view| (view.index, line(view))).collect();
            page.append(&mut lines);
            lines = page;
            match lines.first() {
                Some((first, _)) if more => before = *first,
                Some(_) | None => return Ok(lines),
            }
        }
    }

    /// A person's conversations.
    pub fn conversations(&mut self, login: &str) -> Vec<ConversationId> {
        let Ok(Reply::Conversations(views)) = self.ask(login, Command::Conversations) else {
            panic!("conversations were asked for")
        };
        views.iter().map(|view| view.id).collect()
    }

    /// Everything a person reads, in the order of the log.
    pub fn screen(&mut self, login: &str) -> Vec<String> {
        self.run();
        let ids = self.conversations(login);
        let mut all: Vec<_> = ids.into_iter().flat_map(|id| self.read(login, id).unwrap()).collect();
        all.sort();
        all.into_iter().map(|(_, text)| text).collect()
    }

    /// What the journal holds.
    pub fn log(&mut self) -> Log {
        self.run();
        Log::of(&self.server.as_ref().expect("the server lives").store)
    }

    /// The auditor replays the journal.
    pub fn audit(&mut self) -> Audit {
        let log = self.log();
        Audit::of(self, &log)
    }
}
