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
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};
use vault::{CellSlot, RootCell, Vault};

/// How often it is looked whether an absent cell is back, and whether an erasure finds room now.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How soon the writer asks again for the answer of a look that is under way.
const ANSWER_EVERY: Duration = Duration::from_millis(100);
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
    /// By batch: how many of those that wait are its own or came before it, and its last entry.
    batches: VecDeque<(usize, Index)>,
    last_epoch: Option<Instant>,
    /// When it was last looked whether an absent cell is back.
    looked: Option<Instant>,
    /// When what waits found no room.
    no_room: Option<Instant>,
    /// Where an absent cell may come back, and who is told.
    site: Option<(StoreConfig, Board)>,
    /// A look that is under way.
    look: Option<Look>,
    /// Why a cell that came back was not taken, as it was said last.
    refused: String,
    /// Where whoever takes a backup away is waited for.
    gate: Arc<Gate>,
    /// The policy wants a backup first.
    required: bool,
    log: Log,
}

/// A thread that opens what may have come back. A device or a TPM that hangs keeps the thread waiting, and nobody else.
struct Look(Receiver<Option<Box<dyn RootCell>>>);

impl Look {
    fn start(config: &StoreConfig, away: Vec<bool>) -> Option<Self> {
        let (answer, answered) = sync_channel(1);
        let config = config.clone();
        let look = move || {
            let back = cells::back(&config, &away);
            // One that does not answer now would keep the writer waiting.
            let back = back.filter(|cell| cell.read(CellSlot::Device).is_ok());
            let _writer_gone = answer.send(back);
        };
        // Without a thread it is tried again next time.
        let started = std::thread::Builder::new().name("look".into()).spawn(look);
        started.ok().map(|_detached| Self(answered))
    }
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
            batches: VecDeque::new(),
            last_epoch: None,
            looked: None,
            no_room: None,
            site: None,
            look: None,
            refused: String::new(),
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
            self.batches.push_back((self.waiting.len(), through));
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

    /// Everything that waits, in the order in which it was asked for.
    pub(crate) fn waiting(&self) -> &[EraseItem] {
        &self.waiting
    }

    /// An epoch has erased the first `count` of what waits. Gives the last entry of which everything that was asked for up to
    /// there is erased now; `None` while a part of the first one still waits.
    pub(crate) fn done(&mut self, count: usize, now: Instant) -> Option<Index> {
        self.last_epoch = Some(now);
        self.tell("", 0);
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

    /// There was no room for what waits: it waits on, with whatever comes, and is served to nobody meanwhile. Whoever takes a
    /// backup away for it waits as long as he would have.
    pub(crate) fn found_no_room(&mut self, now: Instant) {
        self.gate.not_begun();
        if self.no_room.is_none() {
            self.log.error(NO_ROOM);
        }
        self.no_room = Some(now);
        self.tell(NO_ROOM, 0);
    }

    /// Something was given back: what waits is tried again at once.
    pub(crate) fn room_is_back(&mut self) {
        self.no_room = None;
    }

    /// Is a cell back? Looked for every few seconds while an erasure waits, however busy the writer is, and never by the
    /// writer itself. While a look is under way, gives how soon to ask again.
    pub(crate) fn look_for_cells(&mut self, vault: &mut Vault, now: Instant) -> Option<Duration> {
        match self.look.as_ref().map(|look| look.0.try_recv()) {
            Some(Err(TryRecvError::Empty)) => return Some(ANSWER_EVERY),
            Some(Ok(Some(cell))) => self.attach(vault, cell),
            Some(Ok(None) | Err(TryRecvError::Disconnected)) | None => {}
        }
        self.look = None;
        if !self.is_time_to_look(now) {
            return None;
        }
        let away: Vec<bool> = vault.cells().iter().map(|cell| cell.absent.is_some()).collect();
        let (config, _) = self.site.as_ref().filter(|_| away.contains(&true))?;
        self.look = Look::start(config, away);
        self.look.as_ref().map(|_| ANSWER_EVERY)
    }

    fn attach(&mut self, vault: &mut Vault, cell: Box<dyn RootCell>) {
        match vault.attach_cell(cell) {
            Ok(()) => self.log.warn("a root cell that was absent is back; erasures go on"),
            Err(error) => {
                let why = error.to_string();
                if why != self.refused {
                    self.log.error(format_args!("a root cell that came back is not taken: {why}"));
                    self.refused = why;
                }
            }
        }
        if let Some((_, board)) = &self.site {
            board.cells(vault.cells());
        }
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
    use crate::erasure::{self, Ran, TARGETS_MAX};
    use crate::log::Level;
    use vault::{CellError, CellKind, Limits, MemoryCell};
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
        assert_eq!(pacing.waiting(), [EraseItem::Conversation(1)]);
        assert_eq!(pacing.done(1, start), Some(7));
        pacing.intend(&[EraseItem::Conversation(2)], 8);
        assert_eq!(pacing.turn(&vault, after(10_000)), Turn::Wait(Duration::from_secs(20)));
        pacing.intend(&[EraseItem::Conversation(3)], 9);
        assert_eq!(pacing.turn(&vault, after(30_000)), Turn::Now);
        assert_eq!(pacing.waiting(), [EraseItem::Conversation(2), EraseItem::Conversation(3)]);
        assert_eq!(pacing.done(2, after(30_000)), Some(9));
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
        pacing.found_no_room(start);
        pacing.intend(&[EraseItem::Conversation(2)], 8);
        assert_eq!(pacing.turn(&vault, start), Turn::Wait(LOOK_EVERY));
        assert_eq!(pacing.turn(&vault, start + LOOK_EVERY), Turn::Now, "the cell was not used");
        pacing.room_is_back();
        assert_eq!(pacing.turn(&vault, start), Turn::Now);
        assert_eq!(pacing.waiting(), [EraseItem::Conversation(1), EraseItem::Conversation(2)]);
        assert_eq!(pacing.done(2, start), Some(8));
    }

    #[test]
    fn a_cell_without_a_pace_is_never_waited_for() {
        let vault = vault(MemoryCell::new(Default::default(), None));
        let mut pacing = Pacing::alone(Log::new(Level::Error));
        let start = Instant::now();
        pacing.done(0, start);
        pacing.intend(&[EraseItem::Conversation(2)], 8);
        assert_eq!(pacing.turn(&vault, start), Turn::Now);
    }

    #[test]
    fn what_does_not_fit_one_epoch_waits_for_the_pace_and_is_called_done_with_its_last() {
        let mut vault = vault(Slow(MemoryCell::new(Default::default(), None)));
        let mut pacing = Pacing::alone(Log::new(Level::Error));
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let many: Vec<_> = (0..100).map(EraseItem::Conversation).collect();
        pacing.intend(&many, 7);
        pacing.intend(&[EraseItem::Conversation(200)], 8);
        assert_eq!(pacing.done(16, start), None);
        assert_eq!(pacing.waiting().len(), 85);
        assert_eq!(pacing.turn(&vault, after(29_000)), Turn::Wait(Duration::from_secs(1)));
        assert_eq!(pacing.turn(&vault, after(30_000)), Turn::Now);
        assert_eq!(pacing.done(84, after(30_000)), Some(7), "all of the first batch, and not the second");
        pacing.intend(&many, 9);
        assert_eq!(pacing.done(101, after(60_000)), Some(9));
        assert_eq!(pacing.turn(&vault, after(90_000)), Turn::Idle);
        // And the writer does one epoch at a time.
        let many: Vec<_> = (0..3_000).map(EraseItem::Conversation).collect();
        let ran = erasure::run(&mut vault, &many, None, Log::new(Level::Error)).unwrap();
        assert!(
            matches!(ran, Ran::Erased { epoch: 1, count, .. } if (1..=TARGETS_MAX).contains(&count)),
            "{ran:?}"
        );
        assert_eq!(vault.epoch(), 1);
    }

    #[test]
    fn after_a_life_that_ended_in_an_epoch_the_cell_rests_first() {
        let vault = vault(Slow(MemoryCell::new(Default::default(), None)));
        let mut pacing = Pacing::alone(Log::new(Level::Error));
        let start = Instant::now();
        pacing.rest(start);
        pacing.intend(&[EraseItem::Conversation(2)], 8);
        assert_eq!(pacing.turn(&vault, start), Turn::Wait(Duration::from_secs(30)));
    }

    #[test]
    fn a_look_that_hangs_keeps_nobody_waiting() {
        let mut vault = vault(MemoryCell::new(Default::default(), None));
        let mut pacing = Pacing::alone(Log::new(Level::Error));
        let (answer, answered) = sync_channel(1);
        pacing.look = Some(Look(answered));
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(pacing.look_for_cells(&mut vault, now), Some(ANSWER_EVERY));
        }
        // Its answer, hours later: nothing was found.
        answer.send(None).unwrap();
        assert_eq!(pacing.look_for_cells(&mut vault, now), None);
        assert!(pacing.look.is_none());
    }
}
