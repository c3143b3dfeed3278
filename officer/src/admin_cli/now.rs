//! What rules now, beside which a change is read: the policy, what counts on from before it, and the server's date.
//! Never proves anything: all of it is the server's word, which an audit works out from the log.

use super::online::Online;
use super::policy_words::{Rule, longer, rule_lines};
use super::retention;
use super::retention_words::falls;
use super::trouble::Trouble;
use console::Lang;
use console::when::{duration, minute};
use journal::Index;
use journal::act::DualAct;
use journal::policy::Policy;
use journal::retention::Retention;
use protocol::answer::{FormerRecord, RetentionRecord};

/// See the module.
pub(super) struct Now {
    pub(super) policy: Policy,
    /// The entry that set it.
    pub(super) policy_index: Index,
    /// What counts on beside it.
    pub(super) former: Option<Box<FormerRecord>>,
    /// How the schedule stands, where a policy was proposed.
    pub(super) record: Option<RetentionRecord>,
}

impl Now {
    /// Asks for what is needed to read these proposals.
    pub(super) fn fetch<'a>(
        online: &mut Online,
        acts: impl IntoIterator<Item = &'a DualAct>,
    ) -> Result<Self, Trouble> {
        let (policy, policy_index) = online.policy()?;
        let former = online.former()?;
        let policies = acts.into_iter().filter_map(|act| match act {
            DualAct::Policy(to) => Some(to),
            DualAct::AdmitOfficer(_)
            | DualAct::Erase(_)
            | DualAct::LiftHold(_)
            | DualAct::DropCell(_)
            | DualAct::Close(_)
            | DualAct::SetClock(_) => None,
        });
        // What would fall is counted only for who says that the date is right: the server counts seldom.
        let counted = policies.map(|to| *to == policy).max();
        let record = match counted {
            Some(true) => Some(retention::ask(online, None)?),
            Some(false) => Some(retention::ask(online, Some(Retention::default()))?),
            None => None,
        };
        Ok(Self { policy, policy_index, former, record })
    }

    /// From when on what a policy shortens counts, if two officers set it now; nothing where it shortens nothing.
    pub(super) fn later(&self, to: &Policy, lang: Lang) -> String {
        if !to.shortens(&self.policy) {
            return String::new();
        }
        let before_ms = self.former.as_ref().map_or(0, |former| former.objection_ms);
        let wait_ms = before_ms.max(self.policy.objection_ms);
        let wait = duration(wait_ms, lang);
        let from = self.record.as_ref().map(|record| minute(record.now_ms.saturating_add(wait_ms)));
        let (en, ru) = match from {
            Some(from) => (format!("{from} at the earliest, "), format!("не раньше {from}, ")),
            None => (String::new(), String::new()),
        };
        lang.pick(
            format!("  what is shortened counts from {en}{wait} after an approval now; until then the longer of both\n"),
            format!("  сокращённое действует {ru}через {wait} после утверждения; до того — более долгое из двух\n"),
        )
    }

    /// What an earlier change has shortened and counts on all the same.
    pub(super) fn counts_on(&self, lang: Lang) -> String {
        self.former.as_ref().map_or(String::new(), |former| former_lines(former, &self.policy, lang))
    }

    /// That a policy changes nothing, and what two officers say by it all the same: that the server's date is right.
    pub(super) fn unchanged(&self, lang: Lang) -> String {
        let mut out = lang
            .pick("  nothing: the policy says so already\n", "  ничего: политика и так такова\n")
            .to_owned();
        let Some(record) = &self.record else { return out };
        let date = minute(record.now_ms);
        out.push_str(&lang.pick(
            format!("  by this two officers say that the server's date is RIGHT: {date}\n"),
            format!("  этим двое офицеров подтверждают, что дата на сервере ВЕРНА: {date}\n"),
        ));
        if record.waits_ms.is_some() {
            out.push_str(lang.pick(
                "  runs of the retention schedule wait because of the date; then they wait no longer, and what is due falls:\n",
                "  стирание по срокам ждёт из-за даты; тогда ожидание кончится и сотрётся то, чей срок истёк:\n",
            ));
            out.push_str(&falls(&self.policy.retention, &self.policy.labels, record, lang));
        }
        out
    }
}

/// What counts on beside a policy, and until when; empty where nothing of it is longer.
pub(super) fn former_lines(former: &FormerRecord, policy: &Policy, lang: Lang) -> String {
    let rules: Vec<Rule> = longer(former, policy, lang);
    if rules.is_empty() {
        return String::new();
    }
    let (until, lines) = (minute(former.until_ms), rule_lines(&rules));
    lang.pick(
        format!("  BUT what ruled before an earlier change counts on until {until} at least, the longer of both:\n{lines}"),
        format!("  НО по меньшей мере до {until} действует и то, что было до прежнего изменения, — более долгое из двух:\n{lines}"),
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use journal::retention::RetentionRule;

    const DAY_MS: u64 = 24 * 3_600_000;

    /// A policy that rules since the first entry, in 1970.
    pub(in super::super) fn standard() -> Now {
        let record = RetentionRecord {
            next_ms: None,
            open_parts: None,
            last: None,
            first_ms: None,
            preview: None,
            waits_ms: None,
            now_ms: 0,
        };
        Now { policy: Policy::standard(), policy_index: 0, former: None, record: Some(record) }
    }

    fn former(retention: Retention) -> FormerRecord {
        let Policy { objection_ms, hold_warning_ms, .. } = Policy::standard();
        FormerRecord { objection_ms, until_ms: 2 * DAY_MS, hold_warning_ms, retention }
    }

    #[test]
    fn what_is_shortened_is_told_with_the_day_from_which_it_counts() {
        let to = Policy { objection_ms: 60_000, ..Policy::standard() };
        let now = standard();
        assert!(now.later(&to, Lang::En).contains("from 1970-01-04 00:00 at the earliest, 3 d after"));
        assert!(now.later(&to, Lang::Ru).contains("не раньше 1970-01-04 00:00, через 3 дн."));
        assert_eq!(now.later(&Policy::standard(), Lang::En), "");
    }

    #[test]
    fn a_schedule_that_was_shortened_is_told_with_what_it_was() {
        let rules = vec![RetentionRule { kind: None, label: None, keep_days: 30 }];
        let policy = Policy { retention: Retention { rules, minute: 0 }, ..Policy::standard() };
        let told = former_lines(&former(Retention::default()), &policy, Lang::En);
        assert!(
            told.contains("counts on until 1970-01-03 00:00") && told.contains("kept: for ever"),
            "{told}"
        );
        assert!(!told.contains("objection_ms"), "{told}");
        let now = Now { former: Some(Box::new(former(policy.retention.clone()))), policy, ..standard() };
        assert_eq!(now.counts_on(Lang::Ru), "", "of what is as long now nothing is told");
    }

    #[test]
    fn who_approves_the_date_is_shown_it_and_what_falls() {
        let mut now = standard();
        assert!(now.unchanged(Lang::En).contains("date is RIGHT: 1970-01-01 00:00"));
        assert!(!now.unchanged(Lang::En).contains("falls"));
        now.record.as_mut().unwrap().waits_ms = Some(5);
        assert!(now.unchanged(Lang::Ru).contains("ВЕРНА: 1970-01-01 00:00"));
        assert!(now.unchanged(Lang::Ru).contains("сотрётся то, чей срок истёк"));
    }
}
