//! The server's deciding half: orders statements and answers once they are durable.
//! Never touches a socket, a disk, a clock or a source of randomness: [`Input`]s come in with the time, [`Output`]s go
//! out, and both could travel between processes as bytes. Nothing leaves before what it depends on is durable.

pub mod books;
mod bundle;
mod chunks;
mod commit;
mod copying;
pub mod cosigned;
mod deliver;
mod facts;
mod forget;
pub mod founding;
mod ledger;
mod login;
mod page;
mod passwords;
mod periods;
mod pump;
mod query;
pub mod receipts;
pub mod recovery;
mod release;
mod runs;
mod session;
mod settle;
pub mod snapshot;
mod submit;
pub mod taking;
#[cfg(test)]
mod tests;
mod told;
mod visible;
mod witnessing;

pub use books::Books;
pub use facts::{StartFacts, StoreLimits};
pub use snapshot::Snapshots;

use self::query::budget::Previews;
use crate::answer::CellRecord;
use crate::copy::BackupRecord;
use crate::erasing::ErasureWait;
use crate::frame::Successions;
use crate::io::{Input, Now, Output, SessionId, Ticket};
use crate::limits::TURN_COST_MAX;
use crate::succession;
use chunks::Reservations;
use commit::{Commits, Durable, LogSigners};
use facts::{Clock, Failures, Room};
use forget::Forgetting;
use journal::Origin;
use journal::checkpoint::SignedCheckpoint;
use journal::ids::{Index, LogId};
use journal::register::Register;
use journal::tree::Tree;
use ledger::Ledger;
use page::Reads;
use passwords::PasswordDesk;
use pki::{CertId, Certificate, PersonId, SecretKey, Suite, TrustAnchor};
use session::Sessions;
use std::collections::HashMap;
use witnessing::Witnesses;

/// What a start brings: the replayed state, the keys and the certificates.
pub struct EngineParts {
    /// The state behind the last durable entry.
    pub register: Register,
    /// The tree over all durable entries.
    pub tree: Tree,
    /// What replay fed with [`Books::observe`], entry by entry.
    pub books: Books,
    /// The signed note of the last durable checkpoint.
    pub note: Vec<u8>,
    /// The log identity key.
    pub identity: SecretKey,
    /// The key of the current period.
    pub period: SecretKey,
    /// The core's agreement certificate, DER.
    pub core: Vec<u8>,
    /// The certificate that TLS shows.
    pub server: CertId,
}

/// Why these parts make no engine.
#[derive(Debug, thiserror::Error)]
pub enum BadParts {
    /// There is no genesis, or no period key yet.
    #[error("the log is not founded")]
    NotFounded,
    /// Register, tree and note are not of one size and root.
    #[error("register, tree and checkpoint do not fit each other")]
    Heads,
    /// A key is not the one that the journal names.
    #[error("the {0} key is not the one that the journal names")]
    WrongKey(&'static str),
    /// The core's certificate does not parse.
    #[error("the core's certificate: {0}")]
    Core(#[from] pki::BadCertificate),
}

/// An invariant does not hold. The engine stops at once and says why to the log.
#[derive(Debug)]
struct Broken(String);

type Whole<T = ()> = Result<T, Broken>;

/// What never changes while the engine runs.
struct Site {
    log: LogId,
    suite: Suite,
    signers: LogSigners,
    core: Vec<u8>,
    core_id: CertId,
    server: CertId,
    root: [TrustAnchor; 1],
    issuing: [Certificate; 1],
    /// What every greeting names where the log was succeeded.
    successions: Option<Successions>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Not started: no Start entry yet.
    New,
    Running,
    /// The Stop entry is on its way.
    Stopping,
    /// Stopped or broken: deaf.
    Done,
}

/// See the module.
pub struct Engine {
    phase: Phase,
    site: Site,
    ledger: Ledger,
    commits: Commits,
    sessions: Sessions,
    passwords: PasswordDesk,
    reads: Reads,
    reservations: Reservations,
    failures: Failures,
    clock: Clock,
    room: Room,
    forgetting: Forgetting,
    snapshots: Option<Snapshots>,
    /// What may still be taken off streams for the present input.
    turn: usize,
    /// The newest message handed to a session of a person, by conversation and person: the server's word, in memory.
    delivered: HashMap<(u64, PersonId), Index>,
    /// A damaged body is in the journal as an alarm already.
    damage_told: bool,
    /// Holds whose end is to be called to mind, with who placed them.
    holds_ending: Vec<(Index, PersonId)>,
    /// Who takes a backup away.
    copier: Option<SessionId>,
    newest_backup: Option<BackupRecord>,
    cells: Vec<CellRecord>,
    erasure_wait: ErasureWait,
    previews: Previews,
    /// When the running period began, by its KeyRoll.
    period_began_ms: Option<u64>,
    /// The boot clock then, or when this run began.
    period_boot_ms: u64,
    /// The driver draws the next period's key.
    period_asked: bool,
    witnesses: Witnesses,
    next_ticket: Ticket,
}

impl Engine {
    /// An engine over replayed state. Nothing is served before [`Engine::start`].
    pub fn new(parts: EngineParts) -> Result<Self, BadParts> {
        let EngineParts { register, tree, books, note, identity, period, core, server } = parts;
        let (Some(site), Some(current)) = (register.site(), register.period()) else {
            return Err(BadParts::NotFounded);
        };
        if site.identity[..] != *identity.public().raw() {
            return Err(BadParts::WrongKey("identity"));
        }
        if current.key[..] != *period.public().spki() {
            return Err(BadParts::WrongKey("period"));
        }
        let head = SignedCheckpoint::parse(&note).map_err(|_| BadParts::Heads)?.claimed().head;
        if (head.size, head.root) != (tree.size(), tree.root()) || register.size() != tree.size() {
            return Err(BadParts::Heads);
        }
        let frontier = tree.frontier_at(head.size).map_err(|_| BadParts::Heads)?;
        let (log, suite) = (site.log, site.suite);
        let origin = Origin { log, era: register.era() };
        let site = Site {
            log,
            suite,
            root: [TrustAnchor::new(site.root().clone())],
            issuing: [site.issuing().clone()],
            successions: succession::shown(&books.founding, &register),
            signers: LogSigners::new(origin, identity, period).map_err(|_| BadParts::WrongKey("period"))?,
            core_id: Certificate::parse(&core)?.id(),
            core,
            server,
        };
        let period_began_ms = books.newest_roll_ms();
        Ok(Self {
            phase: Phase::New,
            site,
            ledger: Ledger::new(register, tree, books),
            commits: Commits::new(Durable { head, note: note.into() }, frontier),
            sessions: Sessions::default(),
            passwords: PasswordDesk::default(),
            reads: Reads::default(),
            reservations: Reservations::default(),
            failures: Failures::default(),
            clock: Clock::default(),
            room: Room::default(),
            forgetting: Forgetting::default(),
            snapshots: None,
            turn: TURN_COST_MAX,
            delivered: HashMap::new(),
            damage_told: false,
            holds_ending: Vec::new(),
            copier: None,
            newest_backup: None,
            cells: Vec::new(),
            erasure_wait: ErasureWait::Nothing,
            previews: Previews::default(),
            period_began_ms,
            period_boot_ms: 0,
            period_asked: false,
            witnesses: Witnesses::default(),
            next_ticket: 1,
        })
    }

    /// Decides what follows from one input.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        if self.phase == Phase::Done {
            return;
        }
        self.prepare();
        self.ledger.set_now(now);
        self.turn = TURN_COST_MAX;
        let done = self.step(now, input, out).and_then(|()| self.flush(out));
        self.let_go_of_copies(out);
        self.halt_if_broken(done, out);
    }

    /// Whether more input is at hand behind the next one: then a batch may take that in, too, before it is written.
    pub fn more_at_hand(&mut self, more: bool) {
        self.commits.more_at_hand(more);
    }

    /// The state, for drivers that show it and for tests.
    pub fn register(&self) -> &Register {
        &self.ledger.register
    }

    /// When the next `Input::Wake` is worth sending, by the wall clock, beside one each second while anyone is
    /// logging in.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        let register = &self.ledger.register;
        let of_state = register.next_deadline_ms().into_iter().chain(register.next_run_ms());
        of_state.chain(self.witness_deadline_ms()).min()
    }

    /// Whether sessions wait only for their turn: another input, a `Wake` if there is none, lets the next one go on.
    pub fn has_turns(&self) -> bool {
        !self.sessions.turns.is_empty()
    }

    /// What the store can take; without it there is no bound but the engine's own.
    pub fn fit_to(&mut self, store: StoreLimits) {
        self.room.fit_to(store);
        self.commits.fit_to(store);
    }

    fn halt_if_broken(&mut self, done: Whole, out: &mut Vec<Output>) {
        if let Err(Broken(why)) = done {
            self.phase = Phase::Done;
            out.push(Output::Halt(why));
        }
    }

    fn step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) -> Whole {
        match self.phase {
            Phase::New => {
                if let Input::Room(takes, used, device) = input {
                    self.room.set(takes, used, device);
                } else if let Input::Stop = input {
                    self.stopped(out);
                } else {
                    return Err(Broken("an input before the start".into()));
                }
            }
            Phase::Running => return self.running(now, input, out),
            Phase::Stopping => {
                if let Input::Committed(number) = input {
                    return self.committed(number, out);
                } else if let Input::Closed(session) = input {
                    self.gone(session);
                }
            }
            Phase::Done => {}
        }
        Ok(())
    }

    fn running(&mut self, now: Now, input: Input, out: &mut Vec<Output>) -> Whole {
        self.check_clock(now)?;
        self.ask_for_period(out);
        self.watch_witnesses()?;
        self.next_turn(out)?;
        match input {
            Input::Connected(connected) => self.connected(connected, out),
            Input::Received(session, bytes) => self.received(session, &bytes, out),
            Input::Closed(session) => self.closed(session),
            Input::Drained(handed) => {
                handed.into_iter().try_for_each(|(session, bytes)| self.drained(session, bytes, out))
            }
            Input::PasswordChecked(ticket, right) => self.password_checked(ticket, right, out),
            Input::VerifierMade(ticket, verifier) => self.verifier_made(ticket, verifier, out),
            Input::Committed(number) => self.committed(number, out),
            Input::ReadDone(ticket, found) => self.read_done(ticket, found, out),
            Input::ErasureDone(epoch, through) => self.erasure_done(epoch, through, out),
            Input::Forgotten(number, dropped) => self.forgotten(number, &dropped, out),
            Input::BodiesLost => self.damaged(None),
            Input::Copied(ticket, copied) => self.copied(ticket, copied, out),
            Input::CopyReleased(id) => {
                self.copy_released(id);
                Ok(())
            }
            Input::Cells(cells) => {
                self.cells = cells;
                Ok(())
            }
            Input::ErasureWaits(wait) => {
                self.erasure_wait = wait;
                Ok(())
            }
            Input::BackupBehind(epoch) => self.backup_behind(epoch),
            Input::PeriodKey(secret) => self.roll_period(secret),
            Input::NewestBackup(record) => {
                self.newest_backup = Some(record);
                Ok(())
            }
            Input::Wake => self.wake(out),
            Input::Stop => self.stop(out),
            Input::Room(takes, used, device) => self.room_changed(takes, used, device),
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }
}
