//! A log that went on without entries that were lost: what a terminal lets go of, and what it tells its person.
//! Never by the server's word: enough of the first officers have signed it, whom the genesis names that the site card names,
//! and the entries that say so are proven to stand in the log directly behind what is kept.

use super::conversations::Conversations;
use super::directory::Directory;
use super::erase::Erases;
use super::error::What;
use super::event::{Event, SuccessionView};
use super::files::Uploads;
use super::messages::MessageCache;
use super::periods::Periods;
use super::state::State;
use super::trust::{Noted, Seen, Trust};
use crate::frame::{Delivered, Successions};
use crate::succession::{Signed, signed_successions};
use journal::Origin;
use journal::ids::{Head, Index};
use journal::multiproof::MultiProof;

/// Successions that a greeting showed and whose signatures hold: the terminal goes on behind them once a Welcome has proven
/// where they stand.
pub(super) struct Moved {
    signed: Vec<Signed>,
    /// The newest head of ours that they keep.
    base: Head,
    entries: Vec<Delivered>,
}

/// The successions of the log that is worked with, by their officers' signatures.
#[derive(Default)]
pub(crate) struct Known {
    views: Vec<SuccessionView>,
}

impl Known {
    /// All of them, in their order.
    pub(crate) fn views(&self) -> &[SuccessionView] {
        &self.views
    }

    /// The era whose succession gave up the body of this entry.
    pub(crate) fn gave_up(&self, index: Index) -> Option<u32> {
        self.views.iter().find(|view| view.gave_up(index)).map(|view| view.era)
    }
}

/// What was believed before a Welcome of a new era.
pub(crate) struct Before {
    moved: Moved,
    origin: Origin,
    periods: Periods,
    proven: Noted,
    seen: Vec<Seen>,
}

impl Trust {
    /// Checks the signatures of the successions that a greeting names. Those of eras that are known already mean nothing.
    pub(crate) fn consider(&mut self, shown: Option<&Successions>) -> Result<(), What> {
        self.moved = None;
        self.shown.clear();
        let Some(shown) = shown else { return Ok(()) };
        let mut signed = signed_successions(self.origin.log, shown).map_err(|_| What::Succession)?;
        self.shown = signed.iter().map(|one| view(one, 0)).collect();
        signed.retain(|one| one.act.era > self.origin.era);
        if signed.is_empty() {
            return Ok(());
        }
        let shorter =
            |base: Head, one: &Signed| if base.size > one.act.kept.size { one.act.kept } else { base };
        let base = signed.iter().fold(self.proven.head, shorter);
        // Also those of eras that are known: the Welcome proves all of them together.
        self.moved = Some(Moved { signed, base, entries: shown.entries.clone() });
        Ok(())
    }

    /// The head that a Login names: the proven one, as far as it is kept.
    pub(crate) fn base(&self) -> Head {
        self.moved.as_ref().map_or(self.proven.head, |moved| moved.base)
    }

    /// From here on notes are judged in the new era. Gives what is to be put back if the Welcome does not hold.
    pub(crate) fn enter(&mut self) -> Result<Option<Before>, What> {
        let Some(moved) = self.moved.take() else { return Ok(None) };
        let before = Before {
            origin: self.origin,
            periods: self.periods.clone(),
            proven: self.proven.clone(),
            seen: self.seen.clone(),
            moved,
        };
        for one in &before.moved.signed {
            let forsaken = one.act.period_key_lost.then_some(one.end);
            self.origin.era = one.act.era;
            self.periods.enter(one.act.era, one.act.kept.size, forsaken)?;
        }
        let base = before.moved.base;
        if self.proven.head != base {
            // No note of it is ours: the officers' signatures stand for it until the Welcome's own is proven.
            self.proven = Noted { head: base, note: Vec::new() };
        }
        let kept = before.moved.signed.iter().map(|one| one.act.kept.size).min().unwrap_or(u64::MAX);
        self.seen.retain(|seen| seen.noted.head.size <= kept);
        Ok(Some(before))
    }

    /// The succession's entries stand in the log with the Welcome's head, which is the proven one now.
    pub(crate) fn check_entered(&self, before: &Before, proof: Option<&MultiProof>) -> Result<(), What> {
        let proof = proof.ok_or(What::Succession)?;
        Self::all_included(&before.moved.entries, proof, &self.proven.head).map_err(|_| What::Succession)
    }

    /// The Welcome did not hold.
    pub(crate) fn put_back(&mut self, before: Before) {
        let Before { origin, periods, proven, seen, moved: _ } = before;
        (self.origin, self.periods, self.proven, self.seen) = (origin, periods, proven, seen);
    }
}

impl Before {
    /// Entries below this index are those that they were.
    pub(crate) fn kept(&self) -> Index {
        self.moved.signed.iter().map(|one| one.act.kept.size).min().unwrap_or(Index::MAX)
    }

    /// The largest log that this terminal has seen a signature of.
    fn seen_size(&self) -> u64 {
        let seen = self.seen.iter().map(|seen| seen.noted.head.size);
        seen.chain([self.proven.head.size]).max().unwrap_or_default()
    }
}

/// Plain data of a succession, for who has seen so many entries.
fn view(one: &Signed, seen: u64) -> SuccessionView {
    SuccessionView {
        era: one.act.era,
        kept: one.act.kept.size,
        known: one.act.known_size(),
        seen,
        bodies_lost: one.act.bodies_lost,
        officers: one.officers.iter().map(|(person, login)| (*person, login.clone())).collect(),
        time_ms: one.act.time_ms,
        bodies_missing: one.act.bodies_missing,
        given_up: one.act.given_up.clone(),
    }
}

impl State {
    /// A Welcome has proven the log behind the greeting that showed these.
    pub(crate) fn know_successions(&mut self) {
        let views = std::mem::take(&mut self.trust.shown);
        // Of an era that nobody has proven nothing is told, and it explains nothing.
        let era = self.trust.origin.era;
        self.successions.views = views.into_iter().filter(|view| view.era <= era).collect();
    }

    /// Whether a round of proofs was asked for in another era than this one: of heads that a succession has given up since no
    /// answer says anything, and the next round asks anew.
    pub(crate) fn is_overtaken(&mut self, era: u32) -> bool {
        let overtaken = self.trust.origin.era != era;
        if overtaken {
            self.round_ended();
        }
        overtaken
    }

    /// The new era is proven: what came of lost entries goes, and the person hears of it.
    pub(crate) fn succeeded(&mut self, before: &Before) {
        let seen = before.seen_size();
        for one in &before.moved.signed {
            self.event(Event::Succession(Box::new(view(one, seen))));
        }
        let kept = before.kept();
        // Also where no entry is lost here by any signature that was proven.
        if self.record.policy.is_some_and(|index| index >= kept) {
            self.record.policy = None;
            self.policy = None;
        }
        self.closed.take_if(|closed| closed.index >= kept);
        self.record.forget_people_from(kept);
        self.alarms_told = self.alarms_told.map(|below| below.min(kept));
        self.heard.begins_anew();
        if let Some(ahead) = self.ahead.take() {
            self.missed_since(ahead.since());
        }
        if seen <= kept {
            return;
        }
        self.forsake_drafts(kept);
        // Nothing that was asked for is waited for any more, and whoever asked begins anew.
        self.requests.abandon_all();
        self.round_ended();
        self.spawned.clear();
        self.lost_from = Some(kept);
        // All of it follows from entries, and is asked for again.
        self.uploads = Uploads::default();
        self.conversations = Conversations::default();
        self.directory = Directory::default();
        self.erases = Erases::default();
        self.messages = MessageCache::default();
        self.policy = None;
        self.inbox.clear();
        self.missed.clear();
        self.moved();
    }
}
