//! What the daemon's writer and workers do with the vault, without threads: batches, erasure step by step, reads,
//! passwords (compared as they are, without Argon2id, which is slow on purpose).
//! Never decides anything: the engine said what to do.

use crate::people::{Site, envelope_aad};
use disk::{Claim, Position};
use journal::ids::Index;
use journal::testing::{SeededRng, seed};
use journal::tree::{Tree, leaf_hash};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::{PersonId, canonical};
use protocol::frame::{PASSWORD_INFO, VERIFIER_INFO};
use protocol::io::{Batch, CheckPassword, EraseItem, Input, ReadItem, StoredBody, VerifierChange};
use std::collections::{BTreeMap, VecDeque};
use vault::{
    Destroyed, Error, Intended, Need, Place, Replaced, Row, Rows, SECRETS_CONVERSATION, Target, Tended,
    Vault, Written,
};

/// One person's verifiers, as they lie in the store.
#[derive(Clone, Default, Encode, Decode)]
#[cbor(array)]
struct Record {
    #[n(0)]
    own: Option<ByteVec>,
    /// Numbers of envelopes and their sealed verifiers.
    #[n(1)]
    envelopes: Vec<(u64, ByteVec)>,
}

/// How far an erasure is.
enum Erasing {
    Intended(Intended),
    Written(Written),
    Replaced(Replaced),
    Destroyed(Destroyed),
}

enum Job {
    Commit(Box<Batch>),
    Erase(Erasing, Index),
    Sweep,
}

/// The open store of one life.
pub struct Store {
    /// The vault.
    pub vault: Vault,
    tree: Tree,
    jobs: VecDeque<Job>,
    records: BTreeMap<PersonId, Record>,
    positions: Vec<Position>,
    rows: Rows,
    pub(crate) rng: SeededRng,
}

fn place(place: journal::Place, subtree: bool, chunk: u32) -> Place {
    match subtree {
        true => Place::chunk(place.conversation, place.item, chunk.into()),
        false => Place::item(place.conversation, place.item),
    }
}

/// Where the key of a period lies.
fn period_place(number: u64) -> Place {
    Place::item(SECRETS_CONVERSATION, number)
}

/// What the vault calls these.
pub fn target(item: EraseItem) -> Target {
    match item {
        EraseItem::Item(item) => Target::Place(place(item, false, 0)),
        EraseItem::Conversation(number) => Target::Conversation(number),
    }
}

/// Extents that the largest batch of these histories takes.
const BATCH_EXTENTS: u32 = 4;

impl Store {
    /// Writes the founding batch, and the first period's key beside it.
    pub fn founded(mut vault: Vault, site: &Site, batch: &Batch) {
        let mut rng = SeededRng::new(seed(site.test.number, "founding"));
        let mut records = BTreeMap::new();
        let changed = changed(&mut records, &batch.verifiers);
        let mut write = vault.begin(Claim::Erasing, &mut rng).unwrap();
        for entry in &batch.entries {
            write.entry(entry).unwrap();
        }
        for (person, record) in changed {
            write.verifier(person.0.to_be_bytes(), record.as_deref()).unwrap();
        }
        let first = batch.period.as_ref().expect("a log is founded with its first period");
        write.insert(period_place(first.number), first.secret.bytes()).unwrap();
        write.commit(batch.root).unwrap();
    }

    /// A store over an opened vault whose journal has this tree.
    pub fn new(vault: Vault, tree: Tree, found: (Vec<Position>, Rows), site: &Site, rng: SeededRng) -> Self {
        let (positions, rows) = found;
        let read = |person: PersonId| {
            let bytes = vault.verifier(person.0.to_be_bytes())?;
            Some((person, canonical::decode(bytes).expect("what the store wrote")))
        };
        let records = site.test.people.values().filter_map(|person| read(person.id)).collect();
        Self { vault, tree, positions, rows, jobs: VecDeque::new(), records, rng }
    }

    /// The key of this period, which the vault keeps.
    pub fn period_key(vault: &Vault, number: u64) -> Vec<u8> {
        vault.reader().read(period_place(number)).expect("the period key is in the vault").to_vec()
    }

    /// Takes a batch to be written.
    pub fn take(&mut self, batch: Box<Batch>) {
        self.jobs.push_back(Job::Commit(batch));
    }

    /// Whether there is anything to do.
    pub fn is_busy(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Entries that are durable.
    pub fn durable(&self) -> u64 {
        self.vault.journal().0
    }

    /// Whether messages are still taken: beside the reserve there is room for the largest batch of these histories.
    fn room(&self) -> Input {
        let space = self.vault.space();
        // Every world's device has extents of one size.
        let bytes = |extents: u32| u64::from(extents) * u64::from(crate::machine::GEOMETRY.extent_bytes);
        let (free, all) = (bytes(space.free), bytes(space.extents));
        Input::Room(space.free > space.reserve + BATCH_EXTENTS, all - free, all)
    }

    /// Does the next step of what is to be done.
    pub fn work(&mut self) -> Result<Vec<Input>, Error> {
        match self.jobs.pop_front() {
            Some(Job::Commit(batch)) => self.commit(&batch),
            Some(Job::Erase(erasing, through)) => self.erase(erasing, through),
            Some(Job::Sweep) => {
                // As far as it goes: what comes between steps is for the vault's own tests.
                while !matches!(self.tend()?, Tended::Idle | Tended::Damaged(_)) {}
                Ok(vec![self.room()])
            }
            None => Ok(Vec::new()),
        }
    }

    /// One step, wanted as much as the daemon wants it (`server/src/tending.rs`).
    fn tend(&mut self) -> Result<Tended, Error> {
        let space = self.vault.space();
        let need = if space.free <= 2 * space.reserve + 8 { Need::Room } else { Need::Hygiene };
        self.vault.tend(need, &mut self.rng)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Vec<Input>, Error> {
        assert_eq!(batch.first, self.tree.size(), "batches follow one another");
        let changed = changed(&mut self.records, &batch.verifiers);
        let snapshot = batch.snapshot.as_ref();
        let snapshot = snapshot.filter(|state| self.vault.takes_snapshot(&self.rows, state.len()));
        let mut write = self.vault.begin(Claim::Erasing, &mut self.rng)?;
        for entry in &batch.entries {
            let (position, leaf) = (write.entry(entry)?, leaf_hash(entry));
            self.positions.push(position);
            self.rows.push(Row { leaf, position });
            self.tree.append(leaf);
        }
        assert_eq!(self.tree.root(), batch.root, "the root is that of the very bytes that are written");
        for StoredBody { place: at, chunk, subtree, body } in &batch.bodies {
            write.insert(place(*at, *subtree, *chunk), body)?;
        }
        if let Some(new) = &batch.period {
            write.insert(period_place(new.number), new.secret.bytes())?;
        }
        for (person, record) in changed {
            write.verifier(person.0.to_be_bytes(), record.as_deref())?;
        }
        let paged = snapshot.map(|state| write.snapshot(&self.rows, state)).transpose()?;
        write.commit(batch.root)?;
        paged.into_iter().for_each(|paged| self.rows.paged(paged));
        if !batch.erase.is_empty() {
            // (a) is durable.
            let targets: Vec<Target> = batch.erase.iter().copied().map(target).collect();
            let intended = self.vault.begin_erasure(&targets)?;
            self.jobs.push_back(Job::Erase(Erasing::Intended(intended), self.tree.size() - 1));
        }
        Ok(vec![Input::Committed(batch.number), self.room()])
    }

    fn erase(&mut self, erasing: Erasing, through: Index) -> Result<Vec<Input>, Error> {
        let next = match erasing {
            Erasing::Intended(step) => Erasing::Written(self.vault.write_tree(step, &mut self.rng)?),
            Erasing::Written(step) => Erasing::Replaced(self.vault.replace_cell(step)?),
            Erasing::Replaced(step) => Erasing::Destroyed(self.vault.destroy_old_slot(step)?),
            Erasing::Destroyed(step) => {
                let epoch = self.vault.finish_erasure(step);
                self.jobs.push_back(Job::Sweep);
                return Ok(vec![Input::ErasureDone(epoch, through)]);
            }
        };
        self.jobs.push_front(Job::Erase(next, through));
        Ok(Vec::new())
    }

    /// Reads what is there.
    pub fn read(&self, items: &[ReadItem]) -> Vec<Option<ByteVec>> {
        let reader = self.vault.reader();
        let body = |at: Place| match reader.read(at) {
            Ok(body) => Some(body.to_vec()),
            Err(Error::Missing(_) | Error::BeingErased(_)) => None,
            Err(error) => panic!("a body does not open: {error}"),
        };
        let read = |item: &ReadItem| match item {
            ReadItem::Entry(index) => {
                let position = self.positions.get(*index as usize)?;
                Some(self.vault.entry(*position).expect("a durable entry opens"))
            }
            ReadItem::Body(at, chunk) => {
                body(place(*at, true, *chunk)).or_else(|| body(place(*at, false, 0)).filter(|_| *chunk == 0))
            }
        };
        items.iter().map(|item| read(item).map(Into::into)).collect()
    }

    /// The password inside a sealed box.
    pub fn open(site: &Site, check: &CheckPassword) -> Option<Vec<u8>> {
        site.core().open(PASSWORD_INFO, &check.statement, &check.sealed).ok().map(|opened| opened.to_vec())
    }

    /// Whether a password is the one that rules.
    pub fn is_right(&self, site: &Site, check: &CheckPassword) -> bool {
        let Some(record) = self.records.get(&check.person) else { return false };
        let kept = match check.envelope {
            0 => record.own.as_ref().map(|own| own.to_vec()),
            number => record.envelopes.iter().find(|(of, _)| *of == number).and_then(|(_, sealed)| {
                let aad = envelope_aad(check.person, number);
                site.core().open(VERIFIER_INFO, &aad, sealed).ok().map(|opened| opened.to_vec())
            }),
        };
        kept.is_some() && kept == Self::open(site, check)
    }

    /// All durable entries.
    pub fn entries(&self) -> Vec<Vec<u8>> {
        self.vault.journal_entries(0).map(|entry| entry.expect("a durable entry opens").bytes).collect()
    }
}

/// Applies changes; what they make of the records they touch.
fn changed(
    records: &mut BTreeMap<PersonId, Record>,
    changes: &[VerifierChange],
) -> BTreeMap<PersonId, Option<Vec<u8>>> {
    let mut touched = BTreeMap::new();
    for change in changes {
        let (VerifierChange::Set(person, _)
        | VerifierChange::SetSealed(person, ..)
        | VerifierChange::Drop(person)
        | VerifierChange::DropEnvelope(person, _)) = change;
        let record = records.entry(*person).or_default();
        match change {
            VerifierChange::Set(_, own) => record.own = Some(own.clone()),
            VerifierChange::SetSealed(_, number, sealed) => record.envelopes.push((*number, sealed.clone())),
            VerifierChange::Drop(_) => *record = Record::default(),
            VerifierChange::DropEnvelope(_, number) => record.envelopes.retain(|(of, _)| of != number),
        }
        let empty = record.own.is_none() && record.envelopes.is_empty();
        touched.insert(*person, (!empty).then(|| canonical::encode(record)));
    }
    touched
}
