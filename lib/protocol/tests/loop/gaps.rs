//! Erasures that a terminal was not told of in time: nothing of what they took stays on a screen or in a memory.

use crate::world::World;
use journal::Policy;
use journal::act::{Act, Approve, DualAct, EraseTarget, Propose};
use journal::ids::{ConversationId, Index};
use journal::retention::{DAY_MS, Retention, RetentionRule};
use pki::Suite;
use protocol::Code;
use protocol::answer::Answer;
use protocol::client::command::OtherAct;
use protocol::client::event::MessageView;
use protocol::client::{Command, Error, Event, Reply};
use protocol::frame::{Refused, ToTerminal, encode};
use protocol::query::Query;
use std::cell::RefCell;
use std::rc::Rc;

fn at(world: &World, login: &str, wanted: impl Fn(&Event) -> bool) -> Option<usize> {
    world.terminals[login].events.iter().position(wanted)
}

fn erase(world: &mut World, login: &str, id: ConversationId, index: Index) {
    world.ask(login, Command::Erase(EraseTarget::Messages(id, vec![index]))).unwrap();
}

#[test]
fn a_link_that_breaks_behind_pushes_that_never_came_hides_no_erasure() {
    let mut world = World::new(150);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let (index, kept) = (world.say("anna", id, "soon gone"), world.say("anna", id, "stays"));
    assert_eq!(world.screen("boris", id), ["soon gone", "stays"]);
    // The server has too much outstanding for him: it answers and pushes nothing.
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Deliver(_) if login == "boris" => None,
        other => Some(other),
    }));
    erase(&mut world, "anna", id, index);
    world.say("boris", id, "a round of proofs, to a head beyond that");
    world.wait_ms(10_000);
    world.cut("boris");
    world.tamper = None;
    world.terminals.get_mut("boris").unwrap().events.clear();
    world.reconnect("boris");
    let erased = |event: &Event| matches!(event, Event::Erased(of, list, _) if *of == id && *list == [index]);
    let told = at(&world, "boris", erased).expect("he is told");
    assert!(told < at(&world, "boris", |event| matches!(event, Event::CaughtUp)).unwrap());
    assert!(world.screen("boris", id)[0].starts_with("erased by"));
    assert!(kept > index);
}

#[test]
fn a_link_that_breaks_before_the_word_of_pushes_that_were_given_up_hides_no_erasure() {
    let mut world = World::new(164);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let index = world.say("anna", id, "soon gone");
    assert_eq!(world.screen("boris", id), ["soon gone"]);
    // The network gives up what it holds for him, with the Erase. Two more batches reach him before the core has heard of it,
    // and no answer to what he asks from then on.
    let erase_at = world.entries.len() as Index;
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Deliver(deliver) if login == "boris" => {
            let later = deliver.entries.first().is_some_and(|entry| entry.index > erase_at);
            later.then_some(ToTerminal::Deliver(deliver))
        }
        ToTerminal::Answer(_) if login == "boris" => None,
        other => Some(other),
    }));
    erase(&mut world, "anna", id, index);
    world.pushed("boris");
    for text in ["one", "two"] {
        world.say("anna", id, text);
    }
    assert_eq!(world.pushed("boris"), ["one", "two"], "he has worked through what came behind it");
    world.cut("boris");
    world.tamper = None;
    world.terminals.get_mut("boris").unwrap().events.clear();
    world.reconnect("boris");
    let erased = |event: &Event| matches!(event, Event::Erased(of, list, _) if *of == id && *list == [index]);
    let told = at(&world, "boris", erased).expect("he is told");
    assert!(told < at(&world, "boris", |event| matches!(event, Event::CaughtUp)).unwrap());
    // What was answered behind the pushes need not be asked for again.
    world.say("boris", id, "a round of proofs");
    world.cut("boris");
    world.terminals.get_mut("boris").unwrap().events.clear();
    world.reconnect("boris");
    assert_eq!(at(&world, "boris", |event| matches!(event, Event::Erased(..))), None, "once");
}

#[test]
fn a_page_that_was_answered_before_an_erasure_puts_nothing_back_after_it() {
    let mut world = World::new(151);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let index = world.say("anna", id, "soon gone");
    world.restart_terminal("boris");
    // The answer takes its time; what is pushed behind it is worked through before.
    let late = Rc::new(RefCell::new(None));
    let slot = late.clone();
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Answer(answer)
            if login == "boris"
                && slot.borrow().is_none()
                && matches!(answer.answer, Answer::Messages(_) | Answer::MessagesBefore(_)) =>
        {
            *slot.borrow_mut() = Some(ToTerminal::Answer(answer));
            None
        }
        other => Some(other),
    }));
    let asked = world.tell("boris", Command::MessagesFrom(id, 0));
    assert!(late.borrow().is_some());
    erase(&mut world, "anna", id, index);
    let frame = late.borrow_mut().take().unwrap();
    world.tamper = None;
    let wall_ms = world.now.wall_ms;
    world.terminals.get_mut("boris").unwrap().client.received(&encode(&frame), wall_ms);
    world.run();
    let Some(Ok(Reply::Messages(views, _))) = world.result("boris", asked) else { panic!() };
    assert!(crate::stories::shown(&views[0]).starts_with("erased by"));
}

#[test]
fn after_a_succession_nothing_stays_that_fell_since() {
    let rules = vec![RetentionRule { kind: None, label: None, keep_days: 1 }];
    let policy = Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() };
    let mut world = World::with(152, Suite::Ed25519, policy);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.say("anna", id, "one day");
    let kept = world.entries.len();
    for n in 0..20 {
        world.say("anna", id, &format!("lost {n}"));
    }
    assert_eq!(world.screen("boris", id).len(), 21);
    world.cut("boris");
    // It fell before he came back, by an entry that stands where he knows others.
    world.now.wall_ms += 3 * DAY_MS;
    world.now.boot_ms += 3 * DAY_MS;
    world.succeed(kept);
    assert!(world.facts().contains(&"retention-run"));
    assert!(world.entries.len() < kept + 20);
    world.terminals.get_mut("boris").unwrap().events.clear();
    world.reconnect("boris");
    // What his agent holds goes with this word: the session asks for nothing of what it does not hold itself.
    let lost = |event: &Event| matches!(event, Event::Succession(view) if view.seen > view.kept);
    let told = at(&world, "boris", lost).expect("he had seen more");
    assert!(told < at(&world, "boris", |event| matches!(event, Event::CaughtUp)).unwrap());
    let screen = world.screen("boris", id);
    assert!(screen[0].starts_with("erased by the schedule"), "{screen:?}");
    let other = world.say("boris", id, "and on");
    assert!(
        other > 0
            && !world.terminals["boris"].events.iter().any(|event| {
                matches!(event, Event::MissingBody(..) | Event::Dropped(..) | Event::Distrust(_))
            })
    );
}

/// Two officers shorten the idle lock.
fn another_policy(world: &mut World) -> Index {
    let dual = DualAct::Policy(Policy { idle_lock_ms: 120_000, ..Policy::standard() });
    let propose = Act::Propose(Propose { act: pki::canonical::encode(&dual).into() });
    let mut act = |login: &str, act| {
        let act = Command::Act(Box::new(OtherAct { act, staged: Vec::new(), verifiers: Vec::new() }));
        let Reply::Admitted(admitted) = world.ask(login, act).unwrap() else { panic!() };
        admitted.index
    };
    let proposal = act("olga", propose);
    act("oleg", Act::Approve(Approve { proposal }))
}

#[test]
fn what_was_under_way_before_a_succession_shows_and_remembers_nothing_of_what_is_lost() {
    let certificates: fn(&Answer) -> bool = |answer| matches!(answer, Answer::Certificates(_));
    let wraps: fn(&Answer) -> bool = |answer| matches!(answer, Answer::Wrap(_));
    for (number, held_back) in [(154, certificates), (155, wraps)] {
        let mut world = World::new(number);
        ["anna", "boris", "vera", "olga", "oleg"].iter().for_each(|login| world.arrive(login));
        let chat = world.private("anna", "boris");
        world.say("anna", chat, "kept");
        let kept = world.entries.len();
        world.say("anna", chat, "lost");
        let policy = another_policy(&mut world);
        world.tamper = Some(Box::new(move |login, frame| match frame {
            ToTerminal::Answer(answer) if login == "boris" && held_back(&answer.answer) => None,
            other => Some(other),
        }));
        world.restart_terminal("boris");
        let page = world.tell("boris", Command::MessagesFrom(chat, 0));
        let ruling = world.tell("boris", Command::Ask(Query::Policy));
        let lost: Vec<Index> = (0..4).map(|n| world.say("anna", chat, &format!("lost {n}"))).collect();
        let erase = EraseTarget::Messages(chat, vec![lost[0]]);
        assert!(world.result("boris", page).is_none(), "it waits");
        world.cut("boris");
        // Given while there is no server: it names an entry that is another's by the time there is one again.
        let erase = world.tell("boris", Command::Erase(erase));
        let sent = world.tell("boris", Command::Send(crate::stories::message(chat, "still to go")));
        world.succeed(kept);
        world.tamper = None;
        ["anna", "vera", "olga"].iter().for_each(|login| world.reconnect(login));
        let other = world.private("vera", "boris");
        while world.entries.len() < lost[3] as usize + 8 {
            world.say("vera", other, "of vera");
        }
        world.terminals.get_mut("boris").unwrap().events.retain(|event| matches!(event, Event::Failed(..)));
        world.reconnect("boris");
        let texts = |views: &[MessageView]| views.iter().map(crate::stories::shown).collect::<Vec<_>>();
        let Some(Ok(Reply::Messages(views, _))) = world.result("boris", page) else { panic!("asked again") };
        assert_eq!(texts(&views), ["kept"]);
        assert!(matches!(world.result("boris", sent), Some(Ok(_))), "it goes, in the log as it is");
        assert!(matches!(world.result("boris", erase), Some(Err(Error::Overtaken))));
        let answer = match world.result("boris", ruling) {
            Some(answer) => answer,
            // Answered before the cut, where only wraps were held back.
            None => world.ask("boris", Command::Ask(Query::Policy)),
        };
        let Ok(Reply::Answer(answer)) = answer else { panic!("asked again") };
        assert!(matches!(*answer, Answer::Policy(_, 0, _)), "not the lost one of #{policy}");
        let terminal = &world.terminals["boris"];
        assert_eq!(terminal.record.as_ref().unwrap().policy, Some(0));
        let lost = |event: &Event| matches!(event, Event::Message(view) if crate::stories::shown(view).starts_with("lost"));
        assert!(!terminal.events.iter().any(lost));
        let bad = |event: &Event| matches!(event, Event::Dropped(..) | Event::MissingBody(..));
        assert!(!terminal.events.iter().any(bad));
        assert_eq!(world.screen("boris", chat), ["kept", "still to go"]);
        assert!(world.screen("boris", other).iter().all(|text| text == "of vera"));
    }
}

#[test]
fn a_push_that_was_still_being_opened_shows_nothing_that_fell_meanwhile() {
    let mut world = World::new(156);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.say("anna", id, "the first");
    world.restart_terminal("boris");
    world.ask("boris", Command::Conversation(id)).unwrap();
    let late = Rc::new(RefCell::new(None));
    let slot = late.clone();
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Answer(answer) if login == "boris" && matches!(answer.answer, Answer::Wrap(_)) => {
            *slot.borrow_mut() = Some(ToTerminal::Answer(answer));
            None
        }
        other => Some(other),
    }));
    let index = world.say("anna", id, "soon gone");
    assert!(late.borrow().is_some(), "he has no key yet");
    world.cut("boris");
    erase(&mut world, "anna", id, index);
    world.terminals.get_mut("boris").unwrap().events.clear();
    world.reconnect("boris");
    assert!(at(&world, "boris", |event| matches!(event, Event::CaughtUp)).is_some());
    let frame = late.borrow_mut().take().unwrap();
    world.tamper = None;
    let wall_ms = world.now.wall_ms;
    world.terminals.get_mut("boris").unwrap().client.received(&encode(&frame), wall_ms);
    world.run();
    let gone =
        |event: &Event| matches!(event, Event::Message(view) if crate::stories::shown(view) == "soon gone");
    assert_eq!(at(&world, "boris", gone), None, "neither the screen nor the agent gets it back");
    let screen = world.screen("boris", id);
    assert!(screen[0] == "the first" && screen[1].starts_with("erased by"), "{screen:?}");
}

#[test]
fn a_body_that_was_given_up_is_no_alarm_and_one_more_is() {
    let mut world = World::new(157);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let lost = [world.say("anna", id, "given up"), world.say("anna", id, "withheld")];
    let kept = world.entries.len();
    world.succeed_without(kept, &lost[..1]);
    // The second is a server's that makes use of the first.
    world.tamper = Some(Box::new(move |_, frame| match frame {
        ToTerminal::Answer(mut answer) => {
            if let Answer::Messages(page) | Answer::MessagesBefore(page) = &mut answer.answer {
                let gone = page.entries.iter_mut().filter(|entry| lost.contains(&entry.index));
                gone.for_each(|entry| entry.body = None);
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
    world.terminal("boris", None, true);
    world.reconnect("boris");
    for _ in 0..2 {
        assert_eq!(world.screen("boris", id), ["given up in era 1", "missing!"]);
    }
    let accused = |event: &Event| matches!(event, Event::MissingBody(_, at) if *at == lost[0]);
    assert_eq!(at(&world, "boris", accused), None);
    assert!(at(&world, "boris", |event| matches!(event, Event::MissingBody(..))).is_some());
    let told = |event: &Event| matches!(event, Event::Succession(view) if view.bodies_missing == 1);
    assert!(at(&world, "boris", told).is_some(), "a terminal that comes new is told too");
    let successions = world.terminals["boris"].client.successions();
    assert_eq!(successions.len(), 1);
    assert_eq!((successions[0].kept, successions[0].last_lost()), (kept as u64, Some(kept as u64 + 4)));
    world.tamper = None;
    world.restart_terminal("boris");
    assert_eq!(world.terminals["boris"].client.successions().len(), 1, "and it stays known");
}

#[test]
fn a_question_that_is_refused_is_asked_again_before_this_was_all() {
    let mut world = World::new(153);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let index = world.say("anna", id, "soon gone");
    assert_eq!(world.screen("boris", id), ["soon gone"]);
    world.cut("boris");
    erase(&mut world, "anna", id, index);
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Answer(answer) if login == "boris" && matches!(answer.answer, Answer::Runs(_)) => {
            Some(ToTerminal::Refused(Refused { request: answer.request, code: Code::Busy.number() }))
        }
        other => Some(other),
    }));
    world.terminals.get_mut("boris").unwrap().events.clear();
    world.reconnect("boris");
    let caught_up = |event: &Event| matches!(event, Event::CaughtUp);
    assert_eq!(at(&world, "boris", caught_up), None, "nobody knows yet what a run took");
    world.tamper = None;
    world.now.wall_ms += 2000;
    let wall_ms = world.now.wall_ms;
    world.terminals.get_mut("boris").unwrap().client.tick(wall_ms);
    world.run();
    assert!(at(&world, "boris", caught_up).is_some());
}

#[test]
fn a_message_whose_receipt_was_lost_stands_once_behind_two_successions() {
    let mut world = World::new(160);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.say("boris", id, "the first");
    // It is admitted, and nobody tells her.
    let deaf = |of: fn(&ToTerminal) -> bool| -> Option<crate::world::Tamper> {
        Some(Box::new(move |login, frame| (login != "anna" || !of(&frame)).then_some(frame)))
    };
    world.tamper = deaf(|frame| matches!(frame, ToTerminal::Receipt(_)));
    let sent = world.tell("anna", Command::Send(crate::stories::message(id, "only once")));
    let first = world.entries.len();
    world.say("boris", id, "lost");
    world.cut("anna");
    world.succeed(first);
    // She enters the log as it goes on, asks what became of it, and before she knows that log ends too.
    let second = world.entries.len();
    world.tamper = deaf(|frame| {
        matches!(frame, ToTerminal::Receipt(_) | ToTerminal::Refused(_) | ToTerminal::Answer(_))
    });
    world.reconnect("anna");
    assert!(world.result("anna", sent).is_none());
    world.cut("anna");
    world.succeed(second);
    world.tamper = None;
    ["anna", "boris"].iter().for_each(|login| world.reconnect(login));
    assert!(matches!(world.result("anna", sent), Some(Ok(_))));
    assert_eq!(world.screen("boris", id), ["the first", "only once"]);
}

#[test]
fn an_erasure_that_took_effect_while_the_line_was_cut_is_told() {
    let mut world = World::new(161);
    ["anna", "boris"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    let index = world.say("anna", id, "soon gone");
    let done = |event: &Event| matches!(event, Event::ErasureDone(..));
    // She hears that it is in the journal, and is away when the keys are destroyed.
    world.tamper = Some(Box::new(|login, frame| match frame {
        ToTerminal::Deliver(_) if login == "anna" => None,
        other => Some(other),
    }));
    let target = EraseTarget::Messages(id, vec![index]);
    let Ok(Reply::Admitted(erase)) = world.ask("anna", Command::Erase(target)) else { panic!() };
    world.cut("anna");
    world.tamper = None;
    assert_eq!(at(&world, "anna", done), None);
    world.reconnect("anna");
    let told = |event: &Event| matches!(event, Event::ErasureDone(1, through) if *through >= erase.index);
    assert!(at(&world, "anna", told).is_some());
    world.terminals.get_mut("anna").unwrap().events.clear();
    world.cut("anna");
    world.reconnect("anna");
    assert_eq!(at(&world, "anna", done), None, "once");
}
