//! `conclave-audit receipt`: what a receipt proves that somebody kept: which act, by whom, in which log.
//! Never says what a message says: a receipt opens nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use console::when::rfc3339;
use console::{Exit, Lang, Voice};
use journal::receipt::{RECEIPT_BYTES_MAX, Receipt as Proof};
use pki::pem;
use protocol::disclosure::{NotProven, SignedEntry};
use serde::Serialize;

use super::compare::Compare;
use super::{Told, believing, ended, person_of, read_small, read_trust, shown};
use crate::kind_words::kind_words;
use crate::names::hex;
use crate::trouble::Trouble;

/// Largest certificate file, bytes.
const CERTIFICATES_BYTES_MAX: usize = 1 << 20;

/// Check a receipt that somebody kept: which act, by whom, and that it is in the log.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Receipt {
    /// The file from `conclave message receipt`.
    pub file: PathBuf,
    /// The trust file.
    #[arg(long, value_name = "FILE")]
    pub trust: PathBuf,
    /// The certificate of who signed, PEM; else FILE.pem.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    #[command(flatten)]
    pub compare: Compare,
}

#[derive(Serialize)]
struct Data {
    index: u64,
    kind: &'static str,
    time: String,
    by: String,
    login: Option<String>,
    size: u64,
    root: String,
    /// What the known heads say of what is proven: [`Compared::name`].
    compared: &'static str,
}

#[derive(Serialize)]
struct Why {
    why: &'static str,
    index: u64,
}

/// Runs it.
pub fn run(receipt: &Receipt, voice: Voice) -> Exit {
    ended("receipt", voice, work(receipt, voice))
}

fn work(args: &Receipt, voice: Voice) -> Result<Exit, Trouble> {
    let trust = read_trust(&args.trust)?;
    let bytes = read_small(&args.file, RECEIPT_BYTES_MAX)?;
    let receipt = Proof::parse(&bytes)
        .map_err(|error| Trouble::NotAReceipt { file: shown(&args.file), cause: error.to_string() })?;
    let beside = args.certificate.clone().unwrap_or_else(|| beside(&args.file));
    if args.certificate.is_none() && !beside.exists() {
        return Err(Trouble::NoCertificate { file: shown(&beside) });
    }
    let pem_text = String::from_utf8_lossy(&read_small(&beside, CERTIFICATES_BYTES_MAX)?).into_owned();
    let certificates = pem::decode(&pem_text, pem::CERTIFICATE)
        .map_err(|error| Trouble::BadCertificates { file: shown(&beside), cause: error.to_string() })?;
    // What stands beside the signer's in the file may be authorities; only the trust file's roots vouch for anything.
    let proven = believing(&trust, |believed| believed.statement(&receipt, &certificates, &certificates));
    let index = receipt.proof().index();
    let proven = match proven {
        Ok(proven) => proven,
        Err(why) => {
            let (code, words) = not_proven(why, index, voice.lang);
            let data = Why { why: code, index };
            return Ok(voice.verdict("receipt", Exit::Invalid, code, &Told(words), data));
        }
    };
    let claimed = *receipt.checkpoint().claimed();
    let compared = match args.compare.with(&trust, &[(claimed, index)], voice.lang)? {
        Ok(compared) => compared,
        Err(words) => {
            let data = Why { why: "diverged", index };
            return Ok(voice.verdict("receipt", Exit::Diverged, "diverged", &Told(words), data));
        }
    };
    let head = proven.checkpoint.head();
    let data = Data {
        index,
        kind: proven.statement.get().act().name(),
        time: rfc3339(proven.wall_ms),
        by: proven.by.full_name().unwrap_or_default().to_owned(),
        login: proven.by.login().map(str::to_owned),
        size: head.size,
        root: hex(&head.root),
        compared: compared.name(),
    };
    let text = format!("{}\n{}", page(&proven, voice.lang), compared.words(voice.lang));
    Ok(voice.done("receipt", &Told(text), data))
}

fn page(proven: &SignedEntry, lang: Lang) -> String {
    let (index, kind, size) =
        (proven.index, proven.statement.get().act().name(), proven.checkpoint.head().size);
    let (who, at) = (person_of(&proven.by), rfc3339(proven.wall_ms));
    lang.pick(
        format!(
            "PROVEN: #{index} ({kind}) is in the log, stamped {at}, signed by {who}\n\
             under the log's checkpoint of {size} entries"
        ),
        format!(
            "ДОКАЗАНО: запись #{index} ({}) есть в журнале, время {at}, подписал: {who}\n\
             под контрольной точкой журнала размера {size}",
            kind_words(proven.statement.get().act().kind(), lang).unwrap_or(kind)
        ),
    )
}

fn not_proven(why: NotProven, index: u64, lang: Lang) -> (&'static str, String) {
    let (code, en, ru) = match why {
        NotProven::Note => (
            "not-signed",
            "its checkpoint is not signed by the identity key of the trust file's log",
            "её контрольная точка не подписана ключом журнала из файла доверия",
        ),
        NotProven::Certificate(_) => (
            "no-certificate",
            "no certificate here, vouched for by the trust file, is that of who signed it",
            "среди сертификатов нет того, чей подписавший, или файл доверия за него не ручается",
        ),
        NotProven::Signature(_) => {
            ("bad-signature", "its signature does not verify", "её подпись не сходится")
        }
        NotProven::NotIncluded
        | NotProven::OtherEntry(_)
        | NotProven::OtherBody
        | NotProven::OtherKey
        | NotProven::Illegible => (
            "not-included",
            "it does not stand in the log where the receipt says, or is no signed act",
            "она не стоит в журнале там, где сказано, или не является подписанным действием",
        ),
    };
    (code, lang.pick(format!("NOT PROVEN: #{index}: {en}"), format!("НЕ ДОКАЗАНО: запись #{index}: {ru}")))
}

/// `FILE.pem`.
fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".pem");
    name.into()
}
