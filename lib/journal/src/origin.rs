//! The origin of a checkpoint: which log, and which of its eras. It is the first line of every note and the name of the
//! keys that sign it.
//! Never changes a log's id: that stays for ever, and with it statements, message keys and wraps.
//!
//! ```text
//! conclave/LOGID          before any succession
//! conclave/LOGID/2        an era that a succession began: what was signed before it, of entries that are lost since, is
//!                         under another name and no evidence of a fork
//! ```

use std::fmt;

use crate::checkpoint::parse_decimal;
use crate::ids::LogId;
use crate::note::KeyName;

const PREFIX: &str = "conclave/";

/// A log in one of its eras. Era 0 is the one that the genesis began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The log.
    pub log: LogId,
    /// Its era: the number that the newest succession gave it.
    pub era: u32,
}

impl From<LogId> for Origin {
    fn from(log: LogId) -> Self {
        Self { log, era: 0 }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.log)?;
        if self.era > 0 { write!(f, "/{}", self.era) } else { Ok(()) }
    }
}

impl Origin {
    /// The name under which the log's keys sign; it equals the origin.
    pub fn key_name(self) -> KeyName {
        self.to_string().parse().expect("hex digits and slashes make a key name")
    }

    /// Reads an origin line; there is one spelling of each.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix(PREFIX)?;
        let (log, era) = match rest.split_once('/') {
            None => (rest, 0),
            Some((log, era)) => {
                let era = parse_decimal(era).and_then(|era| u32::try_from(era).ok());
                (log, era.filter(|era| *era > 0)?)
            }
        };
        Some(Self { log: parse_log(log)?, era })
    }
}

fn parse_log(digits: &str) -> Option<LogId> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<Vec<u8>>>()?.try_into().ok().map(LogId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_era_has_one_spelling() {
        let log = LogId([0xab; 32]);
        for era in [0, 1, 24, u32::MAX] {
            let origin = Origin { log, era };
            assert_eq!(Origin::parse(&origin.to_string()), Some(origin));
            assert_eq!(origin.key_name().as_str(), origin.to_string());
        }
        let name = Origin::from(log).to_string();
        for tail in ["/", "/0", "/01", "/+1", "/-1", "/ 1", "/1/", "/1/2", "/4294967296", "/x"] {
            assert_eq!(Origin::parse(&format!("{name}{tail}")), None, "{tail}");
        }
    }
}
