//! Runs of the retention schedule: what fell by one was due, by a policy that two officers set, at a time that is no lie.
//! Never believes a run because the server made it, and never takes its word for what was in it.
//!
//! Not known here is whether a hold kept the message: that, and that the counts are right, a replay of the log shows.

use super::erase::{Eraser, Proof};
use super::error::{Error, What};
use super::event::{ErasedBy, Event, RunView};
use super::flow::Cx;
use super::receive::{Checked, CheckedContent};
use super::state::State;
use journal::act::{ConversationKind, Message};
use journal::fact::Fact;
use journal::ids::ConversationId;
use std::sync::Arc;

/// How far the stamp of what lets something fall may lie ahead of this terminal's clock, milliseconds: clocks differ, days do
/// not matter less.
pub(crate) const AHEAD_MS: u64 = 3_600_000;

impl State {
    /// Drops the copies here of all that a run lets fall. One that a hold keeps is asked for again when it is wanted.
    fn drop_due(&mut self, run: &RunView) {
        let Self { messages, conversations, .. } = self;
        conversations.dropped_everywhere();
        messages.forget_where(|index, opened| {
            let kind = conversations.get(opened.conversation).and_then(|row| row.kind());
            index < run.index && run.takes(kind, opened.label, opened.wall_ms)
        });
    }
}

impl Cx {
    /// The run in this entry, if it is one that a terminal believes: whatever its clock shows, which is asked last.
    pub(crate) async fn run_of(&self, entry: &Checked) -> Result<Arc<RunView>, Error> {
        let bad = Error::unverified(What::Retention);
        let CheckedContent::Fact(Fact::RetentionRun(run)) = &entry.content else { return Err(bad) };
        let index = entry.index;
        let doubtful = self.with(|state| {
            // A policy that another one has replaced before lets nothing fall.
            let newest = state.record.policy.filter(|newest| *newest < index);
            run.policy >= index || newest.is_some_and(|newest| run.policy < newest)
        });
        if doubtful || entry.wall_ms < run.due_ms {
            return Err(bad);
        }
        let policy = match self.policy_at(run.policy).await {
            Err(Error::NotVerified { .. }) => return Err(bad),
            policy => policy?,
        };
        let schedule = policy.retention;
        Ok(Arc::new(RunView { index, wall_ms: entry.wall_ms, schedule }))
    }

    /// A run was pushed: what it lets fall goes here, and the caller is told so that its copies go too.
    pub(crate) async fn ran(&self, entry: &Checked) -> Result<(), Error> {
        let run = self.run_of(entry).await?;
        self.has_come(&run)?;
        self.with(|state| {
            state.drop_due(&run);
            state.erases.keep(entry.index, Proof::Run(run.clone()));
        });
        self.event(Event::Ran(Box::new((*run).clone())));
        Ok(())
    }

    /// Whether this terminal's clock has come so far as the run says.
    fn has_come(&self, run: &RunView) -> Result<(), Error> {
        let not_after_ms = self.with(|state| state.now_ms.saturating_add(AHEAD_MS));
        if run.wall_ms <= not_after_ms { Ok(()) } else { Err(Error::Ahead) }
    }

    /// Whether this message was due at the run.
    pub(crate) async fn fell(
        &self,
        run: &RunView,
        entry: &Checked,
        act: &Message,
    ) -> Result<ErasedBy, Error> {
        let kind = self.kind_of(act.conversation).await?;
        if entry.index >= run.index || !run.takes(Some(kind), act.label, entry.wall_ms) {
            return Err(Error::unverified(What::Retention));
        }
        self.has_come(run)?;
        Ok(ErasedBy { by: Eraser::Schedule, index: run.index })
    }

    async fn kind_of(&self, id: ConversationId) -> Result<ConversationKind, Error> {
        let known = |state: &mut State| state.conversations.get(id).and_then(|row| row.kind());
        if let Some(kind) = self.with(known) {
            return Ok(kind);
        }
        self.follow(id).await?;
        self.with(known).ok_or(Error::UnknownConversation { conversation: id })
    }
}

impl RunView {
    /// Whether the run lets a message fall that was said at this time; where the kind of its conversation is not known,
    /// whether it does in any.
    pub fn takes(&self, kind: Option<ConversationKind>, label: pki::Clearance, said_ms: u64) -> bool {
        let due = |kind| self.schedule.is_due(kind, label, said_ms, self.wall_ms);
        match kind {
            Some(kind) => due(kind),
            None => due(ConversationKind::Private) || due(ConversationKind::Group),
        }
    }
}
