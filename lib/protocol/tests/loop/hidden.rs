//! What an honest server does not show, or not yet: nobody is accused of it.

use crate::stories::shown;
use crate::world::World;
use journal::act::{Act, EraseTarget, Revoke, RevokeReason};
use journal::ids::{ConversationId, Index};
use protocol::answer::Answer;
use protocol::client::command::OtherAct;
use protocol::client::{Command, Event, Reply};
use protocol::frame::{Refused, ToTerminal};

/// Boris' group with anna and vera, each of whom has heard boris' one message.
fn group(number: u64) -> (World, ConversationId, Index) {
    let mut world = World::new(number);
    ["anna", "boris", "vera", "olga"].iter().for_each(|login| world.arrive(login));
    let id = world.group("boris", &["anna", "vera"], "three");
    let said = world.say("boris", id, "of boris");
    for login in ["anna", "boris", "vera"] {
        assert_eq!(world.screen(login, id), ["of boris"]);
        world.terminals.get_mut(login).unwrap().events.clear();
    }
    (world, id, said)
}

fn erase(world: &mut World, login: &str, target: EraseTarget) -> String {
    let Reply::Admitted(erase) = world.ask(login, Command::Erase(target)).unwrap() else { panic!() };
    format!("erased by {}, #{}", world.id(login), erase.index)
}

fn is_alarmed(world: &World, login: &str) -> bool {
    let alarm = |event: &Event| {
        matches!(event, Event::MissingBody(..) | Event::Dropped(..) | Event::Distrust(_) | Event::BadWrap(..))
    };
    world.terminals[login].events.iter().any(alarm)
}

#[test]
fn an_erase_by_an_owner_of_whom_one_has_not_heard_yet_is_judged_once_more() {
    let (mut world, id, said) = group(62);
    // Nothing is pushed to anna: she believes that boris still owns the group.
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Deliver(_) if login == "anna" => None,
        other => Some(other),
    }));
    world.ask("boris", Command::HandOver(id, world.id("vera"))).unwrap();
    let tombstone = erase(&mut world, "vera", EraseTarget::Messages(id, vec![said]));
    assert_eq!(world.screen("anna", id), [tombstone]);
    assert!(!is_alarmed(&world, "anna"));
}

#[test]
fn a_tombstone_that_comes_before_its_erase_is_durable_is_asked_for_again() {
    let (mut world, id, said) = group(63);
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Deliver(_) if login == "anna" => None,
        other => Some(other),
    }));
    let tombstone = erase(&mut world, "boris", EraseTarget::Messages(id, vec![said]));
    let mut first = true;
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Answer(mut answer) if login == "anna" => {
            if let Answer::Entries(page) = &mut answer.answer
                && std::mem::take(&mut first)
            {
                page.entries.clear();
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    assert_eq!(world.screen("anna", id), [tombstone]);
    assert!(!is_alarmed(&world, "anna"));
}

#[test]
fn an_erase_of_everything_stays_right_when_its_signer_is_revoked() {
    let (mut world, _, _) = group(64);
    let id = world.private("anna", "boris");
    world.say("anna", id, "between us");
    let tombstone = erase(&mut world, "boris", EraseTarget::Conversation(id));
    let revoke =
        Revoke { person: world.id("boris"), reason: RevokeReason::KeyCompromise, note: String::new() };
    let act = OtherAct { act: Act::Revoke(revoke), staged: Vec::new(), verifiers: Vec::new() };
    world.ask("olga", Command::Act(Box::new(act))).unwrap();
    let shown: Vec<_> = world.views("anna", id).iter().map(shown).collect();
    assert_eq!(shown, [tombstone]);
    assert!(!is_alarmed(&world, "anna"));
}

#[test]
fn who_is_removed_before_he_could_check_an_erase_accuses_nobody() {
    let (mut world, id, said) = group(65);
    // As if anna had been removed before each of her questions came.
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Answer(answer) if login == "anna" && matches!(answer.answer, Answer::Acts(_)) => {
            let code = protocol::Code::NotFound.number();
            Some(ToTerminal::Refused(Refused { request: answer.request, code }))
        }
        other => Some(other),
    }));
    world.ask("boris", Command::HandOver(id, world.id("vera"))).unwrap();
    erase(&mut world, "vera", EraseTarget::Messages(id, vec![said]));
    assert!(!is_alarmed(&world, "anna"));
}
