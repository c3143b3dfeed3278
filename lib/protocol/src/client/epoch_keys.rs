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
    /// The key of an epoch, if one was given it: by a wrap of one's own, or by what a member shared.
    pub(crate) async fn epoch_key(&self, id: ConversationId, epoch: u32) -> Result<Arc<EpochKey>, Error> {
        let way = self.with(|state| {
            let log = state.trust.log();
            state.conversations.row(id).way(log, epoch)
        });
        let (wrapped, shares) = match way.ok_or(Error::NoKey { epoch })? {
            Way::Known(key) => return Ok(key),
            Way::Open(wrapped, shares) => (wrapped, shares),
        };
        let mut failed = false;
        if let Some(wrapped) = wrapped {
            match self.own_wrap(id, &wrapped).await {
                Ok(Some(key)) => return Ok(self.keep(id, epoch, key)),
                Ok(None) => {}
                Err(Error::NotVerified { .. }) => {
                    self.answer_bad_wrap(id, &wrapped);
                    failed = true;
                }
                Err(error) => return Err(error),
            }
        }
        for (share, commitments) in shares {
            match self.open_share(id, &share, &commitments).await {
                Ok(Some(keys)) => {
                    keys.into_iter().for_each(|(epoch, key)| drop(self.keep(id, epoch, key)));
                    let key = self.with(|state| state.conversations.row(id).epochs.get(&epoch)?.key.clone());
                    return key.ok_or(Error::NoKey { epoch });
                }
                Ok(None) => {}
                Err(Error::NotVerified { .. }) => self.name_bad_share(id, &share),
                Err(error) => return Err(error),
            }
        }
        Err(if failed { Error::unverified(What::Wrap) } else { Error::NoKey { epoch } })
    }

    /// Opens our own wrap of an epoch; nothing where it was rightly made to a key that we lost.
    async fn own_wrap(&self, id: ConversationId, wrapped: &Wrapped) -> Result<Option<EpochKey>, Error> {
        let first = self.open_wrap(wrapped).await;
        if !matches!(first, Err(Error::NotVerified { .. })) {
            return first;
        }
        // Whoever was removed since gets no wrap, and has nobody to accuse.
        if !self.is_in(id).await? {
            return Err(Error::UnknownConversation { conversation: id });
        }
        // Or was removed and is back already: only a second failure counts.
        self.open_wrap(wrapped).await
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

    /// Our secret to the certificate that something was wrapped to by the entry at that index. A key that the maker
    /// ought not to have used any more, or one that was never ours, is his fault; one of ours that we lost is nobody's:
    /// then there is nothing.
    async fn secret_for(
        &self,
        recipient: CertId,
        at: Index,
        wall_ms: u64,
    ) -> Result<Option<Arc<AgreementSecret>>, Error> {
        let bad = Error::unverified(What::Wrap);
        let secret = self.with(|state| state.agreement_secret(recipient));
        if secret.is_none() {
            self.learn([(recipient, wall_ms)].into()).await?;
            let ours = |state: &mut State| {
                let known = state.book.get(recipient);
                known.is_some_and(|known| known.agreement_key(state.me.person, wall_ms).is_ok())
            };
            if !self.with(ours) {
                return Err(bad);
            }
        }
        if self.superseded(recipient, at).await? {
            return Err(bad);
        }
        Ok(secret)
    }

    async fn open_wrap(&self, wrapped: &Wrapped) -> Result<Option<EpochKey>, Error> {
        let bad = Error::unverified(What::Wrap);
        let chunk = self.wrap_chunk(wrapped.index, wrapped.slot, &wrapped.claim).await?;
        let id = chunk.recipient();
        let Some(secret) = self.secret_for(id, wrapped.index, wrapped.wall_ms).await? else {
            return Ok(None);
        };
        let suite = self.with(|state| state.me.suite);
        chunk.open_epoch(suite, &wrapped.place, (id, &secret), &wrapped.commitment).map(Some).map_err(|_| bad)
    }

    async fn open_share(
        &self,
        conversation: ConversationId,
        share: &Share,
        commitments: &[Commitment],
    ) -> Result<Option<Vec<(u32, EpochKey)>>, Error> {
        let bad = Error::unverified(What::Wrap);
        let chunk = self.wrap_chunk(share.index, 0, &share.claim).await?;
        let id = chunk.recipient();
        let Some(secret) = self.secret_for(id, share.index, share.wall_ms).await? else { return Ok(None) };
        let (suite, log) = self.with(|state| (state.me.suite, state.trust.log()));
        let place = HistoryPlace { log, conversation, from_epoch: share.from, to_epoch: share.to };
        chunk.open_history(suite, &place, (id, &secret), commitments).map(Some).map_err(|_| bad)
    }

    /// Names once who shared what does not hold; it is not tried again.
    fn name_bad_share(&self, id: ConversationId, share: &Share) {
        self.with(|state| {
            let row = state.conversations.row(id);
            let kept = row.shares.iter_mut().find(|kept| kept.index == share.index && !kept.bad);
            if let Some(kept) = kept {
                kept.bad = true;
                state.event(Event::BadWrap(id, share.to, share.author));
            }
        });
    }

    /// Says once that this epoch's wrap for us does not hold: to everyone where it is the newest, so that the next sender
    /// makes a new one.
    fn answer_bad_wrap(&self, id: ConversationId, wrapped: &Wrapped) {
        let (epoch, author) = (wrapped.place.epoch, wrapped.author);
        let first = self.with(|state| {
            let row = state.conversations.row(id);
            let newest = row.view.as_ref().is_some_and(|view| view.epoch() == epoch);
            row.epoch_unfit |= newest;
            let first = row.epochs.get_mut(&epoch).is_some_and(|row| !std::mem::replace(&mut row.bad, true));
            if first {
                state.event(Event::BadWrap(id, epoch, author));
            }
            first && newest
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
