//! Certification paths (RFC 5280 6.1), judged at a given moment: one function for handshake, statement and audit.
//! Never reads a clock, never fetches anything, and never accepts what it does not understand.
//!
//! What policy rejects beyond RFC 5280's algorithm, on purpose (to accept wrongly is the one sin):
//! - signatures other than Ed25519, ECDSA on P-256 and P-384 with SHA-256 or SHA-384, RSA PKCS#1 v1.5 with SHA-256,
//!   SHA-384 or SHA-512 under 2048 to 8192 bits; so no SHA-1, no RSA-PSS, no P-521;
//! - anything that is not DER, versions before 3, serial numbers not positive or above 20 bytes, times spelled
//!   against 4.1.2.5, an extension twice, FALSE written out, an empty issuer;
//! - an anchor or authority without basicConstraints, or with it but not critical; an anchor outside its own
//!   validity: anchors are judged like any other authority, their own constraints apply, and a self-signed anchor's
//!   signature is checked;
//! - an intermediate authority without keyUsage (an anchor may lack it; if it has one, keyCertSign is demanded);
//! - an end entity with keyCertSign, with pathLenConstraint or with nameConstraints;
//! - purposes client and server: a leaf that is an authority, lacks extKeyUsage, or only has anyExtendedKeyUsage;
//!   a keyUsage without digitalSignature. An authority's extKeyUsage, if there, must contain purpose and role, or
//!   anyExtendedKeyUsage;
//! - policyConstraints in any certificate, and every critical extension except basicConstraints, keyUsage,
//!   extKeyUsage, subjectAltName, nameConstraints and certificatePolicies. Policies themselves change nothing: any is
//!   acceptable and none demanded;
//! - name constraints of forms other than directoryName, dNSName, rfc822Name, iPAddress and URI, or malformed, or with
//!   minimum or maximum; names of a bound form that cannot be compared: directory names with a value that is no
//!   UTF8String, PrintableString or IA5String, under an exclusion also with letters that have another spelling
//!   (combining marks, compatibility forms, format characters, see `x509::spelling`), addresses in other string types,
//!   URIs with characters outside RFC 3986;
//! - an object identifier of more than 39 bytes or with an arc above 32 bits, wherever it stands;
//! - a leaf that is itself an anchor: somebody must have vouched for it.
//!
//! Revocation, when lists are given (see [`Revocation`]): every list is tried, in any order. A certificate is revoked
//! as soon as one list that its issuer's own key signed names it, be the list stale or partial (delta and indirect
//! lists accuse nobody). It is innocent only by a list that is full, direct, fresh, without critical extensions we do
//! not know, and signed by the very key that signed the certificate. A separate CRL signer is not supported.
use crate::certificate::Certificate;
use crate::constraints::ConstraintBreach;
use crate::ids::CertId;
use crate::judge::judge;
use crate::revocation_list::{Reason, RevocationList};
use crate::role::Role;
use crate::x509::extension::KeyUse;
use crate::x509::time::{CertTime, UnixMs};

/// Most authorities between a leaf and its anchor.
pub const INTERMEDIATES_MAX: usize = 8;
/// Most signatures that building one path may verify.
pub const SIGNATURES_MAX: usize = 128;
/// Most names that building one path may compare.
pub const CANDIDATES_MAX: usize = 16_384;

/// A certificate the site trusts because it was told to, out of band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustAnchor(Certificate);

impl TrustAnchor {
    /// Takes the certificate as an anchor. Whether it is fit to be one is judged with every path.
    pub fn new(certificate: Certificate) -> Self {
        Self(certificate)
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.0
    }
}

/// What TLS side a certificate is to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// TLS client.
    Client,
    /// TLS server.
    Server,
    /// Neither in particular.
    Any,
}

/// How far revocation is looked into.
#[derive(Debug, Clone, Copy, Default)]
pub enum Revocation<'a> {
    /// Not at all: there is nothing to look into. Whoever says this says it aloud.
    #[default]
    Unchecked,
    /// The leaf's issuer must have a fresh list here. An authority is checked as strictly as soon as one list of its
    /// issuer's is here, and passes when there is none.
    Leaf(&'a [RevocationList]),
    /// Every certificate below the anchor needs a fresh list of its issuer.
    Chain(&'a [RevocationList]),
}

/// What the caller wants to hear about a leaf.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The moment at which everything must hold.
    pub at: UnixMs,
    /// The TLS side it must be fit for.
    pub purpose: Purpose,
    /// The role it must grant.
    pub role: Option<Role>,
    /// The use its keyUsage must name: digitalSignature for statements, keyAgreement for wraps.
    pub key_use: Option<KeyUse>,
    /// The revocation lists.
    pub revocation: Revocation<'a>,
}

impl Question<'_> {
    /// A question about a purpose at a moment, with nothing else demanded and no lists.
    pub fn new(purpose: Purpose, at: UnixMs) -> Self {
        Self { at, purpose, role: None, key_use: None, revocation: Revocation::Unchecked }
    }
}

/// A path that holds, as a proof: only [`verify_path`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidPath {
    chain: Vec<Certificate>,
}

impl ValidPath {
    /// The certificates, leaf first, anchor last.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The leaf.
    pub fn leaf(&self) -> &Certificate {
        &self.chain[0]
    }
}

/// Why a certificate does not hold, and which one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("certificate \"{subject}\" ({certificate}): {why}")]
pub struct PathError {
    /// The certificate at fault.
    pub certificate: CertId,
    /// Its subject, for people.
    pub subject: String,
    /// What is wrong with it.
    pub why: Fault,
}

/// What is wrong with a certificate in a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No anchor and no intermediate has the issuer's name and signed it.
    #[error("no trusted issuer is known for it")]
    UnknownIssuer,
    /// Candidates have the issuer's name, none of them signed it.
    #[error("its signature was not made by its issuer")]
    BadSignature,
    /// Its signature's algorithm is not understood or too weak.
    #[error("its signature algorithm is not accepted")]
    UnknownAlgorithm,
    /// More authorities than [`INTERMEDIATES_MAX`].
    #[error("the path to an anchor is too long")]
    TooLong,
    /// Building the path took more than the limits allow.
    #[error("too many candidate issuers to try")]
    TooMuchWork,
    /// The leaf is itself an anchor.
    #[error("it is an anchor itself; nobody vouches for it")]
    LeafIsAnchor,
    /// The moment is before its validity.
    #[error("it is valid only from {from} on")]
    NotYetValid {
        /// First second of its validity.
        from: CertTime,
    },
    /// The moment is after its validity.
    #[error("it expired at {until}")]
    Expired {
        /// Last second of its validity.
        until: CertTime,
    },
    /// It signs certificates and is no authority, or its basicConstraints are not critical.
    #[error("it is no certification authority")]
    NotAnAuthority,
    /// It signs certificates without keyCertSign.
    #[error("its key may not sign certificates")]
    NoCertSign,
    /// More authorities below it than it allows.
    #[error("more authorities below it than it allows ({allowed})")]
    PathLength {
        /// Its pathLenConstraint.
        allowed: u64,
    },
    /// An end entity with what only an authority may have.
    #[error("it is no authority and carries an authority's extension")]
    AuthorityExtension,
    /// An authority is no leaf of TLS.
    #[error("it is a certification authority, not an end entity")]
    LeafIsAuthority,
    /// A critical extension nobody here understands.
    #[error("it has a critical extension that is not understood ({0})")]
    UnknownCritical(der::asn1::ObjectIdentifier),
    /// policyConstraints.
    #[error("it demands certificate policies, which are not supported")]
    PolicyConstraints,
    /// It breaks a name constraint of an authority above it.
    #[error("{0}")]
    Names(ConstraintBreach),
    /// Not for this purpose.
    #[error("its extended key usage does not allow this purpose")]
    Purpose,
    /// Does not grant this role.
    #[error("it does not grant the role {0}")]
    Role(Role),
    /// keyUsage does not allow what is asked.
    #[error("its key usage does not allow this use")]
    KeyUsage,
    /// A list names it.
    #[error("it was revoked at {at}")]
    Revoked {
        /// From when on.
        at: CertTime,
        /// Why.
        reason: Option<Reason>,
    },
    /// No list proves that it is not revoked.
    #[error("no fresh revocation list of its issuer shows that it is not revoked")]
    NoFreshList,
}

/// Finds a path from the leaf to an anchor that holds for the question. Intermediates come in any order, needed or not.
pub fn verify_path(
    leaf: &Certificate,
    intermediates: &[Certificate],
    anchors: &[TrustAnchor],
    question: &Question<'_>,
) -> Result<ValidPath, PathError> {
    if anchors.iter().any(|anchor| anchor.0 == *leaf) {
        return Err(fault(leaf, Fault::LeafIsAnchor));
    }
    let mut search = Search {
        intermediates,
        anchors,
        question,
        signatures_left: SIGNATURES_MAX,
        candidates_left: CANDIDATES_MAX,
        best: None,
    };
    let mut chain = vec![leaf];
    match search.extend(&mut chain) {
        Ok(Some(path)) => Ok(path),
        Ok(None) => Err(search.best.map_or_else(|| fault(leaf, Fault::UnknownIssuer), |(_, error)| error)),
        Err(error) => Err(error),
    }
}

pub(crate) fn fault(certificate: &Certificate, why: Fault) -> PathError {
    PathError { certificate: certificate.id(), subject: certificate.subject().to_string(), why }
}

/// Depth-first search upwards from the leaf, with a bound on everything.
struct Search<'a> {
    intermediates: &'a [Certificate],
    anchors: &'a [TrustAnchor],
    question: &'a Question<'a>,
    signatures_left: usize,
    candidates_left: usize,
    /// The error of the path that came furthest: (rank, error).
    best: Option<(usize, PathError)>,
}

impl<'a> Search<'a> {
    /// `Ok(None)`: no path along this way, look elsewhere. `Err`: a limit is reached, stop looking.
    fn extend(&mut self, chain: &mut Vec<&'a Certificate>) -> Result<Option<ValidPath>, PathError> {
        let top = *chain.last().expect("a chain starts with its leaf");
        if top.signature_algorithm().is_none() {
            self.note(chain.len(), fault(top, Fault::UnknownAlgorithm));
            return Ok(None);
        }
        let (anchors, intermediates) = (self.anchors, self.intermediates);
        let mut named = false;
        for anchor in anchors {
            if !self.could_issue(&anchor.0, top)? {
                continue;
            }
            named = true;
            if !self.has_signed(&anchor.0, top)? {
                continue;
            }
            chain.push(&anchor.0);
            let outcome = judge(chain, self.question);
            let length = chain.len();
            let whole = chain.iter().map(|certificate| (*certificate).clone());
            match outcome {
                Ok(()) => return Ok(Some(ValidPath { chain: whole.collect() })),
                // A complete path that fails says more than any path that ends nowhere.
                Err(error) => self.note(1000 + length, error),
            }
            chain.pop();
        }
        for candidate in intermediates {
            if !self.could_issue(candidate, top)? || repeats(chain, candidate) || self.is_anchor(candidate) {
                continue;
            }
            named = true;
            if chain.len() > INTERMEDIATES_MAX {
                self.note(chain.len(), fault(top, Fault::TooLong));
                continue;
            }
            if !self.has_signed(candidate, top)? {
                continue;
            }
            chain.push(candidate);
            let found = self.extend(chain)?;
            chain.pop();
            if found.is_some() {
                return Ok(found);
            }
        }
        self.note(chain.len(), fault(top, if named { Fault::BadSignature } else { Fault::UnknownIssuer }));
        Ok(None)
    }

    fn note(&mut self, rank: usize, error: PathError) {
        if self.best.as_ref().is_none_or(|(best, _)| rank > *best) {
            self.best = Some((rank, error));
        }
    }

    fn is_anchor(&self, candidate: &Certificate) -> bool {
        self.anchors.iter().any(|anchor| anchor.0 == *candidate)
    }

    fn could_issue(&mut self, candidate: &Certificate, below: &Certificate) -> Result<bool, PathError> {
        self.candidates_left =
            self.candidates_left.checked_sub(1).ok_or_else(|| fault(below, Fault::TooMuchWork))?;
        Ok(candidate.subject() == below.issuer())
    }

    fn has_signed(&mut self, candidate: &Certificate, below: &Certificate) -> Result<bool, PathError> {
        self.signatures_left =
            self.signatures_left.checked_sub(1).ok_or_else(|| fault(below, Fault::TooMuchWork))?;
        Ok(below.is_signed_by(candidate.spki()))
    }
}

/// The same authority twice leads in circles.
fn repeats(chain: &[&Certificate], candidate: &Certificate) -> bool {
    chain.iter().any(|known| known.spki() == candidate.spki() && known.subject() == candidate.subject())
}

#[cfg(test)]
#[path = "path_revocation_tests.rs"]
mod revocation_tests;
#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
