//! The thread that owns the engine: inputs in, clocks read, outputs handed to whoever does them.
//! Never touches a socket or the device, and decides nothing itself.

use crate::backup::Asked;
use crate::border::{self, Task};
use crate::clock;
use crate::cosigned::Cosigned;
use crate::inbox::{Letter, Letters};
use crate::log::Log;
use crate::passwords::Job;
use crate::peers::Peers;
use crate::randomness::rng;
use crate::reader::Question;
use crate::status::Board;
use crate::vital;
use pki::SecretKey;
use protocol::answer::CellRecord;
use protocol::copy::BackupRecord;
use protocol::engine::{Engine, StartFacts};
use protocol::erasing::ErasureWait;
use protocol::io::{Batch, Input, Now, Output, PeriodSecret};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use tokio::sync::{mpsc, oneshot};

/// Where outputs go. All are dropped with the core, which ends their threads and tasks.
pub(crate) struct Helpers {
    /// Encoded messages to the driver. Bounded; the driver never waits for the core.
    pub(crate) network: mpsc::Sender<Vec<u8>>,
    /// At most one batch is under way.
    pub(crate) writer: Sender<Box<Batch>>,
    /// Questions for entries and bodies.
    pub(crate) reader: Sender<Question>,
    /// Passwords to be checked.
    pub(crate) passwords: Sender<Job>,
    /// Questions of whoever takes a backup away.
    pub(crate) copies: Sender<Asked>,
}

/// The engine with all around it.
pub(crate) struct Core {
    pub(crate) engine: Engine,
    pub(crate) helpers: Helpers,
    pub(crate) peers: Arc<Peers>,
    pub(crate) board: Board,
    pub(crate) cosigned: Cosigned,
    /// The server's own certificates are valid until then, Unix time in ms.
    pub(crate) certified_until_ms: u64,
    /// The newest date within that, by which the server stops where the clock is beyond.
    pub(crate) stamped_ms: Cell<u64>,
    /// The clock was beyond.
    pub(crate) past: Cell<bool>,
    /// The engine asked for the next period's key.
    pub(crate) period_wanted: bool,
    /// Told once the Start is durable: only then anybody is let in.
    pub(crate) ready: Option<oneshot::Sender<()>>,
    pub(crate) log: Log,
}

/// What the log says where the date is beyond the server's own certificates.
const PAST_ITS_CERTIFICATE: &str = "the server's certificate has run out by this machine's date: stopping in good order, with no entry \
                                    of that date. A start goes on where the date is set right, or the log has a renewed \
                                    certificate (at rest: `conclaved take-in`)";

/// Whether the core goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    GoOn,
    Stop,
}

impl Core {
    /// Starts the engine and serves it until it has stopped in good order.
    pub(crate) fn run(mut self, facts: StartFacts, mut letters: Letters) {
        let mut out = Vec::new();
        self.engine.start(self.now(), facts, &mut out);
        let flow = self.hand_out(&mut out);
        let mut flow = self.draw_period(flow, &mut out);
        let mut stops = false;
        let (mut told, mut cells, mut waits) = (None, Vec::new(), ErasureWait::Nothing);
        while flow == Flow::GoOn {
            let (letter, idle) = match letters.ready() {
                Some(letter) => (letter, false),
                // Nobody else wants anything: whoever has had his turn goes on.
                None if self.engine.has_turns() => (Letter::Own(Input::Wake), true),
                None => match letters.next() {
                    Some(letter) => (letter, false),
                    None => return,
                },
            };
            // A word that is none still counts as a turn: a batch that waited for it goes on its way.
            let input = self.read(letter).unwrap_or(Input::Wake);
            let committed = matches!(input, Input::Committed(_));
            let wake = matches!(input, Input::Wake) && !idle;
            self.tell_room(&input);
            // Before the input: whoever asks now hears of a backup that was finished a moment ago.
            flow = self.tell_backup(flow, &mut told, &mut out);
            if flow == Flow::Stop {
                break;
            }
            self.engine.more_at_hand(letters.any());
            self.engine.handle(self.now(), input, &mut out);
            if self.past.get() && !stops {
                stops = true;
                self.log.error(PAST_ITS_CERTIFICATE);
                self.engine.handle(self.now(), Input::Stop, &mut out);
            }
            flow = self.hand_out(&mut out);
            flow = self.draw_period(flow, &mut out);
            if committed {
                self.committed();
            }
            if wake {
                self.board.publish(&self.engine);
                self.cosigned.keep(&mut self.engine);
                flow = self.tell_cells(flow, &mut cells, &mut out);
                flow = self.tell_wait(flow, &mut waits, &mut out);
            }
        }
        self.cosigned.keep(&mut self.engine);
        self.log.info("everything is durable and said; stopped");
        if stops {
            // Started anew by whoever watches it: the start says whether it can go on.
            vital::die(self.log, "the server's certificate has run out");
        }
    }

    /// What the store's room means for people stands in the log as it changes.
    fn tell_room(&self, input: &Input) {
        match self.board.saw(input) {
            Some(false) => self.log.warn("the store is nearly full: messages are refused, erasure is not"),
            Some(true) => self.log.info("there is room again: messages are taken"),
            None => {}
        }
    }

    /// Draws the next period's key, where the engine wants one. It lies nowhere but in the engine, and by its batch in the tree.
    fn draw_period(&mut self, flow: Flow, out: &mut Vec<Output>) -> Flow {
        if flow == Flow::Stop || !std::mem::take(&mut self.period_wanted) {
            return flow;
        }
        let suite = self.engine.suite();
        let secret = match SecretKey::generate(suite, &mut rng()) {
            Ok(key) => PeriodSecret::of(&key),
            Err(error) => vital::die(self.log, format_args!("a key for the log's next period: {error}")),
        };
        self.engine.handle(self.now(), Input::PeriodKey(secret), out);
        self.board.publish(&self.engine);
        self.hand_out(out)
    }

    /// The engine hears of a newer backup than the one it was told of.
    fn tell_backup(&mut self, flow: Flow, told: &mut Option<BackupRecord>, out: &mut Vec<Output>) -> Flow {
        let newest = self.board.newest_backup();
        let Some(record) = newest.filter(|_| flow == Flow::GoOn && *told != newest) else { return flow };
        *told = newest;
        self.engine.handle(self.now(), Input::NewestBackup(record), out);
        self.hand_out(out)
    }

    /// The engine hears how the root cells do, as that changes.
    fn tell_cells(&mut self, flow: Flow, told: &mut Vec<CellRecord>, out: &mut Vec<Output>) -> Flow {
        let cells = self.board.cell_records();
        if flow == Flow::Stop || *told == cells {
            return flow;
        }
        told.clone_from(&cells);
        self.engine.handle(self.now(), Input::Cells(cells), out);
        self.hand_out(out)
    }

    /// The engine hears what erasures wait for, as that changes.
    fn tell_wait(&mut self, flow: Flow, told: &mut ErasureWait, out: &mut Vec<Output>) -> Flow {
        let wait = self.board.erasure_wait();
        if flow == Flow::Stop || *told == wait {
            return flow;
        }
        *told = wait;
        self.engine.handle(self.now(), Input::ErasureWaits(wait), out);
        self.hand_out(out)
    }

    fn now(&self) -> Now {
        match clock::now() {
            // No entry is stamped with such a date: the log's time never goes back, and by it nobody's certificate would be
            // valid any more.
            Ok(now) if now.wall_ms > self.certified_until_ms => {
                self.past.set(true);
                Now { wall_ms: self.stamped_ms.get(), ..now }
            }
            Ok(now) => {
                self.stamped_ms.set(now.wall_ms);
                now
            }
            Err(error) => vital::die(self.log, error),
        }
    }

    fn read(&self, letter: Letter) -> Option<Input> {
        match letter {
            Letter::Own(input) => Some(input),
            Letter::Network(bytes) => match border::from_driver(&bytes) {
                Ok(input) => Some(input),
                Err(error) => {
                    // The network's process is not believed: what it says wrongly is told and not done.
                    self.log.error(error);
                    None
                }
            },
        }
    }

    fn committed(&mut self) {
        let register = self.engine.register();
        self.peers.update_if_changed(register);
        if let Some(ready) = self.ready.take() {
            self.board.publish(&self.engine);
            let _network_gone = ready.send(());
        }
    }

    /// Gives each output to its doer. A doer that is gone has ended the process already, or the core is stopping.
    fn hand_out(&mut self, out: &mut Vec<Output>) -> Flow {
        for output in out.drain(..) {
            let own = match border::task(output) {
                Task::Network(bytes) => {
                    let _network_gone = self.helpers.network.blocking_send(bytes);
                    continue;
                }
                Task::Own(own) => own,
            };
            let done = match own {
                Output::Commit(batch) => self.helpers.writer.send(batch).is_ok(),
                Output::Read(ticket, items) => self.helpers.reader.send((ticket, items)).is_ok(),
                Output::Copy(ticket, session, task) => {
                    self.helpers.copies.send((ticket, session, task)).is_ok()
                }
                Output::CheckPassword(check) => self.helpers.passwords.send(Job::Check(check)).is_ok(),
                Output::MakeVerifier(check) => self.helpers.passwords.send(Job::Make(check)).is_ok(),
                Output::DrawPeriodKey => {
                    self.period_wanted = true;
                    continue;
                }
                Output::Stopped => return Flow::Stop,
                Output::Halt(why) => vital::die(self.log, format_args!("the engine is broken: {why}")),
                Output::Send(..)
                | Output::Carry(..)
                | Output::Forget(..)
                | Output::Cut(_)
                | Output::End(_)
                | Output::Pause(_)
                | Output::Resume(_) => {
                    unreachable!("`task` gives these to the network")
                }
            };
            if !done {
                vital::die(self.log, "a thread of the core has ended");
            }
        }
        Flow::GoOn
    }
}
