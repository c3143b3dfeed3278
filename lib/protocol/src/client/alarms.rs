//! Alarms for officers: those that are pushed, and those that nobody has heard yet.
//! Never proves what an alarm says: that it stands in the log is proven, the rest is the server's word.

use super::error::{Error, What};
use super::event::Event;
use super::flow::Cx;
use super::receive::{Checked, CheckedContent};
use super::state::State;
use crate::answer::Answer;
use crate::query::Query;
use journal::fact::{AlarmKind, Fact};
use journal::ids::Index;
use minicbor::{Decode, Encode};
use pki::{PersonId, Role, canonical};
use std::collections::VecDeque;

/// Most alarms that are given at once: of more the newest.
const ALARMS_MAX: usize = 1024;

/// An alarm in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct AlarmView {
    /// Its entry.
    #[n(0)]
    pub index: Index,
    /// When it was raised, milliseconds since 1970.
    #[n(1)]
    pub wall_ms: u64,
    /// What it says.
    #[n(2)]
    pub alarm: AlarmKind,
    /// Whom it is about.
    #[n(3)]
    pub person: Option<PersonId>,
    /// The number in its evidence, where that is one: a hold's index, when a run was due, an erasure epoch, milliseconds.
    #[n(4)]
    pub number: Option<u64>,
}

impl AlarmView {
    fn of(entry: &Checked) -> Option<Self> {
        let CheckedContent::Fact(Fact::Alarm(fact)) = &entry.content else { return None };
        let number = canonical::decode(&fact.evidence).ok();
        let (index, wall_ms) = (entry.index, entry.wall_ms);
        Some(Self { index, wall_ms, alarm: fact.alarm, person: fact.person, number })
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

    /// Those that were never shown at this terminal, the newest of them.
    pub(crate) async fn unheard_alarms(&self) -> Result<Vec<AlarmView>, Error> {
        let from = self.with(|state| state.record.alarms_heard);
        self.alarms_from(from).await
    }

    async fn alarms_from(&self, mut from: Index) -> Result<Vec<AlarmView>, Error> {
        let mut found = VecDeque::new();
        loop {
            let Answer::Alarms(page) = self.ask(Query::Alarms(from)).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let more = page.more;
            let entries = self.check_page(page).await?;
            for entry in entries.iter().filter(|entry| entry.index >= from) {
                found.push_back(AlarmView::of(entry).ok_or(Error::unverified(What::Answer))?);
                if found.len() > ALARMS_MAX {
                    found.pop_front();
                }
            }
            match entries.last() {
                Some(last) if more && last.index >= from => from = last.next(),
                Some(_) | None => return Ok(found.into()),
            }
        }
    }
}
