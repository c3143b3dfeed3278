//! The people of the demo: names, roles, secrets, and a terminal each.
//! Never part of a product: real secrets are on paper and in heads.

/// One person of the demo.
pub(crate) struct Person {
    /// The login.
    pub(crate) login: &'static str,
    /// The full name.
    pub(crate) name: &'static str,
    /// The unit's path.
    pub(crate) unit: &'static str,
    /// The role in the roster.
    pub(crate) role: &'static str,
    /// The clearance in the roster.
    pub(crate) clearance: &'static str,
}

impl Person {
    /// What the new keys are sealed under until the first login.
    pub(crate) fn first_passphrase(&self) -> String {
        format!("{} makes her keys", self.login)
    }

    /// The password chosen at the first login.
    pub(crate) fn password(&self) -> String {
        format!("{} demo password", self.login)
    }
}

const fn person(
    login: &'static str,
    name: &'static str,
    unit: &'static str,
    role: &'static str,
    clearance: &'static str,
) -> Person {
    Person { login, name, unit, role, clearance }
}

/// Operators first; the officers that the genesis names after them.
pub(crate) const PEOPLE: [Person; 7] = [
    person("anna", "Анна Петрова", "Штаб/Связь", "operator", "secret"),
    person("boris", "Борис Иванов", "Штаб/Связь", "operator", "secret"),
    person("vera", "Вера Соколова", "Штаб/Связь", "operator", "secret"),
    person("olga", "Ольга Орлова", "Штаб/Безопасность", "officer", "secret"),
    person("oleg", "Олег Кузнецов", "Штаб/Безопасность", "officer", "secret"),
    person("adam", "Адам Лебедев", "Штаб/Техника", "administrator", "unmarked"),
    person("igor", "Игорь Волков", "Аудит", "auditor", "unmarked"),
];

/// The passphrase of the authority's keys.
pub(crate) const AUTHORITY_PASSPHRASE: &str = "authority of the demo";

/// The roster file.
pub(crate) fn roster() -> String {
    let head = "full_name,login,unit,role,clearance\n".to_owned();
    PEOPLE.iter().fold(head, |text, one| {
        text + &format!("{},{},{},{},{}\n", one.name, one.login, one.unit, one.role, one.clearance)
    })
}

/// A person by login.
pub(crate) fn by_login(login: &str) -> &'static Person {
    PEOPLE.iter().find(|person| person.login == login).expect("the demo names only its own people")
}
