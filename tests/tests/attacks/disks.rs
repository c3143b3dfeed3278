//! A whole disk put back as it was, and a store without room that somebody floods: what an auditor is told of it.
//! Never a cell without its device: that one does not open (`servers.rs`).

use crate::servers::roll_back;
use crate::{alarms, own};
use auditor::audit::{Audit, Wanted, audit};
use auditor::bundle::{BundleReader, BundleWriter};
use auditor::judgement::{Judgement, Missing};
use auditor::outside::OutsideHead;
use auditor::trust::{Trust, TrustFacts};
use disk::Geometry;
use journal::Policy;
use journal::act::{Act, EraseTarget, Suspend};
use journal::checkpoint::Checkpoint;
use journal::fact::{AlarmKind, Fact};
use journal::ids::Head;
use journal::note::VerifierKey;
use journal::tree::{Tree, leaf_hash};
use pki::{SecretKey, Suite};
use protocol::Code;
use protocol::client::{Command, Error};
use protocol::frame::{ToCore, ToTerminal};
use protocol::io::Input;
use protocol::limits::FAILED_LOGINS_PER_MINUTE;
use tests::World;
use tests::server::note;
use tests::store::Store;

/// The bundle that this server exports, under its own signature.
fn exported(world: &World) -> (Head, Vec<u8>) {
    let server = world.server.as_ref().expect("the server lives");
    let (mut tree, mut writer) = (Tree::new(), BundleWriter::new(Vec::new()).unwrap());
    for entry in server.store.entries() {
        tree.append(leaf_hash(&entry));
        writer.entry(&entry).unwrap();
    }
    let head = Head { size: tree.size(), root: tree.root() };
    let period = Store::period_key(&server.store.vault, server.engine.period().0);
    let period = SecretKey::from_bytes(world.site.test.suite, &period).unwrap();
    (head, writer.finish(&[&note(&world.site, &period, head)]).unwrap())
}

/// Read by an auditor who holds this head.
fn audited(world: &World, bundle: &[u8], known: Head) -> Audit {
    let test = &world.site.test;
    let name = Checkpoint::key_name(world.site.log);
    let trust = Trust::new(TrustFacts {
        site: "site".into(),
        suite: test.suite,
        log: world.site.log,
        identity: VerifierKey::new(name, test.identity.public().clone()).unwrap().to_string(),
        roots: vec![test.root.der().to_vec()],
        issuing: Vec::new(),
    })
    .unwrap();
    let outside = vec![OutsideHead {
        file: Some("anna.checkpoint".into()),
        era: Some(0),
        head: known,
        cosigned_ms: None,
        own: false,
    }];
    let wanted = Wanted { trust: &trust, outside, progress: &mut |_| {}, observer: &mut |_, _, _| {} };
    audit(BundleReader::open(bundle).unwrap(), wanted).unwrap()
}

#[test]
fn a_disk_put_back_whole_is_told_by_an_auditor_who_holds_one_later_head() {
    let mut world = World::seeded(17).with(["anna", "boris"]);
    world.say("anna", "boris", "first");
    world.crash();
    // Disk and cell: the server itself has nothing to compare with.
    let old = world.machine.snapshot();
    world.run();
    world.say("anna", "boris", "what the server forgets");
    let seen: Head = *world.terminals["anna"].heads.last().unwrap();
    let (_, bundle) = exported(&world);
    let before = audited(&world, &bundle, seen);
    assert!(matches!(before.judgement, Judgement::Verified), "{:?}", before.judgement);

    roll_back(&mut world, old);
    let (head, bundle) = exported(&world);
    assert!(head.size < seen.size);
    let found = audited(&world, &bundle, seen).judgement;
    assert!(
        matches!(found, Judgement::Incomplete(Missing::KnownUpTo { size }) if size == seen.size),
        "{found:?}"
    );
    // It goes on from there, until it is longer than what was seen.
    world.spoken.clear();
    while exported(&world).0.size <= seen.size {
        world.crash();
        world.restart();
        world.flow();
    }
    let found = audited(&world, &exported(&world).1, seen).judgement;
    let Judgement::Diverged(heads) = found else { panic!("{found:?}") };
    assert_eq!((heads.size, heads.named), (seen.size, seen.root), "both heads are told");
}

/// The store is full; somebody with a certificate tries passwords without end; officers act and people erase all the same.
#[test]
fn a_flood_of_logins_in_a_full_store_is_summed_up_and_officers_still_act() {
    let geometry = Geometry { extent_bytes: 64 * 1024, extents: 22, reserve: 4 };
    let mut world =
        World::made(18, Suite::Ed25519, Policy::standard(), geometry).with(["anna", "boris", "olga"]);
    let id = world.private("anna", "boris");
    let mut sent = Vec::new();
    let refused = loop {
        match world.say_in("anna", id, &"x".repeat(12_000)) {
            Ok(receipt) => sent.push(receipt.index),
            Err(error) => break error,
        }
        assert!(sent.len() < 1000, "the device never fills");
    };
    assert_eq!(refused, Error::Refused { code: own(Code::Full) });
    let before = world.log().entries.len();
    let floods = 20 * FAILED_LOGINS_PER_MINUTE;
    for _ in 0..floods {
        let rogue = world.rogue("vera");
        let frame = world.login_frame(&rogue, "a guess");
        let said = world.rogue_frame(&rogue, &ToCore::Login(frame));
        assert!(!said.iter().any(|frame| matches!(frame, ToTerminal::Welcome(_))));
        world.input(Input::Closed(rogue.session));
    }
    world.pass(61_000);
    world.wake();
    let log = world.log();
    let failed = log.facts().filter_map(|fact| match fact {
        Fact::FailedLogin(failed) => Some(failed.count),
        _ => None,
    });
    let (entries, tries) = failed.fold((0, 0), |(entries, tries), count| (entries + 1, tries + count));
    assert_eq!(tries, floods, "none is lost");
    assert!(entries <= FAILED_LOGINS_PER_MINUTE + 2, "{entries} entries of {tries} tries");
    assert!(log.entries.len() - before < 3 * FAILED_LOGINS_PER_MINUTE as usize, "the log is not filled");
    assert!(alarms(&mut world).contains(&AlarmKind::LoginFlood));
    // Security goes on where messages do not.
    let mut olga = world.rogue_in("olga");
    let person = world.id("vera");
    world.rogue_act(&mut olga, Act::Suspend(Suspend { person }), None).unwrap();
    assert_eq!(world.say_in("anna", id, &"x".repeat(12_000)), Err(Error::Refused { code: own(Code::Full) }));
    let gone = sent[..sent.len() - 2].to_vec();
    world.ask("anna", Command::Erase(EraseTarget::Messages(id, gone))).unwrap();
    world.say_in("anna", id, "there is room again").unwrap();
    let (head, bundle) = exported(&world);
    let found = audited(&world, &bundle, head).judgement;
    assert!(matches!(found, Judgement::Verified), "{found:?}");
}
