//! The stage `deny`: licences, sources and duplicates of everything in Cargo.lock, by cargo-deny and deny.toml.
//! Never installs cargo-deny: that takes longer than all other stages together.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::stage::Outcome;

const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

/// Runs the checks, one by one, so that each is counted.
pub(crate) fn run(root: &Path) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for check in CHECKS {
        if !process::on_path("cargo-deny") {
            outcome.skip(check, "cargo-deny is not installed (cargo install cargo-deny --locked)");
            continue;
        }
        let mut command = Command::new("cargo");
        command.args(["deny", "--all-features", "check", "--hide-inclusion-graph", check]).current_dir(root);
        let ran = process::run(root, &format!("deny-{check}"), &mut command)?;
        match ran.ok {
            true => outcome.pass(),
            false => outcome.fail(format!("cargo deny check {check}\n{}", ran.complaint())),
        }
    }
    Ok(outcome)
}
