//! `conclaved store status`: what stands where the store is to be, and how full it is.
//! Never changes a byte; of a store that a server has open it tells what that server says.

use super::super::status::cell_row;
use super::super::{open_trouble, read_config, store_trouble};
use super::check::START_BARRED;
use crate::cells;
use crate::config::StoreConfig;
use crate::making::{self, Ground, survey};
use crate::probe;
use crate::status::{self, CellStatus};
use crate::store::{self, Rehearsed, StoreError};
use crate::words::{Done, Reason, Trouble, cell_warning};
use console::{Exit, Lang, Voice, Words, when};
use serde::Serialize;
use std::path::PathBuf;
use vault::Standing;

/// Tell what stands where the store is to be.
#[derive(clap::Args)]
#[command(after_help = "Example: conclaved store status --config /etc/conclave/conclaved.toml")]
pub(in crate::command) struct StoreStatus {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Serialize, Default)]
struct Answer {
    path: PathBuf,
    /// `missing`, `away`, `blank`, `cell-missing`, `unformatted`, `occupied`, `unfinished`, `root-lost`, `root-of-another`, `empty`,
    /// `founded`, `serving`, `locked`.
    state: &'static str,
    medium: Option<Reason>,
    bytes: Option<u64>,
    /// What is there that is no store.
    found: Option<String>,
    extents: Option<u32>,
    extent_bytes: Option<u32>,
    free_extents: Option<u32>,
    reserved_extents: Option<u32>,
    entries: Option<u64>,
    erasure_epoch: Option<u64>,
    used_bytes: Option<u64>,
    cell_warning: Option<Reason>,
    /// The root cells that the configuration names, and who of them is here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cells: Vec<CellStatus>,
    /// `put-back`: no server starts it before somebody has said what came after the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_barred: Option<&'static str>,
    /// Of a locked store: people whose password verifiers open without the unlock secret.
    verifiers: Option<usize>,
    /// The batch that changed them last.
    verifiers_batch: Option<u64>,
    /// Newer changes that do not open.
    verifiers_passed_over: Option<u32>,
}

impl StoreStatus {
    pub(super) fn run(self, voice: Voice) -> Result<Exit, Trouble> {
        let config = read_config(&self.config)?;
        let answer = match survey(&config.store) {
            Ok(ground) => offline(&config.store, ground).map_err(store_trouble)?,
            Err(in_use @ StoreError::InUse { .. }) => match status::ask(&config.runtime_dir) {
                Ok(running) => Answer {
                    state: "serving",
                    bytes: Some(running.device_bytes),
                    used_bytes: Some(running.used_bytes),
                    entries: Some(running.entries),
                    erasure_epoch: Some(running.erasure_epoch),
                    cell_warning: Some(running.cell_warning()),
                    cells: running.cells,
                    ..Answer::default()
                },
                // Somebody has it who is no server of this configuration.
                Err(_nobody) => return Err(store_trouble(in_use)),
            },
            Err(StoreError::Vault(vault::Error::Locked)) => locked(&config.store).map_err(store_trouble)?,
            Err(other) => return Err(open_trouble(&config.store, other)),
        };
        let answer = Answer { path: config.store.path, ..answer };
        Ok(voice.done("store status", &Done::Status { text: text(&answer, voice.lang) }, answer))
    }
}

fn offline(config: &StoreConfig, ground: Ground) -> Result<Answer, StoreError> {
    let medium = ground.medium();
    let found = probe::shown(&ground.found);
    let state = match ground.standing {
        Standing::NoStore { rooted: true, .. } if medium.is_none() => "away",
        Standing::NoStore { rooted: true, .. } if found.is_empty() => "blank",
        Standing::NoStore { rooted: true, .. } => "root-of-another",
        // What it is called to have it overwritten is told by the command that would.
        Standing::NoStore { rooted: false, .. } if ground.is_nameless() => "cell-missing",
        Standing::NoStore { rooted: false, .. } if medium.is_none() => "missing",
        Standing::NoStore { rooted: false, .. } if found.is_empty() => "unformatted",
        Standing::NoStore { rooted: false, .. } => "occupied",
        Standing::Unfinished(_) => "unfinished",
        Standing::RootLost(_) => "root-lost",
        Standing::Store(_) => "founded",
    };
    let is_named = !ground.is_nameless();
    let is_store = matches!(ground.standing, Standing::Store(_));
    drop(ground);
    let answer = Answer {
        state,
        medium: medium.map(|(kind, _)| Reason::of(&kind, kind.ru())),
        bytes: medium.map(|(_, bytes)| bytes),
        found: (!is_store && is_named && !found.is_empty()).then_some(found),
        ..Answer::default()
    };
    if !is_store {
        return Ok(answer);
    }
    let Rehearsed { vault, is_barred, .. } = store::rehearse(config)?;
    let (space, extent_bytes) = (vault.space(), vault.geometry().extent_bytes);
    let entries = vault.journal().0;
    Ok(Answer {
        state: if entries == 0 { "empty" } else { state },
        extents: Some(space.extents),
        extent_bytes: Some(extent_bytes),
        free_extents: Some(space.free),
        reserved_extents: Some(space.reserve),
        used_bytes: Some(u64::from(space.extents - space.free) * u64::from(extent_bytes)),
        entries: Some(entries),
        erasure_epoch: Some(vault.epoch()),
        cell_warning: Some(cell_warning(vault.cell_kind())),
        cells: CellStatus::of(vault.cells(), &cells::all_shown(config)),
        start_barred: is_barred.then_some(START_BARRED),
        ..answer
    })
}

/// Without the unlock secret: only the verifiers open.
fn locked(config: &StoreConfig) -> Result<Answer, StoreError> {
    let locked = making::locked(config)?;
    Ok(Answer {
        state: "locked",
        medium: Some(Reason::of(&locked.medium, locked.medium.ru())),
        bytes: Some(locked.bytes),
        verifiers: Some(locked.verifiers.count()),
        verifiers_batch: Some(locked.verifiers.batch()),
        verifiers_passed_over: Some(locked.verifiers.passed_over()),
        cell_warning: Some(cell_warning(locked.cell_kind)),
        start_barred: locked.is_barred.then_some(START_BARRED),
        ..Answer::default()
    })
}

/// What the state means, and what to do.
fn meaning(state: &str, lang: Lang) -> &'static str {
    match state {
        "missing" => lang.pick(
            "nothing is there: `conclaved store format` or `conclaved init` makes a container",
            "ничего нет: файл-контейнер создаёт `conclaved store format` или `conclaved init`",
        ),
        "away" => lang.pick(
            "NOT THERE: the device or the file is missing, and the root cell holds its root. Put it back; if it is lost for good, \
             `conclaved backup restore` puts a backup in its place",
            "НЕТ НА МЕСТЕ: нет устройства или файла, а в корневой ячейке — его корень. Верните его; если он утрачен навсегда, \
             копию на его место вернёт `conclaved backup restore`",
        ),
        "blank" => lang.pick(
            "BLANK: nothing of a store is on it, and the root cell holds the root of one. Name the right device; if this one takes the place \
             of a lost one, `conclaved backup restore --config … DIR` puts a backup onto it",
            "ПУСТО: от хранилища здесь ничего нет, а в корневой ячейке — корень хранилища. Укажите верное устройство; если это стоит на \
             месте утраченного, копию на него вернёт `conclaved backup restore --config … КАТАЛОГ`",
        ),
        "cell-missing" => lang.pick(
            "the root cell is NOT THERE, or blank, and without it nobody can say whether these bytes are this site's store. Put the cell \
             back; overwrite nothing",
            "корневой ячейки НЕТ НА МЕСТЕ или она пуста, а без неё не узнать, хранилище ли это. Верните ячейку; ничего не перезаписывайте",
        ),
        "unformatted" => {
            lang.pick("no store yet: `conclaved store format`", "хранилища ещё нет: `conclaved store format`")
        }
        "occupied" => lang.pick(
            "no store; something else is there, and is overwritten only when it is named exactly",
            "хранилища нет; там что-то другое, и перезаписывается оно, только если названо в точности",
        ),
        "unfinished" => lang.pick(
            "its making was interrupted, nothing is in it: the same command again finishes it",
            "создание было прервано, в нём ничего нет: та же команда ещё раз завершит его",
        ),
        "root-lost" => lang.pick(
            "it holds entries, and its cells have LOST its root: its bodies cannot be read",
            "в нём есть записи, но ячейки ПОТЕРЯЛИ его корень: тела прочитать нельзя",
        ),
        "root-of-another" => lang.pick(
            "nothing on it opens by what the root cell holds: a wrong device, a wrong cell, or one of the two was overwritten. Name the right \
             ones, and overwrite NOTHING while the right cell, or any copy of it, may be found. Only where the store itself is known to be \
             overwritten: make the device zeros, and `conclaved backup restore` puts a backup onto it",
            "ничего здесь не открывается тем, что есть в корневой ячейке: не то устройство, не та ячейка, или что-то из них перезаписали. \
             Укажите верные и НИЧЕГО не перезаписывайте, пока верная ячейка или любая её копия может найтись. Только если точно известно, \
             что перезаписано само хранилище: заполните устройство нулями, и копию на него вернёт `conclaved backup restore`",
        ),
        "empty" => lang
            .pick("empty: `conclaved init` founds the site", "пустое: систему основывает `conclaved init`"),
        "locked" => lang.pick(
            "locked: the unlock secret is not here, and only password verifiers open",
            "закрыто: секрета разблокировки нет, открываются только проверочные записи паролей",
        ),
        "serving" => lang.pick("a server has it open", "открыто сервером"),
        _founded => lang.pick("a founded store", "основанное хранилище"),
    }
}

fn text(answer: &Answer, lang: Lang) -> String {
    let size = |bytes: u64| when::bytes(bytes, lang);
    let extents = answer.extents.zip(answer.free_extents).zip(answer.reserved_extents);
    let extents = extents.map(|((all, free), reserved)| {
        lang.pick(
            format!("{all}, {free} free, {reserved} of them in reserve"),
            format!("{all}, свободно {free}, из них в резерве {reserved}"),
        )
    });
    let used = answer.used_bytes.zip(answer.bytes);
    let verifiers = answer.verifiers.zip(answer.verifiers_batch).map(|(count, batch)| {
        lang.pick(format!("{count}, as of batch {batch}"), format!("{count}, по состоянию на пакет {batch}"))
    });
    let passed_over = answer.verifiers_passed_over.filter(|count| *count > 0).map(|count| {
        lang.pick(
            format!("{count} newer change(s) do not open: cut off before anybody was answered, or damaged"),
            format!("не открываются более новые изменения ({count}): прерваны до ответа или повреждены"),
        )
    });
    let barred = answer.start_barred.map(|_put_back| {
        Trouble::PutBack { path: console::clean(&answer.path.display().to_string()).to_string() }.say(lang)
    });
    let rows = [
        (
            lang.pick("device", "устройство"),
            Some(console::clean(&answer.path.display().to_string()).to_string()),
        ),
        (lang.pick("state", "состояние"), Some(meaning(answer.state, lang).to_owned())),
        (lang.pick("START BARRED", "ПУСК ЗАКРЫТ"), barred),
        (lang.pick("kind", "вид"), answer.medium.as_ref().map(|medium| medium.say(lang))),
        (lang.pick("length", "длина"), answer.bytes.map(size)),
        (lang.pick("there now", "сейчас там"), answer.found.clone()),
        (lang.pick("used", "занято"), used.map(|(used, all)| format!("{} / {}", size(used), size(all)))),
        (lang.pick("extents", "экстентов"), extents),
        (lang.pick("entries", "записей"), answer.entries.map(|entries| entries.to_string())),
        (
            lang.pick("erasure epoch", "эпоха уничтожения"),
            answer.erasure_epoch.map(|epoch| epoch.to_string()),
        ),
        (lang.pick("verifiers", "проверочных записей"), verifiers),
        (lang.pick("passed over", "пропущено"), passed_over),
        (lang.pick("WARNING", "ВНИМАНИЕ"), answer.cell_warning.as_ref().map(|warning| warning.say(lang))),
    ];
    let rows = rows.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let cells = answer.cells.iter().map(|cell| cell_row(cell, lang));
    rows.chain(cells).map(|(name, value)| format!("{name}: {value}\n")).collect()
}
