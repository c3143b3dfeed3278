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

/// Makes sure that everything needed is there, or says which command installs it.
pub(crate) fn ensure() -> Result<()> {
    let missing: Vec<_> = NEEDED.iter().filter(|(program, _, _)| !process::on_path(program)).collect();
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
