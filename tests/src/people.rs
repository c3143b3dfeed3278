//! The site and its people: the authority, the certificates, the envelopes, the founding of the log.
//! Never changes once it is founded.

use crate::store::Store;
use journal::act::{Act, EnvelopeHandOver, EnvelopePrint};
use journal::ids::LogId;
use journal::policy::Policy;
use journal::testing::{Described, FOUNDED_MS, SeededRng, TestSite, seed};
use pki::{AgreementSecret, Clearance, PersonId, Role, SecretKey, Suite};
use protocol::client::{Anchors, Me};
use protocol::engine::founding::found;
use protocol::frame::{SealedVerifier, VERIFIER_INFO};
use protocol::io::Now;
use vault::Vault;

/// Everybody's one-time password.
pub const ONE_TIME: &str = "one-time";

/// Login, role, clearance.
const EVERYBODY: [(&str, Role, u8); 8] = [
    ("server", Role::Server, 5),
    ("olga", Role::Officer, 5),
    ("oleg", Role::Officer, 5),
    ("anna", Role::Operator, 3),
    ("boris", Role::Operator, 3),
    ("vera", Role::Operator, 3),
    ("dina", Role::Operator, 1),
    ("igor", Role::Auditor, 3),
];

/// The site.
pub struct Site {
    /// Keys and certificates.
    pub test: TestSite,
    /// The log.
    pub log: LogId,
}

/// The same key once more.
pub fn copy(key: &SecretKey) -> SecretKey {
    SecretKey::from_bytes(key.public().suite(), &key.to_bytes()).unwrap()
}

/// The key of the log's first period.
pub fn first_period(site: u64, suite: Suite) -> SecretKey {
    SecretKey::from_bytes(suite, &seed(site, "period/0")).unwrap()
}

/// When the world begins.
pub fn beginning() -> Now {
    Now { wall_ms: FOUNDED_MS + 1000, boot_ms: 1000 }
}

impl Site {
    /// Makes everybody and founds the log in an empty vault.
    pub fn found(number: u64, suite: Suite, policy: Policy, vault: Vault) -> Self {
        let mut test = TestSite::new(number, suite);
        for (login, role, clearance) in EVERYBODY {
            test.issue(login, &Described::new(role, Clearance(clearance)));
        }
        let genesis = test.genesis(&["olga", "oleg"], policy);
        let (mut acts, mut verifiers) = (Vec::new(), Vec::new());
        let mut rng = SeededRng::new(seed(number, "envelopes"));
        for (number, (login, ..)) in (0..).zip(EVERYBODY) {
            let (enrol, person) = (test.person(login).enrol(), test.id(login));
            acts.push(test.offline(Act::Enrol(enrol)).0);
            if number == 0 {
                continue;
            }
            let core = test.person("server").agreement.public();
            let sealed = core
                .seal(VERIFIER_INFO, &envelope_aad(person, number), ONE_TIME.as_bytes(), &mut rng)
                .unwrap();
            let print = EnvelopePrint::new(number, person, 0, &sealed);
            acts.push(test.offline(Act::EnvelopePrint(print)).0);
            acts.push(test.offline(Act::EnvelopeHandOver(EnvelopeHandOver { number })).0);
            verifiers.push(SealedVerifier { person, envelope: number, sealed: sealed.into() });
        }
        let period = first_period(number, suite);
        let founding =
            found(beginning(), genesis, acts, verifiers, usize::MAX, (&copy(&test.identity), &period))
                .unwrap();
        let log = founding.log;
        let site = Self { test, log };
        Store::founded(vault, &site, &founding.batch);
        site
    }

    /// The server's agreement key.
    pub fn core(&self) -> &AgreementSecret {
        &self.test.person("server").agreement
    }

    /// Who has this login.
    pub fn id(&self, login: &str) -> PersonId {
        self.test.id(login)
    }

    /// What a person's credential holds.
    pub fn me(&self, login: &str) -> Me {
        let person = self.test.person(login);
        let secret = AgreementSecret::from_bytes(self.test.suite, &person.agreement.to_bytes()).unwrap();
        let certificate = person.signature_certificate.clone();
        let signer = Box::new(copy(&person.signature));
        Me::new(certificate, signer, vec![(person.agreement_certificate.id(), secret)]).unwrap()
    }

    /// What the site card says.
    pub fn anchors(&self) -> Anchors {
        Anchors {
            log: self.log,
            identity: self.test.identity.public().clone(),
            authorities: vec![self.test.root.clone(), self.test.issuing.clone()],
            core_key: None,
        }
    }
}

/// Associated data of a sealed verifier.
pub fn envelope_aad(person: PersonId, number: u64) -> Vec<u8> {
    [person.0.to_be_bytes(), number.to_be_bytes()].concat()
}
