//! A command's line to the agent: blocking, one request at a time.
//! Never starts an agent by itself.

use crate::agent::place;
use crate::agent::wire::{self, Ask, Status, Tell, VERSION};
use crate::home::Home;
use crate::trouble::Trouble;
use console::{Exit, Voice, clean};
use protocol::client::event::MessageView;
use protocol::client::{Command, Event, Reply, SecretBytes};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// See the module.
pub(crate) struct Line {
    stream: UnixStream,
    voice: Voice,
}

/// The runtime directory of this user.
pub(crate) fn runtime() -> PathBuf {
    place::runtime_dir(|name| std::env::var(name).ok())
}

impl Line {
    /// To the agent of this home.
    pub(crate) fn open(home: &Home, voice: Voice) -> Result<Self, Trouble> {
        let path = place::socket(&place::agent_dir(&runtime(), home.path()));
        match UnixStream::connect(&path) {
            Ok(stream) => Self::over(stream, voice),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Err(Trouble::no_agent())
            }
            Err(error) => Err(Trouble::io(&path, &error)),
        }
    }

    /// Over a stream that stands already.
    pub(crate) fn over(stream: UnixStream, voice: Voice) -> Result<Self, Trouble> {
        let mut line = Self { stream, voice };
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
        self.say(&Ask::Run(Box::new(command)))?;
        loop {
            match self.hear()? {
                Tell::Done(reply) => return Ok(*reply),
                Tell::Event(event) => {
                    if let Event::KeyChanged(.., login) = &*event {
                        self.voice.remark(&key_changed(login));
                        continue;
                    }
                    if let Some(piece) = on(*event)? {
                        self.say(&Ask::Chunk(piece))?;
                    }
                }
                Tell::Waiting => self.voice.remark(&Trouble::say(
                    Exit::Yes,
                    "waiting",
                    "no connection just now; waiting for it (Ctrl-C leaves it to the agent)",
                    "сейчас нет связи; ожидание (Ctrl-C оставит это агенту)",
                )),
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
