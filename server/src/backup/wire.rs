//! What a copying command and the running server say to each other, over a local socket of one build.
//! Never longer than a limit, and never a key: blocks as they lie, an outline, a signature.
//!
//! ```text
//! message = length u32 | kind u8 | bytes        (length counts kind and bytes)
//! ```

use backup::Signed;
use disk::codec::{Fields, Put};
use disk::{Anchor, OUTLINE_BYTES_MAX, RANGE_BLOCKS_MAX, Range};
use std::io::{self, Read, Write};

/// Longest message: an outline, or the blocks of one range.
const MESSAGE_BYTES_MAX: usize = OUTLINE_BYTES_MAX + RANGE_BLOCKS_MAX as usize * disk::BLOCK;

/// What the command asks.
pub(crate) enum Request {
    /// Hold the newest state still, and say what it is.
    Hold,
    /// Was this store ever there?
    HasPassed(Anchor),
    /// Blocks of the state.
    Read(Range),
    /// Sign the manifest of the state, with segments of this digest.
    Sign([u8; 32]),
    /// The signed manifest is in place.
    Kept,
    /// Has the state blocks of this digest there?
    IsSame(Range, [u8; 32]),
}

/// What the server answers.
pub(crate) enum Answer {
    Outline(Vec<u8>),
    Truth(bool),
    Blocks(Vec<u8>),
    /// Blocks of which some do not read.
    Torn(Vec<u8>),
    Lost,
    Signature(Signed),
    Noted,
    /// Why not, for the person.
    Refused(String),
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn send(to: &mut impl Write, kind: u8, bytes: &[u8]) -> io::Result<()> {
    let mut head = (bytes.len() as u32 + 1).to_le_bytes().to_vec();
    head.push(kind);
    to.write_all(&head)?;
    to.write_all(bytes)
}

fn receive(from: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut head = [0; 5];
    // An end between two messages is a good one.
    if from.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..])?;
    let [length @ .., kind] = head;
    let bytes = (u32::from_le_bytes(length) as usize).checked_sub(1).ok_or(malformed("an empty message"))?;
    if bytes > MESSAGE_BYTES_MAX {
        return Err(malformed("a message over the limit"));
    }
    let mut body = vec![0; bytes];
    from.read_exact(&mut body)?;
    Ok(Some((kind, body)))
}

impl Request {
    pub(crate) fn send(&self, to: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::new();
        match self {
            Self::Hold => send(to, 1, &[]),
            Self::HasPassed(anchor) => {
                anchor.encode(&mut bytes);
                send(to, 2, &bytes)
            }
            Self::Read(range) => {
                range.encode(&mut bytes);
                send(to, 3, &bytes)
            }
            Self::Sign(segments) => send(to, 4, segments),
            Self::Kept => send(to, 5, &[]),
            Self::IsSame(range, digest) => {
                range.encode(&mut bytes);
                bytes.put(digest);
                send(to, 6, &bytes)
            }
        }
    }

    /// The next one; `None` when the other side is done.
    pub(crate) fn receive(from: &mut impl Read) -> io::Result<Option<Self>> {
        let Some((kind, bytes)) = receive(from)? else { return Ok(None) };
        let mut fields = Fields(&bytes);
        let wrong = |_| malformed("a request that is none");
        let request = match kind {
            1 => Self::Hold,
            2 => Self::HasPassed(Anchor::decode(&mut fields).map_err(wrong)?),
            3 => Self::Read(Range::decode(&mut fields).map_err(wrong)?),
            4 => Self::Sign(fields.array().map_err(wrong)?),
            5 => Self::Kept,
            6 => {
                let range = Range::decode(&mut fields).map_err(wrong)?;
                Self::IsSame(range, fields.array().map_err(wrong)?)
            }
            _ => return Err(malformed("an unknown request")),
        };
        fields.end().map_err(wrong)?;
        Ok(Some(request))
    }
}

impl Answer {
    pub(crate) fn send(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Outline(bytes) => send(to, 1, bytes),
            Self::Truth(truth) => send(to, 2, &[u8::from(*truth)]),
            Self::Blocks(bytes) => send(to, 3, bytes),
            Self::Lost => send(to, 4, &[]),
            Self::Signature(signed) => {
                let mut bytes = Vec::new();
                bytes.put_u64(signed.made_ms);
                bytes.put(&signed.signature);
                send(to, 5, &bytes)
            }
            Self::Noted => send(to, 6, &[]),
            Self::Refused(why) => send(to, 7, why.as_bytes()),
            Self::Torn(bytes) => send(to, 8, bytes),
        }
    }

    pub(crate) fn receive(from: &mut impl Read) -> io::Result<Self> {
        let gone = || io::Error::new(io::ErrorKind::UnexpectedEof, "it went away");
        let (kind, bytes) = receive(from)?.ok_or_else(gone)?;
        match (kind, bytes.as_slice()) {
            (1, _) => Ok(Self::Outline(bytes)),
            (2, [truth @ (0 | 1)]) => Ok(Self::Truth(*truth == 1)),
            (3, _) => Ok(Self::Blocks(bytes)),
            (4, []) => Ok(Self::Lost),
            (5, _) => {
                let mut fields = Fields(&bytes);
                let made_ms = fields.u64().map_err(|_| malformed("a signature that is none"))?;
                Ok(Self::Signature(Signed { made_ms, signature: fields.0.to_vec() }))
            }
            (6, []) => Ok(Self::Noted),
            (7, _) => Ok(Self::Refused(String::from_utf8_lossy(&bytes).into_owned())),
            (8, _) => Ok(Self::Torn(bytes)),
            (_, _) => Err(malformed("an answer that is none")),
        }
    }
}
