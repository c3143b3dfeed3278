//! `list`: the people whom the authority knows.
//! Never shows who is live or locked: that is the appliance's to know.

use super::Place;
use crate::authority::state::Person;
use crate::clock;
use crate::trouble::Failure;
use clap::Args;
use console::{Align, Exit, HelpTable, Lang, Table, Voice};
use pki::{CertTime, UnixMs};
use serde::Serialize;

/// List people, roles and how long their certificates are valid.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki list --expiring 60")]
pub(super) struct List {
    /// Only those whose certificates end within so many days.
    #[arg(long, value_name = "DAYS")]
    expiring: Option<u32>,
    /// Only those in whose name, login or unit these words occur.
    #[arg(value_name = "QUERY")]
    query: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(super) const HELP: &HelpTable = &[
    ("list/@about", "Показать людей, их роли и сроки сертификатов."),
    ("list/@after", "Пример: conclave-pki list --expiring 60"),
    ("list/expiring", "только те, у кого сертификаты кончаются за столько дней"),
    ("list/query", "только те, в чьём имени, логине или подразделении есть эти слова"),
];

console::words! {
    enum Said {
        Table { text: String } => en("{text}"), ru("{text}");
        None => en("nobody"), ru("никого");
    }
}

#[derive(Serialize)]
struct Data {
    login: String,
    person: String,
    name: String,
    unit: Vec<String>,
    roles: Vec<&'static str>,
    clearance: &'static str,
    valid_until: String,
    state: &'static str,
    certificate: String,
}

fn state(person: &Person, now: CertTime) -> &'static str {
    match (person.revoked, person.newest().signature.validity().1 < now) {
        (Some(_), _) => "revoked",
        (None, true) => "expired",
        (None, false) => "valid",
    }
}

fn state_ru(state: &'static str) -> &'static str {
    match state {
        "revoked" => "отозван",
        "expired" => "истёк",
        _ => "действует",
    }
}

impl List {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let authority = self.place.read()?;
        let now = CertTime::from_unix(UnixMs(clock::now_ms()));
        let mut people: Vec<&Person> = authority.state.people.values().collect();
        people.retain(|person| self.is_wanted(person, now));
        people.sort_by(|one, other| one.names.login.cmp(&other.names.login));
        let data: Vec<Data> = people.iter().map(|person| data(person, now)).collect();
        let said = match data.is_empty() {
            true => Said::None,
            false => Said::Table { text: table(&data, voice.lang) },
        };
        Ok(voice.done("list", &said, data))
    }

    fn is_wanted(&self, person: &Person, now: CertTime) -> bool {
        let (_, until) = person.newest().signature.validity();
        let soon = |days: u32| person.revoked.is_none() && until.0 <= now.0 + i64::from(days) * 86_400;
        let names = &person.names;
        let text = format!("{} {} {}", names.login, names.full_name, names.unit.join(" "));
        self.expiring.is_none_or(soon)
            && self.query.as_deref().is_none_or(|query| console::matches(query, &text))
    }
}

fn data(person: &Person, now: CertTime) -> Data {
    let signature = &person.newest().signature;
    Data {
        login: person.names.login.clone(),
        person: person.id.to_string(),
        name: person.names.full_name.clone(),
        unit: person.names.unit.clone(),
        roles: person.roles.iter().map(|role| role.name()).collect(),
        clearance: person.clearance.name(),
        valid_until: signature.validity().1.to_string(),
        state: state(person, now),
        certificate: signature.id().to_string(),
    }
}

fn table(data: &[Data], lang: Lang) -> String {
    let pick = |en, ru| lang.pick(en, ru);
    let mut table = Table::new([
        (pick("login", "логин"), Align::Left),
        (pick("name", "имя"), Align::Left),
        (pick("unit", "подразделение"), Align::Left),
        (pick("roles", "роли"), Align::Left),
        (pick("clearance", "допуск"), Align::Left),
        (pick("valid until", "действует до"), Align::Left),
        (pick("state", "состояние"), Align::Left),
    ]);
    for one in data {
        table.row([
            one.login.as_str(),
            &one.name,
            &one.unit.join("/"),
            &one.roles.join("+"),
            one.clearance,
            &one.valid_until[..10],
            lang.pick(one.state, state_ru(one.state)),
        ]);
    }
    table.render(console::terminal::output_columns())
}
