//! How the server does, for `conclaved status`: a local socket that answers one line of JSON and closes.
//! Never tells names, texts or keys, and never waits for the core: it tells what the core last put on the board.

use crate::backup::{Newest, Shelf};
use crate::log::Log;
use crate::words::{Reason, cell_warning};
use crate::{clock, socket};
use journal::act::CellName;
use pki::PersonId;
use protocol::answer::CellRecord;
use protocol::copy::BackupRecord;
use protocol::engine::Engine;
use protocol::erasing::ErasureWait;
use protocol::io::Input;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use vault::{CellKind, CellState};

/// Name of the socket in the runtime directory.
const SOCKET: &str = "status.sock";
/// Longest answer that is read, bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// Longest wait for one who asks and does not read, and for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What is told. Keys are never renamed; new ones may come.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// The program's version.
    pub(crate) version: String,
    /// The log's id, hexadecimal.
    pub(crate) log: String,
    /// The site's name.
    pub(crate) site: String,
    /// Addresses it listens on.
    pub(crate) listen: Vec<String>,
    /// Seconds since the start.
    pub(crate) up_seconds: u64,
    /// Durable entries.
    pub(crate) entries: u64,
    /// Live sessions.
    pub(crate) sessions: u64,
    /// People whom the journal knows.
    pub(crate) people: u64,
    /// Conversations.
    pub(crate) conversations: u64,
    /// Messages, erased ones included.
    pub(crate) messages: u64,
    /// Erasures asked for and not yet done.
    pub(crate) erasing: u64,
    /// How often the root has been replaced.
    pub(crate) erasure_epoch: u64,
    /// The period of the log that runs: one for each day of UTC.
    #[serde(default)]
    pub(crate) period: u64,
    /// When it began, Unix time in ms.
    #[serde(default)]
    pub(crate) period_since_ms: u64,
    /// How far the journal's time is ahead of this machine's clock, ms.
    #[serde(default)]
    pub(crate) clock_ahead_ms: u64,
    /// What the root cell cannot promise.
    pub(crate) cell_warning: String,
    /// The root cells. Losing every one of them loses the store.
    pub(crate) cells: Vec<CellStatus>,
    /// What erasures wait for: `pace`, `cell`, `backup` or `room`; empty when none waits.
    pub(crate) erasures_wait: String,
    /// In how many seconds, about, what is being erased will be; 0: at once, or not known.
    pub(crate) erased_in_seconds: u64,
    /// Whether messages are taken.
    pub(crate) takes_messages: bool,
    /// Bytes of the device in use.
    pub(crate) used_bytes: u64,
    /// Bytes that files may still take; messages take more.
    pub(crate) left_for_files: u64,
    /// Bytes of the device.
    pub(crate) device_bytes: u64,
    /// The logical block of the raw device that the store lies on, bytes; 0: it is a container file.
    pub(crate) logical_block_bytes: u32,
    /// It was put back from a backup, somebody has accepted that nothing came after it, and this is its first life since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) put_back_accepted: bool,
    /// Steps of the confinement that are not in force.
    pub(crate) missing_confinement: Vec<String>,
    /// Login of who took it away, where somebody did.
    pub(crate) backup_taken_by: Option<String>,
    /// The newest backup that this server knows of.
    pub(crate) newest_backup: Option<Newest>,
}

/// One root cell.
#[derive(Clone, Default, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CellStatus {
    /// "file", "sector" or "tpm".
    pub(crate) kind: String,
    /// Where the configuration says that it is; absent of one that the configuration does not name any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// Why it takes no part; absent when it does.
    pub(crate) absent: Option<String>,
    /// It is here, nothing stands in for it, and the last look at it failed: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failing: Option<String>,
    /// The name of one that is absent and waited for, by which two officers let go of it. One without a name never joined, or was
    /// let go of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

impl Status {
    /// What the weakest of its cells cannot promise, in both languages.
    pub(crate) fn cell_warning(&self) -> Reason {
        let kinds = [CellKind::File, CellKind::Sector, CellKind::Tpm];
        let kind = kinds.into_iter().find(|kind| kind.warning() == self.cell_warning);
        kind.map_or_else(|| self.cell_warning.clone().into(), cell_warning)
    }
}

impl CellStatus {
    /// Of the cells as the vault tells them: those of these places first, in their order, then what no place names.
    pub(crate) fn of(states: Vec<CellState>, places: &[String]) -> Vec<Self> {
        let places = places.iter().cloned().map(Some).chain(std::iter::repeat(None));
        let status = |(state, path): (CellState, Option<String>)| {
            let name = state.name.filter(|_| state.absent.is_some());
            let name = name.map(|name| CellName(name).to_string());
            let CellState { kind, absent, failing, .. } = state;
            Self { kind: kind.name().into(), path, absent, failing, name }
        };
        states.into_iter().zip(places).map(status).collect()
    }

    /// Its place behind its kind, for the log.
    pub(crate) fn at(&self) -> String {
        self.path.as_ref().map(|path| format!(", {path}")).unwrap_or_default()
    }

    /// What the log says of one that is away.
    pub(crate) fn absence(&self) -> Option<String> {
        let (why, kind, at) = (self.absent.as_ref()?, &self.kind, self.at());
        let waits = match &self.name {
            Some(name) => format!(
                "erasures wait for the cell {name}. If that one is lost for good, two officers let go of it (`conclave-admin cell drop \
                 propose {name}`); a blank one in its place joins at the start behind that"
            ),
            // What has no name is in no list: it never joined, or was let go of.
            None => "nothing waits for it".into(),
        };
        Some(format!("root cell ({kind}{at}) is ABSENT: {why}; {waits}"))
    }
}

/// Where the core puts the figures.
#[derive(Clone)]
pub(crate) struct Board {
    status: Arc<Mutex<Status>>,
    records: Arc<Mutex<Vec<CellRecord>>>,
    /// What erasures wait for, and when that was said.
    wait: Arc<Mutex<(ErasureWait, Instant)>>,
    started: Instant,
    shelf: Shelf,
    /// Of the cells, in the order of the configuration.
    places: Arc<[String]>,
}

impl Board {
    /// A board with what does not change, and the places of the cells.
    pub(crate) fn new(fixed: Status, shelf: Shelf, places: Vec<String>) -> Self {
        let board = Self {
            places: places.into(),
            status: Arc::new(Mutex::new(fixed)),
            records: Arc::default(),
            wait: Arc::new(Mutex::new((ErasureWait::Nothing, Instant::now()))),
            started: Instant::now(),
            shelf,
        };
        let epoch = board.lock().erasure_epoch;
        board.erased(epoch); // An erasure that the last life could not note any more.
        board
    }

    /// A backup of before this erasure opens nothing any more.
    fn erased(&self, epoch: u64) {
        let noted = clock::now().map(|now| self.shelf.erased(epoch, now.wall_ms));
        let _a_line_of_status_less = noted;
    }

    /// Notes figures that only pass by.
    /// Gives whether messages are taken, where that changed.
    pub(crate) fn saw(&self, input: &Input) -> Option<bool> {
        match input {
            Input::Room(takes_messages, used, device) => {
                let mut status = self.lock();
                let changed = status.takes_messages != *takes_messages;
                (status.takes_messages, status.used_bytes, status.device_bytes) =
                    (*takes_messages, *used, *device);
                changed.then_some(*takes_messages)
            }
            Input::ErasureDone(epoch, _) => {
                self.lock().erasure_epoch = *epoch;
                self.erased(*epoch);
                None
            }
            Input::Connected(_)
            | Input::Received(..)
            | Input::Closed(_)
            | Input::Drained(..)
            | Input::PasswordChecked(..)
            | Input::VerifierMade(..)
            | Input::Committed(_)
            | Input::ReadDone(..)
            | Input::Copied(..)
            | Input::CopyReleased(_)
            | Input::NewestBackup(_)
            | Input::BackupBehind(_)
            | Input::Cells(_)
            | Input::ErasureWaits(_)
            | Input::Forgotten(..)
            | Input::BodiesLost
            | Input::PeriodKey(_)
            | Input::Wake
            | Input::Stop => None,
        }
    }

    /// Takes over the figures of the state.
    pub(crate) fn publish(&self, engine: &Engine) {
        let register = engine.register();
        let count = |n: usize| n as u64;
        let taker = self.shelf.newest().and_then(|newest| newest.taken).map(|taker| PersonId(taker.person));
        let taken_by = taker.and_then(|id| register.person(id)).map(|person| person.login.clone());
        let mut status = self.lock();
        status.up_seconds = self.started.elapsed().as_secs();
        status.entries = register.size();
        status.sessions = count(register.chains().count());
        status.people = count(register.people().filter(|person| !person.is_server()).count());
        status.conversations = count(register.conversations().count());
        status.messages = register.message_count();
        (status.left_for_files, status.backup_taken_by) = (engine.left_for_files(), taken_by);
        status.erasing = count(register.erasures_pending().count());
        (status.period, status.period_since_ms) = engine.period();
        status.clock_ahead_ms = engine.clock_ahead_ms();
    }

    /// The newest backup, as the engine tells it.
    pub(crate) fn newest_backup(&self) -> Option<BackupRecord> {
        self.shelf.newest().map(|newest| newest.record())
    }

    /// How the root cells do.
    pub(crate) fn cells(&self, cells: Vec<CellState>) {
        let record = |cell: &CellState| CellRecord {
            name: cell.name.map(CellName),
            kind: match cell.kind {
                // A cell in memory serves tests and is never opened here.
                CellKind::File | CellKind::Memory => 1,
                CellKind::Sector => 2,
                CellKind::Tpm => 3,
            },
            absent: cell.absent.clone(),
            failing: cell.failing.clone(),
        };
        *self.records.lock().unwrap_or_else(PoisonError::into_inner) = cells.iter().map(record).collect();
        self.lock().cells = CellStatus::of(cells, &self.places);
    }

    /// The same, as the engine tells it.
    pub(crate) fn cell_records(&self) -> Vec<CellRecord> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What that which is to be erased waits for.
    pub(crate) fn erasures_wait(&self, wait: ErasureWait) {
        *self.wait.lock().unwrap_or_else(PoisonError::into_inner) = (wait, Instant::now());
    }

    /// The same as of now: of what the cell's pace asks, some time has passed.
    pub(crate) fn erasure_wait(&self) -> ErasureWait {
        let (wait, told) = *self.wait.lock().unwrap_or_else(PoisonError::into_inner);
        match wait {
            ErasureWait::Pace(seconds) => {
                ErasureWait::Pace(seconds.saturating_sub(told.elapsed().as_secs()).max(1))
            }
            ErasureWait::Nothing | ErasureWait::Cell | ErasureWait::Backup | ErasureWait::Room => wait,
        }
    }

    /// Where it listens, once that is known.
    pub(crate) fn listens(&self, addresses: Vec<String>) {
        self.lock().listen = addresses;
    }

    fn line(&self) -> String {
        let wait = self.erasure_wait();
        let status = Status {
            newest_backup: self.shelf.newest(),
            erasures_wait: wait.name().into(),
            erased_in_seconds: wait.seconds(),
            ..self.lock().clone()
        };
        serde_json::to_string(&status).expect("a struct of numbers and texts is JSON") + "\n"
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the socket.
pub(crate) fn bind(runtime_dir: &Path) -> std::io::Result<UnixListener> {
    let listener = socket::bind(runtime_dir, SOCKET)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Answers whoever asks, one after the other, until it is aborted.
pub(crate) async fn serve(listener: UnixListener, board: Board, log: Log) {
    loop {
        match listener.accept().await {
            Ok((mut stream, _)) => {
                let line = board.line();
                let _slow_or_gone = tokio::time::timeout(TIMEOUT, stream.write_all(line.as_bytes())).await;
            }
            Err(error) => {
                log.warn(format_args!("status socket: {error}"));
                tokio::time::sleep(TIMEOUT).await;
            }
        }
    }
}

/// Asks a running server.
pub(crate) fn ask(runtime_dir: &Path) -> std::io::Result<Status> {
    let stream = UnixStream::connect(runtime_dir.join(SOCKET))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Level;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_board_is_told_to_whoever_asks() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let shelf = Shelf::open(dir.path());
        let board = Board::new(Status { site: "Комната".into(), ..Status::default() }, shelf, Vec::new());
        board.saw(&Input::Room(true, 5, 9));
        board.listens(vec!["127.0.0.1:1".into()]);
        assert!(ask(dir.path()).is_err(), "nobody listens yet");
        for _ in 0..2 {
            let listener = runtime.block_on(async { bind(dir.path()) }).unwrap();
            let mode = std::fs::metadata(dir.path().join(SOCKET)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let serving = runtime.spawn(serve(listener, board.clone(), Log::new(Level::Error)));
            let path = dir.path().to_owned();
            let asked = runtime.block_on(async { tokio::task::spawn_blocking(move || ask(&path)).await });
            let status = asked.unwrap().unwrap();
            assert_eq!(
                (status.site.as_str(), status.used_bytes, status.takes_messages),
                ("Комната", 5, true)
            );
            serving.abort();
        }
    }
}
