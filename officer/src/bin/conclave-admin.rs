//! Officers and administrators at work, online. Parses the command line and calls; everything else is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    officer::admin_cli::main().into()
}
