//! What `verify --state` needs: the auditor's credential, his state file before and behind.
//! Never goes on from a file that he did not sign himself.

use std::path::{Path, PathBuf};

use clap::Args;
use console::{PassphraseFd, SecretSource, Voice, cause_ru};
use link::terminal::TerminalError;
use pki::{CredentialFile, CurrentKeys, PublicKey};

use super::online::{Access, online};
use super::shown;
use crate::audit::Audit;
use crate::known::Known;
use crate::leaves::{self, Seen};
use crate::parallel::processors;
use crate::state::{self, Audited, NotKnown};
use crate::trouble::Trouble;
use crate::trust::Trust;

/// How a verification goes on from the one before.
#[derive(Args, Debug)]
pub struct Keeping {
    /// Go on from where your last audit ended, as this file says that you signed, and write it anew; the first time all is
    /// replayed.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Read only what is new in the bundle: its copy of what your state file has verified is not looked at, and the verdict
    /// says so. Keeps FILE.leaves, 32 bytes for each entry; the first time all is read.
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
               ru("проверенное вами раньше (записей: {size}) сверено по хешам и не повторялось");
        NoLeaves { file: String }
            => en("{file} does not hold what goes with the state file: what you have verified was read, too"),
               ru("{file} не содержит того, что нужно к файлу состояния: проверенное раньше тоже прочитано");
        NotBehind
            => en("what is new gave no verdict by itself: what you have verified was read, too"),
               ru("по одному новому вывода не получилось: проверенное раньше тоже прочитано");
        NotWritten { file: String, cause: String }
            => en("{file} CANNOT BE WRITTEN ({cause}): the next audit does not go on from this one"),
               ru("{file} НЕ ЗАПИСАН ({}): следующая проверка не продолжит эту", cause_ru(cause));
        NoLeavesWritten { file: String, cause: String }
            => en("{file} cannot be written ({cause}): the next --only-new reads everything"),
               ru("{file} не записан ({}): следующая проверка с --only-new прочитает всё", cause_ru(cause));
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
    pub(super) fn known(&self, trust: &Trust) -> Result<(Option<Audited>, Option<Kept>), Trouble> {
        known_of(&self.path, self.keys()?.signature().public(), trust)
    }

    /// What stands beside the state file for the entries that it has verified, where only what is new is wanted; or that
    /// nothing does. Without it everything is read: it is never an error.
    pub(super) fn seen(&self, known: &Known) -> Option<Result<Seen, Kept>> {
        let none = || Kept::NoLeaves { file: self.leaves() };
        self.only_new.then(|| leaves::read(&self.path, known, processors()).ok().flatten().ok_or_else(none))
    }

    fn leaves(&self) -> String {
        shown(&leaves::beside_state(&self.path))
    }

    /// Signs and writes what an audit came to; gives what is to be said of it.
    pub(super) fn keep(&self, audit: &Audit) -> Result<Vec<Kept>, Trouble> {
        let unsigned = |cause: String| Trouble::Unwritable { file: shown(&self.path), cause };
        let bytes =
            state::signed(audit, self.keys()?.signature()).map_err(|error| unsigned(error.to_string()))?;
        if let Err(error) = state::write(&self.path, &bytes) {
            return Ok(vec![Kept::NotWritten { file: shown(&self.path), cause: error.to_string() }]);
        }
        let size = audit.replay.tree().size();
        let mut said = vec![Kept::Written { size }];
        // They say nothing that the entries do not: an audit without them reads more, and that is all.
        if self.only_new
            && size != audit.unread
            && let Some(end) = audit.entries_end
            && let Err(error) = leaves::write(&self.path, audit.replay.tree(), end)
        {
            said.push(Kept::NoLeavesWritten { file: self.leaves(), cause: error.to_string() });
        }
        Ok(said)
    }

    fn keys(&self) -> Result<&CurrentKeys, Trouble> {
        self.file
            .credential()
            .current()
            .map_err(|error| Trouble::BadCertificates { file: "credential".into(), cause: error.to_string() })
    }
}

fn known_of(path: &Path, key: &PublicKey, trust: &Trust) -> Result<(Option<Audited>, Option<Kept>), Trouble> {
    let why = match state::read(path, key) {
        Ok(Some(audited)) if audited.log == trust.log => {
            let other = audited.known.is_none().then_some(Kept::OtherProgram);
            return Ok((Some(audited), other));
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
