//! A site on loopback: the real `conclaved` in a temporary directory, its authority in memory, people with keys.
//! Never sleeps: it waits for what the server says.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses its part")]

pub(crate) mod bad_sectors;
mod canary;
mod client;
mod clock;
mod journal_of;
mod loss;
pub(crate) mod mirrored;
pub(crate) mod on_device;
mod papers;
mod raw;
mod talk;

pub(crate) use canary::{dresses, stands_in};
pub(crate) use client::{Client, NotIn, WATCHDOG, all_arrived, anyone, by_two, own};
pub(crate) use clock::Clock;
pub(crate) use journal_of::Journal;
pub(crate) use loss::{lost_by, said};
pub(crate) use papers::claim;
pub(crate) use raw::{Raw, body};
pub(crate) use talk::Talk;

use journal::act::{Act, Enrol, Genesis};
use journal::ids::{LogId, StatementId};
use journal::policy::Policy;
use journal::statement::{SignedStatement, Statement};
use journal::testing::{Described, FOUNDED_MS, TestPerson, TestSite, VALID_MS};
use pki::exchange::RequestFile;
use pki::profile::{self, Authority, LeafKey, LeafRequest, Validity};
use pki::{AgreementPublic, CertTime, Certificate, Clearance, PersonId, PublicKey, Role, RoleSet, Suite};
use protocol::bundle::{Bundle, VERSION};
use rand_core::UnwrapErr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use tempfile::TempDir;

/// These stories, `fn story(suite: Suite)`, as tests at a site of each suite.
macro_rules! on_each_suite {
    ($($story:ident),* $(,)?) => {
        mod ed25519 {
            $(#[test]
            fn $story() {
                super::$story(pki::Suite::Ed25519);
            })*
        }
        mod ecdsa_p256 {
            $(#[test]
            fn $story() {
                super::$story(pki::Suite::EcdsaP256);
            })*
        }
    };
}
pub(crate) use on_each_suite;

/// A store that a test can make in a moment.
const STORE_BYTES: u64 = 64 << 20;
/// Test certificates must outlive this year.
pub(crate) const LONG_MS: (u64, u64) = (FOUNDED_MS, FOUNDED_MS + 9 * VALID_MS);

/// One runtime for a whole test: connections live in it, and go on living between the steps of the story, so that a
/// server that stops is answered.
pub(crate) fn runtime() -> tokio::runtime::Handle {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
}

pub(crate) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

/// Authority, people and the server's directory.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) authority: TestSite,
    pub(crate) log: LogId,
    pub(crate) identity: PublicKey,
    /// The core's agreement key, once there is a request of the server.
    core: Option<AgreementPublic>,
    /// Number and id of the authority's acts before its newest one.
    offline_before: (u64, StatementId),
    /// Envelopes printed so far.
    envelopes: u64,
    store_bytes: u64,
    /// The clocks of the server's machine, where a test moves them.
    pub(crate) clock: Option<Clock>,
    /// What every program of the server's is started with.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Site {
    /// A founded site with operators anna and boris and officers olga and oleg, each with an envelope whose one-time
    /// password is `one-time LOGIN`.
    pub(crate) fn founded(suite: Suite) -> Self {
        Self::founded_on(suite, STORE_BYTES)
    }

    /// The same with a store of this size.
    pub(crate) fn founded_on(suite: Suite, store_bytes: u64) -> Self {
        let site = Self::requested_on(suite, store_bytes);
        let done = site.conclaved(&[
            "init",
            "--config",
            &site.path("conclaved.toml"),
            "--bundle",
            &site.path("site.bundle"),
        ]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(String::from_utf8_lossy(&done.stderr).contains("FILE"), "the cell's kind is said loudly");
        site
    }

    /// Keys made, request answered, bundle written, configuration written; no store yet.
    pub(crate) fn requested(suite: Suite) -> Self {
        Self::requested_on(suite, STORE_BYTES)
    }

    fn requested_on(suite: Suite, store_bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut authority = TestSite::new(7, suite);
        for (login, role) in [
            ("olga", Role::Officer),
            ("oleg", Role::Officer),
            ("anna", Role::Operator),
            ("boris", Role::Operator),
        ] {
            let described = Described { valid_ms: LONG_MS, ..Described::new(role, Clearance(3)) };
            authority.issue(login, &described);
        }
        let log = LogId([0; 32]);
        let identity = authority.identity.public().clone();
        let offline_before = (0, StatementId::ZERO);
        let mut site = Self {
            offline_before,
            dir,
            authority,
            log,
            identity,
            core: None,
            envelopes: 0,
            store_bytes,
            clock: None,
            environment: Vec::new(),
        };
        site.write_config("127.0.0.1:0");
        let request = site.request("state", "server.request");
        let bundle = site.answer(&request);
        std::fs::write(site.path("site.bundle"), bundle.to_text()).unwrap();
        site
    }

    /// Keys made in this directory, and the request for their certificates.
    fn request(&self, state: &str, out: &str) -> RequestFile {
        let (state, out) = (self.path(state), self.path(out));
        let suite = self.authority.suite.name();
        let args = ["request", "--state", &state, "--server-name", "room", "--suite", suite, "--out", &out];
        let made = self.conclaved(&args);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        RequestFile::from_text(&std::fs::read_to_string(&out).unwrap()).unwrap()
    }

    /// What the authority makes of the server's request: certificates, genesis, everybody's enrolment and envelopes.
    fn answer(&mut self, file: &RequestFile) -> Bundle {
        let request = pki::Request::parse(&file.request).unwrap();
        self.identity = PublicKey::from_raw(Suite::Ed25519, &file.identity.unwrap()).unwrap();
        self.core = Some(request.agreement().clone());
        let genesis = self.genesis(file.identity.unwrap());
        let enrol = self.certified(file, LONG_MS.1);
        let server = Some(vec![enrol.signature.clone(), enrol.agreement.clone()]);
        let mut acts = vec![self.authority.offline(Act::Enrol(enrol)).0];
        let mut verifiers = Vec::new();
        for login in ["olga", "oleg", "anna", "boris"] {
            let enrol = self.person(login).enrol();
            acts.push(self.offline(Act::Enrol(enrol)));
            let (number, print, verifier) = self.print(login, &format!("one-time {login}"));
            acts.extend([print, self.hand_over(number)]);
            verifiers.push(verifier);
        }
        Bundle { version: VERSION, genesis: Some(genesis), acts, verifiers, server }
    }

    /// The server's certificates over the keys of its request.
    fn certified(&self, file: &RequestFile, until_ms: u64) -> Enrol {
        let request = pki::Request::parse(&file.request).unwrap();
        let issuer = Authority { certificate: &self.authority.issuing, signer: &self.authority.issuing_key };
        let seconds = |ms: u64| CertTime((ms / 1000) as i64);
        let leaf = |role, key| {
            let request = LeafRequest {
                person: PersonId(0x5e2),
                names: request.names(),
                roles: RoleSet::EMPTY.with(role),
                clearance: Clearance(5),
                key,
                validity: Validity { from: seconds(LONG_MS.0), until: seconds(until_ms) },
            };
            profile::leaf(issuer, &request, &mut rng()).unwrap().der().to_vec().into()
        };
        Enrol {
            signature: leaf(Role::Server, LeafKey::Signature(request.key())),
            agreement: leaf(Role::Core, LeafKey::Agreement(request.agreement())),
        }
    }

    /// The authority renews the server's certificates, over new keys that take the place of the old ones.
    pub(crate) fn renewed(&mut self, until_ms: u64) -> SignedStatement {
        let request = self.request("state.new", "renewal.request");
        for key in ["keys/tls", "keys/agreement"] {
            std::fs::copy(self.path("state.new") + "/" + key, self.path("state") + "/" + key).unwrap();
        }
        let enrol = self.certified(&request, until_ms);
        self.offline(Act::Enrol(enrol))
    }

    fn genesis(&mut self, identity: [u8; 32]) -> SignedStatement {
        let officer = |login: &str| self.person(login).signature_certificate.id();
        let act = Genesis {
            site: "Комната".into(),
            suite: self.authority.suite,
            root: self.authority.root.der().to_vec().into(),
            issuing: self.authority.issuing.der().to_vec().into(),
            identity,
            officers: vec![officer("olga"), officer("oleg")],
            threshold: 2,
            policy: Policy::standard(),
            time_ms: FOUNDED_MS,
        };
        let header = self.authority.blank_header(self.authority.issuing.id());
        let (signed, id) =
            self.authority.sign(Statement { header, act: Act::Genesis(act) }, &self.authority.issuing_key);
        self.log = LogId(id.0);
        signed
    }

    pub(crate) fn person(&self, login: &str) -> &TestPerson {
        self.authority.person(login)
    }

    /// Root and issuing authority, as a site card has them.
    pub(crate) fn authorities(&self) -> [&Certificate; 2] {
        [&self.authority.issuing, &self.authority.root]
    }

    /// From the next start on the server goes by clocks that the test sets.
    pub(crate) fn with_clock(mut self) -> Self {
        self.clock = Some(Clock::right(self.dir.path()));
        self
    }

    /// The clocks that [`Self::with_clock`] hung up.
    pub(crate) fn clock(&self) -> &Clock {
        self.clock.as_ref().expect("this site has clocks of its own")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().into()
    }

    pub(crate) fn write_config(&self, listen: &str) {
        let dir = self.dir.path().to_str().unwrap();
        let text = format!(
            "state_dir = \"{dir}/state\"\nruntime_dir = \"{dir}/run\"\nlog_level = \"debug\"\n\
             [store]\npath = \"{dir}/store\"\ncell = \"{dir}/cell\"\nbytes = {}\n\
             [network]\nlisten = [\"{listen}\"]\n",
            self.store_bytes
        );
        std::fs::write(self.path("conclaved.toml"), text).unwrap();
    }

    /// Runs a command to its end.
    pub(crate) fn conclaved(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conclaved"));
        self.clock.iter().for_each(|clock| clock.hang_in(&mut command));
        command.args(args).env("CONCLAVE_LANG", "en").envs(self.environment.clone()).output().unwrap()
    }

    pub(crate) fn check(&self, more: &[&str]) -> Output {
        let config = self.path("conclaved.toml");
        self.conclaved(&[&["check", "--config", &config][..], more].concat())
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn start(&self) -> Server {
        self.start_with(|_| {})
    }

    /// The same, with something more said to it.
    pub(crate) fn start_with(&self, say: impl FnOnce(&mut Command)) -> Server {
        self.try_start(say).unwrap_or_else(|(status, said)| panic!("{status}: {said}"))
    }

    /// Starts the server, which refuses.
    pub(crate) fn start_refused(&self) -> (ExitStatus, String) {
        self.start_refused_with(|_| {})
    }

    /// The same, with something more said to it.
    pub(crate) fn start_refused_with(&self, say: impl FnOnce(&mut Command)) -> (ExitStatus, String) {
        match self.try_start(say) {
            Ok(_) => panic!("it started"),
            Err(refused) => refused,
        }
    }

    fn try_start(&self, say: impl FnOnce(&mut Command)) -> Result<Server, (ExitStatus, String)> {
        Server::start(self.path("conclaved.toml").into(), self.clock.as_ref(), |command| {
            say(command.envs(self.environment.clone()));
        })
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it logged before it listened.
    pub(crate) began: String,
    log: std::sync::mpsc::Receiver<String>,
}

impl Server {
    fn start(
        config: PathBuf,
        clock: Option<&Clock>,
        say: impl FnOnce(&mut Command),
    ) -> Result<Self, (ExitStatus, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conclaved"));
        command.args(["run", "--config"]).arg(config).env("CONCLAVE_LANG", "en").stderr(Stdio::piped());
        clock.into_iter().for_each(|clock| clock.hang_in(&mut command));
        say(&mut command);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        while let Some(Ok(line)) = lines.next() {
            said.push_str(&line);
            said.push('\n');
            if let Some((_, address)) = line.split_once("listening on ") {
                let (sender, log) = std::sync::mpsc::channel();
                std::thread::spawn(move || {
                    lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
                });
                return Ok(Self { child, address: address.parse().unwrap(), began: said, log });
            }
        }
        Err((child.wait().unwrap(), said))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Waits for the end; gives the rest of the log too.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.log.iter().map(|line| line + "\n").collect())
    }

    /// Kills it at once and waits until it is gone.
    pub(crate) fn kill(self) {
        self.signal(nix::sys::signal::Signal::SIGKILL);
        self.wait();
    }

    /// Waits until the log says this.
    pub(crate) fn wait_for(&self, what: &str) -> String {
        self.log.iter().find(|line| line.contains(what)).unwrap_or_else(|| panic!("it never said {what:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
        if std::thread::panicking() {
            self.log.iter().for_each(|line| eprintln!("{line}"));
        }
    }
}
