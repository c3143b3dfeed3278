//! Witnesses: what they are asked, what they bring, and what officers hear of their silence.
use super::world::World;
use crate::answer::Answer;
use crate::code::Code;
use crate::frame::{Stage, ToCore};
use crate::io::Input;
use crate::query::{Cosigned, Query};
use journal::act::{Act, Submit};
use journal::checkpoint::{Checkpoint, SignedCheckpoint};
use journal::fact::{Alarm, AlarmKind};
use journal::ids::{Head, Index};
use journal::note::{CosignerKey, VerifierKey};
use journal::register::submit_digest;
use journal::tree::empty_root;
use journal::witness::{AddCheckpoint, Refused, WitnessAnswer, cosigner_name, key_binding_bytes};
use journal::{Fact, Policy, Witnessing};
use pki::{Role, SecretKey, Signer, Suite};

const NOTHING_SEEN: fn() -> Head = || Head { size: 0, root: empty_root() };

/// A site that wants a witness, with wera logged in as one.
fn watched(number: u64, suite: Suite) -> World {
    let policy = Policy { witness: Some(Witnessing::On), ..Policy::standard() };
    let mut world = World::with(number, suite, policy);
    world.enter("olga");
    let (acts, verifier) = world.newcomer("wera", Role::Witness);
    let signed: Vec<_> = acts.into_iter().map(|act| world.site.offline(act)).collect();
    let digest = submit_digest(signed.iter().map(|(_, id)| id));
    let submit = Submit { count: signed.len() as u32, digest };
    let acts = signed.into_iter().map(|(act, _)| act).collect();
    world.frame(world.session("olga"), &ToCore::Stage(Stage { acts, verifiers: vec![verifier] }));
    world.act("olga", Act::Submit(submit)).unwrap();
    world.enter("wera");
    world
}

/// A witness outside: its cosigner key and what it cosigned last.
struct Witness {
    secret: SecretKey,
    key: CosignerKey,
    last: Head,
    time_s: u64,
}

impl Witness {
    fn new(world: &World) -> Self {
        let secret = SecretKey::from_bytes(Suite::Ed25519, &[77; 32]).unwrap();
        let name = cosigner_name(world.log, world.site.id("wera"));
        let key = CosignerKey::new(name, secret.public().clone()).unwrap();
        Self { secret, key, last: NOTHING_SEEN(), time_s: 1_767_225_700 }
    }

    fn brings(&self, world: &World, answer: &WitnessAnswer) -> Cosigned {
        let binding = key_binding_bytes(world.log, &self.key);
        Cosigned {
            key: self.key.to_string(),
            binding: world.site.person("wera").signature.sign(&binding).unwrap().into(),
            status: answer.status(),
            body: answer.body().into_bytes().into(),
        }
    }

    /// Asks, judges and cosigns; what it would bring.
    fn cosigns(&mut self, world: &mut World) -> Cosigned {
        let Ok(Answer::Witness(body, _)) = world.ask("wera", Query::Witness(self.last.size)) else {
            panic!("no request")
        };
        let request = AddCheckpoint::parse(&body).unwrap();
        let log = VerifierKey::new(Checkpoint::key_name(world.log), world.site.identity.public().clone());
        self.last = request.judge(&log.unwrap(), self.last).unwrap();
        let line = self.key.cosign(request.checkpoint.note().text(), &self.secret, self.time_s).unwrap();
        self.brings(world, &WitnessAnswer::Cosigned(vec![line]))
    }
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
