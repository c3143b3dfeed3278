//! A file read ahead by a thread of its own: whoever verifies does not wait for the disk.
//! Never holds more than [`PIECES_MAX`] pieces that nobody has taken yet, and one that waits to be among them.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Bytes that are read at once.
const PIECE_BYTES: u64 = 1 << 20;
/// Pieces that wait at most.
const PIECES_MAX: usize = 16;

/// See the module. The thread ends with the file, at its first error, or when this is dropped.
#[derive(Debug)]
pub struct ReadAhead {
    /// An empty piece is the file's end.
    filled: Receiver<io::Result<Vec<u8>>>,
    /// Pieces that were taken, to be filled anew.
    taken: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    has_ended: bool,
}

impl ReadAhead {
    /// Reads this on from where it stands.
    pub fn over(file: impl Read + Send + 'static) -> io::Result<Self> {
        let (fill, filled) = sync_channel(PIECES_MAX);
        let (taken, empty) = channel();
        thread::Builder::new().spawn(move || read_all(file, &fill, &empty))?;
        Ok(Self { filled, taken, piece: Vec::new(), at: 0, has_ended: false })
    }

    fn next_piece(&mut self) -> io::Result<()> {
        // Whoever is not there any more to take it has read to the end.
        let _ended = self.taken.send(std::mem::take(&mut self.piece));
        self.at = 0;
        // Behind an error the thread is gone: it stays one.
        let gone = || Err(io::Error::other("the file could not be read on"));
        self.piece = self.filled.recv().unwrap_or_else(|_| gone())?;
        self.has_ended = self.piece.is_empty();
        Ok(())
    }
}

fn read_all(mut file: impl Read, fill: &SyncSender<io::Result<Vec<u8>>>, empty: &Receiver<Vec<u8>>) {
    loop {
        let mut piece = empty.try_recv().unwrap_or_default();
        piece.clear();
        let read = file.by_ref().take(PIECE_BYTES).read_to_end(&mut piece);
        // What stands before an error was read.
        let has_ended = piece.is_empty() && read.is_ok();
        let sent = if piece.is_empty() && !has_ended { Ok(()) } else { fill.send(Ok(piece)) };
        match (read, sent) {
            (Ok(_), Ok(())) if !has_ended => {}
            (Ok(_), _) | (Err(_), Err(_)) => return,
            // Whoever reads no more needs not be told.
            (Err(error), Ok(())) => return drop(fill.send(Err(error))),
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && !self.has_ended {
            self.next_piece()?;
        }
        let left = &self.piece[self.at..];
        let read = left.len().min(into.len());
        into[..read].copy_from_slice(&left[..read]);
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_ahead_is_what_the_file_holds() {
        for length in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 77] {
            let bytes: Vec<u8> = (0..length).map(|n| ((n * n) >> 7) as u8).collect();
            let mut read = Vec::new();
            let mut ahead = ReadAhead::over(io::Cursor::new(bytes.clone())).unwrap();
            ahead.read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{length}");
            assert_eq!(ahead.read(&mut [0; 8]).unwrap(), 0);
        }
    }

    #[test]
    fn an_error_is_told_in_its_place_and_stays() {
        struct Bad;
        impl Read for Bad {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::from_raw_os_error(5))
            }
        }
        for length in [0, 77, PIECE_BYTES as usize, PIECE_BYTES as usize + 77] {
            let mut ahead = ReadAhead::over(io::Cursor::new(vec![7; length]).chain(Bad)).unwrap();
            ahead.read_exact(&mut vec![0; length]).unwrap();
            assert_eq!(ahead.read(&mut [0; 8]).unwrap_err().raw_os_error(), Some(5), "{length}");
            assert!(ahead.read(&mut [0; 8]).is_err() && ahead.read(&mut [0; 8]).is_err());
        }
    }

    /// Nobody takes more than the first bytes: the thread does not wait for ever.
    #[test]
    fn whoever_stops_reading_ends_the_thread() {
        let (told, tell) = channel();
        struct Endless(Sender<()>);
        impl Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                into.fill(1);
                Ok(into.len())
            }
        }
        impl Drop for Endless {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
            }
        }
        let mut ahead = ReadAhead::over(Endless(told)).unwrap();
        ahead.read_exact(&mut [0; 8]).unwrap();
        drop(ahead);
        tell.recv().unwrap();
    }
}
