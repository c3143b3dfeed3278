//! The keys of epochs: opening the wraps that others made for us.
//! Never uses an epoch whose key does not fit its commitment, nor one that was wrapped to a key of ours that had been
//! replaced.

use super::chain::Draft;
use super::epoch_rows::{Share, Way, Wrapped};
use super::error::{Error, What};
use super::event::Event;
use super::flow::Cx;
use super::state::State;
use crate::answer::Answer;
use crate::code::Code;
use crate::query::Query;
use crate::seal::keys::EpochKey;
use crate::seal::wrap_chunk::WrapChunk;
use crate::seal::wraps::HistoryPlace;
use journal::act::{Act, BadWrap, WrapClaim};
use journal::ids::{Commitment, ConversationId, Index};
use pki::{AgreementSecret, CertId};
use std::sync::Arc;

impl State {
    fn agreement_secret(&self, id: CertId) -> Option<Arc<AgreementSecret>> {
        self.me.agreement.iter().find(|(own, _)| *own == id).map(|(_, secret)| secret.clone())
    }
}

impl Cx {
    /// The key of an epoch, if one was given it.
    pub(crate) async fn epoch_key(&self, id: ConversationId, epoch: u32) -> Result<Arc<EpochKey>, Error> {
        let way = self.with(|state| {
            let log = state.trust.log();
            state.conversations.row(id).way(log, epoch)
        });
        match way {
            Way::Known(key) => Ok(key),
            Way::None => Err(Error::NoKey { epoch }),
            Way::Wrap(wrapped) => {
                let mut opened = self.open_wrap(&wrapped).await;
                if matches!(opened, Err(Error::NotVerified { .. })) {
                    // Whoever was removed since gets no wrap, and has nobody to accuse.
                    if !self.is_in(id).await? {
                        return Err(Error::UnknownConversation { conversation: id });
                    }
                    // Or was removed and is back already: only a second failure counts.
                    opened = self.open_wrap(&wrapped).await;
                }
                match opened {
                    Ok(key) => Ok(self.keep(id, epoch, key)),
                    Err(Error::NotVerified { .. }) => {
                        self.answer_bad_wrap(id, &wrapped);
                        Err(Error::unverified(What::Wrap))
                    }
                    Err(error) => Err(error),
                }
            }
            Way::Shared(share, commitments) => {
                let keys = self.open_share(id, &share, &commitments).await?;
                keys.into_iter().for_each(|(epoch, key)| drop(self.keep(id, epoch, key)));
                let key = self.with(|state| state.conversations.row(id).epochs.get(&epoch)?.key.clone());
                key.ok_or(Error::NoKey { epoch })
            }
        }
    }

    /// Whether one is in a conversation now, by the server's word.
    pub(crate) async fn is_in(&self, id: ConversationId) -> Result<bool, Error> {
        let Answer::Conversation(record) = self.ask(Query::Conversation(id)).await? else {
            return Err(Error::unverified(What::Answer));
        };
        Ok(record.is_some())
    }

    fn keep(&self, id: ConversationId, epoch: u32, key: EpochKey) -> Arc<EpochKey> {
        let key = Arc::new(key);
        self.with(|state| match state.conversations.row(id).epochs.get_mut(&epoch) {
            Some(row) => row.key.get_or_insert(key).clone(),
            None => key,
        })
    }

    async fn wrap_chunk(&self, index: Index, slot: u32, claim: &WrapClaim) -> Result<WrapChunk, Error> {
        let bad = Error::unverified(What::Wrap);
        match self.ask(Query::Wrap(index)).await {
            Ok(Answer::Wrap(chunk)) => WrapChunk::check(&chunk, slot, claim).map_err(|_| bad),
            // That a wrap is missing is as bad as a wrong one.
            Err(Error::Refused { code })
                if code == Code::Damaged.number() || code == Code::NotFound.number() =>
            {
                Err(bad)
            }
            Ok(_) => Err(Error::unverified(What::Answer)),
            Err(error) => Err(error),
        }
    }

    async fn open_wrap(&self, wrapped: &Wrapped) -> Result<EpochKey, Error> {
        let bad = Error::unverified(What::Wrap);
        let chunk = self.wrap_chunk(wrapped.index, wrapped.slot, &wrapped.claim).await?;
        let id = chunk.recipient();
        let (suite, secret) = self.with(|state| (state.me.suite, state.agreement_secret(id)));
        let secret = secret.ok_or(bad.clone())?;
        if self.superseded(id, wrapped.index).await? {
            return Err(bad);
        }
        chunk.open_epoch(suite, &wrapped.place, (id, &secret), &wrapped.commitment).map_err(|_| bad)
    }

    async fn open_share(
        &self,
        conversation: ConversationId,
        share: &Share,
        commitments: &[Commitment],
    ) -> Result<Vec<(u32, EpochKey)>, Error> {
        let bad = Error::unverified(What::Wrap);
        let chunk = self.wrap_chunk(share.index, 0, &share.claim).await?;
        let id = chunk.recipient();
        let (suite, log, secret) =
            self.with(|state| (state.me.suite, state.trust.log(), state.agreement_secret(id)));
        let secret = secret.ok_or(bad.clone())?;
        if self.superseded(id, share.index).await? {
            return Err(bad);
        }
        let place = HistoryPlace { log, conversation, from_epoch: share.from, to_epoch: share.to };
        chunk.open_history(suite, &place, (id, &secret), commitments).map_err(|_| bad)
    }

    /// Says once, to everyone, that this epoch's wrap for us does not hold. The next sender makes a new epoch.
    fn answer_bad_wrap(&self, id: ConversationId, wrapped: &Wrapped) {
        let (epoch, author) = (wrapped.place.epoch, wrapped.author);
        let first = self.with(|state| {
            let row = state.conversations.row(id);
            row.epoch_unfit = true;
            let first = row.epochs.get_mut(&epoch).is_some_and(|row| !std::mem::replace(&mut row.bad, true));
            if first {
                state.event(Event::BadWrap(id, epoch, author));
            }
            first
        });
        if first {
            let cx = self.clone();
            self.spawn(async move {
                let act = Act::BadWrap(BadWrap { conversation: id, epoch });
                // Refused when another member said it first, or a newer epoch stands: both are as good.
                let _ = cx.submit(Draft::Act(Box::new(act))).await;
                cx.with(|state| state.conversations.dirty(id));
            });
        }
    }
}
