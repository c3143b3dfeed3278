//! `conclave-audit extract`: one statement taken apart, so that stock openssl verifies it without a byte of ours.
//! Never changes what was signed: the bytes are those that the signature covers. Never vouches for whose certificate it is,
//! or when it was, without a trust file and a head that the log signed: a bundle may bring any.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use console::{Exit, Lang, Voice, Words, quoted};
use journal::act::Act;
use journal::entry::{Content, Entry};
use journal::ids::Head;
use journal::replay::Fault;
use journal::statement::{Parsed, signed_bytes};
use journal::tree::{Leaves, leaf_hash};
use p256::ecdsa::Signature as EcdsaSignature;
use pki::{CertId, Certificate, Suite, pem};
use serde::Serialize;

use super::{ProgressLine, Told, ended, number, open_bundle, read_trust, shown, write_new};
use crate::audit::{Audit, Wanted, audit};
use crate::judgement::{Flaw, Judgement, Unanchored};
use crate::plain::{fault, flaw, missing, unanchored};
use crate::trouble::Trouble;
use crate::trust::Trust;

/// Write a statement's signed bytes, signature, certificate and key, and say how openssl verifies them.
#[derive(Args, Debug)]
pub struct Extract {
    /// The bundle.
    pub bundle: PathBuf,
    /// The entry's index.
    #[arg(value_parser = number)]
    pub index: u64,
    /// The trust file: the bundle is verified, and whose certificate it is, and the time, hold only then.
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// The directory to write into; it is made where there is none.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

console::words! {
    enum Said {
        Written { name: String, commands: String }
            => en("signed by {name}, as the journal of the trust file has it; stock openssl verifies it with\n{commands}"),
               ru("подписал: {name}, так говорит журнал из файла доверия; обычный openssl проверяет это так:\n{commands}");
        Mind { what: String } => en("about this bundle: {what}"), ru("об этой выгрузке: {what}");
        Claimed { name: String, commands: String }
            => en("said to be signed by {name}: certificate and authority are the bundle's own, so compare the root's\n\
                   fingerprint, or give --trust. The signature holds; stock openssl verifies it with\n{commands}"),
               ru("автором назван {name}: сертификат и центр взяты из самой выгрузки, поэтому сверьте отпечаток корня\n\
                   или дайте --trust. Подпись сходится; обычный openssl проверяет её так:\n{commands}");
        Foreign { name: String, why: String, commands: String }
            => en("said to be signed by {name}, but this does NOT stand in the journal of the trust file: {why}\n{commands}"),
               ru("автором назван {name}, но в журнале из файла доверия этого НЕТ: {why}\n{commands}");
        Uncovered { name: String, why: String, commands: String }
            => en("said to be signed by {name}, but nothing here shows that this entry STANDS in the log: {why}\n{commands}"),
               ru("автором назван {name}, но отсюда не видно, что эта запись ЕСТЬ в журнале: {why}\n{commands}");
        NoHead
            => en("no head from outside was compared with it"), ru("с вершиной извне она не сверена");
        Lost
            => en("a head that the trust file knows was given up by a succession (verify tells more)"),
               ru("известная файлу доверия вершина утрачена при преемстве (подробнее скажет verify)");
        TwoHeads
            => en("two heads of one size contradict each other (verify shows both)"),
               ru("две вершины одного размера противоречат друг другу (их покажет verify)");
        WrittenBad { name: String, commands: String }
            => en("said to be signed by {name}, but the signature does NOT verify; see for yourself:\n{commands}"),
               ru("автором назван {name}, но подпись НЕ сходится; убедитесь сами:\n{commands}");
    }
}

#[derive(Serialize)]
struct Data {
    index: u64,
    kind: &'static str,
    suite: &'static str,
    verifies: bool,
    /// Whether the entry stands in the journal of the trust file; `null` without one.
    vouched: Option<bool>,
    /// The verdict over the whole bundle, as `verify` names it; `null` without a trust file.
    bundle: Option<&'static str>,
    signed: String,
    signature: String,
    certificate: String,
    key: String,
    root: String,
    issuing: String,
    openssl: String,
    openssl_certificate: String,
}

/// Runs it.
pub fn run(extract: &Extract, voice: Voice) -> Exit {
    ended("extract", voice, work(extract, voice))
}

fn work(extract: &Extract, voice: Voice) -> Result<Exit, Trouble> {
    let trust = extract.trust.as_deref().map(read_trust).transpose()?;
    let audited = trust.as_ref().map(|trust| audited(extract, trust, voice)).transpose()?;
    let found = find(extract, audited.as_ref())?;
    let verifies =
        found.certificate.public_key().is_ok_and(|key| found.statement.clone().verify(&key).is_ok());
    let judged = |(audit, trust)| (audit, vouched(audit, trust, extract, voice.lang));
    let says = audited.as_ref().zip(trust.as_ref()).map(judged);
    let data = write(extract, &found, verifies, says.as_ref().map(|(audit, said)| (*audit, said.is_ok())))?;
    let name = name_of(&found.certificate, voice);
    let commands = [data.openssl.as_str(), &data.openssl_certificate].join("\n");
    Ok(match says {
        _ if !verifies => {
            let said = Said::WrittenBad { name, commands };
            voice.verdict("extract", Exit::Invalid, "bad-signature", &said, data)
        }
        None => voice.done("extract", &Said::Claimed { name, commands }, data),
        Some((_, Ok(mind))) => {
            let mind = mind.map(|what| format!("\n{}", Said::Mind { what }.say(voice.lang)));
            let said = Said::Written { name, commands }.say(voice.lang) + &mind.unwrap_or_default();
            voice.done("extract", &Told(said), data)
        }
        Some((_, Err(Doubt::Foreign(why)))) => {
            let said = Said::Foreign { name, why, commands };
            voice.verdict("extract", Exit::Invalid, "not-in-this-journal", &said, data)
        }
        Some((audit, Err(Doubt::Uncovered(why)))) => {
            let said = Said::Uncovered { name, why, commands };
            let exit = Some(audit.judgement.exit()).filter(|exit| *exit != Exit::Yes);
            voice.verdict("extract", exit.unwrap_or(Exit::Invalid), "not-covered", &said, data)
        }
    })
}

/// Writes the files.
fn write(
    extract: &Extract,
    found: &Found,
    verifies: bool,
    said: Option<(&Audit, bool)>,
) -> Result<Data, Trouble> {
    let index = extract.index;
    let key = found.certificate.public_key().map_err(|_| Trouble::IllegibleEntry { index })?;
    let statement = found.statement.signed();
    let signature =
        for_openssl(key.suite(), &statement.signature).ok_or(Trouble::IllegibleEntry { index })?;
    std::fs::create_dir_all(&extract.out)
        .map_err(|error| Trouble::Unwritable { file: shown(&extract.out), cause: error.to_string() })?;
    let put = |end: &str, bytes: &[u8]| {
        let path = extract.out.join(format!("{index}.{end}"));
        write_new(&path, bytes).map(|()| path)
    };
    let pem = |der: &[u8]| pem::encode(pem::CERTIFICATE, der);
    let kind = found.statement.act().name();
    let signed = put("signed", &signed_bytes(kind, &statement.statement))?;
    let signature = put("signature", &signature)?;
    let certificate = put("certificate.pem", pem(found.certificate.der()).as_bytes())?;
    let key_file = put("key.pem", pem::encode("PUBLIC KEY", key.spki()).as_bytes())?;
    let root = put("root.pem", pem(&found.root).as_bytes())?;
    let issuing = put("issuing.pem", pem(&found.issuing).as_bytes())?;
    Ok(Data {
        index,
        kind,
        suite: key.suite().name(),
        verifies,
        vouched: said.map(|(_, vouched)| vouched),
        bundle: said.map(|(audit, _)| audit.judgement.code()),
        openssl: command(key.suite(), &key_file, &signature, &signed),
        openssl_certificate: format!(
            "openssl verify -no-CApath -no-CAstore -attime {} -CAfile {} -untrusted {} {}",
            found.wall_ms / 1000,
            quoted(&shown(&root)),
            quoted(&shown(&issuing)),
            quoted(&shown(&certificate))
        ),
        signed: shown(&signed),
        signature: shown(&signature),
        certificate: shown(&certificate),
        key: shown(&key_file),
        root: shown(&root),
        issuing: shown(&issuing),
    })
}

fn name_of(certificate: &Certificate, voice: Voice) -> String {
    let clean = |text: Option<&str>| console::clean(text.unwrap_or_default());
    match certificate.login() {
        Some(login) => format!("{} ({})", clean(Some(login)), clean(certificate.full_name())),
        None => voice.lang.pick("the issuing authority", "удостоверяющий центр").to_owned(),
    }
}

/// Why the trust file does not vouch for what a bundle says.
enum Doubt {
    /// It cannot be of this journal.
    Foreign(String),
    /// It may be of this journal, and nothing here shows it.
    Uncovered(String),
}

/// The bundle, verified.
fn audited(extract: &Extract, trust: &Trust, voice: Voice) -> Result<Audit, Trouble> {
    let (reader, bytes) = open_bundle(&extract.bundle)?;
    let mut line = ProgressLine::new(bytes, voice.lang);
    let progress = &mut |done| line.at(done);
    let wanted = Wanted { trust, outside: Vec::new(), progress, observer: &mut |_, _, _| {} };
    let found = audit(reader, wanted);
    line.clear();
    found.map_err(|error| Trouble::Unreadable { file: shown(&extract.bundle), cause: error.to_string() })
}

/// Whether the entry stands in the journal of the trust file: under a head that the log signed, in a bundle that leads to the
/// head that is known, where one is. What is wrong or missing besides then only is to be minded.
fn vouched(audit: &Audit, trust: &Trust, extract: &Extract, lang: Lang) -> Result<Option<String>, Doubt> {
    let index = extract.index;
    let signed = audit.confirmed.iter().map(|(head, _)| head);
    let is_covered =
        signed.chain(audit.agreed.iter().map(|known| &known.head)).any(|head: &Head| head.size > index);
    let leads_on = trust.anchor.is_none() || !audit.agreed.is_empty();
    let stands = index < audit.replay.tree().size() && is_covered && leads_on;
    let why = match &audit.judgement {
        Judgement::Verified => None,
        Judgement::Unanchored(Unanchored::NoAnchor) => Some(Said::NoHead.say(lang)),
        Judgement::Unanchored(Unanchored::LostBySuccession { .. } | Unanchored::EraUnknown { .. }) => {
            Some(Said::Lost.say(lang))
        }
        Judgement::Unanchored(why) => Some(unanchored(why, lang)),
        Judgement::Incomplete(what) => Some(missing(what, audit.replay.tree().size(), lang)),
        Judgement::Invalid(Flaw::Entry { index, fault: why }) => {
            Some(format!("#{index}: {}", fault(why, lang)))
        }
        Judgement::Invalid(why) => Some(flaw(why, lang)),
        Judgement::Diverged(_) => Some(Said::TwoHeads.say(lang)),
    };
    // Where the verdict gives no reason, the file had fewer entries when it was verified.
    let changed = || Trouble::ChangedMeanwhile { file: shown(&extract.bundle) }.say(lang);
    let told = |why: Option<String>| why.unwrap_or_else(changed);
    match &audit.judgement {
        Judgement::Diverged(_) => Err(Doubt::Uncovered(told(why))),
        _ if stands => Ok(why),
        Judgement::Invalid(Flaw::OtherAuthorities | Flaw::Entry { fault: Fault::OtherLog { .. }, .. }) => {
            Err(Doubt::Foreign(told(why)))
        }
        Judgement::Invalid(Flaw::Entry { index: bad, .. }) if *bad == index => Err(Doubt::Foreign(told(why))),
        Judgement::Verified | Judgement::Unanchored(_) | Judgement::Incomplete(_) | Judgement::Invalid(_) => {
            Err(Doubt::Uncovered(told(why)))
        }
    }
}

/// A statement, and what the entries before it say of its signer.
struct Found {
    statement: Parsed,
    wall_ms: u64,
    certificate: Certificate,
    root: Vec<u8>,
    issuing: Vec<u8>,
}

/// The statement at the index, and the certificate that it names, from the entries before it: where they were verified, from
/// the very ones that were.
fn find(extract: &Extract, audited: Option<&Audit>) -> Result<Found, Trouble> {
    let (mut reader, _) = open_bundle(&extract.bundle)?;
    let (mut root, mut issuing) = (Vec::new(), Vec::new());
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
        let counts = index == extract.index || matches!(parsed.act(), Act::Enrol(_) | Act::Genesis(_));
        let verified = audited.map(|audit| audit.replay.tree()).filter(|tree| counts && index < tree.size());
        if verified.is_some_and(|tree| tree.leaves().at(index) != leaf_hash(&bytes)) {
            return Err(Trouble::ChangedMeanwhile { file: shown(&extract.bundle) });
        }
        if let Act::Enrol(act) = parsed.act() {
            certificates.insert(CertId::of(&act.signature), act.signature.to_vec());
        } else if let Act::Genesis(act) = parsed.act() {
            certificates.insert(CertId::of(&act.issuing), act.issuing.to_vec());
            (root, issuing) = (act.root.to_vec(), act.issuing.to_vec());
        }
        if index == extract.index {
            let der = certificates.get(&parsed.certificate()).ok_or_else(illegible)?;
            let certificate = Certificate::parse(der).map_err(|_| illegible())?;
            return Ok(Found { statement: parsed, wall_ms: entry.wall_ms, certificate, root, issuing });
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
    let [key, signature, signed] = [key, signature, signed].map(|path| quoted(&shown(path)));
    match suite {
        Suite::Ed25519 => {
            format!("openssl pkeyutl -verify -pubin -inkey {key} -rawin -in {signed} -sigfile {signature}")
        }
        Suite::EcdsaP256 => format!("openssl dgst -sha256 -verify {key} -signature {signature} {signed}"),
        Suite::Gost256 | Suite::Gost512 => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{bundle, exported, judged, signed, trust};
    use journal::testing::TestLog;
    use std::fs;

    /// A log, and the last entry that a person signed.
    fn spoken() -> (TestLog, u64) {
        let log = TestLog::standard(3);
        let is_signed =
            |bytes: &Vec<u8>| matches!(Entry::decode(bytes).unwrap().content, Content::Statement(_));
        let last = log.entries.iter().rposition(is_signed).unwrap();
        (log, last as u64)
    }

    fn of(bundle: PathBuf, index: u64) -> Extract {
        Extract { bundle, index, trust: None, out: PathBuf::new() }
    }

    #[test]
    fn what_is_taken_out_is_the_entry_that_was_verified() {
        let (log, index) = spoken();
        let dir = tempfile::tempdir().unwrap();
        let asked = of(dir.path().join("one"), index);
        let audit = judged(&exported(&log), &trust(&log, None), Vec::new());
        fs::write(&asked.bundle, exported(&log)).unwrap();
        assert!(find(&asked, Some(&audit)).is_ok());
        let mut bent = log.entries.clone();
        let entry = Entry::decode(&bent[index as usize]).unwrap();
        bent[index as usize] = Entry { wall_ms: entry.wall_ms + 1, ..entry }.encode();
        fs::write(&asked.bundle, bundle(&bent, &[signed(&log, log.head())])).unwrap();
        assert!(matches!(find(&asked, Some(&audit)), Err(Trouble::ChangedMeanwhile { .. })));
    }

    #[test]
    fn an_entry_is_vouched_for_only_where_the_bundle_leads_to_the_head_that_is_known() {
        let (log, index) = spoken();
        let asked = of(PathBuf::from("one"), index);
        let vouches = |bytes: &[u8], known: Option<Head>| {
            let trust = trust(&log, known);
            vouched(&judged(bytes, &trust, Vec::new()), &trust, &asked, Lang::En).ok()
        };
        let (head, whole) = (log.head(), exported(&log));
        assert_eq!(vouches(&whole, Some(head)), Some(None));
        assert!(vouches(&whole, None).flatten().unwrap().contains("no head from outside"));
        // The log signed another history for whoever made the trust file, or a longer one.
        for known in [Head { root: [7; 32], ..head }, Head { size: head.size + 1, ..head }] {
            assert!(vouches(&whole, Some(known)).is_none());
        }
        // Nothing that the log signed covers it; the known head alone does.
        let bare = bundle(&log.entries, &[]);
        assert!(vouches(&bare, None).is_none());
        assert!(vouches(&bare, Some(head)).unwrap().unwrap().contains("signature"));
        // Rubbish behind the last entry takes nothing away from what the known head covers.
        let more = bundle(&[&log.entries[..], &[vec![0x80]]].concat(), &[]);
        assert!(vouches(&more, Some(head)).unwrap().is_some());
        assert!(vouches(&more, None).is_none());
    }
}
