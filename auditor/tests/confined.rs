//! Looks at the auditor's program from outside, while it waits for a file: it keeps to itself by then.
#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// What the kernel says of `program`, stopped at the moment it opens the file that its arguments end with.
fn seen_while_reading(program: &str, words: &[&str]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let mut command = Command::new(program);
    let mut child =
        command.args(words).arg(&pipe).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let process = format!("/proc/{}", child.id());
    let reader = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).to_owned();
    let waiting = pipe.clone();
    // A program that ends without opening its file must not leave the test waiting for it.
    let watch = std::thread::spawn(move || child.wait().and_then(|_| reader.open(waiting)).unwrap());
    // Returns when the program has opened the other end, and keeps it waiting for bytes.
    let writer = OpenOptions::new().write(true).open(&pipe).unwrap();
    let look = |file: &str| fs::read_to_string(format!("{process}/{file}")).unwrap_or_default();
    let seen = (look("status"), look("limits"));
    drop(writer);
    watch.join().unwrap();
    seen
}

#[test]
fn the_auditors_program_confines_itself_before_it_reads_anything() {
    let (status, limits) = seen_while_reading(env!("CARGO_BIN_EXE_conclave-audit"), &["show"]);
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
}
