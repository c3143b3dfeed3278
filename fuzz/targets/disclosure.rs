//! A disclosed message: bytes inside sound armour, and any text. What reads is written the same again, and proves nothing to a
//! reader whose log signed none of it.
#![no_main]

use journal::Origin;
use journal::ids::LogId;
use journal::note::VerifierKey;
use libfuzzer_sys::fuzz_target;
use pki::pem;
use protocol::disclosure::{Believed, Disclosure, LABEL};

fn judge(file: &str) {
    let Ok(read) = Disclosure::parse(file.as_bytes()) else { return };
    let again = Disclosure::parse(read.to_text().as_bytes());
    assert!(again.is_ok_and(|again| again == read));
    let site = fuzz::site();
    let log = LogId([7; 32]);
    let identity = |era| {
        let key = site.identity.public().clone();
        VerifierKey::new(Origin { log, era }.key_name(), key).expect("a good key under a good name")
    };
    let roots = std::slice::from_ref(&site.root);
    let believed = Believed { log, identity: &identity, roots, issuing: &[] };
    assert!(read.verify(&believed).is_err(), "nobody signed for this log");
}

fuzz_target!(|bytes: &[u8]| {
    judge(&pem::encode(LABEL, bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        judge(text);
    }
});
