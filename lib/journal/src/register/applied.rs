//! What follows from one admitted entry: who is to see it and what others must do.
//! Never says anything that replay could not work out again: these are consequences, not state.

use crate::act::{CellName, Purpose, SizeClass};
use crate::ids::{Chain, Index, Place, ReservationId};
use minicbor::{Decode, Encode};
use pki::PersonId;

/// The consequences of one admitted entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Applied {
    /// Whose terminals get the entry. Its signer gets the receipt in any case.
    pub audience: Audience,
    /// What is to be done besides, in order.
    pub effects: Vec<Effect>,
}

impl Applied {
    pub(crate) fn to(audience: Audience) -> Self {
        Self { audience, effects: Vec::new() }
    }

    pub(crate) fn with(audience: Audience, effects: Vec<Effect>) -> Self {
        Self { audience, effects }
    }

    /// The journal's time was set back: from which to which.
    pub fn clock_set(&self) -> Option<(u64, u64)> {
        self.effects.iter().find_map(|effect| {
            if let Effect::ClockSet { from_ms, to_ms } = effect { Some((*from_ms, *to_ms)) } else { None }
        })
    }
}

/// Whose terminals get an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// No terminal but the signer's.
    Nobody,
    /// One person.
    Person(PersonId),
    /// Members and invited of the conversation with this number, after the entry; who has just left it is named by
    /// [`Effect::MemberGone`] and gets the entry too.
    Conversation(u64),
    /// As [`Self::Conversation`], and all officers.
    ConversationAndOfficers(u64),
    /// All officers.
    Officers,
    /// Every terminal.
    Everyone,
}

/// Why a chain of statements ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChainEnd {
    /// Its person said Logout.
    Logout,
    /// A newer Login of the same person asked for it.
    NewLogin,
    /// The server saw the session end (Fact `SessionEnd`).
    SessionEnd,
    /// An officer or administrator ended it.
    EndSession,
    /// The person was suspended.
    Suspended,
    /// The person or the certificate of the Login was revoked.
    Revoked,
    /// The daemon started anew.
    Start,
    /// The daemon stopped in good order.
    Stop,
    /// Entries were lost, and the log went on in a new era.
    Succession,
}

/// What an erasure takes away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum ErasePlace {
    /// One item with everything under it.
    #[n(1)]
    Item(#[n(0)] Place),
    /// The whole conversation with this number.
    #[n(2)]
    Conversation(#[n(0)] u64),
}

/// Something that follows from an admitted entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// A Login was admitted: `chain` is its leaf hash.
    ChainStarted {
        /// Whose.
        person: PersonId,
        /// The chain.
        chain: Chain,
        /// The Login's index.
        index: Index,
        /// The person logged in with an envelope: nothing but a new password is admitted until it is set.
        must_set_password: bool,
    },
    /// A chain ended: its session is to be cut.
    ChainEnded {
        /// Whose.
        person: PersonId,
        /// Which.
        chain: Chain,
        /// Why.
        why: ChainEnd,
    },
    /// A password is now the person's own: the verifier that came beside the statement replaces the old one.
    PasswordSet {
        /// Whose.
        person: PersonId,
    },
    /// An envelope was handed over: its verifier opens sessions from here on.
    EnvelopeOpens {
        /// Which.
        number: u64,
        /// Whose.
        person: PersonId,
    },
    /// An envelope became void (or was used up): its verifier is to be dropped.
    EnvelopeVoided {
        /// Which.
        number: u64,
        /// Whose.
        person: PersonId,
    },
    /// The entry's body goes here.
    ItemAllocated {
        /// Where in the vault.
        place: Place,
    },
    /// Room for bodies was reserved.
    Reserved {
        /// The reservation.
        id: ReservationId,
        /// Where.
        place: Place,
        /// How many bodies.
        chunks: u32,
        /// Padded length of each.
        size: SizeClass,
        /// For what.
        purpose: Purpose,
    },
    /// A reservation was claimed and is a message's file or an act's wraps now.
    ReservationClaimed {
        /// The reservation.
        id: ReservationId,
        /// Where.
        place: Place,
    },
    /// Two officers set the journal's time back.
    ClockSet {
        /// From the stamp of the entry that does it.
        from_ms: u64,
        /// To this time.
        to_ms: u64,
    },
    /// A reservation fell; what was stored in it is to be erased (see [`Effect::EraseIntended`] beside it).
    ReservationDropped {
        /// The reservation.
        id: ReservationId,
        /// Where.
        place: Place,
    },
    /// From here on these bodies are served to nobody, and the next erasure epoch takes them.
    EraseIntended {
        /// The entry that asks for it.
        index: Index,
        /// What.
        what: Vec<ErasePlace>,
    },
    /// Every intent at or below this index took effect.
    Erased {
        /// The last index that is done.
        through: Index,
    },
    /// A conversation began.
    ConversationFounded {
        /// Its number.
        conversation: u64,
    },
    /// A conversation was closed for good.
    ConversationClosed {
        /// Its number.
        conversation: u64,
    },
    /// A person receives from here on.
    MemberAdded {
        /// Where.
        conversation: u64,
        /// Who.
        person: PersonId,
    },
    /// A person receives no longer.
    MemberGone {
        /// Where.
        conversation: u64,
        /// Who.
        person: PersonId,
    },
    /// A new epoch rules.
    EpochBegan {
        /// Where.
        conversation: u64,
        /// Its number.
        epoch: u32,
    },
    /// Nothing more is admitted under the newest epoch: the next sender makes a new one.
    EpochDue {
        /// Where.
        conversation: u64,
    },
    /// A person's certificates became known, for the first time or renewed.
    PersonEnrolled {
        /// Who.
        person: PersonId,
    },
    /// A person was revoked for ever.
    PersonRevoked {
        /// Who.
        person: PersonId,
    },
    /// One certificate was revoked.
    CertificateRevoked {
        /// Which.
        certificate: pki::CertId,
    },
    /// Too many wrong passwords.
    PersonLocked {
        /// Who.
        person: PersonId,
    },
    /// An officer's certificate may act from here on.
    OfficerAdmitted {
        /// Which.
        certificate: pki::CertId,
    },
    /// Another policy rules from the next entry on.
    PolicyChanged,
    /// A proposal fell because nobody approved it in time.
    ProposalLapsed {
        /// Its index.
        proposal: Index,
    },
    /// Two officers ordered an erasure: those concerned may object until its time comes.
    OrderBegan {
        /// The `Propose`.
        proposal: Index,
        /// In which conversation.
        conversation: u64,
    },
    /// An order of erasure was stopped, or taken back, before it took effect.
    OrderStopped {
        /// The `Propose`.
        proposal: Index,
    },
    /// An order of erasure took effect (see [`Effect::EraseIntended`] beside it).
    OrderCarriedOut {
        /// The `Propose`.
        proposal: Index,
        /// The `Approve`: the entry that proves the right.
        approve: Index,
        /// In which conversation.
        conversation: u64,
        /// Which messages; none: the whole conversation.
        messages: Vec<Index>,
    },
    /// Messages fell by the retention schedule (see [`Effect::EraseIntended`] beside it): the entry itself proves it.
    RetentionFell {
        /// In which conversation.
        conversation: u64,
        /// Which messages, ascending.
        messages: Vec<Index>,
    },
    /// Two officers let go of a root cell.
    CellDropped {
        /// Which.
        cell: CellName,
    },
    /// A hold ends within the time that policy sets for a warning.
    HoldEndsSoon {
        /// Which.
        hold: Index,
        /// Who placed it.
        by: PersonId,
    },
    /// A hold ended.
    HoldEnded {
        /// Which.
        hold: Index,
    },
    /// The acts of the authority that follow belong to this Submit.
    SubmitOpened {
        /// How many.
        count: u32,
    },
    /// The log has a new period key.
    PeriodBegan {
        /// The period.
        period: u64,
    },
    /// A period of the log ended; the next key roll may follow.
    PeriodEnded {
        /// The period.
        period: u64,
    },
}
