//! The one shape of every `--json` answer.
//! Never prints a second line, nor anything a person would have to read, nor a letter that steers a terminal: people do
//! look at it there, and JSON can spell each one.
//!
//! ```text
//! {"v":1,"command":"send","ok":true,"data":{...}}
//! {"v":1,"command":"send","ok":false,"error":{"code":"not-a-member","message":"..."}}
//! ```

use crate::clean::steers;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// The version of the envelope itself; a command's data has its own promises.
pub const ENVELOPE_VERSION: u8 = 1;

/// One answer to a script.
#[derive(Debug, Serialize)]
pub struct Json<'a, T: Serialize> {
    v: u8,
    command: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure<'a>>,
}

/// Why a command failed: a stable code for scripts, words for people.
#[derive(Debug, Serialize)]
struct Failure<'a> {
    code: &'a str,
    message: &'a str,
}

impl<'a, T: Serialize> Json<'a, T> {
    /// The command did what it was asked; `data` is what it has to say.
    pub fn done(command: &'a str, data: T) -> Self {
        Json { v: ENVELOPE_VERSION, command, ok: true, data: Some(data), error: None }
    }

    /// A verdict against, with its data (an audit that found something, a certificate that is not valid).
    pub fn verdict(command: &'a str, code: &'a str, message: &'a str, data: T) -> Self {
        Json {
            v: ENVELOPE_VERSION,
            command,
            ok: false,
            data: Some(data),
            error: Some(Failure { code, message }),
        }
    }

    /// The answer as one line without its newline. Fails only when `T` cannot be JSON (a map with odd keys).
    pub fn line(&self) -> Result<String, serde_json::Error> {
        let mut out = Vec::new();
        self.serialize(&mut Serializer::with_formatter(&mut out, Spelled))?;
        Ok(String::from_utf8(out).expect("serde_json writes the UTF-8 it was given, and we add ASCII"))
    }
}

/// Spells what [`steers`] as `\uXXXX`: the same text for whoever parses it.
struct Spelled;

impl Formatter for Spelled {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, letter)) = rest.char_indices().find(|(_, letter)| steers(*letter)) {
            out.write_all(&rest.as_bytes()[..at])?;
            for unit in letter.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = &rest[at + letter.len_utf8()..];
        }
        out.write_all(rest.as_bytes())
    }
}

impl<'a> Json<'a, ()> {
    /// The command failed. `code` is stable, lower case with dashes; `message` is in the reader's language.
    pub fn failed(command: &'a str, code: &'a str, message: &'a str) -> Self {
        Json { v: ENVELOPE_VERSION, command, ok: false, data: None, error: Some(Failure { code, message }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_as_documented() {
        #[derive(Serialize)]
        struct Sent {
            index: u64,
        }
        assert_eq!(
            Json::done("send", Sent { index: 7 }).line().unwrap(),
            r#"{"v":1,"command":"send","ok":true,"data":{"index":7}}"#
        );
        assert_eq!(
            Json::failed("send", "not-a-member", "вы не участник").line().unwrap(),
            r#"{"v":1,"command":"send","ok":false,"error":{"code":"not-a-member","message":"вы не участник"}}"#
        );
        assert_eq!(
            Json::verdict("verify", "expired", "expired", Sent { index: 0 }).line().unwrap(),
            r#"{"v":1,"command":"verify","ok":false,"data":{"index":0},"error":{"code":"expired","message":"expired"}}"#
        );
    }

    #[test]
    fn nothing_in_an_answer_steers_a_terminal_and_nothing_is_lost() {
        let all: String = ('\0'..=char::MAX).collect();
        let line = Json::done("read", &all).line().unwrap();
        let bad: Vec<char> = line.chars().filter(|letter| steers(*letter) || letter.is_control()).collect();
        assert!(bad.is_empty(), "{bad:?}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(read["data"].as_str() == Some(all.as_str()), "parsed, it is what was written");
        let said = Json::failed("read", "x", "\u{9b}2J\u{202e}a\u{e0041}б").line().unwrap();
        assert!(said.contains(r"\u009b2J\u202ea\udb40\udc41б"), "{said}");
    }
}
