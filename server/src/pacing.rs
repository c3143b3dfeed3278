//! When an erasure epoch may run: at once, once the cells can bear the next one, or once an absent cell is back.
//! Never loses an intent: what waits here is in the journal, and the next start asks for it again.

mod absent;
#[cfg(test)]
pub(crate) mod hanging;
mod look_after;
#[cfg(test)]
mod tests;

use crate::backup::Gate;
use crate::config::StoreConfig;
use crate::log::Log;
use crate::status::Board;
use absent::{Away, LOOK_EVERY};
use journal::act::CellName;
use journal::ids::Index;
pub(crate) use look_after::HANGS;
use protocol::erasing::ErasureWait;
use protocol::io::EraseItem;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vault::Vault;

/// How often it is looked whether somebody takes a backup away.
const PULL_LOOK_EVERY: Duration = Duration::from_secs(1);
/// What the log says of a store that is full.
const NO_ROOM: &str = "the store is full to the last of its reserve: erasures wait for room; make the container or partition \
     longer, stop the server, and run `conclaved store grow`, or have two officers close this log into another one \
     (`conclave-admin log close`)";

/// What may be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing waits.
    Idle,
    /// The epoch may run.
    Now,
    /// For the cells' pace, or for a cell.
    Wait(Duration),
}

/// Intents that are durable and not yet erased.
pub(crate) struct Pacing {
    waiting: Vec<EraseItem>,
    /// By batch: how many of those that wait are its own or came before it, and its last entry. One that lets go of a cell
    /// has an epoch behind it even where nothing is to be erased.
    batches: VecDeque<(usize, Index)>,
    last_epoch: Option<Instant>,
    /// When what waits found no room.
    no_room: Option<Instant>,
    away: Away,
    /// Where whoever takes a backup away is waited for.
    gate: Arc<Gate>,
    /// The policy wants a backup first.
    required: bool,
    log: Log,
}

impl Pacing {
    /// With a place where cells come back, and a board that tells people why an erasure waits.
    pub(crate) fn new(config: StoreConfig, board: Board, gate: Arc<Gate>, log: Log) -> Self {
        Self { away: Away::new(Some((config, board)), log), gate, ..Self::alone(log) }
    }

    /// For one command, or a test: nothing comes back and nobody is told.
    pub(crate) fn alone(log: Log) -> Self {
        Self {
            waiting: Vec::new(),
            batches: VecDeque::new(),
            last_epoch: None,
            no_room: None,
            away: Away::new(None, log),
            gate: Arc::new(Gate::new()),
            required: false,
            log,
        }
    }

    /// The last life ended inside an epoch: its cells were written to a moment ago, and rest now. A cell that is too slow to
    /// serve would otherwise be asked again at every start.
    pub(crate) fn rest(&mut self, now: Instant) {
        self.last_epoch = Some(now);
    }

    /// A batch with intents is durable. Intents that came while others wait go with them into one epoch.
    pub(crate) fn intend(&mut self, items: &[EraseItem], through: Index) {
        if !items.is_empty() {
            self.waiting.extend_from_slice(items);
            self.asked(through);
        }
    }

    /// A batch asked for everything that waits now. Whatever of it came first: it is done with the last of it.
    fn asked(&mut self, through: Index) {
        match self.batches.back_mut() {
            Some((left, last)) if *last == through => *left = self.waiting.len(),
            Some(_) | None => self.batches.push_back((self.waiting.len(), through)),
        }
    }

    /// What the policy says behind the newest batch.
    pub(crate) fn require_backup(&mut self, required: bool) {
        self.required = required;
    }

    /// Where the tree of an epoch waits for its backup, if the policy wants one.
    pub(crate) fn gate(&self) -> Option<Arc<Gate>> {
        self.required.then(|| Arc::clone(&self.gate))
    }

    /// What may be done. With [`Turn::Now`] the epoch has begun: whoever takes a backup away for it waits for its tree.
    pub(crate) fn begin_turn(&mut self, vault: &Vault, now: Instant) -> Turn {
        if self.batches.is_empty() {
            self.gate.waits(false);
            // Nobody waits for an absent cell yet; it is taken back all the same.
            return if vault.check_cells().is_err() { Turn::Wait(LOOK_EVERY) } else { Turn::Idle };
        }
        self.gate.waits(self.required);
        if vault.check_cells().is_err() {
            if let Some(wait) = self.away.answer_is_near(vault) {
                return Turn::Wait(wait);
            }
            self.tell(ErasureWait::Cell);
            return Turn::Wait(LOOK_EVERY);
        }
        let waits_for_room = |since: Instant| (since + LOOK_EVERY).checked_duration_since(now);
        if let Some(wait) = self.no_room.and_then(waits_for_room).filter(|wait| !wait.is_zero()) {
            self.tell(ErasureWait::Room);
            return Turn::Wait(wait);
        }
        match self.due(vault.pace_ms()).and_then(|due| due.checked_duration_since(now)) {
            Some(wait) if !wait.is_zero() => {
                self.tell(ErasureWait::Pace(wait.as_secs() + 1));
                Turn::Wait(wait)
            }
            Some(_) | None if self.required && !self.gate.claim() => {
                self.tell(ErasureWait::Backup);
                Turn::Wait(PULL_LOOK_EVERY)
            }
            Some(_) | None => Turn::Now,
        }
    }

    fn due(&self, pace_ms: u64) -> Option<Instant> {
        self.last_epoch?.checked_add(Duration::from_millis(pace_ms))
    }

    /// Everything that waits, in the order in which it was asked for.
    pub(crate) fn waiting(&self) -> &[EraseItem] {
        &self.waiting
    }

    /// An epoch has erased the first `count` of what waits. Gives the last entry of which everything that was asked for up to
    /// there is erased now; `None` while a part of the first one still waits.
    pub(crate) fn done(&mut self, count: usize, now: Instant) -> Option<Index> {
        self.last_epoch = Some(now);
        self.tell(ErasureWait::Nothing);
        self.waiting.drain(..count);
        let mut through = None;
        for (left, _) in &mut self.batches {
            *left = left.saturating_sub(count);
        }
        while let Some((0, last)) = self.batches.front() {
            through = Some(*last);
            self.batches.pop_front();
        }
        through
    }

    /// Two officers let go of these, and the journal says so: the absent one is waited for no longer. An epoch behind it lists
    /// the cells anew, with whatever is to be erased or with nothing: what the officers said is for this absence, and for no
    /// later one. A crash before that epoch: the Start asks for it again.
    pub(crate) fn let_go_of_cells(&mut self, vault: &mut Vault, cells: &[CellName], through: Index) {
        if cells.is_empty() {
            return;
        }
        for name in cells {
            if vault.let_go_of_cell(name.0) {
                self.log.warn(format_args!(
                    "two officers let go of the root cell {name}: wherever it is, it opens what is erased from now on"
                ));
            } else {
                self.log.warn(format_args!(
                    "the root cell {name}, which two officers let go of, is here or unknown"
                ));
            }
        }
        self.away.tell(vault);
        self.asked(through);
    }

    /// How the cells do behind an epoch, which has written and read every one and lists them anew.
    pub(crate) fn tell_listed(&mut self, vault: &Vault) {
        self.away.all_give_the_root();
        self.away.tell(vault);
    }

    /// There was no room for what waits: it waits on, with whatever comes, and is served to nobody meanwhile. Whoever takes a
    /// backup away for it waits as long as he would have.
    pub(crate) fn found_no_room(&mut self, now: Instant) {
        self.gate.not_begun();
        if self.no_room.is_none() {
            self.log.error(NO_ROOM);
        }
        self.no_room = Some(now);
        self.tell(ErasureWait::Room);
    }

    /// Something was given back: what waits is tried again at once.
    pub(crate) fn room_is_back(&mut self) {
        self.no_room = None;
    }

    /// Is a cell back? While a look is under way, gives how soon to ask again.
    pub(crate) fn look_for_cells(&mut self, vault: &mut Vault, now: Instant) -> Option<Duration> {
        self.away.look(vault, now)
    }

    /// Between erasures: do the cells still hold what they must? Gives how soon to ask again.
    pub(crate) fn look_after_cells(&mut self, vault: &mut Vault, now: Instant) -> Duration {
        self.away.look_after(vault, now)
    }

    fn tell(&self, wait: ErasureWait) {
        if let Some(board) = self.away.board() {
            board.erasures_wait(wait);
        }
    }
}
