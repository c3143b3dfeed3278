//! A server that dies and starts over what it had written, or over what was kept of it.
//! Never a start over anything else than a batch's end.

use super::{World, copy};
use journal::act::{Act, IndexRange, KeptPasswords, LossCause, LossSource, LossTrace, Succession};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::entry::ENTRY_VERSION;
use journal::ids::Head;
use journal::note::NoteSigner;
use journal::statement::{SignedStatement, Statement};
use journal::tree::{Tree, leaf_hash};
use journal::{Content, Entry, Origin};
use pki::{SecretKey, Suite};
use protocol::engine::recovery::Recovery;
use protocol::engine::{Engine, EngineParts};

impl World {
    /// The server dies and starts over what it had written when the log was `size` entries long (a batch's end), or
    /// all of it. Every connection is lost.
    pub(crate) fn restart(&mut self, size: Option<usize>) {
        let size = size.unwrap_or(self.entries.len());
        self.notes.retain(|(at, _)| *at <= size);
        let (size, note) = self.notes.last().unwrap().clone();
        self.entries.truncate(size);
        self.resume(note);
    }

    /// What stood behind the first `size` entries (a batch's end) is lost: two officers give it up, and the log goes on in
    /// its next era.
    pub(crate) fn succeed(&mut self, size: usize) {
        self.succeed_without(size, &[]);
    }

    /// Likewise, and so many bodies of what is kept are given up.
    pub(crate) fn succeed_without(&mut self, size: usize, given_up: &[u64]) {
        self.notes.retain(|(at, _)| *at <= size);
        assert_eq!(self.notes.last().unwrap().0, size);
        self.era += 1;
        self.entries.truncate(size);
        let mut tree = Tree::new();
        for entry in &self.entries {
            tree.append(leaf_hash(entry));
        }
        let kept = Head { size: tree.size(), root: tree.root() };
        let lost = vec![LossTrace { source: LossSource::Cell, size: kept.size + 5, root: Some([9; 32]) }];
        let (time_ms, cause) = (self.now.wall_ms, LossCause::Damage);
        let act = Act::Succession(Succession {
            era: self.era,
            kept,
            lost,
            bodies_lost: false,
            cause,
            time_ms,
            period_key_lost: false,
            bodies_missing: given_up.len() as u64,
            passwords: KeptPasswords::InForce,
            cell_let_go: false,
            given_up: IndexRange::over(given_up.to_vec(), given_up.len()),
            cells: Vec::new(),
        });
        for login in ["olga", "oleg"] {
            let person = self.site.person(login);
            let mut header = self.site.blank_header(person.signature_certificate.id());
            (header.log, header.person, header.head) = (self.log, self.site.id(login), kept);
            let statement = Statement { header, act: act.clone() };
            let signed = SignedStatement::sign(&statement, &person.signature).unwrap().0;
            let (wall_ms, boot_ms) = (self.now.wall_ms, self.now.boot_ms);
            let content = Content::Statement(signed);
            let entry = Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content }.encode();
            tree.append(leaf_hash(&entry));
            self.entries.push(entry);
        }
        let head = Head { size: tree.size(), root: tree.root() };
        let period = self.period(self.site.suite, self.engine.period().0);
        let origin = Origin { log: self.log, era: self.era };
        let identity = self.site.identity.public().clone();
        let keys = LogKeys::new(origin, period.public().clone(), Some(identity)).unwrap();
        let signers = [
            NoteSigner { key: &keys.period, signer: &period },
            NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &self.site.identity },
        ];
        let note = SignedCheckpoint::sign(Checkpoint { origin, head }, &signers).unwrap();
        let note = note.to_string().into_bytes();
        self.notes.push((self.entries.len(), note.clone()));
        self.resume(note);
    }

    /// The secret key of a period, as long as no erasure has taken it.
    fn period(&self, suite: Suite, number: u64) -> SecretKey {
        SecretKey::from_bytes(suite, &self.secrets[&number]).unwrap()
    }

    fn resume(&mut self, note: Vec<u8>) {
        let mut recovery = Recovery::new();
        self.entries.iter().for_each(|entry| recovery.feed(entry).unwrap());
        let (register, tree, books) = recovery.into_parts();
        *self.tree.borrow_mut() = tree.clone();
        let period = register.period().unwrap().number;
        let suite = self.site.suite;
        let parts = EngineParts {
            register,
            tree,
            books,
            note,
            identity: copy(&self.site.identity),
            period: self.period(suite, period),
            core: self.site.person("server").agreement_certificate.der().to_vec(),
            server: self.site.person("server").signature_certificate.id(),
        };
        self.engine = Engine::new(parts).unwrap();
        self.under_way = None;
        self.inputs.clear();
        self.now.wall_ms += 1000;
        self.now.boot_ms += 1000;
        let wall_ms = self.now.wall_ms;
        for terminal in self.terminals.values_mut() {
            terminal.session = None;
            terminal.client.disconnected(wall_ms);
        }
        self.start();
    }

    /// Sizes at which the log was durable.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.notes.iter().map(|(size, _)| *size).collect()
    }
}
