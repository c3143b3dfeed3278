//! What witnesses cosigned last, in a small file of the state directory: an export right behind a start has its anchor, before
//! the witness is back.
//! Never believed: the engine verifies it again. Losing it costs an anchor until then, so that nobody waits for its sync.

use crate::log::Log;
use protocol::engine::Engine;
use protocol::engine::cosigned::COSIGNED_BYTES_MAX;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Name of the file in the state directory.
const NAME: &str = "cosigned";

/// Where it is kept. One thread writes it.
pub(crate) struct Cosigned {
    path: PathBuf,
    /// It could not be written, and the log says so.
    told: bool,
    log: Log,
}

impl Cosigned {
    /// In this state directory.
    pub(crate) fn at(state_dir: &Path, log: Log) -> Self {
        Self { path: state_dir.join(NAME), told: false, log }
    }

    /// The engine gets back what was kept, as far as it holds.
    pub(crate) fn bring_back(&self, engine: &mut Engine) {
        let kept = match self.read() {
            Ok(kept) => kept,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.not_taken(&error),
        };
        match engine.bring_back_cosigned(&kept) {
            Ok(size) => self.log.info(format_args!("witnesses have cosigned {size} entries")),
            Err(error) => self.not_taken(&error),
        }
    }

    fn not_taken(&self, why: &dyn std::fmt::Display) {
        self.log.warn(format_args!(
            "what witnesses cosigned in the life before is not taken back: {why}. An export has no anchor until one is back"
        ));
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut kept = Vec::new();
        std::fs::File::open(&self.path)?.take(COSIGNED_BYTES_MAX as u64).read_to_end(&mut kept)?;
        Ok(kept)
    }

    /// Keeps what is new.
    pub(crate) fn keep(&mut self, engine: &mut Engine) {
        let Some(bytes) = engine.cosigned_to_keep() else { return };
        if let Err(error) = self.write(&bytes)
            && !std::mem::replace(&mut self.told, true)
        {
            self.log.warn(format_args!("what witnesses cosign is not kept for the next start: {error}"));
        }
    }

    /// A crash of the process leaves the old file or the new one; after one of the machine it may be neither, which the next
    /// start notices.
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let part = pki::durable_file::beside(&self.path, "part");
        std::fs::write(&part, bytes)?;
        std::fs::rename(&part, &self.path)
    }
}
