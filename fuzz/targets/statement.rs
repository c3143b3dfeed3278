//! Statements, acts, facts and entries have one spelling; bounds are judged and a foreign signature is refused without a
//! panic.
#![no_main]

use journal::statement::SignedStatement;
use journal::{Act, Content, Entry, Fact, Policy, Statement};
use libfuzzer_sys::fuzz_target;
use pki::canonical;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(entry.encode(), bytes);
        match entry.content {
            Content::Statement(signed) => parse(signed),
            Content::Fact(fact) => {
                let _ = fact.kind();
            }
        }
    }
    if let Ok(signed) = canonical::decode::<SignedStatement>(bytes) {
        parse(signed);
    }
    // The statement alone, so that mutations reach the acts without two lengths around them.
    parse(SignedStatement { statement: bytes.to_vec().into(), signature: vec![7; 64].into() });
    if let Ok(statement) = canonical::decode::<Statement>(bytes) {
        assert_eq!(canonical::encode(&statement), bytes);
    }
    if let Ok(act) = canonical::decode::<Act>(bytes) {
        assert_eq!(canonical::encode(&act), bytes);
        let _ = act.check_bounds();
    }
    if let Ok(fact) = canonical::decode::<Fact>(bytes) {
        assert_eq!(canonical::encode(&fact), bytes);
    }
    if let Ok(policy) = canonical::decode::<Policy>(bytes) {
        let _ = policy.check();
    }
});

fn parse(signed: SignedStatement) {
    let bytes = signed.statement.to_vec();
    if let Ok(parsed) = signed.parse() {
        assert_eq!(parsed.signed().statement.to_vec(), bytes);
        // Nobody finds a signature by anna's key.
        let key = fuzz::site().person("anna").signature.public();
        let genuine = parsed.certificate() == fuzz::site().person("anna").signature_certificate.id();
        assert!(parsed.verify(key).is_err() || genuine);
    }
}
