//! The membership as a terminal follows it, from verified statements alone, and whether the next sender makes a new epoch.
//! Never holds a key, and never believes the server: an act that the rules refuse was never admitted.

use super::{ActBy, Membership, check_epoch, check_share};
use crate::act::{Act, Create, Epoch};
use crate::ids::{MembershipHead, StatementId};
use crate::refusal::Refusal;
use pki::PersonId;

/// A conversation as a terminal follows it: membership and the newest epoch, from verified statements alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MembershipView {
    membership: Membership,
    number: u64,
    epoch: u32,
    epoch_head: MembershipHead,
    stale: bool,
}

impl MembershipView {
    /// Begins with the conversation's `Create`.
    pub fn found(by: &ActBy, act: &Create) -> Result<Self, Refusal> {
        let membership = Membership::found(by.signer, act, by.id, by.index)?;
        let epoch_head = membership.head();
        Ok(Self { membership, number: by.index, epoch: 0, epoch_head, stale: true })
    }

    /// Follows one act of this conversation. Acts that do not concern membership or epochs change nothing. A refusal
    /// means that the server shows something it can never have admitted.
    pub fn follow(&mut self, by: &ActBy, act: &Act) -> Result<(), Refusal> {
        let membership = &mut self.membership;
        match act {
            Act::Invite(act) if act.conversation == membership.id() => {
                membership.invite(by, act.membership, act.person, self.epoch)?;
                self.stale = true;
            }
            Act::Accept(act) if act.conversation == membership.id() => {
                membership.accept(by.signer, act.invitation)?
            }
            Act::Leave(act) if act.conversation == membership.id() => {
                membership.leave(by)?;
                self.stale = true;
            }
            Act::Remove(act) if act.conversation == membership.id() => {
                membership.remove(by, act.membership, act.person)?;
                self.stale = true;
            }
            Act::HandOver(act) if act.conversation == membership.id() => {
                membership.hand_over(by, act.membership, act.person)?;
            }
            Act::Epoch(act) if act.conversation == membership.id() => self.begin_epoch(by, act)?,
            Act::ShareHistory(act) if act.conversation == membership.id() => {
                check_share(membership, self.epoch, by.signer, act)?;
                membership.shared(act.person, act.from_epoch, act.to_epoch);
            }
            Act::BadWrap(act) if act.conversation == membership.id() => {
                membership.joined(by.signer)?;
                self.stale |= act.epoch == self.epoch;
            }
            Act::Invite(_)
            | Act::Accept(_)
            | Act::Leave(_)
            | Act::Remove(_)
            | Act::HandOver(_)
            | Act::Epoch(_)
            | Act::ShareHistory(_)
            | Act::BadWrap(_)
            | Act::Genesis(_)
            | Act::Submit(_)
            | Act::Propose(_)
            | Act::Approve(_)
            | Act::Withdraw(_)
            | Act::Login(_)
            | Act::Logout(_)
            | Act::SetPassword(_)
            | Act::Enrol(_)
            | Act::Revoke(_)
            | Act::Crl(_)
            | Act::CrlPart(_)
            | Act::EnvelopePrint(_)
            | Act::EnvelopeHandOver(_)
            | Act::EnvelopeVoid(_)
            | Act::Suspend(_)
            | Act::Resume(_)
            | Act::Unlock(_)
            | Act::EndSession(_)
            | Act::Create(_)
            | Act::Title(_)
            | Act::Reserve(_)
            | Act::Message(_)
            | Act::Read(_)
            | Act::Acknowledge(_)
            | Act::Erase(_)
            | Act::Object(_)
            | Act::Hold(_)
            | Act::Succession(_)
            | Act::Continues(_)
            | Act::Export(_)
            | Act::Backup(_)
            | Act::ClockAttest(_)
            | Act::AlarmAcknowledge(_)
            | Act::AlarmClose(_)
            | Act::Report(_)
            | Act::Disclose(_)
            | Act::Finding(_) => {}
        }
        Ok(())
    }

    /// A revocation, or a renewal with a lower clearance, took the person out. Several persons of one act are cut in
    /// ascending order.
    pub fn cut(&mut self, person: PersonId, act: StatementId) {
        if self.membership.cut(person, act) {
            self.stale = true;
        }
    }

    /// A new agreement certificate of a member: the next sender makes a new epoch.
    pub fn renewed(&mut self, person: PersonId) {
        if self.membership.members().contains_key(&person) {
            self.stale = true;
        }
    }

    fn begin_epoch(&mut self, by: &ActBy, act: &Epoch) -> Result<(), Refusal> {
        check_epoch(&self.membership, self.epoch, by.signer, act)?;
        self.epoch = act.epoch;
        self.epoch_head = act.membership;
        self.stale = false;
        Ok(())
    }

    /// The conversation's number: the index of its `Create`.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Members, owner, head.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// The newest epoch, 0 before the first.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The membership head that the newest epoch names.
    pub fn epoch_head(&self) -> MembershipHead {
        self.epoch_head
    }

    /// Whether a sender has to make a new epoch first (age apart, which is a matter of policy and time).
    pub fn epoch_is_due(&self) -> bool {
        self.stale
    }
}
