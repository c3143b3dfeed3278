//! A snapshot of the Register that is read gives the same bytes again; one that contradicts itself is refused.
#![no_main]

use journal::Register;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(register) = Register::restore(bytes) {
        assert_eq!(register.snapshot(), bytes);
        let _ = (register.digest(), register.next_deadline_ms(), register.size());
    }
});
