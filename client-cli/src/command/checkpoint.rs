//! `conclave checkpoint`: the newest checkpoint that this terminal has proven, for an auditor: his head from outside.
//! Never writes a file: where it goes is the person's business.

use crate::Here;
use crate::agent::wire::Status;
use crate::reach::Line;
use crate::trouble::Trouble;
use console::{Exit, Words};
use journal::checkpoint::SignedCheckpoint;
use serde::Serialize;

/// The signed note itself.
struct Note(String);

impl Words for Note {
    fn en(&self) -> String {
        self.0.clone()
    }
    fn ru(&self) -> String {
        self.0.clone()
    }
}

#[derive(Serialize)]
struct Data {
    head: String,
    note: String,
}

pub(super) fn run(here: Here) -> Result<Exit, Trouble> {
    let status = Line::open(&here.home, here.voice)?.status()?;
    let note = String::from_utf8(status.checkpoint.to_vec()).ok().filter(|note| !note.is_empty());
    let (Some(head), Some(note)) = (head(&status), note) else { return Err(Trouble::locked()) };
    let data = Data { head, note: note.clone() };
    Ok(here.voice.done("checkpoint", &Note(note), data))
}

/// `SIZE:ROOT`, as `conclave-audit verify --head` takes it, behind a succession with its era: `ERA/SIZE:ROOT`. The session
/// verified its signatures when it came.
pub(super) fn head(status: &Status) -> Option<String> {
    let checkpoint = SignedCheckpoint::parse(&status.checkpoint).ok()?;
    let (era, head) = (checkpoint.claimed().origin.era, checkpoint.claimed().head);
    let era = if era == 0 { String::new() } else { format!("{era}/") };
    Some(format!("{era}{}:{}", head.size, hex::encode(head.root)))
}
