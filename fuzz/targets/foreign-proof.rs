//! A proof of any log that is read can be checked whatever it says; one of ours is read by the stricter reader alike.
#![no_main]

use journal::foreign::ForeignProof;
use journal::receipt::Receipt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let foreign = ForeignProof::parse(bytes);
    if let Ok(proof) = &foreign {
        // Nobody finds a proof of this leaf.
        assert!(proof.head().root == [7; 32] || !proof.holds(&[7; 32]));
    }
    if let Ok(receipt) = Receipt::parse(bytes) {
        let proof = foreign.expect("what the stricter one reads");
        assert_eq!(proof.head(), receipt.checkpoint().claimed().head);
        assert_eq!((proof.index(), proof.extra()), (receipt.proof().index(), receipt.extra()));
    }
});
