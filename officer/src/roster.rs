//! A roster: who is to be enrolled as what, as a spreadsheet writes it.
//! Never decides anything: it reads rows and finds what a person should look at.
//!
//! First line `full_name,login,unit,role,clearance` in any order; separated by commas or semicolons; a unit is a path
//! with slashes, outermost first, or empty; roles are joined with `+`; a clearance is a name of RFC 5913 or 0 to 5.

use crate::trouble::Trouble;
use console::alike;
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

/// Reads a roster whole; the first row at fault is named.
pub fn parse(text: &str) -> Result<Vec<Row>, Trouble> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') { b';' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let bad = |why: csv::Error| Trouble::BadRoster { why: why.to_string() };
    let headers = reader.headers().map_err(bad)?.clone();
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(bad)? {
        if rows.len() == ROWS_MAX {
            return Err(Trouble::BadRoster { why: format!("more than {ROWS_MAX} rows") });
        }
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(row(line, record.deserialize(Some(&headers)).map_err(bad)?)?);
    }
    Ok(rows)
}

fn row(line: u64, raw: Raw) -> Result<Row, Trouble> {
    let bad = |field, value: &str| Trouble::BadRow { line, field, value: console::clean(value) };
    let unit =
        raw.unit.split('/').map(str::trim).filter(|step| !step.is_empty()).map(str::to_owned).collect();
    let names = SubjectNames { full_name: raw.full_name, login: raw.login, unit };
    names.check().map_err(|why| match why {
        pki::subject::BadSubject::FullName => bad("full_name", &names.full_name),
        pki::subject::BadSubject::Login => bad("login", &names.login),
        pki::subject::BadSubject::Unit => bad("unit", &raw.unit),
    })?;
    let roles = raw.role.split('+').map(str::trim).map(personal_role).collect::<Option<RoleSet>>();
    let roles = roles.filter(|roles| !roles.is_empty()).ok_or_else(|| bad("role", &raw.role))?;
    let clearance = clearance(&raw.clearance).ok_or_else(|| bad("clearance", &raw.clearance))?;
    Ok(Row { line, names, roles, clearance })
}

/// A role that a person can have; the server's come with its own request.
pub fn personal_role(name: &str) -> Option<Role> {
    Role::from_name(name).filter(|role| !matches!(role, Role::Server | Role::Core))
}

/// A clearance by its name (letter case aside) or its rank; nothing written means unmarked.
pub fn clearance(text: &str) -> Option<Clearance> {
    if text.is_empty() {
        return Some(Clearance::UNMARKED);
    }
    let by_name = || (0..=5).map(Clearance).find(|one| one.name().eq_ignore_ascii_case(text));
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
    fn the_row_at_fault_is_named() {
        for (from, to, wanted) in [
            ("anna", "Anna", "login"),
            ("operator", "operatr", "role"),
            ("operator", "server", "role"),
            ("secret", "6", "clearance"),
            ("Анна Петрова", "", "full_name"),
        ] {
            let found = parse(&GOOD.replacen(from, to, 1));
            let named = matches!(&found, Err(Trouble::BadRow { line: 2, field, .. }) if *field == wanted);
            assert!(named, "{from} {to}: {found:?}");
        }
        assert!(matches!(parse("login,unit\na,b\n"), Err(Trouble::BadRoster { .. })));
        assert!(matches!(
            parse("full_name,login,unit,role,clearance\na,b\n"),
            Err(Trouble::BadRoster { .. })
        ));
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
