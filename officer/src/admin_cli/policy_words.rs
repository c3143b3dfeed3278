//! A policy line by line, in words and as its file would say it, and what one changes against another.
//! Never judges a policy: the Register does.

use console::when::{bytes, duration};
use console::{Lang, clean};
use journal::act::ConversationKind;
use journal::policy::{LabelName, Policy, PrivateErase};
use journal::retention::{Retention, RetentionRule};
use protocol::answer::FormerRecord;
use serde::Serialize;

/// One rule of a policy: the key of its file, what it means, how it stands in words and to the last digit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Rule {
    key: String,
    #[serde(skip)]
    meaning: &'static str,
    #[serde(skip)]
    shown: String,
    value: String,
}

/// One rule that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Change {
    key: String,
    #[serde(skip)]
    meaning: &'static str,
    #[serde(skip)]
    shown: [String; 2],
    from: String,
    to: String,
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
        objection_ms,
        hold_warning_ms,
        retention,
        backup_required,
        witness,
    } = policy;
    let row = |key: &str, en: &'static str, ru: &'static str, shown: String, value: String| Rule {
        key: key.to_owned(),
        meaning: lang.pick(en, ru),
        shown,
        value,
    };
    let plain = |key, en, ru, n: u64| row(key, en, ru, n.to_string(), n.to_string());
    let time = |key, en, ru, ms: &u64| row(key, en, ru, duration(*ms, lang), ms.to_string());
    let yes = |key, en, ru, is: &bool| {
        let shown = if *is { lang.pick("yes", "да") } else { lang.pick("no", "нет") };
        row(key, en, ru, shown.to_owned(), is.to_string())
    };
    let (erase, erase_value) = match private_erase {
        PrivateErase::Either => (lang.pick("either side", "любая из сторон"), "either"),
        PrivateErase::Officers => (lang.pick("nobody alone", "никто в одиночку"), "officers"),
    };
    let (stored, stored_value) = (bytes(*stored_bytes_per_person, lang), stored_bytes_per_person.to_string());
    let mut all = vec![plain("rules", "version of the rules", "версия правил", u64::from(*rules))];
    all.extend((0..).zip(labels).map(|(rank, label)| label_rule(rank, label, lang)));
    all.extend([
        row(
            "private_erase",
            "who erases a private conversation",
            "кто стирает личную беседу",
            erase.to_owned(),
            erase_value.to_owned(),
        ),
        yes(
            "author_erases",
            "authors erase their own messages",
            "авторы стирают свои сообщения",
            author_erases,
        ),
        time("epoch_ms", "a conversation's key is renewed after", "ключ беседы меняется через", epoch_ms),
        time(
            "reservation_ms",
            "an unused transfer lapses after",
            "незавершённая передача истекает через",
            reservation_ms,
        ),
        time("proposal_ms", "a proposal lapses after", "предложение истекает через", proposal_ms),
        plain(
            "wrong_passwords_max",
            "wrong passwords that lock",
            "неверных паролей до блокировки",
            u64::from(*wrong_passwords_max),
        ),
        plain(
            "statements_per_minute",
            "acts of one person in a minute",
            "действий одного человека в минуту",
            u64::from(*statements_per_minute),
        ),
        row(
            "stored_bytes_per_person",
            "storage of one person",
            "хранилище одного человека",
            stored,
            stored_value,
        ),
        yes("file_save", "files may be saved outside", "файлы можно сохранять наружу", file_save),
        yes(
            "one_password",
            "one password for credential and login",
            "один пароль для ключей и входа",
            one_password,
        ),
        time("idle_lock_ms", "a terminal locks itself after", "терминал запирается через", idle_lock_ms),
        time(
            "objection_ms",
            "an order of erasure waits for objections",
            "распоряжение о стирании ждёт возражений",
            objection_ms,
        ),
        time(
            "hold_warning_ms",
            "officers are told before a hold ends",
            "офицеров предупреждают до конца запрета на стирание за",
            hold_warning_ms,
        ),
        row(
            "retention",
            "messages are kept",
            "сообщения хранятся",
            keeping(retention, labels, lang),
            kept_value(retention),
        ),
        row(
            "retention_at",
            "the run of the retention schedule, UTC",
            "стирание по сроку хранения, UTC",
            time_of_day(retention.minute),
            time_of_day(retention.minute),
        ),
        yes(
            "backup_required",
            "an erasure waits for a backup pull",
            "уничтожение ждёт, пока не заберут резервную копию",
            backup_required,
        ),
        yes(
            "witness",
            "officers are alarmed when no witness cosigns for a minute",
            "офицеры получают тревогу, если свидетель минуту молчит",
            &witness.is_some(),
        ),
    ]);
    all
}

/// `03:00`.
pub(super) fn time_of_day(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// What a rule covers, in words.
pub(super) fn covered(rule: &RetentionRule, labels: &[LabelName], lang: Lang) -> String {
    let kind = match rule.kind {
        None => lang.pick("all conversations", "все беседы"),
        Some(ConversationKind::Private) => lang.pick("private conversations", "личные беседы"),
        Some(ConversationKind::Group) => lang.pick("groups", "группы"),
    };
    let name = |label: &LabelName| clean(lang.pick(&label.en, &label.ru));
    match rule.label {
        None => kind.to_owned(),
        Some(rank) => {
            let label = labels.get(usize::from(rank.0)).map_or_else(|| rank.0.to_string(), name);
            format!("{kind}, {label}")
        }
    }
}

/// A schedule in a line.
pub(super) fn keeping(retention: &Retention, labels: &[LabelName], lang: Lang) -> String {
    if retention.rules.is_empty() {
        return lang.pick("for ever", "бессрочно").to_owned();
    }
    let days = |days: u32| lang.pick(format!("{days} d"), format!("{days} дн."));
    let one = |rule: &RetentionRule| format!("{} {}", covered(rule, labels, lang), days(rule.keep_days));
    retention.rules.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// `any=900,group:2=30`: as `retention propose` takes it.
pub(super) fn kept_value(retention: &Retention) -> String {
    let one = |rule: &RetentionRule| {
        let kind = match rule.kind {
            None => "any",
            Some(ConversationKind::Private) => "private",
            Some(ConversationKind::Group) => "group",
        };
        let label = rule.label.map_or(String::new(), |label| format!(":{}", label.0));
        format!("{kind}{label}={}", rule.keep_days)
    };
    retention.rules.iter().map(one).collect::<Vec<_>>().join(",")
}

fn label_rule(rank: usize, label: &LabelName, lang: Lang) -> Rule {
    let names = format!("{} / {}", clean(&label.en), clean(&label.ru));
    let meaning = lang.pick("label", "гриф");
    Rule { key: format!("labels[{rank}]"), meaning, shown: names.clone(), value: names }
}

/// What `to` changes, compared to the last digit.
pub(super) fn changes(from: &Policy, to: &Policy, lang: Lang) -> Vec<Change> {
    // A policy that rules has six labels, so both have the same rules.
    let pairs = rules(from, lang).into_iter().zip(rules(to, lang));
    let changed = pairs.filter(|(old, new)| (&old.key, &old.value) != (&new.key, &new.value));
    let change = |(old, new): (Rule, Rule)| Change {
        // Two times may read alike: what differs must show.
        shown: match old.shown == new.shown {
            true => [old.value.clone(), new.value.clone()],
            false => [old.shown, new.shown],
        },
        key: new.key,
        meaning: new.meaning,
        from: old.value,
        to: new.value,
    };
    changed.map(change).collect()
}

/// What counts on from before a policy, as far as it is longer. Of schedules the longer counts for each kind and label.
pub(super) fn longer(former: &FormerRecord, policy: &Policy, lang: Lang) -> Vec<Rule> {
    let before = Policy {
        objection_ms: former.objection_ms.max(policy.objection_ms),
        hold_warning_ms: former.hold_warning_ms.max(policy.hold_warning_ms),
        retention: match former.keeps_longer(&policy.retention) {
            true => Retention { rules: former.retention.rules.clone(), ..policy.retention.clone() },
            false => policy.retention.clone(),
        },
        ..policy.clone()
    };
    let pairs = rules(policy, lang).into_iter().zip(rules(&before, lang));
    pairs.filter(|(now, before)| now.value != before.value).map(|(_, before)| before).collect()
}

/// Rules as lines.
pub(super) fn rule_lines(rules: &[Rule]) -> String {
    rules.iter().map(|rule| format!("  {}: {}  ({})\n", rule.meaning, rule.shown, rule.key)).collect()
}

/// Changes as lines.
pub(super) fn change_lines(changes: &[Change]) -> String {
    let line = |change: &Change| {
        let [from, to] = &change.shown;
        format!("  {}: {from} → {to}  ({})\n", change.meaning, change.key)
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
        assert!(found.iter().all(|change| change.from != change.to && change.shown[0] != change.shown[1]));
        assert_eq!((&found[2].shown[0], &found[2].from), (&"да".to_owned(), &"true".to_owned()));
        assert_eq!(changes(&from, &from, Lang::En), []);
    }

    #[test]
    fn rules_are_words_for_people_and_values_for_scripts() {
        let rules = rules(&Policy::standard(), Lang::Ru);
        assert!(rule_lines(&rules).contains("гриф: SECRET / СЕКРЕТНО  (labels[4])"));
        let json =
            format!("{:?}", rules.iter().map(|rule| (&rule.key[..], &rule.value[..])).collect::<Vec<_>>());
        assert!(
            json.contains(r#"("private_erase", "either")"#)
                && json.contains(r#"("proposal_ms", "604800000")"#)
        );
    }
}
