//! How secret a thing a person may see: the class list of RFC 5913, read as a rank.
//! Never compares classes of another label policy: their ranks mean something else.
use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

const NAMES: [&str; 6] = ["unmarked", "unclassified", "restricted", "confidential", "secret", "topSecret"];

/// A rank, 0 (unmarked) to 5 (top secret). Labels of messages are the same ranks. Foreign numbers come in through
/// [`Clearance::from_rank`] or the decoder, which refuse a rank above the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Clearance(pub u8);

impl Clearance {
    /// Nothing marked at all.
    pub const UNMARKED: Self = Self(0);
    /// The highest rank.
    pub const TOP_SECRET: Self = Self(5);

    /// The rank of this number, 0 to 5.
    pub fn from_rank(rank: u8) -> Option<Self> {
        (rank <= Self::TOP_SECRET.0).then_some(Self(rank))
    }

    /// The number, 0 to 5; also the bit of RFC 5913's ClassList.
    pub fn rank(self) -> u8 {
        self.0
    }

    /// Whether a holder of this clearance may see a thing with that label.
    pub fn covers(self, label: Self) -> bool {
        self >= label
    }

    /// The name in RFC 5913.
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("no rank")
    }

    /// The rank of this name (RFC 5913), if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        (0..=Self::TOP_SECRET.0).map(Self).find(|clearance| clearance.name() == name)
    }
}

impl fmt::Display for Clearance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<C> Encode<C> for Clearance {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.u8(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Clearance {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::from_rank(d.u8()?).ok_or_else(|| decode::Error::message("a rank above the highest"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_ordered_and_bounded() {
        assert!(Clearance::TOP_SECRET.covers(Clearance::UNMARKED));
        assert!(!Clearance::UNMARKED.covers(Clearance::from_name("restricted").unwrap()));
        assert_eq!(Clearance::from_rank(6), None);
        assert!(crate::canonical::decode::<Clearance>(&[6]).is_err());
        assert_eq!(crate::canonical::decode::<Clearance>(&[5]).unwrap(), Clearance::TOP_SECRET);
    }
}
