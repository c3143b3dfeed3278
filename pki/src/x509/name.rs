//! Distinguished names: read strictly, compared as RFC 5280 7.1 wants.
//! Never decides whether a name may stand in a certificate.
use std::fmt;

use ::der::asn1::ObjectIdentifier;

use super::der::{self, DerError, IA5_STRING, PRINTABLE_STRING, Reader, SEQUENCE, SET, UTF8_STRING};
use super::spelling;
use crate::oids;

/// EXTERNAL, EMBEDDED PDV, SEQUENCE and SET: what DER writes constructed; a string never (X.690 10.2).
const CONSTRUCTED: [u8; 4] = [0x28, 0x2b, SEQUENCE, SET];
/// Most attributes in one name.
pub const NAME_ATTRIBUTES_MAX: usize = 64;

/// One attribute of a name, as it stands and as it compares.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Attribute {
    oid: ObjectIdentifier,
    folded: Vec<u8>,
    tag: u8,
    value: Vec<u8>,
}

/// A distinguished name.
#[derive(Clone)]
pub struct Name {
    der: Vec<u8>,
    rdns: Vec<Vec<Attribute>>,
}

impl Name {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let (contents, whole) = reader.element(SEQUENCE)?;
        let mut rest = Reader::new(contents);
        let mut rdns = Vec::new();
        let mut count = 0;
        while !rest.is_empty() {
            let rdn = read_rdn(rest.nested(SET)?)?;
            count += rdn.len();
            if count > NAME_ATTRIBUTES_MAX {
                return Err(DerError::Value("Name of sensible size"));
            }
            rdns.push(rdn);
        }
        Ok(Self { der: whole.to_vec(), rdns })
    }

    /// Makes a name of UTF-8 attributes, one per step. `serialNumber` is a PrintableString, as X.520 demands: its text
    /// is a person's id, in hexadecimal digits.
    pub(crate) fn from_attributes(attributes: &[(ObjectIdentifier, &str)]) -> Self {
        let rdns: Vec<Vec<u8>> = attributes
            .iter()
            .map(|(oid, text)| {
                let tag = if *oid == oids::SERIAL_NUMBER { PRINTABLE_STRING } else { UTF8_STRING };
                let attribute = der::nest(SEQUENCE, &[&der::oid(oid), &der::element(tag, text.as_bytes())]);
                der::element(SET, &attribute)
            })
            .collect();
        let bytes = der::element(SEQUENCE, &rdns.concat());
        Self::read(&mut Reader::new(&bytes)).expect("any text is UTF-8, and a person's id is printable")
    }

    /// The bytes as they stand in the certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether it has no attribute at all.
    pub fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The texts of an attribute, in order of appearance; only the string types we can read.
    pub fn texts(&self, oid: &ObjectIdentifier) -> Vec<&str> {
        self.rdns
            .iter()
            .flatten()
            .filter(|attribute| attribute.oid == *oid && is_text(attribute.tag))
            .filter_map(|attribute| std::str::from_utf8(&attribute.value).ok())
            .collect()
    }

    /// How often an attribute occurs, whatever its type.
    pub(crate) fn count(&self, oid: &ObjectIdentifier) -> usize {
        self.rdns.iter().flatten().filter(|attribute| attribute.oid == *oid).count()
    }

    /// Whether every value is of a type whose comparison we understand: the three texts we read, and no other. Name
    /// constraints refuse a name that is not: an excluded subtree must not be dodged by another string type.
    pub(crate) fn is_comparable(&self) -> bool {
        self.rdns.iter().flatten().all(|attribute| is_text(attribute.tag))
    }

    /// Whether this name lies in an excluded subtree, compared more widely than [`Name::is_within`]; `None` where one
    /// of the two could be spelled in another way as well, which would dodge the exclusion.
    pub(crate) fn is_excluded_by(&self, base: &Self) -> Option<bool> {
        if !self.is_comparable() || !base.is_comparable() {
            return None;
        }
        let Some(steps) = self.rdns.get(..base.rdns.len()) else { return Some(false) };
        let keys =
            |rdns: &[Vec<Attribute>]| rdns.iter().map(|rdn| spelled_once(rdn)).collect::<Option<Vec<_>>>();
        Some(keys(steps)? == keys(&base.rdns)?)
    }

    /// Whether an exclusion of this name can be compared with others.
    pub(crate) fn can_exclude(&self) -> bool {
        self.is_excluded_by(self).is_some()
    }

    /// Whether this name lies in the subtree of the other (RFC 5280 7.1: its first steps are the other's).
    pub(crate) fn is_within(&self, base: &Self) -> bool {
        self.rdns.len() >= base.rdns.len() && self.rdns.iter().zip(&base.rdns).all(|(a, b)| same_rdn(a, b))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.rdns.len() == other.rdns.len() && self.is_within(other)
    }
}

impl Eq for Name {}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, attribute) in self.rdns.iter().flatten().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            match label(&attribute.oid) {
                Some(label) => f.write_str(label)?,
                None => write!(f, "{}", attribute.oid)?,
            }
            write!(f, "={}", String::from_utf8_lossy(&attribute.value).escape_debug())?;
        }
        Ok(())
    }
}

fn label(oid: &ObjectIdentifier) -> Option<&'static str> {
    let known = [
        (oids::COMMON_NAME, "CN"),
        (oids::SERIAL_NUMBER, "serialNumber"),
        (oids::UNIT, "OU"),
        (oids::USER_ID, "uid"),
        (ObjectIdentifier::new_unwrap("2.5.4.10"), "O"),
        (ObjectIdentifier::new_unwrap("2.5.4.6"), "C"),
    ];
    known.iter().find(|(known, _)| known == oid).map(|(_, label)| *label)
}

fn read_rdn(mut set: Reader<'_>) -> Result<Vec<Attribute>, DerError> {
    let mut rdn = Vec::new();
    let mut previous: &[u8] = &[];
    while !set.is_empty() {
        let (contents, whole) = set.element(SEQUENCE)?;
        if whole <= previous {
            return Err(DerError::Value("SET OF"));
        }
        previous = whole;
        let mut reader = Reader::new(contents);
        let oid = reader.oid()?;
        let (tag, value, _) = reader.any()?;
        reader.finish()?;
        check_text(tag, value)?;
        rdn.push(Attribute { oid, folded: fold(tag, value), tag, value: value.to_vec() });
    }
    if rdn.is_empty() { Err(DerError::Value("RelativeDistinguishedName")) } else { Ok(rdn) }
}

fn is_text(tag: u8) -> bool {
    [UTF8_STRING, PRINTABLE_STRING, IA5_STRING].contains(&tag)
}

fn check_text(tag: u8, value: &[u8]) -> Result<(), DerError> {
    let printable = |b: &u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?*@&_".contains(b);
    let good = match tag {
        UTF8_STRING => std::str::from_utf8(value).is_ok(),
        // '*', '@', '&' and '_' are outside X.680's alphabet but in every second certificate; they cannot confuse.
        PRINTABLE_STRING => value.iter().all(printable),
        IA5_STRING => value.is_ascii(),
        // Universal and constructed.
        _ if tag & 0xe0 == 0x20 => CONSTRUCTED.contains(&tag),
        _ => true,
    };
    if good { Ok(()) } else { Err(DerError::Value("string")) }
}

/// What is compared: text without case and with single inner spaces (RFC 4518 in its ASCII and Unicode-lowercase
/// part), so that it does not matter in which of the three string types it came; other values byte by byte.
fn fold(tag: u8, value: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(value) {
        Ok(text) if is_text(tag) => {
            let words: Vec<&str> = text.split_whitespace().collect();
            [&[UTF8_STRING], words.join(" ").to_lowercase().as_bytes()].concat()
        }
        _ => [&[tag], value].concat(),
    }
}

/// The attributes of a step as an exclusion compares them, in an order of their own.
fn spelled_once(rdn: &[Attribute]) -> Option<Vec<(ObjectIdentifier, String)>> {
    let key = |attribute: &Attribute| {
        Some((attribute.oid, spelling::folded(std::str::from_utf8(&attribute.value).ok()?)?))
    };
    let mut keys = rdn.iter().map(key).collect::<Option<Vec<_>>>()?;
    keys.sort();
    Some(keys)
}

fn same_rdn(a: &[Attribute], b: &[Attribute]) -> bool {
    let sorted = |rdn: &[Attribute]| {
        let mut keys: Vec<_> =
            rdn.iter().map(|attribute| (attribute.oid, attribute.folded.clone())).collect();
        keys.sort();
        keys
    };
    sorted(a) == sorted(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(parts: &[(ObjectIdentifier, &str)]) -> Name {
        Name::from_attributes(parts)
    }

    #[test]
    fn names_compare_without_case_and_spacing() {
        let a = name(&[(oids::UNIT, "North  Wing "), (oids::COMMON_NAME, "Анна")]);
        let b = name(&[(oids::UNIT, "north wing"), (oids::COMMON_NAME, "анна")]);
        assert_eq!(a, b);
        assert_ne!(a, name(&[(oids::UNIT, "northwing"), (oids::COMMON_NAME, "анна")]));
        assert_ne!(a, name(&[(oids::UNIT, "north wing")]));
    }

    #[test]
    fn a_subtree_is_a_prefix() {
        let base = name(&[(oids::UNIT, "north")]);
        assert!(name(&[(oids::UNIT, "North"), (oids::COMMON_NAME, "a")]).is_within(&base));
        assert!(!name(&[(oids::COMMON_NAME, "a"), (oids::UNIT, "north")]).is_within(&base));
        assert!(base.is_within(&name(&[])));
    }
}
