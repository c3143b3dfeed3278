//! Successions: how the log goes on from kept entries when those behind them are lost, by decision of the first officers.
//! Never by anyone else, never anywhere but directly behind what is kept, and never back to an era that was.
//!
//! Each officer's statement is an entry of its own; nothing else stands between them. With the last that the genesis
//! demands the new era begins: every chain has ended, and the log is at rest until a Start.

use super::say::Lost;
use super::{
    Applied, Audience, Candidate, CandidateContent, ChainEnd, Context, Effect, PasswordState, Period,
    Register,
};
use crate::act::{Act, IndexRange, KeptPasswords, Succession};
use crate::ids::Hash;
use crate::refusal::Refusal;
use crate::statement::Header;
use minicbor::{Decode, Encode};
use pki::{PersonId, Role};
use std::collections::BTreeSet;

/// Most successions of one log: each connection's greeting names them.
pub const SUCCESSIONS_MAX: usize = 32;

/// A plan that was signed is good for so long, by the entries' own time: whoever keeps one gives nothing up by it later.
pub const PLAN_GOOD_MS: u64 = 30 * 24 * 3600 * 1000;

/// A succession that took place.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct SuccessionRow {
    /// The era that it began.
    #[n(0)]
    pub era: u32,
    /// How many entries it kept; its first statement has this index.
    #[n(1)]
    pub kept: u64,
    /// The index behind its last statement.
    #[n(2)]
    pub end: u64,
    /// Who signed, in order.
    #[n(3)]
    pub officers: Vec<PersonId>,
    /// At least so many entries there had been.
    #[n(4)]
    pub known: u64,
    /// All bodies were lost too.
    #[n(5)]
    pub bodies_lost: bool,
    /// The period key was lost too.
    #[n(6)]
    pub period_key_lost: bool,
    /// Kept entries of whose bodies one or more were given up, where not all were.
    #[n(7)]
    pub given_up: Vec<IndexRange>,
}

impl SuccessionRow {
    /// Whether it gave up a body of this entry.
    pub fn gave_up(&self, index: u64) -> bool {
        index < self.kept && (self.bodies_lost || IndexRange::any_holds(&self.given_up, index))
    }
}

/// One that not enough officers have signed yet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub(super) struct OpenSuccession {
    #[n(0)]
    act: Succession,
    #[n(1)]
    signed: Vec<PersonId>,
}

fn bad(reason: &str) -> Refusal {
    Refusal::BadSuccession { reason: reason.into() }
}

impl Succession {
    /// Whether the header binds nothing but the log, the signer and what is kept: no chain.
    pub fn check_header(&self, header: &Header) -> Result<(), Refusal> {
        match header.is_outside_chains() && header.head == self.kept {
            true => Ok(()),
            false => Err(bad("the header is not a succession's")),
        }
    }

    /// Whether every trace of what is lost lies beyond what is kept, or ends with it.
    pub fn check_lost(&self) -> Result<(), Refusal> {
        match self.lost.iter().any(|trace| trace.size < self.kept.size) {
            true => Err(bad("what it says is lost is kept")),
            false => Ok(()),
        }
    }

    /// Whether the plan is good yet when the first of its statements is stamped.
    pub fn check_age(&self, first_ms: u64) -> Result<(), Refusal> {
        match first_ms.saturating_sub(self.time_ms) > PLAN_GOOD_MS {
            true => Err(bad("the plan is older than 30 days")),
            false => Ok(()),
        }
    }
}

impl Register {
    /// The era behind the last entry; 0 before any succession.
    pub fn era(&self) -> u32 {
        self.successions.last().map_or(0, |row| row.era)
    }

    /// The era that signs a checkpoint of this size.
    pub fn era_at(&self, size: u64) -> u32 {
        self.successions.iter().rev().find(|row| row.end <= size).map_or(0, |row| row.era)
    }

    /// All successions, oldest first.
    pub fn successions(&self) -> &[SuccessionRow] {
        &self.successions
    }

    /// The succession by which entries were lost that a head of this era and size covered: such a head says nothing of the
    /// entries that are there.
    pub fn lost_by(&self, era: u32, size: u64) -> Option<&SuccessionRow> {
        self.successions.iter().find(|row| row.era > era && row.kept < size)
    }

    /// The succession by which a body of this entry was given up: that it does not open is known and decided.
    pub fn body_given_up(&self, index: u64) -> Option<&SuccessionRow> {
        self.successions.iter().find(|row| row.gave_up(index))
    }

    /// The first officers, whom the genesis names: as persons, so that a renewed certificate serves.
    pub fn first_officers(&self) -> BTreeSet<PersonId> {
        let named = self.site.iter().flat_map(|site| &site.officers);
        named.filter_map(|id| self.certificates.get(id)?.certificate().person()).collect()
    }

    /// Whether this period's secret key was lost by a succession.
    pub(super) fn is_period_lost(&self, period: &Period) -> bool {
        self.successions.iter().any(|row| row.period_key_lost && row.end > period.index)
    }

    /// Nothing stands between the statements of a succession.
    pub(super) fn check_succession_open(&self, candidate: &Candidate<'_>) -> Result<(), Refusal> {
        let Some(open) = &self.succession else { return Ok(()) };
        let goes_on = match candidate.content {
            CandidateContent::Statement(statement) => matches!(statement.get().act(), Act::Succession(_)),
            CandidateContent::Fact(_) => false,
        };
        if goes_on {
            return Ok(());
        }
        let threshold = self.founded()?.threshold;
        let signed = u32::try_from(open.signed.len()).unwrap_or(u32::MAX);
        Err(Refusal::SuccessionOpen { missing: threshold.saturating_sub(signed) })
    }

    pub(super) fn succession(
        &mut self,
        cx: &Context<'_>,
        act: &Succession,
        heads: &dyn Fn(u64) -> Option<Hash>,
    ) -> Result<Applied, Refusal> {
        let (threshold, signer) = (self.founded()?.threshold, cx.by.signer);
        self.check_succession_header(cx, act)?;
        match &self.succession {
            Some(open) if open.act != *act => return Err(bad("the officers did not sign the same")),
            Some(open) if open.signed.contains(&signer) => return Err(Refusal::SecondPersonNeeded),
            Some(_) => {}
            None => self.check_succession_begins(cx, act, heads)?,
        }
        self.check_first_officer(cx)?;
        let mut signed = self.succession.take().map(|open| open.signed).unwrap_or_default();
        signed.push(signer);
        if signed.len() < threshold as usize {
            self.succession = Some(OpenSuccession { act: act.clone(), signed });
            return Ok(Applied::to(Audience::Everyone));
        }
        self.successions.push(SuccessionRow {
            era: act.era,
            kept: act.kept.size,
            end: cx.by.index + 1,
            officers: signed,
            known: act.known_size(),
            bodies_lost: act.bodies_lost,
            period_key_lost: act.period_key_lost,
            given_up: act.given_up.clone(),
        });
        let mut effects = self.end_all(ChainEnd::Succession);
        match act.passwords {
            KeptPasswords::InForce => {}
            KeptPasswords::Others => {
                let own = self.people.values_mut().filter(|person| person.password == PasswordState::Own);
                own.for_each(|person| person.password = PasswordState::Doubtful);
            }
            KeptPasswords::Lost => self.lose_passwords(cx, &mut effects),
        }
        self.running = false;
        Ok(Applied::with(Audience::Everyone, effects))
    }

    /// Nobody has a password any more: trying one is no guess at it that counts, and nobody can object until he has a new one.
    fn lose_passwords(&mut self, cx: &Context<'_>, effects: &mut Vec<Effect>) {
        let had = self.people.values().filter(|person| person.password != PasswordState::None);
        for id in had.map(|person| person.id).collect::<Vec<_>>() {
            let Some(person) = self.people.get_mut(&id) else { continue };
            person.password = PasswordState::None;
            if person.last_login.is_some() {
                self.lose_say(cx, id, Lost::Password, effects);
            }
        }
    }

    /// The header binds nothing but the log, the signer and what is kept.
    fn check_succession_header(&self, cx: &Context<'_>, act: &Succession) -> Result<(), Refusal> {
        let header = cx.header;
        if header.log != self.founded()?.log {
            return Err(Refusal::WrongLog);
        }
        act.check_header(header)
    }

    /// It stands directly behind what it keeps, and begins a later era.
    fn check_succession_begins(
        &self,
        cx: &Context<'_>,
        act: &Succession,
        heads: &dyn Fn(u64) -> Option<Hash>,
    ) -> Result<(), Refusal> {
        if let Some(open) = &self.submit {
            let missing = u64::from(open.count).saturating_sub(open.taken.len() as u64);
            return Err(Refusal::SubmitOpen { missing: u32::try_from(missing).unwrap_or(u32::MAX) });
        }
        if act.kept.size != cx.by.index {
            return Err(bad("it does not stand directly behind what it keeps"));
        }
        if heads(act.kept.size) != Some(act.kept.root) {
            return Err(bad("the root over what it keeps is another one"));
        }
        if act.era <= self.era() {
            return Err(Refusal::EraNotLater { found: act.era, current: self.era() });
        }
        act.check_lost()?;
        act.check_age(cx.now_ms)?;
        if self.successions.len() >= SUCCESSIONS_MAX {
            return Err(bad("the log has had as many successions as it may have"));
        }
        Ok(())
    }

    /// An officer of the first ones, in good standing by what is kept, with a certificate by which he acts as one.
    pub(super) fn check_first_officer(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        self.check_certificate(cx)?;
        let person = cx.by.signer;
        if !self.roles_of_session(cx.header.certificate).contains(Role::Officer) {
            return Err(Refusal::WrongRole);
        }
        if let Some(index) = self.people.get(&person).and_then(|person| person.suspended) {
            return Err(Refusal::Suspended { index });
        }
        if !self.first_officers().contains(&person) {
            return Err(Refusal::NotAFirstOfficer { person });
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "succession_tests.rs"]
mod tests;
