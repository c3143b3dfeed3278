//! How fast bodies and chunks are sealed and opened. Asserts nothing about time: it prints.
//! `cargo test -p protocol --release speed -- --ignored --nocapture --test-threads 1`
#![allow(clippy::disallowed_methods)] // a measurement reads the clock; nothing else in this crate does

use super::body::{self, BodyRef};
use super::file::{FileOpener, FilePlace, FileSealer};
use super::keys::{EpochKey, Lock};
use super::testing::{Rng, text_place};
use super::wraps::{EpochPlace, WrapSet};
use journal::act::SizeClass;
use journal::{MembershipHead, ReservationId};
use pki::{AgreementSecret, CertId, Suite};

const SUITE: Suite = Suite::Ed25519;

fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn print(what: &str, count: u32, unit: &str, mut work: impl FnMut()) {
    let start = now();
    (0..count).for_each(|_| work());
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.0} {unit}/s", f64::from(count) / seconds);
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let (place, mut rng) = (text_place(), Rng::seeded(1));
    let key = EpochKey::generate(&mut rng);
    for class in [SizeClass(8), SizeClass(10), SizeClass(11)] {
        let content = vec![7; super::padding::content_bytes_max(class)];
        let lock = || Lock::message(SUITE, &key, &place).unwrap();
        let body = body::seal(&lock(), class, &content, &mut rng).unwrap();
        let bytes = class.bytes();
        print(&format!("seal and commit {bytes} B"), 100_000, "bodies", || {
            body::seal(&lock(), class, &content, &mut rng).unwrap();
        });
        print(&format!("open {bytes} B"), 100_000, "bodies", || {
            BodyRef::parse(body.bytes()).unwrap().open(&lock()).unwrap();
        });
        print(&format!("read and commit {bytes} B (the core's work)"), 100_000, "bodies", || {
            assert_eq!(BodyRef::parse(body.bytes()).unwrap().commitment(), body.commitment());
        });
    }
    files(&mut rng);
    wraps(&mut rng);
}

fn files(rng: &mut Rng) {
    let at = text_place();
    let place = FilePlace { log: at.log, conversation: at.conversation, reservation: ReservationId([4; 16]) };
    let bytes = 64 << 20;
    let mut sealer = FileSealer::new(SUITE, place, bytes, rng).unwrap();
    let content = vec![7; 256 << 10];
    let mut bodies = Vec::new();
    let start = now();
    while let Some((_, piece)) = sealer.wants() {
        bodies.push(sealer.seal_next(&content[..piece], rng).unwrap().1);
    }
    let mib = |start: std::time::Instant| 64.0 / start.elapsed().as_secs_f64();
    println!("seal a file: {:.0} MiB/s", mib(start));
    let (claim, info) = sealer.finish("a".into(), None).unwrap();
    let start = now();
    let mut opener = FileOpener::new(SUITE, place.log, place.conversation, &claim, &info).unwrap();
    bodies.iter().for_each(|body| drop(opener.open_next(body.bytes()).unwrap()));
    opener.finish().unwrap();
    println!("open a file: {:.0} MiB/s", mib(start));
}

fn wraps(rng: &mut Rng) {
    let at = text_place();
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let secret = AgreementSecret::generate(suite, rng).unwrap();
        let recipients = vec![(CertId([1; 32]), secret.public().clone()); 1000];
        let membership = MembershipHead([5; 32]);
        let place = EpochPlace { log: at.log, conversation: at.conversation, epoch: 1, membership };
        let key = EpochKey::generate(rng);
        print(&format!("wrap for 1,000 members, {suite}"), 1, "sets", || {
            WrapSet::make(suite, &place, &key, &recipients, rng).unwrap();
        });
    }
}
