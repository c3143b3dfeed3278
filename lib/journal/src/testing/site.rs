//! The authority and the people of a test site, with all their secret keys.
//! Never draws randomness: everything follows from the site's seed.

use crate::act::{Act, Enrol, Genesis};
use crate::ids::{Chain, Head, LogId, StatementId};
use crate::policy::Policy;
use crate::register::offline_chain;
use crate::statement::{Header, STATEMENT_VERSION, SignedStatement, Statement};
use pki::profile::{self, Authority, LeafKey, LeafRequest, Validity};
use pki::subject::SubjectNames;
use pki::{
    AgreementSecret, CertId, CertTime, Certificate, Clearance, PersonId, Role, RoleSet, SecretKey, Suite,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// When test sites are founded: 2026-01-01T00:00:00Z, milliseconds.
pub const FOUNDED_MS: u64 = 1_767_225_600_000;
/// How long their certificates are valid from then on.
pub const VALID_MS: u64 = 365 * 24 * 3600 * 1000;

/// 32 bytes that follow from a site's seed and a name.
pub fn seed(site: u64, name: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"test/").chain_update(site.to_be_bytes()).chain_update(name).finalize().into()
}

/// Numbers that look random and follow from a seed.
pub struct SeededRng {
    seed: [u8; 32],
    count: u64,
}

impl SeededRng {
    /// The numbers of this seed.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, count: 0 }
    }
}

impl rand_core::TryRng for SeededRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(32) {
            self.count += 1;
            let block =
                Sha256::new().chain_update(self.seed).chain_update(self.count.to_be_bytes()).finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for SeededRng {}

/// A person (or the server) with both secret keys and the newest certificates.
pub struct TestPerson {
    /// Who.
    pub id: PersonId,
    /// The signature key.
    pub signature: SecretKey,
    /// The agreement key.
    pub agreement: AgreementSecret,
    /// The signature certificate.
    pub signature_certificate: Certificate,
    /// The agreement certificate.
    pub agreement_certificate: Certificate,
    /// The chain that lives, zero before a Login.
    pub chain: Chain,
    /// The last admitted sequence.
    pub sequence: u64,
    /// Refusals of the next one.
    pub attempt: u32,
    /// The last admitted statement.
    pub last: StatementId,
    generation: u32,
}

impl TestPerson {
    /// The Enrol that makes the certificates known.
    pub fn enrol(&self) -> Enrol {
        Enrol {
            signature: self.signature_certificate.der().to_vec().into(),
            agreement: self.agreement_certificate.der().to_vec().into(),
        }
    }
}

/// What a certificate says of a person.
#[derive(Clone)]
pub struct Described {
    /// Roles.
    pub roles: RoleSet,
    /// Clearance.
    pub clearance: Clearance,
    /// Valid from and until, milliseconds since 1970.
    pub valid_ms: (u64, u64),
}

impl Described {
    /// One role, for as long as test certificates last.
    pub fn new(role: Role, clearance: Clearance) -> Self {
        let roles = RoleSet::EMPTY.with(role);
        Self { roles, clearance, valid_ms: (FOUNDED_MS, FOUNDED_MS + VALID_MS) }
    }
}

/// The authority and everybody it knows, by login.
pub struct TestSite {
    /// All keys follow from it.
    pub number: u64,
    /// The suite of everything.
    pub suite: Suite,
    /// The root's certificate.
    pub root: Certificate,
    /// The root's key.
    pub root_key: SecretKey,
    /// The issuing authority's certificate.
    pub issuing: Certificate,
    /// Its key.
    pub issuing_key: SecretKey,
    /// The log identity key, Ed25519.
    pub identity: SecretKey,
    /// Everybody.
    pub people: BTreeMap<String, TestPerson>,
    /// The next offline act's number.
    pub offline_sequence: u64,
    /// The last offline act.
    pub offline_last: StatementId,
    rng: SeededRng,
}

fn validity((from, until): (u64, u64)) -> Validity {
    Validity { from: CertTime((from / 1000) as i64), until: CertTime((until / 1000) as i64) }
}

fn secret(site: u64, suite: Suite, name: &str) -> SecretKey {
    SecretKey::from_bytes(suite, &seed(site, name)).expect("a seed is a key")
}

impl TestSite {
    /// An authority and nobody under it yet.
    pub fn new(number: u64, suite: Suite) -> Self {
        let mut rng = SeededRng::new(seed(number, "rng"));
        let (root_key, issuing_key) = (secret(number, suite, "root"), secret(number, suite, "issuing"));
        let long = validity((FOUNDED_MS, FOUNDED_MS + 10 * VALID_MS));
        let root = profile::root("Test Root", root_key.public(), &root_key, long, &mut rng).expect("a root");
        let authority = Authority { certificate: &root, signer: &root_key };
        let issuing =
            profile::issuing_authority(authority, "Test Issuing 1", issuing_key.public(), long, &mut rng)
                .expect("an issuing authority");
        Self {
            number,
            suite,
            identity: secret(number, Suite::Ed25519, "identity"),
            root,
            root_key,
            issuing,
            issuing_key,
            people: BTreeMap::new(),
            offline_sequence: 0,
            offline_last: StatementId::ZERO,
            rng,
        }
    }

    /// Makes a person's keys and certificates; again for a known login: a renewal with new keys.
    pub fn issue(&mut self, login: &str, described: &Described) -> Enrol {
        let generation = self.people.get(login).map_or(0, |known| known.generation + 1);
        let id = self.people.get(login).map_or_else(
            || PersonId(u64::from_be_bytes(seed(self.number, login)[..8].try_into().expect("8 bytes")) | 1),
            |known| known.id,
        );
        let is_server = described.roles.contains(Role::Server);
        let signature = secret(self.number, self.suite, &format!("{login}/signature/{generation}"));
        let agreement_seed = seed(self.number, &format!("{login}/agreement/{generation}"));
        let agreement = AgreementSecret::from_bytes(self.suite, &agreement_seed).expect("a seed is a key");
        let names = SubjectNames {
            full_name: format!("Test {login}"),
            login: login.into(),
            unit: vec!["Test unit".into()],
        };
        let issuer = Authority { certificate: &self.issuing, signer: &self.issuing_key };
        let mut make = |roles, key| {
            let request = LeafRequest {
                person: id,
                names: &names,
                roles,
                clearance: described.clearance,
                key,
                validity: validity(described.valid_ms),
            };
            profile::leaf(issuer, &request, &mut self.rng).expect("a leaf")
        };
        let agreement_roles = if is_server { RoleSet::EMPTY.with(Role::Core) } else { described.roles };
        let signature_certificate = make(described.roles, LeafKey::Signature(signature.public()));
        let agreement_certificate = make(agreement_roles, LeafKey::Agreement(agreement.public()));
        let before = self.people.remove(login);
        let (chain, sequence, last) = before
            .as_ref()
            .map_or((Chain::ZERO, 0, StatementId::ZERO), |known| (known.chain, known.sequence, known.last));
        let person = TestPerson {
            id,
            signature,
            agreement,
            signature_certificate,
            agreement_certificate,
            chain,
            sequence,
            attempt: 0,
            last,
            generation,
        };
        let enrol = person.enrol();
        self.people.insert(login.into(), person);
        enrol
    }

    /// The person of this login.
    pub fn person(&self, login: &str) -> &TestPerson {
        self.people.get(login).expect("the test issued certificates to this login")
    }

    /// The person's id.
    pub fn id(&self, login: &str) -> PersonId {
        self.person(login).id
    }

    /// The genesis with these first officers (logins) and policy.
    pub fn genesis(&self, officers: &[&str], policy: Policy) -> SignedStatement {
        let act = Genesis {
            site: format!("Test site {}", self.number),
            suite: self.suite,
            root: self.root.der().to_vec().into(),
            issuing: self.issuing.der().to_vec().into(),
            identity: self.identity.public().raw().try_into().expect("an Ed25519 key has 32 bytes"),
            officers: officers.iter().map(|login| self.person(login).signature_certificate.id()).collect(),
            threshold: 2,
            policy,
            time_ms: FOUNDED_MS,
        };
        let header = self.blank_header(self.issuing.id());
        self.sign(Statement { header, act: Act::Genesis(act) }, &self.issuing_key).0
    }

    /// A header that names nobody, nothing before it and no log.
    pub fn blank_header(&self, certificate: CertId) -> Header {
        Header {
            version: STATEMENT_VERSION,
            suite: self.suite,
            log: LogId::ZERO,
            person: PersonId(0),
            certificate,
            chain: Chain::ZERO,
            sequence: 0,
            attempt: 0,
            previous: StatementId::ZERO,
            head: Head { size: 0, root: crate::tree::empty_root() },
        }
    }

    /// Signs.
    pub fn sign(&self, statement: Statement, key: &SecretKey) -> (SignedStatement, StatementId) {
        SignedStatement::sign(&statement, key).expect("a key in memory signs")
    }

    /// The next act of the authority's offline chain.
    pub fn offline(&mut self, act: Act) -> (SignedStatement, StatementId) {
        let mut header = self.blank_header(self.issuing.id());
        header.chain = offline_chain(self.issuing.id(), self.issuing.subject());
        header.sequence = self.offline_sequence;
        header.previous = self.offline_last;
        let signed = self.sign(Statement { header, act }, &self.issuing_key);
        self.offline_sequence += 1;
        self.offline_last = signed.1;
        signed
    }
}
