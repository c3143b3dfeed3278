//! The commands, one file each, and what they share: opening files, drawing progress, saying a text of many lines.
//! Never decides anything about a journal.

pub mod check_consistency;
pub mod check_disclosure;
pub mod check_excerpt;
pub mod check_proof;
pub mod checkpoint;
pub mod compare;
pub mod cosigned;
pub mod cut;
pub mod diff;
pub mod export;
pub mod extract;
pub mod finding;
pub mod judging;
pub mod keeping;
pub mod online;
pub mod prove;
pub mod receipt;
pub mod register;
pub mod report;
pub mod show;
pub mod tiles;
pub mod trust;
pub mod verify;
pub mod witness;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use console::{Exit, Lang, Progress, Voice, Words, clean};

use journal::ids::Index;
use journal::statement::Parsed;
use minicbor::bytes::ByteVec;
use nix::unistd::geteuid;
use pki::Certificate;
use pki::durable_file::{self, UMASK};
use protocol::disclosure::Believed;

use crate::audit::Audit;
use crate::bundle::BundleReader;
use crate::read_ahead::ReadAhead;
use crate::second_reading::read_again;
use crate::trouble::Trouble;
use crate::trust::Trust;
use crate::verifier::{FILE, write_beside};

/// A bundle on disk.
pub type Bundle = BundleReader<ReadAhead>;

/// Words that were put together already, in the reader's language.
pub struct Told(pub String);

impl Words for Told {
    fn en(&self) -> String {
        self.0.clone()
    }
    fn ru(&self) -> String {
        self.0.clone()
    }
}

/// A file's name, as it may be shown.
pub fn shown(path: &Path) -> String {
    clean(&path.display().to_string())
}

/// Ends a command: its exit code, or its trouble said.
pub fn ended(command: &str, voice: Voice, done: Result<Exit, Trouble>) -> Exit {
    done.unwrap_or_else(|trouble| voice.failed(command, trouble.exit(), trouble.code(), &trouble))
}

/// Opens a bundle; its length in bytes goes along, for the progress.
pub fn open_bundle(path: &Path) -> Result<(Bundle, u64), Trouble> {
    open_bundle_at(path, Ok)
}

/// The same, once somebody has moved it on.
pub fn open_bundle_at(
    path: &Path,
    moved: impl FnOnce(BundleReader<File>) -> io::Result<BundleReader<File>>,
) -> Result<(Bundle, u64), Trouble> {
    let unreadable = |error: io::Error| Trouble::Unreadable { file: shown(path), cause: error.to_string() };
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    let bytes = found.len();
    // What somebody has read already of a pipe is gone from it.
    let bad = |bad| match found.is_file() || found.is_dir() {
        true => Trouble::bundle(shown(path), &bad, 0),
        false => Trouble::APipe { file: shown(path) },
    };
    let reader = BundleReader::open(file).map_err(bad)?;
    Ok((moved(reader).and_then(|reader| reader.through(ReadAhead::over)).map_err(unreadable)?, bytes))
}

/// Reads a bundle that was verified once more, and gives each statement in it.
pub fn look_again(
    bundle: &Path,
    found: &Audit,
    voice: Voice,
    each: &mut dyn FnMut(Index, &Parsed),
) -> Result<(), Trouble> {
    let (reader, bytes) = open_bundle(bundle)?;
    let mut line = ProgressLine::new(bytes, voice.lang);
    let looked = read_again(reader, found.replay.tree(), &mut |done| line.at(done), each);
    line.clear();
    looked.map_err(|bad| Trouble::bundle(shown(bundle), &bad, found.replay.tree().size()))
}

/// Reads a trust file.
pub fn read_trust(path: &Path) -> Result<Trust, Trouble> {
    Trust::read(path, geteuid().as_raw()).map_err(|bad| Trouble::trust(shown(path), &bad))
}

/// What a trust file believes in, for a check.
pub fn believing<T>(trust: &Trust, check: impl FnOnce(&Believed<'_>) -> T) -> T {
    let parsed = |ders: &[ByteVec]| -> Vec<Certificate> {
        // Every way to a Trust has parsed them.
        ders.iter().filter_map(|der| Certificate::parse(der).ok()).collect()
    };
    let (roots, issuing) = (parsed(&trust.roots), parsed(&trust.issuing));
    let identity = |era| trust.identity_in(era);
    check(&Believed { log: trust.log, identity: &identity, roots: &roots, issuing: &issuing })
}

/// Login and name of whom a certificate names, as they may be shown.
pub fn person_of(certificate: &Certificate) -> String {
    let text = |text: Option<&str>| clean(text.unwrap_or_default());
    format!("{} ({})", text(certificate.login()), text(certificate.full_name()))
}

/// Reads a small file whole. A longer one is another kind of file than was asked for.
pub fn read_small(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Trouble> {
    read_limited(path, bytes_max).map_err(|error| {
        let file = shown(path);
        if error.kind() == io::ErrorKind::FileTooLarge {
            return Trouble::TooLarge { file, bytes: bytes_max as u64 };
        }
        Trouble::Unreadable { file, cause: error.to_string() }
    })
}

/// The same, with the system's own error; a longer file is `FileTooLarge`.
pub fn read_limited(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() > bytes_max {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("> {bytes_max} B"))),
        false => Ok(bytes),
    }
}

/// Writes a new file; one that is there stays as it is.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    durable_file::create(path, bytes, UMASK).map_err(|error| not_written(path, &error))
}

/// Writes the independent verifier beside a bundle that is to be written, unless nobody wants it. Another file of that name
/// is told before anything is taken out of the log.
pub fn verifier(wanted: bool, bundle: &Path) -> Result<(), Trouble> {
    if !wanted {
        return Ok(());
    }
    let file = bundle.with_file_name(FILE);
    write_beside(bundle).map(drop).map_err(|error| match error.kind() == io::ErrorKind::AlreadyExists {
        true => Trouble::OtherVerifier { file: shown(&file) },
        // A folder that is not there is told of what was asked for.
        false if error.kind() == io::ErrorKind::NotFound => not_written(bundle, &error),
        false => not_written(&file, &error),
    })
}

/// The number of an entry or a conversation, for clap.
pub fn number(text: &str) -> Result<u64, &'static str> {
    console::number(text).ok_or("a number, like 1234")
}

/// Why a new file was not written.
pub fn not_written(path: &Path, error: &io::Error) -> Trouble {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Trouble::Exists { file: shown(path) };
    }
    Trouble::Unwritable { file: shown(path), cause: error.to_string() }
}

/// The progress line on standard error, where somebody looks.
pub struct ProgressLine {
    progress: Progress,
    started: Instant,
}

impl ProgressLine {
    /// For so many bytes.
    pub fn new(bytes: u64, lang: Lang) -> Self {
        let width = console::terminal::error_columns();
        Self { progress: Progress::new(bytes, lang, width, 0), started: Instant::now() }
    }

    /// So many are through.
    pub fn at(&mut self, done: u64) {
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // A line that cannot be drawn is no reason to stop.
        let _ = self.progress.draw(done, now_ms, &mut io::stderr().lock());
    }

    /// Takes the line away.
    pub fn clear(&self) {
        let _ = self.progress.clear(&mut io::stderr().lock());
    }
}

/// Bytes from hex digits.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| (byte as char).to_digit(16);
    let byte = |pair: &[u8; 2]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

/// A hash in hex or base64, as foreign tools print them.
pub fn hash(name: &str, text: &str) -> Result<[u8; 32], Trouble> {
    let from_base64 = || STANDARD.decode(text).ok()?.try_into().ok();
    let bad = || Trouble::BadValue { what: name.into(), wanted: "64 × 0-9a-f | base64".into() };
    unhex32(text).or_else(from_base64).ok_or_else(bad)
}

/// Several of them.
pub fn hashes(name: &str, texts: &[String]) -> Result<Vec<[u8; 32]>, Trouble> {
    texts.iter().map(|text| hash(name, text)).collect()
}

/// 32 bytes from hex digits.
pub fn unhex32(text: &str) -> Option<[u8; 32]> {
    unhex(text)?.try_into().ok()
}
