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

/// A cell as the configuration names it: there, or not to be had now.
pub enum CellAt {
    /// It is open.
    Here(Box<dyn RootCell>),
    /// It is not.
    Absent(CellKind, CellError),
}

/// How one cell does, for `status` and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellState {
    /// What it is made of.
    pub kind: CellKind,
    /// Its name; one that never joined has none.
    pub name: Option<[u8; 8]>,
    /// Why it takes no part; `None` when it does.
    pub absent: Option<String>,
}

struct Member {
    kind: CellKind,
    cell: Result<Box<dyn RootCell>, String>,
    /// From its device record; a blank one gets its name when it joins.
    name: Option<CellName>,
}

/// The cells of a store, and its unlock secret.
pub struct Keeper {
    members: Vec<Member>,
    unlock: Option<Arc<UnlockSecret>>,
    /// The cells that the ruling slot names: all that may hold a root.
    listed: Vec<CellName>,
    /// Two officers have let go of the cells that are absent.
    let_go: bool,
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
            CellAt::Here(cell) => Member { kind: cell.kind(), cell: Ok(cell), name: None },
            CellAt::Absent(kind, why) => Member { kind, cell: Err(why.to_string()), name: None },
        };
        let members = cells.into_iter().map(member).collect();
        Self { members, unlock: None, listed: Vec::new(), let_go: false, failed: None }
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
        let strength = |kind: &CellKind| match kind {
            CellKind::Memory => 0,
            CellKind::File => 1,
            CellKind::Sector => 2,
            CellKind::Tpm => 3,
        };
        self.members.iter().map(|member| member.kind).min_by_key(strength).unwrap_or(CellKind::Memory)
    }

    /// How each cell does.
    pub fn states(&self) -> Vec<CellState> {
        let names = self.names();
        // An absent one cannot say its name; the ruling slot tells who is missing.
        let mut missing = self.listed.iter().filter(|name| !names.contains(name)).copied();
        let mut state = |member: &Member| {
            let absent = member.cell.as_ref().err().cloned();
            let name = if absent.is_some() { missing.next() } else { member.name };
            CellState { kind: member.kind, name, absent }
        };
        let mut states: Vec<CellState> = self.members.iter().map(&mut state).collect();
        // One that the configuration does not name any more, and that erasures wait for all the same.
        let why = "the configuration does not name it";
        let kind = self.kind();
        let unnamed = |name| CellState { kind, name: Some(name), absent: Some(why.into()) };
        states.extend(missing.map(unnamed));
        states
    }

    /// Least milliseconds between two replacements, of the slowest.
    pub fn pace_ms(&self) -> u64 {
        self.here().map(|(_, cell)| cell.pace_ms()).max().unwrap_or(0)
    }

    /// The cells that are here, with their names.
    pub(crate) fn here(&self) -> impl Iterator<Item = (Option<CellName>, &dyn RootCell)> {
        self.members.iter().filter_map(|member| Some((member.name, &**member.cell.as_ref().ok()?)))
    }

    /// The cells that are here, to be written.
    pub(crate) fn here_mut(&mut self) -> impl Iterator<Item = &mut Box<dyn RootCell>> {
        self.members.iter_mut().filter_map(|member| member.cell.as_mut().ok())
    }

    /// Names of the cells that are here: those that the next slot lists.
    pub(crate) fn names(&self) -> Vec<CellName> {
        self.here().filter_map(|(name, _)| name).collect()
    }

    /// Before a root is replaced: every cell that may hold one is here. One that the configuration names and the ruling slot
    /// does not holds none: it never joined, or was let go of.
    pub(crate) fn check_whole(&self) -> Result<(), Error> {
        if self.let_go || !self.misses_one() {
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

    /// The absent cells are not waited for until the next epoch, which lists them no more. Two officers have said so, and the
    /// journal says that such a cell, wherever it is, opens what is erased from now on.
    pub(crate) fn let_go(&mut self) {
        self.let_go = true;
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
        self.members.iter().find_map(|member| member.cell.as_ref().err().cloned())
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
            if let Ok(cell) = cell {
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
            let Member { cell: Ok(cell), name, .. } = &mut self.members[number] else { continue };
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
        if !others.any(|(_, other)| other.cell.is_ok()) {
            return Err(error.into());
        }
        self.failed = Some(error.to_string());
        self.members[number].cell = Err(error.to_string());
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
        for member in self.members.iter_mut().filter(|member| member.cell.is_ok()) {
            if !is_listed(ruling, &member.name) {
                member.cell = Err("another cell stands where the store's own second cell is to be".into());
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

    /// Is a cell away that may hold a root?
    fn misses_one(&self) -> bool {
        let names = self.names();
        self.listed.iter().any(|name| !names.contains(name))
    }

    /// Step (c) on every cell: written and read back. Gives what the cells gave back.
    pub(crate) fn replace(&mut self, slot: &RootSlot, mask: &Arc<Mask>) -> Result<RootSlot, Error> {
        let mut kept = None;
        for cell in self.members.iter_mut().filter_map(|member| member.cell.as_mut().ok()) {
            // A crash between two cells: the higher slot rules over both, and the start brings the other one up.
            kept = Some(replace(&mut **cell, slot, mask)?);
        }
        kept.ok_or(Error::NoRoot(self.kind()))
    }

    /// Step (d) on every cell: the slot before this one is destroyed and read back, whatever the cell says is in it.
    pub(crate) fn destroy_other(&mut self, slot: &RootSlot) -> Result<(), Error> {
        for cell in self.members.iter_mut().filter_map(|member| member.cell.as_mut().ok()) {
            // A crash between two cells: the start destroys it in the other one; nobody was told "erased" yet.
            destroy(&mut **cell, slot)?;
        }
        self.listed.clone_from(&slot.cells);
        // What was let go of is listed no more; the next one that goes away is missed again.
        self.let_go = false;
        Ok(())
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
        destroy_leftover(&mut *cell, &ruling)?;
        let absent = self.members.iter_mut().find(|member| member.cell.is_err()).ok_or(Error::ForeignCell)?;
        *absent = Member { kind: cell.kind(), cell: Ok(cell), name: Some(name) };
        if !self.misses_one() {
            // What the start left for the day when all are here.
            for other in self.here_mut() {
                destroy_leftover(&mut **other, &ruling)?;
            }
        }
        Ok(())
    }
}

/// A blank cell gets the device keys under a fresh name, and gives the name. A crash behind it: a named cell without a slot, which
/// the next start brings up.
fn join(
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

fn is_listed(slot: &RootSlot, name: &Option<CellName>) -> bool {
    name.is_some_and(|name| slot.cells.contains(&name))
}

/// Writes the slot, and gives what the cell gives back.
fn replace(cell: &mut dyn RootCell, slot: &RootSlot, mask: &Arc<Mask>) -> Result<RootSlot, Error> {
    replace_at(CellSlot::of_epoch(slot.epoch), cell, slot, mask)
}

/// Gives the slot of this epoch other names, where it may be the only root there is: beside it first, so that no torn write
/// takes it away. A crash inside: two slots of this epoch, either of which may rule; the next start leaves one.
fn rename(cell: &mut dyn RootCell, slot: &RootSlot, mask: &Arc<Mask>) -> Result<(), Error> {
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
fn destroy_leftover(cell: &mut dyn RootCell, slot: &RootSlot) -> Result<(), Error> {
    if cell.read(other(slot))?.is_empty() { Ok(()) } else { destroy(cell, slot) }
}

/// Destroys the other slot, and looks whether it is gone.
fn destroy(cell: &mut dyn RootCell, slot: &RootSlot) -> Result<(), Error> {
    cell.destroy(other(slot))?;
    if cell.read(other(slot))?.is_empty() { Ok(()) } else { Err(CellError::ReadBack.into()) }
}
