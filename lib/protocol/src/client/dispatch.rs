//! Each command to the flow that does it.
//! Never does anything itself.

use super::chain::Draft;
use super::command::{Command, CommandId, OtherAct};
use super::error::{Error, What};
use super::event::{Admitted, Event, Reply};
use super::flow::Cx;
use super::founding::Ownership;
use super::messages::Which;
use super::receive::Checked;
use super::secret::SecretText;
use super::state::State;
use crate::answer::{Answer, Page};
use crate::frame::{SealedVerifier, Stage};
use crate::query::Query;
use journal::act::{Act, Logout};
use journal::statement::SignedStatement;
use pki::{PersonId, canonical};

/// Bytes of acts in one Stage frame, about.
const STAGE_BYTES: usize = 128 * 1024;

impl Cx {
    /// Does a command to its end and says what came of it.
    pub(crate) async fn run(self, id: CommandId, command: Command) {
        match self.dispatch(id, command).await {
            Ok(reply) => self.event(Event::Done(id, reply)),
            Err(error) => self.event(Event::Failed(id, error)),
        }
    }

    async fn dispatch(&self, id: CommandId, command: Command) -> Result<Reply, Error> {
        let admitted = match command {
            // Taken by the session before a flow is made.
            Command::Login(_) | Command::FileChunk(..) => return Err(Error::NotReady),
            Command::Logout => self.log_out().await,
            Command::SetPassword(password) => self.set_password(password).await,
            Command::People => return self.list_people().await,
            Command::Conversations => return Ok(Reply::Conversations(self.conversations().await?)),
            Command::Conversation(of) => {
                return Ok(Reply::Conversation(Box::new(self.conversation(of).await?)));
            }
            Command::NewPrivate(new) => return self.new_private(&new).await,
            Command::NewGroup(new) => return self.new_group(&new).await,
            Command::Invite(of, person) => self.as_owner(of, person, Ownership::Invite).await,
            Command::Remove(of, person) => self.as_owner(of, person, Ownership::Remove).await,
            Command::HandOver(of, person) => self.as_owner(of, person, Ownership::HandOver).await,
            Command::Leave(of) => self.leave(of).await,
            Command::Accept(of) => self.accept(of).await,
            Command::ShareHistory(of, person) => self.share_history(of, person).await,
            Command::SetTitle(of, title) => self.set_title(of, &title).await,
            Command::Send(send) => self.send(&send, None).await,
            Command::MessagesBefore(of, index) => {
                return self.list_messages(of, Which::Before(index)).await;
            }
            Command::MessagesFrom(of, index) => {
                return self.list_messages(of, Which::From(index)).await;
            }
            Command::Read(of, up_to) => self.read(of, up_to).await,
            Command::Acknowledge(message) => self.acknowledge(message).await,
            Command::MessageStatus(of, index) => {
                return Ok(Reply::Status(self.message_status(of, index).await?));
            }
            Command::SendFile(send) => self.send_file(id, &send).await,
            Command::FetchFile(of, index) => return Ok(Reply::File(self.fetch_file(id, of, index).await?)),
            Command::ErasePlan(target) => return Ok(Reply::Plan(self.erase_plan(&target).await?)),
            Command::Erase(target) => self.erase(&target).await,
            Command::Disclose(of, index) => return Ok(Reply::Document(self.disclose(of, index).await?)),
            Command::Receipt(index) => return Ok(Reply::Document(self.receipt(index).await?)),
            Command::Alarms => return Ok(Reply::Alarms(self.unheard_alarms().await?)),
            Command::HeardAlarms(below) => {
                self.with(|state| state.heard_alarms(below));
                return Ok(Reply::Nothing);
            }
            Command::Orders(only) => {
                let (orders, unshown) = self.orders(only).await?;
                return Ok(Reply::Orders(orders, unshown));
            }
            Command::Act(act) => self.other_act(*act).await,
            Command::Ask(query) => return self.other_query(query).await,
        };
        admitted.map(Reply::Admitted)
    }

    /// Leaves only when the log is known to have grown along all that was shown: the heads that are not tied yet are
    /// gone with the process.
    async fn log_out(&self) -> Result<Admitted, Error> {
        let answered = |state: &mut State| state.is_distrusted() || state.chain.unsettled() == 0;
        self.until(|state| answered(state).then_some(())).await;
        let mark = self.with(State::demand_ties);
        self.until(|state| (state.is_distrusted() || state.trust.all_tied(mark)).then_some(())).await;
        self.submit(Draft::Act(Box::new(Act::Logout(Logout {})))).await
    }

    async fn set_password(&self, password: SecretText) -> Result<Admitted, Error> {
        let admitted = self.submit(Draft::SetPassword(password)).await?;
        // What had to wait for it.
        let waited = self.with(|state| {
            std::mem::replace(&mut state.must_set_password, false) && state.answers_invitations()
        });
        if waited {
            self.spawn(self.clone().answer_invitations());
        }
        Ok(admitted)
    }

    async fn list_people(&self) -> Result<Reply, Error> {
        let people = self.people().await?;
        Ok(Reply::People(people.into_iter().map(|person| person.view).collect()))
    }

    async fn list_messages(&self, of: journal::ConversationId, which: Which) -> Result<Reply, Error> {
        let (views, more) = self.messages(of, which).await?;
        Ok(Reply::Messages(views, more))
    }

    async fn other_act(&self, other: OtherAct) -> Result<Admitted, Error> {
        let OtherAct { act, staged, verifiers } = other;
        self.submit_staged(Draft::Act(Box::new(act)), Some(stages(staged, verifiers))).await
    }

    /// Any question. Entries are verified and given as such, the policy is that of a proven entry; records are the
    /// server's word.
    async fn other_query(&self, query: Query) -> Result<Reply, Error> {
        if query == Query::Policy {
            let (policy, index) = self.policy().await?;
            let closed = self.with(|state| state.closed.as_ref().map(|closed| closed.index));
            let answer = Answer::Policy(canonical::encode(&policy).into(), index, closed);
            return Ok(Reply::Answer(Box::new(answer)));
        }
        match self.ask(query).await? {
            Answer::Acts(page)
            | Answer::Messages(page)
            | Answer::MessagesBefore(page)
            | Answer::Entries(page)
            | Answer::EntriesAt(page)
            | Answer::Holds(page)
            | Answer::Runs(page)
            | Answer::Alarms(page)
            | Answer::Desk(page)
            | Answer::Proposals(page) => self.entries(page).await,
            Answer::Find(page, next) => self.found_messages(page, next).await,
            Answer::Sessions(sessions) => Ok(Reply::Sessions(sessions)),
            Answer::Status(status) => {
                self.until(|state| state.note_of_entries(&status.note)).await?;
                Ok(Reply::Server(Box::new(status)))
            }
            Answer::People(records) => self.check_people(records.iter().map(|record| record.person)).await,
            answer @ (Answer::Consistency(..)
            | Answer::Line(_)
            | Answer::Certificates(_)
            | Answer::Conversations(_)
            | Answer::Conversation(_)
            | Answer::Chunk(_)
            | Answer::Wrap(_)
            | Answer::MessageStatus(_)
            | Answer::Orders(_)
            | Answer::Retention(_)
            | Answer::Former(_)
            | Answer::Erasing(_)
            | Answer::Copy(_)
            | Answer::Cells(_)
            | Answer::Witness(..)
            | Answer::Cosigned(_)
            | Answer::Raised(_)
            | Answer::Policy(..)) => Ok(Reply::Answer(Box::new(answer))),
        }
    }

    async fn entries(&self, page: Page) -> Result<Reply, Error> {
        let more = page.more;
        let entries = self.check_page(page).await?;
        Ok(Reply::Entries(entries.iter().map(Checked::view).collect(), more))
    }

    async fn check_people(&self, persons: impl Iterator<Item = PersonId>) -> Result<Reply, Error> {
        let mut people = Vec::new();
        for person in persons {
            people.push(self.person(person).await?.view);
        }
        Ok(Reply::People(people))
    }

    /// Heads were seen that are not tied to the proven one: are they all of one log that only grew?
    pub(crate) async fn watch_consistency(self) {
        loop {
            let line = self.until(State::line_wanted).await;
            let sizes = line.iter().map(|noted| noted.head.size).collect();
            let era = self.with(|state| state.trust.era());
            let answer = self.ask(Query::Line(sizes)).await;
            if self.with(|state| state.is_overtaken(era)) {
                continue;
            }
            let proven = match answer {
                Ok(Answer::Line(paths)) => self.with(|state| state.prove_line(&line, &paths)),
                Ok(_) => Err(Error::unverified(What::Answer)),
                Err(error) => Err(error),
            };
            if proven.is_err() {
                // No consistency, no work: a server that cannot show it is not worked with.
                self.with(State::fatal);
            }
        }
    }

    /// A server that does not answer for its log is not worked with either.
    pub(crate) async fn watch_silence(self) {
        loop {
            self.until(|state| state.round_overdue().then_some(())).await;
            self.with(State::fatal);
        }
    }
}

fn stages(acts: Vec<SignedStatement>, verifiers: Vec<SealedVerifier>) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut bytes = STAGE_BYTES;
    for act in acts {
        let more = act.statement.len() + act.signature.len() + 16;
        if bytes + more > STAGE_BYTES {
            stages.push(Stage { acts: Vec::new(), verifiers: Vec::new() });
            bytes = 0;
        }
        bytes += more;
        if let Some(stage) = stages.last_mut() {
            stage.acts.push(act);
        }
    }
    for some in verifiers.chunks(256) {
        stages.push(Stage { acts: Vec::new(), verifiers: some.to_vec() });
    }
    stages
}
