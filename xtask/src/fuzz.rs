//! The stage `fuzz`: every target of the fuzz workspace, some seconds each.
//! Never changes the corpus in the tree: what the fuzzer finds on the way stays under fuzz/target.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::metadata::{self, Target};
use crate::process;
use crate::stage::Outcome;

const SECONDS_EACH: u32 = 3;
const SECONDS_EACH_FULL: u32 = 60;
/// One input may take no longer: a decoder that does is a finding.
const INPUT_SECONDS_MAX: u32 = 5;
const MEMORY_MIB_MAX: u32 = 1024;

/// Builds all targets and runs one after the other.
pub(crate) fn run(root: &Path, full: bool) -> Result<Outcome> {
    let folder = root.join("fuzz");
    let mut outcome = Outcome::default();
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--message-format=json-render-diagnostics"]).current_dir(&folder);
    let built = process::run(root, "fuzz-build", &mut build)?;
    if !built.ok {
        outcome.fail(format!("the fuzz targets do not build\n{}", built.complaint()));
        return Ok(outcome);
    }
    for target in targets(&folder)? {
        let Some(program) = program(&built.output, &target.name) else {
            outcome.fail(format!("cargo named no program for fuzz target {}", target.name));
            continue;
        };
        let seconds = if full { SECONDS_EACH_FULL } else { SECONDS_EACH };
        let mut command = fuzzer(&folder, &program, &target.name, seconds)?;
        let ran = process::run(root, &format!("fuzz-{}", target.name), &mut command)?;
        match ran.ok {
            true => outcome.pass(),
            false => outcome.fail(format!("fuzz target {}\n{}", target.name, ran.complaint())),
        }
    }
    Ok(outcome)
}

fn targets(folder: &Path) -> Result<Vec<Target>> {
    let packages = metadata::packages(&folder.join("Cargo.toml"), false)?;
    let targets = packages.into_iter().flat_map(|package| package.targets);
    Ok(targets.filter(|target| target.kind == "bin").collect())
}

/// The program cargo built for a target, from its JSON messages.
fn program(messages: &str, target: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let ours = message["target"]["name"] == target;
        message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
    })
}

fn fuzzer(folder: &Path, program: &Path, name: &str, seconds: u32) -> Result<Command> {
    let (found, crashes, kept) = (
        folder.join("target/corpus").join(name),
        folder.join("artifacts").join(name),
        folder.join("corpus").join(name),
    );
    for needed in [&found, &crashes, &kept] {
        std::fs::create_dir_all(needed).with_context(|| format!("cannot make {}", needed.display()))?;
    }
    let mut command = Command::new(program);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        .args([found, kept]);
    Ok(command)
}
