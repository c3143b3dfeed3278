//! `conclave-audit check-proof`: whether a receipt, or bare hashes, prove that an entry is in the log.
//! Never trusts the receipt for the log's key: that comes from the trust file, or is typed for a log of another house.

use std::path::PathBuf;

use clap::Args;
use console::when::rfc3339;
use console::{Exit, Lang, Voice, Words, clean};
use journal::entry::ENTRY_BYTES_MAX;
use journal::foreign::ForeignProof;
use journal::ids::Head;
use journal::note::{BadKey, VerifierKey};
use journal::proof::InclusionProof;
use journal::receipt::{RECEIPT_BYTES_MAX, Receipt};
use journal::tree::leaf_hash;
use serde::Serialize;

use super::compare::Compare;
use super::{Told, ended, hash, hashes, read_small, read_trust, shown};
use crate::names::{Opened, hex};
use crate::trouble::Trouble;

/// Entries of other logs may be longer than ours; more is not read.
const FOREIGN_ENTRY_BYTES_MAX: usize = 1 << 20;

/// Check a proof that an entry is in the log: a file from `prove`, or bare values.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct CheckProof {
    /// The proof, a C2SP tlog-proof.
    #[arg(required_unless_present_any = ["index", "leaf"], requires = "whose")]
    pub file: Option<PathBuf>,
    /// The trust file.
    #[arg(long, value_name = "FILE", group = "whose")]
    pub trust: Option<PathBuf>,
    /// The verifier key (name+id+base64) of a log that is not Conclave's; the proof is then of that log.
    #[arg(long, value_name = "KEY", group = "whose", conflicts_with = "index")]
    pub key: Option<String>,
    /// The entry's bytes, where the proof does not carry them.
    #[arg(long, value_name = "FILE", conflicts_with = "leaf")]
    pub entry: Option<PathBuf>,
    /// Bare values, or with --key where the entry's bytes are not at hand: the leaf hash in hex or base64.
    #[arg(long, value_name = "HASH", conflicts_with = "trust")]
    pub leaf: Option<String>,
    /// Bare values: the index.
    #[arg(long, value_name = "N", conflicts_with = "file", requires_all = ["leaf", "size", "root"])]
    pub index: Option<u64>,
    /// Bare values: the size of the tree.
    #[arg(long, value_name = "N", requires = "index")]
    pub size: Option<u64>,
    /// Bare values: the root in hex or base64.
    #[arg(long, value_name = "HASH", requires = "index")]
    pub root: Option<String>,
    /// Bare values: a hash of the path in hex or base64, from the leaf's sibling up; once for each.
    #[arg(long, value_name = "HASH", requires = "index")]
    pub path: Vec<String>,
    #[command(flatten)]
    pub compare: Compare,
}

console::words! {
    enum Said {
        Proven { index: u64, size: u64, what: String }
            => en("PROVEN: entry #{index} is in the log of {size} entries, signed by the log's identity key{what}"),
               ru("ДОКАЗАНО: запись #{index} есть в журнале размера {size}, подписанном ключом журнала{what}");
        ProvenBare { index: u64, size: u64 }
            => en("PROVEN: the leaf is at index {index} under this root over {size} entries; whose root it is was not asked"),
               ru("ДОКАЗАНО: лист стоит под номером {index} под этим корнем дерева размера {size}; чей это корень, не проверялось");
        NotProven { index: u64 }
            => en("NOT PROVEN: entry and path do not lead to the root at index {index}"),
               ru("НЕ ДОКАЗАНО: запись и путь не приводят к корню для номера {index}");
        NotSigned
            => en("NOT PROVEN: the checkpoint is not signed by the identity key of the trust file's log"),
               ru("НЕ ДОКАЗАНО: контрольная точка не подписана ключом журнала из файла доверия");
        ProvenForeign { index: u64, size: u64, log: String }
            => en("PROVEN: the entry is at index {index} of the log {log} with {size} entries, signed by the key given"),
               ru("ДОКАЗАНО: запись стоит под номером {index} в журнале {log} размера {size}, подписанном данным ключом");
        NotSignedByKey
            => en("NOT PROVEN: the checkpoint is not signed by the key given, under its log's name"),
               ru("НЕ ДОКАЗАНО: контрольная точка не подписана данным ключом под именем своего журнала");
        NoEntry
            => en("NOT PROVEN: the proof carries no entry; give its bytes with --entry"),
               ru("НЕ ДОКАЗАНО: в доказательстве нет записи; дайте её байты через --entry");
        OtherHead { size: u64, ours: String, theirs: String }
            => en("DIVERGED: two heads of {size} entries contradict each other\n  known, or in this file too: {ours}\n  proof: {theirs}"),
               ru("РАСХОЖДЕНИЕ: две вершины размера {size} противоречат друг другу\n  известна или тоже в этом файле: {ours}\n  доказательство: {theirs}");
    }
}

#[derive(Serialize)]
struct Data {
    index: u64,
    size: u64,
    root: String,
    /// With a trust file, and proven: what the known heads say of it, [`Compared::name`](super::compare::Compared::name).
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<&'static str>,
}

impl Data {
    fn new(index: u64, Head { size, root }: Head) -> Self {
        Self { index, size, root: hex(&root), compared: None }
    }
}

/// Runs it.
pub fn run(check: &CheckProof, voice: Voice) -> Exit {
    let Compare { anchor, journal } = &check.compare;
    let compares = !anchor.is_empty() || journal.is_some();
    let done = match (&check.file, &check.trust, &check.key) {
        (_, None, _) if compares => {
            Err(Trouble::BadValue { what: "--anchor | --journal".into(), wanted: "--trust".into() })
        }
        (Some(file), Some(trust), _) => receipt(check, file, trust, voice),
        (Some(file), None, Some(key)) => foreign(check, file, key, voice),
        (Some(_), None, None) => {
            Err(Trouble::BadValue { what: "FILE".into(), wanted: "--trust | --key".into() })
        }
        (None, _, _) => bare(check, voice),
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
    let data = Data::new(index, head);
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
    let claimed = *receipt.checkpoint().claimed();
    let compared = match check.compare.with(&trust, &[(claimed, index)], voice.lang)? {
        Ok(compared) => compared,
        Err(words) => {
            return Ok(voice.verdict("check-proof", Exit::Diverged, "diverged", &Told(words), data));
        }
    };
    let said = Said::Proven { index, size: head.size, what: what(&entry, voice.lang) };
    let text = format!("{}\n{}", said.say(voice.lang), compared.words(voice.lang));
    Ok(voice.done("check-proof", &Told(text), Data { compared: Some(compared.name()), ..data }))
}

/// Words for two heads that contradict each other, the known one first.
pub(super) fn other_head_words(known: Head, head: Head, lang: Lang) -> String {
    Said::OtherHead { size: known.size, ours: hex(&known.root), theirs: hex(&head.root) }.say(lang)
}

/// Time and kind of the entry, as it says itself.
fn what(entry: &[u8], lang: Lang) -> String {
    match Opened::read(entry) {
        Ok(opened) => format!("; {}, {}", opened.what().kind_words(lang), rfc3339(opened.wall_ms)),
        Err(_) => lang.pick("; the entry cannot be read", "; запись не читается").to_owned(),
    }
}

/// A proof from another house's log.
fn foreign(check: &CheckProof, file: &std::path::Path, key: &str, voice: Voice) -> Result<Exit, Trouble> {
    let key: VerifierKey = key.parse().map_err(|error: BadKey| Trouble::BadValue {
        what: "--key".into(),
        wanted: format!("name+id+base64 ({error})"),
    })?;
    let bytes = read_small(file, RECEIPT_BYTES_MAX)?;
    let proof = ForeignProof::parse(&bytes)
        .map_err(|error| Trouble::NotAReceipt { file: shown(file), cause: error.to_string() })?;
    let (index, head) = (proof.index(), proof.head());
    let data = Data::new(index, head);
    let no = |code, said: Said, data| Ok(voice.verdict("check-proof", Exit::No, code, &said, data));
    if proof.verify(&key).is_err() {
        return no("not-signed", Said::NotSignedByKey, data);
    }
    let leaf = match (&check.leaf, &check.entry) {
        (Some(leaf), _) => hash("--leaf", leaf)?,
        (None, Some(entry)) => leaf_hash(&read_small(entry, FOREIGN_ENTRY_BYTES_MAX)?),
        (None, None) if proof.extra().is_empty() => return no("no-entry", Said::NoEntry, data),
        (None, None) => leaf_hash(proof.extra()),
    };
    if !proof.holds(&leaf) {
        return no("not-proven", Said::NotProven { index }, data);
    }
    let said = Said::ProvenForeign { index, size: head.size, log: clean(proof.origin()) };
    Ok(voice.done("check-proof", &said, data))
}

fn bare(check: &CheckProof, voice: Voice) -> Result<Exit, Trouble> {
    let leaf = hash("--leaf", check.leaf.as_deref().unwrap_or_default())?;
    let root = hash("--root", check.root.as_deref().unwrap_or_default())?;
    let path = hashes("--path", &check.path)?;
    let (index, size) = (check.index.unwrap_or_default(), check.size.unwrap_or_default());
    let data = Data::new(index, Head { size, root });
    let proof = InclusionProof::new(index, size, path).ok();
    Ok(match proof.is_some_and(|proof| proof.verify(&leaf, &root).is_ok()) {
        true => voice.done("check-proof", &Said::ProvenBare { index, size }, data),
        false => {
            let said: &dyn Words = &Said::NotProven { index };
            voice.verdict("check-proof", Exit::No, "not-proven", said, data)
        }
    })
}
