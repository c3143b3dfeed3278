//! Reservations and the bodies stored in them: what a claim must fit.
//! Never reads a chunk again that it has seen; after a start it reads them once, when the first need arises.

use super::session::{Then, Waiting};
use super::{Engine, Whole};
use crate::code::Code;
use crate::frame::{PutChunk, Stored, ToTerminal};
use crate::io::{Output, ReadItem, SessionId, StoredBody};
use crate::limits::{BODY_BYTES_MAX, REBUILD_CHUNKS};
use crate::seal::body::BodyRef;
use crate::seal::file::chunk_root;
use crate::seal::wrap_chunk::WrapChunk;
use journal::act::{Epoch, FileClaim, Purpose, ShareHistory, WrapClaim};
use journal::ids::{Commitment, Hash, ReservationId};
use journal::register::Reservation;
use minicbor::bytes::ByteVec;
use pki::{CertId, PersonId};
use std::collections::{BTreeMap, HashMap};

/// What a stored chunk binds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seal {
    File(Commitment),
    /// The root that its path leads to, and whom it is for.
    Wrap {
        recipient: CertId,
        root: Hash,
    },
}

/// The chunks of a reservation that are stored.
#[derive(Default)]
pub(super) struct Held(BTreeMap<u32, Seal>);

/// What is known of open reservations. One that stands in the Register and not here was made before this start.
#[derive(Default)]
pub(super) struct Reservations(HashMap<ReservationId, Held>);

/// Whether what came with an act fits it.
pub(super) enum Fits {
    Yes,
    No(Code),
    /// Its chunks must be read first.
    Unknown(ReservationId),
}

/// Chunks that are being read again.
pub(super) struct Rebuild {
    reservation: ReservationId,
    next: u32,
    held: Held,
}

impl Reservations {
    pub(super) fn opened(&mut self, id: ReservationId) {
        self.0.insert(id, Held::default());
    }

    pub(super) fn closed(&mut self, id: ReservationId) {
        self.0.remove(&id);
    }
}

/// The first chunk that is put: a file's chunk 0 is the message's own body.
fn first_chunk(purpose: Purpose) -> u32 {
    match purpose {
        Purpose::File => 1,
        Purpose::Wraps => 0,
    }
}

impl Engine {
    /// Bytes that open reservations may still bring. Of one that was made before this start nobody knows what is stored
    /// already, until somebody needs it: it counts whole, so that too little is promised and never too much.
    pub(super) fn promised(&self) -> u64 {
        let left = self.ledger.register.reservations().map(|(id, found)| {
            let held = self.reservations.0.get(&id).map_or(0, |held| held.0.len() as u32);
            self.room.taken_by(found.chunks.saturating_sub(held), found.size)
        });
        left.fold(0, u64::saturating_add)
    }

    /// Stores a chunk for an open reservation of this person.
    pub(super) fn put_chunk(&mut self, id: SessionId, put: PutChunk, out: &mut Vec<Output>) -> Whole {
        self.ticks()?;
        let PutChunk { request, reservation, chunk, .. } = put;
        let person = self.sessions.all.get(&id).map(|session| session.peer.person);
        let found = self.ledger.register.reservation(reservation);
        // What would be put into a closed log is never claimed any more.
        let is_closed = self.ledger.register.closed().is_some();
        let Some(found) = found.filter(|found| Some(found.person) == person && !is_closed) else {
            self.refuse(id, request, Code::NotFound.number(), out);
            return Ok(());
        };
        if !self.room.takes_messages() {
            self.refuse(id, request, Code::Full.number(), out);
            return Ok(());
        }
        let seal = self.seal_of(found, chunk, &put.body);
        let Some(seal) = seal.filter(|_| chunk >= first_chunk(found.purpose) && chunk < found.chunks) else {
            self.refuse(id, request, Code::Body.number(), out);
            return Ok(());
        };
        let place = found.place;
        let Some(held) = self.reservations.0.get_mut(&reservation) else {
            self.rebuild(id, reservation, Then::PutChunk(put), out);
            return Ok(());
        };
        match held.0.get(&chunk) {
            Some(stored) if *stored != seal => {
                self.refuse(id, request, Code::Body.number(), out);
                return Ok(());
            }
            Some(_) => {} // sent twice
            None => {
                held.0.insert(chunk, seal);
                self.commits.open.body(StoredBody { place, chunk, subtree: true, body: put.body });
            }
        }
        self.reply(id, &ToTerminal::Stored(Stored { request }), out);
        Ok(())
    }

    fn seal_of(&self, reservation: &Reservation, chunk: u32, body: &[u8]) -> Option<Seal> {
        if body.len() > BODY_BYTES_MAX {
            return None;
        }
        match reservation.purpose {
            Purpose::File => {
                let parsed = BodyRef::parse(body).ok()?;
                let fits = parsed.suite() == self.site.suite && parsed.size() == reservation.size;
                fits.then(|| Seal::File(parsed.commitment()))
            }
            Purpose::Wraps => {
                let parsed = WrapChunk::parse(body, chunk, reservation.chunks).ok()?;
                let fits = body.len() as u64 <= reservation.size.bytes();
                fits.then(|| Seal::Wrap { recipient: parsed.recipient(), root: parsed.implied_root() })
            }
        }
    }

    /// A message's file: all chunks are there, and their root is the claim's.
    pub(super) fn file_fits(&self, person: PersonId, claim: &FileClaim) -> Fits {
        let held = match self.held(person, claim.reservation) {
            Ok(held) => held,
            Err(fits) => return fits,
        };
        let stored = (1..=claim.chunks).map(|chunk| match held.0.get(&chunk) {
            Some(Seal::File(commitment)) => Some(*commitment),
            Some(Seal::Wrap { .. }) | None => None,
        });
        let stored: Option<Vec<Commitment>> = stored.collect();
        let fits = stored.is_some_and(|commitments| chunk_root(commitments) == claim.root);
        if fits { Fits::Yes } else { Fits::No(Code::Body) }
    }

    pub(super) fn epoch_fits(&self, person: PersonId, epoch: &Epoch) -> Fits {
        let register = &self.ledger.register;
        let number = register.conversation(epoch.conversation).map(|found| found.number);
        let recipients = number.map_or(Vec::new(), |number| register.recipients(number));
        let recipients: Vec<CertId> = recipients.into_iter().map(|(_, certificate)| certificate).collect();
        self.wraps_fit(person, &epoch.wraps, &recipients)
    }

    pub(super) fn history_fits(&self, person: PersonId, share: &ShareHistory) -> Fits {
        let to = self.ledger.register.person(share.person).and_then(|to| to.agreement_now());
        self.wraps_fit(person, &share.wraps, to.as_slice())
    }

    /// One wrap for each recipient, in order, each leading to the claim's root.
    fn wraps_fit(&self, person: PersonId, claim: &WrapClaim, recipients: &[CertId]) -> Fits {
        let held = match self.held(person, claim.reservation) {
            Ok(held) => held,
            Err(fits) => return fits,
        };
        let fits = |(chunk, expected): (u32, &CertId)| match held.0.get(&chunk) {
            Some(Seal::Wrap { recipient, root }) => recipient == expected && *root == claim.root,
            Some(Seal::File(_)) | None => false,
        };
        let whole = recipients.len() as u64 == u64::from(claim.count) && (0..).zip(recipients).all(fits);
        if whole { Fits::Yes } else { Fits::No(Code::Wraps) }
    }

    fn held(&self, person: PersonId, id: ReservationId) -> Result<&Held, Fits> {
        let found = self.ledger.register.reservation(id);
        if found.is_none_or(|found| found.person != person) {
            // The Register says it better: it refuses the act for want of a reservation.
            return Err(Fits::Yes);
        }
        self.reservations.0.get(&id).ok_or(Fits::Unknown(id))
    }

    /// Reads what a reservation of before this start holds; the frame is taken again afterwards.
    pub(super) fn rebuild(
        &mut self,
        id: SessionId,
        reservation: ReservationId,
        then: Then,
        out: &mut Vec<Output>,
    ) {
        let found = self.ledger.register.reservation(reservation);
        let next = found.map_or(0, |found| first_chunk(found.purpose));
        let rebuild = Rebuild { reservation, next, held: Held::default() };
        if let Some(live) = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut()) {
            live.waiting = Some(Waiting::Chunks { rebuild, then: Box::new(then) });
        }
        self.read_chunks(id, reservation, next, out);
    }

    fn read_chunks(&mut self, id: SessionId, reservation: ReservationId, next: u32, out: &mut Vec<Output>) {
        let found = self.ledger.register.reservation(reservation).cloned();
        let items = found.map_or(Vec::new(), |found| {
            let end = found.chunks.min(next.saturating_add(REBUILD_CHUNKS));
            (next..end).map(|chunk| ReadItem::Body(found.place, chunk)).collect()
        });
        let ticket = self.ticket();
        self.reads.chunks(ticket, id);
        out.push(Output::Read(ticket, items));
    }

    /// Chunks were read again for a session that waits for them.
    pub(super) fn chunks_read(
        &mut self,
        id: SessionId,
        found: Vec<Option<ByteVec>>,
        out: &mut Vec<Output>,
    ) -> Whole {
        let live = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut());
        let Some(Waiting::Chunks { mut rebuild, then }) = live.and_then(|live| live.waiting.take()) else {
            return Ok(());
        };
        let row = self.ledger.register.reservation(rebuild.reservation).cloned();
        let end = row.as_ref().map_or(0, |row| row.chunks.min(rebuild.next.saturating_add(REBUILD_CHUNKS)));
        for (chunk, body) in (rebuild.next..end).zip(found) {
            let seal = row.as_ref().zip(body).and_then(|(row, body)| self.seal_of(row, chunk, &body));
            rebuild.held.0.extend(seal.map(|seal| (chunk, seal)));
        }
        rebuild.next = end;
        if row.is_some_and(|row| end < row.chunks) {
            let (reservation, next) = (rebuild.reservation, rebuild.next);
            if let Some(live) = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut()) {
                live.waiting = Some(Waiting::Chunks { rebuild, then });
            }
            self.read_chunks(id, reservation, next, out);
            return Ok(());
        }
        // Chunks that came through another session meanwhile are newer than what was read.
        self.reservations.0.entry(rebuild.reservation).or_insert(rebuild.held);
        if self.ledger.register.reservation(rebuild.reservation).is_none() {
            self.reservations.closed(rebuild.reservation);
        }
        match *then {
            Then::Submit(submit) => self.submit(id, submit, out)?,
            Then::PutChunk(put) => self.put_chunk(id, put, out)?,
        }
        self.pump(id, out)
    }
}
