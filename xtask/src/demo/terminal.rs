//! A terminal of its own for each command: what the program asks is answered as a person would type it.
//! Never passes a secret as an argument: it is typed at the prompt, and the prompt does not show it.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};

/// What a person types when the program has written `prompt`.
#[derive(Clone)]
pub(crate) struct Answer {
    prompt: &'static str,
    typed: String,
    secret: bool,
}

impl Answer {
    /// A line typed at a prompt; the terminal echoes it if the program lets it.
    pub(crate) fn line(prompt: &'static str, typed: &str) -> Self {
        Self { prompt, typed: format!("{typed}\n"), secret: false }
    }

    /// A secret typed at a prompt that does not echo.
    pub(crate) fn secret(prompt: &'static str, typed: &str) -> Self {
        Self { prompt, typed: format!("{typed}\n"), secret: true }
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(prompt: &'static str) -> Self {
        Self { prompt, typed: "\u{3}".to_owned(), secret: false }
    }

    /// A text of several lines, which a line with a single dot ends.
    pub(crate) fn text(typed: &str) -> Self {
        Self { prompt: "ends it\r\n", typed: format!("{typed}\n.\n"), secret: false }
    }
}

/// What a command printed and how it ended.
pub(crate) struct Seen {
    /// Everything on its terminal.
    pub(crate) output: String,
    /// How it ended.
    pub(crate) status: ExitStatus,
}

/// Runs `command` on a terminal of its own, types the answers at their prompts, in order, and shows what appears.
pub(crate) fn run(command: &mut Command, answers: &[Answer], show: bool) -> Result<Seen> {
    let size = Winsize { ws_row: 50, ws_col: 110, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(Some(&size), None).context("no pseudo-terminal")?;
    // Nobody inherits the bare ends: an agent that a command starts would hold the terminal open.
    for end in [&terminal.master, &terminal.slave] {
        fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))
            .context("cannot keep the terminal's ends private")?;
    }
    let slave = |end: &OwnedFd| end.try_clone().map(Stdio::from).context("cannot share the terminal");
    // setsid makes the terminal the command's own, so that it asks for passwords there (/dev/tty).
    let mut inside = Command::new("setsid");
    inside.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        inside.current_dir(folder);
    }
    inside.stdin(slave(&terminal.slave)?).stdout(slave(&terminal.slave)?).stderr(slave(&terminal.slave)?);
    let mut child = inside.spawn().context("cannot run setsid (package util-linux)")?;
    // Our copies of the slave end are closed, so that reading ends when the command's last process does.
    drop(inside);
    drop(terminal.slave);
    let mut master = std::fs::File::from(terminal.master);
    let output = converse(&mut master, answers, show)?;
    let status = child.wait().context("the command cannot be waited for")?;
    Ok(Seen { output, status })
}

fn converse(master: &mut std::fs::File, answers: &[Answer], show: bool) -> Result<String> {
    let mut bytes = Vec::new();
    let mut from = 0;
    let mut pending = answers.iter();
    let mut next = pending.next();
    let mut buffer = [0; 4096];
    loop {
        let count = match master.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            // EIO: the last process on the terminal is gone.
            Err(_closed) => break,
        };
        let piece = &buffer[..count];
        if show {
            let mut out = std::io::stdout().lock();
            out.write_all(piece)?;
            out.flush()?;
        }
        bytes.extend_from_slice(piece);
        while let Some(answer) = next {
            let Some(at) = find(&bytes[from..], answer.prompt.as_bytes()) else { break };
            from += at + answer.prompt.len();
            master.write_all(answer.typed.as_bytes())?;
            if show && answer.secret {
                print!("········");
            }
            next = pending.next();
        }
    }
    if let Some(answer) = next {
        bail!("the command never asked \"{}\":\n{}", answer.prompt, String::from_utf8_lossy(&bytes));
    }
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
