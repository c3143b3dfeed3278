//! `conclave-audit witness run`: a second machine that mirrors the log, compares, and only then cosigns.
//! Never cosigns what does not continue what it cosigned before, and never without having the entries itself.

mod key;
mod round;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use console::{Exit, Voice};
use journal::Origin;
use journal::witness::AddCheckpoint;
use link::terminal::{Terminal, TerminalError};
use pki::durable_file;
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::online::{Access, online, runtime};
use super::{ended, shown};
use crate::mirror::{BadMirror, Mirror};
use crate::names::hex;
use crate::trouble::Trouble;
use key::Witness;
use round::{End, Why, asked, diverged, round};

/// Between two looks at the log: well below the minute after which officers are alarmed.
const EVERY: Duration = Duration::from_secs(5);
/// Before the connection is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// What the server said that contradicts what was cosigned.
const CONTRADICTION: &str = "contradiction";

/// Be a witness of an appliance's log.
#[derive(Subcommand, Debug)]
#[allow(missing_docs, reason = "the help stands at the command's own struct")]
pub enum Command {
    #[command(after_help = "Example: conclave-audit witness run /srv/witness --once")]
    Run(Run),
}

/// Mirror the log and cosign its checkpoints, with a certificate of the role witness.
///
/// Ends by itself only when the log contradicts what was cosigned (3), with --once, or when it cannot go on; told to stop (TERM,
/// or Ctrl-C), it logs out and ends with 0. A contradiction that lies in DIR bars the next run too (3), until somebody moves it
/// elsewhere. Before the first run: an officer takes in certificate and envelope, and `conclave login --envelope` on this machine
/// sets the password.
#[derive(Args, Debug)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Run {
    /// Where the mirror is kept; made where there is none. One for each witness.
    pub dir: PathBuf,
    /// Cosign what there is now, and end.
    #[arg(long)]
    pub once: bool,
    #[command(flatten)]
    pub access: Access,
}

console::words! {
    enum Said {
        Begins { key: String, size: u64 }
            => en("witness, {size} entries cosigned so far; auditors add this key: conclave-audit trust witness FILE {key}"),
               ru("свидетель, заверено записей: {size}; аудиторы добавляют этот ключ: conclave-audit trust witness FILE {key}");
        Cosigned { size: u64, root: String }
            => en("cosigned: {size} entries, {root}"), ru("заверено записей: {size}, {root}");
        Diverged { why: String, file: String }
            => en("DIVERGED: {why}. Nothing more is cosigned. Tell the officers and the auditor; what the server said is kept in {file}"),
               ru("РАСХОЖДЕНИЕ: {why}. Больше ничего не заверяется. Сообщите офицерам и аудитору; сказанное сервером сохранено в {file}");
        Contradicted { file: String }
            => en("DIVERGED: {file} holds what the log signed against what was cosigned here. Nothing is cosigned while it lies there: give \
                   it to the officers and the auditor, and move it elsewhere only when it is explained"),
               ru("РАСХОЖДЕНИЕ: в {file} лежит то, что журнал подписал вопреки заверенному здесь. Пока он там, ничего не заверяется: \
                   отдайте его офицерам и аудитору и уберите в другое место, только когда причина ясна");
        Stopped => en("stopped"), ru("остановлен");
        Away { why: String }
            => en("{why}; trying again"), ru("{why}; будет новая попытка");
    }
}
#[derive(Serialize)]
struct Data {
    entries: u64,
    root: String,
    verifier_key: String,
}

/// What lies in the witness' directory, and bars it.
#[derive(Serialize)]
struct Kept {
    file: String,
}

/// What does not last is tried again.
fn away(error: TerminalError) -> End {
    if Exit::of_reason(&error.words().name) == Exit::Missing {
        End::Away(error)
    } else {
        End::Trouble(online(&error))
    }
}

/// The server does not say why it lets nobody in; a witness that never was in is to do first what only `conclave` does.
fn not_let_in(error: TerminalError) -> End {
    if !matches!(error, TerminalError::FirstLogin) {
        return away(error);
    }
    let words = error.words();
    let exit = Exit::of_reason(&words.name);
    Trouble::WitnessNotLetIn { code: words.name, exit, en: words.en, ru: words.ru }.into()
}

/// Runs it.
pub fn run(command: &Command, voice: Voice) -> Exit {
    match command {
        Command::Run(run) => ended("witness run", voice, work(run, voice)),
    }
}

fn work(run: &Run, voice: Voice) -> Result<Exit, Trouble> {
    prepare(&run.dir)?;
    if let Some(exit) = contradicted(run, voice) {
        return Ok(exit);
    }
    let card = run.access.card()?;
    let (mut terminal, proof) = run.access.open(card.clone(), voice)?;
    let witness = Witness::new(&terminal, &card)?;
    runtime()?.block_on(async {
        let mut told = Told::listening()?;
        // Giving up in the middle of a round loses nothing: what is not recorded is asked for again, and driving the
        // connection goes on where it stood.
        let done = tokio::select! {
            done = watch(&mut terminal, &witness, &proof, run, voice) => Some(done),
            () = told.stop_asked() => None,
        };
        terminal.close().await;
        done.unwrap_or_else(|| Ok(stopped(run, voice)))
    })
}

/// The verdict where a contradiction lies in the directory: it bars the witness until people have looked at it.
fn contradicted(run: &Run, voice: Voice) -> Option<Exit> {
    let kept = run.dir.join(CONTRADICTION);
    kept.symlink_metadata().ok()?;
    let (said, data) = (Said::Contradicted { file: shown(&kept) }, Kept { file: shown(&kept) });
    Some(voice.verdict("witness run", Exit::Diverged, "contradicted", &said, data))
}

/// The two signals that mean "stop in good order".
struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    fn listening() -> Result<Self, Trouble> {
        let listen = |kind| signal(kind).map_err(|error| unwritable(Path::new("signal"), &error));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn stop_asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A witness that was to run until it is told to stop has done what it was asked; one that was to cosign once has not, nor
/// one that was stopped in the middle of finding a contradiction.
fn stopped(run: &Run, voice: Voice) -> Exit {
    if let Some(exit) = contradicted(run, voice) {
        return exit;
    }
    voice.remark(&Said::Stopped);
    if run.once { Exit::No } else { Exit::Yes }
}

/// Makes the directory, for the owner alone, with its parents. Its name lasts before anything is said of what is in it.
fn prepare(dir: &Path) -> Result<(), Trouble> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.and_then(|()| durable_file::sync_name(dir)).map_err(|error| unwritable(dir, &error))
}

/// Connects for as long as it takes.
async fn watch(
    terminal: &mut Terminal,
    witness: &Witness,
    proof: &str,
    run: &Run,
    voice: Voice,
) -> Result<Exit, Trouble> {
    loop {
        match session(terminal, witness, proof, run, voice).await {
            Ok(exit) => return Ok(exit),
            Err(End::Trouble(trouble)) => return Err(trouble),
            Err(End::Away(error)) if run.once => return Err(online(&error)),
            Err(End::Away(error)) => {
                let words = error.words();
                voice.notice(&Said::Away { why: voice.lang.pick(words.en, words.ru) });
                terminal.hang_up();
                tokio::time::sleep(AGAIN).await;
            }
            Err(End::Diverged(why)) => {
                let why = console::Words::say(&why, voice.lang);
                let said = Said::Diverged { why, file: shown(&run.dir.join(CONTRADICTION)) };
                let data = Data { entries: 0, root: String::new(), verifier_key: witness.key.to_string() };
                return Ok(voice.verdict("witness run", Exit::Diverged, "diverged", &said, data));
            }
        }
    }
}

/// One connection.
async fn session(
    terminal: &mut Terminal,
    witness: &Witness,
    proof: &str,
    run: &Run,
    voice: Voice,
) -> Result<Exit, End> {
    terminal.connect().await.map_err(away)?;
    let ready = terminal.login(proof, run.access.end_other).await.map_err(not_let_in)?;
    if ready.must_set_password {
        return Err(Trouble::NoPasswordYet.into());
    }
    let mut kept: Option<(Origin, Mirror)> = None;
    // The server forgets what was cosigned when it starts anew: the first answer of a session is always brought.
    let mut brought = None;
    loop {
        let old = kept.as_ref().map_or(0, |(_, mirror)| mirror.last().size);
        let (mut request, bytes) = asked(terminal, old).await?;
        let origin = request.checkpoint.claimed().origin;
        if origin.log != witness.log {
            return Err(diverged(&run.dir, &bytes, Why::Unsigned));
        }
        if kept.as_ref().is_none_or(|(of, _)| *of != origin) {
            // An era is a log of its own to a witness: what was given up with the one before stays in its mirror.
            let mirror = mirror(run, witness, &request, &bytes)?;
            if kept.is_none() {
                voice.remark(&Said::Begins { key: witness.key.to_string(), size: mirror.last().size });
            }
            request = asked(terminal, mirror.last().size).await?.0;
            kept = Some((origin, mirror));
        }
        let Some((origin, mirror)) = &mut kept else { continue };
        // The key is that of the mirror's origin, whatever this answer claims to be of.
        let log = witness.key_in(*origin);
        let head = round(terminal, (witness, &log), mirror, &request, brought, &run.dir).await?;
        if brought != Some(head) {
            brought = Some(head);
            let (size, root) = (head.size, hex(&head.root));
            let data = Data { entries: size, root: root.clone(), verifier_key: witness.key.to_string() };
            let exit = voice.done("witness run", &Said::Cosigned { size, root }, data);
            if run.once || exit != Exit::Yes {
                return Ok(exit);
            }
        }
        rest(terminal).await?;
    }
}

/// The mirror of the era that a request is of. A log that is signed under a former era's name again is one rolled back.
fn mirror(run: &Run, witness: &Witness, request: &AddCheckpoint, bytes: &[u8]) -> Result<Mirror, End> {
    let origin = request.checkpoint.claimed().origin;
    let key = witness.key_in(origin);
    match Mirror::open(&run.dir, origin.era, &key) {
        Err(BadMirror::EraPassed { cosigned }) => {
            let signed = request.checkpoint.verify_by(&key).is_ok();
            let why = if signed { Why::EraPassed { has: origin.era, cosigned } } else { Why::Unsigned };
            Err(diverged(&run.dir, bytes, why))
        }
        opened => Ok(opened.map_err(|bad| unusable(&run.dir.join(format!("era-{}", origin.era)), &bad))?),
    }
}

/// Lets time pass, and the connection be looked after.
async fn rest(terminal: &mut Terminal) -> Result<(), End> {
    let until = tokio::time::Instant::now() + EVERY;
    while let Ok(news) = tokio::time::timeout_at(until, terminal.next()).await {
        if let link::terminal::News::Lost(error) = news {
            return Err(away(error));
        }
    }
    Ok(())
}

fn unwritable(dir: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Unwritable { file: shown(dir), cause: error.to_string() }
}

fn unusable(dir: &Path, bad: &BadMirror) -> Trouble {
    let file = shown(dir);
    match bad {
        BadMirror::Busy => Trouble::MirrorBusy { file },
        BadMirror::Io(error) => unwritable(dir, error),
        BadMirror::Journal(_)
        | BadMirror::Checkpoint
        | BadMirror::Contradiction { .. }
        | BadMirror::EraPassed { .. } => Trouble::BadMirror { file, cause: bad.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: Run,
    }

    #[test]
    fn a_witness_that_is_stopped_over_a_contradiction_does_not_end_well() {
        let dir = tempfile::tempdir().unwrap();
        let run =
            |more: &[&str]| Line::parse_from([&["witness", dir.path().to_str().unwrap()], more].concat()).run;
        let voice = Voice { lang: console::Lang::En, json: false };
        assert_eq!(stopped(&run(&[]), voice), Exit::Yes);
        assert_eq!(stopped(&run(&["--once"]), voice), Exit::No);
        std::fs::write(dir.path().join(CONTRADICTION), b"what the log signed").unwrap();
        assert_eq!(stopped(&run(&[]), voice), Exit::Diverged);
        assert_eq!(stopped(&run(&["--once"]), voice), Exit::Diverged);
    }
}
