//! What can be kept of a store, replayed from the genesis on, and what is known of the rest.
//! Never writes to the store: whoever looks before deciding looks under glass.

use super::cannot_keep::CannotKeep;
use super::era;
use super::looked::Looked;
use super::missing::Missing;
use crate::cells;
use crate::clock;
use crate::config::StoreConfig;
use crate::keys::ServerKeys;
use crate::overlay::OverlayDevice;
use crate::randomness::rng;
use crate::recovery::{self, RecoveryError};
use crate::store;
use crate::words::{NoRecovery, Reason, Trouble};
use console::Voice;
use disk::Device;
use journal::act::{
    CellName, GIVEN_UP_MAX, IndexRange, KeptPasswords, LossCause, LossSource, LossTrace, Succession,
};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::Head;
use journal::note::VerifierKey;
use journal::register::{Register, SuccessionRow};
use journal::statement::SignedStatement;
use journal::tree::Tree;
use journal::{Content, Entry, Origin};
use minicbor::bytes::ByteVec;
use pki::{PublicKey, Suite};
use protocol::succession::Plan;
use std::sync::Arc;
use vault::{Bodies, KeptVerifiers, Limits, SECRETS_CONVERSATION, Salvage, Target, Vault};

/// What was asked for.
pub(super) struct Asked {
    pub(super) heads: Vec<SignedCheckpoint>,
    pub(super) era: Option<u32>,
    pub(super) cause: LossCause,
    pub(super) bodies: bool,
    pub(super) absent_cell: bool,
}

/// What becomes of everything beside the entries.
struct Beside {
    bodies_lost: bool,
    period_key_lost: bool,
    bodies_missing: u64,
    passwords: KeptPasswords,
}

/// Cells that are waited for no more, wherever they are.
pub(super) struct LetGo {
    /// The officers have let go of whatever is away: nobody knew its name.
    pub(super) unnamed: bool,
    pub(super) names: Vec<[u8; 8]>,
}

impl LetGo {
    /// Whether all of these are; none are named where nobody knows who is away.
    pub(super) fn covers(&self, missing: &[[u8; 8]]) -> bool {
        self.unnamed || !missing.is_empty() && missing.iter().all(|name| self.names.contains(name))
    }
}

/// See the module.
pub(super) struct Found {
    salvage: Salvage,
    pub(super) register: Register,
    pub(super) tree: Tree,
    genesis: SignedStatement,
    missing: Missing,
    /// The secret of the log's period key does not open any more; looked for only where one looks.
    period_key_lost: bool,
    /// A start takes the store as it is; tried only where one looks.
    starts: bool,
}

impl Found {
    /// Under glass, and as far as a settled vault.
    pub(super) fn rehearsed(config: &StoreConfig, voice: Voice) -> Result<Self, CannotKeep> {
        let medium = Arc::new(store::lock(config)?);
        // A sheet of its own each time; the cells are held by one of them at a time.
        let find = || -> Result<Salvage, CannotKeep> {
            let looked = Looked::at(Arc::clone(&medium), voice);
            let device: Arc<dyn Device> = Arc::new(OverlayDevice::new(looked));
            let keeper = cells::rehearsed(config).map_err(CannotKeep::Cells)?;
            Ok(Salvage::find(device, keeper, Limits::default(), &mut rng())?)
        };
        let starts = starts(Arc::new(OverlayDevice::new(Arc::clone(&medium))), config);
        let Self { salvage, register, tree, genesis, missing, .. } = Self::of(find()?)?;
        let period_key_lost = match salvage.bodies() {
            Bodies::Lost => {
                // It holds the cells, which are opened once more below.
                drop(salvage);
                true
            }
            Bodies::Kept | Bodies::Damaged { .. } => {
                let settled = salvage.settle(false, &mut rng())?;
                recovery::period_key(&settled, &register).is_err()
            }
        };
        Ok(Self { salvage: find()?, register, tree, genesis, missing, period_key_lost, starts })
    }

    /// The store itself, for carrying out.
    pub(super) fn open(device: Arc<dyn Device>, config: &StoreConfig) -> Result<Self, CannotKeep> {
        let keeper = cells::open(config).map_err(CannotKeep::Cells)?;
        Self::of(Salvage::find(device, keeper, Limits::default(), &mut rng())?)
    }

    fn of(salvage: Salvage) -> Result<Self, CannotKeep> {
        let (register, tree, books) = recovery::of_entries(salvage.journal_entries())?;
        if (tree.size(), tree.root()) != salvage.kept() {
            return Err(RecoveryError::Root.into());
        }
        let missing = Missing::of(&salvage, &register, &books);
        let first = salvage.journal_entries().next().ok_or(RecoveryError::NotFounded)?;
        let first = first.map_err(vault::Error::from)?;
        let genesis = match Entry::decode(&first.bytes).map(|entry| entry.content) {
            Ok(Content::Statement(genesis)) => genesis,
            Ok(Content::Fact(_)) | Err(_) => return Err(RecoveryError::NotFounded.into()),
        };
        let (period_key_lost, starts) = (false, false);
        let found = Self { salvage, register, tree, genesis, missing, period_key_lost, starts };
        match found.salvage.cell_names() {
            Some((size, ..)) if size <= found.tree.size() && !found.is_named() && found.begun().is_none() => {
                Err(RecoveryError::Cell { size }.into())
            }
            Some(_) | None => Ok(found),
        }
    }

    /// Whether the kept entries are those that the cell names, as far as it names them.
    fn is_named(&self) -> bool {
        let Some((size, root, _)) = self.salvage.cell_names() else { return false };
        size == 0 || self.tree.root_at(size).ok() == Some(root)
    }

    /// The succession whose entries are there and that was not carried out to its end: the cell names less than it, or still
    /// what it gave up. What the cell names then was named in the epoch that the kept entries end in. A journal that was lost
    /// behind a finished one ends in an epoch before the one that named it.
    pub(super) fn begun(&self) -> Option<&SuccessionRow> {
        let last = self.register.successions().last()?;
        let (size, _, epoch) = self.salvage.cell_names()?;
        let is_newest = self.tree.size() == last.end + u64::from(last.period_key_lost);
        let is_begun = match self.is_named() {
            true => size < last.end,
            false => epoch == self.salvage.kept_epoch(),
        };
        (is_newest && is_begun).then_some(last)
    }

    /// Whether every body is lost since this one was begun, which says nothing of that: its own signatures end it no more.
    pub(super) fn has_lost_bodies_since(&self, begun: &SuccessionRow) -> bool {
        self.bodies() == Bodies::Lost && !begun.bodies_lost
    }

    /// Whether such a succession stands in the kept entries and nothing was lost since that the cell names.
    pub(super) fn is_finished(&self, is_this: impl Fn(&SuccessionRow) -> bool) -> bool {
        self.is_named() && !self.salvage.is_behind() && self.register.successions().iter().any(is_this)
    }

    /// The cells that may hold a root are here, or these are let go of.
    pub(super) fn check_cells(&self, let_go: &LetGo) -> Result<(), Trouble> {
        match self.salvage.check_cells() {
            Err(error) if !let_go.covers(self.salvage.missing_cells()) => {
                Err(NoRecovery::CellAway { reason: Reason::of(error, error.ru()) }.into())
            }
            Err(_) | Ok(()) => Ok(()),
        }
    }

    /// The cells that two officers have let go of before, and those that this act lets go of.
    pub(super) fn let_go(&self, act: Option<&Succession>) -> LetGo {
        let by_act = act.filter(|act| act.cell_let_go);
        let named = by_act.into_iter().flat_map(|act| &act.cells).copied();
        LetGo {
            unnamed: by_act.is_some_and(|act| act.cells.is_empty()),
            names: named.chain(self.register.dropped_cells()).map(|name| name.0).collect(),
        }
    }

    pub(super) fn head(&self) -> Head {
        Head { size: self.tree.size(), root: self.tree.root() }
    }

    /// What becomes of the bodies by what reads.
    pub(super) fn bodies(&self) -> Bodies {
        self.salvage.bodies()
    }

    /// Places below nodes that do not open.
    pub(super) fn damaged(&self) -> Vec<vault::Place> {
        self.salvage.damaged().to_vec()
    }

    /// What no kept entry knows and the tree still holds.
    pub(super) fn orphans(&self) -> Vec<Target> {
        self.salvage.orphans(|conversation| match conversation {
            SECRETS_CONVERSATION => Some(self.register.period().map_or(0, |period| period.number + 1)),
            number => self.register.conversation_by_number(number).map(|row| row.next_item),
        })
    }

    /// Gives up what is behind the kept entries.
    pub(super) fn settle(self, fresh: bool, config: &StoreConfig) -> Result<Vault, Trouble> {
        self.salvage.settle(fresh, &mut rng()).map_err(|error| CannotKeep::from(error).trouble(config))
    }

    /// The plan for the officers, or why there is nothing to decide.
    pub(super) fn plan(&self, asked: &Asked, keys: &ServerKeys) -> Result<Plan, Trouble> {
        let kept = self.head();
        // One that was begun is gone on with, but for what went away meanwhile: that is for the officers to say.
        if let Some(begun) = self.begun() {
            let is_cell_away = asked.absent_cell && self.salvage.check_cells().is_err();
            if !is_cell_away && !self.has_lost_bodies_since(begun) {
                return Err(NoRecovery::SuccessionBegun { era: begun.era }.into());
            }
        }
        if self.register.identity() != Some(&keys.identity_public()) {
            let reason = "the log identity key is not the one that the journal names".into();
            return Err(Trouble::Keys { reason });
        }
        let now = clock::now().map_err(|error| Trouble::System { reason: error.to_string() })?;
        let time_ms = now.wall_ms.max(self.register.floor_ms());
        let mut lost = self.traces();
        let mut last = self.register.era();
        for head in &asked.heads {
            let (trace, seen) = self.trace_of(head)?;
            last = last.max(seen);
            lost.extend(trace);
        }
        let era = era::choose(asked.era, last, time_ms)?;
        if lost.is_empty() {
            // A start reads no node but those on its way; what hangs on the others is for the officers to give up, too.
            if self.starts && self.bodies() == Bodies::Kept && self.missing.bodies == 0 {
                return Err(NoRecovery::NothingLost.into());
            }
            lost.push(LossTrace { source: LossSource::Unreadable, size: kept.size, root: None });
        }
        let Beside { bodies_lost, period_key_lost, bodies_missing, passwords } = self.beside();
        if bodies_lost && !asked.bodies {
            return Err(self.bodies_trouble());
        }
        let is_away = self.salvage.check_cells().is_err();
        if !asked.absent_cell {
            self.check_cells(&self.let_go(None))?;
        }
        let act = Succession {
            era,
            kept,
            lost,
            bodies_lost,
            cause: asked.cause,
            time_ms,
            period_key_lost,
            bodies_missing,
            passwords,
            cell_let_go: is_away,
            given_up: match bodies_lost {
                true => Vec::new(),
                false => IndexRange::over(self.missing.entries.clone(), GIVEN_UP_MAX),
            },
            cells: self.salvage.missing_cells().iter().copied().map(CellName).collect(),
        };
        Ok(Plan::new(self.genesis.clone(), self.certificates(), act))
    }

    /// What becomes of everything beside the entries.
    fn beside(&self) -> Beside {
        let bodies = self.bodies();
        Beside {
            bodies_lost: bodies == Bodies::Lost,
            period_key_lost: self.period_key_lost,
            bodies_missing: match bodies {
                Bodies::Lost => 0,
                Bodies::Kept => self.missing.bodies,
                Bodies::Damaged { nodes } => self.missing.bodies.max(nodes),
            },
            passwords: match self.salvage.kept_verifiers() {
                KeptVerifiers::InForce => KeptPasswords::InForce,
                KeptVerifiers::Others => KeptPasswords::Others,
                KeptVerifiers::Lost => KeptPasswords::Lost,
            },
        }
    }

    /// Nothing more is lost than the officers have signed, and nothing else: neither beside the entries nor behind them. For
    /// what was rehearsed: only then is it known whether the period key opens.
    pub(super) fn check_as_signed(&self, act: &Succession) -> Result<(), Trouble> {
        if self.period_key_lost != act.period_key_lost {
            return Err(NoRecovery::OtherState.into());
        }
        self.check_read_as_signed(act)
    }

    /// The same of all that is known without opening a body: of the period key, whether the tree leads to it.
    pub(super) fn check_read_as_signed(&self, act: &Succession) -> Result<(), Trouble> {
        let now = self.beside();
        let period = self.register.period().map(|period| period.number);
        let leads_to_key = || {
            let mut items = self.salvage.items().map(|held| (held.place.conversation, Some(held.place.item)));
            items.any(|found| found == (SECRETS_CONVERSATION, period))
        };
        let given_up = || {
            let mut entries = self.missing.entries.iter();
            entries.all(|index| IndexRange::any_holds(&act.given_up, *index))
        };
        // An attempt that was cut off has left a fresh tree: all bodies are lost as they were.
        let is_fresh = || act.bodies_lost && self.salvage.items().next().is_none();
        let is_same = (now.bodies_lost == act.bodies_lost || is_fresh())
            && (act.period_key_lost || leads_to_key())
            && now.passwords == act.passwords
            && (act.bodies_lost || now.bodies_missing <= act.bodies_missing && given_up())
            && self.traces().iter().all(|trace| trace.size <= act.known_size());
        if is_same { Ok(()) } else { Err(NoRecovery::OtherState.into()) }
    }

    /// Why no body opens.
    pub(super) fn bodies_trouble(&self) -> Trouble {
        match self.salvage.stale_cell() {
            Some(vault::Error::CellBehindStore { store_epoch, cell_epoch }) => {
                NoRecovery::CellOlder { store_epoch: *store_epoch, cell_epoch: *cell_epoch }.into()
            }
            Some(_) | None => NoRecovery::BodiesLost.into(),
        }
    }

    /// What cell and device say of what is lost.
    fn traces(&self) -> Vec<LossTrace> {
        let kept = self.tree.size();
        let mut lost = Vec::new();
        if let Some((size, root, _)) = self.salvage.cell_names()
            && size > kept
        {
            lost.push(LossTrace { source: LossSource::Cell, size, root: Some(root) });
        }
        if self.salvage.is_behind() {
            let newest = self.salvage.newest_lost().filter(|(size, _)| *size > kept);
            let (size, root) = newest.map_or((kept, None), |(size, root)| (size, Some(root)));
            lost.push(LossTrace { source: LossSource::LaterBatches, size, root });
        }
        lost
    }

    /// What a head says that somebody holds, and the era that it is of.
    fn trace_of(&self, note: &SignedCheckpoint) -> Result<(Option<LossTrace>, u32), Trouble> {
        let (Origin { log, era }, head) = (note.claimed().origin, note.claimed().head);
        if log != self.register.log_id() {
            return Err(NoRecovery::BadHead { size: head.size }.into());
        }
        let identity = self.register.identity().and_then(|raw| PublicKey::from_raw(Suite::Ed25519, raw).ok());
        let key = identity.and_then(|key| VerifierKey::new(note.claimed().origin.key_name(), key).ok());
        if key.is_none_or(|key| note.verify_by(&key).is_err()) {
            return Err(NoRecovery::BadHead { size: head.size }.into());
        }
        if self.register.lost_by(era, head.size).is_some() {
            return Ok((None, era));
        }
        match self.tree.root_at(head.size) {
            Err(_) => {
                let trace =
                    LossTrace { source: LossSource::SignedHead, size: head.size, root: Some(head.root) };
                Ok((Some(trace), era))
            }
            Ok(root) if root == head.root => Ok((None, era)),
            Ok(_) => Err(NoRecovery::OtherPast { size: head.size }.into()),
        }
    }

    /// All signature certificates of the first officers.
    fn certificates(&self) -> Vec<ByteVec> {
        let persons = self.register.first_officers();
        let all = self.register.certificates().filter(|found| found.key().is_some());
        let theirs = all.filter(|found| found.certificate().person().is_some_and(|id| persons.contains(&id)));
        theirs.map(|found| found.certificate().der().to_vec().into()).collect()
    }
}

/// As far as an ordinary start goes before it serves anybody.
fn starts(device: Arc<dyn Device>, config: &StoreConfig) -> bool {
    let Ok(keeper) = cells::rehearsed(config) else { return false };
    let Ok((vault, opened)) = Vault::open(device, keeper, Limits::default(), &mut rng()) else {
        return false;
    };
    recovery::replay(&vault, &opened).is_ok_and(|replayed| {
        let register = &replayed.register;
        recovery::period_key(&vault, register).is_ok() && recovery::verifiers(&vault, register).is_ok()
    })
}
