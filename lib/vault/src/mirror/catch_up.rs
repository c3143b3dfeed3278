//! Cells come to the ruling slot: at a start, blank ones that join, and one that is back.
//! Never lets a cell quietly take the place of another that may hold a root.

use std::sync::Arc;

use disk::{DeviceKeys, StoreId};
use rand_core::CryptoRng;

use super::lend::Seat;
use super::slots::{destroy, destroy_leftover, is_listed, join, rename, replace};
use super::{Keeper, Member};
use crate::cell::{CellSlot, RootCell};
use crate::device_record::DeviceRecord;
use crate::error::Error;
use crate::root_slot::RootSlot;
use crate::secret::Mask;
use crate::unlock::same_keys;

impl Keeper {
    /// Brings every cell to the ruling slot: (c) and (d) of a life that ended before them, a cell that was away, a blank one.
    /// Done at every start, any number of times. Where the last life may have died inside (d), (d) is done once more whole,
    /// though the slot reads as empty: of what was overwritten a discard may be owed, or the end of a torn sector.
    /// Whether a cell has joined.
    pub(crate) fn bring_up(
        &mut self,
        ruling: &RootSlot,
        died_in_destroying: bool,
        keys: &DeviceKeys,
        mask: &Arc<Mask>,
        rng: &mut dyn CryptoRng,
    ) -> Result<bool, Error> {
        // The ruling slot, or zeros where the former one was, may have been read from a cache: a process killed in (c) or (d)
        // leaves it there. A power cut that took the one and left the other's destruction would leave no root at all.
        self.each(|_, cell| Ok(cell.settle()?))?;
        self.listed.clone_from(&ruling.cells);
        self.each(|name, cell| {
            if !is_listed(ruling, name) {
                return Ok(());
            }
            let kept = RootSlot::decode(&cell.read(CellSlot::of_epoch(ruling.epoch))?, &ruling.store, mask);
            if !kept.is_some_and(|kept| kept.is_same(ruling)) {
                replace(cell, ruling, mask)?;
            }
            Ok(())
        })?;
        // A crash before this line: every cell has the ruling slot or still has the one before it. Were (d) done in one cell
        // before (c) in the other, the other alone could go on at the epoch before, and this one could never follow. So it
        // waits for one that is away: nothing is called erased before that is back, and (c) of the next epoch is written over
        // the old root.
        if self.misses_one() {
            return self.refuse_newcomers(ruling);
        }
        self.each(|name, cell| match (is_listed(ruling, name), died_in_destroying) {
            (false, _) => Ok(()),
            (true, true) => destroy(cell, ruling),
            (true, false) => destroy_leftover(cell, ruling),
        })?;
        self.take_in(ruling, keys, mask, rng)
    }

    /// Another cell may not quietly take the place of one that is away, which still holds a root. None has joined.
    fn refuse_newcomers(&mut self, ruling: &RootSlot) -> Result<bool, Error> {
        for member in self.members.iter_mut().filter(|member| member.cell.here().is_some()) {
            if !is_listed(ruling, &member.name) {
                // One without a name was found blank; it gets its name when it joins.
                let why = match member.name {
                    None => "it is blank, and the store waits for the cell that was in its place",
                    Some(_) => "another cell stands where the store's own is to be",
                };
                member.cell = Seat::Away(why.into());
            }
        }
        if self.here().next().is_some() {
            return Ok(false);
        }
        // The only one with a root has failed.
        self.check_here().map(|()| false)
    }

    /// Cells that join: the others name them before they hold a root, so that no cell ever holds one and is missed by nobody.
    /// Whether one has.
    fn take_in(
        &mut self,
        ruling: &RootSlot,
        keys: &DeviceKeys,
        mask: &Arc<Mask>,
        rng: &mut dyn CryptoRng,
    ) -> Result<bool, Error> {
        let unlock = self.unlock.clone();
        self.each(|name, cell| {
            if name.is_none() {
                *name = Some(join(cell, keys, unlock.as_deref(), rng)?);
            }
            Ok(())
        })?;
        let slot = RootSlot { cells: self.names(), ..ruling.clone() };
        if self.misses_one() || slot.cells.iter().all(|name| ruling.cells.contains(name)) {
            return self.refuse_newcomers(ruling);
        }
        self.each(|name, cell| if is_listed(ruling, name) { rename(cell, &slot, mask) } else { Ok(()) })?;
        // A crash before this line: a cell is named that holds no root, and the start with it gives it one.
        if self.misses_one() {
            return self.refuse_newcomers(ruling);
        }
        self.listed.clone_from(&slot.cells);
        self.each(|name, cell| {
            if is_listed(ruling, name) {
                return Ok(());
            }
            replace(cell, &slot, mask)?;
            destroy_leftover(cell, &slot)
        })?;
        Ok(true)
    }

    /// A listed cell is back while the store is open: it is brought to the ruling slot, which another cell gives.
    pub(crate) fn attach(
        &mut self,
        mut cell: Box<dyn RootCell>,
        epoch: u64,
        store: &StoreId,
        mask: &Arc<Mask>,
    ) -> Result<(), Error> {
        let record_of =
            |cell: &dyn RootCell| DeviceRecord::decode(&cell.read(CellSlot::Device)?, self.unlock.as_deref());
        let DeviceRecord { name, keys } = record_of(&*cell)?.ok_or(Error::ForeignCell)?;
        if !self.listed.contains(&name) || self.names().contains(&name) {
            return Err(Error::ForeignCell);
        }
        let at = CellSlot::of_epoch(epoch);
        let mut ruling = None;
        for (_, other) in self.here() {
            // A name is no secret; the keys are.
            if !record_of(other)?.is_some_and(|record| same_keys(&record.keys, &keys)) {
                return Err(Error::ForeignCell);
            }
            ruling = ruling.or(RootSlot::decode(&other.read(at)?, store, mask));
        }
        let ruling = ruling.ok_or(Error::NoRoot(self.kind()))?;
        replace(&mut *cell, &ruling, mask)?;
        // Whole, also where the slot reads as empty: it may have died inside (d), and nobody here knows.
        destroy(&mut *cell, &ruling)?;
        let absent = self
            .members
            .iter_mut()
            .find(|member| member.cell.why_away().is_some())
            .ok_or(Error::ForeignCell)?;
        *absent = Member { kind: cell.kind(), cell: Seat::Here(cell), name: Some(name) };
        // What two officers said of it was for the absence that is over.
        self.let_go.retain(|let_go| *let_go != name);
        if !self.misses_one() {
            // What the start left for the day when all are here, torn or not.
            for other in self.here_mut() {
                destroy(&mut **other, &ruling)?;
            }
        }
        Ok(())
    }
}
