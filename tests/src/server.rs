//! One life of the server: engine, store, and the workers' errands between them.
//! Never touches the network: what is to be sent is given to the world.

use crate::machine::{Machine, Powered};
use crate::people::{Site, copy};
use crate::store::Store;
use disk::{CrashClock, Position};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::fact::CellKind;
use journal::ids::Head;
use journal::note::NoteSigner;
use journal::testing::{SeededRng, seed};
use journal::tree::{Tree, leaf_hash};
use pki::SecretKey;
use protocol::copy::Copied;
use protocol::engine::recovery::Recovery;
use protocol::engine::{Engine, EngineParts, Snapshots, StartFacts};
use protocol::io::{CheckPassword, Input, Now, Output, PeriodSecret, ReadItem, Ticket};
use std::collections::VecDeque;
use std::sync::Arc;
use vault::snapshot::Snapshot;
use vault::{Limits, Row, Rows, Vault};

/// Small limits, so that folds happen in short histories.
pub const LIMITS: Limits =
    Limits { nodes_cached: 64, fold_leaves: 24, fold_lists: 8, body_bytes_max: 1 << 20, targets_max: 4096 };

/// Entries between two snapshots: a few in each life.
pub const SNAPSHOT_EVERY: u64 = 20;

/// What a worker was asked.
pub enum Errand {
    /// Read.
    Read(Ticket, Vec<ReadItem>),
    /// Compare a password.
    Check(CheckPassword),
    /// Keep a new password.
    Make(CheckPassword),
}

/// The server.
pub struct Server {
    /// The deciding half.
    pub engine: Engine,
    /// The keeping half.
    pub store: Store,
    /// Its power.
    pub powered: Powered,
    /// What workers are to do; in any order.
    pub errands: Vec<Errand>,
    /// What the engine has not been told yet.
    pub inbox: VecDeque<Input>,
    /// It stopped in good order.
    pub stopped: bool,
    /// The store had a snapshot to begin with.
    pub by_snapshot: bool,
}

/// The signed note of a head.
pub fn note(site: &Site, period: &SecretKey, head: Head) -> Vec<u8> {
    let identity = &site.test.identity;
    let keys = LogKeys::new(site.log, period.public().clone(), Some(identity.public().clone())).unwrap();
    let signers = [
        NoteSigner { key: &keys.period, signer: period },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: identity },
    ];
    SignedCheckpoint::sign(Checkpoint { origin: site.log.into(), head }, &signers)
        .unwrap()
        .to_string()
        .into_bytes()
}

/// A start from a snapshot ends where the replay of everything ends. Gives the entries that it covers, and the rows.
fn by_snapshot(vault: &Vault, position: Position, whole: &Recovery) -> (u64, Rows) {
    let mut tree = Tree::new();
    let snapshot = vault.reader().snapshot(position, |row| {
        tree.append(row.leaf);
    });
    let Snapshot { state, mut rows } = snapshot.expect("a snapshot that the commit record names opens");
    let mut recovery = Recovery::from_snapshot(&state, tree).expect("its state fits its rows");
    let covered = recovery.size();
    for entry in vault.journal_entries(covered) {
        let entry = entry.expect("a durable entry opens");
        rows.push(Row { leaf: leaf_hash(&entry.bytes), position: entry.position });
        recovery.feed(&entry.bytes).expect("what was admitted is admitted again");
    }
    assert!(recovery.snapshot() == whole.snapshot(), "the snapshot of {covered} entries leads elsewhere");
    (covered, rows)
}

impl Server {
    /// Starts over what the machine holds, as the daemon does: the vault by its cell, the state by its journal, and the
    /// first batch redoes what an erasure left undone.
    pub fn start(
        machine: &Machine,
        clock: Arc<CrashClock>,
        site: &Site,
        now: Now,
        life: u64,
    ) -> (Powered, Result<(Self, Vec<Output>), vault::Error>) {
        let powered = machine.power_on(clock);
        let mut rng = SeededRng::new(seed(site.test.number, &format!("store/{life}")));
        let opened = Vault::open(powered.device(), machine.cell(&powered), LIMITS, &mut rng);
        let (vault, opened) = match opened {
            Ok(opened) => opened,
            Err(error) => return (powered, Err(error)),
        };
        let (mut recovery, mut positions, mut rows) = (Recovery::new(), Vec::new(), Rows::default());
        for entry in vault.journal_entries(0) {
            let entry = entry.expect("a durable entry opens");
            positions.push(entry.position);
            rows.push(Row { leaf: leaf_hash(&entry.bytes), position: entry.position });
            recovery.feed(&entry.bytes).expect("what was admitted is admitted again");
        }
        // The oldest first: the newest one's rows are those that the daemon goes on with.
        let mut newest = 0;
        for position in vault.snapshots().into_iter().rev().flatten() {
            (newest, rows) = by_snapshot(&vault, position, &recovery);
        }
        let (register, tree, books) = recovery.into_parts();
        assert_eq!((tree.size(), tree.root()), vault.journal(), "the store binds the journal's head");
        let (size, root) = opened.cell_names;
        assert!(size == 0 || tree.root_at(size).ok() == Some(root), "the cell names a head of this journal");
        let running = register.period().expect("a log is founded with its first period").number;
        let period_bytes = Store::period_key(&vault, running);
        let period = SecretKey::from_bytes(site.test.suite, &period_bytes).unwrap();
        let parts = EngineParts {
            register,
            books,
            note: note(site, &period, Head { size: tree.size(), root: tree.root() }),
            identity: copy(&site.test.identity),
            period,
            core: site.test.person("server").agreement_certificate.der().to_vec(),
            server: site.test.person("server").signature_certificate.id(),
            tree: tree.clone(),
        };
        let mut engine = Engine::new(parts).unwrap();
        engine.keep_snapshots(Snapshots { every: SNAPSHOT_EVERY, newest });
        let facts = StartFacts {
            boot_id: seed(life, "boot")[..16].try_into().unwrap(),
            version: "test".into(),
            cell: CellKind::File,
            erasure_epoch: vault.epoch(),
            set_aside_bytes: opened.recovered.set_aside_bytes,
        };
        let mut out = Vec::new();
        let store = Store::new(vault, tree, (positions, rows), site, rng);
        engine.start(now, facts, &mut out);
        let (errands, inbox) = (Vec::new(), VecDeque::new());
        let again = powered.clone();
        let by_snapshot = newest > 0;
        let server = Self { engine, store, powered, errands, inbox, stopped: false, by_snapshot };
        (again, Ok((server, out)))
    }

    /// Tells the engine everything that waits; what it says to the network comes back.
    pub fn think(&mut self, now: Now) -> Vec<Output> {
        let mut said = Vec::new();
        while let Some(input) = self.inbox.pop_front() {
            let mut out = Vec::new();
            self.engine.handle(now, input, &mut out);
            said.extend(self.follow(out));
        }
        said
    }

    /// Keeps what is the store's or the workers' to do; gives the rest.
    pub fn follow(&mut self, out: Vec<Output>) -> Vec<Output> {
        let mut rest = Vec::new();
        for output in out {
            match output {
                Output::Commit(batch) => self.store.take(batch),
                Output::Read(ticket, items) => self.errands.push(Errand::Read(ticket, items)),
                // Nobody takes a backup away here; the daemon's own tests do.
                Output::Copy(ticket, ..) => self.inbox.push_back(Input::Copied(ticket, Copied::No)),
                Output::CheckPassword(check) => self.errands.push(Errand::Check(check)),
                Output::MakeVerifier(check) => self.errands.push(Errand::Make(check)),
                Output::DrawPeriodKey => {
                    let suite = self.engine.suite();
                    let key =
                        SecretKey::generate(suite, &mut self.store.rng).expect("a key of the site's suite");
                    self.inbox.push_back(Input::PeriodKey(PeriodSecret::of(&key)));
                }
                Output::Halt(why) => panic!("the engine halts: {why}"),
                Output::Stopped => self.stopped = true,
                Output::Forget(number, _) => self.inbox.push_back(Input::Forgotten(number, Vec::new())),
                said @ (Output::Send(..)
                | Output::Carry(..)
                | Output::Cut(_)
                | Output::End(_)
                | Output::Pause(_)
                | Output::Resume(_)) => {
                    rest.push(said);
                }
            }
        }
        rest
    }

    /// A worker does one of its errands.
    pub fn run_errand(&mut self, at: usize, site: &Site) {
        let input = match self.errands.swap_remove(at) {
            Errand::Read(ticket, items) => Input::ReadDone(ticket, self.store.read(&items)),
            Errand::Check(check) => Input::PasswordChecked(check.ticket, self.store.is_right(site, &check)),
            Errand::Make(check) => {
                Input::VerifierMade(check.ticket, Store::open(site, &check).map(Into::into))
            }
        };
        self.inbox.push_back(input);
    }

    /// The writer does its next step. An error means that the power failed.
    pub fn write(&mut self) -> Result<(), vault::Error> {
        let inputs = self.store.work()?;
        self.inbox.extend(inputs);
        Ok(())
    }

    /// Whether anything is to be done without anybody's asking.
    pub fn is_busy(&self) -> bool {
        !self.inbox.is_empty() || !self.errands.is_empty() || self.store.is_busy()
    }
}
