//! Who is in a conversation, as it follows from its signed acts alone: one rule code for the Register and for
//! terminals, which check with it what the server says.
//! Never asks who a person is or what he is cleared for: that is the Register's.

mod view;

pub use view::MembershipView;

use crate::act::conversation::MEMBERS_MAX;
use crate::act::{ConversationKind, Create};
use crate::ids::{ConversationId, Index, MembershipHead, StatementId};
use crate::refusal::Refusal;
use crate::register::codec::pairs;
use minicbor::{Decode, Encode};
use pki::{Clearance, PersonId};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How a member stands. Both kinds receive; only who has joined may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Standing {
    /// Invited, has not answered yet.
    #[n(1)]
    Invited,
    /// Founder, or accepted.
    #[n(2)]
    Joined,
}

/// A member, or a person invited.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Member {
    /// How he stands.
    #[n(0)]
    pub standing: Standing,
    /// The `Create` or `Invite` that brought him.
    #[n(1)]
    pub invitation: StatementId,
    /// Its index: he receives from here on.
    #[n(2)]
    pub since: Index,
    /// The first epoch whose key he was given, by wrap or by `ShareHistory`.
    #[n(3)]
    pub reads_from: u32,
}

/// Members, owner and head of one conversation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Membership {
    #[n(0)]
    id: ConversationId,
    #[n(1)]
    kind: ConversationKind,
    #[n(2)]
    ceiling: Clearance,
    #[n(3)]
    default_label: Clearance,
    #[n(4)]
    owner: Option<PersonId>,
    #[cbor(n(5), with = "pairs")]
    members: BTreeMap<PersonId, Member>,
    #[n(6)]
    head: MembershipHead,
}

/// The head after an act: `SHA-256("conclave/membership/1" ‖ head before ‖ id)`.
pub fn next_head(head: MembershipHead, act: StatementId) -> MembershipHead {
    let hash = Sha256::new().chain_update(b"conclave/membership/1").chain_update(head.0).chain_update(act.0);
    MembershipHead(hash.finalize().into())
}

impl Membership {
    /// Founds a conversation: `id` is the id of the `Create`, `index` its entry.
    pub fn found(founder: PersonId, act: &Create, id: StatementId, index: Index) -> Result<Self, Refusal> {
        let sorted = act.invited.windows(2).all(|pair| pair[0] < pair[1]);
        if !sorted || act.invited.contains(&founder) {
            return Err(Refusal::BadMembers);
        }
        if act.kind == ConversationKind::Private && act.invited.len() != 1 {
            return Err(Refusal::PrivateIsForTwo);
        }
        if act.default_label > act.ceiling {
            return Err(Refusal::LabelTooHigh { ceiling: act.ceiling });
        }
        let member = |standing| Member { standing, invitation: id, since: index, reads_from: 1 };
        let mut members: BTreeMap<_, _> =
            act.invited.iter().map(|person| (*person, member(Standing::Invited))).collect();
        members.insert(founder, member(Standing::Joined));
        Ok(Self {
            id: ConversationId(id.0),
            kind: act.kind,
            ceiling: act.ceiling,
            default_label: act.default_label,
            // A private conversation belongs to both alike.
            owner: (act.kind == ConversationKind::Group).then_some(founder),
            members,
            head: MembershipHead(id.0),
        })
    }

    /// The conversation.
    pub fn id(&self) -> ConversationId {
        self.id
    }

    /// Private or group.
    pub fn kind(&self) -> ConversationKind {
        self.kind
    }

    /// The highest label of its messages.
    pub fn ceiling(&self) -> Clearance {
        self.ceiling
    }

    /// The label of messages whose sender names none.
    pub fn default_label(&self) -> Clearance {
        self.default_label
    }

    /// The owner of a group; nobody in a private conversation, or while nobody who joined is left.
    pub fn owner(&self) -> Option<PersonId> {
        self.owner
    }

    /// Members and invited, ascending by [`PersonId`]: the order of wraps.
    pub fn members(&self) -> &BTreeMap<PersonId, Member> {
        &self.members
    }

    /// The head of the acts so far.
    pub fn head(&self) -> MembershipHead {
        self.head
    }

    /// How the person stands here; a refusal for who is not here at all.
    pub fn member(&self, person: PersonId) -> Result<&Member, Refusal> {
        self.members.get(&person).ok_or(Refusal::NotAMember { person, conversation: self.id })
    }

    /// The person has joined and so may send.
    pub fn joined(&self, person: PersonId) -> Result<&Member, Refusal> {
        let member = self.member(person)?;
        match member.standing {
            Standing::Joined => Ok(member),
            Standing::Invited => Err(Refusal::NotAccepted),
        }
    }

    fn by_owner(&self, signer: PersonId, seen: MembershipHead) -> Result<(), Refusal> {
        self.member(signer)?;
        if self.kind == ConversationKind::Private {
            return Err(Refusal::PrivateIsForTwo);
        }
        if self.owner != Some(signer) {
            return Err(Refusal::NotTheOwner);
        }
        if seen != self.head {
            return Err(Refusal::StaleMembership);
        }
        Ok(())
    }

    /// The owner invites. `epoch` is the newest epoch's number: the next one is the first that `person` reads.
    pub fn invite(
        &mut self,
        by: &ActBy,
        seen: MembershipHead,
        person: PersonId,
        epoch: u32,
    ) -> Result<(), Refusal> {
        self.by_owner(by.signer, seen)?;
        if self.members.contains_key(&person) {
            return Err(Refusal::AlreadyMember { person });
        }
        if self.members.len() as u64 >= MEMBERS_MAX {
            return Err(Refusal::TooManyMembers { limit: MEMBERS_MAX });
        }
        let reads_from = epoch.saturating_add(1);
        let member = Member { standing: Standing::Invited, invitation: by.id, since: by.index, reads_from };
        self.members.insert(person, member);
        self.head = next_head(self.head, by.id);
        Ok(())
    }

    /// The invited person accepts. Commutes with everything else, so it does not move the head: it changes nobody's
    /// keys, and an `Epoch` that is being prepared for a thousand members must not fail at each of them.
    pub fn accept(&mut self, signer: PersonId, invitation: StatementId) -> Result<(), Refusal> {
        let id = self.id;
        let member =
            self.members.get_mut(&signer).ok_or(Refusal::NotAMember { person: signer, conversation: id })?;
        if member.standing == Standing::Joined || member.invitation != invitation {
            return Err(Refusal::NoInvitation);
        }
        member.standing = Standing::Joined;
        if self.owner.is_none() && self.kind == ConversationKind::Group {
            self.owner = Some(signer);
        }
        Ok(())
    }

    /// A member leaves a group, or an invited person declines.
    pub fn leave(&mut self, by: &ActBy) -> Result<(), Refusal> {
        self.member(by.signer)?;
        if self.kind == ConversationKind::Private {
            return Err(Refusal::PrivateIsForTwo);
        }
        self.cut(by.signer, by.id);
        Ok(())
    }

    /// The owner removes a member.
    pub fn remove(&mut self, by: &ActBy, seen: MembershipHead, person: PersonId) -> Result<(), Refusal> {
        self.by_owner(by.signer, seen)?;
        self.member(person)?;
        if person == by.signer {
            return Err(Refusal::NotAMember { person, conversation: self.id });
        }
        self.cut(person, by.id);
        Ok(())
    }

    /// The owner makes another member who joined owner.
    pub fn hand_over(&mut self, by: &ActBy, seen: MembershipHead, person: PersonId) -> Result<(), Refusal> {
        self.by_owner(by.signer, seen)?;
        self.joined(person)?;
        if person == by.signer {
            return Err(Refusal::Unchanged);
        }
        self.owner = Some(person);
        self.head = next_head(self.head, by.id);
        Ok(())
    }

    /// Takes a person out, by whatever act: a Leave, a Remove, a revocation, a lower clearance. The owner's place
    /// goes to whoever has been there longest. Whether the person was in it at all.
    pub fn cut(&mut self, person: PersonId, act: StatementId) -> bool {
        if self.members.remove(&person).is_none() {
            return false;
        }
        self.head = next_head(self.head, act);
        if self.owner == Some(person) {
            let joined = self.members.iter().filter(|(_, member)| member.standing == Standing::Joined);
            self.owner =
                joined.min_by_key(|(person, member)| (member.since, **person)).map(|(person, _)| *person);
        }
        true
    }

    /// A member was given the keys of epochs `from..=to` as well. Whether that reaches to those he had.
    pub(crate) fn shared(&mut self, person: PersonId, from: u32, to: u32) {
        if let Some(member) = self.members.get_mut(&person)
            && from < member.reads_from
            && to.saturating_add(1) >= member.reads_from
        {
            member.reads_from = from;
        }
    }
}

/// Whose act it is, its id and its entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ActBy {
    /// The signer.
    pub signer: PersonId,
    /// The statement's id.
    pub id: StatementId,
    /// Its entry.
    pub index: Index,
}

/// A `ShareHistory` that this membership admits: by who has joined, to another member, epochs that there are and whose
/// keys the sharer was given himself, one wrap.
pub(crate) fn check_share(
    membership: &Membership,
    current: u32,
    signer: PersonId,
    act: &crate::act::ShareHistory,
) -> Result<(), Refusal> {
    let sharer = membership.joined(signer)?;
    membership.member(act.person)?;
    if act.person == signer {
        return Err(Refusal::Unchanged);
    }
    if act.from_epoch == 0 || act.from_epoch > act.to_epoch || act.to_epoch > current {
        return Err(Refusal::WrongEpoch { current, found: act.to_epoch });
    }
    // Nobody can give keys that he was never given.
    if act.from_epoch < sharer.reads_from {
        return Err(Refusal::WrongEpoch { current, found: act.from_epoch });
    }
    if act.wraps.count != 1 {
        return Err(Refusal::ReservationUnfit { reason: "history is one wrap".into() });
    }
    Ok(())
}

/// An `Epoch` that this membership admits: by who has joined, next number, current head, one wrap per member.
pub(crate) fn check_epoch(
    membership: &Membership,
    current: u32,
    signer: PersonId,
    act: &crate::act::Epoch,
) -> Result<(), Refusal> {
    membership.joined(signer)?;
    if Some(act.epoch) != current.checked_add(1) {
        return Err(Refusal::WrongEpoch { current, found: act.epoch });
    }
    if act.membership != membership.head() {
        return Err(Refusal::StaleMembership);
    }
    let members = membership.members().len() as u64;
    if u64::from(act.wraps.count) != members {
        return Err(Refusal::ReservationUnfit {
            reason: format!("{} wraps for {members} members", act.wraps.count),
        });
    }
    Ok(())
}
