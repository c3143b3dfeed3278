//! Runs the text scripts in `tests/scripts`: commands of `conclave-pki`, and of `conclave-admin` without a server.
//!
//! ```text
//! % request LOGIN|FULL NAME|SUITE|FILE      makes a request, as a terminal would (% server-request: as a server would)
//! ```

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

mod common;
#[path = "../../tests/src/script.rs"]
#[allow(unreachable_pub, reason = "the file is a module of another room as well")]
mod script;

use common::{command, request};
use script::{Ask, Words};
use std::path::Path;

fn run(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(name);
    let dir = tempfile::tempdir().unwrap();
    script::play(&path, &mut Words::new(), &mut |ask| match ask {
        Ask::Run(who, line) => {
            assert!(who.is_empty(), "there is one terminal here");
            Some(command(dir.path(), line))
        }
        Ask::Do(words) => {
            let (what, of) = words.split_once(' ').unwrap();
            request(dir.path(), of, what == "server-request");
            None
        }
    });
}

#[test]
fn a_site_is_founded() {
    run("site.txt");
}

#[test]
fn a_roster_is_enrolled() {
    run("enrol.txt");
}

#[test]
fn people_are_renewed_and_revoked() {
    run("life.txt");
}

#[test]
fn envelopes_are_printed_and_handed_over() {
    run("envelope.txt");
}

#[test]
fn certificates_and_signatures_are_judged() {
    run("verify.txt");
}

#[test]
fn scripts_and_russian_readers_are_served() {
    run("answers.txt");
}

#[test]
fn bundles_are_read_before_they_are_sent() {
    run("admin.txt");
}
