//! Command by command: gives one and waits for what comes of it; what comes beside it is kept.
//! Never waits for ever where a server owes an answer at once: that is lost after [`ANSWER_TIMEOUT`].

use super::{News, Terminal, TerminalError};
use protocol::client::command::LoginWith;
use protocol::client::event::Ready;
use protocol::client::{Command, CommandId, Event, Reply, SecretText};
use protocol::query::Query;
use std::time::Duration;

/// Events that came while a request waited, kept for [`Terminal::take_kept`]; older ones are dropped.
pub const KEPT_EVENTS_MAX: usize = 1024;
/// Questions asked ahead whose answers nobody has taken yet.
pub const AHEAD_MAX: usize = 64;
/// Longest wait for an answer of [`Terminal::connect`], [`Terminal::login`] and [`Terminal::close`].
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

impl Terminal {
    /// Connects and waits for the server's greeting.
    pub async fn connect(&mut self) -> Result<(), TerminalError> {
        let link = self.dial().await?;
        self.attach(link);
        self.until(|event| matches!(event, Event::Greeted).then_some(Ok(()))).await
    }

    /// Logs in with the proof of the password (`pki::password::login_proof`).
    pub async fn login(&mut self, proof: &str, end_other: bool) -> Result<Ready, TerminalError> {
        let password = SecretText::from(proof);
        let id = self.give(Command::Login(LoginWith { password, end_other }));
        self.until(|event| {
            if let Event::Ready(ready) = event {
                return Some(Ok(ready.clone()));
            }
            failure_of(event, id).map(Err)
        })
        .await
        .map_err(|error| self.login_error(error))
    }

    /// Gives a command and waits for its result; other events are kept for [`Self::take_kept`]. There is no limit of
    /// time: a big file takes as long as it takes, and a dead connection ends itself.
    pub async fn request(&mut self, command: Command) -> Result<Reply, TerminalError> {
        let id = self.give(command);
        loop {
            let event = self.next_connected().await?;
            if let Some(error) = failure_of(&event, id) {
                return Err(error);
            }
            if let Event::Done(of, reply) = event {
                if of == id {
                    return Ok(reply);
                }
            } else {
                self.keep(event);
            }
        }
    }

    /// Asks, and waits for nothing: [`Self::answer_ahead`] gives the answers in the order of the questions.
    pub fn ask_ahead(&mut self, query: Query) -> Result<(), TerminalError> {
        if self.ahead.len() >= AHEAD_MAX {
            return Err(TerminalError::Command(protocol::client::Error::Busy));
        }
        let id = self.give(Command::Ask(query));
        self.ahead.push_back((id, None));
        Ok(())
    }

    /// Waits for the answer to the oldest question that was asked ahead.
    pub async fn answer_ahead(&mut self) -> Result<Reply, TerminalError> {
        loop {
            match self.ahead.pop_front() {
                None => return Err(TerminalError::Command(protocol::client::Error::NotReady)),
                Some((_, Some(answered))) => return answered,
                Some(waiting) => self.ahead.push_front(waiting),
            }
            let event = self.next_connected().await?;
            self.keep(event);
        }
    }

    /// Events that came while requests waited, oldest first.
    pub fn take_kept(&mut self) -> Vec<Event> {
        self.kept.drain(..).collect()
    }

    /// Logs out and closes the connection, telling the server where it still listens.
    pub async fn close(mut self) {
        if self.is_ready() {
            let _ = tokio::time::timeout(ANSWER_TIMEOUT, self.request(Command::Logout)).await;
        }
        if let Some(wire) = self.wire.take() {
            wire.close().await;
        }
    }

    /// Waits for one thing; events that are not it are kept.
    async fn until<T>(
        &mut self,
        mut wanted: impl FnMut(&Event) -> Option<Result<T, TerminalError>>,
    ) -> Result<T, TerminalError> {
        let waiting = async {
            loop {
                let event = self.next_connected().await?;
                match wanted(&event) {
                    Some(found) => return found,
                    None => self.keep(event),
                }
            }
        };
        tokio::time::timeout(ANSWER_TIMEOUT, waiting).await.unwrap_or(Err(TerminalError::NoAnswer))
    }

    async fn next_connected(&mut self) -> Result<Event, TerminalError> {
        if self.wire.is_none() && self.events.is_empty() {
            return Err(TerminalError::Closed);
        }
        match self.next().await {
            News::Event(Event::Distrust(distrust)) => Err(TerminalError::Distrust(Box::new(distrust))),
            News::Event(Event::Ended(code)) => Err(TerminalError::Ended { code }),
            News::Event(event) => Ok(event),
            News::Lost(error) => Err(error),
        }
    }

    fn keep(&mut self, event: Event) {
        let Some(event) = self.take_ahead(event) else { return };
        if self.kept.len() == KEPT_EVENTS_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(event);
    }

    /// Lays an answer to what was asked ahead aside; gives back what is none.
    fn take_ahead(&mut self, event: Event) -> Option<Event> {
        let (id, answered) = if let Event::Done(id, reply) = event {
            (id, Ok(reply))
        } else if let Event::Failed(id, error) = event {
            (id, Err(error))
        } else {
            return Some(event);
        };
        let Some((_, place)) = self.ahead.iter_mut().find(|(asked, _)| *asked == id) else {
            return Some(match answered {
                Ok(reply) => Event::Done(id, reply),
                Err(error) => Event::Failed(id, error),
            });
        };
        *place = Some(answered.map_err(TerminalError::Command));
        None
    }
}

/// Why the command of this number was not done, if the event says that.
fn failure_of(event: &Event, id: CommandId) -> Option<TerminalError> {
    let Event::Failed(of, error) = event else { return None };
    (*of == id).then(|| TerminalError::Command(error.clone()))
}
