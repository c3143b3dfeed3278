//! The retention schedule as terminals see it: what fell by it, what its proof must say, and what is no proof.

use crate::world::World;
use journal::fact::AlarmKind;
use journal::ids::{ConversationId, Index};
use journal::policy::Policy;
use journal::register::Raised;
use journal::retention::{DAY_MS, Retention, RetentionRule};
use pki::Suite;
use protocol::Code;
use protocol::answer::{Answer, RetentionRecord};
use protocol::client::{Command, Error, Event, Reply};
use protocol::frame::ToTerminal;
use protocol::query::Query;

fn schedule(days: u32) -> Retention {
    Retention { rules: vec![RetentionRule { kind: None, label: None, keep_days: days }], minute: 180 }
}

/// A site that keeps everything for a day; it was founded at midnight, and its first run was at three.
fn forgetful(number: u64) -> (World, ConversationId) {
    let policy = Policy { retention: schedule(1), ..Policy::standard() };
    let mut world = World::with(number, Suite::Ed25519, policy);
    ["anna", "boris", "olga"].iter().for_each(|login| world.arrive(login));
    let id = world.private("anna", "boris");
    world.wait_ms(3 * 3_600_000);
    assert_eq!(runs(&world).len(), 1);
    (world, id)
}

fn runs(world: &World) -> Vec<Index> {
    world.facts_named("retention-run")
}

fn told(world: &World, login: &str, wanted: impl Fn(&Event) -> bool) -> bool {
    world.terminals[login].events.iter().any(wanted)
}

fn is_missing(event: &Event) -> bool {
    matches!(event, Event::MissingBody(..))
}

#[test]
fn what_falls_by_the_schedule_reaches_every_terminal_with_its_proof() {
    let (mut world, id) = forgetful(130);
    world.say("anna", id, "one day");
    assert_eq!(world.screen("boris", id), ["one day"]);
    world.wait_ms(DAY_MS);
    let later = world.say("boris", id, "the next");
    assert_eq!(world.screen("anna", id), ["one day", "the next"]);
    world.wait_ms(DAY_MS);
    let run = *runs(&world).last().unwrap();
    let tombstone = format!("erased by the schedule, #{run}");
    for login in ["anna", "boris"] {
        assert!(told(&world, login, |event| matches!(event, Event::Ran(view) if view.index == run)));
        assert_eq!(world.screen(login, id), [tombstone.as_str(), "the next"]);
        world.restart_terminal(login);
        assert_eq!(world.screen(login, id), [tombstone.as_str(), "the next"], "proven to a fresh terminal");
    }
    world.restart(None);
    world.reconnect("anna");
    assert_eq!(world.screen("anna", id), [tombstone.as_str(), "the next"], "and after a restart");
    assert!(!told(&world, "anna", is_missing) && !world.facts().contains(&"alarm"));
    assert_eq!(runs(&world).len(), 3, "one a day, also where nothing is due");
    assert!(later < run);
}

#[test]
fn a_run_that_a_terminal_missed_takes_its_copies_before_anything_else() {
    let (mut world, id) = forgetful(135);
    world.say("anna", id, "one day");
    assert_eq!(world.screen("anna", id), ["one day"]);
    let before = *runs(&world).last().unwrap();
    world.cut("anna");
    (0..2).for_each(|_| world.wait_ms(DAY_MS));
    let missed = runs(&world).into_iter().filter(|run| *run > before).collect::<Vec<_>>();
    assert_eq!(missed.len(), 2);
    world.terminals.get_mut("anna").unwrap().events.clear();
    world.reconnect("anna");
    let events = &world.terminals["anna"].events;
    let ran = |event: &Event| matches!(event, Event::Ran(view) if view.index == missed[1]);
    let told = events.iter().position(ran).expect("the run that took something");
    let caught_up = events.iter().position(|event| matches!(event, Event::CaughtUp)).unwrap();
    assert!(told < caught_up, "before she is told that nothing is missing");
    let count = events.iter().filter(|event| matches!(event, Event::Ran(_))).count();
    assert_eq!(count, 1, "of the other one, which took nothing, she need not hear");
    assert!(!events.iter().any(|event| matches!(event, Event::Dropped(..) | Event::MissingBody(..))));
    assert_eq!(world.screen("anna", id), [format!("erased by the schedule, #{}", missed[1])]);
}

#[test]
fn a_run_that_was_missed_is_alarmed_and_made_at_the_start() {
    let (mut world, id) = forgetful(131);
    world.say("anna", id, "one day");
    world.now.wall_ms += 3 * DAY_MS;
    world.restart(None);
    let facts = world.facts();
    let start = facts.iter().rposition(|name| *name == "start").unwrap();
    assert_eq!(facts[start..start + 3], ["start", "alarm", "retention-run"], "before anything else");
    world.reconnect("anna");
    let run = runs(&world)[1];
    assert_eq!(world.screen("anna", id), [format!("erased by the schedule, #{run}")]);
}

#[test]
fn an_officer_who_enters_afterwards_hears_of_a_date_that_leapt_and_of_how_long_runs_wait() {
    let (mut world, id) = forgetful(136);
    world.say("anna", id, "one day");
    world.now.wall_ms += 30 * DAY_MS;
    world.restart(None);
    let alarm = |event: &Event| match event {
        Event::Alarm(view) => match view.what {
            Raised::Alarm(AlarmKind::ClockLeapt, _, number) => number.map(|ms| ms / DAY_MS),
            Raised::Alarm(..) | Raised::Report(..) | Raised::Finding(..) => None,
        },
        _ => None,
    };
    let heard = |world: &World, login: &str| {
        world.terminals[login].events.iter().filter_map(alarm).collect::<Vec<_>>()
    };
    ["anna", "olga"].iter().for_each(|login| world.reconnect(login));
    assert_eq!(heard(&world, "olga"), [30]);
    assert_eq!(heard(&world, "anna"), [0; 0], "officers alone");
    let unheard = |world: &mut World| match world.ask("olga", Command::Alarms) {
        Ok(Reply::Alarms(alarms)) => alarms,
        _ => panic!("no alarms"),
    };
    let alarms = unheard(&mut world);
    assert_eq!(alarms.len(), 1);
    world.restart_terminal("olga");
    assert_eq!(unheard(&mut world), alarms, "until a program says that it showed them");
    world.ask("olga", Command::HeardAlarms(alarms[0].index + 1)).unwrap();
    world.restart_terminal("olga");
    assert_eq!(unheard(&mut world), []);
    let refused = world.ask("anna", Command::Alarms);
    assert!(matches!(refused, Err(Error::Refused { code }) if code == Code::NotFound.number()));
    let answer = world.ask("olga", Command::Ask(Query::Retention(None))).unwrap();
    let Reply::Answer(answer) = answer else { panic!() };
    let Answer::Retention(record) = *answer else { panic!() };
    assert!(record.waits_ms.is_some_and(|ms| ms > 6 * DAY_MS && ms <= 7 * DAY_MS));
    // One that comes while she is there is told at once.
    assert_eq!(heard(&world, "olga"), [0; 0]);
    world.now.wall_ms += 5 * DAY_MS;
    world.wait_ms(1000);
    assert_eq!(heard(&world, "olga"), [5], "also where the server ran");
}

#[test]
fn a_run_before_its_time_is_believed_by_nobody() {
    let (mut world, id) = forgetful(132);
    world.say("anna", id, "not due");
    // A server that wants something gone says that days have passed.
    world.server_ahead_ms = 3 * DAY_MS;
    world.wait_ms(1);
    let run = *runs(&world).last().unwrap();
    assert_eq!(runs(&world).len(), 2);
    let refused = |event: &Event| matches!(event, Event::ClockAhead(at) if *at == run);
    assert!(told(&world, "anna", refused));
    assert_eq!(world.screen("anna", id), [format!("ahead of this clock, #{run}")], "no word of an erasure");
    assert!(!told(&world, "anna", is_missing), "two clocks, and no alarm");
    assert!(!told(&world, "anna", |event| matches!(event, Event::Ran(_))));
}

/// The server gives anna no body of this message, and says that the entry took it.
pub(crate) fn withheld(world: &mut World, message: Index, by: Index) {
    world.tamper = Some(Box::new(move |login, frame| match frame {
        ToTerminal::Answer(mut answer) if login == "anna" => {
            if let Answer::Messages(page) | Answer::MessagesBefore(page) = &mut answer.answer {
                for entry in page.entries.iter_mut().filter(|entry| entry.index == message) {
                    (entry.body, entry.erased_by) = (None, Some(by));
                }
            }
            Some(ToTerminal::Answer(answer))
        }
        other => Some(other),
    }));
}

#[test]
fn a_run_ahead_of_a_clock_explains_nothing_that_it_does_not_take() {
    let (mut world, id) = forgetful(137);
    let due = world.say("anna", id, "of the first day");
    world.wait_ms(DAY_MS + 20 * 3_600_000);
    let young = world.say("anna", id, "of the second");
    // It is an hour before midnight, and half past three by the server: what it says of the first day is no alarm.
    world.server_ahead_ms = 4 * 3_600_000 + 1_800_000;
    world.wait_ms(1);
    let run = *runs(&world).last().unwrap();
    assert_eq!(runs(&world).len(), 3);
    assert!(told(&world, "anna", |event| matches!(event, Event::ClockAhead(at) if *at == run)));
    let ahead = format!("ahead of this clock, #{run}");
    assert_eq!(world.screen("anna", id), [ahead.as_str(), "of the second"]);
    assert!(!told(&world, "anna", is_missing));
    withheld(&mut world, young, run);
    assert_eq!(world.screen("anna", id), [ahead.as_str(), "missing!"], "it is too young for that run");
    assert!(told(&world, "anna", |event| matches!(event, Event::MissingBody(_, at) if *at == young)));
    assert!(due < young);
}

#[test]
fn an_honest_run_explains_nothing_that_was_not_due_at_it() {
    let (mut world, id) = forgetful(133);
    let first = world.say("anna", id, "kept until tomorrow");
    world.wait_ms(DAY_MS);
    // The runs of the day before the message and of the day after it; neither took it.
    for run in runs(&world) {
        withheld(&mut world, first, run);
        world.terminals.get_mut("anna").unwrap().events.clear();
        assert_eq!(world.screen("anna", id), ["missing!"], "#{run}");
        assert!(told(&world, "anna", is_missing));
    }
}

fn asked(world: &mut World, login: &str, of: Option<Retention>) -> Result<RetentionRecord, Error> {
    match world.ask(login, Command::Ask(Query::Retention(of)))? {
        Reply::Answer(answer) => match *answer {
            Answer::Retention(record) => Ok(*record),
            _ => panic!("another answer"),
        },
        _ => panic!("no answer"),
    }
}

#[test]
fn officers_are_told_what_another_schedule_would_take() {
    let (mut world, id) = forgetful(134);
    for n in 0..3 {
        world.say("anna", id, &n.to_string());
    }
    let now = asked(&mut world, "olga", None).unwrap();
    assert_eq!((now.next_ms, now.preview.unwrap().counts), (now.first_ms, vec![0]));
    assert_eq!(now.last.map(|last| last.index), runs(&world).last().copied());
    world.wait_ms(DAY_MS);
    assert_eq!(asked(&mut world, "olga", None).unwrap().preview.unwrap().counts, [3], "tomorrow");
    let longer = asked(&mut world, "olga", Some(schedule(30))).unwrap();
    assert_eq!(
        (longer.preview.unwrap().counts, longer.first_ms),
        (vec![0], now.next_ms.map(|ms| ms + DAY_MS))
    );
    let none = asked(&mut world, "olga", Some(Retention::default())).unwrap();
    assert_eq!((none.first_ms, none.preview.unwrap().counts), (None, vec![]));
    let refused = Some(Error::Refused { code: Code::NotFound.number() });
    assert_eq!(asked(&mut world, "anna", None).err(), refused, "it is the office's business");
}
