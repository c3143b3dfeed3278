//! Loop devices for tests: real block devices of the kernel's over files, with sectors of 512 or 4096 bytes.
//! Never touches a device that it did not make. Where there are none (no root, no losetup), a test says so and is counted.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One loop device; detached when dropped.
pub(crate) struct LoopDevice {
    path: PathBuf,
}

impl LoopDevice {
    /// A block device over an existing file.
    pub(crate) fn over(file: &Path, sector_bytes: u32) -> Result<Self, String> {
        let sectors = sector_bytes.to_string();
        let mut losetup = Command::new("losetup");
        losetup.args(["--find", "--show", "--sector-size", &sectors]).arg(file);
        let done = losetup.output().map_err(|error| format!("losetup: {error}"))?;
        if !done.status.success() {
            return Err(format!("losetup: {}", String::from_utf8_lossy(&done.stderr).trim()));
        }
        Ok(Self { path: String::from_utf8_lossy(&done.stdout).trim().into() })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let _left_for_the_kernel = Command::new("losetup").arg("--detach").arg(&self.path).status();
    }
}

/// Why a test of loop devices cannot run here; said in the words that `cargo xtask test` counts.
pub(crate) fn missing_for(test: &str) -> bool {
    let probe = tempfile::NamedTempFile::new().unwrap();
    probe.as_file().set_len(1 << 20).unwrap();
    let Err(why) = LoopDevice::over(probe.path(), 4096) else { return false };
    // Past libtest's capture, so that a test which could not run is named and counted, and not taken for a green one.
    let _ = writeln!(std::io::stdout(), "test {test} ... ignored, needs loop devices: {why}");
    true
}
