//! What commands and the agent say to each other: one spelling, lengths judged before anything is kept.
//! The reader belongs to a program, so it is taken in by its path.
#![no_main]
#![allow(dead_code)]

#[path = "../../client-cli/src/agent/wire.rs"]
mod wire;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(ask) = wire::parse::<wire::Ask>(bytes) {
        assert_eq!(wire::frame(&ask)[4..], *bytes);
    }
    if let Ok(tell) = wire::parse::<wire::Tell>(bytes) {
        assert_eq!(wire::frame(&tell)[4..], *bytes);
    }
    let mut stream = bytes;
    while let Ok(ask) = wire::read::<wire::Ask>(&mut stream) {
        assert!(wire::frame(&ask).len() <= bytes.len());
    }
});
