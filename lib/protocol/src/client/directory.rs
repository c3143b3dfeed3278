//! People: their certificates, each by its path, and which agreement key was first seen of whom.
//! Never compares names for likeness (the console does) and never takes a key that the authority did not certify.

use super::error::{Error, What};
use super::event::{Event, PersonView};
use super::flow::Cx;
use super::state::State;
use crate::answer::{Answer, PersonRecord};
use crate::limits::ANSWER_PEOPLE_MAX;
use crate::query::Query;
use pki::{AgreementPublic, CertId, PersonId};
use std::collections::BTreeMap;

/// People of a site that a terminal takes in.
pub(crate) const PEOPLE_MAX: usize = 100_000;

/// A person whose certificates hold.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) view: PersonView,
    pub(crate) key: AgreementPublic,
    pub(crate) signature_serial: Vec<u8>,
    pub(crate) agreement_serial: Vec<u8>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Directory {
    people: BTreeMap<PersonId, Person>,
    /// Whose certificates may have changed since they were fetched.
    stale: bool,
}

impl Directory {
    /// Certificates may have changed: they are fetched again before anything is wrapped to them.
    pub(crate) fn stale(&mut self) {
        self.stale = true;
    }

    pub(crate) fn get(&self, person: PersonId) -> Option<&Person> {
        self.people.get(&person)
    }

    fn fresh(&self, person: PersonId) -> Option<Person> {
        if self.stale { None } else { self.people.get(&person).cloned() }
    }
}

impl State {
    /// Takes a record in once both certificates hold and are this person's.
    fn take_person(&mut self, record: &PersonRecord) -> Result<Person, Error> {
        let (person, now_ms) = (record.person, self.now_ms);
        // Expired certificates are shown with their owner, but nothing is wrapped to them: so they are judged at the
        // latest moment at which they can be good.
        let signature = self.book.admit(&record.signature, now_ms)?;
        let agreement = self.book.admit(&record.agreement, now_ms)?;
        let key = agreement.agreement_key(person, now_ms).map_err(Error::unverified)?;
        signature.statement_key(person, now_ms).map_err(Error::unverified)?;
        let certificate = signature.certificate();
        let view = PersonView {
            person,
            login: certificate.login().unwrap_or_default().to_owned(),
            full_name: certificate.full_name().unwrap_or_default().to_owned(),
            unit: certificate.unit().into_iter().map(str::to_owned).collect(),
            roles: certificate.roles(),
            clearance: certificate.clearance(),
            agreement: agreement.certificate().id(),
            active: record.active,
            online: record.online,
            signature: certificate.id(),
        };
        let taken = Person {
            view,
            key,
            signature_serial: certificate.serial().to_vec(),
            agreement_serial: agreement.certificate().serial().to_vec(),
        };
        let before = self.directory.people.insert(person, taken.clone());
        // Told before anything is wrapped to it: the flow that wraps goes through here first.
        if let Some(before) = before.filter(|before| before.key != taken.key) {
            self.event(Event::KeyChanged(person, before.view.agreement, taken.view.agreement));
        }
        Ok(taken)
    }
}

impl Cx {
    /// The whole directory. People whose certificates do not hold now are left out.
    pub(crate) async fn people(&self) -> Result<Vec<Person>, Error> {
        let mut all = Vec::new();
        let mut after = PersonId(0);
        self.with(|state| state.directory.stale = false);
        loop {
            let records = self.people_page(after).await?;
            let Some(last) = records.last() else { return Ok(all) };
            after = last.person;
            all.extend(records.iter().filter_map(|record| self.with(|state| state.take_person(record)).ok()));
            if all.len() > PEOPLE_MAX {
                return Err(Error::unverified(What::Answer));
            }
        }
    }

    async fn people_page(&self, after: PersonId) -> Result<Vec<PersonRecord>, Error> {
        let Answer::People(records) = self.ask(Query::People(after)).await? else {
            return Err(Error::unverified(What::Answer));
        };
        let ascending = records.windows(2).all(|pair| pair[0].person < pair[1].person);
        let behind = records.first().is_none_or(|first| first.person > after);
        match ascending && behind && records.len() <= ANSWER_PEOPLE_MAX {
            true => Ok(records),
            false => Err(Error::unverified(What::Answer)),
        }
    }

    /// One person, as fresh as we know.
    pub(crate) async fn person(&self, person: PersonId) -> Result<Person, Error> {
        if let Some(known) = self.with(|state| state.directory.fresh(person)) {
            return Ok(known);
        }
        let before = PersonId(person.0.checked_sub(1).ok_or(Error::UnknownPerson { person })?);
        let records = self.people_page(before).await?;
        let record = records.first().filter(|record| record.person == person);
        let record = record.ok_or(Error::UnknownPerson { person })?;
        self.with(|state| state.take_person(record))
    }

    /// These persons, in their order, to be wrapped to.
    pub(crate) async fn recipients(
        &self,
        persons: &[PersonId],
    ) -> Result<Vec<(CertId, AgreementPublic)>, Error> {
        if self.with(|state| state.directory.stale) && persons.len() > ANSWER_PEOPLE_MAX {
            self.people().await?;
        }
        let mut recipients = Vec::with_capacity(persons.len());
        for person in persons {
            // A suspended member is still a member; who is revoked was cut. Expired certificates get nothing.
            let unfit = |error| {
                let unverified = matches!(error, Error::NotVerified { .. });
                if unverified { Error::CannotReceive { person: *person } } else { error }
            };
            let found = self.person(*person).await.map_err(unfit)?;
            recipients.push((found.view.agreement, found.key));
        }
        // All of them were fetched just now, or were not stale.
        self.with(|state| state.directory.stale = false);
        Ok(recipients)
    }
}
