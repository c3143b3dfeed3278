//! The one shape of every `--json` answer.
//! Never prints a second line, nor anything a person would have to read.
//!
//! ```text
//! {"v":1,"command":"send","ok":true,"data":{...}}
//! {"v":1,"command":"send","ok":false,"error":{"code":"not-a-member","message":"..."}}
//! ```

use serde::Serialize;

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
        serde_json::to_string(self)
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
}
