//! Cosigner keys and signature lines that are read print as the same text, and a cosignature is looked for in any note.
#![no_main]

use journal::note::{CosignerKey, SignatureLine, SignedNote};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(line) = text.parse::<SignatureLine>() {
        assert_eq!(line.to_string(), text);
    }
    let (first, note) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(key) = first.parse::<CosignerKey>() {
        assert_eq!(key.to_string(), first);
        if let Ok(note) = SignedNote::parse(note.as_bytes()) {
            let _found = key.cosigned(&note);
        }
    }
});
