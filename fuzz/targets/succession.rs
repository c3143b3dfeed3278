//! What goes between a stopped server and its officers: a plan and a signature are read whole or refused, give the same text
//! again, and are judged without a panic, whatever they name.
#![no_main]

use journal::LogId;
use libfuzzer_sys::fuzz_target;
use pki::pem;
use protocol::succession::{PLAN_LABEL, Plan, SIGNATURE_LABEL, signature_from_text, signature_text};

/// As a file, or the bytes below its armour.
fn text(label: &str, bytes: &[u8]) -> Option<String> {
    match bytes.split_first()? {
        (0, armour) => String::from_utf8(armour.to_vec()).ok(),
        (_, below) => Some(pem::encode(label, below)),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let plan = text(PLAN_LABEL, bytes).and_then(|text| Plan::from_text(&text).ok());
    if let Some(plan) = &plan {
        assert_eq!(Plan::from_text(&plan.to_text()).as_ref().ok(), Some(plan));
        assert!(plan.act.known_size() >= plan.act.kept.size);
        let own = plan.genesis.clone().parse().map(|genesis| LogId(genesis.id().0));
        for log in own.into_iter().chain([LogId([7; 32])]) {
            if let Ok(officers) = plan.officers(log) {
                assert!(officers.check(&[], &plan.act).is_err(), "nobody signed");
                assert!(officers.check(std::slice::from_ref(&plan.genesis), &plan.act).is_err());
            }
        }
    }
    if let Some(statement) = text(SIGNATURE_LABEL, bytes).and_then(|text| signature_from_text(&text).ok()) {
        assert_eq!(signature_from_text(&signature_text(statement.clone())).ok(), Some(statement));
    }
});
