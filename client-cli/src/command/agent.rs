//! `conclave agent`: the agent's own process. `login` starts it with its end of a socket pair as standard input.
//! Never started by people.

use crate::Here;
use crate::agent::{self, Start};
use crate::args::Agent;
use crate::reach::runtime;
use crate::trouble::Trouble;
use console::Exit;
use hardening::Sandboxed;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

pub(super) fn run(args: &Agent, here: Here, sandboxed: &Sandboxed) -> Result<Exit, Trouble> {
    let starter = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    let starter = starter.and_then(|starter| starter.peer_addr().map(|_| starter));
    let Ok(starter) = starter else {
        return Err(Trouble::say(
            Exit::Usage,
            "not-by-hand",
            "the agent is started by `conclave login`",
            "агента запускает `conclave login`",
        ));
    };
    // Away from the terminal: closing it, or Ctrl-C in it, is not meant for the agent.
    nix::unistd::setsid().map_err(|errno| Trouble::io(Path::new("setsid"), &errno.into()))?;
    agent::run(Start { home: here.home, idle_ms: args.idle_ms, starter }, &runtime(), sandboxed)
}
