//! A roster: who is to be enrolled as what, as a spreadsheet writes it.
//! Never decides anything: it reads rows and finds what a person should look at.
//!
//! First line `full_name,login,unit,role,clearance` in any order; separated by commas or semicolons; a unit is a path
//! with slashes, outermost first, or empty; roles are joined with `+`; a clearance is a name of RFC 5913 or 0 to 5.

use crate::trouble::Trouble;
use console::{Lang, alike};
use pki::{Clearance, Role, RoleSet, SubjectNames};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Largest roster, bytes.
pub const ROSTER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Most rows.
pub const ROWS_MAX: usize = 10_000;

/// One person of a roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands in the file.
    pub line: u64,
    /// Full name, login, unit.
    pub names: SubjectNames,
    /// The roles.
    pub roles: RoleSet,
    /// The clearance.
    pub clearance: Clearance,
}

#[derive(Deserialize)]
struct Raw {
    full_name: String,
    login: String,
    unit: String,
    role: String,
    clearance: String,
}

/// The columns, as the first line names them.
const COLUMNS: [&str; 5] = ["full_name", "login", "unit", "role", "clearance"];

/// A row that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Where it stands in the file.
    pub line: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This field cannot be that.
    Field {
        /// The column.
        field: &'static str,
        /// What stands there, cleaned.
        value: String,
    },
    /// It has too few or too many fields.
    Fields {
        /// So many.
        found: usize,
        /// The first line has so many.
        wanted: usize,
    },
}

/// The roles that [`personal_role`] takes, for people who have to write them.
pub fn roles_possible() -> String {
    let personal = Role::ALL.into_iter().filter(|role| !is_servers(*role)).map(Role::name);
    personal.collect::<Vec<_>>().join(", ")
}

/// The clearances that [`clearance`] takes, likewise.
pub fn clearances_possible() -> String {
    (0..=5).map(|rank| format!("{rank} {}", Clearance(rank).name())).collect::<Vec<_>>().join(", ")
}

/// Bad rows in words, a line each, with what would be possible.
pub fn say_bad(rows: &[BadRow], lang: Lang) -> String {
    let one = |row: &BadRow| {
        let line = row.line;
        let what = match &row.fault {
            Fault::Field { field, value } => {
                let hint = match *field {
                    "role" => lang.pick(
                        format!("; possible: {}; several joined with +", roles_possible()),
                        format!("; возможны: {}; несколько соединяются знаком +", roles_possible()),
                    ),
                    "clearance" => lang.pick(
                        format!("; possible: {}", clearances_possible()),
                        format!("; возможны: {}", clearances_possible()),
                    ),
                    "login" => lang.pick(
                        "; small Latin letters, digits, dot, dash, underscore, a letter first".to_owned(),
                        "; строчные латинские буквы, цифры, точка, дефис, подчёркивание; первой буква"
                            .to_owned(),
                    ),
                    _ => String::new(),
                };
                lang.pick(
                    format!("{field} cannot be \"{value}\"{hint}"),
                    format!("поле {field} не может быть «{value}»{hint}"),
                )
            }
            Fault::Fields { found, wanted } => lang.pick(
                format!("{found} fields instead of {wanted}; an empty one needs its comma too"),
                format!("полей {found} вместо {wanted}; и пустому полю нужна запятая"),
            ),
        };
        lang.pick(format!("roster, line {line}: {what}"), format!("список, строка {line}: {what}"))
    };
    rows.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Reads a roster whole; every row at fault is named.
pub fn parse(text: &str) -> Result<Vec<Row>, Trouble> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') { b';' } else { b',' };
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(delimiter).trim(csv::Trim::All).flexible(true);
    let mut reader = builder.from_reader(text.as_bytes());
    let unread = |why: csv::Error| Trouble::BadRoster { why: why.to_string() };
    let headers = reader.headers().map_err(unread)?.clone();
    let missing: Vec<&str> =
        COLUMNS.into_iter().filter(|wanted| !headers.iter().any(|found| found == *wanted)).collect();
    if !missing.is_empty() {
        return Err(Trouble::RosterColumns { missing: missing.join(", "), all: COLUMNS.join(",") });
    }
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(unread)? {
        if rows.len() + bad.len() == ROWS_MAX {
            return Err(Trouble::BadRoster { why: format!("more than {ROWS_MAX} rows") });
        }
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != headers.len() {
            bad.push(BadRow { line, fault: Fault::Fields { found: record.len(), wanted: headers.len() } });
            continue;
        }
        row(line, record.deserialize(Some(&headers)).map_err(unread)?, &mut rows, &mut bad);
    }
    if bad.is_empty() { Ok(rows) } else { Err(Trouble::BadRows { rows: bad }) }
}

/// Every fault of the row is told, not only the first.
fn row(line: u64, raw: Raw, rows: &mut Vec<Row>, bad: &mut Vec<BadRow>) {
    let before = bad.len();
    let mut fault = |field, value: &str| {
        bad.push(BadRow { line, fault: Fault::Field { field, value: console::clean(value) } });
    };
    let unit =
        raw.unit.split('/').map(str::trim).filter(|step| !step.is_empty()).map(str::to_owned).collect();
    let names = SubjectNames { full_name: raw.full_name, login: raw.login, unit };
    match names.check() {
        Ok(()) => {}
        Err(pki::subject::BadSubject::FullName) => fault("full_name", &names.full_name),
        Err(pki::subject::BadSubject::Login) => fault("login", &names.login),
        Err(pki::subject::BadSubject::Unit) => fault("unit", &raw.unit),
    }
    let roles = raw.role.split('+').map(str::trim).map(personal_role).collect::<Option<RoleSet>>();
    let roles = roles.filter(|roles| !roles.is_empty());
    if roles.is_none() {
        fault("role", &raw.role);
    }
    let clearance = clearance(&raw.clearance);
    if clearance.is_none() {
        fault("clearance", &raw.clearance);
    }
    if let (Some(roles), Some(clearance)) = (roles, clearance)
        && bad.len() == before
    {
        rows.push(Row { line, names, roles, clearance });
    }
}

/// A role that a person can have; the server's come with its own request.
pub fn personal_role(name: &str) -> Option<Role> {
    Role::from_name(name).filter(|role| !is_servers(*role))
}

fn is_servers(role: Role) -> bool {
    matches!(role, Role::Server | Role::Core)
}

/// A clearance by its name (letter case, spaces and dashes aside) or its rank; nothing written means unmarked.
pub fn clearance(text: &str) -> Option<Clearance> {
    if text.is_empty() {
        return Some(Clearance::UNMARKED);
    }
    let bare = |name: &str| name.replace([' ', '-', '_'], "").to_ascii_lowercase();
    let by_name = || (0..=5).map(Clearance).find(|one| bare(one.name()) == bare(text));
    text.parse().ok().and_then(Clearance::from_rank).or_else(by_name)
}

/// What a person should look at in a roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Two rows with one login.
    SameLogin {
        /// The login.
        login: String,
        /// The lines.
        lines: Vec<u64>,
    },
    /// Logins that look alike.
    AlikeLogins {
        /// The logins.
        logins: Vec<String>,
    },
    /// Full names that are alike or the same.
    AlikeNames {
        /// Names with their logins.
        people: Vec<(String, String)>,
    },
}

/// Looks for duplicates and look-alikes among the rows and the people enrolled already (login, full name). People who
/// are all enrolled were looked at before: a group is told only when somebody in it is new.
pub fn findings(rows: &[Row], known: &[(String, String)]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut lines: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for row in rows {
        lines.entry(&row.names.login).or_default().push(row.line);
    }
    for (login, lines) in &lines {
        if lines.len() > 1 {
            found.push(Finding::SameLogin { login: (*login).to_owned(), lines: lines.clone() });
        }
    }
    let enrolled: BTreeSet<&str> = known.iter().map(|(login, _)| login.as_str()).collect();
    let mut people: BTreeMap<&str, &str> =
        known.iter().map(|(login, name)| (login.as_str(), name.as_str())).collect();
    people.extend(rows.iter().map(|row| (row.names.login.as_str(), row.names.full_name.as_str())));
    let people: Vec<(&str, &str)> = people.into_iter().collect();
    let is_news = |group: &Vec<usize>| group.iter().any(|at| !enrolled.contains(people[*at].0));
    let logins: Vec<&str> = people.iter().map(|(login, _)| *login).collect();
    for group in alike(&logins).into_iter().filter(is_news) {
        found
            .push(Finding::AlikeLogins { logins: group.iter().map(|at| people[*at].0.to_owned()).collect() });
    }
    let names: Vec<&str> = people.iter().map(|(_, name)| *name).collect();
    for group in alike(&names).into_iter().filter(is_news) {
        let people = group.iter().map(|at| (people[*at].1.to_owned(), people[*at].0.to_owned())).collect();
        found.push(Finding::AlikeNames { people });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "full_name,login,unit,role,clearance\n\
        Анна Петрова,anna,Связь/1 смена,operator,secret\n\
        \"Иванов, Олег\",oleg,,officer+auditor,5\n";

    #[test]
    fn rows_are_read_from_either_kind_of_spreadsheet() {
        let rows = parse(GOOD).unwrap();
        assert_eq!((rows[0].line, rows[0].names.unit.len(), rows[0].clearance.rank()), (2, 2, 4));
        assert!(rows[1].roles.contains(Role::Auditor) && rows[1].names.full_name == "Иванов, Олег");
        let other = "\u{feff}login;full_name;clearance;role;unit\nanna; Анна Петрова ;Secret;operator;Связь/1 смена\n";
        assert_eq!(parse(other).unwrap()[0].names, rows[0].names);
    }

    #[test]
    fn the_field_at_fault_is_named() {
        for (from, to, wanted) in [
            ("anna", "Anna", "login"),
            ("operator", "operatr", "role"),
            ("operator", "server", "role"),
            ("secret", "6", "clearance"),
            ("Анна Петрова", "", "full_name"),
        ] {
            let found = parse(&GOOD.replacen(from, to, 1));
            let Err(Trouble::BadRows { rows }) = &found else { panic!("{from} {to}: {found:?}") };
            let named = matches!(&rows[..], [BadRow { line: 2, fault: Fault::Field { field, .. } }] if *field == wanted);
            assert!(named, "{from} {to}: {rows:?}");
        }
        let Err(Trouble::RosterColumns { missing, .. }) = parse("login,unit\na,b\n") else {
            panic!("columns")
        };
        assert_eq!(missing, "full_name, role, clearance");
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_with_what_would_be_right() {
        let text = "full_name,login,unit,role,clearance\n\
            Анна,anna,,оператор,top-secret\nОлег,oleg,officer,0\nВера,Vera,,operator,секретно\n";
        let Err(Trouble::BadRows { rows }) = parse(text) else { panic!("taken") };
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 3, 4, 4]);
        let said = say_bad(&rows, Lang::Ru);
        assert!(
            said.contains("строка 2: поле role не может быть «оператор»; возможны: operator, officer,"),
            "{said}"
        );
        assert!(said.contains("строка 3: полей 4 вместо 5"), "{said}");
        assert!(said.contains("4 secret, 5 topSecret") && !said.contains("server"), "{said}");
        assert_eq!(clearance("top-secret"), Some(Clearance(5)));
        assert_eq!(clearance("Top Secret"), Some(Clearance(5)));
    }

    #[test]
    fn twins_are_found_in_the_roster_and_beside_it() {
        let text = "full_name,login,unit,role,clearance\n\
            Олег Ким,oleg1,,operator,0\nОлег Ким,olegl,,operator,0\nВера Ли,vera,,operator,0\nВера Ли,vera,,operator,0\n";
        let rows = parse(text).unwrap();
        let found = findings(&rows, &[("anna".into(), "Анна".into()), ("veгa".into(), "Bepa Ли".into())]);
        assert!(found.contains(&Finding::SameLogin { login: "vera".into(), lines: vec![4, 5] }));
        assert!(found.contains(&Finding::AlikeLogins { logins: vec!["oleg1".into(), "olegl".into()] }));
        let names =
            |finding: &Finding| matches!(finding, Finding::AlikeNames { people } if people.len() == 2);
        assert_eq!(found.iter().filter(|finding| names(finding)).count(), 2, "{found:?}");
        // Twins who are both enrolled were looked at then.
        let both = [("oleg1".into(), "Олег Ким".into()), ("olegl".into(), "Олег Ким".into())];
        assert_eq!(findings(&rows[..1], &both), []);
        // A second run over the same roster finds nobody to be his own twin.
        let once = parse(GOOD).unwrap();
        assert_eq!(findings(&once, &[("anna".into(), "Анна Петрова".into())]), []);
    }
}
