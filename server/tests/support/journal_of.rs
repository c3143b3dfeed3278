//! The journal of a stopped server: every entry once more through the rules that admitted it.
//! Never believes the store: what it holds must replay to the root that its last commit names.

use super::{Client, Server, Site};
use disk::{BLOCK, FrameRecord, Log, MemoryDevice, Sealer, frames_of_write};
use journal::checkpoint::SignedCheckpoint;
use journal::fact::LoginFailure;
use journal::{Content, Entry, Fact, Replay};
use pki::PersonId;
use std::path::Path;
use std::sync::Arc;

/// Entries that stand, and the state behind them.
pub(crate) struct Journal {
    pub(crate) entries: Vec<Entry>,
    pub(crate) replay: Replay,
}

impl Site {
    /// The store of a server that does not run.
    pub(crate) fn vault(&self) -> vault::Vault {
        let device = disk::FileDevice::open(Path::new(&self.path("store"))).unwrap();
        let cell = vault::FileCell::open(Path::new(&self.path("cell"))).unwrap();
        let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
        let opened = vault::Vault::open(Arc::new(device), Box::new(cell), vault::Limits::default(), rng);
        opened.unwrap().0
    }

    /// Flips a byte in the newest frame that these words are said of.
    pub(crate) fn flip(&self, words: &str) {
        self.flip_newest(|frame| vault::owner_words(&frame.owner).contains(words));
    }

    /// The same in the newest frame of which this holds.
    pub(crate) fn flip_newest(&self, is_it: impl Fn(&FrameRecord) -> bool) {
        let newest = self.newest(is_it);
        let mut bytes = std::fs::read(self.path("store")).unwrap();
        bytes[newest.position.offset as usize + 50] ^= 1;
        std::fs::write(self.path("store"), bytes).unwrap();
    }

    /// The newest frame of which this holds.
    pub(crate) fn newest(&self, is_it: impl Fn(&FrameRecord) -> bool) -> FrameRecord {
        self.frames().into_iter().filter(is_it).max_by_key(|frame| frame.batch).unwrap()
    }

    /// All frames that are left in the store, as they lie.
    pub(crate) fn frames(&self) -> Vec<FrameRecord> {
        let cell = vault::FileCell::open(Path::new(&self.path("cell"))).unwrap();
        let keys = vault::adversary::device_keys(&cell).unwrap();
        let bytes = std::fs::read(self.path("store")).unwrap();
        let store = Log::identify(&MemoryDevice::from_bytes(bytes.clone()), &keys).unwrap().unwrap();
        let sealer = Sealer::new(&keys, store);
        let runs = (0..bytes.len()).step_by(BLOCK);
        runs.flat_map(|at| frames_of_write(&sealer, at as u64, &bytes[at..])).collect()
    }

    /// Stops the server in good order and verifies its journal; what these terminals were shown of it must be in it.
    pub(crate) fn audited(&self, server: Server, terminals: &[&Client]) -> Journal {
        server.signal(nix::sys::signal::Signal::SIGTERM);
        let (exit, said) = server.wait();
        assert!(exit.success(), "{said}");
        let vault = self.vault();
        let mut journal = Journal { entries: Vec::new(), replay: Replay::new(Some(self.log)) };
        for entry in vault.journal_entries(0) {
            let bytes = entry.unwrap().bytes;
            journal.replay.feed(&bytes).unwrap();
            journal.entries.push(Entry::decode(&bytes).unwrap());
        }
        let tree = journal.replay.tree();
        assert_eq!(vault.journal(), (tree.size(), tree.root()), "the store's own word of its journal");
        for terminal in terminals {
            let note = terminal.record.as_ref().and_then(|record| record.checkpoint.as_ref()).unwrap();
            let note = SignedCheckpoint::parse(note.as_bytes()).unwrap();
            journal.replay.confirm(&note).unwrap();
        }
        journal
    }
}

impl Journal {
    /// The server's claims, in order.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.entries.iter().filter_map(|entry| match &entry.content {
            Content::Fact(fact) => Some(fact),
            Content::Statement(_) => None,
        })
    }

    /// Failed logins of a person, in order.
    pub(crate) fn failed_logins(&self, person: PersonId) -> Vec<LoginFailure> {
        let of = self.facts().filter_map(|fact| match fact {
            Fact::FailedLogin(failed) if failed.person == person => Some(failed),
            _ => None,
        });
        of.flat_map(|failed| std::iter::repeat_n(failed.failure, failed.count as usize)).collect()
    }

    /// What a person signed and the log took, in order: index and the kind's name.
    pub(crate) fn acts_of(&self, person: PersonId) -> Vec<(u64, &'static str)> {
        let statements = (0..).zip(&self.entries).filter_map(|(index, entry)| match &entry.content {
            Content::Statement(signed) => Some((index, signed.clone().parse().unwrap())),
            Content::Fact(_) => None,
        });
        let own = statements.filter(|(_, parsed)| parsed.header().person == person);
        own.map(|(index, parsed)| (index, parsed.act().name())).collect()
    }

    /// How many of these acts a person had taken.
    pub(crate) fn count_of(&self, person: PersonId, name: &str) -> usize {
        self.acts_of(person).iter().filter(|(_, found)| *found == name).count()
    }
}
