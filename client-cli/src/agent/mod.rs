//! The agent: one process per home that holds what is open while its person works: keys, the login proof, the session,
//! messages. All of it in memory only; commands come over a socket that only this user can reach.
//! Never writes a file but the credential's state record (and the credential, when its passphrase changes).

mod asks;
mod awaiting;
mod connection;
mod core;
mod errands;
mod first;
mod locking;
mod memory;
pub(crate) mod parts;
mod passwords;
mod patience;
pub(crate) mod pending;
pub(crate) mod place;
mod proof;
mod retry;
mod store;
pub(crate) mod wire;
mod work;

use crate::home::Home;
use crate::trouble::Trouble;
use console::Exit;
use hardening::Sandboxed;
use std::os::unix::net::UnixStream;
use std::path::Path;

pub(crate) use self::core::Agent;
pub(crate) use errands::policy_of;

/// What an agent is started with.
pub(crate) struct Start {
    pub(crate) home: Home,
    /// Lock after so many milliseconds without use, if the policy does not say less.
    pub(crate) idle_ms: Option<u64>,
    /// The command that started it.
    pub(crate) starter: UnixStream,
}

/// Lives until `logout`, a signal, or a first login that fails. The confinement is demanded as proof.
pub(crate) fn run(start: Start, runtime: &Path, _sandboxed: &Sandboxed) -> Result<Exit, Trouble> {
    let place = place::Place::prepare(runtime, start.home.path());
    let place = place.map_err(|error| Trouble::io(runtime, &error))?;
    let listener = place.listen().map_err(|error| Trouble::io(runtime, &error))?;
    let Some(listener) = listener else {
        return Err(Trouble::say(
            Exit::No,
            "agent-lives",
            "an agent of this home lives already",
            "агент этого каталога уже работает",
        ));
    };
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tokio = tokio.map_err(|error| Trouble::io(runtime, &error))?;
    let lived = tokio.block_on(async {
        let agent = Agent::new(start, listener, runtime.to_owned())?;
        // From here on another agent finds our socket answering.
        drop(place);
        agent.live().await
    });
    lived.map_err(|error| Trouble::io(runtime, &error))?;
    Ok(Exit::Yes)
}
