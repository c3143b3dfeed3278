//! The site's policy, by the entries that set it: the genesis, or what one officer proposed and another approved.
//! Never acts on a policy because the server says that it rules, and never goes back behind one that was proven.
//!
//! That an officer was in good standing, and that nothing newer was approved, only a replay of the whole log can tell.

use super::error::{Error, What};
use super::flow::Cx;
use super::receive::Checked;
use super::state::State;
use crate::answer::Answer;
use crate::query::Query;
use journal::act::{Act, DualAct};
use journal::ids::{Index, StatementId};
use journal::policy::Policy;
use pki::{PersonId, canonical};

/// A policy, and the entry that was proven to set it.
pub(crate) type Proven = (Policy, Index);

impl State {
    /// The policy that the server names is the one that is known (`Some(true)`), one behind it (`Some(false)`), or new.
    fn judge_policy(&self, bytes: &[u8], index: Index) -> Option<bool> {
        let known = self.policy.as_ref().filter(|(_, at)| *at == index);
        if known.is_some_and(|(policy, _)| canonical::encode(policy) == bytes) {
            return Some(true);
        }
        self.record.policy.is_some_and(|newest| newest > index).then_some(false)
    }

    fn keep_policy(&mut self, proven: &Proven) {
        if self.record.policy.is_none_or(|newest| newest <= proven.1) {
            self.policy = Some(proven.clone());
            if self.record.policy.replace(proven.1) != Some(proven.1) {
                self.persist();
            }
        }
    }

    /// The officer who signed an entry.
    pub(crate) fn officer_of(&self, entry: &Checked) -> Option<PersonId> {
        let (header, _) = entry.act()?;
        (header.person != PersonId(0) && self.is_officer(entry)).then_some(header.person)
    }
}

impl Cx {
    /// The policy in force as far as this terminal can be shown.
    pub(crate) async fn policy(&self) -> Result<Proven, Error> {
        // A newer one may have been proven behind the first answer: that it is older counts only the second time.
        for _ in 0..2 {
            let Answer::Policy(bytes, index, closed) = self.ask(Query::Policy).await? else {
                return Err(Error::unverified(What::Answer));
            };
            if let Some(closed) = closed {
                self.learn_closed(closed).await?;
            }
            match self.with(|state| state.judge_policy(&bytes, index)) {
                Some(true) => {
                    let known = self.with(|state| state.policy.clone());
                    return known.ok_or(Error::unverified(What::Policy));
                }
                Some(false) => {}
                None => {
                    let proven = (self.prove_policy(&bytes, index).await?, index);
                    self.with(|state| state.keep_policy(&proven));
                    return Ok(proven);
                }
            }
        }
        Err(Error::unverified(What::Policy))
    }

    /// The policy in the entry at this index, if it is the one that the server names.
    async fn prove_policy(&self, bytes: &[u8], index: Index) -> Result<Policy, Error> {
        let found = self.proven_policy(index).await?;
        (canonical::encode(&found) == bytes).then_some(found).ok_or(Error::unverified(What::Policy))
    }

    /// The policy that the entry at this index set, whether it rules still or not.
    pub(crate) async fn policy_at(&self, index: Index) -> Result<Policy, Error> {
        let known = self.with(|state| state.policy.clone()).filter(|(_, at)| *at == index);
        if let Some((policy, _)) = known {
            return Ok(policy);
        }
        let proven = (self.proven_policy(index).await?, index);
        self.with(|state| state.keep_policy(&proven));
        Ok(proven.0)
    }

    async fn proven_policy(&self, index: Index) -> Result<Policy, Error> {
        let bad = Error::unverified(What::Policy);
        let set = self.entry(index).await?;
        let Some((_, act)) = set.act() else { return Err(bad) };
        let found = if let Act::Genesis(genesis) = act {
            // The log's id, on the site card, is the genesis' own.
            let ours = self.with(|state| set.id() == Some(StatementId(state.trust.log().0)));
            Some(genesis.policy.clone()).filter(|_| ours && index == 0)
        } else {
            match self.of_two(&set).await? {
                Some((DualAct::Policy(policy), _)) => Some(policy),
                Some((
                    DualAct::AdmitOfficer(_)
                    | DualAct::Erase(_)
                    | DualAct::LiftHold(_)
                    | DualAct::DropCell(_)
                    | DualAct::Close(_)
                    | DualAct::SetClock(_),
                    _,
                ))
                | None => None,
            }
        };
        found.filter(|policy| policy.check().is_ok()).ok_or(bad)
    }

    /// The act that an `Approve` gave effect to, with the officer who proposed it and the one who approved; `None` where
    /// it is no act of two officers.
    pub(crate) async fn of_two(&self, set: &Checked) -> Result<Option<(DualAct, [PersonId; 2])>, Error> {
        let Some((_, Act::Approve(approve))) = set.act() else { return Ok(None) };
        if approve.proposal >= set.index {
            return Ok(None);
        }
        let proposed = self.entry(approve.proposal).await?;
        let officers = self.with(|state| Some([state.officer_of(&proposed)?, state.officer_of(set)?]));
        let Some((_, Act::Propose(propose))) = proposed.act() else { return Ok(None) };
        let officers = officers.filter(|[one, other]| one != other);
        Ok(canonical::decode(&propose.act).ok().zip(officers))
    }
}
