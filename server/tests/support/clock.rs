//! The clocks of the server's machine, in a test's hand: days pass in a moment, and nobody sleeps.
//! Never part of the product: a small library (`clock.c`) is loaded into the program under test, which knows nothing of it.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// See the module.
pub(crate) struct Clock {
    library: PathBuf,
    hands: PathBuf,
}

impl Clock {
    /// A clock that is right, for programs that are started from now on.
    pub(crate) fn right(dir: &Path) -> Self {
        let (library, hands) = (dir.join("clock.so"), dir.join("clock.hands"));
        let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        compiler.args(["-shared", "-fPIC", "-O1", "-x", "c", "-", "-o"]).arg(&library);
        let mut compiler = compiler.stdin(Stdio::piped()).spawn().unwrap();
        compiler.stdin.take().unwrap().write_all(include_bytes!("clock.c")).unwrap();
        assert!(compiler.wait().unwrap().success(), "the compiler that builds the product builds this");
        std::fs::write(&hands, [0; 16]).unwrap();
        Self { library, hands }
    }

    pub(crate) fn hang_in(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("CONCLAVE_TEST_CLOCK", &self.hands);
    }

    /// The wall clock is set: it shows this many seconds more than the time that passed, from now on.
    #[allow(dead_code, reason = "not everybody who has this clock sets a date")]
    pub(crate) fn set_ahead(&self, seconds: i64) {
        self.set(0, seconds);
    }

    /// So many seconds have passed in all, by both clocks.
    pub(crate) fn set_passed(&self, seconds: i64) {
        self.set(8, seconds);
    }

    fn set(&self, at: u64, seconds: i64) {
        let hands = std::fs::OpenOptions::new().write(true).open(&self.hands).unwrap();
        hands.write_all_at(&seconds.to_ne_bytes(), at).unwrap();
    }
}
