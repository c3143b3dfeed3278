//! `conclave people`: the directory, by verified certificates.
//! Never shows a name that was not cleaned; names that look like another's are marked.

use crate::Here;
use crate::args::People;
use crate::names::Names;
use crate::reach::Line;
use crate::show::roles;
use crate::trouble::Trouble;
use console::{Align, Exit, Lang, Table, Words, clean, matches};
use protocol::client::event::PersonView;
use serde::Serialize;

struct Page<'a> {
    names: &'a Names,
    people: &'a [&'a PersonView],
    width: usize,
}

impl Words for Page<'_> {
    fn en(&self) -> String {
        self.table(Lang::En)
    }
    fn ru(&self) -> String {
        self.table(Lang::Ru)
    }
}

#[derive(Serialize)]
struct PersonJson {
    person: String,
    login: String,
    full_name: String,
    unit: Vec<String>,
    roles: Vec<String>,
    clearance: u8,
    active: bool,
    online: bool,
    look_alike: bool,
}

pub(super) fn run(args: People, here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    line.fresh_for_scripts()?;
    let query = args.query.join(" ");
    let fits = |person: &&PersonView| {
        let text = format!("{} {} {}", person.login, person.full_name, person.unit.join(" "));
        matches(query.strip_prefix('@').unwrap_or(&query), &text)
    };
    let people: Vec<&PersonView> = names.everybody().into_iter().filter(fits).collect();
    let data: Vec<PersonJson> = people.iter().map(|person| person_json(person, &names)).collect();
    if people.is_empty() {
        let trouble = Trouble::say(Exit::No, "nobody", "nobody fits", "никого не найдено");
        return Ok(here.voice.verdict("people", Exit::No, "nobody", &trouble, data));
    }
    let page = Page { names: &names, people: &people, width: super::width() };
    Ok(here.voice.done("people", &page, data))
}

fn person_json(person: &PersonView, names: &Names) -> PersonJson {
    PersonJson {
        person: person.person.to_string(),
        login: person.login.clone(),
        full_name: person.full_name.clone(),
        unit: person.unit.clone(),
        roles: person.roles.iter().map(|role| role.name().to_owned()).collect(),
        clearance: person.clearance.rank(),
        active: person.standing.may_act(),
        online: person.online,
        look_alike: names.is_alike(person.person),
    }
}

impl Page<'_> {
    fn table(&self, lang: Lang) -> String {
        let mut table = Table::new([
            (lang.pick("login", "вход"), Align::Left),
            (lang.pick("name", "имя"), Align::Left),
            (lang.pick("unit", "подразделение"), Align::Left),
            (lang.pick("roles", "роли"), Align::Left),
            (lang.pick("clearance", "допуск"), Align::Left),
            (lang.pick("state", "состояние"), Align::Left),
        ]);
        for person in self.people {
            let state = match (person.standing.may_act(), person.online) {
                (false, _) => lang.pick("inactive", "не действует"),
                (true, true) => lang.pick("online", "на связи"),
                (true, false) => "",
            };
            let mark = match self.names.is_alike(person.person) {
                true => lang.pick(" (!look-alike)", " (!похожее имя)"),
                false => "",
            };
            table.row([
                format!("@{}", person.login),
                format!("{}{mark}", clean(&person.full_name)),
                person.unit.join(" / "),
                roles(person.roles.iter(), lang),
                self.names.label_name(person.clearance, lang),
                state.to_owned(),
            ]);
        }
        table.render(self.width)
    }
}
