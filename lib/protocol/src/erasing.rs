//! Why what is to be erased is not erased yet, as the server tells people.
//! Never says what it is.

use journal::ids::Index;
use minicbor::{Decode, Encode};

/// What an erasure waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(flat)]
pub enum ErasureWait {
    /// For nothing: it is under way, or there is none.
    #[default]
    #[n(1)]
    Nothing,
    /// For the time that the root cell can bear the next one: about so many seconds.
    #[n(2)]
    Pace(#[n(0)] u64),
    /// For a root cell that is away.
    #[n(3)]
    Cell,
    /// For a backup, which the policy wants first.
    #[n(4)]
    Backup,
    /// For room in the store.
    #[n(5)]
    Room,
}

/// What is being erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(array)]
pub struct ErasingRecord {
    /// Entries that asked for it.
    #[n(0)]
    pub count: u64,
    /// The first of them; what was asked for before it is erased.
    #[n(1)]
    pub first: Option<Index>,
    /// What they wait for.
    #[n(2)]
    pub wait: ErasureWait,
    /// The newest erasure epoch.
    #[n(3)]
    pub epoch: u64,
}

impl ErasingRecord {
    /// Does what this entry asked for still wait?
    pub fn holds(&self, index: Index) -> bool {
        self.first.is_some_and(|first| first <= index)
    }
}

impl ErasureWait {
    /// One word for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Pace(_) => "pace",
            Self::Cell => "cell",
            Self::Backup => "backup",
            Self::Room => "room",
        }
    }

    /// In how many seconds, about; 0: at once, or not known.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Pace(seconds) => seconds,
            Self::Nothing | Self::Cell | Self::Backup | Self::Room => 0,
        }
    }
}
