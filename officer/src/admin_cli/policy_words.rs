//! A policy line by line, in words and as its file would say it, and what one changes against another.
//! Never judges a policy: the Register does.

use console::when::{bytes, duration};
use console::{Lang, clean};
use journal::policy::{LabelName, Policy, PrivateErase};
use serde::Serialize;

/// One rule of a policy: the key of its file, what it means, how it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Rule {
    pub(super) key: String,
    #[serde(skip)]
    pub(super) meaning: &'static str,
    pub(super) value: String,
}

/// One rule that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Change {
    pub(super) key: String,
    #[serde(skip)]
    meaning: &'static str,
    pub(super) from: String,
    pub(super) to: String,
}

/// Every rule, in the order of the file. A new field of a policy does not compile without its line here.
pub(super) fn rules(policy: &Policy, lang: Lang) -> Vec<Rule> {
    let Policy {
        rules,
        labels,
        private_erase,
        author_erases,
        epoch_ms,
        reservation_ms,
        proposal_ms,
        wrong_passwords_max,
        statements_per_minute,
        stored_bytes_per_person,
        file_save,
        one_password,
        idle_lock_ms,
    } = policy;
    let row = |key: &str, en: &'static str, ru: &'static str, value: String| Rule {
        key: key.to_owned(),
        meaning: lang.pick(en, ru),
        value,
    };
    let yes = |is: &bool| if *is { lang.pick("yes", "да") } else { lang.pick("no", "нет") }.to_owned();
    let erase = match private_erase {
        PrivateErase::Either => lang.pick("either side", "любая из сторон"),
        PrivateErase::Officers => lang.pick("nobody alone", "никто в одиночку"),
    };
    let mut all = vec![row("rules", "version of the rules", "версия правил", rules.to_string())];
    all.extend((0..).zip(labels).map(|(rank, label)| label_rule(rank, label, lang)));
    all.extend([
        row("private_erase", "who erases a private conversation", "кто стирает личную беседу", erase.into()),
        row(
            "author_erases",
            "authors erase their own messages",
            "авторы стирают свои сообщения",
            yes(author_erases),
        ),
        row(
            "epoch_ms",
            "a conversation's key is renewed after",
            "ключ беседы меняется через",
            duration(*epoch_ms, lang),
        ),
        row(
            "reservation_ms",
            "an unused transfer lapses after",
            "незавершённая передача истекает через",
            duration(*reservation_ms, lang),
        ),
        row(
            "proposal_ms",
            "a proposal lapses after",
            "предложение истекает через",
            duration(*proposal_ms, lang),
        ),
        row(
            "wrong_passwords_max",
            "wrong passwords that lock",
            "неверных паролей до блокировки",
            wrong_passwords_max.to_string(),
        ),
        row(
            "statements_per_minute",
            "acts of one person in a minute",
            "действий одного человека в минуту",
            statements_per_minute.to_string(),
        ),
        row(
            "stored_bytes_per_person",
            "storage of one person",
            "хранилище одного человека",
            bytes(*stored_bytes_per_person, lang),
        ),
        row("file_save", "files may be saved outside", "файлы можно сохранять наружу", yes(file_save)),
        row(
            "one_password",
            "one password for credential and login",
            "один пароль для ключей и входа",
            yes(one_password),
        ),
        row(
            "idle_lock_ms",
            "a terminal locks itself after",
            "терминал запирается через",
            duration(*idle_lock_ms, lang),
        ),
    ]);
    all
}

fn label_rule(rank: usize, label: &LabelName, lang: Lang) -> Rule {
    Rule {
        key: format!("labels[{rank}]"),
        meaning: lang.pick("label", "гриф"),
        value: format!("{} / {}", clean(&label.en), clean(&label.ru)),
    }
}

/// What `to` changes.
pub(super) fn changes(from: &Policy, to: &Policy, lang: Lang) -> Vec<Change> {
    let (before, after) = (rules(from, lang), rules(to, lang));
    let of = |all: &[Rule], key: &str| {
        all.iter().find(|rule| rule.key == key).map_or_else(String::new, |rule| rule.value.clone())
    };
    // Two numbers of milliseconds may read alike: what differs must show, so the words are not what is compared.
    let differs = |rule: &Rule| exact(from, &rule.key) != exact(to, &rule.key);
    let longer = if after.len() > before.len() { &after } else { &before };
    let changed = longer.iter().filter(|rule| differs(rule)).map(|rule| {
        let (mut old, mut new) = (of(&before, &rule.key), of(&after, &rule.key));
        if old == new {
            (old, new) = (exact(from, &rule.key), exact(to, &rule.key));
        }
        Change { key: rule.key.clone(), meaning: rule.meaning, from: old, to: new }
    });
    changed.collect()
}

/// The value of a key to the last digit.
fn exact(policy: &Policy, key: &str) -> String {
    match key {
        "rules" => policy.rules.to_string(),
        "private_erase" => format!("{:?}", policy.private_erase),
        "author_erases" => policy.author_erases.to_string(),
        "epoch_ms" => policy.epoch_ms.to_string(),
        "reservation_ms" => policy.reservation_ms.to_string(),
        "proposal_ms" => policy.proposal_ms.to_string(),
        "wrong_passwords_max" => policy.wrong_passwords_max.to_string(),
        "statements_per_minute" => policy.statements_per_minute.to_string(),
        "stored_bytes_per_person" => policy.stored_bytes_per_person.to_string(),
        "file_save" => policy.file_save.to_string(),
        "one_password" => policy.one_password.to_string(),
        "idle_lock_ms" => policy.idle_lock_ms.to_string(),
        label => {
            let rank = label.strip_prefix("labels[").and_then(|rest| rest.strip_suffix(']'));
            let rank = rank.and_then(|rank| rank.parse::<usize>().ok());
            rank.and_then(|rank| policy.labels.get(rank)).map_or_else(String::new, |name| format!("{name:?}"))
        }
    }
}

/// Rules as lines.
pub(super) fn rule_lines(rules: &[Rule]) -> String {
    rules.iter().map(|rule| format!("  {}: {}  ({})\n", rule.meaning, rule.value, rule.key)).collect()
}

/// Changes as lines.
pub(super) fn change_lines(changes: &[Change]) -> String {
    let line = |change: &Change| {
        let Change { key, meaning, from, to } = change;
        format!("  {meaning}: {from} → {to}  ({key})\n")
    };
    changes.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_shows_even_where_the_words_are_the_same() {
        let from = Policy::standard();
        let mut to = Policy { file_save: false, epoch_ms: from.epoch_ms + 1, ..from.clone() };
        to.labels[5].ru = "ОСОБОЙ ВАЖНОСТИ".into();
        let found = changes(&from, &to, Lang::Ru);
        let keys: Vec<&str> = found.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(keys, ["labels[5]", "epoch_ms", "file_save"]);
        assert!(found.iter().all(|change| change.from != change.to));
        assert_eq!(found[2].from, "да");
        assert_eq!(changes(&from, &from, Lang::En), []);
    }

    #[test]
    fn every_rule_has_its_exact_value() {
        let standard = Policy::standard();
        for rule in rules(&standard, Lang::En) {
            assert!(!exact(&standard, &rule.key).is_empty(), "{}", rule.key);
        }
        assert!(rule_lines(&rules(&standard, Lang::Ru)).contains("гриф: SECRET / СЕКРЕТНО  (labels[4])"));
    }
}
