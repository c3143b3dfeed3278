//! Who may see which entry. Unknown and forbidden look the same from outside.
//! Never shows more because of a Fact: a doubt means no.

use super::Engine;
use super::session::Peer;
use journal::act::{Act, DualAct, EraseTarget, HoldScope};
use journal::fact::Fact;
use journal::ids::{ConversationId, Index};
use journal::{Content, Entry};
use pki::canonical;
use pki::{PersonId, Role};
use std::ops::Range;

impl Engine {
    /// Whether a person's live session has a role: by the certificate that it came with, as for its acts.
    pub(super) fn has_role(&self, person: PersonId, role: Role) -> bool {
        let register = &self.ledger.register;
        let live = register.chain_of(person);
        live.is_some_and(|live| register.roles_of_session(live.certificate).contains(role))
    }

    /// Whether who connects with this certificate would act for an office: nobody has logged in yet.
    pub(super) fn comes_as_office(&self, peer: Peer) -> bool {
        let roles = self.ledger.register.roles_of_session(peer.certificate);
        roles.contains(Role::Officer) || roles.contains(Role::Administrator)
    }

    /// The number of a conversation, for its members and invited.
    pub(super) fn own_conversation(&self, person: PersonId, id: ConversationId) -> Option<u64> {
        let found = self.ledger.register.conversation(id)?;
        found.membership.members().contains_key(&person).then_some(found.number)
    }

    /// Whether a person may have the body (and the entry) of the message at an index.
    pub(super) fn sees_message(&self, person: PersonId, index: Index) -> bool {
        let register = &self.ledger.register;
        let number = register.message(index).map(|row| row.conversation);
        let from = number.and_then(|number| self.ledger.books.visible_from(register, number, person));
        from.is_some_and(|from| index >= from)
    }

    /// Whether a person is in the conversation of the message at an index.
    fn is_member_of(&self, person: PersonId, index: Index) -> bool {
        let register = &self.ledger.register;
        let number = register.message(index).map(|row| row.conversation);
        let found = number.and_then(|number| register.conversation_by_number(number));
        found.is_some_and(|found| found.membership.members().contains_key(&person))
    }

    /// Whether an entry concerns a person. A witness sees every entry, since what he has not seen he cannot compare; his
    /// Login says that he was there. An auditor sees every entry that the newest Export of this session names, and
    /// of the others what anybody sees: nothing is taken out that the journal does not say.
    pub(super) fn concerns(&self, person: PersonId, index: Index, bytes: &[u8]) -> bool {
        if self.has_role(person, Role::Witness) {
            return true;
        }
        if self.exported(person).is_some_and(|exported| exported.contains(&index)) {
            return true;
        }
        let Ok(entry) = Entry::decode(bytes) else { return false };
        match entry.content {
            Content::Fact(fact) => self.fact_concerns(person, &fact),
            Content::Statement(signed) => {
                let Ok(statement) = canonical::decode::<journal::Statement>(&signed.statement) else {
                    return false;
                };
                statement.header.person == person || self.act_concerns(person, index, &statement.act)
            }
        }
    }

    /// Whether an order of erasure is about what a person is in, or wrote.
    pub(super) fn order_concerns(&self, person: PersonId, target: &EraseTarget) -> bool {
        let member = self.own_conversation(person, target.conversation()).is_some();
        member || self.ledger.register.may_object(person, target)
    }

    /// Holds are shown to officers, to members of what they keep, and to the person whose words they keep.
    pub(super) fn hold_concerns(&self, person: PersonId, scope: &HoldScope) -> bool {
        let told = match scope {
            HoldScope::Person(held) => *held == person,
            HoldScope::Conversation(id) | HoldScope::Messages(id, _) => {
                self.own_conversation(person, *id).is_some()
            }
        };
        told || self.has_role(person, Role::Officer)
    }

    fn exported(&self, person: PersonId) -> Option<&Range<Index>> {
        let session = self.sessions.all.get(self.sessions.live.get(&person)?)?;
        Some(&session.live()?.exported)
    }

    fn fact_concerns(&self, person: PersonId, fact: &Fact) -> bool {
        match fact {
            Fact::Start(_)
            | Fact::Stop(_)
            | Fact::Tick(_)
            | Fact::Erased(_)
            | Fact::KeyRoll(_)
            | Fact::PeriodEnd(_)
            | Fact::RetentionRun(_)
            | Fact::ClockStep(_) => true,
            Fact::FailedLogin(failed) => failed.person == person || self.has_role(person, Role::Officer),
            Fact::SessionEnd(_) | Fact::Alarm(_) => self.has_role(person, Role::Officer),
        }
    }

    fn act_concerns(&self, person: PersonId, index: Index, act: &Act) -> bool {
        let member = |id: &ConversationId| self.own_conversation(person, *id).is_some();
        match act {
            // An approval changes the policy, the time, or who is an officer: all are told, and may read what was approved.
            Act::Genesis(_)
            | Act::Succession(_)
            | Act::Continues(_)
            | Act::Enrol(_)
            | Act::Revoke(_)
            | Act::Crl(_)
            | Act::CrlPart(_)
            | Act::Approve(_) => true,
            Act::Propose(propose) => {
                // Nor is what closes the log anybody's secret, or sets its time.
                let dual = canonical::decode(&propose.act);
                let policy =
                    matches!(dual, Ok(DualAct::Policy(_) | DualAct::Close(_) | DualAct::SetClock(_)));
                // An order of erasure is shown once two officers have given it: it is the right by which bodies go.
                let ordered = || self.ledger.register.order(index);
                let told = || ordered().is_some_and(|row| self.order_concerns(person, &row.order.target));
                policy || self.has_role(person, Role::Officer) || told()
            }
            Act::Object(object) => {
                let order = self.ledger.register.order(object.proposal);
                let told = || order.is_some_and(|row| self.order_concerns(person, &row.order.target));
                self.has_role(person, Role::Officer) || told()
            }
            Act::Hold(hold) => self.hold_concerns(person, &hold.scope),
            Act::Submit(_)
            | Act::Withdraw(_)
            | Act::EnvelopeVoid(_)
            | Act::EnvelopeHandOver(_)
            | Act::Export(_)
            | Act::Backup(_)
            | Act::ClockAttest(_)
            | Act::AlarmAcknowledge(_)
            | Act::AlarmClose(_)
            | Act::Report(_)
            | Act::Finding(_) => self.has_role(person, Role::Officer),
            Act::Disclose(act) => {
                self.is_member_of(person, act.message) || self.has_role(person, Role::Officer)
            }
            Act::EnvelopePrint(print) => print.person == person || self.has_role(person, Role::Officer),
            Act::Suspend(act) => act.person == person || self.has_role(person, Role::Officer),
            Act::Resume(act) => act.person == person || self.has_role(person, Role::Officer),
            Act::Unlock(act) => act.person == person || self.has_role(person, Role::Officer),
            Act::EndSession(act) => act.person == person || self.has_role(person, Role::Officer),
            Act::Login(_) | Act::Logout(_) | Act::SetPassword(_) => false,
            Act::Create(_) => {
                let found = self.ledger.register.conversation_by_number(index);
                found.is_some_and(|found| found.membership.members().contains_key(&person))
            }
            Act::Message(_) => self.sees_message(person, index),
            Act::Acknowledge(act) => self.sees_message(person, act.message),
            Act::Remove(act) => member(&act.conversation) || act.person == person,
            Act::Invite(_)
            | Act::Accept(_)
            | Act::Leave(_)
            | Act::HandOver(_)
            | Act::Epoch(_)
            | Act::ShareHistory(_)
            | Act::BadWrap(_)
            | Act::Title(_)
            | Act::Reserve(_)
            | Act::Read(_)
            | Act::Erase(_) => act.conversation().is_some_and(|conversation| member(&conversation)),
        }
    }
}
