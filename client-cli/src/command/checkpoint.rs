//! `conclave checkpoint`: the newest checkpoint that this terminal has proven: an auditor's head from outside, and what a
//! recovery must know. Where no agent has it in memory, from the stored state, without any server.
//! Never writes a file: where it goes is the person's business.

use crate::Here;
use crate::agent::wire::Status;
use crate::args::Checkpoint;
use crate::reach::Line;
use crate::trouble::Trouble;
use console::{Exit, SecretSource, Words};
use link::terminal::{LastSeen, TerminalError, head_words};
use pki::CredentialFile;
use serde::Serialize;

console::words! {
    enum Said {
        Passphrase => en("Passphrase of the credential: "), ru("Парольная фраза ключей: ");
        Stored { head: String }
            => en("not logged in: this is what this terminal last saw of the journal, {head}"),
               ru("вход не выполнен: это то, что этот терминал видел в журнале последним, {head}");
        Nothing
            => en("this terminal has not seen the journal yet: nobody has logged in here"),
               ru("этот терминал ещё не видел журнала: здесь никто не входил");
    }
}

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
    /// From the stored state: nobody is logged in.
    stored: bool,
}

pub(super) fn run(args: &Checkpoint, here: Here) -> Result<Exit, Trouble> {
    let (seen, stored) = match live(&here) {
        Some(seen) => (seen, false),
        None => (last_seen(args, &here)?, true),
    };
    let LastSeen { head, note } = seen;
    if stored {
        here.voice.remark(&Said::Stored { head: head.clone() });
    }
    let data = Data { head, note: note.clone(), stored };
    Ok(here.voice.done("checkpoint", &Note(note), data))
}

/// Of the agent, where one is unlocked.
fn live(here: &Here) -> Option<LastSeen> {
    let status = Line::open(&here.home, here.voice).ok()?.status().ok()?;
    let head = head(&status)?;
    Some(LastSeen { head, note: String::from_utf8(status.checkpoint.to_vec()).ok()? })
}

/// Of the stored state, which the credential opens.
fn last_seen(args: &Checkpoint, here: &Here) -> Result<LastSeen, Trouble> {
    let credential = here.home.credential();
    if !credential.exists() {
        return Err(Trouble::no_agent());
    }
    let mut source = SecretSource::open(args.passphrase.passphrase_fd)?;
    let passphrase = source.ask(&Said::Passphrase.say(here.voice.lang))?;
    let file =
        CredentialFile::open(&credential, passphrase.expose().as_bytes()).map_err(TerminalError::from)?;
    LastSeen::of(&file)?.ok_or_else(|| Trouble::new(Exit::Missing, "nothing-seen", &Said::Nothing))
}

/// See [`head_words`]. The session verified its signatures when it came.
pub(super) fn head(status: &Status) -> Option<String> {
    head_words(&status.checkpoint)
}
