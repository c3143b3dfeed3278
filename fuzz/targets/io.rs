//! What goes between the driver and the engine, and the questions and answers inside frames, have one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::canonical;
use protocol::answer::Answer;
use protocol::query::Query;
use protocol::{Input, Output};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(input) = canonical::decode::<Input>(bytes) {
        assert_eq!(canonical::encode(&input), bytes);
    }
    if let Ok(output) = canonical::decode::<Output>(bytes) {
        assert_eq!(canonical::encode(&output), bytes);
    }
    if let Ok(query) = canonical::decode::<Query>(bytes) {
        assert_eq!(canonical::encode(&query), bytes);
    }
    if let Ok(answer) = canonical::decode::<Answer>(bytes) {
        assert_eq!(canonical::encode(&answer), bytes);
    }
});
