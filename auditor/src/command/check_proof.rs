//! `conclave-audit check-proof`: whether a receipt, or bare hashes, prove that an entry is in the log.
//! Never trusts the receipt for the log's key: that comes from the trust file.

use std::path::PathBuf;

use clap::Args;
use console::when::rfc3339;
use console::{Exit, Lang, Voice, Words};
use journal::entry::ENTRY_BYTES_MAX;
use journal::ids::{Hash, Head};
use journal::proof::InclusionProof;
use journal::receipt::{RECEIPT_BYTES_MAX, Receipt};
use journal::tree::leaf_hash;
use serde::Serialize;

use super::{Told, ended, read_small, read_trust, shown, unhex32};
use crate::names::{Opened, hex};
use crate::trouble::Trouble;
use crate::trust::Trust;

/// Check a proof that an entry is in the log: a file from `prove`, or bare values.
#[derive(Args, Debug)]
pub struct CheckProof {
    /// The proof, a C2SP tlog-proof.
    #[arg(required_unless_present = "leaf", requires = "trust")]
    pub file: Option<PathBuf>,
    /// The trust file.
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// The entry's bytes, where the proof does not carry them.
    #[arg(long, value_name = "FILE", conflicts_with = "leaf")]
    pub entry: Option<PathBuf>,
    /// Bare values: the leaf hash in hex.
    #[arg(long, value_name = "HEX", conflicts_with = "file", requires_all = ["index", "size", "root"])]
    pub leaf: Option<String>,
    /// Bare values: the index.
    #[arg(long, value_name = "N", requires = "leaf")]
    pub index: Option<u64>,
    /// Bare values: the size of the tree.
    #[arg(long, value_name = "N", requires = "leaf")]
    pub size: Option<u64>,
    /// Bare values: the root in hex.
    #[arg(long, value_name = "HEX", requires = "leaf")]
    pub root: Option<String>,
    /// Bare values: a hash of the path in hex, from the leaf's sibling up; once for each.
    #[arg(long, value_name = "HEX", requires = "leaf")]
    pub path: Vec<String>,
}

console::words! {
    enum Said {
        Proven { index: u64, size: u64, what: String }
            => en("PROVEN: entry #{index} is in the log of {size} entries, signed by the log's identity key{what}"),
               ru("ДОКАЗАНО: запись #{index} есть в журнале из {size} записей, подписанном ключом журнала{what}");
        ProvenBare { index: u64, size: u64 }
            => en("PROVEN: the leaf is at index {index} under this root over {size} entries; whose root it is was not asked"),
               ru("ДОКАЗАНО: лист стоит под номером {index} под этим корнем над {size} записями; чей это корень, не проверялось");
        NotProven { index: u64 }
            => en("NOT PROVEN: entry and path do not lead to the root at index {index}"),
               ru("НЕ ДОКАЗАНО: запись и путь не приводят к корню для номера {index}");
        NotSigned
            => en("NOT PROVEN: the checkpoint is not signed by the identity key of the trust file's log"),
               ru("НЕ ДОКАЗАНО: контрольная точка не подписана ключом журнала из файла доверия");
        NoEntry
            => en("NOT PROVEN: the proof carries no entry; give its bytes with --entry"),
               ru("НЕ ДОКАЗАНО: в доказательстве нет записи; дайте её байты через --entry");
        OtherHead { size: u64, ours: String, theirs: String }
            => en("DIVERGED: at {size} entries the proof names another head than the trust file\n  trust file: {ours}\n  proof:      {theirs}"),
               ru("РАСХОЖДЕНИЕ: при числе записей {size} доказательство называет не ту вершину, что файл доверия\n  файл доверия:   {ours}\n  доказательство: {theirs}");
    }
}

#[derive(Serialize)]
struct Data {
    index: u64,
    size: u64,
    root: String,
}

/// Runs it.
pub fn run(check: &CheckProof, voice: Voice) -> Exit {
    let done = match (&check.leaf, &check.file, &check.trust) {
        (None, Some(file), Some(trust)) => receipt(check, file, trust, voice),
        (Some(leaf), _, _) => bare(check, leaf, voice),
        (None, _, _) => Err(Trouble::BadValue { what: "FILE".into(), wanted: "--trust".into() }),
    };
    ended("check-proof", voice, done)
}

fn receipt(
    check: &CheckProof,
    file: &std::path::Path,
    trust: &std::path::Path,
    voice: Voice,
) -> Result<Exit, Trouble> {
    let trust = read_trust(trust)?;
    let bytes = read_small(file, RECEIPT_BYTES_MAX)?;
    let receipt = Receipt::parse(&bytes)
        .map_err(|error| Trouble::NotAReceipt { file: shown(file), cause: error.to_string() })?;
    let (era, head) = (receipt.checkpoint().claimed().origin.era, receipt.checkpoint().claimed().head);
    let index = receipt.proof().index();
    let data = Data { index, size: head.size, root: hex(&head.root) };
    let against = |exit, code, said: Said, data| Ok(voice.verdict("check-proof", exit, code, &said, data));
    if receipt.checkpoint().verify_by(&trust.identity_in(era)).is_err() {
        return against(Exit::No, "not-signed", Said::NotSigned, data);
    }
    let entry = match &check.entry {
        Some(path) => read_small(path, ENTRY_BYTES_MAX)?,
        None => receipt.extra().to_vec(),
    };
    if entry.is_empty() {
        return against(Exit::No, "no-entry", Said::NoEntry, data);
    }
    if receipt.proof().verify(&leaf_hash(&entry), &head.root).is_err() {
        return against(Exit::No, "not-proven", Said::NotProven { index }, data);
    }
    if let Some(words) = other_head(&trust, head, voice.lang) {
        return Ok(voice.verdict("check-proof", Exit::Diverged, "diverged", &Told(words), data));
    }
    let said = Said::Proven { index, size: head.size, what: what(&entry, voice.lang) };
    Ok(voice.done("check-proof", &said, data))
}

/// Words for a head that is another one than the trust file's anchor of the same size.
pub(super) fn other_head(trust: &Trust, head: Head, lang: Lang) -> Option<String> {
    let Head { size, root } = trust.anchor.as_ref().map(|anchor| anchor.head)?;
    let other = size == head.size && root != head.root;
    other.then(|| Said::OtherHead { size, ours: hex(&root), theirs: hex(&head.root) }.say(lang))
}

/// Time and kind of the entry, as it says itself.
fn what(entry: &[u8], lang: Lang) -> String {
    match Opened::read(entry) {
        Ok(opened) => format!("; {}, {}", opened.what().kind(), rfc3339(opened.wall_ms)),
        Err(_) => lang.pick("; the entry cannot be read", "; запись не читается").to_owned(),
    }
}

fn bare(check: &CheckProof, leaf: &str, voice: Voice) -> Result<Exit, Trouble> {
    let bad = |what: &str| Trouble::BadValue { what: what.into(), wanted: "64 × 0-9a-f".into() };
    let leaf = unhex32(leaf).ok_or_else(|| bad("--leaf"))?;
    let root = check.root.as_deref().and_then(unhex32).ok_or_else(|| bad("--root"))?;
    let path: Option<Vec<Hash>> = check.path.iter().map(|hash| unhex32(hash)).collect();
    let path = path.ok_or_else(|| bad("--path"))?;
    let (index, size) = (check.index.unwrap_or_default(), check.size.unwrap_or_default());
    let data = Data { index, size, root: hex(&root) };
    let proof = InclusionProof::new(index, size, path).ok();
    Ok(match proof.is_some_and(|proof| proof.verify(&leaf, &root).is_ok()) {
        true => voice.done("check-proof", &Said::ProvenBare { index, size }, data),
        false => {
            let said: &dyn Words = &Said::NotProven { index };
            voice.verdict("check-proof", Exit::No, "not-proven", said, data)
        }
    })
}
