//! Revocation: the act that ends a person's certificates, and the list that says so to everybody.
//! Never takes anything back: what a list once named, every later one names, with the same date.

use super::Authority;
use super::found::{unmade, validity};
use super::state::{list_number, list_reason};
use crate::files::{self, Readers};
use crate::trouble::{Failure, Trouble};
use journal::act::{Act, Crl};
use pki::profile::{self, Validity};
use pki::{CertTime, Reason, RevocationList, SecretKey, UnixMs, pem};

/// How long a list is fresh, days.
pub const LIST_DAYS: u32 = 30;
/// Largest list that fits into an act, DER bytes. A larger one is published as a file alone.
const LIST_ACT_BYTES_MAX: usize = 48 * 1024;

/// What became of a new list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Its number.
    pub number: u64,
    /// Certificates in it.
    pub entries: usize,
    /// Until when it is fresh.
    pub until: CertTime,
    /// It is in `acts` too: always, until it grows too large.
    pub is_act: bool,
}

/// Makes a list from the state, records it and writes `crl.pem`. A crash between the two leaves the old file; the next
/// list has both.
pub fn publish(authority: &mut Authority, key: &SecretKey, now_ms: u64) -> Result<Published, Failure> {
    let list = make(authority, key, now_ms)?;
    let is_act = list.der().len() <= LIST_ACT_BYTES_MAX;
    if is_act {
        authority.record(key, Act::Crl(Crl { list: list.der().to_vec().into() }))?;
    }
    write(authority, &list)?;
    Ok(Published {
        number: list_number(&list).unwrap_or_default(),
        entries: list.entries().len(),
        until: list.next_update().unwrap_or(list.this_update()),
        is_act,
    })
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
