//! One vector of every kind of act and Fact, in `tests/vectors/statements.json`: bytes, ids, signatures.
//! Never changes once written: an entry that stands in some journal must read the same for ever.
//!
//! After a *new* kind: `cargo test --release -p journal write_vectors -- --ignored`, and look at the difference.

use crate::act::*;
use crate::entry::{Content, ENTRY_VERSION, Entry};
use crate::fact::*;
use crate::ids::*;
use crate::policy::Policy;
use crate::statement::{Header, STATEMENT_VERSION, SignedStatement, Statement};
use crate::tree::leaf_hash;
use pki::{CertId, Clearance, PersonId, PublicKey, SecretKey, Suite, canonical};
use serde_json::{Value, json};

const FILE: &str = include_str!("../tests/vectors/statements.json");

fn hash(byte: u8) -> Hash {
    [byte; 32]
}

fn wraps(count: u32) -> WrapClaim {
    WrapClaim { reservation: ReservationId([0x21; 16]), root: hash(0x22), count }
}

/// One of each kind of act, fields as different from each other as they may be.
fn acts() -> Vec<Act> {
    let conversation = ConversationId(hash(0x10));
    let membership = MembershipHead(hash(0x11));
    let (person, certificate) = (PersonId(0x1234_5678_9abc_def0), CertId(hash(0x12)));
    let reservation = ReservationId([0x21; 16]);
    let policy = Policy::standard();
    let genesis = Genesis {
        site: "Site Площадка".into(),
        suite: Suite::Ed25519,
        root: vec![0x30, 1, 2].into(),
        issuing: vec![0x30, 3, 4].into(),
        identity: hash(0x13),
        officers: vec![certificate, CertId(hash(0x14))],
        threshold: 2,
        policy: policy.clone(),
        time_ms: 1_767_225_600_000,
    };
    let message = Message {
        conversation,
        epoch: 3,
        reference: Some(70_000),
        commitment: Commitment(hash(0x15)),
        size: SizeClass(9),
        label: Clearance(2),
        precedence: Precedence::Immediate,
        must_acknowledge: true,
        time_ms: 1_767_225_600_123,
        file: Some(FileClaim { reservation, root: hash(0x16), chunks: 300 }),
    };
    vec![
        Act::Genesis(genesis),
        Act::Submit(Submit { count: 3, digest: hash(0x17) }),
        Act::Propose(Propose { act: canonical::encode(&DualAct::Policy(policy)).into() }),
        Act::Propose(Propose { act: canonical::encode(&DualAct::AdmitOfficer(certificate)).into() }),
        Act::Propose(Propose { act: canonical::encode(&DualAct::Erase(order(conversation))).into() }),
        Act::Propose(Propose { act: canonical::encode(&DualAct::LiftHold(70_001)).into() }),
        Act::Propose(Propose { act: canonical::encode(&DualAct::DropCell(CellName([0x1f; 8]))).into() }),
        Act::Propose(Propose {
            act: canonical::encode(&DualAct::Close(Successor {
                log: LogId(hash(0x2b)),
                suite: Suite::EcdsaP256,
            }))
            .into(),
        }),
        Act::Propose(Propose { act: canonical::encode(&DualAct::SetClock(1_795_435_200_000)).into() }),
        Act::Approve(Approve { proposal: 24 }),
        Act::Withdraw(Withdraw { proposal: 25 }),
        Act::Succession(Succession {
            era: 3,
            kept: Head { size: 70_000, root: hash(0x1d) },
            lost: vec![
                LossTrace { source: LossSource::Cell, size: 70_100, root: Some(hash(0x1e)) },
                LossTrace { source: LossSource::LaterBatches, size: 70_000, root: None },
                LossTrace { source: LossSource::SignedHead, size: 70_101, root: Some(hash(0x1f)) },
                LossTrace { source: LossSource::Unreadable, size: 70_000, root: None },
            ],
            bodies_lost: false,
            cause: LossCause::Restored,
            time_ms: 1_767_225_600_789,
            period_key_lost: true,
            bodies_missing: 7,
            passwords: KeptPasswords::Others,
            cell_let_go: true,
            given_up: vec![IndexRange { first: 81, last: 81 }, IndexRange { first: 60_000, last: 60_012 }],
            cells: vec![CellName([0x2a; 8])],
        }),
        Act::Continues(Continues {
            log: LogId(hash(0x2c)),
            suite: Suite::EcdsaP256,
            identity: hash(0x2d),
            closed: 70_000,
            head: Head { size: 70_001, root: hash(0x2e) },
            note: b"conclave/".to_vec().into(),
        }),
        Act::Login(Login {
            nonce: hash(1),
            exporter: hash(2),
            server_certificate: certificate,
            end_other: true,
        }),
        Act::Logout(Logout {}),
        Act::SetPassword(SetPassword {}),
        Act::Enrol(Enrol { signature: vec![0x30, 5].into(), agreement: vec![0x30, 6].into() }),
        Act::Revoke(Revoke { person, reason: RevokeReason::KeyCompromise, note: "утрачен".into() }),
        Act::Crl(Crl { list: vec![0x30, 7].into() }),
        Act::CrlPart(CrlPart { number: 2, of: 2, whole: hash(5), bytes: vec![7].into() }),
        Act::EnvelopePrint(EnvelopePrint::new(5, person, 4, b"sealed")),
        Act::EnvelopeHandOver(EnvelopeHandOver { number: 5 }),
        Act::EnvelopeVoid(EnvelopeVoid { number: 6 }),
        Act::Suspend(Suspend { person }),
        Act::Resume(Resume { person }),
        Act::Unlock(Unlock { person }),
        Act::EndSession(EndSession { person, chain: Chain(hash(0x18)) }),
        Act::Hold(hold(HoldScope::Person(person))),
        Act::Hold(hold(HoldScope::Conversation(conversation))),
        Act::Hold(hold(HoldScope::Messages(conversation, vec![7, 300]))),
        Act::ClockAttest(ClockAttest { shown_ms: 1_767_225_600_321 }),
        Act::AlarmAcknowledge(AlarmAcknowledge { raised: 70_005 }),
        Act::AlarmClose(AlarmClose { raised: 70_005, outcome: CloseOutcome::Accepted }),
        Act::Create(Create {
            random: [0x19; 16],
            kind: ConversationKind::Group,
            ceiling: Clearance(4),
            default_label: Clearance(1),
            invited: vec![PersonId(5), person],
        }),
        Act::Invite(Invite { conversation, membership, person }),
        Act::Accept(Accept { conversation, invitation: StatementId(hash(0x1a)) }),
        Act::Leave(Leave { conversation }),
        Act::Remove(Remove { conversation, membership, person }),
        Act::HandOver(HandOver { conversation, membership, person }),
        Act::Epoch(Epoch {
            conversation,
            epoch: 4,
            membership,
            key_commitment: Commitment(hash(0x1b)),
            wraps: wraps(7),
        }),
        Act::ShareHistory(ShareHistory { conversation, person, from_epoch: 1, to_epoch: 3, wraps: wraps(1) }),
        Act::BadWrap(BadWrap { conversation, epoch: 4 }),
        Act::Title(Title { conversation, epoch: 4, commitment: Commitment(hash(0x1c)), size: SizeClass(8) }),
        Act::Reserve(Reserve {
            id: reservation,
            conversation,
            purpose: Purpose::Wraps,
            chunks: 301,
            size: SizeClass(18),
        }),
        Act::Message(Message { reference: None, file: None, must_acknowledge: false, ..message.clone() }),
        Act::Message(message),
        Act::Read(Read { conversation, up_to: 1_000_000 }),
        Act::Acknowledge(Acknowledge { message: 65_536 }),
        Act::Report(Report { message: 65_537, reason: ReportReason::Mislabelled }),
        Act::Disclose(Disclose { message: 65_538 }),
        Act::Erase(Erase { target: EraseTarget::Messages(conversation, vec![7, 300, 70_000]) }),
        Act::Erase(Erase { target: EraseTarget::Conversation(conversation) }),
        Act::Object(Object { proposal: 70_002 }),
        Act::Export(Export { from: 10, to: 20 }),
        Act::Backup(Backup {
            batch: 70_003,
            epoch: 12,
            size: 70_004,
            root: hash(0x1d),
            manifest: hash(0x1e),
        }),
        Act::Finding(Finding { entry: 70_006, severity: Severity::High, code: FindingCode::Clock }),
    ]
}

fn order(conversation: ConversationId) -> EraseOrder {
    let target = EraseTarget::Messages(conversation, vec![7, 300, 70_000]);
    let order = Order { number: "12-3/2026 «К»".into(), ground: Ground::PersonsRequest };
    EraseOrder { target, order, confirms: Some(69_000) }
}

fn hold(scope: HoldScope) -> Hold {
    let order = Order { number: "A-7".into(), ground: Ground::Court };
    Hold { scope, order, end_ms: 1_800_000_000_000 }
}

/// One of each kind of Fact.
fn facts() -> Vec<Fact> {
    let (person, certificate) = (PersonId(0x1234_5678_9abc_def0), CertId(hash(0x12)));
    vec![
        Fact::Start(Start {
            boot_id: [0x30; 16],
            rules: 1,
            version: "0.1.0".into(),
            cell: CellKind::Tpm,
            erasure_epoch: 2,
            set_aside_bytes: 4096,
        }),
        Fact::Stop(Stop {}),
        Fact::SessionEnd(SessionEnd { chain: Chain(hash(0x31)), reason: EndReason::Idle }),
        Fact::ClockStep(ClockStep { expected_ms: 5, found_ms: 9 }),
        Fact::FailedLogin(FailedLogin { person, certificate, failure: LoginFailure::Statement, count: 3 }),
        Fact::Tick(Tick {}),
        Fact::Erased(Erased { epoch: 3, through: 99 }),
        Fact::KeyRoll(KeyRoll {
            period: 1,
            suite: Suite::EcdsaP256,
            key: vec![0x30, 8].into(),
            signature: vec![0x32; 64].into(),
        }),
        Fact::Alarm(Alarm { alarm: AlarmKind::BodyDamaged, person: Some(person), evidence: vec![1].into() }),
        Fact::Alarm(Alarm { alarm: AlarmKind::NearlyFull, person: None, evidence: vec![].into() }),
        Fact::PeriodEnd(PeriodEnd {
            period: 1,
            counts: vec![KindCount { kind: 10, count: 5 }, KindCount { kind: 1001, count: 1 }],
            snapshot: hash(0x33),
        }),
        Fact::RetentionRun(RetentionRun {
            due_ms: 1_767_237_600_000,
            part: 1,
            last: true,
            policy: 7,
            counts: vec![3, 0],
            held: 1,
        }),
    ]
}

fn signer(suite: Suite) -> SecretKey {
    SecretKey::from_bytes(suite, &hash(0x42)).expect("a fixed key")
}

fn entry(content: Content) -> Entry {
    Entry { version: ENTRY_VERSION, wall_ms: 1_767_225_600_456, boot_ms: 86_400_000, content }
}

fn statement_vector(act: Act, suite: Suite) -> Value {
    let header = Header {
        version: STATEMENT_VERSION,
        suite,
        log: LogId(hash(0x40)),
        person: PersonId(0x0fed_cba9_8765_4321),
        certificate: CertId(hash(0x41)),
        chain: Chain(hash(0x43)),
        sequence: 24,
        attempt: 1,
        previous: StatementId(hash(0x44)),
        head: Head { size: 1_000, root: hash(0x45) },
    };
    let key = signer(suite);
    let (kind, name, shown) = (act.kind(), act.name(), format!("{act:?}"));
    let (signed, id) =
        SignedStatement::sign(&Statement { header, act }, &key).expect("a key in memory signs");
    let bytes = entry(Content::Statement(signed.clone())).encode();
    json!({
        "kind": kind, "name": name, "suite": suite as u8, "act": shown,
        "public_key": hex::encode(key.public().spki()),
        "statement": hex::encode(&*signed.statement), "signature": hex::encode(&*signed.signature),
        "id": id.to_string(), "entry": hex::encode(&bytes), "leaf": hex::encode(leaf_hash(&bytes)),
    })
}

fn fact_vector(fact: Fact) -> Value {
    let (kind, name) = fact.kind();
    let shown = format!("{fact:?}");
    let bytes = entry(Content::Fact(fact)).encode();
    json!({
        "kind": kind, "name": name, "fact": shown,
        "entry": hex::encode(&bytes), "leaf": hex::encode(leaf_hash(&bytes)),
    })
}

fn written() -> Value {
    let mut statements: Vec<Value> =
        acts().into_iter().map(|act| statement_vector(act, Suite::Ed25519)).collect();
    statements.push(statement_vector(Act::Logout(Logout {}), Suite::EcdsaP256));
    let facts: Vec<Value> = facts().into_iter().map(fact_vector).collect();
    json!({ "statements": statements, "facts": facts })
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    hex::decode(vector[field].as_str().expect("a text")).expect("hex")
}

fn list<'a>(file: &'a Value, field: &str) -> &'a [Value] {
    file[field].as_array().expect("a list")
}

#[test]
fn every_statement_of_the_file_reads_verifies_and_writes_the_same() {
    let file: Value = serde_json::from_str(FILE).expect("JSON");
    for vector in list(&file, "statements") {
        let raw = bytes(vector, "entry");
        let entry = Entry::decode(&raw).expect("an entry");
        assert_eq!(entry.encode(), raw);
        assert_eq!(leaf_hash(&raw).to_vec(), bytes(vector, "leaf"));
        let Content::Statement(signed) = entry.content else { panic!("not a statement") };
        assert_eq!(
            (&signed.statement[..], &signed.signature[..]),
            (&bytes(vector, "statement")[..], &bytes(vector, "signature")[..])
        );
        let parsed = signed.parse().expect("a statement");
        assert_eq!(parsed.id().0.to_vec(), bytes(vector, "id"));
        assert_eq!(format!("{:?}", parsed.act()), vector["act"]);
        assert_eq!(
            (u64::from(parsed.act().kind()), parsed.act().name()),
            (vector["kind"].as_u64().expect("a number"), vector["name"].as_str().expect("a text"))
        );
        let key = PublicKey::from_spki(&bytes(vector, "public_key")).expect("a key");
        parsed.verify(&key).expect("the signature");
    }
}

#[test]
fn every_fact_of_the_file_reads_and_writes_the_same() {
    let file: Value = serde_json::from_str(FILE).expect("JSON");
    for vector in list(&file, "facts") {
        let raw = bytes(vector, "entry");
        let entry = Entry::decode(&raw).expect("an entry");
        assert_eq!(entry.encode(), raw);
        assert_eq!(leaf_hash(&raw).to_vec(), bytes(vector, "leaf"));
        let Content::Fact(fact) = entry.content else { panic!("not a Fact") };
        assert_eq!(format!("{fact:?}"), vector["fact"]);
    }
}

#[test]
fn the_file_is_what_we_would_write_and_names_every_kind() {
    let file: Value = serde_json::from_str(FILE).expect("JSON");
    assert_eq!(file, written());
    let kinds: Vec<u64> =
        list(&file, "statements").iter().filter_map(|vector| vector["kind"].as_u64()).collect();
    for (kind, name) in KINDS {
        assert!(kinds.contains(&u64::from(*kind)), "no vector of {name}");
    }
    let kinds: Vec<u64> = list(&file, "facts").iter().filter_map(|vector| vector["kind"].as_u64()).collect();
    assert!((1..=10).all(|kind| kinds.contains(&kind)));
}

#[test]
fn other_spellings_and_newer_versions_are_refused() {
    let good = entry(Content::Fact(Fact::Tick(Tick {}))).encode();
    let mut longer = good.clone();
    longer.push(0);
    let mut newer = good.clone();
    newer[1] = 2;
    // 86 400 000 as eight bytes instead of four.
    let at = good.windows(5).position(|window| window == [0x1a, 0x05, 0x26, 0x5c, 0x00]).expect("boot_ms");
    let mut spelled = good.clone();
    spelled.splice(at..at + 5, [0x1b, 0, 0, 0, 0, 0x05, 0x26, 0x5c, 0x00]);
    assert!(Entry::decode(&good).is_ok());
    for bad in [&longer[..], &newer, &spelled, &good[..good.len() - 1], &[]] {
        assert!(Entry::decode(bad).is_err(), "{}", hex::encode(bad));
    }
    assert!(matches!(Entry::decode(&newer), Err(crate::entry::BadEntry::Newer(2))));
    let huge = vec![0; crate::entry::ENTRY_BYTES_MAX + 1];
    assert!(matches!(Entry::decode(&huge), Err(crate::entry::BadEntry::TooLong(_))));
}

#[test]
fn a_signature_is_bound_to_its_kind() {
    let act = Act::Suspend(Suspend { person: PersonId(1) });
    let vector = statement_vector(act, Suite::Ed25519);
    let mut statement = bytes(&vector, "statement");
    // The same content under Resume's number.
    let at = statement.windows(3).rposition(|window| window == [0x82, 0x18, 28]).expect("the kind");
    statement[at + 2] = 29;
    let forged =
        SignedStatement { statement: statement.into(), signature: bytes(&vector, "signature").into() };
    let parsed = forged.parse().expect("a Resume");
    assert!(matches!(parsed.act(), Act::Resume(_)));
    assert!(parsed.verify(signer(Suite::Ed25519).public()).is_err());
}

#[test]
#[ignore = "writes the file; only after a new kind"]
#[allow(clippy::disallowed_methods)] // a generator, not the product
fn write_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/statements.json");
    let text = serde_json::to_string_pretty(&written()).expect("JSON") + "\n";
    std::fs::write(path, text).expect("the file is written");
}
