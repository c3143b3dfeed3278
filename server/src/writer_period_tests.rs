//! The writer and the log's keys: a new one each day, also in a store that is nearly full.

use super::*;
use journal::act::KINDS;
use journal::entry::{Content, ENTRY_VERSION, Entry};
use journal::fact::{Erased, Fact, KeyRoll, KindCount, PeriodEnd};
use protocol::io::{NewPeriod, PeriodSecret};
use vault::SECRETS_CONVERSATION;

/// What a PeriodEnd counts Facts as: more than there are.
const FACTS: std::ops::Range<u16> = 1001..1020;

fn entry(fact: Fact) -> Vec<u8> {
    let (wall_ms, boot_ms) = (u64::MAX, u64::MAX);
    Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content: Content::Fact(fact) }.encode()
}

impl World {
    /// The batch of a new day: its PeriodEnd and KeyRoll as large as they come, the new key's secret.
    fn roll(&mut self, number: u64) {
        let (suite, key) = (Suite::Ed25519, SecretKey::generate(Suite::Ed25519, &mut rng()).unwrap());
        let kinds = KINDS.iter().map(|(kind, _)| *kind).chain(FACTS);
        let counts = kinds.map(|kind| KindCount { kind, count: u64::MAX }).collect();
        let end = PeriodEnd { period: number - 1, counts, snapshot: [0xff; 32] };
        let (spki, signature) = (key.public().spki().to_vec(), vec![0xff; 64].into());
        let roll = KeyRoll { period: number, suite, key: spki.into(), signature };
        let entries = vec![entry(Fact::PeriodEnd(end)), entry(Fact::KeyRoll(roll))];
        let (mut batch, tree) = self.batch(entries, Vec::new());
        batch.period = Some(NewPeriod { number, secret: PeriodSecret::of(&key) });
        self.writer.as_mut().unwrap().commit(&batch).unwrap();
        self.tree = tree;
    }
}

#[test]
fn a_nearly_full_store_takes_a_new_key_each_day_and_keeps_what_erasures_need() {
    let mut world = World::new(16 << 20);
    world.fill(2_000);
    while world.takes_messages() {
        world.write(vec![vec![1; ENTRY_BYTES_MAX]; 4], Vec::new()).unwrap();
    }
    let StoreLimits { kept_bytes, extent_bytes, .. } = world.limits();
    // As the engine asks for them: while more is left than people need to erase.
    let mut today = 0;
    while world.free_bytes() > kept_bytes + extent_bytes {
        today += 1;
        world.roll(today);
        let before = Place { conversation: SECRETS_CONVERSATION, item: today - 1 };
        if today > 1 {
            assert!(matches!(world.erase(before), Ran::Erased { count: 1, .. }), "day {today}");
        }
        world
            .write(vec![entry(Fact::Erased(Erased { epoch: today, through: u64::MAX }))], Vec::new())
            .unwrap();
    }
    assert!(today > 14, "two weeks to make room in the smallest store: {today} days");
    assert!(world.free_bytes() > kept_bytes, "an Erase is still admitted");
    world.restart();
    let reader = world.writer.as_ref().unwrap().vault.reader();
    for number in 1..=today {
        let read = reader.read(vault::Place::item(SECRETS_CONVERSATION, number));
        assert_eq!(read.is_ok(), number == today, "the key of day {number}");
    }
    drop(reader);
    let waits = (0..2_000).find(|item| world.erase(Place { conversation: 5, item: *item }) == Ran::NoRoom);
    assert!(waits.is_none_or(|count| count > 20), "what was admitted before is carried out: {waits:?}");
}
