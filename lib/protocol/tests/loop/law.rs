//! Orders of erasure and holds, as officers give them and as terminals see them.
use crate::retention::withheld;
use crate::world::World;
use journal::Policy;
use journal::act::{
    Act, Approve, DualAct, EraseOrder, EraseTarget, Ground, Hold, HoldScope, Object, Order, Propose,
};
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
use protocol::query::{Find, Query};

const DAY_MS: u64 = 24 * 3_600_000;

fn act(act: Act) -> Command {
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

fn signed(world: &mut World, login: &str, what: Act) -> Result<Index, Error> {
    match world.ask(login, act(what))? {
        Reply::Admitted(admitted) => Ok(admitted.index),
        _ => panic!("an act is admitted"),
    }
}

fn paper() -> Order {
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

fn orders(world: &mut World, login: &str) -> Vec<OrderState> {
    let Reply::Orders(views, _) = world.ask(login, Command::Orders(None)).unwrap() else { panic!() };
    views.into_iter().map(|view| view.state).collect()
}

fn holding(world: &mut World, login: &str) -> Vec<Option<Index>> {
    let Reply::Orders(views, _) = world.ask(login, Command::Orders(None)).unwrap() else { panic!() };
    views.into_iter().map(|view| view.hold).collect()
}

fn entries(world: &mut World, login: &str, query: Query) -> Vec<Index> {
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

#[test]
fn every_hold_is_seen_however_many_stand() {
    let (mut world, id) = strict(129);
    let messages: Vec<Index> = (0..1024).map(|_| world.say("anna", id, "x")).collect();
    let end_ms = world.now.wall_ms + 90 * DAY_MS;
    let mut placed = Vec::new();
    for _ in 0..60 {
        let scope = HoldScope::Messages(id, messages.clone());
        placed.push(signed(&mut world, "olga", Act::Hold(Hold { scope, order: paper(), end_ms })).unwrap());
    }
    let (mut seen, mut pages, mut more) = (Vec::<Index>::new(), 0, true);
    while more {
        let from = seen.last().map_or(0, |last| last + 1);
        let reply = world.ask("oleg", Command::Ask(Query::Holds(from))).unwrap();
        let Reply::Entries(views, goes_on) = reply else { panic!() };
        seen.extend(views.iter().map(|view| view.index));
        (pages, more) = (pages + 1, goes_on);
    }
    assert_eq!(seen, placed);
    assert!(pages > 1, "they do not fit one answer");
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

#[test]
fn every_order_and_every_proposal_is_seen_however_many_there_are() {
    let (mut world, id) = strict(142);
    let mut given = Vec::new();
    for n in 0..300 {
        let index = world.say("anna", id, "x");
        given.push(two(&mut world, EraseTarget::Messages(id, vec![index]), None).0);
        if n % 50 == 49 {
            world.wait_ms(3 * DAY_MS);
        }
    }
    let all = |world: &mut World, only| {
        let Reply::Orders(views, _) = world.ask("olga", Command::Orders(only)).unwrap() else { panic!() };
        views.iter().map(|view| view.proposal).collect::<Vec<_>>()
    };
    assert_eq!(all(&mut world, None), given);
    assert_eq!(all(&mut world, Some(given[0])), [given[0]], "the oldest, by its number");
    assert_eq!(all(&mut world, Some(given[0] + 1)), [0; 0]);
    let messages: Vec<Index> = (0..1024).map(|_| world.say("boris", id, "y")).collect();
    let mut open = Vec::new();
    for n in 0..31 {
        let target = EraseTarget::Messages(id, messages[n..].to_vec());
        let dual = DualAct::Erase(EraseOrder { target, order: paper(), confirms: None });
        let act = canonical::encode(&dual).into();
        open.push(signed(&mut world, "olga", Act::Propose(Propose { act })).unwrap());
    }
    let mut own = |login: &str, n: u64| {
        let policy = Policy { idle_lock_ms: 60_000 + n, ..Policy::standard() };
        let act = canonical::encode(&DualAct::Policy(policy)).into();
        signed(&mut world, login, Act::Propose(Propose { act }))
    };
    open.push(own("olga", 0).unwrap());
    assert_eq!(own("olga", 1).err(), Some(Error::Refused { code: code::TooManyOwnProposals }));
    open.push(own("oleg", 2).expect("another officer's word has room"));
    let (mut seen, mut pages, mut more) = (Vec::<Index>::new(), 0, true);
    while more {
        let from = seen.last().map_or(0, |last| last + 1);
        let reply = world.ask("oleg", Command::Ask(Query::Proposals(from))).unwrap();
        let Reply::Entries(views, goes_on) = reply else { panic!() };
        seen.extend(views.iter().map(|view| view.index));
        (pages, more) = (pages + 1, goes_on);
    }
    assert_eq!(seen, open);
    assert!(pages > 0);
}

#[test]
fn a_hold_is_shown_keeps_and_warns() {
    let (mut world, id) = strict(123);
    let index = world.say("anna", id, "evidence");
    let end_ms = world.now.wall_ms + 10 * DAY_MS;
    let scope = HoldScope::Conversation(id);
    let hold = signed(&mut world, "olga", Act::Hold(Hold { scope, order: paper(), end_ms })).unwrap();
    for (login, seen) in [("anna", vec![hold]), ("oleg", vec![hold]), ("vera", vec![])] {
        assert_eq!(entries(&mut world, login, Query::Holds(0)), seen, "{login}");
    }
    two(&mut world, EraseTarget::Messages(id, vec![index]), None);
    assert_eq!(holding(&mut world, "anna"), [Some(hold)], "named while the order still counts");
    world.wait_ms(3 * DAY_MS);
    assert_eq!(orders(&mut world, "anna"), [OrderState::Held(hold)]);
    assert_eq!(holding(&mut world, "anna"), [None], "that is how it stands now");
    let alarms = |world: &World| world.facts().iter().filter(|name| **name == "alarm").count();
    assert_eq!(alarms(&world), 1, "three days are left of the seven of the warning, counted once");
    world.wait_ms(7 * DAY_MS);
    assert_eq!(entries(&mut world, "anna", Query::Holds(0)), [0; 0]);
    assert_eq!(world.screen("anna", id), ["evidence"]);
}

#[test]
fn of_several_holds_an_order_names_the_one_that_it_will_meet() {
    let (mut world, id) = strict(146);
    let (held, free) = (world.say("anna", id, "evidence"), world.say("boris", id, "none"));
    let place = |world: &mut World, scope, days| {
        let end_ms = world.now.wall_ms + days * DAY_MS;
        signed(world, "olga", Act::Hold(Hold { scope, order: paper(), end_ms })).unwrap()
    };
    // One day: over before the order's time comes.
    place(&mut world, HoldScope::Messages(id, vec![held]), 1);
    two(&mut world, EraseTarget::Messages(id, vec![held]), None);
    two(&mut world, EraseTarget::Messages(id, vec![free]), None);
    assert_eq!(holding(&mut world, "anna"), [None, None]);
    let anna = world.id("anna");
    place(&mut world, HoldScope::Messages(id, vec![held]), 20);
    let longest = place(&mut world, HoldScope::Person(anna), 30);
    assert_eq!(holding(&mut world, "anna"), [Some(longest), None], "his word is not kept");
}

#[test]
fn an_officer_finds_messages_and_sees_no_text() {
    let (mut world, id) = strict(124);
    let early = world.say("anna", id, "one");
    world.wait_ms(DAY_MS);
    let late_ms = world.now.wall_ms;
    let of_boris = world.say("boris", id, "two");
    let other = world.private("anna", "vera");
    let elsewhere = world.say("anna", other, "three");
    let all = Find { from: 0, since_ms: 0, until_ms: u64::MAX, person: None, conversation: None };
    let mut found = |find: &Find| {
        let Reply::Found(views, more) = world.ask("olga", Command::Ask(Query::Find(find.clone()))).unwrap()
        else {
            panic!()
        };
        assert_eq!(more, None);
        views.into_iter().map(|view| view.entry.index).collect::<Vec<_>>()
    };
    assert_eq!(found(&all), [early, of_boris, elsewhere]);
    assert_eq!(found(&Find { from: early + 1, ..all.clone() }), [of_boris, elsewhere]);
    assert_eq!(found(&Find { conversation: Some(id), ..all.clone() }), [early, of_boris]);
    assert!(found(&Find { until_ms: late_ms, ..all.clone() }).contains(&early));
    let boris = world.id("boris");
    let Reply::Found(views, _) =
        world.ask("olga", Command::Ask(Query::Find(Find { person: Some(boris), ..all.clone() }))).unwrap()
    else {
        panic!()
    };
    assert_eq!(views.len(), 1);
    assert!(world.ask("anna", Command::Ask(Query::Find(all))).is_err(), "officers alone");
}
