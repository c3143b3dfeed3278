//! The certification authority of a site, offline. Parses the command line and calls; everything else is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    officer::pki_cli::main().into()
}
