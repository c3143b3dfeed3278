//! Root cells that are away: looked for, and taken back. Those that are here are asked now and then whether they still are.
//! Never keeps the writer waiting for a cell that hangs, and never says which cell is the right one: the vault does.

use super::look_after::{HANGS, HANGS_BESIDE, LookAfter};
use crate::cells;
use crate::config::StoreConfig;
use crate::log::Log;
use crate::status::Board;
use crate::vital;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};
use vault::{CellSlot, CellState, RootCell, Vault};

/// How often it is looked whether an absent cell is back.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the cells that are here are asked whether they still hold the root: reading wears none of them.
pub(super) const LOOK_AFTER_EVERY: Duration = Duration::from_secs(600);
/// Why a blank cell is not taken while the server runs.
const BLANK: &str = "it is blank; it joins at a start, once the cell that is absent was let go of (`conclave-admin cell drop`)";
/// How soon the writer asks again for the answer of a look that is under way.
pub(super) const ANSWER_EVERY: Duration = Duration::from_millis(100);
/// A cell that has not answered for so long hangs: of two it is away, as one that fails.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// What the log says of one that hangs.
const HANGING: &str = "a root cell does not answer: messages go on, erasures wait for it";

/// A thread that opens what may have come back. A device or a TPM that hangs keeps the thread waiting, and nobody else.
struct Look(Receiver<Option<Back>>);

/// What may have come back, and whether nothing is on it.
struct Back {
    cell: Box<dyn RootCell>,
    is_blank: bool,
}

impl Look {
    fn start(config: &StoreConfig, away: Vec<bool>) -> Option<Self> {
        let (answer, answered) = sync_channel(1);
        let config = config.clone();
        let look = move || {
            let back = cells::back(&config, &away);
            // One that does not answer now would keep the writer waiting.
            let back = back.filter(|cell| cell.read(CellSlot::Device).is_ok());
            let back = back.map(|cell| Back { is_blank: matches!(cell.is_blank(None), Ok(true)), cell });
            hardening::scrub_stack();
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
    /// Cells that are lent, each to a thread of its own.
    lent: Vec<LookAfter>,
    /// The last cell, by its number, and why it fails: until it gives the root again, or an epoch has replaced it.
    failing: Option<(usize, String)>,
    /// Why a cell that came back was not taken, as it was said last.
    refused: String,
    log: Log,
}

impl Away {
    pub(super) fn new(site: Option<(StoreConfig, Board)>, log: Log) -> Self {
        let (looked, looked_after, look) = (None, None, None);
        let (lent, failing, refused) = (Vec::new(), None, String::new());
        Self { site, looked, looked_after, look, lent, failing, refused, log }
    }

    /// Who is told how the cells do.
    pub(super) fn board(&self) -> Option<&Board> {
        self.site.as_ref().map(|(_, board)| board)
    }

    /// Asks the cells that are here, every few minutes, each on a thread of its own. One that has failed since, or hangs, is told
    /// at once, and not by the next erasure. Gives how soon to ask again.
    pub(super) fn look_after(&mut self, vault: &mut Vault, now: Instant) -> Duration {
        self.take_back(vault, now);
        let last = *self.looked_after.get_or_insert(now); // A start has read them.
        let mut left = LOOK_AFTER_EVERY.saturating_sub(now.saturating_duration_since(last));
        if left.is_zero() {
            self.looked_after = Some(now);
            left = LOOK_AFTER_EVERY;
            for number in 0..vault.cells().len() {
                match LookAfter::start(vault, number, now) {
                    Ok(lent) => self.lent.extend(lent),
                    Err(error) => self.log.warn(format_args!(
                        "no thread for a look at a root cell ({error}): it is looked at ten minutes later"
                    )),
                }
            }
        }
        self.lent.iter().fold(left, |left, lent| left.min(lent.ask_again()))
    }

    /// Is a cell lent that no epoch may begin without, and not yet known to hang? Gives how soon to ask again.
    pub(super) fn answer_is_near(&self, vault: &Vault) -> Option<Duration> {
        let near = vault.lends_cells() && !self.lent.iter().any(LookAfter::hangs);
        near.then_some(ANSWER_EVERY)
    }

    /// Cells that were lent and have answered, or should have long ago.
    fn take_back(&mut self, vault: &mut Vault, now: Instant) {
        let (before, mut changed, mut failed) = (self.lent.len(), false, false);
        for mut lent in std::mem::take(&mut self.lent) {
            match lent.answer(vault) {
                Ok(looked) => {
                    let is_it = |(number, _): &mut (usize, String)| *number == lent.number();
                    let _told_no_more = self.failing.take_if(is_it);
                    match vault.take_back_cell(looked) {
                        Ok(()) if lent.hangs() => {
                            self.log.warn("a root cell that did not answer has answered")
                        }
                        Ok(()) => {}
                        Err(error) if lent.is_missed() => self.refuse(error.to_string()),
                        Err(error) => {
                            failed = true;
                            self.failing = Some((lent.number(), error.to_string()));
                        }
                    }
                }
                Err(waits) => {
                    let broke = waits == TryRecvError::Disconnected;
                    if lent.is_overdue(vault, now, broke) {
                        changed = true;
                        self.log.error(HANGING);
                    }
                    // Of one whose looker broke nothing is left to wait for: where it is away it is looked for as ever.
                    self.lent.extend(Some(lent).filter(|lent| !broke || !lent.is_missed()));
                }
            }
        }
        if self.lent.iter().any(LookAfter::is_broken) && self.lent.iter().all(LookAfter::hangs) {
            vital::die(self.log, "the look at the last root cell broke");
        }
        if changed || before > self.lent.len() {
            self.log_cells(vault, failed);
            self.tell(vault);
        }
    }

    /// What the log says behind a look.
    fn log_cells(&self, vault: &Vault, failed: bool) {
        if let Some((_, error)) = self.failing.as_ref().filter(|_| failed) {
            self.log.error(format_args!(
                "the last root cell does not give the root any more ({error}): the next erasure or start fails; let people \
                 save what they need before it is stopped"
            ));
        } else if let Err(error) = vault.check_cells()
            && !vault.lends_cells()
        {
            self.log.error(error);
        }
    }

    /// How the cells do now. Nothing stands in for the only one, or the last of two: it serves on, and is told as what it is.
    pub(super) fn tell(&self, vault: &Vault) {
        if let Some(board) = self.board() {
            board.cells(self.states(vault));
        }
    }

    pub(super) fn states(&self, vault: &Vault) -> Vec<CellState> {
        let mut states = vault.cells();
        // A start opens the other one, and this one is then away; one that was let go of has no name here.
        let is_waited_for = |state: &CellState| state.absent.is_some() && state.name.is_some();
        let why = if states.iter().any(is_waited_for) { HANGS_BESIDE } else { HANGS };
        let hanging = self.lent.iter().filter(|lent| lent.hangs()).map(|lent| (lent.number(), why));
        let failing = self.failing.iter().map(|(number, why)| (*number, why.as_str()));
        for (number, why) in hanging.chain(failing) {
            let state = states.get_mut(number).filter(|state| state.absent.is_none());
            state.into_iter().for_each(|state| state.failing = Some(why.into()));
        }
        states
    }

    /// An epoch has written and read every cell.
    pub(super) fn all_give_the_root(&mut self) {
        self.failing = None;
    }

    /// Is a cell back? Looked for every few seconds while one is absent, however busy the writer is, and never by the
    /// writer itself. While a look is under way, gives how soon to ask again.
    pub(super) fn look(&mut self, vault: &mut Vault, now: Instant) -> Option<Duration> {
        if vault.lends_cells() {
            // Whatever is back is proved by the one that is here, and that one is being looked at.
            return None;
        }
        match self.look.as_ref().map(|look| look.0.try_recv()) {
            Some(Err(TryRecvError::Empty)) => return Some(ANSWER_EVERY),
            Some(Ok(Some(back))) => self.attach(vault, back),
            Some(Ok(None) | Err(TryRecvError::Disconnected)) | None => {}
        }
        self.look = None;
        if !self.is_time_to_look(now) {
            return None;
        }
        // One that hangs is open already, in its looker's hands.
        let is_lent = |number: usize| self.lent.iter().any(|lent| lent.number() == number);
        let cells = vault.cells();
        let away = cells.iter().enumerate().map(|(number, cell)| cell.absent.is_some() && !is_lent(number));
        let away: Vec<bool> = away.collect();
        let (config, _) = self.site.as_ref().filter(|_| away.contains(&true))?;
        self.look = Look::start(config, away);
        self.look.as_ref().map(|_| ANSWER_EVERY)
    }

    fn attach(&mut self, vault: &mut Vault, Back { cell, is_blank }: Back) {
        match vault.attach_cell(cell) {
            Ok(()) => {
                self.log.warn("a root cell that was absent is back; erasures go on");
                self.refused.clear();
            }
            Err(_) if is_blank => self.refuse(BLANK.into()),
            Err(error) => self.refuse(error.to_string()),
        }
        self.tell(vault);
    }

    fn refuse(&mut self, why: String) {
        if why != self.refused {
            self.log
                .error(format_args!("what stands in the place of an absent root cell is not taken: {why}"));
            self.refused = why;
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
