//! `issue`: certificates for single requests, the server's too.
//! Never gives a person the server's role, nor the server a person's.

use super::Place;
use super::alike::look;
use super::crl::look_at_clock;
use crate::authority::issue::{Asked, Grant, LEAF_DAYS, Standing, read_request};
use crate::authority::{Authority, os_rng};
use crate::clock;
use crate::files::{self, shown};
use crate::roster;
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, Lang, PassphraseFd, Voice, Words};
use pki::subject::SERVER_LOGIN;
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
    /// The look-alike names were looked at and are different people.
    #[arg(long)]
    alike_ok: bool,
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
    ("issue/alike_ok", "похожие имена просмотрены, это разные люди"),
];

/// One person whose certificates were written.
#[derive(Serialize)]
pub(super) struct Issued {
    pub(super) login: String,
    pub(super) full_name: String,
    pub(super) unit: Vec<String>,
    pub(super) person: String,
    pub(super) server: bool,
    /// What the asker's terminal showed too.
    pub(super) request: Option<String>,
    pub(super) certificates: String,
    pub(super) resumed: bool,
}

impl Issued {
    /// `Анна Петрова, Штаб / Связь; person …; request …`.
    fn who(&self, lang: Lang) -> String {
        let mut who = console::clean(&self.full_name);
        if !self.unit.is_empty() {
            let steps: Vec<String> = self.unit.iter().map(|step| console::clean(step)).collect();
            who = format!("{who}, {}", steps.join(" / "));
        }
        who = format!("{who}; {} {}", lang.pick("person", "лицо"), self.person);
        if let Some(request) = &self.request {
            who = format!("{who}; {} {request}", lang.pick("request", "запрос"));
        }
        who
    }
}

console::words! {
    enum Line {
        NewOfficer { login: String }
            => en("{login}: an officer's certificate acts only after two standing officers approved it (conclave-admin)"),
               ru("{login}: сертификат офицера действует лишь после одобрения двумя действующими офицерами (conclave-admin)");
        Issued { login: String, who: String, path: String }
            => en("issued: {login} ({who}) -> {path}"), ru("выдано: {login} ({who}) -> {path}");
        Server { login: String, who: String, path: String }
            => en("issued to the server: {login} ({who}) -> {path}"), ru("выдано серверу: {login} ({who}) -> {path}");
        Resumed { login: String, who: String, path: String }
            => en("issued before: {login} ({who}) -> {path}"), ru("выдано ранее: {login} ({who}) -> {path}");
    }
}

/// What was issued, a line each.
pub(super) struct Lines<'a>(pub(super) &'a [Issued]);

impl Lines<'_> {
    fn say(&self, lang: Lang) -> String {
        let lines = self.0.iter().map(|one| {
            let (login, who, path) = (one.login.clone(), one.who(lang), one.certificates.clone());
            let line = match (one.resumed, one.server) {
                (true, _) => Line::Resumed { login, who, path },
                (false, true) => Line::Server { login, who, path },
                (false, false) => Line::Issued { login, who, path },
            };
            line.say(lang)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Words for Lines<'_> {
    fn en(&self) -> String {
        self.say(Lang::En)
    }
    fn ru(&self) -> String {
        self.say(Lang::Ru)
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

/// Refuses what cannot be issued to a newcomer; `Ok(true)`: it was issued before. The key that makes a request a
/// server's is not signed by the request, so it makes nobody the server but who asks under the server's login.
fn check_new(authority: &Authority, path: &Path, asked: &Asked) -> Result<bool, Trouble> {
    let login = asked.request.names().login.clone();
    match authority.standing(&asked.request) {
        Standing::New if asked.identity.is_some() && login != SERVER_LOGIN => {
            Err(Trouble::ServerLogin { path: shown(path), login })
        }
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
    asked: Option<&Asked>,
    resumed: bool,
) -> Result<Issued, Failure> {
    let person = authority.person(login)?;
    let path = authority.write_certificates(person, dir)?;
    Ok(Issued {
        login: login.into(),
        full_name: person.names.full_name.clone(),
        unit: person.names.unit.clone(),
        person: person.id.to_string(),
        server: person.is_server(),
        request: asked.map(|asked| asked.fingerprint.clone()),
        certificates: shown(&path),
        resumed,
    })
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
        look_at_clock(&authority, voice);
        let mut work = Vec::new();
        for path in &self.requests {
            let asked = read_request(path)?;
            let grant = self.grant(path, &asked)?;
            grant
                .names
                .check()
                .map_err(|why| Trouble::Names { login: grant.names.login.clone(), why: why.to_string() })?;
            let resumed = check_new(&authority, path, &asked)?;
            work.push((path, asked, grant, resumed));
        }
        let new = work.iter().filter(|(_, _, _, resumed)| !resumed);
        look(&authority, new.map(|(_, _, grant, _)| grant), self.alike_ok, voice)?;
        let key = match work.iter().any(|(_, _, _, resumed)| !resumed) {
            true => Some(authority.unlock(self.passphrase.passphrase_fd, voice.lang)?),
            false => None,
        };
        let mut issued = Vec::new();
        for (path, asked, grant, resumed) in &work {
            if let (Some(key), false) = (&key, resumed) {
                // Two of the requests may be of one login.
                check_new(&authority, path, asked)?;
                authority.certify(key, asked, grant, clock::now_ms(), &mut os_rng())?;
            }
            let dir = self.out.as_deref().unwrap_or_else(|| files::parent(path));
            issued.push(written(&authority, &grant.names.login, dir, Some(asked), *resumed)?);
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
