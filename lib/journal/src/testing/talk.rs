//! People who talk in a log in memory: conversations, epochs, messages.
//! Never skips a rule: each act is admitted as any other.

use super::TestLog;
use crate::Refusal;
use crate::act::{
    Act, ConversationKind, Create, Epoch, Message, Precedence, Purpose, Reserve, SizeClass, WrapClaim,
};
use crate::ids::{Commitment, ConversationId, Index, ReservationId};
use crate::register::Applied;
use pki::{Clearance, PersonId};

impl TestLog {
    /// A conversation founded by `founder` with the others invited; not accepted yet, no epoch yet.
    pub fn create(&mut self, founder: &str, others: &[&str]) -> Result<ConversationId, Refusal> {
        let kind = if others.len() == 1 { ConversationKind::Private } else { ConversationKind::Group };
        self.create_as(founder, others, kind, Clearance(3))
    }

    /// Likewise, with kind and ceiling.
    pub fn create_as(
        &mut self,
        founder: &str,
        others: &[&str],
        kind: ConversationKind,
        ceiling: Clearance,
    ) -> Result<ConversationId, Refusal> {
        let mut invited: Vec<PersonId> = others.iter().map(|login| self.id(login)).collect();
        invited.sort_unstable();
        let random = self.fresh()[..16].try_into().expect("16 of 32 bytes");
        let act = Create { random, kind, ceiling, default_label: Clearance(0), invited };
        self.act(founder, Act::Create(act))?;
        Ok(ConversationId(self.site.person(founder).last.0))
    }

    /// The invited person accepts.
    pub fn accept(&mut self, login: &str, conversation: ConversationId) -> Result<Applied, Refusal> {
        let row = self.register.conversation(conversation).expect("the test made the conversation");
        let invitation = row.membership.members()[&self.id(login)].invitation;
        self.act(login, Act::Accept(crate::act::Accept { conversation, invitation }))
    }

    /// Reserves room in a conversation.
    pub fn reserve(
        &mut self,
        login: &str,
        conversation: ConversationId,
        purpose: Purpose,
        chunks: u32,
    ) -> Result<ReservationId, Refusal> {
        let id = ReservationId(self.fresh()[..16].try_into().expect("16 of 32 bytes"));
        let size = SizeClass::MIN;
        self.act(login, Act::Reserve(Reserve { id, conversation, purpose, chunks, size }))?;
        Ok(id)
    }

    /// Makes the next epoch as the newest membership wants it.
    pub fn epoch(&mut self, login: &str, conversation: ConversationId) -> Result<Applied, Refusal> {
        let row = self.register.conversation(conversation).expect("the test made the conversation");
        let count = row.membership.members().len() as u32;
        let (membership, epoch) = (row.membership.head(), row.epoch_number() + 1);
        let reservation = self.reserve(login, conversation, Purpose::Wraps, count)?;
        let wraps = WrapClaim { reservation, root: [5; 32], count };
        let key_commitment = Commitment(self.fresh());
        self.act(login, Act::Epoch(Epoch { conversation, epoch, membership, key_commitment, wraps }))
    }

    /// A message of 256 bytes under the newest epoch, nothing special about it.
    pub fn message(&mut self, conversation: ConversationId) -> Message {
        let epoch = self.register.conversation(conversation).map_or(0, |row| row.epoch_number());
        Message {
            conversation,
            epoch,
            reference: None,
            commitment: Commitment(self.fresh()),
            size: SizeClass::MIN,
            label: Clearance(0),
            precedence: Precedence::Routine,
            must_acknowledge: false,
            time_ms: self.now_ms,
            file: None,
        }
    }

    /// Sends such a message; its index.
    pub fn send(&mut self, login: &str, conversation: ConversationId) -> Result<Index, Refusal> {
        let message = self.message(conversation);
        self.act(login, Act::Message(message))?;
        Ok(self.tree.size() - 1)
    }

    /// A conversation in which everybody has accepted and the first epoch rules.
    pub fn talking(&mut self, founder: &str, others: &[&str]) -> ConversationId {
        let conversation = self.create(founder, others).expect("a Create");
        for other in others {
            self.accept(other, conversation).expect("an Accept");
        }
        self.epoch(founder, conversation).expect("an Epoch");
        conversation
    }
}
