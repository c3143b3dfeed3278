//! Text and bytes of people: wiped when dropped, never printed.
//! Never compared with anything the network sends; such comparisons belong to `seal`.

use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder, decode};
use zeroize::Zeroizing;

/// Longest text that one of these carries across the agent's socket, bytes.
pub const SECRET_BYTES_MAX: usize = 512 * 1024;

/// A text that somebody typed or that was opened.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes a text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for whoever shows or seals it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl<C> Encode<C> for SecretText {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SecretText {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let text = d.str()?;
        match text.len() <= SECRET_BYTES_MAX {
            true => Ok(Self::new(text.to_owned())),
            false => Err(decode::Error::message("text too long")),
        }
    }
}

/// Bytes of a file.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretBytes {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl<C> Encode<C> for SecretBytes {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SecretBytes {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bytes = d.bytes()?;
        match bytes.len() <= SECRET_BYTES_MAX {
            true => Ok(Self::new(bytes.to_vec())),
            false => Err(decode::Error::message("bytes too long")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::canonical;

    #[test]
    fn texts_and_bytes_cross_the_socket_unchanged_and_bounded() {
        let text = SecretText::from("маяк погас");
        assert!(canonical::decode::<SecretText>(&canonical::encode(&text)).unwrap() == text);
        let bytes = SecretBytes::new(vec![7; 300]);
        assert!(canonical::decode::<SecretBytes>(&canonical::encode(&bytes)).unwrap() == bytes);
        let long = canonical::encode(&minicbor::bytes::ByteVec::from(vec![0; SECRET_BYTES_MAX + 1]));
        assert!(canonical::decode::<SecretBytes>(&long).is_err());
    }
}
