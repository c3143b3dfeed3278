//! What the agent has in its hands while it is unlocked. Dropping it is the lock: keys, proof and texts are wiped.
//! Never outlives a lock in any part.

use super::awaiting::Awaiting;
use super::first::First;
use super::memory::Memory;
use super::patience::Patience;
use super::pending::{ConnectionId, Errand, For, Pending, kind, to};
use super::proof::Proof;
use super::retry::Retry;
use super::store::Store;
use super::wire::{Failure, Me, Unlock};
use crate::home::Home;
use crate::trouble::Trouble;
use journal::ids::ConversationId;
use link::Link;
use link::terminal::{News, Terminal, TerminalError, now_ms};
use pki::CredentialFile;
use protocol::client::{Command, CommandId, SecretText};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use tokio::time::Instant;

/// A connection that is being made.
type Dialling = Pin<Box<dyn Future<Output = Result<Link, TerminalError>> + Send>>;

/// See the module.
pub(crate) struct Work {
    pub(crate) terminal: Terminal,
    pub(crate) proof: Proof,
    pub(crate) store: Store,
    pub(crate) memory: Memory,
    pub(crate) pending: Pending,
    /// When people are told that they wait.
    pub(super) patience: Patience,
    /// What waits for a session, outside of it.
    pub(super) awaiting: Awaiting,
    /// Messages whose conversation is still to be found or founded.
    pub(super) first: BTreeMap<CommandId, First>,
    /// The server was last heard then, milliseconds since 1970.
    pub(super) heard_ms: u64,
    /// A question got no answer for so long that the connection is taken for dead, until something is heard.
    pub(super) deaf: bool,
    /// Who waits for the first login, and whether it may end another session.
    pub(crate) unlocker: Option<(ConnectionId, bool)>,
    /// A new password on its way: for whom, and the password, until the credential is sealed under it.
    pub(crate) setting: Option<(ConnectionId, SecretText)>,
    /// Its proof, until the server has it.
    pub(crate) next_proof: Option<Proof>,
    /// Conversations whose newest messages are still to be fetched.
    pub(crate) prefetch: VecDeque<ConversationId>,
    /// When it is tried again to connect.
    pub(super) retry: Retry,
    dialling: Option<Dialling>,
}

/// What happened.
pub(crate) enum Happened {
    Dialled(Result<Link, TerminalError>),
    News(News),
    Retry,
}

impl Work {
    /// Opens the credential of this home and begins to connect. The passphrase is forgotten when this returns.
    pub(crate) fn begin(home: &Home, with: &Unlock, unlocker: ConnectionId) -> Result<(Self, Me), Trouble> {
        let card = home.card()?;
        let file = CredentialFile::open(&home.credential(), with.passphrase.expose().as_bytes())
            .map_err(TerminalError::from)?;
        let terminal = Terminal::open(file, card, true, crate::random::source)?;
        let password = with.password.as_ref().unwrap_or(&with.passphrase);
        let proof = Proof::of(password.expose(), terminal.person()).map_err(|_| Trouble::no_proof())?;
        let me = me(&terminal)?;
        let mut work = Self {
            terminal,
            proof,
            store: Store::default(),
            memory: Memory::default(),
            pending: Pending::default(),
            patience: Patience::default(),
            awaiting: Awaiting::default(),
            first: BTreeMap::new(),
            heard_ms: now_ms(),
            deaf: false,
            unlocker: Some((unlocker, with.end_other)),
            setting: None,
            next_proof: None,
            prefetch: VecDeque::new(),
            retry: Retry::default(),
            dialling: None,
        };
        work.dial();
        Ok((work, me))
    }

    /// Begins to connect now.
    pub(crate) fn dial(&mut self) {
        self.retry.begun();
        self.dialling = Some(Box::pin(self.terminal.dial()));
    }

    /// Somebody wants an answer now: the next try is not put off any longer, but once.
    pub(crate) fn dial_now(&mut self) {
        if self.retry.hurry() {
            self.dial();
        }
    }

    /// Begins to connect in a while.
    pub(crate) fn dial_later(&mut self) {
        self.retry.later(Instant::now(), self.terminal.random());
    }

    /// Gives the session a command of a person.
    pub(crate) fn run(&mut self, command: Command, connection: ConnectionId) -> CommandId {
        self.give(command, For::Connection(connection))
    }

    /// Gives the session a command of the agent's own.
    pub(crate) fn errand(&mut self, command: Command, errand: Errand) -> CommandId {
        self.give(command, For::Agent(errand))
    }

    fn give(&mut self, command: Command, whom: For) -> CommandId {
        let (kind, to) = (kind(&command), to(&command));
        let id = self.terminal.give(command);
        self.pending.begin(id, whom, kind, to, now_ms());
        id
    }

    /// The next thing that happens on the way to the server.
    pub(crate) async fn happening(&mut self) -> Happened {
        let Self { terminal, dialling, retry, .. } = self;
        let dialled = async {
            match dialling {
                Some(future) => future.await,
                None => std::future::pending().await,
            }
        };
        let due = async {
            match retry.at() {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let happened = tokio::select! {
            result = dialled => Happened::Dialled(result),
            news = terminal.next() => Happened::News(news),
            () = due => Happened::Retry,
        };
        if let Happened::Dialled(_) = happened {
            self.dialling = None;
        }
        happened
    }
}

/// Who works here, by the certificate.
fn me(terminal: &Terminal) -> Result<Me, Trouble> {
    let leaf = terminal.credential().current().map_err(TerminalError::from)?.signature_certificate();
    Ok(Me {
        person: terminal.person().0,
        login: leaf.login().unwrap_or_default().to_owned(),
        full_name: leaf.full_name().unwrap_or_default().to_owned(),
        site: terminal.card().site.clone(),
        roles: leaf.roles().iter().map(|role| role.name().to_owned()).collect(),
        clearance: leaf.clearance().rank(),
        valid_until: leaf.validity().1.to_string(),
    })
}

impl From<&Trouble> for Failure {
    fn from(trouble: &Trouble) -> Self {
        Self { name: trouble.name.clone(), en: trouble.en.clone(), ru: trouble.ru.clone() }
    }
}
