//! An exported journal: every record within its limit, and what was read makes the same file again.
//! The reader is taken in by its path: it needs nothing of the auditor's network.
#![no_main]
#![allow(dead_code)]

#[path = "../../auditor/src/bundle.rs"]
mod bundle;

use bundle::{BundleReader, BundleWriter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = BundleReader::open(bytes) else { return };
    let mut writer = BundleWriter::new(Vec::new()).expect("memory");
    loop {
        match reader.next_entry() {
            Ok(Some(entry)) => writer.entry(&entry).expect("what was read may be written"),
            Ok(None) => break,
            Err(_) => return,
        }
    }
    if let Ok(notes) = reader.notes() {
        let notes: Vec<&[u8]> = notes.iter().map(Vec::as_slice).collect();
        assert_eq!(writer.finish(&notes).expect("what was read may be written"), bytes);
    }
});
