//! The exit codes of every program of the house.
//! Never decides which one applies: the command does.

use std::process::ExitCode;

/// How a command ended. Scripts rely on the numbers; they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or the answer is yes.
    Yes = 0,
    /// Not done, or the answer is no.
    No = 1,
    /// Verdict of an audit: something in the material is invalid.
    Invalid = 2,
    /// Verdict of an audit: two signed heads contradict each other.
    Diverged = 3,
    /// Verdict of an audit: consistent, but not compared with an outside checkpoint.
    Unanchored = 4,
    /// Verdict of an audit: parts that are needed are missing.
    Incomplete = 5,
    /// The command line is wrong (EX_USAGE of sysexits).
    Usage = 64,
    /// Something the command needs is not there: no agent, no appliance, no terminal (EX_UNAVAILABLE).
    Missing = 69,
    /// Reading or writing failed (EX_IOERR).
    Io = 74,
    /// The person has no right to do this (EX_NOPERM).
    NotAllowed = 77,
}

impl Exit {
    /// Every code, for documents and tests.
    pub const ALL: [Exit; 10] = [
        Exit::Yes,
        Exit::No,
        Exit::Invalid,
        Exit::Diverged,
        Exit::Unanchored,
        Exit::Incomplete,
        Exit::Usage,
        Exit::Missing,
        Exit::Io,
        Exit::NotAllowed,
    ];

    /// The number the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_promised_to_scripts() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|e| e.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 64, 69, 74, 77]);
    }
}
