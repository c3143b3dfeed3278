//! Moments, as certificates spell them and as everybody else here counts them.
//! Never reads a clock.
use std::fmt;

use minicbor::{Decode, Encode};

use super::der::{self, DerError, GENERALIZED_TIME, Reader, UTC_TIME};

/// Wall-clock milliseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct UnixMs(#[n(0)] pub u64);

impl UnixMs {
    /// This moment and so many milliseconds more; stays at the end of time.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        i64::try_from(self.0 / 1000).unwrap_or(i64::MAX)
    }
}

/// A moment in a certificate: whole seconds since 1970, which may lie before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertTime(pub i64);

impl fmt::Display for CertTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(86_400));
        let second = self.0.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// The last moment X.509 can name.
const END_OF_TIME: i64 = 253_402_300_799;

impl CertTime {
    /// This moment in whole seconds, rounded down.
    pub fn from_unix(at: UnixMs) -> Self {
        Self(at.seconds().min(END_OF_TIME))
    }

    /// Reads a `Time` by the rules of RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on, both
    /// with seconds and `Z`, no fractions.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let (tag, text, _) = reader.any()?;
        let bad = DerError::Value("Time");
        let (year, rest) = match tag {
            UTC_TIME if text.len() == 13 => {
                let short = digits(&text[..2]).ok_or(bad)?;
                (if short >= 50 { 1900 + short } else { 2000 + short }, &text[2..])
            }
            GENERALIZED_TIME if text.len() == 15 => {
                let year = digits(&text[..4]).ok_or(bad)?;
                if (1950..2050).contains(&year) {
                    return Err(bad);
                }
                (year, &text[4..])
            }
            _ => return Err(bad),
        };
        if rest[10] != b'Z' {
            return Err(bad);
        }
        let mut pairs = [0; 5];
        for (pair, text) in pairs.iter_mut().zip(rest.chunks(2)) {
            *pair = digits(text).ok_or(bad)?;
        }
        let [month, day, hour, minute, second] = pairs;
        let in_range = (1..=12).contains(&month)
            && day >= 1
            && day <= days_of(year, month)
            && hour < 24
            && minute < 60
            && second < 60;
        if !in_range {
            return Err(bad);
        }
        Ok(Self(days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second))
    }

    /// Writes a `Time` by the same rules.
    pub(crate) fn write(self) -> Vec<u8> {
        let text: String = self.to_string().chars().filter(|c| c.is_ascii_digit()).collect();
        let text = format!("{text}Z");
        if ("1950".."2050").contains(&&text[..4]) {
            der::element(UTC_TIME, &text.as_bytes()[2..])
        } else {
            der::element(GENERALIZED_TIME, text.as_bytes())
        }
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; March-based years make the leap day the last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tag: u8, text: &str) -> Result<String, DerError> {
        let bytes = der::element(tag, text.as_bytes());
        CertTime::read(&mut Reader::new(&bytes)).map(|time| time.to_string())
    }

    #[test]
    fn times_have_one_spelling_each() {
        assert_eq!(read(UTC_TIME, "491231235959Z").unwrap(), "2049-12-31T23:59:59Z");
        assert_eq!(read(UTC_TIME, "500101120000Z").unwrap(), "1950-01-01T12:00:00Z");
        assert_eq!(read(UTC_TIME, "240229000000Z").unwrap(), "2024-02-29T00:00:00Z");
        assert_eq!(read(GENERALIZED_TIME, "20500101000000Z").unwrap(), "2050-01-01T00:00:00Z");
        assert_eq!(read(GENERALIZED_TIME, "99991231235959Z").unwrap(), "9999-12-31T23:59:59Z");
        for bad in [
            "2402290000Z",
            "230229000000Z",
            "240101000000+0000",
            "241301000000Z",
            "24010100000 Z",
            "240101240000Z",
        ] {
            assert!(read(UTC_TIME, bad).is_err(), "{bad}");
        }
        for bad in ["20490101000000Z", "20500101000000.5Z", "205001010000Z", "20500101000000"] {
            assert!(read(GENERALIZED_TIME, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for days in (-7305..60_000).step_by(13) {
            let time = CertTime(days * 86_400 + 4711);
            let bytes = time.write();
            assert_eq!(CertTime::read(&mut Reader::new(&bytes)), Ok(time), "{time}");
        }
        assert_eq!(CertTime(END_OF_TIME).to_string(), "9999-12-31T23:59:59Z");
    }
}
