//! The world's connections: how bytes move over them, and how each side learns that they are gone.
//! Never moves anything by itself.

use crate::network::Connection;
use crate::world::World;
use journal::testing::seed;
use protocol::client::Connection as Greeting;
use protocol::frame::{Decoder, decode_to_terminal, encode};
use protocol::io::{Connected, Input, SessionId};
use protocol::limits::FRAME_BYTES_MAX;

impl World {
    /// The connection with this number.
    pub fn connection(&mut self, session: SessionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|connection| connection.session == session)
    }

    /// Connects a terminal, if the server lives.
    pub fn connect(&mut self, login: &str) {
        if self.server.is_none() || self.terminal(login).connection.is_some() {
            return;
        }
        let session = self.next_session;
        self.next_session += 1;
        let exporter = seed(session, "exporter");
        let nonce = seed(session, "nonce");
        let leaf = self.site.test.person(login).signature_certificate.der().to_vec();
        let server_certificate = self.site.test.person("server").signature_certificate.id();
        let peer = vec![leaf.into(), self.site.test.issuing.der().to_vec().into()];
        self.connections.push(Connection::new(session, login));
        let wall_ms = self.now.wall_ms;
        let terminal = self.terminal(login);
        terminal.connection = Some(session);
        terminal.client.connected(Greeting { exporter, server_certificate }, wall_ms);
        self.input(Input::Connected(Connected { session, peer, exporter, nonce }));
        self.act(login);
    }

    /// Some of what a terminal sent arrives. Whether anything moved.
    pub fn bring_up(&mut self, at: usize, bytes: usize) -> bool {
        let connection = &mut self.connections[at];
        let session = connection.session;
        if !connection.at_server || connection.paused || connection.up.is_empty() {
            return false;
        }
        let bytes = bytes.min(connection.up.len());
        let piece: Vec<u8> = connection.up.drain(..bytes).collect();
        self.input(Input::Received(session, piece.into()));
        true
    }

    /// Some of what the server sent arrives. Whether anything moved.
    pub fn bring_down(&mut self, at: usize, bytes: usize) -> bool {
        let connection = &mut self.connections[at];
        if connection.down.is_empty() || !connection.at_terminal {
            return false;
        }
        let bytes = bytes.min(connection.down.len());
        let piece: Vec<u8> = connection.down.drain(..bytes).collect();
        let (session, login) = (connection.session, connection.login.clone());
        if connection.at_server {
            self.input(Input::Drained(vec![(session, bytes as u64)]));
        }
        self.receive(&login, &piece);
        self.act(&login);
        true
    }

    /// A terminal reads bytes, tampered with if somebody does.
    fn receive(&mut self, login: &str, piece: &[u8]) {
        let wall_ms = self.now.wall_ms;
        let Some(tamper) = &mut self.tamper else {
            return self.terminal(login).client.received(piece, wall_ms);
        };
        // Tampering goes frame by frame; calm worlds bring whole frames.
        let mut decoder = Decoder::default();
        decoder.push(piece);
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame(FRAME_BYTES_MAX).unwrap() {
            frames.extend(tamper(login, decode_to_terminal(&frame).unwrap()));
        }
        for frame in frames {
            self.terminal(login).client.received(&encode(&frame), wall_ms);
        }
    }

    /// A side of a connection that is gone learns of it. Whether anything moved.
    pub fn learn(&mut self, at: usize) -> bool {
        let connection = &mut self.connections[at];
        let session = connection.session;
        if connection.broken && connection.at_server && (connection.up.is_empty() || connection.paused) {
            connection.at_server = false;
            self.input(Input::Closed(session));
            self.bury();
            return true;
        }
        let gone = connection.broken || connection.ended;
        if gone && connection.at_terminal && connection.down.is_empty() {
            connection.at_terminal = false;
            let login = connection.login.clone();
            self.hang_up(&login, session);
            self.bury();
            return true;
        }
        false
    }

    pub(crate) fn hang_up(&mut self, login: &str, session: SessionId) {
        let wall_ms = self.now.wall_ms;
        let terminal = self.terminal(login);
        if terminal.connection == Some(session) {
            terminal.connection = None;
            terminal.greeted = false;
            terminal.client.disconnected(wall_ms);
            self.act(login);
        }
    }

    /// The connection of a terminal breaks; both sides learn of it at once.
    pub fn cut(&mut self, login: &str) {
        let Some(session) = self.terminal(login).connection else { return };
        if let Some(connection) = self.connection(session) {
            connection.break_at(0, 0);
        }
        while let Some(at) = self.connections.iter().position(|connection| connection.session == session) {
            self.learn(at);
        }
    }

    /// Forgets connections that nobody believes in.
    pub fn bury(&mut self) {
        self.connections.retain(|connection| !connection.is_over());
    }
}
