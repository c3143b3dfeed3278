//! Strict DER: a cursor that reads, and functions that write. Small and our own, because path validation must
//! work on the very bytes that were signed and refuse every second spelling that BER would allow.
//! Never allocates for what it reads and never accepts indefinite, overlong or multi-byte-tag forms.
use der::asn1::ObjectIdentifier;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Context tag, primitive.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// Context tag, constructed.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// The bytes are not DER, or not the type expected here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// The bytes end inside an element.
    #[error("the bytes end too early")]
    Truncated,
    /// Another type stands here.
    #[error("tag {found:#04x} where {expected:#04x} was expected")]
    Tag {
        /// The tag expected.
        expected: u8,
        /// The tag found.
        found: u8,
    },
    /// Indefinite, longer than needed, or beyond any sensible size.
    #[error("a length that is not DER")]
    Length,
    /// Bytes are left where the type ends.
    #[error("bytes left over")]
    TrailingBytes,
    /// The value is spelled in a way that DER forbids, or breaks the rules of its type.
    #[error("not a DER {0}")]
    Value(&'static str),
}

/// A cursor over DER bytes.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element: its tag, its contents, and the whole of it.
    pub(crate) fn any(&mut self) -> Result<(u8, &'a [u8], &'a [u8]), DerError> {
        let (tag, head, length) = header(self.rest)?;
        let end = head.checked_add(length).ok_or(DerError::Length)?;
        let whole = self.rest.get(..end).ok_or(DerError::Truncated)?;
        self.rest = &self.rest[end..];
        Ok((tag, &whole[head..], whole))
    }

    /// The contents of the next element, which has this tag.
    pub(crate) fn contents(&mut self, tag: u8) -> Result<&'a [u8], DerError> {
        self.element(tag).map(|(contents, _)| contents)
    }

    /// The contents and the whole of the next element, which has this tag.
    pub(crate) fn element(&mut self, tag: u8) -> Result<(&'a [u8], &'a [u8]), DerError> {
        let found = self.peek().ok_or(DerError::Truncated)?;
        if found != tag {
            return Err(DerError::Tag { expected: tag, found });
        }
        let (_, contents, whole) = self.any()?;
        Ok((contents, whole))
    }

    /// A cursor into the next element, which has this tag.
    pub(crate) fn nested(&mut self, tag: u8) -> Result<Reader<'a>, DerError> {
        self.contents(tag).map(Reader::new)
    }

    /// The contents of the next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.peek() == Some(tag) { self.contents(tag).map(Some) } else { Ok(None) }
    }

    /// Nothing may be left.
    pub(crate) fn finish(&self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::TrailingBytes) }
    }

    pub(crate) fn oid(&mut self) -> Result<ObjectIdentifier, DerError> {
        oid_value(self.contents(OID)?)
    }

    /// `BOOLEAN DEFAULT FALSE`: absent, or TRUE as 0xff; a FALSE that is written out is not DER.
    pub(crate) fn flag(&mut self) -> Result<bool, DerError> {
        match self.optional(BOOLEAN)? {
            None => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(DerError::Value("BOOLEAN")),
        }
    }

    /// An integer's contents, minimal two's complement.
    pub(crate) fn integer(&mut self) -> Result<&'a [u8], DerError> {
        let contents = self.contents(INTEGER)?;
        minimal_integer(contents)?;
        Ok(contents)
    }

    /// A BIT STRING: unused bits and bytes; the unused bits are zero.
    pub(crate) fn bit_string(&mut self) -> Result<(u8, &'a [u8]), DerError> {
        bit_string_value(self.contents(BIT_STRING)?)
    }

    /// A BIT STRING of whole bytes.
    pub(crate) fn whole_bit_string(&mut self) -> Result<&'a [u8], DerError> {
        match self.bit_string()? {
            (0, bytes) => Ok(bytes),
            _ => Err(DerError::Value("BIT STRING of whole bytes")),
        }
    }
}

fn header(bytes: &[u8]) -> Result<(u8, usize, usize), DerError> {
    let [tag, first, ..] = *bytes else { return Err(DerError::Truncated) };
    if tag & 0x1f == 0x1f || tag == 0 {
        return Err(DerError::Value("tag"));
    }
    if first < 0x80 {
        return Ok((tag, 2, usize::from(first)));
    }
    let count = usize::from(first & 0x7f);
    // No certificate, CRL or request of ours reaches 2^24 bytes.
    if count == 0 || count > 3 {
        return Err(DerError::Length);
    }
    let digits = bytes.get(2..2 + count).ok_or(DerError::Truncated)?;
    let length = digits.iter().fold(0, |length: usize, digit| length << 8 | usize::from(*digit));
    if length < 0x80 || digits[0] == 0 {
        return Err(DerError::Length);
    }
    Ok((tag, 2 + count, length))
}

pub(crate) fn minimal_integer(contents: &[u8]) -> Result<(), DerError> {
    match *contents {
        [] => Err(DerError::Value("INTEGER")),
        [0, second, ..] if second < 0x80 => Err(DerError::Value("INTEGER")),
        [0xff, second, ..] if second >= 0x80 => Err(DerError::Value("INTEGER")),
        _ => Ok(()),
    }
}

/// A number that is not negative and fits; anything larger is the largest.
pub(crate) fn small_number(contents: &[u8]) -> Result<u64, DerError> {
    minimal_integer(contents)?;
    if contents[0] & 0x80 != 0 {
        return Err(DerError::Value("number"));
    }
    if contents.len() > 8 {
        return Ok(u64::MAX);
    }
    Ok(contents.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

pub(crate) fn bit_string_value(contents: &[u8]) -> Result<(u8, &[u8]), DerError> {
    let (unused, bytes) = contents.split_first().ok_or(DerError::Value("BIT STRING"))?;
    let fits = match bytes.last() {
        None => *unused == 0,
        Some(last) => *unused < 8 && last.trailing_zeros() >= u32::from(*unused),
    };
    if fits { Ok((*unused, bytes)) } else { Err(DerError::Value("BIT STRING")) }
}

pub(crate) fn oid_value(contents: &[u8]) -> Result<ObjectIdentifier, DerError> {
    let oid = ObjectIdentifier::from_bytes(contents).map_err(|_| DerError::Value("OBJECT IDENTIFIER"))?;
    // A first byte 0x80 of an arc is padding; the library's view and the bytes must be one.
    let padded = contents.iter().enumerate().any(|(i, b)| *b == 0x80 && (i == 0 || contents[i - 1] < 0x80));
    if padded || oid.as_bytes() != contents { Err(DerError::Value("OBJECT IDENTIFIER")) } else { Ok(oid) }
}

/// Writes an element.
pub(crate) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = contents.len();
    if length < 0x80 {
        out.push(u8::try_from(length).expect("below 0x80"));
    } else {
        let digits = length.to_be_bytes();
        let zeros = digits.iter().take_while(|b| **b == 0).count();
        out.push(0x80 | u8::try_from(digits.len() - zeros).expect("at most eight digits"));
        out.extend_from_slice(&digits[zeros..]);
    }
    out.extend_from_slice(contents);
    out
}

/// Writes an element around others.
pub(crate) fn nest(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// Writes an object identifier.
pub(crate) fn oid(oid: &ObjectIdentifier) -> Vec<u8> {
    element(OID, oid.as_bytes())
}

/// Writes an integer from big-endian bytes of a number that is not negative.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    let digits = &bytes[zeros..];
    match digits.first() {
        None => element(INTEGER, &[0]),
        Some(first) if *first >= 0x80 => nest(INTEGER, &[&[0], digits]),
        Some(_) => element(INTEGER, digits),
    }
}

/// Writes a BIT STRING of whole bytes.
pub(crate) fn bits(bytes: &[u8]) -> Vec<u8> {
    nest(BIT_STRING, &[&[0], bytes])
}

/// Writes a BIT STRING whose bit n is set when it is in the list, trailing zeros cut off as DER wants (X.690 11.2.2).
pub(crate) fn named_bits(set: &[u8]) -> Vec<u8> {
    let Some(highest) = set.iter().max() else { return element(BIT_STRING, &[0]) };
    let mut bytes = vec![0_u8; usize::from(highest / 8) + 1];
    for bit in set {
        bytes[usize::from(bit / 8)] |= 0x80 >> (bit % 8);
    }
    nest(BIT_STRING, &[&[7 - highest % 8], &bytes])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_definite_length_is_read() {
        let read = |bytes: &[u8]| Reader::new(bytes).any().map(|(_, contents, _)| contents.len());
        assert_eq!(read(&[0x04, 0x01, 0xaa]), Ok(1));
        assert_eq!(read(&[0x04, 0x81, 0x01, 0xaa]), Err(DerError::Length));
        assert_eq!(read(&[0x04, 0x82, 0x00, 0x01, 0xaa]), Err(DerError::Length));
        assert_eq!(read(&[0x04, 0x80, 0xaa, 0, 0]), Err(DerError::Length));
        assert_eq!(read(&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff]), Err(DerError::Length));
        assert_eq!(read(&[0x04, 0x02, 0xaa]), Err(DerError::Truncated));
        assert_eq!(read(&[0x1f, 0x01, 0x00]), Err(DerError::Value("tag")));
        assert_eq!(read(&element(0x04, &[7; 128])), Ok(128));
        assert_eq!(read(&element(0x04, &[7; 70_000])), Ok(70_000));
    }

    #[test]
    fn values_have_one_spelling() {
        assert!(Reader::new(&[2, 2, 0, 1]).integer().is_err());
        assert!(Reader::new(&[2, 2, 0xff, 0x80]).integer().is_err());
        assert!(Reader::new(&[2, 0]).integer().is_err());
        assert!(Reader::new(&[2, 2, 0, 0x80]).integer().is_ok());
        assert!(Reader::new(&[1, 1, 0]).flag().is_err());
        assert!(Reader::new(&[1, 1, 1]).flag().is_err());
        assert_eq!(Reader::new(&[1, 1, 0xff]).flag(), Ok(true));
        assert!(Reader::new(&[3, 2, 1, 1]).bit_string().is_err());
        assert!(Reader::new(&[3, 1, 1]).bit_string().is_err());
        assert!(Reader::new(&[3, 2, 8, 0]).bit_string().is_err());
        assert!(Reader::new(&[6, 3, 0x2a, 0x80, 0x01]).oid().is_err());
        assert!(Reader::new(&[6, 2, 0x2a, 0x86]).oid().is_err());
        assert_eq!(named_bits(&[5, 6]), [3, 2, 1, 6]);
        assert_eq!(named_bits(&[0]), [3, 2, 7, 0x80]);
        assert_eq!(named_bits(&[8]), [3, 3, 7, 0, 0x80]);
        assert_eq!(unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
    }
}
