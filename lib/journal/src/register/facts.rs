//! The server's own claims: what each may say, and that none of them grants anything.
//! Never takes a Fact as proof; it only keeps them from contradicting the journal.

use super::{Applied, Audience, Candidate, ChainEnd, Effect, ErasePlace, Period, Register};
use crate::fact::{
    AlarmKind, Fact, FailedLogin, KeyRoll, LoginFailure, PeriodEnd, SessionEnd, Start, key_roll_bytes,
};
use crate::ids::{Place, SECRETS_CONVERSATION};
use crate::refusal::Refusal;
use pki::{PublicKey, Suite, Verifier};

/// Largest evidence of an alarm, bytes.
pub const EVIDENCE_BYTES_MAX: usize = 56 * 1024;

fn bad(reason: &str) -> Refusal {
    Refusal::BadFact { reason: reason.into() }
}

impl Register {
    pub(super) fn apply_fact(&mut self, candidate: &Candidate<'_>, fact: &Fact) -> Result<Applied, Refusal> {
        self.founded()?;
        self.check_fact_stands(fact)?;
        match fact {
            Fact::Start(fact) => self.start(fact),
            Fact::Stop(_) => Ok(self.stop()),
            Fact::SessionEnd(fact) => self.session_end(fact),
            Fact::ClockStep(_) => Ok(Applied::to(Audience::Officers)),
            Fact::FailedLogin(fact) => self.failed_login(candidate, fact),
            Fact::Tick(_) => self.tick(candidate),
            Fact::Erased(fact) => self.erased(candidate, fact.epoch, fact.through),
            Fact::KeyRoll(fact) => self.key_roll(candidate, fact),
            Fact::Alarm(fact) => {
                if fact.evidence.len() > EVIDENCE_BYTES_MAX {
                    return Err(bad("evidence too long"));
                }
                if fact.alarm == AlarmKind::RetentionMissed {
                    self.run_missed(candidate, &fact.evidence)?;
                }
                if fact.alarm == AlarmKind::ClockLeapt {
                    self.leap_told(candidate, &fact.evidence)?;
                }
                if fact.alarm == AlarmKind::WitnessSilent && self.ruling_policy()?.witness.is_none() {
                    return Err(bad("the policy wants no witness"));
                }
                self.raised_rows().alarm(candidate.index, fact);
                Ok(Applied::to(Audience::Officers))
            }
            Fact::PeriodEnd(fact) => self.period_end(fact),
            Fact::RetentionRun(fact) => self.retention_run(candidate, fact),
        }
    }

    /// Only a Start, and the log's own keys and periods, may stand while the daemon does not run; nothing may stand
    /// between a Submit and its acts.
    fn check_fact_stands(&self, fact: &Fact) -> Result<(), Refusal> {
        let at_rest = matches!(fact, Fact::Start(_) | Fact::KeyRoll(_) | Fact::PeriodEnd(_));
        if !self.running && !at_rest {
            return Err(Refusal::NotRunning);
        }
        if let Some(open) = &self.submit {
            let missing = u64::from(open.count).saturating_sub(open.taken.len() as u64);
            return Err(Refusal::SubmitOpen { missing: u32::try_from(missing).unwrap_or(u32::MAX) });
        }
        Ok(())
    }

    fn start(&mut self, fact: &Start) -> Result<Applied, Refusal> {
        if fact.rules > crate::RULES {
            return Err(Refusal::NewerRules { rules: fact.rules });
        }
        if fact.rules != self.ruling_policy()?.rules {
            return Err(bad("the rules are not those of the policy"));
        }
        if fact.erasure_epoch < self.erasure_epoch {
            return Err(bad("an erasure epoch before the last one"));
        }
        let effects = self.end_all(ChainEnd::Start);
        self.running = true;
        Ok(Applied::with(Audience::Nobody, effects))
    }

    fn stop(&mut self) -> Applied {
        let effects = self.end_all(ChainEnd::Stop);
        self.running = false;
        Applied::with(Audience::Nobody, effects)
    }

    pub(super) fn end_all(&mut self, why: ChainEnd) -> Vec<Effect> {
        let ended = std::mem::take(&mut self.chains);
        let end =
            |(person, live): (_, super::LiveChain)| Effect::ChainEnded { person, chain: live.chain, why };
        ended.into_iter().map(end).collect()
    }

    fn session_end(&mut self, fact: &SessionEnd) -> Result<Applied, Refusal> {
        let person = self.person_of_chain(fact.chain).ok_or(Refusal::NoSuchSession)?;
        let mut effects = Vec::new();
        self.end_chain(person, ChainEnd::SessionEnd, &mut effects);
        Ok(Applied::with(Audience::Person(person), effects))
    }

    /// Wrong passwords count towards the lock. A person whom the journal does not know has nothing to lock.
    fn failed_login(&mut self, candidate: &Candidate<'_>, fact: &FailedLogin) -> Result<Applied, Refusal> {
        if fact.count == 0 {
            return Err(bad("a failed login that did not happen"));
        }
        let limit = self.ruling_policy()?.wrong_passwords_max;
        let mut effects = Vec::new();
        if fact.failure == LoginFailure::Password
            && let Some(person) = self.people.get_mut(&fact.person)
        {
            person.wrong_passwords = person.wrong_passwords.saturating_add(fact.count);
            if person.wrong_passwords >= limit && person.locked.is_none() {
                person.locked = Some(candidate.index);
                effects.push(Effect::PersonLocked { person: fact.person });
            }
        }
        Ok(Applied::with(Audience::Officers, effects))
    }

    fn erased(&mut self, candidate: &Candidate<'_>, epoch: u64, through: u64) -> Result<Applied, Refusal> {
        if epoch <= self.erasure_epoch {
            return Err(bad("the erasure epoch is not a later one"));
        }
        if through >= candidate.index {
            return Err(bad("it claims what has not been asked yet"));
        }
        self.erasure_epoch = epoch;
        self.erasures = self.erasures.split_off(&(through + 1));
        self.dropped_cells.retain(|_, index| *index > through);
        Ok(Applied::with(Audience::Everyone, vec![Effect::Erased { through }]))
    }

    /// The next period's key. The secret one of the period before is to be erased from here on, like a body: nobody is to sign
    /// in that period's name any more, not even who seizes the machine tomorrow.
    fn key_roll(&mut self, candidate: &Candidate<'_>, fact: &KeyRoll) -> Result<Applied, Refusal> {
        let site = self.founded()?;
        let (expected, before) = match &self.period {
            None => (0, PublicKey::from_raw(Suite::Ed25519, &site.identity)),
            // Its secret was lost with the bodies: nobody can end it, and nobody but the log itself make the next one known.
            Some(period) if self.is_period_lost(period) => {
                (period.number + 1, PublicKey::from_raw(Suite::Ed25519, &site.identity))
            }
            Some(period) if !period.ended => return Err(bad("the period before has not ended")),
            Some(period) => (period.number + 1, PublicKey::from_spki(&period.key)),
        };
        if fact.period != expected {
            return Err(bad("not the next period"));
        }
        let key = PublicKey::from_spki(&fact.key).map_err(|_| bad("no key"))?;
        if fact.suite != site.suite || key.suite() != site.suite {
            return Err(bad("a key of another suite"));
        }
        let signed = key_roll_bytes(site.log, fact.period, fact.suite, &fact.key);
        let before = before.map_err(|_| bad("the key before does not read"))?;
        before.verify(&signed, &fact.signature).map_err(|_| bad("not signed by the key before"))?;
        let (number, index) = (fact.period, candidate.index);
        let over = self.period.as_ref().filter(|period| !self.is_period_lost(period));
        let secret = over.map(|period| Place { conversation: SECRETS_CONVERSATION, item: period.number });
        self.period = Some(Period { number, key: fact.key.clone(), index, ended: false });
        let mut effects = vec![Effect::PeriodBegan { period: number }];
        if let Some(place) = secret {
            self.intend(index, vec![ErasePlace::Item(place)], &mut effects);
        }
        Ok(Applied::with(Audience::Everyone, effects))
    }

    /// Counts and snapshot must be what follows from the journal; counting begins anew behind it.
    fn period_end(&mut self, fact: &PeriodEnd) -> Result<Applied, Refusal> {
        let current = self.period.as_ref().filter(|period| !period.ended && !self.is_period_lost(period));
        if current.is_none_or(|period| period.number != fact.period) {
            return Err(bad("no such period is open"));
        }
        if fact.counts != self.counts() {
            return Err(bad("the counts are not those of the period"));
        }
        if fact.snapshot != self.digest() {
            return Err(bad("the snapshot is not the Register's"));
        }
        self.counts.clear();
        if let Some(period) = &mut self.period {
            period.ended = true;
        }
        Ok(Applied::with(Audience::Nobody, vec![Effect::PeriodEnded { period: fact.period }]))
    }
}
