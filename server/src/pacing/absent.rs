//! Root cells that are away: looked for, and taken back. Those that are here are asked now and then whether they still are.
//! Never keeps the writer waiting for one that is away and hangs, and never says which cell is the right one: the vault does.

use crate::cells;
use crate::config::StoreConfig;
use crate::log::Log;
use crate::status::Board;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};
use vault::{CellSlot, RootCell, Vault};

/// How often it is looked whether an absent cell is back.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the cells that are here are asked whether they still hold the root: reading wears none of them.
pub(super) const LOOK_AFTER_EVERY: Duration = Duration::from_secs(600);
/// Why a blank cell is not taken while the server runs.
const BLANK: &str = "it is blank; it joins at a start, once the cell that is absent was let go of (`conclave-admin cell drop`)";
/// How soon the writer asks again for the answer of a look that is under way.
const ANSWER_EVERY: Duration = Duration::from_millis(100);

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

/// See the module.
pub(super) struct Away {
    /// Where an absent cell may come back, and who is told; nowhere and nobody for one command.
    site: Option<(StoreConfig, Board)>,
    /// When it was last looked.
    looked: Option<Instant>,
    /// When those that are here were asked last.
    looked_after: Option<Instant>,
    /// A look that is under way.
    look: Option<Look>,
    /// Why a cell that came back was not taken, as it was said last.
    refused: String,
    log: Log,
}

impl Away {
    pub(super) fn new(site: Option<(StoreConfig, Board)>, log: Log) -> Self {
        Self { site, looked: None, looked_after: None, look: None, refused: String::new(), log }
    }

    /// Who is told how the cells do.
    pub(super) fn board(&self) -> Option<&Board> {
        self.site.as_ref().map(|(_, board)| board)
    }

    /// Asks the cells that are here, every few minutes, in the writer's own time: one that hangs keeps it waiting. One that has
    /// failed since is told at once, and not by the next erasure.
    pub(super) fn look_after(&mut self, vault: &mut Vault, now: Instant) -> Duration {
        let last = *self.looked_after.get_or_insert(now); // A start has read them.
        let left = LOOK_AFTER_EVERY.saturating_sub(now.saturating_duration_since(last));
        if !left.is_zero() {
            return left;
        }
        self.looked_after = Some(now);
        let looked = vault.look_at_cells();
        if let Err(error) = &looked {
            self.log.error(format_args!(
                "the last root cell does not give the root any more ({error}): the next erasure or start fails; let people \
                 save what they need before it is stopped"
            ));
        }
        let mut states = vault.cells();
        match (looked, vault.check_cells()) {
            // Nothing stands in for the only one, or the last of two: it serves on, and is told as what it is.
            (Err(error), _) => {
                let here = states.iter_mut().filter(|state| state.absent.is_none());
                here.for_each(|state| state.absent = Some(error.to_string()));
            }
            (Ok(()), Err(error)) => self.log.error(error),
            (Ok(()), Ok(())) => {}
        }
        if let Some(board) = self.board() {
            board.cells(states);
        }
        LOOK_AFTER_EVERY
    }

    /// Is a cell back? Looked for every few seconds while one is absent, however busy the writer is, and never by the
    /// writer itself. While a look is under way, gives how soon to ask again.
    pub(super) fn look(&mut self, vault: &mut Vault, now: Instant) -> Option<Duration> {
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
        let blank = matches!(cell.is_blank(None), Ok(true)).then_some(BLANK);
        match vault.attach_cell(cell) {
            Ok(()) => {
                self.log.warn("a root cell that was absent is back; erasures go on");
                self.refused.clear();
            }
            Err(error) => {
                let why = blank.map_or_else(|| error.to_string(), str::to_owned);
                if why != self.refused {
                    self.log.error(format_args!(
                        "what stands in the place of an absent root cell is not taken: {why}"
                    ));
                    self.refused = why;
                }
            }
        }
        if let Some(board) = self.board() {
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
}

#[cfg(test)]
mod tests {
    use super::super::tests::vault;
    use super::*;
    use crate::log::Level;
    use vault::MemoryCell;

    #[test]
    fn an_absent_cell_is_looked_for_now_and_then_however_often_the_writer_asks() {
        let mut away = Away::new(None, Log::new(Level::Error));
        let start = Instant::now();
        let looks = (0..100).filter(|n| away.is_time_to_look(start + Duration::from_millis(n * 200)));
        assert_eq!(looks.collect::<Vec<_>>(), [0, 25, 50, 75]);
    }

    #[test]
    fn a_look_that_hangs_keeps_nobody_waiting() {
        let mut vault = vault(MemoryCell::new(Default::default(), None));
        let mut away = Away::new(None, Log::new(Level::Error));
        let (answer, answered) = sync_channel(1);
        away.look = Some(Look(answered));
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(away.look(&mut vault, now), Some(ANSWER_EVERY));
        }
        // Its answer, hours later: nothing was found.
        answer.send(None).unwrap();
        assert_eq!(away.look(&mut vault, now), None);
        assert!(away.look.is_none());
    }
}
