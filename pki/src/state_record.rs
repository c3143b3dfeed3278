//! What a terminal must remember when it ends: what it saw of the log, whose keys it wrapped to, and where its own chain
//! stood. That no number is signed twice rests on the chain: each Login begins a new one.
//! Never written by the server. It is rewritten and synced before anything that was signed leaves; see `credential_file`.
//!
//! Whoever can replace files on the terminal can put an old record back. That is noticed, not prevented: the server
//! refuses a number used twice, and a checkpoint older than one the person has seen elsewhere stands in the journal.
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::canonical;
use crate::ids::{CertId, PersonId};
use crate::suite::Suite;

/// Version of the format that this build writes. Version 1, without the last four fields, is read for ever.
pub const VERSION: u8 = 2;
/// Longest checkpoint and longest verifier text, in bytes.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;
/// Longest key of a period, SubjectPublicKeyInfo, in bytes.
pub const PERIOD_KEY_BYTES_MAX: usize = 256;
/// People whose keys are remembered: as many as the largest conversation has. Of more, those are forgotten first whose
/// certificates are the oldest; they then count as seen for the first time.
pub const KNOWN_PEOPLE_MAX: usize = 4096;

/// One person's state at one terminal.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StateRecord {
    #[n(0)]
    version: u8,
    /// The log this terminal works with.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub log_id: [u8; 32],
    /// The log identity key, as a signed-note verifier, from the site card.
    #[n(2)]
    pub log_identity: String,
    /// The last signed checkpoint, as note text.
    #[n(3)]
    pub checkpoint: Option<String>,
    /// Where the person's own chain stands.
    #[n(4)]
    pub chain: Option<OwnChain>,
    /// The newest log period key that the checkpoint covers.
    #[n(5)]
    pub period: Option<PeriodMark>,
    /// Index of the newest entry that was proven to set the site's policy.
    #[n(6)]
    pub policy: Option<u64>,
    #[n(7)]
    known: Vec<KnownPerson>,
    /// Alarms of the log below this index were shown to this officer.
    #[n(8)]
    pub alarms_heard: u64,
}

/// A period key of the log, as the KeyRoll at this index gave it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PeriodMark {
    /// Index of the KeyRoll.
    #[n(0)]
    pub index: u64,
    /// Number of the period.
    #[n(1)]
    pub period: u64,
    /// Suite of the key.
    #[n(2)]
    pub suite: Suite,
    /// The key, SubjectPublicKeyInfo.
    #[n(3)]
    pub key: ByteVec,
}

/// What was last seen, and proven, of a person to whom keys were wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct KnownPerson {
    /// Who.
    #[n(0)]
    pub person: PersonId,
    /// Index of the newest Enrol.
    #[n(1)]
    pub enrolled: u64,
    /// The agreement certificate that it brought.
    #[n(2)]
    pub agreement: CertId,
    /// A revocation was proven.
    #[n(3)]
    pub revoked: bool,
}

/// The person's own chain since the last login, up to what may have left: evidence of what this terminal said last.
/// Nothing is resumed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct OwnChain {
    /// The leaf hash of the Login: the chain.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub login_leaf: [u8; 32],
    /// The number behind that of the last statement that was signed.
    #[n(1)]
    pub next_sequence: u64,
    /// The id of the last statement that was signed; of the Login, when there is none yet.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub last_id: [u8; 32],
    /// The attempt at which that one was signed.
    #[n(3)]
    pub attempt: u32,
}

impl StateRecord {
    /// What was seen of people and of alarms in entries from this index on is forgotten: the log has lost them. A
    /// revocation stays.
    pub fn forget_people_from(&mut self, index: u64) {
        self.known.retain(|known| known.enrolled < index || known.revoked);
        self.known.iter_mut().for_each(|known| known.enrolled = known.enrolled.min(index.saturating_sub(1)));
        self.alarms_heard = self.alarms_heard.min(index);
    }

    /// The record of a terminal that has never logged in.
    pub fn new(log_id: [u8; 32], log_identity: String) -> Self {
        Self {
            version: VERSION,
            log_id,
            log_identity,
            checkpoint: None,
            chain: None,
            period: None,
            policy: None,
            known: Vec::new(),
            alarms_heard: 0,
        }
    }

    /// What is remembered of a person.
    pub fn known(&self, person: PersonId) -> Option<&KnownPerson> {
        let at = self.known.binary_search_by_key(&person, |known| known.person).ok()?;
        self.known.get(at)
    }

    /// Remembers a person as seen now, in place of what was remembered before. Whether anything changed.
    pub fn remember(&mut self, seen: KnownPerson) -> bool {
        match self.known.binary_search_by_key(&seen.person, |known| known.person) {
            Ok(at) => std::mem::replace(&mut self.known[at], seen) != seen,
            Err(at) => {
                self.known.insert(at, seen);
                if self.known.len() > KNOWN_PEOPLE_MAX {
                    self.forget_oldest();
                }
                true
            }
        }
    }

    fn forget_oldest(&mut self) {
        let all = self.known.iter().enumerate();
        if let Some((at, _)) = all.min_by_key(|(_, known)| known.enrolled) {
            self.known.remove(at);
        }
    }

    pub(crate) fn to_bytes(&self) -> Option<Vec<u8>> {
        self.is_sane().then(|| canonical::encode(self))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let read = canonical::decode::<Self>(bytes).ok().filter(|state| state.version == VERSION);
        let read = read.or_else(|| canonical::decode::<First>(bytes).ok().and_then(First::into_record));
        read.filter(Self::is_sane)
    }

    fn is_sane(&self) -> bool {
        let note = self.checkpoint.as_ref().map_or(0, String::len);
        let key = self.period.as_ref().map_or(0, |mark| mark.key.len());
        self.log_identity.len() <= NOTE_BYTES_MAX
            && note <= NOTE_BYTES_MAX
            && key <= PERIOD_KEY_BYTES_MAX
            && self.known.len() <= KNOWN_PEOPLE_MAX
            && self.known.windows(2).all(|pair| pair[0].person < pair[1].person)
    }
}

/// Version 1.
#[derive(Encode, Decode)]
#[cbor(array)]
struct First {
    #[n(0)]
    version: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    log_id: [u8; 32],
    #[n(2)]
    log_identity: String,
    #[n(3)]
    checkpoint: Option<String>,
    #[n(4)]
    chain: Option<OwnChain>,
}

impl First {
    fn into_record(self) -> Option<StateRecord> {
        let Self { version, log_id, log_identity, checkpoint, chain } = self;
        let record = StateRecord { checkpoint, chain, ..StateRecord::new(log_id, log_identity) };
        (version == 1).then_some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(person: u64, enrolled: u64) -> KnownPerson {
        KnownPerson {
            person: PersonId(person),
            enrolled,
            agreement: CertId([person as u8; 32]),
            revoked: false,
        }
    }

    #[test]
    fn a_record_of_version_1_is_read_and_written_anew() {
        let chain = OwnChain { login_leaf: [1; 32], next_sequence: 2, last_id: [3; 32], attempt: 4 };
        let first = First {
            version: 1,
            log_id: [7; 32],
            log_identity: "log".into(),
            checkpoint: Some("note".into()),
            chain: Some(chain),
        };
        let read = StateRecord::from_bytes(&canonical::encode(&first)).unwrap();
        assert_eq!((read.checkpoint.as_deref(), read.chain), (Some("note"), Some(chain)));
        assert_eq!(StateRecord::from_bytes(&read.to_bytes().unwrap()), Some(read));
        let newer = First { version: 3, ..first };
        assert!(StateRecord::from_bytes(&canonical::encode(&newer)).is_none());
    }

    #[test]
    fn people_are_remembered_up_to_a_limit_and_the_oldest_certificates_are_forgotten_first() {
        let mut record = StateRecord::new([7; 32], "log".into());
        for person in (1..=KNOWN_PEOPLE_MAX as u64).rev() {
            assert!(record.remember(seen(person, 10_000 - person)));
        }
        assert!(!record.remember(seen(5, 9_995)), "as before");
        assert!(record.remember(seen(5, 20_000)), "renewed");
        let oldest = PersonId(KNOWN_PEOPLE_MAX as u64);
        assert!(record.known(oldest).is_some());
        record.remember(seen(70_000, 20_001));
        assert!(record.known(oldest).is_none() && record.known(PersonId(70_000)).is_some());
        assert_eq!(record.known(PersonId(5)).unwrap().enrolled, 20_000);
        let bytes = record.to_bytes().unwrap();
        assert!(bytes.len() < crate::sealed::SEALED_BYTES_MAX / 8, "{}", bytes.len());
        assert_eq!(StateRecord::from_bytes(&bytes).unwrap(), record);
        record.known.swap(0, 1);
        assert!(StateRecord::from_bytes(&canonical::encode(&record)).is_none(), "in one order only");
    }
}
