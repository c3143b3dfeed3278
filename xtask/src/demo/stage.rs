//! Where the demo plays: its folder, its programs, and how a step is shown.
//! Never touches a folder that it did not make.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use super::people::Person;
use super::terminal::{self, Answer, Seen};

/// The file that marks a folder as ours.
const MARK: &str = ".conclave-demo";
const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// The folder, the programs' place, and the place of the agents' sockets.
pub(crate) struct Stage {
    /// The demo's folder, absolute.
    pub(crate) folder: PathBuf,
    /// Where the built programs are.
    pub(crate) programs: PathBuf,
    /// Short and private, because a socket's path may be 107 bytes long at most.
    pub(crate) runtime: PathBuf,
}

impl Stage {
    /// Takes the folder: empty, absent, or one of an earlier demo, which is cleared.
    pub(crate) fn take(root: &Path, folder: PathBuf) -> Result<Self> {
        if folder.exists() {
            if !folder.join(MARK).is_file() {
                bail!("{} is there and no demo made it: move it away", folder.display());
            }
            std::fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
        }
        let runtime = runtime_dir()?;
        for name in ["requests", "certificates", "people", "server"] {
            std::fs::create_dir_all(folder.join(name))
                .with_context(|| format!("cannot make {name} in {}", folder.display()))?;
        }
        std::fs::write(folder.join(MARK), "made by cargo xtask demo\n")?;
        Ok(Self { folder, programs: root.join("target/release"), runtime })
    }

    /// The home of a person's credential and site card.
    pub(crate) fn home(&self, person: &Person) -> PathBuf {
        self.folder.join("people").join(person.login)
    }

    /// The runtime directory of a person's terminal.
    pub(crate) fn runtime_of(&self, person: &Person) -> PathBuf {
        self.runtime.join(person.login)
    }

    /// A program, run in the demo's folder, speaking English, as nobody in particular.
    pub(crate) fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join(words[0]));
        command.args(&words[1..]).current_dir(&self.folder).env("CONCLAVE_LANG", "en");
        command
    }

    /// The same, at a person's terminal.
    pub(crate) fn program_of(&self, person: &Person, words: &[&str]) -> Command {
        let mut command = self.program(words);
        command.env("CONCLAVE_HOME", self.home(person)).env("XDG_RUNTIME_DIR", self.runtime_of(person));
        command
    }

    /// Shows and runs a step of the authority or the host; it must succeed.
    pub(crate) fn step(&self, words: &[&str], answers: &[Answer]) -> Result<String> {
        self.shown("", words, self.program(words), answers)
    }

    /// Shows and runs a person's step; it must succeed.
    pub(crate) fn as_person(&self, person: &Person, words: &[&str], answers: &[Answer]) -> Result<String> {
        self.shown(person.login, words, self.program_of(person, words), answers)
    }

    /// Shows and runs a person's step that must end with this exit code.
    pub(crate) fn ends_with(
        &self,
        code: i32,
        person: &Person,
        words: &[&str],
        answers: &[Answer],
    ) -> Result<()> {
        prompt(person.login, words);
        let seen = terminal::run(&mut self.program_of(person, words), answers, true)?;
        match seen.status.code() == Some(code) {
            true => Ok(()),
            false => bail!("`{}` ought to end with {code}, not with {}", words.join(" "), seen.status),
        }
    }

    /// Runs a person's step without showing it; it must succeed.
    pub(crate) fn quietly(&self, person: &Person, words: &[&str], answers: &[Answer]) -> Result<String> {
        let seen = terminal::run(&mut self.program_of(person, words), answers, false)?;
        succeeded(words, seen)
    }

    fn shown(&self, who: &str, words: &[&str], mut command: Command, answers: &[Answer]) -> Result<String> {
        prompt(who, words);
        let seen = terminal::run(&mut command, answers, true)?;
        succeeded(words, seen)
    }
}

fn succeeded(words: &[&str], seen: Seen) -> Result<String> {
    if !seen.status.success() {
        bail!("`{}` failed ({}):\n{}", words.join(" "), seen.status, seen.output);
    }
    Ok(seen.output)
}

/// A heading.
pub(crate) fn scene(title: &str) {
    println!("\n{BOLD}== {title}{PLAIN}");
}

/// A remark of the narrator.
pub(crate) fn remark(text: &str) {
    println!("{DIM}{text}{PLAIN}");
}

/// The command as a person types it.
fn prompt(who: &str, words: &[&str]) {
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    println!("{BOLD}{who}$ {}{PLAIN}", quoted.join(" "));
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@-_./:,=%+".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// A private folder with a short path.
fn runtime_dir() -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let base = std::env::temp_dir();
    let stamp = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let folder = base.join(format!("conclave-demo-{:x}", stamp.as_millis() & 0xff_ffff_ffff));
    let make = |path: &Path| {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot make {}", path.display()))
    };
    make(&folder)?;
    make(&folder.join("server"))?;
    for person in &super::people::PEOPLE {
        make(&folder.join(person.login))?;
    }
    Ok(folder)
}
