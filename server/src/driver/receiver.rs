//! One receiver's stream: what waits for it, what was handed to the transport, and what the transport may still hold.
//! Never waits and never closes anything: that is `outbox.rs`'s.

use bytes::Bytes;
use futures_util::FutureExt;
use journal::ids::Index;
use link::transport::SEND_WINDOW_BYTES;
use protocol::io::{Cargo, Dropped, EraseItem, SessionId};
use quinn::SendStream;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::watch;

/// Bytes that go out as one, and what they carry.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    pub(super) cargo: Option<Arc<Cargo>>,
    /// Some of it was handed to the transport: the rest must follow, or the session end.
    pub(super) begun: bool,
}

impl Piece {
    pub(super) fn carries(&self, items: &Erasing) -> bool {
        self.cargo.as_ref().is_some_and(|cargo| items.hit(cargo))
    }

    /// The first entry of a push that may be dropped.
    fn droppable(&self) -> Option<Index> {
        self.cargo.as_ref().filter(|_| !self.begun)?.first
    }
}

/// What an erasure takes.
pub(super) struct Erasing {
    items: BTreeSet<(u64, u64)>,
    conversations: BTreeSet<u64>,
}

impl Erasing {
    pub(super) fn of(erased: &[EraseItem]) -> Self {
        let (mut items, mut conversations) = (BTreeSet::new(), BTreeSet::new());
        for item in erased {
            match item {
                EraseItem::Item(place) => drop(items.insert((place.conversation, place.item))),
                EraseItem::Conversation(number) => drop(conversations.insert(*number)),
            }
        }
        Self { items, conversations }
    }

    fn hit(&self, cargo: &Cargo) -> bool {
        cargo.places.iter().any(|place| {
            self.conversations.contains(&place.conversation)
                || self.items.contains(&(place.conversation, place.item))
        })
    }
}

/// Bodies that were handed to the transport a moment ago: it may still hold them for a peer that takes nothing.
struct Handed {
    cargo: Arc<Cargo>,
    /// Where in the stream they end.
    end: u64,
}

/// What of a stream was handed to the transport, and which bodies of that it may still hold.
#[derive(Default)]
pub(super) struct Transit {
    /// Bytes handed over in all.
    bytes: u64,
    /// Bodies among the last `SEND_WINDOW_BYTES` of them: what lies before was acknowledged, or there were no room.
    handed: VecDeque<Handed>,
}

impl Transit {
    fn handed_over(&mut self, bytes: u64, whole: Option<Piece>) {
        self.bytes += bytes;
        let horizon = self.bytes.saturating_sub(SEND_WINDOW_BYTES);
        while self.handed.front().is_some_and(|handed| handed.end <= horizon) {
            self.handed.pop_front();
        }
        let cargo = whole.and_then(|piece| piece.cargo).filter(|cargo| !cargo.places.is_empty());
        if let Some(cargo) = cargo {
            self.handed.push_back(Handed { cargo, end: self.bytes });
        }
    }

    /// Where the last of these bodies ends, if one of them was handed over a moment ago.
    fn last(&self, items: &Erasing) -> Option<u64> {
        self.handed.iter().rev().find(|handed| items.hit(&handed.cargo)).map(|handed| handed.end)
    }

    /// Whether one of these bodies was handed over a moment ago.
    pub(super) fn hit(&self, items: &Erasing) -> bool {
        self.last(items).is_some()
    }
}

/// A receiver: either its stream is here, or it is away, with one piece, in a future that waits for room.
pub(super) struct Receiver {
    pub(super) stream: Option<SendStream>,
    /// The piece that is away with the stream.
    pub(super) away: Option<Piece>,
    pub(super) connection: quinn::Connection,
    pub(super) pause: watch::Sender<bool>,
    pub(super) backlog: VecDeque<Piece>,
    pub(super) transit: Transit,
    pub(super) ending: bool,
}

impl Receiver {
    pub(super) fn new(stream: SendStream, connection: quinn::Connection, pause: watch::Sender<bool>) -> Self {
        let (backlog, transit) = (VecDeque::new(), Transit::default());
        Self { stream: Some(stream), away: None, connection, pause, backlog, transit, ending: false }
    }

    /// These bytes were handed to the transport, and with them the last of this piece.
    pub(super) fn handed_over(&mut self, bytes: u64, whole: Option<Piece>) {
        self.transit.handed_over(bytes, whole);
    }

    /// Whether the transport may hold some of these bodies: part of one was handed over, or not all of what was is
    /// known to have arrived.
    pub(super) fn holds(&mut self, items: &Erasing) -> bool {
        let begun = self.backlog.iter().filter(|piece| piece.begun).chain(&self.away);
        if begun.into_iter().any(|piece| piece.carries(items)) {
            return true;
        }
        self.transit.last(items).is_some_and(|end| !self.has_arrived(end))
    }

    /// Whether the peer acknowledged the stream without a gap up to this byte, so that the transport gave it up. quinn
    /// has no word for it, but this one: it takes more only while what it holds is less than its window. One that does
    /// not fit by a byte unless all up to there is gone answers the question; nothing is written. A peer that takes no
    /// more at all is not believed.
    fn has_arrived(&mut self, end: u64) -> bool {
        let Some(stream) = self.stream.as_mut() else { return false };
        let behind = self.transit.bytes.saturating_sub(end);
        self.connection.set_send_window(behind.saturating_add(1));
        let room = stream.write_chunks(&mut []).now_or_never();
        self.connection.set_send_window(SEND_WINDOW_BYTES);
        matches!(room, Some(Ok(_)))
    }

    /// Drops the pushes from the first that carries an erased body on: the peer will ask for them.
    pub(super) fn drop_pushes(&mut self, session: SessionId, items: &Erasing) -> Option<Dropped> {
        let hit = |piece: &Piece| piece.droppable().is_some() && piece.carries(items);
        let from = self.backlog.iter().position(hit)?;
        let first = self.backlog.get(from)?.droppable()?;
        let (mut at, mut bytes) = (0, 0);
        self.backlog.retain(|piece| {
            at += 1;
            let goes = at > from && piece.droppable().is_some();
            bytes += if goes { piece.bytes.len() as u64 } else { 0 };
            !goes
        });
        Some(Dropped { session, first, bytes })
    }
}
