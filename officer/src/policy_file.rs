//! A site's policy as a TOML file: what it leaves out stays as the standard has it, or as it rules now.
//! Never read by the daemon: a policy counts once it is in the journal.

use crate::files;
use crate::trouble::Trouble;
use journal::Policy;
use journal::policy::{LabelName, PrivateErase};
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
    let bad = |why: String| Trouble::BadPolicy { why };
    let file: PolicyFile = toml::from_str(text).map_err(|why| bad(console::clean(why.message())))?;
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
    };
    policy.check().map_err(|why| bad(why.to_string()))?;
    Ok(policy)
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
            assert!(matches!(parse(bad), Err(Trouble::BadPolicy { .. })), "{bad}");
        }
    }

    #[test]
    fn a_file_over_a_policy_changes_only_what_it_names() {
        let ruling = Policy { one_password: false, ..Policy::standard() };
        let changed = parse("file_save = false", ruling.clone()).unwrap();
        assert_eq!(changed, Policy { file_save: false, ..ruling });
    }
}
