//! A log that two officers closed into another one, as terminals live with it.
use crate::stories::message;
use crate::world::World;
use journal::act::{Act, Approve, DualAct, EraseTarget, Propose, Successor};
use journal::ids::{ConversationId, Index, LogId};
use journal::policy::Policy;
use journal::refusal::code;
use pki::{Suite, canonical};
use protocol::answer::Answer;
use protocol::client::command::{NewPrivate, OtherAct};
use protocol::client::event::ClosedView;
use protocol::client::{Command, Error, Event, Reply, What};
use protocol::frame::ToTerminal;
use protocol::query::Query;

fn signed(world: &mut World, login: &str, act: Act) -> Result<Index, Error> {
    let act = Command::Act(Box::new(OtherAct { act, staged: Vec::new(), verifiers: Vec::new() }));
    match world.ask(login, act)? {
        Reply::Admitted(admitted) => Ok(admitted.index),
        _ => panic!("an act is admitted"),
    }
}

/// Olga and Oleg close the log.
fn close(world: &mut World) -> (Index, Index) {
    let next = Successor { log: LogId([0x5c; 32]), suite: Suite::EcdsaP256 };
    let act = canonical::encode(&DualAct::Close(next)).into();
    let proposal = signed(world, "olga", Act::Propose(Propose { act })).unwrap();
    (proposal, signed(world, "oleg", Act::Approve(Approve { proposal })).unwrap())
}

fn is_closed(refused: Result<Reply, Error>) -> bool {
    matches!(refused, Err(Error::Refused { code }) if code == code::LogClosed)
}

fn talks(world: &mut World, id: ConversationId) {
    let said = world.ask("anna", Command::Send(message(id, "more")));
    assert!(is_closed(said), "nothing more is said");
    let person = world.id("vera");
    let founded =
        world.ask("anna", Command::NewPrivate(NewPrivate { person, ceiling: None, default_label: None }));
    assert!(is_closed(founded), "nor founded");
}

#[test]
fn a_closed_log_is_read_and_erased_over_a_restart_and_nothing_more_is_said() {
    let mut world = World::new(160);
    ["anna", "boris", "vera", "olga", "oleg"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let gone = world.say("anna", id, "to go");
    world.say("boris", id, "to stay");
    let (proposal, approve) = close(&mut world);
    let told = |event: &Event| matches!(event, Event::Approved(index) if *index == approve);
    assert!(world.terminals["anna"].events.iter().any(told), "everybody hears of it");
    let Reply::Entries(entries, _) = world.ask("vera", Command::Ask(Query::Entries(proposal, 1))).unwrap()
    else {
        panic!("a page of entries")
    };
    assert_eq!(entries[0].index, proposal, "and may read what was approved");
    talks(&mut world, id);
    assert_eq!(world.screen("boris", id), ["to go", "to stay"], "reading goes on");

    world.restart(None);
    ["anna", "boris"].iter().for_each(|login| world.reconnect(login));
    talks(&mut world, id);
    world.ask("anna", Command::Erase(EraseTarget::Messages(id, vec![gone]))).unwrap();
    let tombstone = format!("erased by {}", world.id("anna"));
    assert!(world.screen("boris", id)[0].starts_with(&tombstone), "and so does erasing");
    world.restart_terminal("boris");
    assert_eq!(world.screen("boris", id)[1], "to stay", "to a fresh terminal too");
}

/// What a person's terminal was told of the close.
fn told(world: &World, login: &str) -> Vec<ClosedView> {
    let closed =
        |event: &Event| if let Event::LogClosed(view) = event { Some((**view).clone()) } else { None };
    world.terminals[login].events.iter().filter_map(closed).collect()
}

#[test]
fn a_terminal_tells_that_the_log_is_closed_by_the_entries_of_two_officers_and_by_nothing_else() {
    let mut world = World::new(161);
    ["anna", "olga", "oleg"].iter().for_each(|login| world.arrive(login));
    let other = Policy { author_erases: false, ..Policy::standard() };
    let act = canonical::encode(&DualAct::Policy(other)).into();
    let proposal = signed(&mut world, "olga", Act::Propose(Propose { act })).unwrap();
    let policy = signed(&mut world, "oleg", Act::Approve(Approve { proposal })).unwrap();
    let asked = |world: &mut World| world.ask("anna", Command::Ask(Query::Policy)).map(drop);
    // A server that says so of other entries: of what two officers did decide, of a Propose, of none.
    for lie in [policy, proposal, 0] {
        world.tamper = Some(Box::new(move |_, frame| match frame {
            ToTerminal::Answer(mut answer) => {
                if let Answer::Policy(_, _, closed) = &mut answer.answer {
                    *closed = Some(lie);
                }
                Some(ToTerminal::Answer(answer))
            }
            other => Some(other),
        }));
        assert_eq!(asked(&mut world), Err(Error::NotVerified { what: What::Policy }), "#{lie}");
    }
    world.tamper = None;
    assert_eq!((asked(&mut world), world.terminals["anna"].client.closed()), (Ok(()), None));
    let (_, approve) = close(&mut world);
    (0..2).for_each(|_| asked(&mut world).unwrap());
    let [view] = &told(&world, "anna")[..] else { panic!("told once") };
    let officers: Vec<&str> = view.officers.iter().map(|(_, login)| login.as_str()).collect();
    assert_eq!(
        (view.index, officers, view.successor.suite),
        (approve, vec!["olga", "oleg"], Suite::EcdsaP256)
    );
    assert_eq!(world.terminals["anna"].client.closed().as_ref(), Some(view));
    // And whoever comes later.
    world.restart_terminal("anna");
    asked(&mut world).unwrap();
    assert_eq!(told(&world, "anna").len(), 1);
}
