//! A site in a temporary directory: the real `conclaved`, its authority in memory, people with keys.
//! Never touches anything outside its directory, and never serves as a model of how keys are kept.

use anyhow::{Context, Result, bail, ensure};
use journal::act::{Act, Enrol, EnvelopeHandOver, EnvelopePrint, Genesis};
use journal::ids::LogId;
use journal::policy::Policy;
use journal::statement::Statement;
use journal::testing::{Described, FOUNDED_MS, TestPerson, TestSite, VALID_MS};
use pki::exchange::RequestFile;
use pki::profile::{self, Authority, LeafKey, LeafRequest, Validity};
use pki::{CertId, CertTime, Clearance, PersonId, Role, RoleSet, Suite, password};
use protocol::bundle::{Bundle, VERSION};
use protocol::frame::{SealedVerifier, VERIFIER_INFO};
use rand_core::UnwrapErr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Certificates outlive this program.
const LONG_MS: (u64, u64) = (FOUNDED_MS, FOUNDED_MS + 9 * VALID_MS);
/// Everybody's one-time password: one verifier for all, because making one is made to be slow.
pub(crate) const ONE_TIME: &str = "one-time";
/// Everybody's own password.
pub(crate) const OWN: &str = "own";

/// The system's randomness.
pub(crate) fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

/// A person of a test site for longer than tests last.
pub(crate) fn issue(site: &mut TestSite, login: &str, role: Role) {
    site.issue(login, &Described { valid_ms: LONG_MS, ..Described::new(role, Clearance(3)) });
}

/// TLS certificate and key of a person.
pub(crate) fn own(site: &TestSite, login: &str) -> link::OwnCertificate {
    let person = site.person(login);
    let chain = vec![person.signature_certificate.der().to_vec(), site.issuing.der().to_vec()];
    link::OwnCertificate { chain, key: person.signature.to_pkcs8() }
}

/// Authority, people and the server's directory.
pub(crate) struct Site {
    dir: TempDir,
    pub(crate) authority: TestSite,
    pub(crate) log: LogId,
    /// What a Login names.
    pub(crate) server_certificate: CertId,
}

impl Site {
    /// A founded site with these operators and a store of this size.
    pub(crate) fn founded(operators: &[String], store_bytes: u64) -> Result<Self> {
        let mut authority = TestSite::new(7, Suite::Ed25519);
        for officer in ["olga", "oleg"] {
            issue(&mut authority, officer, Role::Officer);
        }
        operators.iter().for_each(|login| issue(&mut authority, login, Role::Operator));
        let mut site = Self {
            dir: tempfile::tempdir()?,
            authority,
            log: LogId::ZERO,
            server_certificate: CertId([0; 32]),
        };
        site.write_config(store_bytes)?;
        let (state, out) = (site.path("state"), site.path("server.request"));
        let (state, out) = (state.display().to_string(), out.display().to_string());
        site.conclaved(&[
            "request",
            "--state",
            &state,
            "--server-name",
            "room",
            "--suite",
            "ed25519",
            "--out",
            &out,
        ])?;
        let request = RequestFile::from_text(&std::fs::read_to_string(&out)?)?;
        let bundle = site.answer(&request)?;
        let path = site.path("site.bundle");
        std::fs::write(&path, bundle.to_text())?;
        let config = site.config();
        site.conclaved(&["init", "--config", &config, "--bundle", &path.display().to_string()])?;
        Ok(site)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self) -> String {
        self.path("conclaved.toml").display().to_string()
    }

    fn write_config(&self, store_bytes: u64) -> Result<()> {
        let dir = self.dir.path().display();
        let text = format!(
            "state_dir = \"{dir}/state\"\nruntime_dir = \"{dir}/run\"\nlog_level = \"info\"\n\
             [store]\npath = \"{dir}/store\"\ncell = \"{dir}/cell\"\nbytes = {store_bytes}\n\
             [network]\nlisten = [\"127.0.0.1:0\"]\n\
             [limits]\nconnections = 4096\nconnections_per_certificate = 16\nconnections_per_address = 4096\n"
        );
        Ok(std::fs::write(self.path("conclaved.toml"), text)?)
    }

    /// What the authority makes of the server's request: certificates, genesis, everybody's enrolment and envelopes.
    fn answer(&mut self, file: &RequestFile) -> Result<Bundle> {
        let request = pki::Request::parse(&file.request)?;
        let identity = file.identity.context("the server's request names no identity key")?;
        let (server, core) = self.server_certificates(&request)?;
        self.server_certificate = CertId::of(&server);
        let genesis = self.genesis(identity);
        let enrol = Enrol { signature: server.clone().into(), agreement: core.clone().into() };
        let mut acts = vec![self.authority.offline(Act::Enrol(enrol)).0];
        let mut verifiers = Vec::new();
        let phc = password::verifier(ONE_TIME.as_bytes(), &mut rng())?;
        let logins: Vec<String> = self.authority.people.keys().cloned().collect();
        for (number, login) in (1_u64..).zip(logins) {
            let (person, enrol) = (self.person(&login).id, self.person(&login).enrol());
            let aad = [person.0.to_be_bytes(), number.to_be_bytes()].concat();
            let sealed = request.agreement().seal(VERIFIER_INFO, &aad, phc.as_bytes(), &mut rng())?;
            let print = EnvelopePrint::new(number, person, 0, &sealed);
            for act in [
                Act::Enrol(enrol),
                Act::EnvelopePrint(print),
                Act::EnvelopeHandOver(EnvelopeHandOver { number }),
            ] {
                acts.push(self.authority.offline(act).0);
            }
            verifiers.push(SealedVerifier { person, envelope: number, sealed: sealed.into() });
        }
        let server = Some(vec![server.into(), core.into()]);
        Ok(Bundle { version: VERSION, genesis: Some(genesis), acts, verifiers, server })
    }

    fn server_certificates(&self, request: &pki::Request) -> Result<(Vec<u8>, Vec<u8>)> {
        let issuer = Authority { certificate: &self.authority.issuing, signer: &self.authority.issuing_key };
        let seconds = |ms: u64| CertTime((ms / 1000) as i64);
        let leaf = |role, key| -> Result<Vec<u8>> {
            let request = LeafRequest {
                person: PersonId(0x5e2),
                names: request.names(),
                roles: RoleSet::EMPTY.with(role),
                clearance: Clearance(5),
                key,
                validity: Validity { from: seconds(LONG_MS.0), until: seconds(LONG_MS.1) },
            };
            Ok(profile::leaf(issuer, &request, &mut rng())?.der().to_vec())
        };
        let signature = leaf(Role::Server, LeafKey::Signature(request.key()))?;
        Ok((signature, leaf(Role::Core, LeafKey::Agreement(request.agreement()))?))
    }

    fn genesis(&mut self, identity: [u8; 32]) -> journal::SignedStatement {
        let officer = |login: &str| self.person(login).signature_certificate.id();
        let act = Genesis {
            site: "Bench".into(),
            suite: self.authority.suite,
            root: self.authority.root.der().to_vec().into(),
            issuing: self.authority.issuing.der().to_vec().into(),
            identity,
            officers: vec![officer("olga"), officer("oleg")],
            threshold: 2,
            // The load is far above what people may send.
            policy: Policy { statements_per_minute: u32::MAX, ..Policy::standard() },
            time_ms: FOUNDED_MS,
        };
        let header = self.authority.blank_header(self.authority.issuing.id());
        let statement = Statement { header, act: Act::Genesis(act) };
        let (signed, id) = self.authority.sign(statement, &self.authority.issuing_key);
        self.log = LogId(id.0);
        signed
    }

    pub(crate) fn person(&self, login: &str) -> &TestPerson {
        self.authority.person(login)
    }

    /// Runs a command of the server to its end.
    fn conclaved(&self, args: &[&str]) -> Result<()> {
        let done = Command::new(conclaved()?).args(args).env("CONCLAVE_LANG", "en").output()?;
        ensure!(done.status.success(), "conclaved {}: {}", args[0], String::from_utf8_lossy(&done.stderr));
        Ok(())
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn start(&self) -> Result<Server> {
        let mut command = Command::new(conclaved()?);
        command.args(["run", "--config", &self.config()]).env("CONCLAVE_LANG", "en");
        Server::start(command)
    }
}

/// The program beside this one.
fn conclaved() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let path = here.parent().map(|dir| dir.join("conclaved")).unwrap_or_default();
    ensure!(path.is_file(), "{} is missing: cargo build --release -p server", path.display());
    Ok(path)
}

/// A running server, the product's or the yardstick's; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a program that says "listening on ADDRESS" to its standard error.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let said = child.stderr.take().context("no standard error")?;
        let mut lines = BufReader::new(said).lines();
        let mut all = String::new();
        while let Some(Ok(line)) = lines.next() {
            if line.contains("by a snapshot") {
                eprintln!("  server: {line}");
            }
            all.push_str(&line);
            all.push('\n');
            if let Some((_, address)) = line.split_once("listening on ") {
                let address = address.parse()?;
                // What it says from here on is read, so that it never waits for us, and shown when it is bad.
                std::thread::spawn(move || {
                    for line in lines.map_while(Result::ok).filter(|line| line.contains("error")) {
                        eprintln!("server: {line}");
                    }
                });
                return Ok(Self { child, address });
            }
        }
        let status = child.wait()?;
        bail!("the server did not start ({status}): {all}")
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to stop in good order and waits.
    pub(crate) fn stop(mut self) -> Result<()> {
        let process = nix::unistd::Pid::from_raw(i32::try_from(self.child.id())?);
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }

    /// Kills it at once and waits until it is gone.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// The directory of a bench that needs no site.
pub(crate) fn scratch() -> Result<TempDir> {
    Ok(tempfile::tempdir()?)
}

/// Opens the site's store as the server would; the server must not run.
pub(crate) fn open_store(dir: &Path) -> Result<vault::Vault> {
    let device = std::sync::Arc::new(disk::FileDevice::open(&dir.join("store"))?);
    let cell = Box::new(vault::FileCell::open(&dir.join("cell"))?);
    Ok(vault::Vault::open(device, cell, vault::Limits::default(), &mut rng())?.0)
}

impl Site {
    /// Its directory.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}
