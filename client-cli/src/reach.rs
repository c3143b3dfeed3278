//! A command's line to the agent: blocking, one request at a time. Says to its person when the server is waited for.
//! Never starts an agent by itself.

use crate::agent::parts::joined;
use crate::agent::pending::{is_kept, kind};
use crate::agent::place;
use crate::agent::wire::{self, Ask, Status, Tell, Unlock, Unlocked, VERSION};
use crate::closed;
use crate::home::Home;
use crate::show;
use crate::trouble::Trouble;
use console::when::minute;
use console::{Exit, Lang, Voice, clean};
use link::terminal::CLOCK_BEHIND;
use pki::PersonId;
use protocol::client::command::Send;
use protocol::client::event::{ClosedView, MessageView, SuccessionView};
use protocol::client::{Command, Event, Reply, SecretBytes};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// See the module.
pub(crate) struct Line {
    stream: UnixStream,
    voice: Voice,
    /// Something was answered from memory.
    stale: bool,
    /// Its person knows what becomes of the act under way.
    told: bool,
}

console::words! {
    enum Said {
        Waiting => en("no connection just now; trying for a few seconds"),
                   ru("сейчас нет связи; несколько секунд ждём её");
        Slow => en("the server has not answered yet; waiting (Ctrl-C gives up)"),
                ru("сервер пока не отвечает; ожидание (Ctrl-C — отказаться)");
        Kept
            => en("not sent yet: there is no answer from the server. The agent has it in memory and sends it when the \
                   server is back; Ctrl-C leaves it to the agent. Logging out or locking loses it."),
               ru("пока не отправлено: сервер не отвечает. Это в памяти агента и уйдёт, когда появится связь; Ctrl-C \
                   оставит это агенту. Выход и блокировка сотрут неотправленное.");
        Left
            => en("left to the agent: it goes when the server is back; `conclave status` lists it"),
               ru("оставлено агенту: уйдёт, когда появится связь; список показывает `conclave status`");
        Stale { time: String }
            => en("no connection to the server: this is from memory, as of {time}"),
               ru("нет связи с сервером: показано из памяти, по состоянию на {time}");
    }
}

/// The runtime directory of this user.
pub(crate) fn runtime() -> PathBuf {
    place::runtime_dir(|name| std::env::var(name).ok())
}

impl Line {
    /// To the agent of this home.
    pub(crate) fn open(home: &Home, voice: Voice) -> Result<Self, Trouble> {
        let runtime = runtime();
        let dir = place::agent_dir(&runtime, home.path());
        match place::connect(&runtime, &dir) {
            Ok(stream) => Self::over(stream, voice),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(Trouble::foreign_place(&dir))
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Err(Trouble::no_agent())
            }
            Err(error) => Err(Trouble::io(&dir, &error)),
        }
    }

    /// Over a stream that stands already.
    pub(crate) fn over(stream: UnixStream, voice: Voice) -> Result<Self, Trouble> {
        let mut line = Self { stream, voice, stale: false, told: false };
        let Tell::Hello(version, _) = line.ask(&Ask::Hello(VERSION))? else {
            return Err(Trouble::odd_answer());
        };
        match version == VERSION {
            true => Ok(line),
            false => Err(Trouble::say(
                Exit::Missing,
                "agent-version",
                "the agent is of another version; `conclave logout` and log in again",
                "агент другой версии; выполните `conclave logout` и войдите заново",
            )),
        }
    }

    /// How its person is spoken to.
    pub(crate) fn voice(&self) -> Voice {
        self.voice
    }

    /// How long [`Self::hear`] waits.
    pub(crate) fn patience(&self, limit: Option<Duration>) {
        // Fails only for a limit of zero.
        let _ = self.stream.set_read_timeout(limit);
    }

    /// Says something.
    pub(crate) fn say(&mut self, ask: &Ask) -> Result<(), Trouble> {
        wire::write(&mut self.stream, ask).map_err(|error| gone(&error))
    }

    /// Hears the next thing; a failure that is told is an error.
    pub(crate) fn hear(&mut self) -> Result<Tell, Trouble> {
        let tell = wire::read(&mut self.stream).map_err(|error| gone(&error))?;
        if let Tell::Failed(failure) = tell {
            return Err(failure.into());
        }
        Ok(tell)
    }

    /// Says something and hears one thing.
    pub(crate) fn ask(&mut self, ask: &Ask) -> Result<Tell, Trouble> {
        self.say(ask)?;
        self.hear()
    }

    /// How the agent stands.
    pub(crate) fn status(&mut self) -> Result<Status, Trouble> {
        let Tell::Status(status) = self.ask(&Ask::Status)? else { return Err(Trouble::odd_answer()) };
        Ok(*status)
    }

    /// Messages the agent holds.
    pub(crate) fn found(&mut self, ask: &Ask) -> Result<(Vec<MessageView>, bool), Trouble> {
        let Tell::Found(messages, more) = self.ask(ask)? else { return Err(Trouble::odd_answer()) };
        Ok((messages, more))
    }

    /// Runs a command to its end.
    pub(crate) fn run(&mut self, command: Command) -> Result<Reply, Trouble> {
        self.run_with(command, |_| Ok(None))
    }

    /// Runs a command to its end; `on` hears its events and may answer with bytes of a file.
    pub(crate) fn run_with(
        &mut self,
        command: Command,
        mut on: impl FnMut(Event) -> Result<Option<SecretBytes>, Trouble>,
    ) -> Result<Reply, Trouble> {
        let kept = is_kept(kind(&command));
        self.say(&Ask::Run(Box::new(command)))?;
        self.until_done(kept, &mut on)
    }

    /// Sends a message into the private conversation with a person, which may not be there yet.
    pub(crate) fn send_to(&mut self, person: PersonId, send: Send) -> Result<Reply, Trouble> {
        self.say(&Ask::SendTo(person, Box::new(send)))?;
        self.until_done(true, &mut |_| Ok(None))
    }

    /// Whether something was answered from memory.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// A script that asks for what is there now gets that or an error.
    pub(crate) fn fresh_for_scripts(&self) -> Result<(), Trouble> {
        if self.stale && self.voice.json { Err(Trouble::no_connection()) } else { Ok(()) }
    }

    /// Asks for a login and hears what it brings: what everybody has to know first, then that it stands.
    pub(crate) fn unlock(&mut self, unlock: Unlock) -> Result<Unlocked, Trouble> {
        self.say(&Ask::Unlock(unlock))?;
        loop {
            let tell = self.hear()?;
            if let Tell::Unlocked(unlocked) = tell {
                return Ok(unlocked);
            }
            if !matches!(&tell, Tell::Event(event) if self.noticed(event)) {
                return Err(Trouble::odd_answer());
            }
        }
    }

    /// Says what nobody goes on before having read. Whether it was such a thing.
    fn noticed(&self, event: &Event) -> bool {
        if let Event::KeyChanged(.., login) = event {
            self.voice.remark(&key_changed(login));
        } else if let Event::Succession(view) = event {
            self.voice.remark(&succeeded(view));
        } else if let Event::LogClosed(view) = event {
            self.voice.remark(&log_closed(view));
        } else if let Event::ClockAhead(index) = event {
            self.voice.remark(&clock_ahead(*index));
        } else {
            return false;
        }
        true
    }

    /// `kept`: the agent brings it to its end alone.
    fn until_done(
        &mut self,
        kept: bool,
        on: &mut impl FnMut(Event) -> Result<Option<SecretBytes>, Trouble>,
    ) -> Result<Reply, Trouble> {
        let mut heard = None;
        loop {
            match self.hear()? {
                Tell::Part(reply) => heard = Some(joined(heard, *reply)?),
                Tell::Done(reply) => return joined(heard, *reply),
                Tell::Event(event) => {
                    if self.noticed(&event) {
                        continue;
                    }
                    if let Some(piece) = on(*event)? {
                        self.say(&Ask::Chunk(piece))?;
                    }
                }
                Tell::Waiting(_) if kept => {
                    if !std::mem::replace(&mut self.told, true) {
                        say_on_interrupt(self.voice);
                        self.voice.notice(&Said::Kept);
                    }
                }
                Tell::Waiting(true) => self.voice.notice(&Said::Slow),
                Tell::Waiting(false) => self.voice.notice(&Said::Waiting),
                Tell::Stale(at_ms) => {
                    if !self.stale {
                        self.voice.remark(&Said::Stale { time: minute(at_ms) });
                    }
                    self.stale = true;
                }
                Tell::Hello(..)
                | Tell::Status(_)
                | Tell::Unlocked(_)
                | Tell::PasswordSet(_)
                | Tell::Locked(_)
                | Tell::Failed(_)
                | Tell::Found(..) => return Err(Trouble::odd_answer()),
            }
        }
    }
}

/// A command that the agent tells this goes on: it is a notice, and the act that changed the key is in the journal.
fn key_changed(login: &str) -> Trouble {
    let login = clean(login);
    Trouble::say(
        Exit::Yes,
        "key-changed",
        format!("NOTICE: @{login} has a new key, certified by the authority; what follows is for that key"),
        format!(
            "ВНИМАНИЕ: у @{login} новый ключ, заверенный удостоверяющим центром; дальнейшее шифруется для него"
        ),
    )
}

/// Nobody goes on before he has read this once.
fn succeeded(view: &SuccessionView) -> Trouble {
    let say = |lang| show::succession(view, lang);
    Trouble::say(Exit::Yes, "succession", say(Lang::En), say(Lang::Ru))
}

/// What comes is not said here any more.
fn log_closed(view: &ClosedView) -> Trouble {
    let say = |lang| closed::notice(view, lang);
    Trouble::say(Exit::Yes, "log-closed", say(Lang::En), say(Lang::Ru))
}

/// What the agent held is gone, and why.
fn clock_ahead(index: u64) -> Trouble {
    let say = |lang| show::clock_ahead(index, lang);
    Trouble::say(Exit::Yes, CLOCK_BEHIND, say(Lang::En), say(Lang::Ru))
}

/// From here on Ctrl-C says what becomes of the act before it ends this command. Returns when that is so.
fn say_on_interrupt(voice: Voice) {
    let (armed, wait) = channel();
    let listen = move || -> Option<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        runtime.block_on(async {
            let mut interrupts = signal(SignalKind::interrupt()).ok()?;
            armed.send(()).ok()?;
            interrupts.recv().await?;
            voice.notice(&Said::Left);
            // Nothing of this command's is half done: the agent has the whole act.
            std::process::exit(Exit::Missing.code().into())
        })
    };
    // Without the thread Ctrl-C ends the command all the same; what becomes of the act is said in any case.
    if std::thread::Builder::new().spawn(listen).is_ok() {
        let _ = wait.recv();
    }
}

fn gone(error: &io::Error) -> Trouble {
    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        let words = ("the agent does not answer in time", "агент не отвечает вовремя");
        return Trouble::say(Exit::Missing, "agent-slow", words.0, words.1);
    }
    Trouble::say(
        Exit::Missing,
        "agent-gone",
        "the agent is gone; `conclave login` starts it again",
        "агент завершился; его запускает `conclave login`",
    )
}
