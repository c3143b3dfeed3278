//! Time and deadlines: never back, and nothing before a Tick once a deadline has passed.
//! Never reads a clock; the times stand in the entries.

use super::{Applied, Audience, Candidate, CandidateContent, Context, Due, Effect, ErasePlace, Register};
use crate::act::Act;
use crate::fact::Fact;
use crate::ids::Index;
use crate::refusal::Refusal;
use pki::PersonId;

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
        // A succession is made while the daemon does not run, whatever the kept entries say.
        let at_rest = match candidate.content {
            CandidateContent::Fact(fact) => matches!(fact, Fact::Start(_)),
            CandidateContent::Statement(statement) => matches!(statement.get().act(), Act::Succession(_)),
        };
        if self.running && !at_rest {
            if fact.is_none()
                && let Some(due_ms) = self.retaining.overdue(candidate.wall_ms)
            {
                return Err(Refusal::RunOverdue { due_ms });
            }
            if candidate.boot_ms < self.boot_ms {
                return Err(Refusal::TimeRunsBack { floor_ms: self.boot_ms });
            }
            if let Some(deadline_ms) = self.next_deadline_ms()
                && deadline_ms <= candidate.wall_ms
                && !matches!(fact, Some(Fact::Tick(_)))
            {
                return Err(Refusal::DeadlinePassed { deadline_ms });
            }
        }
        Ok(())
    }

    /// Lets everything fall whose deadline has passed.
    pub(super) fn tick(&mut self, candidate: &Candidate<'_>) -> Result<Applied, Refusal> {
        if self.next_deadline_ms().is_none_or(|deadline_ms| candidate.wall_ms < deadline_ms) {
            return Err(Refusal::BadFact { reason: "no deadline has passed".into() });
        }
        let mut effects = Vec::new();
        let mut fallen = Vec::new();
        while let Some((deadline_ms, due)) = self.derived.deadlines.first().copied()
            && deadline_ms <= candidate.wall_ms
        {
            match due {
                Due::Proposal(proposal) => {
                    self.drop_proposal(proposal);
                    effects.push(Effect::ProposalLapsed { proposal });
                }
                Due::Order(proposal) => self.order_due(candidate.index, proposal, &mut effects),
                Due::HoldWarning(hold) => self.hold_warns(hold, &mut effects),
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

    /// One person's share of statements in a minute, by the entries' times.
    pub(super) fn check_rate(&self, cx: &Context<'_>, per_minute: u32) -> Result<(), Refusal> {
        let Some(person) = self.people.get(&cx.by.signer) else { return Ok(()) };
        if person.minute == cx.now_ms / 60_000 && person.in_minute >= per_minute {
            return Err(Refusal::TooManyStatements { per_minute });
        }
        Ok(())
    }

    /// Counts an admitted statement.
    pub(super) fn count_rate(&mut self, signer: PersonId, now_ms: u64) {
        let Some(person) = self.people.get_mut(&signer) else { return };
        let minute = now_ms / 60_000;
        if person.minute != minute {
            person.minute = minute;
            person.in_minute = 0;
        }
        person.in_minute = person.in_minute.saturating_add(1);
    }
}
