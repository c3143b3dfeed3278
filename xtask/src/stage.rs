//! What a stage of the test command found: counts, what failed, what was skipped and why.
//! Never runs anything.

use std::time::Duration;

/// A test that did not run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// The outcome of one stage.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: Vec<Skip>,
    /// What a person needs to see of a failure.
    pub(crate) complaints: Vec<String>,
}

impl Outcome {
    /// One check that held.
    pub(crate) fn pass(&mut self) {
        self.passed += 1;
    }

    /// One check that did not hold.
    pub(crate) fn fail(&mut self, complaint: impl Into<String>) {
        self.failed += 1;
        self.complaints.push(complaint.into());
    }

    /// One check that could not be made here.
    pub(crate) fn skip(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.skipped.push(Skip { name: name.into(), reason: reason.into() });
    }

    /// A whole stage that is one check.
    pub(crate) fn of(held: Result<(), String>) -> Self {
        let mut outcome = Outcome::default();
        match held {
            Ok(()) => outcome.pass(),
            Err(complaint) => outcome.fail(complaint),
        }
        outcome
    }

    /// Takes the counts of another outcome in.
    pub(crate) fn absorb(&mut self, other: Outcome) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped);
        self.complaints.extend(other.complaints);
    }

    /// The counts, as they stand on the last line of the test command.
    pub(crate) fn counts(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }

    /// One stage's lines: name, counts, time; then what was skipped and what failed.
    pub(crate) fn print(&self, name: &str, took: Duration) {
        println!("{name:<12} {}  ({:.1} s)", self.counts(), took.as_secs_f64());
        for Skip { name, reason } in &self.skipped {
            println!("    skipped {name}: {reason}");
        }
        for complaint in &self.complaints {
            println!("    failed:");
            complaint.lines().for_each(|line| println!("        {line}"));
        }
    }
}
