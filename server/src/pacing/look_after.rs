//! One root cell in the hands of a thread that reads it. What it gave is for the vault to judge.
//! Never lends a cell before its looker is there, so that none is lost where no thread is to be had.

use super::absent::{ANSWER_EVERY, ANSWER_WITHIN, LOOK_EVERY};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};
use vault::{Looked, Vault};

/// What is said of a cell that hangs.
pub(crate) const HANGS: &str = "the cell does not answer";
/// The same where the other one is waited for, which may answer again by now.
pub(super) const HANGS_BESIDE: &str =
    "the cell does not answer; if the other cell is sound again, restart the server: it starts with that one";

/// A cell that is lent.
pub(super) struct LookAfter {
    number: usize,
    since: Instant,
    stands: Stands,
    answered: Receiver<Looked>,
}

/// What is known of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It may answer any moment.
    Asked,
    /// It hangs, and is waited for: no other is here.
    Hangs,
    /// It hangs, and is away: the other one serves on, and an epoch may go past it.
    Missed,
    /// Its looker is gone, and the cell with it; no other is here that would let it be away.
    Broke,
}

impl LookAfter {
    /// Lends the cell of this number, if it is here. Fails where no thread is to be had.
    pub(super) fn start(vault: &mut Vault, number: usize, now: Instant) -> std::io::Result<Option<Self>> {
        let ((give, given), (answer, answered)) = (sync_channel(1), sync_channel(1));
        let look = move || {
            if let Ok(look) = given.recv() {
                let look: vault::CellLook = look;
                let looked = look.look();
                // What was read is a root, and a stack outlives its thread.
                hardening::scrub_stack();
                let _writer_gone = answer.send(looked);
            }
        };
        let _detached = std::thread::Builder::new().name("look".into()).spawn(look)?;
        let lent = vault.lend_cell(number).and_then(|cell| give.send(cell).ok());
        Ok(lent.map(|()| Self { number, since: now, stands: Stands::Asked, answered }))
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn hangs(&self) -> bool {
        self.stands != Stands::Asked
    }

    pub(super) fn is_missed(&self) -> bool {
        self.stands == Stands::Missed
    }

    pub(super) fn is_broken(&self) -> bool {
        self.stands == Stands::Broke
    }

    pub(super) fn ask_again(&self) -> Duration {
        if self.hangs() { LOOK_EVERY } else { ANSWER_EVERY }
    }

    /// What it gave, if it has answered. One that is away comes back only while another is in the vault's hands, which proves it.
    pub(super) fn answer(&self, vault: &Vault) -> Result<Looked, TryRecvError> {
        if self.is_missed() && vault.lends_cells() {
            return Err(TryRecvError::Empty);
        }
        self.answered.try_recv()
    }

    /// Has it hung for too long, or did its looker break? Says so once; from then on it is away where another is here.
    pub(super) fn is_overdue(&mut self, vault: &mut Vault, now: Instant, broke: bool) -> bool {
        let is_overdue = broke || now.saturating_duration_since(self.since) >= ANSWER_WITHIN;
        if !is_overdue || self.is_missed() {
            return false;
        }
        let is_first = !self.hangs();
        let is_missed = vault.miss_lent_cell(self.number, HANGS);
        self.stands = match (is_missed, broke) {
            (true, _) => Stands::Missed,
            (false, true) => Stands::Broke,
            (false, false) => Stands::Hangs,
        };
        is_first || is_missed
    }
}
