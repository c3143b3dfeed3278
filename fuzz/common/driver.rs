//! A driver in memory: it does what the engine says, in order, and holds it to two promises on every step. Nothing is
//! sent or ended while a batch is not durable, and each batch's root is that of its entries.
//! Never invents an answer: passwords, reads and erasures are answered as an honest driver does.

use crate::{PEOPLE, new_site, site};
use journal::Policy;
use journal::act::{Act, EnvelopeHandOver, EnvelopePrint};
use journal::checkpoint::SignedCheckpoint;
use journal::fact::CellKind;
use journal::ids::{Chain, Head, LogId, Place, StatementId};
use journal::register::Register;
use journal::replay::Replay;
use journal::testing::{FOUNDED_MS, seed};
use journal::tree::{Tree, leaf_hash};
use pki::{PersonId, Role, SecretKey, Suite};
use protocol::copy::{Copied, CopyAnswer, CopyAsk, CopyTask};
use protocol::engine::founding::{Founding, found};
use protocol::engine::{Books, Engine, EngineParts, StartFacts, snapshot};
use protocol::frame::{Decoder, PASSWORD_INFO, ToTerminal, decode_to_terminal};
use protocol::io::{CheckPassword, EraseItem, ReadItem, VerifierChange};
use protocol::limits::FRAME_BYTES_MAX;
use protocol::{Batch, Input, Now, Output, SessionId};
use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex};

/// One terminal's own state.
#[derive(Clone, Copy)]
pub struct Terminal {
    /// Its session.
    pub session: SessionId,
    /// Its chain.
    pub chain: Chain,
    /// The number of its last statement.
    pub sequence: u64,
    /// The id of its last statement.
    pub last: StatementId,
}

struct Founded {
    register: Register,
    tree: Tree,
    books: Books,
    entries: Vec<Vec<u8>>,
    note: Vec<u8>,
    log: LogId,
    replay: Mutex<Replay>,
}

/// The site's log as `conclaved init` leaves it; made once.
static FOUNDED: LazyLock<Founded> = LazyLock::new(|| {
    let (mut site, mut acts) = (new_site(), Vec::new());
    let genesis = site.genesis(&["olga", "oleg"], Policy::standard());
    for (number, (login, ..)) in (0..).zip(PEOPLE) {
        let (enrol, person) = (site.person(login).enrol(), site.id(login));
        acts.push(site.offline(Act::Enrol(enrol)).0);
        if number > 0 {
            acts.push(site.offline(Act::EnvelopePrint(EnvelopePrint::new(number, person, 0, &[]))).0);
            acts.push(site.offline(Act::EnvelopeHandOver(EnvelopeHandOver { number })).0);
        }
    }
    let now = Now { wall_ms: FOUNDED_MS + 1000, boot_ms: 1000 };
    let founding = found(now, genesis, acts, Vec::new(), usize::MAX, (&identity(), &period()));
    let Founding { batch, register, tree, books, log } = founding.expect("the test site is well-formed");
    let entries: Vec<Vec<u8>> = batch.entries.iter().map(|entry| entry.to_vec()).collect();
    let mut replay = Replay::new(Some(log));
    entries.iter().for_each(|entry| assert!(replay.feed(entry).is_ok(), "the founding replays"));
    Founded { register, tree, books, entries, note: batch.note.to_vec(), log, replay: Mutex::new(replay) }
});

/// The tree over the founding entries.
pub fn founded_tree() -> Tree {
    FOUNDED.tree.clone()
}

/// The state behind the founding entries, as a snapshot's bytes.
pub fn founded_snapshot() -> Vec<u8> {
    let head = Head { size: FOUNDED.tree.size(), root: FOUNDED.tree.root() };
    snapshot::write(&FOUNDED.register, &FOUNDED.books, head)
}

fn identity() -> SecretKey {
    SecretKey::from_bytes(Suite::Ed25519, &site().identity.to_bytes()).expect("a key's own bytes")
}

fn period() -> SecretKey {
    SecretKey::from_bytes(Suite::Ed25519, &seed(0, "period/0")).expect("a seed is a key")
}

/// The password in a sealed box; scripts that do not seal mean their bytes as they are.
fn plain(check: &CheckPassword) -> Vec<u8> {
    let opened = site().person("server").agreement.open(PASSWORD_INFO, &check.statement, &check.sealed);
    opened.map_or_else(|_| check.sealed.to_vec(), |opened| opened.to_vec())
}

/// The engine and all that is around it.
pub struct Driver {
    engine: Engine,
    /// The time that the next input carries.
    pub now: Now,
    /// The log.
    pub log: LogId,
    /// Durable entries.
    pub entries: Vec<Vec<u8>>,
    tree: Tree,
    note: Vec<u8>,
    bodies: HashMap<(Place, u32), Vec<u8>>,
    own: HashMap<PersonId, Vec<u8>>,
    envelopes: HashMap<(PersonId, u64), Vec<u8>>,
    under_way: Option<Batch>,
    /// Leave what is under way undurable.
    pub hold: bool,
    epoch: u64,
    /// Sessions that the engine ended.
    pub ended: HashSet<SessionId>,
    heard: HashMap<SessionId, Vec<ToTerminal>>,
    /// Whoever has logged in.
    pub terminals: HashMap<&'static str, Terminal>,
    /// The engine said that it stopped.
    pub stopped: bool,
}

impl Driver {
    /// A started site; nobody is connected.
    pub fn new() -> Self {
        let Founded { register, tree, books, entries, note, log, .. } = &*FOUNDED;
        let parts = EngineParts {
            register: register.clone(),
            tree: tree.clone(),
            books: books.clone(),
            note: note.clone(),
            identity: identity(),
            period: period(),
            core: site().person("server").agreement_certificate.der().to_vec(),
            server: site().person("server").signature_certificate.id(),
        };
        let envelope = |(number, (login, ..)): (u64, (&str, Role, u8))| {
            ((site().id(login), number), b"one-time".to_vec())
        };
        let mut driver = Self {
            engine: Engine::new(parts).expect("the parts fit each other"),
            now: Now { wall_ms: FOUNDED_MS + 2000, boot_ms: 2000 },
            log: *log,
            entries: entries.clone(),
            tree: tree.clone(),
            note: note.clone(),
            bodies: HashMap::new(),
            own: HashMap::new(),
            envelopes: (0..).zip(PEOPLE).skip(1).map(envelope).collect(),
            under_way: None,
            hold: false,
            epoch: 0,
            ended: HashSet::new(),
            heard: HashMap::new(),
            terminals: HashMap::new(),
            stopped: false,
        };
        let facts = StartFacts {
            boot_id: [7; 16],
            version: "fuzz".into(),
            cell: CellKind::File,
            erasure_epoch: 0,
            set_aside_bytes: 0,
        };
        let mut out = Vec::new();
        driver.engine.start(driver.now, facts, &mut out);
        driver.follow(out);
        driver
    }

    /// The newest durable head.
    pub fn head(&self) -> Head {
        SignedCheckpoint::parse(&self.note).expect("the engine's own note").claimed().head
    }

    /// The state.
    pub fn register(&self) -> &Register {
        self.engine.register()
    }

    /// Frames that a session heard since the last time.
    pub fn take_heard(&mut self, session: SessionId) -> Vec<ToTerminal> {
        self.heard.remove(&session).unwrap_or_default()
    }

    /// One input, and everything that follows from it.
    pub fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        self.follow(out);
    }

    /// Makes durable what is under way, and answers for it.
    pub fn settle(&mut self) {
        self.hold = false;
        self.commit();
    }

    fn follow(&mut self, out: Vec<Output>) {
        let mut answers = Vec::new();
        for output in out {
            match output {
                Output::Send(sessions, bytes) | Output::Carry(sessions, bytes, _) => {
                    assert!(self.under_way.is_none(), "sent while a batch is not durable");
                    self.hear(&sessions, &bytes);
                }
                Output::End(session) => {
                    assert!(self.under_way.is_none(), "ended while a batch is not durable");
                    self.ended.insert(session);
                }
                Output::Commit(batch) => self.take(*batch),
                Output::Stopped => self.stopped = true,
                Output::DrawPeriodKey => {}
                Output::Pause(_) | Output::Resume(_) | Output::Cut(_) => {}
                Output::Forget(number, _) => answers.push(Input::Forgotten(number, Vec::new())),
                Output::Halt(why) => panic!("the engine broke: {why}"),
                Output::Read(ticket, items) => {
                    let found = items.iter().map(|item| self.read(item).map(Into::into)).collect();
                    answers.push(Input::ReadDone(ticket, found));
                }
                Output::Copy(ticket, _, CopyTask::Ask(ask)) => {
                    let answer = match ask {
                        CopyAsk::Hold => CopyAnswer::Outline(vec![1; 64].into()),
                        CopyAsk::HasPassed(_) => CopyAnswer::Truth(true),
                        CopyAsk::Read(range) => CopyAnswer::Blocks(range),
                        CopyAsk::Sign(_) => CopyAnswer::Lost,
                        CopyAsk::Next | CopyAsk::Safe | CopyAsk::IsSame(..) => CopyAnswer::Truth(false),
                    };
                    answers.push(Input::Copied(ticket, Copied::Answer(answer)));
                }
                Output::Copy(..) => {}
                Output::CheckPassword(check) => {
                    let kept = match check.envelope {
                        0 => self.own.get(&check.person),
                        number => self.envelopes.get(&(check.person, number)),
                    };
                    let right = kept.is_some_and(|kept| **kept == *plain(&check));
                    answers.push(Input::PasswordChecked(check.ticket, right));
                }
                Output::MakeVerifier(check) => {
                    let made = (!check.sealed.is_empty()).then(|| plain(&check).into());
                    answers.push(Input::VerifierMade(check.ticket, made));
                }
            }
        }
        answers.into_iter().for_each(|answer| self.input(answer));
        if !self.hold {
            self.commit();
        }
    }

    fn take(&mut self, batch: Batch) {
        assert_eq!(batch.first, self.entries.len() as u64);
        let mut tree = self.tree.clone();
        batch.entries.iter().for_each(|entry| {
            tree.append(leaf_hash(entry));
        });
        assert_eq!(tree.root(), batch.root);
        let head = SignedCheckpoint::parse(&batch.note).expect("a note").claimed().head;
        assert_eq!(head, Head { size: tree.size(), root: batch.root });
        assert!(self.under_way.replace(batch).is_none(), "two batches under way");
    }

    fn read(&self, item: &ReadItem) -> Option<Vec<u8>> {
        match item {
            ReadItem::Entry(index) => self.entries.get(*index as usize).cloned(),
            ReadItem::Body(place, chunk) => self.bodies.get(&(*place, *chunk)).cloned(),
        }
    }

    fn commit(&mut self) {
        while let Some(batch) = self.under_way.take() {
            for entry in &batch.entries {
                self.tree.append(leaf_hash(entry));
                self.entries.push(entry.to_vec());
            }
            for body in &batch.bodies {
                let old = self.bodies.insert((body.place, body.chunk), body.body.to_vec());
                assert!(old.is_none(), "a body was stored twice");
            }
            batch.verifiers.iter().for_each(|change| self.keep(change));
            self.note = batch.note.to_vec();
            let through = self.entries.len() as u64 - 1;
            self.say(Input::Committed(batch.number));
            if !batch.erase.is_empty() {
                batch.erase.iter().for_each(|item| self.erase(item));
                self.epoch += 1;
                self.say(Input::ErasureDone(self.epoch, through));
            }
        }
    }

    /// One input without a commit of its own: the loop around it makes the next batch durable.
    fn say(&mut self, input: Input) {
        let hold = std::mem::replace(&mut self.hold, true);
        self.input(input);
        self.hold = hold;
    }

    fn erase(&mut self, item: &EraseItem) {
        match item {
            EraseItem::Item(gone) => self.bodies.retain(|(place, _), _| place != gone),
            EraseItem::Conversation(gone) => self.bodies.retain(|(place, _), _| place.conversation != *gone),
        }
    }

    fn keep(&mut self, change: &VerifierChange) {
        match change {
            VerifierChange::Set(person, made) => {
                self.own.insert(*person, made.to_vec());
            }
            VerifierChange::SetSealed(person, number, sealed) => {
                self.envelopes.insert((*person, *number), sealed.to_vec());
            }
            VerifierChange::Drop(person) => {
                self.own.remove(person);
                self.envelopes.retain(|(whose, _), _| whose != person);
            }
            VerifierChange::DropEnvelope(person, number) => {
                self.envelopes.remove(&(*person, *number));
            }
        }
    }

    fn hear(&mut self, sessions: &[SessionId], bytes: &[u8]) {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        while let Some(frame) = decoder.next_frame(FRAME_BYTES_MAX).expect("frames keep their limit") {
            let frame = decode_to_terminal(&frame).expect("frames are canonical");
            for session in sessions {
                assert!(!self.ended.contains(session), "heard after its end");
                self.heard.entry(*session).or_default().push(frame.clone());
            }
        }
    }

    /// In the end: the journal alone leads to the same state.
    pub fn check_replay(&mut self) {
        self.settle();
        let mut replay = FOUNDED.replay.lock().expect("one thread").clone();
        for entry in &self.entries[FOUNDED.entries.len()..] {
            assert!(replay.feed(entry).is_ok(), "replay refuses what was admitted");
        }
        assert_eq!(replay.register().digest(), self.register().digest());
    }
}

impl Default for Driver {
    fn default() -> Self {
        Self::new()
    }
}
