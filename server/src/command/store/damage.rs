//! What a check found damaged, each with its place and with what depends on it.
//! Never decides what becomes of it.

use crate::words::{Done, Reason, Trouble};
use console::terminal::error_columns;
use console::{Exit, Lang, Progress, Voice};
use disk::{DAMAGES_MAX, Damage, Scan, ScanPart};
use serde::Serialize;
use std::time::Instant;
use vault::{Vault, owner_words, owner_words_ru};

/// Places that are shown to a person; `--json` has all that are told.
const SHOWN_MAX: usize = 20;

/// One of them.
#[derive(Serialize)]
struct Place {
    /// Extent, where it is known.
    extent: Option<u32>,
    /// Its stream.
    stream: Option<String>,
    /// Byte of the device.
    offset: Option<u64>,
    /// Bytes from there.
    bytes: Option<u64>,
    /// What is damaged, and what depends on it.
    what: Reason,
}

/// All of them.
#[derive(Serialize, Default)]
pub(super) struct Damages {
    /// How many there are; a thousand of each kind are told one by one.
    count: u64,
    places: Vec<Place>,
}

/// Reads everything, and shows on standard error how far it is.
pub(super) fn scan(vault: &Vault, lang: Lang) -> Result<Scan, Trouble> {
    let started = Instant::now();
    let mut progress = Progress::new(vault.scan_bytes(), lang, error_columns(), 0);
    let mut draw = |bytes| {
        // A line that nobody sees is no reason to fail.
        let _ = progress.draw(bytes, started.elapsed().as_millis() as u64, &mut std::io::stderr());
    };
    vault.scan(&mut draw).map_err(|error| Trouble::StoreIo { reason: Reason::of(&error, error.ru()) })
}

fn what(part: &ScanPart) -> Reason {
    let (en, ru) = match part {
        ScanPart::Superblock => (
            "one of the two superblocks; a start rests on the other, `conclaved store grow` writes both anew"
                .into(),
            "один из двух заголовков; пуск опирается на другой, оба заново пишет `conclaved store grow`"
                .into(),
        ),
        ScanPart::Run => (
            "a stretch in which nothing opens; everything that lay in it".into(),
            "участок, в котором ничего не открывается; всё, что в нём лежало".into(),
        ),
        ScanPart::Table => (
            "the table of a run; everything in the run".into(),
            "таблица участка; всё, что лежит в участке".into(),
        ),
        ScanPart::Entry { index } => (
            format!("journal entry {index}; no start gets beyond it"),
            format!("запись журнала № {index}; дальше неё пуск не пройдёт"),
        ),
        ScanPart::Frame { owner } => (
            format!(
                "a frame; on it depends, if it still lives and no recovery gave that up, {}",
                owner_words(owner)
            ),
            format!(
                "кадр; от него, если он ещё нужен и это не признано утраченным при восстановлении, зависит {}",
                owner_words_ru(owner)
            ),
        ),
        ScanPart::Commit => (
            "a commit record; no start gets beyond its batch".into(),
            "итог партии; дальше этой партии пуск не пройдёт".into(),
        ),
        ScanPart::Padding => (
            "bytes behind a run that should be zero; nothing depends on them".into(),
            "байты за участком, где должны быть нули; от них ничего не зависит".into(),
        ),
    };
    Reason { en, ru }
}

impl Damages {
    /// What a scan found.
    pub(super) fn of(scan: Scan) -> Self {
        let place = |damage: &Damage| Place {
            extent: damage.extent,
            stream: damage.stream.map(|stream| stream.to_string()),
            offset: Some(damage.offset),
            bytes: Some(damage.bytes),
            what: what(&damage.part),
        };
        Self { count: scan.damages_count, places: scan.damages.iter().map(place).collect() }
    }

    /// One more, found by what depends on it.
    pub(super) fn add(&mut self, what: Reason) {
        self.count += 1;
        if self.places.len() < 2 * DAMAGES_MAX {
            self.places.push(Place { extent: None, stream: None, offset: None, bytes: None, what });
        }
    }

    /// What was found first.
    pub(super) fn first(&self) -> Option<&Reason> {
        self.places.first().map(|place| &place.what)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The verdict.
    pub(super) fn told(self, command: &str, voice: Voice) -> Exit {
        let lang = voice.lang;
        let line = |place: &Place| match (place.extent, place.offset, place.bytes) {
            (Some(extent), Some(offset), Some(bytes)) => {
                let what = place.what.say(lang);
                lang.pick(
                    format!("extent {extent}, byte {offset}, {bytes} bytes: {what}\n"),
                    format!("экстент {extent}, байт {offset}, длина {bytes}: {what}\n"),
                )
            }
            (None, Some(offset), Some(bytes)) => {
                let what = place.what.say(lang);
                lang.pick(
                    format!("byte {offset}, {bytes} bytes: {what}\n"),
                    format!("байт {offset}, длина {bytes}: {what}\n"),
                )
            }
            (_, None, _) | (_, _, None) => format!("{}\n", place.what.say(lang)),
        };
        let mut list: String = self.places.iter().take(SHOWN_MAX).map(line).collect();
        if self.count > SHOWN_MAX as u64 {
            list.push_str(&voice.lang.pick(
                format!("… {} more; --json has the list", self.count - SHOWN_MAX as u64),
                format!("… и ещё {}; список — с --json", self.count - SHOWN_MAX as u64),
            ));
        }
        let words = Done::Damaged { count: self.count, list };
        voice.verdict(command, Exit::Invalid, "store-damaged", &words, self)
    }
}
