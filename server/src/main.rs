//! `conclaved`, the server of a closed room: parses the command line and runs one command.
//! Never decides anything itself.
#![forbid(unsafe_code)]

mod agreement;
mod backup;
mod border;
mod cell_place;
mod cells;
mod clock;
mod command;
mod config;
mod core;
mod cosigned;
mod driver;
mod erasure;
mod inbox;
mod keys;
mod limits;
mod log;
mod making;
mod notify;
mod overlay;
mod own;
mod pacing;
mod passwords;
mod peers;
mod probe;
mod randomness;
mod reader;
mod recovery;
mod socket;
mod status;
mod store;
mod tending;
mod unlock;
mod verifiers;
mod vital;
mod words;
mod writer;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main().into()
}
