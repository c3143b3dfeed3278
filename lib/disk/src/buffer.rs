//! A growing byte buffer whose start lies on a block boundary in memory, as direct I/O wants it.
//! Never shrinks: the log keeps a few and uses them again.

use crate::device::BLOCK;

/// Bytes with aligned start.
pub(crate) struct AlignedBuffer {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let bytes = vec![0; capacity.next_multiple_of(BLOCK) + BLOCK];
        let start = bytes.as_ptr().align_offset(BLOCK);
        debug_assert!(start < BLOCK);
        Self { bytes, start, length: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len() - BLOCK
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    /// Adds `count` zero bytes and gives them for filling.
    pub(crate) fn extend_zeroed(&mut self, count: usize) -> &mut [u8] {
        let needed = self.length + count;
        if needed > self.capacity() {
            let mut larger = Self::with_capacity(needed.max(self.capacity() * 2));
            larger.length = self.length;
            larger.as_mut().copy_from_slice(self.as_ref());
            *self = larger;
        }
        let from = self.start + self.length;
        self.length = needed;
        let added = &mut self.bytes[from..from + count];
        added.fill(0);
        added
    }

    /// Zeros up to the next block boundary.
    pub(crate) fn pad(&mut self) {
        let missing = self.length.next_multiple_of(BLOCK) - self.length;
        self.extend_zeroed(missing);
    }
}

impl AsRef<[u8]> for AlignedBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.length]
    }
}

impl AsMut<[u8]> for AlignedBuffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_aligned_and_keeps_its_bytes_when_it_grows() {
        let mut buffer = AlignedBuffer::with_capacity(10);
        for n in 0..100u8 {
            buffer.extend_zeroed(999).fill(n);
            assert_eq!(buffer.as_ref().as_ptr().align_offset(BLOCK), 0);
        }
        buffer.pad();
        assert_eq!(buffer.len(), (100usize * 999).next_multiple_of(BLOCK));
        assert!(buffer.as_ref()[999 * 42..999 * 43].iter().all(|byte| *byte == 42));
        assert_eq!(buffer.as_ref()[99_900], 0);
    }
}
