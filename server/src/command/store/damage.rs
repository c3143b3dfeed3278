//! What a check found damaged, each with its place and with what depends on it.
//! Never decides what becomes of it.

use crate::command::store_trouble;
use crate::store::StoreError;
use crate::words::{Done, Reason, Trouble};
use console::terminal::error_columns;
use console::{Exit, Lang, Progress, Voice};
use disk::{DAMAGES_MAX, Damage, Scan, ScanPart, Stream};
use serde::Serialize;
use std::ops::Range;
use std::time::Instant;
use vault::{Vault, owner_words, owner_words_ru};

/// Places that are shown to a person; `--json` has all that are told.
const SHOWN_MAX: usize = 20;

/// One of them.
#[derive(Serialize)]
pub(super) struct Place {
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
    /// As the scan found it.
    #[serde(skip)]
    found: Option<Damage>,
}

impl Place {
    /// Where it lies, if it is such a place as may hold nothing but what was given up.
    fn giveable(&self) -> Option<Range<u64>> {
        let Damage { stream, part, offset, bytes, .. } = self.found?;
        let is_giveable = match (stream?, part) {
            (Stream::Bodies | Stream::Tree, ScanPart::Run | ScanPart::Table | ScanPart::Frame { .. }) => true,
            (
                Stream::Bodies | Stream::Tree,
                ScanPart::Superblock | ScanPart::Entry { .. } | ScanPart::Commit | ScanPart::Padding,
            )
            | (Stream::Journal | Stream::Verifiers, _) => false,
        };
        is_giveable.then_some(offset..offset + bytes)
    }

    /// Where, in words; nothing for what was found by what depends on it.
    fn at(&self, lang: Lang) -> Option<String> {
        let (offset, bytes) = self.offset.zip(self.bytes)?;
        Some(match self.extent {
            Some(extent) => lang.pick(
                format!("extent {extent}, byte {offset}, {bytes} bytes"),
                format!("экстент {extent}, байт {offset}, длина {bytes}"),
            ),
            None => {
                lang.pick(format!("byte {offset}, {bytes} bytes"), format!("байт {offset}, длина {bytes}"))
            }
        })
    }
}

/// All of them.
#[derive(Serialize, Default)]
pub(super) struct Damages {
    /// How many there are; a thousand of each kind are told one by one.
    count: u64,
    places: Vec<Place>,
    /// What does not read either, and nothing depends on: the officers have given up what lay there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    given_up: Vec<Place>,
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
            found: Some(*damage),
        };
        let places = scan.damages.iter().map(place).collect();
        Self { count: scan.damages_count, places, given_up: Vec::new() }
    }

    /// Behind a recovery: where nothing lies that is still needed, the officers have given up what lay there, and that is no
    /// damage any more.
    pub(super) fn set_given_up_aside(&mut self, vault: &Vault) -> Result<(), Trouble> {
        let asked: Vec<Range<u64>> = self.places.iter().filter_map(Place::giveable).collect();
        let needed = vault.are_needed(&asked).map_err(|error| store_trouble(StoreError::from(error)))?;
        let mut needed = needed.into_iter();
        let is_given_up =
            |place: &mut Place| place.giveable().is_some() && needed.next().is_some_and(|needed| !needed);
        self.given_up.extend(self.places.extract_if(.., is_given_up));
        self.count -= self.given_up.len() as u64;
        Ok(())
    }

    /// What was set aside.
    pub(super) fn take_given_up(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.given_up)
    }

    /// One more, found by what depends on it.
    pub(super) fn add(&mut self, what: Reason) {
        self.count += 1;
        if self.places.len() < 2 * DAMAGES_MAX {
            let place = Place { extent: None, stream: None, offset: None, bytes: None, what, found: None };
            self.places.push(place);
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
        let line = |place: &Place| {
            let what = place.what.say(lang);
            place.at(lang).map_or_else(|| format!("{what}\n"), |at| format!("{at}: {what}\n"))
        };
        let mut list: String = self.places.iter().take(SHOWN_MAX).map(line).collect();
        if self.count > SHOWN_MAX as u64 {
            list.push_str(&voice.lang.pick(
                format!("… {} more; --json has the list", self.count - SHOWN_MAX as u64),
                format!("… и ещё {}; список — с --json", self.count - SHOWN_MAX as u64),
            ));
        }
        list.push_str(&given_up_said(&self.given_up, lang));
        let words = Done::Damaged { count: self.count, list };
        voice.verdict(command, Exit::Invalid, "store-damaged", &words, self)
    }
}

/// What is said of places that were set aside.
pub(super) fn given_up_said(places: &[Place], lang: Lang) -> String {
    if places.is_empty() {
        return String::new();
    }
    let mut said = lang.pick(
        "\nnot damage: places that do not read, and hold nothing but what the officers gave up:".to_owned(),
        "\nне повреждение: места, которые не читаются и в которых было только признанное офицерами утраченным:".to_owned(),
    );
    for place in places.iter().take(SHOWN_MAX).filter_map(|place| place.at(lang)) {
        said.push_str(&format!("\n  {place}"));
    }
    if let Some(more) = places.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        said.push_str(&lang.pick(format!("\n  … {more} more"), format!("\n  … и ещё {more}")));
    }
    said
}
