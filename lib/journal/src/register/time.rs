//! Time and deadlines: never back, and nothing before a Tick once a deadline has passed.
//! Never reads a clock; the times stand in the entries.

use super::{Applied, Audience, Candidate, CandidateContent, Context, Due, Effect, ErasePlace, Register};
use crate::act::{Act, Family};
use crate::fact::Fact;
use crate::ids::Index;
use crate::refusal::Refusal;

impl Register {
    /// An entry's time fits those before it. While the daemon runs, a passed deadline demands a Tick first; only a
    /// Start may still come before it, because a Tick's boot clock counts from a Start.
    pub(super) fn check_time(&self, candidate: &Candidate<'_>) -> Result<(), Refusal> {
        if candidate.wall_ms < self.floor_ms {
            return Err(Refusal::TimeRunsBack { floor_ms: self.floor_ms });
        }
        let fact = match candidate.content {
            CandidateContent::Fact(fact) => Some(fact),
            CandidateContent::Statement(_) => None,
        };
        if self.running && !comes_at_rest(candidate) {
            if waits_for_runs(candidate)
                && let Some(due_ms) = self.overdue(candidate.wall_ms, self.ran_at(candidate))
            {
                return Err(Refusal::RunOverdue { due_ms });
            }
            if candidate.boot_ms < self.boot_ms {
                return Err(Refusal::TimeRunsBack { floor_ms: self.boot_ms });
            }
            if self.deadline_passed(candidate.wall_ms, candidate.boot_ms)
                && let Some(deadline_ms) = self.next_deadline_ms()
                && !matches!(fact, Some(Fact::Tick(_)))
            {
                return Err(Refusal::DeadlinePassed { deadline_ms });
            }
        }
        Ok(())
    }

    /// For how long the server has run when this entry comes. What lies between two runs does not count.
    pub(super) fn ran_at(&self, candidate: &Candidate<'_>) -> u64 {
        if comes_at_rest(candidate) { self.ran_ms } else { self.ran_by(candidate.boot_ms) }
    }

    pub(super) fn ran_by(&self, boot_ms: u64) -> u64 {
        let since = if self.running { boot_ms.saturating_sub(self.boot_ms) } else { 0 };
        self.ran_ms.saturating_add(since)
    }

    /// Whether a Tick must come before anything that is stamped with these times. Only while the daemon runs.
    pub fn deadline_passed(&self, wall_ms: u64, boot_ms: u64) -> bool {
        let passed = |first: Option<&(u64, Due)>, now_ms: u64| first.is_some_and(|(ms, _)| *ms <= now_ms);
        passed(self.derived.deadlines.first(), wall_ms)
            || passed(self.derived.running.first(), self.ran_by(boot_ms))
    }

    /// Has something fall once the server has run for so long and the wall clock shows that time, both.
    pub(super) fn fall_after(&mut self, due: Due, wall_ms: u64, ran_ms: u64, ran_now_ms: u64) {
        if ran_ms > ran_now_ms {
            self.derived.running.insert((ran_ms, due));
        } else {
            self.derived.deadlines.insert((wall_ms, due));
        }
    }

    pub(super) fn falls_no_more(&mut self, due: Due, wall_ms: u64, ran_ms: u64) {
        self.derived.running.remove(&(ran_ms, due));
        self.derived.deadlines.remove(&(wall_ms, due));
    }

    /// What falls next at these times: taken out. Whose running time is over waits on for its wall clock.
    fn next_due(&mut self, wall_ms: u64, ran_ms: u64) -> Option<Due> {
        while let Some((at_ms, due)) = self.derived.running.first().copied()
            && at_ms <= ran_ms
        {
            self.derived.running.pop_first();
            let not_before_ms = match due {
                Due::Order(proposal) => self.orders.get(&proposal).and_then(|row| row.state.until_ms()),
                Due::Hold(hold) => self.holds.get(&hold).map(|row| row.hold.end_ms),
                Due::Reservation(_) | Due::Proposal(_) | Due::HoldWarning(_) => None,
            };
            self.derived.deadlines.insert((not_before_ms.unwrap_or(wall_ms), due));
        }
        let (_, due) = self.derived.deadlines.first().copied().filter(|(at_ms, _)| *at_ms <= wall_ms)?;
        self.derived.deadlines.pop_first();
        Some(due)
    }

    /// Lets everything fall whose deadline has passed.
    pub(super) fn tick(&mut self, candidate: &Candidate<'_>) -> Result<Applied, Refusal> {
        if !self.deadline_passed(candidate.wall_ms, candidate.boot_ms) {
            return Err(Refusal::BadFact { reason: "no deadline has passed".into() });
        }
        let mut effects = Vec::new();
        let mut fallen = Vec::new();
        let ran_ms = self.ran_at(candidate);
        while let Some(due) = self.next_due(candidate.wall_ms, ran_ms) {
            match due {
                Due::Proposal(proposal) => {
                    self.drop_proposal(proposal);
                    effects.push(Effect::ProposalLapsed { proposal });
                }
                Due::Order(proposal) => {
                    self.order_due((candidate.index, candidate.wall_ms), proposal, &mut effects);
                }
                Due::HoldWarning(hold) => self.hold_warns(hold, ran_ms, &mut effects),
                Due::Hold(hold) => self.end_hold(hold, &mut effects),
                Due::Reservation(id) => {
                    if let Some(reservation) = self.drop_reservation(id) {
                        self.credit(reservation.person, reservation.place.conversation, reservation.bytes());
                        fallen.push(ErasePlace::Item(reservation.place));
                        effects.push(Effect::ReservationDropped { id, place: reservation.place });
                    }
                }
            }
        }
        if !fallen.is_empty() {
            self.intend(candidate.index, fallen, &mut effects);
        }
        // Whose copies are to go learns it from the entry that lets them go.
        let taken = effects.iter().any(|effect| matches!(effect, Effect::OrderCarriedOut { .. }));
        let audience = if taken { Audience::Everyone } else { Audience::Nobody };
        Ok(Applied::with(audience, effects))
    }

    /// Notes an erasure that is to be done and says so.
    pub(super) fn intend(&mut self, index: Index, what: Vec<ErasePlace>, effects: &mut Vec<Effect>) {
        self.erasures.entry(index).or_default().extend(what.iter().copied());
        effects.push(Effect::EraseIntended { index, what });
    }

    /// The time by which minutes are counted when an entry of these times comes: the journal's, and where that stands still
    /// or goes slower than the server runs, so much further as the server has run. Nobody whose share of a minute is used up
    /// waits until a clock that was put ahead is reached.
    pub(super) fn counting_ms(&self, wall_ms: u64, ran_ms: u64) -> u64 {
        let before_ms = self.floor_ms.saturating_add(self.behind_ms.unwrap_or(0));
        wall_ms.max(before_ms.saturating_add(ran_ms.saturating_sub(self.ran_ms)))
    }

    /// The same, by the boot clock.
    pub fn counting_ms_at(&self, wall_ms: u64, boot_ms: u64) -> u64 {
        self.counting_ms(wall_ms, self.ran_by(boot_ms))
    }

    fn minute(&self, cx: &Context<'_>) -> u64 {
        self.counting_ms(cx.now_ms, cx.ran_ms) / 60_000
    }

    /// One person's share of statements in a minute, by the entries' times.
    pub(super) fn check_rate(&self, cx: &Context<'_>, per_minute: u32) -> Result<(), Refusal> {
        let Some(person) = self.people.get(&cx.by.signer) else { return Ok(()) };
        if person.minute == self.minute(cx) && person.in_minute >= per_minute {
            return Err(Refusal::TooManyStatements { per_minute });
        }
        Ok(())
    }

    /// Counts an admitted statement.
    pub(super) fn count_rate(&mut self, cx: &Context<'_>) {
        let minute = self.minute(cx);
        let Some(person) = self.people.get_mut(&cx.by.signer) else { return };
        if person.minute != minute {
            person.minute = minute;
            person.in_minute = 0;
        }
        person.in_minute = person.in_minute.saturating_add(1);
    }
}

/// Whether an entry must not come before a run of the retention schedule that is overdue. Coming and going, and what
/// officers, administrators and auditors do, may: whatever keeps the run from coming is for them to end.
fn waits_for_runs(candidate: &Candidate<'_>) -> bool {
    match candidate.content {
        CandidateContent::Fact(_) => false,
        CandidateContent::Statement(statement) => match statement.get().act().family() {
            // "Not mine" is a word to the officers, as an alarm is.
            Family::Talk => !matches!(statement.get().act(), Act::Report(_)),
            Family::Membership | Family::Erasure => true,
            Family::Beginning | Family::Authority | Family::Session | Family::Office | Family::Audit => false,
        },
    }
}

/// Whether an entry comes while the daemon does not run: a Start, and a succession, whatever the kept entries say.
pub(super) fn comes_at_rest(candidate: &Candidate<'_>) -> bool {
    match candidate.content {
        CandidateContent::Fact(fact) => matches!(fact, Fact::Start(_)),
        CandidateContent::Statement(statement) => matches!(statement.get().act(), Act::Succession(_)),
    }
}
