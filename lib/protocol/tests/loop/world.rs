//! Engine and terminals in one thread: a driver in memory, a stepped clock, and a network that can be cut and tampered
//! with. Passwords, wraps and bodies are the real ones.

mod driver;
mod restart;

use journal::act::{Act, EnvelopeHandOver, EnvelopePrint};
use journal::fact::CellKind;
use journal::ids::{Index, LogId, Place};
use journal::policy::Policy;
use journal::testing::{Described, FOUNDED_MS, SeededRng, TestSite, seed};
use journal::tree::Tree;
use pki::{AgreementSecret, CertId, Clearance, PersonId, Role, SecretKey, Suite};
use protocol::client::{
    Anchors, ClientSession, Command, CommandId, Connection, Error, Event, Me, Parts, Reply, SecretText,
    StateRecord, command::LoginWith,
};
use protocol::engine::founding::found;
use protocol::engine::{Engine, EngineParts, StartFacts};
use protocol::frame::ToTerminal;
use protocol::io::{Batch, Connected, Input, Now, SessionId};
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
    /// Entries that fail to read from the disk; what the server remembers it has.
    pub(crate) bad_sectors: Vec<Index>,
    next_session: SessionId,
    next_command: CommandId,
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
            secrets: founding.batch.period.iter().map(driver::secret).collect(),
            inputs: VecDeque::new(),
            under_way: None,
            terminals: BTreeMap::new(),
            tamper: None,
            bad_sectors: Vec::new(),
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

    /// Nobody waits for a command any more. Whether it is dropped.
    pub(crate) fn give_up(&mut self, login: &str, id: CommandId) -> bool {
        self.terminals.get_mut(login).unwrap().client.give_up(id, self.now.wall_ms)
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
}
