//! A body's bytes: read whole or refused, and never opened by a key that did not seal them.
#![no_main]

use journal::testing::seed;
use journal::{Chain, ConversationId, LogId};
use libfuzzer_sys::fuzz_target;
use pki::{PersonId, Suite};
use protocol::seal::body::{BodyRef, body_bytes};
use protocol::seal::keys::{EpochKey, Lock, TextPlace};

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = BodyRef::parse(bytes) else { return };
    assert_eq!(body_bytes(body.size()), bytes.len());
    let _ = body.commitment();
    let place = TextPlace {
        log: LogId([1; 32]),
        conversation: ConversationId([2; 32]),
        epoch: 3,
        signer: PersonId(4),
        chain: Chain([5; 32]),
        sequence: 6,
    };
    let key = EpochKey::from_bytes(&seed(0, "epoch"));
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let lock = Lock::message(suite, &key, &place).expect("a suite of this program");
        if let Ok(content) = body.open(&lock) {
            // Only what the seeds hold: sealed under this very key, for this very place.
            assert_eq!(&**content, b"hello");
        }
    }
});
