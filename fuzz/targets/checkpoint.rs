//! A checkpoint that is read, signed or bare, prints as the same bytes.
#![no_main]

use journal::checkpoint::{Checkpoint, SignedCheckpoint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = SignedCheckpoint::parse(bytes) {
        assert_eq!(checkpoint.to_string().as_bytes(), bytes);
        assert_eq!(checkpoint.claimed().text(), checkpoint.note().text());
    }
    if let Some(checkpoint) =
        std::str::from_utf8(bytes).ok().and_then(|text| Checkpoint::parse_text(text).ok())
    {
        assert_eq!(checkpoint.text().as_bytes(), bytes);
    }
});
