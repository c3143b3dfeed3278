//! A receipt that is read prints as the same bytes, and its proof can be checked whatever it says.
#![no_main]

use journal::receipt::Receipt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(receipt) = Receipt::parse(bytes) {
        assert_eq!(receipt.to_string().as_bytes(), bytes);
        assert_eq!(receipt.proof().size(), receipt.checkpoint().claimed().head.size);
        // Nobody finds a proof of this leaf.
        let root = receipt.checkpoint().claimed().head.root;
        assert!(root == [7; 32] || receipt.proof().verify(&[7; 32], &root).is_err());
    }
});
