//! Backups that administrators take away over the network: the engine passes their questions on, a thread of its own
//! answers them.
//! Never decides who may: the engine does. Never holds a state for a terminal that is gone or silent.

use super::gate::{BEGIN_TIMEOUT, Gate};
use super::holding::{Copies, Holding, SignedFor};
use super::newest::{Newest, Taker};
use crate::inbox::Inbox;
use crate::vital;
use backup::ManifestId;
use disk::codec::Fields;
use disk::{Anchor, CopyError, OUTLINE_BYTES_MAX, Range};
use journal::act::Backup;
use protocol::copy::{Copied, CopyAnswer, CopyAsk, CopyTask};
use protocol::io::{Input, SessionId, Ticket};
use protocol::limits::{COPY_BYTES_MAX, FRAME_BYTES_MAX};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Whoever asks nothing for so long is let go; when he goes on, he begins from a newer state with what he has.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Signed manifests that wait for the word that they are taken.
const SIGNED_MAX: usize = 8;

const _: () = {
    // An outline travels in one frame.
    assert!(OUTLINE_BYTES_MAX + 4096 < FRAME_BYTES_MAX);
};

/// What the engine passes on.
pub(crate) type Asked = (Ticket, SessionId, CopyTask);

struct Pulls {
    holding: Holding,
    gate: Arc<Gate>,
    /// Whose state is held.
    session: Option<SessionId>,
    signed: VecDeque<(ManifestId, Newest)>,
}

/// Starts the thread. It ends when the sender is dropped.
pub(crate) fn start(copies: Arc<Copies>, gate: Arc<Gate>, inbox: Inbox) -> std::io::Result<Sender<Asked>> {
    // Unbounded by itself; the engine lets one session ask, and bounds what it asks ahead.
    let (sender, tasks) = channel::<Asked>();
    let log = copies.log;
    let holding = Holding::new(copies);
    let mut pulls = Pulls { holding, gate, session: None, signed: VecDeque::new() };
    vital::spawn("pulls", log, move || {
        loop {
            match tasks.recv_timeout(IDLE_TIMEOUT) {
                Ok((ticket, session, CopyTask::Ask(ask))) => {
                    let copied = pulls.answer(session, ask);
                    if !inbox.give(Input::Copied(ticket, copied)) {
                        return;
                    }
                }
                Ok((_, _, CopyTask::Taken(person, index, manifest))) => {
                    pulls.taken(&manifest, Taker { person: person.0, index });
                }
                Ok((_, session, CopyTask::LetGo)) if pulls.session == Some(session) => pulls.let_go(),
                Ok((_, _, CopyTask::LetGo)) => {}
                Err(RecvTimeoutError::Timeout) => pulls.let_go(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    })?;
    Ok(sender)
}

impl Pulls {
    fn let_go(&mut self) {
        self.holding.let_go();
        self.gate.gone();
        self.session = None;
    }

    fn answer(&mut self, session: SessionId, ask: CopyAsk) -> Copied {
        if self.session != Some(session) {
            // Another terminal's state, or one that was let go.
            self.let_go();
            self.session = Some(session);
        }
        let answered = match ask {
            CopyAsk::Hold => self.holding.hold().map(|outline| CopyAnswer::Outline(outline.encode().into())),
            CopyAsk::HasPassed(bytes) => match anchor(&bytes) {
                Some(anchor) => self.holding.has_passed(&anchor).map(CopyAnswer::Truth),
                None => return Copied::No,
            },
            CopyAsk::Read(bytes) => match range(&bytes).filter(|range| range.bytes() <= COPY_BYTES_MAX) {
                Some(range) => {
                    self.holding.read(&range).map(|blocks| CopyAnswer::Blocks(blocks.to_vec().into()))
                }
                None => return Copied::No,
            },
            CopyAsk::IsSame(bytes, digest) => match range(&bytes) {
                Some(range) => self.holding.is_same(&range, &digest).map(CopyAnswer::Truth),
                None => return Copied::No,
            },
            CopyAsk::Sign(segments) => return self.sign(&segments),
            CopyAsk::Next => {
                // Before the erasure writes: what it frees is not held any more.
                self.holding.let_go();
                Ok(CopyAnswer::Truth(self.gate.next(BEGIN_TIMEOUT)))
            }
            CopyAsk::Safe => {
                self.gate.safe();
                Ok(CopyAnswer::Truth(true))
            }
        };
        match answered {
            Ok(answer) => Copied::Answer(answer),
            Err(CopyError::Lost) => Copied::Answer(CopyAnswer::Lost),
            Err(CopyError::Busy) => Copied::Busy,
            Err(CopyError::NoSuchRange) => Copied::No,
            Err(CopyError::Disk(error)) => {
                self.holding.copies().log.error(format_args!("a backup: {error}"));
                Copied::Damaged
            }
        }
    }

    fn sign(&mut self, segments: &[u8; 32]) -> Copied {
        let Some(SignedFor { signed, manifest, newest, journal_root }) = self.holding.sign(segments) else {
            return Copied::No;
        };
        let taken = Backup {
            batch: newest.batch,
            epoch: newest.erasure_epoch,
            size: newest.entries,
            root: journal_root,
            manifest,
        };
        self.signed.truncate(SIGNED_MAX - 1);
        self.signed.push_front((manifest, newest));
        Copied::Signed(CopyAnswer::Signed(signed.made_ms, signed.signature.into()), taken)
    }

    /// It is in the journal.
    fn taken(&mut self, manifest: &ManifestId, taker: Taker) {
        if let Some(at) = self.signed.iter().position(|(signed, _)| signed == manifest)
            && let Some((_, newest)) = self.signed.remove(at)
        {
            self.holding.note(Newest { taken: Some(taker), ..newest });
        }
    }
}

fn anchor(bytes: &[u8]) -> Option<Anchor> {
    let mut fields = Fields(bytes);
    let anchor = Anchor::decode(&mut fields).ok()?;
    fields.end().is_ok().then_some(anchor)
}

fn range(bytes: &[u8]) -> Option<Range> {
    let mut fields = Fields(bytes);
    let range = Range::decode(&mut fields).ok()?;
    fields.end().is_ok().then_some(range)
}
