//! The wall clock of the server's machine, in a test's hand: days pass in a moment, and nobody sleeps.
//! Never part of the product: a small library (`clock.c`) is loaded into the daemon under test, which knows nothing of it.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// See the module.
pub(crate) struct Clock {
    library: PathBuf,
    hands: PathBuf,
}

impl Clock {
    /// A clock that is right, for servers that are started from now on.
    pub(crate) fn right(dir: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/clock.c");
        let (library, hands) = (dir.join("clock.so"), dir.join("clock.hands"));
        let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
        assert!(compiler.status().unwrap().success(), "the compiler that builds the product builds this");
        std::fs::write(&hands, 0_i64.to_ne_bytes()).unwrap();
        Self { library, hands }
    }

    pub(crate) fn hang_in(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("CONCLAVE_TEST_CLOCK", &self.hands);
    }

    /// Shows this many seconds more than the machine's, from now on.
    pub(crate) fn set_ahead(&self, seconds: i64) {
        let hands = std::fs::OpenOptions::new().write(true).open(&self.hands).unwrap();
        hands.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }
}

impl super::Site {
    /// From the next start on the server goes by a clock that the test sets.
    pub(crate) fn with_clock(mut self) -> Self {
        self.clock = Some(Clock::right(self.dir.path()));
        self
    }

    /// The clock that [`Self::with_clock`] hung up.
    pub(crate) fn clock(&self) -> &Clock {
        self.clock.as_ref().expect("this site has a clock of its own")
    }
}
