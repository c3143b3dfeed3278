//! Keys of epochs: opening the wraps that others made for us, and making the next epoch when one is due.
//! Never wraps to a key whose certificate does not hold, and never uses an epoch whose key does not fit its commitment.

use super::chain::Draft;
use super::conversations::{Held, Row};
use super::error::{Error, What};
use super::event::Event;
use super::flow::Cx;
use super::state::State;
use crate::answer::Answer;
use crate::code::Code;
use crate::frame::PutChunk;
use crate::query::Query;
use crate::seal::keys::EpochKey;
use crate::seal::wrap_chunk::WrapChunk;
use crate::seal::wraps::{EpochPlace, HistoryPlace, WrapSet};
use journal::act::{Act, BadWrap, Epoch, Purpose, Reserve, ShareHistory, WrapClaim};
use journal::ids::{Commitment, ConversationId, Index, MembershipHead, ReservationId};
use journal::membership::ActBy;
use pki::{AgreementPublic, AgreementSecret, CertId, PersonId};
use std::sync::Arc;

/// How often a command follows others' changes before it gives up.
pub(crate) const TRIES_MAX: u32 = 8;

/// An Epoch that this terminal followed.
pub(crate) struct EpochRow {
    index: Index,
    author: PersonId,
    membership: MembershipHead,
    commitment: Commitment,
    claim: WrapClaim,
    /// Which wrap is ours; none when we were no member.
    slot: Option<u32>,
    key: Option<Arc<EpochKey>>,
    /// Its wrap for us did not hold; said once.
    bad: bool,
}

/// A ShareHistory to us.
#[derive(Clone)]
pub(crate) struct Share {
    index: Index,
    from: u32,
    to: u32,
    claim: WrapClaim,
}

/// What opening a wrap needs.
struct Wrapped {
    index: Index,
    author: PersonId,
    slot: u32,
    claim: WrapClaim,
    place: EpochPlace,
    commitment: Commitment,
}

enum Way {
    Known(Arc<EpochKey>),
    Wrap(Box<Wrapped>),
    Shared(Share, Vec<Commitment>),
    None,
}

impl Row {
    pub(crate) fn begin_epoch(&mut self, me: PersonId, by: &ActBy, act: &Epoch) -> Result<(), Error> {
        let bad = Error::unverified(What::Membership);
        let view = self.view.as_mut().filter(|_| act.conversation == self.id).ok_or(bad.clone())?;
        view.follow(by, &Act::Epoch(act.clone())).map_err(|_| bad)?;
        // A ghost reader would need a wrap too many, and the count is that of the members we verified.
        let slot = view.membership().members().keys().position(|member| *member == me);
        let made = self.made.iter().find(|(commitment, _)| *commitment == act.key_commitment);
        let key = made.map(|(_, key)| key.clone());
        self.made.retain(|(commitment, _)| *commitment != act.key_commitment);
        self.epoch_unfit = false;
        let row = EpochRow {
            index: by.index,
            author: by.signer,
            membership: act.membership,
            commitment: act.key_commitment,
            claim: act.wraps.clone(),
            slot: slot.and_then(|slot| u32::try_from(slot).ok()),
            key,
            bad: false,
        };
        self.epochs.insert(act.epoch, row);
        Ok(())
    }

    pub(crate) fn share(
        &mut self,
        me: PersonId,
        by: &ActBy,
        share: &ShareHistory,
        act: &Act,
    ) -> Result<(), Error> {
        let bad = Error::unverified(What::Membership);
        let view = self.view.as_mut().filter(|_| share.conversation == self.id).ok_or(bad.clone())?;
        view.follow(by, act).map_err(|_| bad)?;
        if share.person == me {
            let (from, to) = (share.from_epoch, share.to_epoch);
            self.shares.push(Share { index: by.index, from, to, claim: share.wraps.clone() });
        }
        Ok(())
    }

    fn way(&self, log: journal::LogId, epoch: u32) -> Way {
        let Some(row) = self.epochs.get(&epoch) else { return Way::None };
        if let Some(key) = &row.key {
            return Way::Known(key.clone());
        }
        if let Some(slot) = row.slot.filter(|_| !row.bad) {
            let place = EpochPlace { log, conversation: self.id, epoch, membership: row.membership };
            return Way::Wrap(Box::new(Wrapped {
                index: row.index,
                author: row.author,
                slot,
                claim: row.claim.clone(),
                place,
                commitment: row.commitment,
            }));
        }
        let share = self.shares.iter().find(|share| share.from <= epoch && epoch <= share.to);
        let Some(share) = share else { return Way::None };
        let commitments = (share.from..=share.to).map(|epoch| Some(self.epochs.get(&epoch)?.commitment));
        match commitments.collect::<Option<Vec<_>>>() {
            Some(commitments) => Way::Shared(share.clone(), commitments),
            None => Way::None,
        }
    }
}

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
                Err(error) if State::is_outpaced(&error) => self.with(|state| {
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

#[cfg(test)]
mod tests {
    use crate::client::conversations::Conversations;
    use crate::client::error::{Error, What};
    use journal::act::{ConversationKind, Create, Epoch, WrapClaim};
    use journal::ids::{Commitment, ConversationId, MembershipHead, ReservationId, StatementId};
    use journal::membership::{ActBy, MembershipView};
    use pki::{Clearance, PersonId};

    /// A ghost is a reader whom no act brought in: his wrap would be one too many, or stand under a membership that no
    /// act made.
    #[test]
    fn an_epoch_with_a_ghost_reader_is_refused() {
        let (anna, boris) = (PersonId(1), PersonId(2));
        let by = |signer, id, index| ActBy { signer, id: StatementId([id; 32]), index };
        let id = ConversationId([1; 32]);
        let create = Create {
            random: [0; 16],
            kind: ConversationKind::Group,
            ceiling: Clearance(0),
            default_label: Clearance(0),
            invited: vec![boris],
        };
        let mut conversations = Conversations::default();
        let row = conversations.row(id);
        let view = MembershipView::found(&by(anna, 1, 10), &create).unwrap();
        let membership = view.membership().head();
        row.view = Some(view);
        let epoch = |epoch, count, membership| Epoch {
            conversation: id,
            epoch,
            membership,
            key_commitment: Commitment([3; 32]),
            wraps: WrapClaim { reservation: ReservationId([4; 16]), root: [5; 32], count },
        };
        let refused = Err(Error::unverified(What::Membership));
        assert_eq!(row.begin_epoch(boris, &by(anna, 2, 11), &epoch(1, 3, membership)), refused, "a ghost");
        let other = MembershipHead([9; 32]);
        assert_eq!(
            row.begin_epoch(boris, &by(anna, 2, 11), &epoch(1, 2, other)),
            refused,
            "a ghost's membership"
        );
        assert_eq!(
            row.begin_epoch(boris, &by(PersonId(3), 2, 11), &epoch(1, 2, membership)),
            refused,
            "a stranger"
        );
        assert_eq!(row.begin_epoch(boris, &by(anna, 2, 11), &epoch(2, 2, membership)), refused, "a gap");
        assert_eq!(row.begin_epoch(boris, &by(anna, 2, 11), &epoch(1, 2, membership)), Ok(()));
        assert_eq!(row.epochs[&1].slot, Some(1), "wraps stand in membership order");
    }
}
