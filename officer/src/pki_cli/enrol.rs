//! `enrol`: a whole roster at once, matched to the requests of a directory.
//! Never issues anything while two logins are the same, and look-alikes only when a person has looked at them.

use super::Place;
use super::alike::{self, Look};
use super::crl::look_at_clock;
use super::issue::{Issued, remind, written};
use crate::authority::issue::{Asked, Grant, LEAF_DAYS, Standing, read_request};
use crate::authority::state::Person;
use crate::authority::{Authority, os_rng};
use crate::clock;
use crate::files::{self, shown};
use crate::roster::{self, Finding, ROSTER_BYTES_MAX, Row};
use crate::trouble::Failure;
use clap::Args;
use console::{Exit, HelpTable, Lang, PassphraseFd, Voice, Words, count_en};
use pki::RoleSet;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Enrol the people of a roster (full_name,login,unit,role,clearance) whose requests lie in a directory.
#[derive(Args)]
#[command(
    after_help = "Example: conclave-pki enrol --roster people.csv --requests requests --out certificates --dry-run

A roster:
  full_name,login,unit,role,clearance
  Anna Petrova,anna,HQ/Signals,operator,secret
  Oleg Kim,oleg,,officer+auditor,0
Roles: operator, officer, administrator, auditor, bot, witness; several joined with +.
Clearances: unmarked, unclassified, restricted, confidential, secret, topSecret, or 0 to 5."
)]
pub(super) struct Enrol {
    /// The roster, CSV with the columns full_name, login, unit, role, clearance.
    #[arg(long, value_name = "FILE")]
    roster: PathBuf,
    /// Directory with the people's *.request files.
    #[arg(long, value_name = "DIR")]
    requests: PathBuf,
    /// Directory for LOGIN.certificates.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only say what would be done; no passphrase is needed.
    #[arg(long)]
    dry_run: bool,
    /// The look-alike names were looked at and are different people.
    #[arg(long)]
    alike_ok: bool,
    /// Days of validity.
    #[arg(long, value_name = "DAYS", default_value_t = LEAF_DAYS, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

pub(super) const HELP: &HelpTable = &[
    (
        "enrol/@about",
        "Внести людей из списка (full_name,login,unit,role,clearance), чьи запросы лежат в каталоге.",
    ),
    (
        "enrol/@after",
        "Пример: conclave-pki enrol --roster people.csv --requests requests --out certificates --dry-run

Список:
  full_name,login,unit,role,clearance
  Анна Петрова,anna,Штаб/Связь,operator,secret
  Олег Ким,oleg,,officer+auditor,0
Роли: operator, officer, administrator, auditor, bot, witness; несколько соединяются знаком +.
Допуски: unmarked, unclassified, restricted, confidential, secret, topSecret или число от 0 до 5.",
    ),
    ("enrol/roster", "список в CSV со столбцами full_name, login, unit, role, clearance"),
    ("enrol/requests", "каталог с файлами *.request этих людей"),
    ("enrol/out", "каталог для LOGIN.certificates"),
    ("enrol/dry_run", "только сказать, что было бы сделано; парольная фраза не нужна"),
    ("enrol/alike_ok", "похожие имена просмотрены, это разные люди"),
    ("enrol/days", "срок действия в днях"),
];

console::words! {
    /// A line of the plan or of what was found.
    enum Line {
        ToIssue { line: u64, login: String, name: String, role: String, clearance: String, request: String }
            => en("line {line}: {login} ({name}), {role}, {clearance}: certificates are to be issued; request {request}"),
               ru("строка {line}: {login} ({name}), {role}, {clearance}: сертификаты будут выданы; запрос {request}");
        Differs { line: u64, login: String, roster: String, here: String }
            => en("line {line}: {login}: DIFFERS: {roster} in the roster, {here} in the certificates; conclave-pki renew"),
               ru("строка {line}: {login}: РАСХОЖДЕНИЕ: в списке {roster}, в сертификатах {here}; conclave-pki renew");
        Done { line: u64, login: String }
            => en("line {line}: {login}: has these certificates already"), ru("строка {line}: {login}: сертификаты уже выданы");
        Waiting { line: u64, login: String }
            => en("line {line}: {login}: no request yet"), ru("строка {line}: {login}: запроса ещё нет");
        OtherName { line: u64, login: String, name: String }
            => en("line {line}: {login}: the request gives another name, {name}; the roster's is used"),
               ru("строка {line}: {login}: в запросе другое имя, {name}; берётся имя из списка");
        OtherKeys { line: u64, login: String }
            => en("line {line}: {login}: STOP: known with other keys; use conclave-pki renew"),
               ru("строка {line}: {login}: СТОП: известен с другими ключами; используйте conclave-pki renew");
        KnownKey { line: u64, login: String }
            => en("line {line}: {login}: STOP: a key in the request was certified before"),
               ru("строка {line}: {login}: СТОП: на ключ из запроса уже выдан сертификат");
        Revoked { line: u64, login: String }
            => en("line {line}: {login}: STOP: revoked, for ever"), ru("строка {line}: {login}: СТОП: отозван навсегда");
        Server { line: u64, login: String }
            => en("line {line}: {login}: STOP: the request is a server's"),
               ru("строка {line}: {login}: СТОП: это запрос сервера");
        SameLogin { login: String, lines: String }
            => en("STOP: the login {login} stands in lines {lines}"), ru("СТОП: логин {login} стоит в строках {lines}");
        SameRequest { login: String, paths: String }
            => en("STOP: several requests for {login}: {paths}"), ru("СТОП: несколько запросов для {login}: {paths}");
        Alike { look: Look } => en("{}", look.en()), ru("{}", look.ru());
        Unread { path: String, why: String }
            => en("STOP: {path}: {why}"), ru("СТОП: {path}: {why}");
        NoRow { path: String, login: String }
            => en("{path}: {login} is not in the roster"), ru("{path}: {login} нет в списке");
        Plan { issue: u64, done: u64, waiting: u64 }
            => en("to be issued: {issue}, done before: {done}, without a request: {waiting}"),
               ru("к выдаче: {issue}, выдано ранее: {done}, без запроса: {waiting}");
        Stop { count: u64 }
            => en("nothing is issued: {} STOP", count_en(*count, "line says", "lines say")), ru("ничего не выдаётся: строк со словом СТОП — {count}");
        Look
            => en("nothing is issued: look at the names that look alike; if they are different people, repeat with --alike-ok"),
               ru("ничего не выдаётся: проверьте похожие имена; если это разные люди, повторите с --alike-ok");
        Issued { login: String, request: String, path: String }
            => en("issued: {login} (request {request}) -> {path}"), ru("выдано: {login} (запрос {request}) -> {path}");
        Summary { issued: u64, done: u64, waiting: u64 }
            => en("issued: {issued}, done before: {done}, without a request: {waiting}"),
               ru("выдано: {issued}, выдано ранее: {done}, без запроса: {waiting}");
        Unlike { count: u64 }
            => en("{} from the certificates: they stay as they are until renewed", count_en(*count, "row differs", "rows differ")),
               ru("строк, которые расходятся с сертификатами: {count}; сертификаты остаются прежними до замены");
    }
}

/// A text of many lines.
struct Text(Vec<Line>);

impl Text {
    fn say_all(&self, lang: Lang) -> String {
        self.0.iter().map(|line| line.say(lang)).collect::<Vec<_>>().join("\n")
    }
}

impl Words for Text {
    fn en(&self) -> String {
        self.say_all(Lang::En)
    }
    fn ru(&self) -> String {
        self.say_all(Lang::Ru)
    }
}

/// What is to be done, and what stands against it.
#[derive(Default)]
struct Plan {
    lines: Vec<Line>,
    stops: u64,
    looks: u64,
    differ: u64,
    issue: Vec<(Asked, Grant)>,
    done: Vec<String>,
    waiting: u64,
}

#[derive(Serialize)]
struct Data {
    dry_run: bool,
    to_issue: Vec<String>,
    issued: Vec<Issued>,
    done_before: Vec<String>,
    waiting: u64,
    stops: u64,
    look_alikes: u64,
    differ: u64,
}

impl Plan {
    fn stop(&mut self, line: Line) {
        self.stops += 1;
        self.lines.push(line);
    }

    fn data(&self, dry_run: bool, issued: Vec<Issued>) -> Data {
        Data {
            dry_run,
            to_issue: self.issue.iter().map(|(_, grant)| grant.names.login.clone()).collect(),
            issued,
            done_before: self.done.clone(),
            waiting: self.waiting,
            stops: self.stops,
            look_alikes: self.looks,
            differ: self.differ,
        }
    }

    /// The requests by login; two for one login are a stop.
    fn requests(&mut self, enrol: &Enrol, lang: Lang) -> Result<BTreeMap<String, (PathBuf, Asked)>, Failure> {
        let mut found: BTreeMap<String, (PathBuf, Asked)> = BTreeMap::new();
        for path in files::list(&enrol.requests, ".request")? {
            match read_request(&path) {
                Err(why) => self.stop(Line::Unread { path: shown(&path), why: why.say(lang) }),
                Ok(asked) => {
                    let login = asked.request.names().login.clone();
                    if let Some((other, _)) = found.get(&login) {
                        let paths = format!("{}, {}", shown(other), shown(&path));
                        self.stop(Line::SameRequest { login, paths });
                    } else {
                        found.insert(login, (path, asked));
                    }
                }
            }
        }
        Ok(found)
    }

    fn findings(&mut self, rows: &[Row], authority: &Authority) {
        let people = authority.state.people.values();
        let known: Vec<_> =
            people.map(|one| (one.names.login.clone(), one.names.full_name.clone())).collect();
        for finding in roster::findings(rows, &known) {
            if let Some(look) = alike::words(&finding) {
                self.looks += 1;
                self.lines.push(Line::Alike { look });
            } else if let Finding::SameLogin { login, lines } = finding {
                let lines = lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
                self.stop(Line::SameLogin { login, lines });
            }
        }
    }

    fn row(&mut self, row: Row, asked: Option<Asked>, authority: &Authority, days: u32) {
        let (line, login) = (row.line, row.names.login.clone());
        let Some(asked) = asked else {
            match authority.state.by_login(&login) {
                Some(person) if person.revoked.is_some() => self.stop(Line::Revoked { line, login }),
                Some(person) => self.done(&row, person),
                None => {
                    self.waiting += 1;
                    self.lines.push(Line::Waiting { line, login });
                }
            }
            return;
        };
        if asked.identity.is_some() {
            return self.stop(Line::Server { line, login });
        }
        match authority.standing(&asked.request) {
            Standing::New => {
                let name = asked.request.names().full_name.clone();
                if console::fold(&name) != console::fold(&row.names.full_name) {
                    let name = console::clean(&name);
                    self.lines.push(Line::OtherName { line, login: login.clone(), name });
                }
                self.lines.push(Line::ToIssue {
                    line,
                    login,
                    name: console::clean(&row.names.full_name),
                    role: roles(row.roles),
                    clearance: row.clearance.to_string(),
                    request: asked.fingerprint.clone(),
                });
                let grant = Grant { names: row.names, roles: row.roles, clearance: row.clearance, days };
                self.issue.push((asked, grant));
            }
            Standing::Done => match authority.state.by_login(&login) {
                Some(person) => self.done(&row, person),
                None => self.stop(Line::KnownKey { line, login }),
            },
            Standing::OtherKeys => self.stop(Line::OtherKeys { line, login }),
            Standing::KnownKey => self.stop(Line::KnownKey { line, login }),
            Standing::Revoked => self.stop(Line::Revoked { line, login }),
        }
    }
}

impl Plan {
    /// Somebody with certificates: they are as the roster wants them, or it is said what differs.
    fn done(&mut self, row: &Row, person: &Person) {
        let (line, login) = (row.line, row.names.login.clone());
        let (roster, here) = difference(row, person);
        if roster.is_empty() {
            self.lines.push(Line::Done { line, login: login.clone() });
        } else {
            self.differ += 1;
            let (roster, here) = (roster.join(", "), here.join(", "));
            self.lines.push(Line::Differs { line, login: login.clone(), roster, here });
        }
        self.done.push(login);
    }
}

/// What a roster says and what the certificates say, where the two differ.
fn difference(row: &Row, person: &Person) -> (Vec<String>, Vec<String>) {
    let unit = |steps: &[String]| format!("\"{}\"", console::clean(&steps.join("/")));
    let fields = [
        (console::clean(&row.names.full_name), console::clean(&person.names.full_name)),
        (unit(&row.names.unit), unit(&person.names.unit)),
        (roles(row.roles), roles(person.roles)),
        (row.clearance.to_string(), person.clearance.to_string()),
    ];
    fields.into_iter().filter(|(roster, here)| roster != here).unzip()
}

fn roles(set: RoleSet) -> String {
    set.iter().map(|role| role.name()).collect::<Vec<_>>().join("+")
}

impl Enrol {
    /// Each person is one act, durable before the certificates are written. A crash anywhere: the same command again
    /// finds what was done in `acts`, writes the files that lack, and goes on.
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let mut authority = if self.dry_run { self.place.read()? } else { self.place.write()? };
        look_at_clock(&authority, voice);
        let plan = self.plan(&authority, voice.lang)?;
        if plan.stops > 0 || (plan.looks > 0 && !self.alike_ok) {
            return Ok(self.refused(voice, plan));
        }
        if self.dry_run {
            let data = plan.data(true, Vec::new());
            let (issue, done, waiting) = (plan.issue.len() as u64, plan.done.len() as u64, plan.waiting);
            let mut lines = plan.lines;
            lines.push(Line::Plan { issue, done, waiting });
            return Ok(ended(voice, lines, plan.differ, data));
        }
        let mut issued = Vec::new();
        for login in &plan.done {
            written(&authority, login, &self.out, None, true)?;
        }
        if !plan.issue.is_empty() {
            let key = authority.unlock(self.passphrase.passphrase_fd, voice.lang)?;
            for (asked, grant) in &plan.issue {
                authority.certify(&key, asked, grant, clock::now_ms(), &mut os_rng())?;
                issued.push(written(&authority, &grant.names.login, &self.out, Some(asked), false)?);
            }
        }
        remind(&authority, &issued, voice);
        let line = |one: &Issued| Line::Issued {
            login: one.login.clone(),
            request: one.request.clone().unwrap_or_default(),
            path: one.certificates.clone(),
        };
        let mut said: Vec<Line> = issued.iter().map(line).collect();
        let (done, waiting, differ) = (plan.done.len() as u64, plan.waiting, plan.differ);
        said.push(Line::Summary { issued: issued.len() as u64, done, waiting });
        let data = plan.data(false, issued);
        let differences = plan.lines.into_iter().filter(|line| matches!(line, Line::Differs { .. }));
        Ok(ended(voice, differences.chain(said).collect(), differ, data))
    }

    fn plan(&self, authority: &Authority, lang: Lang) -> Result<Plan, Failure> {
        let rows = roster::parse(&files::read_text(&self.roster, ROSTER_BYTES_MAX)?)?;
        let mut plan = Plan::default();
        plan.findings(&rows, authority);
        let mut requests = plan.requests(self, lang)?;
        let mut seen = BTreeSet::new();
        for row in rows {
            // A login that stands there twice is told by itself.
            if !seen.insert(row.names.login.clone()) {
                continue;
            }
            let asked = requests.remove(&row.names.login).map(|(_, asked)| asked);
            plan.row(row, asked, authority, self.days);
        }
        for (login, (path, asked)) in requests {
            if asked.identity.is_none() {
                plan.lines.push(Line::NoRow { path: shown(&path), login });
            }
        }
        Ok(plan)
    }

    fn refused(&self, voice: Voice, plan: Plan) -> Exit {
        let data = plan.data(self.dry_run, Vec::new());
        let (code, last) = match plan.stops {
            0 => ("look-alikes", Line::Look),
            count => ("stopped", Line::Stop { count }),
        };
        let mut lines = plan.lines;
        lines.push(last);
        voice.verdict("enrol", Exit::No, code, &Text(lines), data)
    }
}

/// What was to be done is done; but where people's certificates are not what the roster says, the answer is no.
fn ended(voice: Voice, mut lines: Vec<Line>, differ: u64, data: Data) -> Exit {
    if differ == 0 {
        return voice.done("enrol", &Text(lines), data);
    }
    lines.push(Line::Unlike { count: differ });
    voice.verdict("enrol", Exit::No, "differs", &Text(lines), data)
}
