//! Engine and terminals in one thread: a driver in memory, a stepped clock, and a network that can be cut and tampered
//! with. Passwords, wraps and bodies are the real ones.

use journal::act::{
    Act, EnvelopeHandOver, EnvelopePrint, IndexRange, KeptPasswords, LossCause, LossSource, LossTrace,
    Succession,
};
use journal::checkpoint::{Checkpoint, LogKeys, SignedCheckpoint};
use journal::entry::ENTRY_VERSION;
use journal::fact::CellKind;
use journal::ids::{Head, Index, LogId, Place, SECRETS_CONVERSATION};
use journal::note::NoteSigner;
use journal::policy::Policy;
use journal::statement::{SignedStatement, Statement};
use journal::testing::{Described, FOUNDED_MS, SeededRng, TestSite, seed};
use journal::tree::{Tree, leaf_hash};
use journal::{Content, Entry, Origin};
use pki::{AgreementSecret, CertId, Clearance, PersonId, Role, SecretKey, Suite};
use protocol::client::{
    Action, Anchors, ClientSession, Command, CommandId, Connection, Error, Event, Me, Parts, Reply,
    SecretText, StateRecord, command::LoginWith,
};
use protocol::engine::founding::found;
use protocol::engine::recovery::Recovery;
use protocol::engine::{Engine, EngineParts, StartFacts};
use protocol::frame::{Decoder, PASSWORD_INFO, ToTerminal, decode_to_terminal, encode};
use protocol::io::{
    Batch, CheckPassword, Connected, EraseItem, Input, NewPeriod, Now, Output, PeriodSecret, ReadItem,
    SessionId, VerifierChange,
};
use protocol::limits::FRAME_BYTES_MAX;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

/// What the network does with a frame for a person: passes it on, changed or not, or loses it.
pub(crate) type Tamper = Box<dyn FnMut(&str, ToTerminal) -> Option<ToTerminal>>;

pub(crate) struct Terminal {
    pub(crate) client: ClientSession,
    pub(crate) session: Option<SessionId>,
    pub(crate) record: Option<StateRecord>,
    pub(crate) events: Vec<Event>,
    /// Frames sent, so that a test can see that something was persisted before each.
    pub(crate) sent: usize,
    pub(crate) persisted: usize,
}

pub(crate) struct World {
    pub(crate) site: TestSite,
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    /// How far the server's clock is ahead of everybody's.
    pub(crate) server_ahead_ms: u64,
    pub(crate) log: LogId,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) bodies: HashMap<(Place, u32), Vec<u8>>,
    passwords: HashMap<PersonId, Vec<u8>>,
    envelopes: HashMap<(PersonId, u64), Vec<u8>>,
    pub(crate) tree: Rc<RefCell<Tree>>,
    notes: Vec<(usize, Vec<u8>)>,
    pub(crate) erasure_epoch: u64,
    era: u32,
    /// Draws the next period's key when it is asked.
    pub(crate) rolls: bool,
    /// The log's own keys, as the vault keeps them.
    pub(crate) secrets: BTreeMap<u64, Vec<u8>>,
    inputs: VecDeque<Input>,
    under_way: Option<Batch>,
    pub(crate) terminals: BTreeMap<String, Terminal>,
    pub(crate) tamper: Option<Tamper>,
    next_session: SessionId,
    next_command: CommandId,
}

fn secret(new: &NewPeriod) -> (u64, Vec<u8>) {
    (new.number, new.secret.bytes().to_vec())
}

fn copy(key: &SecretKey) -> SecretKey {
    SecretKey::from_bytes(key.public().suite(), &key.to_bytes()).unwrap()
}

impl World {
    pub(crate) fn new(number: u64) -> Self {
        Self::with(number, Suite::Ed25519, Policy::standard())
    }

    /// A started site. Nobody is connected; everybody has an envelope with the password `one-time`.
    pub(crate) fn with(number: u64, suite: Suite, policy: Policy) -> Self {
        let mut site = TestSite::new(number, suite);
        let people = [
            ("server", Role::Server, 5),
            ("olga", Role::Officer, 5),
            ("oleg", Role::Officer, 5),
            ("anna", Role::Operator, 3),
            ("boris", Role::Operator, 3),
            ("vera", Role::Operator, 3),
            ("igor", Role::Auditor, 3),
        ];
        for (login, role, clearance) in people {
            site.issue(login, &Described::new(role, Clearance(clearance)));
        }
        let genesis = site.genesis(&["olga", "oleg"], policy);
        let (mut acts, mut envelopes) = (Vec::new(), HashMap::new());
        for (number, (login, ..)) in (0..).zip(people) {
            let (enrol, person) = (site.person(login).enrol(), site.id(login));
            acts.push(site.offline(Act::Enrol(enrol)).0);
            if number > 0 {
                let print = EnvelopePrint::new(number, person, 0, &[]);
                acts.push(site.offline(Act::EnvelopePrint(print)).0);
                acts.push(site.offline(Act::EnvelopeHandOver(EnvelopeHandOver { number })).0);
                envelopes.insert((person, number), b"one-time".to_vec());
            }
        }
        let now = Now { wall_ms: FOUNDED_MS + 1000, boot_ms: 1000 };
        let period = SecretKey::from_bytes(suite, &seed(number, "period/0")).unwrap();
        let founding =
            found(now, genesis, acts, Vec::new(), usize::MAX, (&copy(&site.identity), &period)).unwrap();
        let entries: Vec<Vec<u8>> = founding.batch.entries.iter().map(|entry| entry.to_vec()).collect();
        let note = founding.batch.note.to_vec();
        let engine = Engine::new(EngineParts {
            register: founding.register,
            tree: founding.tree.clone(),
            books: founding.books,
            note: note.clone(),
            identity: copy(&site.identity),
            period,
            core: site.person("server").agreement_certificate.der().to_vec(),
            server: site.person("server").signature_certificate.id(),
        });
        let mut world = Self {
            engine: engine.unwrap(),
            site,
            now,
            server_ahead_ms: 0,
            log: founding.log,
            notes: vec![(entries.len(), note)],
            entries,
            bodies: HashMap::new(),
            passwords: HashMap::new(),
            envelopes,
            tree: Rc::new(RefCell::new(founding.tree)),
            erasure_epoch: 0,
            era: 0,
            rolls: false,
            secrets: founding.batch.period.iter().map(secret).collect(),
            inputs: VecDeque::new(),
            under_way: None,
            terminals: BTreeMap::new(),
            tamper: None,
            next_session: 1,
            next_command: 1,
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
        self.run();
    }

    /// The server dies and starts over what it had written when the log was `size` entries long (a batch's end), or
    /// all of it. Every connection is lost.
    pub(crate) fn restart(&mut self, size: Option<usize>) {
        let size = size.unwrap_or(self.entries.len());
        self.notes.retain(|(at, _)| *at <= size);
        let (size, note) = self.notes.last().unwrap().clone();
        self.entries.truncate(size);
        self.resume(note);
    }

    /// What stood behind the first `size` entries (a batch's end) is lost: two officers give it up, and the log goes on in
    /// its next era.
    pub(crate) fn succeed(&mut self, size: usize) {
        self.succeed_without(size, &[]);
    }

    /// Likewise, and so many bodies of what is kept are given up.
    pub(crate) fn succeed_without(&mut self, size: usize, given_up: &[u64]) {
        self.notes.retain(|(at, _)| *at <= size);
        assert_eq!(self.notes.last().unwrap().0, size);
        self.era += 1;
        self.entries.truncate(size);
        let mut tree = Tree::new();
        for entry in &self.entries {
            tree.append(leaf_hash(entry));
        }
        let kept = Head { size: tree.size(), root: tree.root() };
        let lost = vec![LossTrace { source: LossSource::Cell, size: kept.size + 5, root: Some([9; 32]) }];
        let (time_ms, cause) = (self.now.wall_ms, LossCause::Damage);
        let act = Act::Succession(Succession {
            era: self.era,
            kept,
            lost,
            bodies_lost: false,
            cause,
            time_ms,
            period_key_lost: false,
            bodies_missing: given_up.len() as u64,
            passwords: KeptPasswords::InForce,
            cell_let_go: false,
            given_up: IndexRange::over(given_up.to_vec(), given_up.len()),
            cells: Vec::new(),
        });
        for login in ["olga", "oleg"] {
            let person = self.site.person(login);
            let mut header = self.site.blank_header(person.signature_certificate.id());
            (header.log, header.person, header.head) = (self.log, self.site.id(login), kept);
            let statement = Statement { header, act: act.clone() };
            let signed = SignedStatement::sign(&statement, &person.signature).unwrap().0;
            let (wall_ms, boot_ms) = (self.now.wall_ms, self.now.boot_ms);
            let content = Content::Statement(signed);
            let entry = Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content }.encode();
            tree.append(leaf_hash(&entry));
            self.entries.push(entry);
        }
        let head = Head { size: tree.size(), root: tree.root() };
        let period = self.period(self.site.suite, self.engine.period().0);
        let origin = Origin { log: self.log, era: self.era };
        let identity = self.site.identity.public().clone();
        let keys = LogKeys::new(origin, period.public().clone(), Some(identity)).unwrap();
        let signers = [
            NoteSigner { key: &keys.period, signer: &period },
            NoteSigner { key: keys.identity.as_ref().unwrap(), signer: &self.site.identity },
        ];
        let note = SignedCheckpoint::sign(Checkpoint { origin, head }, &signers).unwrap();
        let note = note.to_string().into_bytes();
        self.notes.push((self.entries.len(), note.clone()));
        self.resume(note);
    }

    /// The secret key of a period, as long as no erasure has taken it.
    fn period(&self, suite: Suite, number: u64) -> SecretKey {
        SecretKey::from_bytes(suite, &self.secrets[&number]).unwrap()
    }

    fn resume(&mut self, note: Vec<u8>) {
        let mut recovery = Recovery::new();
        self.entries.iter().for_each(|entry| recovery.feed(entry).unwrap());
        let (register, tree, books) = recovery.into_parts();
        *self.tree.borrow_mut() = tree.clone();
        let period = register.period().unwrap().number;
        let suite = self.site.suite;
        let parts = EngineParts {
            register,
            tree,
            books,
            note,
            identity: copy(&self.site.identity),
            period: self.period(suite, period),
            core: self.site.person("server").agreement_certificate.der().to_vec(),
            server: self.site.person("server").signature_certificate.id(),
        };
        self.engine = Engine::new(parts).unwrap();
        self.under_way = None;
        self.inputs.clear();
        self.now.wall_ms += 1000;
        self.now.boot_ms += 1000;
        let wall_ms = self.now.wall_ms;
        for terminal in self.terminals.values_mut() {
            terminal.session = None;
            terminal.client.disconnected(wall_ms);
        }
        self.start();
    }

    /// Sizes at which the log was durable.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.notes.iter().map(|(size, _)| *size).collect()
    }

    // --- terminals

    /// A terminal with what its credential holds.
    pub(crate) fn terminal(&mut self, login: &str, record: Option<StateRecord>, auto_accept: bool) {
        let newest = self.own_agreement(login);
        self.terminal_with(login, record, auto_accept, vec![newest]);
    }

    /// A person's newest agreement key.
    pub(crate) fn own_agreement(&self, login: &str) -> (CertId, AgreementSecret) {
        let person = self.site.person(login);
        let secret = AgreementSecret::from_bytes(self.site.suite, &person.agreement.to_bytes()).unwrap();
        (person.agreement_certificate.id(), secret)
    }

    /// Likewise, with these agreement keys, the current one first.
    pub(crate) fn terminal_with(
        &mut self,
        login: &str,
        record: Option<StateRecord>,
        auto_accept: bool,
        agreement: Vec<(CertId, AgreementSecret)>,
    ) {
        let person = self.site.person(login);
        let signer = Box::new(copy(&person.signature));
        let me = Me::new(person.signature_certificate.clone(), signer, agreement);
        let anchors = Anchors {
            log: self.log,
            identity: self.site.identity.public().clone(),
            authorities: vec![self.site.root.clone(), self.site.issuing.clone()],
            core_key: None,
        };
        let parts = Parts { anchors, me: me.unwrap(), record: record.clone(), auto_accept };
        let name = format!("terminal/{login}/{}", self.next_command);
        let rng = SeededRng::new(seed(self.site.number, &name));
        let client = ClientSession::new(parts, Box::new(rng)).unwrap();
        let events = Vec::new();
        let terminal = Terminal { client, session: None, record, events, sent: 0, persisted: 0 };
        self.terminals.insert(login.to_owned(), terminal);
    }

    pub(crate) fn connect(&mut self, login: &str) {
        let session = self.next_session;
        self.next_session += 1;
        let exporter = seed(session, "exporter");
        let leaf = self.site.person(login).signature_certificate.der().to_vec();
        let server_certificate = self.site.person("server").signature_certificate.id();
        let terminal = self.terminals.get_mut(login).unwrap();
        terminal.session = Some(session);
        terminal.client.connected(Connection { exporter, server_certificate }, self.now.wall_ms);
        let nonce = seed(session, "nonce");
        let peer = vec![leaf.into(), self.site.issuing.der().to_vec().into()];
        self.inputs.push_back(Input::Connected(Connected { session, peer, exporter, nonce }));
        self.run();
    }

    /// The connection breaks.
    pub(crate) fn cut(&mut self, login: &str) {
        let terminal = self.terminals.get_mut(login).unwrap();
        if let Some(session) = terminal.session.take() {
            terminal.client.disconnected(self.now.wall_ms);
            self.inputs.push_back(Input::Closed(session));
        }
        self.run();
    }

    pub(crate) fn log_in(&mut self, login: &str, password: &str) -> Result<Reply, Error> {
        let password = SecretText::from(password);
        self.ask(login, Command::Login(LoginWith { password, end_other: true }))
    }

    /// Connects, logs in with the envelope, sets the password `own`.
    pub(crate) fn arrive(&mut self, login: &str) {
        self.terminal(login, None, true);
        self.connect(login);
        self.log_in(login, "one-time").unwrap();
        self.ask(login, Command::SetPassword(SecretText::from("own"))).unwrap();
    }

    pub(crate) fn reconnect(&mut self, login: &str) {
        self.connect(login);
        self.log_in(login, "own").unwrap();
    }

    /// Gives a command and does not wait for it.
    pub(crate) fn tell(&mut self, login: &str, command: Command) -> CommandId {
        let id = self.begin(login, command);
        self.run();
        id
    }

    /// Gives a command that moves with whatever comes next.
    pub(crate) fn begin(&mut self, login: &str, command: Command) -> CommandId {
        let id = self.next_command;
        self.next_command += 1;
        let wall_ms = self.now.wall_ms;
        self.terminals.get_mut(login).unwrap().client.command(id, command, wall_ms);
        id
    }

    /// Gives a command and its result.
    pub(crate) fn ask(&mut self, login: &str, command: Command) -> Result<Reply, Error> {
        let id = self.tell(login, command);
        self.result(login, id).expect("the command has a result")
    }

    /// The result of a command, if it is there.
    pub(crate) fn result(&mut self, login: &str, id: CommandId) -> Option<Result<Reply, Error>> {
        let events = &mut self.terminals.get_mut(login).unwrap().events;
        let at = events.iter().position(|event| match event {
            Event::Done(of, _) | Event::Failed(of, _) => *of == id,
            _ => false,
        })?;
        match events.remove(at) {
            Event::Done(_, reply) => Some(Ok(reply)),
            Event::Failed(_, error) => Some(Err(error)),
            _ => None,
        }
    }

    pub(crate) fn id(&self, login: &str) -> PersonId {
        self.site.id(login)
    }

    /// Lets time pass, as the driver's alarm clock does.
    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.now.wall_ms += ms;
        self.now.boot_ms += ms;
        self.inputs.push_back(Input::Wake);
        self.run();
    }

    /// The names of all Facts so far.
    pub(crate) fn facts(&self) -> Vec<&'static str> {
        self.named_facts().map(|(_, name)| name).collect()
    }

    /// Where the Facts of this name stand.
    pub(crate) fn facts_named(&self, wanted: &str) -> Vec<Index> {
        self.named_facts().filter(|(_, name)| *name == wanted).map(|(index, _)| index).collect()
    }

    fn named_facts(&self) -> impl Iterator<Item = (Index, &'static str)> {
        let name = |entry: &Vec<u8>| match journal::Entry::decode(entry).ok()?.content {
            journal::Content::Fact(fact) => Some(fact.kind().1),
            journal::Content::Statement(_) => None,
        };
        (0..).zip(&self.entries).filter_map(move |(index, entry)| Some((index, name(entry)?)))
    }

    // --- the driver

    /// Moves bytes until nothing moves.
    pub(crate) fn run(&mut self) {
        loop {
            self.now.wall_ms += 1;
            self.now.boot_ms += 1;
            let mut moved = self.act();
            while let Some(input) = self.inputs.pop_front() {
                moved = true;
                let mut out = Vec::new();
                let mut now = self.now;
                now.wall_ms += self.server_ahead_ms;
                self.engine.handle(now, input, &mut out);
                self.follow(out);
            }
            if !moved {
                return;
            }
        }
    }

    /// Does what the terminals say, in order.
    fn act(&mut self) -> bool {
        let mut moved = false;
        for terminal in self.terminals.values_mut() {
            while let Some(action) = terminal.client.next_action() {
                moved = true;
                match action {
                    Action::PersistState(record) => {
                        terminal.persisted += 1;
                        terminal.record = Some(record);
                    }
                    Action::Send(bytes) => {
                        terminal.sent += 1;
                        if let Some(session) = terminal.session {
                            self.inputs.push_back(Input::Received(session, bytes.to_vec().into()));
                        }
                    }
                    Action::Event(event) => terminal.events.push(event),
                    Action::Close => {
                        if let Some(session) = terminal.session.take() {
                            self.inputs.push_back(Input::Closed(session));
                            terminal.client.disconnected(self.now.wall_ms);
                        }
                    }
                }
            }
        }
        moved
    }

    fn follow(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Send(sessions, bytes) | Output::Carry(sessions, bytes, _) => {
                    assert!(self.under_way.is_none(), "sent while a batch is not durable");
                    self.carry(&sessions, &bytes);
                }
                Output::End(session) => {
                    let ended =
                        self.terminals.values_mut().find(|terminal| terminal.session == Some(session));
                    if let Some(terminal) = ended {
                        terminal.session = None;
                        terminal.client.disconnected(self.now.wall_ms);
                    }
                    self.inputs.push_back(Input::Closed(session));
                }
                Output::Commit(batch) => {
                    assert!(self.under_way.replace(*batch).is_none());
                    self.commit();
                }
                Output::CheckPassword(check) => {
                    let right = self.right(&check);
                    self.inputs.push_back(Input::PasswordChecked(check.ticket, right));
                }
                Output::MakeVerifier(check) => {
                    let made = self.open(&check).map(Into::into);
                    self.inputs.push_back(Input::VerifierMade(check.ticket, made));
                }
                Output::Read(ticket, items) => {
                    let read = items.iter().map(|item| self.read(item).map(Into::into)).collect();
                    self.inputs.push_back(Input::ReadDone(ticket, read));
                }
                Output::Pause(_)
                | Output::Resume(_)
                | Output::Cut(_)
                | Output::Copy(..)
                | Output::Stopped => {}
                Output::Forget(number, _) => self.inputs.push_back(Input::Forgotten(number, Vec::new())),
                Output::DrawPeriodKey if self.rolls => {
                    let number = self.engine.period().0 + 1;
                    let key = SecretKey::from_bytes(
                        self.site.suite,
                        &seed(self.site.number, &format!("period/{number}")),
                    );
                    self.inputs.push_back(Input::PeriodKey(PeriodSecret::of(&key.unwrap())));
                }
                Output::DrawPeriodKey => {}
                Output::Halt(why) => panic!("halted: {why}"),
            }
        }
    }

    fn carry(&mut self, sessions: &[SessionId], bytes: &[u8]) {
        for (login, terminal) in &mut self.terminals {
            let Some(session) = terminal.session.filter(|session| sessions.contains(session)) else {
                continue;
            };
            self.inputs.push_back(Input::Drained(vec![(session, bytes.len() as u64)]));
            let Some(tamper) = &mut self.tamper else {
                terminal.client.received(bytes, self.now.wall_ms);
                continue;
            };
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            while let Some(frame) = decoder.next_frame(FRAME_BYTES_MAX).unwrap() {
                if let Some(frame) = tamper(login, decode_to_terminal(&frame).unwrap()) {
                    terminal.client.received(&encode(&frame), self.now.wall_ms);
                }
            }
        }
    }

    fn commit(&mut self) {
        let Some(batch) = self.under_way.take() else { return };
        for entry in &batch.entries {
            self.tree.borrow_mut().append(leaf_hash(entry));
            self.entries.push(entry.to_vec());
        }
        assert_eq!(self.tree.borrow().root(), batch.root);
        self.notes.push((self.entries.len(), batch.note.to_vec()));
        for body in &batch.bodies {
            self.bodies.insert((body.place, body.chunk), body.body.to_vec());
        }
        self.secrets.extend(batch.period.iter().map(secret));
        for change in &batch.verifiers {
            if let VerifierChange::Set(person, made) = change {
                self.passwords.insert(*person, made.to_vec());
            }
        }
        let through = self.entries.len() as Index - 1;
        self.inputs.push_back(Input::Committed(batch.number));
        if !batch.erase.is_empty() {
            self.erasure_epoch += 1;
            for item in &batch.erase {
                if let EraseItem::Item(Place { conversation: SECRETS_CONVERSATION, item }) = item {
                    self.secrets.remove(item);
                }
                self.bodies.retain(|(place, _), _| match item {
                    EraseItem::Item(gone) => place != gone,
                    EraseItem::Conversation(gone) => place.conversation != *gone,
                });
            }
            self.inputs.push_back(Input::ErasureDone(self.erasure_epoch, through));
        }
    }

    fn open(&self, check: &CheckPassword) -> Option<Vec<u8>> {
        let core = &self.site.person("server").agreement;
        core.open(PASSWORD_INFO, &check.statement, &check.sealed).ok().map(|opened| opened.to_vec())
    }

    fn right(&self, check: &CheckPassword) -> bool {
        let kept = match check.envelope {
            0 => self.passwords.get(&check.person),
            number => self.envelopes.get(&(check.person, number)),
        };
        kept.is_some() && kept.cloned() == self.open(check)
    }

    fn read(&self, item: &ReadItem) -> Option<Vec<u8>> {
        match item {
            ReadItem::Entry(index) => self.entries.get(*index as usize).cloned(),
            ReadItem::Body(place, chunk) => self.bodies.get(&(*place, *chunk)).cloned(),
        }
    }
}
