//! `conclaved recover --accept-loss`: the way on when a start refuses because acknowledged entries are lost.
//! Never by itself: without a plan that enough of the first officers have signed it only looks and writes the plan, and never
//! while a server has the store.

mod cannot_keep;
mod carry;
mod era;
mod found;
mod looked;
mod missing;
mod said;

use super::{file_trouble, open_trouble, read_config, store_trouble};
use crate::keys::ServerKeys;
use crate::words::{Reason, Trouble};
use console::{Exit, HelpTable, Voice};
use found::{Asked, Found};
use journal::act::LossCause;
use journal::checkpoint::SignedCheckpoint;
use journal::note::NOTE_BYTES_MAX;
use pki::durable_file::{self, UMASK};
use protocol::succession::{BadSuccession, FILE_BYTES_MAX, Plan, signature_from_text};
use said::{PlanData, Said, plan_text};
use std::path::{Path, PathBuf};

/// Go on without entries that are lost, by decision of the first officers.
///
/// Look for the right device, cell and backup first: what is given up here is given up for ever. Without --plan nothing is
/// changed: the plan is written, and `conclave-admin recover sign` signs it at the officers' terminals.
#[derive(clap::Args)]
#[command(
    after_help = "Example: conclaved recover --accept-loss --config /etc/conclave/conclaved.toml --out succession.plan"
)]
pub(super) struct Recover {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What cannot be kept may be given up.
    #[arg(long, required = true)]
    accept_loss: bool,
    /// Every body may be given up too, where nothing opens them any more: the roots in the cell are damaged, or all that is left of
    /// it is an older copy. Without any cell the log does not open either.
    #[arg(long)]
    accept_loss_of_bodies: bool,
    /// The root cell that is away may be let go of: wherever it is, it opens what is erased from then on.
    #[arg(long)]
    accept_loss_of_cell: bool,
    /// A signed head that somebody holds (`conclave checkpoint`, an officer's `conclave-admin recover head`): it says how much there
    /// was. Once for each head.
    #[arg(long, value_name = "FILE")]
    head: Vec<PathBuf>,
    /// The number of the new era; without it the seconds since 2020, which are later than any before.
    #[arg(long, value_name = "N")]
    era: Option<u32>,
    /// Why entries were lost.
    #[arg(long, value_enum, default_value = "damage")]
    cause: Cause,
    /// Where the plan is written to; without it the plan is only shown.
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    out: Option<PathBuf>,
    /// The plan that the officers have signed: it is carried out.
    #[arg(long, value_name = "FILE", requires = "acts")]
    plan: Option<PathBuf>,
    /// An officer's signature, once for each.
    #[arg(long, value_name = "FILE", requires = "plan")]
    acts: Vec<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Cause {
    Damage,
    Restored,
    Tampering,
    Other,
}

impl Cause {
    fn of(self) -> LossCause {
        match self {
            Self::Damage => LossCause::Damage,
            Self::Restored => LossCause::Restored,
            Self::Tampering => LossCause::Tampering,
            Self::Other => LossCause::Other,
        }
    }
}

pub(super) const HELP: &HelpTable = &[
    ("recover/@about", "продолжить работу без утраченных записей по решению первых офицеров"),
    (
        "recover/@after",
        "Пример: conclaved recover --accept-loss --config /etc/conclave/conclaved.toml --out succession.plan",
    ),
    ("recover/config", "файл конфигурации"),
    ("recover/accept_loss", "от того, чего нельзя сохранить, можно отказаться"),
    (
        "recover/accept_loss_of_bodies",
        "можно признать утраченными и все тела, если их уже ничто не открывает: корни в ячейке повреждены или от неё осталась только \
         старая копия. Без всякой ячейки не открыть и журнал",
    ),
    (
        "recover/accept_loss_of_cell",
        "от отсутствующей корневой ячейки можно отказаться: где бы она ни была, она откроет всё, что будет уничтожено после этого",
    ),
    (
        "recover/head",
        "подписанная вершина, которая у кого-то есть (`conclave checkpoint`, у офицера `conclave-admin recover head`): сколько записей \
         было. Указывается столько раз, сколько вершин",
    ),
    (
        "recover/era",
        "номер новой эры журнала; без него — число секунд с 2020 года: оно больше любого прежнего",
    ),
    ("recover/cause", "почему записи утрачены"),
    ("recover/out", "куда записать план; без этого ключа план только показывается"),
    ("recover/plan", "подписанный офицерами план: он будет исполнен"),
    ("recover/acts", "подпись офицера, по одной на каждого"),
];

impl Recover {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        debug_assert!(self.accept_loss, "clap demands it");
        let config = read_config(&self.config)?;
        let keys = ServerKeys::load(&config.state_dir);
        let keys = keys.map_err(|error| Trouble::Keys { reason: error.reason() })?;
        match &self.plan {
            Some(path) => {
                let plan = Plan::from_text(&read_text(path)?).map_err(|error| bad_file(path, &error))?;
                let signed = self.acts.iter().map(|path| {
                    signature_from_text(&read_text(path)?).map_err(|error| bad_file(path, &error))
                });
                let signed = signed.collect::<Result<Vec<_>, _>>()?;
                carry::carry_out(&config, &keys, &plan, &signed, self.accept_loss_of_bodies, voice)
            }
            None => self.plan(&config.store, &keys, voice),
        }
    }

    /// Looks, under glass, as far as carrying out would go; writes nothing but the plan, and that only where it was said where to.
    fn plan(
        &self,
        config: &crate::config::StoreConfig,
        keys: &ServerKeys,
        voice: Voice,
    ) -> Result<Exit, Trouble> {
        if let Some(out) = self.out.as_deref().filter(|out| out.exists()) {
            return Err(Trouble::FileExists { path: out.display().to_string() });
        }
        let heads = self.head.iter().map(|path| read_head(path)).collect::<Result<Vec<_>, _>>()?;
        let found = Found::rehearsed(config, voice).map_err(|error| error.trouble(config))?;
        let asked = Asked {
            heads,
            era: self.era,
            cause: self.cause.of(),
            bodies: self.accept_loss_of_bodies,
            absent_cell: self.accept_loss_of_cell,
        };
        let plan = found.plan(&asked, keys)?;
        let text = plan_text(&found, &plan, voice.lang);
        let data = PlanData::new(&plan, self.out.as_deref());
        let Some(out) = &self.out else {
            return Ok(voice.verdict("recover", Exit::No, "plan", &Said::Shown { text }, data));
        };
        durable_file::create(out, plan.to_text().as_bytes(), UMASK)
            .map_err(|error| file_trouble(out, error))?;
        let bodies = if plan.act.bodies_lost { " --accept-loss-of-bodies" } else { "" };
        let words = Said::Planned { text, out: out.display().to_string(), bodies };
        Ok(voice.done("recover", &words, data))
    }
}

fn read_text(path: &Path) -> Result<String, Trouble> {
    let failed = |error| file_trouble(path, error);
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(bad(path, Reason::new("too long", "файл слишком велик")));
    }
    std::fs::read_to_string(path).map_err(failed)
}

fn bad(path: &Path, reason: Reason) -> Trouble {
    Trouble::File { path: path.display().to_string(), reason }
}

fn bad_file(path: &Path, error: &BadSuccession) -> Trouble {
    bad(path, Reason::of(error, error.ru()))
}

fn read_head(path: &Path) -> Result<SignedCheckpoint, Trouble> {
    let ru = "файл не читается как вершина журнала";
    let text = read_text(path)?;
    if text.len() > NOTE_BYTES_MAX {
        return Err(bad(path, Reason::new("too long", ru)));
    }
    SignedCheckpoint::parse(text.as_bytes()).map_err(|error| bad(path, Reason::of(&error, ru.into())))
}
