//! A one-time password that somebody typed: what is taken prints as a password that is taken again.
//! The reader is taken in by its path: its crate brings fonts and sheets along.
#![no_main]
#![allow(dead_code)]

#[path = "../../lib/paper/src/password.rs"]
mod password;

use libfuzzer_sys::fuzz_target;
use password::OneTimePassword;

fuzz_target!(|bytes: &[u8]| {
    let Ok(typed) = std::str::from_utf8(bytes) else { return };
    if let Ok(password) = OneTimePassword::parse(typed) {
        let again = OneTimePassword::parse(&password.groups().join("-")).ok();
        assert!(again.is_some_and(|again| again.same_as(&password)));
    }
});
