use super::*;
use journal::checkpoint::LogKeys;
use journal::fact::{KeyRoll, key_roll_bytes};
use journal::note::NoteSigner;
use journal::testing::seed;
use journal::tree::{Tree, leaf_hash};
use pki::{SecretKey, Signer, Suite};

const LOG: LogId = LogId([7; 32]);

/// A log with as many period keys as it needs; period p begins at index `rolls[p]`.
struct Log {
    tree: Tree,
    identity: SecretKey,
    periods: Vec<SecretKey>,
}

impl Log {
    fn new() -> Self {
        let key = |name: &str| SecretKey::from_bytes(Suite::Ed25519, &seed(1, name)).unwrap();
        Self { tree: Tree::new(), identity: key("identity"), periods: vec![key("period 0"), key("period 1")] }
    }

    fn grow(&mut self, to: u64, text: &str) {
        while self.tree.size() < to {
            let leaf = leaf_hash(format!("{text} {}", self.tree.size()).as_bytes());
            self.tree.append(leaf);
        }
    }

    fn roll(&self, period: usize) -> KeyRoll {
        let key = self.periods[period].public();
        let bytes = key_roll_bytes(LOG, period as u64, key.suite(), key.spki());
        let by = if period == 0 { &self.identity } else { &self.periods[period - 1] };
        let signature = by.sign(&bytes).unwrap().into();
        KeyRoll { period: period as u64, suite: key.suite(), key: key.spki().to_vec().into(), signature }
    }

    fn note(&self, period: usize) -> Vec<u8> {
        let head = Head { size: self.tree.size(), root: self.tree.root() };
        let period = &self.periods[period];
        let keys = LogKeys::new(LOG, period.public().clone(), Some(self.identity.public().clone())).unwrap();
        let signers = [
            NoteSigner { key: &keys.period, signer: period },
            NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &self.identity },
        ];
        SignedCheckpoint::sign(Checkpoint { origin: LOG.into(), head }, &signers)
            .unwrap()
            .to_string()
            .into_bytes()
    }

    fn growth(&self, from: u64) -> Vec<Digest> {
        let proof = self.tree.consistency_proof(from, self.tree.size()).unwrap();
        proof.path().iter().copied().map(Digest).collect()
    }

    /// A terminal that knows period 0.
    fn trust(&self) -> Trust {
        let mut trust = Trust::new(LOG, self.identity.public().clone(), Noted::nothing());
        trust.periods.roll(1, &self.roll(0)).unwrap();
        trust
    }
}

#[test]
fn the_proven_head_moves_only_along_a_growing_log() {
    let mut log = Log::new();
    log.grow(5, "entry");
    let mut trust = log.trust();
    trust.advance(&log.note(0), &[]).unwrap();
    assert_eq!(trust.proven().head.size, 5);
    log.grow(9, "entry");
    assert!(matches!(trust.advance(&log.note(0), &[]), Err(Doubt::Contradiction(_))), "no proof, no growth");
    trust.advance(&log.note(0), &log.growth(5)).unwrap();
    assert_eq!(trust.proven().head, Head { size: 9, root: log.tree.root() });
}

#[test]
fn a_fork_and_a_rollback_are_shown_with_both_notes() {
    let mut log = Log::new();
    log.grow(5, "entry");
    let mut trust = log.trust();
    let ours = log.note(0);
    trust.advance(&ours, &[]).unwrap();

    // Another past of the same length: two signed notes that cannot both be true.
    let mut other = Log::new();
    other.grow(5, "another entry");
    let Err(Doubt::Contradiction(found)) = trust.note(&other.note(0), 0) else {
        panic!("a fork was believed")
    };
    assert!(!found.rolled_back && found.ours.size == 5 && found.theirs.size == 5);
    assert_eq!((found.our_note.to_vec(), found.their_note.to_vec()), (ours.clone(), other.note(0)));

    // Another past, longer: no honest proof leads there.
    other.grow(8, "another entry");
    let Err(Doubt::Contradiction(found)) = trust.advance(&other.note(0), &other.growth(5)) else {
        panic!("a fork was believed")
    };
    assert_eq!(found.theirs.size, 8);

    // The same past, shorter.
    let mut back = Log::new();
    back.grow(3, "entry");
    let Err(Doubt::Contradiction(found)) = trust.advance(&back.note(0), &[]) else {
        panic!("a rollback was believed")
    };
    assert!(found.rolled_back);
    assert_eq!(trust.proven().head.size, 5);
}

/// One proof from each head of the terminal's line to the next, by the honest log.
fn honest_paths(log: &Log, line: &[Noted]) -> Vec<Vec<Digest>> {
    let step = |pair: &[Noted]| {
        let proof = log.tree.consistency_proof(pair[0].head.size, pair[1].head.size).unwrap();
        proof.path().iter().copied().map(Digest).collect()
    };
    line.windows(2).map(step).collect()
}

/// A log of these sizes' notes.
fn notes(text: &str, sizes: &[u64]) -> (Log, Vec<Vec<u8>>) {
    let mut log = Log::new();
    let mut notes = Vec::new();
    for size in sizes {
        log.grow(*size, text);
        notes.push(log.note(0));
    }
    (log, notes)
}

#[test]
fn heads_of_one_log_are_tied_at_every_size() {
    let (log, notes) = notes("entry", &[4, 5, 9, 12]);
    let mut trust = log.trust();
    trust.advance(&notes[1], &[]).unwrap();
    for at in [0, 2, 3] {
        trust.note(&notes[at], 0).unwrap();
    }
    trust.rely(&trust.line()[2].head);
    assert!(!trust.is_tied(trust.mark()) && trust.is_tied(1) && !trust.all_tied(1));
    let line = trust.line();
    assert_eq!(line.iter().map(|noted| noted.head.size).collect::<Vec<_>>(), [4, 5, 9, 12]);
    assert!(trust.tie(&line, &honest_paths(&log, &line)).unwrap());
    assert!(trust.all_tied(trust.mark()) && trust.untied_count() == 0);
    assert_eq!(trust.proven().head.size, 12);
    // It comes again: there is nothing to prove.
    trust.note(&notes[2], 0).unwrap();
    assert_eq!(trust.untied_count(), 0);
}

#[test]
fn a_fork_is_found_at_every_size() {
    let sizes = [4, 9, 12];
    for forked in sizes {
        let (log, true_notes) = notes("entry", &[4, 5, 9, 12]);
        let (_, other) = notes("another entry", &[forked]);
        let mut trust = log.trust();
        trust.advance(&true_notes[1], &[]).unwrap();
        for (size, note) in [4, 5, 9, 12].into_iter().zip(&true_notes) {
            trust.note(if size == forked { &other[0] } else { note }, 0).unwrap();
        }
        let line = trust.line();
        let Err(Doubt::Contradiction(found)) = trust.tie(&line, &honest_paths(&log, &line)) else {
            panic!("a fork of size {forked} was believed")
        };
        assert!(!found.rolled_back && found.our_note != found.their_note);
        assert_eq!(found.theirs.size, forked);
        assert_eq!(trust.proven().head.size, 5);
        // Proofs left out prove nothing.
        assert_eq!(trust.tie(&line, &[]), Err(Doubt::Unverified(What::Answer)));
    }
}

#[test]
fn what_is_not_tied_is_bounded_in_number_and_age() {
    let sizes: Vec<u64> = (2..=UNTIED_MAX as u64 + 3).collect();
    let (log, notes) = notes("entry", &sizes);
    let mut trust = log.trust();
    trust.advance(&notes[0], &[]).unwrap();
    for note in &notes[1..=UNTIED_ENTRIES_MAX] {
        assert!(trust.has_room(note, 0));
        trust.note(note, 0).unwrap();
    }
    assert!(!trust.has_room(&notes[UNTIED_ENTRIES_MAX + 1], 0), "the rest is for receipts");
    assert!(trust.has_room(&notes[1], UNTIED_MS - 1) && !trust.has_room(&notes[1], UNTIED_MS));
    for note in &notes[UNTIED_ENTRIES_MAX + 1..=UNTIED_MAX] {
        trust.note(note, 0).unwrap();
    }
    assert!(trust.note(&notes[UNTIED_MAX + 1], 0).is_err());
    assert!(trust.line().len() <= LINE_SIZES_MAX);
}

#[test]
fn period_keys_follow_from_the_identity_key_and_sign_only_their_time() {
    let mut log = Log::new();
    log.grow(5, "entry");
    let mut trust = Trust::new(LOG, log.identity.public().clone(), Noted::nothing());
    assert_eq!(trust.note(&log.note(0), 0), Err(Doubt::Unverified(What::Note)), "no period key is known");
    assert_eq!(trust.periods.roll(2, &log.roll(1)), Err(What::KeyRoll), "period 0 comes first");
    trust.periods.roll(1, &log.roll(0)).unwrap();
    trust.periods.roll(1, &log.roll(0)).unwrap();
    assert_eq!(trust.periods.roll(3, &log.roll(0)), Err(What::KeyRoll), "one period has one roll");
    trust.note(&log.note(0), 0).unwrap();

    let mut forged = log.roll(1);
    forged.signature = log.identity.sign(b"something else").unwrap().into();
    assert_eq!(trust.periods.roll(7, &forged), Err(What::KeyRoll));
    trust.periods.roll(7, &log.roll(1)).unwrap();
    log.grow(7, "entry");
    trust.note(&log.note(0), 0).unwrap();
    log.grow(8, "entry");
    assert_eq!(trust.note(&log.note(0), 0), Err(Doubt::Unverified(What::Note)), "an old key after its roll");
    trust.note(&log.note(1), 0).unwrap();
}

#[test]
fn a_greeting_is_for_one_log_one_connection_and_one_core() {
    let log = Log::new();
    let trust = log.trust();
    let core = b"certificate".to_vec();
    let sign = |id: LogId, exporter: &[u8; 32]| {
        let signed = Hello::signed_bytes(id, &[1; 32], CertId::of(&core), exporter);
        let signature = log.identity.sign(&signed).unwrap().into();
        Hello { log: id, nonce: [1; 32], core: core.clone().into(), signature, successions: None }
    };
    assert!(trust.check_hello(&sign(LOG, &[2; 32]), &[2; 32]).is_ok());
    assert!(trust.check_hello(&sign(LOG, &[2; 32]), &[3; 32]).is_err());
    assert!(trust.check_hello(&sign(LogId([8; 32]), &[2; 32]), &[2; 32]).is_err());
    let mut other = sign(LOG, &[2; 32]);
    other.core = b"another core".to_vec().into();
    assert!(trust.check_hello(&other, &[2; 32]).is_err());
}
