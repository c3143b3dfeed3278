//! A site's certification authority as it lies in one directory, opened.
//! Never acts without a record: every certificate, list and envelope has its act in `acts` first.
//!
//! ```text
//! DIR/root.pem, issuing.pem   the authorities' certificates
//! DIR/root.key, issuing.key   their keys, encrypted (see `secret`)
//! DIR/acts                    the authority's own journal (see `acts`)
//! DIR/crl.pem                 the newest revocation list; its number and dates are in `acts` as well, until it grows
//!                             too large for an act; what follows can be made again:
//! DIR/issued/LOGIN.request    what was asked for;  LOGIN.certificates: what was given
//! DIR/verifiers/N             password verifiers, sealed to the core, until the bundle with envelope N is taken in
//! DIR/taken                   how many acts the appliance is known to have taken in
//! ```

pub mod acts;
pub mod envelopes;
pub mod found;
pub mod issue;
pub mod revoke;
pub mod secret;
pub mod state;
pub mod verifiers;

use crate::files::{self, Readers};
use crate::trouble::{Failure, Trouble};
use acts::{ActsFile, Mode};
use console::{Lang, Secret, SecretSource};
use journal::{Act, SignedStatement, StatementId};
use pki::exchange::CertificatesFile;
use pki::{Certificate, PublicKey, SecretKey, pem};
use state::{Person, State};
use std::path::{Path, PathBuf};

/// What follows the site's name in the root's common name.
pub const ROOT_SUFFIX: &str = " Root";
/// What follows it in the issuing authority's; a new key means a new name, so it is numbered.
pub const ISSUING_SUFFIX: &str = " Issuing 1";

/// The opened directory.
pub struct Authority {
    dir: PathBuf,
    /// The root's certificate.
    pub root: Certificate,
    /// The issuing authority's certificate.
    pub issuing: Certificate,
    acts: ActsFile,
    /// What follows from the acts.
    pub state: State,
}

impl Authority {
    /// Opens the directory, verifies every act in it and computes the state.
    pub fn open(dir: &Path, mode: Mode) -> Result<Self, Failure> {
        if !dir.join("acts").exists() {
            return Err(Trouble::NoAuthority { dir: files::shown(dir) }.into());
        }
        let (root, issuing) =
            (read_certificate(&dir.join("root.pem"))?, read_certificate(&dir.join("issuing.pem"))?);
        let key = public_key(&issuing, &dir.join("issuing.pem"))?;
        let (acts, lines) = ActsFile::open(&dir.join("acts"), mode)?;
        let mut state = State::new(&issuing, key);
        for (number, signed) in lines.iter().enumerate() {
            let damaged = |why| Trouble::ActsDamaged { line: number as u64 + 2, why };
            state.apply(signed).map_err(damaged)?;
        }
        if let Some(list) = revoke::published(&dir.join("crl.pem"))? {
            state.adopt_list(list);
        }
        Ok(Self { dir: dir.to_owned(), root, issuing, acts, state })
    }

    /// A path inside the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The site's name, as the root's certificate has it.
    pub fn site(&self) -> &str {
        let name = self.root.full_name().unwrap_or_default();
        name.strip_suffix(ROOT_SUFFIX).unwrap_or(name)
    }

    /// Asks for the passphrase, once, and opens the issuing authority's key.
    pub fn unlock(&self, passphrase_fd: Option<u32>, lang: Lang) -> Result<SecretKey, Failure> {
        let mut source = SecretSource::open(passphrase_fd)?;
        let passphrase =
            source.ask(lang.pick("Authority's passphrase: ", "Парольная фраза удостоверяющего центра: "))?;
        self.unlock_with(&passphrase)
    }

    fn unlock_with(&self, passphrase: &Secret) -> Result<SecretKey, Failure> {
        let path = self.path("issuing.key");
        let public = public_key(&self.issuing, &path)?;
        Ok(secret::open(&path, passphrase, &public)?)
    }

    /// Signs an act, checks that it may follow, and has it on the disk. A crash before this returns means that the act
    /// was not done, after it that it was: whatever is made of it can be made again from `acts`.
    pub fn record(&mut self, key: &SecretKey, act: Act) -> Result<StatementId, Failure> {
        self.record_all(key, vec![act])
    }

    /// The same with acts that are worth nothing without each other: all of them or none. Gives the last one's id.
    pub fn record_all(&mut self, key: &SecretKey, acts: Vec<Act>) -> Result<StatementId, Failure> {
        let (mut all, mut last) = (Vec::with_capacity(acts.len()), StatementId::ZERO);
        for act in acts {
            let statement = self.state.next(act);
            let (signed, id) = SignedStatement::sign(&statement, key)
                .map_err(|why| Trouble::Unmade { why: why.to_string() })?;
            self.state.apply(&signed).map_err(|why| Trouble::Unmade { why })?;
            all.push(signed);
            last = id;
        }
        self.acts.append(&all)?;
        Ok(last)
    }

    /// The person's newest certificates with the authorities above, as they are handed out.
    pub fn certificates(&self, person: &Person) -> CertificatesFile {
        let pair = person.newest();
        let all = [&pair.signature, &pair.agreement, &self.issuing, &self.root];
        CertificatesFile::new(all.map(|certificate| certificate.der().to_vec()).to_vec())
    }

    /// Writes `LOGIN.certificates` into a directory and keeps a copy with what was issued.
    pub fn write_certificates(&self, person: &Person, dir: &Path) -> Result<PathBuf, Trouble> {
        let text = self.certificates(person).to_text();
        let name = format!("{}.certificates", person.names.login);
        files::ensure_dir(&self.path("issued"))?;
        files::replace(&self.path("issued").join(&name), text.as_bytes(), Readers::Anyone)?;
        let path = dir.join(&name);
        files::ensure_dir(dir)?;
        files::replace(&path, text.as_bytes(), Readers::Anyone)?;
        Ok(path)
    }

    /// The person whom `@login`, `login` or an id names.
    pub fn person(&self, who: &str) -> Result<&Person, Trouble> {
        let login = who.strip_prefix('@').unwrap_or(who);
        let by_id = || who.parse().ok().and_then(|id| self.state.people.get(&id));
        let found = self.state.by_login(login).or_else(by_id);
        found.ok_or_else(|| Trouble::UnknownPerson { who: console::clean(login) })
    }
}

/// The operating system's randomness.
pub fn os_rng() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

fn read_certificate(path: &Path) -> Result<Certificate, Trouble> {
    let bad = |why: String| Trouble::BadFile { path: files::shown(path), why };
    let text = files::read_text(path, pki::certificate::CERTIFICATE_BYTES_MAX as u64 * 2)?;
    let blocks = pem::decode(&text, pem::CERTIFICATE).map_err(|why| bad(why.to_string()))?;
    let [der] = blocks.as_slice() else { return Err(bad("not one certificate".into())) };
    Certificate::parse(der).map_err(|why| bad(why.to_string()))
}

fn public_key(certificate: &Certificate, path: &Path) -> Result<PublicKey, Trouble> {
    let bad = |why: pki::KeyError| Trouble::BadFile { path: files::shown(path), why: why.to_string() };
    certificate.public_key().map_err(bad)
}
