//! Runs the text scripts in `tests/scripts`: commands of `conclave` that need no server, with their output. What needs one
//! is in the room `tests`.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

#[path = "../../tests/src/script.rs"]
#[allow(unreachable_pub, reason = "the file is a module of another room as well")]
mod script;

use script::{Ask, Words};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs a line by sh, with our program first on the path and a passphrase in the file `pass`.
fn command(dir: &Path, line: &str) -> Output {
    std::fs::write(dir.join("pass"), "correct horse battery\n").unwrap();
    let bin = PathBuf::from(env!("CARGO_BIN_EXE_conclave"));
    let search = format!("{}:{}", bin.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", line]).current_dir(dir).stdin(Stdio::null()).env_clear().env("PATH", search);
    shell.env("CONCLAVE_LANG", "en").env("CONCLAVE_HOME", dir.join("home")).env("XDG_RUNTIME_DIR", dir);
    shell.output().unwrap()
}

fn run(name: &str) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(here.join("fixtures/site.card"), dir.path().join("site.card")).unwrap();
    script::play(&here.join("scripts").join(name), &mut Words::new(), &mut |ask| match ask {
        Ask::Run(who, line) => {
            assert!(who.is_empty(), "there is one terminal here");
            Some(command(dir.path(), line))
        }
        Ask::Do(words) => panic!("nothing here does \"{words}\""),
    });
}

#[test]
fn help_in_both_languages() {
    run("help.txt");
}

#[test]
fn a_card_is_taken_in_by_its_fingerprint() {
    run("setup.txt");
}

#[test]
fn keys_are_made_and_asked_for() {
    run("request.txt");
}

#[test]
fn what_cannot_be_done_is_told() {
    run("errors.txt");
}
