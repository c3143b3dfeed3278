//! The authority's bundle: bytes inside sound armour, and any text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::{canonical, pem};
use protocol::bundle::{Bundle, LABEL};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::from_text(&pem::encode(LABEL, bytes)) {
        assert_eq!(canonical::encode(&bundle), bytes);
        for act in bundle.genesis.into_iter().chain(bundle.acts) {
            let _ = act.parse();
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Bundle::from_text(text);
    }
});
