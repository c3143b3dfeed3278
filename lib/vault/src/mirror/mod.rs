//! What keeps the root: one cell, or two that mirror each other, and the unlock secret where a site has one.
//! Never takes a part of the mirror for the whole: while a cell is absent, no root is replaced and nothing is "erased".

use std::sync::Arc;

use disk::{DeviceKeys, StoreId, VerifiersKey};
use rand_core::CryptoRng;

use crate::cell::{CellError, CellKind, CellName, CellSlot, RootCell};
use crate::device_record::{self, DeviceRecord};
use crate::error::Error;
use crate::root_slot::RootSlot;
use crate::secret::Mask;
use crate::unlock::{UnlockSecret, same_keys};

mod catch_up;
mod lend;
mod slots;
mod state;

pub use lend::{CellLook, Looked};
pub use state::CellState;

use lend::{Seat, UNDER_A_LOOK};
use slots::{destroy, join, replace};

/// A cell as the configuration names it: there, or not to be had now.
pub enum CellAt {
    /// It is open.
    Here(Box<dyn RootCell>),
    /// It is not.
    Absent(CellKind, CellError),
}

struct Member {
    kind: CellKind,
    cell: Seat,
    /// From its device record; a blank one gets its name when it joins.
    name: Option<CellName>,
}

/// The cells of a store, and its unlock secret.
pub struct Keeper {
    members: Vec<Member>,
    unlock: Option<Arc<UnlockSecret>>,
    /// The cells that the ruling slot names: all that may hold a root.
    listed: Vec<CellName>,
    /// Cells that are absent and that two officers have let go of, for this absence.
    let_go: Vec<CellName>,
    /// Why a cell that was opened is not here any more.
    failed: Option<String>,
}

impl<C: RootCell + 'static> From<Box<C>> for Keeper {
    fn from(cell: Box<C>) -> Self {
        let cell: Box<dyn RootCell> = cell;
        cell.into()
    }
}

impl From<Box<dyn RootCell>> for Keeper {
    fn from(cell: Box<dyn RootCell>) -> Self {
        Self::of([CellAt::Here(cell)])
    }
}

impl Keeper {
    /// Two cells that mirror each other.
    pub fn mirrored(first: CellAt, second: CellAt) -> Self {
        Self::of([first, second])
    }

    fn of(cells: impl IntoIterator<Item = CellAt>) -> Self {
        let member = |at| match at {
            CellAt::Here(cell) => Member { kind: cell.kind(), cell: Seat::Here(cell), name: None },
            CellAt::Absent(kind, why) => Member { kind, cell: Seat::Away(why.to_string()), name: None },
        };
        let members = cells.into_iter().map(member).collect();
        Self { members, unlock: None, listed: Vec::new(), let_go: Vec::new(), failed: None }
    }

    /// With the site's unlock secret.
    pub fn with_unlock(self, secret: UnlockSecret) -> Self {
        Self { unlock: Some(Arc::new(secret)), ..self }
    }

    pub(crate) fn unlock(&self) -> Option<Arc<UnlockSecret>> {
        self.unlock.clone()
    }

    /// The key of the password verifiers, which lies open also where the log key is sealed: people are let in, and may
    /// bring the unlock secret, before the store is unlocked.
    pub(crate) fn verifiers_key(&self) -> Result<Option<VerifiersKey>, Error> {
        for (_, cell) in self.here() {
            if let Some(key) = device_record::verifiers_key(&cell.read(CellSlot::Device)?)? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// What the weakest of them is made of: it decides what may be promised.
    pub fn kind(&self) -> CellKind {
        let kinds = self.members.iter().map(|member| member.kind);
        kinds.reduce(CellKind::weaker).unwrap_or(CellKind::Memory)
    }

    /// Least milliseconds between two replacements, of the slowest.
    pub fn pace_ms(&self) -> u64 {
        self.here().map(|(_, cell)| cell.pace_ms()).max().unwrap_or(0)
    }

    /// The cells that are here, with their names.
    pub(crate) fn here(&self) -> impl Iterator<Item = (Option<CellName>, &dyn RootCell)> {
        self.members.iter().filter_map(|member| Some((member.name, member.cell.here()?)))
    }

    /// The cells that are here, to be written.
    pub(crate) fn here_mut(&mut self) -> impl Iterator<Item = &mut Box<dyn RootCell>> {
        self.members.iter_mut().filter_map(|member| member.cell.here_mut())
    }

    /// Names of the cells that are here: those that the next slot lists.
    pub(crate) fn names(&self) -> Vec<CellName> {
        self.here().filter_map(|(name, _)| name).collect()
    }

    /// Before a root is replaced: every cell that may hold one is here. One that the configuration names and the ruling slot
    /// does not holds none: it never joined, or was let go of.
    pub(crate) fn check_whole(&self) -> Result<(), Error> {
        if self.lends() {
            // Whatever was let go of, it is not this one, and no epoch may begin without it.
            return Err(Error::CellAbsent { why: UNDER_A_LOOK.into() });
        }
        if self.missed().next().is_none() {
            return Ok(());
        }
        Err(Error::CellAbsent { why: self.why_missed() })
    }

    /// What [`Keeper::check_whole`] says, by the cells that this slot names: nothing was brought up yet. Gives who of them is
    /// away.
    pub(crate) fn missing_of(&self, slot: &RootSlot) -> (Vec<CellName>, Result<(), Error>) {
        let names = self.names();
        let missing: Vec<CellName> =
            slot.cells.iter().filter(|name| !names.contains(name)).copied().collect();
        let whole = match missing.is_empty() {
            true => Ok(()),
            false => Err(Error::CellAbsent { why: self.why_missed() }),
        };
        (missing, whole)
    }

    /// This absent cell is not waited for until the next epoch, which lists it no more, or until it is back. Two officers have
    /// said so, and the journal says that it, wherever it is, opens what is erased from now on. Whether it was waited for.
    pub(crate) fn let_go(&mut self, name: CellName) -> bool {
        let is_missed = self.missed().any(|missed| missed == name);
        self.let_go.extend(Some(name).filter(|_| is_missed));
        is_missed
    }

    /// Is every cell here that the configuration names?
    pub fn check_here(&self) -> Result<(), Error> {
        self.why_away().map_or(Ok(()), |why| Err(Error::CellAbsent { why }))
    }

    /// Of a cell that the slot names: it is away, or nobody looks for it.
    fn why_missed(&self) -> String {
        self.why_away().unwrap_or_else(|| "the configuration does not name it".into())
    }

    fn why_away(&self) -> Option<String> {
        self.members.iter().find_map(|member| member.cell.why_away().cloned())
    }

    /// Before a new store is made, and before anything is overwritten for it: every cell is here, and none holds a root or anything
    /// that is not ours. A device record may be there: an interrupted founding leaves one.
    pub fn check_free(&self) -> Result<(), Error> {
        self.check_here()?;
        for (_, cell) in self.here() {
            let is_ours = device_record::is_whole(&cell.read(CellSlot::Device)?);
            let is_free = match is_ours {
                true => cell.read(CellSlot::Even)?.is_empty() && cell.read(CellSlot::Odd)?.is_empty(),
                false => cell.is_blank(Some(CellSlot::Device))?,
            };
            if !is_free {
                return Err(Error::CellInUse);
            }
        }
        Ok(())
    }

    /// For a new store: every cell gets the device keys under a name of its own.
    pub(crate) fn found(&mut self, keys: &DeviceKeys, rng: &mut dyn CryptoRng) -> Result<(), Error> {
        self.check_free()?;
        for Member { cell, name, .. } in &mut self.members {
            if let Some(cell) = cell.here_mut() {
                *name = Some(join(&mut **cell, keys, self.unlock.as_deref(), rng)?);
            }
        }
        self.listed = self.names();
        Ok(())
    }

    /// The device keys, from whichever cell has them; all that have them must agree. A cell that is blank has none yet. One
    /// that fails is away from here on, as long as another gives the keys.
    pub(crate) fn device_keys(&mut self) -> Result<DeviceKeys, Error> {
        let (kind, unlock) = (self.kind(), self.unlock.clone());
        let mut found: Option<DeviceKeys> = None;
        self.each(|name, cell| {
            match DeviceRecord::decode(&cell.read(CellSlot::Device)?, unlock.as_deref())? {
                Some(record) if found.as_ref().is_none_or(|keys| same_keys(keys, &record.keys)) => {
                    *name = Some(record.name);
                    found = Some(record.keys);
                }
                Some(_) => return Err(Error::ForeignCell),
                None => {}
            }
            Ok(())
        })?;
        let keys = found.ok_or_else(|| match self.failed.take() {
            // What cannot be read may be the store's only root.
            Some(why) => Error::CellAbsent { why },
            None => Error::NoRoot(kind),
        })?;
        // A cell without the keys is blank, or it is not ours: nobody but a person makes it blank.
        self.each(
            |name, cell| {
                if name.is_none() && !cell.is_blank(None)? { Err(Error::ForeignCell) } else { Ok(()) }
            },
        )?;
        Ok(keys)
    }

    /// Does the same to every cell that is here. One that fails is away from here on, as long as another is here.
    fn each(
        &mut self,
        mut step: impl FnMut(&mut Option<CellName>, &mut dyn RootCell) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for number in 0..self.members.len() {
            let Member { cell: Seat::Here(cell), name, .. } = &mut self.members[number] else { continue };
            match step(name, &mut **cell) {
                Err(Error::Cell(error)) => self.miss(number, error)?,
                done => done?,
            }
        }
        Ok(())
    }

    /// A cell has failed: what it holds cannot be replaced, so erasures wait for it as for one that was never here.
    fn miss(&mut self, number: usize, error: CellError) -> Result<(), Error> {
        let mut others = self.members.iter().enumerate().filter(|(other, _)| *other != number);
        if !others.any(|(_, other)| other.cell.here().is_some()) {
            return Err(error.into());
        }
        self.failed = Some(error.to_string());
        self.members[number].cell = Seat::Away(error.to_string());
        Ok(())
    }

    /// The slot that rules: the highest valid one of all cells that `fits` the log.
    ///
    /// With two cells there is one way for a higher slot to be void: (c) reached one cell, the machine died, and it went on
    /// without that cell, at the epoch before. Then (d) was never done there: the cell still holds the former slot too.
    pub(crate) fn ruling<T>(
        &mut self,
        store: &StoreId,
        mask: &Arc<Mask>,
        fits: impl Fn(&RootSlot) -> Result<T, Error>,
    ) -> Result<(RootSlot, T), Error> {
        let mut slots = Vec::new();
        let mut number = 0;
        self.each(|_, cell| {
            let both = [cell.read(CellSlot::Even)?, cell.read(CellSlot::Odd)?];
            let both = both.iter().filter_map(|bytes| RootSlot::decode(bytes, store, mask));
            slots.extend(both.map(|slot| (number, slot)));
            number += 1;
            Ok(())
        })?;
        slots.sort_by_key(|(_, slot)| std::cmp::Reverse(slot.epoch));
        let mirrored = self.members.len() > 1;
        for (index, (number, slot)) in slots.iter().enumerate() {
            match fits(slot) {
                Ok(fitting) => return Ok((slot.clone(), fitting)),
                Err(error) => {
                    let former = |(other, lower): &(usize, RootSlot)| {
                        other == number && lower.epoch + 1 == slot.epoch && fits(lower).is_ok()
                    };
                    if !mirrored || !slots[index + 1..].iter().any(former) {
                        return Err(error);
                    }
                }
            }
        }
        Err(match self.failed.take() {
            // What cannot be read may be the store's only root.
            Some(why) => Error::CellAbsent { why },
            None => Error::NoRoot(self.kind()),
        })
    }

    /// Is a cell away that may hold a root?
    fn misses_one(&self) -> bool {
        let names = self.names();
        self.listed.iter().any(|name| !names.contains(name))
    }

    /// Cells that epochs wait for: listed, and neither here, nor lent, nor let go of.
    pub(super) fn missed(&self) -> impl Iterator<Item = CellName> {
        let near: Vec<CellName> = self.names().into_iter().chain(self.lent()).collect();
        let is_missed = move |name: &CellName| !near.contains(name) && !self.let_go.contains(name);
        self.listed.iter().copied().filter(is_missed)
    }

    /// Step (c) on every cell: written and read back. Gives what the cells gave back.
    pub(crate) fn replace(&mut self, slot: &RootSlot, mask: &Arc<Mask>) -> Result<RootSlot, Error> {
        let mut kept = None;
        for cell in self.here_mut() {
            // A crash between two cells: the higher slot rules over both, and the start brings the other one up.
            kept = Some(replace(&mut **cell, slot, mask)?);
        }
        kept.ok_or(Error::NoRoot(self.kind()))
    }

    /// Step (d) on every cell: the slot before this one is destroyed and read back, whatever the cell says is in it.
    pub(crate) fn destroy_other(&mut self, slot: &RootSlot) -> Result<(), Error> {
        for cell in self.here_mut() {
            // A crash between two cells: the start destroys it in the other one; nobody was told "erased" yet.
            destroy(&mut **cell, slot)?;
        }
        self.listed.clone_from(&slot.cells);
        // What was let go of is listed no more; the next one that goes away is missed again.
        self.let_go.clear();
        Ok(())
    }
}
