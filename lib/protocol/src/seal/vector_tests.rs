//! Golden vectors: the bytes of every envelope, for ever. `vectors/seal.json` is read by any other reader too.
//! A change that breaks them is a change of the format and needs a new version, not new vectors.
use super::body::{self, BodyRef};
use super::keys::{BodyKey, ChunkPlace, EpochKey, FileKey, Lock, TextPlace};
use super::testing::{Given, Rng, chunk_place, text_place};
use super::text::{FileInfo, MessageText, TitleText};
use super::wrap_chunk::WrapChunk;
use super::wraps::{EpochPlace, HistoryPlace, WrapSet};
use super::{file, padding};
use journal::act::{SizeClass, WrapClaim};
use journal::{Chain, Commitment, ConversationId, LogId, MembershipHead, ReservationId};
use pki::{AgreementSecret, CertId, PersonId, Suite};
use serde_json::{Value, json};

const SUITES: [Suite; 2] = [Suite::Ed25519, Suite::EcdsaP256];

fn golden() -> Value {
    serde_json::from_str(include_str!("../../vectors/seal.json")).unwrap()
}

fn bytes(value: &Value, name: &str) -> Vec<u8> {
    hex::decode(value[name].as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    bytes(value, name).try_into().unwrap()
}

fn number(value: &Value, name: &str) -> u32 {
    value[name].as_u64().unwrap().try_into().unwrap()
}

fn suite(value: &Value) -> Suite {
    Suite::from_number(number(value, "suite") as u8).unwrap()
}

fn place_of(value: &Value) -> TextPlace {
    TextPlace {
        log: LogId(array(value, "log")),
        conversation: ConversationId(array(value, "conversation")),
        epoch: number(value, "epoch"),
        signer: PersonId(u64::from_be_bytes(array(value, "signer"))),
        chain: Chain(array(value, "chain")),
        sequence: number(value, "sequence").into(),
    }
}

fn chunk_of(value: &Value) -> ChunkPlace {
    ChunkPlace {
        log: LogId(array(value, "log")),
        conversation: ConversationId(array(value, "conversation")),
        reservation: ReservationId(array(value, "reservation")),
        number: number(value, "number"),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

#[test]
fn bodies_are_sealed_and_opened_as_ever() {
    let golden = golden();
    assert_eq!(list(&golden["bodies"]).count(), 6);
    for case in list(&golden["bodies"]) {
        let (suite, secret) = (suite(case), array(case, "secret"));
        let (epoch_key, file_key) = (EpochKey::from_bytes(&secret), FileKey::from_bytes(&secret));
        let lock = match case["purpose"].as_str().unwrap() {
            "message" => Lock::message(suite, &epoch_key, &place_of(case)),
            "title" => Lock::title(suite, &epoch_key, &place_of(case)),
            "chunk" => Lock::chunk(suite, &file_key, &chunk_of(case)),
            other => panic!("{other}"),
        }
        .unwrap();
        let (content, want) = (bytes(case, "content"), bytes(case, "body"));
        let class = SizeClass(number(case, "size_class") as u8);
        let mut salt = Given(bytes(case, "salt"));
        let sealed = body::seal(&lock, class, &content, &mut salt).unwrap();
        assert_eq!(sealed.bytes(), want, "{case}");
        let read = BodyRef::parse(&want).unwrap();
        assert_eq!(read.commitment(), Commitment(array(case, "commitment")));
        assert_eq!(*read.open(&lock).unwrap(), content);
        assert_eq!(lock.address().bytes(), bytes(case, "address"));
        assert!(read.disclose(&lock).unwrap() == BodyKey::from_bytes(&array(case, "body_key")));
    }
}

#[test]
fn key_commitments_are_as_ever() {
    for case in list(&golden()["epoch_keys"]) {
        let (log, conversation) = (LogId(array(case, "log")), ConversationId(array(case, "conversation")));
        let key = EpochKey::from_bytes(&array(case, "key"));
        let commitment = key.commitment(suite(case), log, conversation, number(case, "epoch")).unwrap();
        assert_eq!(commitment, Commitment(array(case, "commitment")));
    }
}

/// HPKE draws its ephemeral key inside the library, so wraps are opened, not made again.
#[test]
fn wraps_open_as_ever() {
    for case in list(&golden()["wraps"]) {
        let (suite, log) = (suite(case), LogId(array(case, "log")));
        let conversation = ConversationId(array(case, "conversation"));
        let keys: Vec<_> = list(&case["keys"])
            .map(|key| (number(key, "epoch"), EpochKey::from_bytes(&array(key, "key"))))
            .collect();
        let expected: Vec<_> = keys
            .iter()
            .map(|(epoch, key)| key.commitment(suite, log, conversation, *epoch).unwrap())
            .collect();
        let (reservation, root) = (ReservationId([0; 16]), array(case, "root"));
        let claim = WrapClaim { reservation, root, count: list(&case["recipients"]).count() as u32 };
        for (n, recipient) in (0..).zip(list(&case["recipients"])) {
            let chunk = WrapChunk::check(&bytes(recipient, "chunk"), n, &claim).unwrap();
            assert_eq!(chunk.implied_root(), root);
            let secret = AgreementSecret::from_bytes(suite, &bytes(recipient, "secret")).unwrap();
            let own = (CertId(array(recipient, "certificate")), &secret);
            let opened = if case["membership"].is_null() {
                let (from_epoch, to_epoch) = (number(case, "from_epoch"), number(case, "to_epoch"));
                let place = HistoryPlace { log, conversation, from_epoch, to_epoch };
                chunk.open_history(suite, &place, own, &expected).unwrap()
            } else {
                let (epoch, membership) = (number(case, "epoch"), MembershipHead(array(case, "membership")));
                let place = EpochPlace { log, conversation, epoch, membership };
                vec![(epoch, chunk.open_epoch(suite, &place, own, &expected[0]).unwrap())]
            };
            assert!(opened == keys);
        }
    }
}

#[test]
fn texts_and_chunk_roots_are_as_ever() {
    let golden = golden();
    for (case, text) in list(&golden["texts"]).zip(texts()) {
        assert_eq!(bytes(case, "bytes"), *text.encode().unwrap());
        assert!(MessageText::decode(&bytes(case, "bytes")).unwrap() == text);
    }
    let title = TitleText { title: "Вахта".into() };
    assert_eq!(bytes(&golden["title"], "bytes"), *title.encode().unwrap());
    let commitments = list(&golden["chunk_root"]["commitments"])
        .map(|text| Commitment(hex::decode(text.as_str().unwrap()).unwrap().try_into().unwrap()));
    assert_eq!(file::chunk_root(commitments), array(&golden["chunk_root"], "root"));
}

fn texts() -> [MessageText; 2] {
    let file = FileInfo {
        name: "план.pdf".into(),
        bytes: 5_000_000,
        media_type: Some("application/pdf".into()),
        sha256: [0x66; 32],
        key: FileKey::from_bytes(&[0x77; 32]),
        chunk_size: SizeClass::CHUNK_MAX,
    };
    [
        MessageText { text: "Встреча у маяка".into(), file: None },
        MessageText { text: String::new(), file: Some(file) },
    ]
}

/// Made the file once: `cargo test -p protocol --release print_vectors -- --ignored --nocapture`.
#[test]
#[ignore = "prints vectors for a new version of the format"]
fn print_vectors() {
    let mut rng = Rng::seeded(2026);
    let title = TitleText { title: "Вахта".into() };
    let all = json!({
        "about": "Envelopes of Conclave, version 1. Bytes in hexadecimal; FORMAT.md draws them.",
        "bodies": SUITES.iter().flat_map(|suite| bodies(*suite, &mut rng)).collect::<Vec<_>>(),
        "epoch_keys": SUITES.iter().map(|suite| epoch_key(*suite)).collect::<Vec<_>>(),
        "wraps": SUITES.iter().flat_map(|suite| wraps(*suite, &mut rng)).collect::<Vec<_>>(),
        "texts": (texts().each_ref().map(|text| json!({ "bytes": hex::encode(&*text.encode().unwrap()) }))),
        "title": { "bytes": hex::encode(&*title.encode().unwrap()) },
        "chunk_root": {
            "commitments": ([1u8, 2, 3].map(|n| hex::encode([n; 32]))),
            "root": hex::encode(file::chunk_root([1, 2, 3].map(|n| Commitment([n; 32])))),
        },
    });
    println!("{}", serde_json::to_string_pretty(&all).unwrap());
}

fn bodies(suite: Suite, rng: &mut Rng) -> [Value; 3] {
    let (place, chunk) = (text_place(), chunk_place());
    let (key, file_key) = (EpochKey::generate(rng), FileKey::generate(rng));
    let text_fields = json!({
        "log": place.log.to_string(), "conversation": place.conversation.to_string(), "epoch": place.epoch,
        "signer": place.signer.to_string(), "chain": place.chain.to_string(), "sequence": place.sequence,
    });
    let chunk_fields = json!({
        "log": chunk.log.to_string(), "conversation": chunk.conversation.to_string(),
        "reservation": hex::encode(chunk.reservation.0), "number": chunk.number,
    });
    let [message, _] = texts();
    let title = TitleText { title: "Вахта".into() };
    let mut one = |purpose, fields: &Value, lock: Lock<'_>, secret: &[u8; 32], content: &[u8]| {
        let class = padding::class_for(content.len()).unwrap();
        let body = body::seal(&lock, class, content, rng).unwrap();
        let read = BodyRef::parse(body.bytes()).unwrap();
        let mut case = json!({
            "purpose": purpose, "suite": suite.number(), "secret": hex::encode(secret),
            "salt": hex::encode(&body.bytes()[2..34]), "address": hex::encode(lock.address().bytes()),
            "body_key": hex::encode(read.disclose(&lock).unwrap().expose()), "size_class": class.0,
            "content": hex::encode(content), "body": hex::encode(body.bytes()),
            "commitment": body.commitment().to_string(),
        });
        case.as_object_mut().unwrap().append(&mut fields.as_object().unwrap().clone());
        case
    };
    let secret = key.expose();
    [
        one(
            "message",
            &text_fields,
            Lock::message(suite, &key, &place).unwrap(),
            secret,
            &message.encode().unwrap(),
        ),
        one(
            "title",
            &text_fields,
            Lock::title(suite, &key, &place).unwrap(),
            secret,
            &title.encode().unwrap(),
        ),
        one(
            "chunk",
            &chunk_fields,
            Lock::chunk(suite, &file_key, &chunk).unwrap(),
            file_key.expose(),
            &[0xc5; 300],
        ),
    ]
}

fn epoch_key(suite: Suite) -> Value {
    let (place, key) = (text_place(), EpochKey::from_bytes(&[0x88; 32]));
    let commitment = key.commitment(suite, place.log, place.conversation, place.epoch).unwrap();
    json!({
        "suite": suite.number(), "log": place.log.to_string(), "conversation": place.conversation.to_string(),
        "epoch": place.epoch, "key": hex::encode(key.expose()), "commitment": commitment.to_string(),
    })
}

fn wraps(suite: Suite, rng: &mut Rng) -> [Value; 2] {
    let TextPlace { log, conversation, epoch, .. } = text_place();
    let membership = MembershipHead([0x55; 32]);
    let members: Vec<_> =
        (1..=3).map(|n| (CertId([n; 32]), AgreementSecret::generate(suite, rng).unwrap())).collect();
    let recipients: Vec<_> = members.iter().map(|(id, secret)| (*id, secret.public().clone())).collect();
    let keys: Vec<_> = (3..=4).map(|epoch| (epoch, EpochKey::generate(rng))).collect();
    let key_json = |keys: &[(u32, EpochKey)]| -> Vec<Value> {
        keys.iter().map(|(epoch, key)| json!({ "epoch": epoch, "key": hex::encode(key.expose()) })).collect()
    };
    let recipient_json = |set: &WrapSet| -> Vec<Value> {
        let both = members.iter().zip(set.chunks());
        both.map(|((id, secret), chunk)| {
            json!({ "certificate": id.to_string(), "secret": hex::encode(&*secret.to_bytes()), "chunk": hex::encode(chunk) })
        })
        .collect()
    };
    let place = EpochPlace { log, conversation, epoch, membership };
    let set = WrapSet::make(suite, &place, &keys[0].1, &recipients, rng).unwrap();
    let history = HistoryPlace { log, conversation, from_epoch: 3, to_epoch: 4 };
    let lent: Vec<_> = keys.iter().map(|(epoch, key)| (*epoch, key)).collect();
    let shared =
        WrapSet::make_history(suite, &history, &lent, recipients[0].0, &recipients[0].1, rng).unwrap();
    let (log, conversation) = (log.to_string(), conversation.to_string());
    [
        json!({
            "suite": suite.number(), "log": log, "conversation": conversation, "epoch": epoch,
            "membership": membership.to_string(), "keys": key_json(&keys[..1]),
            "root": hex::encode(set.root()), "recipients": recipient_json(&set),
        }),
        json!({
            "suite": suite.number(), "log": log, "conversation": conversation, "from_epoch": 3, "to_epoch": 4,
            "keys": key_json(&keys), "root": hex::encode(shared.root()), "recipients": recipient_json(&shared),
        }),
    ]
}
