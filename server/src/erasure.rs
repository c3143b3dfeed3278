//! One erasure epoch behind a batch that carries the intents: steps (b) to (e), in this order and no other.
//! Never says "erased": that is a Fact in the journal, and the engine's to write after this.

use crate::backup::{Gate, TAKE_TIMEOUT};
use crate::log::Log;
use crate::randomness::rng;
use protocol::io::EraseItem;
use std::time::Duration;
use vault::{Need, Place, Target, Tended, Vault};

/// Targets of one epoch; more are done in several.
pub(crate) const TARGETS_MAX: usize = 2048;

/// Nodes on the way from the root to one message, with room to spare, and bytes of each.
const PATH_BYTES: u64 = 5 * 4096;
/// Extents that an erasure may need beside those for its paths: the journal's, and the tree's that is begun.
const EXTENTS_AROUND: u64 = 2;
/// Targets of one epoch in a store that has hardly any room.
const TARGETS_MIN: u64 = 16;

/// Makes the room that an erasure of so many targets needs: it writes a part of the tree anew, and what it replaces is room
/// only afterwards. Where nothing is dead it is over at once, and the erasure takes what the reserve keeps for it.
pub(crate) fn make_room(vault: &mut Vault, targets: usize, log: Log) -> Result<(), vault::Error> {
    let needed = EXTENTS_AROUND + (targets as u64 * PATH_BYTES).div_ceil(vault.extent_bytes());
    while u64::from(vault.space().free) < needed {
        match vault.tend(Need::Room, &mut rng())? {
            Tended::Idle => break,
            Tended::Working | Tended::Damaged(_) => {}
            Tended::Freed => log.debug(format_args!("an extent was given back before an erasure")),
        }
    }
    Ok(())
}

/// As many targets as the room that is left takes at once.
fn at_once(vault: &Vault) -> usize {
    let free = u64::from(vault.space().free).saturating_sub(EXTENTS_AROUND);
    let targets = (free * vault.extent_bytes() / PATH_BYTES).clamp(TARGETS_MIN, TARGETS_MAX as u64);
    targets as usize
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// Carried out.
    Erased {
        /// The epoch that took effect.
        epoch: u64,
        /// It took so many of the first items; the others are left to further epochs.
        count: usize,
        /// A backup was to have the tree before the root went, and has it not.
        behind: bool,
    },
    /// There is no room for the tree write: nothing was changed, and the intents wait.
    NoRoom,
}

/// One epoch: erases as many of these as there is room for at once, from the first on. The batches with the intents are
/// durable already (a). With a gate its tree lies with whoever takes a backup away before its root is replaced, or he is gone.
pub(crate) fn run(
    vault: &mut Vault,
    items: &[EraseItem],
    gate: Option<&Gate>,
    log: Log,
) -> Result<Ran, vault::Error> {
    run_within(vault, items, gate.map(|gate| (gate, TAKE_TIMEOUT)), log)
}

/// The same with another limit for whoever takes the backup.
pub(crate) fn run_within(
    vault: &mut Vault,
    items: &[EraseItem],
    gate: Option<(&Gate, Duration)>,
    log: Log,
) -> Result<Ran, vault::Error> {
    run_naming(vault, items, None, gate, log)
}

/// The same for a recovery, which has to be through with all of it before a start may take the store: unless this epoch
/// leaves nothing to further ones, the cell names the kept entries alone, and every start refuses.
pub(crate) fn give_up(
    vault: &mut Vault,
    items: &[EraseItem],
    kept: (u64, [u8; 32]),
    log: Log,
) -> Result<Ran, vault::Error> {
    run_naming(vault, items, Some(kept), None, log)
}

fn run_naming(
    vault: &mut Vault,
    items: &[EraseItem],
    until_last: Option<(u64, [u8; 32])>,
    gate: Option<(&Gate, Duration)>,
    log: Log,
) -> Result<Ran, vault::Error> {
    make_room(vault, items.len().min(TARGETS_MAX), log)?;
    let count = items.len().min(at_once(vault));
    let targets: Vec<Target> = items[..count].iter().map(target).collect();
    let named = until_last.filter(|_| count < items.len()).unwrap_or(vault.journal());
    match one_epoch(vault, &targets, named, gate, log) {
        Ok((epoch, safe)) => Ok(Ran::Erased { epoch, count, behind: !safe }),
        Err(error) if error.is_full() => Ok(Ran::NoRoom),
        Err(error) => Err(error),
    }
}

/// An epoch that erases nothing: by it the cells name the journal as it is now.
pub(crate) fn name_cells(vault: &mut Vault, log: Log) -> Result<u64, vault::Error> {
    make_room(vault, 0, log)?;
    let named = vault.journal();
    Ok(one_epoch(vault, &[], named, None, log)?.0)
}

fn one_epoch(
    vault: &mut Vault,
    targets: &[Target],
    named: (u64, [u8; 32]),
    gate: Option<(&Gate, Duration)>,
    log: Log,
) -> Result<(u64, bool), vault::Error> {
    let intended = vault.begin_erasure(targets)?;
    // A crash here: the old root still rules, the intent is in the journal and is redone.
    let written = vault.write_tree_naming(named, intended, &mut rng())?;
    // A crash here: the cell names the old root, the new tree is void, the intent is redone. A backup of this very moment
    // opens with the root before and with the root after.
    let safe = gate.is_none_or(|(gate, limit)| gate.written(limit));
    if !safe {
        log.error("whoever took a backup away is gone: the erasure goes on, and no backup can be restored");
    }
    let replaced = vault.replace_cell(written)?;
    // A crash here: both slots are valid, the higher one wins, the start finishes what follows.
    let destroyed = vault.destroy_old_slot(replaced)?;
    // A crash here: it is erased, and nobody was told; the start redoes the intent, finds nothing, and says so.
    let epoch = vault.finish_erasure(destroyed);
    log.info(format_args!("erasure epoch {epoch}: {} targets", targets.len()));
    Ok((epoch, safe))
}

fn target(item: &EraseItem) -> Target {
    match item {
        EraseItem::Item(place) => Target::Place(Place::item(place.conversation, place.item)),
        EraseItem::Conversation(number) => Target::Conversation(*number),
    }
}
