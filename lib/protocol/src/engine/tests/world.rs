//! A driver in memory with terminals that sign as real ones do. It checks on every step that nothing is sent while a
//! batch is not durable, and that each batch's root and note are those of its entries.

use crate::copy::CopyTask;
use crate::engine::founding::found;
use crate::engine::recovery::Recovery;
use crate::engine::{Engine, EngineParts, StartFacts};
use crate::frame::{Decoder, SealedVerifier, ToTerminal, decode_to_terminal};
use crate::io::{
    Batch, EraseItem, Input, NewPeriod, Now, Output, PeriodSecret, ReadItem, SessionId, Ticket,
    VerifierChange,
};
use crate::limits::FRAME_BYTES_MAX;
use journal::act::{Act, EnvelopeHandOver, EnvelopePrint};
use journal::checkpoint::{LogKeys, SignedCheckpoint};
use journal::fact::CellKind;
use journal::ids::{Chain, Head, LogId, Place, SECRETS_CONVERSATION, StatementId};
use journal::register::Register;
use journal::testing::{Described, FOUNDED_MS, TestSite, seed};
use journal::tree::{Tree, leaf_hash};
use journal::{Content, Entry, Fact, Policy};
use pki::{Clearance, PersonId, Role, SecretKey, Suite};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What one terminal knows of itself.
#[derive(Clone)]
pub(super) struct Terminal {
    pub(super) session: SessionId,
    pub(super) chain: Chain,
    pub(super) sequence: u64,
    pub(super) attempt: u32,
    pub(super) last: StatementId,
    pub(super) next_request: u32,
}

pub(super) struct World {
    pub(super) site: TestSite,
    pub(super) engine: Engine,
    pub(super) now: Now,
    pub(super) log: LogId,
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) bodies: HashMap<(Place, u32), Vec<u8>>,
    pub(super) own: HashMap<PersonId, Vec<u8>>,
    envelopes: HashMap<(PersonId, u64), Vec<u8>>,
    pub(super) tree: Tree,
    pub(super) note: Vec<u8>,
    pub(super) erasure_epoch: u64,
    pub(super) heard: BTreeMap<SessionId, VecDeque<ToTerminal>>,
    pub(super) ended: Vec<SessionId>,
    pub(super) stopped: bool,
    pub(super) paused: Vec<SessionId>,
    pub(super) terminals: HashMap<String, Terminal>,
    /// The batch that the driver has and has not made durable.
    pub(super) under_way: Option<Batch>,
    pub(super) batches: Vec<Batch>,
    /// Do not commit by itself.
    pub(super) hold_commits: bool,
    /// Do not answer reads, passwords, erasures by itself.
    pub(super) hold_workers: bool,
    /// Do not answer for the network's buffers.
    pub(super) hold_network: bool,
    pub(super) held: VecDeque<Output>,
    /// Answers for the next period's key.
    pub(super) rolls: bool,
    /// The log's own keys, as the vault keeps them.
    pub(super) secrets: BTreeMap<u64, Vec<u8>>,
    /// What was passed on of backups.
    pub(super) copies: Vec<(Ticket, SessionId, CopyTask)>,
    pub(super) pushed_bytes: usize,
    pub(super) next_session: SessionId,
    pub(super) next_name: u64,
    next_envelope: u64,
}

fn period_key(suite: Suite, number: u64, period: u64) -> SecretKey {
    SecretKey::from_bytes(suite, &seed(number, &format!("period/{period}"))).unwrap()
}

fn secret(new: &NewPeriod) -> (u64, Vec<u8>) {
    (new.number, new.secret.bytes().to_vec())
}

impl World {
    /// A started site: officers olga and oleg, operators anna, boris, vera, administrator adam, auditor igor. Nobody is
    /// connected.
    pub(super) fn new(number: u64) -> Self {
        Self::with(number, Suite::Ed25519, Policy::standard())
    }

    pub(super) fn with(number: u64, suite: Suite, policy: Policy) -> Self {
        let mut site = TestSite::new(number, suite);
        let mut acts = Vec::new();
        let mut envelopes = HashMap::new();
        let people = [
            ("server", Role::Server, 5),
            ("olga", Role::Officer, 5),
            ("oleg", Role::Officer, 5),
            ("anna", Role::Operator, 3),
            ("boris", Role::Operator, 3),
            ("vera", Role::Operator, 3),
            ("adam", Role::Administrator, 3),
            ("igor", Role::Auditor, 3),
        ];
        for (login, role, clearance) in people {
            site.issue(login, &Described::new(role, Clearance(clearance)));
        }
        let genesis = site.genesis(&["olga", "oleg"], policy);
        for (n, (login, ..)) in (0..).zip(people) {
            let (enrol, id) = (site.person(login).enrol(), site.id(login));
            acts.push(site.offline(Act::Enrol(enrol)).0);
            if n > 0 {
                acts.push(site.offline(Act::EnvelopePrint(EnvelopePrint::new(n, id, 0, b"one-time"))).0);
                acts.push(site.offline(Act::EnvelopeHandOver(EnvelopeHandOver { number: n })).0);
                envelopes.insert((id, n), b"one-time".to_vec());
            }
        }
        let now = Now { wall_ms: FOUNDED_MS + 1000, boot_ms: 1000 };
        let identity = SecretKey::from_bytes(Suite::Ed25519, &site.identity.to_bytes()).unwrap();
        let founding =
            found(now, genesis, acts, Vec::new(), usize::MAX, (&identity, &period_key(suite, number, 0)))
                .unwrap();
        let entries: Vec<Vec<u8>> = founding.batch.entries.iter().map(|entry| entry.to_vec()).collect();
        let parts = EngineParts {
            register: founding.register,
            tree: founding.tree.clone(),
            books: founding.books,
            note: founding.batch.note.to_vec(),
            identity,
            period: period_key(suite, number, 0),
            core: site.person("server").agreement_certificate.der().to_vec(),
            server: site.person("server").signature_certificate.id(),
        };
        let mut world = Self {
            engine: Engine::new(parts).unwrap(),
            site,
            now,
            log: founding.log,
            entries,
            bodies: HashMap::new(),
            own: HashMap::new(),
            envelopes,
            tree: founding.tree,
            note: founding.batch.note.to_vec(),
            erasure_epoch: 0,
            heard: BTreeMap::new(),
            ended: Vec::new(),
            stopped: false,
            paused: Vec::new(),
            terminals: HashMap::new(),
            under_way: None,
            batches: Vec::new(),
            hold_commits: false,
            hold_workers: false,
            hold_network: false,
            held: VecDeque::new(),
            rolls: false,
            secrets: founding.batch.period.iter().map(secret).collect(),
            copies: Vec::new(),
            pushed_bytes: 0,
            next_session: 1,
            next_name: 0,
            next_envelope: 100,
        };
        world.start();
        world
    }

    fn start(&mut self) {
        let facts = StartFacts {
            boot_id: [7; 16],
            version: "test".into(),
            cell: CellKind::File,
            erasure_epoch: self.erasure_epoch,
            set_aside_bytes: 0,
        };
        let mut out = Vec::new();
        self.engine.start(self.now, facts, &mut out);
        self.follow(out);
    }

    /// The process dies; what was durable is replayed.
    pub(super) fn crash(&mut self) {
        let mut recovery = Recovery::new();
        self.entries.iter().for_each(|entry| recovery.feed(entry).unwrap());
        let (register, tree, books) = recovery.into_parts();
        let period = register.period().unwrap().number;
        let parts = EngineParts {
            register,
            tree: tree.clone(),
            books,
            note: self.note.clone(),
            identity: SecretKey::from_bytes(Suite::Ed25519, &self.site.identity.to_bytes()).unwrap(),
            period: SecretKey::from_bytes(self.site.suite, &self.secrets[&period]).unwrap(),
            core: self.site.person("server").agreement_certificate.der().to_vec(),
            server: self.site.person("server").signature_certificate.id(),
        };
        self.engine = Engine::new(parts).unwrap();
        self.tree = tree;
        (self.under_way, self.hold_commits, self.hold_workers) = (None, false, false);
        self.held.clear();
        self.heard.clear();
        self.now.boot_ms += 10;
        self.now.wall_ms += 10;
        self.start();
    }

    pub(super) fn wait_ms(&mut self, ms: u64) {
        self.now.wall_ms += ms;
        self.now.boot_ms += ms;
    }

    pub(super) fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        self.follow(out);
    }

    /// Does what the engine says, in order.
    pub(super) fn follow(&mut self, out: Vec<Output>) {
        let mut answers = Vec::new();
        for output in out {
            match output {
                Output::Send(sessions, bytes) | Output::Carry(sessions, bytes, _) => {
                    assert!(self.under_way.is_none(), "sent while a batch is not durable");
                    self.hear(&sessions, &bytes);
                }
                Output::End(session) => {
                    assert!(self.under_way.is_none(), "ended while a batch is not durable");
                    self.ended.push(session);
                }
                Output::Commit(batch) => {
                    self.check(&batch);
                    assert!(self.under_way.replace(*batch).is_none(), "two batches under way");
                }
                Output::Cut(_) => {}
                Output::Forget(number, items) => {
                    if self.hold_network {
                        self.held.push_back(Output::Forget(number, items));
                    } else {
                        answers.push(Input::Forgotten(number, Vec::new()));
                    }
                }
                Output::Stopped => self.stopped = true,
                Output::Pause(session) => self.paused.push(session),
                Output::Resume(session) => self.paused.retain(|paused| *paused != session),
                Output::Copy(ticket, session, task) => self.copies.push((ticket, session, task)),
                Output::Halt(why) => panic!("halted: {why}"),
                Output::DrawPeriodKey if !self.rolls => {}
                Output::DrawPeriodKey => answers.push(Input::PeriodKey(self.next_secret())),
                work @ (Output::Read(..) | Output::CheckPassword(_) | Output::MakeVerifier(_)) => {
                    if self.hold_workers {
                        self.held.push_back(work);
                    } else {
                        answers.push(self.work(work));
                    }
                }
            }
        }
        answers.into_iter().for_each(|answer| self.input(answer));
        if !self.hold_commits {
            self.commit();
        }
    }

    /// Does the held work and commits.
    pub(super) fn let_go(&mut self) {
        (self.hold_commits, self.hold_workers) = (false, false);
        while let Some(work) = self.held.pop_front() {
            let answer = self.work(work);
            self.input(answer);
        }
        self.commit();
    }

    fn work(&mut self, work: Output) -> Input {
        match work {
            Output::Read(ticket, items) => {
                let read = |item: &ReadItem| match item {
                    ReadItem::Entry(index) => self.entries.get(*index as usize).cloned(),
                    ReadItem::Body(place, chunk) => self.bodies.get(&(*place, *chunk)).cloned(),
                };
                Input::ReadDone(ticket, items.iter().map(|item| read(item).map(Into::into)).collect())
            }
            Output::CheckPassword(check) => {
                let kept = match check.envelope {
                    0 => self.own.get(&check.person),
                    number => self.envelopes.get(&(check.person, number)),
                };
                Input::PasswordChecked(check.ticket, kept.is_some_and(|kept| **kept == **check.sealed))
            }
            Output::MakeVerifier(check) => {
                let made = (!check.sealed.is_empty()).then(|| check.sealed.clone());
                Input::VerifierMade(check.ticket, made)
            }
            other => panic!("no work: {other:?}"),
        }
    }

    fn check(&mut self, batch: &Batch) {
        assert_eq!(batch.first, self.entries.len() as u64);
        let mut tree = self.tree.clone();
        batch.entries.iter().for_each(|entry| {
            tree.append(leaf_hash(entry));
        });
        assert_eq!(tree.root(), batch.root);
        let signed = SignedCheckpoint::parse(&batch.note).unwrap();
        let head = signed.verify(&self.keys_of(batch.period.as_ref())).unwrap().head();
        assert_eq!(head, Head { size: tree.size(), root: batch.root });
    }

    /// What an erasure has not taken of the log's own keys opens; the newest one signs.
    pub(super) fn keys(&self) -> LogKeys {
        self.keys_of(None)
    }

    fn keys_of(&self, new: Option<&NewPeriod>) -> LogKeys {
        let newest = self.secrets.last_key_value().expect("one is kept").1;
        let bytes = new.map_or(&newest[..], |new| new.secret.bytes());
        let period = SecretKey::from_bytes(self.site.suite, bytes).unwrap().public().clone();
        LogKeys::new(self.log, period, Some(self.site.identity.public().clone())).unwrap()
    }

    /// The next period's key, as a driver draws it.
    pub(super) fn next_secret(&self) -> PeriodSecret {
        let period = self.register().period().unwrap().number + 1;
        PeriodSecret::of(&period_key(self.site.suite, self.site.number, period))
    }

    /// What is on the device of a batch that is under way.
    pub(super) fn write(&mut self, batch: &Batch) {
        self.entries.extend(batch.entries.iter().map(|entry| entry.to_vec()));
        self.note = batch.note.to_vec();
        self.secrets.extend(batch.period.iter().map(secret));
    }

    /// Makes durable what is under way, until nothing is.
    pub(super) fn commit(&mut self) {
        while let Some(batch) = self.under_way.take() {
            let number = batch.number;
            for entry in &batch.entries {
                self.tree.append(leaf_hash(entry));
                self.entries.push(entry.to_vec());
            }
            for body in &batch.bodies {
                let old = self.bodies.insert((body.place, body.chunk), body.body.to_vec());
                assert!(old.is_none(), "a body was stored twice");
            }
            for change in &batch.verifiers {
                self.keep(change);
            }
            self.note = batch.note.to_vec();
            self.secrets.extend(batch.period.iter().map(secret));
            let erase = batch.erase.clone();
            self.batches.push(batch);
            let mut out = Vec::new();
            self.engine.handle(self.now, Input::Committed(number), &mut out);
            // As the driver does it: the epoch behind the batch, then its word.
            let through = self.entries.len() as u64 - 1;
            self.follow_held(out);
            if !erase.is_empty() {
                self.erase(&erase);
                self.erasure_epoch += 1;
                let mut out = Vec::new();
                self.engine.handle(self.now, Input::ErasureDone(self.erasure_epoch, through), &mut out);
                self.follow_held(out);
            }
        }
    }

    fn follow_held(&mut self, out: Vec<Output>) {
        let hold = std::mem::replace(&mut self.hold_commits, true);
        self.follow(out);
        self.hold_commits = hold;
    }

    fn erase(&mut self, items: &[EraseItem]) {
        for item in items {
            match item {
                EraseItem::Item(Place { conversation: SECRETS_CONVERSATION, item }) => {
                    self.secrets.remove(item);
                }
                EraseItem::Item(gone) => self.bodies.retain(|(place, _), _| place != gone),
                EraseItem::Conversation(gone) => {
                    self.bodies.retain(|(place, _), _| place.conversation != *gone)
                }
            }
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
        self.pushed_bytes += bytes.len() * sessions.len();
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        while let Some(frame) = decoder.next_frame(FRAME_BYTES_MAX).expect("frames keep their limit") {
            let frame = decode_to_terminal(&frame).expect("frames are canonical");
            for session in sessions {
                assert!(!self.ended.contains(session), "heard after its end");
                self.heard.entry(*session).or_default().push_back(frame.clone());
            }
        }
    }

    // --- what is in the journal

    pub(super) fn register(&self) -> &Register {
        self.engine.register()
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        let fact = |bytes: &Vec<u8>| match Entry::decode(bytes).unwrap().content {
            Content::Fact(fact) => Some(fact),
            Content::Statement(_) => None,
        };
        self.entries.iter().filter_map(fact).collect()
    }

    pub(super) fn has_fact(&self, wanted: impl Fn(&Fact) -> bool) -> bool {
        self.facts().iter().any(wanted)
    }

    /// A person of the authority's, not yet known to the log.
    pub(super) fn newcomer(&mut self, login: &str, role: Role) -> (Vec<Act>, SealedVerifier) {
        let enrol = self.site.issue(login, &Described::new(role, Clearance(3)));
        let (number, person) = (self.next_envelope, self.site.id(login));
        self.next_envelope += 1;
        let acts = vec![
            Act::Enrol(enrol),
            Act::EnvelopePrint(EnvelopePrint::new(number, person, 0, b"one-time")),
            Act::EnvelopeHandOver(EnvelopeHandOver { number }),
        ];
        (acts, SealedVerifier { person, envelope: number, sealed: b"one-time".to_vec().into() })
    }
}
