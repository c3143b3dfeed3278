//! The log's period keys: each by the one before it, the first one by the log identity key.
//! Never takes a key that does not connect to those it knows.
//!
//! A terminal that knows no period yet (its first Login, or a state record of version 1) begins at the first roll that a
//! Welcome shows, whichever period that is. It is believed with the Welcome's note, whose second line is the identity
//! key's: that key says that the log under this head holds the roll, and for a terminal without a past it could have
//! said anything else as well. From then on the chain of period keys is followed without a gap, over restarts too.

use super::error::What;
use crate::limits::KEY_ROLLS_MAX;
use journal::Origin;
use journal::checkpoint::LogKeys;
use journal::fact::{KeyRoll, key_roll_bytes};
use journal::ids::Index;
use pki::state_record::PeriodMark;
use pki::{PublicKey, Verifier};

#[derive(Clone)]
struct Period {
    mark: PeriodMark,
    keys: LogKeys,
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Periods {
    origin: Origin,
    identity: PublicKey,
    /// The secret key of the period that began before this index was lost by a succession.
    lost: Option<Index>,
    /// Ascending, without gaps; the newest [`KEY_ROLLS_MAX`].
    known: Vec<Period>,
}

impl Periods {
    pub(crate) fn new(origin: impl Into<Origin>, identity: PublicKey) -> Self {
        Self { origin: origin.into(), identity, lost: None, known: Vec::new() }
    }

    /// The log goes on in another era behind what is kept: keys of later entries are forgotten, and all sign under the
    /// era's name.
    pub(crate) fn enter(&mut self, era: u32, kept: u64, lost: Option<Index>) -> Result<(), What> {
        self.origin.era = era;
        self.lost = lost.or(self.lost);
        let known = std::mem::take(&mut self.known);
        known
            .into_iter()
            .filter(|period| period.mark.index < kept)
            .try_for_each(|period| self.push(period.mark))
    }

    /// Goes on from the period that was in force when the state record was written.
    pub(crate) fn resume(&mut self, mark: &PeriodMark) -> Result<(), What> {
        self.push(mark.clone())
    }

    pub(crate) fn identity(&self) -> &PublicKey {
        &self.identity
    }

    /// No roll was seen yet.
    pub(crate) fn is_blank(&self) -> bool {
        self.known.is_empty()
    }

    /// What was begun with does not hold.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// The newest period that a head of this size covers.
    fn at(&self, size: u64) -> Option<&Period> {
        self.known.iter().rev().find(|period| period.mark.index < size)
    }

    /// The keys that sign a checkpoint of this size: it verifies only under the key of the newest period it covers.
    pub(crate) fn keys(&self, size: u64) -> Option<&LogKeys> {
        self.at(size).map(|period| &period.keys)
    }

    /// That period, for the state record.
    pub(crate) fn mark(&self, size: u64) -> Option<PeriodMark> {
        self.at(size).map(|period| period.mark.clone())
    }

    /// Takes the next period's key, by the key before it (period 0 by the identity key). A roll that is known already is
    /// passed over; a different one for a known period is refused.
    pub(crate) fn roll(&mut self, index: Index, roll: &KeyRoll) -> Result<(), What> {
        if let Some(known) = self.known.iter().find(|known| known.mark.period == roll.period) {
            return if known.mark == mark(index, roll) { Ok(()) } else { Err(What::KeyRoll) };
        }
        let follows = match self.known.last() {
            Some(last) => last.mark.period.checked_add(1) == Some(roll.period) && last.mark.index < index,
            None => roll.period == 0,
        };
        // Behind a succession that lost the period's secret the log identity key makes the next one known.
        let last = self.known.last().filter(|last| self.lost.is_none_or(|lost| last.mark.index >= lost));
        let by = last.map_or(&self.identity, |last| last.keys.period.key());
        let signed = key_roll_bytes(self.origin.log, roll.period, roll.suite, &roll.key);
        if !follows || by.verify(&signed, &roll.signature).is_err() {
            return Err(What::KeyRoll);
        }
        self.push(mark(index, roll))
    }

    /// Begins with a later period than the first; see the module. The caller verifies a note that covers it, or forgets.
    pub(crate) fn begin(&mut self, index: Index, roll: &KeyRoll) -> Result<(), What> {
        if !self.is_blank() {
            return Err(What::KeyRoll);
        }
        if roll.period == 0 { self.roll(index, roll) } else { self.push(mark(index, roll)) }
    }

    fn push(&mut self, mark: PeriodMark) -> Result<(), What> {
        let key = PublicKey::from_spki(&mark.key).map_err(|_| What::KeyRoll)?;
        if key.suite() != mark.suite {
            return Err(What::KeyRoll);
        }
        let keys = LogKeys::new(self.origin, key, Some(self.identity.clone())).map_err(|_| What::KeyRoll)?;
        if self.known.len() == KEY_ROLLS_MAX {
            self.known.remove(0);
        }
        self.known.push(Period { mark, keys });
        Ok(())
    }
}

fn mark(index: Index, roll: &KeyRoll) -> PeriodMark {
    PeriodMark { index, period: roll.period, suite: roll.suite, key: roll.key.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::testing::seed;
    use pki::{SecretKey, Signer, Suite};

    use journal::ids::LogId;

    const LOG: LogId = LogId([7; 32]);

    fn key(name: &str) -> SecretKey {
        SecretKey::from_bytes(Suite::Ed25519, &seed(3, name)).unwrap()
    }

    fn roll(period: u64) -> KeyRoll {
        let fresh = key(&format!("period {period}"));
        let by = match period {
            0 => key("identity"),
            _ => key(&format!("period {}", period - 1)),
        };
        let bytes = key_roll_bytes(LOG, period, Suite::Ed25519, fresh.public().spki());
        let (suite, spki) = (Suite::Ed25519, fresh.public().spki().to_vec().into());
        KeyRoll { period, suite, key: spki, signature: by.sign(&bytes).unwrap().into() }
    }

    fn blank() -> Periods {
        Periods::new(LOG, key("identity").public().clone())
    }

    #[test]
    fn a_chain_has_no_gap_and_goes_on_from_the_state_record() {
        let mut periods = blank();
        (0..3).for_each(|period| periods.roll(10 * period + 1, &roll(period)).unwrap());
        assert_eq!(periods.roll(41, &roll(4)), Err(What::KeyRoll), "a gap");
        assert_eq!(periods.begin(41, &roll(4)), Err(What::KeyRoll), "only who knows nothing begins anew");
        assert!(periods.keys(1).is_none() && periods.mark(11).unwrap().period == 0);
        let mark = periods.mark(22).unwrap();
        assert_eq!((mark.period, mark.index), (2, 21));

        let mut resumed = blank();
        resumed.resume(&mark).unwrap();
        resumed.roll(21, &roll(2)).unwrap(); // a Welcome repeats the one in force
        assert_eq!(resumed.roll(1, &roll(0)), Err(What::KeyRoll), "older ones are not shown again");
        let mut other = roll(3);
        other.signature = key("identity").sign(b"something").unwrap().into();
        assert_eq!(resumed.roll(31, &other), Err(What::KeyRoll), "the identity key alone rolls nothing");
        resumed.roll(31, &roll(3)).unwrap();
        assert_eq!(resumed.keys(32).unwrap().period.key(), key("period 3").public());
    }

    #[test]
    fn a_terminal_without_a_past_begins_at_the_first_roll_that_it_is_shown() {
        let mut periods = blank();
        assert_eq!(periods.roll(51, &roll(5)), Err(What::KeyRoll));
        periods.begin(51, &roll(5)).unwrap();
        periods.roll(61, &roll(6)).unwrap();
        assert_eq!(periods.roll(81, &roll(8)), Err(What::KeyRoll));
        periods.forget();
        assert!(periods.keys(100).is_none());
        let mut forged = roll(0);
        forged.signature[0] ^= 1;
        assert_eq!(periods.begin(1, &forged), Err(What::KeyRoll), "the first of all is the identity key's");
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut periods = blank();
        (0..KEY_ROLLS_MAX as u64 + 3).for_each(|period| periods.roll(period + 1, &roll(period)).unwrap());
        assert_eq!(periods.known.len(), KEY_ROLLS_MAX);
        assert!(periods.keys(4).is_none() && periods.keys(5).is_some());
    }
}
