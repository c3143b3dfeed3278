//! A store that lost what stood in it, and the recovery of it by two officers, as the programs do it.

use super::{Site, rng};
use journal::act::Act;
use journal::entry::{Content, ENTRY_VERSION, Entry};
use journal::replay::Replay;
use journal::statement::{SignedStatement, Statement};
use journal::tree::leaf_hash;
use protocol::client::Event;
use protocol::client::event::SuccessionView;
use protocol::succession::{Plan, signature_text};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

/// All that a program said.
pub(crate) fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].concat().iter().map(|byte| char::from(*byte)).collect()
}

/// The successions that a terminal was told of.
pub(crate) fn lost_by(events: &[Event]) -> Vec<SuccessionView> {
    let told = events.iter().filter_map(|event| match event {
        Event::Succession(view) => Some((**view).clone()),
        _ => None,
    });
    told.collect()
}

impl Site {
    /// The batch that holds this entry is gone from the device; later ones stay.
    pub(crate) fn lose_batch_of(&self, index: u64) {
        let entry = self.vault().entry_at(index).unwrap().unwrap();
        let from = entry.position.offset / disk::BLOCK as u64 * disk::BLOCK as u64;
        let store = std::fs::OpenOptions::new().write(true).open(self.path("store")).unwrap();
        store.write_all_at(&[0; disk::BLOCK], from).unwrap();
    }

    /// From the batch that holds this entry on the journal is zeros, as far as it was written.
    pub(crate) fn lose_end_from(&self, index: u64) {
        let entries = self.vault().journal_entries(index).map(|entry| entry.unwrap().position.offset);
        let offsets: Vec<u64> = entries.collect();
        let from = offsets[0] / disk::BLOCK as u64 * disk::BLOCK as u64;
        let behind = offsets.last().unwrap() - from + 4 * disk::BLOCK as u64;
        let store = std::fs::OpenOptions::new().write(true).open(self.path("store")).unwrap();
        store.write_all_at(&vec![0; behind as usize], from).unwrap();
    }

    /// Both roots are gone from the cell; the device keys stay.
    pub(crate) fn lose_roots(&self) {
        let mut cell = vault::FileCell::open(Path::new(&self.path("cell"))).unwrap();
        for slot in [vault::CellSlot::Even, vault::CellSlot::Odd] {
            vault::RootCell::destroy(&mut cell, slot).unwrap();
        }
    }

    /// `conclaved backup COMMAND DIRECTORY`.
    pub(crate) fn backup(&self, command: &[&str], dir: &str) -> Output {
        let (dir, config) = (self.path(dir), self.path("conclaved.toml"));
        self.conclaved(&[&["backup"][..], command, &[&dir, "--config", &config, "--json"]].concat())
    }

    pub(crate) fn recover(&self, more: &[&str]) -> Output {
        let config = self.path("conclaved.toml");
        self.conclaved(&[&["recover", "--accept-loss", "--config", &config][..], more].concat())
    }

    /// A signature over a plan, by whoever has this login.
    pub(crate) fn signed(&self, plan: &Plan, login: &str) -> SignedStatement {
        let person = self.person(login);
        let certificate = person.signature_certificate.id();
        let header = plan.header(self.log, person.id, certificate).unwrap();
        let statement = Statement { header, act: Act::Succession(plan.act.clone()) };
        SignedStatement::sign(&statement, &person.signature).unwrap().0
    }

    pub(crate) fn write_signature(&self, plan: &Plan, login: &str) -> String {
        let path = self.path(&format!("{login}.signature"));
        std::fs::write(&path, signature_text(self.signed(plan, login))).unwrap();
        path
    }

    /// The plan that is asked for with these options.
    pub(crate) fn planned(&self, more: &[&str]) -> (Plan, String) {
        let path = self.path("succession.plan");
        let _ = std::fs::remove_file(&path);
        let done = self.recover(&[&["--out", &path][..], more].concat());
        assert!(done.status.success(), "{}", said(&done));
        (Plan::from_text(&std::fs::read_to_string(&path).unwrap()).unwrap(), path)
    }

    /// Both officers sign it, and it is carried out.
    pub(crate) fn carried(&self, plan: &Plan, path: &str, more: &[&str]) -> Output {
        let signatures = [self.write_signature(plan, "olga"), self.write_signature(plan, "oleg")];
        self.carried_by(path, &[&signatures[0], &signatures[1]], more)
    }

    /// It is carried out by these signatures.
    pub(crate) fn carried_by(&self, path: &str, signatures: &[&str], more: &[&str]) -> Output {
        let acts = signatures.iter().flat_map(|path| ["--acts", path]);
        let args: Vec<&str> = ["--plan", path].into_iter().chain(acts).chain(more.iter().copied()).collect();
        self.recover(&args)
    }

    /// Planned, signed and carried out.
    pub(crate) fn recovered(&self, more: &[&str]) -> Plan {
        let (plan, path) = self.planned(more);
        let done = self.carried(&plan, &path, more);
        assert!(done.status.success(), "{}", said(&done));
        plan
    }

    /// What `recover` does up to a moment in which it is killed: behind the entries of the succession, or behind the first of
    /// several epochs.
    pub(crate) fn half_carried(&self, plan: &Plan, first_epoch: bool) {
        let device = disk::FileDevice::open(Path::new(&self.path("store"))).unwrap();
        let cell = vault::FileCell::open(Path::new(&self.path("cell"))).unwrap();
        let (mut random, limits) = (rng(), vault::Limits::default());
        let found = vault::Salvage::find(Arc::new(device), Box::new(cell), limits, &mut random).unwrap();
        let mut replay = Replay::new(Some(self.log));
        for entry in found.journal_entries() {
            replay.feed(&entry.unwrap().bytes).unwrap();
        }
        let (register, mut tree) = (replay.register(), replay.tree().clone());
        let orphans = found.orphans(|number| match number {
            vault::SECRETS_CONVERSATION => Some(u64::MAX),
            number => register.conversation_by_number(number).map(|row| row.next_item),
        });
        let mut vault = found.settle(false, &mut random).unwrap();
        let mut batch = vault.begin_behind_mark(disk::Claim::Erasing, &mut random).unwrap();
        for login in ["olga", "oleg"] {
            let content = Content::Statement(self.signed(plan, login));
            let entry =
                Entry { version: ENTRY_VERSION, wall_ms: plan.act.time_ms, boot_ms: 1 << 50, content };
            batch.entry(&entry.encode()).unwrap();
            tree.append(leaf_hash(&entry.encode()));
        }
        batch.commit(tree.root()).unwrap();
        if first_epoch {
            assert!(orphans.len() > 1, "there is more than one epoch's");
            let kept = (plan.act.kept.size, plan.act.kept.root);
            let intended = vault.begin_erasure(&orphans[..1]).unwrap();
            let written = vault.write_tree_naming(kept, intended, &mut random).unwrap();
            let replaced = vault.replace_cell(written).unwrap();
            let destroyed = vault.destroy_old_slot(replaced).unwrap();
            vault.finish_erasure(destroyed);
        }
    }

    /// What `recover` does where every body is given up, and a kill before the entries of the succession.
    pub(crate) fn settled_only(&self) {
        let device = disk::FileDevice::open(Path::new(&self.path("store"))).unwrap();
        let cell = vault::FileCell::open(Path::new(&self.path("cell"))).unwrap();
        let (mut random, limits) = (rng(), vault::Limits::default());
        let found = vault::Salvage::find(Arc::new(device), Box::new(cell), limits, &mut random).unwrap();
        drop(found.settle(true, &mut random).unwrap());
    }

    /// The store and the cell as they are, to be put back.
    pub(crate) fn files(&self) -> [Vec<u8>; 2] {
        ["store", "cell"].map(|name| std::fs::read(self.path(name)).unwrap())
    }

    pub(crate) fn put_back(&self, files: &[Vec<u8>; 2]) {
        for (name, bytes) in ["store", "cell"].iter().zip(files) {
            std::fs::write(self.path(name), bytes).unwrap();
        }
    }
}
