//! The driver of this world: moves bytes between terminals and engine, and keeps what a batch makes durable.
//! Never loses anything by itself: `tamper` and `cut` do.

use super::World;
use journal::ids::{Index, Place, SECRETS_CONVERSATION};
use journal::testing::seed;
use journal::tree::leaf_hash;
use pki::SecretKey;
use protocol::client::Action;
use protocol::frame::{Decoder, PASSWORD_INFO, decode_to_terminal, encode};
use protocol::io::{
    CheckPassword, EraseItem, Input, NewPeriod, Output, PeriodSecret, ReadItem, SessionId, VerifierChange,
};
use protocol::limits::FRAME_BYTES_MAX;

pub(super) fn secret(new: &NewPeriod) -> (u64, Vec<u8>) {
    (new.number, new.secret.bytes().to_vec())
}

impl World {
    /// Moves bytes until nothing moves.
    pub(crate) fn run(&mut self) {
        loop {
            self.now.wall_ms += 1;
            self.now.boot_ms += 1;
            let mut moved = self.act();
            while let Some(input) = self.inputs.pop_front() {
                moved = true;
                let mut out = Vec::new();
                let mut now = self.now;
                now.wall_ms += self.server_ahead_ms;
                self.engine.handle(now, input, &mut out);
                self.follow(out);
            }
            if !moved {
                return;
            }
        }
    }

    /// Does what the terminals say, in order.
    fn act(&mut self) -> bool {
        let mut moved = false;
        for terminal in self.terminals.values_mut() {
            while let Some(action) = terminal.client.next_action() {
                moved = true;
                match action {
                    Action::PersistState(record) => {
                        terminal.persisted += 1;
                        terminal.record = Some(record);
                    }
                    Action::Send(bytes) => {
                        terminal.sent += 1;
                        if let Some(session) = terminal.session {
                            self.inputs.push_back(Input::Received(session, bytes.to_vec().into()));
                        }
                    }
                    Action::Event(event) => terminal.events.push(event),
                    Action::Close => {
                        if let Some(session) = terminal.session.take() {
                            self.inputs.push_back(Input::Closed(session));
                            terminal.client.disconnected(self.now.wall_ms);
                        }
                    }
                }
            }
        }
        moved
    }

    pub(super) fn follow(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Send(sessions, bytes) | Output::Carry(sessions, bytes, _) => {
                    assert!(self.under_way.is_none(), "sent while a batch is not durable");
                    self.carry(&sessions, &bytes);
                }
                Output::End(session) => {
                    let ended =
                        self.terminals.values_mut().find(|terminal| terminal.session == Some(session));
                    if let Some(terminal) = ended {
                        terminal.session = None;
                        terminal.client.disconnected(self.now.wall_ms);
                    }
                    self.inputs.push_back(Input::Closed(session));
                }
                Output::Commit(batch) => {
                    assert!(self.under_way.replace(*batch).is_none());
                    self.commit();
                }
                Output::CheckPassword(check) => {
                    let right = self.right(&check);
                    self.inputs.push_back(Input::PasswordChecked(check.ticket, right));
                }
                Output::MakeVerifier(check) => {
                    let made = self.open(&check).map(Into::into);
                    self.inputs.push_back(Input::VerifierMade(check.ticket, made));
                }
                Output::Read(ticket, items) => {
                    let read = items.iter().map(|item| self.read(item).map(Into::into)).collect();
                    self.inputs.push_back(Input::ReadDone(ticket, read));
                }
                Output::Pause(_)
                | Output::Resume(_)
                | Output::Cut(_)
                | Output::Copy(..)
                | Output::Stopped => {}
                Output::Forget(number, _) => self.inputs.push_back(Input::Forgotten(number, Vec::new())),
                Output::DrawPeriodKey if self.rolls => {
                    let number = self.engine.period().0 + 1;
                    let key = SecretKey::from_bytes(
                        self.site.suite,
                        &seed(self.site.number, &format!("period/{number}")),
                    );
                    self.inputs.push_back(Input::PeriodKey(PeriodSecret::of(&key.unwrap())));
                }
                Output::DrawPeriodKey => {}
                Output::Halt(why) => panic!("halted: {why}"),
            }
        }
    }

    fn carry(&mut self, sessions: &[SessionId], bytes: &[u8]) {
        for (login, terminal) in &mut self.terminals {
            let Some(session) = terminal.session.filter(|session| sessions.contains(session)) else {
                continue;
            };
            self.inputs.push_back(Input::Drained(vec![(session, bytes.len() as u64)]));
            let Some(tamper) = &mut self.tamper else {
                terminal.client.received(bytes, self.now.wall_ms);
                continue;
            };
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            while let Some(frame) = decoder.next_frame(FRAME_BYTES_MAX).unwrap() {
                if let Some(frame) = tamper(login, decode_to_terminal(&frame).unwrap()) {
                    terminal.client.received(&encode(&frame), self.now.wall_ms);
                }
            }
        }
    }

    fn commit(&mut self) {
        let Some(batch) = self.under_way.take() else { return };
        for entry in &batch.entries {
            self.tree.borrow_mut().append(leaf_hash(entry));
            self.entries.push(entry.to_vec());
        }
        assert_eq!(self.tree.borrow().root(), batch.root);
        self.notes.push((self.entries.len(), batch.note.to_vec()));
        for body in &batch.bodies {
            self.bodies.insert((body.place, body.chunk), body.body.to_vec());
        }
        self.secrets.extend(batch.period.iter().map(secret));
        for change in &batch.verifiers {
            if let VerifierChange::Set(person, made) = change {
                self.passwords.insert(*person, made.to_vec());
            }
        }
        let through = self.entries.len() as Index - 1;
        self.inputs.push_back(Input::Committed(batch.number));
        if !batch.erase.is_empty() {
            self.erasure_epoch += 1;
            for item in &batch.erase {
                if let EraseItem::Item(Place { conversation: SECRETS_CONVERSATION, item }) = item {
                    self.secrets.remove(item);
                }
                self.bodies.retain(|(place, _), _| match item {
                    EraseItem::Item(gone) => place != gone,
                    EraseItem::Conversation(gone) => place.conversation != *gone,
                });
            }
            self.inputs.push_back(Input::ErasureDone(self.erasure_epoch, through));
        }
    }

    fn open(&self, check: &CheckPassword) -> Option<Vec<u8>> {
        let core = &self.site.person("server").agreement;
        core.open(PASSWORD_INFO, &check.statement, &check.sealed).ok().map(|opened| opened.to_vec())
    }

    fn right(&self, check: &CheckPassword) -> bool {
        let kept = match check.envelope {
            0 => self.passwords.get(&check.person),
            number => self.envelopes.get(&(check.person, number)),
        };
        kept.is_some() && kept.cloned() == self.open(check)
    }

    fn read(&self, item: &ReadItem) -> Option<Vec<u8>> {
        match item {
            ReadItem::Entry(index) if self.bad_sectors.contains(index) => None,
            ReadItem::Entry(index) => self.entries.get(*index as usize).cloned(),
            ReadItem::Body(place, chunk) => self.bodies.get(&(*place, *chunk)).cloned(),
        }
    }
}
