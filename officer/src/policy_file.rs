//! A site's policy as a TOML file: what it leaves out stays as the standard has it, or as it rules now.
//! Never read by the daemon: a policy counts once it is in the journal.

use crate::files;
use crate::trouble::Trouble;
use console::Lang;
use journal::Policy;
use journal::act::ConversationKind;
use journal::policy::{LabelName, PrivateErase, UnfitPolicy, Witnessing};
use journal::retention::{Retention, RetentionRule};
use pki::Clearance;
use serde::Deserialize;
use std::path::Path;

/// Largest file, bytes.
const POLICY_BYTES_MAX: u64 = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    en: String,
    ru: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Erase {
    Either,
    Officers,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Private,
    Group,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keep {
    kind: Option<Kind>,
    label: Option<u8>,
    days: u32,
}

impl Keep {
    fn rule(&self) -> RetentionRule {
        let kind = self.kind.map(|kind| match kind {
            Kind::Private => ConversationKind::Private,
            Kind::Group => ConversationKind::Group,
        });
        RetentionRule { kind, label: self.label.map(Clearance), keep_days: self.days }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct PolicyFile {
    labels: Option<Vec<Label>>,
    private_erase: Option<Erase>,
    author_erases: Option<bool>,
    epoch_ms: Option<u64>,
    reservation_ms: Option<u64>,
    proposal_ms: Option<u64>,
    wrong_passwords_max: Option<u32>,
    statements_per_minute: Option<u32>,
    stored_bytes_per_person: Option<u64>,
    file_save: Option<bool>,
    one_password: Option<bool>,
    idle_lock_ms: Option<u64>,
    objection_ms: Option<u64>,
    hold_warning_ms: Option<u64>,
    retention_at: Option<String>,
    retention: Option<Vec<Keep>>,
    backup_required: Option<bool>,
    witness: Option<bool>,
}

/// Reads a policy file; unknown keys are errors.
pub fn read(path: &Path) -> Result<Policy, Trouble> {
    read_over(path, Policy::standard())
}

/// The same, where what the file leaves out stays as it is.
pub fn read_over(path: &Path, policy: Policy) -> Result<Policy, Trouble> {
    parse(&files::read_text(path, POLICY_BYTES_MAX)?, policy)
}

fn parse(text: &str, base: Policy) -> Result<Policy, Trouble> {
    let unread = |why: toml::de::Error| Trouble::PolicyUnread { why: console::clean(why.message()) };
    let file: PolicyFile = toml::from_str(text).map_err(unread)?;
    let labels =
        |list: Vec<Label>| list.into_iter().map(|one| LabelName { en: one.en, ru: one.ru }).collect();
    let policy = Policy {
        rules: base.rules,
        labels: file.labels.map_or(base.labels, labels),
        private_erase: match file.private_erase {
            None => base.private_erase,
            Some(Erase::Either) => PrivateErase::Either,
            Some(Erase::Officers) => PrivateErase::Officers,
        },
        author_erases: file.author_erases.unwrap_or(base.author_erases),
        epoch_ms: file.epoch_ms.unwrap_or(base.epoch_ms),
        reservation_ms: file.reservation_ms.unwrap_or(base.reservation_ms),
        proposal_ms: file.proposal_ms.unwrap_or(base.proposal_ms),
        wrong_passwords_max: file.wrong_passwords_max.unwrap_or(base.wrong_passwords_max),
        statements_per_minute: file.statements_per_minute.unwrap_or(base.statements_per_minute),
        stored_bytes_per_person: file.stored_bytes_per_person.unwrap_or(base.stored_bytes_per_person),
        file_save: file.file_save.unwrap_or(base.file_save),
        one_password: file.one_password.unwrap_or(base.one_password),
        idle_lock_ms: file.idle_lock_ms.unwrap_or(base.idle_lock_ms),
        objection_ms: file.objection_ms.unwrap_or(base.objection_ms),
        hold_warning_ms: file.hold_warning_ms.unwrap_or(base.hold_warning_ms),
        retention: Retention {
            rules: match &file.retention {
                None => base.retention.rules,
                Some(list) => list.iter().map(Keep::rule).collect(),
            },
            minute: match file.retention_at.as_deref() {
                None => base.retention.minute,
                Some(at) => minute_of(at).ok_or(Trouble::PolicyTime)?,
            },
        },
        backup_required: file.backup_required.unwrap_or(base.backup_required),
        witness: match file.witness {
            None => base.witness,
            Some(wanted) => wanted.then_some(Witnessing::On),
        },
    };
    policy.check().map_err(|why| Trouble::BadPolicy { why })?;
    Ok(policy)
}

/// Why no site can live under a policy, for people.
pub(crate) fn unfit(why: UnfitPolicy, lang: Lang) -> String {
    let ru = match why {
        UnfitPolicy::NewerRules(rules) => {
            return lang
                .pick(why.to_string(), format!("правила версии {rules}, новее известных этой программе"));
        }
        UnfitPolicy::NoRules => "правил версии 0 не бывает",
        UnfitPolicy::Labels => "назвать надо все шесть рангов грифов",
        UnfitPolicy::LabelName => "имя грифа пусто или слишком длинно",
        UnfitPolicy::Time => "срок меньше минуты",
        UnfitPolicy::Limit => "с таким пределом работать нельзя",
        UnfitPolicy::RetentionRules => "слишком много правил хранения",
        UnfitPolicy::RetentionMinute => "такого времени суток нет",
        UnfitPolicy::RetentionLabel => "правило хранения для грифа, которого нет",
        UnfitPolicy::RetentionDays => "срок хранения меньше дня или больше ста лет",
        UnfitPolicy::RetentionTwice => "два правила хранения об одном и том же",
    };
    lang.pick(why.to_string(), ru.to_owned())
}

/// A time of day, `03:00`, in minutes.
pub fn minute_of(typed: &str) -> Option<u16> {
    let (hours, minutes) = typed.split_once(':')?;
    let number = |text: &str, below: u16| {
        let whole = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|n| whole && *n < below)
    };
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_leaves_out_is_standard_and_what_nobody_knows_is_an_error() {
        let parse = |text: &str| super::parse(text, Policy::standard());
        assert_eq!(parse("").unwrap(), Policy::standard());
        let changed = parse("one_password = false\nprivate_erase = \"officers\"\n").unwrap();
        let expected =
            Policy { one_password: false, private_erase: PrivateErase::Officers, ..Policy::standard() };
        assert_eq!(changed, expected);
        for bad in ["one_pasword = true", "epoch_ms = 5", "labels = []", "private_erase = \"all\""] {
            let refused = parse(bad);
            assert!(
                matches!(refused, Err(Trouble::BadPolicy { .. } | Trouble::PolicyUnread { .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_schedule_of_retention_is_a_list_of_rules_and_a_time_of_day() {
        let text = "retention_at = \"03:30\"\n[[retention]]\ndays = 900\n[[retention]]\nkind = \"group\"\nlabel = 2\ndays = 30\n";
        let found = parse(text, Policy::standard()).unwrap().retention;
        let all = RetentionRule { kind: None, label: None, keep_days: 900 };
        let one =
            RetentionRule { kind: Some(ConversationKind::Group), label: Some(Clearance(2)), keep_days: 30 };
        assert_eq!(found, Retention { rules: vec![all, one], minute: 210 });
        for bad in ["retention_at = \"24:00\"", "retention_at = \"3:00\"", "[[retention]]\ndays = 0\n"] {
            let refused = parse(bad, Policy::standard());
            assert!(matches!(refused, Err(Trouble::BadPolicy { .. } | Trouble::PolicyTime)), "{bad}");
        }
        let none = parse("retention = []", Policy { retention: found, ..Policy::standard() }).unwrap();
        assert_eq!((none.retention.rules, none.retention.minute), (vec![], 210));
    }

    #[test]
    fn a_file_over_a_policy_changes_only_what_it_names() {
        let ruling = Policy { one_password: false, ..Policy::standard() };
        let changed = parse("file_save = false", ruling.clone()).unwrap();
        assert_eq!(changed, Policy { file_save: false, ..ruling });
    }

    #[test]
    fn why_a_policy_is_unfit_is_said_in_the_readers_language() {
        let all = [
            UnfitPolicy::NewerRules(9),
            UnfitPolicy::NoRules,
            UnfitPolicy::Labels,
            UnfitPolicy::LabelName,
            UnfitPolicy::Time,
            UnfitPolicy::Limit,
            UnfitPolicy::RetentionRules,
            UnfitPolicy::RetentionMinute,
            UnfitPolicy::RetentionLabel,
            UnfitPolicy::RetentionDays,
            UnfitPolicy::RetentionTwice,
        ];
        for why in all {
            assert!(unfit(why, Lang::En).is_ascii(), "{why}");
            assert!(!unfit(why, Lang::Ru).contains(|c: char| c.is_ascii_alphabetic()), "{why}");
        }
    }
}
