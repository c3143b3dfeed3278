//! A request to a witness that is read prints as the same bytes, and is judged whatever it says; so is an answer.
#![no_main]

use journal::ids::Head;
use journal::note::VerifierKey;
use journal::witness::{AddCheckpoint, WitnessAnswer};
use libfuzzer_sys::fuzz_target;
use pki::{SecretKey, Suite};
use std::sync::LazyLock;

/// Signed the corpus; nothing else here can sign for it.
static KEY: LazyLock<VerifierKey> = LazyLock::new(|| {
    let secret = SecretKey::from_bytes(Suite::Ed25519, &[4; 32]).expect("a key");
    let name = format!("conclave/{}", "ab".repeat(32));
    VerifierKey::new(name.parse().expect("a name"), secret.public().clone()).expect("Ed25519")
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(request.to_string().as_bytes(), bytes);
        // Nobody finds a way from this head, unless it is asked about no other.
        let last = Head { size: request.old, root: [7; 32] };
        assert!(request.judge(&KEY, last).is_err() || request.checkpoint.claimed().head == last);
    }
    if let Some((status, body)) = bytes.split_first_chunk::<2>() {
        let status = u16::from_be_bytes(*status);
        if let Ok(answer) = WitnessAnswer::parse(status, body) {
            assert_eq!((answer.status(), answer.body().as_bytes()), (status, body));
        }
    }
});
