//! Random histories: everything that may happen to a vault, in an order that a seed draws, with power cuts anywhere. In
//! the end the adversary, with every live key and the disk's whole past, opens all that lives and nothing that was erased.

use super::*;
use crate::adversary::{guesses_confirmed, keys_in};
use crate::vault::locked;

/// A target among what lives: a message, a file, one chunk, or a whole conversation.
fn some_target(world: &mut World) -> Option<Target> {
    let draw = world.random.next_u64();
    let place = *world.live.keys().nth(draw as usize % world.live.len().max(1))?;
    Some(match (draw >> 32) % 7 {
        0 => Target::Conversation(place.conversation),
        1 | 2 => Target::Place(place),
        _ => Target::Place(Place { chunk: None, ..place }),
    })
}

/// One act; every acknowledgement and every intent is in the world's book.
fn act(world: &mut World, vault: &mut Vault) -> Result<(), Error> {
    let draw = world.random.next_u64();
    match draw % 12 {
        0..=4 => {
            // Numbers of conversations are never used again.
            let of = 1 + (draw >> 8) % 5;
            let fell = |target: &&Target| matches!(target, Target::Conversation(number) if number % 10 == of);
            let fallen = world.intents.iter().flatten().filter(fell).count() as u64;
            world.say(vault, of + 10 * fallen, 1 + (draw >> 16) % 6)
        }
        5 | 6 => {
            let targets: Vec<Target> = (0..1 + (draw >> 8) % 3).filter_map(|_| some_target(world)).collect();
            let number = world.ask(vault, targets)?;
            world.erase(vault, number)
        }
        7 => {
            // Two intents before one replacement of the cell.
            let targets: Vec<Target> = (0..2).filter_map(|_| some_target(world)).collect();
            for target in &targets {
                world.ask(vault, vec![*target])?;
            }
            world.redo(vault).map(|_| ())
        }
        8 => {
            let mut random = rng(draw);
            (0..1 + (draw >> 8) % 9).try_for_each(|_| {
                let need = if draw & 1 << 40 > 0 { Need::Room } else { Need::Hygiene };
                vault.tend(need, &mut random).map(|_| ())
            })
        }
        9 => sweep(vault, &mut rng(draw)).map(|_| ()),
        10 => vault.fold(&mut rng(draw)),
        _ => {
            let mut random = rng(draw);
            let mut batch = vault.begin(Claim::Ordinary, &mut random)?;
            batch.snapshot(&crate::Rows::default(), &draw.to_le_bytes())?;
            batch.commit([7; 32]).map(|_| ())
        }
    }
}

/// Lives with power cuts; then a calm one in which all is redone. Gives the intents that are durable.
fn history(world: &mut World, lives: u64, acts: u64) -> (Machine, Life, Vec<usize>) {
    for life in 0..lives {
        let at = world.random.next_u64() % 120;
        let machine = world.machine(CrashClock::new(at, Fault::PowerCut));
        if let Ok(mut opened) = world.open(&machine) {
            let _cut = world
                .redo(&mut opened.vault)
                .and_then(|_| (0..acts).try_for_each(|_| act(world, &mut opened.vault)));
        }
        world.power_off(&machine, at + life);
        let (machine, mut opened) = world.calm();
        world.check_live(&opened.vault, &format!("life {life}, cut at {at}"));
        world.redo(&mut opened.vault).unwrap();
        for _ in 0..acts / 3 {
            act(world, &mut opened.vault).unwrap();
        }
        world.check_live(&opened.vault, &format!("life {life}, after the restart"));
        drop(opened);
        world.power_off(&machine, at);
    }
    let (machine, mut life) = world.calm();
    let durable = world.redo(&mut life.vault).unwrap();
    (machine, life, durable)
}

/// The seeds of `cargo xtask adversary`, which names them by the environment; else those of a test run.
fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().expect(name));
    let usual = stories(200, 5_000);
    let first = number("CONCLAVE_SEED").unwrap_or(usual.start);
    first..first + number("CONCLAVE_SEEDS").unwrap_or(usual.end)
}

/// What all histories came to.
#[derive(Default)]
struct Counts {
    histories: AtomicU64,
    sealed: AtomicU64,
    records: AtomicU64,
    keys: AtomicU64,
    erasures: AtomicU64,
    erased: AtomicU64,
    live: AtomicU64,
}

impl Counts {
    fn add(&self, world: &World, search: &Search, durable: &[usize]) {
        let add = |count: &AtomicU64, more: usize| count.fetch_add(more as u64, Ordering::Relaxed);
        add(&self.histories, 1);
        add(&self.sealed, usize::from(world.unlock.is_some()));
        add(&self.records, search.records);
        add(&self.keys, search.keys);
        add(&self.erasures, durable.len());
        let fell = |place: &&Place| {
            durable.iter().flat_map(|number| &world.intents[*number]).any(|target| target.covers(place))
        };
        add(&self.erased, search.opened.keys().filter(fell).count());
        add(&self.live, world.live.len());
    }

    fn tell(self) {
        let of = AtomicU64::into_inner;
        let (histories, sealed) = (of(self.histories), of(self.sealed));
        let (erasures, live) = (of(self.erasures), of(self.live));
        let (records, keys, erased) = (of(self.records), of(self.keys), of(self.erased));
        // One history may be short of either; many that are would prove little.
        assert!(
            histories < 100 || erasures >= 5 * histories && live >= 12 * histories,
            "{erasures} {live} of {histories}"
        );
        told(format_args!("{histories} histories, {sealed} of them with an unlock secret"));
        told(format_args!("{records} records, {keys} keys, {erasures} erasures"));
        told(format_args!("{erased} erased bodies opened, all {live} live ones"));
    }
}

#[test]
fn after_any_history_the_erased_opens_for_nobody_and_the_living_opens() {
    let counts = Counts::default();
    all_of(seeds(), |seed| {
        let mut world = World::founded(1_000 + seed, (seed % 4 == 1).then_some(7));
        world.padding = if seed % 3 == 0 { 3_000 } else { 0 };
        let (machine, life, durable) = history(&mut world, 3, 12);
        let story = format!("seed {seed}");
        world.check_live(&life.vault, &story);
        let secret = world.secret();
        let all =
            world.search(&machine, &life.vault, &world.records, live_keys(&life.vault), secret.as_ref());
        counts.add(&world, &all, &durable);
        world.check_opened(&all.opened, &durable, &story);
        if secret.is_some() {
            // The tops are found by the cell alone, and without the secret nothing is.
            let by_cell =
                |unlock| world.search(&machine, &life.vault, &world.records, Vec::new(), unlock).opened;
            world.check_opened(&by_cell(secret.as_ref()), &durable, &story);
            assert_eq!(by_cell(None).len(), 0, "{story}: the cell opens something without the unlock secret");
        }
    });
    counts.tell();
}

#[test]
fn a_former_root_of_a_site_with_an_unlock_secret_is_caught_by_who_has_the_secret() {
    let mut world = World::founded(3_000, Some(7));
    let (machine, mut life) = world.calm();
    world.say(&mut life.vault, 1, 5).unwrap();
    world.say(&mut life.vault, 2, 5).unwrap();
    let former = Arc::new(Mutex::new(world.records.lock().unwrap().clone()));
    let number = world.ask(&mut life.vault, vec![Target::Conversation(2)]).unwrap();
    world.erase(&mut life.vault, number).unwrap();
    let back = |records, unlock: Option<&UnlockSecret>| {
        let opened = world.search(&machine, &life.vault, records, Vec::new(), unlock).opened;
        opened.keys().filter(|place| place.conversation == 2).count()
    };
    let secret = world.secret();
    assert_eq!(back(&world.records, secret.as_ref()), 0);
    let caught = back(&former, secret.as_ref());
    assert!(caught > 4, "{caught}");
    assert_eq!(back(&former, None), 0, "without the secret the former root is nothing");
    told(format_args!("caught: a former root with the unlock secret, {caught} bodies"));
}

/// A world in which one conversation was erased, and what of it an adversary opens with one more thing in his hands.
struct Erased {
    world: World,
    machine: Machine,
    life: Life,
    texts: Vec<Vec<u8>>,
    /// The cell and the key of one leaf as they were before.
    former_root: Vec<u8>,
    former_leaf: Vec<u8>,
}

impl Erased {
    fn new(journal: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let mut world = World::seeded(2_000);
        let (machine, mut life) = world.calm();
        world.say(&mut life.vault, 1, 5).unwrap();
        world.say(&mut life.vault, 2, 5).unwrap();
        let texts: Vec<Vec<u8>> = world
            .live
            .iter()
            .filter(|(place, _)| place.conversation == 2)
            .map(|(_, text)| text.clone())
            .collect();
        let mut random = rng(1);
        let mut batch = life.vault.begin(Claim::Urgent, &mut random).unwrap();
        for text in &texts {
            batch.entry(&journal(text)).unwrap();
        }
        batch.commit([7; 32]).unwrap();
        life.vault.fold(&mut random).unwrap();
        let former_root = world.records.lock().unwrap()[crate::CellSlot::Even.index()].clone();
        let place = *world.live.keys().rfind(|place| place.conversation == 2).unwrap();
        let leaf = locked(&life.vault.tree).lookup(&place).unwrap().unwrap();
        let former_leaf = leaf.key.open().to_vec();
        let number = world.ask(&mut life.vault, vec![Target::Conversation(2)]).unwrap();
        world.erase(&mut life.vault, number).unwrap();
        Self { world, machine, life, texts, former_root, former_leaf }
    }

    /// Erased bodies that open with the keys there are and whatever may be one in these bytes.
    fn opened_with(&self, bytes: &[u8]) -> usize {
        let cell = MemoryCell::new(self.world.records.clone(), None);
        let mut keys = live_keys(&self.life.vault);
        keys.extend(keys_in(bytes));
        let device = device_keys(&cell).unwrap();
        let writes = self.machine.recording.writes();
        let opened = open_everything(&device, self.life.vault.store(), keys, &writes);
        opened.keys().filter(|place| place.conversation == 2).count()
    }

    fn confirmed(&self) -> usize {
        let cell = MemoryCell::new(self.world.records.clone(), None);
        let device = device_keys(&cell).unwrap();
        let guesses: Vec<&[u8]> = self.texts.iter().map(Vec::as_slice).collect();
        guesses_confirmed(&device, self.life.vault.store(), &self.machine.recording.writes(), &guesses).len()
    }
}

#[test]
fn a_key_in_the_index_and_a_backup_with_the_root_are_caught() {
    let erased = Erased::new(|_| b"M".to_vec());
    // What an honest index holds of a message: numbers and positions. And a backup: frames as they lie.
    let honest: Vec<u8> = (0..40_u64).flat_map(u64::to_le_bytes).collect();
    assert_eq!(erased.opened_with(&honest), 0);
    let with = |more: &[u8]| [&honest[..77], more, &honest[77..]].concat();
    assert_eq!(erased.opened_with(&with(&erased.former_leaf)), 1, "the index kept one key");
    assert_eq!(
        erased.opened_with(&with(&erased.former_root)),
        erased.texts.len(),
        "the backup kept the root"
    );
    told(format_args!(
        "caught: a key in the index, 1 body; a backup with the root, {} bodies",
        erased.texts.len()
    ));
}

#[test]
fn a_digest_of_a_text_in_the_journal_is_caught() {
    use sha2::{Digest, Sha256};
    assert_eq!(Erased::new(|_| b"M".to_vec()).confirmed(), 0);
    let plain = Erased::new(|text| Sha256::digest(text).to_vec());
    assert_eq!(plain.confirmed(), plain.texts.len());
    let written_out =
        Erased::new(|text| format!("{:x}", HexDigest(Sha256::digest(text).into())).into_bytes());
    assert_eq!(written_out.confirmed(), written_out.texts.len());
    // A commitment under a salt that is gone with the body says nothing.
    let salted = Erased::new(|text| Sha256::digest([text, &[5; 32]].concat()).to_vec());
    assert_eq!(salted.confirmed(), 0);
    told(format_args!("caught: a digest of a text in the journal, {} texts", plain.texts.len()));
}

/// A digest in letters.
struct HexDigest([u8; 32]);

impl std::fmt::LowerHex for HexDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
