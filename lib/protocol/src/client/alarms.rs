//! What was raised, for officers: alarms of the server, reports of members, findings of auditors; those that are pushed,
//! and those that nobody has heard yet.
//! Never proves what an alarm says: that it stands in the log is proven, the rest is the server's word.

use super::error::{Error, What};
use super::event::Event;
use super::flow::Cx;
use super::receive::{Checked, CheckedContent};
use super::state::State;
use crate::answer::Answer;
use crate::query::Query;
use journal::act::Act;
use journal::fact::Fact;
use journal::ids::Index;
use journal::register::Raised;
use minicbor::{Decode, Encode};
use pki::{PersonId, Role, canonical};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Most different alarms that are given at once: of more the oldest, and the others when these were heard.
const ALARMS_MAX: usize = 1024;

/// What was raised in the log, or all that say the same: nobody buries another by having many of his own raised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct AlarmView {
    /// Its entry; of several the newest.
    #[n(0)]
    pub index: Index,
    /// When that was raised, milliseconds since 1970.
    #[n(1)]
    pub wall_ms: u64,
    /// What it says.
    #[n(2)]
    pub what: Raised,
    /// Who raised it, by his own signature; `None`: the server.
    #[n(3)]
    pub by: Option<PersonId>,
    /// The first of them.
    #[n(4)]
    pub first: Index,
    /// How many they are.
    #[n(5)]
    pub times: u64,
}

/// Alarms as they are read, those that say the same as one.
#[derive(Default)]
struct Folded(BTreeMap<Vec<u8>, AlarmView>);

impl Folded {
    /// Takes one more, or says that there is no room for it.
    fn take(&mut self, view: AlarmView) -> bool {
        let room = self.0.len() < ALARMS_MAX;
        match self.0.entry(canonical::encode(&(view.what, view.by))) {
            Entry::Occupied(mut alike) => {
                let alike = alike.get_mut();
                *alike = AlarmView { first: alike.first, times: alike.times.saturating_add(1), ..view };
                true
            }
            Entry::Vacant(free) if room => {
                free.insert(view);
                true
            }
            Entry::Vacant(_) => false,
        }
    }

    /// By the newest of each, so that what lies behind the last one was not read.
    fn into_views(self) -> Vec<AlarmView> {
        let mut views: Vec<AlarmView> = self.0.into_values().collect();
        views.sort_unstable_by_key(|view| view.index);
        views
    }
}

impl AlarmView {
    /// Whom it is about, or else who raised it.
    pub fn person(&self) -> Option<PersonId> {
        match self.what {
            Raised::Alarm(_, person, _) => person,
            Raised::Report(..) | Raised::Finding(..) => self.by,
        }
    }

    fn of(entry: &Checked) -> Option<Self> {
        let (what, by) = match &entry.content {
            CheckedContent::Fact(Fact::Alarm(fact)) => (Raised::by_fact(fact), None),
            CheckedContent::Fact(_) => return None,
            CheckedContent::Statement(statement) => {
                let statement = statement.get();
                let act = statement.act();
                let what = if let Act::Report(act) = act {
                    Raised::Report(act.reason, act.message)
                } else if let Act::Finding(act) = act {
                    Raised::Finding(act.severity, act.code, act.entry)
                } else {
                    return None;
                };
                (what, Some(statement.header().person))
            }
        };
        let (index, wall_ms) = (entry.index, entry.wall_ms);
        Some(Self { index, wall_ms, what, by, first: index, times: 1 })
    }
}

impl State {
    /// Those below this index were shown to the person.
    pub(crate) fn heard_alarms(&mut self, below: Index) {
        if below > self.record.alarms_heard {
            self.record.alarms_heard = below;
            self.persist();
        }
    }
}

impl Cx {
    /// An alarm was pushed: told, unless others before it are still asked for; then it is told with them.
    pub(crate) fn alarmed(&self, entry: &Checked) {
        self.with(|state| {
            if state.gap.is_some() {
                state.missed_since(entry.index);
            } else if let (Some(told), Some(view)) = (state.alarms_told, AlarmView::of(entry))
                && entry.index >= told
            {
                state.alarms_told = Some(entry.next());
                state.event(Event::Alarm(view));
            }
        });
    }

    /// Tells of those that this session has not told: at its first login of all that nobody was shown.
    pub(crate) async fn missed_alarms(&self) -> Result<(), Error> {
        if !self.with(|state| state.me.roles.contains(Role::Officer)) {
            return Ok(());
        }
        let from = self.with(|state| state.alarms_told.unwrap_or(state.record.alarms_heard));
        let alarms = self.alarms_from(from).await?;
        self.with(|state| {
            state.alarms_told = Some(alarms.last().map_or(from, |last| last.index.saturating_add(1)));
            alarms.into_iter().for_each(|view| state.event(Event::Alarm(view)));
        });
        Ok(())
    }

    /// Those that were never shown at this terminal.
    pub(crate) async fn unheard_alarms(&self) -> Result<Vec<AlarmView>, Error> {
        let from = self.with(|state| state.record.alarms_heard);
        self.alarms_from(from).await
    }

    async fn alarms_from(&self, mut from: Index) -> Result<Vec<AlarmView>, Error> {
        let mut found = Folded::default();
        loop {
            let Answer::Alarms(page) = self.ask(Query::Alarms(from)).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let more = page.more;
            let entries = self.check_page(page).await?;
            for entry in entries.iter().filter(|entry| entry.index >= from) {
                if !found.take(AlarmView::of(entry).ok_or(Error::unverified(What::Answer))?) {
                    return Ok(found.into_views());
                }
            }
            match entries.last() {
                Some(last) if more && last.index >= from => from = last.next(),
                Some(_) | None => return Ok(found.into_views()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::fact::AlarmKind;

    fn alarm(index: Index, alarm: AlarmKind, person: Option<u64>, number: Option<u64>) -> AlarmView {
        let what = Raised::Alarm(alarm, person.map(PersonId), number);
        AlarmView { index, wall_ms: index, what, by: None, first: index, times: 1 }
    }

    #[test]
    fn many_that_say_the_same_are_one_and_bury_no_other() {
        let mut found = Folded::default();
        let leapt = alarm(1, AlarmKind::ClockLeapt, None, Some(9));
        assert!(found.take(leapt));
        assert!((2..2002).all(|index| found.take(alarm(index, AlarmKind::LoginFlood, Some(7), None))));
        let other = alarm(2002, AlarmKind::LoginFlood, Some(8), None);
        assert!(found.take(other));
        let floods = AlarmView { first: 2, times: 2000, ..alarm(2001, AlarmKind::LoginFlood, Some(7), None) };
        assert_eq!(found.into_views(), [leapt, floods, other]);
    }

    #[test]
    fn of_too_many_that_differ_the_oldest_come_first() {
        let mut found = Folded::default();
        let ends = |index| alarm(index, AlarmKind::HoldEndsSoon, None, Some(index));
        let taken = (0..2000).take_while(|index| found.take(ends(*index))).count();
        assert_eq!(taken, ALARMS_MAX);
        let last = found.into_views().last().map(|view| view.index);
        assert_eq!(last, Some(ALARMS_MAX as u64 - 1), "what was not read is not heard");
    }
}
