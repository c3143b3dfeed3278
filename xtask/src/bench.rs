//! `cargo xtask bench`: builds the release programs and runs the bench over them.
//! Never measures anything itself: the package `bench` does, and prints the table.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::process;

/// Builds, then passes the arguments on. The table goes to standard output, everything else to standard error.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut build = Command::new("cargo");
    build.current_dir(&root).args(["build", "--release", "--locked", "-p", "server", "-p", "bench"]);
    let built = process::run(&root, "bench-build", &mut build)?;
    if !built.ok {
        eprintln!("{}", built.complaint());
        return Ok(ExitCode::FAILURE);
    }
    let program = root.join("target/release/bench");
    let status = Command::new(&program).args(arguments).status();
    let status = status.with_context(|| format!("cannot run {}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
