//! What the schedule of retention lets fall, worked out here from the policy, the time and the holds, and from nothing that
//! a Fact claims: a run that says otherwise is refused.
//! Never walks over all messages: those of a conversation stand in the order of time, and a mark for each label says how
//! far they are done with.

use super::leap::Leap;
use super::sweep::{Marks, Sweep};
use super::{Applied, Audience, Candidate, Conversation, Effect, Register, codec::pairs};
use crate::act::HoldScope;
use crate::fact::RetentionRun;
use crate::ids::Index;
use crate::refusal::Refusal;
use crate::retention::{DAY_MS, RANKS, Retention, day_of};
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// How late a run may come before it counts as missed, milliseconds.
pub const RUN_GRACE_MS: u64 = 3_600_000;
/// Most messages that one part of a run takes.
pub const RUN_MESSAGES_MAX: usize = 4096;
/// Most rows that one part of a run looks at.
const RUN_ROWS_MAX: usize = 65_536;

/// How the schedule stands.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Retaining {
    /// When the next run is due; `None` where the policy has no rule.
    #[n(0)]
    pub next_ms: Option<u64>,
    /// A run of which there are further parts.
    #[n(1)]
    pub open: Option<OpenRun>,
    /// The run that is due was missed, and an alarm says so.
    #[n(2)]
    pub missed: bool,
    /// The last run that was ended.
    #[n(3)]
    pub last: Option<LastRun>,
    /// The first entry of each day that has one.
    #[cbor(n(4), with = "pairs")]
    days: BTreeMap<u64, Index>,
    /// Whether the wall clock is to be believed.
    #[n(5)]
    pub(super) leap: Leap,
}

/// A run that goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct OpenRun {
    /// Parts that stand.
    #[n(0)]
    pub parts: u32,
    /// The conversation that the next one begins at.
    #[n(1)]
    pub conversation: u64,
    /// Messages taken.
    #[n(2)]
    pub messages: u64,
    /// Messages that a hold keeps.
    #[n(3)]
    pub held: u64,
}

/// A run that was ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct LastRun {
    /// Its last part.
    #[n(0)]
    pub index: Index,
    /// When that was.
    #[n(1)]
    pub wall_ms: u64,
    /// Messages taken, by all of its parts.
    #[n(2)]
    pub messages: u64,
    /// Messages that it came by for the first time and that a hold keeps.
    #[n(3)]
    pub held: u64,
}

/// What a schedule would take.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Preview {
    /// Messages by rule.
    #[n(0)]
    pub counts: Vec<u64>,
    /// Due messages that a hold keeps.
    #[n(1)]
    pub held: u64,
}

/// One part of a run, worked out and not yet done.
struct Part {
    counts: Vec<u64>,
    held: u64,
    /// By conversation, ascending.
    taken: Vec<(u64, Vec<Index>)>,
    marks: Vec<(u64, Marks)>,
    /// The conversation in which there is more than one part takes.
    more: Option<u64>,
}

impl Part {
    fn messages(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Retaining {
    /// The first entry stamped on this day or later; past all of them where there is none yet.
    pub(super) fn first_index_of(&self, day: u64) -> Index {
        self.days.range(day..).next().map_or(Index::MAX, |(_, index)| *index)
    }

    /// When the first entry was stamped, to the day.
    pub(super) fn first_day(&self) -> u64 {
        self.days.first_key_value().map_or(0, |(day, _)| *day)
    }

    /// Days behind this one have not come: the first entry that was stamped on one of them, if any was. The time from which
    /// the next run is due is `next_ms`; of a run that such a day began nothing further comes.
    pub(super) fn set_back(&mut self, day: u64, now_ms: u64, next_ms: Option<u64>) -> Option<Index> {
        if self.next_ms.is_some_and(|due_ms| due_ms > now_ms) {
            (self.next_ms, self.open, self.missed) = (next_ms, None, false);
        }
        self.days.split_off(&day.saturating_add(1)).into_values().next()
    }

    /// An entry stands.
    pub(super) fn stamped(&mut self, candidate: &Candidate<'_>) {
        let day = day_of(candidate.wall_ms);
        if self.days.last_key_value().is_none_or(|(last, _)| *last < day) {
            self.days.insert(day, candidate.index);
        }
    }
}

pub(super) fn bad(reason: &str) -> Refusal {
    Refusal::BadRetentionRun { reason: reason.into() }
}

impl Register {
    /// How the schedule stands.
    pub fn retention(&self) -> &Retaining {
        &self.retaining
    }

    /// The part of a run that may stand at these times, as only it may stand; `None` where none is due, or where it waits.
    pub fn retention_due(&self, wall_ms: u64, boot_ms: u64) -> Option<RetentionRun> {
        let due_ms = self.retaining.next_ms.filter(|due_ms| *due_ms <= wall_ms)?;
        if self.run_held_up() || self.run_waits(wall_ms, self.ran_by(boot_ms)).is_some() {
            return None;
        }
        let part = self.part(wall_ms, self.ran_by(boot_ms))?;
        Some(self.run_of(due_ms, &part))
    }

    /// The run that is due was missed, and no alarm says so yet: when it was due.
    pub fn retention_missed(&self, wall_ms: u64, boot_ms: u64) -> Option<u64> {
        self.missed(wall_ms, self.ran_by(boot_ms))
    }

    /// What fell by the parts before is not erased yet: the next one waits for that, and what is to be erased stays bounded.
    fn run_held_up(&self) -> bool {
        let pending = || self.erasures.values().map(Vec::len).sum::<usize>();
        self.retaining.open.is_some() && pending() >= RUN_MESSAGES_MAX
    }

    /// A run that should stand by now, so that nobody may act before it does.
    pub(super) fn overdue(&self, wall_ms: u64, ran_ms: u64) -> Option<u64> {
        let due_ms = self.retaining.next_ms?;
        // A large run goes on for a while; before the next one is due it has to be done.
        let grace_ms = if self.retaining.open.is_some() { DAY_MS } else { RUN_GRACE_MS };
        // Whoever had to wait for the clock is late from the end of that on.
        let late = wall_ms > due_ms.saturating_add(grace_ms)
            && ran_ms > self.retaining.leap.waited_until().map_or(0, |at_ms| at_ms.saturating_add(grace_ms));
        let waits = || self.run_held_up() || self.run_waits(wall_ms, ran_ms).is_some();
        (late && !waits()).then_some(due_ms)
    }

    /// It is late, and did not begin in time.
    fn missed(&self, wall_ms: u64, ran_ms: u64) -> Option<u64> {
        let waited_for = self.retaining.open.is_none() && !self.retaining.missed;
        self.overdue(wall_ms, ran_ms).filter(|_| waited_for)
    }

    /// How much [`Self::retention_preview`] looks at, at most: each rank of labels by itself walks over conversations and
    /// messages, once more for each time that the clock was set back, and what holds name is gathered first.
    pub fn preview_rows(&self) -> u64 {
        let walked = self.message_count().saturating_add(self.conversations.len() as u64);
        let held = self.holds.values().map(|row| match &row.hold.scope {
            HoldScope::Person(_) | HoldScope::Conversation(_) => 1,
            HoldScope::Messages(_, messages) => messages.len() as u64,
        });
        let walks = (RANKS as u64).saturating_mul(1 + self.clock_sets().len() as u64);
        walked.saturating_mul(walks).saturating_add(held.sum())
    }

    /// What this schedule would take at its first run, were it at that time. Looks at every message: for who decides.
    pub fn retention_preview(&self, schedule: &Retention, run_ms: u64) -> Preview {
        if schedule.rules.is_empty() {
            return Preview { counts: Vec::new(), held: 0 };
        }
        let mut sweep = Sweep::new(self, schedule, run_ms, (usize::MAX, usize::MAX));
        for row in self.conversations.values() {
            sweep.conversation(row, &mut Marks::default(), &mut Vec::new());
        }
        Preview { counts: sweep.counts, held: sweep.held }
    }

    fn run_of(&self, due_ms: u64, part: &Part) -> RetentionRun {
        let before = self.retaining.open.map_or(0, |open| open.parts);
        RetentionRun {
            due_ms,
            part: before.saturating_add(1),
            last: part.more.is_none(),
            policy: self.site.as_ref().map_or(0, |site| site.policy_index),
            counts: part.counts.clone(),
            held: part.held,
        }
    }

    fn part(&self, run_ms: u64, ran_ms: u64) -> Option<Part> {
        let schedule = &self.policy()?.retention;
        let mut sweep = Sweep::new(self, schedule, run_ms, (RUN_MESSAGES_MAX, RUN_ROWS_MAX));
        sweep.former = self.former(run_ms, ran_ms);
        let (mut taken, mut marks, mut more) = (Vec::new(), Vec::new(), None);
        let from = self.retaining.open.map_or(0, |open| open.conversation);
        for (number, row) in self.conversations.range(from..) {
            let before = self.marks_of(*number, row);
            let (mut moved, mut here) = (before.clone(), Vec::new());
            let whole = sweep.conversation(row, &mut moved, &mut here);
            if moved != before {
                marks.push((*number, moved));
            }
            if !here.is_empty() {
                taken.push((*number, here));
            }
            if !whole {
                more = Some(*number);
                break;
            }
        }
        Some(Part { counts: sweep.counts, held: sweep.held, taken, marks, more })
    }

    fn marks_of(&self, number: u64, row: &Conversation) -> Marks {
        let swept =
            self.swept_ahead.iter().flat_map(|ahead| ahead.marks.range((number, 0)..=(number, u64::MAX)));
        Marks { swept: row.swept, ahead: swept.map(|((_, set), marks)| (*set, *marks)).collect() }
    }

    fn mark(&mut self, number: u64, marks: &Marks) {
        if let Some(row) = self.conversations.get_mut(&number) {
            row.swept = marks.swept;
        }
        if !marks.ahead.is_empty() {
            let moved = marks.ahead.iter().map(|(set, marks)| ((number, *set), *marks));
            self.swept_ahead.get_or_insert_default().marks.extend(moved);
        }
    }

    /// A run, or a part of one: at its time, in its order, and with what the rules give and nothing else.
    pub(super) fn retention_run(
        &mut self,
        candidate: &Candidate<'_>,
        fact: &RetentionRun,
    ) -> Result<Applied, Refusal> {
        let (now_ms, ran_ms) = (candidate.wall_ms, self.ran_at(candidate));
        let due_ms = self.retaining.next_ms.ok_or(bad("the policy asks for none"))?;
        if now_ms < due_ms {
            return Err(bad("before its time"));
        }
        if self.leap_untold(now_ms, ran_ms).is_some() {
            return Err(bad("the clock went on without the server, and no alarm says so"));
        }
        if self.run_waits(now_ms, ran_ms).is_some() {
            return Err(bad("the clock went on without the server: not before that has run for long enough"));
        }
        if self.run_held_up() {
            return Err(bad("before what fell by the parts before it is erased"));
        }
        if self.missed(now_ms, ran_ms).is_some() {
            return Err(bad("it was missed, and no alarm says so"));
        }
        let part = self.part(now_ms, ran_ms).ok_or(bad("there is no policy"))?;
        if *fact != self.run_of(due_ms, &part) {
            return Err(bad("it names something else than what is due"));
        }
        let mut effects = Vec::new();
        let mut places = Vec::new();
        for (conversation, messages) in &part.taken {
            let taken = self.take_messages(*conversation, messages);
            places.extend(taken.into_iter().map(|(_, place)| place));
            effects.push(Effect::RetentionFell { conversation: *conversation, messages: messages.clone() });
        }
        part.marks.iter().for_each(|(number, marks)| self.mark(*number, marks));
        let audience = if places.is_empty() { Audience::Nobody } else { Audience::Everyone };
        if !places.is_empty() {
            self.intend(candidate.index, places, &mut effects);
        }
        self.run_stands(candidate, &part);
        Ok(Applied::with(audience, effects))
    }

    /// The run goes on, or is over until the next one.
    fn run_stands(&mut self, candidate: &Candidate<'_>, part: &Part) {
        let next_ms = self.policy().and_then(|policy| policy.retention.next_after(candidate.wall_ms));
        let state = &mut self.retaining;
        let before = state.open.take();
        let messages = before.map_or(0, |open| open.messages) + part.messages();
        let held = before.map_or(0, |open| open.held) + part.held;
        if let Some(conversation) = part.more {
            let parts = before.map_or(0, |open| open.parts).saturating_add(1);
            state.open = Some(OpenRun { parts, conversation, messages, held });
            return;
        }
        let (index, wall_ms) = (candidate.index, candidate.wall_ms);
        state.last = Some(LastRun { index, wall_ms, messages, held });
        (state.next_ms, state.missed) = (next_ms, false);
    }

    /// A run was missed: said once for each, and only where it is so.
    pub(super) fn run_missed(&mut self, candidate: &Candidate<'_>, evidence: &[u8]) -> Result<(), Refusal> {
        let due_ms =
            self.missed(candidate.wall_ms, self.ran_at(candidate)).ok_or(bad("no run was missed"))?;
        if evidence != pki::canonical::encode(&due_ms) {
            return Err(bad("another run was missed"));
        }
        self.retaining.missed = true;
        Ok(())
    }

    /// A policy rules from here on. A run whose time has come stays due: no change puts it off. What the clock did before is
    /// no less to be told, and no wait is over, because a schedule ends or begins.
    pub(super) fn reschedule(&mut self, now_ms: u64, ran_ms: u64) {
        let next_ms = self.policy().and_then(|policy| policy.retention.next_after(now_ms));
        let warning_ms = self.hold_warning_ms(now_ms, ran_ms).unwrap_or(0);
        let state = &mut self.retaining;
        if next_ms.is_some() && state.next_ms.is_none() {
            state.leap.schedule_begins(ran_ms, warning_ms);
        }
        if next_ms.is_none() {
            (state.next_ms, state.open, state.missed) = (None, None, false);
        } else if state.next_ms.is_none_or(|due_ms| due_ms > now_ms) {
            state.next_ms = next_ms;
        }
    }

    /// What a hold kept is looked at again by the next run.
    pub(super) fn look_again(&mut self, scope: &HoldScope) {
        match scope {
            HoldScope::Person(person) => {
                let wrote = |(_, row): &(&u64, &Conversation)| row.stored.contains_key(person);
                let wrote = self.conversations.iter().filter(wrote).map(|(number, _)| *number);
                wrote.collect::<Vec<_>>().into_iter().for_each(|number| self.look_again_in(number));
            }
            HoldScope::Conversation(id) | HoldScope::Messages(id, _) => {
                let number = self.derived.conversation_ids.get(id).copied();
                number.into_iter().for_each(|number| self.look_again_in(number));
            }
        }
    }

    fn look_again_in(&mut self, number: u64) {
        if let Some(row) = self.conversations.get_mut(&number) {
            row.swept = [0; RANKS];
        }
        self.forget_swept_ahead(number);
    }

    /// Nothing is noted any more of what was stamped ahead in a conversation.
    pub(super) fn forget_swept_ahead(&mut self, number: u64) {
        let Some(ahead) = &mut self.swept_ahead else { return };
        let noted = ahead.marks.range((number, 0)..=(number, u64::MAX)).map(|(key, _)| *key);
        for key in noted.collect::<Vec<_>>() {
            ahead.marks.remove(&key);
        }
        if ahead.marks.is_empty() {
            self.swept_ahead = None;
        }
    }
}

#[cfg(test)]
#[path = "retention_leap_tests.rs"]
mod leap_tests;
#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
