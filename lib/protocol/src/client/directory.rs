//! People: the certificates of the newest Enrol that the authority signed and the log is proven to hold, and which
//! agreement key was last seen of whom.
//! Never compares names for likeness (the console does), never takes a key because the server says that it is somebody's,
//! and never goes back behind an Enrol or a revocation that was proven.
//!
//! The server says where a person's newest Enrol stands; the entry itself is asked for once. Whom keys were wrapped to is
//! remembered in the state record, so that a key that changed meanwhile, or a server that goes back to an older one, is
//! noticed by the next process too. That there is no newer Enrol no proof can show; see `superseded` for what finds out.

use super::book::Known;
use super::error::{Error, What};
use super::event::{Event, PersonView};
use super::flow::Cx;
use super::receive::Checked;
use super::state::State;
use crate::answer::{Answer, PersonRecord, Standing};
use crate::limits::{ANSWER_PEOPLE_MAX, ENTRIES_AT_MAX};
use crate::query::Query;
use journal::act::Act;
use journal::ids::Index;
use pki::state_record::KnownPerson;
use pki::{AgreementPublic, CertId, PersonId, RevocationList};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// People of a site that a terminal takes in.
pub(crate) const PEOPLE_MAX: usize = 100_000;
/// Revoked persons and listed serial numbers that are kept, each; what comes beyond is the server's word alone.
const REVOKED_MAX: usize = 100_000;

/// A person, by a proven Enrol.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) view: PersonView,
    /// Where the Enrol stands.
    pub(crate) enrolled: Index,
    signature: Arc<Known>,
    agreement: Arc<Known>,
    /// Looked up when the directory had changed so often.
    looked_up: u64,
}

impl Person {
    /// Serial numbers of both certificates.
    pub(crate) fn serials(&self) -> [&[u8]; 2] {
        [self.signature.certificate().serial(), self.agreement.certificate().serial()]
    }

    /// Whether both certificates hold now.
    fn holds(&self, now_ms: u64) -> bool {
        self.signature.valid_at(now_ms) && self.agreement.valid_at(now_ms)
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Directory {
    people: BTreeMap<PersonId, Person>,
    revoked: BTreeSet<PersonId>,
    /// Serial numbers on revocation lists.
    listed: BTreeSet<Vec<u8>>,
    /// Counts what may have changed people's certificates unseen.
    changes: u64,
}

impl Directory {
    /// Certificates may have changed: they are looked up again before anything is wrapped to them.
    pub(crate) fn stale(&mut self) {
        self.changes += 1;
    }

    pub(crate) fn get(&self, person: PersonId) -> Option<&Person> {
        self.people.get(&person)
    }

    fn fresh(&self, person: PersonId) -> Option<Person> {
        self.people.get(&person).filter(|found| found.looked_up == self.changes).cloned()
    }
}

/// What a row of the server's directory comes to.
enum Row {
    /// That Enrol is known.
    Here(Box<Person>),
    /// It is to be asked for.
    Wanted(Index),
    /// A newer one was proven.
    Back,
}

impl State {
    /// Takes in a proven Enrol. One that is older than what is known changes nothing; one whose certificates did not hold
    /// when it came had no effect and is refused. Of who is revoked it tells the name and no more.
    pub(crate) fn take_enrol(&mut self, entry: &Checked) -> Result<(), Error> {
        let Some((header, Act::Enrol(enrol))) = entry.act() else {
            return Err(Error::unverified(What::Answer));
        };
        // Only the authority enrols.
        if header.person != PersonId(0) {
            return Err(Error::unverified(What::Statement));
        }
        let at_ms = entry.wall_ms;
        let signature = self.book.admit(&enrol.signature, at_ms)?;
        let agreement = self.book.admit(&enrol.agreement, at_ms)?;
        let person = signature.certificate().person().ok_or(Error::unverified(What::Certificate))?;
        signature.statement_key(person, at_ms).map_err(Error::unverified)?;
        agreement.agreement_key(person, at_ms).map_err(Error::unverified)?;
        let revoked = self.is_revoked(person);
        if !revoked && self.newest_enrol(person).is_some_and(|newest| newest > entry.index) {
            return Ok(());
        }
        if self.directory.people.len() >= PEOPLE_MAX && self.directory.get(person).is_none() {
            return Err(Error::unverified(What::Answer));
        }
        let before = self.directory.get(person).map(|found| found.view.agreement);
        let before = before.or_else(|| self.record.known(person).map(|known| known.agreement));
        let view = view_of(person, &signature, &agreement);
        let (after, login, looked_up) = (view.agreement, view.login.clone(), self.directory.changes);
        let taken = Person { view, enrolled: entry.index, signature, agreement, looked_up };
        self.directory.people.insert(person, taken);
        // Told before anything is wrapped to it: whoever wraps asks here first.
        if let Some(before) = before.filter(|before| *before != after && !revoked) {
            self.event(Event::KeyChanged(person, before, after, login));
        }
        Ok(())
    }

    /// Index of the newest Enrol of a person that was proven, by this process or one before.
    fn newest_enrol(&self, person: PersonId) -> Option<Index> {
        let here = self.directory.get(person).map(|found| found.enrolled);
        here.max(self.record.known(person).map(|known| known.enrolled))
    }

    fn take_row(&mut self, row: &PersonRecord) -> Row {
        let (revoked, changes) = (self.is_revoked(row.person), self.directory.changes);
        if !revoked && self.newest_enrol(row.person).is_some_and(|newest| newest > row.enrolled) {
            return Row::Back;
        }
        match self.directory.people.get_mut(&row.person) {
            Some(found) if found.enrolled == row.enrolled => {
                found.view.standing = if revoked { Standing::Revoked } else { row.standing };
                found.view.online = row.online;
                found.looked_up = changes;
                Row::Here(Box::new(found.clone()))
            }
            Some(_) | None => Row::Wanted(row.enrolled),
        }
    }

    /// A revocation was proven: for ever, whatever the server says.
    pub(crate) fn take_revoke(&mut self, person: PersonId) {
        if self.directory.revoked.len() < REVOKED_MAX {
            self.directory.revoked.insert(person);
        }
        if let Some(known) = self.record.known(person).copied() {
            self.record.remember(KnownPerson { revoked: true, ..known });
        }
    }

    /// Likewise a revocation list.
    pub(crate) fn take_list(&mut self, list: &RevocationList) {
        for entry in list.entries() {
            if self.directory.listed.len() < REVOKED_MAX {
                self.directory.listed.insert(entry.serial.to_vec());
            }
        }
    }

    fn is_revoked(&self, person: PersonId) -> bool {
        let known = self.record.known(person).is_some_and(|known| known.revoked);
        known || self.directory.revoked.contains(&person)
    }

    /// The key to wrap to, remembered as this person's.
    fn wrap_to(&mut self, found: &Person) -> Result<(CertId, AgreementPublic), Error> {
        let person = found.view.person;
        let unfit = Error::CannotReceive { person };
        let serial = found.agreement.certificate().serial();
        if self.is_revoked(person) || self.directory.listed.contains(serial) {
            return Err(unfit);
        }
        // A suspended member is still a member; expired certificates get nothing.
        let key = found.agreement.agreement_key(person, self.now_ms).map_err(|_| unfit)?;
        let agreement = found.view.agreement;
        // Durable before the wraps leave: the statement that claims them persists the record first.
        self.record.remember(KnownPerson { person, enrolled: found.enrolled, agreement, revoked: false });
        Ok((agreement, key))
    }
}

fn view_of(person: PersonId, signature: &Known, agreement: &Known) -> PersonView {
    let certificate = signature.certificate();
    PersonView {
        person,
        login: certificate.login().unwrap_or_default().to_owned(),
        full_name: certificate.full_name().unwrap_or_default().to_owned(),
        unit: certificate.unit().into_iter().map(str::to_owned).collect(),
        roles: certificate.roles(),
        clearance: certificate.clearance(),
        agreement: agreement.certificate().id(),
        standing: Standing::Good,
        online: false,
        signature: certificate.id(),
    }
}

impl Cx {
    /// The whole directory. People whose certificates do not hold now are left out.
    pub(crate) async fn people(&self) -> Result<Vec<Person>, Error> {
        let rows = self.look_up(None).await?;
        let mut all = Vec::with_capacity(rows.len());
        for row in rows {
            let found = match self.with(|state| state.take_row(&row)) {
                Row::Here(found) => Ok(*found),
                Row::Wanted(_) => Err(Error::unverified(What::Certificate)),
                Row::Back => self.person(row.person).await,
            };
            match found {
                Ok(found) if self.with(|state| found.holds(state.now_ms)) => all.push(found),
                Err(Error::NotVerified { what }) => self.event(Event::Dropped(row.enrolled, what)),
                Ok(_) | Err(Error::UnknownPerson { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Asks for all rows, and for the Enrols of these persons, or of all, that are not known yet.
    async fn look_up(&self, whom: Option<&BTreeSet<PersonId>>) -> Result<Vec<PersonRecord>, Error> {
        let (mut all, mut after) = (Vec::new(), PersonId(0));
        loop {
            let rows = self.people_page(after).await?;
            let Some(last) = rows.last() else { break };
            after = last.person;
            all.extend(rows.into_iter().filter(|row| whom.is_none_or(|whom| whom.contains(&row.person))));
            if all.len() > PEOPLE_MAX {
                return Err(Error::unverified(What::Answer));
            }
        }
        let wanted = self.with(|state| {
            let wanted = |row: &PersonRecord| match state.take_row(row) {
                Row::Wanted(index) => Some(index),
                Row::Here(_) | Row::Back => None,
            };
            all.iter().filter_map(wanted).collect()
        });
        self.enrolments(wanted).await?;
        self.with(|state| all.iter().for_each(|row| drop(state.take_row(row))));
        Ok(all)
    }

    async fn people_page(&self, after: PersonId) -> Result<Vec<PersonRecord>, Error> {
        let Answer::People(rows) = self.ask(Query::People(after)).await? else {
            return Err(Error::unverified(What::Answer));
        };
        let ascending = rows.windows(2).all(|pair| pair[0].person < pair[1].person);
        let behind = rows.first().is_none_or(|first| first.person > after);
        match ascending && behind && rows.len() <= ANSWER_PEOPLE_MAX {
            true => Ok(rows),
            false => Err(Error::unverified(What::Answer)),
        }
    }

    /// Asks for these Enrols and takes in those that hold.
    async fn enrolments(&self, wanted: BTreeSet<Index>) -> Result<(), Error> {
        let wanted: Vec<Index> = wanted.into_iter().collect();
        for some in wanted.chunks(ENTRIES_AT_MAX) {
            let mut left = some;
            while !left.is_empty() {
                let Answer::EntriesAt(page) = self.ask(Query::EntriesAt(left.to_vec())).await? else {
                    return Err(Error::unverified(What::Answer));
                };
                let more = page.more;
                let entries = self.check_page(page).await?;
                let asked = entries.iter().all(|entry| left.binary_search(&entry.index).is_ok());
                let last = entries.last().map(|entry| entry.index).filter(|_| asked);
                let last = last.ok_or(Error::unverified(What::Answer))?;
                // What does not hold is not learnt; whoever needs it fails by itself.
                self.with(|state| entries.iter().for_each(|entry| drop(state.take_enrol(entry))));
                left = if more { &left[left.partition_point(|index| *index <= last)..] } else { &[] };
            }
        }
        Ok(())
    }

    /// One person, as fresh as we know.
    pub(crate) async fn person(&self, person: PersonId) -> Result<Person, Error> {
        if let Some(known) = self.with(|state| state.directory.fresh(person)) {
            return Ok(known);
        }
        // An Enrol may have been pushed behind the first answer: that it is not the newest counts only the second time.
        for _ in 0..2 {
            let row = self.row(person).await?;
            match self.with(|state| state.take_row(&row)) {
                Row::Here(found) => return Ok(*found),
                Row::Wanted(index) => {
                    self.enrolments([index].into()).await?;
                    if let Row::Here(found) = self.with(|state| state.take_row(&row)) {
                        return Ok(*found);
                    }
                    return Err(Error::unverified(What::Certificate));
                }
                Row::Back => {}
            }
        }
        Err(Error::unverified(What::Enrolment))
    }

    async fn row(&self, person: PersonId) -> Result<PersonRecord, Error> {
        let before = PersonId(person.0.checked_sub(1).ok_or(Error::UnknownPerson { person })?);
        let rows = self.people_page(before).await?;
        let row = rows.into_iter().next().filter(|row| row.person == person);
        row.ok_or(Error::UnknownPerson { person })
    }

    /// These persons, in their order, to be wrapped to.
    pub(crate) async fn recipients(
        &self,
        persons: &[PersonId],
    ) -> Result<Vec<(CertId, AgreementPublic)>, Error> {
        let missing: BTreeSet<PersonId> = self.with(|state| {
            let missing = |person: &&PersonId| state.directory.fresh(**person).is_none();
            persons.iter().filter(missing).copied().collect()
        });
        if missing.len() > 1 {
            self.look_up(Some(&persons.iter().copied().collect())).await?;
        }
        let mut recipients = Vec::with_capacity(persons.len());
        for person in persons {
            let unfit = |error| {
                let back = error == Error::unverified(What::Enrolment);
                let unverified = matches!(error, Error::NotVerified { .. }) && !back;
                if unverified { Error::CannotReceive { person: *person } } else { error }
            };
            let found = self.person(*person).await.map_err(unfit)?;
            recipients.push(self.with(|state| state.wrap_to(&found))?);
        }
        Ok(recipients)
    }

    /// Whether what was wrapped to this certificate of ours by the entry at that index ought to have been wrapped to our
    /// newest one, enrolled before. No honest server admits that: somebody is to use a key of ours that was replaced.
    pub(crate) async fn superseded(&self, by: CertId, at: Index) -> Result<bool, Error> {
        let (me, newest) = self.with(|state| (state.me.person, state.me.agreement_certificate()));
        if Some(by) == newest {
            return Ok(false);
        }
        let own = self.person(me).await?;
        Ok(Some(own.view.agreement) == newest && own.enrolled < at)
    }
}
