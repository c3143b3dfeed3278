//! A schedule of retention in words: its rules, what it would take, and why it waits.
//! Never asks the server anything.

use super::policy_words::{covered, keeping, time_of_day};
use console::Lang;
use console::when::{duration, minute};
use journal::policy::{LabelName, Policy};
use journal::retention::{Retention as Schedule, RetentionRule};
use protocol::answer::{FormerRecord, RetentionRecord};

fn days(days: u32, lang: Lang) -> String {
    lang.pick(format!("{days} d"), format!("{days} дн."))
}

/// A schedule, line by line.
pub(super) fn rules(schedule: &Schedule, labels: &[LabelName], lang: Lang) -> String {
    let ever = lang.pick("for ever", "бессрочно");
    if schedule.rules.is_empty() {
        return format!("  {}\n", lang.pick("everything is kept for ever", "всё хранится бессрочно"));
    }
    let line =
        |rule: &RetentionRule| format!("  {}: {}\n", covered(rule, labels, lang), days(rule.keep_days, lang));
    let mut out: String = schedule.rules.iter().map(line).collect();
    if !schedule.rules.iter().any(|rule| rule.kind.is_none() && rule.label.is_none()) {
        out.push_str(&format!("  {}: {ever}\n", lang.pick("all else", "остальное")));
    }
    let at = time_of_day(schedule.minute);
    out.push_str(
        &lang.pick(format!("  one run a day, at {at} UTC\n"), format!("  раз в день, в {at} UTC\n")),
    );
    out
}

/// That the schedule of before counts on, where it does, and what it was.
pub(super) fn kept_longer(former: Option<&FormerRecord>, policy: &Policy, lang: Lang) -> String {
    let Some(former) = former else { return String::new() };
    let (until, before) = (minute(former.until_ms), keeping(&former.retention, &policy.labels, lang));
    lang.pick(
        format!("  BUT until {until} at least nothing falls that the schedule of before keeps: {before}\n"),
        format!("  НО по меньшей мере до {until} не стирается то, что хранят прежние сроки: {before}\n"),
    )
}

pub(super) fn falls(
    schedule: &Schedule,
    labels: &[LabelName],
    record: &RetentionRecord,
    lang: Lang,
) -> String {
    let mut out = String::new();
    let Some(preview) = &record.preview else {
        let not =
            "  not counted now: the server has counted for you within this minute; ask again in the next\n";
        let ne = "  сейчас не посчитано: в эту минуту сервер уже считал для вас; спросите в следующую\n";
        return lang.pick(not, ne).to_owned();
    };
    for (rule, count) in schedule.rules.iter().zip(&preview.counts) {
        let what = covered(rule, labels, lang);
        out.push_str(&lang.pick(
            format!("  {what}: {count} messages fall\n"),
            format!("  {what}: сотрётся сообщений: {count}\n"),
        ));
    }
    if preview.held > 0 {
        let held = preview.held;
        out.push_str(&lang.pick(
            format!("  {held} more are kept by holds\n"),
            format!("  ещё {held} удержано запретами\n"),
        ));
    }
    out
}

/// Why runs wait, for how long, and the ways out.
pub(super) fn waits(record: &RetentionRecord, lang: Lang) -> String {
    let Some(left_ms) = record.waits_ms else { return String::new() };
    let left = duration(left_ms, lang);
    lang.pick(
        format!(
            "  IT WAITS: the server's date went far ahead of its running. It waits until the server has run for {left} more\n  the date is right: conclave-admin retention propose --date-is-right\n  the date is WRONG: conclave-admin retention propose --for-ever, until it is set right\n"
        ),
        format!(
            "  ЖДЁТ: дата сервера ушла далеко вперёд от времени его работы. Ждать, пока он проработает ещё {left}\n  дата верна: conclave-admin retention propose --date-is-right\n  дата НЕВЕРНА: conclave-admin retention propose --for-ever, пока её не исправят\n"
        ),
    )
}
