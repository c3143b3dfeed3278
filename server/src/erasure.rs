//! One erasure epoch behind a batch that carries the intents: steps (b) to (e), in this order and no other.
//! Never says "erased": that is a Fact in the journal, and the engine's to write after this.

use crate::log::Log;
use crate::randomness::rng;
use protocol::io::EraseItem;
use vault::{Place, Target, Vault};

/// Targets of one epoch; more are done in several.
pub(crate) const TARGETS_MAX: usize = 2048;

/// Gives dead extents back while there is little room: an erasure writes a part of the tree anew, and what it replaces is
/// room only after a sweep. Where nothing is dead, nothing is gained and nothing lost.
pub(crate) fn make_room(vault: &mut Vault, log: Log) -> Result<(), vault::Error> {
    for _ in 0..vault.space().extents {
        let space = vault.space();
        if space.free > space.reserve + 1 {
            break;
        }
        let freed = vault.sweep(1, &mut rng())?;
        log.debug(format_args!("swept before an erasure, {freed} extents given back"));
    }
    Ok(())
}

/// Erases; gives the epoch that took effect. The batch with the intents is durable already (a).
pub(crate) fn run(vault: &mut Vault, items: &[EraseItem], log: Log) -> Result<u64, vault::Error> {
    let targets: Vec<Target> = items.iter().map(target).collect();
    let mut epoch = vault.epoch();
    for targets in targets.chunks(TARGETS_MAX) {
        epoch = one_epoch(vault, targets, log)?;
    }
    Ok(epoch)
}

/// An epoch that erases nothing: a cell that has joined is named by it, so that it will be missed.
pub(crate) fn name_cells(vault: &mut Vault, log: Log) -> Result<u64, vault::Error> {
    one_epoch(vault, &[], log)
}

fn one_epoch(vault: &mut Vault, targets: &[Target], log: Log) -> Result<u64, vault::Error> {
    make_room(vault, log)?;
    let intended = vault.begin_erasure(targets)?;
    // A crash here: the old root still rules, the intent is in the journal and is redone.
    let written = vault.write_tree(intended, &mut rng())?;
    // A crash here: the cell names the old root, the new tree is void, the intent is redone.
    let replaced = vault.replace_cell(written)?;
    // A crash here: both slots are valid, the higher one wins, the start finishes what follows.
    let destroyed = vault.destroy_old_slot(replaced)?;
    // A crash here: it is erased, and nobody was told; the start redoes the intent, finds nothing, and says so.
    let epoch = vault.finish_erasure(destroyed);
    log.info(format_args!("erasure epoch {epoch}: {} targets", targets.len()));
    Ok(epoch)
}

fn target(item: &EraseItem) -> Target {
    match item {
        EraseItem::Item(place) => Target::Place(Place::item(place.conversation, place.item)),
        EraseItem::Conversation(number) => Target::Conversation(*number),
    }
}
