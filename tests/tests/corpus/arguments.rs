//! What the independent verifier says of files that are not what it was asked to take: nothing against the journal.
//! Never judges a journal: the other cases do.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::forge::Case;
use crate::{judge, kept};

fn honest() -> Case {
    kept::cases().into_iter().find(|case| case.name == "kept: honest").unwrap()
}

/// Asked about a good journal, with these words behind; in the folder lie `file`, `root.pem` and an `EMPTY` one.
fn asked(dir: &Path, words: &[&str]) -> Command {
    let case = honest();
    let file = dir.join("file");
    std::fs::write(&file, &case.file).unwrap();
    std::fs::write(dir.join("EMPTY"), b"").unwrap();
    let mut command = judge::asked(&case, &file, dir);
    command.current_dir(dir).args(words).env("LC_ALL", "C.UTF-8").env_remove("CONCLAVE_LANG");
    command
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

#[test]
fn what_is_no_anchor_says_nothing_against_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    for anchor in ["EMPTY", "root.pem", "file"] {
        let out = asked(dir.path(), &["--anchor", anchor]).output().unwrap();
        let words = format!("NOT READ: {anchor} is no checkpoint that this log signed\n");
        assert_eq!((out.status.code(), said(&out)), (Some(1), words));
    }
}

#[test]
fn an_authority_that_is_none_is_refused_and_not_dropped() {
    let dir = tempfile::tempdir().unwrap();
    for word in ["--root", "--issuing"] {
        let out = asked(dir.path(), &[word, "EMPTY"]).output().unwrap();
        assert_eq!(
            (out.status.code(), said(&out)),
            (Some(64), format!("NOT READ: {word} holds no certificate\n"))
        );
    }
    // A point of small order: no log has such a key.
    let weak = "conclave/0000000000000000000000000000000000000000000000000000000000000000+f336cda7+\
                AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let out = asked(dir.path(), &["--identity", weak]).output().unwrap();
    assert_eq!(out.status.code(), Some(64), "{}", said(&out));
}

#[test]
fn a_disclosure_is_told_for_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let case = honest();
    let file = dir.path().join("told");
    std::fs::write(
        &file,
        "-----BEGIN CONCLAVE DISCLOSURE-----\nhAECAw==\n-----END CONCLAVE DISCLOSURE-----\n",
    )
    .unwrap();
    let out = judge::asked(&case, &file, dir.path())
        .env("LC_ALL", "C.UTF-8")
        .env_remove("CONCLAVE_LANG")
        .output()
        .unwrap();
    let words = "NOT READ: a disclosed message, no journal: conclave-audit check-disclosure checks it\n";
    assert_eq!((out.status.code(), &said(&out)[..]), (Some(1), words));
}

/// Whoever reads only its beginning, or stops it, gets no complaint of Python's.
#[test]
fn who_stops_reading_or_stops_it_is_told_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody reads at all; each line goes out when it is said.
    for buffered in ["", "1"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = asked(dir.path(), &[]);
        let out = command.env("PYTHONUNBUFFERED", buffered).stdout(writer).output().unwrap();
        assert_eq!((out.status.code(), said(&out)), (Some(0), String::new()));
    }
    // It waits for a file that nobody writes.
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let asked = judge::asked(&honest(), &pipe, dir.path());
    // Who began the tests in the background has them and all that they begin ignore an interrupt.
    let mut command = Command::new("env");
    command.arg("--default-signal=INT").arg(asked.get_program()).args(asked.get_args());
    let mut child = command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Both ends are open: it reads, and has set up all that it has.
    let writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    // The shell's own: a small system has no program of that name.
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let complaint = BufReader::new(child.stderr.take().unwrap()).lines().next();
    assert!(complaint.is_none(), "{complaint:?}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(writer);
}
