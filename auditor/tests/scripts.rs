//! Sessions at a shell: each file of `tests/cmd` is a story of commands with their output, run on a site in memory
//! whose journal was written to bundles.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../tests/src/script.rs"]
#[allow(unreachable_pub, reason = "the file is a module of another room as well")]
mod script;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use auditor::bundle::BundleWriter;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use journal::Policy;
use journal::act::{Act, Disclose, Erase, EraseTarget, Logout, Message};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::fact::{Erased, FailedLogin, LoginFailure};
use journal::ids::Head;
use journal::note::{NoteSigner, SignedNote, VerifierKey};
use journal::receipt::Receipt;
use journal::testing::{FOUNDED_MS, SeededRng, TestLog, VALID_MS};
use journal::tree::{Tree, leaf_hash};
use journal::{Entry, Fact, LogId, Origin};
use pki::profile::{self, Authority, LeafKey, LeafRequest, Validity};
use pki::{
    CertTime, Clearance, Credential, CredentialFile, KdfCost, PersonId, Request, Role, RoleSet, SecretKey,
    SiteCard, SiteFacts, SubjectNames, Suite,
};
use protocol::disclosure::Disclosure;
use protocol::seal::body::{self, BodyRef};
use protocol::seal::keys::{BodyKey, EpochKey, Lock, TextPlace};
use protocol::seal::padding::class_for;
use protocol::seal::text::MessageText;
use script::{Ask, Words};

fn keys(log: &TestLog) -> LogKeys {
    keys_in(log, log.register.log_id().into())
}

fn keys_in(log: &TestLog, origin: Origin) -> LogKeys {
    let identity = log.site.identity.public().clone();
    LogKeys::new(origin, log.period_key.public().clone(), Some(identity)).unwrap()
}

fn note(log: &TestLog, head: Head) -> Vec<u8> {
    let origin = Origin { log: log.register.log_id(), era: log.register.era_at(head.size) };
    let keys = keys_in(log, origin);
    let signers = [
        NoteSigner { key: &keys.period, signer: &log.period_key },
        NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &log.site.identity },
    ];
    let checkpoint = Checkpoint { origin, head };
    SignedCheckpoint::sign(checkpoint, &signers).unwrap().to_string().into_bytes()
}

fn bundle(entries: &[Vec<u8>], note: &[u8]) -> Vec<u8> {
    let mut writer = BundleWriter::new(Vec::new()).unwrap();
    entries.iter().for_each(|entry| writer.entry(entry).unwrap());
    writer.finish(&[note]).unwrap()
}

fn card(log: &TestLog) -> SiteCard {
    let LogId(log_id) = log.register.log_id();
    SiteCard::new(SiteFacts {
        site: "Test site".into(),
        suite: log.site.suite,
        addresses: vec!["127.0.0.1:4433".into()],
        server_name: "conclave".into(),
        roots: vec![log.site.root.clone()],
        issuing: vec![log.site.issuing.clone()],
        log_id,
        log_identity: keys(log).identity.unwrap().to_string(),
        core_key: None,
    })
    .unwrap()
}

/// Two friends talk, one message and then all of it is erased; someone mistypes a password.
fn story(suite: Suite) -> TestLog {
    let mut log = TestLog::with_policy(1, suite, Policy::standard());
    let chat = log.talking("anna", &["boris"]);
    log.wait_ms(60_000);
    let first = log.send("anna", chat).unwrap();
    log.send("boris", chat).unwrap();
    log.act("anna", Act::Erase(Erase { target: EraseTarget::Messages(chat, vec![first]) })).unwrap();
    log.fact(Fact::Erased(Erased { epoch: 1, through: log.tree.size() - 1 })).unwrap();
    log.act("boris", Act::Erase(Erase { target: EraseTarget::Conversation(chat) })).unwrap();
    let certificate = log.site.person("vera").signature_certificate.id();
    let (person, failure) = (log.id("vera"), LoginFailure::Password);
    log.fact(Fact::FailedLogin(FailedLogin { person, certificate, failure, count: 1 })).unwrap();
    log
}

/// The genesis of this log, and behind it another site's anna: her Enrol, and a Login by that key.
fn forged(log: &TestLog) -> [Vec<u8>; 3] {
    let other = TestLog::standard(99);
    let anna = other.register.person(other.id("anna")).unwrap();
    let login = other.register.chain_of(anna.id).unwrap().login;
    [
        log.entries[0].clone(),
        other.entries[anna.enrolled as usize].clone(),
        other.entries[login as usize].clone(),
    ]
}

/// A proof from another house's log, its entry inside, and the verifier key of that log.
fn foreign() -> (String, String) {
    let secret = SecretKey::from_bytes(Suite::Ed25519, &[7; 32]).unwrap();
    let key = VerifierKey::new("example.com/fancylog".parse().unwrap(), secret.public().clone()).unwrap();
    let mut tree = Tree::new();
    for entry in ["first", "second", "third"] {
        tree.append(leaf_hash(entry.as_bytes()));
    }
    let text = format!("example.com/fancylog\n3\n{}\nan extension\n", STANDARD.encode(tree.root()));
    let note = SignedNote::sign(text, &[NoteSigner { key: &key, signer: &secret }]).unwrap();
    let proof = tree.inclusion_proof(2, 3).unwrap();
    let hashes: String = proof.path().iter().map(|hash| format!("{}\n", STANDARD.encode(hash))).collect();
    let extra = STANDARD.encode("third");
    (format!("c2sp.org/tlog-proof@v1\nextra {extra}\nindex 2\n{hashes}\n{note}"), key.to_string())
}

/// A log in which boris discloses what anna wrote, its card and the file; `bend` changes what the file holds.
fn disclosed(bend: impl FnOnce(&mut Disclosure)) -> (SiteCard, String) {
    let mut log = TestLog::with_policy(7, Suite::Ed25519, Policy::standard());
    let mut rng = SeededRng::new([7; 32]);
    let chat = log.talking("anna", &["boris"]);
    let text = MessageText { text: "маяк погас\n\u{1b}[2Jна рассвете".into(), file: None };
    let (content, message) = (text.encode().unwrap(), log.message(chat));
    let size = class_for(content.len()).unwrap();
    let header = log.draft("anna", Act::Logout(Logout {})).header;
    let (key, place) = (EpochKey::generate(&mut rng), TextPlace::of(&header, chat, message.epoch));
    let lock = Lock::message(Suite::Ed25519, &key, &place).unwrap();
    let sealed = body::seal(&lock, size, &content, &mut rng).unwrap();
    let act = Message { commitment: sealed.commitment(), size, ..message };
    log.act("anna", Act::Message(act)).unwrap();
    let index = log.tree.size() - 1;
    log.act("boris", Act::Disclose(Disclose { message: index })).unwrap();
    let (record, number) = (log.tree.size() - 1, log.register.conversation(chat).unwrap().number);
    let (head, note) = (log.head(), note(&log, log.head()));
    let receipt = |index: u64| {
        let proof = log.tree.inclusion_proof(index, head.size).unwrap();
        let receipt = Receipt::new(proof, SignedCheckpoint::parse(&note).unwrap()).unwrap();
        receipt.with_extra(log.entries[index as usize].clone()).unwrap()
    };
    let certificate = |login| log.site.person(login).signature_certificate.der().to_vec();
    let mut file = Disclosure {
        message: receipt(index),
        conversation: receipt(number),
        record: receipt(record),
        key: BodyRef::parse(sealed.bytes()).unwrap().disclose(&lock).unwrap(),
        body: sealed.into_bytes(),
        certificates: ["anna", "boris"].map(certificate).to_vec(),
        authorities: Vec::new(),
    };
    bend(&mut file);
    (card(&log), file.to_text().to_string())
}

fn write_disclosures(dir: &Path) {
    let put = |name: &str, bytes: &str| fs::write(dir.join(name), bytes).unwrap();
    let (card, file) = disclosed(|_| {});
    put("told.card", &card.to_text());
    put("told.fingerprint", &card.fingerprint().to_string());
    put("told.disclosure", &file);
    put("text.disclosure", &disclosed(|file| file.body[100] ^= 1).1);
    put("key.disclosure", &disclosed(|file| file.key = BodyKey::from_bytes(&[1; 32])).1);
    put("entry.disclosure", &disclosed(|file| file.message = file.conversation.clone()).1);
    put("place.disclosure", &disclosed(|file| file.conversation = file.message.clone()).1);
    put("record.disclosure", &disclosed(|file| file.record = file.message.clone()).1);
    put("nobody.disclosure", &disclosed(|file| drop(file.certificates.remove(0))).1);
}

/// An auditor's credential in a directory of its own, and its passphrase.
fn write_credential(dir: &Path, log: &TestLog) {
    let mut rng = SeededRng::new([8; 32]);
    let names = SubjectNames { full_name: "Igor".into(), login: "igor".into(), unit: Vec::new() };
    let mut credential = Credential::generate(Suite::Ed25519, names, &mut rng).unwrap();
    let request = Request::parse(&credential.request().unwrap()).unwrap();
    let issuer = Authority { certificate: &log.site.issuing, signer: &log.site.issuing_key };
    let at = |ms: u64| CertTime((ms / 1000) as i64);
    let mut certified = |key| {
        let leaf = LeafRequest {
            person: PersonId(8),
            names: request.names(),
            roles: RoleSet::EMPTY.with(Role::Auditor),
            clearance: Clearance(0),
            key,
            validity: Validity { from: at(FOUNDED_MS), until: at(FOUNDED_MS + VALID_MS) },
        };
        profile::leaf(issuer, &leaf, &mut rng).unwrap()
    };
    let signature = certified(LeafKey::Signature(request.key()));
    let agreement = certified(LeafKey::Agreement(request.agreement()));
    credential.install(signature, agreement).unwrap();
    fs::create_dir(dir.join("igor")).unwrap();
    let path = dir.join("igor/credential");
    CredentialFile::create(&path, credential, b"phrase", KdfCost::TESTING, &mut rng).unwrap();
    fs::write(dir.join("phrase"), "phrase\n").unwrap();
}

/// The log of before, gone on in another era without its last entries.
fn succeeded() -> TestLog {
    let mut log = story(Suite::Ed25519);
    log.cut(log.entries.len() - 3);
    let act = log.succession(1);
    log.succeed(&["olga", "oleg"], &act).unwrap();
    log.start().unwrap();
    log
}

/// Facts that nobody signed, up to so many entries.
fn grow(log: &mut TestLog, size: u64) {
    while log.tree.size() < size {
        let (person, failure) = (log.id("vera"), LoginFailure::Statement);
        let certificate = log.site.person("vera").signature_certificate.id();
        log.fact(Fact::FailedLogin(FailedLogin { person, certificate, failure, count: 1 })).unwrap();
    }
}

fn write_site(dir: &Path) {
    write_disclosures(dir);
    let put = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).unwrap();
    let log = story(Suite::Ed25519);
    let head = log.head();
    let whole = bundle(&log.entries, &note(&log, head));
    put("march.journal", &whole);
    put("cut.journal", &whole[..whole.len() / 2]);
    put("site.card", card(&log).to_text().as_bytes());
    put("fingerprint", card(&log).fingerprint().to_string().as_bytes());
    put("log-id", log.register.log_id().to_string().as_bytes());
    put("identity", keys(&log).identity.unwrap().to_string().as_bytes());
    put("root.pem", pki::pem::encode(pki::pem::CERTIFICATE, log.site.root.der()).as_bytes());
    let earlier = Head { size: head.size - 4, root: log.tree.root_at(head.size - 4).unwrap() };
    put("anna.checkpoint", &note(&log, earlier));
    put("new.checkpoint", &note(&log, head));
    put("february.journal", &bundle(&log.entries[..earlier.size as usize], &note(&log, earlier)));
    put("half-signed.journal", &bundle(&log.entries, &note(&log, earlier)));
    let mut stamped = log.entries.clone();
    let last = stamped.last_mut().unwrap();
    let entry = Entry::decode(last).unwrap();
    *last = Entry { wall_ms: entry.wall_ms + 1, ..entry }.encode();
    put("stamped.journal", &bundle(&stamped, &note(&log, head)));
    let mut flipped = log.entries.clone();
    let at = flipped.len() - 5;
    *flipped[at].last_mut().unwrap() ^= 1;
    put("flipped.journal", &bundle(&flipped, &note(&log, head)));
    let mut other = TestLog::with_policy(1, Suite::Ed25519, Policy::standard());
    grow(&mut other, earlier.size);
    let (proof, key) = foreign();
    put("foreign.proof", proof.as_bytes());
    put("foreign.key", key.as_bytes());
    put("other.checkpoint", &note(&other, other.head()));
    put("other.journal", &bundle(&other.entries, &note(&other, other.head())));
    grow(&mut other, head.size + 2);
    put("longer.journal", &bundle(&other.entries, &note(&other, other.head())));
    put("forged.journal", &bundle(&forged(&log), &note(&log, head)));
    write_credential(dir, &log);
    let later = succeeded();
    put("later.journal", &bundle(&later.entries, &note(&later, later.head())));
    let curve = story(Suite::EcdsaP256);
    put("p256.journal", &bundle(&curve.entries, &note(&curve, curve.head())));
}

#[test]
fn every_script_says_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    let mut scripts: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for path in scripts {
        let dir = tempfile::tempdir().unwrap();
        write_site(dir.path());
        script::play(&path, &mut Words::new(), &mut |ask| match ask {
            Ask::Run(who, line) => {
                assert!(who.is_empty(), "there is one terminal here");
                Some(command(dir.path(), line))
            }
            Ask::Do(words) => panic!("nothing here does \"{words}\""),
        });
    }
}

/// Runs a line by sh, with our program first on the path.
fn command(dir: &Path, line: &str) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_conclave-audit")).parent().unwrap().display().to_string();
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(dir).env("LC_ALL", "C").env_remove("CONCLAVE_LANG");
    shell.env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap_or_default()));
    shell.output().unwrap()
}
