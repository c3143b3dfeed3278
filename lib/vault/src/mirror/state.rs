//! How the cells do, for `status` and the log.
//! Never asks a cell: it tells what is known.

use super::{Keeper, Member};
use crate::cell::CellKind;

/// How one cell does, for `status` and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellState {
    /// What it is made of.
    pub kind: CellKind,
    /// Its name; one that never joined has none, nor has one that is away and was let go of.
    pub name: Option<[u8; 8]>,
    /// Why it takes no part; `None` when it does.
    pub absent: Option<String>,
    /// Why it may not serve much longer, though it is here and nothing stands in for it: what looked at it says so, not the vault.
    pub failing: Option<String>,
}

impl Keeper {
    /// How each cell does. One that is under a look is here.
    pub fn states(&self) -> Vec<CellState> {
        // An absent one cannot say its name; the ruling slot tells who is missing.
        let mut missing = self.missed();
        let mut state = |member: &Member| {
            let absent = member.cell.why_away().cloned();
            let name = if absent.is_some() { missing.next() } else { member.name };
            CellState { kind: member.kind, name, absent, failing: None }
        };
        let mut states: Vec<CellState> = self.members.iter().map(&mut state).collect();
        // One that the configuration does not name any more, and that erasures wait for all the same.
        let why = "the configuration does not name it";
        let kind = self.kind();
        let unnamed = |name| CellState { kind, name: Some(name), absent: Some(why.into()), failing: None };
        states.extend(missing.map(unnamed));
        states
    }
}
