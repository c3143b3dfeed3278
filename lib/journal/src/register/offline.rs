//! The authority's acts: signed offline, in a chain of their own, taken in by an officer's Submit or while the
//! daemon does not run.
//! Never admits one out of its order, and never one that its Submit does not name.

use super::{Applied, Audience, Context, OpenSubmit, Register};
use crate::act::{Act, Submit};
use crate::ids::{Chain, Hash, LogId, StatementId};
use crate::refusal::Refusal;
use pki::{CertId, Name};
use sha2::{Digest, Sha256};

/// The name of an authority's chain: `SHA-256("conclave/offline/1" ‖ certificate id ‖ subject DER)`.
pub fn offline_chain(issuing: CertId, subject: &Name) -> Chain {
    let hash =
        Sha256::new().chain_update(b"conclave/offline/1").chain_update(issuing.0).chain_update(subject.der());
    Chain(hash.finalize().into())
}

/// What a `Submit` names: SHA-256 over the ids of its acts, in order.
pub fn submit_digest<'a>(acts: impl IntoIterator<Item = &'a StatementId>) -> Hash {
    acts.into_iter().fold(Sha256::new(), |hash, id| hash.chain_update(id.0)).finalize().into()
}

/// Whether these are the acts that a `Submit` names: what the engine asks before it makes a batch of them.
pub fn check_submit(submit: &Submit, acts: &[StatementId]) -> Result<(), Refusal> {
    if acts.is_empty() || acts.len() as u64 != u64::from(submit.count) || submit_digest(acts) != submit.digest
    {
        return Err(Refusal::SubmitMismatch);
    }
    Ok(())
}

/// Whether an act is well-formed and only came too late: its person or envelope is no longer (or, because an earlier
/// act came too late, never was) in a state for it. What contradicts the authority's own word stays refused.
fn overtaken(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::CertificateRevoked { .. }
            | Refusal::CertificateExpired { .. }
            | Refusal::UnknownPerson { .. }
            | Refusal::EnvelopeState { .. }
            | Refusal::Unchanged
            | Refusal::LogClosed { .. }
    )
}

impl Register {
    /// One act of the authority: its place in the offline chain and in the Submit, then its kind's rule.
    ///
    /// The authority signs far from the log and cannot know what was done online since. What it signed in order is
    /// admitted, without effect where the state has overtaken it: a refusal would keep every later act of its chain out
    /// for ever.
    pub(super) fn offline_act(&mut self, cx: &Context<'_>, act: &Act) -> Result<Applied, Refusal> {
        self.check_offline_place(cx)?;
        self.check_taken_in(cx.by.id)?;
        let applied = match self.authority_rule(cx, act) {
            Err(refusal) if overtaken(&refusal) => Applied::to(Audience::Officers),
            judged => judged?,
        };
        if let Some(chain) = &mut self.offline {
            chain.sequence += 1;
            chain.last = cx.by.id;
        }
        if let Some(open) = &mut self.submit {
            open.taken.push(cx.by.id);
            if open.taken.len() as u64 == u64::from(open.count) {
                self.submit = None;
            }
        }
        Ok(applied)
    }

    fn check_offline_place(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let site = self.founded()?;
        let header = cx.header;
        let chain = self.offline.as_ref().ok_or(Refusal::WrongLog)?;
        if header.log != LogId::ZERO && header.log != site.log {
            return Err(Refusal::WrongLog);
        }
        if header.certificate != site.issuing_id() {
            return Err(Refusal::UnknownCertificate);
        }
        if cx.key != site.issuing.key_hash() {
            return Err(Refusal::WrongCertificateUse);
        }
        if let Some(index) = site.issuing_revoked() {
            return Err(Refusal::CertificateRevoked { index });
        }
        if !site.authorities_valid_at(cx.now_ms) {
            return Err(Refusal::CertificateExpired { at_ms: cx.now_ms });
        }
        if header.chain != chain.chain {
            return Err(Refusal::ChainEnded);
        }
        if header.sequence != chain.sequence {
            return Err(Refusal::OutOfSequence { expected: chain.sequence, found: header.sequence });
        }
        if header.previous != chain.last {
            return Err(Refusal::WrongPrevious);
        }
        if header.head.size != 0 || header.head.root != crate::tree::empty_root() {
            return Err(Refusal::WrongHead { size: header.head.size });
        }
        Ok(())
    }

    /// Inside a Submit, or while the daemon does not run: after the genesis, and by the machine's console.
    fn check_taken_in(&self, id: StatementId) -> Result<(), Refusal> {
        match &self.submit {
            None if self.running => Err(Refusal::NotSubmitted),
            None => Ok(()),
            Some(OpenSubmit { count, digest, taken, .. }) => {
                let last = taken.len() as u64 + 1 == u64::from(*count);
                if last && submit_digest(taken.iter().chain([&id])) != *digest {
                    return Err(Refusal::SubmitMismatch);
                }
                Ok(())
            }
        }
    }

    fn authority_rule(&mut self, cx: &Context<'_>, act: &Act) -> Result<Applied, Refusal> {
        match act {
            Act::Enrol(act) => self.enrol(cx, act),
            Act::Revoke(act) => self.revoke(cx, act),
            Act::Crl(act) => self.take_list(cx, &act.list),
            Act::CrlPart(act) => self.take_list_part(cx, act),
            Act::EnvelopePrint(act) => self.envelope_print(cx, act),
            Act::EnvelopeHandOver(act) => self.envelope_hand_over(cx, act),
            Act::EnvelopeVoid(act) => self.envelope_void(cx, act),
            Act::Genesis(_) => Err(Refusal::AlreadyFounded),
            Act::Submit(_)
            | Act::Propose(_)
            | Act::Approve(_)
            | Act::Withdraw(_)
            | Act::Login(_)
            | Act::Logout(_)
            | Act::SetPassword(_)
            | Act::Suspend(_)
            | Act::Resume(_)
            | Act::Unlock(_)
            | Act::EndSession(_)
            | Act::Create(_)
            | Act::Invite(_)
            | Act::Accept(_)
            | Act::Leave(_)
            | Act::Remove(_)
            | Act::HandOver(_)
            | Act::Epoch(_)
            | Act::ShareHistory(_)
            | Act::BadWrap(_)
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
            | Act::Finding(_) => Err(Refusal::WrongRole),
        }
    }
}
