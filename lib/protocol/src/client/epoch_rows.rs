//! Epochs of a conversation as its acts give them: what each names, and which wrap of it is ours.
//! Never asks the core and never opens a wrap.

use super::conversations::Row;
use super::error::{Error, What};
use crate::seal::keys::EpochKey;
use crate::seal::wraps::EpochPlace;
use journal::act::{Act, Epoch, ShareHistory, WrapClaim};
use journal::ids::{Commitment, Index, MembershipHead};
use journal::membership::ActBy;
use pki::PersonId;
use std::sync::Arc;

/// An Epoch that this terminal followed.
pub(crate) struct EpochRow {
    pub(super) index: Index,
    pub(super) wall_ms: u64,
    pub(super) author: PersonId,
    pub(super) membership: MembershipHead,
    pub(super) commitment: Commitment,
    pub(super) claim: WrapClaim,
    /// Which wrap is ours; none when we were no member.
    pub(super) slot: Option<u32>,
    pub(super) key: Option<Arc<EpochKey>>,
    /// Its wrap for us did not hold; said once.
    pub(super) bad: bool,
}

/// A ShareHistory to us.
#[derive(Clone)]
pub(crate) struct Share {
    pub(super) index: Index,
    pub(super) wall_ms: u64,
    pub(super) author: PersonId,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) claim: WrapClaim,
    /// It did not hold; said once, and not tried again.
    pub(super) bad: bool,
}

/// What opening a wrap needs.
pub(super) struct Wrapped {
    pub(super) index: Index,
    pub(super) wall_ms: u64,
    pub(super) author: PersonId,
    pub(super) slot: u32,
    pub(super) claim: WrapClaim,
    pub(super) place: EpochPlace,
    pub(super) commitment: Commitment,
}

/// How a terminal comes to the key of an epoch.
pub(super) enum Way {
    Known(Arc<EpochKey>),
    /// Our own wrap, then what others shared, the newest first, each with its epochs' commitments: nonsense that one
    /// member shared does not stand before what another shares.
    Open(Option<Box<Wrapped>>, Vec<(Share, Vec<Commitment>)>),
}

impl Row {
    /// Follows an Epoch, admitted at that time.
    pub(crate) fn begin_epoch(
        &mut self,
        me: PersonId,
        by: &ActBy,
        wall_ms: u64,
        act: &Epoch,
    ) -> Result<(), Error> {
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
            wall_ms,
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

    /// Likewise a ShareHistory.
    pub(crate) fn share(
        &mut self,
        me: PersonId,
        by: &ActBy,
        wall_ms: u64,
        share: &ShareHistory,
        act: &Act,
    ) -> Result<(), Error> {
        let bad = Error::unverified(What::Membership);
        let view = self.view.as_mut().filter(|_| share.conversation == self.id).ok_or(bad.clone())?;
        view.follow(by, act).map_err(|_| bad)?;
        if share.person == me {
            let (from, to) = (share.from_epoch, share.to_epoch);
            let (index, author, claim) = (by.index, by.signer, share.wraps.clone());
            self.shares.push(Share { index, wall_ms, author, from, to, claim, bad: false });
        }
        Ok(())
    }

    /// `None` for an epoch that no act began.
    pub(super) fn way(&self, log: journal::LogId, epoch: u32) -> Option<Way> {
        let row = self.epochs.get(&epoch)?;
        if let Some(key) = &row.key {
            return Some(Way::Known(key.clone()));
        }
        let wrap = row.slot.filter(|_| !row.bad).map(|slot| {
            let place = EpochPlace { log, conversation: self.id, epoch, membership: row.membership };
            Box::new(Wrapped {
                index: row.index,
                wall_ms: row.wall_ms,
                author: row.author,
                slot,
                claim: row.claim.clone(),
                place,
                commitment: row.commitment,
            })
        });
        let covers = |share: &&Share| !share.bad && share.from <= epoch && epoch <= share.to;
        let with_commitments = |share: &Share| {
            let commitments = (share.from..=share.to).map(|of| Some(self.epochs.get(&of)?.commitment));
            Some((share.clone(), commitments.collect::<Option<Vec<_>>>()?))
        };
        let shares = self.shares.iter().rev().filter(covers).filter_map(with_commitments);
        Some(Way::Open(wrap, shares.collect()))
    }

    /// Whether this epoch was the newest when the entry at that index came.
    pub(super) fn in_force(&self, epoch: u32, at: Index) -> bool {
        let begun = |epoch: u32| self.epochs.get(&epoch).is_some_and(|row| row.index < at);
        begun(epoch) && !epoch.checked_add(1).is_some_and(begun)
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
        assert_eq!(row.begin_epoch(boris, &by(anna, 2, 11), 0, &epoch(1, 3, membership)), refused, "a ghost");
        let other = MembershipHead([9; 32]);
        assert_eq!(
            row.begin_epoch(boris, &by(anna, 2, 11), 0, &epoch(1, 2, other)),
            refused,
            "a ghost's membership"
        );
        assert_eq!(
            row.begin_epoch(boris, &by(PersonId(3), 2, 11), 0, &epoch(1, 2, membership)),
            refused,
            "a stranger"
        );
        assert_eq!(row.begin_epoch(boris, &by(anna, 2, 11), 0, &epoch(2, 2, membership)), refused, "a gap");
        assert_eq!(row.begin_epoch(boris, &by(anna, 2, 11), 0, &epoch(1, 2, membership)), Ok(()));
        assert_eq!(row.epochs[&1].slot, Some(1), "wraps stand in membership order");
    }
}
