//! A founded site whose witness cosigned its first head: what a server of it keeps, and the engine that gets it back.
//! Never changes: everything in it follows from a seed.

use crate::PEOPLE;
use journal::Policy;
use journal::act::Act;
use journal::checkpoint::SignedCheckpoint;
use journal::ids::Head;
use journal::note::CosignerKey;
use journal::register::Register;
use journal::testing::{Described, FOUNDED_MS, TestSite, seed};
use journal::tree::Tree;
use journal::witness::{cosigner_name, key_binding_bytes};
use minicbor::bytes::ByteVec;
use pki::{Clearance, PublicKey, Role, SecretKey, Signer, Suite, canonical};
use protocol::Now;
use protocol::engine::founding::{Founding, found};
use protocol::engine::{Books, Engine, EngineParts};
use std::sync::LazyLock;

/// Whatever is drawn here is drawn from this number.
const SITE: u64 = 1;

/// When the witness cosigned, seconds since 1970.
const COSIGNED_S: u64 = FOUNDED_MS / 1000 + 60;

/// See the module.
pub struct Watched {
    site: TestSite,
    /// The state behind the founding entries.
    pub register: Register,
    /// The tree over them.
    pub tree: Tree,
    books: Books,
    note: Vec<u8>,
    /// What the server keeps of the cosigned head.
    pub kept: Vec<u8>,
    /// The witness' signature line, which nobody else can make.
    pub line: String,
}

static WATCHED: LazyLock<Watched> = LazyLock::new(|| {
    let mut site = TestSite::new(SITE, Suite::Ed25519);
    for (login, role, clearance) in PEOPLE.into_iter().chain([("wera", Role::Witness, 1)]) {
        site.issue(login, &Described::new(role, Clearance(clearance)));
    }
    let genesis = site.genesis(&["olga", "oleg"], Policy::standard());
    let logins = PEOPLE.map(|(login, ..)| login).into_iter().chain(["wera"]);
    let enrols: Vec<Act> = logins.map(|login| Act::Enrol(site.person(login).enrol())).collect();
    let acts = enrols.into_iter().map(|act| site.offline(act).0).collect();
    let now = Now { wall_ms: FOUNDED_MS + 1000, boot_ms: 1000 };
    let keys = (&copy(&site.identity), &period());
    let Founding { batch, register, tree, books, log } =
        found(now, genesis, acts, Vec::new(), usize::MAX, keys).expect("the test site is well-formed");
    let note = batch.note.to_vec();

    let secret = SecretKey::from_bytes(Suite::Ed25519, &seed(SITE, "witness")).expect("a seed is a key");
    let key =
        CosignerKey::new(cosigner_name(log, site.id("wera")), secret.public().clone()).expect("Ed25519");
    let own = SignedCheckpoint::parse(&note).expect("the engine's own note");
    let line = key.cosign(own.note().text(), &secret, COSIGNED_S).expect("a key signs").to_string();
    let wera = site.person("wera");
    let binding: ByteVec = wera.signature.sign(&key_binding_bytes(log, &key)).expect("a key signs").into();
    let lines = vec![(wera.signature_certificate.id(), key.to_string(), binding, line.clone())];
    let kept = canonical::encode(&(1u8, ByteVec::from(note.clone()), lines));
    Watched { site, register, tree, books, note, kept, line }
});

fn copy(key: &SecretKey) -> SecretKey {
    SecretKey::from_bytes(Suite::Ed25519, &key.to_bytes()).expect("a key's own bytes")
}

fn period() -> SecretKey {
    SecretKey::from_bytes(Suite::Ed25519, &seed(SITE, "period/0")).expect("a seed is a key")
}

/// The one of this process.
pub fn watched() -> &'static Watched {
    &WATCHED
}

impl Watched {
    /// The log's own key.
    pub fn identity(&self) -> &PublicKey {
        self.site.identity.public()
    }

    /// The head that was cosigned.
    pub fn head(&self) -> Head {
        Head { size: self.tree.size(), root: self.tree.root() }
    }

    /// An engine that starts over the founding entries and was given back nothing yet.
    pub fn engine(&self) -> Engine {
        let server = self.site.person("server");
        let parts = EngineParts {
            register: self.register.clone(),
            tree: self.tree.clone(),
            books: self.books.clone(),
            note: self.note.clone(),
            identity: copy(&self.site.identity),
            period: period(),
            core: server.agreement_certificate.der().to_vec(),
            server: server.signature_certificate.id(),
        };
        Engine::new(parts).expect("the parts fit each other")
    }
}
