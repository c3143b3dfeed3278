//! `conclaved store format`: makes the empty store and its cells; without `--yes` shows what is there and what it would do.
//! Never touches what somebody else put there, unless it is named exactly as it was shown.

use super::super::backup::Bar;
use super::super::{read_config, store_trouble};
use crate::making::{Ground, survey};
use crate::probe;
use crate::words::{Done, Reason, Trouble};
use console::{Exit, Lang, Voice, when};
use disk::{Geometry, MediumKind};
use serde::Serialize;
use std::path::{Path, PathBuf};
use vault::{CellKind, Standing};

/// Make the empty store and its root cell; without --yes only show what would be done.
#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved store format --config /etc/conclave/conclaved.toml --device /dev/disk/by-partuuid/…"
)]
pub(in crate::command) struct Format {
    /// The configuration file: store.path, store.cell.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The same device as store.path once more, so that there is no mistake.
    #[arg(long, value_name = "PATH")]
    device: Option<PathBuf>,
    /// Do it, instead of only showing it.
    #[arg(long)]
    yes: bool,
    /// Overwrite what is there: named exactly as it is shown.
    #[arg(long, value_name = "KIND:NAME")]
    overwrite: Option<String>,
}

#[derive(Serialize)]
struct Plan {
    path: PathBuf,
    /// What the store lies on, or will.
    medium: Reason,
    bytes: u64,
    extents: u32,
    extent_bytes: u32,
    /// What is overwritten; empty: nothing is there.
    overwrites: String,
    /// A making that was interrupted before is finished.
    finishes: bool,
    done: bool,
}

impl Format {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        let store = &config.store;
        if self.device.as_deref().is_some_and(|device| !is_same(device, &store.path)) {
            let path = console::clean(&store.path.display().to_string()).to_string();
            let reason = Reason {
                en: format!("--device is not what store.path names: {path}"),
                ru: format!("--device — не то, что указано в store.path: {path}"),
            };
            return Err(Trouble::Config { reason });
        }
        let mut ground = survey(store).map_err(store_trouble)?;
        if self.yes {
            // A large device takes its time; the plan is shown at a glance.
            let mut bar = Bar::new(voice);
            let looked = ground.look_through(store, |through, all| bar.draw(through, all));
            bar.clear();
            looked.map_err(store_trouble)?;
        }
        ground.refuse(store, self.overwrite.as_deref()).map_err(store_trouble)?;
        let (medium, bytes) = ground.medium().unwrap_or((MediumKind::Container, store.bytes));
        let geometry = Geometry::for_length(bytes);
        let geometry =
            geometry.map_err(|error| Trouble::StoreIo { reason: Reason::of(&error, error.ru()) })?;
        let plan = Plan {
            path: store.path.clone(),
            medium: Reason::of(&medium, medium.ru()),
            bytes,
            extents: geometry.extents,
            extent_bytes: geometry.extent_bytes,
            overwrites: probe::shown(&ground.found),
            finishes: matches!(ground.standing, Standing::Unfinished(_)),
            done: self.yes,
        };
        let text = text(&plan, &ground, voice.lang);
        if !self.yes {
            let words = Done::NotFormatted { plan: text };
            return Ok(voice.verdict("store format", Exit::No, "not-done", &words, plan));
        }
        let vault = ground.make(store).map_err(store_trouble)?;
        let exit = voice.done("store format", &Done::Formatted { plan: text }, plan);
        if vault.cell_kind() == CellKind::File {
            voice.remark(&Done::DevelopmentCell);
        }
        Ok(exit)
    }
}

/// Two names of one file or device: links of udev are names too.
fn is_same(left: &Path, right: &Path) -> bool {
    left == right
        || matches!((left.canonicalize(), right.canonicalize()), (Ok(left), Ok(right)) if left == right)
}

fn text(plan: &Plan, ground: &Ground, lang: Lang) -> String {
    let there = match (ground.medium(), plan.finishes, plan.overwrites.as_str()) {
        (None, ..) => {
            lang.pick("nothing; a container file is made".into(), "ничего; создаётся файл-контейнер".into())
        }
        (Some(_), true, _) => lang.pick(
            "a store whose making was interrupted, with nothing in it; it is made once more".into(),
            "хранилище, создание которого было прервано, в нём ничего нет; оно создаётся заново".into(),
        ),
        (Some(_), false, "") => lang.pick("nothing".into(), "ничего".into()),
        (Some(_), false, found) => {
            lang.pick(format!("{found}: OVERWRITTEN"), format!("{found}: ПЕРЕЗАПИСЫВАЕТСЯ"))
        }
    };
    let rows = [
        (lang.pick("device", "устройство"), console::clean(&plan.path.display().to_string()).to_string()),
        (lang.pick("kind", "вид"), plan.medium.say(lang)),
        (lang.pick("length", "длина"), when::bytes(plan.bytes, lang)),
        (lang.pick("there now", "сейчас там"), there),
        (
            lang.pick("store", "хранилище"),
            format!("{} × {}", plan.extents, when::bytes(plan.extent_bytes.into(), lang)),
        ),
    ];
    rows.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}
