//! Runs the text scripts in `tests/scripts`: commands as a person types them, with the output they must give.
//! Never compares what cannot be known before: `[..]` stands for anything within a line, a line `[...]` for any lines.
//!
//! ```text
//! # remark
//! % request LOGIN|FULL NAME|SUITE|FILE      makes a request, as a terminal would (% server-request: as a server would)
//! $ command                                 run by sh, in an empty directory of the script's own
//! expected output, standard output first, then standard error
//! ? 1                                       its exit code; 0 when the line is missing
//! ```

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

mod common;

use common::{command, request};
use std::path::Path;

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
        if line.starts_with("$ ") || line.starts_with("% ") {
            steps.push(Step { line: at + 1, command: line.to_owned(), ..Step::default() });
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

fn run(script: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(script);
    let text = std::fs::read_to_string(path).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for step in steps(&text) {
        if let Some(words) = step.command.strip_prefix("% request ") {
            request(dir.path(), words, false);
            continue;
        }
        if let Some(words) = step.command.strip_prefix("% server-request ") {
            request(dir.path(), words, true);
            continue;
        }
        let output = command(dir.path(), &step.command[2..]);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
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

#[test]
fn the_runner_itself_sees_a_difference() {
    assert!(line_fits("a[..]c[..]", "abcd") && line_fits("[..]", "") && !line_fits("a[..]c", "abd"));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(fits(&lines("a\n[...]\nz"), &["a", "b", "c", "z"]));
    assert!(!fits(&lines("a"), &["a", "b"]) && !fits(&lines("a\nb"), &["a"]));
}
