//! `conclaved run`: confines itself, opens the store, replays, writes START, then listens, until it is told to stop.
//! Never opens a socket before it is confined, and never lets anybody in before START is durable.

use super::{open_trouble, read_config, store_trouble};
use crate::backup::{self, Copies, Gate, Shelf};
use crate::cells;
use crate::config::Config;
use crate::core::{Core, Helpers};
use crate::cosigned::Cosigned;
use crate::driver::{Driver, DriverParts};
use crate::inbox::{Inbox, Letters, WAITING_MAX, inbox};
use crate::keys::ServerKeys;
use crate::log::Log;
use crate::notify::{self, notify};
use crate::own::OwnPair;
use crate::pacing::Pacing;
use crate::peers::Peers;
use crate::randomness::PooledRng;
use crate::recovery::{self, RecoveryError, Replayed};
use crate::status::{self, Board, CellStatus, Status};
use crate::store::{self, Answer, OpenStore};
use crate::words::{Done, Trouble};
use crate::writer::{self, Room, Writer};
use crate::{agreement, clock, erasure, passwords, reader, socket, vital};
use console::{Exit, Words};
use disk::MediumKind;
use hardening::{PageKind, Sandboxed};
use journal::fact::CellKind;
use pki::{SecretKey, Signer};
use protocol::engine::{Engine, EngineParts, Snapshots, StartFacts};
use protocol::io::Input;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// How often the engine hears that time passes.
const WAKE_EVERY: Duration = Duration::from_secs(1);

pub(super) fn run(path: &Path, sandboxed: &Sandboxed) -> Result<Exit, Trouble> {
    let config = read_config(path)?;
    let log = Log::new(config.log_level);
    let served = serve(&config, sandboxed, log);
    match served {
        // A refusal stands once: where the system's journal listens, with its priority, else as every command says it.
        Err(trouble) if log.is_under_systemd() => {
            log.error(trouble.for_log());
            Ok(trouble.exit())
        }
        served => served,
    }
}

fn system(error: impl std::fmt::Display) -> Trouble {
    Trouble::System { reason: error.to_string() }
}

fn serve(config: &Config, sandboxed: &Sandboxed, log: Log) -> Result<Exit, Trouble> {
    for (step, errno) in sandboxed.missing() {
        log.warn(format_args!("not in force: {step} ({errno})"));
    }
    let keys = ServerKeys::load(&config.state_dir);
    let keys = keys.map_err(|error| Trouble::Keys { reason: error.reason() })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    let stops = runtime.block_on(async { Stops::new() }).map_err(system)?;
    let assembled = assemble(config, keys, sandboxed, log)?;
    hardening::scrub_stack();
    let Assembled { own, peers, board, core, facts, inbox, letters, from_core, writer, copies } = assembled;
    let parts =
        DriverParts { listen: &config.network.listen, own, check: peers.check(), limits: config.limits };
    let (ready, started) = oneshot::channel();
    let network = runtime.block_on(async {
        // Binding fails early; nobody is taken in before `Driver::run`.
        let driver = Driver::listen(parts).map_err(|error| Trouble::Network { reason: error.to_string() })?;
        let status = status::bind(&config.runtime_dir).map_err(system)?;
        let copying = socket::bind(&config.runtime_dir, backup::SOCKET).map_err(system)?;
        let addresses = driver.addresses().map_err(system)?;
        board.listens(addresses.iter().map(ToString::to_string).collect());
        Ok::<_, Trouble>((driver, status, copying))
    })?;
    let core = Core { ready: Some(ready), ..core };
    let core = vital::spawn("core", log, move || core.run(facts, letters)).map_err(system)?;
    runtime.block_on(async move {
        let (driver, socket, copying) = network;
        // START is durable, or the process has ended.
        if started.await.is_err() {
            return;
        }
        for address in driver.addresses().unwrap_or_default() {
            log.info(format_args!("listening on {address}"));
        }
        notify(notify::READY);
        tokio::spawn(status::serve(socket, board, log));
        // Not vital, and ended with the process: a copy that breaks is made again.
        let copying =
            std::thread::Builder::new().name("backup".into()).spawn(move || backup::serve(&copying, &copies));
        if let Err(error) = copying {
            log.warn(format_args!("no backups in this life: {error}"));
        }
        tokio::spawn(wake(inbox.clone()));
        tokio::spawn(stops.wait(inbox.clone(), log));
        driver.run(inbox, from_core).await;
    });
    join(core)?;
    join(writer)?;
    Ok(Exit::Yes)
}

fn join(thread: JoinHandle<()>) -> Result<(), Trouble> {
    thread.join().map_err(|_| system("a thread broke"))
}

/// Tells the engine that time passes.
async fn wake(inbox: Inbox) {
    let mut every = tokio::time::interval(WAKE_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if !inbox.give_soon(Input::Wake).await {
            return;
        }
    }
}

/// The two signals that mean "stop in good order", caught from the very beginning.
struct Stops {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stops {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(mut self, inbox: Inbox, log: Log) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        log.info("told to stop");
        notify(notify::STOPPING);
        let _core_gone = inbox.give_soon(Input::Stop).await;
    }
}

/// Everything that stands before the first socket.
struct Assembled {
    own: link::OwnCertificate,
    peers: Arc<Peers>,
    board: Board,
    core: Core,
    facts: StartFacts,
    inbox: Inbox,
    letters: Letters,
    from_core: mpsc::Receiver<Vec<u8>>,
    writer: JoinHandle<()>,
    copies: Arc<Copies>,
}

fn assemble(
    config: &Config,
    keys: ServerKeys,
    sandboxed: &Sandboxed,
    log: Log,
) -> Result<Assembled, Trouble> {
    let damage = RecoveryError::trouble;
    let begin = Instant::now();
    let OpenStore { mut vault, opened, medium, bytes, answer } =
        store::open(&config.store).map_err(|error| open_trouble(&config.store, error))?;
    if vault.journal().0 == 0 {
        return Err(Trouble::StoreEmpty { path: config.store.path.display().to_string() });
    }
    if answer.is_some() {
        log.warn(
            "this store was put back from a backup; it was said here that nobody has seen anything newer",
        );
    }
    log.info(format_args!("the store lies on a {medium}, {bytes} bytes"));
    log.warn(vault.cell_kind().warning());
    log.warn(Done::CellsAreAll.en());
    for cell in CellStatus::of(vault.cells(), &cells::all_shown(&config.store)) {
        match cell.absence() {
            Some(absent) => log.error(absent),
            None => log.info(format_args!("root cell ({}{}) is here", cell.kind, cell.at())),
        }
    }
    if let Some(lacking) = memory_lacking(&vault) {
        log.warn(format_args!("not in force: {lacking}"));
    }
    if let Some(interrupted) = opened.interrupted {
        log.warn(format_args!(
            "the last life, or a recovery, ended inside an erasure; {}",
            match interrupted {
                vault::Interrupted::BeforeCell => "it is done again",
                vault::Interrupted::AfterCell => "it is finished",
            }
        ));
    }
    let now = clock::now().map_err(system)?;
    let opening = begin.elapsed();
    let mut replayed = recovery::replay(&vault, &opened).map_err(damage)?;
    for why in &replayed.passed_over {
        log.warn(format_args!("not used for this start: {why}"));
    }
    let cosigned = Cosigned::at(&config.state_dir, log);
    cosigned.check(&replayed, keys.identity.public())?;
    let (head, from) = (replayed.head(), replayed.snapshot);
    log.info(format_args!(
        "{} entries, erasure epoch {}: {from} by a snapshot, {} replayed; opened in {} ms, ready after {} ms",
        head.size,
        vault.epoch(),
        head.size - from,
        opening.as_millis(),
        begin.elapsed().as_millis()
    ));
    let mut rng = PooledRng::new().map_err(|error| store_trouble(vault::Error::from(error).into()))?;
    let kept = recovery::keep_snapshot(&mut vault, &mut replayed, Snapshots::EVERY, &mut rng);
    if kept.map_err(damage)? {
        log.info("a snapshot was written: the next start will be shorter");
    }
    if opened.cell_joined {
        log.warn("a second root cell has joined: from now on erasures wait when it is away");
    }
    if let Some(closed) = replayed.register.closed() {
        let (index, successor) = (closed.index, closed.successor.log);
        log.warn(format_args!(
            "this log was CLOSED at entry {index} into log {successor}: it is read and erased, and nothing more is said in it"
        ));
    }
    let Replayed { register, tree, books, positions, rows, snapshot, .. } = replayed;
    if register.erasures_pending().next().is_some() {
        // START and the erasure behind it need room before anybody could sweep.
        erasure::make_room(&mut vault, register.erasures_pending().count(), log)
            .map_err(|error| store_trouble(error.into()))?;
    }
    let period = recovery::period_key(&vault, &register).map_err(damage)?;
    let verifiers = recovery::verifiers(&vault, &register).map_err(damage)?;
    let note = recovery::note(&register, head, &keys.identity, &period).map_err(damage)?;
    let pair = OwnPair::find(&register, &keys, now.wall_ms)
        .map_err(|missing| Trouble::Keys { reason: missing.reason() })?;
    let own = pair.for_tls(&register, &keys);
    let peers = Peers::new(&register).ok_or_else(|| damage(RecoveryError::NotFounded))?;
    let shelf = Shelf::open(&config.state_dir);
    let board = Board::new(
        fixed_status(&register, &vault, medium, sandboxed, answer.is_some()),
        shelf.clone(),
        cells::all_shown(&config.store),
    );
    board.cells(vault.cells());
    let key = SecretKey::from_bytes(keys.identity.suite(), &keys.identity.to_bytes()).map_err(system)?;
    let copies = Copies { copier: vault.copier(), key, identity: keys.identity_public(), shelf, log };
    let copies = Arc::new(copies);
    let facts = StartFacts {
        boot_id: clock::boot_id().map_err(system)?,
        version: env!("CARGO_PKG_VERSION").into(),
        cell: match vault.cell_kind() {
            // A cell in memory serves tests of the vault and is never opened here.
            vault::CellKind::File | vault::CellKind::Memory => CellKind::File,
            vault::CellKind::Sector => CellKind::Sector,
            vault::CellKind::Tpm => CellKind::Tpm,
        },
        erasure_epoch: vault.epoch(),
        set_aside_bytes: opened.recovered.set_aside_bytes,
    };
    let frontier = tree.frontier_at(tree.size()).map_err(system)?;
    let mut engine = Engine::new(EngineParts {
        register,
        tree,
        books,
        note,
        identity: keys.identity,
        period,
        core: pair.core.der().to_vec(),
        server: pair.server.id(),
    })
    .map_err(|error| Trouble::StoreDamaged { reason: error.to_string().into() })?;
    let (inbox, letters) = inbox().map_err(system)?;
    let (network, from_core) = mpsc::channel(WAITING_MAX);
    let reader = reader::start(vault.reader(), positions.clone(), inbox.clone(), log).map_err(system)?;
    let passwords =
        passwords::start(keys.agreement, verifiers.clone(), inbox.clone(), log).map_err(system)?;
    let room = Room::of(&vault, bytes);
    let limits = room.limits(&vault.space());
    agreement::check(&limits).map_err(|reason| Trouble::StoreDamaged { reason: reason.into() })?;
    engine.fit_to(limits);
    cosigned.bring_back(&mut engine);
    engine.keep_snapshots(Snapshots { every: Snapshots::EVERY, newest: snapshot });
    let gate = Arc::new(Gate::new());
    let mut pacing = Pacing::new(config.store.clone(), board.clone(), Arc::clone(&gate), log);
    if opened.interrupted.is_some() {
        pacing.rest(Instant::now());
    }
    // It is in the log, and nothing but the first batch is left to do.
    answer.map_or(Ok(()), Answer::take_off).map_err(store_trouble)?;
    let writer = Writer { vault, frontier, positions, rows, verifiers, room, rng, pacing, log };
    let (batches, writer) = writer::start(writer, inbox.clone()).map_err(system)?;
    let pulls = backup::start_pulls(Arc::clone(&copies), Arc::clone(&gate), inbox.clone()).map_err(system)?;
    let helpers = Helpers { network, writer: batches, reader, passwords, copies: pulls };
    let certified_until_ms = pair.until_ms;
    if certified_until_ms.saturating_sub(now.wall_ms) < RENEWAL_MS {
        let day = console::when::minute(certified_until_ms);
        log.warn(format_args!(
            "the server's certificate runs out at {day}: have the authority renew it before"
        ));
    }
    let core = Core {
        engine,
        helpers,
        peers: Arc::clone(&peers),
        board: board.clone(),
        cosigned,
        certified_until_ms,
        stamped_ms: now.wall_ms.into(),
        past: false.into(),
        period_wanted: false,
        ready: None,
        log,
    };
    Ok(Assembled { own, peers, board, core, facts, inbox, letters, from_core, writer, copies })
}

/// So long before its end a start says that the server's certificate is to be renewed.
const RENEWAL_MS: u64 = 60 * 24 * 3600 * 1000;

/// What the page lacks under which the vault's keys lie masked.
fn memory_lacking(vault: &vault::Vault) -> Option<String> {
    match vault.memory_kind() {
        PageKind::Secret => None,
        kind @ (PageKind::Locked { .. } | PageKind::Weak { .. }) => {
            Some(format!("secret memory for the vault's keys: {kind}"))
        }
    }
}

fn fixed_status(
    register: &journal::Register,
    vault: &vault::Vault,
    medium: MediumKind,
    sandboxed: &Sandboxed,
    put_back_accepted: bool,
) -> Status {
    let missing = sandboxed.missing().map(|(step, errno)| format!("{step} ({errno})"));
    Status {
        version: env!("CARGO_PKG_VERSION").into(),
        log: register.log_id().to_string(),
        site: register.site().map_or_else(String::new, |site| site.name.clone()),
        erasure_epoch: vault.epoch(),
        cell_warning: vault.cell_kind().warning().into(),
        takes_messages: true,
        put_back_accepted,
        logical_block_bytes: match medium {
            MediumKind::Container => 0,
            MediumKind::Raw { logical_block_bytes, .. } => logical_block_bytes,
        },
        missing_confinement: missing.chain(memory_lacking(vault)).collect(),
        ..Status::default()
    }
}
