//! How old the head is that a witness cosigned, where nothing fresher confirms a bundle: as text and in the answer of `verify`.
//! Never part of the verdict: the verdict goes by the entries' own stamps.

use console::Words;
use console::when::rfc3339;
use journal::retention::DAY_MS;
use serde::Serialize;

use crate::audit::Audit;
use crate::trust::Trust;

/// A head that a witness cosigned and that comes inside the bundle: whoever made the bundle chose it.
#[derive(Serialize)]
pub struct Cosigned {
    /// The witness.
    pub by: String,
    /// Entries that it covers.
    pub size: u64,
    /// When, by the witness' clock.
    pub at: String,
    /// By this machine's, milliseconds.
    pub age_ms: u64,
    /// Older than the trust file allows.
    pub stale: bool,
}

impl Words for Cosigned {
    fn en(&self) -> String {
        let Self { by, size, at, age_ms, .. } = self;
        let days = age_ms / DAY_MS;
        match self.stale {
            true => format!(
                "LOOK AT THE DATE: the head of {size} entries was cosigned by {by} at {at}, {days} days before this machine's \
                 date. The log may have gone on since, and this is what you were given: ask for a newer export"
            ),
            false => format!("head of {size} entries cosigned by {by} at {at}, by the witness' clock"),
        }
    }

    fn ru(&self) -> String {
        let Self { by, size, at, age_ms, .. } = self;
        let days = age_ms / DAY_MS;
        match self.stale {
            true => format!(
                "ПОСМОТРИТЕ НА ДАТУ: вершину размера {size} заверил {by}, {at}; по часам этой машины прошло суток: {days}. \
                 Журнал мог продолжиться, а вам дали это: запросите выгрузку новее"
            ),
            false => format!("вершина размера {size} заверена: {by}, {at} по часам свидетеля"),
        }
    }
}

/// What is to be said where the newest head that confirms the entries is one that a witness cosigned.
pub fn freshness(found: &Audit, trust: &Trust, now_ms: u64) -> Option<Cosigned> {
    let anchored = found.replay.verdict().anchored;
    let newest = || found.agreed.iter().filter(|known| known.head.size == anchored);
    // One that was given here and now says more than the date of a witness; what the trust file keeps may come of that very date.
    if newest().any(|known| known.cosigned_ms.is_none() && known.file.is_some() && !known.own) {
        return None;
    }
    let known = newest().filter(|known| known.cosigned_ms.is_some()).max_by_key(|known| known.cosigned_ms)?;
    let (by, cosigned_ms) = (known.file.clone().unwrap_or_default(), known.cosigned_ms?);
    let age_ms = now_ms.saturating_sub(cosigned_ms);
    let stale = age_ms > trust.age_ms_max;
    Some(Cosigned { by, size: anchored, at: rfc3339(cosigned_ms), age_ms, stale })
}
