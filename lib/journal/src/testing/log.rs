//! A log in memory that admits entries as the server does, and checks that a refusal changes nothing.
//! Never skips a signature: statements are parsed and verified before they are applied.

use super::site::{Described, FOUNDED_MS, TestSite};
use crate::Refusal;
use crate::act::{
    Act, Approve, DualAct, EnvelopeHandOver, EnvelopePrint, Login, Propose, SetPassword, Submit,
};
use crate::entry::{Content, ENTRY_VERSION, Entry};
use crate::fact::{CellKind, ClockStep, Fact, KeyRoll, PeriodEnd, Start, key_roll_bytes};
use crate::ids::{Chain, Hash, Head, Index, StatementId};
use crate::policy::Policy;
use crate::register::{Applied, Candidate, CandidateContent, Register, submit_digest, verify_genesis};
use crate::statement::{SignedStatement, Statement, VerifiedStatement};
use crate::tree::{Tree, leaf_hash};
use pki::{Clearance, PersonId, Role, SecretKey, Signer, Suite};

/// A site, its journal and its state.
pub struct TestLog {
    /// Authority and people.
    pub site: TestSite,
    /// What follows from the entries.
    pub register: Register,
    /// Their tree.
    pub tree: Tree,
    /// Their bytes.
    pub entries: Vec<Vec<u8>>,
    /// The wall clock; moves by [`Self::wait_ms`] only.
    pub now_ms: u64,
    /// The boot clock.
    pub boot_ms: u64,
    /// The next envelope's number.
    pub envelope: u64,
    /// The current period key.
    pub period_key: SecretKey,
    /// Compare the whole state before and after each refusal: right for small logs, slow for large ones.
    pub watch_refusals: bool,
    next_name: u64,
}

impl TestLog {
    /// A founded log with the server's pair and officers olga and oleg, its first period, not started.
    pub fn founded(number: u64, suite: Suite, policy: Policy) -> Self {
        let mut site = TestSite::new(number, suite);
        let top = Clearance::TOP_SECRET;
        let enrols = [
            site.issue("server", &Described::new(Role::Server, top)),
            site.issue("olga", &Described::new(Role::Officer, top)),
            site.issue("oleg", &Described::new(Role::Officer, top)),
        ];
        let period_key =
            SecretKey::from_bytes(suite, &super::seed(number, "period/0")).expect("a seed is a key");
        let mut log = Self {
            site,
            register: Register::new(),
            tree: Tree::new(),
            entries: Vec::new(),
            now_ms: FOUNDED_MS + 1000,
            boot_ms: 1000,
            envelope: 0,
            period_key,
            watch_refusals: true,
            next_name: 0,
        };
        let genesis = log.site.genesis(&["olga", "oleg"], policy);
        log.admit(Content::Statement(genesis)).expect("the genesis");
        for enrol in enrols {
            log.by_authority(Act::Enrol(enrol)).expect("an Enrol");
        }
        for login in ["olga", "oleg"] {
            log.give_envelope(login);
        }
        let roll = log.key_roll(0);
        log.fact(roll).expect("the first period");
        log
    }

    /// A started log: officers olga and oleg; operators anna, boris and vera; administrator adam; auditor igor. All
    /// are logged in with passwords of their own.
    pub fn standard(number: u64) -> Self {
        Self::with_policy(number, Suite::Ed25519, Policy::standard())
    }

    /// The same, under another policy or suite.
    pub fn with_policy(number: u64, suite: Suite, policy: Policy) -> Self {
        let mut log = Self::founded(number, suite, policy);
        let people = [
            ("anna", Role::Operator),
            ("boris", Role::Operator),
            ("vera", Role::Operator),
            ("adam", Role::Administrator),
            ("igor", Role::Auditor),
        ];
        for (login, role) in people {
            let enrol = log.site.issue(login, &Described::new(role, Clearance(3)));
            log.by_authority(Act::Enrol(enrol)).expect("an Enrol");
            log.give_envelope(login);
        }
        log.start().expect("a Start");
        for login in ["olga", "oleg", "anna", "boris", "vera", "adam", "igor"] {
            log.log_in(login).expect("a Login");
            log.act(login, Act::SetPassword(SetPassword {})).expect("a new password");
        }
        log
    }

    /// Lets time pass.
    pub fn wait_ms(&mut self, ms: u64) {
        self.now_ms += ms;
        self.boot_ms += ms;
    }

    /// Parses and verifies as the server does.
    pub fn verify(&self, signed: SignedStatement) -> Result<VerifiedStatement, Refusal> {
        if self.register.size() == 0 {
            return verify_genesis(signed).map_err(|error| Refusal::BadGenesis { reason: error.to_string() });
        }
        let parsed = signed.parse().expect("tests sign well-formed statements");
        let key = self.register.key_of(parsed.certificate()).ok_or(Refusal::UnknownCertificate)?.clone();
        Ok(parsed.verify(&key).expect("tests sign with the right key"))
    }

    /// The same of what this log's people signed a moment ago, without reckoning it again: for journals of millions.
    pub fn verified(&self, signed: SignedStatement) -> VerifiedStatement {
        let parsed = signed.parse().expect("tests sign well-formed statements");
        let key = self.register.key_of(parsed.certificate()).expect("a certificate of this log's");
        parsed.verified_before(key).expect("tests sign with the right key")
    }

    /// Stamps, encodes, reads back, applies; appends what was admitted. A refusal must have changed nothing.
    pub fn admit(&mut self, content: Content) -> Result<Applied, Refusal> {
        let verified = match &content {
            Content::Statement(signed) => Some(self.verify(signed.clone())?),
            Content::Fact(_) => None,
        };
        let (wall_ms, boot_ms) = (self.now_ms, self.boot_ms);
        let bytes = Entry { version: ENTRY_VERSION, wall_ms, boot_ms, content }.encode();
        let read = Entry::decode(&bytes).expect("what we write we read");
        let leaf = leaf_hash(&bytes);
        let content = match (&verified, &read.content) {
            (Some(verified), _) => CandidateContent::Statement(verified),
            (None, Content::Fact(fact)) => CandidateContent::Fact(fact),
            (None, Content::Statement(_)) => unreachable!("statements were verified above"),
        };
        let candidate = Candidate { index: self.tree.size(), leaf, wall_ms, boot_ms, content };
        let tree = &self.tree;
        let before = self.watch_refusals.then(|| self.register.digest());
        let applied = self.register.apply(&candidate, &|size| tree.root_at(size).ok());
        match &applied {
            Ok(_) => {
                self.tree.append(leaf);
                self.entries.push(bytes);
            }
            Err(refusal) => {
                let after = self.watch_refusals.then(|| self.register.digest());
                assert_eq!(before, after, "a refusal changed something: {refusal}");
            }
        }
        applied
    }

    /// A Fact.
    pub fn fact(&mut self, fact: Fact) -> Result<Applied, Refusal> {
        self.admit(Content::Fact(fact))
    }

    /// A Start.
    pub fn start(&mut self) -> Result<Applied, Refusal> {
        self.fact(Fact::Start(Start {
            boot_id: [7; 16],
            rules: crate::RULES,
            version: "test".into(),
            cell: CellKind::File,
            erasure_epoch: self.register.erasure_epoch(),
            set_aside_bytes: 0,
        }))
    }

    /// The KeyRoll of a period, signed by the key before it.
    pub fn key_roll(&mut self, period: u64) -> Fact {
        let suite = self.site.suite;
        let name = format!("period/{period}");
        let next =
            SecretKey::from_bytes(suite, &super::seed(self.site.number, &name)).expect("a seed is a key");
        let key = next.public().spki().to_vec();
        let bytes = key_roll_bytes(self.register.log_id(), period, suite, &key);
        let by = if period == 0 { &self.site.identity } else { &self.period_key };
        let signature = by.sign(&bytes).expect("a key in memory signs");
        self.period_key = next;
        Fact::KeyRoll(KeyRoll { period, suite, key: key.into(), signature: signature.into() })
    }

    /// The PeriodEnd that fits now.
    pub fn period_end(&self) -> Fact {
        let period = self.register.period().map_or(0, |period| period.number);
        Fact::PeriodEnd(PeriodEnd {
            period,
            counts: self.register.counts(),
            snapshot: self.register.digest(),
        })
    }

    /// The head over all entries.
    pub fn head(&self) -> Head {
        Head { size: self.tree.size(), root: self.tree.root() }
    }

    /// One act of the authority, as it is taken in while the daemon does not run. A refused one does not use up its
    /// number.
    pub fn by_authority(&mut self, act: Act) -> Result<Applied, Refusal> {
        let before = (self.site.offline_sequence, self.site.offline_last);
        let (signed, _) = self.site.offline(act);
        let applied = self.admit(Content::Statement(signed));
        if applied.is_err() {
            (self.site.offline_sequence, self.site.offline_last) = before;
        }
        applied
    }

    /// Acts of the authority inside an officer's Submit: all or none.
    pub fn submit(&mut self, officer: &str, acts: Vec<Act>) -> Result<Vec<Applied>, Refusal> {
        let offline = (self.site.offline_sequence, self.site.offline_last);
        let signed: Vec<_> = acts.into_iter().map(|act| self.site.offline(act)).collect();
        let ids: Vec<StatementId> = signed.iter().map(|(_, id)| *id).collect();
        let submit = Submit { count: ids.len() as u32, digest: submit_digest(&ids) };
        let kept = (self.register.clone(), self.tree.clone(), self.entries.len(), self.chain_state(officer));
        let mut outcome = self.act(officer, Act::Submit(submit)).map(|applied| vec![applied]);
        for (statement, _) in signed {
            let Ok(applied) = &mut outcome else { break };
            match self.admit(Content::Statement(statement)) {
                Ok(one) => applied.push(one),
                Err(refusal) => outcome = Err(refusal),
            }
        }
        if outcome.is_err() {
            (self.register, self.tree) = (kept.0, kept.1);
            self.entries.truncate(kept.2);
            self.set_chain_state(officer, kept.3);
            (self.site.offline_sequence, self.site.offline_last) = offline;
        }
        outcome
    }

    fn chain_state(&self, login: &str) -> (u64, StatementId) {
        let person = self.site.person(login);
        (person.sequence, person.last)
    }

    fn set_chain_state(&mut self, login: &str, (sequence, last): (u64, StatementId)) {
        if let Some(person) = self.site.people.get_mut(login) {
            (person.sequence, person.last) = (sequence, last);
        }
    }

    /// Prints and hands over the next envelope to a person, as acts of the authority.
    pub fn give_envelope(&mut self, login: &str) {
        self.envelope += 1;
        let (number, person) = (self.envelope, self.site.id(login));
        self.by_authority(Act::EnvelopePrint(EnvelopePrint::new(number, person, 0, &[]))).expect("printed");
        self.by_authority(Act::EnvelopeHandOver(EnvelopeHandOver { number })).expect("handed over");
    }

    /// Enrols somebody by an officer's Submit, with an envelope that is handed over.
    pub fn enrol_by(&mut self, officer: &str, login: &str, described: &Described) {
        let enrol = self.site.issue(login, described);
        self.envelope += 1;
        let (number, person) = (self.envelope, self.id(login));
        let acts = vec![
            Act::Enrol(enrol),
            Act::EnvelopePrint(EnvelopePrint::new(number, person, 0, &[])),
            Act::EnvelopeHandOver(EnvelopeHandOver { number }),
        ];
        self.submit(officer, acts).expect("an enrolment");
    }

    /// The clock was put ahead by so much, a Fact was stamped so, and olga and oleg set the time back; the `Approve`.
    pub fn set_back_after_leap(&mut self, ahead_ms: u64) -> Index {
        let to_ms = self.now_ms;
        self.now_ms += ahead_ms;
        let step = ClockStep { expected_ms: to_ms, found_ms: self.now_ms };
        self.fact(Fact::ClockStep(step)).expect("a claim");
        let act = pki::canonical::encode(&DualAct::SetClock(to_ms)).into();
        self.act("olga", Act::Propose(Propose { act })).expect("a Propose");
        let proposal = self.tree.size() - 1;
        self.act("oleg", Act::Approve(Approve { proposal })).expect("an Approve");
        self.now_ms = to_ms;
        proposal + 1
    }

    /// A third officer, admitted by olga and oleg, logged in.
    pub fn third_officer(&mut self, login: &str, described: &Described) {
        self.enrol_by("olga", login, described);
        let certificate = self.site.person(login).signature_certificate.id();
        let act = pki::canonical::encode(&DualAct::AdmitOfficer(certificate)).into();
        self.act("olga", Act::Propose(Propose { act })).expect("a Propose");
        let proposal = self.tree.size() - 1;
        self.act("oleg", Act::Approve(Approve { proposal })).expect("an Approve");
        self.log_in(login).expect("a Login");
        self.act(login, Act::SetPassword(SetPassword {})).expect("a new password");
    }

    /// The statement that a person would sign next.
    pub fn draft(&self, login: &str, act: Act) -> Statement {
        let person = self.site.person(login);
        let mut header = self.site.blank_header(person.signature_certificate.id());
        header.log = self.register.log_id();
        header.person = person.id;
        header.head = self.head();
        header.attempt = person.attempt;
        if !matches!(act, Act::Login(_)) {
            header.chain = person.chain;
            header.sequence = person.sequence + 1;
            header.previous = person.last;
        }
        Statement { header, act }
    }

    /// Signs a statement with a person's key.
    pub fn sign(&self, login: &str, statement: Statement) -> (SignedStatement, StatementId) {
        self.site.sign(statement, &self.site.person(login).signature)
    }

    /// A person's next act: signed, admitted or refused; the person's chain moves on as on a terminal.
    pub fn act(&mut self, login: &str, act: Act) -> Result<Applied, Refusal> {
        let statement = self.draft(login, act);
        self.say(login, statement)
    }

    /// Likewise, for a statement drafted by the test.
    pub fn say(&mut self, login: &str, statement: Statement) -> Result<Applied, Refusal> {
        let is_login = matches!(statement.act, Act::Login(_));
        let sequence = statement.header.sequence;
        let (signed, id) = self.sign(login, statement);
        let applied = self.admit(Content::Statement(signed));
        let leaf = self.tree.size().checked_sub(1).and_then(|last| self.tree.leaf(last).copied());
        let person = self.site.people.get_mut(login).expect("the test issued certificates to this login");
        match &applied {
            Ok(_) => {
                (person.sequence, person.last, person.attempt) = (sequence, id, 0);
                if is_login {
                    person.chain = leaf.map_or(Chain::ZERO, Chain);
                }
            }
            Err(_) => person.attempt += 1,
        }
        applied
    }

    /// A Login that ends no other session.
    pub fn log_in(&mut self, login: &str) -> Result<Applied, Refusal> {
        self.log_in_with(login, false)
    }

    /// A Login.
    pub fn log_in_with(&mut self, login: &str, end_other: bool) -> Result<Applied, Refusal> {
        let server_certificate = self.site.person("server").signature_certificate.id();
        let nonce = self.fresh();
        self.act(login, Act::Login(Login { nonce, exporter: [2; 32], server_certificate, end_other }))
    }

    /// Another person's id.
    pub fn id(&self, login: &str) -> PersonId {
        self.site.id(login)
    }

    /// 32 bytes that no call gave before.
    pub fn fresh(&mut self) -> Hash {
        self.next_name += 1;
        super::seed(self.site.number, &format!("fresh/{}", self.next_name))
    }
}
