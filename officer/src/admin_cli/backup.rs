//! `backup pull`: takes a backup of the whole store away, over the administrator's own session.
//! Never opens anything of it: blocks are sealed, and no key of the store is here.

use super::online::{Access, For, Online, session};
use super::pulling::Pulling;
use super::trouble::Trouble;
use crate::files::shown;
use backup::{BackupError, Copied, Folder, Inventory, Made};
use clap::{Args, Subcommand};
use console::progress::Progress;
use console::when::{bytes, minute};
use console::{Exit, HelpTable, Lang, Voice, Words};
use journal::act::{Act, Backup as BackupAct};
use link::terminal::TerminalError;
use protocol::client::Anchors;
use serde::Serialize;
use std::io::stderr;
use std::path::PathBuf;
use std::time::Instant;

/// Backups of the store.
#[derive(Subcommand)]
pub(super) enum Backup {
    /// Take away what a directory lacks of the store's newest state. Goes on where an interrupted pull stopped.
    #[command(after_help = "Example: conclave-admin backup pull --to /mnt/backup")]
    Pull(Pull),
}

#[derive(Args)]
pub(super) struct Pull {
    /// The backup's directory; made where there is none.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("backup/@about", "Резервные копии хранилища."),
    (
        "backup pull/@about",
        "Забрать в каталог то, чего в нём нет из новейшего состояния хранилища. Прерванное продолжается с того же места.",
    ),
    ("backup pull/@after", "Пример: conclave-admin backup pull --to /mnt/backup"),
    ("backup pull/to", "каталог копии; если его нет, он создаётся"),
];

console::words! {
    enum Said {
        Pulled {
            dir: String, batch: u64, entries: u64, epoch: u64, made: String, copied: String, rate: String,
            over: String, kept: String, manifest: String, index: u64, more: String
        }
            => en("{dir} holds a backup of batch {batch}, {entries} journal entries, erasure epoch {epoch}, made {made}\n\
                   taken now: {copied} ({rate}/s){over}; all of the backup: {kept}\n\
                   manifest {manifest}\nrecorded: #{index}\n\
                   Only the root cell of this epoch opens it: pull again after every erasure.{more}"),
               ru("в {dir} копия партии {batch}: записей журнала {entries}, эпоха уничтожения {epoch}, снята {made}\n\
                   получено сейчас: {copied} ({rate}/с){over}; вся копия: {kept}\n\
                   опись {manifest}\nвнесено в журнал: запись № {index}\n\
                   Её открывает только корневая ячейка этой эпохи: после каждого уничтожения забирайте копию снова.{more}");
        Torn { places: u64 }
            => en("\nDAMAGED: at {places} places the store's device does not read, and the backup has zeros there; the next pull tries\n\
                   them anew. `conclaved store check` at the server says what they hold"),
               ru("\nПОВРЕЖДЕНО: устройство хранилища местами не читается (таких мест {places}), в копии там нули; следующая копия\n\
                   попробует снова. Что там лежит, скажет `conclaved store check` на сервере");
        Waits
            => en("\nAn erasure still waits for a backup: pull again"),
               ru("\nУничтожение всё ещё ждёт резервной копии: заберите её снова");
        Busy
            => en("another copy of this store is being made; try again when it is done"),
               ru("сейчас снимается другая копия этого хранилища; повторите, когда она будет готова");
    }
}

#[derive(Serialize)]
struct Data {
    batch: u64,
    entries: u64,
    journal_root: String,
    erasure_epoch: u64,
    made_ms: u64,
    manifest: String,
    index: u64,
    taken_bytes: u64,
    taken_over_bytes: u64,
    kept_bytes: u64,
    torn_places: u64,
    erasure_waits: bool,
    milliseconds: u64,
}

impl Backup {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Pull(_) => "backup pull",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Pull(pull) => pull.run(voice),
        }
    }
}

impl Pull {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        // What takes its time beside the server is done before it is asked.
        let identity = identity(&self.access)?;
        let folder = Folder::make(&self.to).map_err(|error| trouble(&error))?;
        let inventory = backup::look(&folder, &identity).map_err(|error| trouble(&error))?;
        let made = Made::at(self.access.place.home()?.backups_made());
        let (copied, waits, index, milliseconds) =
            session(&self.access, voice, For::Administrators, |online| {
                let begin = Instant::now();
                let (copied, waits) = copy(&folder, inventory, &made, (online, identity), voice)?;
                // Said only now: it lies here whole and durable. A cut before this line leaves a good backup of which the
                // journal does not tell; the next pull takes nothing anew and tells it.
                let index = online.act(Act::Backup(taken(&copied)))?.index;
                Ok((copied, waits, index, begin.elapsed().as_millis().max(1) as u64))
            })?;
        Ok(self.tell(voice, &copied, waits, index, milliseconds))
    }

    fn tell(&self, voice: Voice, copied: &Copied, waits: bool, index: u64, milliseconds: u64) -> Exit {
        let Copied { verified, copied_bytes, taken_over_bytes, kept_bytes, torn } = copied;
        let (manifest, outline, lang) = (&verified.manifest, &verified.outline, voice.lang);
        let torn_said = (*torn > 0).then_some(Said::Torn { places: *torn });
        let more =
            torn_said.into_iter().chain(waits.then_some(Said::Waits)).map(|line| line.say(lang)).collect();
        let over = match *taken_over_bytes {
            0 => String::new(),
            left => format!(
                ", {} {}",
                lang.pick("left by an interrupted pull:", "осталось от прерванного:"),
                bytes(left, lang)
            ),
        };
        let said = Said::Pulled {
            dir: shown(&self.to),
            batch: outline.anchor.batch,
            entries: outline.entries,
            epoch: outline.epoch,
            made: minute(manifest.made_ms()),
            copied: bytes(*copied_bytes, lang),
            rate: bytes(copied_bytes * 1000 / milliseconds, lang),
            over,
            kept: bytes(*kept_bytes, lang),
            manifest: hex::encode(manifest.id()),
            index,
            more,
        };
        let data = Data {
            batch: outline.anchor.batch,
            entries: outline.entries,
            journal_root: hex::encode(outline.journal_root),
            erasure_epoch: outline.epoch,
            made_ms: manifest.made_ms(),
            manifest: hex::encode(manifest.id()),
            index,
            taken_bytes: *copied_bytes,
            taken_over_bytes: *taken_over_bytes,
            kept_bytes: *kept_bytes,
            torn_places: *torn,
            erasure_waits: waits,
            milliseconds,
        };
        voice.done("backup pull", &said, data)
    }
}

fn copy(
    folder: &Folder,
    inventory: Inventory,
    made: &Made,
    (online, identity): (&mut Online, [u8; 32]),
    voice: Voice,
) -> Result<(Copied, bool), Trouble> {
    let (mut pulling, mut bar) = (Pulling::new(online, identity), Bar::new(voice.lang));
    let copied = backup::copy(folder, inventory, &mut pulling, made, |done, all| bar.draw(done, all));
    bar.clear();
    let copied = copied.map_err(|error| pulling.trouble().unwrap_or_else(|| trouble(&error)))?;
    Ok((copied, pulling.waits()))
}

/// The log identity key, by the site card.
fn identity(access: &Access) -> Result<[u8; 32], Trouble> {
    let card = access.place.home()?.card()?;
    let anchors = Anchors::from_card(&card).map_err(TerminalError::from)?;
    anchors.identity.raw().try_into().map_err(|_| Trouble::odd_answer())
}

/// What the journal is told.
fn taken(copied: &Copied) -> BackupAct {
    let outline = &copied.verified.outline;
    BackupAct {
        batch: outline.anchor.batch,
        epoch: outline.epoch,
        size: outline.entries,
        root: outline.journal_root,
        manifest: copied.verified.manifest.id(),
    }
}

/// Another copy is under way.
pub(super) fn busy() -> Trouble {
    Trouble::new(Exit::Missing, "backup-in-use", &Said::Busy)
}

fn trouble(error: &BackupError) -> Trouble {
    let (exit, name) = match error {
        BackupError::NoManifest { .. }
        | BackupError::NotAManifest { .. }
        | BackupError::NotSigned { .. }
        | BackupError::BadSignature
        | BackupError::Damaged { .. }
        | BackupError::SegmentMissing { .. }
        | BackupError::Incomplete { .. } => (Exit::Invalid, "backup-damaged"),
        BackupError::OtherStore { .. }
        | BackupError::OtherHistory { .. }
        | BackupError::NotOurs { .. }
        | BackupError::TooManySegments { .. } => (Exit::No, "backup-other"),
        BackupError::InUse { .. } => (Exit::Missing, "backup-in-use"),
        BackupError::Io { .. }
        | BackupError::Server(_)
        | BackupError::LostTooOften
        | BackupError::Copy(_) => (Exit::Io, "backup-io"),
    };
    Trouble::say(exit, name, error.to_string(), error.ru())
}

/// The line that a person sees while bytes move.
struct Bar {
    lang: Lang,
    begin: Instant,
    progress: Option<(u64, Progress)>,
}

impl Bar {
    fn new(lang: Lang) -> Self {
        Self { lang, begin: Instant::now(), progress: None }
    }

    fn draw(&mut self, done: u64, all: u64) {
        let now_ms = self.begin.elapsed().as_millis() as u64;
        if self.progress.as_ref().is_none_or(|(total, _)| *total != all) {
            let width = console::terminal::error_columns();
            self.progress = Some((all, Progress::new(all, self.lang, width, now_ms)));
        }
        if let Some((_, progress)) = &mut self.progress {
            let _nobody_looks = progress.draw(done, now_ms, &mut stderr().lock());
        }
    }

    fn clear(&self) {
        if let Some((_, progress)) = &self.progress {
            let _nobody_looks = progress.clear(&mut stderr().lock());
        }
    }
}
