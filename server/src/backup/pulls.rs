//! Backups that administrators take away over the network: the engine passes their questions on, a thread of its own
//! answers them.
//! Never decides who may: the engine does. Never holds a state for a terminal that is gone or silent.

use super::gate::{BEGIN_TIMEOUT, Gate, Next};
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
/// Sessions that let an erasure wait too long: so many are remembered, and each costs a login.
const DAWDLED_MAX: usize = 256;
/// Signed manifests that wait for the word that they are taken.
const SIGNED_MAX: usize = 8;

const _: () = {
    // An outline travels in one frame.
    assert!(OUTLINE_BYTES_MAX + 4096 < FRAME_BYTES_MAX);
};

/// What the engine passes on.
pub(crate) type Asked = (Ticket, SessionId, CopyTask);

pub(super) struct Pulls {
    holding: Holding,
    gate: Arc<Gate>,
    /// Whose state is held.
    session: Option<SessionId>,
    signed: VecDeque<(ManifestId, Newest)>,
    /// Of the state that is held, once a manifest was signed for it: does it open behind the erasure that waits, too?
    whole: Option<bool>,
    /// An erasure waits for this session's next state.
    owed: bool,
    /// Sessions that are no pullers any more.
    dawdled: VecDeque<SessionId>,
}

/// Starts the thread. It ends when the sender is dropped.
pub(crate) fn start(copies: Arc<Copies>, gate: Arc<Gate>, inbox: Inbox) -> std::io::Result<Sender<Asked>> {
    // Unbounded by itself; the engine lets one session ask, and bounds what it asks ahead.
    let (sender, tasks) = channel::<Asked>();
    let log = copies.log;
    let mut pulls = Pulls::new(copies, gate);
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
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(session) = pulls.session
                        && !inbox.give(Input::CopyReleased(session))
                    {
                        return;
                    }
                    pulls.let_go();
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    })?;
    Ok(sender)
}

impl Pulls {
    pub(super) fn new(copies: Arc<Copies>, gate: Arc<Gate>) -> Self {
        let holding = Holding::new(copies);
        let (signed, dawdled) = (VecDeque::new(), VecDeque::new());
        Self { holding, gate, session: None, signed, whole: None, owed: false, dawdled }
    }

    #[cfg(test)]
    pub(super) fn copier(&self) -> disk::Copier {
        self.holding.copies().copier.clone()
    }

    /// Did whoever is here let an erasure wait for nothing? Then that is remembered, whatever lets go of him.
    fn has_dawdled(&mut self) -> bool {
        let (Some(dawdler), true) = (self.session, self.gate.has_dawdled()) else { return false };
        self.dawdled.truncate(DAWDLED_MAX - 1);
        self.dawdled.push_front(dawdler);
        true
    }

    pub(super) fn let_go(&mut self) {
        self.has_dawdled();
        self.holding.let_go();
        self.gate.gone();
        (self.session, self.whole, self.owed) = (None, None, false);
    }

    pub(super) fn answer(&mut self, session: SessionId, ask: CopyAsk) -> Copied {
        // Who let the writer wait once for nothing does not again: nobody is heard while it waits.
        if self.has_dawdled() {
            self.let_go();
        }
        // He may copy on, from a newer state. What he has is a backup all the same; only no erasure waits for it.
        let is_waited_for = !self.dawdled.contains(&session);
        if self.session != Some(session) {
            // Another terminal's state, or one that was let go.
            self.let_go();
            self.session = Some(session);
        }
        let answered = match ask {
            CopyAsk::Hold => {
                self.whole = None;
                let held = if self.owed { self.holding.hold_first() } else { self.holding.hold() };
                held.map(|outline| CopyAnswer::Outline(outline.encode().into()))
            }
            CopyAsk::HasPassed(bytes) => match anchor(&bytes) {
                Some(anchor) => self.holding.has_passed(&anchor).map(CopyAnswer::Truth),
                None => return Copied::No,
            },
            CopyAsk::Read(bytes) => match range(&bytes).filter(|range| range.bytes() <= COPY_BYTES_MAX) {
                Some(range) => self.holding.read(&range).map(|(blocks, is_whole)| match is_whole {
                    true => CopyAnswer::Blocks(blocks.to_vec().into()),
                    false => CopyAnswer::Torn(blocks.to_vec().into()),
                }),
                None => return Copied::No,
            },
            CopyAsk::IsSame(bytes, digest) => match range(&bytes) {
                Some(range) => self.holding.is_same(&range, &digest).map(CopyAnswer::Truth),
                None => return Copied::No,
            },
            CopyAsk::Sign(segments) => return self.sign(&segments),
            // Who has nothing that was signed for, or no more since it was let go, has nothing to wait with.
            CopyAsk::Next if self.whole.is_none() || !is_waited_for => Ok(match self.gate.is_waited_at() {
                true => CopyAnswer::Waits,
                false => CopyAnswer::Truth(false),
            }),
            CopyAsk::Next => {
                // Before the erasure writes: what it frees is not held any more.
                self.holding.let_go();
                self.whole = None;
                let next = self.gate.next(BEGIN_TIMEOUT);
                self.owed = next == Next::Take;
                Ok(match next {
                    Next::Take => CopyAnswer::Truth(true),
                    Next::Done => CopyAnswer::Truth(false),
                    Next::Waits => CopyAnswer::Waits,
                })
            }
            CopyAsk::Safe if !is_waited_for => Ok(CopyAnswer::Truth(false)),
            // As long as it is owed, the newest state is that of the tree that waits.
            CopyAsk::Safe if std::mem::take(&mut self.owed) && self.whole == Some(true) => {
                Ok(CopyAnswer::Truth(self.gate.safe()))
            }
            CopyAsk::Safe => {
                self.gate.gone();
                Ok(CopyAnswer::Truth(false))
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
        self.whole = Some(newest.next_written);
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
