//! Dates as they are printed, always UTC.
//! Never reads a clock.

use time::OffsetDateTime;

use crate::error::PaperError;
use crate::lang::Lang;

/// The calendar date and time of a moment in milliseconds since 1970.
pub(crate) fn moment(at_ms: u64) -> Result<OffsetDateTime, PaperError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .map_err(|_| PaperError::BeyondCalendar { at_ms })
}

/// `21 November 2026`-like dates invite misreading across languages; digits do not.
pub(crate) fn day(at_ms: u64, lang: Lang) -> Result<String, PaperError> {
    let at = moment(at_ms)?;
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    Ok(match lang {
        Lang::En => format!("{year:04}-{month:02}-{day:02}"),
        Lang::Ru => format!("{day:02}.{month:02}.{year:04}"),
    })
}

/// Date, hours, minutes and seconds, with the zone said.
pub(crate) fn second(at_ms: u64, lang: Lang) -> Result<String, PaperError> {
    let at = moment(at_ms)?;
    Ok(format!("{} {:02}:{:02}:{:02} UTC", day(at_ms, lang)?, at.hour(), at.minute(), at.second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_in_the_readers_order() {
        assert_eq!(day(1_795_283_588_000, Lang::Ru).unwrap(), "21.11.2026");
        assert_eq!(second(1_795_283_588_999, Lang::En).unwrap(), "2026-11-21 17:53:08 UTC");
        assert_eq!(day(u64::MAX, Lang::En), Err(PaperError::BeyondCalendar { at_ms: u64::MAX }));
    }
}
