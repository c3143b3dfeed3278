//! The files between terminals and the authority: as text, and as bytes inside sound armour.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::exchange::{CERTIFICATES_LABEL, CertificatesFile, REQUEST_LABEL, RequestFile};
use pki::{canonical, pem};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (RequestFile::from_text(text), CertificatesFile::from_text(text));
        let _ = (pem::decode(text, pem::CERTIFICATE), pem::decode(text, pem::CRL));
    }
    if let Ok(file) = RequestFile::from_text(&pem::encode(REQUEST_LABEL, bytes)) {
        assert_eq!(canonical::encode(&file), bytes);
    }
    if let Ok(file) = CertificatesFile::from_text(&pem::encode(CERTIFICATES_LABEL, bytes)) {
        assert_eq!(canonical::encode(&file), bytes);
    }
});
