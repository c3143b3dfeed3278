//! What a policy that takes time or messages away from people replaces: it counts on for as long as they may object.
//! Never lets two officers set that time for their own order, nor a schedule surprise whom it takes from.

use super::{Register, Site};
use crate::act::ConversationKind;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::retention::Retention;
use minicbor::{Decode, Encode};
use pki::Clearance;

/// What ruled before, as far as it was longer; the longer counts until both clocks show these times.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Former {
    /// How long those concerned could object.
    #[n(0)]
    pub objection_ms: u64,
    /// How long before its end a hold was called to mind.
    #[n(1)]
    pub hold_warning_ms: u64,
    /// How long messages were kept.
    #[n(2)]
    pub retention: Retention,
    /// Until then by the wall clock.
    #[n(3)]
    until_ms: u64,
    /// And until the server has run for so long.
    #[n(4)]
    until_ran_ms: u64,
}

impl Former {
    /// What counts on beside this policy, which follows the site's at these times. Of what was shortened twice in a row the
    /// first, which was the longest, and its time begins anew.
    pub(super) fn behind(site: &Site, policy: &Policy, (now_ms, ran_ms): (u64, u64)) -> Option<Self> {
        let before = site.former.as_ref().filter(|former| former.counts(now_ms, ran_ms));
        if !policy.shortens(&site.policy) {
            return before.cloned();
        }
        let (objection_ms, hold_warning_ms, retention) = match before {
            Some(former) => (
                former.objection_ms.max(site.policy.objection_ms),
                former.hold_warning_ms.max(site.policy.hold_warning_ms),
                former.retention.clone(),
            ),
            None => (site.policy.objection_ms, site.policy.hold_warning_ms, site.policy.retention.clone()),
        };
        let until_ms = now_ms.saturating_add(objection_ms);
        let until_ran_ms = ran_ms.saturating_add(objection_ms);
        Some(Self { objection_ms, hold_warning_ms, retention, until_ms, until_ran_ms })
    }

    /// The clock was set back: it counts no longer than if it began then.
    pub(super) fn set_back(&mut self, now_ms: u64) {
        self.until_ms = self.until_ms.min(now_ms.saturating_add(self.objection_ms));
    }

    fn counts(&self, now_ms: u64, ran_ms: u64) -> bool {
        now_ms < self.until_ms || ran_ms < self.until_ran_ms
    }

    /// For how many days a message is kept by it too; `None`: for ever.
    pub(super) fn longer(&self, kind: ConversationKind, label: Clearance, days: u32) -> Option<u32> {
        self.retention.rule_for(kind, label).map(|(_, before)| days.max(before))
    }
}

impl Register {
    /// What counts on at these times.
    pub(super) fn former(&self, now_ms: u64, ran_ms: u64) -> Option<&Former> {
        self.site.as_ref()?.former.as_ref().filter(|former| former.counts(now_ms, ran_ms))
    }

    /// What counts on beside the policy in force, the longer of both, and until when by the wall clock at least: for who
    /// asks what rules.
    pub fn former_now(&self, wall_ms: u64, boot_ms: u64) -> Option<(&Former, u64)> {
        let former = self.former(wall_ms, self.ran_by(boot_ms))?;
        Some((former, former.until_ms.max(self.wall_of(former.until_ran_ms))))
    }

    /// How long those concerned may object to what is ordered at these times.
    pub(super) fn objection_ms(&self, now_ms: u64, ran_ms: u64) -> Result<u64, Refusal> {
        let now = self.ruling_policy()?.objection_ms;
        Ok(self.former(now_ms, ran_ms).map_or(now, |former| former.objection_ms.max(now)))
    }

    /// How long officers are to be warned, at these times.
    pub(super) fn hold_warning_ms(&self, now_ms: u64, ran_ms: u64) -> Result<u64, Refusal> {
        let now = self.ruling_policy()?.hold_warning_ms;
        Ok(self.former(now_ms, ran_ms).map_or(now, |former| former.hold_warning_ms.max(now)))
    }
}

#[cfg(test)]
#[path = "former_tests.rs"]
mod tests;
