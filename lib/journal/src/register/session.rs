//! Login, the place of a statement in its chain, and the end of chains.
//! Never checks a password, a nonce or a connection: that is the engine's, and said to be the server's claim.

use super::{
    Applied, Audience, Certified, ChainEnd, Context, Effect, EnvelopeState, LastLogin, LiveChain,
    PasswordState, Register,
};
use crate::act::{Act, Login};
use crate::ids::{Chain, Hash, Head, StatementId};
use crate::refusal::Refusal;
use crate::statement::Header;
use pki::{PersonId, Role};

pub(super) type Heads<'a> = &'a dyn Fn(u64) -> Option<Hash>;

/// Roles whose holders open sessions.
const MAY_LOG_IN: [Role; 6] =
    [Role::Operator, Role::Officer, Role::Administrator, Role::Auditor, Role::Bot, Role::Witness];

impl Register {
    /// Opens a chain.
    pub(super) fn login(
        &mut self,
        cx: &Context<'_>,
        act: &Login,
        heads: Heads<'_>,
    ) -> Result<Applied, Refusal> {
        self.check_open(cx)?;
        let header = cx.header;
        if header.chain != Chain::ZERO || header.sequence != 0 {
            return Err(Refusal::OutOfSequence { expected: 0, found: header.sequence });
        }
        if header.previous != StatementId::ZERO {
            return Err(Refusal::WrongPrevious);
        }
        check_head(header.head, cx.by.index, heads, true)?;
        self.check_certificate(cx)?;
        self.check_may_log_in(cx)?;
        let server = self.certificates.get(&act.server_certificate).ok_or(Refusal::UnknownCertificate)?;
        if server.revoked.is_some() || !server.certificate().roles().contains(Role::Server) {
            return Err(Refusal::UnknownCertificate);
        }
        self.check_rate(cx, self.ruling_policy()?.statements_per_minute)?;
        if let Some(live) = self.chains.get(&cx.by.signer)
            && !act.end_other
        {
            return Err(Refusal::SessionLive { index: live.login });
        }
        Ok(self.open_chain(cx))
    }

    fn check_may_log_in(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let signer = cx.by.signer;
        let person = self.people.get(&signer).ok_or(Refusal::UnknownPerson { person: signer })?;
        // Nothing else binds a Login to one place. Only the last is remembered here; an audit looks through all of them.
        if let Some(last) = person.last_login.filter(|last| last.id == cx.by.id) {
            return Err(Refusal::LoginRepeated { index: last.index });
        }
        let roles = self.roles_of_session(cx.header.certificate);
        if !MAY_LOG_IN.into_iter().any(|role| roles.contains(role)) {
            return Err(Refusal::WrongRole);
        }
        if let Some(index) = person.suspended {
            return Err(Refusal::Suspended { index });
        }
        if person.locked.is_some() {
            return Err(Refusal::Locked);
        }
        if person.password == PasswordState::None {
            return Err(Refusal::NoPassword);
        }
        Ok(())
    }

    fn open_chain(&mut self, cx: &Context<'_>) -> Applied {
        let signer = cx.by.signer;
        let mut effects = Vec::new();
        self.end_chain(signer, ChainEnd::NewLogin, &mut effects);
        let mut must_set_password = false;
        if let Some(person) = self.people.get_mut(&signer) {
            person.wrong_passwords = 0;
            person.last_login = Some(LastLogin { id: cx.by.id, index: cx.by.index });
            must_set_password =
                matches!(person.password, PasswordState::Envelope(_) | PasswordState::Doubtful);
        }
        let chain = Chain(cx.leaf);
        self.chains.insert(
            signer,
            LiveChain {
                chain,
                certificate: cx.header.certificate,
                login: cx.by.index,
                sequence: 0,
                last: cx.by.id,
                last_index: cx.by.index,
                must_set_password,
            },
        );
        self.count_rate(cx);
        effects.push(Effect::ChainStarted { person: signer, chain, index: cx.by.index, must_set_password });
        Applied::with(Audience::Person(signer), effects)
    }

    /// The log is this one, it is open, and no Submit waits for its acts.
    fn check_open(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let site = self.founded()?;
        if !self.running {
            return Err(Refusal::NotRunning);
        }
        if let Some(open) = &self.submit {
            let missing = u64::from(open.count).saturating_sub(open.taken.len() as u64);
            return Err(Refusal::SubmitOpen { missing: u32::try_from(missing).unwrap_or(u32::MAX) });
        }
        if cx.header.log != site.log {
            return Err(Refusal::WrongLog);
        }
        Ok(())
    }

    /// The certificate may sign statements of this person now.
    pub(super) fn check_certificate(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let certified = self.signing_certificate(cx)?;
        let owner = certified.certificate().person().unwrap_or(PersonId(0));
        if owner != cx.by.signer {
            return Err(Refusal::WrongPerson { person: owner });
        }
        if certified.key().is_none() || certified.key_hash() != cx.key {
            return Err(Refusal::WrongCertificateUse);
        }
        if let Some(index) = certified.revoked {
            return Err(Refusal::CertificateRevoked { index });
        }
        if !certified.admitted {
            return Err(Refusal::NotAdmitted);
        }
        let site = self.founded()?;
        if let Some(index) = site.issuing_revoked() {
            return Err(Refusal::CertificateRevoked { index });
        }
        if !certified.valid_at(cx.now_ms) || !site.authorities_valid_at(cx.now_ms) {
            return Err(Refusal::CertificateExpired { at_ms: cx.now_ms });
        }
        Ok(())
    }

    fn signing_certificate(&self, cx: &Context<'_>) -> Result<&Certified, Refusal> {
        self.certificates.get(&cx.header.certificate).ok_or(Refusal::UnknownCertificate)
    }

    /// The statement is the next one of its signer's live chain, by chain, certificate and number. Whoever asks before
    /// `apply` (to tell a retry from a second text) asks here too, so that there is one judgement.
    pub fn check_next(&self, header: &Header) -> Result<&LiveChain, Refusal> {
        let live = self.chains.get(&header.person).ok_or(Refusal::ChainEnded)?;
        if live.chain != header.chain || live.certificate != header.certificate {
            return Err(Refusal::ChainEnded);
        }
        let expected = live.sequence + 1;
        if header.sequence != expected {
            return Err(Refusal::OutOfSequence { expected, found: header.sequence });
        }
        Ok(live)
    }

    /// The statement stands where it says, in a live chain of its signer.
    pub(super) fn check_place(&self, cx: &Context<'_>, act: &Act, heads: Heads<'_>) -> Result<(), Refusal> {
        self.check_open(cx)?;
        self.check_certificate(cx)?;
        let header = cx.header;
        let live = self.check_next(header)?;
        if header.previous != live.last {
            return Err(Refusal::WrongPrevious);
        }
        check_head(header.head, cx.by.index, heads, false)?;
        if live.must_set_password && !matches!(act, Act::SetPassword(_) | Act::Logout(_)) {
            return Err(Refusal::MustSetPassword);
        }
        self.check_rate(cx, self.ruling_policy()?.statements_per_minute)
    }

    /// The chain moves on past an admitted statement.
    pub(super) fn advance(&mut self, cx: &Context<'_>) {
        if let Some(live) = self.chains.get_mut(&cx.by.signer)
            && live.chain == cx.header.chain
        {
            live.sequence = cx.header.sequence;
            live.last = cx.by.id;
            live.last_index = cx.by.index;
        }
        self.count_rate(cx);
    }

    /// Ends a person's chain, if one lives.
    pub(super) fn end_chain(&mut self, person: PersonId, why: ChainEnd, effects: &mut Vec<Effect>) {
        if let Some(live) = self.chains.remove(&person) {
            effects.push(Effect::ChainEnded { person, chain: live.chain, why });
        }
    }

    pub(super) fn logout(&mut self, cx: &Context<'_>) -> Result<Applied, Refusal> {
        let mut effects = Vec::new();
        self.end_chain(cx.by.signer, ChainEnd::Logout, &mut effects);
        Ok(Applied::with(Audience::Person(cx.by.signer), effects))
    }

    pub(super) fn set_password(&mut self, cx: &Context<'_>) -> Result<Applied, Refusal> {
        let signer = cx.by.signer;
        let person = self.people.get_mut(&signer).ok_or(Refusal::UnknownPerson { person: signer })?;
        let mut effects = vec![Effect::PasswordSet { person: signer }];
        if let PasswordState::Envelope(number) = person.password
            && let Some(envelope) = self.envelopes.get_mut(&number)
        {
            envelope.state = EnvelopeState::Used;
            envelope.index = cx.by.index;
            effects.push(Effect::EnvelopeVoided { number, person: signer });
        }
        person.password = PasswordState::Own;
        if let Some(live) = self.chains.get_mut(&signer) {
            live.must_set_password = false;
        }
        self.regains_say(cx, signer);
        Ok(Applied::with(Audience::Person(signer), effects))
    }
}

/// The head that a statement names is this log's. Only a first Login may have seen nothing.
fn check_head(head: Head, index: u64, heads: Heads<'_>, may_be_empty: bool) -> Result<(), Refusal> {
    let wrong = Refusal::WrongHead { size: head.size };
    if head.size == 0 {
        return if may_be_empty && head.root == crate::tree::empty_root() { Ok(()) } else { Err(wrong) };
    }
    if head.size > index || heads(head.size) != Some(head.root) {
        return Err(wrong);
    }
    Ok(())
}

/// What a statement names by its index alone lies under the head that it names: else it would bind no bytes of it, and
/// who orders entries would choose what was meant.
pub(super) fn check_covered(header: &Header, index: u64) -> Result<(), Refusal> {
    let size = header.head.size;
    if size > index { Ok(()) } else { Err(Refusal::NotCovered { index, size }) }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
