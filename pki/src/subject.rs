//! The names of a person in a certificate: full name, login, unit path, id.
//! Never decides whether two people look alike: that is the officer's tool.
use der::asn1::ObjectIdentifier;
use minicbor::{Decode, Encode};

use crate::ids::PersonId;
use crate::oids;
use crate::x509::name::Name;

/// Longest full name and longest step of a unit path, in characters (X.520's upper bound).
pub const NAME_CHARS_MAX: usize = 64;
/// Longest login, in bytes.
pub const LOGIN_BYTES_MAX: usize = 32;
/// Longest unit path, in steps.
pub const UNIT_STEPS_MAX: usize = 8;

/// Why the names cannot stand in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSubject {
    /// Empty, too long, with control characters, or with spaces at an end.
    #[error("a full name has 1 to {NAME_CHARS_MAX} characters and no control characters")]
    FullName,
    /// Not 1 to 32 of `a-z 0-9 . _ -`, beginning with a letter.
    #[error(
        "a login is 1 to {LOGIN_BYTES_MAX} of a-z, 0-9, dot, dash and underscore, and begins with a letter"
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
    /// Checks lengths and characters.
    pub fn check(&self) -> Result<(), BadSubject> {
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
        let id = person.map(|person| person.to_string());
        let mut attributes: Vec<(ObjectIdentifier, &str)> =
            self.unit.iter().map(|step| (oids::UNIT, step.as_str())).collect();
        attributes.push((oids::COMMON_NAME, &self.full_name));
        attributes.push((oids::USER_ID, &self.login));
        if let Some(id) = &id {
            attributes.push((oids::SERIAL_NUMBER, id));
        }
        Ok(Name::from_attributes(&attributes))
    }

    /// Reads the names back from a distinguished name that [`SubjectNames::to_name`] made.
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
        (names.to_name(person).ok()?.der() == name.der()).then_some(names)
    }
}
