//! The site card: what a terminal must know of its site before it speaks to it, handed over by people.
//! Never comes from the server: a terminal that learnt these things from it would trust whoever answers.
use std::fmt;

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::canonical::{self, NotCanonical};
use crate::certificate::{BadCertificate, Certificate};
use crate::path::TrustAnchor;
use crate::pem::{self, BadPem};
use crate::suite::Suite;

/// Version of the format that this build writes.
pub const VERSION: u8 = 1;
/// Label of the armour.
pub const LABEL: &str = "CONCLAVE SITE CARD";
/// Largest card, in bytes.
pub const CARD_BYTES_MAX: usize = 64 * 1024;
/// Longest text in a card, in bytes.
pub const TEXT_BYTES_MAX: usize = 512;
/// Most addresses, roots and issuing authorities, each.
pub const LIST_MAX: usize = 8;

/// What one site is, for its terminals.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SiteCard {
    #[n(0)]
    version: u8,
    /// The site's name, for people.
    #[n(1)]
    pub site: String,
    /// The suite the site chose at its genesis.
    #[n(2)]
    pub suite: Suite,
    /// `host:port`, in the order to try.
    #[n(3)]
    pub addresses: Vec<String>,
    /// The name in the server's certificate.
    #[n(4)]
    pub server_name: String,
    /// Root certificates, DER: the anchors.
    #[n(5)]
    pub roots: Vec<minicbor::bytes::ByteVec>,
    /// Issuing authorities, DER.
    #[n(6)]
    pub issuing: Vec<minicbor::bytes::ByteVec>,
    /// The log's id.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub log_id: [u8; 32],
    /// The log identity key, as a signed-note verifier.
    #[n(8)]
    pub log_identity: String,
    /// SHA-256 of the core's agreement key (SubjectPublicKeyInfo) that a terminal insists on; without it any
    /// certificate of the role core that holds by path will do.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub core_key: Option<[u8; 32]>,
}

/// The facts of a card; [`SiteCard::new`] checks them.
#[derive(Debug, Clone)]
pub struct SiteFacts {
    /// The site's name.
    pub site: String,
    /// Its suite.
    pub suite: Suite,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The name in the server's certificate.
    pub server_name: String,
    /// Root certificates.
    pub roots: Vec<Certificate>,
    /// Issuing authorities.
    pub issuing: Vec<Certificate>,
    /// The log's id.
    pub log_id: [u8; 32],
    /// The log identity key.
    pub log_identity: String,
    /// The core's agreement key, pinned.
    pub core_key: Option<[u8; 32]>,
}

/// Why a card is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadSiteCard {
    /// The text is no armour.
    #[error(transparent)]
    Pem(#[from] BadPem),
    /// No block or several.
    #[error("the text holds {found} site cards instead of one")]
    NotOne {
        /// How many.
        found: usize,
    },
    /// Not the canonical encoding of a card.
    #[error("not a site card: {0}")]
    Encoding(#[from] NotCanonical),
    /// Written by a newer product.
    #[error("site card of version {found}; this build reads up to {VERSION}")]
    Version {
        /// Its version.
        found: u8,
    },
    /// A text or list is empty, too long, or has control characters.
    #[error("the card's {field} is empty, too long or not plain text")]
    Field {
        /// Which one.
        field: &'static str,
    },
    /// A certificate in it is not one.
    #[error("a certificate in the card: {0}")]
    Certificate(#[from] BadCertificate),
    /// A certificate in it is of no authority.
    #[error("a certificate in the card is of no authority")]
    NotAnAuthority,
}

impl SiteCard {
    /// Makes a card.
    pub fn new(facts: SiteFacts) -> Result<Self, BadSiteCard> {
        let ders = |list: &[Certificate]| list.iter().map(|c| c.der().to_vec().into()).collect();
        let card = Self {
            version: VERSION,
            roots: ders(&facts.roots),
            issuing: ders(&facts.issuing),
            site: facts.site,
            suite: facts.suite,
            addresses: facts.addresses,
            server_name: facts.server_name,
            log_id: facts.log_id,
            log_identity: facts.log_identity,
            core_key: facts.core_key,
        };
        card.check()?;
        Ok(card)
    }

    fn check(&self) -> Result<(), BadSiteCard> {
        if self.version != VERSION {
            return Err(BadSiteCard::Version { found: self.version });
        }
        let plain =
            |text: &String| (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        let few = |count: usize| (1..=LIST_MAX).contains(&count);
        let fields = [
            ("site name", plain(&self.site)),
            ("addresses", few(self.addresses.len()) && self.addresses.iter().all(plain)),
            ("server name", plain(&self.server_name)),
            ("roots", few(self.roots.len())),
            ("issuing authorities", self.issuing.len() <= LIST_MAX),
            ("log identity", plain(&self.log_identity)),
        ];
        if let Some((field, _)) = fields.into_iter().find(|(_, good)| !good) {
            return Err(BadSiteCard::Field { field });
        }
        for der in self.roots.iter().chain(&self.issuing) {
            if !Certificate::parse(der)?.is_ca() {
                return Err(BadSiteCard::NotAnAuthority);
            }
        }
        Ok(())
    }

    /// The anchors.
    pub fn anchors(&self) -> Vec<TrustAnchor> {
        certificates(&self.roots).into_iter().map(TrustAnchor::new).collect()
    }

    /// The issuing authorities.
    pub fn issuing_authorities(&self) -> Vec<Certificate> {
        certificates(&self.issuing)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads the canonical bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadSiteCard> {
        if bytes.len() > CARD_BYTES_MAX {
            return Err(BadSiteCard::Field { field: "length" });
        }
        // A newer version is refused by name, even where its other fields mean nothing to us: [array, version, ...].
        if let [0x80..=0x97, version @ 0..=0x17, ..] = *bytes
            && version > VERSION
        {
            return Err(BadSiteCard::Version { found: version });
        }
        let card: Self = canonical::decode(bytes)?;
        card.check()?;
        Ok(card)
    }

    /// The armoured text.
    pub fn to_text(&self) -> String {
        pem::encode(LABEL, &self.to_bytes())
    }

    /// Reads a text with one card in it.
    pub fn from_text(text: &str) -> Result<Self, BadSiteCard> {
        let blocks = pem::decode(text, LABEL)?;
        match blocks.as_slice() {
            [card] => Self::from_bytes(card),
            _ => Err(BadSiteCard::NotOne { found: blocks.len() }),
        }
    }

    /// What people compare: SHA-256 of the canonical bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(self.to_bytes()).into())
    }
}

fn certificates(ders: &[minicbor::bytes::ByteVec]) -> Vec<Certificate> {
    // Both ways to a card parse every certificate; the fields are public, so a changed one is simply left out.
    ders.iter().filter_map(|der| Certificate::parse(der).ok()).collect()
}

/// A SHA-256 that people compare by eye: sixteen groups of four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, pair) in self.0.chunks(2).enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            pair.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::forge;

    pub(crate) fn card() -> SiteCard {
        let root = forge::root();
        let issuing = forge::Draft::authority("CA", 2).by(&root);
        SiteCard::new(SiteFacts {
            site: "North".into(),
            suite: Suite::Ed25519,
            addresses: vec!["10.0.0.1:4433".into()],
            server_name: "conclave".into(),
            roots: vec![root.certificate],
            issuing: vec![issuing.certificate],
            log_id: [7; 32],
            log_identity: "conclave/07+00112233+AQID".into(),
            core_key: None,
        })
        .unwrap()
    }

    #[test]
    fn a_card_is_read_back_from_its_text() {
        for core_key in [None, Some([9; 32])] {
            let card = SiteCard { core_key, ..card() };
            let text = format!("Card of the site North\n{}", card.to_text());
            assert_eq!(SiteCard::from_text(&text).unwrap(), card);
            assert_eq!(card.fingerprint().to_string().split(' ').count(), 16);
            assert_eq!((card.anchors().len(), card.issuing_authorities().len()), (1, 1));
        }
        let twice = card().to_text().repeat(2);
        assert!(matches!(SiteCard::from_text(&twice), Err(BadSiteCard::NotOne { found: 2 })));
    }

    #[test]
    fn every_cut_and_a_newer_version_are_refused() {
        let bytes = card().to_bytes();
        for at in 0..bytes.len() {
            assert!(SiteCard::from_bytes(&bytes[..at]).is_err());
        }
        let mut newer = bytes.clone();
        newer[1] = 2;
        assert!(matches!(SiteCard::from_bytes(&newer), Err(BadSiteCard::Version { found: 2 })));
        let empty = SiteCard { site: String::new(), ..card() };
        assert!(matches!(
            SiteCard::from_bytes(&empty.to_bytes()),
            Err(BadSiteCard::Field { field: "site name" })
        ));
    }
}
