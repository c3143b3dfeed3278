//! `verify-signature`: whether a signature is a key's over some bytes, by the rules of statements.
//! Never looks at certificates.

use crate::files::{self, shown};
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{DETAILS_RU, Exit, HelpTable, Voice};
use pki::{KeyError, PublicKey, Suite, Verifier, pem};
use serde::Serialize;
use std::path::PathBuf;

/// Largest message, bytes.
const MESSAGE_BYTES_MAX: u64 = 1 << 30;
/// Largest key or signature file, bytes.
const SMALL_BYTES_MAX: u64 = 64 * 1024;
/// Label of public keys in PEM.
const PUBLIC_KEY: &str = "PUBLIC KEY";
/// The order of P-256, for the second spelling of its signatures.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Verify a signature over a file: exit code 0 good, 1 bad.
#[derive(Args)]
#[command(
    after_help = "Example: conclave-pki verify-signature --key key.pem --message letter --signature letter.sig --suite ed25519"
)]
pub(super) struct VerifySignature {
    /// The public key (SubjectPublicKeyInfo), PEM or DER.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The bytes that were signed.
    #[arg(long, value_name = "FILE")]
    message: PathBuf,
    /// The signature: a file or hexadecimal digits. ECDSA: r and s, 32 bytes each, or DER.
    #[arg(long, value_name = "FILE|HEX")]
    signature: String,
    /// The suite that the key must be of.
    #[arg(long, value_name = "SUITE", value_parser = ["ed25519", "ecdsa-p256", "gost-256", "gost-512"])]
    suite: Option<String>,
    /// Take an ECDSA signature with a high s too, as the plain standard does; statements never have one.
    #[arg(long)]
    high_s: bool,
}

pub(super) const HELP: &HelpTable = &[
    ("verify-signature/@about", "Проверить подпись под файлом: код 0 — верна, 1 — нет."),
    (
        "verify-signature/@after",
        "Пример: conclave-pki verify-signature --key key.pem --message letter --signature letter.sig --suite ed25519",
    ),
    ("verify-signature/key", "открытый ключ (SubjectPublicKeyInfo), PEM или DER"),
    ("verify-signature/message", "подписанные байты"),
    (
        "verify-signature/signature",
        "подпись: файл или шестнадцатеричные цифры; ECDSA: r и s по 32 байта или DER",
    ),
    ("verify-signature/suite", "набор, которому должен принадлежать ключ"),
    (
        "verify-signature/high_s",
        "принять и подпись ECDSA с большим s, как в самом стандарте; в актах таких не бывает",
    ),
];

console::words! {
    enum Said {
        Good { suite: String } => en("good signature, {suite}"), ru("подпись верна, {suite}");
        Bad { suite: String } => en("bad signature, {suite}"), ru("подпись неверна, {suite}");
        HighS => en("bad signature: its s is high, a second spelling that anyone can make; see --high-s"),
                 ru("подпись неверна: большое s, второе написание, доступное любому; см. --high-s");
        OtherSuite { wanted: String, found: String }
            => en("the key is of suite {found}, not {wanted}"), ru("ключ из набора {found}, а не {wanted}");
        BadKey { why: String } => en("the key is not admitted: {why}"), ru("ключ не принят ({DETAILS_RU})");
    }
}

#[derive(Serialize)]
struct Data {
    good: bool,
    suite: Option<&'static str>,
}

impl VerifySignature {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let refuse = |code: &str, said: Said, suite: Option<Suite>| {
            let data = Data { good: false, suite: suite.map(Suite::name) };
            Ok(voice.verdict("verify-signature", Exit::No, code, &said, data))
        };
        let wanted = self.suite.as_deref().and_then(Suite::from_name);
        let key = match PublicKey::from_spki(&self.key_der()?) {
            Ok(key) => key,
            Err(KeyError::Unsupported { suite }) => {
                return Err(Trouble::UnsupportedSuite { suite: suite.name().into() }.into());
            }
            Err(why) => return refuse("bad-key", Said::BadKey { why: why.to_string() }, None),
        };
        let suite = key.suite();
        if let Some(wanted) = wanted.filter(|wanted| *wanted != suite) {
            let said = Said::OtherSuite { wanted: wanted.name().into(), found: suite.name().into() };
            return refuse("other-suite", said, Some(suite));
        }
        let message = files::read(&self.message, MESSAGE_BYTES_MAX)?;
        let signature = self.signature_bytes(suite)?;
        let name = suite.name().to_owned();
        if key.verify(&message, &signature).is_ok() {
            let data = Data { good: true, suite: Some(suite.name()) };
            return Ok(voice.done("verify-signature", &Said::Good { suite: name }, data));
        }
        let mirrored = match suite {
            Suite::EcdsaP256 => low_s(&signature).filter(|low| key.verify(&message, low).is_ok()),
            Suite::Ed25519 | Suite::Gost256 | Suite::Gost512 => None,
        };
        match mirrored {
            None => refuse("bad-signature", Said::Bad { suite: name }, Some(suite)),
            Some(_) if self.high_s => {
                let data = Data { good: true, suite: Some(suite.name()) };
                Ok(voice.done("verify-signature", &Said::Good { suite: name }, data))
            }
            Some(_) => refuse("high-s", Said::HighS, Some(suite)),
        }
    }

    fn key_der(&self) -> Result<Vec<u8>, Trouble> {
        let bytes = files::read(&self.key, SMALL_BYTES_MAX)?;
        let bad = |why: &str| Trouble::BadFile { path: shown(&self.key), why: why.into() };
        if bytes.first() == Some(&0x30) {
            return Ok(bytes);
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| bad("neither PEM nor DER"))?;
        let mut blocks = pem::decode(text, PUBLIC_KEY).map_err(|why| bad(&why.to_string()))?;
        match (blocks.pop(), blocks.is_empty()) {
            (Some(der), true) => Ok(der),
            (Some(_), false) | (None, _) => Err(bad("not one public key")),
        }
    }

    /// A file of that name before digits: what is ambiguous is a file.
    fn signature_bytes(&self, suite: Suite) -> Result<Vec<u8>, Trouble> {
        let path = PathBuf::from(&self.signature);
        let bytes = match path.exists() {
            true => files::read(&path, SMALL_BYTES_MAX)?,
            false => hex::decode(&self.signature).map_err(|_| Trouble::Hex { what: "--signature" })?,
        };
        let is_der = suite == Suite::EcdsaP256 && bytes.len() != suite.signature_bytes();
        Ok(if is_der { from_der(&bytes).unwrap_or(bytes) } else { bytes })
    }
}

/// r ‖ s of an ECDSA-Sig-Value (RFC 3279 2.2.3) in strict DER.
fn from_der(bytes: &[u8]) -> Option<Vec<u8>> {
    let [0x30, length, body @ ..] = bytes else { return None };
    if usize::from(*length) != body.len() || *length >= 0x80 {
        return None;
    }
    let (r, rest) = integer(body)?;
    let (s, rest) = integer(rest)?;
    rest.is_empty().then(|| [r, s].concat())
}

/// One positive INTEGER in its shortest form, as 32 bytes.
fn integer(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
    let [2, length, rest @ ..] = bytes else { return None };
    let (value, rest) = rest.split_at_checked(usize::from(*length))?;
    let value = match value {
        [0, next, ..] if *next >= 0x80 => &value[1..],
        [first, ..] if *first < 0x80 && (*first != 0 || value.len() == 1) => value,
        _ => return None,
    };
    let mut out = [0; 32];
    out[32usize.checked_sub(value.len())?..].copy_from_slice(value);
    Some((out, rest))
}

/// The same signature with the other s: n − s.
fn low_s(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(32)?;
    let mut borrow = 0;
    let mut out = [0; 32];
    if s.len() != 32 {
        return None;
    }
    for at in (0..32).rev() {
        let difference = i16::from(P256_ORDER[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(difference < 0);
        out[at] = difference.rem_euclid(256) as u8;
    }
    (borrow == 0).then(|| [r, &out].concat())
}
