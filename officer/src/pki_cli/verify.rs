//! `verify`: whether a certificate holds at a moment. Thin over `pki::path`, the one judge of handshake, statement and
//! audit.
//! Never accepts because something could not be read: an unreadable root or intermediate vouches for nothing, an
//! unreadable revocation list makes the answer no.

use super::why::{Why, code};
use crate::clock;
use crate::files::{self, shown};
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, Voice, Words};
use pki::pem::{self, PEM_BYTES_MAX};
use pki::{Certificate, Purpose, Question, Revocation, RevocationList, TrustAnchor, UnixMs, verify_path};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Judge a certificate at a moment: exit code 0 valid, 1 invalid with the reason.
#[derive(Args)]
#[command(
    after_help = "Example: conclave-pki verify --ca roots.pem --intermediates issuing.pem --crl crl.pem --purpose client --at 2026-11-21T12:00:00Z leaf.pem"
)]
pub(super) struct Verify {
    /// Trusted roots, PEM.
    #[arg(long, value_name = "ROOTS.pem")]
    ca: PathBuf,
    /// Authorities between leaf and root, in any order, PEM.
    #[arg(long, value_name = "I.pem")]
    intermediates: Option<PathBuf>,
    /// Revocation lists, PEM; with them the leaf needs a fresh list of its issuer.
    #[arg(long, value_name = "CRLS.pem")]
    crl: Option<PathBuf>,
    /// The TLS side it must be fit for.
    #[arg(long, value_name = "PURPOSE", default_value = "any", value_parser = ["client", "server", "any"])]
    purpose: String,
    /// The moment, RFC 3339; now if it is left out.
    #[arg(long, value_name = "RFC3339")]
    at: Option<String>,
    /// The certificate, PEM or DER.
    #[arg(value_name = "LEAF.pem")]
    leaf: PathBuf,
}

pub(super) const HELP: &HelpTable = &[
    ("verify/@about", "Проверить сертификат на момент времени: код 0 — действителен, 1 — нет, с причиной."),
    (
        "verify/@after",
        "Пример: conclave-pki verify --ca roots.pem --intermediates issuing.pem --crl crl.pem --purpose client --at 2026-11-21T12:00:00Z leaf.pem",
    ),
    ("verify/ca", "доверенные корневые сертификаты, PEM"),
    ("verify/intermediates", "промежуточные центры в любом порядке, PEM"),
    ("verify/crl", "списки отозванных, PEM; с ними нужен свежий список издателя"),
    ("verify/purpose", "для какой стороны TLS сертификат должен годиться"),
    ("verify/at", "момент по RFC 3339; если не указан — сейчас"),
    ("verify/leaf", "сертификат, PEM или DER"),
];

console::words! {
    enum Said {
        Valid { chain: String } => en("valid: {chain}"), ru("действителен: {chain}");
        NoCertificate { path: String, why: String }
            => en("invalid: {path} is not one readable certificate: {why}"),
               ru("недействителен: {path} — не один читаемый сертификат: {why}");
        BadList { path: String, why: String }
            => en("invalid: a revocation list in {path} cannot be read: {why}"),
               ru("недействителен: список отозванных в {path} не читается: {why}");
        Skipped { path: String, why: String }
            => en("passed over in {path}: {why}"), ru("пропущено в {path}: {why}");
    }
}

#[derive(Serialize)]
struct Data {
    valid: bool,
    at: String,
    chain: Vec<String>,
}

impl Verify {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let at_ms = match &self.at {
            None => clock::now_ms(),
            Some(text) => console::when::parse_rfc3339(text)
                .ok_or_else(|| Trouble::Time { text: console::clean(text) })?,
        };
        let purpose = match self.purpose.as_str() {
            "client" => Purpose::Client,
            "server" => Purpose::Server,
            _ => Purpose::Any,
        };
        let refuse = |code: &str, words: &dyn Words| {
            let data = Data { valid: false, at: console::when::rfc3339(at_ms), chain: Vec::new() };
            voice.verdict("verify", Exit::No, code, words, data)
        };
        let leaf = match leaf(&self.leaf)? {
            Ok(leaf) => leaf,
            Err(why) => {
                return Ok(refuse("unreadable", &Said::NoCertificate { path: shown(&self.leaf), why }));
            }
        };
        let lists = match self.crl.as_deref().map(lists).transpose()? {
            None => None,
            Some(Ok(lists)) => Some(lists),
            Some(Err(why)) => {
                let path = self.crl.as_deref().map(shown).unwrap_or_default();
                return Ok(refuse("unreadable-list", &Said::BadList { path, why }));
            }
        };
        let anchors: Vec<_> = authorities(&self.ca, voice)?.into_iter().map(TrustAnchor::new).collect();
        let intermediates =
            self.intermediates.as_deref().map_or(Ok(Vec::new()), |path| authorities(path, voice))?;
        let revocation = lists.as_deref().map_or(Revocation::Unchecked, Revocation::Leaf);
        let question = Question { revocation, ..Question::new(purpose, UnixMs(at_ms)) };
        match verify_path(&leaf, &intermediates, &anchors, &question) {
            Err(why) => Ok(refuse(code(&why.why), &Why(&why))),
            Ok(path) => {
                let chain: Vec<String> =
                    path.chain().iter().map(|one| console::clean(&one.subject().to_string())).collect();
                let said = Said::Valid { chain: chain.join(" <- ") };
                let data = Data { valid: true, at: console::when::rfc3339(at_ms), chain };
                Ok(voice.done("verify", &said, data))
            }
        }
    }
}

/// All DER blocks of a label in a PEM file, or the file itself where it is DER.
fn blocks(path: &Path, label: &str) -> Result<Result<Vec<Vec<u8>>, String>, Trouble> {
    let bytes = files::read(path, PEM_BYTES_MAX as u64)?;
    if bytes.first() == Some(&0x30) {
        return Ok(Ok(vec![bytes]));
    }
    Ok(match std::str::from_utf8(&bytes) {
        Ok(text) => pem::decode(text, label).map_err(|why| why.to_string()),
        Err(_) => Err("neither PEM nor DER".into()),
    })
}

fn leaf(path: &Path) -> Result<Result<Certificate, String>, Trouble> {
    Ok(blocks(path, pem::CERTIFICATE)?.and_then(|blocks| match blocks.as_slice() {
        [der] => Certificate::parse(der).map_err(|why| why.to_string()),
        several => Err(format!("{} certificates", several.len())),
    }))
}

fn lists(path: &Path) -> Result<Result<Vec<RevocationList>, String>, Trouble> {
    Ok(blocks(path, pem::CRL)?.and_then(|blocks| {
        blocks.iter().map(|der| RevocationList::parse(der).map_err(|why| why.to_string())).collect()
    }))
}

/// The certificates of a file that can be read; the others vouch for nothing and are named.
fn authorities(path: &Path, voice: Voice) -> Result<Vec<Certificate>, Trouble> {
    let skipped = |why: String| voice.remark(&Said::Skipped { path: shown(path), why });
    let blocks = blocks(path, pem::CERTIFICATE)?.unwrap_or_else(|why| {
        skipped(why);
        Vec::new()
    });
    let mut found = Vec::new();
    for der in &blocks {
        match Certificate::parse(der) {
            Ok(certificate) => found.push(certificate),
            Err(why) => skipped(why.to_string()),
        }
    }
    Ok(found)
}
