//! What was erased while a terminal was away, or behind pushes that it never got.
use crate::law::{DAY_MS, strict, two};
use crate::world::World;
use journal::Policy;
use journal::act::EraseTarget;
use journal::ids::{ConversationId, Index};
use pki::Suite;
use protocol::client::{Command, Error, Event};
use protocol::frame::ToTerminal;

#[test]
fn what_was_erased_while_a_terminal_was_away_is_the_first_that_it_hears() {
    let mut world = World::with(127, Suite::Ed25519, Policy::standard());
    ["anna", "boris", "vera", "olga", "oleg"].iter().for_each(|login| world.arrive(login));
    let (chat, team) = (world.private("anna", "boris"), world.group("boris", &["anna", "vera"], "team"));
    let whole = world.private("anna", "vera");
    let (own, ordered) = (world.say("boris", chat, "his own"), world.say("anna", chat, "by order"));
    let of_owner = world.say("anna", team, "the owner's word");
    world.say("vera", whole, "all of it");
    let old = world.say("anna", chat, "erased before");
    world.ask("anna", Command::Erase(EraseTarget::Messages(chat, vec![old]))).unwrap();
    [chat, team, whole].into_iter().for_each(|id| drop(world.screen("anna", id)));
    two(&mut world, EraseTarget::Messages(chat, vec![ordered]), None);
    two(&mut world, EraseTarget::Conversation(whole), None);
    world.cut("anna");
    let erase = |world: &mut World, target| world.ask("boris", Command::Erase(target)).unwrap();
    erase(&mut world, EraseTarget::Messages(chat, vec![own]));
    erase(&mut world, EraseTarget::Messages(team, vec![of_owner]));
    world.wait_ms(3 * DAY_MS);
    world.terminals.get_mut("anna").unwrap().events.clear();
    world.reconnect("anna");
    let events = &world.terminals["anna"].events;
    let mut gone: Vec<(ConversationId, Vec<Index>)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Erased(id, messages, _) => Some((*id, messages.clone())),
            _ => None,
        })
        .collect();
    gone.sort();
    let mut expected =
        vec![(chat, vec![own]), (chat, vec![ordered]), (team, vec![of_owner]), (whole, vec![])];
    expected.sort();
    assert_eq!(gone, expected, "each once, and nothing that was known before");
    let at = |wanted: fn(&Event) -> bool| events.iter().position(wanted).unwrap();
    let last = events.iter().rposition(|event| matches!(event, Event::Erased(..))).unwrap();
    assert!(at(|event| matches!(event, Event::CaughtUp)) > last, "said when all was asked for");
    let accused = |event: &Event| matches!(event, Event::MissingBody(..) | Event::Dropped(..));
    assert!(!events.iter().any(accused));
}

#[test]
fn what_was_erased_meanwhile_is_asked_for_also_of_a_conversation_whose_row_had_to_go() {
    let mut world = World::with(146, Suite::Ed25519, Policy::standard());
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let chat = world.private("anna", "boris");
    let index = world.say("boris", chat, "his own");
    assert_eq!(world.screen("anna", chat), ["his own"]);
    // More conversations than she follows at once.
    for n in 0..4100_u32 {
        let mut id = [7; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        let asked = world.ask("anna", Command::MessagesFrom(ConversationId(id), 0));
        assert!(matches!(asked, Err(Error::UnknownConversation { .. })));
    }
    world.cut("anna");
    world.ask("boris", Command::Erase(EraseTarget::Messages(chat, vec![index]))).unwrap();
    world.terminals.get_mut("anna").unwrap().events.clear();
    world.reconnect("anna");
    let erased =
        |event: &Event| matches!(event, Event::Erased(of, list, _) if *of == chat && *list == [index]);
    let events = &world.terminals["anna"].events;
    assert!(events.iter().any(erased), "her agent may hold it");
    assert!(matches!(events.last(), Some(Event::CaughtUp)));
}

#[test]
fn pushes_that_were_lost_hide_no_erasure() {
    let (mut world, _) = strict(128);
    let group = world.group("anna", &["boris"], "two");
    let index = world.say("boris", group, "soon gone");
    world.screen("boris", group);
    world.terminals.get_mut("boris").unwrap().events.clear();
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Deliver(deliver) if login == "boris" => {
            let since = deliver.entries.first().map_or(0, |entry| entry.index);
            Some(ToTerminal::Lagging(protocol::frame::Lagging { since }))
        }
        other => Some(other),
    }));
    world.ask("anna", Command::Erase(EraseTarget::Messages(group, vec![index]))).unwrap();
    let erased =
        |event: &Event| matches!(event, Event::Erased(of, list, _) if *of == group && *list == [index]);
    let events = &world.terminals["boris"].events;
    assert!(events.iter().any(erased));
    assert!(matches!(events.last(), Some(Event::CaughtUp)), "and he is told that this is all");
    world.tamper = None;
    assert!(world.screen("boris", group)[0].starts_with("erased by"));
}
