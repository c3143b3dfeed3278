//! What `verify --state` needs: the auditor's credential, his state file before and behind.
//! Never goes on from a file that he did not sign himself.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use console::{PassphraseFd, SecretSource, Voice};
use link::terminal::TerminalError;
use pki::{CredentialFile, CurrentKeys, PublicKey};

use super::online::{Access, online};
use super::{not_written, shown};
use crate::audit::Audit;
use crate::known::Known;
use crate::leaves::{self, Seen};
use crate::parallel::processors;
use crate::state::{self, NotKnown};
use crate::trouble::Trouble;
use crate::trust::Trust;

/// How a verification goes on from the one before.
#[derive(Args, Debug)]
pub struct Keeping {
    /// Go on from where your last audit ended, as this file says that you signed, and write it anew; the first time all is
    /// replayed.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Read only what is new in the bundle: its copy of what your state file has verified is not looked at. Without this it
    /// is read and hashed.
    #[arg(long, requires = "state")]
    pub only_new: bool,
    /// Directory of your credential, for --state (else CONCLAVE_HOME, else the configuration directory).
    #[arg(long, value_name = "DIR", requires = "state")]
    pub home: Option<PathBuf>,
    /// Where the passphrase comes from.
    #[command(flatten)]
    pub passphrase: PassphraseFd,
}

console::words! {
    /// What is said of a state file.
    pub(super) enum Kept {
        WentOn { size: u64 }
            => en("the first {size} entries you have verified before: they were hashed and not replayed"),
               ru("записи до #{size} вы проверили раньше: они сверены по хешам и не повторялись");
        Unread { size: u64 }
            => en("the first {size} entries you have verified before: they were not read in this bundle"),
               ru("записи до #{size} вы проверили раньше: в этой выгрузке они не читались");
        NoLeaves
            => en("nothing beside the state file stands for what it has verified, so that was read and hashed, too"),
               ru("рядом с файлом состояния нет хешей проверенного: эти записи тоже прочитаны и сверены");
        New => en("there is no state file yet: everything was replayed"), ru("файла состояния ещё нет: повторено всё");
        Otherwise
            => en("the bundle ends before what your state file says, or begins otherwise: everything was replayed"),
               ru("выгрузка короче записанного в файле состояния или начинается не с того: повторено всё");
        OtherLog => en("the state file is of another log: everything was replayed"),
                    ru("файл состояния от другого журнала: повторено всё");
        NotMine
            => en("the state file is damaged or not signed with your key: everything was replayed"),
               ru("файл состояния повреждён или подписан не вашим ключом: повторено всё");
        OtherProgram
            => en("another build of this program wrote the state file: everything was replayed, the head in it counts"),
               ru("файл состояния записан другой сборкой программы: повторено всё, вершина из него учтена");
        Written { size: u64 } => en("state file written: {size} entries"), ru("файл состояния записан: записей {size}");
    }
}
console::words! {
    enum Label {
        Passphrase => en("Passphrase of the credential: "), ru("Парольная фраза ключей: ");
    }
}

/// A state file and the key that signs it.
pub(super) struct Keeper {
    path: PathBuf,
    only_new: bool,
    file: CredentialFile,
}

impl Keeper {
    /// Opens the credential where a state file is wanted.
    pub(super) fn open(keeping: &Keeping, voice: Voice) -> Result<Option<Self>, Trouble> {
        let Some(path) = keeping.state.clone() else { return Ok(None) };
        let access =
            Access { home: keeping.home.clone(), passphrase: keeping.passphrase, ..Access::default() };
        let credential = access.home()?.join("credential");
        let label = console::Words::say(&Label::Passphrase, voice.lang);
        let asked = SecretSource::open(keeping.passphrase.passphrase_fd)
            .and_then(|mut source| source.ask(&label))
            .map_err(|error| Trouble::asked(&error, voice.lang))?;
        let file = CredentialFile::open(&credential, asked.expose().as_bytes())
            .map_err(|error| online(&TerminalError::from(error)))?;
        let keeper = Self { path, only_new: keeping.only_new, file };
        keeper.keys()?;
        Ok(Some(keeper))
    }

    /// Where the audit before ended, and why nobody goes on from there, if so. A disk that fails is no reason to pass over a head that
    /// was seen, and to write another in its place.
    pub(super) fn known(&self, trust: &Trust) -> Result<(Option<Known>, Option<Kept>), Trouble> {
        known_of(&self.path, self.keys()?.signature().public(), trust)
    }

    /// Whether only what is new is wanted.
    pub(super) fn only_new(&self) -> bool {
        self.only_new
    }

    /// What stands beside the state file for the entries that it has verified, where only what is new is wanted.
    pub(super) fn seen(&self, known: &Known) -> Result<Option<Seen>, Trouble> {
        if !self.only_new {
            return Ok(None);
        }
        let unreadable =
            |error: io::Error| Trouble::Unreadable { file: shown(&self.path), cause: error.to_string() };
        leaves::read(&self.path, known, processors()).map_err(unreadable)
    }

    /// Signs and writes what an audit came to.
    pub(super) fn keep(&self, audit: &Audit) -> Result<bool, Trouble> {
        let unsigned = |cause: String| Trouble::Unwritable { file: shown(&self.path), cause };
        let bytes =
            state::signed(audit, self.keys()?.signature()).map_err(|error| unsigned(error.to_string()))?;
        state::write(&self.path, &bytes).map_err(|error| not_written(&self.path, &error))?;
        if let Some(end) = audit.entries_end {
            // A crash before this line: the leaves are of another size than the state, and nobody goes on by them.
            leaves::write(&self.path, audit.replay.tree(), end)
                .map_err(|error| not_written(&self.path, &error))?;
        }
        Ok(true)
    }

    fn keys(&self) -> Result<&CurrentKeys, Trouble> {
        self.file
            .credential()
            .current()
            .map_err(|error| Trouble::BadCertificates { file: "credential".into(), cause: error.to_string() })
    }
}

fn known_of(path: &Path, key: &PublicKey, trust: &Trust) -> Result<(Option<Known>, Option<Kept>), Trouble> {
    let why = match state::read(path, key) {
        Ok(Some(known)) if known.log == trust.log => {
            let other = (!known.same_program).then_some(Kept::OtherProgram);
            return Ok((Some(known), other));
        }
        Ok(Some(_)) => Kept::OtherLog,
        Ok(None) => Kept::New,
        Err(NotKnown::NotAState | NotKnown::NotMine) => Kept::NotMine,
        Err(NotKnown::Io(error)) => {
            return Err(Trouble::Unreadable { file: shown(path), cause: error.to_string() });
        }
    };
    Ok((None, Some(why)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::trust;
    use journal::testing::TestLog;
    use pki::{SecretKey, Suite};

    #[test]
    fn a_state_file_that_cannot_be_read_is_not_told_as_damaged() {
        let (dir, log) = (tempfile::tempdir().unwrap(), TestLog::standard(1));
        let (trust, key) = (trust(&log, None), SecretKey::from_bytes(Suite::Ed25519, &[7; 32]).unwrap());
        let known = |path: &Path| known_of(path, key.public(), &trust);
        // A directory opens, and does not read.
        assert!(matches!(known(dir.path()), Err(Trouble::Unreadable { .. })));
        assert!(matches!(known(&dir.path().join("none")), Ok((None, Some(Kept::New)))));
        let damaged = dir.path().join("damaged");
        std::fs::write(&damaged, b"conclave audited and no more").unwrap();
        assert!(matches!(known(&damaged), Ok((None, Some(Kept::NotMine)))));
    }
}
