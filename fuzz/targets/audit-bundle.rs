//! An exported journal: every record within its limit, and what was read makes the same file again. What `show` says of
//! its entries, which nobody has verified, is said in both languages and stops nobody.
//! The sources are taken in by their paths: they need nothing of the auditor's network.
#![no_main]
#![allow(dead_code)]

#[path = "../../auditor/src/bundle.rs"]
mod bundle;
#[path = "../../auditor/src/describe.rs"]
mod describe;
#[path = "../../auditor/src/describe_desk.rs"]
mod describe_desk;
#[path = "../../auditor/src/describe_fact.rs"]
mod describe_fact;
#[path = "../../auditor/src/describe_law.rs"]
mod describe_law;
#[path = "../../auditor/src/kind_words.rs"]
mod kind_words;
#[path = "../../auditor/src/let_go.rs"]
mod let_go;
#[path = "../../auditor/src/names.rs"]
mod names;
#[path = "../../auditor/src/record.rs"]
mod record;

// What the terminals' library calls things, without its network.
extern crate self as link;
#[path = "."]
mod terminal {
    #[path = "../../lib/link/src/terminal/alarm_words.rs"]
    mod alarm_words;
    pub use alarm_words::{finding_code_words, outcome_words, severity_words};

    pub fn ground_words(_: journal::act::Ground) -> (&'static str, &'static str, &'static str) {
        ("ground", "a ground", "основание")
    }
}

use bundle::{BundleReader, BundleWriter};
use console::Lang;
use libfuzzer_sys::fuzz_target;
use names::{Names, Opened};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = BundleReader::open(bytes) else { return };
    let mut writer = BundleWriter::new(Vec::new()).expect("memory");
    let mut names = Names::default();
    loop {
        let index = reader.entries();
        match reader.next_entry() {
            Ok(Some(entry)) => {
                shown(&mut names, index, &entry);
                writer.entry(&entry).expect("what was read may be written");
            }
            Ok(None) => break,
            Err(_) => return,
        }
    }
    if let Ok(notes) = reader.notes() {
        let notes: Vec<&[u8]> = notes.iter().map(Vec::as_slice).collect();
        assert_eq!(writer.finish(&notes).expect("what was read may be written"), bytes);
    }
});

fn shown(names: &mut Names, index: u64, entry: &[u8]) {
    let Ok(opened) = Opened::read(entry) else { return };
    names.take(index, opened.what());
    for lang in [Lang::En, Lang::Ru] {
        let line = describe::describe(opened.what(), names, lang);
        assert!(!line.chars().any(char::is_control), "nothing steers a terminal: {line:?}");
    }
}
