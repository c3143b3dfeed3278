//! A log that was closed into another one: what it still admits.
//! Never what is said, founded or uploaded anew, nor a new correspondent; always what reads, what takes away, and what those
//! need who look after it.

use super::{Candidate, CandidateContent, Register};
use crate::act::{Act, Successor};
use crate::ids::Index;
use crate::refusal::Refusal;
use minicbor::{Decode, Encode};
use pki::{Role, RoleSet};

/// That the log was closed: for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Closed {
    /// The `Approve`.
    #[n(0)]
    pub index: Index,
    /// Its time stamp, milliseconds since 1970.
    #[n(1)]
    pub at_ms: u64,
    /// Into which log.
    #[n(2)]
    pub successor: Successor,
}

impl Closed {
    pub(super) fn refusal(&self) -> Refusal {
        Refusal::LogClosed { index: self.index, successor: self.successor.log }
    }
}

impl Register {
    /// Whether, when and into which log this one was closed.
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    /// Two officers may close the log once, and into another one than itself.
    pub(super) fn check_close(&self, successor: &Successor) -> Result<(), Refusal> {
        if let Some(closed) = &self.closed {
            return Err(closed.refusal());
        }
        if successor.log == self.founded()?.log {
            return Err(Refusal::BadProposal { reason: "no log is its own successor".into() });
        }
        Ok(())
    }

    /// Behind the close an entry only reads, takes away, or serves those who do.
    pub(super) fn check_not_closed(&self, candidate: &Candidate<'_>) -> Result<(), Refusal> {
        let Some(closed) = &self.closed else { return Ok(()) };
        let stays = match candidate.content {
            CandidateContent::Statement(statement) => act_stays(statement.get().act()),
            // A Fact grants nothing: a closed log goes on telling of itself.
            CandidateContent::Fact(_) => true,
        };
        if stays { Ok(()) } else { Err(closed.refusal()) }
    }

    /// Nobody joins a closed log to talk. Who is to look after it may: officers, administrators and auditors change.
    pub(super) fn check_joins(&self, roles: RoleSet) -> Result<(), Refusal> {
        let talks = roles.contains(Role::Operator) || roles.contains(Role::Bot);
        match &self.closed {
            Some(closed) if talks => Err(closed.refusal()),
            Some(_) | None => Ok(()),
        }
    }
}

/// Kinds that a closed log admits.
fn act_stays(act: &Act) -> bool {
    match act {
        // Said, founded, widened or uploaded anew; and a beginning, of which there is one.
        Act::Genesis(_)
        | Act::Continues(_)
        | Act::Create(_)
        | Act::Invite(_)
        | Act::Epoch(_)
        | Act::ShareHistory(_)
        | Act::Title(_)
        | Act::Reserve(_)
        | Act::Message(_) => false,
        // Coming in, reading, and saying that something is wrong with what was read. Whoever was invited before reads what was
        // said to him before.
        Act::Login(_)
        | Act::Accept(_)
        | Act::Logout(_)
        | Act::SetPassword(_)
        | Act::Read(_)
        | Act::Acknowledge(_)
        | Act::Report(_)
        | Act::Disclose(_)
        | Act::BadWrap(_)
        // Who leaves or is taken out reads less, and an owner who goes hands over who may erase.
        | Act::Leave(_)
        | Act::Remove(_)
        | Act::HandOver(_)
        // Taking away, and what keeps it from being taken.
        | Act::Erase(_)
        | Act::Object(_)
        | Act::Hold(_)
        // The office: certificates run out and are revoked, passwords are forgotten, policy sets what retention takes. Whether
        // an Enrol is a new correspondent's, and a Propose a second close, their own rules ask.
        | Act::Submit(_)
        | Act::Propose(_)
        | Act::Approve(_)
        | Act::Withdraw(_)
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
        | Act::ClockAttest(_)
        | Act::AlarmAcknowledge(_)
        | Act::AlarmClose(_)
        // A closed log may lose entries as any other.
        | Act::Succession(_)
        | Act::Export(_)
        | Act::Backup(_)
        | Act::Finding(_) => true,
    }
}

#[cfg(test)]
#[path = "closed_tests.rs"]
mod tests;
