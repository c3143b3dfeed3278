//! What is said, and when: at once when everything is durable, else behind the newest batch.
//! Never decides what is said.

use super::commit::{Durable, Release, Welcoming};
use super::deliver::{proof, together};
use super::{Broken, Engine, Phase, Whole};
use crate::answer::{Answer, Page};
use crate::code::Code;
use crate::copy::CopyTask;
use crate::frame::{self, AnswerFrame, Delivered, Ended, ReceiptFrame, Refused, ToTerminal, Welcome};
use crate::io::{Cargo, Output, SessionId};
use bytes::Bytes;
use journal::ids::{Index, Place};
use journal::multiproof::MultiProof;
use std::collections::BTreeSet;

/// Bytes of frames for one session that are put together into one output.
const TOGETHER_BYTES_MAX: usize = 64 * 1024;

impl Engine {
    /// Says something now, or keeps it until all before it is durable.
    pub(super) fn say(&mut self, release: Release, out: &mut Vec<Output>) {
        match self.commits.queue() {
            Some(queue) => queue.push(release),
            None => self.release(release, out),
        }
    }

    /// Answers a request with a finished frame.
    pub(super) fn reply(&mut self, session: SessionId, frame: &ToTerminal, out: &mut Vec<Output>) {
        self.say(Release::Reply(session, frame::encode(frame)), out);
    }

    pub(super) fn refuse(&mut self, session: SessionId, request: u32, code: u16, out: &mut Vec<Output>) {
        self.reply(session, &ToTerminal::Refused(Refused { request, code }), out);
    }

    /// Sends the open batch on its way when none is under way.
    pub(super) fn flush(&mut self, out: &mut Vec<Output>) -> Whole {
        if !self.commits.may_close() || self.commits.waits_for_more() {
            return Ok(());
        }
        let durable = if self.commits.has_entries() {
            let head = self.ledger.head();
            // A bit that flipped in an entry's bytes or in the tree is found here: behind this line it would be signed.
            self.commits.reckon_open(head).map_err(|error| Broken(error.to_string()))?;
            let note =
                self.site.signers.note(head).map_err(|error| Broken(format!("a checkpoint: {error}")))?;
            Durable { head, note }
        } else {
            self.commits.durable.clone()
        };
        let (snapshot, through) = (self.due_snapshot(durable.head), durable.head.size.saturating_sub(1));
        let batch = self.commits.close(durable, snapshot, self.backup_required());
        self.forgetting.erases(through, &batch.erase);
        out.push(Output::Commit(Box::new(batch)));
        Ok(())
    }

    /// A batch is durable: first what was pushed, then what was kept back, in order.
    pub(super) fn committed(&mut self, number: u64, out: &mut Vec<Output>) -> Whole {
        let done = self.commits.committed(number);
        let mut done = done.ok_or_else(|| Broken(format!("batch {number} is not under way")))?;
        self.make_receipts(&mut done.release);
        for push in &mut done.pushes {
            self.deliver(push, |_, session| session.welcomed, out);
        }
        let mut fresh = BTreeSet::new();
        for release in done.release {
            if let Release::Welcome(welcoming) = &release {
                fresh.insert(welcoming.session);
            }
            self.release(release, out);
        }
        if !fresh.is_empty() {
            // Who logged in with this very batch gets its Welcome before anything else.
            for push in &mut done.pushes {
                self.deliver(push, |id, _| fresh.contains(&id), out);
            }
        }
        if self.phase == Phase::Stopping {
            if self.commits.idle() {
                self.stopped(out);
            }
            return Ok(());
        }
        self.pump_queue(out)
    }

    pub(super) fn release(&mut self, release: Release, out: &mut Vec<Output>) {
        match release {
            Release::Frame(session, bytes) => self.send(session, bytes, out),
            Release::Reply(session, bytes) => {
                self.answered(session);
                self.send(session, bytes, out);
            }
            Release::Receipt { session, request, index, wall_ms, boot_ms } => {
                self.answered(session);
                let receipt = self.receipt(request, index, wall_ms, boot_ms);
                self.send(session, frame::encode(&ToTerminal::Receipt(receipt)), out);
            }
            Release::Welcome(welcoming) => self.welcome(&welcoming, out),
            Release::Taken { session, person, index, manifest } => {
                out.push(Output::Copy(0, session, CopyTask::Taken(person, index, manifest)));
            }
            Release::Answer { session, request, answer, guard } => {
                self.answered(session);
                if matches!(*answer, Answer::Copy(_)) {
                    self.read_ended(session);
                }
                let (frame, places) = self.answer_frame(session, request, *answer, guard);
                self.send_bodies(session, frame::encode(&frame), places, out);
            }
            Release::End { session, code } => {
                if is_cut(code) && self.sessions.all.get(&session).is_some_and(|found| !found.gone) {
                    out.push(Output::Cut(session));
                }
                self.send(session, frame::encode(&ToTerminal::Ended(Ended { code })), out);
                // Without an entry the driver has closed it already.
                if let Some(found) = self.sessions.all.get_mut(&session) {
                    found.gone = true;
                    out.push(Output::End(session));
                }
            }
        }
    }

    /// Makes the receipts of a batch together: neighbours share most of their proofs.
    fn make_receipts(&self, release: &mut [Release]) {
        let Durable { head, note } = &self.commits.durable;
        let Ok(mut prover) = self.ledger.tree.prover(head.size) else { return };
        for one in release {
            if let Release::Receipt { session, request, index, wall_ms, boot_ms } = *one {
                let (proof, note) = (proof(&mut prover, index), note.to_vec().into());
                let receipt = ReceiptFrame { request, index, wall_ms, boot_ms, proof, note };
                *one = Release::Reply(session, frame::encode(&ToTerminal::Receipt(receipt)));
            }
        }
    }

    fn answered(&mut self, session: SessionId) {
        if let Some(session) = self.sessions.all.get_mut(&session) {
            session.requests = session.requests.saturating_sub(1);
        }
    }

    fn send(&mut self, id: SessionId, bytes: Bytes, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.all.get_mut(&id).filter(|session| !session.gone) else { return };
        session.outstanding += bytes.len() as u64;
        // What follows at once for the same session travels with it: one word to the network instead of many.
        if let Some(Output::Send(to, before)) = out.last_mut()
            && to[..] == [id]
            && before.len() + bytes.len() <= TOGETHER_BYTES_MAX
        {
            before.extend_from_slice(&bytes);
            return;
        }
        out.push(Output::Send(vec![id], Vec::from(bytes).into()));
    }

    /// As `send`, with the bodies that go along named, so that an erasure can still take them back.
    fn send_bodies(&mut self, id: SessionId, bytes: Bytes, places: Vec<Place>, out: &mut Vec<Output>) {
        if places.is_empty() {
            return self.send(id, bytes, out);
        }
        let Some(session) = self.sessions.all.get_mut(&id).filter(|session| !session.gone) else { return };
        session.outstanding += bytes.len() as u64;
        out.push(Output::Carry(vec![id], Vec::from(bytes).into(), Cargo { places, first: None }));
    }

    fn receipt(&self, request: u32, index: Index, wall_ms: u64, boot_ms: u64) -> ReceiptFrame {
        let Durable { head, note } = &self.commits.durable;
        let path =
            self.ledger.tree.prover(head.size).map_or(Vec::new(), |mut prover| proof(&mut prover, index));
        ReceiptFrame { request, index, wall_ms, boot_ms, proof: path, note: note.to_vec().into() }
    }

    fn welcome(&mut self, welcoming: &Welcoming, out: &mut Vec<Output>) {
        let Welcoming { session, index, wall_ms, boot_ms, head, must_set_password } = *welcoming;
        let size = self.commits.durable.head.size;
        let tree = &self.ledger.tree;
        let consistency = if head.size == 0 { None } else { tree.consistency_proof(head.size, size).ok() };
        let consistency =
            consistency.map_or(Vec::new(), |proof| proof.path().iter().copied().map(frame::Digest).collect());
        let rolls = self.ledger.books.key_rolls_since(head.size, size);
        let delivered = rolls.iter().map(|(index, bytes)| Delivered {
            index: *index,
            entry: bytes.to_vec().into(),
            body: None,
            erased_by: None,
        });
        let key_rolls: Vec<_> = delivered.collect();
        // Each is signed by the one before it: that the log holds the last one says enough.
        let last = key_rolls.len().saturating_sub(1);
        let key_rolls_proof = tree
            .prover(size)
            .map_or_else(|_| MultiProof::default(), |mut prover| together(&mut prover, &key_rolls[last..]));
        let successions_proof = self.site.successions.as_ref().map(|shown| {
            tree.prover(size)
                .map_or_else(|_| MultiProof::default(), |mut prover| together(&mut prover, &shown.entries))
        });
        let login = self.receipt(0, index, wall_ms, boot_ms);
        let welcome =
            Welcome { login, consistency, key_rolls, key_rolls_proof, must_set_password, successions_proof };
        if let Some(session) = self.sessions.all.get_mut(&session) {
            session.welcomed = true;
        }
        self.send(session, frame::encode(&ToTerminal::Welcome(welcome)), out);
    }

    /// Encodes an answer as it leaves, without what an erasure has taken since it was made.
    fn answer_frame(
        &mut self,
        id: SessionId,
        request: u32,
        answer: Answer,
        guard: Option<Index>,
    ) -> (ToTerminal, Vec<Place>) {
        let erased = guard.and_then(|message| self.ledger.books.erased_by(&self.ledger.register, message));
        if erased.is_some() {
            return (ToTerminal::Refused(Refused { request, code: Code::Erased.number() }), Vec::new());
        }
        let mut answer = answer;
        let mut places: Vec<Place> = guard.and_then(|message| self.place_at(message)).into_iter().collect();
        if let Some(page) = page_of(&mut answer) {
            page.entries.iter_mut().for_each(|delivered| self.strip_one(delivered));
            let given = page.entries.iter().filter(|delivered| delivered.body.is_some());
            let given: Vec<Index> = given.map(|delivered| delivered.index).collect();
            places.extend(given.iter().filter_map(|index| self.place_at(*index)));
            given.into_iter().for_each(|index| self.note_delivered(index, &[id]));
        }
        (ToTerminal::Answer(AnswerFrame { request, answer }), places)
    }
}

/// Whether a session of this end gets nothing any more but the word of it.
fn is_cut(code: u16) -> bool {
    match Code::from_number(code) {
        Some(Code::Expelled | Code::Replaced | Code::Protocol | Code::Busy | Code::Certificate) => true,
        Some(
            Code::Login
            | Code::Statement
            | Code::Body
            | Code::Wraps
            | Code::NotFound
            | Code::Full
            | Code::Stopping
            | Code::Idle
            | Code::Erased
            | Code::Damaged
            | Code::LoggedOut
            | Code::NoRoom
            | Code::TooManyPeople,
        )
        | None => false,
    }
}

fn page_of(answer: &mut Answer) -> Option<&mut Page> {
    match answer {
        Answer::Acts(page)
        | Answer::Messages(page)
        | Answer::MessagesBefore(page)
        | Answer::Entries(page)
        | Answer::EntriesAt(page)
        | Answer::Proposals(page)
        | Answer::Find(page, _)
        | Answer::Holds(page)
        | Answer::Runs(page)
        | Answer::Alarms(page)
        | Answer::Desk(page) => Some(page),
        Answer::Consistency(..)
        | Answer::Line(_)
        | Answer::Certificates(_)
        | Answer::People(_)
        | Answer::Conversations(_)
        | Answer::Chunk(_)
        | Answer::Wrap(_)
        | Answer::MessageStatus(_)
        | Answer::Policy(..)
        | Answer::Sessions(_)
        | Answer::Status(_)
        | Answer::Orders(_)
        | Answer::Retention(_)
        | Answer::Former(_)
        | Answer::Erasing(_)
        | Answer::Copy(_)
        | Answer::Cells(_)
        | Answer::Witness(..)
        | Answer::Cosigned(_)
        | Answer::Raised(_)
        | Answer::Conversation(_) => None,
    }
}
