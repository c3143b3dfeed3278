//! Reads entries and bodies beside the writer, on a thread of its own.
//! Never sees what is not durable, and gives nothing rather than bytes that do not open.

use crate::inbox::Inbox;
use crate::log::Log;
use crate::vital;
use disk::Position;
use journal::ids::{Index, Place};
use minicbor::bytes::ByteVec;
use protocol::io::{Input, ReadItem, Ticket};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use vault::VaultReader;

/// Where every durable entry lies, by index: 16 bytes each in memory.
#[derive(Clone, Default)]
pub(crate) struct Positions(Arc<RwLock<Vec<Position>>>);

impl Positions {
    /// Of entries 0 and up.
    pub(crate) fn new(positions: Vec<Position>) -> Self {
        Self(Arc::new(RwLock::new(positions)))
    }

    /// Those of a batch that is durable.
    pub(crate) fn extend(&self, positions: Vec<Position>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(positions);
    }

    /// All of them.
    #[cfg(test)]
    pub(crate) fn all(&self) -> Vec<Position> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, index: Index) -> Option<Position> {
        let positions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        positions.get(usize::try_from(index).ok()?).copied()
    }
}

/// What the reader is asked: a ticket for the answer, and what to read.
pub(crate) type Question = (Ticket, Vec<ReadItem>);

struct Reader {
    vault: VaultReader,
    positions: Positions,
    log: Log,
}

/// Starts the reader. It ends when the sender is dropped.
pub(crate) fn start(
    vault: VaultReader,
    positions: Positions,
    inbox: Inbox,
    log: Log,
) -> std::io::Result<Sender<Question>> {
    // Unbounded by itself; the engine has a limit of questions for each session.
    let (sender, questions) = channel::<Question>();
    let reader = Reader { vault, positions, log };
    vital::spawn("reader", log, move || {
        while let Ok((ticket, items)) = questions.recv() {
            let found = items.iter().map(|item| reader.read(*item)).collect();
            hardening::scrub_stack();
            if !inbox.give(Input::ReadDone(ticket, found)) {
                return;
            }
        }
    })?;
    Ok(sender)
}

impl Reader {
    fn read(&self, item: ReadItem) -> Option<ByteVec> {
        let found = match item {
            ReadItem::Entry(index) => self.vault.entry(self.positions.of(index)?),
            ReadItem::Body(place, chunk) => read_body(&self.vault, place, chunk).map(|body| body.to_vec()),
        };
        match found {
            Ok(bytes) => Some(bytes.into()),
            Err(vault::Error::Missing(_) | vault::Error::BeingErased(_)) => None,
            Err(error) => {
                self.log.error(format_args!("reading {item:?}: {error}"));
                None
            }
        }
    }
}

/// A body by its item and chunk number. Whether the item is one body or has chunks, only the store knows.
pub(crate) fn read_body(
    vault: &VaultReader,
    place: Place,
    chunk: u32,
) -> Result<zeroize::Zeroizing<Vec<u8>>, vault::Error> {
    let Place { conversation, item } = place;
    match chunk {
        0 => match vault.read(vault::Place::item(conversation, item)) {
            Err(vault::Error::Missing(_)) => vault.read(vault::Place::chunk(conversation, item, 0)),
            found => found,
        },
        chunk => vault.read(vault::Place::chunk(conversation, item, chunk.into())),
    }
}
