//! What officers do about what was raised (alarms, reports, findings), and what their watches show.
//! Never a text: an index and a number of a list.

use crate::ids::Index;
use minicbor::{Decode, Encode};

/// An officer states the time by a watch that he trusts. It changes nothing: it stands beside the server's stamp, for
/// whoever asks whether the server's clock was right.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ClockAttest {
    /// What the watch shows, milliseconds since 1970.
    #[n(0)]
    pub shown_ms: u64,
}

/// An officer has seen what was raised, all of it that there is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct AlarmAcknowledge {
    /// The entry that raised it; of several alarms that say the same, the first that is open.
    #[n(0)]
    pub raised: Index,
}

/// What came of it: a list, not a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum CloseOutcome {
    /// It was so, and was put right.
    #[n(1)]
    Mended,
    /// It was not so.
    #[n(2)]
    False,
    /// It is so, and is lived with.
    #[n(3)]
    Accepted,
    /// Something else, which the officers' papers tell.
    #[n(4)]
    Other,
}

impl CloseOutcome {
    /// All outcomes, in numeric order.
    pub const ALL: [Self; 4] = [Self::Mended, Self::False, Self::Accepted, Self::Other];
}

/// An officer is done with what was raised. It was acknowledged before, and neither he raised it nor is it about him.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct AlarmClose {
    /// As in [`AlarmAcknowledge`].
    #[n(0)]
    pub raised: Index,
    /// What came of it.
    #[n(1)]
    pub outcome: CloseOutcome,
}
