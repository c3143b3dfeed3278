//! Parses the command line and calls.
fn main() {}
