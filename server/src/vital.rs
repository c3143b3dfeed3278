//! Threads without which the process must not live: when one ends by a panic, the process ends.
//! Never restarts one: a start replays what is durable, and that is the one way back.

use crate::log::Log;
use console::Exit;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

/// Starts a thread that ends the process when it panics.
pub(crate) fn spawn(
    name: &'static str,
    log: Log,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name(name.into()).spawn(move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            log.error(format_args!("the {name} thread broke; stopping"));
            // Not `exit`: nothing of what broke may run on, and systemd starts a process that aborted anew.
            std::process::abort();
        }
    })
}

/// Ends the process after a failed write: what is on the device is decided by the next start.
pub(crate) fn die(log: Log, what: impl Display) -> ! {
    log.error(format_args!("{what}; stopping, a start replays what is durable"));
    std::process::exit(Exit::Io.code().into())
}

/// Ends the process where the next start would come to the same end: `exit` is a code at which systemd does not start it anew,
/// and `what` says what a person can do.
pub(crate) fn wait_for_a_person(log: Log, exit: Exit, what: impl Display) -> ! {
    log.error(format_args!("{what}; stopping until somebody has seen to it"));
    std::process::exit(exit.code().into())
}
