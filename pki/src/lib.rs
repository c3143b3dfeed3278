//! Who is who, and did they sign: keys, certificates, paths, revocation lists, roles and credentials.
//! Never opens a socket, reads no clock and draws no randomness: time and random numbers are arguments.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod canonical;
pub mod certificate;
pub mod clearance;
pub mod constraints;
pub mod credential;
pub mod credential_file;
pub mod durable_file;
pub mod durable_folder;
pub mod exchange;
#[cfg(test)]
mod forge;
pub mod ids;
mod judge;
pub mod keys;
pub mod oids;
pub mod one_time;
pub mod password;
pub mod path;
pub mod pem;
pub mod profile;
pub mod request;
pub mod revocation_list;
pub mod role;
pub mod sealed;
pub mod signature;
pub mod site_card;
pub mod state_record;
pub mod subject;
pub mod suite;
#[cfg(test)]
mod testing;
pub mod x509;

pub use agreement::{AgreementPublic, AgreementSecret};
pub use certificate::{BadCertificate, Certificate};
pub use clearance::Clearance;
pub use credential::{Credential, CredentialError, CurrentKeys};
pub use credential_file::{CredentialFile, CredentialFileError};
pub use ids::{CertId, PersonId};
pub use keys::{KeyError, PublicKey, SecretKey};
pub use one_time::OneTimePassword;
pub use path::{Fault, PathError, Purpose, Question, Revocation, TrustAnchor, ValidPath, verify_path};
pub use request::Request;
pub use revocation_list::{BadRevocationList, Reason, RevocationList};
pub use role::{Role, RoleSet};
pub use sealed::KdfCost;
pub use signature::{BadSignature, SignError, Signer, Verifier};
pub use site_card::{SiteCard, SiteFacts};
pub use state_record::{OwnChain, StateRecord};
pub use subject::SubjectNames;
pub use suite::Suite;
pub use x509::extension::{KeyUsage, KeyUse};
pub use x509::name::Name;
pub use x509::time::{CertTime, UnixMs};
