//! When an erasure epoch may run: at once, once the cells can bear the next one, or once an absent cell is back.
//! Never loses an intent: what waits here is in the journal, and the next start asks for it again.

use crate::backup::Gate;
use crate::cells;
use crate::config::StoreConfig;
use crate::log::Log;
use crate::status::Board;
use journal::act::CellName;
use journal::ids::Index;
use protocol::io::EraseItem;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vault::Vault;

/// How often it is looked whether an absent cell is back, and whether an erasure finds room now.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether somebody takes a backup away.
const PULL_LOOK_EVERY: Duration = Duration::from_secs(1);
/// Why an erasure waits that wants a backup first.
const WAITS_FOR_BACKUP: &str =
    "the policy wants a backup first: `conclave-admin backup pull` takes one away, and the erasure goes on";

/// Why an erasure waits in a store that is full.
const NO_ROOM: &str = "the store is full to the last of its reserve: erasures wait for room; make the container or partition \
     longer, stop the server, and run `conclaved store grow`";

/// What may be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing waits.
    Idle,
    /// The epoch may run.
    Now,
    /// Something waits: for the cells' pace, or for a cell.
    Wait(Duration),
}

/// Intents that are durable and not yet erased.
pub(crate) struct Pacing {
    waiting: Vec<EraseItem>,
    /// The last entry whose intents are among them.
    through: Index,
    last_epoch: Option<Instant>,
    /// When it was last looked whether an absent cell is back.
    looked: Option<Instant>,
    /// When what waits found no room.
    no_room: Option<Instant>,
    /// Where an absent cell may come back, and who is told.
    site: Option<(StoreConfig, Board)>,
    /// Where whoever takes a backup away is waited for.
    gate: Arc<Gate>,
    /// The policy wants a backup first.
    required: bool,
    log: Log,
}

impl Pacing {
    /// With a place where cells come back, and a board that tells people why an erasure waits.
    pub(crate) fn new(config: StoreConfig, board: Board, gate: Arc<Gate>, log: Log) -> Self {
        Self { site: Some((config, board)), gate, ..Self::alone(log) }
    }

    /// For one command, or a test: nothing comes back and nobody is told.
    pub(crate) fn alone(log: Log) -> Self {
        Self {
            waiting: Vec::new(),
            through: 0,
            last_epoch: None,
            looked: None,
            no_room: None,
            site: None,
            gate: Arc::new(Gate::new()),
            required: false,
            log,
        }
    }

    /// A batch with intents is durable. Intents that came while others wait go with them into one epoch.
    pub(crate) fn intend(&mut self, items: &[EraseItem], through: Index) {
        if !items.is_empty() {
            self.waiting.extend_from_slice(items);
            self.through = through;
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

    /// These were left to further epochs.
    pub(crate) fn put_back(&mut self, items: &[EraseItem]) {
        self.waiting.splice(0..0, items.iter().copied());
    }

    /// What may be done.
    pub(crate) fn turn(&self, vault: &Vault, now: Instant) -> Turn {
        if self.waiting.is_empty() {
            self.gate.waits(false);
            return Turn::Idle;
        }
        self.gate.waits(self.required);
        if let Err(error) = vault.check_cells() {
            self.tell(&error.to_string(), 0);
            return Turn::Wait(LOOK_EVERY);
        }
        let waits_for_room = |since: Instant| (since + LOOK_EVERY).checked_duration_since(now);
        if let Some(wait) = self.no_room.and_then(waits_for_room).filter(|wait| !wait.is_zero()) {
            self.tell(NO_ROOM, 0);
            return Turn::Wait(wait);
        }
        match self.due(vault.pace_ms()).and_then(|due| due.checked_duration_since(now)) {
            Some(wait) if !wait.is_zero() => {
                self.tell("", wait.as_secs() + 1);
                Turn::Wait(wait)
            }
            Some(_) | None if self.required && !self.gate.claim() => {
                self.tell(WAITS_FOR_BACKUP, 0);
                Turn::Wait(PULL_LOOK_EVERY)
            }
            Some(_) | None => Turn::Now,
        }
    }

    fn due(&self, pace_ms: u64) -> Option<Instant> {
        self.last_epoch?.checked_add(Duration::from_millis(pace_ms))
    }

    /// Everything that waits, to be erased now, and the last entry that asked for it.
    pub(crate) fn take(&mut self, now: Instant) -> (Vec<EraseItem>, Index) {
        self.last_epoch = Some(now);
        self.tell("", 0);
        (std::mem::take(&mut self.waiting), self.through)
    }

    /// Two officers let go of these, and the journal says so: the absent one is waited for no longer. A crash before this
    /// line: the Start asks for it again.
    pub(crate) fn let_go_of_cells(&mut self, vault: &mut Vault, cells: &[CellName]) {
        let states = vault.cells();
        let is_absent =
            |name: &CellName| states.iter().any(|state| state.absent.is_some() && state.name == Some(name.0));
        for name in cells {
            if is_absent(name) {
                vault.let_go_of_absent_cells();
                self.log.warn(format_args!(
                    "two officers let go of the root cell {name}: wherever it is, it opens what is erased from now on"
                ));
            } else {
                self.log.warn(format_args!(
                    "the root cell {name}, which two officers let go of, is here or unknown"
                ));
            }
        }
    }

    /// There was no room for these: they wait, with whatever comes, and are served to nobody meanwhile. Whoever takes a
    /// backup away for them waits on, as long as he would have.
    pub(crate) fn give_back(&mut self, items: Vec<EraseItem>, now: Instant) {
        self.gate.not_begun();
        if self.no_room.is_none() {
            self.log.error(NO_ROOM);
        }
        (self.no_room, self.last_epoch) = (Some(now), None);
        self.waiting.splice(0..0, items);
        self.tell(NO_ROOM, 0);
    }

    /// Something was given back: what waits is tried again at once.
    pub(crate) fn room_is_back(&mut self) {
        self.no_room = None;
    }

    /// Is a cell back? Looked for every few seconds while an erasure waits, however busy the writer is.
    pub(crate) fn look_for_cells(&mut self, vault: &mut Vault, now: Instant) {
        if !self.is_time_to_look(now) {
            return;
        }
        let away: Vec<bool> = vault.cells().iter().map(|cell| cell.absent.is_some()).collect();
        let Some((config, board)) = self.site.as_ref().filter(|_| away.contains(&true)) else { return };
        let Some(cell) = cells::back(config, &away) else { return };
        match vault.attach_cell(cell) {
            Ok(()) => self.log.warn("a root cell that was absent is back; erasures go on"),
            Err(error) => self.log.error(format_args!("a root cell that came back is not taken: {error}")),
        }
        board.cells(vault.cells());
    }

    fn is_time_to_look(&mut self, now: Instant) -> bool {
        let is_time = self.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= LOOK_EVERY);
        if is_time {
            self.looked = Some(now);
        }
        is_time
    }

    fn tell(&self, why: &str, seconds: u64) {
        if let Some((_, board)) = &self.site {
            board.erasures_wait(why, seconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Level;
    use vault::{CellError, CellKind, CellSlot, Limits, MemoryCell, RootCell};
    use zeroize::Zeroizing;

    /// A cell that wears.
    struct Slow(MemoryCell);

    impl RootCell for Slow {
        fn kind(&self) -> CellKind {
            self.0.kind()
        }
        fn read(&self, slot: CellSlot) -> Result<Zeroizing<Vec<u8>>, CellError> {
            self.0.read(slot)
        }
        fn is_blank(&self, spared: Option<CellSlot>) -> Result<bool, CellError> {
            self.0.is_blank(spared)
        }
        fn write(&mut self, slot: CellSlot, record: &[u8]) -> Result<(), CellError> {
            self.0.write(slot, record)
        }
        fn destroy(&mut self, slot: CellSlot) -> Result<(), CellError> {
            self.0.destroy(slot)
        }
        fn pace_ms(&self) -> u64 {
            30_000
        }
    }

    fn vault(cell: impl RootCell + 'static) -> Vault {
        let device = std::sync::Arc::new(disk::MemoryDevice::new(16 << 20));
        let geometry = disk::Geometry::for_length(16 << 20).unwrap();
        let rng = &mut crate::randomness::rng();
        Vault::create(device, Box::new(cell), geometry, Limits::default(), rng).unwrap()
    }

    #[test]
    fn the_first_epoch_runs_at_once_and_the_next_ones_together_when_the_cell_can_bear_it() {
        let vault = vault(Slow(MemoryCell::new(Default::default(), None)));
        let mut pacing = Pacing::alone(Log::new(Level::Error));
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(pacing.turn(&vault, start), Turn::Idle);
        pacing.intend(&[EraseItem::Conversation(1)], 7);
        assert_eq!(pacing.turn(&vault, start), Turn::Now);
        assert_eq!(pacing.take(start), (vec![EraseItem::Conversation(1)], 7));
        pacing.intend(&[EraseItem::Conversation(2)], 8);
        assert_eq!(pacing.turn(&vault, after(10_000)), Turn::Wait(Duration::from_secs(20)));
        pacing.intend(&[EraseItem::Conversation(3)], 9);
        assert_eq!(pacing.turn(&vault, after(30_000)), Turn::Now);
        assert_eq!(
            pacing.take(after(30_000)),
            (vec![EraseItem::Conversation(2), EraseItem::Conversation(3)], 9)
        );
        assert_eq!(pacing.turn(&vault, after(30_001)), Turn::Idle);
    }

    #[test]
    fn an_absent_cell_is_looked_for_now_and_then_however_often_the_writer_asks() {
        let mut pacing = Pacing::alone(Log::new(Level::Error));
        let start = Instant::now();
        let looks = (0..100).filter(|n| pacing.is_time_to_look(start + Duration::from_millis(n * 200)));
        assert_eq!(looks.collect::<Vec<_>>(), [0, 25, 50, 75]);
    }

    #[test]
    fn what_found_no_room_is_tried_again_when_something_was_given_back_and_every_few_seconds() {
        let vault = vault(Slow(MemoryCell::new(Default::default(), None)));
        let mut pacing = Pacing::alone(Log::new(Level::Error));
        let start = Instant::now();
        pacing.intend(&[EraseItem::Conversation(1)], 7);
        let (items, _) = pacing.take(start);
        pacing.give_back(items, start);
        pacing.intend(&[EraseItem::Conversation(2)], 8);
        assert_eq!(pacing.turn(&vault, start), Turn::Wait(LOOK_EVERY));
        assert_eq!(pacing.turn(&vault, start + LOOK_EVERY), Turn::Now, "the cell was not used");
        pacing.room_is_back();
        assert_eq!(pacing.turn(&vault, start), Turn::Now);
        let both = vec![EraseItem::Conversation(1), EraseItem::Conversation(2)];
        assert_eq!(pacing.take(start), (both, 8));
    }

    #[test]
    fn a_cell_without_a_pace_is_never_waited_for() {
        let vault = vault(MemoryCell::new(Default::default(), None));
        let mut pacing = Pacing::alone(Log::new(Level::Error));
        let start = Instant::now();
        pacing.take(start);
        pacing.intend(&[EraseItem::Conversation(2)], 8);
        assert_eq!(pacing.turn(&vault, start), Turn::Now);
    }
}
