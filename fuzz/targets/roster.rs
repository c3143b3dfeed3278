//! A roster: every row that is read names a person as a certificate can.
//! The reader is taken in by its path, with the errors it knows: its crate brings fonts and sheets along.
#![no_main]
#![allow(dead_code)]

#[path = "../../officer/src/roster.rs"]
mod roster;

mod trouble {
    #[derive(Debug)]
    pub enum Trouble {
        BadRoster { why: String },
        RosterColumns { missing: String, all: String },
        BadRows { rows: Vec<crate::roster::BadRow> },
    }
}

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(rows) = roster::parse(text) {
        assert!(rows.iter().all(|row| row.names.check().is_ok() && !row.roles.is_empty()));
        let _ = roster::findings(&rows, &[("anna".into(), "Анна Петрова".into())]);
    }
});
