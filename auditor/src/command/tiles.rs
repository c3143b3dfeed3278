//! `conclave-audit export --tiles`: a bundle as the files that stock readers of transparency logs take.
//! Never opens a connection, and never verifies more than that note and entries belong together: `verify` does.

use std::path::Path;

use console::{Exit, Voice};
use journal::act::Act;
use journal::checkpoint::SignedCheckpoint;
use journal::ids::Head;
use journal::note::VerifierKey;
use pki::{PublicKey, Suite};
use serde::Serialize;

use super::{ProgressLine, not_written, open_bundle, shown};
use crate::names::{Opened, What, hex};
use crate::tile_folder::TileFolder;
use crate::trouble::Trouble;

/// Entries between two looks at the progress line.
const PROGRESS_EVERY: u64 = 1024;

console::words! {
    /// What is said of it.
    pub enum Said {
        Done { size: u64, folder: String, key: String }
            => en("{size} entries as tiles (c2sp.org/tlog-tiles): {folder}\nthe log's verifier key: {key}\n\
                   It is all that a stock reader needs. It was taken from the bundle: compare it with the site card."),
               ru("записей: {size}, в виде плиток (c2sp.org/tlog-tiles): {folder}\nпроверочный ключ журнала: {key}\n\
                   Сторонней программе больше ничего не нужно. Ключ взят из выгрузки: сверьте его с картой системы.");
    }
}

/// What was laid out.
#[derive(Serialize)]
pub struct LaidOut {
    entries: u64,
    root: String,
    origin: String,
    verifier_key: String,
}

impl LaidOut {
    /// In words.
    pub fn said(&self, out: &Path) -> Said {
        Said::Done { size: self.entries, folder: shown(out), key: self.verifier_key.clone() }
    }
}

/// Runs it by itself.
pub fn run(bundle: &Path, out: &Path, voice: Voice) -> Result<Exit, Trouble> {
    let laid_out = lay_out(bundle, out, voice)?;
    Ok(voice.done("export", &laid_out.said(out), laid_out))
}

/// Writes the folder.
pub fn lay_out(bundle: &Path, out: &Path, voice: Voice) -> Result<LaidOut, Trouble> {
    let (mut reader, bytes) = open_bundle(bundle)?;
    let damaged = |bad, entries| Trouble::bundle(shown(bundle), &bad, entries);
    let unwritten = |error: std::io::Error| not_written(out, &error);
    let mut folder = TileFolder::create(out).map_err(unwritten)?;
    let mut line = ProgressLine::new(bytes, voice.lang);
    let mut genesis = Vec::new();
    while let Some(entry) = reader.next_entry().map_err(|bad| damaged(bad, folder.head().size))? {
        folder.entry(&entry).map_err(unwritten)?;
        if reader.entries() == 1 {
            genesis = entry;
        }
        if reader.entries().is_multiple_of(PROGRESS_EVERY) {
            line.at(reader.bytes());
        }
    }
    let head = folder.head();
    let notes = reader.notes().map_err(|bad| damaged(bad, head.size))?;
    let signed = notes.iter().find_map(|note| covering(note, head, &genesis).map(|found| (note, found)));
    let Some((note, (origin, key))) = signed else {
        line.clear();
        return Err(Trouble::Uncovered { file: shown(bundle) });
    };
    // The longest step where the disk is slow, and nothing can be counted in it: the line stands at its end.
    line.at(bytes);
    let finished = folder.finish(note).map_err(unwritten);
    line.clear();
    finished?;
    Ok(LaidOut { entries: head.size, root: hex(&head.root), origin, verifier_key: key })
}

/// Origin and verifier key, where the note is over exactly this head and the key that the genesis names signed it.
fn covering(note: &[u8], head: Head, genesis: &[u8]) -> Option<(String, String)> {
    let checkpoint = SignedCheckpoint::parse(note).ok()?;
    let claimed = checkpoint.claimed();
    let key = VerifierKey::new(claimed.origin.key_name(), identity(genesis)?).ok()?;
    let signed = claimed.head == head && checkpoint.verify_by(&key).is_ok();
    signed.then(|| (claimed.origin.to_string(), key.to_string()))
}

fn identity(genesis: &[u8]) -> Option<PublicKey> {
    let opened = Opened::read(genesis).ok()?;
    let What::Statement(parsed) = opened.what() else { return None };
    let Act::Genesis(genesis) = parsed.act() else { return None };
    PublicKey::from_raw(Suite::Ed25519, &genesis.identity).ok()
}
