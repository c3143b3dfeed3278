//! Reservations of room for bodies, their claims, and quotas of stored bytes.
//! Never knows whether the bodies have come: that a reservation is complete, the engine checks before a claim.

use super::{Applied, Audience, Context, Due, Effect, FileRow, RESERVATIONS_MAX, Register, Reservation};
use crate::act::{FileClaim, Purpose, Reserve};
use crate::ids::{Place, ReservationId};
use crate::refusal::Refusal;
use pki::PersonId;

impl Register {
    pub(super) fn reserve(&mut self, cx: &Context<'_>, act: &Reserve) -> Result<Applied, Refusal> {
        let signer = cx.by.signer;
        let number = self.open_conversation(act.conversation)?;
        let row = self.row(number)?;
        row.membership.joined(signer)?;
        if self.reservations.contains_key(&act.id) {
            return Err(Refusal::ReservationUnfit { reason: "the name is taken".into() });
        }
        if act.purpose == Purpose::File && act.chunks < 2 {
            return Err(Refusal::ReservationUnfit {
                reason: "a file is its message's body and a chunk".into(),
            });
        }
        let person = self.people.get(&signer).ok_or(Refusal::UnknownPerson { person: signer })?;
        if person.reservations >= RESERVATIONS_MAX {
            return Err(Refusal::TooManyReservations { limit: RESERVATIONS_MAX.into() });
        }
        let place = Place { conversation: number, item: row.next_item };
        let reservation = Reservation {
            person: signer,
            place,
            purpose: act.purpose,
            chunks: act.chunks,
            size: act.size,
            index: cx.by.index,
            deadline_ms: cx.now_ms.saturating_add(self.ruling_policy()?.reservation_ms),
        };
        self.check_quota(signer, reservation.bytes())?;
        self.row_mut(number)?.next_item += 1;
        self.charge(signer, number, reservation.bytes());
        self.derived.deadlines.insert((reservation.deadline_ms, Due::Reservation(act.id)));
        self.reservations.insert(act.id, reservation);
        if let Some(person) = self.people.get_mut(&signer) {
            person.reservations += 1;
        }
        let reserved =
            Effect::Reserved { id: act.id, place, chunks: act.chunks, size: act.size, purpose: act.purpose };
        Ok(Applied::with(Audience::Nobody, vec![reserved]))
    }

    /// An open reservation of this person in this conversation.
    pub(super) fn own_reservation(
        &self,
        person: PersonId,
        number: u64,
        id: ReservationId,
    ) -> Result<&Reservation, Refusal> {
        let found = self.reservations.get(&id);
        found
            .filter(|found| found.person == person && found.place.conversation == number)
            .ok_or(Refusal::NoSuchReservation { reservation: id })
    }

    /// The file that a message claims: chunk 0 is the message's body, the rest the file's.
    pub(super) fn check_file(
        &self,
        cx: &Context<'_>,
        number: u64,
        claim: &FileClaim,
    ) -> Result<(Place, FileRow), Refusal> {
        let reservation = self.own_reservation(cx.by.signer, number, claim.reservation)?;
        if reservation.purpose != Purpose::File {
            return Err(Refusal::ReservationUnfit { reason: "not reserved for a file".into() });
        }
        if u64::from(reservation.chunks) != u64::from(claim.chunks) + 1 {
            let reason =
                format!("{} chunks reserved, {} claimed and a body", reservation.chunks, claim.chunks);
            return Err(Refusal::ReservationUnfit { reason });
        }
        Ok((reservation.place, FileRow { chunks: claim.chunks, size: reservation.size }))
    }

    /// A reservation has become part of an act: it no longer falls, its bytes stay counted.
    pub(super) fn claim(&mut self, id: ReservationId) {
        self.drop_reservation(id);
    }

    pub(super) fn drop_reservation(&mut self, id: ReservationId) -> Option<Reservation> {
        let reservation = self.reservations.remove(&id)?;
        self.derived.deadlines.remove(&(reservation.deadline_ms, Due::Reservation(id)));
        if let Some(person) = self.people.get_mut(&reservation.person) {
            person.reservations = person.reservations.saturating_sub(1);
        }
        Some(reservation)
    }

    /// So many bytes more stay within the person's quota.
    pub(super) fn check_quota(&self, person: PersonId, bytes: u64) -> Result<(), Refusal> {
        let limit = self.ruling_policy()?.stored_bytes_per_person;
        let stored = self.people.get(&person).map_or(0, |row| row.stored_bytes);
        if stored.saturating_add(bytes) > limit { Err(Refusal::QuotaExceeded { limit }) } else { Ok(()) }
    }

    pub(super) fn charge(&mut self, person: PersonId, number: u64, bytes: u64) {
        if let Some(row) = self.people.get_mut(&person) {
            row.stored_bytes += bytes;
        }
        if let Some(row) = self.conversations.get_mut(&number) {
            *row.stored.entry(person).or_default() += bytes;
        }
    }

    pub(super) fn credit(&mut self, person: PersonId, number: u64, bytes: u64) {
        if let Some(row) = self.people.get_mut(&person) {
            row.stored_bytes = row.stored_bytes.saturating_sub(bytes);
        }
        if let Some(row) = self.conversations.get_mut(&number)
            && let Some(stored) = row.stored.get_mut(&person)
        {
            *stored = stored.saturating_sub(bytes);
            if *stored == 0 {
                row.stored.remove(&person);
            }
        }
    }
}
