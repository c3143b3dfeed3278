//! Proofs and frontiers in CBOR have one spelling, and verifying one never panics, whatever sizes it names.
#![no_main]

use journal::proof::{ConsistencyProof, InclusionProof};
use journal::tree::Frontier;
use libfuzzer_sys::fuzz_target;
use pki::canonical;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(proof) = canonical::decode::<InclusionProof>(bytes) {
        assert_eq!(canonical::encode(&proof), bytes);
        assert!(proof.index() < proof.size());
        let _ = proof.verify(&[1; 32], &[2; 32]);
    }
    if let Ok(proof) = canonical::decode::<ConsistencyProof>(bytes) {
        assert_eq!(canonical::encode(&proof), bytes);
        let _ = proof.verify(&[1; 32], &[2; 32]);
    }
    if let Ok(mut frontier) = canonical::decode::<Frontier>(bytes) {
        assert_eq!(canonical::encode(&frontier), bytes);
        let size = frontier.size();
        assert_eq!(frontier.append([3; 32]), size);
        assert_eq!(frontier.roots().len(), frontier.size().count_ones() as usize);
        let _ = frontier.root();
    }
});
