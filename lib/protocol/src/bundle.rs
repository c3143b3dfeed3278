//! The file that the authority hands to the appliance: genesis, acts, password verifiers, the server's certificates.
//! Never carries a secret in clear: verifiers are sealed to the core. Nobody trusts it for its own sake: every act in it
//! is signed.
//!
//! ```text
//! Bundle = [1, genesis: SignedStatement or null, acts: [SignedStatement…], verifiers: [SealedVerifier…],
//!           server: [certificate DER…] or null]                      armour "CONCLAVE BUNDLE" around canonical CBOR
//! ```

use crate::frame::SealedVerifier;
use journal::SignedStatement;
use journal::act::Act;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::canonical::{self, NotCanonical};
use pki::pem::{self, BadPem};
use std::collections::BTreeSet;

/// Version of the format that this build writes.
pub const VERSION: u8 = 1;
/// Label of the armour.
pub const LABEL: &str = "CONCLAVE BUNDLE";
/// Acts in one bundle, as many as one Submit takes in; more go into the next one.
pub const ACTS_MAX: usize = 4096;
/// Certificates of the server: its pair and the authorities above it.
pub const SERVER_CERTIFICATES_MAX: usize = pki::exchange::CERTIFICATES_MAX;

/// See the head of this file.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Bundle {
    /// [`VERSION`].
    #[n(0)]
    pub version: u8,
    /// In the first bundle of a site, and in one that holds everything.
    #[n(1)]
    pub genesis: Option<SignedStatement>,
    /// Acts of the authority's offline chain, in its order and without gaps.
    #[n(2)]
    pub acts: Vec<SignedStatement>,
    /// One for each envelope that the acts print, save those the appliance has already taken in; one whose envelope the
    /// same acts end again may be missing (see [`ended_within`]).
    #[n(3)]
    pub verifiers: Vec<SealedVerifier>,
    /// Where the acts enrol the server: its signature certificate, its agreement certificate, then the authorities from
    /// the issuing one up; DER.
    #[n(4)]
    pub server: Option<Vec<ByteVec>>,
}

/// Envelopes that these acts print and end again, void or replaced. Their passwords will never open anything, so their
/// verifiers are not needed: an authority that lost one voids or reissues the envelope, and its chain goes on. Nothing
/// of this is in the journal, which binds verifiers and never holds them.
pub fn ended_within<'a>(acts: impl DoubleEndedIterator<Item = &'a Act>) -> BTreeSet<u64> {
    let (mut ended, mut printed_too) = (BTreeSet::new(), BTreeSet::new());
    for act in acts.rev() {
        if let Act::EnvelopeVoid(void) = act {
            ended.insert(void.number);
        } else if let Act::EnvelopePrint(print) = act {
            if ended.contains(&print.number) {
                printed_too.insert(print.number);
            }
            if print.replaces != 0 {
                ended.insert(print.replaces);
            }
        }
    }
    printed_too
}

/// Why a text is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BadBundle {
    /// The armour is broken.
    #[error(transparent)]
    Armour(#[from] BadPem),
    /// No bundle in the text, or several.
    #[error("the text holds {found} bundles instead of one")]
    NotOne {
        /// How many.
        found: usize,
    },
    /// Written by a newer product.
    #[error("bundle of version {found}; this build reads up to {VERSION}")]
    Version {
        /// Its version.
        found: u8,
    },
    /// Not the canonical encoding of a bundle.
    #[error("not a bundle: {0}")]
    Encoding(#[from] NotCanonical),
    /// More of something than a bundle holds.
    #[error("more {what} than a bundle may hold")]
    TooMany {
        /// Of what.
        what: &'static str,
    },
}

impl Bundle {
    /// The armoured text.
    pub fn to_text(&self) -> String {
        pem::encode(LABEL, &canonical::encode(self))
    }

    /// Reads a text with one bundle in it, whole. The statements are still to be parsed and verified.
    pub fn from_text(text: &str) -> Result<Self, BadBundle> {
        let blocks = pem::decode(text, LABEL)?;
        match blocks.as_slice() {
            [bytes] => Self::from_bytes(bytes),
            _ => Err(BadBundle::NotOne { found: blocks.len() }),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, BadBundle> {
        // A newer version is refused by name, even where its other fields mean nothing to us: [array, version, …].
        if let [0x80..=0x97, version @ 0..=0x17, ..] = *bytes
            && version > VERSION
        {
            return Err(BadBundle::Version { found: version });
        }
        let bundle: Self = canonical::decode(bytes)?;
        if bundle.version != VERSION {
            return Err(BadBundle::Version { found: bundle.version });
        }
        let certificates = bundle.server.as_ref().map_or(0, Vec::len);
        let counts = [
            ("acts", bundle.acts.len(), ACTS_MAX),
            ("verifiers", bundle.verifiers.len(), ACTS_MAX),
            ("certificates", certificates, SERVER_CERTIFICATES_MAX),
        ];
        match counts.into_iter().find(|(_, count, max)| count > max) {
            Some((what, _, _)) => Err(BadBundle::TooMany { what }),
            None => Ok(bundle),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::PersonId;

    fn statement(byte: u8) -> SignedStatement {
        SignedStatement { statement: vec![byte].into(), signature: vec![byte, byte].into() }
    }

    fn bundle() -> Bundle {
        Bundle {
            version: VERSION,
            genesis: Some(statement(1)),
            acts: vec![statement(2), statement(3)],
            verifiers: vec![SealedVerifier { person: PersonId(7), envelope: 1, sealed: vec![9].into() }],
            server: Some(vec![vec![4].into()]),
        }
    }

    #[test]
    fn a_bundle_is_read_back_from_its_text() {
        for bundle in [bundle(), Bundle { genesis: None, server: None, ..bundle() }] {
            assert_eq!(Bundle::from_text(&format!("for the core\n{}", bundle.to_text())).unwrap(), bundle);
        }
    }

    #[test]
    fn the_bytes_are_these_for_ever() {
        let hex = "850182410142010182824102420202824103420303818307014109814104";
        let bytes = canonical::encode(&bundle());
        let found: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, hex);
        for at in 0..bytes.len() {
            assert!(Bundle::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_bundle_is_refused_by_its_reason() {
        let mut newer = canonical::encode(&bundle());
        newer[1] = 2;
        assert!(matches!(Bundle::from_bytes(&newer), Err(BadBundle::Version { found: 2 })));
        let twice = bundle().to_text().repeat(2);
        assert!(matches!(Bundle::from_text(&twice), Err(BadBundle::NotOne { found: 2 })));
        let many = Bundle { acts: vec![statement(1); ACTS_MAX + 1], ..bundle() };
        assert!(matches!(Bundle::from_text(&many.to_text()), Err(BadBundle::TooMany { what: "acts" })));
    }
}
