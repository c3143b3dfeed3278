//! A site card that is read has one spelling, and what it vouches for are authorities.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::SiteCard;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(card) = SiteCard::from_bytes(bytes) {
        assert_eq!(card.to_bytes(), bytes);
        assert!(card.issuing_authorities().iter().all(pki::Certificate::is_ca));
        let _ = (card.anchors(), card.fingerprint().to_string());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = SiteCard::from_text(text);
    }
});
