//! The root slots of one cell: written and read back, destroyed and read back.
//! Never decides which slot rules.

use std::sync::Arc;

use disk::DeviceKeys;
use rand_core::CryptoRng;

use crate::cell::{CellError, CellName, CellSlot, RootCell};
use crate::device_record::DeviceRecord;
use crate::error::Error;
use crate::root_slot::RootSlot;
use crate::secret::Mask;
use crate::unlock::UnlockSecret;

/// A blank cell gets the device keys under a fresh name, and gives the name. A crash behind it: a named cell without a slot, which
/// the next start brings up.
pub(super) fn join(
    cell: &mut dyn RootCell,
    keys: &DeviceKeys,
    unlock: Option<&UnlockSecret>,
    rng: &mut dyn CryptoRng,
) -> Result<CellName, Error> {
    let mut name = CellName::default();
    rng.fill_bytes(&mut name);
    cell.write(CellSlot::Device, &DeviceRecord { name, keys: keys.clone() }.encode(unlock, rng))?;
    Ok(name)
}

pub(super) fn is_listed(slot: &RootSlot, name: &Option<CellName>) -> bool {
    name.is_some_and(|name| slot.cells.contains(&name))
}

/// Writes the slot, and gives what the cell gives back.
pub(super) fn replace(cell: &mut dyn RootCell, slot: &RootSlot, mask: &Arc<Mask>) -> Result<RootSlot, Error> {
    replace_at(CellSlot::of_epoch(slot.epoch), cell, slot, mask)
}

/// Gives the slot of this epoch other names, where it may be the only root there is: beside it first, so that no torn write
/// takes it away. A crash inside: two slots of this epoch, either of which may rule; the next start leaves one.
pub(super) fn rename(cell: &mut dyn RootCell, slot: &RootSlot, mask: &Arc<Mask>) -> Result<(), Error> {
    replace_at(other(slot), cell, slot, mask)?;
    replace(cell, slot, mask)?;
    destroy(cell, slot)
}

fn replace_at(
    at: CellSlot,
    cell: &mut dyn RootCell,
    slot: &RootSlot,
    mask: &Arc<Mask>,
) -> Result<RootSlot, Error> {
    cell.write(at, &slot.encode())?;
    let kept = RootSlot::decode(&cell.read(at)?, &slot.store, mask).ok_or(CellError::ReadBack)?;
    if kept.is_same(slot) { Ok(kept) } else { Err(CellError::ReadBack.into()) }
}

/// The slot that is not this epoch's.
fn other(slot: &RootSlot) -> CellSlot {
    CellSlot::of_epoch(slot.epoch + 1) // Epochs alternate.
}

/// Destroys the other slot where anything is in it: a start spares the writes of a cell that wears.
pub(super) fn destroy_leftover(cell: &mut dyn RootCell, slot: &RootSlot) -> Result<(), Error> {
    if cell.read(other(slot))?.is_empty() { Ok(()) } else { destroy(cell, slot) }
}

/// Destroys the other slot, and looks whether it is gone.
pub(super) fn destroy(cell: &mut dyn RootCell, slot: &RootSlot) -> Result<(), Error> {
    cell.destroy(other(slot))?;
    if cell.read(other(slot))?.is_empty() { Ok(()) } else { Err(CellError::ReadBack.into()) }
}
