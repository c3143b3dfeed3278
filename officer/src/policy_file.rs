//! A site's policy as a TOML file: what it leaves out stays as the standard has it.
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
}

/// Reads a policy file; unknown keys are errors.
pub fn read(path: &Path) -> Result<Policy, Trouble> {
    parse(&files::read_text(path, POLICY_BYTES_MAX)?)
}

fn parse(text: &str) -> Result<Policy, Trouble> {
    let bad = |why: String| Trouble::BadPolicy { why };
    let file: PolicyFile = toml::from_str(text).map_err(|why| bad(why.message().to_owned()))?;
    let standard = Policy::standard();
    let labels =
        |list: Vec<Label>| list.into_iter().map(|one| LabelName { en: one.en, ru: one.ru }).collect();
    let policy = Policy {
        rules: standard.rules,
        labels: file.labels.map_or(standard.labels, labels),
        private_erase: match file.private_erase {
            None => standard.private_erase,
            Some(Erase::Either) => PrivateErase::Either,
            Some(Erase::Officers) => PrivateErase::Officers,
        },
        author_erases: file.author_erases.unwrap_or(standard.author_erases),
        epoch_ms: file.epoch_ms.unwrap_or(standard.epoch_ms),
        reservation_ms: file.reservation_ms.unwrap_or(standard.reservation_ms),
        proposal_ms: file.proposal_ms.unwrap_or(standard.proposal_ms),
        wrong_passwords_max: file.wrong_passwords_max.unwrap_or(standard.wrong_passwords_max),
        statements_per_minute: file.statements_per_minute.unwrap_or(standard.statements_per_minute),
        stored_bytes_per_person: file.stored_bytes_per_person.unwrap_or(standard.stored_bytes_per_person),
        file_save: file.file_save.unwrap_or(standard.file_save),
        one_password: file.one_password.unwrap_or(standard.one_password),
        idle_lock_ms: file.idle_lock_ms.unwrap_or(standard.idle_lock_ms),
    };
    policy.check().map_err(|why| bad(why.to_string()))?;
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_leaves_out_is_standard_and_what_nobody_knows_is_an_error() {
        assert_eq!(parse("").unwrap(), Policy::standard());
        let changed = parse("one_password = false\nprivate_erase = \"officers\"\n").unwrap();
        let expected =
            Policy { one_password: false, private_erase: PrivateErase::Officers, ..Policy::standard() };
        assert_eq!(changed, expected);
        for bad in ["one_pasword = true", "epoch_ms = 5", "labels = []", "private_erase = \"all\""] {
            assert!(matches!(parse(bad), Err(Trouble::BadPolicy { .. })), "{bad}");
        }
    }
}
