//! What can be kept of a store, replayed from the genesis on, and what is known of the rest.
//! Never writes to the store: whoever looks before deciding looks under glass.

use super::store_trouble;
use crate::cells;
use crate::clock;
use crate::config::StoreConfig;
use crate::keys::ServerKeys;
use crate::overlay::OverlayDevice;
use crate::randomness::rng;
use crate::recovery::{self, RecoveryError};
use crate::store::{self, StoreError};
use crate::words::Trouble;
use disk::Device;
use journal::act::{LossCause, LossSource, LossTrace, Succession};
use journal::checkpoint::SignedCheckpoint;
use journal::ids::Head;
use journal::note::VerifierKey;
use journal::register::Register;
use journal::statement::SignedStatement;
use journal::tree::Tree;
use journal::{Content, Entry, Origin};
use minicbor::bytes::ByteVec;
use pki::{PublicKey, Suite};
use protocol::succession::Plan;
use std::sync::Arc;
use vault::{Bodies, Limits, SECRETS_CONVERSATION, Salvage, Target, Vault};

/// What was asked for.
pub(super) struct Asked {
    pub(super) heads: Vec<SignedCheckpoint>,
    pub(super) era: Option<u32>,
    pub(super) cause: LossCause,
    pub(super) bodies: bool,
}

/// Why nothing can be kept.
pub(super) enum CannotKeep {
    Store(StoreError),
    Entries(RecoveryError),
}

impl CannotKeep {
    pub(super) fn trouble(self) -> Trouble {
        match self {
            Self::Store(error) => store_trouble(error),
            Self::Entries(error) => Trouble::StoreDamaged { reason: error.to_string() },
        }
    }
}

impl From<StoreError> for CannotKeep {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<vault::Error> for CannotKeep {
    fn from(error: vault::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<RecoveryError> for CannotKeep {
    fn from(error: RecoveryError) -> Self {
        Self::Entries(error)
    }
}

/// See the module.
pub(super) struct Found {
    salvage: Salvage,
    pub(super) register: Register,
    pub(super) tree: Tree,
    genesis: SignedStatement,
    /// The secret of the log's period key does not open any more; looked for only where one looks.
    period_key_lost: bool,
}

impl Found {
    /// Under glass, and as far as a settled vault.
    pub(super) fn rehearsed(config: &StoreConfig) -> Result<Self, CannotKeep> {
        let medium = Arc::new(store::lock(config)?);
        // A sheet of its own each time; the cells are held by one of them at a time.
        let find = || -> Result<Salvage, CannotKeep> {
            let device: Arc<dyn Device> = Arc::new(OverlayDevice::new(Arc::clone(&medium)));
            let keeper = cells::rehearsed(config)?;
            Ok(Salvage::find(device, keeper, Limits::default(), &mut rng())?)
        };
        let Self { salvage, register, tree, genesis, .. } = Self::of(find()?)?;
        let period_key_lost = match salvage.bodies() {
            Bodies::Lost => true,
            Bodies::Kept | Bodies::Damaged { .. } => {
                let settled = salvage.settle(false, &mut rng())?;
                recovery::period_key(&settled, &register).is_err()
            }
        };
        Ok(Self { salvage: find()?, register, tree, genesis, period_key_lost })
    }

    /// The store itself, for carrying out.
    pub(super) fn open(config: &StoreConfig) -> Result<Self, CannotKeep> {
        let device: Arc<dyn Device> = Arc::new(store::lock(config)?);
        let keeper = cells::open(config)?;
        Self::of(Salvage::find(device, keeper, Limits::default(), &mut rng())?)
    }

    fn of(salvage: Salvage) -> Result<Self, CannotKeep> {
        let (register, tree) = recovery::of_entries(salvage.journal_entries())?;
        if (tree.size(), tree.root()) != salvage.kept() {
            return Err(RecoveryError::Root.into());
        }
        if let Some((size, root, _)) = salvage.cell_names()
            && size > 0
            && size <= tree.size()
            && tree.root_at(size).ok() != Some(root)
        {
            return Err(RecoveryError::Cell { size }.into());
        }
        let first = salvage.journal_entries().next().ok_or(RecoveryError::NotFounded)?;
        let first = first.map_err(vault::Error::from)?;
        let genesis = match Entry::decode(&first.bytes).map(|entry| entry.content) {
            Ok(Content::Statement(genesis)) => genesis,
            Ok(Content::Fact(_)) | Err(_) => return Err(RecoveryError::NotFounded.into()),
        };
        Ok(Self { salvage, register, tree, genesis, period_key_lost: false })
    }

    pub(super) fn head(&self) -> Head {
        Head { size: self.tree.size(), root: self.tree.root() }
    }

    pub(super) fn has_verifiers(&self) -> bool {
        self.salvage.has_verifiers()
    }

    /// What becomes of the bodies by what reads.
    pub(super) fn bodies(&self) -> Bodies {
        self.salvage.bodies()
    }

    /// How many entries the cell names.
    pub(super) fn cell_size(&self) -> u64 {
        self.salvage.cell_names().map_or(0, |(size, ..)| size)
    }

    /// What no kept entry knows and the tree still holds.
    pub(super) fn orphans(&self) -> Vec<Target> {
        self.salvage.orphans(|conversation| match conversation {
            SECRETS_CONVERSATION => Some(self.register.period().map_or(0, |period| period.number + 1)),
            number => self.register.conversation_by_number(number).map(|row| row.next_item),
        })
    }

    /// Gives up what is behind the kept entries.
    pub(super) fn settle(self, fresh: bool) -> Result<Vault, Trouble> {
        self.salvage.settle(fresh, &mut rng()).map_err(|error| store_trouble(error.into()))
    }

    /// The plan for the officers, or why there is nothing to decide.
    pub(super) fn plan(&self, asked: &Asked, keys: &ServerKeys) -> Result<Plan, Trouble> {
        let kept = self.head();
        if let Some(last) = self.register.successions().last()
            && last.end > self.cell_size()
        {
            return Err(Trouble::SuccessionBegun { era: last.era });
        }
        if self.register.identity() != Some(&keys.identity_public()) {
            let reason = "the log identity key is not the one that the journal names".into();
            return Err(Trouble::Keys { reason });
        }
        let mut lost = self.traces();
        let mut era = self.register.era() + 1;
        for head in &asked.heads {
            let (trace, seen) = self.trace_of(head)?;
            era = era.max(seen + 1);
            lost.extend(trace);
        }
        if lost.is_empty() {
            return Err(Trouble::NothingLost);
        }
        let bodies_lost = self.period_key_lost;
        if bodies_lost && !asked.bodies {
            return Err(Trouble::BodiesLost);
        }
        let now = clock::now().map_err(|error| Trouble::System { reason: error.to_string() })?;
        let act = Succession {
            era: asked.era.unwrap_or(era),
            kept,
            lost,
            bodies_lost,
            cause: asked.cause,
            time_ms: now.wall_ms.max(self.register.floor_ms()),
        };
        Ok(Plan::new(self.genesis.clone(), self.certificates(), act))
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
        let bad = |why: &str| Trouble::BadHead { size: head.size, why: why.into() };
        if log != self.register.log_id() {
            return Err(bad("it is another log's"));
        }
        let identity = self.register.identity().and_then(|raw| PublicKey::from_raw(Suite::Ed25519, raw).ok());
        let key = identity.and_then(|key| VerifierKey::new(note.claimed().origin.key_name(), key).ok());
        if key.is_none_or(|key| note.verify_by(&key).is_err()) {
            return Err(bad("the log identity key has not signed it"));
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
            Ok(_) => Err(bad("the kept entries contradict it: this is another past, not a loss")),
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
