//! Epochs of conversations: when one is due, and what begins the next.
//! Never sees a key or a wrap: that the wraps fit their root, the engine checks before.

use super::{Applied, Audience, BadWrapRow, Context, Effect, EpochRow, Register};
use crate::act::{BadWrap, Epoch, Purpose, ShareHistory, WrapClaim};
use crate::ids::Place;
use crate::membership::{check_epoch, check_share};
use crate::refusal::Refusal;

impl Register {
    pub(super) fn epoch(&mut self, cx: &Context<'_>, act: &Epoch) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        let row = self.row(number)?;
        check_epoch(&row.membership, row.epoch_number(), cx.by.signer, act)?;
        let place = self.check_wraps(cx, number, &act.wraps)?;
        let due = self.epoch_is_due(number, cx.now_ms);
        let wraps = self.drop_reservation(act.wraps.reservation);
        // An epoch that was due is the group's need: its wraps are not its maker's to answer for. One that was not,
        // is, so that nobody fills the store with epochs.
        if let Some(wraps) = wraps.filter(|_| due) {
            self.credit(cx.by.signer, number, wraps.bytes());
        }
        let row = self.row_mut(number)?;
        row.epoch =
            Some(EpochRow { number: act.epoch, index: cx.by.index, begun_ms: cx.now_ms, wraps: place });
        row.epoch_stale = false;
        let effects = vec![
            Effect::ReservationClaimed { id: act.wraps.reservation, place },
            Effect::EpochBegan { conversation: number, epoch: act.epoch },
        ];
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    pub(super) fn share_history(&mut self, cx: &Context<'_>, act: &ShareHistory) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        let row = self.row(number)?;
        check_share(&row.membership, row.epoch_number(), cx.by.signer, act)?;
        let place = self.check_wraps(cx, number, &act.wraps)?;
        self.claim(act.wraps.reservation);
        self.row_mut(number)?.membership.shared(act.person, act.from_epoch, act.to_epoch);
        let effects = vec![Effect::ReservationClaimed { id: act.wraps.reservation, place }];
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    /// A member who joined makes a new epoch due. Once while the membership stands, then again after the age at which
    /// an epoch is due anyway: so one member cannot keep the others from sending. Who finds the next one bad too makes
    /// an epoch himself.
    pub(super) fn bad_wrap(&mut self, cx: &Context<'_>, act: &BadWrap) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        let row = self.row(number)?;
        row.membership.joined(cx.by.signer)?;
        let current = row.epoch_number();
        if act.epoch != current || current == 0 {
            return Err(Refusal::WrongEpoch { current, found: act.epoch });
        }
        let (membership, epoch_ms) = (row.membership.head(), self.ruling_policy()?.epoch_ms);
        let counts = |said: &BadWrapRow| {
            said.membership == membership && cx.now_ms.saturating_sub(said.said_ms) < epoch_ms
        };
        if row.epoch_stale || row.bad_wraps.get(&cx.by.signer).is_some_and(counts) {
            return Err(Refusal::Unchanged);
        }
        let row = self.row_mut(number)?;
        row.bad_wraps.retain(|_, said| counts(said)); // members all of them, so no more than members
        row.bad_wraps.insert(cx.by.signer, BadWrapRow { membership, said_ms: cx.now_ms });
        let mut effects = Vec::new();
        self.make_epoch_due(number, &mut effects);
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    /// The wraps' reservation is the signer's, in this conversation, and of the right length.
    fn check_wraps(&self, cx: &Context<'_>, number: u64, claim: &WrapClaim) -> Result<Place, Refusal> {
        let reservation = self.own_reservation(cx.by.signer, number, claim.reservation)?;
        if reservation.purpose != Purpose::Wraps {
            return Err(Refusal::ReservationUnfit { reason: "not reserved for wraps".into() });
        }
        if reservation.chunks != claim.count {
            let reason = format!("{} chunks reserved, {} claimed", reservation.chunks, claim.count);
            return Err(Refusal::ReservationUnfit { reason });
        }
        Ok(reservation.place)
    }

    /// Nothing more is admitted under the newest epoch.
    pub(super) fn make_epoch_due(&mut self, number: u64, effects: &mut Vec<Effect>) {
        if let Some(row) = self.conversations.get_mut(&number)
            && !row.epoch_stale
        {
            row.epoch_stale = true;
            effects.push(Effect::EpochDue { conversation: number });
        }
    }

    /// The epoch under which something may be said now: the newest, not stale, not too old.
    pub(super) fn epoch_in_force(&self, row: &super::Conversation, now_ms: u64) -> Result<u32, Refusal> {
        let Some(epoch) = row.epoch else { return Err(Refusal::EpochStale) };
        let age_ms = now_ms.saturating_sub(epoch.begun_ms);
        if row.epoch_stale || age_ms >= self.ruling_policy()?.epoch_ms {
            return Err(Refusal::EpochStale);
        }
        Ok(epoch.number)
    }

    /// A body may come under this epoch's key. Membership, age or a bad wrap make the newest one unfit too.
    pub(super) fn check_epoch_in_force(&self, number: u64, epoch: u32, now_ms: u64) -> Result<(), Refusal> {
        let row = self.row(number)?;
        let current = row.epoch_number();
        if epoch != current || current == 0 {
            return Err(Refusal::WrongEpoch { current, found: epoch });
        }
        self.epoch_in_force(row, now_ms).map(|_| ())
    }
}
