//! What a session must have done before an erasure waits for it, and what becomes of one that lets it wait for nothing.

use super::pulls::Pulls;
use super::tests::vault;
use super::{Copies, Gate, Shelf};
use crate::erasure::{self, Ran};
use crate::log::{Level, Log};
use crate::randomness;
use pki::{SecretKey, Suite};
use protocol::copy::{Copied, CopyAnswer, CopyAsk};
use protocol::io::{EraseItem, SessionId};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use vault::Vault;

const LONG: Duration = Duration::from_secs(60);

/// A store, an erasure that waits, and the thread's work, done by the test.
struct World {
    _dir: tempfile::TempDir,
    vault: Option<Vault>,
    gate: Arc<Gate>,
    pulls: Pulls,
}

impl World {
    fn new() -> Self {
        let (dir, vault) = (tempfile::tempdir().unwrap(), vault());
        let key = SecretKey::generate(Suite::Ed25519, &mut randomness::rng()).unwrap();
        let identity: [u8; 32] = key.public().raw().try_into().unwrap();
        let (copier, shelf) = (vault.copier(), Shelf::open(dir.path()));
        let copies = Copies { copier, key, identity, shelf, log: Log::new(Level::Error) };
        let gate = Arc::new(Gate::new());
        gate.waits(true);
        let pulls = Pulls::new(Arc::new(copies), Arc::clone(&gate));
        Self { _dir: dir, vault: Some(vault), gate, pulls }
    }

    fn says(&mut self, session: SessionId, ask: CopyAsk) -> Option<CopyAnswer> {
        match self.pulls.answer(session, ask) {
            Copied::Answer(answer) | Copied::Signed(answer, _) => Some(answer),
            Copied::Busy | Copied::No | Copied::Damaged => None,
        }
    }

    /// Holds the newest state and has something signed for it.
    fn takes(&mut self, session: SessionId) {
        assert!(matches!(self.says(session, CopyAsk::Hold), Some(CopyAnswer::Outline(_))));
        assert!(matches!(self.says(session, CopyAsk::Sign([7; 32])), Some(CopyAnswer::Signed(..))));
    }

    /// The writer, which waits so long.
    fn erases(&mut self, item: u64, limit: Duration) -> JoinHandle<(Vault, Ran)> {
        let (mut vault, gate) = (self.vault.take().unwrap(), Arc::clone(&self.gate));
        let item = EraseItem::Item(journal::ids::Place { conversation: 1, item });
        std::thread::spawn(move || {
            while !gate.claim() {
                std::thread::yield_now();
            }
            let ran = erasure::run_within(&mut vault, &[item], Some((&gate, limit)), Log::new(Level::Error));
            (vault, ran.unwrap())
        })
    }

    /// Whether the root went without a backup.
    fn joined(&mut self, writer: JoinHandle<(Vault, Ran)>) -> bool {
        let (vault, ran) = writer.join().unwrap();
        self.vault = Some(vault);
        matches!(ran, Ran::Erased { behind: true, .. })
    }
}

const TRUE: Option<CopyAnswer> = Some(CopyAnswer::Truth(true));
const FALSE: Option<CopyAnswer> = Some(CopyAnswer::Truth(false));

#[test]
fn an_erasure_waits_for_whoever_has_signed_for_what_he_has_and_goes_on_when_he_has_the_next() {
    let mut world = World::new();
    assert_eq!(world.says(1, CopyAsk::Next), Some(CopyAnswer::Waits), "nothing was signed for");
    world.takes(1);
    assert!(world.says(1, CopyAsk::Hold).is_some());
    assert_eq!(world.says(1, CopyAsk::Next), Some(CopyAnswer::Waits), "nor for this state");
    assert!(!world.gate.claim(), "no erasure begins by that");
    world.takes(1);
    let writer = world.erases(1, LONG);
    assert_eq!(world.says(1, CopyAsk::Next), TRUE);
    world.takes(1);
    assert_eq!(world.says(1, CopyAsk::Safe), TRUE);
    assert!(!world.joined(writer));
    // The same word alone, with nothing taken: the root goes, and that it went without a backup is told.
    let writer = world.erases(2, LONG);
    assert_eq!(world.says(1, CopyAsk::Next), TRUE);
    assert_eq!(world.says(1, CopyAsk::Safe), FALSE);
    assert!(world.joined(writer));
    assert_eq!(world.says(1, CopyAsk::Safe), FALSE, "twice is no more");
}

#[test]
fn who_lets_an_erasure_wait_too_long_is_waited_for_no_more() {
    let mut world = World::new();
    world.takes(1);
    let writer = world.erases(1, Duration::ZERO);
    // So short a limit may be over before he has heard of it.
    assert!(matches!(world.says(1, CopyAsk::Next), Some(CopyAnswer::Truth(true) | CopyAnswer::Waits)));
    assert!(world.joined(writer), "he says nothing");
    assert_eq!(world.says(1, CopyAsk::Safe), FALSE, "too late, and what he has is a backup");
    // He was only slow: what he reads is lost, he goes on from a newer state, and ends with a backup like any other.
    let mut range = Vec::new();
    disk::Range { extent: 0, born: 0, block: 0, blocks: 1 }.encode(&mut range);
    assert_eq!(world.says(1, CopyAsk::Read(range.into())), Some(CopyAnswer::Lost));
    world.takes(1);
    assert_eq!(world.says(1, CopyAsk::Next), Some(CopyAnswer::Waits));
    assert_eq!(world.says(1, CopyAsk::Safe), FALSE);
    assert!(!world.gate.claim(), "the second erasure does not wait for him");
    // Nor does it after a long silence, in which he was let go.
    world.pulls.let_go();
    assert_eq!(world.says(1, CopyAsk::Next), Some(CopyAnswer::Waits), "and he is not told of an error");
    world.takes(1);
    assert_eq!(world.says(1, CopyAsk::Next), Some(CopyAnswer::Waits));
    assert!(!world.gate.claim());
    // Another administrator may come.
    world.takes(2);
    let writer = world.erases(2, LONG);
    assert_eq!(world.says(2, CopyAsk::Next), TRUE);
    world.takes(2);
    assert_eq!(world.says(2, CopyAsk::Safe), TRUE);
    assert!(!world.joined(writer));
}

#[test]
fn who_was_let_go_for_his_silence_is_remembered_too() {
    let mut world = World::new();
    world.takes(1);
    let writer = world.erases(1, Duration::ZERO);
    assert!(matches!(world.says(1, CopyAsk::Next), Some(CopyAnswer::Truth(true) | CopyAnswer::Waits)));
    assert!(world.joined(writer));
    // The thread has heard nothing for too long.
    world.pulls.let_go();
    world.takes(1);
    assert_eq!(world.says(1, CopyAsk::Next), Some(CopyAnswer::Waits));
    assert!(!world.gate.claim(), "nothing waits for him a second time");
}

#[test]
fn a_copy_that_is_made_beside_the_server_yields_to_whom_an_erasure_waits_for() {
    let mut world = World::new();
    world.takes(1);
    let writer = world.erases(1, LONG);
    assert_eq!(world.says(1, CopyAsk::Next), TRUE);
    let copier = world.pulls.copier();
    let beside = copier.hold().unwrap();
    world.takes(1);
    let mut buffer = disk::CopyBuffer::new();
    let range = disk::Cover::default().missing(beside.outline())[0];
    assert!(matches!(beside.read(&range, &mut buffer), Err(disk::CopyError::Lost)));
    assert_eq!(world.says(1, CopyAsk::Safe), TRUE);
    assert!(!world.joined(writer));
}
