//! A command's line to the agent: blocking, one request at a time.
//! Never starts an agent by itself.

use crate::agent::place;
use crate::agent::wire::{self, Ask, Status, Tell, VERSION};
use crate::home::Home;
use crate::trouble::Trouble;
use console::{Exit, Voice};
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
        match line.ask(&Ask::Hello(VERSION))? {
            Tell::Hello(VERSION, _) => Ok(line),
            Tell::Hello(..) => Err(Trouble::say(
                Exit::Missing,
                "agent-version",
                "the agent is of another version; `conclave logout` and log in again",
                "агент другой версии; выполните `conclave logout` и войдите заново",
            )),
            Tell::Failed(failure) => Err(failure.into()),
            Tell::Status(_)
            | Tell::Unlocked(_)
            | Tell::PasswordSet(_)
            | Tell::Locked(_)
            | Tell::Event(_)
            | Tell::Done(_)
            | Tell::Waiting
            | Tell::Found(..) => Err(Trouble::odd_answer()),
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

    /// Hears the next thing.
    pub(crate) fn hear(&mut self) -> Result<Tell, Trouble> {
        wire::read(&mut self.stream).map_err(|error| gone(&error))
    }

    /// Says something and hears one thing.
    pub(crate) fn ask(&mut self, ask: &Ask) -> Result<Tell, Trouble> {
        self.say(ask)?;
        self.hear()
    }

    /// How the agent stands.
    pub(crate) fn status(&mut self) -> Result<Status, Trouble> {
        match self.ask(&Ask::Status)? {
            Tell::Status(status) => Ok(*status),
            other => Err(failure_in(other)),
        }
    }

    /// Messages the agent holds.
    pub(crate) fn found(&mut self, ask: &Ask) -> Result<(Vec<MessageView>, bool), Trouble> {
        match self.ask(ask)? {
            Tell::Found(messages, more) => Ok((messages, more)),
            other => Err(failure_in(other)),
        }
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
                other => return Err(failure_in(other)),
            }
        }
    }
}

fn gone(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Trouble::say(
            Exit::Missing,
            "agent-slow",
            "the agent does not answer in time",
            "агент не отвечает вовремя",
        ),
        _ => Trouble::say(
            Exit::Missing,
            "agent-gone",
            "the agent is gone; `conclave login` starts it again",
            "агент завершился; его запускает `conclave login`",
        ),
    }
}

/// The failure that was told, where another answer was hoped for.
pub(crate) fn failure_in(tell: Tell) -> Trouble {
    match tell {
        Tell::Failed(failure) => failure.into(),
        Tell::Hello(..)
        | Tell::Status(_)
        | Tell::Unlocked(_)
        | Tell::PasswordSet(_)
        | Tell::Locked(_)
        | Tell::Event(_)
        | Tell::Done(_)
        | Tell::Waiting
        | Tell::Found(..) => Trouble::odd_answer(),
    }
}
