//! Witnesses: what they are asked, what they bring, and what officers hear of their silence.
use super::world::World;
use crate::answer::Answer;
use crate::code::Code;
use crate::engine::cosigned::{BadCosigned, BroughtBack, COSIGNED_BYTES_MAX, contradiction};
use crate::engine::witnessing::Vouched;
use crate::frame::{Stage, ToCore};
use crate::io::Input;
use crate::query::{Cosigned, Query};
use journal::act::{Act, Revoke, RevokeReason, Submit};
use journal::checkpoint::{Checkpoint, SignedCheckpoint};
use journal::fact::{Alarm, AlarmKind};
use journal::ids::{Head, Index};
use journal::note::{CosignerKey, VerifierKey};
use journal::register::submit_digest;
use journal::tree::empty_root;
use journal::witness::{AddCheckpoint, Refused, WitnessAnswer, cosigner_name, key_binding_bytes};
use journal::{Fact, Policy, Witnessing};
use minicbor::bytes::ByteVec;
use pki::{CertId, PersonId, Role, SecretKey, Signer, Suite};

/// Certificate, key, binding and line of one witness, as the file `cosigned` holds them.
type KeptLine = (CertId, String, ByteVec, String);

const NOTHING_SEEN: fn() -> Head = || Head { size: 0, root: empty_root() };

/// A site that wants a witness, with wera logged in as one.
fn watched(number: u64, suite: Suite) -> World {
    let policy = Policy { witness: Some(Witnessing::On), ..Policy::standard() };
    let mut world = World::with(number, suite, policy);
    world.enter("olga");
    joins(&mut world, "wera");
    world
}

/// A new witness is taken in and comes.
fn joins(world: &mut World, login: &str) {
    let (acts, verifier) = world.newcomer(login, Role::Witness);
    let signed: Vec<_> = acts.into_iter().map(|act| world.site.offline(act)).collect();
    let digest = submit_digest(signed.iter().map(|(_, id)| id));
    let submit = Submit { count: signed.len() as u32, digest };
    let acts = signed.into_iter().map(|(act, _)| act).collect();
    world.frame(world.session("olga"), &ToCore::Stage(Stage { acts, verifiers: vec![verifier] }));
    world.act("olga", Act::Submit(submit)).unwrap();
    world.enter(login);
}

/// A witness outside: its cosigner key and what it cosigned last.
struct Witness {
    login: &'static str,
    secret: SecretKey,
    key: CosignerKey,
    last: Head,
    time_s: u64,
}

impl Witness {
    fn new(world: &World) -> Self {
        Self::of(world, "wera", 77)
    }

    fn of(world: &World, login: &'static str, seed: u8) -> Self {
        let secret = SecretKey::from_bytes(Suite::Ed25519, &[seed; 32]).unwrap();
        let name = cosigner_name(world.log, world.site.id(login));
        let key = CosignerKey::new(name, secret.public().clone()).unwrap();
        Self { login, secret, key, last: NOTHING_SEEN(), time_s: 1_767_225_700 }
    }

    fn brings(&self, world: &World, answer: &WitnessAnswer) -> Cosigned {
        let binding = key_binding_bytes(world.log, &self.key);
        Cosigned {
            key: self.key.to_string(),
            binding: world.site.person(self.login).signature.sign(&binding).unwrap().into(),
            status: answer.status(),
            body: answer.body().into_bytes().into(),
        }
    }

    /// Asks, judges and cosigns; what it would bring.
    fn cosigns(&mut self, world: &mut World) -> Cosigned {
        let Ok(Answer::Witness(body, _)) = world.ask(self.login, Query::Witness(self.last.size)) else {
            panic!("no request")
        };
        self.cosigns_request(world, &body)
    }

    /// Judges what it was given and cosigns it.
    fn cosigns_request(&mut self, world: &World, body: &[u8]) -> Cosigned {
        let request = AddCheckpoint::parse(body).unwrap();
        let log = VerifierKey::new(Checkpoint::key_name(world.log), world.site.identity.public().clone());
        self.last = request.judge(&log.unwrap(), self.last).unwrap();
        let line = self.key.cosign(request.checkpoint.note().text(), &self.secret, self.time_s).unwrap();
        self.brings(world, &WitnessAnswer::Cosigned(vec![line]))
    }
}

/// The newest cosigned checkpoint, as whoever exports gets it.
fn cosigned(world: &mut World) -> Option<SignedCheckpoint> {
    let Ok(Answer::Witness(_, note)) = world.ask("olga", Query::Witness(0)) else { panic!("no answer") };
    note.map(|note| SignedCheckpoint::parse(&note).unwrap())
}

fn silences(world: &World) -> usize {
    let silent = |fact: &&Fact| matches!(fact, Fact::Alarm(Alarm { alarm: AlarmKind::WitnessSilent, .. }));
    world.facts().iter().filter(silent).count()
}

#[test]
fn a_witness_cosigns_what_grew_and_anybody_may_have_it() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let mut world = watched(1, suite);
        let mut witness = Witness::new(&world);
        let Ok(Answer::Witness(_, none)) = world.ask("olga", Query::Witness(0)) else { panic!("no answer") };
        assert_eq!(none, None, "nobody has cosigned yet");
        for newcomer in ["anna", "boris", "vera"] {
            let brought = witness.cosigns(&mut world);
            let size = witness.last.size;
            assert_eq!(world.ask("wera", Query::Cosigned(brought)), Ok(Answer::Cosigned(size)));
            let Ok(Answer::Witness(_, Some(note))) = world.ask("olga", Query::Witness(0)) else {
                panic!("no cosigned checkpoint")
            };
            let cosigned = SignedCheckpoint::parse(&note).unwrap();
            assert_eq!(cosigned.verify(&world.keys()).unwrap().head(), witness.last);
            assert_eq!(witness.key.cosigned(cosigned.note()), Ok(Some(witness.time_s)));
            let Ok(Answer::Status(status)) = world.ask("olga", Query::Status) else { panic!("no status") };
            assert_eq!(status.witness.map(|record| record.size), Some(size));
            world.enter(newcomer);
        }
    }
}

/// A log that was rolled back, or a witness that was put back: each says what it has, and nothing is cosigned.
#[test]
fn a_witness_that_has_seen_more_or_less_says_so() {
    let mut world = watched(2, Suite::Ed25519);
    let log =
        VerifierKey::new(Checkpoint::key_name(world.log), world.site.identity.public().clone()).unwrap();
    let head = world.head();
    let ask = |world: &mut World, old: Index| match world.ask("wera", Query::Witness(old)) {
        Ok(Answer::Witness(body, _)) => AddCheckpoint::parse(&body).unwrap(),
        other => panic!("{other:?}"),
    };
    let more = Head { size: head.size + 100, root: [3; 32] };
    let request = ask(&mut world, more.size);
    assert_eq!(request.judge(&log, more), Err(Refused::Conflict { size: more.size }));
    let witness = Witness::new(&world);
    let refused = witness.brings(&world, &WitnessAnswer::Refused(Refused::Conflict { size: more.size }));
    assert_eq!(world.ask("wera", Query::Cosigned(refused)), Ok(Answer::Cosigned(0)));
    let forked = Head { size: head.size, root: [3; 32] };
    assert_eq!(ask(&mut world, head.size).judge(&log, forked), Err(Refused::Inconsistent));
}

#[test]
fn only_a_witness_brings_a_cosignature_and_only_its_own() {
    let mut world = watched(3, Suite::Ed25519);
    world.enter("anna");
    let mut witness = Witness::new(&world);
    let good = witness.cosigns(&mut world);
    let refused = Err(Code::NotFound.number());
    assert_eq!(world.ask("anna", Query::Cosigned(good.clone())), refused, "no witness");
    let unbound = Cosigned { binding: vec![0; 64].into(), ..good.clone() };
    assert_eq!(world.ask("wera", Query::Cosigned(unbound)), refused, "nobody vouches for the key");
    let other = SecretKey::from_bytes(Suite::Ed25519, &[78; 32]).unwrap();
    let named = CosignerKey::new(witness.key.name().clone(), other.public().clone()).unwrap();
    let foreign = Cosigned { key: named.to_string(), ..good.clone() };
    assert_eq!(world.ask("wera", Query::Cosigned(foreign)), refused, "another key under its name");
    let renamed = CosignerKey::new("w1".parse().unwrap(), witness.secret.public().clone()).unwrap();
    let binding = world.site.person("wera").signature.sign(&key_binding_bytes(world.log, &renamed)).unwrap();
    let renamed = Cosigned { key: renamed.to_string(), binding: binding.into(), ..good.clone() };
    assert_eq!(world.ask("wera", Query::Cosigned(renamed)), refused, "another name");
    let bent = Cosigned { body: b"\xe2\x80\x94 w1 AAAAAAAA\n".to_vec().into(), ..good.clone() };
    assert_eq!(world.ask("wera", Query::Cosigned(bent)), refused, "no line of its own");
    let Ok(Answer::Witness(_, none)) = world.ask("anna", Query::Witness(0)) else { panic!("no answer") };
    assert_eq!(none, None);
    assert!(world.ask("wera", Query::Cosigned(good)).is_ok());
}

#[test]
fn a_silent_witness_is_told_once_until_it_is_back() {
    let mut world = watched(4, Suite::Ed25519);
    let mut witness = Witness::new(&world);
    let wait = |world: &mut World, ms: u64| {
        world.wait_ms(ms);
        world.input(Input::Wake);
    };
    wait(&mut world, 0);
    assert!(world.engine.next_deadline_ms().is_some_and(|at| at <= world.now.wall_ms + 60_000));
    wait(&mut world, 59_000);
    assert_eq!(silences(&world), 0);
    wait(&mut world, 1_000);
    assert_eq!(silences(&world), 1);
    wait(&mut world, 3_600_000);
    assert_eq!(silences(&world), 1, "once");
    let brought = witness.cosigns(&mut world);
    world.ask("wera", Query::Cosigned(brought)).unwrap();
    wait(&mut world, 3_600_000);
    assert_eq!(silences(&world), 1, "nothing new waits for it");
    world.enter("anna");
    wait(&mut world, 0);
    wait(&mut world, 60_000);
    assert_eq!(silences(&world), 2);
}

#[test]
fn where_the_policy_wants_no_witness_nobody_is_alarmed() {
    let mut world = World::new(5);
    world.enter("anna");
    for _ in 0..3 {
        world.wait_ms(60_000);
        world.input(Input::Wake);
    }
    assert_eq!(silences(&world), 0);
}

#[test]
fn what_was_cosigned_is_there_again_after_a_start_and_verified_once_more() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let mut world = watched(6, suite);
        assert_eq!(world.engine.cosigned_to_keep(), None, "nobody has cosigned yet");
        let mut witness = Witness::new(&world);
        let brought = witness.cosigns(&mut world);
        world.ask("wera", Query::Cosigned(brought)).unwrap();
        let kept = world.engine.cosigned_to_keep().expect("to be kept");
        assert_eq!(world.engine.cosigned_to_keep(), None, "said once");
        let (keys, head) = (world.keys(), witness.last);
        world.crash();
        world.enter("olga");
        assert!(cosigned(&mut world).is_none(), "nobody brought it");
        let whole = BroughtBack { size: head.size, dropped: 0 };
        assert_eq!(world.engine.bring_back_cosigned(&kept).unwrap(), whole);
        let at_ms = world.engine.witnesses.record().map(|record| record.at_ms);
        assert_eq!(at_ms, Some(witness.time_s * 1000), "by the cosignature, and by nothing beside it");
        let note = cosigned(&mut world).expect("before the witness is back");
        assert_eq!(note.verify(&keys).unwrap().head(), head);
        assert_eq!(witness.key.cosigned(note.note()), Ok(Some(witness.time_s)));
        assert_eq!(world.engine.cosigned_to_keep(), None, "it is kept already");
        // Who comes with a newer one replaces it, and nothing older comes back over that.
        world.enter("wera");
        let brought = witness.cosigns(&mut world);
        world.ask("wera", Query::Cosigned(brought)).unwrap();
        world.engine.bring_back_cosigned(&kept).unwrap();
        assert_eq!(cosigned(&mut world).unwrap().claimed().head, witness.last);
        assert!(world.engine.cosigned_to_keep().is_some());
    }
}

#[test]
fn what_was_kept_is_believed_for_nothing() {
    let mut world = watched(7, Suite::Ed25519);
    let mut witness = Witness::new(&world);
    let brought = witness.cosigns(&mut world);
    world.ask("wera", Query::Cosigned(brought)).unwrap();
    let kept = world.engine.cosigned_to_keep().unwrap();
    let keys = world.keys();
    world.crash();
    // Not one bit of it may differ in anything that anybody sees.
    for at in 0..kept.len() {
        let mut bent = kept.clone();
        bent[at] ^= 1;
        if world.engine.bring_back_cosigned(&bent).is_ok() {
            let (own, lines) = world.engine.witnesses.newest().unwrap();
            assert_eq!(own.verify(&keys).unwrap().head(), witness.last, "byte {at}");
            let by = |vouched: &Vouched| witness.key.time_of(own.note().text(), &vouched.line);
            assert_eq!(lines.map(by).collect::<Vec<_>>(), [Ok(witness.time_s)], "byte {at}");
        }
    }
    // Another log, and one that revoked the witness.
    let mut other = watched(8, Suite::Ed25519);
    other.crash();
    assert!(matches!(other.engine.bring_back_cosigned(&kept), Err(BadCosigned::Checkpoint)));
    let mut revoking = watched(7, Suite::Ed25519);
    let mut witness = Witness::new(&revoking);
    let brought = witness.cosigns(&mut revoking);
    revoking.ask("wera", Query::Cosigned(brought)).unwrap();
    let kept = revoking.engine.cosigned_to_keep().unwrap();
    let reason = RevokeReason::AffiliationChanged;
    let person = revoking.site.id("wera");
    revoking.act("olga", Act::Revoke(Revoke { person, reason, note: String::new() })).unwrap();
    revoking.crash();
    assert!(matches!(revoking.engine.bring_back_cosigned(&kept), Err(BadCosigned::Lines)));
    assert!(matches!(revoking.engine.bring_back_cosigned(&[]), Err(BadCosigned::NotCanonical(_))));
}

/// Junk beside the log's own lines took the room of the cosignatures; more of them than fit, and nothing was taken back.
#[test]
fn lines_beside_what_holds_take_no_room_from_it() {
    let mut world = watched(21, Suite::Ed25519);
    let mut witness = Witness::new(&world);
    let brought = witness.cosigns(&mut world);
    world.ask("wera", Query::Cosigned(brought)).unwrap();
    let kept = world.engine.cosigned_to_keep().unwrap();
    let note = cosigned(&mut world).unwrap().own_lines().to_string();
    let junk: String = (10..24).map(|n| format!("\u{2014} junk{n} {}\n", "AAAAAAAA")).collect();
    let mut parts: (u8, ByteVec, Vec<KeptLine>) = pki::canonical::decode(&kept).unwrap();
    assert_eq!(parts.1.to_vec(), note.as_bytes(), "the log's two lines and no other");
    parts.1 = format!("{note}{junk}").into_bytes().into();
    let foreign = (parts.2[0].0, parts.2[0].1.clone(), vec![0; 64].into(), parts.2[0].3.clone());
    parts.2.push(foreign);
    world.crash();
    world.enter("olga");
    let found = world.engine.bring_back_cosigned(&pki::canonical::encode(&parts)).unwrap();
    assert_eq!(found, BroughtBack { size: witness.last.size, dropped: 15 });
    let note = cosigned(&mut world).unwrap();
    assert_eq!(note.note().lines().len(), 3);
    assert_eq!(witness.key.cosigned(note.note()), Ok(Some(witness.time_s)));
    // And what is kept stays within its bound, however many bring lines.
    let by = {
        let (own, mut lines) = world.engine.witnesses.newest().unwrap();
        (own.clone(), lines.next().unwrap().clone())
    };
    for n in 0..2000 {
        world.engine.witnesses.take(by.0.clone(), (PersonId(1_000_000 + n), by.1.clone()), 0);
    }
    let kept = world.engine.cosigned_to_keep().unwrap();
    assert!(kept.len() <= COSIGNED_BYTES_MAX && kept.len() > COSIGNED_BYTES_MAX - 1024, "{}", kept.len());
    assert!(world.engine.bring_back_cosigned(&kept).is_ok());
}

#[test]
fn a_journal_that_is_not_what_came_of_a_cosigned_head_is_told_from_one_that_is() {
    let mut world = watched(22, Suite::Ed25519);
    let at = |world: &World| {
        let ledger = &world.engine.ledger;
        (ledger.register.clone(), ledger.tree.clone())
    };
    let older = at(&world);
    let mut witness = Witness::new(&world);
    world.enter("anna");
    let brought = witness.cosigns(&mut world);
    world.ask("wera", Query::Cosigned(brought)).unwrap();
    let kept = world.engine.cosigned_to_keep().unwrap();
    let newer = at(&world);
    let identity = world.site.identity.public().clone();
    assert_eq!(contradiction(&kept, &newer.0, &newer.1, &identity), None);
    assert_eq!(contradiction(&kept, &older.0, &older.1, &identity), Some(witness.last), "put back");
    let mut forked = journal::tree::Tree::new();
    while forked.size() < newer.1.size() {
        forked.append([7; 32]);
    }
    assert_eq!(
        contradiction(&kept, &newer.0, &forked, &identity),
        Some(witness.last),
        "another root of its size"
    );
    // What the log's own key did not sign contradicts nothing.
    for at in 0..kept.len() {
        let mut bent = kept.clone();
        bent[at] ^= 1;
        let found = contradiction(&bent, &older.0, &older.1, &identity);
        assert!(found.is_none() || found == Some(witness.last), "byte {at}");
    }
    let other = watched(23, Suite::Ed25519);
    let other = at(&other);
    assert_eq!(contradiction(&kept, &other.0, &other.1, &identity), None, "another log's");
}

#[test]
fn two_witnesses_race_for_one_size_and_both_are_in_the_note() {
    for late in ["wera", "walid"] {
        let mut world = watched(9, Suite::Ed25519);
        joins(&mut world, "walid");
        let mut witnesses = [Witness::of(&world, "wera", 77), Witness::of(&world, "walid", 78)];
        // Both have been given the very same request before either answers.
        let bodies = ["wera", "walid"].map(|login| match world.ask(login, Query::Witness(0)) {
            Ok(Answer::Witness(body, _)) => body,
            other => panic!("{other:?}"),
        });
        assert_eq!(bodies[0], bodies[1]);
        if late == "wera" {
            witnesses.reverse();
        }
        for witness in &mut witnesses {
            let brought = witness.cosigns_request(&world, &bodies[0]);
            let size = witness.last.size;
            assert_eq!(
                world.ask(witness.login, Query::Cosigned(brought.clone())),
                Ok(Answer::Cosigned(size))
            );
            assert_eq!(
                world.ask(witness.login, Query::Cosigned(brought)),
                Ok(Answer::Cosigned(size)),
                "twice"
            );
        }
        let note = cosigned(&mut world).unwrap();
        assert_eq!(note.note().lines().len(), 4, "the log's two and one of each");
        for witness in &witnesses {
            assert_eq!(witness.key.cosigned(note.note()), Ok(Some(witness.time_s)), "{}", witness.login);
        }
        // Whoever is behind does not take the newer one's place.
        world.enter("anna");
        let Ok(Answer::Witness(newer, _)) = world.ask("wera", Query::Witness(0)) else {
            panic!("no request")
        };
        let mut wera = Witness::of(&world, "wera", 77);
        let size = AddCheckpoint::parse(&newer).unwrap().checkpoint.claimed().head.size;
        let brought = wera.cosigns_request(&world, &newer);
        assert_eq!(world.ask("wera", Query::Cosigned(brought)), Ok(Answer::Cosigned(size)));
        let walid = witnesses.iter_mut().find(|witness| witness.login == "walid").unwrap();
        let again = {
            walid.last = NOTHING_SEEN();
            walid.cosigns_request(&world, &bodies[0])
        };
        assert_eq!(world.ask("walid", Query::Cosigned(again)), Ok(Answer::Cosigned(size)));
        assert_eq!(cosigned(&mut world).unwrap().claimed().head.size, size);
    }
}

/// Two programs with one witness' key, of which one was put back from a backup: what either brings is for what it was asked
/// last, and neither leads the log back.
#[test]
fn a_witness_put_back_from_a_backup_catches_up_and_leads_nothing_back() {
    let mut world = watched(10, Suite::Ed25519);
    let mut witness = Witness::new(&world);
    let brought = witness.cosigns(&mut world);
    world.ask("wera", Query::Cosigned(brought)).unwrap();
    let backup = witness.last;
    world.enter("anna");
    let brought = witness.cosigns(&mut world);
    world.ask("wera", Query::Cosigned(brought)).unwrap();
    let newest = witness.last;
    // Put back, it names its older head, is led on from there, and cosigns the same again.
    let mut put_back = Witness { last: backup, ..Witness::new(&world) };
    let Ok(Answer::Witness(body, _)) = world.ask("wera", Query::Witness(newest.size)) else { panic!("none") };
    let log = VerifierKey::new(Checkpoint::key_name(world.log), world.site.identity.public().clone());
    let request = AddCheckpoint::parse(&body).unwrap();
    let conflict = Err(Refused::Conflict { size: backup.size });
    assert_eq!(request.judge(&log.unwrap(), backup), conflict, "what the other one was asked is not for it");
    let refused = put_back.brings(&world, &WitnessAnswer::Refused(Refused::Conflict { size: backup.size }));
    assert_eq!(world.ask("wera", Query::Cosigned(refused)), Ok(Answer::Cosigned(newest.size)));
    world.enter("boris");
    let early = put_back.cosigns(&mut world);
    world.enter("vera");
    let late = witness.cosigns(&mut world);
    let stale = world.ask("wera", Query::Cosigned(early));
    assert_eq!(stale, Err(Code::NotFound.number()), "the other one was asked since");
    assert_eq!(world.ask("wera", Query::Cosigned(late)), Ok(Answer::Cosigned(witness.last.size)));
    assert_eq!(cosigned(&mut world).unwrap().claimed().head, witness.last);
}
