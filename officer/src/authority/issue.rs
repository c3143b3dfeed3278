//! From a request to a person's pair of certificates, recorded.
//! Never certifies a key it has seen, and never takes role, clearance or id from the request.

use super::Authority;
use super::found::{unmade, validity};
use super::state::Person;
use crate::files::{self, Readers};
use crate::trouble::{Failure, Trouble};
use journal::act::{Act, Enrol};
use pki::exchange::{BadExchange, RequestFile, TEXT_BYTES_MAX};
use pki::profile::{self, LeafKey, LeafRequest, Validity};
use pki::{Clearance, PersonId, Request, Role, RoleSet, SecretKey, SubjectNames};
use rand_core::CryptoRng;
use std::path::Path;

/// How long a person's certificates are valid unless it is said otherwise, days.
pub const LEAF_DAYS: u32 = 2 * 365;

/// A request file, read whole, its signature checked.
pub struct Asked {
    /// As it came.
    pub text: String,
    /// The request.
    pub request: Request,
    /// A server's log identity key.
    pub identity: Option<[u8; 32]>,
    /// What the asker sees too, see [`RequestFile::fingerprint`].
    pub fingerprint: String,
}

/// What the officer grants.
pub struct Grant {
    /// Names as they are to stand in the certificates.
    pub names: SubjectNames,
    /// The roles; server stands for the server's pair.
    pub roles: RoleSet,
    /// The clearance.
    pub clearance: Clearance,
    /// How long, days.
    pub days: u32,
}

/// How a request stands to what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Login and keys are new.
    New,
    /// Just these keys have their certificates already: a run is being resumed.
    Done,
    /// The login is known with other keys: that is a renewal.
    OtherKeys,
    /// A key is known, of another login or of an older request.
    KnownKey,
    /// The person was revoked.
    Revoked,
}

/// Reads a request file.
pub fn read_request(path: &Path) -> Result<Asked, Trouble> {
    let bad = |why: String| Trouble::BadFile { path: files::shown(path), why };
    let text = files::read_text(path, TEXT_BYTES_MAX as u64)?;
    let file = RequestFile::from_text(&text).map_err(|why| match why {
        BadExchange::Blocks { found: 0, .. } => {
            Trouble::NoBlock { path: files::shown(path), en: "no request", ru: "нет запроса" }
        }
        BadExchange::Blocks { .. }
        | BadExchange::TooLong
        | BadExchange::Armour(_)
        | BadExchange::NotCanonical(_)
        | BadExchange::Version { .. }
        | BadExchange::TooMany => bad(why.to_string()),
    })?;
    let request = Request::parse(&file.request).map_err(|why| bad(why.to_string()))?;
    Ok(Asked { text, request, fingerprint: file.fingerprint(), identity: file.identity })
}

impl Authority {
    /// How this request stands to what is known.
    pub fn standing(&self, request: &Request) -> Standing {
        let keys = [request.key().spki(), request.agreement().spki()];
        let holders = keys.map(|spki| self.state.holder(spki));
        match self.state.by_login(&request.names().login) {
            Some(person) if person.revoked.is_some() => Standing::Revoked,
            Some(person) if is_certified(person, &keys) => Standing::Done,
            Some(_) if holders == [None, None] => Standing::OtherKeys,
            None if holders == [None, None] => Standing::New,
            Some(_) | None => Standing::KnownKey,
        }
    }

    /// Makes and records the certificates of a new person, or of a known one's new keys. The request is kept first: a
    /// crash leaves at most a request without certificates.
    pub fn certify(
        &mut self,
        key: &SecretKey,
        asked: &Asked,
        grant: &Grant,
        now_ms: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<PersonId, Failure> {
        let login = &grant.names.login;
        if asked.request.key().suite() != key.public().suite() {
            let suite = asked.request.key().suite().name().into();
            return Err(Trouble::OtherSuite { login: login.clone(), suite }.into());
        }
        let known = self.state.by_login(login).map(|person| person.id);
        let person = known.unwrap_or_else(|| self.new_person(rng));
        let validity = self.leaf_validity(now_ms, grant.days);
        let issuer = profile::Authority { certificate: &self.issuing, signer: key };
        let is_server = grant.roles.contains(Role::Server);
        let mut make = |roles, key| {
            let request =
                LeafRequest { person, names: &grant.names, roles, clearance: grant.clearance, key, validity };
            profile::leaf(issuer, &request, rng).map_err(unmade)
        };
        let only = |role| RoleSet::EMPTY.with(role);
        let (one, other) =
            if is_server { (only(Role::Server), only(Role::Core)) } else { (grant.roles, grant.roles) };
        let signature = make(one, LeafKey::Signature(asked.request.key()))?;
        let agreement = make(other, LeafKey::Agreement(asked.request.agreement()))?;
        files::ensure_dir(&self.path("issued"))?;
        let kept = self.path("issued").join(format!("{login}.request"));
        files::replace(&kept, asked.text.as_bytes(), Readers::Anyone)?;
        let enrol =
            Enrol { signature: signature.der().to_vec().into(), agreement: agreement.der().to_vec().into() };
        self.record(key, Act::Enrol(enrol))?;
        Ok(person)
    }

    /// An id that nobody has.
    fn new_person(&self, rng: &mut dyn CryptoRng) -> PersonId {
        loop {
            let id = PersonId::random(rng);
            if !self.state.people.contains_key(&id) {
                return id;
            }
        }
    }

    /// A leaf begins when its authority does: what it is for counts from its entry in the journal on anyway, and an
    /// authority whose clock is ahead would make leaves that the appliance refuses until its own clock gets there, and
    /// with them every later act. No leaf outlives the authority that vouches for it.
    fn leaf_validity(&self, now_ms: u64, days: u32) -> Validity {
        let wanted = validity(now_ms, days);
        let (from, until) = self.issuing.validity();
        Validity { from, until: wanted.until.min(until) }
    }
}

fn is_certified(person: &Person, keys: &[&[u8]; 2]) -> bool {
    let newest = person.newest();
    [newest.signature.spki(), newest.agreement.spki()] == *keys
}
