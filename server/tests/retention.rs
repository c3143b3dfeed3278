//! The schedule of retention on a real server with its clocks in the test's hand: who is due goes with his run, a run that
//! was missed is told, and a date that is set wrong lets nothing fall. Nothing here sleeps.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::DualAct;
use journal::fact::{AlarmKind, Fact};
use journal::retention::{Retention, RetentionRule};
use journal::{Content, ConversationId, Index, Policy};
use pki::Suite;
use protocol::client::event::{Content as Shown, ErasedBy, Eraser};
use protocol::client::{Command, Event, Reply};
use support::{Client, Journal, Server, Site, runtime};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn now_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// A site at noon, so that no day ends by itself within a story, whose officers let messages be kept for a day; anna and
/// boris talk. The run is at midnight.
struct Kept {
    site: Site,
    /// Seconds that have passed, noon included.
    passed: i64,
    /// And so far the date was set ahead of them.
    set: i64,
    anna: Client,
    boris: Client,
    to: ConversationId,
}

impl Kept {
    async fn new(suite: Suite) -> (Self, Server) {
        let site = Site::founded(suite).with_clock();
        let noon = DAY - (now_seconds() + DAY as u64 / 2).cast_signed() % DAY;
        site.clock().set_passed(noon);
        let server = site.start();
        let mut people = support::all_arrived(&site, &server, noon).await;
        let [olga, oleg, anna, boris] = &mut people[..] else { panic!("four") };
        let rules = vec![RetentionRule { kind: None, label: None, keep_days: 1 }];
        let policy = Policy { retention: Retention { rules, minute: 0 }, ..Policy::standard() };
        support::by_two(olga, oleg, &DualAct::Policy(policy)).await;
        let to = anna.talk_to(&site, "boris").await;
        let _accepted_already = boris.run(Command::Accept(to)).await;
        let (boris, anna) = (people.pop().unwrap(), people.pop().unwrap());
        (Self { site, passed: noon, set: 0, anna, boris, to }, server)
    }

    async fn say(&mut self, text: &str) {
        self.anna.admitted(Client::message(self.to, text)).await.unwrap();
    }

    /// The clocks go on.
    fn pass(&mut self, seconds: i64) {
        self.passed += seconds;
        self.site.clock().set_passed(self.passed);
    }

    /// Somebody sets the date.
    fn set(&mut self, seconds: i64) {
        self.set += seconds;
        self.site.clock().set_ahead(self.set);
    }

    /// Both are there again, with clocks that are right.
    async fn come_back(&mut self, server: &Server) {
        for (login, client) in [("anna", &mut self.anna), ("boris", &mut self.boris)] {
            client.come_back(&self.site, login, server, self.passed + self.set).await;
        }
    }

    /// The run that took the first message from boris, by the proof that his terminal looked at.
    async fn fallen(&mut self) -> Index {
        let ran = |event: &Event| matches!(event, Event::Ran(_)).then_some(());
        assert!(self.boris.told(ran).await.is_some(), "his copies go");
        match self.shown().await.first() {
            Some(Shown::Erased(ErasedBy { by: Eraser::Schedule, index })) => *index,
            Some(_) | None => panic!("it did not fall"),
        }
    }

    async fn texts(&mut self) -> Vec<String> {
        self.boris.texts(self.to).await.into_iter().map(|(_, text)| text).collect()
    }

    fn assert_sound(&self) {
        let check = self.site.check(&["--full", "--json"]);
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }

    /// What boris is shown of each message, from the first on.
    async fn shown(&mut self) -> Vec<Shown> {
        match self.boris.run(Command::MessagesFrom(self.to, 0)).await {
            Ok(Reply::Messages(page, _)) => page.into_iter().map(|message| message.content).collect(),
            Ok(_) | Err(_) => panic!("no messages"),
        }
    }
}

fn alarms(journal: &Journal, kind: AlarmKind) -> usize {
    let of = |fact: &&Fact| matches!(fact, Fact::Alarm(found) if found.alarm == kind);
    journal.facts().filter(of).count()
}

fn runs(journal: &Journal) -> Vec<u64> {
    let taken = journal.facts().filter_map(|fact| match fact {
        Fact::RetentionRun(run) => Some(run.counts.iter().sum()),
        _ => None,
    });
    taken.collect()
}

/// Messages go with the run of their day, whoever is there; a run that was missed is told, and made at the start.
fn the_retention_schedule_takes_what_is_due_and_tells_of_a_run_that_was_missed(suite: Suite) {
    let runtime = runtime();
    let (mut story, server, run) = runtime.block_on(async {
        let (mut story, server) = Kept::new(suite).await;
        story.say("for a day").await;
        // The schedule is new: nobody loses anything by it before the time to object is over.
        story.pass(DAY / 2 + 60);
        story.come_back(&server).await;
        for days in 1..=3 {
            story.say(&format!("day {days}")).await;
            assert_eq!(story.texts().await.len(), 1 + days, "all of them");
            story.pass(DAY);
            story.come_back(&server).await;
        }
        story.say("day 4").await;
        let run = story.fallen().await;
        let left = story.texts().await;
        assert_eq!(left, ["day 3", "day 4"], "kept for a day, and to its end");
        (story, server, run)
    });
    let journal = story.site.audited(server, &[&story.anna, &story.boris]);
    let ran = journal.replay.register().retention().last.unwrap();
    assert_eq!((ran.index, ran.messages), (run, 3));
    assert_eq!(runs(&journal), [0, 0, 0, 3], "each day has its run");
    assert_eq!(alarms(&journal, AlarmKind::RetentionMissed), 0);
    // The site is off over a weekend.
    story.pass(2 * DAY);
    let server = story.site.start();
    runtime.block_on(async {
        story.come_back(&server).await;
        let shown = story.shown().await;
        assert_eq!(shown.len(), 5);
        assert!(shown.iter().all(|one| matches!(one, Shown::Erased(by) if by.by == Eraser::Schedule)));
    });
    let journal = story.site.audited(server, &[&story.boris]);
    assert_eq!(runs(&journal), [0, 0, 0, 3, 2]);
    assert_eq!(alarms(&journal, AlarmKind::RetentionMissed), 1, "and says so");
    assert_eq!(alarms(&journal, AlarmKind::ClockLeapt), 0, "nothing was wrong with its clock");
    story.assert_sound();
}

/// Whoever sets the date has everything fall, but not before the server has run for the time of the warning.
fn a_date_that_is_set_days_ahead_lets_nothing_fall_before_anybody_could_hear_of_it(suite: Suite) {
    let runtime = runtime();
    let (mut story, server) = runtime.block_on(async {
        let (mut story, server) = Kept::new(suite).await;
        story.say("stays for now").await;
        // Behind the time that a new schedule leaves everybody, but for the running.
        story.set(4 * DAY + HOUR);
        story.come_back(&server).await;
        story.say("the same day").await;
        assert_eq!(story.texts().await, ["stays for now", "the same day"]);
        (story, server)
    });
    let journal = story.site.audited(server, &[&story.anna, &story.boris]);
    assert_eq!(runs(&journal), [] as [u64; 0], "four were due");
    assert_eq!(alarms(&journal, AlarmKind::ClockLeapt), 1);
    let leapt = journal.entries.iter().find(
        |entry| matches!(&entry.content, Content::Fact(Fact::Alarm(of)) if of.alarm == AlarmKind::ClockLeapt),
    );
    let warning = 7 * DAY;
    assert_eq!(Policy::standard().hold_warning_ms, warning as u64 * 1000);
    let register = journal.replay.register();
    let next_ms = register.next_run_ms().expect("a run waits");
    let wait_ms = next_ms - leapt.expect("counted above").wall_ms;
    assert!(wait_ms.abs_diff(warning as u64 * 1000) < 60_000, "{wait_ms}");
    // A night off does not count, whatever the clock shows.
    story.pass(DAY);
    let server = story.site.start();
    let run = runtime.block_on(async {
        for days in 1..=6 {
            story.pass(DAY);
            story.come_back(&server).await;
            story.say("later").await;
            assert_eq!(story.texts().await.len(), 2 + days, "the date says otherwise");
        }
        story.pass(DAY);
        story.come_back(&server).await;
        story.say("at last").await;
        story.fallen().await
    });
    let journal = story.site.audited(server, &[&story.anna, &story.boris]);
    assert_eq!(journal.replay.register().retention().last.map(|last| last.index), Some(run));
    assert_eq!(runs(&journal), [2 + 5], "all but those of its day and the day before");
    assert_eq!(alarms(&journal, AlarmKind::ClockLeapt), 1, "said once");
    story.assert_sound();
}

support::on_each_suite! {
    the_retention_schedule_takes_what_is_due_and_tells_of_a_run_that_was_missed,
    a_date_that_is_set_days_ahead_lets_nothing_fall_before_anybody_could_hear_of_it,
}
