//! Reads what `cargo test` prints: the counts of each test program, and the tests that were ignored with their reason.
//! Never runs anything.

use crate::process::Ran;
use crate::stage::Outcome;

/// The outcome of one `cargo test`.
pub(crate) fn outcome(what: &str, ran: &Ran) -> Outcome {
    let mut outcome = Outcome::default();
    for line in ran.output.lines() {
        if let Some((passed, failed)) = counts(line) {
            outcome.passed += passed;
            outcome.failed += failed;
        } else if let Some((name, reason)) = ignored(line) {
            outcome.skip(name, reason);
        }
    }
    // A program that lost its tests proves nothing.
    if ran.ok && outcome.passed == 0 && outcome.failed == 0 && outcome.skipped.is_empty() {
        outcome.fail(format!("{what}: no test ran"));
        return outcome;
    }
    // It did not build, or a test program died before it could count.
    if !ran.ok && outcome.failed == 0 {
        outcome.failed = 1;
    }
    if outcome.failed > 0 {
        let failures = failures(&ran.output);
        let shown = if failures.is_empty() { ran.complaint() } else { failures };
        outcome.complaints.push(format!("{what}\n{shown}"));
    }
    outcome
}

/// What the failed tests printed: libtest's sections from `failures:` to the result. With many test programs the end of
/// the whole output says nothing about them.
fn failures(output: &str) -> String {
    let mut inside = false;
    let lines = output.lines().filter(|line| {
        let result = line.starts_with("test result: ");
        inside = (inside || *line == "failures:") && !result;
        inside || (result && line.contains("FAILED"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `test result: ok. 7 passed; 0 failed; 1 ignored; ...`
fn counts(line: &str) -> Option<(usize, usize)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut parts = counts.split("; ");
    let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some((passed, failed))
}

/// `test some::name ... ignored, the reason`
fn ignored(line: &str) -> Option<(&str, &str)> {
    let (name, verdict) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let reason = verdict.strip_prefix("ignored")?;
    Some((name, reason.strip_prefix(", ").unwrap_or("marked to be ignored, without a reason")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_failed_tests_are_kept() {
        let good = "running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed\n";
        let bad = "failures:\n---- b stdout ----\nleft 1 right 2\nfailures:\n    b\ntest result: FAILED. 0 passed; 1 failed";
        assert_eq!(failures(good), "");
        assert_eq!(failures(&format!("{good}test b ... FAILED\n{bad}\n{good}")), bad);
    }

    #[test]
    fn a_program_without_tests_has_failed() {
        let ran = |output: &str| Ran { ok: true, output: output.into(), shown: String::new() };
        let none = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(outcome("x", &ran(none)).failed, 1);
        let one = "test a ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(outcome("x", &ran(&[none, one].concat())).failed, 0, "one of several may be empty");
        let privileged = "test a ... ignored, needs root\ntest result: ok. 0 passed; 0 failed; 1 ignored\n";
        assert_eq!(outcome("x", &ran(privileged)).failed, 0, "it is named as skipped");
    }

    #[test]
    fn counts_and_reasons_are_read() {
        let line =
            "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s";
        assert_eq!(counts(line), Some((7, 0)));
        assert_eq!(counts("test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured"), Some((1, 3)));
        assert_eq!(counts("test result: odd"), None);
        assert_eq!(ignored("test a::b ... ignored, needs root"), Some(("a::b", "needs root")));
        assert_eq!(
            ignored("test a::b ... ignored"),
            Some(("a::b", "marked to be ignored, without a reason"))
        );
        assert_eq!(ignored("test a::b ... ok"), None);
    }
}
