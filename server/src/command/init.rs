//! `conclaved init`: founds the site from the authority's first bundle.
//! Never over an existing store, and never from a bundle whose every signature does not hold, or with a password verifier
//! that the authority did not sign for.

use super::{file_trouble, read_config, store_trouble};
use crate::cells;
use crate::clock;
use crate::config::StoreConfig;
use crate::keys::ServerKeys;
use crate::log::Log;
use crate::making::{Ground, survey};
use crate::own::OwnPair;
use crate::pacing::Pacing;
use crate::randomness::{PooledRng, rng};
use crate::reader::Positions;
use crate::store::{self, OpenStore};
use crate::verifiers::Verifiers;
use crate::words::{Done, Reason, Trouble};
use crate::writer::{Room, Writer};
use console::{Exit, Voice};
use disk::MediumKind;
use journal::act::Act;
use journal::register::verify_genesis;
use journal::statement::SignedStatement;
use journal::tree::Tree;
use pki::SecretKey;
use protocol::bundle::Bundle;
use protocol::engine::founding::{self, Founding};
use serde::Serialize;
use std::path::{Path, PathBuf};
use vault::{CellKind, Rows, Standing, Vault};

/// Longest bundle that is read, bytes.
const BUNDLE_BYTES_MAX: u64 = 64 << 20;

#[derive(clap::Args)]
#[command(after_help = "Example: conclaved init --config /etc/conclave/conclaved.toml --bundle site.bundle")]
pub(super) struct Init {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The bundle that `conclave-pki bundle` wrote.
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
}

#[derive(Serialize)]
struct Founded {
    site: String,
    log: String,
    entries: u64,
    store: PathBuf,
    cell_warning: &'static str,
}

impl Init {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        // Before any work, so that nobody waits for a refusal.
        let place = Place::find(&config.store)?;
        let keys = ServerKeys::load(&config.state_dir);
        let keys = keys.map_err(|error| Trouble::Keys { reason: error.reason() })?;
        let bundle = read_bundle(&self.bundle)?;
        let genesis = bundle.genesis.clone().ok_or(Trouble::NoGenesis)?;
        check_identity(&genesis, &keys)?;
        let founding = found(bundle, genesis, &keys, place.people_max(&config.store)?)?;
        let site = founding.register.site().ok_or(Trouble::NoGenesis)?;
        let words = Done::Founded {
            site: console::clean(&site.name).to_string(),
            log: founding.log.to_string(),
            entries: founding.tree.size(),
            store: config.store.path.display().to_string(),
        };
        let data = Founded {
            site: site.name.clone(),
            log: founding.log.to_string(),
            entries: founding.tree.size(),
            store: config.store.path.clone(),
            cell_warning: weakest(&config.store).warning(),
        };
        write(&config.store, place, founding, Log::new(config.log_level))?;
        let exit = voice.done("init", &words, data);
        if weakest(&config.store) == CellKind::File {
            voice.remark(&Done::DevelopmentCell);
        }
        voice.remark(&Done::CellsAreAll);
        Ok(exit)
    }
}

/// A bundle as the authority wrote it; its statements are still to be verified.
pub(super) fn read_bundle(path: &Path) -> Result<Bundle, Trouble> {
    let failed = |error| file_trouble(path, error);
    if std::fs::metadata(path).map_err(failed)?.len() > BUNDLE_BYTES_MAX {
        let en = format!("longer than {BUNDLE_BYTES_MAX} bytes");
        let reason = Reason { en, ru: format!("длиннее {BUNDLE_BYTES_MAX} байт") };
        return Err(Trouble::Bundle { reason });
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Bundle::from_text(&text).map_err(|error| Trouble::Bundle { reason: error.to_string().into() })
}

/// The genesis names the log identity key: another host's must not found a log that this one cannot sign.
fn check_identity(genesis: &SignedStatement, keys: &ServerKeys) -> Result<(), Trouble> {
    let verified = verify_genesis(genesis.clone());
    let verified =
        verified.map_err(|error| Trouble::Bundle { reason: format!("genesis: {error}").into() })?;
    let fits = matches!(verified.get().act(), Act::Genesis(act) if act.identity == keys.identity_public());
    if fits { Ok(()) } else { Err(Trouble::OtherServer { what: "log identity key".into() }) }
}

/// Admits everything by the very rules that judge it later, and finds this server's certificates among it.
fn found(
    bundle: Bundle,
    genesis: SignedStatement,
    keys: &ServerKeys,
    people_max: usize,
) -> Result<Founding, Trouble> {
    let system = |error: &dyn std::fmt::Display| Trouble::System { reason: error.to_string() };
    let now = clock::now().map_err(|error| system(&error))?;
    let period =
        SecretKey::generate(keys.tls.public().suite(), &mut rng()).map_err(|error| system(&error))?;
    let signers = (&keys.identity, &period);
    let founding = founding::found(now, genesis, bundle.acts, bundle.verifiers, people_max, signers);
    let founding = founding.map_err(Trouble::not_taken)?;
    match OwnPair::find(&founding.register, keys, now.wall_ms) {
        Ok(_) => Ok(founding),
        Err(missing) => Err(Trouble::OtherServer { what: format!("certificate of role {}", missing.0) }),
    }
}

/// The kind of cell that decides what may be promised.
fn weakest(config: &StoreConfig) -> CellKind {
    let second = config.second_cell.as_ref().map(|place| place.kind());
    second.into_iter().fold(config.cell.kind(), CellKind::weaker)
}

/// Where the site is founded.
enum Place {
    /// A store that is made now; `fresh`: of a container and a cell that were not there.
    Ground { ground: Ground, fresh: bool },
    /// A store that was formatted before, and is empty.
    Empty(Box<Vault>),
}

impl Place {
    /// An empty store, or ground on which one may be made: no file at all, or what an interrupted making left. Anything
    /// else is not touched.
    fn find(config: &StoreConfig) -> Result<Self, Trouble> {
        let path = config.path.display().to_string();
        let mut ground = survey(config).map_err(store_trouble)?;
        if matches!(ground.medium(), Some((MediumKind::Container, _))) {
            ground.look_through(config, |_, _| {}).map_err(store_trouble)?;
        }
        let medium = ground.medium().map(|(kind, _)| kind);
        let is_bare = ground.found.is_empty();
        match (ground.standing, medium) {
            (Standing::NoStore { rooted: false, .. }, None) => {
                let fresh = ground.has_no_cell();
                Ok(Self::Ground { ground, fresh })
            }
            (Standing::NoStore { rooted: false, .. }, Some(MediumKind::Container)) if is_bare => {
                Ok(Self::Ground { ground, fresh: false })
            }
            (Standing::NoStore { rooted: false, .. }, Some(_)) if ground.is_nameless() => {
                Err(Trouble::CellMissing { path: cells::shown(&config.cell).display().to_string() })
            }
            (Standing::NoStore { rooted: false, .. }, Some(MediumKind::Container)) => {
                Err(Trouble::StoreExists { path })
            }
            (Standing::NoStore { rooted: false, .. }, Some(MediumKind::Raw { .. })) => {
                Err(Trouble::StoreUnformatted { path })
            }
            (Standing::Unfinished(_), _) => Ok(Self::Ground { ground, fresh: false }),
            (Standing::Store(_), _) => {
                drop(ground);
                let OpenStore { vault, .. } = store::open(config).map_err(store_trouble)?;
                match vault.journal().0 {
                    0 => Ok(Self::Empty(Box::new(vault))),
                    _ => Err(Trouble::StoreExists { path }),
                }
            }
            (Standing::NoStore { rooted: true, .. }, None) => Err(Trouble::StoreAway { path }),
            (Standing::NoStore { rooted: true, .. }, Some(_)) => Err(Trouble::RootOfAnother),
            (Standing::RootLost(_), _) => Err(Trouble::RootLost { path }),
        }
    }

    /// People of whom the store keeps passwords, or will.
    fn people_max(&self, config: &StoreConfig) -> Result<usize, Trouble> {
        let extent_bytes = match self {
            Self::Empty(vault) => vault.geometry().extent_bytes,
            Self::Ground { ground, .. } => ground.geometry(config).map_err(store_trouble)?.extent_bytes,
        };
        Ok(disk::verifiers_max(extent_bytes.into()))
    }
}

/// Makes the store, where there is none yet, and writes everything as one batch. What was begun on fresh ground and not
/// finished is taken away again.
fn write(config: &StoreConfig, place: Place, founding: Founding, log: Log) -> Result<(), Trouble> {
    // A crash from here to the commit: an unfinished or an empty store, in which the same command founds the site.
    let (vault, fresh) = match place {
        Place::Ground { ground, fresh } => (ground.make(config).map_err(store_trouble)?, fresh),
        Place::Empty(vault) => (*vault, false),
    };
    let room = Room::of(&vault, config.bytes);
    let rng = PooledRng::new().map_err(|error| store_trouble(vault::Error::from(error).into()))?;
    let mut writer = Writer {
        vault,
        frontier: Tree::new().frontier_at(0).expect("an empty tree has an empty frontier"),
        positions: Positions::default(),
        rows: Rows::default(),
        verifiers: Verifiers::default(),
        rng,
        room,
        pacing: Pacing::alone(log),
        log,
    };
    writer.commit(&founding.batch).map_err(|error| {
        drop(writer);
        if fresh {
            let left = cells::files(config).chain([config.path.as_path()]);
            left.for_each(|path| drop(std::fs::remove_file(path)));
        }
        Trouble::StoreIo { reason: error.to_string().into() }
    })
}
