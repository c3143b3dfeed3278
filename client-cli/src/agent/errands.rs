//! What the agent does by itself as the session speaks: log in, reconnect, learn the policy, hold messages.
//! Never answers a command with something that is not in the journal.

use super::awaiting::Awaiting;
use super::core::Agent;
use super::first::Outcome;
use super::pending::{ConnectionId, Errand, For, Pending};
use super::wire::{Tell, Unlocked};
use crate::trouble::Trouble;
use journal::policy::Policy;
use link::terminal::{TerminalError, now_ms};
use pki::{PersonId, canonical};
use protocol::Code;
use protocol::answer::Answer;
use protocol::client::command::LoginWith;
use protocol::client::event::Ready;
use protocol::client::{Command, CommandId, Error, Event, Reply};
use protocol::query::Query;

/// Conversations whose newest messages are fetched after a login, for `search`.
const PREFETCH_MAX: usize = 200;
/// For so long a file on its way keeps the agent from locking: a slow one is finished, a server that never finishes one
/// does not hold the agent open.
const TRANSFER_AWAKE_MS: u64 = 60 * 60 * 1000;
/// Changed keys that wait to be told.
const NOTICES_MAX: usize = 256;

impl Agent {
    pub(super) async fn event(&mut self, event: Event) {
        match event {
            Event::Greeted => self.greeted(),
            Event::Ready(ready) => self.ready(&ready).await,
            Event::Done(id, reply) => self.done(id, reply).await,
            Event::Failed(id, error) => self.failed(id, error).await,
            Event::Distrust(distrust) => {
                let trouble = TerminalError::Distrust(Box::new(distrust.clone())).into();
                self.mention(Event::Distrust(distrust));
                self.give_up(&trouble).await;
            }
            Event::Ended(code) => self.ended(code).await,
            Event::ChunkWanted(id, ..) | Event::FileChunk(id, ..) | Event::Progress(id, ..) => {
                self.about_file(id, event).await;
            }
            Event::Message(view) => {
                self.hold([(*view).clone()]);
                let me = self.person();
                if let Some(work) = &mut self.work {
                    work.memory.message(&view, me);
                }
                self.mention(Event::Message(view));
            }
            Event::Erased(conversation, indices, by) => {
                if let Some(work) = &mut self.work {
                    work.store.erase(conversation, &indices);
                    if indices.is_empty() {
                        work.memory.forget_conversation(conversation);
                    }
                }
                self.mention(Event::Erased(conversation, indices, by));
            }
            Event::Ran(run) => {
                if let Some(work) = &mut self.work {
                    work.store.fall(&run);
                }
                self.mention(Event::Ran(run));
            }
            Event::ClockAhead(_) => {
                if let Some(work) = &mut self.work {
                    work.store.let_go();
                    work.memory.forget_conversations();
                }
                self.behind(false);
                self.prefetch();
                self.clock_ahead(event).await;
            }
            Event::CaughtUp => {
                self.behind(false);
                self.mention(event);
            }
            Event::Lagging(_) => {
                self.behind(true);
                self.prefetch();
                self.mention(event);
            }
            Event::KeyChanged(..) => self.key_changed(event).await,
            Event::Succession(view) => {
                if let Some(work) = &mut self.work {
                    work.store.succeed(view.kept, view.seen);
                    work.memory.forget_conversations();
                }
                self.key_changed(Event::Succession(view)).await;
            }
            Event::LogClosed(_) => self.key_changed(event).await,
            Event::Approved(_) => {
                self.learn_policy();
                self.mention(event);
            }
            Event::Conversation(_)
            | Event::Invited(_)
            | Event::ReadBy(..)
            | Event::AcknowledgedBy(..)
            | Event::ErasureDone(..)
            | Event::Ordered(_)
            | Event::Revoked(_)
            | Event::Alarm(_)
            | Event::Disclosed(..)
            | Event::MissingBody(..)
            | Event::BadWrap(..)
            | Event::Dropped(..) => self.mention(event),
        }
    }

    fn behind(&mut self, behind: bool) {
        if let Some(work) = &mut self.work {
            work.store.set_behind(behind);
        }
    }

    fn person(&self) -> PersonId {
        PersonId(self.me.as_ref().map_or(0, |me| me.person))
    }

    fn hold(&mut self, messages: impl IntoIterator<Item = protocol::client::event::MessageView>) {
        if let Some(work) = &mut self.work {
            messages.into_iter().for_each(|message| work.store.hold(message));
        }
    }

    fn greeted(&mut self) {
        let Some(work) = &mut self.work else { return };
        // A reconnect never ends another session: what is left of ours ends by itself or with the server's start.
        let end_other = work.unlocker.is_some_and(|(_, end_other)| end_other);
        let password = work.proof.text();
        work.errand(Command::Login(LoginWith { password, end_other }), Errand::Login);
    }

    async fn ready(&mut self, ready: &Ready) {
        let Some(work) = &mut self.work else { return };
        work.retry.succeeded();
        let unlocker = work.unlocker.take();
        work.store.set_behind(true);
        (self.login, self.entries, self.trouble) = (ready.login, ready.head.size, None);
        self.must_set_password = ready.must_set_password;
        self.unlocked();
        if !ready.must_set_password {
            self.learn();
        }
        self.go_on();
        if let Some((id, _)) = unlocker {
            // Before he goes on, and be it his first login ever.
            for notice in std::mem::take(&mut self.notices) {
                self.tell(id, Tell::Event(Box::new(notice))).await;
            }
            let must_set_password = ready.must_set_password;
            let told = Unlocked { must_set_password, login: ready.login, entries: ready.head.size };
            self.tell(id, Tell::Unlocked(told)).await;
        }
    }

    /// Told like a changed key, once while nobody has heard of it.
    async fn clock_ahead(&mut self, event: Event) {
        self.notices.retain(|notice| !matches!(notice, Event::ClockAhead(_)));
        self.key_changed(event).await;
    }

    /// A key that changed, or what was given up, is told to whoever works now, or to the next command: before a person goes on, he is to know.
    async fn key_changed(&mut self, event: Event) {
        self.mention(event.clone());
        let Some(work) = &self.work else { return };
        let working = working(self.connections.keys().copied(), &work.pending, &work.awaiting);
        if working.is_empty() {
            if self.notices.len() == NOTICES_MAX {
                self.notices.pop_front();
            }
            return self.notices.push_back(event);
        }
        for id in working {
            self.tell(id, Tell::Event(Box::new(event.clone()))).await;
        }
    }

    /// Asks for what the agent needs to know of the site.
    pub(super) fn learn(&mut self) {
        self.learn_policy();
        if let Some(work) = &mut self.work {
            work.errand(Command::People, Errand::People);
        }
        self.prefetch();
    }

    fn learn_policy(&mut self) {
        if let Some(work) = &mut self.work {
            work.errand(Command::Ask(Query::Policy), Errand::Policy);
        }
    }

    fn prefetch(&mut self) {
        let corresponds = self.me.as_ref().is_some_and(|me| {
            me.roles.iter().any(|role| role == pki::Role::Operator.name() || role == pki::Role::Bot.name())
        });
        if let Some(work) = &mut self.work
            && corresponds
        {
            work.errand(Command::Conversations, Errand::Conversations);
        }
    }

    fn prefetch_next(&mut self) {
        if let Some(work) = &mut self.work
            && let Some(next) = work.prefetch.pop_front()
        {
            work.errand(Command::MessagesBefore(next, u64::MAX), Errand::Messages);
        }
    }

    async fn done(&mut self, id: CommandId, reply: Reply) {
        let Some(work) = &mut self.work else { return };
        let Outcome::Other(reply) = work.first_step(id, reply) else { return };
        work.patience.end(id);
        work.memory.keep(&reply);
        match work.pending.end(id, None) {
            Some(For::Connection(connection)) => {
                if let Reply::Messages(messages, _) = &reply {
                    self.hold(messages.iter().cloned());
                }
                self.tell_done(connection, reply).await;
            }
            Some(For::Agent(errand)) => self.errand_done(errand, reply).await,
            Some(For::Nobody) | None => {}
        }
    }

    async fn errand_done(&mut self, errand: Errand, reply: Reply) {
        match errand {
            Errand::Login | Errand::Logout | Errand::People => {}
            Errand::SetPassword => self.password_admitted().await,
            Errand::Policy => self.policy(&reply).await,
            Errand::Conversations => {
                let (Reply::Conversations(all), Some(work)) = (reply, &mut self.work) else { return };
                let open = all.iter().filter(|one| one.closed.is_none() && one.last > 0);
                work.prefetch = open.map(|one| one.id).take(PREFETCH_MAX).collect();
                self.prefetch_next();
            }
            Errand::Messages => {
                if let Reply::Messages(messages, _) = reply {
                    self.hold(messages);
                }
                self.prefetch_next();
            }
        }
    }

    async fn failed(&mut self, id: CommandId, error: Error) {
        let Some(work) = &mut self.work else { return };
        let whom = work.whom(id);
        work.patience.end(id);
        work.first.remove(&id);
        let refused = TerminalError::Command(error.clone());
        let mut trouble = Trouble::from(match whom {
            For::Agent(Errand::Login) => work.terminal.login_error(refused),
            For::Agent(_) | For::Connection(_) | For::Nobody => refused,
        });
        if let Error::CannotReceive { person } = &error
            && let Some(login) = work.memory.login(*person)
        {
            trouble = Trouble::cannot_receive(&login);
        }
        work.pending.end(id, Some((&trouble).into()));
        match whom {
            For::Connection(connection) => self.fail(connection, &trouble).await,
            For::Agent(Errand::Login) => self.login_failed(&error, trouble).await,
            For::Agent(Errand::SetPassword) => {
                let Some(work) = &mut self.work else { return };
                work.next_proof = None;
                if let Some((connection, _)) = work.setting.take() {
                    self.fail(connection, &trouble).await;
                }
            }
            For::Agent(Errand::Policy) => self.policy_failed(&trouble).await,
            For::Agent(Errand::Messages) => self.prefetch_next(),
            For::Agent(Errand::Conversations | Errand::People | Errand::Logout) | For::Nobody => {}
        }
    }

    /// A refused first login locks again. A refused reconnect locks where no further try would help.
    async fn login_failed(&mut self, error: &Error, trouble: Trouble) {
        const SESSION_LIVE: u16 = 120;
        let Some(work) = &mut self.work else { return };
        let passing = [SESSION_LIVE, Code::Busy.number(), Code::Stopping.number()];
        let may_pass = *error == Error::NotReady || passing.iter().any(|code| error.is_refusal(*code));
        if work.unlocker.is_some() || !may_pass {
            return self.give_up(&trouble).await;
        }
        self.trouble = Some((&trouble).into());
        // Lost before it was answered: whoever noticed that dials again.
        if *error != Error::NotReady {
            work.terminal.hang_up();
            work.dial_later();
        }
    }

    /// The server ends the session. Where it means this person, the agent locks; else the loss of the connection that
    /// follows makes it dial again.
    async fn ended(&mut self, code: u16) {
        let trouble = Trouble::from(TerminalError::Ended { code });
        let passing = [Code::Busy, Code::Stopping, Code::Idle, Code::Protocol].map(Code::number);
        let for_good = code != 0 && !passing.contains(&code);
        self.mention(Event::Ended(code));
        self.trouble = Some((&trouble).into());
        if for_good {
            self.give_up(&trouble).await;
        }
    }

    async fn about_file(&mut self, id: CommandId, event: Event) {
        let Some(work) = &mut self.work else { return };
        let waits_ms = now_ms().saturating_sub(work.pending.given_ms(id));
        match work.whom(id) {
            For::Connection(connection) if waits_ms < TRANSFER_AWAKE_MS => {
                self.used();
                self.tell(connection, Tell::Event(Box::new(event))).await;
            }
            For::Connection(connection) => self.tell(connection, Tell::Event(Box::new(event))).await,
            // Nobody is left to read the file: an empty piece ends the transfer.
            For::Nobody if matches!(event, Event::ChunkWanted(..)) => {
                work.terminal.give_chunk(id, protocol::client::SecretBytes::default());
            }
            For::Nobody | For::Agent(_) => {}
        }
    }
}

/// Whose command has no result yet, in the session or waiting for one: he goes on, as it is, without asking anew.
fn working(
    connections: impl Iterator<Item = ConnectionId>,
    pending: &Pending,
    awaiting: &Awaiting,
) -> Vec<ConnectionId> {
    connections.filter(|id| pending.of(*id).is_some() || awaiting.holds(*id)).collect()
}

/// The policy in an answer.
pub(crate) fn policy_of(reply: &Reply) -> Option<Policy> {
    let Reply::Answer(answer) = reply else { return None };
    let Answer::Policy(bytes, ..) = &**answer else { return None };
    canonical::decode(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[test]
    fn who_waits_for_a_session_is_told_what_everybody_has_to_know_before_his_command_goes_on() {
        let (mut pending, mut awaiting) = (Pending::default(), Awaiting::default());
        pending.begin(1, For::Connection(5), 0, None, 100);
        pending.begin(2, For::Nobody, 0, None, 100);
        awaiting.begin(6, Command::Receipt(7), Instant::now());
        assert_eq!(working(4..9, &pending, &awaiting), [5, 6]);
        awaiting.take();
        assert_eq!(working(4..9, &pending, &awaiting), [5]);
    }
}
