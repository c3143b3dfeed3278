//! Successions in an excerpt: what each says itself, and what the statements of one say of each other.
//! Never judges which officers might sign one: that follows from entries that are not here.

use journal::Refusal;
use journal::act::{Act, Succession};
use journal::ids::Index;
use journal::register::SUCCESSIONS_MAX;
use journal::replay::CheckedEntry;
use pki::PersonId;

use super::State;

/// One of which a statement is here.
pub(super) struct Era {
    pub(super) act: Succession,
    /// Whose statements are here.
    signed: Vec<PersonId>,
    /// The index behind its last statement, whether that is here or not.
    pub(super) end: u64,
}

fn bad(reason: &str) -> Refusal {
    Refusal::BadSuccession { reason: reason.into() }
}

impl State<'_> {
    /// The era that signs a checkpoint of this size.
    pub(crate) fn era_at(&self, size: u64) -> u32 {
        self.eras.iter().rev().find(|era| era.end <= size).map_or(0, |era| era.act.era)
    }

    /// Whether a head of this era covers entries that a succession gave up.
    pub(crate) fn lost_by(&self, era: u32, size: u64) -> bool {
        self.eras.iter().any(|row| row.act.era > era && row.act.kept.size < size)
    }

    /// Nothing stands between the statements of a succession.
    pub(super) fn between(&self, index: Index, entry: &CheckedEntry) -> Result<(), Refusal> {
        let goes_on = entry.statement().is_some_and(|said| matches!(said.get().act(), Act::Succession(_)));
        let end = self.eras.last().map_or(0, |era| era.end);
        match end.checked_sub(index).filter(|missing| *missing > 0 && !goes_on) {
            Some(missing) => {
                Err(Refusal::SuccessionOpen { missing: u32::try_from(missing).unwrap_or(u32::MAX) })
            }
            None => Ok(()),
        }
    }

    /// The next statement of a succession. Others of it may not be here: those that are keep and say the same.
    pub(super) fn succession(
        &mut self,
        (index, wall_ms): (Index, u64),
        by: PersonId,
        act: &Succession,
    ) -> Result<(), Refusal> {
        if by == PersonId(0) {
            return Err(Refusal::NotAFirstOfficer { person: by });
        }
        let statements = self.authorities.as_ref().map_or(0, |site| site.threshold);
        let end = act.kept.size.saturating_add(statements.into());
        let one = |row: &&mut Era| (row.act.era, row.act.kept.size) == (act.era, act.kept.size);
        if let Some(row) = self.eras.last_mut().filter(one) {
            if row.act != *act {
                return Err(bad("the officers did not sign the same"));
            }
            if row.signed.contains(&by) {
                return Err(Refusal::SecondPersonNeeded);
            }
            if index >= end {
                return Err(Refusal::EraNotLater { found: act.era, current: act.era });
            }
            row.signed.push(by);
            return Ok(());
        }
        let current = self.eras.last().map_or(0, |era| era.act.era);
        if act.era <= current {
            return Err(Refusal::EraNotLater { found: act.era, current });
        }
        if self.eras.last().is_some_and(|before| act.kept.size < before.end) {
            return Err(bad("it begins within another succession"));
        }
        if index >= end || self.leaves.last().is_some_and(|(last, _)| *last >= act.kept.size) {
            return Err(bad("it does not stand directly behind what it keeps"));
        }
        act.check_lost()?;
        if index == act.kept.size {
            act.check_age(wall_ms)?;
        }
        if self.eras.len() >= SUCCESSIONS_MAX {
            return Err(bad("the log has had as many successions as it may have"));
        }
        self.eras.push(Era { act: act.clone(), signed: vec![by], end });
        Ok(())
    }
}
