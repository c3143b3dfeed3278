//! What the tests of `conclave-pki` share: requests as a terminal and a server would make them, and commands as a person
//! types them. Keys follow from the request's file, so that a test can open what was sealed to them.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use pki::exchange::RequestFile;
use pki::{AgreementSecret, Request, SecretKey, SubjectNames, Suite};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// 32 bytes that follow from a file's name and what they are for.
fn seed(file: &str, what: &str) -> [u8; 32] {
    Sha256::digest(format!("{file}/{what}")).into()
}

/// The signature key of the request in this file.
pub(crate) fn signature_key(suite: Suite, file: &str) -> SecretKey {
    SecretKey::from_bytes(suite, &seed(file, "signature")).unwrap()
}

/// The agreement key of the request in this file.
pub(crate) fn agreement_key(suite: Suite, file: &str) -> AgreementSecret {
    AgreementSecret::from_bytes(suite, &seed(file, "agreement")).unwrap()
}

/// The log identity key of a server's request in this file.
pub(crate) fn identity_key(file: &str) -> SecretKey {
    SecretKey::from_bytes(Suite::Ed25519, &seed(file, "identity")).unwrap()
}

/// Makes a request: `LOGIN|FULL NAME|SUITE|FILE`.
pub(crate) fn request(dir: &Path, words: &str, is_server: bool) {
    let [login, name, suite, file] = words.split('|').collect::<Vec<_>>()[..] else { panic!("{words}") };
    let suite = Suite::from_name(suite).unwrap();
    let names = SubjectNames { full_name: name.into(), login: login.into(), unit: Vec::new() };
    let (key, agreement) = (signature_key(suite, file), agreement_key(suite, file));
    let der = Request::make(&names, key.public(), agreement.public(), &key).unwrap();
    let identity = is_server.then(|| identity_key(file).public().raw().try_into().unwrap());
    let path = dir.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, RequestFile::new(der, identity).to_text()).unwrap();
}

/// Runs a line by sh, with our program first on the path and a passphrase in the file `pass`.
pub(crate) fn command(dir: &Path, line: &str) -> Output {
    std::fs::write(dir.join("pass"), "correct horse battery\n").unwrap();
    let bin = PathBuf::from(env!("CARGO_BIN_EXE_conclave-pki"));
    let search = format!("{}:{}", bin.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", line]).current_dir(dir).env("PATH", search).env("CONCLAVE_LANG", "en");
    shell.output().unwrap()
}
