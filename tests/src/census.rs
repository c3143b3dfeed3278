//! How much happened in a history: a promise that was never put to the test was not kept.

use crate::judge::Log;
use crate::world::World;
use journal::act::Act;
use journal::fact::{AlarmKind, Fact};
use pki::Suite;

/// Counts over histories.
#[derive(Clone, Copy, Default, Debug)]
pub struct Census {
    /// Histories.
    pub seeds: u64,
    /// Lives of servers beyond the first.
    pub restarts: u64,
    /// Of these, begun with a snapshot; each was compared with the replay of everything.
    pub short_starts: u64,
    /// Messages in the log.
    pub messages: u64,
    /// Of these, with files.
    pub files: u64,
    /// Messages whose senders lost their power before they were told.
    pub lost: u64,
    /// Logins.
    pub logins: u64,
    /// People invited and removed.
    pub members: u64,
    /// Epochs of keys.
    pub epochs: u64,
    /// Histories shared.
    pub shares: u64,
    /// Erasures asked for.
    pub erases: u64,
    /// Erasure epochs that took effect.
    pub erased: u64,
    /// Runs of a retention schedule that let something fall.
    pub fell: u64,
    /// Of the runs, those that were missed.
    pub missed: u64,
    /// Leaps of a clock that runs waited for.
    pub leapt: u64,
    /// Jumps of a clock that were noticed.
    pub steps: u64,
    /// People suspended, and resumed.
    pub suspended: u64,
    /// People revoked.
    pub revoked: u64,
    /// Policies that two officers made.
    pub policies: u64,
    /// Devices that were nearly full.
    pub full: u64,
    /// Histories at sites of suite P-256.
    pub curve: u64,
}

impl Census {
    /// What happened in this world.
    pub fn of(world: &World, log: &Log) -> Self {
        let count = |of: fn(&Act) -> bool| log.acts().filter(|(_, _, _, act)| of(act)).count() as u64;
        let facts = |of: fn(&Fact) -> bool| log.facts().filter(|fact| of(fact)).count() as u64;
        let alarms = |kind| {
            log.facts().filter(|fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == kind)).count()
                as u64
        };
        Self {
            seeds: 1,
            restarts: world.lives - 1,
            short_starts: world.short_starts,
            messages: count(|act| matches!(act, Act::Message(_))),
            files: count(|act| matches!(act, Act::Message(message) if message.file.is_some())),
            lost: world.terminals.values().map(|terminal| terminal.lost.len() as u64).sum(),
            logins: count(|act| matches!(act, Act::Login(_))),
            members: count(|act| matches!(act, Act::Invite(_) | Act::Remove(_) | Act::Leave(_))),
            epochs: count(|act| matches!(act, Act::Epoch(_))),
            shares: count(|act| matches!(act, Act::ShareHistory(_))),
            erases: count(|act| matches!(act, Act::Erase(_))),
            erased: facts(|fact| matches!(fact, Fact::Erased(_))),
            fell: facts(|fact| matches!(fact, Fact::RetentionRun(run) if run.counts.iter().any(|n| *n > 0))),
            missed: alarms(AlarmKind::RetentionMissed),
            leapt: alarms(AlarmKind::ClockLeapt),
            steps: facts(|fact| matches!(fact, Fact::ClockStep(_))),
            suspended: count(|act| matches!(act, Act::Suspend(_) | Act::Resume(_))),
            revoked: count(|act| matches!(act, Act::Revoke(_))),
            policies: count(|act| matches!(act, Act::Approve(_))),
            full: alarms(AlarmKind::NearlyFull),
            curve: u64::from(world.site.test.suite == Suite::EcdsaP256),
        }
    }

    /// All together.
    pub fn add(&mut self, other: &Self) {
        let pairs = self.all_mut().into_iter().zip(other.all());
        pairs.for_each(|(sum, one)| *sum += one);
    }

    /// Whether everything happened often enough, on average, to mean something.
    pub fn is_eventful(&self) -> bool {
        let rare =
            [self.short_starts, self.files, self.lost, self.members, self.erases, self.erased, self.steps];
        let common = [self.restarts, self.messages, self.logins, self.epochs];
        // Histories are shared seldom: somebody must come, and stay long enough. Officers are there in some worlds only,
        // and few devices are small.
        let seldom = [
            self.fell,
            self.missed,
            self.leapt,
            self.shares,
            self.suspended,
            self.revoked,
            self.policies,
            self.full,
            self.curve,
        ];
        seldom.iter().all(|count| *count * 100 >= self.seeds)
            && rare.iter().all(|count| *count * 4 >= self.seeds)
            && common.iter().all(|count| *count >= self.seeds)
    }

    fn all(&self) -> [u64; 21] {
        let mut copy = *self;
        copy.all_mut().map(|count| *count)
    }

    fn all_mut(&mut self) -> [&mut u64; 21] {
        let Self {
            seeds,
            restarts,
            short_starts,
            messages,
            files,
            lost,
            logins,
            members,
            epochs,
            shares,
            erases,
            erased,
            fell,
            missed,
            leapt,
            steps,
            suspended,
            revoked,
            policies,
            full,
            curve,
        } = self;
        [
            seeds,
            restarts,
            short_starts,
            messages,
            files,
            lost,
            logins,
            members,
            epochs,
            shares,
            erases,
            erased,
            fell,
            missed,
            leapt,
            steps,
            suspended,
            revoked,
            policies,
            full,
            curve,
        ]
    }
}
