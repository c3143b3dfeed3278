//! `renew`: new certificates for a known person's new keys.
//! Never certifies an old key again, and never changes who the person is: the name stays unless it is said otherwise.

use super::Place;
use super::alike::look;
use super::crl::look_at_clock;
use super::issue::{Lines, clearance, remind, roles, unit, written};
use crate::authority::issue::{Grant, LEAF_DAYS, Standing, read_request};
use crate::authority::os_rng;
use crate::clock;
use crate::files;
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, PassphraseFd, Voice};
use pki::SubjectNames;
use std::path::PathBuf;

/// Renew a person's certificates by a new request with new keys; name, role, clearance and unit stay unless said
/// otherwise.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki renew anna.request")]
pub(super) struct Renew {
    /// Requests of people who have certificates.
    #[arg(required = true, value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// Another role; several joined with +.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Another clearance.
    #[arg(long, value_name = "CLEARANCE")]
    clearance: Option<String>,
    /// Another unit.
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Take the full name from the request: the person has another name now.
    #[arg(long)]
    name_from_request: bool,
    /// The look-alike names were looked at and are different people.
    #[arg(long)]
    alike_ok: bool,
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
    (
        "renew/@about",
        "Заменить сертификаты человека по новому запросу с новыми ключами; имя, роль, допуск и подразделение остаются, если не указаны другие.",
    ),
    ("renew/@after", "Пример: conclave-pki renew anna.request"),
    ("renew/requests", "запросы людей, у которых уже есть сертификаты"),
    ("renew/role", "другая роль; несколько соединяются знаком +"),
    ("renew/clearance", "другой допуск"),
    ("renew/unit", "другое подразделение"),
    ("renew/name_from_request", "взять полное имя из запроса: у человека теперь другое имя"),
    ("renew/alike_ok", "похожие имена просмотрены, это разные люди"),
    ("renew/days", "срок действия в днях"),
    ("renew/out", "каталог для сертификатов вместо каталога запроса"),
];

console::words! {
    enum Said {
        OtherName { login: String, name: String, known: String }
            => en("{login}: the request gives another name, {name}; {known} stays (to take it: --name-from-request)"),
               ru("{login}: в запросе другое имя, {name}; остаётся {known} (чтобы взять его: --name-from-request)");
    }
}

impl Renew {
    /// Each act is durable before its file is written; after a crash the same command goes on.
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let mut authority = self.place.write()?;
        look_at_clock(&authority, voice);
        let mut work = Vec::new();
        for path in &self.requests {
            let asked = read_request(path)?;
            let login = asked.request.names().login.clone();
            let person = authority.person(&login)?;
            let resumed = match authority.standing(&asked.request) {
                Standing::OtherKeys => false,
                Standing::Done => true,
                Standing::New => return Err(Trouble::UnknownPerson { who: login }.into()),
                Standing::KnownKey => return Err(Trouble::KeyKnown { login }.into()),
                Standing::Revoked => return Err(Trouble::Revoked { login }.into()),
            };
            if person.is_server() != asked.identity.is_some() || (person.is_server() && self.role.is_some()) {
                return Err(Trouble::ServerRole { path: files::shown(path) }.into());
            }
            let (known, name) = (&person.names.full_name, &asked.request.names().full_name);
            if known != name && !resumed && !self.name_from_request {
                let (name, known) = (console::clean(name), console::clean(known));
                voice.remark(&Said::OtherName { login: login.clone(), name, known });
            }
            let grant = Grant {
                names: SubjectNames {
                    unit: self.unit.as_deref().map_or_else(|| person.names.unit.clone(), unit),
                    full_name: if self.name_from_request { name.clone() } else { known.clone() },
                    login,
                },
                roles: self.role.as_deref().map_or(Ok(person.roles), roles)?,
                clearance: self.clearance.as_deref().map_or(Ok(person.clearance), clearance)?,
                days: self.days,
            };
            work.push((path, asked, grant, resumed));
        }
        // Who keeps a name was looked at when it was given.
        let renamed = work.iter().filter(|(_, _, grant, resumed)| {
            let known = authority.state.by_login(&grant.names.login);
            !resumed && known.is_some_and(|person| person.names.full_name != grant.names.full_name)
        });
        look(&authority, renamed.map(|(_, _, grant, _)| grant), self.alike_ok, voice)?;
        let key = match work.iter().any(|(_, _, _, resumed)| !resumed) {
            true => Some(authority.unlock(self.passphrase.passphrase_fd, voice.lang)?),
            false => None,
        };
        let mut renewed = Vec::new();
        for (path, asked, grant, resumed) in &work {
            if let (Some(key), false) = (&key, resumed) {
                authority.certify(key, asked, grant, clock::now_ms(), &mut os_rng())?;
            }
            let dir = self.out.as_deref().unwrap_or_else(|| files::parent(path));
            renewed.push(written(&authority, &grant.names.login, dir, Some(asked), *resumed)?);
        }
        remind(&authority, &renewed, voice);
        Ok(voice.done("renew", &Lines(&renewed), &renewed))
    }
}
