//! The names of a person in a certificate: full name, login, unit path, id.
//! Never decides whether two people look alike: that is the officer's tool.
use der::asn1::ObjectIdentifier;
use minicbor::{Decode, Encode};

use crate::ids::PersonId;
use crate::oids;
use crate::x509::name::Name;
use crate::x509::spelling::is_invisible;

/// Longest full name and longest step of a unit path, in characters (X.520's upper bound).
pub const NAME_CHARS_MAX: usize = 64;
/// Longest login, in bytes.
pub const LOGIN_BYTES_MAX: usize = 32;
/// The login of the server's certificates: a server is a person with a login of its own, and no other person has it.
pub const SERVER_LOGIN: &str = "server";
/// Longest unit path, in steps.
pub const UNIT_STEPS_MAX: usize = 8;

/// Why the names cannot stand in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSubject {
    /// Empty, too long, with control or invisible characters, or with spaces at an end.
    #[error("a full name has 1 to {NAME_CHARS_MAX} characters, none of them invisible")]
    FullName,
    /// Not 1 to 32 of `a-z 0-9 . _ -`, beginning with a letter, or spelled like a person's id.
    #[error(
        "a login is 1 to {LOGIN_BYTES_MAX} of a-z, 0-9, dot, dash and underscore, begins with a letter, and is not 16 hexadecimal digits"
    )]
    Login,
    /// Too many steps, or a step no full name could be.
    #[error("a unit path has at most {UNIT_STEPS_MAX} steps of 1 to {NAME_CHARS_MAX} characters")]
    Unit,
}

/// Who a person is, as a request asks for it and a certificate states it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SubjectNames {
    /// commonName.
    #[n(0)]
    pub full_name: String,
    /// uid (RFC 4519 2.39).
    #[n(1)]
    pub login: String,
    /// organizationalUnitName, outermost first.
    #[n(2)]
    pub unit: Vec<String>,
}

impl SubjectNames {
    /// Checks lengths and characters, as names must be from now on.
    pub fn check(&self) -> Result<(), BadSubject> {
        self.check_form()?;
        let unseen = |text: &String| text.chars().any(is_invisible);
        if unseen(&self.full_name) {
            return Err(BadSubject::FullName);
        }
        // Whoever is named by login or by id must not be two people.
        if self.login.parse::<PersonId>().is_ok() {
            return Err(BadSubject::Login);
        }
        if self.unit.iter().any(unseen) { Err(BadSubject::Unit) } else { Ok(()) }
    }

    /// What holds for every name that was ever certified.
    fn check_form(&self) -> Result<(), BadSubject> {
        let plain = |text: &str| {
            (1..=NAME_CHARS_MAX).contains(&text.chars().count())
                && !text.chars().any(char::is_control)
                && text.trim() == text
        };
        if !plain(&self.full_name) {
            return Err(BadSubject::FullName);
        }
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        let begins_well = self.login.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if !begins_well || self.login.len() > LOGIN_BYTES_MAX || !self.login.bytes().all(letters) {
            return Err(BadSubject::Login);
        }
        if self.unit.len() > UNIT_STEPS_MAX || !self.unit.iter().all(|step| plain(step)) {
            return Err(BadSubject::Unit);
        }
        Ok(())
    }

    /// The distinguished name, with the person's id once there is one.
    pub fn to_name(&self, person: Option<PersonId>) -> Result<Name, BadSubject> {
        self.check()?;
        Ok(self.written(person))
    }

    fn written(&self, person: Option<PersonId>) -> Name {
        let id = person.map(|person| person.to_string());
        let mut attributes: Vec<(ObjectIdentifier, &str)> =
            self.unit.iter().map(|step| (oids::UNIT, step.as_str())).collect();
        attributes.push((oids::COMMON_NAME, &self.full_name));
        attributes.push((oids::USER_ID, &self.login));
        if let Some(id) = &id {
            attributes.push((oids::SERIAL_NUMBER, id));
        }
        Name::from_attributes(&attributes)
    }

    /// Reads the names back from a distinguished name that [`SubjectNames::to_name`] made, in this version or an
    /// earlier, laxer one: an authority reads all it ever certified. Whoever certifies checks them again.
    pub fn from_name(name: &Name, person: Option<PersonId>) -> Option<Self> {
        let one = |oid: &ObjectIdentifier| match name.texts(oid)[..] {
            [text] => Some(text.to_owned()),
            _ => None,
        };
        let names = Self {
            full_name: one(&oids::COMMON_NAME)?,
            login: one(&oids::USER_ID)?,
            unit: name.texts(&oids::UNIT).into_iter().map(str::to_owned).collect(),
        };
        // Only the exact form: nothing else may hide in the name.
        names.check_form().ok()?;
        (names.written(person).der() == name.der()).then_some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(full_name: &str, login: &str, unit: &str) -> SubjectNames {
        SubjectNames { full_name: full_name.into(), login: login.into(), unit: vec![unit.into()] }
    }

    #[test]
    fn nobody_is_certified_under_letters_that_nobody_sees() {
        assert_eq!(names("Анна Штраус-é", "anna", "Штаб").check(), Ok(()));
        for unseen in ["\u{200b}", "\u{202e}", "\u{2028}", "\u{ad}", "\u{feff}", "\u{3164}"] {
            let twin = names(&format!("Ольга{unseen} Зимина"), "olga", "Штаб");
            assert_eq!(twin.check(), Err(BadSubject::FullName), "{unseen:?}");
            assert_eq!(names("Ольга", "olga", &format!("Шт{unseen}аб")).check(), Err(BadSubject::Unit));
            assert!(twin.to_name(None).is_err());
            // What an earlier version certified is still read.
            assert_eq!(SubjectNames::from_name(&twin.written(None), None), Some(twin));
        }
    }

    #[test]
    fn a_login_is_nobodys_id() {
        assert_eq!(names("Анна", "a1b2c3d4e5f60718", "Штаб").check(), Err(BadSubject::Login));
        assert_eq!(names("Анна", "a1b2c3d4e5f6071", "Штаб").check(), Ok(()));
    }
}
