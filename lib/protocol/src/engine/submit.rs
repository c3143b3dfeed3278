//! A statement of a live session: is it his, is it new, does what came beside it fit; then the Register judges.
//! Never burns a number: what is refused may be tried again with a higher attempt.

use super::bundle::Bundle;
use super::chunks::Fits;
use super::commit::Release;
use super::facts::takes_away;
use super::passwords::Job;
use super::receipts::Known;
use super::session::{Peer, Staged, Then, Waiting};
use super::settle::Beside;
use super::{Engine, Whole};
use crate::code::Code;
use crate::frame::SubmitFrame;
use crate::io::{CheckPassword, Output, SessionId, Ticket};
use crate::limits::{AROUND_STATEMENT_BYTES, SEALED_PASSWORD_BYTES_MAX};
use crate::seal::body::BodyRef;
use journal::act::{Act, Family, Purpose, SizeClass};
use journal::fact::{Alarm, AlarmKind, Fact};
use journal::ids::{Commitment, Index, StatementId};
use journal::statement::{SignedStatement, VerifiedStatement};
use journal::{Refusal, entry::ENTRY_BYTES_MAX};
use minicbor::bytes::ByteVec;
use pki::canonical;
use std::cmp::Ordering;
use std::ops::Range;

/// Which statement of a chain, which attempt at it, which text.
#[derive(Clone, Copy)]
struct Number {
    sequence: u64,
    attempt: u32,
    id: StatementId,
}

impl Number {
    fn of(statement: &VerifiedStatement) -> Self {
        let header = statement.get().header();
        Self { sequence: header.sequence, attempt: header.attempt, id: statement.get().id() }
    }
}

/// A refusal of the number that comes next.
#[derive(Clone, Copy)]
pub(super) struct Refusing {
    number: Number,
    code: u16,
}

/// How a verified statement stands to those before it.
enum Place {
    Next,
    /// Admitted before: the old receipt.
    Known(Known),
    /// Refused before, these very bytes: the same word.
    Again(u16),
    Refused(Refusal),
    /// Two texts under one number and attempt.
    Equivocation,
}

/// How taking a statement in went.
pub(super) enum Taken {
    /// Admitted, or waiting for a worker or a read: the answer comes by another way.
    Yes,
    No(u16),
}

impl From<Code> for Taken {
    fn from(code: Code) -> Self {
        Self::No(code.number())
    }
}

impl Engine {
    pub(super) fn submit(&mut self, id: SessionId, frame: SubmitFrame, out: &mut Vec<Output>) -> Whole {
        let SubmitFrame { request, statement, body, password } = frame;
        let staged = self.take_staged(id);
        let Some(peer) = self.sessions.all.get(&id).map(|session| session.peer) else { return Ok(()) };
        let statement = match self.verify(peer, statement) {
            Ok(statement) => statement,
            Err(code) => {
                self.refuse(id, request, code.number(), out);
                return Ok(());
            }
        };
        match self.place(id, peer, &statement) {
            Place::Next => {}
            Place::Known(Known { index, wall_ms, boot_ms, .. }) => {
                self.say(Release::Receipt { session: id, request, index, wall_ms, boot_ms }, out);
                return Ok(());
            }
            Place::Again(code) => {
                self.refuse(id, request, code, out);
                return Ok(());
            }
            Place::Refused(refusal) => {
                self.refuse(id, request, refusal.code(), out);
                return Ok(());
            }
            Place::Equivocation => return self.equivocation(id, request, &statement, out),
        }
        self.ticks()?;
        let number = Number::of(&statement);
        let rest = Rest { request, body, password, staged };
        match self.take_in(id, peer, statement, rest, out)? {
            Taken::Yes => {}
            Taken::No(code) => self.refuse_act(id, request, number, code, out),
        }
        Ok(())
    }

    fn verify(&self, peer: Peer, statement: SignedStatement) -> Result<VerifiedStatement, Code> {
        if statement.statement.len() + statement.signature.len() + AROUND_STATEMENT_BYTES > ENTRY_BYTES_MAX {
            return Err(Code::Statement);
        }
        let parsed = statement.parse().map_err(|_| Code::Statement)?;
        let header = parsed.header();
        if header.person != peer.person || header.certificate != peer.certificate {
            return Err(Code::Statement);
        }
        if parsed.act().family() == Family::Beginning {
            return Err(Code::Statement); // a Login comes in its own frame, first, with its password
        }
        let key = self.ledger.register.key_of(peer.certificate).ok_or(Code::Certificate)?;
        parsed.verify(key).map_err(|_| Code::Statement)
    }

    fn place(&self, id: SessionId, peer: Peer, statement: &VerifiedStatement) -> Place {
        let (header, own) = (statement.get().header(), statement.get().id());
        let receipts = &self.ledger.books.receipts;
        if let Some(known) = receipts.by_id(header.chain, peer.person, own) {
            return Place::Known(known);
        }
        let live = self.sessions.all.get(&id).and_then(|session| session.live());
        let Some(live) = live.filter(|live| live.chain == header.chain) else {
            return Place::Refused(Refusal::ChainEnded);
        };
        // The Register alone says which number is next; here is only known what became of those before it.
        if let Err(refusal) = self.ledger.register.check_next(header) {
            return match receipts.by_sequence(live.chain, header.sequence) {
                Some(known) if known.attempt == header.attempt => Place::Equivocation,
                Some(known) => Place::Refused(Refusal::AlreadyAdmitted { index: known.index }),
                None => Place::Refused(refusal),
            };
        }
        let Some(Refusing { number, code }) =
            live.refused.filter(|last| last.number.sequence == header.sequence)
        else {
            return Place::Next;
        };
        match header.attempt.cmp(&number.attempt) {
            Ordering::Less => {
                Place::Refused(Refusal::StaleAttempt { seen: number.attempt, found: header.attempt })
            }
            Ordering::Equal if own == number.id => Place::Again(code),
            Ordering::Equal => Place::Equivocation,
            Ordering::Greater => Place::Next,
        }
    }

    /// Refused, and the second text kept in the journal: once a day for each certificate and only while there is room, so
    /// that nobody fills the log with alarms.
    fn equivocation(
        &mut self,
        id: SessionId,
        request: u32,
        statement: &VerifiedStatement,
        out: &mut Vec<Output>,
    ) -> Whole {
        let certificate = statement.get().header().certificate;
        if !self.room.at_its_end() && self.failures.may_alarm(certificate, self.ledger.counting_ms()) {
            let evidence = canonical::encode(statement.get().signed()).into();
            let person = Some(statement.get().header().person);
            self.fact(Fact::Alarm(Alarm { alarm: AlarmKind::Equivocation, person, evidence }))?;
        }
        self.refuse(id, request, Refusal::Equivocation.code(), out);
        Ok(())
    }

    fn refuse_act(&mut self, id: SessionId, request: u32, number: Number, code: u16, out: &mut Vec<Output>) {
        if let Some(live) = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut()) {
            live.refused = Some(Refusing { number, code });
        }
        self.refuse(id, request, code, out);
    }

    /// What came beside the statement, then the Register.
    fn take_in(
        &mut self,
        id: SessionId,
        peer: Peer,
        statement: VerifiedStatement,
        rest: Rest,
        out: &mut Vec<Output>,
    ) -> Whole<Taken> {
        let act = statement.get().act();
        if !self.room.takes_messages() && !self.room.reserved_for(act)
            || self.room.at_its_end() && !takes_away(act)
            || self.room.keeps_the_rest() && matches!(act, Act::Erase(_))
        {
            return Ok(Code::Full.into());
        }
        if self.room.officers_only() && matches!(act, Act::SetPassword(_)) && !self.is_office(peer.person) {
            return Ok(Code::Full.into());
        }
        if let Act::Reserve(reserve) = act {
            let bytes = self.room.taken_by(reserve.chunks, reserve.size);
            if !self.room.fits(bytes, self.promised(), reserve.purpose) {
                // Keys of an epoch are small: where they do not fit, nothing does.
                return Ok(match reserve.purpose {
                    Purpose::File => Code::NoRoom.into(),
                    Purpose::Wraps => Code::Full.into(),
                });
            }
        }
        let Rest { request, body, password, staged } = rest;
        if body.is_some() != matches!(act, Act::Message(_) | Act::Title(_))
            || password.is_some() != matches!(act, Act::SetPassword(_))
        {
            return Ok(Code::Body.into());
        }
        if let Some(sealed) = password {
            return Ok(self.new_password(id, request, statement, sealed, out));
        }
        if let Act::Submit(submit) = act {
            return Ok(self.submit_staged(id, request, &statement, Bundle { submit, staged }));
        }
        match self.fits(peer, act, body.as_ref()) {
            Fits::Yes => {}
            Fits::No(code) => return Ok(code.into()),
            Fits::Unknown(reservation) => {
                let statement = statement.get().signed().clone();
                let then = Then::Submit(SubmitFrame { request, statement, body, password: None });
                self.rebuild(id, reservation, then, out);
                return Ok(Taken::Yes);
            }
        }
        Ok(self.admit(id, request, &statement, Beside { body, ..Beside::default() }))
    }

    /// The body is the act's, and what the act claims is there.
    fn fits(&self, peer: Peer, act: &Act, body: Option<&ByteVec>) -> Fits {
        let fits = |size, commitment| body.is_some_and(|body| self.body_fits(body, size, commitment));
        if let Act::Message(message) = act {
            match &message.file {
                _ if !fits(message.size, message.commitment) => Fits::No(Code::Body),
                Some(claim) => self.file_fits(peer.person, claim),
                None => Fits::Yes,
            }
        } else if let Act::Title(title) = act {
            if fits(title.size, title.commitment) { Fits::Yes } else { Fits::No(Code::Body) }
        } else if let Act::Epoch(epoch) = act {
            self.epoch_fits(peer.person, epoch)
        } else if let Act::ShareHistory(share) = act {
            self.history_fits(peer.person, share)
        } else {
            Fits::Yes
        }
    }

    fn admit(
        &mut self,
        id: SessionId,
        request: u32,
        statement: &VerifiedStatement,
        mut beside: Beside,
    ) -> Taken {
        if !self.may_have_taken(id, statement.get().act()) {
            return Code::NotFound.into();
        }
        match self.ledger.admit_statement(statement) {
            Ok(admitted) => {
                self.count_admitted(id);
                if let Act::Backup(backup) = statement.get().act() {
                    let person = statement.get().header().person;
                    self.taken_away(id, person, admitted.index, backup.manifest);
                }
                if let Act::Export(export) = statement.get().act() {
                    self.open_export(id, export.from..export.to);
                }
                beside.request = Some((id, request));
                self.settle(admitted, beside);
                Taken::Yes
            }
            Err(refusal) => Taken::No(refusal.code()),
        }
    }

    /// From now on this session sees these entries; what is said next waits until the Export is durable.
    fn open_export(&mut self, id: SessionId, entries: Range<Index>) {
        if let Some(live) = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut()) {
            live.exported = entries;
        }
    }

    /// The body is one of this suite and size, and the commitment is its own.
    fn body_fits(&self, body: &[u8], size: SizeClass, commitment: Commitment) -> bool {
        BodyRef::parse(body).is_ok_and(|parsed| {
            parsed.suite() == self.site.suite && parsed.size() == size && parsed.commitment() == commitment
        })
    }

    fn new_password(
        &mut self,
        id: SessionId,
        request: u32,
        statement: VerifiedStatement,
        sealed: ByteVec,
        out: &mut Vec<Output>,
    ) -> Taken {
        if sealed.len() > SEALED_PASSWORD_BYTES_MAX {
            return Code::Body.into();
        }
        let header = statement.get().header();
        let (person, envelope) = (header.person, 0);
        let check = CheckPassword {
            ticket: self.ticket(),
            person,
            sealed,
            statement: statement.get().id().0,
            envelope,
        };
        if self.passwords.offer(Job::NewPassword { session: id }, check, out).is_err() {
            return Code::Busy.into();
        }
        if let Some(live) = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut()) {
            live.waiting = Some(Waiting::Verifier { request, statement: Box::new(statement) });
        }
        Taken::Yes
    }

    pub(super) fn verifier_made(
        &mut self,
        ticket: Ticket,
        made: Option<ByteVec>,
        out: &mut Vec<Output>,
    ) -> Whole {
        let Some(Job::NewPassword { session }) = self.passwords.finish(ticket, out) else { return Ok(()) };
        let live = self.sessions.all.get_mut(&session).and_then(|session| session.live_mut());
        let Some(Waiting::Verifier { request, statement }) = live.and_then(|live| live.waiting.take()) else {
            return Ok(());
        };
        self.ticks()?;
        let taken = match made {
            Some(_) => {
                self.admit(session, request, &statement, Beside { verifier: made, ..Beside::default() })
            }
            None => Code::Body.into(),
        };
        if let Taken::No(code) = taken {
            self.refuse_act(session, request, Number::of(&statement), code, out);
        }
        self.pump(session, out)
    }

    pub(super) fn count_admitted(&mut self, id: SessionId) {
        if let Some(live) = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut()) {
            live.statements += 1;
            live.refused = None;
        }
    }
}

/// What came beside a statement in its frame.
struct Rest {
    request: u32,
    body: Option<ByteVec>,
    password: Option<ByteVec>,
    staged: Staged,
}
