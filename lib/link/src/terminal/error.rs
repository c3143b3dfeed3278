//! Why a terminal cannot work, in fields. The words for people are in `words`.
//! Never holds a secret or a text of somebody else.

use crate::client::LinkError;
use pki::{CredentialError, CredentialFileError, PathError};
use protocol::client::event::Distrust;
use protocol::client::{BadParts, Error};

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// The credential's files.
    #[error(transparent)]
    CredentialFile(#[from] CredentialFileError),
    /// The credential itself.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Card, credential and record do not make a session.
    #[error(transparent)]
    Parts(#[from] BadParts),
    /// The state record is of another log than the card's.
    #[error("the credential's state record belongs to another log than the site card")]
    OtherLog,
    /// One's own certificate does not hold by the card.
    #[error("own certificate: {0}")]
    OwnCertificate(Box<PathError>),
    /// An address of the card cannot be found.
    #[error("address {address}: {error}")]
    Address {
        /// Which.
        address: String,
        /// Why.
        error: std::io::Error,
    },
    /// No connection, or it is lost.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Connected, but nothing is answered.
    #[error("the server does not answer")]
    NoAnswer,
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
    /// The server ended the session.
    #[error("the session was ended with code {code}")]
    Ended {
        /// Why; 0: something did not verify here.
        code: u16,
    },
    /// The server's log contradicts what it signed before.
    #[error("the log contradicts an earlier checkpoint")]
    Distrust(Box<Distrust>),
    /// The very first login of these keys was refused.
    #[error("the first login was refused")]
    FirstLogin,
    /// The command was not done.
    #[error(transparent)]
    Command(#[from] Error),
}
