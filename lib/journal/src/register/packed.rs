//! Numbers of one block of rows, each in as few bytes as the block needs.
//! Never changes one that it holds.

/// A column that grows until its block is whole, and is packed then.
#[derive(Clone, Debug)]
pub(super) enum Column {
    Open(Vec<u64>),
    Packed(Packed),
}

/// What each number has above the smallest one, little-endian, all of one width.
#[derive(Clone, Debug)]
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

    /// Flips a bit, as a bad memory would.
    #[cfg(test)]
    pub(super) fn flip(&mut self, at: usize) {
        match self {
            Self::Open(numbers) => numbers[at] ^= 1,
            Self::Packed(packed) => packed.bytes[at * packed.width] ^= 1,
        }
    }
}

impl Packed {
    fn of(numbers: &[u64]) -> Self {
        let smallest = numbers.iter().min().copied().unwrap_or_default();
        let widest = numbers.iter().max().copied().unwrap_or_default() - smallest;
        let width = 8 - widest.leading_zeros() as usize / 8;
        let bytes =
            numbers.iter().flat_map(|number| (number - smallest).to_le_bytes().into_iter().take(width));
        Self { smallest, width, bytes: bytes.collect() }
    }

    fn at(&self, at: usize) -> u64 {
        let mut above = [0; 8];
        above[..self.width].copy_from_slice(&self.bytes[at * self.width..][..self.width]);
        self.smallest + u64::from_le_bytes(above)
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
}
