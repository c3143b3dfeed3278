//! What people do, told from their terminals.

use crate::world::World;
use journal::act::{Act, EraseTarget, Export, Precedence, Revoke, RevokeReason};
use journal::ids::{ConversationId, Index};
use pki::Suite;
use protocol::client::command::{NewGroup, NewPrivate, OtherAct, Send, SendFile};
use protocol::client::event::{Content, Eraser, MessageView};
use protocol::client::{Command, Error, Event, Reply, SecretBytes, SecretText};
use protocol::query::Query;

pub(crate) fn message(conversation: ConversationId, text: &str) -> Send {
    Send {
        conversation,
        text: SecretText::from(text),
        label: None,
        precedence: Precedence::Routine,
        must_acknowledge: false,
        reference: None,
    }
}

impl World {
    pub(crate) fn private(&mut self, from: &str, to: &str) -> ConversationId {
        let new = NewPrivate { person: self.id(to), ceiling: None, default_label: None };
        match self.ask(from, Command::NewPrivate(new)).unwrap() {
            Reply::Founded(id, _) => id,
            _ => panic!("not founded"),
        }
    }

    pub(crate) fn group(&mut self, from: &str, others: &[&str], title: &str) -> ConversationId {
        let people = others.iter().map(|login| self.id(login)).collect();
        let title = Some(SecretText::from(title));
        let new = NewGroup { title, people, ceiling: None, default_label: None };
        match self.ask(from, Command::NewGroup(new)).unwrap() {
            Reply::Founded(id, _) => id,
            _ => panic!("not founded"),
        }
    }

    pub(crate) fn say(&mut self, from: &str, id: ConversationId, text: &str) -> Index {
        match self.ask(from, Command::Send(message(id, text))) {
            Ok(Reply::Admitted(admitted)) => admitted.index,
            Ok(_) => panic!("not admitted"),
            Err(error) => panic!("{error}"),
        }
    }

    /// Sends `charts.pdf`.
    pub(crate) fn send_file(&mut self, from: &str, id: ConversationId, content: &[u8]) -> Index {
        let send = SendFile {
            message: message(id, "charts"),
            name: SecretText::from("charts.pdf"),
            bytes: content.len() as u64,
            media_type: Some("application/pdf".into()),
        };
        let command = self.tell(from, Command::SendFile(send));
        let (mut at, mut asked) = (0, 0);
        loop {
            let events = &self.terminals[from].events;
            let mut wanted = events.iter().filter_map(|event| match event {
                Event::ChunkWanted(of, _, bytes) if *of == command => Some(*bytes as usize),
                _ => None,
            });
            let Some(bytes) = wanted.nth(asked) else { break };
            asked += 1;
            let piece = SecretBytes::new(content[at..at + bytes].to_vec());
            at += bytes;
            self.ask(from, Command::FileChunk(command, piece)).unwrap();
        }
        let Some(Ok(Reply::Admitted(sent))) = self.result(from, command) else { panic!("not sent") };
        sent.index
    }

    pub(crate) fn views(&mut self, login: &str, id: ConversationId) -> Vec<MessageView> {
        match self.ask(login, Command::MessagesBefore(id, u64::MAX)).unwrap() {
            Reply::Messages(views, _) => views,
            _ => panic!("no messages"),
        }
    }

    /// What a person reads in a conversation.
    pub(crate) fn screen(&mut self, login: &str, id: ConversationId) -> Vec<String> {
        let views = self.views(login, id);
        views.into_iter().map(|view| shown(&view)).collect()
    }

    /// The messages pushed to a person since the last look.
    pub(crate) fn pushed(&mut self, login: &str) -> Vec<String> {
        let events = std::mem::take(&mut self.terminals.get_mut(login).unwrap().events);
        let shown = |event: &Event| match event {
            Event::Message(view) => Some(shown(view)),
            _ => None,
        };
        events.iter().filter_map(shown).collect()
    }
}

pub(crate) fn shown(view: &MessageView) -> String {
    match &view.content {
        Content::Text(text, None) => text.expose().to_owned(),
        Content::Text(text, Some(file)) => format!("{} [{}]", text.expose(), file.name.expose()),
        Content::Erased(by) => match by.by {
            Eraser::Person(person) | Eraser::Officers(_, person) => {
                format!("erased by {person}, #{}", by.index)
            }
            Eraser::Schedule => format!("erased by the schedule, #{}", by.index),
        },
        Content::NoKey(epoch) => format!("no key of epoch {epoch}"),
        Content::Missing => "missing!".to_owned(),
        Content::Ahead(index) => format!("ahead of this clock, #{index}"),
        Content::GivenUp(era) => format!("given up in era {era}"),
        Content::Unreadable(what) => format!("unreadable: {what:?}"),
    }
}

#[test]
fn a_first_login_demands_a_new_password_and_the_old_one_is_gone() {
    let mut world = World::new(1);
    world.arrive("anna");
    let ready = world.terminals["anna"].events.iter().find_map(|event| match event {
        Event::Ready(ready) => Some(ready.clone()),
        _ => None,
    });
    assert!(ready.unwrap().must_set_password);
    assert!(world.terminals["anna"].persisted >= 3, "Login, Welcome, SetPassword");
    world.cut("anna");
    world.connect("anna");
    assert!(matches!(world.log_in("anna", "one-time"), Err(Error::Refused { code: 2 })));
    world.cut("anna");
    world.reconnect("anna");
    assert!(world.terminals["anna"].client.is_ready());
}

#[test]
fn a_private_message_is_read_and_its_sender_knows() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let mut world = World::with(2, suite, journal::Policy::standard());
        ["anna", "boris"].iter().for_each(|login| world.arrive(login));
        let id = world.private("anna", "boris");
        let index = world.say("anna", id, "the lighthouse is dark");
        assert_eq!(world.pushed("boris"), ["the lighthouse is dark"]);
        world.say("boris", id, "then light it");
        assert_eq!(world.screen("anna", id), ["the lighthouse is dark", "then light it"]);
        world.ask("boris", Command::Read(id, index)).unwrap();
        let Reply::Status(readers) = world.ask("anna", Command::MessageStatus(id, index)).unwrap() else {
            panic!()
        };
        assert_eq!(readers.len(), 1);
        assert_eq!(readers[0].person, world.id("boris"));
        assert!(readers[0].delivered && readers[0].read.is_some() && readers[0].acknowledged.is_none());
        let first = readers[0].read.unwrap().index;
        let later = world.say("anna", id, "it burns");
        world.ask("boris", Command::Read(id, later)).unwrap();
        let read = |world: &mut World, index| match world.ask("anna", Command::MessageStatus(id, index)) {
            Ok(Reply::Status(readers)) => readers[0].read.unwrap().index,
            _ => panic!("no status"),
        };
        assert_eq!(read(&mut world, index), first, "what was read does not become read later");
        assert!(read(&mut world, later) > later);
        let again = world.ask(
            "anna",
            Command::NewPrivate(NewPrivate { person: world.id("boris"), ceiling: None, default_label: None }),
        );
        assert_eq!(again.err(), Some(Error::Exists { conversation: id }));
    }
}

#[test]
fn a_group_of_three_has_a_title_and_acknowledges() {
    let mut world = World::new(3);
    ["anna", "boris", "vera"].iter().for_each(|login| world.arrive(login));
    let id = world.group("anna", &["boris", "vera"], "the watch");
    let mut send = message(id, "man the boats");
    send.must_acknowledge = true;
    let Ok(Reply::Admitted(sent)) = world.ask("boris", Command::Send(send)) else { panic!() };
    world.ask("vera", Command::Acknowledge(sent.index)).unwrap();
    let Reply::Status(readers) = world.ask("boris", Command::MessageStatus(id, sent.index)).unwrap() else {
        panic!()
    };
    let vera = readers.iter().find(|reader| reader.person == world.id("vera")).unwrap();
    assert!(vera.acknowledged.is_some());
    let Reply::Conversation(view) = world.ask("vera", Command::Conversation(id)).unwrap() else { panic!() };
    assert_eq!(view.title.unwrap().expose(), "the watch");
    assert!(view.members.len() == 3 && view.members.iter().all(|member| member.joined));
    assert_eq!(view.owner, Some(world.id("anna")));
}

#[test]
fn a_file_arrives_as_it_was_sent() {
    let mut world = World::new(4);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let content: Vec<u8> = (0..700_000u32).map(|n| (n * 7) as u8).collect();
    let sent = world.send_file("anna", id, &content);
    assert_eq!(world.pushed("boris"), ["charts [charts.pdf]"]);
    let Reply::File(file) = world.ask("boris", Command::FetchFile(id, sent)).unwrap() else { panic!() };
    assert_eq!(file.bytes, content.len() as u64);
    let mut fetched = Vec::new();
    for event in &world.terminals["boris"].events {
        if let Event::FileChunk(_, _, piece) = event {
            fetched.extend_from_slice(piece.expose());
        }
    }
    assert!(fetched == content);
}

#[test]
fn an_erased_message_leaves_a_tombstone_and_a_closed_conversation_nothing() {
    let mut world = World::new(5);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let first = world.say("anna", id, "burn this");
    world.say("anna", id, "keep this");
    let target = EraseTarget::Messages(id, vec![first]);
    let Reply::Plan(plan) = world.ask("anna", Command::ErasePlan(target.clone())).unwrap() else { panic!() };
    assert!(plan.right && plan.messages.len() == 1 && plan.messages[0].author == world.id("anna"));
    let Reply::Plan(plan) = world.ask("boris", Command::ErasePlan(target.clone())).unwrap() else { panic!() };
    assert!(!plan.right);
    assert!(world.ask("boris", Command::Erase(target.clone())).is_err());
    let Reply::Admitted(erased) = world.ask("anna", Command::Erase(target)).unwrap() else { panic!() };
    let tombstone = format!("erased by {}, #{}", world.id("anna"), erased.index);
    assert_eq!(world.screen("boris", id), [tombstone.as_str(), "keep this"]);
    assert!(world.terminals["boris"].events.iter().any(|event| matches!(event, Event::ErasureDone(..))));
    let whole = EraseTarget::Conversation(id);
    let Reply::Plan(plan) = world.ask("boris", Command::ErasePlan(whole.clone())).unwrap() else { panic!() };
    assert!(plan.right && plan.whole && plan.messages.len() == 1);
    world.ask("boris", Command::Erase(whole)).unwrap();
    let gone = world.screen("anna", id);
    assert!(gone.iter().all(|line| line.starts_with("erased by")), "{gone:?}");
    assert!(world.ask("anna", Command::Send(message(id, "anyone?"))).is_err());
}

#[test]
fn a_joiner_sees_nothing_older_until_history_is_shared_and_who_is_removed_nothing_newer() {
    let mut world = World::new(6);
    ["anna", "boris", "vera"].iter().for_each(|login| world.arrive(login));
    let id = world.group("anna", &["boris"], "two");
    world.say("boris", id, "before vera");
    world.ask("anna", Command::Invite(id, world.id("vera"))).unwrap();
    world.say("boris", id, "after vera");
    assert_eq!(world.screen("vera", id), ["after vera"]);
    world.ask("anna", Command::ShareHistory(id, world.id("vera"))).unwrap();
    assert_eq!(world.screen("vera", id), ["before vera", "after vera"]);
    world.ask("anna", Command::Remove(id, world.id("boris"))).unwrap();
    world.pushed("boris");
    world.say("anna", id, "without boris");
    assert!(world.pushed("boris").is_empty());
    assert!(world.ask("boris", Command::MessagesBefore(id, u64::MAX)).is_err());
    assert_eq!(world.pushed("vera").last().unwrap(), "without boris");
    world.ask("vera", Command::Leave(id)).unwrap();
    world.say("anna", id, "alone");
    assert_eq!(world.screen("anna", id), ["before vera", "after vera", "without boris", "alone"]);
}

#[test]
fn what_was_said_while_away_is_there_on_return() {
    let mut world = World::new(7);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.cut("boris");
    world.say("anna", id, "one");
    world.reconnect("boris");
    assert_eq!(world.screen("boris", id), ["one"]);
    let Reply::Conversations(list) = world.ask("boris", Command::Conversations).unwrap() else { panic!() };
    assert!(list.len() == 1 && list[0].unread == 1 && list[0].id == id);
    world.say("boris", id, "two");
    assert_eq!(world.screen("anna", id), ["one", "two"]);
}

#[test]
fn many_messages_at_once_keep_their_order() {
    let mut world = World::new(8);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let texts: Vec<String> = (0..100).map(|n| format!("message {n}")).collect();
    let commands: Vec<_> =
        texts.iter().map(|text| world.tell("anna", Command::Send(message(id, text)))).collect();
    for command in commands {
        assert!(matches!(world.result("anna", command), Some(Ok(_))));
    }
    assert_eq!(world.pushed("boris"), texts);
}

#[test]
fn a_revoked_member_is_out_and_the_others_go_on_under_a_new_key() {
    let mut world = World::new(9);
    ["anna", "boris", "vera", "olga"].iter().for_each(|login| world.arrive(login));
    let id = world.group("anna", &["boris", "vera"], "three");
    world.say("anna", id, "all of us");
    let revoke =
        Revoke { person: world.id("boris"), reason: RevokeReason::KeyCompromise, note: String::new() };
    let act = OtherAct { act: Act::Revoke(revoke), staged: Vec::new(), verifiers: Vec::new() };
    world.ask("olga", Command::Act(Box::new(act))).unwrap();
    assert!(world.terminals["boris"].session.is_none(), "thrown out in mid-session");
    assert!(world.terminals["anna"].events.iter().any(|event| matches!(event, Event::Revoked(_))));
    world.say("vera", id, "without him");
    assert_eq!(world.screen("anna", id), ["all of us", "without him"]);
    let Reply::Conversation(view) = world.ask("anna", Command::Conversation(id)).unwrap() else { panic!() };
    assert!(view.members.len() == 2 && view.epoch == 2);
    // Whoever follows the conversation from its beginning comes to the same membership.
    let record = world.terminals["vera"].record.clone();
    world.cut("vera");
    world.terminal("vera", record, true);
    world.reconnect("vera");
    assert_eq!(world.screen("vera", id), ["all of us", "without him"]);
}

#[test]
fn a_renewed_key_is_shown_before_anything_is_wrapped_to_it() {
    let mut world = World::new(10);
    ["anna", "boris", "olga"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.say("anna", id, "to the old key");
    world.renew("boris");
    world.say("anna", id, "to the new key");
    let changed = world.terminals["anna"].events.iter().filter_map(|event| match event {
        Event::KeyChanged(person, before, after, _) => Some((*person, before != after)),
        _ => None,
    });
    assert_eq!(changed.collect::<Vec<_>>(), [(world.id("boris"), true)]);
}

#[test]
fn the_auditor_reads_entries_and_no_bodies() {
    let mut world = World::new(11);
    ["anna", "boris", "igor"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.say("anna", id, "not for igor");
    let export = Act::Export(Export { from: 0, to: world.entries.len() as u64 });
    let act = OtherAct { act: export, staged: Vec::new(), verifiers: Vec::new() };
    world.ask("igor", Command::Act(Box::new(act))).unwrap();
    let (mut from, mut seen) = (0, 0);
    loop {
        let Reply::Entries(entries, more) =
            world.ask("igor", Command::Ask(Query::Entries(from, 64))).unwrap()
        else {
            panic!()
        };
        for entry in &entries {
            assert_eq!(entry.entry.to_vec(), world.entries[entry.index as usize]);
        }
        seen += entries.len();
        from += 64;
        if !more && from as usize >= world.entries.len() {
            break;
        }
    }
    assert_eq!(seen, world.entries.len());
    assert!(world.ask("igor", Command::MessagesBefore(id, u64::MAX)).is_err());
}

#[test]
fn an_invitation_waits_for_the_first_login_and_the_new_password() {
    let mut world = World::new(12);
    world.arrive("anna");
    let id = world.private("anna", "boris");
    world.say("anna", id, "welcome");
    world.arrive("boris");
    world.say("boris", id, "thank you");
    assert_eq!(world.screen("anna", id), ["welcome", "thank you"]);
}

#[test]
fn who_wants_to_be_asked_is_asked() {
    let mut world = World::new(13);
    world.arrive("anna");
    world.terminal("boris", None, false);
    world.connect("boris");
    world.log_in("boris", "one-time").unwrap();
    world.ask("boris", Command::SetPassword(SecretText::from("own"))).unwrap();
    let id = world.private("anna", "boris");
    assert!(
        world.terminals["boris"].events.iter().any(|event| matches!(event, Event::Invited(of) if *of == id))
    );
    assert!(world.ask("boris", Command::Send(message(id, "too soon"))).is_err());
    world.ask("boris", Command::Accept(id)).unwrap();
    world.say("boris", id, "now");
    assert_eq!(world.screen("anna", id), ["now"]);
}

#[test]
fn two_who_speak_at_once_in_a_new_conversation_are_both_heard() {
    let mut world = World::new(14);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    // Both find that an epoch is due before either has made one.
    let wall_ms = world.now.wall_ms;
    for login in ["anna", "boris"] {
        let client = &mut world.terminals.get_mut(login).unwrap().client;
        client.command(5000, Command::Send(message(id, login)), wall_ms);
    }
    world.run();
    for login in ["anna", "boris"] {
        assert!(matches!(world.result(login, 5000), Some(Ok(_))), "{login}");
    }
    let mut screen = world.screen("anna", id);
    screen.sort();
    assert_eq!(screen, ["anna", "boris"]);
}
