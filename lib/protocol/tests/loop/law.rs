//! Orders of erasure and holds, as officers give them and as terminals see them.
use crate::retention::withheld;
use crate::world::World;
use journal::Policy;
use journal::act::{Act, Approve, DualAct, EraseOrder, EraseTarget, Ground, Object, Order, Propose};
use journal::ids::{ConversationId, Index};
use journal::policy::PrivateErase;
use journal::refusal::code;
use journal::register::OrderState;
use pki::{Suite, canonical};
use protocol::answer::Answer;
use protocol::client::command::OtherAct;
use protocol::client::event::OrderView;
use protocol::client::{Command, Error, Event, Reply};
use protocol::frame::ToTerminal;
use protocol::query::Query;

pub(crate) const DAY_MS: u64 = 24 * 3_600_000;

pub(crate) fn act(act: Act) -> Command {
    Command::Act(Box::new(OtherAct { act, staged: Vec::new(), verifiers: Vec::new() }))
}

/// A site where nobody erases alone.
pub(crate) fn strict(number: u64) -> (World, ConversationId) {
    let policy = Policy { author_erases: false, private_erase: PrivateErase::Officers, ..Policy::standard() };
    let mut world = World::with(number, Suite::Ed25519, policy);
    ["anna", "boris", "vera", "olga", "oleg"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    (world, id)
}

pub(crate) fn signed(world: &mut World, login: &str, what: Act) -> Result<Index, Error> {
    match world.ask(login, act(what))? {
        Reply::Admitted(admitted) => Ok(admitted.index),
        _ => panic!("an act is admitted"),
    }
}

pub(crate) fn paper() -> Order {
    Order { number: "12-3/2026".into(), ground: Ground::Court }
}

pub(crate) fn two(world: &mut World, target: EraseTarget, confirms: Option<Index>) -> (Index, Index) {
    let dual = DualAct::Erase(EraseOrder { target, order: paper(), confirms });
    let act = canonical::encode(&dual).into();
    let proposal = signed(world, "olga", Act::Propose(Propose { act })).unwrap();
    (proposal, signed(world, "oleg", Act::Approve(Approve { proposal })).unwrap())
}

fn told(world: &World, login: &str) -> Vec<OrderView> {
    let events = world.terminals[login].events.iter();
    events
        .filter_map(|event| if let Event::Ordered(view) = event { Some((**view).clone()) } else { None })
        .collect()
}

pub(crate) fn orders(world: &mut World, login: &str) -> Vec<OrderState> {
    let Reply::Orders(views, _) = world.ask(login, Command::Orders(None)).unwrap() else { panic!() };
    views.into_iter().map(|view| view.state).collect()
}

pub(crate) fn holding(world: &mut World, login: &str) -> Vec<Option<Index>> {
    let Reply::Orders(views, _) = world.ask(login, Command::Orders(None)).unwrap() else { panic!() };
    views.into_iter().map(|view| view.hold).collect()
}

pub(crate) fn entries(world: &mut World, login: &str, query: Query) -> Vec<Index> {
    let Reply::Entries(views, _) = world.ask(login, Command::Ask(query)).unwrap() else { panic!() };
    views.into_iter().map(|view| view.index).collect()
}

#[test]
fn an_order_is_told_waits_and_takes_every_copy() {
    let (mut world, id) = strict(120);
    let (gone, kept) = (world.say("anna", id, "to go"), world.say("boris", id, "to stay"));
    assert!(world.ask("anna", Command::Erase(EraseTarget::Messages(id, vec![gone]))).is_err());
    let (proposal, approve) = two(&mut world, EraseTarget::Messages(id, vec![gone]), None);
    for login in ["anna", "boris"] {
        let view = told(&world, login).pop().expect("those concerned are told");
        assert_eq!((view.proposal, view.approve), (proposal, approve));
        assert_eq!((view.by, view.with), (world.id("olga"), world.id("oleg")));
        assert_eq!(view.order.order, paper());
        assert!(matches!(view.state, OrderState::Counting(_)));
    }
    assert_eq!(told(&world, "vera"), [], "nobody else learns of it");
    assert_eq!(orders(&mut world, "vera"), []);
    assert_eq!(entries(&mut world, "vera", Query::Entries(proposal, 1)), [0; 0]);
    assert_eq!(world.screen("boris", id), ["to go", "to stay"]);
    world.wait_ms(3 * DAY_MS);
    let erased = |event: &Event| matches!(event, Event::Erased(of, list, by) if (*of, by.index) == (id, approve) && *list == [gone]);
    for login in ["anna", "boris"] {
        assert!(world.terminals[login].events.iter().any(erased), "{login} drops his copy");
    }
    let tombstone = format!("erased by {}, #{approve}", world.id("oleg"));
    for login in ["anna", "boris"] {
        world.restart_terminal(login);
        assert_eq!(world.screen(login, id), [tombstone.as_str(), "to stay"], "proven to a fresh terminal");
    }
    assert!(matches!(orders(&mut world, "boris")[..], [OrderState::Done(_)]));
    world.restart(None);
    ["anna", "olga"].iter().for_each(|login| world.reconnect(login));
    assert_eq!(world.screen("anna", id), [tombstone.as_str(), "to stay"], "and after a restart");
    assert!(kept > gone);
}

#[test]
fn a_whole_conversation_goes_by_order_with_what_came_meanwhile() {
    let (mut world, id) = strict(121);
    world.say("anna", id, "before");
    let (_, approve) = two(&mut world, EraseTarget::Conversation(id), None);
    world.say("boris", id, "meanwhile");
    world.wait_ms(3 * DAY_MS);
    let whole = |event: &Event| matches!(event, Event::Erased(of, list, by) if *of == id && list.is_empty() && by.index == approve);
    assert!(world.terminals["boris"].events.iter().any(whole));
    let tombstone = format!("erased by {}, #{approve}", world.id("oleg"));
    for login in ["anna", "boris"] {
        world.restart_terminal(login);
        assert_eq!(world.screen(login, id), [tombstone.as_str(), tombstone.as_str()], "{login}");
    }
}

#[test]
fn an_objection_stops_an_order_until_two_confirm_it() {
    let (mut world, id) = strict(122);
    let index = world.say("anna", id, "hers");
    let target = EraseTarget::Messages(id, vec![index]);
    let (proposal, _) = two(&mut world, target.clone(), None);
    let object = || Act::Object(Object { proposal });
    let refused = signed(&mut world, "vera", object());
    assert_eq!(refused.err(), Some(Error::Refused { code: code::NotConcerned }));
    signed(&mut world, "boris", object()).expect("the other side objects");
    world.wait_ms(3 * DAY_MS);
    assert_eq!(world.screen("anna", id), ["hers"]);
    let (_, approve) = two(&mut world, target, Some(proposal));
    let tombstone = format!("erased by {}, #{approve}", world.id("oleg"));
    assert_eq!(world.screen("anna", id), [tombstone.as_str()], "confirmed: at once");
}

#[test]
fn a_confirmed_order_over_a_whole_conversation_accuses_nobody() {
    let (mut world, id) = strict(125);
    world.say("anna", id, "one");
    let (proposal, _) = two(&mut world, EraseTarget::Conversation(id), None);
    signed(&mut world, "boris", Act::Object(Object { proposal })).unwrap();
    world.wait_ms(DAY_MS);
    signed(&mut world, "anna", Act::Object(Object { proposal })).expect("there is time for her word too");
    let dual = DualAct::Erase(EraseOrder {
        target: EraseTarget::Conversation(id),
        order: paper(),
        confirms: Some(proposal),
    });
    let act = Act::Propose(Propose { act: canonical::encode(&dual).into() });
    assert_eq!(signed(&mut world, "olga", act).err(), Some(Error::Refused { code: code::TimeToObject }));
    world.wait_ms(2 * DAY_MS);
    let (_, approve) = two(&mut world, EraseTarget::Conversation(id), Some(proposal));
    let tombstone = format!("erased by {}, #{approve}", world.id("oleg"));
    for login in ["anna", "boris"] {
        assert_eq!(world.screen(login, id), [tombstone.as_str()], "{login}");
        world.restart_terminal(login);
        assert_eq!(world.screen(login, id), [tombstone.as_str()], "{login}, anew");
        let accused = |event: &Event| matches!(event, Event::MissingBody(..));
        assert!(!world.terminals[login].events.iter().any(accused), "nothing is missing");
    }
}

/// The server says that this order took effect at that entry.
fn done_at(world: &mut World, proposal: Index, effect: Index) {
    world.tamper = Some(Box::new(move |_, frame| match frame {
        ToTerminal::Answer(mut answer) => {
            if let Answer::Orders(records) = &mut answer.answer {
                let this = records.iter_mut().filter(|record| record.proposal == proposal);
                this.for_each(|record| record.state = OrderState::Done(effect));
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
}

#[test]
fn an_order_takes_effect_at_one_entry_and_at_no_other() {
    let (mut world, id) = strict(143);
    let (first, second) = (world.say("anna", id, "one"), world.say("anna", id, "two"));
    let (proposal, approve) = two(&mut world, EraseTarget::Messages(id, vec![first]), None);
    world.wait_ms(3 * DAY_MS);
    let effect = world.facts_named("tick")[0];
    assert_eq!(orders(&mut world, "anna"), [OrderState::Done(effect)], "she has seen it");
    // Another Tick, which is as late as it must be, and an entry that lets nothing take effect.
    two(&mut world, EraseTarget::Messages(id, vec![second]), None);
    world.wait_ms(3 * DAY_MS);
    for other in [*world.facts_named("tick").last().unwrap(), approve] {
        assert!(other != effect);
        done_at(&mut world, proposal, other);
        let Reply::Orders(_, unshown) = world.ask("anna", Command::Orders(None)).unwrap() else { panic!() };
        assert_eq!(unshown.unproven, [proposal], "#{other}");
    }
    world.tamper = None;
    assert_eq!(orders(&mut world, "anna").len(), 2);
}

#[test]
fn an_order_takes_effect_at_one_entry_whichever_two_questions_are_under_way() {
    let (mut world, id) = strict(145);
    let (first, second) = (world.say("anna", id, "one"), world.say("anna", id, "two"));
    let (proposal, _) = two(&mut world, EraseTarget::Messages(id, vec![first]), None);
    world.wait_ms(3 * DAY_MS);
    two(&mut world, EraseTarget::Messages(id, vec![second]), None);
    world.wait_ms(3 * DAY_MS);
    let ticks = world.facts_named("tick");
    let mut effects = [ticks[0], *ticks.last().unwrap()].into_iter();
    world.restart_terminal("anna");
    // Each of the two is told of another Tick, both as late as they must be, before either has looked at its own.
    world.tamper = Some(Box::new(move |_, frame| match frame {
        ToTerminal::Answer(mut answer) => {
            if let Answer::Orders(records) = &mut answer.answer
                && let Some(record) = records.iter_mut().find(|record| record.proposal == proposal)
                && let Some(effect) = effects.next()
            {
                record.state = OrderState::Done(effect);
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    let asked = [(); 2].map(|()| world.begin("anna", Command::Orders(Some(proposal))));
    world.run();
    let [one, other] = asked.map(|id| world.result("anna", id).expect("answered"));
    let Ok(Reply::Orders(views, _)) = one else { panic!("the first is believed:") };
    assert_eq!(views[0].state, OrderState::Done(ticks[0]));
    assert!(matches!(other, Err(Error::NotVerified { .. })), "and no other beside it");
}

#[test]
fn an_order_ahead_of_a_clock_explains_nothing_that_it_does_not_name() {
    let (mut world, id) = strict(144);
    let (named, other) = (world.say("anna", id, "named"), world.say("anna", id, "not named"));
    let (_, approve) = two(&mut world, EraseTarget::Messages(id, vec![named]), None);
    // A server that is in a hurry says that four days have passed, by both of its clocks.
    world.server_ahead_ms = 4 * DAY_MS;
    world.now.boot_ms += 4 * DAY_MS;
    world.wait_ms(60_000);
    let ahead = format!("ahead of this clock, #{approve}");
    assert_eq!(world.screen("anna", id), [ahead.as_str(), "not named"]);
    withheld(&mut world, other, approve);
    assert_eq!(world.screen("anna", id), [ahead.as_str(), "missing!"]);
    let missing = |event: &Event| matches!(event, Event::MissingBody(of, at) if (*of, *at) == (id, other));
    assert!(world.terminals["anna"].events.iter().any(missing), "an alarm by any clock");
    assert!(other > named);
}

#[test]
fn an_order_that_never_came_due_takes_no_copy_whatever_the_server_says() {
    let (mut world, id) = strict(126);
    let index = world.say("anna", id, "hers");
    let (proposal, approve) = two(&mut world, EraseTarget::Messages(id, vec![index]), None);
    let erased = |world: &World| {
        let events = &world.terminals["anna"].events;
        events.iter().any(|event| matches!(event, Event::Erased(..)))
    };
    // It took effect, the server says: at the next entry, at its approval, at a Tick that came before its time.
    let other = world.private("anna", "vera");
    let reservation = world.say("anna", other, "something else");
    let (whole, _) = two(&mut world, EraseTarget::Conversation(other), None);
    for effect in [approve, approve + 1, reservation] {
        done_at(&mut world, proposal, effect);
        let Reply::Orders(views, unshown) = world.ask("anna", Command::Orders(None)).unwrap() else {
            panic!()
        };
        let good: Vec<_> = views.iter().map(|view| view.proposal).collect();
        assert_eq!((good, unshown.unproven), (vec![whole], vec![proposal]), "#{effect}: it hides no other");
        let alone = world.ask("anna", Command::Orders(Some(proposal)));
        assert!(matches!(alone, Err(Error::NotVerified { .. })), "#{effect}");
    }
    // A body is withheld, and the order, which is counting, is to explain it.
    withheld(&mut world, index, approve);
    world.restart_terminal("anna");
    let view = world.screen("anna", id);
    assert!(!view[0].contains("erased by"), "{view:?}");
    let missing = |event: &Event| matches!(event, Event::MissingBody(of, at) if (*of, *at) == (id, index));
    assert!(world.terminals["anna"].events.iter().any(missing), "an alarm, and no tombstone");
    assert!(!erased(&world));
    world.tamper = None;
    assert_eq!(world.screen("boris", id), ["hers"]);
    signed(&mut world, "boris", Act::Object(Object { proposal })).unwrap();
}
