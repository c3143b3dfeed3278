//! What a program may know of the terminal it runs on.
//! Never draws: that is the business of tables, progress and the screen.

use std::io::IsTerminal;

/// Columns assumed where there is no terminal to ask.
pub const COLUMNS_DEFAULT: usize = 100;

/// Columns of the terminal behind standard error; `None` when it is no terminal (a pipe, a file, a journal).
pub fn error_columns() -> Option<usize> {
    let stderr = std::io::stderr();
    if !stderr.is_terminal() {
        return None;
    }
    Some(terminal_size::terminal_size_of(&stderr).map_or(COLUMNS_DEFAULT, |(width, _)| usize::from(width.0)))
}

/// Columns for what goes to standard output: the terminal's, or no limit for a pipe, so that nothing is cut for `grep`.
pub fn output_columns() -> usize {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return usize::MAX;
    }
    terminal_size::terminal_size_of(&stdout).map_or(COLUMNS_DEFAULT, |(width, _)| usize::from(width.0))
}
