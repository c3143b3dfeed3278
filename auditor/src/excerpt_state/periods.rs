//! The server's claims in an excerpt: periods, their keys and their counts.
//! Never looks at anything else that the server says.

use std::collections::BTreeMap;

use journal::Refusal;
use journal::fact::{Fact, KeyRoll, PeriodEnd, key_roll_bytes};
use journal::ids::Index;
use pki::{PublicKey, Suite, Verifier};

use super::{FACTS_FROM, Period, State, bad_fact};

impl State<'_> {
    pub(super) fn fact(&mut self, index: Index, fact: &Fact) -> Result<(), Refusal> {
        if let Fact::PeriodEnd(end) = fact {
            return self.period_end(end);
        }
        self.count(FACTS_FROM + fact.kind().0);
        if let Fact::KeyRoll(roll) = fact {
            self.key_roll(index, roll)?;
        }
        Ok(())
    }

    /// Every KeyRoll is here, each signed by the key before.
    fn key_roll(&mut self, index: Index, roll: &KeyRoll) -> Result<(), Refusal> {
        let identity = || PublicKey::from_raw(Suite::Ed25519, self.trust.identity().key().raw());
        let (expected, before) = match self.periods.last() {
            None => (0, identity()),
            Some(period) if self.eras.iter().any(|era| era.act.period_key_lost && era.end > period.index) => {
                (period.number + 1, identity())
            }
            Some(period) if period.ended == Some(false) => {
                return Err(bad_fact("the period before has not ended"));
            }
            Some(period) => (period.number + 1, Ok(period.key.clone())),
        };
        if roll.period != expected {
            return Err(bad_fact("not the next period"));
        }
        let key = PublicKey::from_spki(&roll.key).map_err(|_| bad_fact("no key"))?;
        if roll.suite != self.trust.suite || key.suite() != self.trust.suite {
            return Err(bad_fact("a key of another suite"));
        }
        let signed = key_roll_bytes(self.trust.log, roll.period, roll.suite, &roll.key);
        let before = before.map_err(|_| bad_fact("the key before does not read"))?;
        before.verify(&signed, &roll.signature).map_err(|_| bad_fact("not signed by the key before"))?;
        self.periods.push(Period { index, number: roll.period, key, ended: Some(false) });
        Ok(())
    }

    fn period_end(&mut self, end: &PeriodEnd) -> Result<(), Refusal> {
        let period = self.periods.last_mut().filter(|period| period.number == end.period);
        let period = period.ok_or_else(|| bad_fact("no such period is open"))?;
        if period.ended == Some(true) {
            return Err(bad_fact("no such period is open"));
        }
        period.ended = Some(true);
        if let Some(counts) = self.counts.replace(BTreeMap::new()) {
            let told = end.counts.iter().map(|row| (row.kind, row.count));
            if !counts.into_iter().eq(told) {
                return Err(bad_fact("the counts are not those of the period"));
            }
        }
        Ok(())
    }
}
