//! What the store keeps of a person's passwords: the own verifier, and those of envelopes, still sealed.
//! Never holds a password, and never opens a sealed verifier: the desk does, when one is asked for.

use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{PersonId, canonical};
use protocol::io::VerifierChange;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Version of a record.
const VERSION: u8 = 1;
/// Envelopes of one person whose verifiers are kept: the newest ones.
pub(crate) const ENVELOPES_MAX: usize = 4;
/// A person's own verifier with the record's head, at most, bytes: a PHC string of fixed parameters has 97.
pub(crate) const OWN_BYTES_MAX: usize = 128;
/// What an envelope's verifier takes in a record beside its bytes: heads of CBOR, its number.
pub(crate) const ROW_BYTES: usize = 16;

/// One person's record, as it lies in the store's verifier region.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Record {
    #[n(0)]
    version: u8,
    /// The person's own: a PHC string.
    #[n(1)]
    pub(crate) own: Option<ByteVec>,
    /// Number and sealed verifier, ascending by number.
    #[n(2)]
    envelopes: Vec<SealedFor>,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
struct SealedFor {
    #[n(0)]
    number: u64,
    #[n(1)]
    sealed: ByteVec,
}

impl Record {
    fn empty() -> Self {
        Self { version: VERSION, own: None, envelopes: Vec::new() }
    }

    /// The sealed verifier of an envelope.
    pub(crate) fn envelope(&self, number: u64) -> Option<&[u8]> {
        self.envelopes.iter().find(|envelope| envelope.number == number).map(|envelope| &envelope.sealed[..])
    }

    fn is_empty(&self) -> bool {
        self.own.is_none() && self.envelopes.is_empty()
    }
}

/// All records in memory, shared between the writer and the desk.
#[derive(Clone, Default)]
pub(crate) struct Verifiers(Arc<Mutex<BTreeMap<PersonId, Record>>>);

impl Verifiers {
    /// Takes in a record as the store gave it.
    pub(crate) fn load(&self, person: PersonId, bytes: &[u8]) -> Result<(), canonical::NotCanonical> {
        let record = canonical::decode(bytes)?;
        self.records().insert(person, record);
        Ok(())
    }

    /// A person's record.
    pub(crate) fn record(&self, person: PersonId) -> Option<Record> {
        self.records().get(&person).cloned()
    }

    /// What these changes make of the records they touch; nothing is changed yet.
    pub(crate) fn changed(&self, changes: &[VerifierChange]) -> BTreeMap<PersonId, Option<Record>> {
        let records = self.records();
        let mut changed: BTreeMap<PersonId, Record> = BTreeMap::new();
        for change in changes {
            let (VerifierChange::Set(person, _)
            | VerifierChange::SetSealed(person, ..)
            | VerifierChange::Drop(person)
            | VerifierChange::DropEnvelope(person, _)) = change;
            let record = changed
                .entry(*person)
                .or_insert_with(|| records.get(person).cloned().unwrap_or_else(Record::empty));
            apply(record, change);
        }
        changed
            .into_iter()
            .map(|(person, record)| (person, Some(record).filter(|left| !left.is_empty())))
            .collect()
    }

    /// Puts in force what is durable now.
    pub(crate) fn put(&self, changed: BTreeMap<PersonId, Option<Record>>) {
        let mut records = self.records();
        for (person, record) in changed {
            match record {
                Some(record) => records.insert(person, record),
                None => records.remove(&person),
            };
        }
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<PersonId, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn apply(record: &mut Record, change: &VerifierChange) {
    match change {
        VerifierChange::Set(_, verifier) => record.own = Some(verifier.clone()),
        VerifierChange::SetSealed(_, number, sealed) => {
            record.envelopes.retain(|envelope| envelope.number != *number);
            record.envelopes.push(SealedFor { number: *number, sealed: sealed.clone() });
            record.envelopes.sort_by_key(|envelope| envelope.number);
            if record.envelopes.len() > ENVELOPES_MAX {
                record.envelopes.remove(0);
            }
        }
        VerifierChange::Drop(_) => *record = Record::empty(),
        VerifierChange::DropEnvelope(_, number) => {
            record.envelopes.retain(|envelope| envelope.number != *number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: PersonId = PersonId(7);

    fn after(verifiers: &Verifiers, changes: &[VerifierChange]) -> Option<Record> {
        let changed = verifiers.changed(changes);
        for record in changed.values().flatten() {
            let bytes = canonical::encode(record);
            assert_eq!(canonical::decode::<Record>(&bytes).unwrap(), *record);
        }
        verifiers.put(changed);
        verifiers.record(ANNA)
    }

    #[test]
    fn an_envelope_stands_beside_the_own_one_until_it_is_dropped() {
        let verifiers = Verifiers::default();
        let sealed = |number: u64| VerifierChange::SetSealed(ANNA, number, vec![number as u8].into());
        let record = after(&verifiers, &[sealed(1), sealed(2)]).unwrap();
        assert_eq!(
            (record.envelope(1), record.envelope(2), &record.own),
            (Some(&[1][..]), Some(&[2][..]), &None)
        );
        let own = VerifierChange::Set(ANNA, vec![9].into());
        let record = after(&verifiers, &[own, VerifierChange::DropEnvelope(ANNA, 1)]).unwrap();
        assert_eq!((record.envelope(1), record.envelope(2)), (None, Some(&[2][..])));
        assert_eq!(record.own.as_ref().map(|own| own.to_vec()), Some(vec![9]));
        assert_eq!(after(&verifiers, &[VerifierChange::Drop(ANNA)]), None);
    }

    #[test]
    fn only_the_newest_envelopes_are_kept_and_nothing_changes_before_it_is_put() {
        let verifiers = Verifiers::default();
        let many: Vec<_> = (1..=9).map(|n| VerifierChange::SetSealed(ANNA, n, vec![0; 200].into())).collect();
        let changed = verifiers.changed(&many);
        assert_eq!(verifiers.record(ANNA), None);
        verifiers.put(changed);
        let record = verifiers.record(ANNA).unwrap();
        assert!(record.envelope(5).is_none() && record.envelope(6).is_some() && record.envelope(9).is_some());
        assert!(canonical::encode(&record).len() <= disk::VERIFIER_BYTES_MAX);
    }
}
