//! Sectors of a device or a container file that fail to read, in a test's hand: see `eio.c`.
//! Never part of the product: a small library is loaded into the program under test, which knows nothing of it.

use super::Site;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// See the module.
pub(crate) struct BadSectors {
    library: String,
    which: String,
    device: PathBuf,
}

impl BadSectors {
    /// None yet, of this device or file.
    pub(crate) fn of(site: &Site, device: &Path) -> Self {
        let (library, which) = (site.path("eio.so"), site.path("eio"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/eio.c");
        let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        compiler.args(["-shared", "-fPIC", "-O1", "-o", &library]).arg(source);
        assert!(compiler.status().unwrap().success(), "the compiler that builds the product builds this");
        std::fs::write(&which, [0; 32]).unwrap();
        Self { library, which, device: device.to_owned() }
    }

    /// What a program is started with that has them.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let device = self.device.to_str().unwrap().to_owned();
        vec![
            ("LD_PRELOAD", self.library.clone()),
            ("CONCLAVE_TEST_EIO", self.which.clone()),
            ("CONCLAVE_TEST_EIO_OF", device),
        ]
    }

    /// From now on these bytes fail to read; none where both are zero.
    pub(crate) fn are(&self, first: u64, last: u64) {
        self.write(first, last, 0);
    }

    /// From now on these bytes read so many times more.
    pub(crate) fn spare(&self, reads: i64, bytes: Range<u64>) {
        self.write(bytes.start, bytes.end - 1, reads);
    }

    fn write(&self, first: u64, last: u64, spared: i64) {
        let which = std::fs::OpenOptions::new().write(true).open(&self.which).unwrap();
        let bytes = [first.to_ne_bytes(), last.to_ne_bytes(), spared.to_ne_bytes(), [0; 8]].concat();
        which.write_all_at(&bytes, 0).unwrap();
    }

    /// How often they were read since that was said, well or not.
    pub(crate) fn seen(&self) -> i64 {
        let bytes = std::fs::read(&self.which).unwrap();
        i64::from_ne_bytes(*bytes.last_chunk().unwrap())
    }
}
