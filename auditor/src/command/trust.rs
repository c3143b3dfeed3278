//! `conclave-audit trust init | show`: what the auditor believes, typed or read by him and compared by eye.
//! Never takes anything from a server.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use console::{Exit, PromptError, Voice, Words, clean, confirm_at_terminal};
use journal::ids::LogId;
use journal::note::CosignerKey;
use journal::retention::DAY_MS;
use pki::site_card::CARD_BYTES_MAX;
use pki::{Certificate, SiteCard, Suite, pem};
use serde::Serialize;

use super::{Told, ended, read_small, read_trust, shown, unhex32, write_new};
use crate::command::judging::{outside_head, read_anchor};
use crate::names::hex;
use crate::trouble::Trouble;
use crate::trust::{AGE_MS_STANDARD, Anchor, BEYOND_STANDARD, BadTrust, Trust, TrustFacts};

const PEM_FILE_BYTES_MAX: usize = 1 << 20;

/// The trust file.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write a trust file from a site card or from typed values, after its fingerprint was compared.
    #[command(after_help = "Example: conclave-audit trust init --card site.card --out site.trust")]
    Init(Box<Init>),
    /// Show what a trust file says.
    #[command(after_help = "Example: conclave-audit trust show site.trust")]
    Show {
        /// The trust file.
        file: PathBuf,
        /// Write the root certificates here, PEM: what `verify_bundle.py` takes as --root.
        #[arg(long, value_name = "FILE")]
        roots: Option<PathBuf>,
    },
    /// Believe a witness: what it cosigned counts as compared from outside. Or, with --remove, no longer.
    #[command(after_help = "Example: conclave-audit trust witness site.trust \"$(cat wera.key)\"\n\
                      Example: conclave-audit trust witness site.trust \"$(cat wera.key)\" --remove")]
    Witness {
        /// The trust file.
        file: PathBuf,
        /// The witness' key, as `conclave-audit witness run` says it.
        key: String,
        /// Believe this witness no longer: its key was lost or stolen. What it confirmed before counts as compared still.
        #[arg(long)]
        remove: bool,
    },
}

/// See [`Command::Init`].
#[derive(Args, Debug)]
pub struct Init {
    /// Where to write it; an existing file stays as it is.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The site card.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["log_id", "identity", "root", "issuing", "site", "suite"])]
    pub card: Option<PathBuf>,
    /// The log id, 64 hex digits.
    #[arg(long, value_name = "HEX", required_unless_present = "card")]
    pub log_id: Option<String>,
    /// The log identity key, as a signed-note verifier key (name+id+base64).
    #[arg(long, value_name = "KEY", required_unless_present = "card")]
    pub identity: Option<String>,
    /// Root certificates, PEM.
    #[arg(long, value_name = "FILE", required_unless_present = "card")]
    pub root: Option<PathBuf>,
    /// Issuing CA certificates, PEM.
    #[arg(long, value_name = "FILE")]
    pub issuing: Option<PathBuf>,
    /// The site's name.
    #[arg(long, value_name = "NAME", required_unless_present = "card")]
    pub site: Option<String>,
    /// The site's suite: ed25519 or ecdsa-p256.
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<String>,
    /// The fingerprint that was compared on paper; without it you are asked at the terminal.
    #[arg(long, value_name = "HEX")]
    pub fingerprint: Option<String>,
    /// The first anchor: a checkpoint note that the log signed.
    #[arg(long, value_name = "FILE", conflicts_with = "head")]
    pub anchor: Option<PathBuf>,
    /// The first anchor, read from paper: SIZE:ROOT, the root in hex or base64.
    #[arg(long, value_name = "SIZE:ROOT")]
    pub head: Option<String>,
    /// How many days older than the last entry an anchor may be.
    #[arg(long, value_name = "DAYS", default_value_t = AGE_MS_STANDARD / DAY_MS)]
    pub age_days: u64,
    /// How many entries may lie beyond an anchor.
    #[arg(long, value_name = "ENTRIES", default_value_t = BEYOND_STANDARD)]
    pub beyond: u64,
}

console::words! {
    enum Said {
        Question { text: String }
            => en("{text}\nIs this the fingerprint on paper?"), ru("{text}\nСовпадает ли отпечаток с напечатанным?");
        Written { text: String, file: String }
            => en("{text}\nwritten: {file}"), ru("{text}\nзаписано: {file}");
    }
}

/// Runs it.
pub fn run(command: &Command, voice: Voice) -> Exit {
    match command {
        Command::Init(init) => ended("trust init", voice, work(init, voice)),
        Command::Show { file, roots } => ended("trust show", voice, show(file, roots.as_deref(), voice)),
        Command::Witness { file, key, remove } => {
            ended("trust witness", voice, witness(file, key, *remove, voice))
        }
    }
}

fn show(file: &Path, roots: Option<&Path>, voice: Voice) -> Result<Exit, Trouble> {
    let trust = read_trust(file)?;
    if let Some(path) = roots {
        let text: String = trust.roots.iter().map(|der| pem::encode(pem::CERTIFICATE, der)).collect();
        write_new(path, text.as_bytes())?;
    }
    let print = trust.fingerprint().to_string();
    let text = text(&trust, &print, voice);
    let said = match roots {
        Some(path) => Said::Written { text, file: shown(path) }.say(voice.lang),
        None => text,
    };
    Ok(voice.done("trust show", &Told(said), data(&trust, &print)))
}

fn witness(file: &Path, key: &str, remove: bool, voice: Voice) -> Result<Exit, Trouble> {
    let mut trust = read_trust(file)?;
    let bad = || Trouble::BadValue { what: "KEY".into(), wanted: "name+id+base64".into() };
    let key: CosignerKey = key.parse().map_err(|_| bad())?;
    if !remove {
        trust.add_witness(&key).map_err(|bad| Trouble::trust(shown(file), &bad))?;
    } else if !trust.remove_witness(&key) {
        return Err(Trouble::NoSuchWitness { file: shown(file) });
    }
    trust.replace(file).map_err(|bad| unwritten(file, &bad))?;
    let print = trust.fingerprint().to_string();
    Ok(voice.done("trust witness", &Told(text(&trust, &print, voice)), data(&trust, &print)))
}

fn work(init: &Init, voice: Voice) -> Result<Exit, Trouble> {
    let (mut trust, print) = match &init.card {
        Some(path) => from_card(path)?,
        None => typed(init)?,
    };
    trust.age_ms_max = init.age_days.saturating_mul(DAY_MS);
    trust.beyond_max = init.beyond;
    trust.anchor = anchor(init, &trust)?;
    let text = text(&trust, &print, voice);
    confirmed(init, &text, &print, voice)?;
    trust.create(&init.out).map_err(|bad| unwritten(&init.out, &bad))?;
    // Where a person was asked, the text stands above already.
    let text = if init.fingerprint.is_some() { text } else { String::new() };
    let said = Said::Written { text, file: shown(&init.out) };
    Ok(voice.done("trust init", &Told(said.say(voice.lang).trim_start().to_owned()), data(&trust, &print)))
}

fn confirmed(init: &Init, text: &str, print: &str, voice: Voice) -> Result<(), Trouble> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_lowercase();
    match &init.fingerprint {
        Some(given) if digits(given) == digits(print) => Ok(()),
        Some(_) => Err(Trouble::OtherFingerprint { found: print.to_owned() }),
        None => {
            let question = Said::Question { text: text.to_owned() }.say(voice.lang);
            let yes = confirm_at_terminal(&question, voice.lang, "--fingerprint");
            match yes {
                Ok(true) => Ok(()),
                Ok(false) => Err(Trouble::NotConfirmed),
                Err(PromptError::NobodyToAsk { .. }) => Err(Trouble::NoTerminal),
                Err(error) => Err(Trouble::asked(&error, voice.lang)),
            }
        }
    }
}

fn unwritten(path: &Path, bad: &BadTrust) -> Trouble {
    if let BadTrust::Io(error) = bad {
        return Trouble::Unwritable { file: shown(path), cause: error.to_string() };
    }
    Trouble::trust(shown(path), bad)
}

/// The card's own fingerprint is what stands on its printed sheet.
fn from_card(path: &Path) -> Result<(Trust, String), Trouble> {
    let bad = |cause: String| Trouble::BadCard { file: shown(path), cause };
    let text = read_small(path, CARD_BYTES_MAX * 2)?;
    let text = String::from_utf8(text).map_err(|_| bad("UTF-8".into()))?;
    let card = SiteCard::from_text(&text).map_err(|error| bad(error.to_string()))?;
    let trust = Trust::from_card(&card).map_err(|error| bad(error.to_string()))?;
    let print = trust.fingerprint().to_string();
    Ok((trust, print))
}

fn typed(init: &Init) -> Result<(Trust, String), Trouble> {
    let bad = |what: &str, wanted: &str| Trouble::BadValue { what: what.into(), wanted: wanted.into() };
    let log = init.log_id.as_deref().and_then(unhex32).ok_or_else(|| bad("--log-id", "64 × 0-9a-f"))?;
    let suite = init.suite.as_deref().unwrap_or(Suite::Ed25519.name());
    let suite = Suite::from_name(suite).ok_or_else(|| bad("--suite", "ed25519 | ecdsa-p256"))?;
    let facts = TrustFacts {
        site: init.site.clone().unwrap_or_default(),
        suite,
        log: LogId(log),
        identity: init.identity.clone().unwrap_or_default(),
        roots: certificates(init.root.as_deref())?,
        issuing: certificates(init.issuing.as_deref())?,
    };
    let trust = Trust::new(facts).map_err(|error| bad("--identity, --root, --site", &error.to_string()))?;
    let print = trust.fingerprint().to_string();
    Ok((trust, print))
}

fn certificates(path: Option<&Path>) -> Result<Vec<Vec<u8>>, Trouble> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let bad = |cause: String| Trouble::BadCertificates { file: shown(path), cause };
    let text = read_small(path, PEM_FILE_BYTES_MAX)?;
    let text = String::from_utf8(text).map_err(|_| bad("UTF-8".into()))?;
    let ders = pem::decode(&text, pem::CERTIFICATE).map_err(|error| bad(error.to_string()))?;
    for der in &ders {
        Certificate::parse(der).map_err(|error| bad(error.to_string()))?;
    }
    if ders.is_empty() { Err(bad("0".into())) } else { Ok(ders) }
}

fn anchor(init: &Init, trust: &Trust) -> Result<Option<Anchor>, Trouble> {
    if let Some(path) = &init.anchor {
        let (_, head, note) = read_anchor(path, trust)?;
        return Ok(Some(Anchor { head, note: note.into() }));
    }
    match init.head.as_deref().map(outside_head).transpose()? {
        // An era is kept by its note alone.
        Some((Some(1..), _)) => {
            Err(Trouble::BadValue { what: "--head".into(), wanted: "SIZE:ROOT, or --anchor FILE".into() })
        }
        head => Ok(head.map(|(_, head)| Anchor { head, note: Vec::new().into() })),
    }
}

console::words! {
    enum Line {
        Site { site: String, suite: String } => en("site: {site}, suite {suite}"), ru("система: {site}, алгоритмы {suite}");
        Log { log: String } => en("log: {log}"), ru("журнал: {log}");
        Identity { key: String } => en("log identity key: {key}"), ru("ключ журнала: {key}");
        Root { id: String } => en("root certificate (SHA-256): {id}"), ru("корневой сертификат (SHA-256): {id}");
        Limits { days: u64, beyond: u64 }
            => en("an anchor may be {days} days older than the last entry, with {beyond} entries beyond it"),
               ru("известная вершина может быть старше последней записи на {days} сут., записей после неё: до {beyond}");
        Anchored { size: u64, root: String } => en("anchor: {size} entries, {root}"), ru("известная вершина: записей {size}, {root}");
        Witness { key: String } => en("witness: {key}"), ru("свидетель: {key}");
        Own { others: u64 }
            => en("you saw that head yourself; {}", match others.checked_sub(1) {
                    None => "nobody else's has been compared yet".to_owned(),
                    Some(to) => format!("somebody else's were compared up to entry #{to}"),
               }),
               ru("эту вершину видели вы сами; {}", match others.checked_sub(1) {
                    None => "с чужой ещё не сверялось".to_owned(),
                    Some(to) => format!("с чужими сверено по запись #{to} включительно"),
               });
        NoAnchor => en("no anchor yet"), ru("известной вершины пока нет");
        Fingerprint { print: String } => en("fingerprint: {print}"), ru("отпечаток: {print}");
    }
}

fn text(trust: &Trust, print: &str, voice: Voice) -> String {
    let mut lines = vec![
        Line::Site { site: clean(&trust.site), suite: trust.suite.to_string() },
        Line::Log { log: trust.log.to_string() },
        Line::Identity { key: trust.identity().to_string() },
    ];
    let certificate = |der: &[u8]| Line::Root { id: pki::CertId::of(der).to_string() };
    lines.extend(trust.roots.iter().map(|der| certificate(der)));
    lines.push(Line::Limits { days: trust.age_ms_max / DAY_MS, beyond: trust.beyond_max });
    lines.push(match &trust.anchor {
        Some(anchor) => Line::Anchored { size: anchor.head.size, root: hex(&anchor.head.root) },
        None => Line::NoAnchor,
    });
    lines.extend(trust.is_own().then(|| Line::Own { others: trust.compared() }));
    lines.extend(trust.witnesses().iter().map(|key| Line::Witness { key: key.to_string() }));
    lines.push(Line::Fingerprint { print: print.to_owned() });
    lines.iter().map(|line| line.say(voice.lang)).collect::<Vec<_>>().join("\n")
}

#[derive(Serialize)]
struct Data {
    site: String,
    suite: String,
    log: String,
    identity: String,
    fingerprint: String,
    age_days: u64,
    beyond: u64,
    anchor: Option<(u64, String)>,
    /// Entries up to which somebody else's head was compared.
    compared: u64,
    witnesses: Vec<String>,
}

fn data(trust: &Trust, print: &str) -> Data {
    Data {
        site: trust.site.clone(),
        suite: trust.suite.to_string(),
        log: trust.log.to_string(),
        identity: trust.identity().to_string(),
        fingerprint: print.to_owned(),
        age_days: trust.age_ms_max / DAY_MS,
        beyond: trust.beyond_max,
        anchor: trust.anchor.as_ref().map(|anchor| (anchor.head.size, hex(&anchor.head.root))),
        compared: trust.compared(),
        witnesses: trust.witnesses().iter().map(ToString::to_string).collect(),
    }
}
