//! What a terminal last saw of the log, from its stored state alone: no server, no session, no agent.
//! Never proves anything anew: the signatures were verified when the note was stored, and the record is sealed.

use super::error::TerminalError;
use journal::checkpoint::SignedCheckpoint;
use pki::CredentialFile;

/// A head that a terminal has seen.
pub struct LastSeen {
    /// The checkpoint as the server signed it: a signed note.
    pub note: String,
    /// It in short: see [`head_words`].
    pub head: String,
}

impl LastSeen {
    /// Of the state beside this credential; nothing where nobody ever logged in with it here, or where the newest head that
    /// is known came without a note of its own.
    pub fn of(file: &CredentialFile) -> Result<Option<Self>, TerminalError> {
        let note = file.read_state()?.and_then(|state| state.checkpoint);
        Ok(note.and_then(|note| Some(Self { head: head_words(note.as_bytes())?, note })))
    }
}

/// `SIZE:ROOT`, as `conclave-audit verify --head` takes it; behind a succession with its era: `ERA/SIZE:ROOT`.
pub fn head_words(note: &[u8]) -> Option<String> {
    let checkpoint = SignedCheckpoint::parse(note).ok()?;
    let (era, head) = (checkpoint.claimed().origin.era, checkpoint.claimed().head);
    let era = if era == 0 { String::new() } else { format!("{era}/") };
    Some(format!("{era}{}:{}", head.size, hex::encode(head.root)))
}
