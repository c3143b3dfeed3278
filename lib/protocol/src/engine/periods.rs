//! Periods of the log: a key for each day (UTC), made known by the one before it, whose secret is erased behind it.
//! Never draws a key and never erases one: the driver does both when it is told.
//!
//! The order of a roll, and what a crash at each place means (days without power have no period of their own: the one that
//! ran goes on over them, and Start names the gap):
//!
//! ```text
//! 1. the first input of a new day, or a Start: a fresh secret is asked for
//!      a crash: nothing was said; the next start asks again
//! 2. PeriodEnd, then KeyRoll signed by the old key; one batch with the new secret as a leaf of the key tree; its note signed
//!    by the new key, the identity key and the old one
//!      a crash before its sync: none of it was said, the new secret is void, 1. again
//! 3. the batch is durable: the old secret is to be erased, by the Register's own list
//!      a crash: a start finds the new secret by the Register's period and has the old one erased, as after an Erase
//! 4. an erasure epoch, as for bodies: tree under a fresh root, cell, old slot
//!      a crash: as in any epoch (`server/src/erasure.rs`); the intent stands until 5.
//! 5. Erased: nothing that is left opens the old secret
//! ```

use super::{Broken, Engine, Whole};
use crate::io::{NewPeriod, Output, PeriodSecret};
use journal::fact::{Fact, KeyRoll, PeriodEnd, key_roll_bytes};
use journal::retention::{DAY_MS, day_of};
use pki::{SecretKey, Signer, Suite};

impl Engine {
    /// The number of the period that runs, and when it began.
    pub fn period(&self) -> (u64, u64) {
        let number = self.ledger.register.period().map_or(0, |period| period.number);
        (number, self.period_began_ms.unwrap_or_default())
    }

    /// The suite of the log's keys.
    pub fn suite(&self) -> Suite {
        self.site.suite
    }

    /// Asks for the next period's key where the day of the running one is over. Like an erasure, which it ends with, it may use
    /// what is kept back, but neither the last of it, which belongs to the erasures before it, nor the extent before that, with
    /// which people can still erase: then the period goes on.
    pub(super) fn ask_for_period(&mut self, out: &mut Vec<Output>) {
        // One roll in a batch: the note of a second one would be signed by a key that the first one's push does not bring.
        let is_next = self.commits.open.period.is_none();
        if !self.period_asked && is_next && self.is_day_over() && self.room.takes_a_period() {
            self.period_asked = true;
            out.push(Output::DrawPeriodKey);
        }
    }

    /// Another day than that on which the period began, also an earlier one: the period's day is that of the time set.
    /// While the journal's time stands, because the clock was put ahead and is right again, a day is 24 hours of this run.
    fn is_day_over(&self) -> bool {
        let today = day_of(self.ledger.wall_ms());
        let stands = self.clock_ahead_ms() > 0;
        let ran_ms = self.ledger.boot_ms().saturating_sub(self.period_boot_ms);
        self.period_began_ms.is_some_and(|began_ms| day_of(began_ms) != today) || (stands && ran_ms >= DAY_MS)
    }

    /// Ends the period and begins the next one, in one batch.
    pub(super) fn roll_period(&mut self, secret: PeriodSecret) -> Whole {
        self.period_asked = false;
        if !self.is_day_over() || self.commits.open.period.is_some() {
            return Ok(()); // nobody asked, or the batch has its roll
        }
        let broken = |error: &dyn std::fmt::Display| Broken(format!("a new period: {error}"));
        let key = SecretKey::from_bytes(self.site.suite, secret.bytes()).map_err(|error| broken(&error))?;
        // What is due comes first: counts and digest are of the very state before PeriodEnd.
        self.ticks()?;
        let register = &self.ledger.register;
        let period = register.period().map(|period| period.number).ok_or_else(|| broken(&"none runs"))?;
        // What is signed tonight every audit demands for ever: of memory that has changed by itself nothing is signed.
        if !register.is_as_digested() {
            return Err(broken(&"messages in memory are not those that were digested before"));
        }
        let (counts, snapshot) = (register.counts(), register.digest());
        self.claim(Fact::PeriodEnd(PeriodEnd { period, counts, snapshot }))?;
        let (number, suite, spki) = (period + 1, self.site.suite, key.public().spki().to_vec());
        let signed = key_roll_bytes(self.site.log, number, suite, &spki);
        let signature = self.site.signers.period().sign(&signed).map_err(|error| broken(&error))?.into();
        self.claim(Fact::KeyRoll(KeyRoll { period: number, suite, key: spki.into(), signature }))?;
        self.period_began_ms = Some(self.ledger.wall_ms());
        self.period_boot_ms = self.ledger.boot_ms();
        self.site.signers.roll(key).map_err(|error| broken(&error))?;
        self.commits.open.period = Some(NewPeriod { number, secret });
        Ok(())
    }
}
