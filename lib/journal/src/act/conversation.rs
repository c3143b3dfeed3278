//! A conversation's membership chain and its epochs.

use super::{OutOfBounds, at_most};
use crate::act::SizeClass;
use crate::ids::{Commitment, ConversationId, Hash, MembershipHead, ReservationId, StatementId};
use minicbor::{Decode, Encode};
use pki::{Clearance, PersonId};

/// What a conversation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum ConversationKind {
    /// Between two persons, for ever.
    #[n(1)]
    Private,
    /// Any number, led by an owner.
    #[n(2)]
    Group,
}

/// Founds a conversation. Those invited receive from here on; they may send once they accepted.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Create {
    /// 16 random bytes, so that two creations by one person never coincide.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub random: [u8; 16],
    /// Private or group.
    #[n(1)]
    pub kind: ConversationKind,
    /// No message's label is above it; every member's clearance is at least it.
    #[n(2)]
    pub ceiling: Clearance,
    /// The label of a message when its sender names none.
    #[n(3)]
    pub default_label: Clearance,
    /// The others, sorted, without the founder. Exactly one for a private conversation.
    #[n(4)]
    pub invited: Vec<PersonId>,
}

/// Most members of a conversation.
pub const MEMBERS_MAX: u64 = 4096;

impl Create {
    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("members", self.invited.len() as u64 + 1, MEMBERS_MAX)
    }
}

/// The owner invites a person into a group.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Invite {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// The membership the owner saw: an act under an older one is refused.
    #[n(1)]
    pub membership: MembershipHead,
    /// Whom.
    #[n(2)]
    pub person: PersonId,
}

/// The invited person's own consent; names no membership, because it commutes with everything else.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Accept {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// The `Create` or `Invite` that is answered.
    #[n(1)]
    pub invitation: StatementId,
}

/// Leaves. The last member's leaving closes the conversation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Leave {
    /// What.
    #[n(0)]
    pub conversation: ConversationId,
}

/// The owner removes a person from a group.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Remove {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// The membership the owner saw.
    #[n(1)]
    pub membership: MembershipHead,
    /// Whom.
    #[n(2)]
    pub person: PersonId,
}

/// The owner makes another member owner.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct HandOver {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// The membership the owner saw.
    #[n(1)]
    pub membership: MembershipHead,
    /// To whom.
    #[n(2)]
    pub person: PersonId,
}

/// A reservation of wraps that an act claims: chunk `n` holds the wrap for the `n`-th recipient.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct WrapClaim {
    /// The reservation, with purpose wraps, made by the same person in the same conversation.
    #[n(0)]
    pub reservation: ReservationId,
    /// RFC 9162 root over leaves `[recipient's agreement certificate id, commitment]`, recipients in membership order.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub root: Hash,
    /// How many wraps: the number of members, in membership order (by PersonId).
    #[n(2)]
    pub count: u32,
}

/// A new conversation key for exactly the members at `membership`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Epoch {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// One more than the last.
    #[n(1)]
    pub epoch: u32,
    /// The membership that gets the key.
    #[n(2)]
    pub membership: MembershipHead,
    /// HKDF "commit" value of the epoch key: who opens a wrap compares.
    #[n(3)]
    pub key_commitment: Commitment,
    /// Where the wraps are.
    #[n(4)]
    pub wraps: WrapClaim,
}

/// A member gives another member the epoch keys of before that one joined. All members see it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ShareHistory {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// To whom; a member.
    #[n(1)]
    pub person: PersonId,
    /// First epoch shared.
    #[n(2)]
    pub from_epoch: u32,
    /// Last epoch shared.
    #[n(3)]
    pub to_epoch: u32,
    /// One wrap, which holds the keys of all epochs named, in order.
    #[n(4)]
    pub wraps: WrapClaim,
}

/// "My wrap of this epoch is missing, does not open or does not fit": makes a new epoch due.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct BadWrap {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// Which.
    #[n(1)]
    pub epoch: u32,
}

/// A group's title: a body like a message's, in the vault.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Title {
    /// Where.
    #[n(0)]
    pub conversation: ConversationId,
    /// Under which epoch's key.
    #[n(1)]
    pub epoch: u32,
    /// Binds the sealed title.
    #[n(2)]
    pub commitment: Commitment,
    /// Size class of the padded title.
    #[n(3)]
    pub size: SizeClass,
}

impl Title {
    /// Largest class of a title: 1 KiB.
    pub const SIZE_MAX: SizeClass = SizeClass(10);

    pub(crate) fn check_bounds(&self) -> Result<(), OutOfBounds> {
        at_most("size class", self.size.0.into(), Self::SIZE_MAX.0.into())?;
        at_most("smallest size class", SizeClass::MIN.0.into(), self.size.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_of_a_size_class_that_it_is_charged_for() {
        let title = |class| Title {
            conversation: ConversationId([1; 32]),
            epoch: 1,
            commitment: Commitment([2; 32]),
            size: SizeClass(class),
        };
        let good = |class| title(class).check_bounds().is_ok();
        assert_eq!((0..=255).filter(|class| good(*class)).collect::<Vec<_>>(), [8, 9, 10]);
    }
}
