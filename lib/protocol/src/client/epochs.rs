//! Making the next epoch of a conversation when one is due.
//! Never wraps to a key whose certificate does not hold.

use super::chain::Draft;
use super::conversations::Held;
use super::error::{Error, What};
use super::flow::Cx;
use super::state::State;
use crate::frame::PutChunk;
use crate::seal::keys::EpochKey;
use crate::seal::wraps::{EpochPlace, WrapSet};
use journal::act::{Act, Epoch, Purpose, Reserve};
use journal::ids::{Commitment, ConversationId, ReservationId};
use pki::{AgreementPublic, CertId};
use std::sync::Arc;

/// How often a command follows others' changes before it gives up.
pub(crate) const TRIES_MAX: u32 = 8;

impl Cx {
    /// The epoch under which something may be said now, followed and made where it is due.
    pub(crate) async fn current_epoch(&self, id: ConversationId) -> Result<(u32, Arc<EpochKey>), Error> {
        let held = self.hold(id).await;
        for _ in 0..TRIES_MAX {
            self.follow_held(&held).await?;
            let (epoch, due) = self.with(|state| {
                let row = state.conversations.row(id);
                let due = |view: &journal::membership::MembershipView| view.epoch_is_due() || row.epoch_unfit;
                row.view.as_ref().map_or((0, true), |view| (view.epoch(), due(view)))
            });
            if !due {
                match self.epoch_key(id, epoch).await {
                    Ok(key) => return Ok((epoch, key)),
                    Err(Error::NotVerified { what: What::Wrap }) => {}
                    Err(error) => return Err(error),
                }
            }
            match self.make_epoch(id, &held).await {
                Ok(()) => {}
                // Also where nobody can tell whether our Epoch stands: the conversation says which is in force. Whoever waits here
                // is not told so of his own act, which nobody has signed yet.
                Err(error) if State::is_outpaced(&error) || matches!(error, Error::Untold { .. }) => self
                    .with(|state| {
                        state.directory.stale();
                        state.conversations.dirty(id);
                    }),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Outpaced { times: TRIES_MAX })
    }

    async fn make_epoch(&self, id: ConversationId, _held: &Held) -> Result<(), Error> {
        let (place, members) = self.with(|state| {
            let log = state.trust.log();
            let view = state.conversations.row(id).view.as_ref();
            let view = view.ok_or(Error::UnknownConversation { conversation: id })?;
            let members: Vec<_> = view.membership().members().keys().copied().collect();
            let membership = view.membership().head();
            Ok((EpochPlace { log, conversation: id, epoch: view.epoch() + 1, membership }, members))
        })?;
        let recipients = self.recipients(&members).await?;
        let (set, key, commitment) = self.with(|state| state.wrap_epoch(&place, &recipients))?;
        let reservation = self.upload_wraps(id, &set).await?;
        self.with(|state| state.conversations.row(id).made.push((commitment, Arc::new(key))));
        let act = Epoch {
            conversation: id,
            epoch: place.epoch,
            membership: place.membership,
            key_commitment: commitment,
            wraps: set.claim(reservation),
        };
        let outcome = self.submit(Draft::Act(Box::new(Act::Epoch(act)))).await;
        self.with(|state| {
            let row = state.conversations.row(id);
            row.dirty = true;
            if outcome.is_err() {
                row.made.retain(|(made, _)| *made != commitment);
            }
        });
        outcome.map(drop)
    }

    /// Reserves, stores every wrap; gives the reservation.
    pub(crate) async fn upload_wraps(
        &self,
        conversation: ConversationId,
        set: &WrapSet,
    ) -> Result<ReservationId, Error> {
        let id = self.with(State::random_reservation);
        let reserve =
            Reserve { id, conversation, purpose: Purpose::Wraps, chunks: set.count(), size: set.size() };
        self.submit(Draft::Act(Box::new(Act::Reserve(reserve)))).await?;
        let chunks = set.chunks().iter().zip(0..).map(|(body, chunk)| PutChunk {
            request: 0,
            reservation: id,
            chunk,
            body: body.clone().into(),
        });
        self.put_all(chunks).await?;
        Ok(id)
    }
}

impl State {
    fn wrap_epoch(
        &mut self,
        place: &EpochPlace,
        recipients: &[(CertId, AgreementPublic)],
    ) -> Result<(WrapSet, EpochKey, Commitment), Error> {
        let suite = self.me.suite;
        let key = EpochKey::generate(&mut *self.rng);
        let set = WrapSet::make(suite, place, &key, recipients, &mut *self.rng).map_err(|_| Error::Key)?;
        let commitment =
            key.commitment(suite, place.log, place.conversation, place.epoch).map_err(|_| Error::Key)?;
        Ok((set, key, commitment))
    }

    pub(crate) fn random_reservation(&mut self) -> ReservationId {
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        ReservationId(id)
    }
}
