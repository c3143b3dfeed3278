//! What officers, administrators and auditors do: Submits, acts of two, suspending, unlocking, ending sessions.
//! Never lets one officer do what needs two.

use super::clock_set::CLOCK_SET_OPEN_MS;
use super::closed::Closed;
use super::former::Former;
use super::session::{Heads, check_covered};
use super::{
    Applied, Audience, ChainEnd, Context, DROPPED_CELLS_MAX, Due, Effect, OpenSubmit, PROPOSALS_MAX,
    PROPOSALS_OF_ONE_MAX, Proposal, Register,
};
use crate::act::{
    Act, Approve, Backup, DualAct, EndSession, Export, Family, Propose, Resume, Submit, Suspend, Unlock,
    Withdraw,
};
use crate::ids::Index;
use crate::policy::Policy;
use crate::refusal::Refusal;
use pki::{CertId, PersonId, Role, canonical};

/// How long a proposal of this act is open, where the policy says `proposal_ms`.
pub(super) fn open_ms(act: &DualAct, proposal_ms: u64) -> u64 {
    match act {
        // It names a moment: while the time stands it stays near, and behind that nobody approves a stale one.
        DualAct::SetClock(_) => proposal_ms.min(CLOCK_SET_OPEN_MS),
        DualAct::Policy(_)
        | DualAct::AdmitOfficer(_)
        | DualAct::Erase(_)
        | DualAct::LiftHold(_)
        | DualAct::DropCell(_)
        | DualAct::Close(_) => proposal_ms,
    }
}

impl Register {
    /// The signing certificate grants a role that may do this at all.
    pub(super) fn check_role(&self, cx: &Context<'_>, act: &Act) -> Result<(), Refusal> {
        let may: &[Role] = match act.family() {
            Family::Office if matches!(act, Act::EndSession(_)) => &[Role::Officer, Role::Administrator],
            Family::Office if matches!(act, Act::Backup(_)) => &[Role::Administrator],
            Family::Office => &[Role::Officer],
            Family::Audit => &[Role::Auditor],
            Family::Membership | Family::Talk | Family::Erasure => &[Role::Operator, Role::Bot],
            Family::Session => return Ok(()),
            Family::Beginning | Family::Authority => return Err(Refusal::NotSubmitted),
        };
        let roles = self.roles_of_session(cx.header.certificate);
        if may.iter().any(|role| roles.contains(*role)) { Ok(()) } else { Err(Refusal::WrongRole) }
    }

    pub(super) fn submit(&mut self, cx: &Context<'_>, act: &Submit) -> Result<Applied, Refusal> {
        if act.count == 0 {
            return Err(Refusal::SubmitMismatch);
        }
        self.submit = Some(OpenSubmit {
            person: cx.by.signer,
            count: act.count,
            digest: act.digest,
            taken: Vec::new(),
        });
        Ok(Applied::with(Audience::Officers, vec![Effect::SubmitOpened { count: act.count }]))
    }

    pub(super) fn propose(&mut self, cx: &Context<'_>, act: &Propose) -> Result<Applied, Refusal> {
        let dual: DualAct = canonical::decode(&act.act)
            .map_err(|error| Refusal::BadProposal { reason: error.to_string() })?;
        self.check_dual(cx, &dual)?;
        if self.proposals.len() >= PROPOSALS_MAX {
            return Err(Refusal::TooManyProposals { limit: PROPOSALS_MAX as u64 });
        }
        if self.proposals.values().filter(|open| open.person == cx.by.signer).count() >= PROPOSALS_OF_ONE_MAX
        {
            return Err(Refusal::TooManyOwnProposals { limit: PROPOSALS_OF_ONE_MAX as u64 });
        }
        let deadline_ms = cx.now_ms.saturating_add(open_ms(&dual, self.ruling_policy()?.proposal_ms));
        self.derived.deadlines.insert((deadline_ms, Due::Proposal(cx.by.index)));
        let proposal = Proposal { person: cx.by.signer, act: act.act.clone(), deadline_ms };
        self.proposals.insert(cx.by.index, proposal);
        Ok(Applied::to(Audience::Officers))
    }

    /// The act could take effect now.
    fn check_dual(&self, cx: &Context<'_>, dual: &DualAct) -> Result<(), Refusal> {
        match dual {
            DualAct::Policy(policy) => {
                policy.check()?;
                // The same again says something only where the officers are asked whether the date is right.
                let says = policy != self.ruling_policy()? || self.date_is_asked(cx.ran_ms);
                if says { Ok(()) } else { Err(Refusal::Unchanged) }
            }
            DualAct::AdmitOfficer(certificate) => {
                let row = self.certificates.get(certificate).ok_or(Refusal::UnknownCertificate)?;
                if let Some(index) = row.revoked {
                    return Err(Refusal::CertificateRevoked { index });
                }
                if row.key().is_none() || !row.certificate().roles().contains(Role::Officer) {
                    return Err(Refusal::BadProposal { reason: "no officer's signature certificate".into() });
                }
                if row.admitted { Err(Refusal::Unchanged) } else { Ok(()) }
            }
            DualAct::Erase(order) => self.check_order(cx, order),
            DualAct::LiftHold(hold) if self.holds.contains_key(hold) => Ok(()),
            DualAct::LiftHold(hold) => Err(Refusal::NoSuchHold { hold: *hold }),
            DualAct::DropCell(cell) if self.dropped_cells.contains_key(cell) => Err(Refusal::Unchanged),
            DualAct::DropCell(_) if self.dropped_cells.len() >= DROPPED_CELLS_MAX => {
                Err(Refusal::BadProposal { reason: "no store has so many cells".into() })
            }
            DualAct::DropCell(_) => Ok(()),
            DualAct::Close(successor) => self.check_close(successor),
            DualAct::SetClock(to_ms) => self.check_clock_set(*to_ms, cx.ran_ms),
        }
    }

    pub(super) fn approve(&mut self, cx: &Context<'_>, act: &Approve) -> Result<Applied, Refusal> {
        let missing = Refusal::NoSuchProposal { proposal: act.proposal };
        let Some(proposal) = self.proposals.get(&act.proposal) else { return Err(missing) };
        if proposal.person == cx.by.signer {
            return Err(Refusal::SecondPersonNeeded);
        }
        check_covered(cx.header, act.proposal)?;
        // The proposer's word counts only while he is an officer in good standing.
        let proposer = self.people.get(&proposal.person);
        if !proposer.is_some_and(|person| self.is_standing_officer(person, cx.now_ms)) {
            return Err(missing);
        }
        let dual: DualAct = canonical::decode(&proposal.act)
            .map_err(|error| Refusal::BadProposal { reason: error.to_string() })?;
        self.check_dual(cx, &dual)?;
        let confirms_date = self.confirms_date(act.proposal, &dual);
        if matches!(&dual, DualAct::Policy(policy) if policy == self.ruling_policy()?) && !confirms_date {
            // The clock went on behind their proposal: what it says of the date is not true any more.
            return Err(Refusal::Unchanged);
        }
        let objection_ms = self.objection_ms(cx.now_ms, cx.ran_ms)?;
        let proposed = (act.proposal, proposal.person);
        self.drop_proposal(act.proposal);
        let effects = match dual {
            DualAct::Policy(policy) => {
                if confirms_date {
                    self.date_is_right(cx.ran_ms);
                }
                self.set_policy(cx, policy)
            }
            DualAct::AdmitOfficer(certificate) => self.admit_officer(certificate),
            DualAct::Erase(order) => self.begin_order(cx, proposed, order, objection_ms),
            DualAct::LiftHold(hold) => {
                let mut effects = Vec::new();
                self.end_hold(hold, &mut effects);
                effects
            }
            DualAct::DropCell(cell) => {
                self.dropped_cells.insert(cell, cx.by.index);
                vec![Effect::CellDropped { cell }]
            }
            DualAct::Close(successor) => {
                self.closed = Some(Closed { index: cx.by.index, at_ms: cx.now_ms, successor });
                Vec::new()
            }
            // What follows from it waits for the entry's own stamp: see `clock_set.rs`.
            DualAct::SetClock(to_ms) => vec![Effect::ClockSet { from_ms: cx.now_ms, to_ms }],
        };
        Ok(Applied::with(Audience::Everyone, effects))
    }

    fn set_policy(&mut self, cx: &Context<'_>, policy: Policy) -> Vec<Effect> {
        if let Some(site) = &mut self.site {
            site.former = Former::behind(site, &policy, (cx.now_ms, cx.ran_ms));
            site.policy = policy;
            site.policy_index = cx.by.index;
        }
        self.reschedule(cx.now_ms, cx.ran_ms);
        vec![Effect::PolicyChanged]
    }

    /// The signature certificate may act, and with it the agreement certificate that was enrolled beside it.
    fn admit_officer(&mut self, certificate: CertId) -> Vec<Effect> {
        let Some(enrolled) = self.certificates.get(&certificate).map(|row| row.index) else {
            return Vec::new();
        };
        for row in self.certificates.values_mut().filter(|row| row.index == enrolled) {
            row.admitted = true;
        }
        vec![Effect::OfficerAdmitted { certificate }]
    }

    pub(super) fn withdraw(&mut self, cx: &Context<'_>, act: &Withdraw) -> Result<Applied, Refusal> {
        let own = self.proposals.get(&act.proposal).is_some_and(|found| found.person == cx.by.signer);
        if !own {
            return self.withdraw_order(cx, act.proposal);
        }
        self.drop_proposal(act.proposal);
        Ok(Applied::to(Audience::Officers))
    }

    /// The word of who is revoked waits for nobody any more. Who is suspended may be back: one officer alone ends no other's
    /// proposal.
    pub(super) fn drop_proposals_of(&mut self, person: PersonId, effects: &mut Vec<Effect>) {
        let his = self.proposals.iter().filter(|(_, open)| open.person == person).map(|(index, _)| *index);
        for proposal in his.collect::<Vec<_>>() {
            self.drop_proposal(proposal);
            effects.push(Effect::ProposalLapsed { proposal });
        }
    }

    pub(super) fn drop_proposal(&mut self, index: Index) {
        if let Some(proposal) = self.proposals.remove(&index) {
            self.derived.deadlines.remove(&(proposal.deadline_ms, Due::Proposal(index)));
        }
    }

    pub(super) fn suspend(&mut self, cx: &Context<'_>, act: &Suspend) -> Result<Applied, Refusal> {
        let person = self.standing_person(act.person)?;
        if person.suspended.is_some() {
            return Err(Refusal::Unchanged);
        }
        if person.roles.contains(Role::Server) {
            return Err(Refusal::ServerRevocation);
        }
        self.check_officers_left(act.person, cx.now_ms)?;
        let mut effects = Vec::new();
        if let Some(person) = self.people.get_mut(&act.person) {
            person.suspended = Some(cx.by.index);
        }
        self.silence(act.person, None, cx.by.index, &mut effects);
        self.end_chain(act.person, ChainEnd::Suspended, &mut effects);
        Ok(Applied::with(Audience::Officers, effects))
    }

    pub(super) fn resume(&mut self, _cx: &Context<'_>, act: &Resume) -> Result<Applied, Refusal> {
        self.standing_person(act.person)?;
        match self.people.get_mut(&act.person) {
            Some(person) if person.suspended.is_some() => {
                person.suspended = None;
                Ok(Applied::to(Audience::Officers))
            }
            _ => Err(Refusal::Unchanged),
        }
    }

    pub(super) fn unlock(&mut self, _cx: &Context<'_>, act: &Unlock) -> Result<Applied, Refusal> {
        self.standing_person(act.person)?;
        match self.people.get_mut(&act.person) {
            Some(person) if person.locked.is_some() => {
                person.locked = None;
                person.wrong_passwords = 0;
                Ok(Applied::to(Audience::Officers))
            }
            _ => Err(Refusal::Unchanged),
        }
    }

    pub(super) fn end_session(&mut self, cx: &Context<'_>, act: &EndSession) -> Result<Applied, Refusal> {
        if self.chains.get(&act.person).is_none_or(|live| live.chain != act.chain) {
            return Err(Refusal::NoSuchSession);
        }
        let mut effects = Vec::new();
        // Who ends each of somebody's sessions at once leaves him no time to object.
        if cx.by.signer != act.person {
            self.silence(act.person, None, cx.by.index, &mut effects);
        }
        self.end_chain(act.person, ChainEnd::EndSession, &mut effects);
        Ok(Applied::with(Audience::Officers, effects))
    }

    /// An administrator has taken a backup away: of this log, and of what was there.
    pub(super) fn backup(
        &mut self,
        cx: &Context<'_>,
        act: &Backup,
        heads: Heads<'_>,
    ) -> Result<Applied, Refusal> {
        if act.size == 0 || act.size > cx.by.index || heads(act.size) != Some(act.root) {
            return Err(Refusal::WrongHead { size: act.size });
        }
        Ok(Applied::to(Audience::Officers))
    }

    /// An auditor takes out entries that there are.
    pub(super) fn export(&mut self, cx: &Context<'_>, act: &Export) -> Result<Applied, Refusal> {
        if act.from >= act.to || act.to > cx.by.index {
            return Err(Refusal::NoSuchRange { size: cx.by.index });
        }
        Ok(Applied::to(Audience::Officers))
    }
}
