//! The agent's loop: commands on one side, the session on the other, time in between.
//! Never blocks on a command that does not read, and never keeps a secret past a lock.

use super::connection::{Connection, Heard};
use super::patience::Due;
use super::pending::{ConnectionId, DISCLOSURE, Failed, For, To};
use super::wire::{self, Failure, Me, Status, Tell};
use super::work::{Happened, Work};
use super::{Start, parts, place};
use crate::home::Home;
use crate::trouble::Trouble;
use link::terminal::{News, now_ms};
use protocol::client::{CommandId, Event, Reply};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::Instant;

/// Commands that talk to the agent at once.
const CONNECTIONS_MAX: usize = 64;
/// Requests that wait for the loop.
const HEARD_MAX: usize = 64;
/// The longest sleep of the loop when no lock is due.
const LONG: Duration = Duration::from_secs(3600);

/// See the module.
pub(crate) struct Agent {
    pub(super) home: Home,
    pub(super) runtime: PathBuf,
    listener: UnixListener,
    hangup: Signal,
    terminate: Signal,
    speak: Sender<(ConnectionId, Heard)>,
    heard: Receiver<(ConnectionId, Heard)>,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    last_connection: ConnectionId,
    starter: ConnectionId,
    pub(super) work: Option<Work>,
    pub(super) me: Option<Me>,
    pub(super) login: u64,
    pub(super) entries: u64,
    pub(super) must_set_password: bool,
    pub(super) trouble: Option<Failure>,
    /// What came to nothing in sessions before this one, with nobody listening.
    pub(super) given_up: VecDeque<Failed>,
    pub(super) idle_asked_ms: Option<u64>,
    pub(super) idle_policy_ms: Option<u64>,
    pub(super) used_at: Instant,
    pub(super) ever_unlocked: bool,
    /// Keys that changed while no command listened; told to the next one.
    pub(super) notices: VecDeque<Event>,
    pub(super) leaving: bool,
}

enum Step {
    Accepted(io::Result<UnixStream>),
    Heard(ConnectionId, Heard),
    Happened(Happened),
    Time,
    Stop,
}

impl Agent {
    pub(super) fn new(
        start: Start,
        listener: std::os::unix::net::UnixListener,
        runtime: PathBuf,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        start.starter.set_nonblocking(true)?;
        let (speak, heard) = mpsc::channel(HEARD_MAX);
        let mut agent = Self {
            home: start.home,
            runtime,
            listener: UnixListener::from_std(listener)?,
            hangup: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            speak,
            heard,
            connections: BTreeMap::new(),
            last_connection: 0,
            starter: 0,
            work: None,
            me: None,
            login: 0,
            entries: 0,
            must_set_password: false,
            trouble: None,
            given_up: VecDeque::new(),
            idle_asked_ms: start.idle_ms,
            idle_policy_ms: None,
            used_at: Instant::now(),
            ever_unlocked: false,
            notices: VecDeque::new(),
            leaving: false,
        };
        agent.starter = agent.accept(UnixStream::from_std(start.starter)?)?;
        Ok(agent)
    }

    /// Lives until told otherwise.
    pub(super) async fn live(mut self) -> io::Result<()> {
        while !self.leaving {
            match self.next_step().await {
                Step::Accepted(Ok(stream)) => {
                    // A peer that is not ours, or one too many, is hung up on.
                    let _ = self.accept(stream);
                }
                Step::Accepted(Err(error)) => return Err(error),
                Step::Heard(id, Heard::Ask(ask)) => self.asked(id, ask).await,
                Step::Heard(id, Heard::Gone) => self.gone(id),
                Step::Happened(happened) => self.happened(happened).await,
                Step::Time if self.is_idle() => {
                    self.lock().await;
                }
                Step::Time => self.remind(false).await,
                Step::Stop => self.leaving = true,
            }
        }
        self.lock().await;
        // Whoever connects from here on finds nobody, instead of an agent that will not answer.
        let _ = std::fs::remove_file(place::socket(&place::agent_dir(&self.runtime, self.home.path())));
        for (_, connection) in std::mem::take(&mut self.connections) {
            connection.finish().await;
        }
        Ok(())
    }

    async fn next_step(&mut self) -> Step {
        let patience = self.work.as_ref().map(|work| [work.patience.wake(), work.awaiting.wake()]);
        let wake = patience.into_iter().flatten().chain([self.lock_at()]).flatten().min();
        let wake = wake.unwrap_or_else(|| Instant::now() + LONG);
        let Self { listener, heard, work, hangup, terminate, .. } = self;
        let happening = async {
            match work {
                Some(work) => work.happening().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = listener.accept() => Step::Accepted(accepted.map(|(stream, _)| stream)),
            Some((id, heard)) = heard.recv() => Step::Heard(id, heard),
            happened = happening => Step::Happened(happened),
            () = tokio::time::sleep_until(wake) => Step::Time,
            _ = hangup.recv() => Step::Stop,
            _ = terminate.recv() => Step::Stop,
        }
    }

    fn accept(&mut self, stream: UnixStream) -> io::Result<ConnectionId> {
        if self.connections.len() >= CONNECTIONS_MAX {
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        }
        self.last_connection += 1;
        let id = self.last_connection;
        self.connections.insert(id, Connection::begin(stream, id, self.speak.clone())?);
        Ok(id)
    }

    fn gone(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        if let Some(work) = &mut self.work {
            work.abandon(id);
        }
        // Started, and given up before it was ever of use.
        if id == self.starter && !self.ever_unlocked {
            self.leaving = true;
        }
    }

    /// Says something to a command that waits for it.
    pub(super) async fn tell(&mut self, id: ConnectionId, tell: Tell) {
        let Some(connection) = self.connections.get(&id) else { return };
        if !connection.tell(&tell).await {
            self.gone(id);
        }
    }

    /// Says what came of a command, a long list in parts.
    pub(super) async fn tell_done(&mut self, id: ConnectionId, reply: Reply) {
        for tell in parts::told(reply) {
            self.tell(id, tell).await;
        }
    }

    pub(super) async fn fail(&mut self, id: ConnectionId, trouble: &Trouble) {
        self.tell(id, Tell::Failed(trouble.into())).await;
    }

    /// Says an event to everybody who watches.
    pub(super) fn mention(&mut self, event: Event) {
        if !self.connections.values().any(|connection| connection.watching) {
            return;
        }
        let frame = wire::frame(&Tell::Event(Box::new(event)));
        self.connections.retain(|_, connection| !connection.watching || connection.mention(&frame));
    }

    /// Tells those who wait that they do, and answers from memory what need not wait.
    async fn remind(&mut self, lost: bool) {
        let Some(work) = &mut self.work else { return };
        let now = Instant::now();
        for connection in work.awaiting.overdue(now) {
            self.fail(connection, &Trouble::no_connection()).await;
        }
        let Some(work) = &mut self.work else { return };
        for due in work.patience.due(now, lost) {
            match due {
                Due::Say(connection) => self.tell(connection, Tell::Waiting(!lost)).await,
                Due::Answer(id, connection, question) => {
                    let Some(work) = &mut self.work else { return };
                    let Some(reply) = work.memory.recall(&question, &work.store) else { continue };
                    // The question stays asked: what comes of it is kept for the next one.
                    work.pending.abandon(connection);
                    work.patience.end(id);
                    work.deaf = true;
                    self.answer(connection, reply).await;
                }
                Due::GiveUp(id, connection) => {
                    let Some(work) = &mut self.work else { return };
                    let discloses = work.pending.kind_of(id) == Some(DISCLOSURE);
                    // What is signed may be admitted yet: then its outcome is nobody's.
                    let trouble = match work.give_up(id) {
                        false if discloses => Trouble::disclosure_unknown(),
                        true | false => Trouble::no_connection(),
                    };
                    work.pending.abandon(connection);
                    self.fail(connection, &trouble).await;
                }
            }
        }
    }

    async fn happened(&mut self, happened: Happened) {
        if let (Happened::News(News::Event(_)), Some(work)) = (&happened, &mut self.work) {
            (work.heard_ms, work.deaf) = (now_ms(), false);
        }
        match happened {
            Happened::Dialled(Ok(link)) => {
                if let Some(work) = &mut self.work {
                    work.terminal.attach(link);
                }
            }
            Happened::Dialled(Err(error)) | Happened::News(News::Lost(error)) => {
                self.lost(error.into()).await
            }
            Happened::News(News::Event(event)) => self.event(event).await,
            Happened::Retry => {
                if let Some(work) = &mut self.work {
                    work.dial();
                }
            }
        }
    }

    /// The connection failed or went away: the first login fails with it, later ones are tried again.
    async fn lost(&mut self, trouble: Trouble) {
        let Some(work) = &mut self.work else { return };
        self.trouble = Some((&trouble).into());
        match work.unlocker {
            Some(_) => self.give_up(&trouble).await,
            None => {
                work.dial_later();
                self.remind(true).await;
            }
        }
    }

    pub(super) fn status(&self) -> Status {
        let work = self.work.as_ref();
        let name = |to: To| {
            let memory = &work?.memory;
            match to {
                To::Conversation(of) => memory.title(of),
                To::Person(person) => memory.login(person),
            }
        };
        let failed = work.into_iter().flat_map(|work| work.pending.failed());
        let left = |at: Instant| at.saturating_duration_since(Instant::now()).as_millis() as u64;
        Status {
            unlocked: work.is_some_and(|work| work.unlocker.is_none()),
            online: work.is_some_and(Work::is_online),
            me: self.me.clone(),
            login: self.login,
            entries: self.entries,
            held: work.map_or(0, |work| work.store.len() as u64),
            unsent: work.map(|work| work.pending.unsent(name)).unwrap_or_default(),
            failed: self.given_up.iter().chain(failed).map(|failed| failed.told(name)).collect(),
            trouble: self.trouble.clone(),
            lock_in_ms: self.lock_at().map(left),
            memory: work.map(|work| work.proof.kept()).unwrap_or_default(),
            must_set_password: work.is_some() && self.must_set_password,
            checkpoint: work.map(|work| work.terminal.checkpoint()).unwrap_or_default().into(),
            successions: work.map(|work| work.terminal.successions()).unwrap_or_default(),
            closed: work.and_then(|work| work.terminal.closed()),
        }
    }
}

impl Work {
    /// Nobody waits for this command any more: it ends with nothing signed, or goes on where it signed something.
    /// Whether it ended.
    fn give_up(&mut self, command: CommandId) -> bool {
        self.patience.end(command);
        let ended = self.terminal.give_up(command);
        if ended {
            self.pending.end(command, None);
        }
        ended
    }

    /// A command went away. What it began goes on, save a file that only it could read or write, and a disclosure whose
    /// file nobody would write: where it is not signed, it never is.
    fn abandon(&mut self, id: ConnectionId) {
        if let Some(command) = self.pending.of(id) {
            self.patience.end(command);
            // No file has this piece: a transfer that wants bytes ends, everything else does not notice.
            self.terminal.give_chunk(command, protocol::client::SecretBytes::default());
            self.terminal.end_fetch(command);
            if self.pending.kind_of(command) == Some(DISCLOSURE) {
                self.give_up(command);
            }
        }
        self.pending.abandon(id);
        self.awaiting.forget(id);
    }

    /// Whether the server answers, as far as is known.
    pub(super) fn is_online(&self) -> bool {
        self.terminal.is_ready() && !self.deaf
    }

    /// For whom a command runs; a result that nobody knows of is nobody's.
    pub(super) fn whom(&self, id: u64) -> For {
        self.pending.whom(id).unwrap_or(For::Nobody)
    }
}
