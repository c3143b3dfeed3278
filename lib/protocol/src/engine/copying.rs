//! An administrator takes a backup away: his questions go to whoever holds the state, one terminal at a time.
//! Never reads a block, and admits that a backup was taken only as what was signed in this very session.

use super::commit::Release;
use super::page::Pending;
use super::{Engine, Whole};
use crate::answer::Answer;
use crate::code::Code;
use crate::copy::{Copied, CopyAsk, CopyTask};
use crate::io::{Output, SessionId, Ticket};
use journal::act::Act;
use journal::fact::{Alarm, AlarmKind, Fact};
use journal::ids::{Hash, Index};
use pki::{PersonId, canonical};

impl Engine {
    /// Passes a question on. It counts as a read of the session until its answer has left: so what is in memory for one
    /// terminal is bounded however fast it asks.
    pub(super) fn ask_copy(&mut self, id: SessionId, request: u32, ask: CopyAsk, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.all.get_mut(&id) else { return };
        if self.copier.is_some_and(|copier| copier != id) {
            return self.refuse(id, request, Code::Busy.number(), out);
        }
        self.copier = Some(id);
        session.reads += 1;
        let ticket = self.ticket();
        self.reads.put(ticket, Pending::Copy { session: id, request });
        out.push(Output::Copy(ticket, id, CopyTask::Ask(ask)));
    }

    /// What came of a question.
    pub(super) fn copied(&mut self, ticket: Ticket, copied: Copied, out: &mut Vec<Output>) -> Whole {
        let Some(Pending::Copy { session: id, request }) = self.reads.take_copy(ticket) else {
            return Ok(());
        };
        match copied.into_answer() {
            Ok((answer, backup)) => {
                let live = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut());
                if let (Some(live), Some(_)) = (live, backup) {
                    live.backup = backup;
                }
                let answer = Box::new(Answer::Copy(answer));
                self.say(Release::Answer { session: id, request, answer, guard: None }, out);
            }
            Err(code) => {
                self.read_ended(id);
                self.refuse(id, request, code.number(), out);
            }
        }
        self.pump(id, out)
    }

    /// Is it the backup that was signed for this session? Then nobody signs for it twice.
    pub(super) fn may_have_taken(&self, id: SessionId, act: &Act) -> bool {
        let Act::Backup(backup) = act else { return true };
        let live = self.sessions.all.get(&id).and_then(|session| session.live());
        live.is_some_and(|live| live.backup.as_ref() == Some(backup))
    }

    /// It is in the open batch that somebody has taken a backup away: once that is durable, it is the newest.
    pub(super) fn taken_away(&mut self, id: SessionId, person: PersonId, index: Index, manifest: Hash) {
        self.commits.open.release.push(Release::Taken { session: id, person, index, manifest });
        if let Some(live) = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut()) {
            live.backup = None;
        }
    }

    /// Does the policy in force want a backup before a root is destroyed?
    pub(super) fn backup_required(&self) -> bool {
        self.ledger.register.policy().is_some_and(|policy| policy.backup_required)
    }

    /// An erasure went on without its backup.
    pub(super) fn backup_behind(&mut self, epoch: u64) -> Whole {
        let evidence = canonical::encode(&epoch).into();
        self.fact(Fact::Alarm(Alarm { alarm: AlarmKind::BackupBehind, person: None, evidence }))
    }

    /// Nothing is held for this terminal any more, and it keeps no other waiting.
    pub(super) fn copy_released(&mut self, id: SessionId) {
        self.copier = self.copier.filter(|copier| *copier != id);
    }

    /// A terminal that has gone holds no state.
    pub(super) fn let_go_of_copies(&mut self, out: &mut Vec<Output>) {
        let Some(id) = self.copier else { return };
        let lives = self.sessions.all.get(&id).is_some_and(|session| !session.is_over());
        if !lives {
            self.copier = None;
            out.push(Output::Copy(0, id, CopyTask::LetGo));
        }
    }
}
