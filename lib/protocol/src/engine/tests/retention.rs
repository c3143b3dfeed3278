//! A run that is larger than one part takes.
use super::world::World;
use crate::io::{Input, Output};
use journal::act::{Act, Approve, DualAct, Propose};
use journal::fact::{AlarmKind, Fact, RetentionRun};
use journal::policy::Policy;
use journal::register::RUN_MESSAGES_MAX;
use journal::retention::{DAY_MS, Retention, RetentionRule};
use pki::Suite;

/// All that a site keeps for so long.
fn keeping(keep_days: u32) -> Policy {
    let rules = vec![RetentionRule { kind: None, label: None, keep_days }];
    Policy { retention: Retention { rules, minute: 180 }, ..Policy::standard() }
}

fn parts(world: &World) -> Vec<(u32, bool, u64)> {
    let part = |fact: Fact| match fact {
        Fact::RetentionRun(RetentionRun { part, last, counts, .. }) => {
            Some((part, last, counts.iter().sum()))
        }
        _ => None,
    };
    world.facts().into_iter().filter_map(part).filter(|(.., count)| *count > 0).collect()
}

/// Lets time pass, as the driver's alarm clock does.
fn pass(world: &mut World, ms: u64) {
    world.wait_ms(ms);
    world.input(Input::Wake);
}

#[test]
fn the_next_part_of_a_run_waits_for_the_erasure_of_the_one_before() {
    let mut world = World::with(70, Suite::Ed25519, keeping(1));
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    for n in 0..RUN_MESSAGES_MAX + 3 {
        world.send("anna", chat).expect("sent");
        if n % 256 == 0 {
            world.wait_ms(10_000);
            world.all_drain();
            let taken = ["anna", "boris"].map(|login| (world.session(login), u64::MAX));
            world.input(Input::Drained(taken.to_vec()));
        }
    }
    pass(&mut world, 3 * 3_600_000);
    pass(&mut world, DAY_MS);
    assert_eq!(parts(&world), [], "not yet");
    world.hold_network = true;
    pass(&mut world, DAY_MS);
    let first = (1, false, RUN_MESSAGES_MAX as u64);
    assert_eq!(parts(&world), [first], "what waits to be erased stays bounded");
    assert!(world.register().retention().open.is_some());
    assert!(world.engine.next_deadline_ms().is_none_or(|due_ms| due_ms > world.now.wall_ms), "nobody spins");
    world.hold_network = false;
    // Whoever must end the wait gets in, and nobody is shut out of his work by it.
    pass(&mut world, DAY_MS);
    pass(&mut world, DAY_MS);
    for login in ["olga", "oleg"] {
        world.enter(login);
    }
    let policy = world.register().policy().expect("founded").clone();
    let act = DualAct::Policy(Policy { file_save: !policy.file_save, ..policy });
    let act = Propose { act: pki::canonical::encode(&act).into() };
    let proposal = world.act("olga", Act::Propose(act)).expect("proposes");
    world.act("oleg", Act::Approve(Approve { proposal })).expect("approves");
    world.send("anna", chat).expect("and anna goes on");
    assert_eq!(parts(&world), [first]);
    while let Some(Output::Forget(number, _)) = world.held.pop_front() {
        world.input(Input::Forgotten(number, Vec::new()));
    }
    assert_eq!(parts(&world), [first, (2, true, 3)], "as soon as the first is erased");
    assert!(world.register().erasures_pending().next().is_none());
}

#[test]
fn a_start_with_a_date_that_is_wrong_erases_nothing_and_tells_the_officers() {
    let mut world = World::with(71, Suite::Ed25519, keeping(10));
    world.all_enter();
    let chat = world.talking("anna", &["boris"]);
    world.send("anna", chat).expect("sent");
    pass(&mut world, DAY_MS);
    world.now.wall_ms += 11 * DAY_MS;
    world.crash();
    let leapt = |world: &World| {
        world.has_fact(|fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::ClockLeapt))
    };
    assert!(leapt(&world) && parts(&world).is_empty());
    world.all_enter();
    world.send("boris", chat).expect("people go on");
    let warning_ms = Policy::standard().hold_warning_ms;
    assert!(world.engine.next_deadline_ms().is_some_and(|ms| ms <= world.now.wall_ms + warning_ms));
    pass(&mut world, warning_ms - DAY_MS);
    assert_eq!(parts(&world), []);
    pass(&mut world, DAY_MS + 1);
    assert_eq!(parts(&world), [(1, true, 1)], "when the officers have had the time of a warning");
}
