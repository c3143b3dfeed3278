//! The system packages that building and testing need: looked for, installed where we may, else named.
//! Never touches anything when nothing is missing.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// Program, Debian package that has it, what for.
const NEEDED: [(&str, &str, &str); 5] = [
    ("cc", "gcc libc6-dev", "the C parts of aws-lc-rs, and linking"),
    ("c++", "g++", "libFuzzer"),
    ("swtpm", "swtpm", "the tests of the cell in a TPM"),
    ("openssl", "openssl", "the tests that hand our signatures to a stock tool"),
    ("python3", "python3", "the tests of the independent verifier"),
];

/// The same for what some tests only want: they are named as skipped without it.
const WANTED: [(&str, &str, &str); 1] =
    [("go", "golang-go", "the test that hands our tiles to Go's checksum database")];

/// Makes sure that everything needed is there, or says which command installs it.
pub(crate) fn ensure() -> Result<()> {
    install(&NEEDED)?;
    if let Err(error) = install(&WANTED) {
        println!("going on without: {error:#}");
    }
    Ok(())
}

fn install(wanted: &[(&str, &str, &str)]) -> Result<()> {
    let missing: Vec<_> = wanted.iter().filter(|(program, _, _)| !process::on_path(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for (program, package, purpose) in &missing {
        println!("missing: {program} ({package}), for {purpose}");
    }
    let packages: Vec<&str> = missing.iter().flat_map(|(_, package, _)| package.split(' ')).collect();
    let install = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let Some(prefix) = privilege() else {
        bail!("install what is missing and try again:\n    sudo apt-get update && sudo {install}");
    };
    for line in ["apt-get update -q", &install] {
        println!("{}", [&prefix[..], &[line]].concat().join(" "));
        let words: Vec<&str> = prefix.iter().copied().chain(line.split(' ')).collect();
        let status = Command::new(words[0])
            .args(&words[1..])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status()
            .with_context(|| format!("cannot run {}", words[0]))?;
        if !status.success() {
            bail!("{line} failed: {status}");
        }
    }
    Ok(())
}

/// What to put before a command to run it as root, if we may without asking.
fn privilege() -> Option<Vec<&'static str>> {
    if process::is_root() {
        return Some(Vec::new());
    }
    let asked = Command::new("sudo").args(["-n", "true"]).output();
    asked.is_ok_and(|output| output.status.success()).then(|| vec!["sudo", "-n"])
}
