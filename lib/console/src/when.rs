//! Times, durations and sizes as people read them.
//! Never reads a clock: every moment is an argument.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::lang::Lang;

/// What is shown for a moment beyond the calendar (year 9999).
const BEYOND: &str = "????-??-??";
/// Within this time before and after a moment a zone's change of its clocks makes the offset worth showing.
const AROUND: SignedDuration = SignedDuration::from_hours(183 * 24);

fn moment(at_ms: u64) -> Option<Timestamp> {
    // Leaves room for the offset of every zone.
    let latest = Timestamp::MAX.as_millisecond() - 26 * 3_600_000;
    let at_ms = i64::try_from(at_ms).ok().filter(|at_ms| *at_ms <= latest)?;
    Timestamp::from_millisecond(at_ms).ok()
}

/// `2026-11-21 20:53`, as the clock on this terminal's wall shows it: by `TZ`, else by /etc/localtime, else UTC. Where
/// that clock is put forward and back with the seasons the offset follows: `2026-11-21 18:53+01`.
pub fn minute(at_ms: u64) -> String {
    minute_in(at_ms, TimeZone::system())
}

fn minute_in(at_ms: u64, zone: TimeZone) -> String {
    let Some(at) = moment(at_ms) else { return BEYOND.to_owned() };
    let offset = |at: Timestamp| zone.to_offset(at);
    let neighbours = [at.checked_sub(AROUND), at.checked_add(AROUND)];
    let is_steady = neighbours.into_iter().flatten().all(|other| offset(other) == offset(at));
    let shown = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    if is_steady { shown } else { format!("{shown}{}", offset_shown(offset(at))) }
}

/// `+01`, `-03:30`.
fn offset_shown(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    if rest == 0 { format!("{sign}{hours:02}") } else { format!("{sign}{hours:02}:{rest:02}") }
}

/// `2026-11-21T17:53:08Z`: RFC 3339, always in UTC; for scripts, reports and evidence.
pub fn rfc3339(at_ms: u64) -> String {
    utc(at_ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// The day alone, UTC: `2026-11-21` or `21.11.2026`.
pub fn day(at_ms: u64, lang: Lang) -> String {
    utc(at_ms, lang.pick("%Y-%m-%d", "%d.%m.%Y"))
}

fn utc(at_ms: u64, format: &str) -> String {
    let at: Option<Zoned> = moment(at_ms).map(|at| at.to_zoned(TimeZone::UTC));
    at.map_or_else(|| BEYOND.to_owned(), |at| at.strftime(format).to_string())
}

/// Milliseconds since 1970 of an RFC 3339 time; `None` when it is none or lies before 1970.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    // The reader of the library knows more spellings than the RFC: a zone's name, a blank for the T.
    let is_plain =
        text.as_bytes().get(10).is_some_and(|at| at.eq_ignore_ascii_case(&b'T')) && !text.contains('[');
    let at: Timestamp = if is_plain { text.parse().ok()? } else { return None };
    u64::try_from(at.as_millisecond()).ok()
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
        None => minute(at_ms),
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
        let zone = |text: &str| TimeZone::posix(text).unwrap();
        assert_eq!(minute_in(AT, zone("MSK-3")), "2026-11-21 20:53");
        assert_eq!(minute_in(AT, zone("<-18>18")), "2026-11-20 23:53");
        assert_eq!(minute_in(AT, TimeZone::UTC), "2026-11-21 17:53");
        assert_eq!(day(AT, Lang::Ru), "21.11.2026");
        assert_eq!(parse_rfc3339("2026-11-21T20:53:08+03:00"), Some(AT));
        assert_eq!(parse_rfc3339("2026-11-21 20:53:08"), None);
        assert_eq!(parse_rfc3339("1969-01-01T00:00:00Z"), None);
        assert_eq!(parse_rfc3339("2026-11-21T20:53:08+03:00[Europe/Moscow]"), None);
        assert_eq!((minute(u64::MAX), rfc3339(u64::MAX)), (BEYOND.into(), BEYOND.into()));
        assert_eq!(minute_in(253_402_300_799_000, zone("<+24>-24")), BEYOND);
    }

    #[test]
    fn where_clocks_change_with_the_seasons_the_offset_is_shown() {
        let berlin = || TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(minute_in(AT, berlin()), "2026-11-21 18:53+01");
        assert_eq!(minute_in(AT - 120 * 86_400_000, berlin()), "2026-07-24 19:53+02");
        let newfoundland = TimeZone::posix("NST3:30NDT,M3.2.0,M11.1.0").unwrap();
        assert_eq!(minute_in(AT, newfoundland), "2026-11-21 14:23-03:30");
    }

    /// The environment belongs to a whole process, so this test runs itself again in one of its own.
    #[test]
    fn the_terminals_own_zone_counts() {
        const ASKED: &str = "CONCLAVE_TEST_SHOW_MINUTE";
        if std::env::var_os(ASKED).is_some() {
            println!("shown: {}", minute(AT));
            return;
        }
        for (zone, shown) in [("MSK-3", "2026-11-21 20:53"), ("UTC", "2026-11-21 17:53")] {
            let mut again = std::process::Command::new(std::env::current_exe().unwrap());
            let name = "when::tests::the_terminals_own_zone_counts";
            again.args(["--exact", name, "--nocapture"]).env("TZ", zone).env(ASKED, "1");
            let out = String::from_utf8(again.output().unwrap().stdout).unwrap();
            assert!(out.contains(&format!("shown: {shown}\n")), "{zone}: {out}");
        }
    }

    #[test]
    fn durations_and_sizes_read_naturally() {
        assert_eq!(ago(AT - 300_000, AT, Lang::Ru), "5 мин назад");
        assert_eq!(ago(AT - 1, AT, Lang::En), "now");
        assert_eq!(ago(AT + 1, AT, Lang::En), minute(AT));
        assert_eq!(duration(3 * 86_400_000, Lang::En), "3 d");
        assert_eq!(bytes(999, Lang::En), "999 B");
        assert_eq!(bytes(1000, Lang::En), "1.0 KiB");
        assert_eq!(bytes(3_355_443, Lang::Ru), "3,2 МиБ");
        assert_eq!(bytes(u64::MAX, Lang::En), "16777216.0 TiB");
    }
}
