//! `genesis`: the founding act of a site; its id is the log's.
//! Never made twice.

use super::Place;
use crate::authority::Authority;
use crate::authority::issue::{Asked, read_request};
use crate::clock;
use crate::files::shown;
use crate::policy_file;
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, PassphraseFd, Voice};
use journal::Policy;
use journal::act::{Act, Genesis as GenesisAct};
use pki::{CertId, Role};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Sign the genesis: the log's identity key, the first officers, the policy. It fixes the log id.
#[derive(Args)]
#[command(
    after_help = "Example: conclave-pki genesis --server server.request --officers olga,oleg --threshold 2"
)]
pub(super) struct Genesis {
    /// The server's request, or the login under which it was issued.
    #[arg(long, value_name = "FILE|LOGIN")]
    server: String,
    /// Logins of the first officers, at least two.
    #[arg(long, value_name = "LOGINS", value_delimiter = ',', required = true)]
    officers: Vec<String>,
    /// How many of them a succession of the log needs.
    #[arg(long, value_name = "N", default_value_t = 2)]
    threshold: u32,
    /// The first policy, TOML; what it leaves out is standard.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

pub(super) const HELP: &HelpTable = &[
    (
        "genesis/@about",
        "Подписать акт учреждения: ключ журнала, первые офицеры, политика. Он определяет номер журнала.",
    ),
    (
        "genesis/@after",
        "Пример: conclave-pki genesis --server server.request --officers olga,oleg --threshold 2",
    ),
    ("genesis/server", "запрос сервера или логин, под которым ему выданы сертификаты"),
    ("genesis/officers", "логины первых офицеров через запятую, не меньше двух"),
    ("genesis/threshold", "сколько из них нужно для преемства журнала"),
    ("genesis/policy", "первая политика, TOML; что не указано, остаётся стандартным"),
];

console::words! {
    enum Said {
        Made { site: String, log: String, officers: String, threshold: u32 }
            => en("Genesis of the site \"{site}\" signed.\nlog: {log}\nfirst officers: {officers}; for a succession: {threshold}"),
               ru("Акт учреждения объекта «{site}» подписан.\nжурнал: {log}\nпервые офицеры: {officers}; для преемства: {threshold}");
    }
}

#[derive(Serialize)]
struct Data {
    site: String,
    log: String,
    officers: Vec<String>,
    threshold: u32,
}

impl Genesis {
    /// One act. A crash before its sync: there is none; after it: there is, and the command says so when repeated.
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let mut authority = self.place.write()?;
        if let Some(founded) = &authority.state.founded {
            return Err(Trouble::AlreadyFounded { log: founded.log.to_string() }.into());
        }
        let identity = self.identity(&authority)?;
        let officers =
            self.officers.iter().map(|login| officer(&authority, login)).collect::<Result<Vec<_>, _>>()?;
        let distinct = officers.iter().collect::<BTreeSet<_>>().len();
        if distinct < 2 || distinct != officers.len() || !(2..=distinct).contains(&(self.threshold as usize))
        {
            return Err(Trouble::Officers.into());
        }
        let policy = self.policy.as_deref().map_or_else(|| Ok(Policy::standard()), policy_file::read)?;
        let key = authority.unlock(self.passphrase.passphrase_fd, voice.lang)?;
        let act = GenesisAct {
            site: authority.site().to_owned(),
            suite: key.public().suite(),
            root: authority.root.der().to_vec().into(),
            issuing: authority.issuing.der().to_vec().into(),
            identity,
            officers,
            threshold: self.threshold,
            policy,
            time_ms: clock::now_ms(),
        };
        let log = authority.record(&key, Act::Genesis(act))?;
        let site = console::clean(authority.site());
        let said = Said::Made {
            site: site.clone(),
            log: log.to_string(),
            officers: self.officers.join(", "),
            threshold: self.threshold,
        };
        let officers = self.officers.clone();
        Ok(voice.done(
            "genesis",
            &said,
            Data { site, log: log.to_string(), officers, threshold: self.threshold },
        ))
    }

    /// The log identity key, from a request that has its certificates.
    fn identity(&self, authority: &Authority) -> Result<[u8; 32], Failure> {
        let path = match authority.state.by_login(self.server.trim_start_matches('@')) {
            Some(person) => authority.path("issued").join(format!("{}.request", person.names.login)),
            None => PathBuf::from(&self.server),
        };
        let Asked { request, identity, .. } = read_request(&path)?;
        let server = authority.state.by_login(&request.names().login).filter(|person| person.is_server());
        let is_issued = server.is_some_and(|person| person.newest().signature.spki() == request.key().spki());
        match identity {
            None => Err(Trouble::NoIdentity { path: shown(&path) }.into()),
            Some(_) if !is_issued => Err(Trouble::NoServer.into()),
            Some(identity) => Ok(identity),
        }
    }
}

fn officer(authority: &Authority, login: &str) -> Result<CertId, Trouble> {
    let person = authority.person(login)?;
    match person.roles.contains(Role::Officer) && person.revoked.is_none() {
        true => Ok(person.newest().signature.id()),
        false => Err(Trouble::NotOfficer { login: person.names.login.clone() }),
    }
}
