//! The proof of erasure: someone with every live key, the cell, and every version of every block ever written opens
//! whatever can be opened, again and again with what was found, until nothing new opens.
//! For tests and for the proofs a site may ask for; never used by the server.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use disk::{DeviceKeys, FrameRecord, RecordedWrite, Sealer, StoreId, Stream, frames_of_write};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::cell::{CellSlot, RootCell};
use crate::device_record::DeviceRecord;
use crate::node::{Node, TopNode};
use crate::pending::PendingList;
use crate::place::{FrameKind, Place, parts};
use crate::root_slot::{RootSlot, top_key};
use crate::seal;
use crate::secret::{Mask, Secret32};
use crate::unlock::UnlockSecret;
use crate::vault::{Vault, locked};

/// A key in clear: the adversary has them all.
pub type LiveKey = Zeroizing<[u8; 32]>;

/// All bodies that opened, by place; several versions of a place are all kept.
pub type OpenedBodies = BTreeMap<Place, Vec<Vec<u8>>>;

/// Every key that exists now: in the cell, in the cache, in the pending leaves.
pub fn live_keys(vault: &Vault) -> Vec<LiveKey> {
    let tree = locked(&vault.tree);
    let slots = tree.nodes.values().flat_map(|node| node.slots.values());
    let slots = slots.chain(&tree.top.conversations).chain(tree.pending.values());
    let secrets = slots.map(|slot| &slot.key).chain([&tree.root, &tree.top.j]);
    let mut keys: Vec<LiveKey> = secrets.map(Secret32::open).collect();
    vault.keeper.here().for_each(|(_, cell)| keys.extend(root_keys(cell, &vault.store(), &tree.mask)));
    keys
}

/// Root secrets in a cell, of both slots.
pub fn cell_keys(cell: &dyn RootCell, store: &StoreId) -> Vec<LiveKey> {
    root_keys(cell, store, &bare_mask())
}

/// The formats are read through types that mask what they keep; here a mask that everybody knows will do.
fn bare_mask() -> Arc<Mask> {
    Mask::known().expect("a machine on which erasure is proved has a page of memory to spare")
}

fn root_keys(cell: &dyn RootCell, store: &StoreId, mask: &Arc<Mask>) -> Vec<LiveKey> {
    let slots = [CellSlot::Even, CellSlot::Odd].into_iter().filter_map(|slot| cell.read(slot).ok());
    slots.filter_map(|bytes| RootSlot::decode(&bytes, store, mask)).map(|slot| slot.root.open()).collect()
}

/// The device keys a cell keeps.
pub fn device_keys(cell: &dyn RootCell) -> Option<DeviceKeys> {
    Some(DeviceRecord::decode(&cell.read(CellSlot::Device).ok()?, None).ok()??.keys)
}

/// Whatever may be a key in bytes that lie about: an index, a backup, a page of memory. Every 32 of them in a row.
pub fn keys_in(bytes: &[u8]) -> Vec<LiveKey> {
    bytes.windows(32).filter_map(|window| window.try_into().ok().map(Zeroizing::new)).collect()
}

/// Which of these texts the records give away to somebody who guesses them: by themselves or by a plain digest of them,
/// in any frame that the device keys open. Gives their numbers.
pub fn guesses_confirmed(
    keys: &DeviceKeys,
    store: StoreId,
    writes: &[RecordedWrite],
    guesses: &[&[u8]],
) -> Vec<usize> {
    let sealer = Sealer::new(keys, store);
    let frames: Vec<FrameRecord> =
        writes.iter().flat_map(|write| frames_of_write(&sealer, write.offset, &write.bytes)).collect();
    let told = |guess: &[u8]| {
        let digest = Sha256::digest(guess);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let traces = [guess, &digest[..], hex.as_bytes()];
        let holds = |bytes: &[u8], trace: &[u8]| bytes.windows(trace.len()).any(|window| window == trace);
        frames.iter().any(|frame| traces.iter().any(|trace| holds(&frame.bytes, trace)))
    };
    (0..guesses.len()).filter(|number| told(guesses[*number])).collect()
}

/// What a search found, and how far it went.
pub struct Search {
    /// The bodies that opened.
    pub opened: OpenedBodies,
    /// Different records of bodies and tree that were tried.
    pub records: usize,
    /// Different keys that were tried on them, those that were found among them.
    pub keys: usize,
}

/// Tries every key on every record, and every key found on every record, up to the fixpoint.
pub fn open_everything(
    keys: &DeviceKeys,
    store: StoreId,
    live: Vec<LiveKey>,
    writes: &[RecordedWrite],
) -> OpenedBodies {
    search(keys, store, live, None, writes).opened
}

/// The same for somebody who may have the site's unlock secret too: each key is tried as a root with it and without.
pub fn search(
    keys: &DeviceKeys,
    store: StoreId,
    live: Vec<LiveKey>,
    unlock: Option<&UnlockSecret>,
    writes: &[RecordedWrite],
) -> Search {
    let (sealer, mask) = (Sealer::new(keys, store), bare_mask());
    let frames = writes.iter().flat_map(|write| frames_of_write(&sealer, write.offset, &write.bytes));
    let mut seen = BTreeSet::new();
    let mut records: Vec<FrameRecord> = frames
        .filter(|frame| matches!(frame.stream, Stream::Bodies | Stream::Tree))
        .filter(|frame| seen.insert(frame.bytes.clone()))
        .collect();
    let mut known: BTreeSet<[u8; 32]> = BTreeSet::new();
    let mut untried: VecDeque<LiveKey> = live.into();
    let mut opened = OpenedBodies::new();
    let tried = records.len();
    while let Some(key) = untried.pop_front() {
        if !known.insert(*key) {
            continue;
        }
        records.retain(|record| {
            let Some(found) = try_key(&key, unlock, &store, record, &mask) else { return true };
            match found {
                Found::Keys(keys) => untried.extend(keys),
                Found::Body(place, bytes) => opened.entry(place).or_default().push(bytes),
            }
            false
        });
    }
    Search { opened, records: tried, keys: known.len() }
}

enum Found {
    Keys(Vec<LiveKey>),
    Body(Place, Vec<u8>),
}

fn try_key(
    key: &LiveKey,
    unlock: Option<&UnlockSecret>,
    store: &StoreId,
    record: &FrameRecord,
    mask: &Arc<Mask>,
) -> Option<Found> {
    let (kind, _, conversation, item, index) = parts(&record.owner)?;
    if kind == FrameKind::Top {
        let open = |unlock| seal::open(&top_key(key, unlock, store), store, &record.owner, &record.bytes);
        let plain = open(None).or_else(|| unlock.and_then(|unlock| open(Some(unlock))))?;
        let top = TopNode::decode(&plain, mask).ok()?;
        let conversations = top.conversations.map(|slot| slot.key.open());
        return Some(Found::Keys(conversations.into_iter().chain([top.j.open()]).collect()));
    }
    let plain = seal::open(key, store, &record.owner, &record.bytes)?;
    match kind {
        FrameKind::Item => Some(Found::Body(Place::item(conversation, item), plain.to_vec())),
        FrameKind::Chunk => Some(Found::Body(Place::chunk(conversation, item, index), plain.to_vec())),
        FrameKind::Pending => {
            let list = PendingList::decode(&plain, mask).ok()?;
            Some(Found::Keys(list.leaves.iter().map(|(_, slot)| slot.key.open()).collect()))
        }
        FrameKind::Conversations | FrameKind::Items | FrameKind::Chunks => {
            let node = Node::decode(&plain, mask).ok()?;
            Some(Found::Keys(node.slots.values().map(|slot| slot.key.open()).collect()))
        }
        FrameKind::Top | FrameKind::Snapshot => None,
    }
}
