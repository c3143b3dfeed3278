//! What witnesses cosigned last, in a small file of the state directory: an export right behind a start has its anchor, before
//! the witness is back.
//! Never believed: the engine verifies it again. Losing it costs an anchor until then, so that nobody waits for its sync. Where it
//! holds what this log's own key signed and the journal in the store does not continue, no server starts, and it stays as it is.

use crate::log::Log;
use crate::recovery::Replayed;
use crate::words::Trouble;
use pki::PublicKey;
use protocol::engine::Engine;
use protocol::engine::cosigned::{BroughtBack, COSIGNED_BYTES_MAX, contradiction};
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
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

    /// A start of a journal that is not what came of what was cosigned is refused, before anything is written.
    pub(crate) fn check(&self, replayed: &Replayed, identity: &PublicKey) -> Result<(), Trouble> {
        let Ok(kept) = self.read() else { return Ok(()) }; // told by `bring_back`
        match contradiction(&kept, &replayed.register, &replayed.tree, identity) {
            None => Ok(()),
            Some(head) => Err(Trouble::Contradicted {
                path: self.path.display().to_string(),
                size: head.size,
                here: replayed.head().size,
            }),
        }
    }

    /// The engine gets back what was kept, as far as it holds.
    pub(crate) fn bring_back(&self, engine: &mut Engine) {
        let kept = match self.read() {
            Ok(kept) => kept,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.not_taken(&error),
        };
        match engine.bring_back_cosigned(&kept) {
            Ok(BroughtBack { size, dropped }) => {
                self.log.info(format_args!("witnesses have cosigned {size} entries"));
                if dropped > 0 {
                    self.log.warn(format_args!(
                        "{dropped} lines beside their cosignatures in {} do not hold and are left out",
                        self.path.display()
                    ));
                }
            }
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
        fs::File::open(&self.path)?.take(COSIGNED_BYTES_MAX as u64).read_to_end(&mut kept)?;
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
        // Left over by a crash, or prepared by somebody to be written through: removed and made anew.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(pki::durable_file::UMASK).open(&part)?;
        file.write_all(bytes)?;
        fs::rename(&part, &self.path)
    }
}
