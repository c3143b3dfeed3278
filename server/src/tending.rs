//! Room while the server runs: when the writer takes a step of the vault's compaction, and how much it wants one.
//! Never between an erasure's tree write and its cell, and never more than one step while a batch waits.

use crate::log::Log;
use rand_core::CryptoRng;
use std::time::Duration;
use vault::{Need, Tended, Vault};

/// Nobody has asked for anything for so long: then a step is in nobody's way.
const QUIET: Duration = Duration::from_millis(10);
/// Free extents beside twice the reserve below which room is wanted at once: batches under way need some too.
const TIGHT_EXTENTS: u32 = 8;

/// Whether there is anything to do.
pub(crate) struct Tending {
    due: bool,
    log: Log,
}

/// Is there so little room that every batch is followed by a step?
fn is_tight(vault: &Vault) -> bool {
    let space = vault.space();
    space.free <= 2 * space.reserve + TIGHT_EXTENTS
}

impl Tending {
    /// After a start something is to be done always: what is alive has to be counted.
    pub(crate) fn new(log: Log) -> Self {
        Self { due: true, log }
    }

    /// How long the writer waits for a batch before it takes a step; `None`: until one comes.
    pub(crate) fn patience(&self, vault: &Vault) -> Option<Duration> {
        self.due.then(|| if is_tight(vault) { Duration::ZERO } else { QUIET })
    }

    /// A batch was written: something may have died. Takes one step where there is little room. Whether room came of it.
    pub(crate) fn written(
        &mut self,
        vault: &mut Vault,
        rng: &mut dyn CryptoRng,
    ) -> Result<bool, vault::Error> {
        self.due = true;
        if is_tight(vault) { self.step(vault, rng) } else { Ok(false) }
    }

    /// One bounded step. Whether room came of it.
    pub(crate) fn step(&mut self, vault: &mut Vault, rng: &mut dyn CryptoRng) -> Result<bool, vault::Error> {
        let need = if is_tight(vault) { Need::Room } else { Need::Hygiene };
        match vault.tend(need, rng)? {
            Tended::Idle => self.due = false,
            Tended::Working => {}
            Tended::Freed => {
                let space = vault.space();
                self.log.debug(format_args!("an extent was given back: {} of {} free", space.free, space.extents));
                return Ok(true);
            }
            Tended::Damaged(offset) => self.log.error(format_args!(
                "a frame near byte {offset} of the store does not read or does not open: nothing around it is moved or given \
                 back; `conclaved check --full` says what it was"
            )),
        }
        Ok(false)
    }
}
