//! Pushed frames that wait to be looked at.
//! Never looks at one, and never holds more than its limits: what comes beyond them is asked for again.

use crate::frame::{Deliver, Delivered};
use crate::limits::{DELIVER_ENTRIES_MAX, INBOX_BYTES_MAX};
use std::collections::VecDeque;

/// Frames that wait.
const FRAMES_MAX: usize = 256;

/// See the module.
#[derive(Default)]
pub(crate) struct Inbox {
    frames: VecDeque<Deliver>,
    bytes: usize,
}

/// A frame of more entries than any server sends.
pub(crate) struct TooManyEntries;

impl Inbox {
    /// Takes the frame in. Whether there was room for it.
    pub(crate) fn push(&mut self, deliver: Deliver) -> Result<bool, TooManyEntries> {
        if deliver.entries.len() > DELIVER_ENTRIES_MAX {
            return Err(TooManyEntries);
        }
        let bytes = weight(&deliver);
        if self.frames.len() >= FRAMES_MAX || self.bytes.saturating_add(bytes) > INBOX_BYTES_MAX {
            return Ok(false);
        }
        self.bytes += bytes;
        self.frames.push_back(deliver);
        Ok(true)
    }

    pub(crate) fn pop(&mut self) -> Option<Deliver> {
        let deliver = self.frames.pop_front()?;
        self.bytes -= weight(&deliver);
        Some(deliver)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What a frame takes in memory, about, bytes.
fn weight(deliver: &Deliver) -> usize {
    let entry = |of: &Delivered| {
        of.entry.len() + of.body.as_ref().map_or(0, |body| body.len()) + size_of::<Delivered>()
    };
    deliver.note.len() + deliver.entries.iter().map(entry).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliver(entries: usize, bytes: usize) -> Deliver {
        let one = Delivered { index: 1, entry: vec![0; bytes].into(), body: None, erased_by: None };
        Deliver { note: Vec::new().into(), entries: vec![one; entries], proof: Default::default() }
    }

    #[test]
    fn waiting_frames_are_bounded_by_number_and_by_bytes() {
        let mut inbox = Inbox::default();
        assert!(inbox.push(deliver(DELIVER_ENTRIES_MAX + 1, 3)).is_err(), "no server sends that");
        let mut taken = 0;
        while let Ok(true) = inbox.push(deliver(1, 512 * 1024)) {
            taken += 1;
        }
        assert!(taken * 512 * 1024 <= INBOX_BYTES_MAX && taken < FRAMES_MAX, "{taken} large ones");
        while inbox.pop().is_some() {}
        assert_eq!(inbox.bytes, 0);
        let small = (0..2 * FRAMES_MAX).filter(|_| matches!(inbox.push(deliver(1, 3)), Ok(true)));
        assert_eq!(small.count(), FRAMES_MAX);
    }
}
