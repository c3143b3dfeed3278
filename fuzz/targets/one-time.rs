//! A one-time password that somebody typed: what is taken prints as a password that is taken again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::OneTimePassword;

fuzz_target!(|bytes: &[u8]| {
    let Ok(typed) = std::str::from_utf8(bytes) else { return };
    if let Ok(password) = OneTimePassword::parse(typed) {
        let again = OneTimePassword::parse(&password.groups().join("-")).ok();
        assert!(again.is_some_and(|again| again.same_as(&password)));
    }
});
