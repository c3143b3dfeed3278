//! Giving a member the keys of epochs from before he came, for all members to see.
//! Never gives a key that one was not given oneself, and leaves it to the one who asks whether a member needs it: who
//! lost a credential, or was given nonsense by another, reads nothing of what the acts say that he was given.

use super::chain::Draft;
use super::error::{Error, What};
use super::event::Admitted;
use super::flow::Cx;
use crate::seal::wraps::{HistoryPlace, WrapSet};
use journal::act::{Act, ShareHistory};
use journal::ids::ConversationId;
use pki::PersonId;

impl Cx {
    /// Gives a member every key one holds of epochs from before he came.
    pub(crate) async fn share_history(
        &self,
        id: ConversationId,
        person: PersonId,
    ) -> Result<Admitted, Error> {
        self.follow(id).await?;
        let (mine, last) = self.with(|state| {
            let row = state.conversations.row(id);
            let view = row.view.as_ref().ok_or(Error::UnknownConversation { conversation: id })?;
            let mine =
                view.membership().member(state.me.person).map_err(|_| Error::UnknownPerson { person })?;
            view.membership().member(person).map_err(|_| Error::UnknownPerson { person })?;
            Ok((mine.reads_from.max(1), view.epoch()))
        })?;
        // From the newest downwards, as far as one holds them without a gap.
        let mut keys = Vec::new();
        for epoch in (mine..=last).rev() {
            match self.epoch_key(id, epoch).await {
                Ok(key) => keys.push((epoch, key)),
                Err(Error::NoKey { .. } | Error::NotVerified { what: What::Wrap }) => break,
                Err(error) => return Err(error),
            }
        }
        keys.reverse();
        let first = keys.first().map(|(epoch, _)| *epoch).ok_or(Error::NoKey { epoch: last })?;
        let recipient = self.recipients(&[person]).await?;
        let [(certificate, public)] = &recipient[..] else { return Err(Error::UnknownPerson { person }) };
        let set = self.with(|state| {
            let log = state.trust.log();
            let place = HistoryPlace { log, conversation: id, from_epoch: first, to_epoch: last };
            let keys: Vec<_> = keys.iter().map(|(epoch, key)| (*epoch, &**key)).collect();
            WrapSet::make_history(state.me.suite, &place, &keys, *certificate, public, &mut *state.rng)
                .map_err(|_| Error::Key)
        })?;
        let reservation = self.upload_wraps(id, &set).await?;
        let act = ShareHistory {
            conversation: id,
            person,
            from_epoch: first,
            to_epoch: last,
            wraps: set.claim(reservation),
        };
        let admitted = self.submit(Draft::Act(Box::new(Act::ShareHistory(act)))).await?;
        self.with(|state| state.conversations.dirty(id));
        Ok(admitted)
    }
}
