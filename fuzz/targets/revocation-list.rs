//! A revocation list that is read keeps its bytes and finds each of its own rows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::{CertTime, RevocationList};

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = RevocationList::parse(bytes) else { return };
    assert_eq!(list.der(), bytes);
    for entry in list.entries() {
        assert!(list.entry(&entry.serial).is_some());
    }
    let _ = (list.issuer(), list.number(), list.next_update(), list.is_fresh(CertTime(1_767_225_600)));
    let _ = list.is_signed_by(fuzz::site().issuing.spki());
});
