//! `issue`: certificates for single requests, the server's too.
//! Never gives a person the server's role, nor the server a person's.

use super::Place;
use crate::authority::issue::{Asked, Grant, LEAF_DAYS, Standing, read_request};
use crate::authority::{Authority, os_rng};
use crate::clock;
use crate::files::{self, shown};
use crate::roster;
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, PassphraseFd, Voice, Words};
use pki::{Clearance, Role, RoleSet, SubjectNames};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Issue certificates for requests, one by one; the server's request is known by itself.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki issue anna.request --role operator --clearance secret")]
pub(super) struct Issue {
    /// Requests that `conclave request` or `conclaved request` made.
    #[arg(required = true, value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// What the person is to be: operator, officer, administrator, auditor, bot or witness; several joined with +.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Clearance: unmarked, unclassified, restricted, confidential, secret, topSecret, or 0 to 5.
    #[arg(long, value_name = "CLEARANCE", default_value = "unmarked")]
    clearance: String,
    /// Unit path with slashes, outermost first, instead of the request's.
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Days of validity.
    #[arg(long, value_name = "DAYS", default_value_t = LEAF_DAYS, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Directory for the certificates instead of the request's own.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

pub(super) const HELP: &HelpTable = &[
    ("issue/@about", "Выдать сертификаты по отдельным запросам; запрос сервера узнаётся сам."),
    ("issue/@after", "Пример: conclave-pki issue anna.request --role operator --clearance secret"),
    ("issue/requests", "запросы, составленные conclave request или conclaved request"),
    (
        "issue/role",
        "роль человека: operator, officer, administrator, auditor, bot или witness; несколько соединяются знаком +",
    ),
    (
        "issue/clearance",
        "допуск: unmarked, unclassified, restricted, confidential, secret, topSecret или число от 0 до 5",
    ),
    ("issue/unit", "подразделение: путь с косыми чертами от старшего, вместо указанного в запросе"),
    ("issue/days", "срок действия в днях"),
    ("issue/out", "каталог для сертификатов вместо каталога запроса"),
];

/// One person whose certificates were written.
#[derive(Serialize)]
pub(super) struct Issued {
    pub(super) login: String,
    pub(super) person: String,
    pub(super) certificates: String,
    pub(super) resumed: bool,
}

console::words! {
    enum Line {
        NewOfficer { login: String }
            => en("{login}: an officer's certificate acts only after two standing officers approved it (conclave-admin)"),
               ru("{login}: сертификат офицера действует лишь после одобрения двумя действующими офицерами (conclave-admin)");
        Issued { login: String, person: String, path: String }
            => en("issued: {login} (person {person}) -> {path}"), ru("выдано: {login} (лицо {person}) -> {path}");
        Resumed { login: String, person: String, path: String }
            => en("issued before: {login} (person {person}) -> {path}"),
               ru("выдано ранее: {login} (лицо {person}) -> {path}");
    }
}

/// What was issued, a line each.
pub(super) struct Lines<'a>(pub(super) &'a [Issued]);

impl Lines<'_> {
    fn say(&self, lang: console::Lang) -> String {
        let lines = self.0.iter().map(|one| {
            let (login, person, path) = (one.login.clone(), one.person.clone(), one.certificates.clone());
            let line = match one.resumed {
                true => Line::Resumed { login, person, path },
                false => Line::Issued { login, person, path },
            };
            line.say(lang)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Words for Lines<'_> {
    fn en(&self) -> String {
        self.say(console::Lang::En)
    }
    fn ru(&self) -> String {
        self.say(console::Lang::Ru)
    }
}

/// Roles joined with `+`.
pub(super) fn roles(text: &str) -> Result<RoleSet, Trouble> {
    let unknown = |name: &str| Trouble::UnknownRole { name: console::clean(name) };
    text.split('+').map(|name| roster::personal_role(name.trim()).ok_or_else(|| unknown(name))).collect()
}

/// A clearance.
pub(super) fn clearance(text: &str) -> Result<Clearance, Trouble> {
    roster::clearance(text).ok_or_else(|| Trouble::UnknownClearance { name: console::clean(text) })
}

/// A unit path.
pub(super) fn unit(text: &str) -> Vec<String> {
    text.split('/').map(str::trim).filter(|step| !step.is_empty()).map(str::to_owned).collect()
}

/// Refuses what cannot be issued to a newcomer; `Ok(true)`: it was issued before.
pub(super) fn check_new(authority: &Authority, asked: &Asked) -> Result<bool, Trouble> {
    let login = asked.request.names().login.clone();
    match authority.standing(&asked.request) {
        Standing::New => Ok(false),
        Standing::Done => Ok(true),
        Standing::OtherKeys => Err(Trouble::Known { login }),
        Standing::KnownKey => Err(Trouble::KeyKnown { login }),
        Standing::Revoked => Err(Trouble::Revoked { login }),
    }
}

/// Writes the newest certificates of a login and says so.
pub(super) fn written(
    authority: &Authority,
    login: &str,
    dir: &Path,
    resumed: bool,
) -> Result<Issued, Failure> {
    let person = authority.person(login)?;
    let path = authority.write_certificates(person, dir)?;
    Ok(Issued { login: login.into(), person: person.id.to_string(), certificates: shown(&path), resumed })
}

/// Reminds whoever made an officer after the genesis of what is still to be done.
pub(super) fn remind(authority: &Authority, issued: &[Issued], voice: Voice) {
    let founded = authority.state.founded.as_ref();
    for one in issued.iter().filter(|one| !one.resumed && founded.is_some()) {
        let person = authority.state.by_login(&one.login);
        if person.is_some_and(|person| person.roles.contains(Role::Officer)) {
            voice.remark(&Line::NewOfficer { login: one.login.clone() });
        }
    }
}

impl Issue {
    /// Everything is read and judged before the first act; each act is durable before its file is written.
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let mut authority = self.place.write()?;
        let mut work = Vec::new();
        for path in &self.requests {
            let asked = read_request(path)?;
            let grant = self.grant(path, &asked)?;
            grant
                .names
                .check()
                .map_err(|why| Trouble::Names { login: grant.names.login.clone(), why: why.to_string() })?;
            let resumed = check_new(&authority, &asked)?;
            work.push((path, asked, grant, resumed));
        }
        let key = match work.iter().any(|(_, _, _, resumed)| !resumed) {
            true => Some(authority.unlock(self.passphrase.passphrase_fd, voice.lang)?),
            false => None,
        };
        let mut issued = Vec::new();
        for (path, asked, grant, resumed) in &work {
            if let (Some(key), false) = (&key, resumed) {
                // Two of the requests may be of one login.
                check_new(&authority, asked)?;
                authority.certify(key, asked, grant, clock::now_ms(), &mut os_rng())?;
            }
            let dir = self.out.as_deref().unwrap_or_else(|| files::parent(path));
            issued.push(written(&authority, &grant.names.login, dir, *resumed)?);
        }
        remind(&authority, &issued, voice);
        Ok(voice.done("issue", &Lines(&issued), &issued))
    }

    fn grant(&self, path: &Path, asked: &Asked) -> Result<Grant, Trouble> {
        let roles = match (&self.role, asked.identity) {
            (None, Some(_)) => [Role::Server, Role::Core].into_iter().collect(),
            (Some(_), Some(_)) => return Err(Trouble::ServerRole { path: shown(path) }),
            (Some(role), None) => roles(role)?,
            (None, None) => return Err(Trouble::RoleNeeded { path: shown(path) }),
        };
        let asked = asked.request.names();
        let unit = self.unit.as_deref().map_or_else(|| asked.unit.clone(), unit);
        let names = SubjectNames { unit, ..asked.clone() };
        Ok(Grant { names, roles, clearance: clearance(&self.clearance)?, days: self.days })
    }
}
