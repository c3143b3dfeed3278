//! Connections as QUIC's one stream is: bytes in order or not at all, in pieces of any size, broken at any byte.
//! Never changes a byte, unless a test tampers.

use protocol::io::SessionId;
use std::collections::VecDeque;

/// One connection. Each side learns by itself, and late, that it is gone.
pub struct Connection {
    /// Its number.
    pub session: SessionId,
    /// Whose.
    pub login: String,
    /// Towards the server.
    pub up: VecDeque<u8>,
    /// Towards the terminal.
    pub down: VecDeque<u8>,
    /// Nothing gets on its way any more; what is on its way may still arrive.
    pub broken: bool,
    /// The server has not been told that it is gone.
    pub at_server: bool,
    /// The terminal has not been told that it is gone.
    pub at_terminal: bool,
    /// The server does not read.
    pub paused: bool,
    /// The server ended it: gone once everything is said.
    pub ended: bool,
}

impl Connection {
    /// A fresh one.
    pub fn new(session: SessionId, login: &str) -> Self {
        Self {
            session,
            login: login.into(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            broken: false,
            at_server: true,
            at_terminal: true,
            paused: false,
            ended: false,
        }
    }

    /// It breaks: of the bytes on their way only the first ones arrive.
    pub fn break_at(&mut self, up: usize, down: usize) {
        self.broken = true;
        self.up.truncate(up);
        self.down.truncate(down);
    }

    /// Whether both sides know that it is gone.
    pub fn is_over(&self) -> bool {
        !self.at_server && !self.at_terminal
    }
}
