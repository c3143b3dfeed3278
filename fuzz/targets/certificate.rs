//! A certificate that is read keeps its bytes; every question about it, and a path through it, is answered without a
//! panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::{Certificate, Purpose, Question, Revocation, RevocationList, TrustAnchor, UnixMs, verify_path};

fuzz_target!(|bytes: &[u8]| {
    let Ok(certificate) = Certificate::parse(bytes) else { return };
    assert_eq!(certificate.der(), bytes);
    let _ = (certificate.person(), certificate.full_name(), certificate.login(), certificate.unit());
    let _ = (certificate.roles(), certificate.clearance(), certificate.is_ca(), certificate.key_usage());
    let _ = (certificate.public_key(), certificate.agreement_key(), certificate.has_dns_name("conclave"));
    let site = fuzz::site();
    let anchors = [TrustAnchor::new(site.root.clone()), TrustAnchor::new(certificate.clone())];
    let between = [site.issuing.clone(), certificate.clone()];
    let none: &[RevocationList] = &[];
    for purpose in [Purpose::Any, Purpose::Server, Purpose::Client] {
        let mut question = Question::new(purpose, UnixMs(journal::testing::FOUNDED_MS + 1));
        question.revocation = Revocation::Unchecked;
        let unchecked = verify_path(&certificate, &between, &anchors, &question).is_ok();
        question.revocation = Revocation::Leaf(none);
        // Without lists nobody is innocent.
        assert!(verify_path(&certificate, &between, &anchors, &question).is_err() || !unchecked);
        // The site's own leaf, with the stranger as anchor and between: he authorises nothing.
        let leaf = &site.person("anna").signature_certificate;
        if certificate != site.root && certificate != site.issuing {
            let strange = [TrustAnchor::new(certificate.clone())];
            let _ = verify_path(leaf, &between, &strange, &question);
        }
    }
});
