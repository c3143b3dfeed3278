//! Writes the first inputs of every target's corpus from sound values and from the golden vectors of the tree.
//! `cargo run --release --example seeds`, from this folder. Never needed to run the targets: what it writes is kept.

mod store;

// The coverage symbols come with it.
use libfuzzer_sys as _;

use fuzz::{names, new_site, site};
use journal::act::{
    Act, EnvelopePrint, Export, KeptPasswords, Logout, LossCause, LossSource, LossTrace, Succession,
};
use journal::checkpoint::Checkpoint;
use journal::ids::Head;
use journal::note::VerifierKey;
use journal::testing::{SeededRng, TestLog, seed};
use journal::{Chain, ConversationId, LogId, MembershipHead, Policy, Register, ReservationId};
use minicbor::bytes::ByteVec;
use pki::exchange::{CertificatesFile, RequestFile};
use pki::profile::{self, Authority, Validity};
use pki::sealed::KdfCost;
use pki::{CertTime, Credential, PersonId, Reason, SiteCard, SiteFacts, StateRecord, Suite, canonical, pem};
use protocol::answer::Answer;
use protocol::bundle::{Bundle, VERSION};
use protocol::frame::{
    Ask, Ended, LoginFrame, PutChunk, Refused, SealedVerifier, Stored, SubmitFrame, ToCore, ToTerminal,
    encode,
};
use protocol::query::Query;
use protocol::seal::body;
use protocol::seal::keys::{EpochKey, FileKey, Lock, TextPlace};
use protocol::seal::text::{FileInfo, MessageText, TitleText};
use protocol::seal::wraps::{EpochPlace, WrapSet};
use protocol::succession::{PLAN_LABEL, Plan, SIGNATURE_LABEL, signature_text};
use protocol::{Input, Output};
use std::fs;
use std::path::Path;

fn keep(target: &str, name: &str, bytes: impl AsRef<[u8]>) {
    let folder = Path::new("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), bytes).expect("a file");
}

fn main() {
    certificates();
    credentials();
    statements();
    frames();
    bodies();
    files();
    store::records();
    store::backups();
    store::salvages();
    store::tpms();
    successions();
    scripts();
}

fn certificates() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let mut site = journal::testing::TestSite::new(1, suite);
        let described = journal::testing::Described::new(pki::Role::Operator, pki::Clearance(3));
        site.issue("anna", &described);
        let described = journal::testing::Described::new(pki::Role::Server, pki::Clearance(5));
        site.issue("server", &described);
        keep("certificate", &format!("{suite}-root"), site.root.der());
        keep("certificate", &format!("{suite}-issuing"), site.issuing.der());
        keep("certificate", &format!("{suite}-operator"), site.person("anna").signature_certificate.der());
        keep("certificate", &format!("{suite}-agreement"), site.person("anna").agreement_certificate.der());
        keep("certificate", &format!("{suite}-server"), site.person("server").signature_certificate.der());
        let issuer = Authority { certificate: &site.issuing, signer: &site.issuing_key };
        let (from, until) = (CertTime(1_767_225_600), CertTime(1_769_225_600));
        let rows = [(vec![1, 2, 3], from, Reason::KeyCompromise), (vec![4], from, Reason::Unspecified)];
        let list = profile::revocation_list(issuer, 7, Validity { from, until }, &rows).expect("a list");
        keep("revocation-list", &format!("{suite}"), list.der());
        let list = profile::revocation_list(issuer, 1, Validity { from, until }, &[]).expect("a list");
        keep("revocation-list", &format!("{suite}-empty"), list.der());
        let mut rng = SeededRng::new([1; 32]);
        let credential = Credential::generate(suite, names("anna"), &mut rng).expect("keys");
        let request = credential.request().expect("a request");
        keep("request", &format!("{suite}"), &request);
        keep(
            "exchange",
            &format!("{suite}-request"),
            canonical::encode(&RequestFile::new(request, Some([7; 32]))),
        );
    }
    let anna = &site().person("anna").signature_certificate;
    let file = CertificatesFile::new(vec![anna.der().to_vec(), site().issuing.der().to_vec()]);
    keep("exchange", "certificates", canonical::encode(&file));
    keep("exchange", "text", pem::encode(pem::CERTIFICATE, &[1, 2, 3]));
    let log = LogId([5; 32]);
    let identity =
        VerifierKey::new(Checkpoint::key_name(log), site().identity.public().clone()).expect("Ed25519");
    let card = SiteCard::new(SiteFacts {
        site: "Test site".into(),
        suite: Suite::Ed25519,
        addresses: vec!["conclave.example:4433".into()],
        server_name: "conclave".into(),
        roots: vec![site().root.clone()],
        issuing: vec![site().issuing.clone()],
        log_id: log.0,
        log_identity: identity.to_string(),
        core_key: None,
    });
    let card = card.expect("a card");
    keep("site-card", "card", card.to_bytes());
    keep("site-card", "text", card.to_text());
    // [1, site, suite, log, identity, roots, issuing, fingerprint, age, beyond, anchor]
    let mut trust = minicbor::Encoder::new(Vec::new());
    let written =
        trust.array(10).and_then(|e| e.u8(1)).and_then(|e| e.str("Test site")).and_then(|e| e.u8(1));
    let written = written.and_then(|e| e.bytes(&log.0)).and_then(|e| e.str(&identity.to_string()));
    let written = written.and_then(|e| e.array(1)).and_then(|e| e.bytes(site().root.der()));
    let written = written.and_then(|e| e.array(0)).and_then(|e| e.bytes(&[1; 32]));
    assert!(written.and_then(|e| e.u64(1000)).and_then(|e| e.u64(1000)).is_ok());
    let trust = trust.into_writer();
    keep("trust", "text", pem::encode("CONCLAVE TRUST", &trust));
    keep("trust", "bytes", trust);
}

fn credentials() {
    let mut rng = SeededRng::new([2; 32]);
    let credential = Credential::generate(Suite::Ed25519, names("anna"), &mut rng).expect("keys");
    let sealed = credential.seal(b"passphrase", KdfCost::TESTING, &mut rng).expect("a small cost");
    keep("credential", "sealed", &sealed);
    let contents = pki::sealed::open_with_passphrase("conclave credential", b"passphrase", &sealed);
    keep("credential", "contents", [&[0], &contents.expect("just sealed")[..]].concat());
    let mut state = StateRecord::new([1; 32], "log+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq".into());
    keep("credential", "state", [&[1], &canonical::encode(&state)[..]].concat());
    state.checkpoint = Some("note".into());
    state.chain = Some(pki::OwnChain { login_leaf: [2; 32], next_sequence: 3, last_id: [4; 32], attempt: 5 });
    keep("credential", "state-chain", [&[1], &canonical::encode(&state)[..]].concat());
}

/// One statement of every kind, from the vectors that judge the code.
fn statements() {
    let file = include_str!("../../../lib/journal/tests/vectors/statements.json");
    // Fields of an object come in the order of the alphabet: the entry before the name, the statement behind it.
    let (mut name, mut entry) = (String::new(), Vec::new());
    for line in file.lines() {
        let mut parts = line.split('"');
        match (parts.nth(1), parts.nth(1)) {
            (Some("entry"), Some(hex)) => entry = unhex(hex),
            (Some("name"), Some(found)) => {
                name = found.replace(' ', "-");
                keep("statement", &format!("{name}-entry"), &entry);
            }
            (Some("statement"), Some(hex)) => keep("statement", &name, unhex(hex)),
            (Some(_), _) | (None, _) => {}
        }
    }
    keep("statement", "policy", canonical::encode(&Policy::standard()));
    keep("statement", "export", canonical::encode(&Act::Export(Export { from: 1, to: 2 })));
    let driver = fuzz::driver::Driver::new();
    keep("statement", "entry-genesis", &driver.entries[0]);
    keep("statement", "entry-fact", &driver.entries[1]);
    keep("snapshot", "founded", driver.register().snapshot());
    keep("start-snapshot", "started", fuzz::driver::founded_snapshot());
    keep("snapshot", "empty", Register::new().snapshot());
    let mut log = TestLog::standard(1);
    let chat = log.talking("anna", &["boris"]);
    // A whole block of messages, and one behind it.
    for _ in 0..=4096 {
        log.send("boris", chat).expect("the standard site's people may talk");
    }
    keep("snapshot", "a-block", log.register.snapshot());
    let mut bundle = b"conclave journal\x01".to_vec();
    for record in driver.entries.iter().take(3) {
        bundle.extend_from_slice(&(record.len() as u32).to_be_bytes());
        bundle.extend_from_slice(record);
    }
    bundle.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 4, b'n', b'o', b't', b'e', 0, 0, 0, 0]);
    keep("audit-bundle", "three", bundle);
    keep("audit-bundle", "empty", b"conclave journal\x01\0\0\0\0\0\0\0\0");
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().map(|b| (b as char).to_digit(16).expect("hex") as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn signed() -> journal::SignedStatement {
    let mut site = new_site();
    let print = EnvelopePrint::new(1, site.id("anna"), 0, &[9]);
    site.offline(Act::EnvelopePrint(print)).0
}

fn frames() {
    let statement = signed();
    let to_core = [
        ToCore::Login(LoginFrame { statement: statement.clone(), password: vec![1, 2].into() }),
        ToCore::Submit(SubmitFrame {
            request: 1,
            statement: statement.clone(),
            body: Some(vec![3; 300].into()),
            password: None,
        }),
        ToCore::PutChunk(PutChunk {
            request: 2,
            reservation: ReservationId([4; 16]),
            chunk: 1,
            body: vec![5; 40].into(),
        }),
        ToCore::Ask(Ask { request: 3, query: Query::Policy }),
    ];
    let mut stream = vec![6];
    for (number, frame) in to_core.iter().enumerate() {
        keep("frame", &format!("to-core-{number}"), &encode(frame)[4..]);
        stream.extend_from_slice(&encode(frame));
    }
    keep("frame", "stream", stream);
    let to_terminal = [
        ToTerminal::Refused(Refused { request: 1, code: 5 }),
        ToTerminal::Stored(Stored { request: 2 }),
        ToTerminal::Ended(Ended { code: 12 }),
    ];
    for (number, frame) in to_terminal.iter().enumerate() {
        keep("frame", &format!("to-terminal-{number}"), &encode(frame)[4..]);
    }
    let queries = [Query::Consistency(5), Query::People(PersonId(1)), Query::Entries(1, 2), Query::Status];
    for (number, query) in queries.iter().enumerate() {
        keep("io", &format!("query-{number}"), canonical::encode(query));
    }
    keep("io", "answer", canonical::encode(&Answer::Certificates(vec![vec![1, 2].into()])));
    keep("io", "input-received", canonical::encode(&Input::Received(1, vec![1, 2].into())));
    keep("io", "input-wake", canonical::encode(&Input::Wake));
    keep("io", "output-send", canonical::encode(&Output::Send(vec![1, 2], vec![3].into())));
    let bundle = Bundle {
        version: VERSION,
        genesis: Some(statement.clone()),
        acts: vec![statement],
        verifiers: vec![SealedVerifier { person: PersonId(7), envelope: 1, sealed: vec![9].into() }],
        server: Some(vec![ByteVec::from(vec![4])]),
    };
    keep("bundle", "bundle", canonical::encode(&bundle));
    keep("bundle", "text", bundle.to_text());
}

fn bodies() {
    let mut rng = SeededRng::new([3; 32]);
    let (log, conversation) = (LogId([1; 32]), ConversationId([2; 32]));
    let key = EpochKey::from_bytes(&seed(0, "epoch"));
    let place =
        TextPlace { log, conversation, epoch: 3, signer: PersonId(4), chain: Chain([5; 32]), sequence: 6 };
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let lock = Lock::message(suite, &key, &place).expect("a suite of this program");
        let sealed = body::seal(&lock, journal::act::SizeClass::MIN, b"hello", &mut rng).expect("it fits");
        keep("body", &format!("{suite}"), sealed.bytes());
    }
    let anna = site().person("anna");
    let recipients = [(anna.agreement_certificate.id(), anna.agreement.public().clone())];
    let place = EpochPlace { log, conversation, epoch: 1, membership: MembershipHead([3; 32]) };
    let set = WrapSet::make(Suite::Ed25519, &place, &key, &recipients, &mut rng).expect("a wrap");
    keep("wrap", "one", [&[0, 1], &set.chunks()[0][..]].concat());
    let text = MessageText { text: "Здравствуйте".into(), file: None };
    keep("text", "message", &*text.encode().expect("short"));
    let file = FileInfo {
        name: "plan.pdf".into(),
        bytes: 5,
        media_type: Some("application/pdf".into()),
        sha256: [1; 32],
        key: FileKey::from_bytes(&[2; 32]),
        chunk_size: journal::act::SizeClass(8),
    };
    let text = MessageText { text: String::new(), file: Some(file) };
    keep("text", "file", &*text.encode().expect("short"));
    keep("text", "title", &*TitleText { title: "План".into() }.encode().expect("short"));
}

fn files() {
    keep("config", "example", include_str!("../../../server/conclaved.example.toml"));
    keep("config", "unknown", "state_dir = \"/a\"\nsecret = 1\n");
    keep(
        "roster",
        "commas",
        "full_name,login,unit,role,clearance\nАнна Петрова,anna,Штаб/Связь,operator,secret\n",
    );
    keep("roster", "semicolons", "login;full_name;unit;role;clearance\nolga;Ольга;;officer+auditor;5\n");
    keep("policy", "some", "one_password = false\nprivate_erase = \"officers\"\nepoch_ms = 60000\n");
    keep("policy", "labels", "[[labels]]\nen = \"A\"\nru = \"Б\"\n".repeat(6));
    keep("agent-wire", "hello", [0x82, 0x01, 0x81, 0x01]);
    keep("agent-wire", "stream", [0, 0, 0, 2, 0x81, 0x02, 0, 0, 0, 2, 0x81, 0x05]);
    keep("clean", "steering", "a\u{1b}[31mb\u{202E}c\td\r\ne\u{301}\u{302}\u{303}\u{200B}");
    let kept = &fuzz::watched::watched().kept;
    keep("cosigned", "kept", kept);
    keep("cosigned", "newer", [&[0x83, 2], &kept[2..]].concat());
    keep("cosigned", "no-lines", [&kept[..2], &[0x40, 0x80]].concat());
    keep("one-time", "printed", "2346X-79ACD-EFHJK-MNPRT");
    keep("one-time", "cyrillic", "2346х 79асд ефнјк мнрт");
}

/// As bytes below the armour, and as files.
fn successions() {
    let site = site();
    let genesis = site.genesis(&["olga", "oleg"], Policy::standard());
    let kept = Head { size: 5, root: [4; 32].into() };
    let lost = vec![LossTrace { source: LossSource::Cell, size: 9, root: None }];
    let act = Succession {
        era: 1,
        kept,
        lost,
        bodies_lost: false,
        cause: LossCause::Damage,
        time_ms: 1,
        period_key_lost: false,
        bodies_missing: 0,
        passwords: KeptPasswords::InForce,
        cell_let_go: false,
        given_up: Vec::new(),
        cells: Vec::new(),
    };
    let certificate = site.person("olga").signature_certificate.der().to_vec();
    let plan = Plan::new(genesis.clone(), vec![certificate.into()], act).to_text();
    let signature = signature_text(genesis);
    for (name, label, text) in [("plan", PLAN_LABEL, plan), ("signature", SIGNATURE_LABEL, signature)] {
        let below = pem::decode(&text, label).expect("it was written here");
        keep("succession", name, [&[1], &below[0][..]].concat());
        keep("succession", &format!("{name}-file"), [&[0], text.as_bytes()].concat());
    }
}

/// See `targets/engine.rs`: an operation, a person, what the operation wants.
fn scripts() {
    // anna and boris (3, 4) come in, set passwords; a private conversation; accepted; a message; read; erased; logout.
    let enter = [0, 3, 0, 1, 3, 0, 4, 0, 1, 4];
    // (Where the message stands follows from the founding and the acts before it.)
    let found = [3, 3, 0, 0, 4, 3, 4, 1, 0, 3, 15, 3, 4, 3, 1];
    let after = [3, 4, 4, 30, 3, 3, 3, 5, 30, 4, 3, 3, 6, 0, 4, 3, 4, 7, 0, 3];
    let talk = [&found[..], &after].concat();
    keep("engine", "enter", enter);
    keep("engine", "talk", [&enter[..], &talk].concat());
    let act = canonical::encode(&Act::Logout(Logout {}));
    keep("engine", "act", [&enter[..], &[2, 3, 0, act.len() as u8], &act, &[0, 0]].concat());
    let query = canonical::encode(&Query::People(PersonId(0)));
    keep("engine", "ask", [&enter[..], &[7, 3, 0, query.len() as u8], &query].concat());
    keep(
        "engine",
        "rude",
        [&enter[..], &[5, 3, 0, 6, 0, 0, 0, 2, 0x81, 0x09, 6, 4, 0, 2, 0x81, 0x05]].concat(),
    );
    keep("engine", "held", [&enter[..], &[11, 3, 3, 0, 1, 5, 12, 10, 9, 9, 9, 3, 0, 3, 1]].concat());
    keep("engine", "offices", [0, 1, 0, 1, 1, 0, 3, 0, 1, 3, 3, 1, 8, 0, 3, 3, 1, 9, 0, 3, 3, 1, 10, 0, 3]);
    keep("engine", "strange", [14, 0, 3, 1, 2, 3, 0, 2, 4, 5, 0, 3, 6, 16, 0, 13, 3, 9]);
    // Honest talk; then a frame bent, one lost, one said twice, two swapped; a new login in between.
    keep("session", "talk", [10, 11, 9, 12, 0, 0, 9, 12, 20, 1, 9, 10, 9, 12, 9, 5, 9]);
    keep("session", "bent", [11, 6, 1, 0, 40, 1, 0, 90, 128, 3, 9, 10, 6, 0, 1, 200, 255, 7, 0, 60, 9]);
    keep("session", "lost", [11, 11, 3, 9, 12, 0, 0, 3, 9, 13, 9, 11, 4, 0, 9]);
    keep("session", "swapped", [11, 11, 11, 5, 0, 1, 0, 0, 4, 1, 9, 14, 200, 200, 9]);
    let ended = encode(&ToTerminal::Ended(Ended { code: 11 }));
    keep("session", "made-up", [&[15, 0, (ended.len() - 4) as u8], &ended[4..], &[13, 9, 10, 9]].concat());
}
