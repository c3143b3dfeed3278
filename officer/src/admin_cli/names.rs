//! From `@login` to the person meant, and back; roles and clearances in words.
//! Never guesses: a login is taken whole. Names from certificates are cleaned before they are shown.

use super::online::Online;
use super::trouble::Trouble;
use console::{Exit, Lang, Words, alike, clean};
use journal::policy::Policy;
use link::terminal::role_words;
use pki::{Clearance, PersonId, Role, RoleSet};
use protocol::client::event::PersonView;
use std::collections::{BTreeMap, BTreeSet};

/// The directory, as one command needs it.
pub(super) struct Names {
    people: BTreeMap<PersonId, PersonView>,
    alike: BTreeSet<PersonId>,
    /// In which the mark of a look-alike is said.
    lang: Lang,
}

impl Names {
    /// Asks the server; every certificate is verified.
    pub(super) fn fetch(online: &mut Online, lang: Lang) -> Result<Self, Trouble> {
        Ok(Self::new(online.people()?, lang))
    }

    pub(super) fn new(people: Vec<PersonView>, lang: Lang) -> Self {
        let names: Vec<&str> = people.iter().map(|person| person.full_name.as_str()).collect();
        let alike = alike(&names).into_iter().flatten().map(|place| people[place].person).collect();
        Self { people: people.into_iter().map(|person| (person.person, person)).collect(), alike, lang }
    }

    /// Everybody, by login.
    pub(super) fn everybody(&self) -> Vec<&PersonView> {
        let mut all: Vec<&PersonView> = self.people.values().collect();
        all.sort_by(|a, b| a.login.cmp(&b.login));
        all
    }

    /// Whether another person's name looks like this one's.
    pub(super) fn is_alike(&self, person: PersonId) -> bool {
        self.alike.contains(&person)
    }

    /// `@login`, `login`, or the sixteen digits of the person's number.
    pub(super) fn person(&self, typed: &str) -> Result<&PersonView, Trouble> {
        let login = typed.strip_prefix('@').unwrap_or(typed);
        let by_login = self.people.values().find(|person| person.login == login);
        let by_number = || self.people.get(&typed.parse::<PersonId>().ok()?);
        by_login.or_else(by_number).ok_or_else(|| {
            let login = clean(login);
            Trouble::say(
                Exit::No,
                "unknown-person",
                format!("there is nobody @{login} with certificates that hold; `conclave-admin user list` shows who is"),
                format!("нет @{login} с действующими сертификатами; кто есть, показывает `conclave-admin user list`"),
            )
        })
    }

    /// Name and login, marked where another's name looks like it; or the number of somebody whose certificates do not
    /// hold now.
    pub(super) fn full(&self, person: PersonId) -> String {
        let mark = match self.is_alike(person) {
            true => self.lang.pick(" (!look-alike)", " (!похожее имя)"),
            false => "",
        };
        match self.people.get(&person) {
            Some(view) => format!("{} @{}{mark}", clean(&view.full_name), clean(&view.login)),
            None => person.to_string(),
        }
    }

    /// The login, or the number.
    pub(super) fn login(&self, person: PersonId) -> String {
        self.people.get(&person).map_or_else(|| person.to_string(), |view| clean(&view.login))
    }

    /// Whose newest signature certificate it is.
    pub(super) fn holder(&self, certificate: pki::CertId) -> Option<&PersonView> {
        self.people.values().find(|person| person.signature == certificate)
    }
}

/// A role for people.
pub(super) fn role(role: Role, lang: Lang) -> &'static str {
    let (en, ru) = role_words(role);
    lang.pick(en, ru)
}

/// The roles of a set.
pub(super) fn in_set(roles: RoleSet) -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(move |role| roles.contains(*role))
}

/// Roles for people.
pub(super) fn roles(set: RoleSet, lang: Lang) -> String {
    in_set(set).map(|one| role(one, lang)).collect::<Vec<_>>().join(", ")
}

/// Roles for scripts.
pub(super) fn role_names(set: RoleSet) -> Vec<&'static str> {
    in_set(set).map(Role::name).collect()
}

/// A rank as the policy names it.
pub(super) fn label(policy: &Policy, rank: Clearance, lang: Lang) -> String {
    match policy.labels.get(usize::from(rank.rank())) {
        Some(name) => clean(lang.pick(&name.en, &name.ru)),
        None => rank.name().to_owned(),
    }
}

/// Words with a text for each language made at run time: what a list or a table says.
pub(super) struct Text(pub(super) String);

impl Words for Text {
    fn en(&self) -> String {
        self.0.clone()
    }
    fn ru(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use pki::CertId;
    use protocol::answer::Standing;

    pub(in crate::admin_cli) fn person(id: u64, login: &str, name: &str) -> PersonView {
        PersonView {
            person: PersonId(id),
            login: login.into(),
            full_name: name.into(),
            unit: vec!["Штаб".into()],
            roles: RoleSet::EMPTY.with(Role::Operator).with(Role::Officer),
            clearance: Clearance(3),
            agreement: CertId([id as u8; 32]),
            standing: Standing::Good,
            online: false,
            signature: CertId([id as u8 + 100; 32]),
        }
    }

    #[test]
    fn a_person_is_meant_by_the_whole_login_or_the_number() {
        let names =
            Names::new(vec![person(1, "anna", "Анна Петрова"), person(2, "ann", "Aннa Пeтрoвa")], Lang::En);
        assert_eq!(names.person("@ann").unwrap().person, PersonId(2));
        assert_eq!(names.person("anna").unwrap().person, PersonId(1));
        assert_eq!(names.person(&PersonId(2).to_string()).unwrap().login, "ann");
        assert_eq!(names.person("@an\u{1b}").unwrap_err().name, "unknown-person");
        assert!(names.is_alike(PersonId(1)) && names.is_alike(PersonId(2)));
        // Whoever reads a plan reads the mark.
        assert_eq!(names.full(PersonId(1)), "Анна Петрова @anna (!look-alike)");
        assert_eq!(names.full(PersonId(9)), PersonId(9).to_string());
        assert_eq!(names.holder(CertId([101; 32])).unwrap().login, "anna");
    }

    #[test]
    fn roles_and_labels_are_words() {
        let set = RoleSet::EMPTY.with(Role::Operator).with(Role::Officer);
        assert_eq!(roles(set, Lang::Ru), "оператор, офицер");
        assert_eq!(role_names(set), ["operator", "officer"]);
        assert_eq!(label(&Policy::standard(), Clearance(4), Lang::Ru), "СЕКРЕТНО");
    }
}
