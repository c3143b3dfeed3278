//! The journal's time set back by two officers, because the clock was put ahead by mistake.
//! Never forward, which the machine's clock does by itself, and never further than the site is old.
//!
//! The `Approve` is stamped as any entry; behind it, and nowhere else, the floor is an earlier time. One rule for all that
//! the Register remembers: **what was stamped later than the time set counts as stamped at it.** So:
//!
//! | what | behind it |
//! |---|---|
//! | reservation, proposal | falls no later than if it were made now |
//! | order of erasure | as its own stamps say: one that was given before counts to its true date, by both clocks; one that was given under the wrong date waits for that date (terminals go by the `Approve`'s stamp), and is to be taken back and given anew. Whose certificates run out meanwhile is asked from the time set on |
//! | hold | ends at the date that it names; is called to mind (again) where that time is still to come |
//! | what a policy replaced, who lost his say | no longer than from now on |
//! | epoch of a conversation, complaint about a wrap | as old as if it began now |
//! | disclosures of a day | count towards today |
//! | retention | the next run is that of the time set; what the runs before took does not come back; a message that was stamped on a later day falls as if it were stamped when the `Approve` was, which no terminal takes for too early: its own stamp is a day that has not come |
//! | minutes by which statements are counted | of the time set |
//! | certificates | judged at each entry's stamp, as ever |
//! | leap of the clock | what it gained is given back; a wait that began goes on |

use super::office::open_ms;
use super::{Applied, Register};
use crate::ids::Index;
use crate::refusal::Refusal;
use crate::retention::{DAY_MS, day_of};
use minicbor::{Decode, Encode};
use pki::canonical;

/// Furthest that one act sets the clock back: ten years.
pub const CLOCK_BACK_MS_MAX: u64 = 3653 * DAY_MS;
/// How long a proposal to set the clock back is open at most, by the journal's time: 1 hour, milliseconds.
pub(super) const CLOCK_SET_OPEN_MS: u64 = 3_600_000;
/// How often the clock of a log may be set back.
pub const CLOCK_SETS_MAX: usize = 64;
/// The boot clock may be fast by this share of the running: five minutes a day, as clocks drift.
const DRIFT: u64 = 288;

/// The clock was set back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ClockSetRow {
    /// The `Approve`.
    #[n(0)]
    pub index: Index,
    /// The first entry that was stamped on a later day than that of the time set; the `Approve` itself where none was.
    #[n(1)]
    pub first: Index,
    /// The `Approve`'s stamp.
    #[n(2)]
    pub from_ms: u64,
    /// The time set.
    #[n(3)]
    pub to_ms: u64,
}

impl Register {
    /// The clock could be set back to this time now.
    pub(super) fn check_clock_set(&self, to_ms: u64, ran_ms: u64) -> Result<(), Refusal> {
        if to_ms >= self.floor_ms {
            return Err(Refusal::ClockNotBack { floor_ms: self.floor_ms });
        }
        let not_before_ms = self.clock_not_before_ms(ran_ms);
        if to_ms < not_before_ms {
            return Err(Refusal::ClockTooFarBack { not_before_ms });
        }
        match self.clock_sets().len() < CLOCK_SETS_MAX {
            true => Ok(()),
            false => Err(Refusal::TooManyClockSets { limit: CLOCK_SETS_MAX as u64 }),
        }
    }

    /// The site was founded on a day, and the server has run since for so long: it cannot be earlier.
    fn clock_not_before_ms(&self, ran_ms: u64) -> u64 {
        let founded_ms = self.retaining.first_day().saturating_mul(DAY_MS);
        let lived_ms = founded_ms.saturating_add(ran_ms - ran_ms / DRIFT);
        lived_ms.max(self.floor_ms.saturating_sub(CLOCK_BACK_MS_MAX))
    }

    /// Where two officers set the clock back, oldest first.
    pub fn clock_sets(&self) -> &[ClockSetRow] {
        self.clock_sets.as_deref().unwrap_or_default()
    }

    /// Which of the clock sets, counted from 0, shows that an entry was stamped on a day that had not come: the first one that
    /// does, whatever comes later.
    pub(super) fn stamped_ahead_by(&self, index: Index) -> Option<usize> {
        self.clock_sets().iter().position(|row| (row.first..=row.index).contains(&index))
    }

    /// An entry stands, and its own times are taken over: where it sets the clock back, the time is that one from here on.
    pub(super) fn set_clock_back(&mut self, index: Index, applied: &Applied) {
        let Some((from_ms, to_ms)) = applied.clock_set() else { return };
        (self.floor_ms, self.behind_ms) = (to_ms, None);
        let next_ms = self.policy().and_then(|policy| policy.retention.next_after(to_ms));
        let first = self.retaining.set_back(day_of(to_ms), to_ms, next_ms).unwrap_or(index);
        self.retaining.leap.set_back(from_ms.saturating_sub(to_ms));
        self.clock_sets.get_or_insert_default().push(ClockSetRow { index, first, from_ms, to_ms });
        self.set_back_people(to_ms);
        self.set_back_conversations(to_ms);
        self.set_back_deadlines(to_ms);
    }

    fn set_back_people(&mut self, to_ms: u64) {
        let today = day_of(to_ms);
        for person in self.people.values_mut() {
            if let Some((day, _)) = &mut person.disclosed {
                *day = (*day).min(today);
            }
            if let Some(silenced) = &mut person.silenced {
                silenced.set_back(to_ms);
            }
        }
        if let Some(former) = self.site.as_mut().and_then(|site| site.former.as_mut()) {
            former.set_back(to_ms);
        }
    }

    fn set_back_conversations(&mut self, to_ms: u64) {
        for row in self.conversations.values_mut() {
            if let Some(epoch) = &mut row.epoch {
                epoch.begun_ms = epoch.begun_ms.min(to_ms);
            }
            row.bad_wraps.values_mut().for_each(|said| said.said_ms = said.said_ms.min(to_ms));
            row.silenced.values_mut().for_each(|silenced| silenced.set_back(to_ms));
        }
    }

    fn set_back_deadlines(&mut self, to_ms: u64) {
        let (proposal_ms, reservation_ms) =
            self.policy().map_or((0, 0), |policy| (policy.proposal_ms, policy.reservation_ms));
        for proposal in self.proposals.values_mut() {
            let act = canonical::decode(&proposal.act);
            let open_ms = act.map_or(proposal_ms, |act| open_ms(&act, proposal_ms));
            proposal.deadline_ms = proposal.deadline_ms.min(to_ms.saturating_add(open_ms));
        }
        for reservation in self.reservations.values_mut() {
            reservation.deadline_ms = reservation.deadline_ms.min(to_ms.saturating_add(reservation_ms));
        }
        let warning_ms = self.hold_warning_ms(to_ms, self.ran_ms).unwrap_or(0);
        for row in self.holds.values_mut() {
            let warn_ms = row.hold.end_ms.saturating_sub(warning_ms);
            if row.warn_ms.is_none() && warn_ms > to_ms {
                (row.warn_ms, row.ran_ms) = (Some(warn_ms), None);
            }
        }
        // Whose certificates run out meanwhile is asked from the true date on.
        self.orders.values_mut().for_each(|row| row.began_ms = row.began_ms.min(to_ms));
        self.derive_deadlines();
    }
}

#[cfg(test)]
#[path = "clock_set_tests.rs"]
mod tests;
