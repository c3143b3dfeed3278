//! Holds, orders, proposals and messages as they are listed: all of them, and no more than concerns who asks.
use crate::law::{DAY_MS, entries, holding, orders, paper, signed, strict, two};
use crate::world::World;
use journal::Policy;
use journal::act::{Act, DualAct, EraseOrder, EraseTarget, Hold, HoldScope, Propose};
use journal::ids::Index;
use journal::refusal::code;
use journal::register::OrderState;
use pki::canonical;
use protocol::client::{Command, Error, Reply};
use protocol::query::{Find, Query};

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
