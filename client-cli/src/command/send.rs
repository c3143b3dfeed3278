//! `conclave send`: a message, its text from standard input or typed.
//! Never takes the text as an argument, where other processes would see it.

use crate::Here;
use crate::args::{Marks, PrecedenceName, Send as Args};
use crate::names::{self, Names};
use crate::reach::Line;
use crate::trouble::Trouble;
use console::{Exit, read_text};
use journal::act::Precedence;
use journal::ids::ConversationId;
use protocol::answer::Standing;
use protocol::client::command::{NewPrivate, Send};
use protocol::client::event::Admitted;
use protocol::client::{Command, Reply, SecretText};
use protocol::seal::text::TEXT_BYTES_MAX;
use serde::Serialize;
use std::io::{IsTerminal, stdin};

console::words! {
    enum Said {
        Type => en("type the text; a line with a single dot ends it"),
                ru("введите текст; строка с одной точкой завершает его");
        Done { to: String, index: u64 } => en("sent to {to}: #{index}"), ru("отправлено: {to}, № {index}");
    }
}

#[derive(Serialize)]
struct Data {
    index: u64,
    conversation: String,
    time: String,
}

pub(super) fn run(args: Args, here: Here) -> Result<Exit, Trouble> {
    if !args.text.is_empty() {
        return Err(Trouble::say(
            Exit::Usage,
            "text-as-argument",
            "the text is not written into the command, where others can see it: type it after Enter, or pipe it: \
             echo … | conclave send WHO",
            "текст не пишут в самой команде, где его видят другие: наберите его после Enter или передайте так: \
             echo … | conclave send КОМУ",
        ));
    }
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    // Whether it can go at all is found out before anybody types a text.
    let to = Target::find(&mut line, &names, &args.to, &here)?;
    let mut send = message(&args.marks, &names)?;
    let text = text(&here)?;
    if text.expose().trim().is_empty() {
        return Err(Trouble::say(Exit::No, "empty", "there is nothing to send", "нечего отправлять"));
    }
    send.text = text;
    // One request hands the text to the agent: from here on it is not lost with this command.
    let (conversation, admitted) = match (to.there, to.new) {
        (Some(there), _) => {
            send.conversation = there;
            let reply = line.run(Command::Send(send))?;
            let Reply::Admitted(admitted) = reply else { return Err(Trouble::odd_answer()) };
            (there, admitted)
        }
        (None, Some(person)) => {
            let reply = line.send_to(person, send)?;
            let Reply::Founded(there, admitted) = reply else { return Err(Trouble::odd_answer()) };
            (there, admitted)
        }
        (None, None) => return Err(Trouble::odd_answer()),
    };
    Ok(sent(&here, "send", to.title, conversation, &admitted))
}

pub(super) fn sent(
    here: &Here,
    command: &str,
    to: String,
    conversation: ConversationId,
    admitted: &Admitted,
) -> Exit {
    let time = console::when::rfc3339(admitted.wall_ms);
    let data = Data { index: admitted.index, conversation: conversation.to_string(), time };
    here.voice.done(command, &Said::Done { to, index: admitted.index }, data)
}

/// Where a message goes: a conversation that is there, or a private one that is founded with its first message.
pub(super) struct Target {
    there: Option<ConversationId>,
    new: Option<pki::PersonId>,
    pub(super) title: String,
}

impl Target {
    pub(super) fn find(line: &mut Line, names: &Names, typed: &str, here: &Here) -> Result<Self, Trouble> {
        let all = names::conversations(line)?;
        let lang = here.voice.lang;
        match names::conversation(&all, names, typed) {
            Ok(one) => match names.gone(one) {
                // Alone in it one would write to nobody.
                Some(gone) => Self::first(names, gone, lang),
                None => Ok(Self { there: Some(one.id), new: None, title: names.title(one, lang) }),
            },
            Err(_) if typed.starts_with('@') => {
                let person = names.person(typed)?;
                if person == names.me() {
                    return Err(Trouble::say(
                        Exit::No,
                        "to-oneself",
                        "there is no conversation with oneself",
                        "беседы с самим собой не бывает",
                    ));
                }
                Self::first(names, person, lang)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// The first message to a person.
    fn first(names: &Names, person: pki::PersonId, lang: console::Lang) -> Result<Self, Trouble> {
        if names.view(person).is_some_and(|view| view.standing == Standing::Revoked) {
            return Err(Trouble::cannot_receive(&format!("@{}", names.login(person))));
        }
        Ok(Self { there: None, new: Some(person), title: names.full(person, lang) })
    }

    pub(super) fn conversation(&self, line: &mut Line) -> Result<ConversationId, Trouble> {
        match (self.there, self.new) {
            (Some(there), _) => Ok(there),
            (None, Some(person)) => {
                found_private(line, NewPrivate { person, ceiling: None, default_label: None })
            }
            (None, None) => Err(Trouble::odd_answer()),
        }
    }
}

fn found_private(line: &mut Line, new: NewPrivate) -> Result<ConversationId, Trouble> {
    let Reply::Founded(conversation, _) = line.run(Command::NewPrivate(new))? else {
        return Err(Trouble::odd_answer());
    };
    Ok(conversation)
}

/// The text: typed where a person sits there, else all of standard input.
pub(super) fn text(here: &Here) -> Result<SecretText, Trouble> {
    let typed = stdin().is_terminal();
    if typed {
        here.voice.remark(&Said::Type);
    }
    Ok(SecretText::new(read_text(&mut stdin().lock(), typed, TEXT_BYTES_MAX)?))
}

/// A message with its marks; where it goes and what it says is put in later.
pub(super) fn message(marks: &Marks, names: &Names) -> Result<Send, Trouble> {
    Ok(Send {
        conversation: ConversationId::ZERO,
        text: SecretText::default(),
        label: marks.label.as_deref().map(|typed| names.label(typed)).transpose()?,
        precedence: match marks.precedence {
            PrecedenceName::Routine => Precedence::Routine,
            PrecedenceName::Priority => Precedence::Priority,
            PrecedenceName::Immediate => Precedence::Immediate,
            PrecedenceName::Flash => Precedence::Flash,
        },
        must_acknowledge: marks.must_ack,
        reference: marks.reply.as_deref().map(names::number).transpose()?,
    })
}
