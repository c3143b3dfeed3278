//! `conclave conv new`: founds a group or a private conversation.
//! Never takes a title as an argument: titles are texts, sealed like messages.

use crate::Here;
use crate::args::ConvNew;
use crate::names::Names;
use crate::reach::Line;
use crate::trouble::Trouble;
use console::{Exit, clean, read_text};
use protocol::client::command::{NewGroup, NewPrivate};
use protocol::client::event::ConversationView;
use protocol::client::{Command, Reply, SecretText};
use protocol::seal::text::TITLE_BYTES_MAX;
use serde::Serialize;
use std::io::{BufRead, IsTerminal, Read, stdin};

console::words! {
    enum Said {
        Title => en("title of the group:"), ru("название группы:");
        Done { title: String, index: u64 } => en("founded: {title} (#{index})"), ru("создано: {title} (#{index})");
        Top { label: String, by: String }
            => en("labels up to: {label}, because of {by}"), ru("грифы до: {label}, из-за {by}");
    }
}

#[derive(Serialize)]
struct Data {
    conversation: String,
    number: u64,
}

pub(super) fn run(args: ConvNew, here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let people: Result<Vec<_>, _> = args.people.iter().map(|typed| names.person(typed)).collect();
    let people = people?;
    let label = |typed: &Option<String>| typed.as_deref().map(|typed| names.label(typed)).transpose();
    let (ceiling, default_label) = (label(&args.ceiling)?, label(&args.default_label)?);
    let (command, title) = match (args.private, &people[..]) {
        (true, [person]) => {
            let new = NewPrivate { person: *person, ceiling, default_label };
            (Command::NewPrivate(new), names.full(*person, here.voice.lang))
        }
        (true, _) => {
            return Err(Trouble::say(
                Exit::Usage,
                "private-is-for-two",
                "a private conversation is with one person",
                "личная беседа бывает с одним человеком",
            ));
        }
        (false, _) => {
            let title = if args.untitled { None } else { Some(read_title(&here)?) };
            let shown = title.as_ref().map_or_else(String::new, |title| clean(title.expose()));
            (Command::NewGroup(NewGroup { title, people, ceiling, default_label }), shown)
        }
    };
    let Reply::Founded(conversation, admitted) = line.run(command)? else {
        return Err(Trouble::odd_answer());
    };
    let number = admitted.index;
    if ceiling.is_none()
        && let Reply::Conversation(view) = line.run(Command::Conversation(conversation))?
    {
        tell_top(&view, &names, &here);
    }
    let data = Data { conversation: conversation.to_string(), number };
    Ok(here.voice.done("conv new", &Said::Done { title, index: number }, data))
}

/// Whoever is cleared for least sets the highest label: said where that is less than one's own clearance.
fn tell_top(view: &ConversationView, names: &Names, here: &Here) {
    let invited = view.members.iter().map(|member| member.person);
    let lowest = invited.filter_map(|person| names.view(person)).min_by_key(|person| person.clearance);
    let own = names.view(names.me()).map(|me| me.clearance);
    if let Some(lowest) = lowest
        && own.is_some_and(|own| view.ceiling < own)
    {
        let label = names.label_name(view.ceiling, here.voice.lang);
        here.voice.remark(&Said::Top { label, by: format!("@{}", clean(&lowest.login)) });
    }
}

/// One line.
fn read_title(here: &Here) -> Result<SecretText, Trouble> {
    if stdin().is_terminal() {
        here.voice.remark(&Said::Title);
    }
    let mut line = String::new();
    let read = stdin().lock().take(4 * TITLE_BYTES_MAX as u64).read_line(&mut line);
    read.map_err(|error| Trouble::from(console::PromptError::Io(error)))?;
    let title = read_text(&mut line.trim_end().as_bytes(), false, TITLE_BYTES_MAX)?;
    match title.is_empty() {
        false => Ok(SecretText::new(title)),
        true => Err(Trouble::say(
            Exit::No,
            "no-title",
            "a group has a title; --untitled founds one without",
            "у группы есть название; без него создаёт --untitled",
        )),
    }
}
