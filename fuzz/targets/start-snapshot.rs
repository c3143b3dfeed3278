//! A start's snapshot is read whole or refused; one that is read gives the same bytes again.
#![no_main]

use fuzz::driver::founded_tree;
use libfuzzer_sys::fuzz_target;
use protocol::engine::recovery::Recovery;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(recovery) = Recovery::from_snapshot(bytes, founded_tree()) {
        assert_eq!(recovery.snapshot(), bytes);
    }
});
