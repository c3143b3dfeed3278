//! A server that hides one act of a conversation, or admits what its rules refuse; and members who share nonsense, or
//! lost what they had.

use crate::stories::message;
use crate::world::World;
use journal::act::{Act, EraseTarget};
use journal::entry::{Content, Entry};
use journal::ids::{ConversationId, Index};
use pki::PersonId;
use protocol::answer::{Answer, Page};
use protocol::client::{Command, Error, Event, What};
use protocol::frame::ToTerminal;

const MEMBERSHIP: Error = Error::NotVerified { what: What::Membership };

/// Boris' group with anna and vera, who have heard him.
fn three(number: u64) -> (World, ConversationId) {
    let mut world = World::new(number);
    ["anna", "boris", "vera", "olga"].iter().for_each(|login| world.arrive(login));
    let id = world.group("boris", &["anna", "vera"], "three");
    world.say("boris", id, "of boris");
    for login in ["anna", "vera"] {
        assert_eq!(world.screen(login, id), ["of boris"]);
    }
    (world, id)
}

impl World {
    /// To that terminal, the newest act of this kind is in no page of acts from now on. The proof of what is left holds.
    fn hide(&mut self, from: &'static str, kind: fn(&Act) -> bool) -> Index {
        let is = |entry: &Vec<u8>| match Entry::decode(entry).unwrap().content {
            Content::Statement(signed) => kind(signed.parse().unwrap().act()),
            Content::Fact(_) => false,
        };
        let hidden = self.entries.iter().rposition(is).unwrap() as Index;
        let tree = self.tree.clone();
        self.tamper = Some(Box::new(move |login, frame| match frame {
            ToTerminal::Answer(mut answer) if login == from => {
                if let Answer::Acts(page) = &mut answer.answer {
                    page.entries.retain(|entry| entry.index != hidden);
                    let indices: Vec<_> = page.entries.iter().map(|entry| entry.index).collect();
                    let size = size(page);
                    page.proof = tree.borrow().prover(size).unwrap().multi_proof(&indices).unwrap();
                }
                Some(ToTerminal::Answer(answer))
            }
            other => Some(other),
        }));
        hidden
    }

    fn bad_wraps(&self, login: &str) -> Vec<PersonId> {
        let of = |event: &Event| match event {
            Event::BadWrap(_, _, person) => Some(*person),
            _ => None,
        };
        self.terminals[login].events.iter().filter_map(of).collect()
    }

    /// A terminal that starts over with what is on it: nothing of a conversation is known any more.
    fn afresh(&mut self, login: &str) {
        let record = self.terminals[login].record.clone();
        self.cut(login);
        self.terminal(login, record, true);
        self.connect(login);
        self.log_in(login, "own").unwrap();
    }
}

/// The second line of the page's note.
fn size(page: &Page) -> u64 {
    let note = String::from_utf8(page.note.to_vec()).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_act_that_contradicts_the_membership_is_never_worked_past() {
    let (mut world, id) = three(80);
    world.cut("anna");
    let vera = world.id("vera");
    world.ask("boris", Command::Remove(id, vera)).unwrap();
    world.say("boris", id, "without vera");
    world.hide("anna", |act| matches!(act, Act::Remove(_)));
    world.reconnect("anna");
    // The epoch behind the hidden removal does not fit; asking once more does not make it fit.
    for _ in 0..3 {
        let sent = world.ask("anna", Command::Send(message(id, "to whom?")));
        assert_eq!(sent.err(), Some(MEMBERSHIP));
    }
    world.tamper = None;
    world.say("anna", id, "now to boris");
    assert_eq!(world.screen("boris", id), ["of boris", "without vera", "now to boris"]);
}

#[test]
fn what_somebody_says_who_had_not_joined_is_not_shown() {
    let (mut world, id) = three(81);
    world.say("vera", id, "of vera");
    world.hide("anna", |act| matches!(act, Act::Accept(_)));
    world.afresh("anna");
    let who = world.views("anna", id);
    let hidden = who
        .iter()
        .filter(|view| view.content == protocol::client::event::Content::Unreadable(What::Membership));
    let authors: Vec<_> = hidden.map(|view| view.author).collect();
    // Vera was the last of the two to accept.
    assert_eq!(authors, [world.id("vera")]);
    world.tamper = None;
    world.afresh("anna");
    assert_eq!(world.screen("anna", id), ["of boris", "of vera"]);
}

#[test]
fn nonsense_that_one_member_shared_does_not_stand_before_what_another_shares() {
    let (mut world, id) = three(82);
    world.ask("boris", Command::Remove(id, world.id("vera"))).unwrap();
    world.say("boris", id, "before vera came back");
    world.ask("boris", Command::Invite(id, world.id("vera"))).unwrap();
    world.say("boris", id, "vera is back");
    assert_eq!(world.screen("vera", id).last().unwrap(), "vera is back");
    let (boris, vera) = (world.id("boris"), world.id("vera"));
    world.ask("boris", Command::ShareHistory(id, vera)).unwrap();
    // As if boris had wrapped nonsense.
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Answer(mut answer) if login == "vera" => {
            if let Answer::Wrap(chunk) = &mut answer.answer {
                let mut bytes = chunk.to_vec();
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                *chunk = bytes.into();
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    world.terminals.get_mut("vera").unwrap().events.clear();
    assert!(!world.screen("vera", id).contains(&"before vera came back".to_owned()));
    assert_eq!(world.bad_wraps("vera"), [boris]);
    world.tamper = None;
    // The acts say that vera reads everything; anna gives it to her all the same.
    world.ask("anna", Command::ShareHistory(id, vera)).unwrap();
    assert_eq!(world.screen("vera", id), ["of boris", "before vera came back", "vera is back"]);
    assert_eq!(world.bad_wraps("vera"), [boris], "said once");
}

#[test]
fn who_lost_a_credential_accuses_nobody_and_is_given_the_history() {
    let (mut world, id) = three(83);
    let vera = world.id("vera");
    let before = world.entries.len();
    world.cut("vera");
    let _lost = world.renew("vera");
    world.terminal("vera", None, true);
    world.connect("vera");
    world.log_in("vera", "own").unwrap();
    world.say("boris", id, "to the new key");
    let screen = world.screen("vera", id);
    assert_eq!(screen.last().unwrap(), "to the new key");
    assert!(!screen.contains(&"of boris".to_owned()));
    assert!(world.bad_wraps("vera").is_empty(), "nobody wrapped to a wrong key");
    let said = |entry: &Vec<u8>| match Entry::decode(entry).unwrap().content {
        Content::Statement(signed) => matches!(signed.parse().unwrap().act(), Act::BadWrap(_)),
        Content::Fact(_) => false,
    };
    assert!(!world.entries[before..].iter().any(said));
    world.ask("anna", Command::ShareHistory(id, vera)).unwrap();
    assert_eq!(world.screen("vera", id), ["of boris", "to the new key"]);
}

#[test]
fn an_erase_without_the_right_takes_no_copy_that_the_caller_keeps() {
    let (mut world, id) = three(84);
    let of_vera = world.say("vera", id, "of vera");
    let of_anna = world.say("anna", id, "of anna");
    // Anna's session holds the texts no more; her agent may.
    world.afresh("anna");
    world.ask("boris", Command::HandOver(id, world.id("vera"))).unwrap();
    let erased = |world: &World, said: Index| {
        let is = |event: &Event| matches!(event, Event::Erased(_, messages, _) if *messages == [said]);
        world.terminals["anna"].events.iter().any(is)
    };
    world.ask("vera", Command::Erase(EraseTarget::Messages(id, vec![of_vera]))).unwrap();
    assert!(erased(&world, of_vera), "her own");
    // As far as anna is shown, the group is still of boris.
    world.hide("anna", |act| matches!(act, Act::HandOver(_)));
    world.afresh("anna");
    world.ask("vera", Command::Erase(EraseTarget::Messages(id, vec![of_anna]))).unwrap();
    assert!(!erased(&world, of_anna));
    let dropped = |event: &Event| matches!(event, Event::Dropped(_, What::Erasure));
    assert!(world.terminals["anna"].events.iter().any(dropped));
}

/// A count or a place that no log has: refused, whatever would be reckoned from it.
#[test]
fn numbers_that_cannot_be_are_refused() {
    for field in 0..3 {
        let (mut world, _) = three(190 + field);
        world.tamper = Some(Box::new(move |login, frame| match frame {
            ToTerminal::Answer(mut answer) if login == "anna" => {
                if let Answer::Conversations(records) = &mut answer.answer {
                    for record in records {
                        let numbers = [&mut record.unread, &mut record.read, &mut record.last];
                        *numbers.into_iter().nth(field as usize).unwrap() = u64::MAX;
                    }
                }
                Some(ToTerminal::Answer(answer))
            }
            other => Some(other),
        }));
        let listed = world.ask("anna", Command::Conversations);
        assert_eq!(listed.err(), Some(Error::NotVerified { what: What::Answer }));
    }
}
