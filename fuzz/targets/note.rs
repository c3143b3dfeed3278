//! A signed note that is read prints as the same bytes, and a verifier key as the same text.
#![no_main]

use journal::note::{SignedNote, VerifierKey};
use libfuzzer_sys::fuzz_target;

/// The key of Go's golang.org/x/mod/sumdb/note example, so that mutations of its note reach the verifier.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = SignedNote::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        let peter: VerifierKey = PETER.parse().expect("the key is well-formed");
        // Whatever the verdict, it is reached without a panic.
        let _ = note.verify(&[peter]);
    }
    if let Some(key) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<VerifierKey>().ok()) {
        assert_eq!(key.to_string().as_bytes(), bytes);
    }
});
