//! Revocation: the act that ends a person's certificates, and the list that says so to everybody.
//! Never takes anything back: what a list once named, every later one names, with the same date. A list that no longer
//! fits into acts lives in `crl.pem` alone; the appliance goes by the revocations, which are acts of their own.

use super::Authority;
use super::found::{unmade, validity};
use super::state::{list_number, list_reason};
use crate::files::{self, Readers};
use crate::trouble::{Failure, Trouble};
use journal::act::people::CRL_WHOLE_BYTES_MAX;
use journal::act::{Act, Crl, CrlPart};
use pki::profile::{self, Validity};
use pki::{CertTime, Reason, RevocationList, SecretKey, UnixMs, pem};
use std::path::Path;

/// How long a list is fresh, days.
pub const LIST_DAYS: u32 = 30;
/// Largest list that fits into acts, DER bytes. A larger one is published as a file alone.
const LIST_ACTS_BYTES_MAX: usize = CRL_WHOLE_BYTES_MAX as usize;

/// What became of a new list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Its number.
    pub number: u64,
    /// Certificates in it.
    pub entries: usize,
    /// Until when it is fresh.
    pub until: CertTime,
    /// It is in `acts` too, by itself or in parts: until it grows too large.
    pub is_act: bool,
}

/// Makes a list from the state, records it and writes `crl.pem`. A crash between the two leaves the old file; the next
/// list has both.
pub fn publish(authority: &mut Authority, key: &SecretKey, now_ms: u64) -> Result<Published, Failure> {
    publish_within(authority, key, now_ms, LIST_ACTS_BYTES_MAX)
}

fn publish_within(
    authority: &mut Authority,
    key: &SecretKey,
    now_ms: u64,
    acts_bytes_max: usize,
) -> Result<Published, Failure> {
    let list = make(authority, key, now_ms)?;
    let is_act = list.der().len() <= acts_bytes_max;
    if is_act {
        let parts = CrlPart::split(list.der()).unwrap_or_default();
        let acts = match parts.is_empty() {
            true => vec![Act::Crl(Crl { list: list.der().to_vec().into() })],
            false => parts.into_iter().map(Act::CrlPart).collect(),
        };
        authority.record_all(key, acts)?;
    }
    write(authority, &list)?;
    authority.state.adopt_list(list.clone());
    Ok(Published {
        number: list_number(&list).unwrap_or_default(),
        entries: list.entries().len(),
        until: list.next_update().unwrap_or(list.this_update()),
        is_act,
    })
}

/// The list that lies there, if one does; whose it is and how new, the state judges.
pub(super) fn published(path: &Path) -> Result<Option<RevocationList>, Trouble> {
    if !path.exists() {
        return Ok(None);
    }
    let bad = |why: String| Trouble::BadFile { path: files::shown(path), why };
    let text = files::read_text(path, pem::PEM_BYTES_MAX as u64)?;
    let blocks = pem::decode(&text, pem::CRL).map_err(|why| bad(why.to_string()))?;
    let [der] = blocks.as_slice() else { return Err(bad("not one revocation list".into())) };
    RevocationList::parse(der).map(Some).map_err(|why| bad(why.to_string()))
}

fn write(authority: &Authority, list: &RevocationList) -> Result<(), Trouble> {
    files::replace(&authority.path("crl.pem"), pem::encode(pem::CRL, list.der()).as_bytes(), Readers::Anyone)
}

fn make(authority: &Authority, key: &SecretKey, now_ms: u64) -> Result<RevocationList, Trouble> {
    let now = CertTime::from_unix(UnixMs(now_ms));
    let before = authority.state.list.as_ref();
    let mut revoked: Vec<(Vec<u8>, CertTime, Reason)> = before.map_or_else(Vec::new, |list| {
        let entries = list.entries().iter();
        entries.map(|e| (e.serial.clone(), e.revoked_at, e.reason.unwrap_or(Reason::Unspecified))).collect()
    });
    for person in authority.state.people.values() {
        let Some(reason) = person.revoked else { continue };
        for certificate in person.pairs.iter().flat_map(|pair| [&pair.signature, &pair.agreement]) {
            if !revoked.iter().any(|(serial, _, _)| serial == certificate.serial()) {
                revoked.push((certificate.serial().to_vec(), now, list_reason(reason)));
            }
        }
    }
    let number = before.and_then(list_number).unwrap_or(0) + 1;
    let dates = Validity { from: now, ..validity(now_ms, LIST_DAYS) };
    let issuer = profile::Authority { certificate: &authority.issuing, signer: key };
    profile::revocation_list(issuer, number, dates, &revoked).map_err(unmade)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]
mod tests {
    use super::*;
    use crate::authority::acts::Mode;
    use crate::authority::found::{Plan, found};
    use crate::authority::issue::{Asked, Grant};
    use crate::authority::os_rng;
    use console::Secret;
    use journal::act::{Revoke, RevokeReason};
    use pki::exchange::RequestFile;
    use pki::{AgreementSecret, Clearance, PersonId, Request, Role, RoleSet, SubjectNames, Suite};

    const DAY_MS: u64 = 86_400_000;
    const NOW_MS: u64 = 1_795_283_588_000;

    fn authority(dir: &Path) -> (Authority, SecretKey) {
        let passphrase = Secret::take(zeroize::Zeroizing::new("correct horse battery".into()));
        let dir = dir.join("ca");
        let plan =
            Plan { dir: &dir, site: "Nord", suite: Suite::Ed25519, passphrase: &passphrase, now_ms: NOW_MS };
        found(&plan, &mut os_rng()).unwrap();
        let authority = Authority::open(&dir, Mode::Write).unwrap();
        let key = authority.unlock_with(&passphrase).unwrap();
        (authority, key)
    }

    fn certified(authority: &mut Authority, key: &SecretKey, login: &str, now_ms: u64) -> PersonId {
        let names = SubjectNames { full_name: login.into(), login: login.into(), unit: Vec::new() };
        let own = SecretKey::generate(Suite::Ed25519, &mut os_rng()).unwrap();
        let agreement = AgreementSecret::generate(Suite::Ed25519, &mut os_rng()).unwrap();
        let der = Request::make(&names, own.public(), agreement.public(), &own).unwrap();
        let request = Request::parse(&der).unwrap();
        let file = RequestFile::new(der, None);
        let asked = Asked { text: file.to_text(), request, identity: None, fingerprint: file.fingerprint() };
        let roles = RoleSet::EMPTY.with(Role::Operator);
        let grant = Grant { names, roles, clearance: Clearance::UNMARKED, days: 10 };
        authority.certify(key, &asked, &grant, now_ms, &mut os_rng()).unwrap()
    }

    #[test]
    fn a_list_too_large_for_an_act_keeps_numbers_and_dates() {
        let dir = tempfile::tempdir().unwrap();
        let (mut authority, key) = authority(dir.path());
        let mut dates = Vec::new();
        for (n, login) in (1..).zip(["anna", "boris", "vera"]) {
            let person = certified(&mut authority, &key, login, NOW_MS);
            let act = Revoke { person, reason: RevokeReason::Superseded, note: String::new() };
            authority.record(&key, Act::Revoke(act)).unwrap();
            let list = publish_within(&mut authority, &key, NOW_MS + n * DAY_MS, 0).unwrap();
            assert_eq!((list.number, list.entries, list.is_act), (1 + n, 2 * n as usize, false));
            // As the next command finds it.
            let ca = dir.path().join("ca");
            drop(authority);
            authority = Authority::open(&ca, Mode::Write).unwrap();
            let newest = authority.state.list.as_ref().unwrap();
            let now: Vec<_> = newest.entries().iter().map(|e| (e.serial.clone(), e.revoked_at)).collect();
            assert!(dates.iter().all(|entry| now.contains(entry)), "dates stand");
            dates = now;
        }
        // One that somebody else signed, or that is not there, changes nothing.
        let ca = dir.path().join("ca");
        std::fs::remove_file(ca.join("crl.pem")).unwrap();
        drop(authority);
        assert_eq!(
            list_number(Authority::open(&ca, Mode::Read).unwrap().state.list.as_ref().unwrap()),
            Some(1)
        );
    }

    #[test]
    fn a_list_larger_than_an_act_is_recorded_in_parts_and_read_back_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (mut authority, key) = authority(dir.path());
        // As many certificates as make a list of more than one act, by a list that was published before.
        let now = CertTime::from_unix(UnixMs(NOW_MS));
        let named =
            (0..1600_u32).map(|n| ([&[1][..], &n.to_be_bytes(), &[7; 12]].concat(), now, Reason::Superseded));
        let issuer = profile::Authority { certificate: &authority.issuing, signer: &key };
        let dates = Validity { from: now, ..validity(NOW_MS, LIST_DAYS) };
        let list = profile::revocation_list(issuer, 7, dates, &named.collect::<Vec<_>>()).unwrap();
        assert!(list.der().len() > journal::act::people::CRL_BYTES_MAX as usize);
        authority.state.adopt_list(list);
        let before = authority.state.acts.len();
        let published = publish(&mut authority, &key, NOW_MS + DAY_MS).unwrap();
        assert!(published.is_act && published.number == 8 && published.entries == 1600);
        let ca = dir.path().join("ca");
        std::fs::remove_file(ca.join("crl.pem")).unwrap();
        drop(authority);
        let authority = Authority::open(&ca, Mode::Read).unwrap();
        assert_eq!(authority.state.acts.len(), before + 2, "two parts");
        assert_eq!(authority.state.list.as_ref().unwrap().entries().len(), 1600);
    }

    #[test]
    fn a_clock_that_is_ahead_makes_no_certificate_of_the_future() {
        let dir = tempfile::tempdir().unwrap();
        let (mut authority, key) = authority(dir.path());
        let person = certified(&mut authority, &key, "anna", NOW_MS + 365 * DAY_MS);
        let pair = authority.state.people[&person].newest();
        let now = CertTime::from_unix(UnixMs(NOW_MS));
        for certificate in [&pair.signature, &pair.agreement] {
            let (from, until) = certificate.validity();
            assert!(from <= now && until > now);
        }
    }
}
