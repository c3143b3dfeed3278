//! A cell is lent for a look, so that one that hangs keeps only the thread of its looker waiting.
//! Never two hands at once: a lent cell is nobody else's until it is back, and no epoch begins without it.

use std::sync::Arc;

use disk::StoreId;
use zeroize::Zeroizing;

use super::Keeper;
use crate::cell::{CellError, CellName, CellSlot, RootCell};
use crate::error::Error;
use crate::root_slot::RootSlot;
use crate::secret::Mask;

/// Why an epoch waits that comes in the middle of a look.
pub(super) const UNDER_A_LOOK: &str = "it is being looked at";

/// Where a cell is.
pub(super) enum Seat {
    /// With us.
    Here(Box<dyn RootCell>),
    /// With whoever looks at it.
    Lent,
    /// Why it takes no part.
    Away(String),
}

impl Seat {
    pub(super) fn here(&self) -> Option<&dyn RootCell> {
        match self {
            Self::Here(cell) => Some(&**cell),
            Self::Lent | Self::Away(_) => None,
        }
    }

    pub(super) fn here_mut(&mut self) -> Option<&mut Box<dyn RootCell>> {
        match self {
            Self::Here(cell) => Some(cell),
            Self::Lent | Self::Away(_) => None,
        }
    }

    pub(super) fn why_away(&self) -> Option<&String> {
        match self {
            Self::Away(why) => Some(why),
            Self::Here(_) | Self::Lent => None,
        }
    }

    fn is_lent(&self) -> bool {
        matches!(self, Self::Lent)
    }
}

/// A cell on its way to whoever looks at it.
pub struct CellLook {
    number: usize,
    cell: Box<dyn RootCell>,
    slot: CellSlot,
}

/// The cell with what it gave: bytes, which the vault judges. The looker has no key and no mask.
pub struct Looked {
    number: usize,
    cell: Box<dyn RootCell>,
    record: Result<Zeroizing<Vec<u8>>, CellError>,
}

impl CellLook {
    /// Reads the slot that rules; may hang for as long as the cell does.
    pub fn look(self) -> Looked {
        let Self { number, cell, slot } = self;
        let record = cell.read(slot);
        Looked { number, cell, record }
    }
}

impl Keeper {
    pub(crate) fn lend(&mut self, number: usize, epoch: u64) -> Option<CellLook> {
        let member = self.members.get_mut(number)?;
        if !member.name.is_some_and(|name| self.listed.contains(&name)) || member.cell.here().is_none() {
            return None;
        }
        match std::mem::replace(&mut member.cell, Seat::Lent) {
            Seat::Here(cell) => Some(CellLook { number, cell, slot: CellSlot::of_epoch(epoch) }),
            Seat::Lent | Seat::Away(_) => None, // It was asked just before.
        }
    }

    /// Names of the cells that are lent.
    pub(super) fn lent(&self) -> impl Iterator<Item = CellName> {
        self.members.iter().filter(|member| member.cell.is_lent()).filter_map(|member| member.name)
    }

    pub(crate) fn lends(&self) -> bool {
        self.members.iter().any(|member| member.cell.is_lent())
    }

    /// Does `fits` hold of another cell than this one?
    fn any_other(&self, number: usize, fits: impl Fn(&Seat) -> bool) -> bool {
        let mut others = self.members.iter().enumerate().filter(|(other, _)| *other != number);
        others.any(|(_, other)| fits(&other.cell))
    }

    /// A lent cell does not answer: it is away as long as another is here. The last one is waited for.
    pub(crate) fn miss_lent(&mut self, number: usize, why: &str) -> bool {
        let stands_in = self.any_other(number, |seat| seat.here().is_some());
        match self.members.get_mut(number) {
            Some(member) if member.cell.is_lent() && stands_in => {
                member.cell = Seat::Away(why.into());
                true
            }
            Some(_) | None => false,
        }
    }

    /// A lent cell is back, and keeps its seat if it gives the root that rules; so does the last one whatever it gives. Gives one that
    /// was missed meanwhile and reads again: an epoch may have gone past it.
    pub(crate) fn take_back(
        &mut self,
        Looked { number, cell, record }: Looked,
        epoch: u64,
        store: &StoreId,
        mask: &Arc<Mask>,
    ) -> Result<Option<Box<dyn RootCell>>, Error> {
        // Another that is still lent may be as dead as this one; it is judged when it is back.
        let stands_in = self.any_other(number, |seat| seat.why_away().is_none());
        let Some(member) = self.members.get_mut(number) else { return Err(Error::ForeignCell) };
        if !member.cell.is_lent() {
            return record.map(|_| Some(cell)).map_err(Error::from);
        }
        let rules = |bytes: Zeroizing<Vec<u8>>| {
            let slot = RootSlot::decode(&bytes, store, mask).filter(|slot| slot.epoch == epoch);
            slot.map(|_| ()).ok_or(CellError::Lost)
        };
        match record.and_then(rules) {
            Ok(()) => member.cell = Seat::Here(cell),
            Err(error) if stands_in => member.cell = Seat::Away(error.to_string()),
            Err(error) => {
                member.cell = Seat::Here(cell);
                return Err(error.into());
            }
        }
        Ok(None)
    }
}
