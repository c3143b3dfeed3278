//! `inspect`: what a file is and what it says.
//! Never judges: a readable certificate may be worthless.

use crate::files::{self, shown};
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, Lang, Voice, Words};
use journal::act::{Act, EnvelopeHandOver, EnvelopeVoid};
use pki::exchange::{self, CertificatesFile, RequestFile};
use pki::pem::{self, PEM_BYTES_MAX};
use pki::{Certificate, PersonId, Request, RevocationList, SiteCard, site_card};
use protocol::bundle::{self, Bundle};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Say what a file is: request, certificates, revocation list, site card or bundle.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki inspect anna.request")]
pub(super) struct Inspect {
    /// The file, armoured or PEM.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the certificates in it as PEM, for other tools.
    #[arg(long, conflicts_with = "json")]
    pem: bool,
}

pub(super) const HELP: &HelpTable = &[
    (
        "inspect/@about",
        "Сказать, что это за файл: запрос, сертификаты, список отозванных, карточка объекта или пакет.",
    ),
    ("inspect/@after", "Пример: conclave-pki inspect anna.request"),
    ("inspect/file", "файл в текстовой обёртке или PEM"),
    ("inspect/pem", "вывести содержащиеся в нём сертификаты в PEM, для других программ"),
];

/// One fact about a file: a stable key for scripts, its label in both languages, the value.
struct Fact {
    key: &'static str,
    en: &'static str,
    ru: &'static str,
    value: String,
}

fn fact(key: &'static str, en: &'static str, ru: &'static str, value: impl ToString) -> Fact {
    Fact { key, en, ru, value: console::clean(&value.to_string()) }
}

/// All that was found.
struct Facts(Vec<Fact>);

impl Facts {
    fn lines(&self, lang: Lang) -> String {
        let line = |fact: &Fact| format!("{}: {}", lang.pick(fact.en, fact.ru), fact.value);
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl Words for Facts {
    fn en(&self) -> String {
        self.lines(Lang::En)
    }
    fn ru(&self) -> String {
        self.lines(Lang::Ru)
    }
}

#[derive(Serialize)]
struct Data {
    key: &'static str,
    value: String,
}

impl Inspect {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let text = files::read_text(&self.file, PEM_BYTES_MAX as u64)?;
        if self.pem {
            let pem = as_pem(&text).map_err(|why| Trouble::BadFile { path: shown(&self.file), why })?;
            return Ok(voice.done("inspect", &Pem(pem), ()));
        }
        if !text.contains("-----BEGIN ") {
            let (en, ru) = ("nothing that is known here", "нет ничего, что здесь известно");
            return Err(Trouble::NoBlock { path: shown(&self.file), en, ru }.into());
        }
        let facts = describe(&text).map_err(|why| Trouble::BadFile { path: shown(&self.file), why })?;
        let data: Vec<_> =
            facts.iter().map(|fact| Data { key: fact.key, value: fact.value.clone() }).collect();
        Ok(voice.done("inspect", &Facts(facts), data))
    }
}

/// Armour: the same in every language.
struct Pem(String);

impl Words for Pem {
    fn en(&self) -> String {
        self.0.clone()
    }
    fn ru(&self) -> String {
        self.0.clone()
    }
}

/// The certificates of a certificates file, a site card or a PEM file.
fn as_pem(text: &str) -> Result<String, String> {
    let has = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    let ders: Vec<Vec<u8>> = if has(exchange::CERTIFICATES_LABEL) {
        let file = CertificatesFile::from_text(text).map_err(|why| why.to_string())?;
        file.certificates.into_iter().map(Vec::from).collect()
    } else if has(site_card::LABEL) {
        let card = SiteCard::from_text(text).map_err(|why| why.to_string())?;
        card.roots.into_iter().chain(card.issuing).map(Vec::from).collect()
    } else {
        pem::decode(text, pem::CERTIFICATE).map_err(|why| why.to_string())?
    };
    match ders.is_empty() {
        true => Err("there is no certificate in it".into()),
        false => Ok(ders.iter().map(|der| pem::encode(pem::CERTIFICATE, der)).collect()),
    }
}

fn describe(text: &str) -> Result<Vec<Fact>, String> {
    let has = |label: &str| text.contains(&format!("-----BEGIN {label}-----"));
    if has(exchange::REQUEST_LABEL) {
        request(text)
    } else if has(exchange::CERTIFICATES_LABEL) {
        let file = CertificatesFile::from_text(text).map_err(|why| why.to_string())?;
        let ders: Vec<_> = file.certificates.iter().map(|der| der.to_vec()).collect();
        certificates("certificates", &ders)
    } else if has(site_card::LABEL) {
        card(text)
    } else if has(bundle::LABEL) {
        of_bundle(text)
    } else if has(pem::CERTIFICATE) {
        certificates("PEM", &pem::decode(text, pem::CERTIFICATE).map_err(|why| why.to_string())?)
    } else if has(pem::CRL) {
        lists(text)
    } else {
        Err("no armour that is known here".into())
    }
}

fn request(text: &str) -> Result<Vec<Fact>, String> {
    let file = RequestFile::from_text(text).map_err(|why| why.to_string())?;
    let request = Request::parse(&file.request).map_err(|why| why.to_string())?;
    let names = request.names();
    let mut facts = vec![
        fact("kind", "file", "файл", "request"),
        fact("fingerprint", "fingerprint", "отпечаток", file.fingerprint()),
        fact("login", "login", "логин", &names.login),
        fact("name", "name", "имя", &names.full_name),
        fact("unit", "unit", "подразделение", names.unit.join("/")),
        fact("suite", "suite", "набор", request.key().suite()),
        fact("key", "signature key", "ключ подписи", hex::encode(request.key().raw())),
        fact("agreement", "agreement key", "ключ согласования", hex::encode(request.agreement().raw())),
    ];
    if let Some(identity) = file.identity {
        facts.push(fact("identity", "log identity key", "ключ журнала", hex::encode(identity)));
    }
    Ok(facts)
}

fn certificates(kind: &'static str, ders: &[Vec<u8>]) -> Result<Vec<Fact>, String> {
    let mut facts = vec![fact("kind", "file", "файл", kind)];
    for der in ders {
        let one = Certificate::parse(der).map_err(|why| why.to_string())?;
        let (from, until) = one.validity();
        facts.push(fact("certificate", "certificate", "сертификат", one.id()));
        facts.push(fact("subject", "  subject", "  владелец", one.subject()));
        facts.push(fact("issuer", "  issuer", "  издатель", one.issuer()));
        facts.push(fact("serial", "  serial number", "  серийный номер", hex::encode(one.serial())));
        facts.push(fact("valid", "  valid", "  действует", format!("{from} – {until}")));
        if one.is_ca() {
            facts.push(fact("authority", "  authority", "  удостоверяющий центр", "CA"));
            continue;
        }
        let roles: Vec<_> = one.roles().iter().map(|role| role.name()).collect();
        facts.push(fact("roles", "  roles", "  роли", roles.join("+")));
        facts.push(fact("clearance", "  clearance", "  допуск", one.clearance()));
    }
    Ok(facts)
}

fn lists(text: &str) -> Result<Vec<Fact>, String> {
    let mut facts = vec![fact("kind", "file", "файл", "X.509 CRL")];
    for der in pem::decode(text, pem::CRL).map_err(|why| why.to_string())? {
        let list = RevocationList::parse(&der).map_err(|why| why.to_string())?;
        let next = list.next_update().map_or_else(|| "-".to_owned(), |next| next.to_string());
        facts.push(fact("issuer", "issuer", "издатель", list.issuer()));
        facts.push(fact("number", "  number", "  номер", hex::encode(list.number().unwrap_or_default())));
        facts.push(fact("fresh", "  fresh", "  свеж", format!("{} – {next}", list.this_update())));
        for entry in list.entries() {
            let reason = entry.reason.map_or("unspecified", |reason| reason.name());
            let value = format!("{} {} {reason}", hex::encode(&entry.serial), entry.revoked_at);
            facts.push(fact("revoked", "  revoked", "  отозван", value));
        }
    }
    Ok(facts)
}

fn card(text: &str) -> Result<Vec<Fact>, String> {
    let card = SiteCard::from_text(text).map_err(|why| why.to_string())?;
    Ok(vec![
        fact("kind", "file", "файл", "site card"),
        fact("site", "site", "объект", &card.site),
        fact("suite", "suite", "набор", card.suite),
        fact("addresses", "addresses", "адреса", card.addresses.join(", ")),
        fact("log", "log", "журнал", hex::encode(card.log_id)),
        fact("identity", "log identity key", "ключ журнала", &card.log_identity),
        fact("fingerprint", "fingerprint", "отпечаток", card.fingerprint()),
    ])
}

fn of_bundle(text: &str) -> Result<Vec<Fact>, String> {
    let bundle = Bundle::from_text(text).map_err(|why| why.to_string())?;
    let mut facts = vec![
        fact("kind", "file", "файл", "bundle"),
        fact("genesis", "genesis", "акт учреждения", if bundle.genesis.is_some() { "+" } else { "-" }),
        fact("acts", "acts", "актов", bundle.acts.len()),
    ];
    let mut logins = BTreeMap::new();
    for act in bundle.acts {
        let act = act.parse().map_err(|why| why.to_string())?;
        if let Some(certificate) = enrolled(act.act())
            && let (Some(person), Some(login)) = (certificate.person(), certificate.login())
        {
            logins.insert(person, login.to_owned());
        }
        let value = format!("#{} {}{}", act.header().sequence, act.act().name(), about(act.act(), &logins));
        facts.push(fact("act", "  act", "  акт", value));
    }
    for verifier in &bundle.verifiers {
        let value = format!("No. {} {}", verifier.envelope, who(verifier.person, &logins));
        facts.push(fact("verifier", "  password verifier", "  проверочное значение пароля", value));
    }
    Ok(facts)
}

fn enrolled(act: &Act) -> Option<Certificate> {
    if let Act::Enrol(enrol) = act { Certificate::parse(&enrol.signature).ok() } else { None }
}

/// The login that the same bundle enrols, or the person's id.
fn who(person: PersonId, logins: &BTreeMap<PersonId, String>) -> String {
    logins.get(&person).cloned().unwrap_or_else(|| person.to_string())
}

/// Whom or what one of the authority's acts is about.
fn about(act: &Act, logins: &BTreeMap<PersonId, String>) -> String {
    if let Some(person) = enrolled(act).and_then(|certificate| certificate.person()) {
        format!(" {}", who(person, logins))
    } else if let Act::Revoke(revoke) = act {
        format!(" {}", who(revoke.person, logins))
    } else if let Act::EnvelopePrint(print) = act {
        format!(" No. {} {}", print.number, who(print.person, logins))
    } else if let Act::EnvelopeHandOver(EnvelopeHandOver { number })
    | Act::EnvelopeVoid(EnvelopeVoid { number }) = act
    {
        format!(" No. {number}")
    } else {
        String::new()
    }
}
