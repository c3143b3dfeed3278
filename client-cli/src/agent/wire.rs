//! What commands and the agent say to each other over the agent's socket: frames `length (u32, big-endian) ‖ canonical
//! CBOR`, the same shape as on the network. One request at a time on a connection; its answers come until `Done`,
//! `Failed` or another last word.
//! Never leaves a copy of a frame behind: every buffer is wiped.

use minicbor::bytes::ByteVec;
use minicbor::encode::Write as CborWrite;
use minicbor::{Decode, Encode};
use pki::PersonId;
use protocol::client::command::Send;
use protocol::client::event::{ClosedView, MessageView, SuccessionView};
use protocol::client::{Command, Event, Reply, SecretBytes, SecretText};
use std::convert::Infallible;
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// Version of this little protocol: command and agent must be of the same build line.
pub(crate) const VERSION: u8 = 7;
/// Longest frame, bytes: a page of messages, a chunk or a part of a list fits many times.
pub(crate) const FRAME_BYTES_MAX: usize = 8 << 20;

/// From a command to the agent.
#[derive(Encode, Decode)]
#[cbor(flat)]
pub(crate) enum Ask {
    /// First of all. Answered by `Hello`.
    #[n(1)]
    Hello(#[n(0)] u8),
    /// Answered by `Status`.
    #[n(2)]
    Status,
    /// Opens the credential and logs in. Answered by `Unlocked` or `Failed`.
    #[n(3)]
    Unlock(#[n(0)] Unlock),
    /// A new password, and passphrase where the policy says that they are one. Answered by `PasswordSet` or `Failed`.
    #[n(4)]
    SetPassword(#[n(0)] SecretText),
    /// Forgets every secret. Answered by `Locked`.
    #[n(5)]
    Lock,
    /// Ends the session and the agent. Answered by `Locked`.
    #[n(6)]
    Logout,
    /// A command for the session. Answered by its events, then `Done` or `Failed`.
    #[n(7)]
    Run(#[n(0)] Box<Command>),
    /// Bytes of a file that `ChunkWanted` asked for.
    #[n(8)]
    Chunk(#[n(0)] SecretBytes),
    /// Every event from now on.
    #[n(9)]
    Watch,
    /// Messages held in memory that contain these words. Answered by `Found`.
    #[n(10)]
    Search(#[n(0)] SecretText),
    /// The message at this index, if it is held in memory. Answered by `Found`.
    #[n(11)]
    Held(#[n(0)] u64),
    /// A new password in place of the old one. Answered as `SetPassword`.
    #[n(12)]
    ChangePassword(#[n(0)] SecretText, #[n(1)] SecretText),
    /// A message to a person, into the private conversation with him, which is founded where there is none. Answered
    /// like `Run`; done is `Founded` with the place of the message.
    #[n(13)]
    SendTo(#[n(0)] PersonId, #[n(1)] Box<Send>),
}

/// See [`Ask::Unlock`].
#[derive(Encode, Decode)]
#[cbor(array)]
pub(crate) struct Unlock {
    /// Opens the credential.
    #[n(0)]
    pub(crate) passphrase: SecretText,
    /// Proves the login, where it is not the passphrase.
    #[n(1)]
    pub(crate) password: Option<SecretText>,
    /// End another live session of this person.
    #[n(2)]
    pub(crate) end_other: bool,
}

/// From the agent to a command.
#[derive(Encode, Decode)]
#[cbor(flat)]
pub(crate) enum Tell {
    /// The agent's version, and whose it is (once it knows).
    #[n(1)]
    Hello(#[n(0)] u8, #[n(1)] Option<u64>),
    /// How it stands.
    #[n(2)]
    Status(#[n(0)] Box<Status>),
    /// The login is in the journal.
    #[n(3)]
    Unlocked(#[n(0)] Unlocked),
    /// The new password holds; whether it is the credential's passphrase too.
    #[n(4)]
    PasswordSet(#[n(0)] bool),
    /// Secrets and texts are wiped; so many commands had no result yet and are lost.
    #[n(5)]
    Locked(#[n(0)] u32),
    /// Something about the command under way, or, after `Watch`, about anything.
    #[n(6)]
    Event(#[n(0)] Box<Event>),
    /// The command is done.
    #[n(7)]
    Done(#[n(0)] Box<Reply>),
    /// It is not.
    #[n(8)]
    Failed(#[n(0)] Failure),
    /// The command waits: for a connection, or (`true`) for an answer on the one that seems to stand.
    #[n(9)]
    Waiting(#[n(0)] bool),
    /// Messages, ascending, and whether there are more than are shown.
    #[n(10)]
    Found(#[n(0)] Vec<MessageView>, #[n(1)] bool),
    /// What comes next is from memory, for the server cannot be asked: as of this moment, milliseconds since 1970.
    #[n(11)]
    Stale(#[n(0)] u64),
    /// A part of a long list; the next one follows, the last as `Done`.
    #[n(12)]
    Part(#[n(0)] Box<Reply>),
}

/// See [`Tell::Unlocked`].
#[derive(Clone, Copy, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Unlocked {
    /// Nothing goes before a new password is set.
    #[n(0)]
    pub(crate) must_set_password: bool,
    /// Index of the Login.
    #[n(1)]
    pub(crate) login: u64,
    /// Entries of the journal, proven to have only grown since the last time.
    #[n(2)]
    pub(crate) entries: u64,
}

/// Why something was not done: a stable name, and the words in both languages.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Failure {
    /// For scripts.
    #[n(0)]
    pub(crate) name: String,
    /// In English.
    #[n(1)]
    pub(crate) en: String,
    /// In Russian.
    #[n(2)]
    pub(crate) ru: String,
}

/// How the agent stands.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Status {
    /// Whether secrets are in memory.
    #[n(0)]
    pub(crate) unlocked: bool,
    /// Whether a session lives on a connection.
    #[n(1)]
    pub(crate) online: bool,
    /// Who, once known.
    #[n(2)]
    pub(crate) me: Option<Me>,
    /// Index of the last Login.
    #[n(3)]
    pub(crate) login: u64,
    /// Entries of the journal as last proven.
    #[n(4)]
    pub(crate) entries: u64,
    /// Messages in memory.
    #[n(5)]
    pub(crate) held: u64,
    /// What has no result yet, oldest first.
    #[n(6)]
    pub(crate) unsent: Vec<Unsent>,
    /// What came to nothing while nobody listened, oldest first.
    #[n(7)]
    pub(crate) failed: Vec<Unsent>,
    /// The last trouble with the connection, while there is one.
    #[n(8)]
    pub(crate) trouble: Option<Failure>,
    /// Milliseconds until the idle lock.
    #[n(9)]
    pub(crate) lock_in_ms: Option<u64>,
    /// How well the login proof is kept in memory.
    #[n(10)]
    pub(crate) memory: String,
    /// Nothing goes before a new password is set.
    #[n(11)]
    pub(crate) must_set_password: bool,
    /// The newest proven checkpoint, as the server signed it; empty where there is none.
    #[n(12)]
    pub(crate) checkpoint: ByteVec,
    /// The successions of the log, as far as this session was shown them.
    #[n(13)]
    pub(crate) successions: Vec<SuccessionView>,
    /// The log was closed into another one, as far as this session was shown it.
    #[n(14)]
    pub(crate) closed: Option<ClosedView>,
}

/// Whose agent it is.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Me {
    #[n(0)]
    pub(crate) person: u64,
    #[n(1)]
    pub(crate) login: String,
    #[n(2)]
    pub(crate) full_name: String,
    #[n(3)]
    pub(crate) site: String,
    /// Roles, as words.
    #[n(4)]
    pub(crate) roles: Vec<String>,
    /// Rank of the clearance.
    #[n(5)]
    pub(crate) clearance: u8,
    /// End of the certificate's validity, for people.
    #[n(6)]
    pub(crate) valid_until: String,
}

/// A command that is not in the journal. Never says what a message contains.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Unsent {
    /// What, as a kind of [`super::pending::kind`].
    #[n(0)]
    pub(crate) kind: u8,
    /// Given when, milliseconds since 1970.
    #[n(1)]
    pub(crate) at_ms: u64,
    /// Why it came to nothing.
    #[n(2)]
    pub(crate) failure: Option<Failure>,
    /// Where it goes, as far as the agent can name that: `@login` or a title.
    #[n(3)]
    pub(crate) to: Option<String>,
}

/// Counts what an encoding takes, so that a buffer of exactly that length is made and never grows.
struct Counter(usize);

impl CborWrite for Counter {
    type Error = Infallible;
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 += bytes.len();
        Ok(())
    }
}

/// How many bytes the encoding of something takes.
pub(crate) fn bytes_of<T: Encode<()>>(value: &T) -> usize {
    let mut counter = Counter(0);
    minicbor::encode(value, &mut counter).expect("counting cannot fail, and our types always encode");
    counter.0
}

/// One frame with its length, in a buffer that wipes itself.
pub(crate) fn frame<T: Encode<()>>(value: &T) -> Zeroizing<Vec<u8>> {
    let content = bytes_of(value);
    let mut bytes = Zeroizing::new(Vec::with_capacity(4 + content));
    let length = u32::try_from(content).expect("frames are built of bounded parts");
    bytes.extend_from_slice(&length.to_be_bytes());
    minicbor::encode(value, &mut *bytes).expect("a Vec takes every write");
    bytes
}

/// Reads a frame's content whole.
pub(crate) fn parse<'b, T: Decode<'b, ()> + Encode<()>>(content: &'b [u8]) -> io::Result<T> {
    let value: T = minicbor::decode(content).map_err(|_| bad("not a frame of the agent"))?;
    // The one right encoding or none: whatever follows the value, or spells it otherwise, is refused.
    match frame(&value)[4..] == *content {
        true => Ok(value),
        false => Err(bad("not a canonical frame")),
    }
}

/// The length of a frame, from its first four bytes.
pub(crate) fn length(head: [u8; 4]) -> io::Result<usize> {
    match u32::from_be_bytes(head) as usize {
        length if length <= FRAME_BYTES_MAX => Ok(length),
        _ => Err(bad("a frame that is too long")),
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Writes a frame, blocking.
pub(crate) fn write<T: Encode<()>>(to: &mut impl Write, value: &T) -> io::Result<()> {
    to.write_all(&frame(value))?;
    to.flush()
}

/// Reads a frame, blocking.
pub(crate) fn read<T: for<'b> Decode<'b, ()> + Encode<()>>(from: &mut impl Read) -> io::Result<T> {
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let mut content = Zeroizing::new(vec![0; length(head)?]);
    from.read_exact(&mut content)?;
    parse(&content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard_and_nothing_else() {
        let ask = Ask::Unlock(Unlock {
            passphrase: SecretText::from("верная лошадь"),
            password: None,
            end_other: true,
        });
        let bytes = frame(&ask);
        let Ask::Unlock(heard) = read(&mut bytes.as_slice()).unwrap() else { panic!("another kind") };
        assert_eq!(heard.passphrase.expose(), "верная лошадь");
        assert!(heard.password.is_none() && heard.end_other);
        assert_eq!(bytes.capacity(), bytes.len(), "a buffer that grew leaves copies behind");
        let mut trailing = bytes[4..].to_vec();
        trailing.push(0);
        assert!(parse::<Ask>(&trailing).is_err());
        assert!(parse::<Ask>(&bytes[4..bytes.len() - 1]).is_err());
        // 2 as a two-byte number: understood by CBOR, not by us.
        assert!(parse::<Ask>(&[0x81, 0x02]).is_ok());
        assert!(parse::<Ask>(&[0x81, 0x18, 0x02]).is_err());
    }

    #[test]
    fn an_endless_frame_is_refused_by_its_length() {
        assert!(read::<Ask>(&mut [0xFF; 64].as_slice()).is_err());
        assert!(length((FRAME_BYTES_MAX as u32).to_be_bytes()).is_ok());
        assert!(length((FRAME_BYTES_MAX as u32 + 1).to_be_bytes()).is_err());
    }
}
