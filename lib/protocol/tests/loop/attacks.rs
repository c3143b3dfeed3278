//! What a bad network or a dishonest server tries, and what the terminal says to it.

use crate::stories::message;
use crate::world::World;
use journal::act::{EraseTarget, Precedence};
use protocol::answer::Answer;
use protocol::client::command::{Send, SendFile};
use protocol::client::{Action, Command, Error, Event, Reply, SecretBytes, What};
use protocol::frame::{Decoder, ToCore, ToTerminal, decode_to_core};
use protocol::limits::FRAME_BYTES_MAX;

fn two(number: u64) -> (World, journal::ConversationId) {
    let mut world = World::new(number);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.say("anna", id, "hello");
    world.pushed("boris");
    (world, id)
}

/// Boris' group with anna and vera.
fn three(number: u64) -> (World, journal::ConversationId) {
    let mut world = World::new(number);
    ["anna", "boris", "vera"].iter().for_each(|login| world.arrive(login));
    let id = world.group("boris", &["anna", "vera"], "three");
    world.say("boris", id, "hello");
    (world, id)
}

#[test]
fn a_lost_receipt_never_makes_two_messages() {
    for forget in [false, true] {
        let (mut world, id) = two(20);
        // Receipts to anna are lost; the message itself is admitted.
        world.tamper = Some(Box::new(|login, frame| match frame {
            ToTerminal::Receipt(_) if login == "anna" => None,
            other => Some(other),
        }));
        let command = world.tell("anna", Command::Send(message(id, "only once")));
        assert!(world.result("anna", command).is_none());
        assert_eq!(world.terminals["anna"].client.unsettled(), 1);
        world.tamper = None;
        if forget {
            // The server restarts and may have forgotten the receipts of ended chains.
            world.restart(None);
        } else {
            world.cut("anna");
        }
        world.reconnect("anna");
        assert!(matches!(world.result("anna", command), Some(Ok(_))));
        if forget {
            world.reconnect("boris");
        }
        assert_eq!(world.screen("boris", id), ["hello", "only once"]);
    }
}

#[test]
fn a_receipt_that_the_core_forgot_is_found_in_the_log() {
    let (mut world, id) = two(21);
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Receipt(_) if login == "anna" => None,
        other => Some(other),
    }));
    let command = world.tell("anna", Command::Send(message(id, "only once")));
    world.cut("anna");
    // What it would say if it had forgotten: the chain has ended.
    let mut first = true;
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Receipt(receipt) if login == "anna" && std::mem::take(&mut first) => {
            Some(ToTerminal::Refused(protocol::frame::Refused { request: receipt.request, code: 101 }))
        }
        other => Some(other),
    }));
    world.reconnect("anna");
    assert!(matches!(world.result("anna", command), Some(Ok(_))));
    assert_eq!(world.screen("boris", id), ["hello", "only once"]);
}

#[test]
fn what_one_said_before_being_removed_is_found_and_not_said_twice() {
    for back in [true, false] {
        let (mut world, id) = three(40);
        let anna = world.id("anna");
        world.tamper = Some(Box::new(|login, frame| match frame {
            ToTerminal::Receipt(_) if login == "anna" => None,
            other => Some(other),
        }));
        let command = world.tell("anna", Command::Send(message(id, "only once")));
        assert!(world.result("anna", command).is_none());
        world.cut("anna");
        world.tamper = None;
        world.ask("boris", Command::Remove(id, anna)).unwrap();
        if back {
            world.ask("boris", Command::Invite(id, anna)).unwrap();
            world.say("boris", id, "again");
        }
        // The core has forgotten the receipt.
        let mut first = true;
        world.tamper = Some(Box::new(move |login, frame| match frame {
            ToTerminal::Receipt(receipt) if login == "anna" && std::mem::take(&mut first) => {
                Some(ToTerminal::Refused(protocol::frame::Refused { request: receipt.request, code: 101 }))
            }
            other => Some(other),
        }));
        world.reconnect("anna");
        assert!(matches!(world.result("anna", command), Some(Ok(Reply::Admitted(_)))), "back: {back}");
        let mut expected = vec!["hello", "only once"];
        expected.extend(back.then_some("again"));
        assert_eq!(world.screen("boris", id), expected);
    }
}

#[test]
fn what_never_arrived_before_being_removed_is_known_not_to_have_been_said() {
    const NOT_JOINED: u16 = 152;
    let (mut world, id) = three(41);
    let anna = world.id("anna");
    let session = world.terminals.get_mut("anna").unwrap().session.take();
    let command = world.tell("anna", Command::Send(message(id, "into the dark")));
    world.terminals.get_mut("anna").unwrap().session = session;
    world.cut("anna");
    world.ask("boris", Command::Remove(id, anna)).unwrap();
    world.ask("boris", Command::Invite(id, anna)).unwrap();
    world.reconnect("anna");
    // Signed anew, before the new invitation was accepted.
    let refused = world.result("anna", command).expect("a result").err();
    assert_eq!(refused, Some(Error::Refused { code: NOT_JOINED }));
    world.say("anna", id, "once more");
    assert_eq!(world.screen("boris", id), ["hello", "once more"]);
}

#[test]
fn a_statement_that_was_never_admitted_is_signed_anew_on_the_new_chain() {
    let (mut world, id) = two(22);
    // The connection breaks before the frame arrives.
    let session = world.terminals.get_mut("anna").unwrap().session.take();
    let command = world.tell("anna", Command::Send(message(id, "sent into the dark")));
    world.terminals.get_mut("anna").unwrap().session = session;
    world.cut("anna");
    assert!(world.result("anna", command).is_none());
    world.reconnect("anna");
    assert!(matches!(world.result("anna", command), Some(Ok(_))));
    assert_eq!(world.pushed("boris"), ["sent into the dark"]);
}

#[test]
fn a_refused_statement_does_not_hold_up_those_behind_it() {
    let (mut world, id) = two(23);
    let too_high =
        Send { label: Some(pki::Clearance(5)), precedence: Precedence::Flash, ..message(id, "secret") };
    // All four are signed before the first is answered: told while the wire is held.
    let session = world.terminals.get_mut("anna").unwrap().session.take();
    let mut held = Vec::new();
    for send in [message(id, "one"), too_high, message(id, "two"), message(id, "three")] {
        held.push(send);
    }
    world.terminals.get_mut("anna").unwrap().session = session;
    let wall_ms = world.now.wall_ms;
    let anna = world.terminals.get_mut("anna").unwrap();
    for (n, send) in (1000..).zip(held) {
        anna.client.command(n, Command::Send(send), wall_ms);
    }
    world.run();
    assert!(matches!(world.result("anna", 1001), Some(Err(Error::Refused { .. }))));
    for id in [1000, 1002, 1003] {
        assert!(matches!(world.result("anna", id), Some(Ok(_))), "{id}");
    }
    assert_eq!(world.pushed("boris"), ["one", "two", "three"]);
}

#[test]
fn a_rolled_back_server_is_not_worked_with() {
    let (mut world, id) = two(24);
    let size = *world.sizes().last().unwrap();
    world.say("anna", id, "what the server forgets");
    // The terminal loses its power right then; nobody logs out.
    let record = world.terminals["anna"].record.clone();
    world.restart(Some(size));
    // A fresh process with the same credential: what it has proven is in the state record.
    world.terminal("anna", record, true);
    world.connect("anna");
    // The server does not know the head that anna's Login names.
    assert_eq!(world.log_in("anna", "own").err(), Some(Error::Refused { code: 105 }));
    assert!(!world.terminals["anna"].client.is_ready());
}

#[test]
fn a_body_that_was_changed_or_taken_away_is_never_shown() {
    let (mut world, id) = two(25);
    world.cut("boris");
    world.say("anna", id, "the true word");
    world.reconnect("boris");
    world.tamper = Some(Box::new(|_, frame| match frame {
        ToTerminal::Answer(mut answer) => {
            if let Answer::MessagesBefore(page) = &mut answer.answer {
                for entry in &mut page.entries {
                    if let Some(body) = &mut entry.body {
                        body[80] ^= 1;
                    }
                }
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    assert_eq!(world.screen("boris", id).last().unwrap(), "unreadable: Body");
    world.tamper = Some(Box::new(|_, frame| match frame {
        ToTerminal::Answer(mut answer) => {
            if let Answer::MessagesBefore(page) = &mut answer.answer {
                page.entries.iter_mut().for_each(|entry| entry.body = None);
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    assert_eq!(world.screen("boris", id).last().unwrap(), "missing!");
    assert!(world.terminals["boris"].events.iter().any(|event| matches!(event, Event::MissingBody(..))));
    // An Erase that is none explains nothing.
    world.tamper = Some(Box::new(|_, frame| match frame {
        ToTerminal::Answer(mut answer) => {
            if let Answer::MessagesBefore(page) = &mut answer.answer {
                for entry in &mut page.entries {
                    (entry.body, entry.erased_by) = (None, Some(entry.index));
                }
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    assert_eq!(world.screen("boris", id).last().unwrap(), "missing!");
    world.tamper = None;
    assert_eq!(world.screen("boris", id).last().unwrap(), "the true word");
}

#[test]
fn an_entry_that_was_changed_does_not_verify() {
    let (mut world, id) = two(26);
    world.tamper = Some(Box::new(|_, frame| match frame {
        ToTerminal::Answer(mut answer) => {
            if let Answer::MessagesBefore(page) = &mut answer.answer {
                for entry in &mut page.entries {
                    let last = entry.entry.len() - 1;
                    entry.entry[last] ^= 1;
                }
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    let shown = world.ask("boris", Command::MessagesBefore(id, u64::MAX));
    assert_eq!(shown.err(), Some(Error::NotVerified { what: What::Inclusion }));
}

#[test]
fn a_bad_wrap_is_answered_and_the_next_sender_makes_a_new_epoch() {
    let mut world = World::new(27);
    ["anna", "boris", "vera"].iter().for_each(|login| world.arrive(login));
    let id = world.group("anna", &["boris", "vera"], "three");
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Answer(mut answer) if login == "vera" => {
            if let Answer::Wrap(wrap) = &mut answer.answer {
                let middle = wrap.len() / 2;
                wrap[middle] ^= 1;
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    world.say("anna", id, "can you read me?");
    let heard = world.terminals["vera"]
        .events
        .iter()
        .any(|event| matches!(event, Event::BadWrap(of, ..) if *of == id));
    assert!(heard);
    world.tamper = None;
    world.say("boris", id, "and me?");
    assert_eq!(world.pushed("vera").last().unwrap(), "and me?");
}

#[test]
fn a_greeting_by_another_key_gets_no_password() {
    let mut world = World::new(28);
    world.terminal("anna", None, true);
    world.tamper = Some(Box::new(|_, frame| match frame {
        ToTerminal::Hello(mut hello) => {
            hello.nonce[0] ^= 1;
            Some(ToTerminal::Hello(hello))
        }
        other => Some(other),
    }));
    world.connect("anna");
    assert_eq!(world.terminals["anna"].sent, 0);
    assert_eq!(world.log_in("anna", "one-time").err(), Some(Error::NotReady));
    assert_eq!(world.terminals["anna"].sent, 0);
}

#[test]
fn a_wrong_password_is_refused_without_a_hint() {
    let mut world = World::new(29);
    world.terminal("anna", None, true);
    world.connect("anna");
    assert_eq!(world.log_in("anna", "guess").err(), Some(Error::Refused { code: 2 }));
    world.connect("anna");
    assert!(world.log_in("anna", "one-time").is_ok());
}

#[test]
fn questions_and_files_outlive_a_broken_connection() {
    let (mut world, id) = two(30);
    // Every answer and every word that a chunk is stored is lost.
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Answer(_) | ToTerminal::Stored(_) if login == "anna" => None,
        other => Some(other),
    }));
    let question = world.tell("anna", Command::MessagesBefore(id, u64::MAX));
    let send = SendFile { message: message(id, ""), name: "log.txt".into(), bytes: 5, media_type: None };
    let file = world.tell("anna", Command::SendFile(send));
    world.tell("anna", Command::FileChunk(file, SecretBytes::new(b"hello".to_vec())));
    assert!(world.result("anna", question).is_none() && world.result("anna", file).is_none());
    assert_eq!(world.terminals["anna"].client.pending(), [question, file]);
    world.tamper = None;
    world.cut("anna");
    world.reconnect("anna");
    assert!(matches!(world.result("anna", question), Some(Ok(_))));
    assert!(matches!(world.result("anna", file), Some(Ok(_))));
    assert_eq!(world.pushed("boris"), [" [log.txt]"]);
}

#[test]
fn everything_signed_was_persisted_first() {
    let (mut world, id) = two(31);
    let wall_ms = world.now.wall_ms;
    let anna = world.terminals.get_mut("anna").unwrap();
    anna.client.command(7000, Command::Send(message(id, "one")), wall_ms);
    let actions: Vec<_> = std::iter::from_fn(|| anna.client.next_action()).collect();
    let first_send = actions.iter().position(|action| matches!(action, Action::Send(_))).unwrap();
    let persisted = actions[..first_send].iter().find_map(|action| match action {
        Action::PersistState(record) => Some(record.clone()),
        _ => None,
    });
    let own = persisted.unwrap().chain.unwrap();
    let Action::Send(frame) = &actions[first_send] else { panic!() };
    let mut decoder = Decoder::default();
    decoder.push(frame);
    let frame = decode_to_core(&decoder.next_frame(FRAME_BYTES_MAX).unwrap().unwrap()).unwrap();
    let ToCore::Submit(first) = frame else { panic!("{frame:?}") };
    let first = first.statement.parse().unwrap();
    assert_eq!((own.last_id, own.attempt), (first.id().0, 0));
    assert_eq!(own.next_sequence, first.header().sequence + 1);
}

#[test]
fn a_server_with_another_past_is_not_worked_with() {
    let (mut world, id) = two(32);
    world.cut("boris");
    let size = *world.sizes().last().unwrap();
    // Boris proved a head beyond this size; then the server goes back and writes another past, as long as before.
    world.say("anna", id, "the first past");
    world.reconnect("boris");
    let record = world.terminals["boris"].record.clone().unwrap();
    world.restart(Some(size));
    world.terminal("anna", None, true);
    world.reconnect("anna");
    for n in 0..8 {
        world.say("anna", id, &format!("the second past {n}"));
    }
    world.terminal("boris", Some(record), true);
    world.connect("boris");
    // The server's own rule refuses the head that the Login names: that is no proof, but no work either.
    assert_eq!(world.log_in("boris", "own").err(), Some(Error::Refused { code: 105 }));
    assert!(!world.terminals["boris"].client.is_ready());
}

#[test]
fn an_erase_of_one_message_explains_no_other() {
    let (mut world, id) = two(33);
    let gone = world.say("anna", id, "to be erased");
    world.say("anna", id, "to be kept");
    let target = EraseTarget::Messages(id, vec![gone]);
    let Reply::Admitted(erase) = world.ask("anna", Command::Erase(target)).unwrap() else { panic!() };
    world.pushed("boris");
    // The server gives the Erase, which is real, as the reason why another message has no body.
    world.cut("boris");
    let record = world.terminals["boris"].record.clone();
    world.terminal("boris", record, true);
    world.reconnect("boris");
    world.tamper = Some(Box::new(move |_, frame| match frame {
        ToTerminal::Answer(mut answer) => {
            if let Answer::MessagesBefore(page) = &mut answer.answer {
                for entry in &mut page.entries {
                    (entry.body, entry.erased_by) = (None, Some(erase.index));
                }
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    let tombstone = format!("erased by {}, #{}", world.id("anna"), erase.index);
    assert_eq!(world.screen("boris", id), ["missing!", tombstone.as_str(), "missing!"]);
}

#[test]
fn a_pushed_erase_of_everything_takes_no_copy_until_it_is_followed() {
    let (mut world, id) = two(34);
    // The act is pushed, but not shown among those of the conversation: nobody has judged its right.
    let is_erase = |entry: &[u8]| {
        let journal::Content::Statement(signed) = journal::Entry::decode(entry).unwrap().content else {
            return false;
        };
        matches!(signed.parse().unwrap().act(), journal::act::Act::Erase(_))
    };
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Answer(mut answer) if login == "boris" => {
            if let Answer::Acts(page) = &mut answer.answer {
                page.entries.retain(|delivered| !is_erase(&delivered.entry));
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    world.ask("anna", Command::Erase(EraseTarget::Conversation(id))).unwrap();
    let events = &world.terminals["boris"].events;
    assert!(events.iter().any(|event| matches!(event, Event::Dropped(_, What::Erasure))));
    assert!(!events.iter().any(|event| matches!(event, Event::Erased(..))));
}
