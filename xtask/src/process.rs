//! Runs a program and keeps what it printed.
//! Never interprets the output.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// Lines of a failed program's output that a person is shown; the rest stands in the file.
const SHOWN_LINES_MAX: usize = 120;

/// What a program printed (both streams, in order) and whether it ended well.
pub(crate) struct Ran {
    pub(crate) ok: bool,
    pub(crate) output: String,
    pub(crate) shown: String,
}

impl Ran {
    /// The end of the output, with the name of the file that holds all of it.
    pub(crate) fn complaint(&self) -> String {
        self.shown.clone()
    }
}

/// Runs `command` to its end. Its output goes to `target/xtask/NAME.log`, so that a long one can be watched.
pub(crate) fn run(root: &Path, name: &str, command: &mut Command) -> Result<Ran> {
    let folder = root.join("target/xtask");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{name}.log"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let both = file.try_clone().context("cannot share the log between both streams")?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(both)
        .status()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let output = String::from_utf8_lossy(&bytes).into_owned();
    // Cargo's messages for programs mean nothing to a person.
    let lines: Vec<&str> = output.lines().filter(|line| !line.starts_with("{\"reason\":")).collect();
    let last = &lines[lines.len().saturating_sub(SHOWN_LINES_MAX)..];
    let shown = format!("{}\n(all of it: {}; {status})", last.join("\n"), path.display());
    Ok(Ran { ok: status.success(), output, shown })
}

/// Whether a program of this name is on the path.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether we run as root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // The owner of our own entry in /proc is the effective user.
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}
