//! Runs the text scripts in `tests/scripts`: commands as a person types them, with the output they must give.
//! Never needs a server: what needs one is tested with real processes in the room `tests`.
//!
//! ```text
//! # remark
//! $ command                                 run by sh, in an empty directory of the script's own
//! expected output, standard output first, then standard error; [..] is anything in a line, a line [...] any lines
//! ? 1                                       its exit code; 0 when the line is missing
//! ```

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// One command with what it must give.
#[derive(Default)]
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
    exit: i32,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { line: at + 1, command: command.to_owned(), ..Step::default() });
        } else if let Some(step) = steps.last_mut().filter(|_| !line.starts_with("# ") && !line.is_empty()) {
            match line.strip_prefix("? ") {
                Some(exit) => step.exit = exit.parse().unwrap(),
                None => step.expected.push(line.to_owned()),
            }
        }
    }
    steps
}

fn line_fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once("[..]") {
        None => pattern == line,
        Some((head, tail)) => line.strip_prefix(head).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| line_fits(tail, &rest[at..]))
        }),
    }
}

fn fits(expected: &[String], found: &[&str]) -> bool {
    match (expected.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "[...]" => (0..=found.len()).any(|at| fits(rest, &found[at..])),
        (Some((first, rest)), Some((line, more))) => line_fits(first, line) && fits(rest, more),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

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

fn run(script: &str) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let text = std::fs::read_to_string(here.join("scripts").join(script)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(here.join("fixtures/site.card"), dir.path().join("site.card")).unwrap();
    for step in steps(&text) {
        let output = command(dir.path(), &step.command);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
        let code = output.status.code();
        assert!(
            fits(&step.expected, &lines) && code == Some(step.exit),
            "{script}:{}: {}\nexit {code:?}, expected {}\n{said}\nexpected:\n{}\n",
            step.line,
            step.command,
            step.exit,
            step.expected.join("\n"),
        );
    }
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

#[test]
fn the_runner_itself_sees_a_difference() {
    assert!(line_fits("a[..]c[..]", "abcd") && line_fits("[..]", "") && !line_fits("a[..]c", "abd"));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(fits(&lines("a\n[...]\nz"), &["a", "b", "c", "z"]));
    assert!(!fits(&lines("a"), &["a", "b"]) && !fits(&lines("a\nb"), &["a"]));
}
