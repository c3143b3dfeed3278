//! The two files that go between whoever holds keys and the authority: a request, and the certificates made of it.
//! Never carries a secret. Both are armour around canonical CBOR.

use minicbor::{Decode, Encode, bytes::ByteVec};
use sha2::{Digest, Sha256};

use crate::canonical::{self, NotCanonical};
use crate::pem::{self, BadPem};

/// Version of both files.
pub const VERSION: u8 = 1;
/// Label of a request's armour.
pub const REQUEST_LABEL: &str = "CONCLAVE REQUEST";
/// Label of the armour around issued certificates.
pub const CERTIFICATES_LABEL: &str = "CONCLAVE CERTIFICATES";
/// Certificates in one file.
pub const CERTIFICATES_MAX: usize = 8;
/// Longest text that is read, bytes.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a request's fingerprint, shown as groups of four digits.
const FINGERPRINT_BYTES: usize = 10;

/// Why a text is not the file it was meant to be.
#[derive(Debug, thiserror::Error)]
pub enum BadExchange {
    /// Longer than [`TEXT_BYTES_MAX`].
    #[error("the file is too long")]
    TooLong,
    /// The armour is broken.
    #[error(transparent)]
    Armour(#[from] BadPem),
    /// No block with the label, or more than one.
    #[error("{found} blocks \"{label}\" where one was expected")]
    Blocks {
        /// Which label.
        label: &'static str,
        /// How many there are.
        found: usize,
    },
    /// Not the canonical encoding of this file.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// Written by a newer product.
    #[error("file version {found}; this build reads {VERSION}")]
    Version {
        /// Its version.
        found: u8,
    },
    /// More certificates than [`CERTIFICATES_MAX`].
    #[error("too many certificates")]
    TooMany,
}

/// What `conclave request` and `conclaved request` write.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RequestFile {
    /// [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// PKCS#10 by the signature key, with the agreement key as attribute; DER.
    #[n(1)]
    pub request: ByteVec,
    /// A server's: the log identity key, Ed25519.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub identity: Option<[u8; 32]>,
}

/// What the authority gives back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct CertificatesFile {
    /// [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// The signature certificate, the agreement certificate, then the authorities from the issuing one up; DER.
    #[n(1)]
    pub certificates: Vec<ByteVec>,
}

impl RequestFile {
    /// Of a request's DER.
    pub fn new(request: Vec<u8>, identity: Option<[u8; 32]>) -> Self {
        Self { version: VERSION, request: request.into(), identity }
    }

    /// The armoured text.
    pub fn to_text(&self) -> String {
        pem::encode(REQUEST_LABEL, &canonical::encode(self))
    }

    /// Reads the armoured text whole. The request in it is still to be parsed by [`crate::Request::parse`].
    pub fn from_text(text: &str) -> Result<Self, BadExchange> {
        let file: Self = canonical::decode(&only_block(text, REQUEST_LABEL)?)?;
        if file.version != VERSION {
            return Err(BadExchange::Version { found: file.version });
        }
        Ok(file)
    }

    /// What the asker and the officer compare, by telephone or face to face: the first [`FINGERPRINT_BYTES`] of SHA-256
    /// over the file's canonical bytes, so over the key of a server's log too, which no signature covers.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(canonical::encode(self));
        let group = |pair: &[u8]| pair.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        digest[..FINGERPRINT_BYTES].chunks(2).map(group).collect::<Vec<_>>().join(" ")
    }
}

impl CertificatesFile {
    /// Of certificates in the order of [`CertificatesFile::certificates`].
    pub fn new(certificates: Vec<Vec<u8>>) -> Self {
        Self { version: VERSION, certificates: certificates.into_iter().map(ByteVec::from).collect() }
    }

    /// The armoured text.
    pub fn to_text(&self) -> String {
        pem::encode(CERTIFICATES_LABEL, &canonical::encode(self))
    }

    /// Reads the armoured text whole. The certificates in it are still to be parsed.
    pub fn from_text(text: &str) -> Result<Self, BadExchange> {
        let file: Self = canonical::decode(&only_block(text, CERTIFICATES_LABEL)?)?;
        if file.version != VERSION {
            return Err(BadExchange::Version { found: file.version });
        }
        if file.certificates.len() > CERTIFICATES_MAX {
            return Err(BadExchange::TooMany);
        }
        Ok(file)
    }
}

/// The one block of a label; the helper for every armoured file of one block.
pub fn only_block(text: &str, label: &'static str) -> Result<Vec<u8>, BadExchange> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(BadExchange::TooLong);
    }
    let mut blocks = pem::decode(text, label)?;
    match (blocks.pop(), blocks.len()) {
        (Some(block), 0) => Ok(block),
        (None, found) => Err(BadExchange::Blocks { label, found }),
        (Some(_), more) => Err(BadExchange::Blocks { label, found: more + 1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_come_back_as_they_went() {
        let request = RequestFile::new(vec![1, 2, 3], Some([7; 32]));
        assert_eq!(RequestFile::from_text(&request.to_text()).unwrap(), request);
        // 83 01 43 01 02 03 58 20 07…07
        assert_eq!(request.fingerprint(), "378c b293 cd8f 390d 154f");
        let bare = RequestFile::new(vec![1, 2, 3], None);
        assert_ne!(request.fingerprint(), bare.fingerprint());
        let certificates = CertificatesFile::new(vec![vec![4], vec![5, 6]]);
        assert_eq!(CertificatesFile::from_text(&certificates.to_text()).unwrap(), certificates);
    }

    #[test]
    fn another_file_is_refused_by_name() {
        let request = RequestFile::new(vec![1], None).to_text();
        let refused = CertificatesFile::from_text(&request);
        assert!(matches!(refused, Err(BadExchange::Blocks { label: CERTIFICATES_LABEL, found: 0 })));
        let twice = format!("{request}{request}");
        assert!(matches!(RequestFile::from_text(&twice), Err(BadExchange::Blocks { found: 2, .. })));
        let newer = pem::encode(
            REQUEST_LABEL,
            &canonical::encode(&RequestFile { version: 9, ..RequestFile::new(vec![], None) }),
        );
        assert!(matches!(RequestFile::from_text(&newer), Err(BadExchange::Version { found: 9 })));
        let many = CertificatesFile::new(vec![vec![]; CERTIFICATES_MAX + 1]).to_text();
        assert!(matches!(CertificatesFile::from_text(&many), Err(BadExchange::TooMany)));
    }
}
