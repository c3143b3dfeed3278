//! A device that is looked through, with the line that a person sees meanwhile: a large one takes hours.
//! Never counts what a replay or a key tree reads here and there.

use crate::command::backup::Bar;
use console::Voice;
use disk::{Device, Medium};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads of at least so many bytes are those of the look through all of it.
const PIECE_BYTES: usize = 64 << 10;

/// See the module.
pub(super) struct Looked {
    below: Arc<Medium>,
    bar: Mutex<(Bar, u64)>,
}

impl Looked {
    pub(super) fn at(below: Arc<Medium>, voice: Voice) -> Self {
        Self { below, bar: Mutex::new((Bar::new(voice), 0)) }
    }
}

impl Device for Looked {
    fn length(&self) -> u64 {
        self.below.length()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if buffer.len() >= PIECE_BYTES {
            let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
            let (bar, done) = &mut *bar;
            *done += buffer.len() as u64;
            bar.draw(*done, self.length());
        }
        self.below.read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.below.write(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.below.sync()
    }

    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.below.discard(offset, length)
    }
}

impl Drop for Looked {
    fn drop(&mut self) {
        self.bar.get_mut().unwrap_or_else(PoisonError::into_inner).0.clear();
    }
}
