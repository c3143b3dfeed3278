//! Numbers of one block of rows, each in as few bytes as the block needs.
//! Never changes one that it holds.
//!
//! In a snapshot: the smallest one (8 bytes, big-endian), the width (1 byte), then what each has above it.

/// A column that grows until its block is whole, and is packed then.
#[derive(Clone, Debug)]
pub(super) enum Column {
    Open(Vec<u64>),
    Packed(Packed),
}

/// What each number has above the smallest one, little-endian, all of one width.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Packed {
    smallest: u64,
    /// Bytes of each, 0 to 8.
    width: usize,
    bytes: Box<[u8]>,
}

impl Column {
    /// An empty one with room for so many.
    pub(super) fn with_room(rows: usize) -> Self {
        Self::Open(Vec::with_capacity(rows))
    }

    /// One more. A packed column belongs to a whole block, which takes none.
    pub(super) fn push(&mut self, number: u64) {
        match self {
            Self::Open(numbers) => numbers.push(number),
            Self::Packed(_) => unreachable!("a whole block takes no more rows"),
        }
    }

    /// The one at this place, which is below its length.
    pub(super) fn at(&self, at: usize) -> u64 {
        match self {
            Self::Open(numbers) => numbers[at],
            Self::Packed(packed) => packed.at(at),
        }
    }

    /// Its block is whole.
    pub(super) fn pack(&mut self) {
        if let Self::Open(numbers) = self {
            *self = Self::Packed(Packed::of(numbers));
        }
    }

    /// Appends the bytes of a packed one.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let Self::Packed(packed) = self else { unreachable!("only a whole block is written packed") };
        bytes.extend_from_slice(&packed.smallest.to_be_bytes());
        bytes.push(packed.width as u8);
        bytes.extend_from_slice(&packed.bytes);
    }

    /// Takes a packed column of so many numbers, none above `largest`, from the beginning of these bytes, in the one way
    /// that [`Self::pack`] gives.
    pub(super) fn read(bytes: &mut &[u8], rows: usize, largest: u64) -> Option<Self> {
        let (smallest, rest) = bytes.split_first_chunk()?;
        let (width, rest) = rest.split_first()?;
        let (smallest, width) = (u64::from_be_bytes(*smallest), usize::from(*width));
        let (above, rest) = (width <= 8).then(|| rest.split_at_checked(rows * width))??;
        let packed = Packed { smallest, width, bytes: above.into() };
        let bounds = |(least, most): (u64, u64), number: u64| (least.min(number), most.max(number));
        let (least, most) = (0..rows).map(|at| packed.above(at)).fold((u64::MAX, 0), bounds);
        let is_good = least == 0 && width_of(most) == width && smallest.checked_add(most)? <= largest;
        *bytes = rest;
        is_good.then_some(Self::Packed(packed))
    }

    /// Flips a bit, as a bad memory would.
    #[cfg(test)]
    pub(super) fn flip(&mut self, at: usize) {
        match self {
            Self::Open(numbers) => numbers[at] ^= 1,
            Self::Packed(packed) => packed.bytes[at * packed.width] ^= 1,
        }
    }
}

/// Bytes that this number needs.
fn width_of(number: u64) -> usize {
    8 - number.leading_zeros() as usize / 8
}

impl Packed {
    fn of(numbers: &[u64]) -> Self {
        let smallest = numbers.iter().min().copied().unwrap_or_default();
        let widest = numbers.iter().max().copied().unwrap_or_default() - smallest;
        let width = width_of(widest);
        let bytes =
            numbers.iter().flat_map(|number| (number - smallest).to_le_bytes().into_iter().take(width));
        Self { smallest, width, bytes: bytes.collect() }
    }

    fn above(&self, at: usize) -> u64 {
        let from = at * self.width;
        // Nearly always eight bytes are there, and reading them all is faster than reading so many.
        if let Some(bytes) = self.bytes.get(from..).and_then(|bytes| bytes.first_chunk()) {
            // Where bytes are there, the width is one at least.
            let own = u64::MAX >> (u64::BITS - 8 * self.width as u32);
            return u64::from_le_bytes(*bytes) & own;
        }
        let mut above = [0; 8];
        above[..self.width].copy_from_slice(&self.bytes[from..][..self.width]);
        u64::from_le_bytes(above)
    }

    fn at(&self, at: usize) -> u64 {
        self.smallest + self.above(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_column_holds_what_was_pushed_in_as_few_bytes_as_it_needs() {
        let steps = |step: u64| (0..100).map(|n| 7 + n * step).collect::<Vec<u64>>();
        let widths = [(0, 0), (1, 1), (2, 1), (3, 2), (661, 2), (662, 3), (1 << 30, 5), (1 << 57, 8)];
        for (step, width) in widths {
            let numbers = steps(step);
            let mut column = Column::with_room(4);
            numbers.iter().for_each(|number| column.push(*number));
            let open: Vec<u64> = (0..100).map(|at| column.at(at)).collect();
            column.pack();
            let Column::Packed(packed) = &column else { panic!("packed") };
            assert_eq!((packed.width, packed.bytes.len()), (width, width * 100), "{step}");
            assert_eq!(open, numbers);
            assert!((0..100).all(|at| column.at(at) == numbers[at]), "{step}");
        }
        let mut ends = Column::with_room(2);
        ends.push(u64::MAX);
        ends.push(0);
        ends.pack();
        assert_eq!([ends.at(0), ends.at(1)], [u64::MAX, 0]);
    }

    #[test]
    fn a_packed_column_is_read_as_it_was_written_and_in_no_other_way() {
        for step in [0, 1, 300, 1 << 30] {
            let mut column = Column::with_room(100);
            (0..100).for_each(|n| column.push(7 + n * step));
            column.pack();
            let mut bytes = Vec::new();
            column.write(&mut bytes);
            bytes.extend(b"rest");
            let mut left = &bytes[..];
            let read = Column::read(&mut left, 100, 7 + 99 * step).unwrap();
            assert_eq!(left, b"rest");
            assert!((0..100).all(|at| read.at(at) == column.at(at)));
            let refused = |bytes: &[u8], largest| Column::read(&mut &bytes[..], 100, largest).is_none();
            assert!(refused(&bytes, 6 + 99 * step), "above the largest");
            assert!((0..bytes.len() - 4).all(|length| refused(&bytes[..length], u64::MAX)), "cut");
        }
        let spelt =
            |smallest: u64, width: u8, above: &[u8]| [&smallest.to_be_bytes()[..], &[width], above].concat();
        let read = |bytes: Vec<u8>| Column::read(&mut &bytes[..], 2, u64::MAX).is_some();
        assert!(read(spelt(7, 1, &[0, 1])));
        let bad = [
            spelt(7, 2, &[0, 0, 1, 0]),  // wider than needed
            spelt(7, 1, &[0, 0]),        // none is needed
            spelt(6, 1, &[1, 2]),        // not the smallest
            spelt(7, 9, &[0; 18]),       // no number is so wide
            spelt(u64::MAX, 1, &[0, 1]), // beyond all numbers
        ];
        assert!(bad.into_iter().all(|bytes| !read(bytes)));
    }
}
