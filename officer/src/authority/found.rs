//! Makes a new authority: root, issuing authority, an empty revocation list.
//! Never touches a directory that is there.

use super::{Authority, ISSUING_SUFFIX, ROOT_SUFFIX, acts, secret};
use crate::files::{self, Readers};
use crate::trouble::{Failure, Trouble};
use console::Secret;
use pki::profile::{self, IssueError, Validity};
use pki::{CertTime, Certificate, SecretKey, Suite, UnixMs, pem};
use rand_core::CryptoRng;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Certificates are valid from a little before they are made: the clocks of a site differ by minutes.
const BACKDATE_S: i64 = 600;
/// Validity of the root, days.
const ROOT_DAYS: u32 = 20 * 365;
/// Validity of the issuing authority, days.
const ISSUING_DAYS: u32 = 10 * 365;
/// Longest name of a site, characters: with its suffixes it stands in a common name of 64.
pub const SITE_CHARS_MAX: usize = 48;

/// What a new authority is to be.
pub struct Plan<'a> {
    /// Where; must not exist.
    pub dir: &'a Path,
    /// The site's name.
    pub site: &'a str,
    /// The suite of everything.
    pub suite: Suite,
    /// Encrypts the keys.
    pub passphrase: &'a Secret,
    /// Now.
    pub now_ms: u64,
}

/// From now (and a little before) on, for so many days.
pub fn validity(now_ms: u64, days: u32) -> Validity {
    let now = CertTime::from_unix(UnixMs(now_ms)).0;
    Validity { from: CertTime((now - BACKDATE_S).max(0)), until: CertTime(now + i64::from(days) * 86_400) }
}

/// Why a certificate was not made, for people.
pub fn unmade(why: IssueError) -> Trouble {
    Trouble::Unmade { why: why.to_string() }
}

/// Makes it. Everything is written beside the place first: a crash before the one rename leaves no authority, after it
/// a whole one.
pub fn found(plan: &Plan<'_>, rng: &mut dyn CryptoRng) -> Result<(), Failure> {
    let chars = plan.site.chars().count();
    if chars == 0 || chars > SITE_CHARS_MAX {
        return Err(Trouble::SiteName { limit: SITE_CHARS_MAX as u64 }.into());
    }
    if plan.dir.exists() {
        return Err(Trouble::Exists { path: files::shown(plan.dir) }.into());
    }
    let unsupported = |_| Trouble::UnsupportedSuite { suite: plan.suite.name().into() };
    let root_key = SecretKey::generate(plan.suite, rng).map_err(unsupported)?;
    let issuing_key = SecretKey::generate(plan.suite, rng).map_err(unsupported)?;
    let (root, issuing) = certificates(plan, &root_key, &issuing_key, rng)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(plan.dir.file_name().unwrap_or_default());
    name.push(".conclave-init");
    let part = plan.dir.with_file_name(name);
    // A leftover of a crash: keys that nothing was ever made with.
    match fs::remove_dir_all(&part) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            return Err(files::write_trouble(&part, &cause).into());
        }
        Ok(()) | Err(_) => {}
    }
    let made = fs::DirBuilder::new().mode(0o700).recursive(false).create(&part);
    made.map_err(|cause| files::write_trouble(&part, &cause))?;
    secret::write(&part.join("root.key"), &root_key, plan.passphrase, rng)?;
    secret::write(&part.join("issuing.key"), &issuing_key, plan.passphrase, rng)?;
    for (name, certificate) in [("root.pem", &root), ("issuing.pem", &issuing)] {
        let text = pem::encode(pem::CERTIFICATE, certificate.der());
        files::write_new(&part.join(name), text.as_bytes(), Readers::Anyone)?;
    }
    acts::ActsFile::create(&part.join("acts"))?;
    let mut authority = Authority::open(&part, acts::Mode::Write)?;
    super::revoke::publish(&mut authority, &issuing_key, plan.now_ms)?;
    drop(authority);
    fs::rename(&part, plan.dir).map_err(|cause| files::write_trouble(plan.dir, &cause))?;
    Ok(files::sync_dir(files::parent(plan.dir))?)
}

fn certificates(
    plan: &Plan<'_>,
    root_key: &SecretKey,
    issuing_key: &SecretKey,
    rng: &mut dyn CryptoRng,
) -> Result<(Certificate, Certificate), Trouble> {
    let name = format!("{}{ROOT_SUFFIX}", plan.site);
    let dates = validity(plan.now_ms, ROOT_DAYS);
    let root = profile::root(&name, root_key.public(), root_key, dates, rng).map_err(unmade)?;
    let authority = profile::Authority { certificate: &root, signer: root_key };
    let name = format!("{}{ISSUING_SUFFIX}", plan.site);
    let dates = validity(plan.now_ms, ISSUING_DAYS);
    let issuing =
        profile::issuing_authority(authority, &name, issuing_key.public(), dates, rng).map_err(unmade)?;
    Ok((root, issuing))
}
