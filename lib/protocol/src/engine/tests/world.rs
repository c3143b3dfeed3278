//! A driver in memory with terminals that sign as real ones do. It checks on every step that nothing is sent while a
//! batch is not durable, and that each batch's root and note are those of its entries.

use crate::code::Code;
use crate::engine::founding::found;
use crate::engine::recovery::Recovery;
use crate::engine::{Engine, EngineParts, StartFacts};
use crate::frame::{
    Ask, Decoder, LoginFrame, PutChunk, ReceiptFrame, SealedVerifier, SubmitFrame, ToCore, ToTerminal,
    Welcome, decode_to_terminal, encode,
};
use crate::io::{Batch, Connected, EraseItem, Input, Now, Output, ReadItem, SessionId, VerifierChange};
use crate::limits::FRAME_BYTES_MAX;
use crate::query::Query;
use journal::act::ConversationKind;
use journal::act::{
    Accept, Act, Create, EnvelopeHandOver, EnvelopePrint, Epoch, Login, Message, Precedence, Purpose,
    Reserve, SetPassword, SizeClass,
};
use journal::checkpoint::{LogKeys, SignedCheckpoint};
use journal::fact::CellKind;
use journal::ids::{Chain, ConversationId, Head, Index, LogId, Place, ReservationId, StatementId};
use journal::proof::InclusionProof;
use journal::register::Register;
use journal::statement::{SignedStatement, Statement};
use journal::testing::{Described, FOUNDED_MS, SeededRng, TestSite, seed};
use journal::tree::{Tree, leaf_hash};
use journal::{Content, Entry, Fact, Policy, Refusal};
use pki::{Clearance, PersonId, Role, SecretKey, Suite};
use std::collections::{BTreeMap, HashMap, VecDeque};

const OPERATORS: [&str; 3] = ["anna", "boris", "vera"];

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
    own: HashMap<PersonId, Vec<u8>>,
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
    pub(super) held: VecDeque<Output>,
    pub(super) pushed_bytes: usize,
    next_session: SessionId,
    next_name: u64,
    next_envelope: u64,
}

fn period_key(suite: Suite, number: u64) -> SecretKey {
    SecretKey::from_bytes(suite, &seed(number, "period/0")).unwrap()
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
                acts.push(
                    site.offline(Act::EnvelopePrint(EnvelopePrint { number: n, person: id, replaces: 0 })).0,
                );
                acts.push(site.offline(Act::EnvelopeHandOver(EnvelopeHandOver { number: n })).0);
                envelopes.insert((id, n), b"one-time".to_vec());
            }
        }
        let now = Now { wall_ms: FOUNDED_MS + 1000, boot_ms: 1000 };
        let identity = SecretKey::from_bytes(Suite::Ed25519, &site.identity.to_bytes()).unwrap();
        let founding = found(now, genesis, acts, Vec::new(), &identity, &period_key(suite, number)).unwrap();
        let entries: Vec<Vec<u8>> = founding.batch.entries.iter().map(|entry| entry.to_vec()).collect();
        let parts = EngineParts {
            register: founding.register,
            tree: founding.tree.clone(),
            books: founding.books,
            note: founding.batch.note.to_vec(),
            identity,
            period: period_key(suite, number),
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
            held: VecDeque::new(),
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
        let parts = EngineParts {
            register,
            tree: tree.clone(),
            books,
            note: self.note.clone(),
            identity: SecretKey::from_bytes(Suite::Ed25519, &self.site.identity.to_bytes()).unwrap(),
            period: period_key(self.site.suite, self.site.number),
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
                Output::Send(sessions, bytes) => {
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
                Output::Stopped => self.stopped = true,
                Output::Pause(session) => self.paused.push(session),
                Output::Resume(session) => self.paused.retain(|paused| *paused != session),
                Output::Halt(why) => panic!("halted: {why}"),
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
        let head = signed.verify(&self.keys()).unwrap().head();
        assert_eq!(head, Head { size: tree.size(), root: batch.root });
    }

    pub(super) fn keys(&self) -> LogKeys {
        let period = period_key(self.site.suite, self.site.number).public().clone();
        LogKeys::new(self.log, period, Some(self.site.identity.public().clone())).unwrap()
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

    // --- terminals

    pub(super) fn connect(&mut self, login: &str) -> SessionId {
        let der = self.site.person(login).signature_certificate.der().to_vec();
        self.connect_with(vec![der])
    }

    pub(super) fn connect_with(&mut self, chain: Vec<Vec<u8>>) -> SessionId {
        let session = self.next_session;
        self.next_session += 1;
        let peer = chain.into_iter().map(Into::into).collect();
        let (exporter, nonce) = (self.exporter(session), [session as u8; 32]);
        self.input(Input::Connected(Connected { session, peer, exporter, nonce }));
        session
    }

    pub(super) fn exporter(&self, session: SessionId) -> [u8; 32] {
        seed(session, "exporter")
    }

    pub(super) fn head(&self) -> Head {
        SignedCheckpoint::parse(&self.note).unwrap().claimed().head
    }

    /// The Login that a terminal would sign on this connection.
    pub(super) fn draft_login(&self, login: &str, session: SessionId, end_other: bool) -> Statement {
        let person = self.site.person(login);
        let mut header = self.site.blank_header(person.signature_certificate.id());
        (header.log, header.person, header.head) = (self.log, person.id, self.head());
        let login = Login {
            nonce: [session as u8; 32],
            exporter: self.exporter(session),
            server_certificate: self.site.person("server").signature_certificate.id(),
            end_other,
        };
        Statement { header, act: Act::Login(login) }
    }

    pub(super) fn send_login(
        &mut self,
        login: &str,
        session: SessionId,
        statement: Statement,
        password: &[u8],
    ) {
        let (statement, _) = self.site.sign(statement, &self.site.person(login).signature);
        self.frame(session, &ToCore::Login(LoginFrame { statement, password: password.to_vec().into() }));
    }

    /// Connects and logs in with this password; what the core said after its Hello.
    pub(super) fn try_login(
        &mut self,
        login: &str,
        password: &[u8],
        end_other: bool,
    ) -> (SessionId, ToTerminal) {
        let session = self.connect(login);
        assert!(matches!(self.next(session), Some(ToTerminal::Hello(_))));
        let statement = self.draft_login(login, session, end_other);
        let (_, id) = self.site.sign(statement.clone(), &self.site.person(login).signature);
        self.send_login(login, session, statement.clone(), password);
        let said = self.next(session).expect("an answer");
        if let ToTerminal::Welcome(welcome) = &said {
            let chain = self.check_receipt(&welcome.login, &statement);
            let terminal = Terminal { session, chain, sequence: 0, attempt: 0, last: id, next_request: 1 };
            self.terminals.insert(login.to_owned(), terminal);
        }
        (session, said)
    }

    /// Rebuilds the entry from the stamps, as a terminal does; its leaf hash.
    fn check_receipt(&self, receipt: &ReceiptFrame, statement: &Statement) -> Chain {
        let bytes = &self.entries[receipt.index as usize];
        let entry = Entry::decode(bytes).unwrap();
        assert_eq!((entry.wall_ms, entry.boot_ms), (receipt.wall_ms, receipt.boot_ms));
        let Content::Statement(signed) = entry.content else { panic!("a receipt for a Fact") };
        assert_eq!(*signed.statement, pki::canonical::encode(statement));
        let head = SignedCheckpoint::parse(&receipt.note).unwrap().verify(&self.keys()).unwrap().head();
        let path = receipt.proof.iter().map(|digest| digest.0).collect();
        let proof = InclusionProof::new(receipt.index, head.size, path).unwrap();
        proof.verify(&leaf_hash(bytes), &head.root).unwrap();
        Chain(leaf_hash(bytes))
    }

    /// A live session with a password of one's own.
    pub(super) fn enter(&mut self, login: &str) -> SessionId {
        let password: &[u8] = if self.own.contains_key(&self.site.id(login)) { b"own" } else { b"one-time" };
        let (session, said) = self.try_login(login, password, false);
        let ToTerminal::Welcome(Welcome { must_set_password, .. }) = said else { panic!("{said:?}") };
        if must_set_password {
            let act = Act::SetPassword(SetPassword {});
            self.act_with(login, act, None, Some(b"own")).expect("a new password");
        }
        session
    }

    /// The operators log in.
    pub(super) fn all_enter(&mut self) {
        for login in OPERATORS {
            self.enter(login);
        }
    }

    /// Forgets what the operators have heard.
    pub(super) fn all_drain(&mut self) {
        for login in OPERATORS {
            self.drain(self.session(login));
        }
    }

    pub(super) fn session(&self, login: &str) -> SessionId {
        self.terminals[login].session
    }

    pub(super) fn next(&mut self, session: SessionId) -> Option<ToTerminal> {
        self.heard.get_mut(&session)?.pop_front()
    }

    /// Everything a session heard and nobody looked at.
    pub(super) fn drain(&mut self, session: SessionId) -> Vec<ToTerminal> {
        self.heard.remove(&session).unwrap_or_default().into()
    }

    pub(super) fn frame(&mut self, session: SessionId, frame: &ToCore) {
        let bytes = encode(frame).to_vec();
        self.input(Input::Received(session, bytes.into()));
    }

    pub(super) fn draft(&self, login: &str, act: Act) -> Statement {
        let (person, terminal) = (self.site.person(login), &self.terminals[login]);
        let mut header = self.site.blank_header(person.signature_certificate.id());
        (header.log, header.person, header.head) = (self.log, person.id, self.head());
        header.chain = terminal.chain;
        header.sequence = terminal.sequence + 1;
        header.attempt = terminal.attempt;
        header.previous = terminal.last;
        Statement { header, act }
    }

    pub(super) fn signed(&self, login: &str, statement: &Statement) -> SignedStatement {
        self.site.sign(statement.clone(), &self.site.person(login).signature).0
    }

    /// Sends a statement and moves the terminal on as if it will be admitted; the request's number.
    pub(super) fn post(&mut self, login: &str, statement: &Statement, body: Option<Vec<u8>>) -> u32 {
        let signed = self.signed(login, statement);
        let request = self.request(login);
        let terminal = self.terminals.get_mut(login).unwrap();
        terminal.last = self.site.sign(statement.clone(), &self.site.person(login).signature).1;
        terminal.sequence = statement.header.sequence;
        terminal.attempt = 0;
        let frame = SubmitFrame { request, statement: signed, body: body.map(Into::into), password: None };
        self.frame(self.session(login), &ToCore::Submit(frame));
        request
    }

    pub(super) fn request(&mut self, login: &str) -> u32 {
        let terminal = self.terminals.get_mut(login).unwrap();
        terminal.next_request += 1;
        terminal.next_request
    }

    /// The answer to a request, wherever it stands among what was heard.
    pub(super) fn answer_to(&mut self, session: SessionId, request: u32) -> Option<ToTerminal> {
        let heard = self.heard.get_mut(&session)?;
        let at = heard.iter().position(|frame| match frame {
            ToTerminal::Refused(frame) => frame.request == request,
            ToTerminal::Receipt(frame) => frame.request == request,
            ToTerminal::Stored(frame) => frame.request == request,
            ToTerminal::Answer(frame) => frame.request == request,
            _ => false,
        })?;
        heard.remove(at)
    }

    /// One act: its index, or the code of its refusal.
    pub(super) fn act(&mut self, login: &str, act: Act) -> Result<Index, u16> {
        self.act_with(login, act, None, None)
    }

    pub(super) fn act_with(
        &mut self,
        login: &str,
        act: Act,
        body: Option<Vec<u8>>,
        password: Option<&[u8]>,
    ) -> Result<Index, u16> {
        let statement = self.draft(login, act);
        self.say(login, &statement, body, password)
    }

    pub(super) fn say(
        &mut self,
        login: &str,
        statement: &Statement,
        body: Option<Vec<u8>>,
        password: Option<&[u8]>,
    ) -> Result<Index, u16> {
        let (signed, id) = self.site.sign(statement.clone(), &self.site.person(login).signature);
        let request = self.request(login);
        let password = password.map(|password| password.to_vec().into());
        let frame = SubmitFrame { request, statement: signed, body: body.map(Into::into), password };
        self.frame(self.session(login), &ToCore::Submit(frame));
        let answer = self.answer_to(self.session(login), request);
        match answer.expect("an answer") {
            ToTerminal::Receipt(receipt) => {
                self.check_receipt(&receipt, statement);
                let terminal = self.terminals.get_mut(login).unwrap();
                if statement.header.sequence > terminal.sequence {
                    (terminal.sequence, terminal.last, terminal.attempt) = (statement.header.sequence, id, 0);
                }
                Ok(receipt.index)
            }
            ToTerminal::Refused(refused) => {
                self.terminals.get_mut(login).unwrap().attempt += 1;
                Err(refused.code)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn ask(&mut self, login: &str, query: Query) -> Result<crate::answer::Answer, u16> {
        let request = self.request(login);
        self.frame(self.session(login), &ToCore::Ask(Ask { request, query }));
        match self.answer_to(self.session(login), request).expect("an answer") {
            ToTerminal::Answer(frame) => Ok(frame.answer),
            ToTerminal::Refused(refused) => Err(refused.code),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn put(
        &mut self,
        login: &str,
        reservation: ReservationId,
        chunk: u32,
        body: &[u8],
    ) -> Result<(), u16> {
        let request = self.request(login);
        let put = PutChunk { request, reservation, chunk, body: body.to_vec().into() };
        self.frame(self.session(login), &ToCore::PutChunk(put));
        match self.answer_to(self.session(login), request).expect("an answer") {
            ToTerminal::Stored(_) => Ok(()),
            ToTerminal::Refused(refused) => Err(refused.code),
            other => panic!("{other:?}"),
        }
    }

    // --- conversations

    pub(super) fn fresh(&mut self) -> [u8; 32] {
        self.next_name += 1;
        seed(self.site.number, &format!("fresh/{}", self.next_name))
    }

    pub(super) fn rng(&mut self) -> SeededRng {
        SeededRng::new(self.fresh())
    }

    pub(super) fn reserve(
        &mut self,
        login: &str,
        conversation: ConversationId,
        purpose: Purpose,
        chunks: u32,
        size: SizeClass,
    ) -> Result<ReservationId, u16> {
        let id = ReservationId(self.fresh()[..16].try_into().unwrap());
        self.act(login, Act::Reserve(Reserve { id, conversation, purpose, chunks, size }))?;
        Ok(id)
    }

    /// Founder and others, everyone has accepted, the first epoch rules.
    pub(super) fn talking(&mut self, founder: &str, others: &[&str]) -> ConversationId {
        let kind = if others.len() == 1 { ConversationKind::Private } else { ConversationKind::Group };
        self.talking_as(kind, founder, others)
    }

    pub(super) fn talking_as(
        &mut self,
        kind: ConversationKind,
        founder: &str,
        others: &[&str],
    ) -> ConversationId {
        let mut invited: Vec<PersonId> = others.iter().map(|login| self.site.id(login)).collect();
        invited.sort_unstable();
        let random = self.fresh()[..16].try_into().unwrap();
        let act = Create { random, kind, ceiling: Clearance(3), default_label: Clearance(0), invited };
        self.act(founder, Act::Create(act)).unwrap();
        let conversation = ConversationId(self.terminals[founder].last.0);
        for other in others {
            let invitation = StatementId(conversation.0);
            self.act(other, Act::Accept(Accept { conversation, invitation })).unwrap();
        }
        self.epoch(founder, conversation).unwrap();
        conversation
    }

    /// The wraps of a new epoch for the present members.
    pub(super) fn wraps(&mut self, conversation: ConversationId) -> (crate::seal::wraps::WrapSet, Epoch) {
        let row = self.register().conversation(conversation).unwrap();
        let (number, membership, epoch) = (row.number, row.membership.head(), row.epoch_number() + 1);
        let recipients = self.register().recipients(number).into_iter().map(|(_, id)| {
            let certificate = self.register().certificate(id).unwrap().certificate();
            (id, certificate.agreement_key().unwrap())
        });
        let recipients: Vec<_> = recipients.collect();
        let mut rng = self.rng();
        let key = crate::seal::keys::EpochKey::generate(&mut rng);
        let place = crate::seal::wraps::EpochPlace { log: self.log, conversation, epoch, membership };
        let set =
            crate::seal::wraps::WrapSet::make(self.site.suite, &place, &key, &recipients, &mut rng).unwrap();
        let key_commitment = key.commitment(self.site.suite, self.log, conversation, epoch).unwrap();
        let wraps = set.claim(ReservationId([0; 16]));
        (set, Epoch { conversation, epoch, membership, key_commitment, wraps })
    }

    pub(super) fn epoch(&mut self, login: &str, conversation: ConversationId) -> Result<Index, u16> {
        let (set, mut epoch) = self.wraps(conversation);
        let id = self.reserve(login, conversation, Purpose::Wraps, set.count(), set.size())?;
        for (n, chunk) in (0..).zip(set.chunks()) {
            self.put(login, id, n, chunk)?;
        }
        epoch.wraps.reservation = id;
        self.act(login, Act::Epoch(epoch))
    }

    /// A body that fits its commitment; what is inside does not matter to the core.
    pub(super) fn body(&mut self, size: SizeClass) -> (Vec<u8>, journal::Commitment) {
        let mut bytes = vec![0; crate::seal::body::body_bytes(size)];
        rand_core::Rng::fill_bytes(&mut self.rng(), &mut bytes);
        (bytes[0], bytes[1]) = (1, self.site.suite.number());
        let commitment = crate::seal::body::BodyRef::parse(&bytes).unwrap().commitment();
        (bytes, commitment)
    }

    pub(super) fn message(&mut self, conversation: ConversationId) -> (Message, Vec<u8>) {
        let (body, commitment) = self.body(SizeClass::MIN);
        let epoch = self.register().conversation(conversation).map_or(1, |row| row.epoch_number());
        let message = Message {
            conversation,
            epoch,
            reference: None,
            commitment,
            size: SizeClass::MIN,
            label: Clearance(0),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            time_ms: self.now.wall_ms,
            file: None,
        };
        (message, body)
    }

    pub(super) fn send(&mut self, login: &str, conversation: ConversationId) -> Result<Index, u16> {
        let (message, body) = self.message(conversation);
        self.act_with(login, Act::Message(message), Some(body), None)
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
            Act::EnvelopePrint(EnvelopePrint { number, person, replaces: 0 }),
            Act::EnvelopeHandOver(EnvelopeHandOver { number }),
        ];
        (acts, SealedVerifier { person, envelope: number, sealed: b"one-time".to_vec().into() })
    }
}

/// Indices of all entries that were pushed, in the order they came.
pub(super) fn delivered(frames: &[ToTerminal]) -> Vec<Index> {
    let deliver = |frame: &ToTerminal| match frame {
        ToTerminal::Deliver(deliver) => deliver.entries.iter().map(|entry| entry.index).collect(),
        _ => Vec::new(),
    };
    frames.iter().flat_map(deliver).collect()
}

pub(super) fn refused(said: &ToTerminal) -> Option<u16> {
    match said {
        ToTerminal::Refused(refused) => Some(refused.code),
        _ => None,
    }
}

pub(super) fn code(refusal: Refusal) -> u16 {
    refusal.code()
}

pub(super) fn own(code: Code) -> Result<Index, u16> {
    Err(code.number())
}
