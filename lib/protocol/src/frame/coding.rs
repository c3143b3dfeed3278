//! Frames as bytes of a stream: a length, then the one right encoding.
//! Never holds more than one frame and what came with it.

use super::{ToCore, ToTerminal};
use bytes::{Buf, Bytes, BytesMut};
use minicbor::Encode;
use pki::canonical::{self, NotCanonical};

/// Why bytes are no frame. The session ends.
#[derive(Debug, thiserror::Error)]
pub enum BadFrame {
    /// Longer than allowed here and now.
    #[error("frame of {found} bytes, the limit is {limit}")]
    TooLong {
        /// Announced.
        found: usize,
        /// Allowed.
        limit: usize,
    },
    /// Not the one right encoding of a frame.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

/// Collects stream bytes into frames. Holds at most one frame and what came with it.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    /// Adds what the stream brought.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole frame's content, if it is there. `limit` is the longest allowed at this point of the session.
    pub fn next_frame(&mut self, limit: usize) -> Result<Option<Bytes>, BadFrame> {
        let Some(head) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let found = u32::from_be_bytes(*head) as usize;
        if found > limit {
            return Err(BadFrame::TooLong { found, limit });
        }
        if self.buffer.len() < 4 + found {
            return Ok(None);
        }
        self.buffer.advance(4);
        if self.buffer.len() == found {
            // Nothing waits behind it: a silent session keeps no buffer.
            return Ok(Some(std::mem::take(&mut self.buffer).freeze()));
        }
        Ok(Some(self.buffer.split_to(found).freeze()))
    }
}

/// Encodes one frame with its length.
pub fn encode<T: Encode<()>>(frame: &T) -> Bytes {
    let mut bytes = vec![0; 4];
    minicbor::encode(frame, &mut bytes).expect("a Vec takes every write");
    let length = u32::try_from(bytes.len() - 4).expect("frames are built within their limits");
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes.into()
}

/// Reads a frame of the terminal whole.
pub fn decode_to_core(content: &[u8]) -> Result<ToCore, BadFrame> {
    Ok(canonical::decode(content)?)
}

/// Reads a frame of the core whole.
pub fn decode_to_terminal(content: &[u8]) -> Result<ToTerminal, BadFrame> {
    Ok(canonical::decode(content)?)
}
