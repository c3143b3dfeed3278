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

    /// How a command ends that failed for the reason of this name, as the shared words of a terminal's session and of
    /// refusals name it: one table for every program that goes online. What is not named here is a plain no.
    pub fn of_reason(name: &str) -> Exit {
        match name {
            "no-agent"
            | "locked"
            | "not-logged-in"
            | "not-certified"
            | "no-address"
            | "no-answer"
            | "no-connection"
            | "connection-lost"
            | "closed"
            | "stopping"
            | "not-running"
            | "busy"
            | "busy-here"
            | "idle"
            | "full"
            | "too-many-people"
            | "too-many-connections" => Exit::Missing,
            "io" | "credential-io" | "agent-answer" | "odd-answer" => Exit::Io,
            "login-refused"
            | "connection-refused"
            | "certificate-refused"
            | "certificate-revoked"
            | "certificate-expired"
            | "expelled"
            | "suspended"
            | "account-locked"
            | "not-admitted"
            | "second-person-needed"
            | "own-alarm"
            | "not-the-author"
            | "wrong-role"
            | "not-the-owner"
            | "not-a-member"
            | "clearance-too-low"
            | "label-too-high"
            | "no-right-to-erase" => Exit::NotAllowed,
            "log-rolled-back" | "log-forked" | "wrong-head" => Exit::Diverged,
            _ => Exit::No,
        }
    }

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

    #[test]
    fn a_reason_ends_every_program_in_the_same_way() {
        for (name, exit) in [
            ("no-answer", Exit::Missing),
            ("credential-io", Exit::Io),
            ("second-person-needed", Exit::NotAllowed),
            ("log-forked", Exit::Diverged),
            // The server's word for it: its log is another one than what the terminal has seen.
            ("wrong-head", Exit::Diverged),
            // Nothing that trying again mends: whoever does it twice may have done it twice.
            ("untold", Exit::No),
            ("unchanged", Exit::No),
        ] {
            assert_eq!(Exit::of_reason(name), exit, "{name}");
        }
    }
}
