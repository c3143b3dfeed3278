//! GeneralName (RFC 5280 4.2.1.6), read strictly.
//! Never matches one name against another: that is `constraints`' work.
use std::net::IpAddr;

use super::der::{self, DerError, Reader, context, context_constructed};
use super::name::Name;

/// A name in one of the forms we can compare, or one we only know to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GeneralName {
    /// A mailbox.
    Rfc822(String),
    /// A host.
    Dns(String),
    /// A distinguished name.
    Directory(Name),
    /// A URI.
    Uri(String),
    /// 4 or 16 bytes of address; in a constraint 8 or 32, with the mask.
    Ip(Vec<u8>),
    /// otherName, x400Address, ediPartyName or registeredID, by its tag number.
    Other(u8),
}

impl GeneralName {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let (tag, contents, _) = reader.any()?;
        let text = || match std::str::from_utf8(contents) {
            Ok(text) if text.is_ascii() && !text.contains('\0') => Ok(text.to_owned()),
            _ => Err(DerError::Value("IA5String")),
        };
        match tag {
            0x81 => Ok(Self::Rfc822(text()?)),
            0x82 => Ok(Self::Dns(text()?)),
            0x86 => Ok(Self::Uri(text()?)),
            0x87 if [4, 8, 16, 32].contains(&contents.len()) => Ok(Self::Ip(contents.to_vec())),
            0xa4 => {
                let mut inner = Reader::new(contents);
                let name = Name::read(&mut inner)?;
                inner.finish()?;
                Ok(Self::Directory(name))
            }
            0xa0 | 0xa3 | 0xa5 | 0x88 => Ok(Self::Other(tag & 0x1f)),
            _ => Err(DerError::Value("GeneralName")),
        }
    }

    /// Reads a SEQUENCE OF GeneralName that may not be empty.
    pub(crate) fn read_all(mut list: Reader<'_>) -> Result<Vec<Self>, DerError> {
        let mut names = Vec::new();
        while !list.is_empty() {
            names.push(Self::read(&mut list)?);
        }
        if names.is_empty() { Err(DerError::Value("GeneralNames")) } else { Ok(names) }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        match self {
            Self::Rfc822(text) => der::element(context(1), text.as_bytes()),
            Self::Dns(text) => der::element(context(2), text.as_bytes()),
            Self::Uri(text) => der::element(context(6), text.as_bytes()),
            Self::Ip(bytes) => der::element(context(7), bytes),
            Self::Directory(name) => der::element(context_constructed(4), name.der()),
            // otherName, x400Address and ediPartyName are constructed, registeredID is not.
            Self::Other(8) => der::element(context(8), &[]),
            Self::Other(number) => der::element(context_constructed(*number), &[]),
        }
    }
}

impl From<IpAddr> for GeneralName {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ip(address.octets().to_vec()),
            IpAddr::V6(address) => Self::Ip(address.octets().to_vec()),
        }
    }
}
