//! Lists of leaf keys that are not in the tree yet, sealed under J, each naming the list before it by place and tag: any
//! list of one epoch opens in any other's place, so a place alone would let lists be left out, or a start go in circles.
//! An erasure destroys J, so a list left behind on the device opens for nobody.

use std::sync::Arc;

use disk::codec::{Fields, Malformed, Put};
use disk::{Owner, Position, Top};
use zeroize::Zeroizing;

use crate::node::{Child, Slot};
use crate::place::{FrameKind, Place, owner};
use crate::secret::{Mask, Secret32};

/// Leaves one list may have.
pub(crate) const LEAVES_MAX: usize = 256;

/// A leaf and where it belongs.
pub(crate) type Leaf = (Place, Slot);

/// One list.
pub(crate) struct PendingList {
    pub(crate) previous: Option<Top>,
    pub(crate) leaves: Vec<Leaf>,
}

/// The owner of every list.
pub(crate) fn pending_owner() -> Owner {
    owner(FrameKind::Pending, 0, 0, 0, 0)
}

/// Bytes of a list with leaves, as small as may be.
pub(crate) fn encode(previous: Option<Top>, leaves: &[Leaf]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(48 + leaves.len() * 85));
    bytes.put_u8(1);
    bytes.put_u8(u8::from(previous.is_some()));
    if let Some(previous) = previous {
        previous.encode(&mut bytes);
    }
    bytes.put_u32(leaves.len() as u32);
    for (place, slot) in leaves {
        bytes.put_u64(place.conversation);
        bytes.put_u64(place.item);
        bytes.put_u8(u8::from(place.chunk.is_some()));
        if let Some(chunk) = place.chunk {
            bytes.put_u64(chunk);
        }
        bytes.put(&*slot.key.open());
        slot.position.encode(&mut bytes);
        bytes.put(&slot.tag);
    }
    bytes
}

impl PendingList {
    pub(crate) fn decode(bytes: &[u8], mask: &Arc<Mask>) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != 1 {
            return Err(Malformed);
        }
        let previous = if fields.flag()? { Some(Top::decode(&mut fields)?) } else { None };
        let mut leaves = Vec::new();
        for _ in 0..fields.count(LEAVES_MAX)? {
            let (conversation, item) = (fields.u64()?, fields.u64()?);
            let chunk = if fields.flag()? { Some(fields.u64()?) } else { None };
            let key = Secret32::masked(&Zeroizing::new(fields.array()?), mask);
            let position = Position::decode(&mut fields)?;
            let slot = Slot { child: Child::Leaf, key, position, tag: fields.array()? };
            leaves.push((Place { conversation, item, chunk }, slot));
        }
        fields.end()?;
        Ok(Self { previous, leaves })
    }
}
