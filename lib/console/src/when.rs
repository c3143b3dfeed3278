//! Times, durations and sizes as people read them.
//! Never reads a clock: every moment is an argument.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::lang::Lang;

const TO_THE_MINUTE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]");
const TO_THE_SECOND: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const DAY_EN: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const DAY_RU: &[BorrowedFormatItem<'_>] = format_description!("[day].[month].[year]");

/// What is shown for a moment beyond the calendar (year 9999).
const BEYOND: &str = "????-??-??";

fn moment(at_ms: u64, offset_minutes: i16) -> Option<OffsetDateTime> {
    let offset = UtcOffset::from_whole_seconds(i32::from(offset_minutes) * 60).ok()?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000).ok()?;
    at.checked_to_offset(offset)
}

fn shown(at: Option<OffsetDateTime>, format: &[BorrowedFormatItem<'_>]) -> String {
    at.and_then(|at| at.format(format).ok()).unwrap_or_else(|| BEYOND.to_owned())
}

/// `2026-11-21 17:53`, in a zone `offset_minutes` east of Greenwich.
pub fn minute(at_ms: u64, offset_minutes: i16) -> String {
    shown(moment(at_ms, offset_minutes), TO_THE_MINUTE)
}

/// `2026-11-21T17:53:08Z`: RFC 3339, always in UTC; for scripts, reports and evidence.
pub fn rfc3339(at_ms: u64) -> String {
    shown(moment(at_ms, 0), TO_THE_SECOND)
}

/// The day alone, UTC: `2026-11-21` or `21.11.2026`.
pub fn day(at_ms: u64, lang: Lang) -> String {
    shown(moment(at_ms, 0), lang.pick(DAY_EN, DAY_RU))
}

/// Milliseconds since 1970 of an RFC 3339 time; `None` when it is none or lies before 1970.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let at = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

/// How long, in its largest unit: `40 s`, `5 min`, `3 h`, `12 d`.
pub fn duration(ms: u64, lang: Lang) -> String {
    let seconds = ms / 1000;
    let (n, en, ru) = match seconds {
        0..=119 => (seconds, "s", "с"),
        120..=7_199 => (seconds / 60, "min", "мин"),
        7_200..=172_799 => (seconds / 3600, "h", "ч"),
        _ => (seconds / 86_400, "d", "дн."),
    };
    format!("{n} {}", lang.pick(en, ru))
}

/// How long ago `at_ms` was: `now`, `5 min ago`. A moment ahead of `now_ms` is told as its minute, never as "now".
pub fn ago(at_ms: u64, now_ms: u64, lang: Lang) -> String {
    match now_ms.checked_sub(at_ms) {
        None => minute(at_ms, 0),
        Some(0..=4_999) => lang.pick("now", "только что").to_owned(),
        Some(ms) => format!("{} {}", duration(ms, lang), lang.pick("ago", "назад")),
    }
}

/// A number of bytes: `512 B`, `3.2 MiB`; `512 Б`, `3,2 МиБ`.
pub fn bytes(n: u64, lang: Lang) -> String {
    const EN: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    const RU: [&str; 5] = ["Б", "КиБ", "МиБ", "ГиБ", "ТиБ"];
    let mut unit = 0;
    let mut scale: u64 = 1;
    // The next unit once four digits would be needed; the last one takes whatever is left.
    while unit + 1 < EN.len() && n / scale >= 1000 {
        unit += 1;
        scale *= 1024;
    }
    let name = lang.pick(EN, RU)[unit];
    if unit == 0 {
        return format!("{n} {name}");
    }
    let tenths = (u128::from(n) * 10 + u128::from(scale) / 2) / u128::from(scale);
    format!("{}{}{} {name}", tenths / 10, lang.pick('.', ','), tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 17:53:08 UTC.
    const AT: u64 = 1_795_283_588_000;

    #[test]
    fn moments_are_shown_in_the_readers_zone_and_kept_in_utc() {
        assert_eq!(rfc3339(AT), "2026-11-21T17:53:08Z");
        assert_eq!(minute(AT, 180), "2026-11-21 20:53");
        assert_eq!(minute(AT, -18 * 60), "2026-11-20 23:53");
        assert_eq!(day(AT, Lang::Ru), "21.11.2026");
        assert_eq!(parse_rfc3339("2026-11-21T20:53:08+03:00"), Some(AT));
        assert_eq!(parse_rfc3339("2026-11-21 20:53:08"), None);
        assert_eq!(parse_rfc3339("1969-01-01T00:00:00Z"), None);
        assert_eq!(minute(u64::MAX, 0), BEYOND);
    }

    #[test]
    fn durations_and_sizes_read_naturally() {
        assert_eq!(ago(AT - 300_000, AT, Lang::Ru), "5 мин назад");
        assert_eq!(ago(AT - 1, AT, Lang::En), "now");
        assert_eq!(ago(AT + 1, AT, Lang::En), "2026-11-21 17:53");
        assert_eq!(duration(3 * 86_400_000, Lang::En), "3 d");
        assert_eq!(bytes(999, Lang::En), "999 B");
        assert_eq!(bytes(1000, Lang::En), "1.0 KiB");
        assert_eq!(bytes(3_355_443, Lang::Ru), "3,2 МиБ");
        assert_eq!(bytes(u64::MAX, Lang::En), "16777216.0 TiB");
    }
}
