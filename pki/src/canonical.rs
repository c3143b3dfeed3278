//! The one encoding of everything that is signed or stored: narrowed deterministic CBOR (RFC 8949 4.2.1).
//! Never accepts a second spelling: what was read is written again and compared.
use minicbor::{Decode, Encode};

/// The bytes are not the one encoding of a value of this type.
#[derive(Debug, thiserror::Error)]
pub enum NotCanonical {
    /// The bytes do not decode.
    #[error("not decodable: {0}")]
    Malformed(#[from] minicbor::decode::Error),
    /// Bytes are left after the value.
    #[error("{extra} bytes after the value")]
    TrailingBytes {
        /// How many.
        extra: usize,
    },
    /// The value is legible but spelled another way than we spell it.
    #[error("not the canonical spelling")]
    OtherSpelling,
}

/// Writes a value. The type is a positional array (`#[cbor(array)]`) of integers, bytes, text and such arrays.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to memory cannot fail, and our types have no refusing encoders")
}

/// Reads a value: all of the bytes, and only in the spelling that [`encode`] would give.
pub fn decode<'b, T: Decode<'b, ()> + Encode<()>>(bytes: &'b [u8]) -> Result<T, NotCanonical> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value: T = decoder.decode()?;
    let extra = bytes.len() - decoder.position();
    if extra != 0 {
        return Err(NotCanonical::TrailingBytes { extra });
    }
    let mut again = minicbor::Encoder::new(Comparing(bytes));
    let alike = again.encode(&value).is_ok();
    if !alike || !again.into_writer().0.is_empty() {
        return Err(NotCanonical::OtherSpelling);
    }
    Ok(value)
}

/// What is still to be written: compared piece by piece as the encoder writes, so that no copy is made of what may be
/// a secret.
struct Comparing<'a>(&'a [u8]);

/// The encoder writes something else than was read.
struct Differs;

/// Most pieces are the head of an item: what is no longer is compared byte by byte, without the library's call.
const SHORT_PIECE: usize = 8;

impl minicbor::encode::Write for Comparing<'_> {
    type Error = Differs;

    fn write_all(&mut self, piece: &[u8]) -> Result<(), Differs> {
        let (read, left) = self.0.split_at_checked(piece.len()).ok_or(Differs)?;
        let alike = match piece.len() {
            0..=SHORT_PIECE => read.iter().zip(piece).all(|(read, written)| read == written),
            _ => read == piece,
        };
        self.0 = left;
        if alike { Ok(()) } else { Err(Differs) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    #[cbor(array)]
    struct Pair {
        #[n(0)]
        left: u64,
        #[cbor(n(1), with = "minicbor::bytes")]
        right: Vec<u8>,
    }

    #[test]
    fn only_one_spelling_is_read() {
        let pair = Pair { left: 5, right: vec![7] };
        let good = encode(&pair);
        assert_eq!(good, [0x82, 0x05, 0x41, 0x07]);
        assert_eq!(decode::<Pair>(&good).unwrap(), pair);
        let bad: [&[u8]; 7] = [
            &[0x82, 0x05, 0x41, 0x07, 0x00],       // trailing byte
            &[0x82, 0x18, 0x05, 0x41, 0x07],       // number longer than needed
            &[0x9f, 0x05, 0x41, 0x07, 0xff],       // indefinite array
            &[0x98, 0x02, 0x05, 0x41, 0x07],       // long array header
            &[0x83, 0x05, 0x41, 0x07, 0x00],       // a field more
            &[0xa2, 0x00, 0x05, 0x01, 0x41, 0x07], // a map
            &[0x82, 0x05, 0x5f, 0x41, 0x07, 0xff], // bytes in pieces
        ];
        for bytes in bad {
            assert!(decode::<Pair>(bytes).is_err(), "{bytes:02x?}");
        }
        assert!(decode::<Pair>(&[]).is_err());
    }
}
