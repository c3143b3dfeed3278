//! `conclave-audit extract`: one statement taken apart, so that stock openssl verifies it without a byte of ours.
//! Never changes what was signed: the bytes are those that the signature covers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use console::{Exit, Voice};
use journal::act::Act;
use journal::entry::{Content, Entry};
use journal::statement::{Parsed, signed_bytes};
use p256::ecdsa::Signature as EcdsaSignature;
use pki::{CertId, Certificate, Suite, pem};
use serde::Serialize;

use super::{ended, open_bundle, shown, write_new};
use crate::trouble::Trouble;

/// Write a statement's signed bytes, signature, certificate and key, and say how openssl verifies them.
#[derive(Args, Debug)]
pub struct Extract {
    /// The bundle.
    pub bundle: PathBuf,
    /// The entry's index.
    pub index: u64,
    /// The directory to write into; it is made where there is none.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

console::words! {
    enum Said {
        Written { name: String, command: String }
            => en("signed by {name}; stock openssl verifies it with\n{command}"),
               ru("подписал: {name}; обычный openssl проверяет это так:\n{command}");
        WrittenBad { name: String, command: String }
            => en("said to be signed by {name}, but the signature does NOT verify; see for yourself:\n{command}"),
               ru("автором назван {name}, но подпись НЕ сходится; убедитесь сами:\n{command}");
    }
}

#[derive(Serialize)]
struct Data {
    index: u64,
    kind: &'static str,
    suite: &'static str,
    verifies: bool,
    signed: String,
    signature: String,
    certificate: String,
    key: String,
    openssl: String,
}

/// Runs it.
pub fn run(extract: &Extract, voice: Voice) -> Exit {
    ended("extract", voice, work(extract, voice))
}

fn work(extract: &Extract, voice: Voice) -> Result<Exit, Trouble> {
    let (parsed, certificate) = find(extract)?;
    let index = extract.index;
    let illegible = |_| Trouble::IllegibleEntry { index };
    let key = certificate.public_key().map_err(illegible)?;
    let statement = parsed.signed();
    let signed = signed_bytes(parsed.act().name(), &statement.statement);
    let signature =
        for_openssl(key.suite(), &statement.signature).ok_or(Trouble::IllegibleEntry { index })?;
    std::fs::create_dir_all(&extract.out)
        .map_err(|error| Trouble::Unwritable { file: shown(&extract.out), cause: error.to_string() })?;
    let path = |end: &str| extract.out.join(format!("{index}.{end}"));
    let (signed_path, signature_path) = (path("signed"), path("signature"));
    let (certificate_path, key_path) = (path("certificate.pem"), path("key.pem"));
    write_new(&signed_path, &signed)?;
    write_new(&signature_path, &signature)?;
    write_new(&certificate_path, pem::encode(pem::CERTIFICATE, certificate.der()).as_bytes())?;
    write_new(&key_path, pem::encode("PUBLIC KEY", key.spki()).as_bytes())?;
    let openssl = command(key.suite(), &key_path, &signature_path, &signed_path);
    let name = match certificate.login() {
        Some(login) => {
            format!(
                "{} ({})",
                console::clean(login),
                console::clean(certificate.full_name().unwrap_or_default())
            )
        }
        None => voice.lang.pick("the issuing authority", "удостоверяющий центр").to_owned(),
    };
    let verifies = parsed.clone().verify(&key).is_ok();
    let data = Data {
        index,
        kind: parsed.act().name(),
        suite: key.suite().name(),
        verifies,
        signed: shown(&signed_path),
        signature: shown(&signature_path),
        certificate: shown(&certificate_path),
        key: shown(&key_path),
        openssl: openssl.clone(),
    };
    Ok(match verifies {
        true => voice.done("extract", &Said::Written { name, command: openssl }, data),
        false => {
            let said = Said::WrittenBad { name, command: openssl };
            voice.verdict("extract", Exit::Invalid, "bad-signature", &said, data)
        }
    })
}

/// The statement at the index, and the certificate that it names, from the entries before it.
fn find(extract: &Extract) -> Result<(Parsed, Certificate), Trouble> {
    let (mut reader, _) = open_bundle(&extract.bundle)?;
    let mut certificates: BTreeMap<CertId, Vec<u8>> = BTreeMap::new();
    loop {
        let index = reader.entries();
        let next = reader.next_entry();
        let damaged = |bad| Trouble::bundle(shown(&extract.bundle), &bad, index);
        let Some(bytes) = next.map_err(damaged)? else {
            return Err(Trouble::NoSuchEntry { index: extract.index, entries: index });
        };
        let illegible = || Trouble::IllegibleEntry { index };
        let entry = Entry::decode(&bytes).map_err(|_| illegible())?;
        let Content::Statement(signed) = entry.content else {
            if index == extract.index {
                return Err(Trouble::NothingSigned { index });
            }
            continue;
        };
        let parsed = signed.parse().map_err(|_| illegible())?;
        if let Act::Enrol(act) = parsed.act() {
            certificates.insert(CertId::of(&act.signature), act.signature.to_vec());
        } else if let Act::Genesis(act) = parsed.act() {
            certificates.insert(CertId::of(&act.issuing), act.issuing.to_vec());
        }
        if index == extract.index {
            let der = certificates.get(&parsed.certificate()).ok_or_else(illegible)?;
            let certificate = Certificate::parse(der).map_err(|_| illegible())?;
            return Ok((parsed, certificate));
        }
    }
}

/// The signature as openssl takes it: DER for ECDSA, the bare bytes for Ed25519.
fn for_openssl(suite: Suite, signature: &[u8]) -> Option<Vec<u8>> {
    match suite {
        Suite::Ed25519 => Some(signature.to_vec()),
        Suite::EcdsaP256 => Some(EcdsaSignature::from_slice(signature).ok()?.to_der().as_bytes().to_vec()),
        Suite::Gost256 | Suite::Gost512 => None,
    }
}

fn command(suite: Suite, key: &Path, signature: &Path, signed: &Path) -> String {
    let (key, signature, signed) = (quoted(key), quoted(signature), quoted(signed));
    match suite {
        Suite::Ed25519 => {
            format!("openssl pkeyutl -verify -pubin -inkey {key} -rawin -in {signed} -sigfile {signature}")
        }
        Suite::EcdsaP256 => format!("openssl dgst -sha256 -verify {key} -signature {signature} {signed}"),
        Suite::Gost256 | Suite::Gost512 => String::new(),
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = shown(path);
    let plain = |c: char| c.is_alphanumeric() || "/._-+,@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
