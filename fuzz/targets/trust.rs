//! The auditor's trust file: bytes inside sound armour, and any text.
//! The reader is taken in by its path: it needs nothing of the auditor's network.
#![no_main]
#![allow(dead_code)]

#[path = "../../auditor/src/trust/mod.rs"]
mod trust;

use libfuzzer_sys::fuzz_target;
use pki::{canonical, pem};
use trust::{LABEL, Trust};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(trust) = Trust::from_text(&pem::encode(LABEL, bytes)) {
        assert_eq!(canonical::encode(&trust), bytes);
        let _ = (trust.identity(), trust.fingerprint());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Trust::from_text(text);
    }
});
