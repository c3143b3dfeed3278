//! The vault's records, behind their seals: nodes, tops, lists of leaf keys, root slots, a snapshot's index and rows.
//! They are private to their crate, so its sources are taken in by their paths.
#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub, unexpected_cfgs)]

#[path = "../../lib/vault/src/cell.rs"]
mod cell;
#[path = "../../lib/vault/src/device_record.rs"]
mod device_record;
#[path = "../../lib/vault/src/error.rs"]
mod error;
#[path = "../../lib/vault/src/snapshot/index.rs"]
mod index;
#[path = "../../lib/vault/src/node.rs"]
mod node;
#[path = "../../lib/vault/src/pending.rs"]
mod pending;
#[path = "../../lib/vault/src/place.rs"]
mod place;
#[path = "../../lib/vault/src/root_slot.rs"]
mod root_slot;
#[path = "../../lib/vault/src/seal.rs"]
mod seal;
#[path = "../../lib/vault/src/secret.rs"]
mod secret;
#[path = "../../lib/vault/src/unlock.rs"]
mod unlock;

use device_record::DeviceRecord;
use index::Index;
use libfuzzer_sys::fuzz_target;
use node::{Node, TopNode};
use pending::PendingList;
use root_slot::RootSlot;
use secret::Mask;
use std::sync::{Arc, OnceLock};

const STORE: [u8; 16] = [9; 16];

/// No secret is in these bytes.
fn mask() -> &'static Arc<Mask> {
    static MASK: OnceLock<Arc<Mask>> = OnceLock::new();
    MASK.get_or_init(|| Mask::known().expect("a page of memory"))
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(node) = Node::decode(bytes, mask()) {
        assert_eq!(**node.encode(), *bytes);
    }
    if let Ok(top) = TopNode::decode(bytes, mask()) {
        assert_eq!(**top.encode(), *bytes);
    }
    if let Ok(list) = PendingList::decode(bytes, mask()) {
        assert_eq!(**pending::encode(list.previous, &list.leaves), *bytes);
    }
    if let Ok(index) = Index::decode(bytes) {
        assert_eq!(index.encode(), bytes);
    }
    let mut rows = Vec::new();
    if index::decode(bytes, |row| rows.push(row)).is_ok() {
        assert_eq!(index::encode(&rows), bytes);
    }
    if let Some(owner) = bytes.first_chunk::<32>() {
        let _ = place::parts(owner);
    }
    if let Some(slot) = RootSlot::decode(bytes, &STORE, mask()) {
        assert_eq!(**slot.encode(), *bytes);
    }
    let _ = DeviceRecord::decode(bytes, None);
});
