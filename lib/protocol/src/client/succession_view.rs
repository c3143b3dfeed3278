//! A succession as people are told of it.
//! Never says that it was right: that enough first officers have signed it is all that is proven.

use journal::act::IndexRange;
use journal::ids::Index;
use minicbor::{Decode, Encode};

/// See [`super::event::Event::Succession`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct SuccessionView {
    /// The era that began.
    #[n(0)]
    pub era: u32,
    /// Entries that were kept.
    #[n(1)]
    pub kept: u64,
    /// At least so many there had been, by what the officers signed.
    #[n(2)]
    pub known: u64,
    /// So many this terminal had seen. More than were kept: some of what its person saw is lost.
    #[n(3)]
    pub seen: u64,
    /// All bodies were lost too.
    #[n(4)]
    pub bodies_lost: bool,
    /// Who signed, and the login of his certificate.
    #[n(5)]
    pub officers: Vec<(pki::PersonId, String)>,
    /// When it was decided, milliseconds since 1970.
    #[n(6)]
    pub time_ms: u64,
    /// Bodies of kept entries that were given up.
    #[n(7)]
    pub bodies_missing: u64,
    /// Which entries' they are.
    #[n(8)]
    pub given_up: Vec<IndexRange>,
}

impl SuccessionView {
    /// Whether the body of this entry was given up.
    pub fn gave_up(&self, index: Index) -> bool {
        index < self.kept && (self.bodies_lost || IndexRange::any_holds(&self.given_up, index))
    }

    /// The last entry that is known to be lost, if any is.
    pub fn last_lost(&self) -> Option<Index> {
        let last = self.known.max(self.seen).checked_sub(1)?;
        (last >= self.kept).then_some(last)
    }
}
