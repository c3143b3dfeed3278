//! What a verification comes to, and why: verified, invalid, diverged, not anchored, incomplete.
//! Never judges anything: `audit` does.

use console::Exit;
use journal::checkpoint::BadCheckpoint;
use journal::ids::Index;
use journal::note::NotSigned;
use journal::replay::{Divergence, Fault};

use crate::bundle::BadBundle;
use crate::unlinked::Unlinked;

/// What is wrong with a bundle.
#[derive(Debug)]
pub enum Flaw {
    /// An entry cannot stand.
    Entry {
        /// Which.
        index: Index,
        /// Why.
        fault: Fault,
    },
    /// A Login stands a second time: its signer said it once, and no rule but this binds it to one place.
    LoginRepeated {
        /// Where it stood first.
        first: Index,
        /// Where it stands again.
        again: Index,
    },
    /// A record is too long, there are too many notes, or something follows the end.
    Container(BadBundle),
    /// The genesis names other authorities or another identity key than the trust file.
    OtherAuthorities,
    /// An excerpt's entry stands out of order, or bears a mark that is not its own. The first one is entry 0.
    Disordered {
        /// Its index.
        index: Index,
    },
    /// An entry is missing in an excerpt that claims to hold all of a range.
    RangeGap {
        /// Its index.
        index: Index,
    },
    /// The entries of an excerpt do not stand under the root that the log signed.
    NotUnderNote {
        /// The note's size.
        size: u64,
    },
    /// An excerpt's proof that the note continues an older head does not hold.
    BadLink {
        /// The older head's size.
        size: u64,
    },
    /// A note is no checkpoint.
    BadNote {
        /// Which, from 0.
        note: usize,
        /// Why.
        reason: BadCheckpoint,
    },
    /// A note is of another log.
    NoteOfOtherLog {
        /// Which, from 0.
        note: usize,
    },
    /// A note is of an era in which the log was not at that size.
    NoteOfOtherEra {
        /// Which, from 0.
        note: usize,
        /// Its era.
        era: u32,
    },
    /// A note is not signed by the keys of its period.
    NoteNotSigned {
        /// Which, from 0.
        note: usize,
        /// Why; `None` where the log had no period key yet.
        reason: Option<NotSigned>,
    },
    /// The log signed another head than the entries give, and nothing signed says otherwise.
    NotWhatWasSigned(Divergence),
    /// The entries do not lead to a head from outside, and nothing that the log signed vouches for them.
    NotWhatIsKnown(Divergence),
    /// The log does not continue the one that its predecessor's bundle holds.
    Predecessor(Unlinked),
}

/// What is missing.
#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    /// The bundle was cut off.
    Cut,
    /// It holds no entry.
    Entries,
    /// It holds no note.
    Note,
    /// Its notes cover fewer entries than there are.
    NoteOver {
        /// Entries that the newest covers.
        covered: u64,
    },
    /// Nothing: a selection holds what somebody chose, and cannot show what he left out.
    Selection,
    /// The predecessor's bundle ends before the head that this log names of it.
    Predecessor {
        /// The head's size.
        size: u64,
    },
    /// A note covers more entries than there are.
    EntriesUpTo {
        /// Its size.
        size: u64,
    },
    /// A head from outside covers more entries than there are: an older export, or a log that was rolled back.
    KnownUpTo {
        /// Its size.
        size: u64,
    },
}

/// Why a consistent bundle is not anchored.
#[derive(Debug, PartialEq, Eq)]
pub enum Unanchored {
    /// No head from outside was there to compare with.
    NoAnchor,
    /// A head from outside covers entries that a succession has given up, and none confirms what came behind it.
    LostBySuccession {
        /// The head's size.
        size: u64,
        /// Entries that the succession kept.
        kept: u64,
        /// The succession: the index behind it.
        end: u64,
    },
    /// A head that was typed without its era is not that of the entries, and entries were given up: it is one of those, or it
    /// contradicts what is here.
    EraUnknown {
        /// The head's size.
        size: u64,
        /// Entries that the succession kept.
        kept: u64,
    },
    /// No proof leads from this head from outside to what is here.
    NotLinked {
        /// The head's size.
        size: u64,
    },
    /// More entries beyond the anchor than the trust file allows.
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// The anchor is older than the trust file allows.
    TooOld {
        /// How old.
        age_ms: u64,
        /// The limit.
        limit_ms: u64,
    },
}

/// The judgement.
#[derive(Debug)]
pub enum Judgement {
    /// Everything holds, and an outside head within the limits confirms it.
    Verified,
    /// Something is wrong.
    Invalid(Flaw),
    /// Two heads that both count contradict each other.
    Diverged(Divergence),
    /// Consistent, not compared enough.
    Unanchored(Unanchored),
    /// Parts are missing.
    Incomplete(Missing),
}

impl Judgement {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Verified => Exit::Yes,
            Self::Invalid(_) => Exit::Invalid,
            Self::Diverged(_) => Exit::Diverged,
            Self::Unanchored(_) => Exit::Unanchored,
            Self::Incomplete(_) => Exit::Incomplete,
        }
    }

    /// The stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Invalid(_) => "invalid",
            Self::Diverged(_) => "diverged",
            Self::Unanchored(_) => "unanchored",
            Self::Incomplete(_) => "incomplete",
        }
    }
}
