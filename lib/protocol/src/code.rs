//! Refusals of the protocol itself, beside those of the Register: small numbers below 100, without hints.

/// Why a request or a session was refused. Numbers are never reused (FORMAT.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Code {
    /// A frame that is none, is too long, or comes out of order.
    Protocol = 1,
    /// The Login failed: wrong password, or anything about it that the peer needs not know.
    Login = 2,
    /// The certificate is not accepted.
    Certificate = 3,
    /// Too much at once; try again later.
    Busy = 4,
    /// The signature, the peer or the bounds of a statement do not hold.
    Statement = 5,
    /// The body does not fit its commitment, is missing, or is there where none belongs.
    Body = 6,
    /// The wraps do not fit the root, or are not all there.
    Wraps = 7,
    /// No such thing, or not for this person: the peer cannot tell which.
    NotFound = 8,
    /// The device is full: only erasure and officers' acts are taken.
    Full = 9,
    /// Another session of the same person took over.
    Replaced = 10,
    /// Revoked, suspended, or ended by an officer.
    Expelled = 11,
    /// The server stops.
    Stopping = 12,
    /// Nothing was heard for too long.
    Idle = 13,
    /// The body was erased.
    Erased = 14,
    /// The body ought to be there and is not, or does not open: an alarm was raised.
    Damaged = 15,
    /// The terminal logged out.
    LoggedOut = 16,
    /// A file that does not fit beside what is kept for messages; messages are taken.
    NoRoom = 17,
    /// The store keeps the passwords of as many people as it can.
    TooManyPeople = 18,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 18] = [
        Self::Protocol,
        Self::Login,
        Self::Certificate,
        Self::Busy,
        Self::Statement,
        Self::Body,
        Self::Wraps,
        Self::NotFound,
        Self::Full,
        Self::Replaced,
        Self::Expelled,
        Self::Stopping,
        Self::Idle,
        Self::Erased,
        Self::Damaged,
        Self::LoggedOut,
        Self::NoRoom,
        Self::TooManyPeople,
    ];

    /// The number on the wire.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The code of this number, if it is one of the protocol's own.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}
