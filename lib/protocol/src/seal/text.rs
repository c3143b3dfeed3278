//! What the sealed text of a message and of a title contains.
//! Never cleans text for a screen (that is the reader's terminal) and never reaches a log.
//!
//! ```text
//! message  [1, text, null | [name, bytes, media type | null, sha256, file key, size class]]
//! title    [1, text]
//! ```
//! Canonical CBOR, inside the padding. The version is the sealer's; the body's own version stands outside.

use journal::act::SizeClass;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::keys::{FileKey, KEY_BYTES};

/// The version of texts and titles that this program writes.
pub const TEXT_VERSION: u8 = 1;
/// Longest text of a message, UTF-8 bytes. With a file beside it, it fits into [`SizeClass::TEXT_MAX`].
pub const TEXT_BYTES_MAX: usize = 60 * 1024;
/// Longest title, UTF-8 bytes.
pub const TITLE_BYTES_MAX: usize = 256;
/// Longest name of a file, UTF-8 bytes.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Longest media type, ASCII bytes.
pub const MEDIA_TYPE_BYTES_MAX: usize = 127;

/// Why this is no text that may be sealed or shown.
#[derive(Debug, thiserror::Error)]
pub enum BadText {
    /// Not the one right encoding.
    #[error("the sealed text is not canonical: {0}")]
    NotCanonical(String),
    /// Written by a newer program.
    #[error("text version {0} is newer than this program reads ({TEXT_VERSION})")]
    Newer(u8),
    /// A limit is broken.
    #[error("{what}: {bytes} bytes, the limit is {limit}")]
    TooLong {
        /// Of what.
        what: &'static str,
        /// Found.
        bytes: usize,
        /// Allowed.
        limit: usize,
    },
    /// The name could lead out of a folder, or holds control characters.
    #[error("not a file name: empty, a path, `.`, `..`, or with control characters")]
    FileName,
    /// Not `type/subtype` in ASCII.
    #[error("not a media type")]
    MediaType,
    /// No chunk has this size class.
    #[error("size class {} is not one of chunks", .0.0)]
    SizeClass(SizeClass),
}

/// The file that comes with a message, as only its readers know it.
#[derive(PartialEq, Eq)]
pub struct FileInfo {
    /// Its name: no path, no control characters.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its media type, if the sender named one.
    pub media_type: Option<String>,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
    /// Seals its chunks.
    pub key: FileKey,
    /// Size class of every chunk.
    pub chunk_size: SizeClass,
}

/// A message's text, and its file.
#[derive(PartialEq, Eq, ZeroizeOnDrop)]
pub struct MessageText {
    /// The text; may be empty.
    pub text: String,
    /// The file, whose key wipes itself.
    #[zeroize(skip)]
    pub file: Option<FileInfo>,
}

/// A group's title.
#[derive(PartialEq, Eq, ZeroizeOnDrop)]
pub struct TitleText {
    /// The title.
    pub title: String,
}

impl FileInfo {
    fn check(&self) -> Result<(), BadText> {
        at_most("file name", self.name.len(), FILE_NAME_BYTES_MAX)?;
        let bad = |c: char| c.is_control() || matches!(c, '/' | '\\');
        if matches!(self.name.as_str(), "" | "." | "..") || self.name.contains(bad) {
            return Err(BadText::FileName);
        }
        if let Some(media_type) = &self.media_type {
            at_most("media type", media_type.len(), MEDIA_TYPE_BYTES_MAX)?;
            let token = |part: &str| !part.is_empty() && part.bytes().all(is_token);
            if !media_type.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub)) {
                return Err(BadText::MediaType);
            }
        }
        if super::padding::exists(self.chunk_size) {
            Ok(())
        } else {
            Err(BadText::SizeClass(self.chunk_size))
        }
    }
}

/// A character of RFC 6838's restricted names.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte)
}

impl MessageText {
    /// The bytes to seal.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, BadText> {
        self.check()?;
        Ok(encode(self, self.text.len()))
    }

    /// Reads what was sealed.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadText> {
        let text: Self = decode(bytes, |text: &Self| text.text.len())?;
        text.check()?;
        Ok(text)
    }

    fn check(&self) -> Result<(), BadText> {
        at_most("text", self.text.len(), TEXT_BYTES_MAX)?;
        self.file.as_ref().map_or(Ok(()), FileInfo::check)
    }
}

impl TitleText {
    /// The bytes to seal.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, BadText> {
        at_most("title", self.title.len(), TITLE_BYTES_MAX)?;
        Ok(encode(self, self.title.len()))
    }

    /// Reads what was sealed.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadText> {
        let title: Self = decode(bytes, |title: &Self| title.title.len())?;
        at_most("title", title.title.len(), TITLE_BYTES_MAX)?;
        Ok(title)
    }
}

fn at_most(what: &'static str, bytes: usize, limit: usize) -> Result<(), BadText> {
    if bytes <= limit { Ok(()) } else { Err(BadText::TooLong { what, bytes, limit }) }
}

/// Room for everything but the text, so that encoding never grows its buffer and leaves no copy behind.
const ROOM_BYTES: usize = 1024;

fn encode<T: Encode<()>>(value: &T, text_bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text_bytes + ROOM_BYTES));
    minicbor::encode(value, &mut *bytes).expect("writing to memory cannot fail");
    bytes
}

/// Like `pki::canonical::decode`, but the second spelling is wiped too, and a newer version is told from nonsense.
fn decode<'b, T: Decode<'b, ()> + Encode<()>>(
    bytes: &'b [u8],
    text_bytes: impl Fn(&T) -> usize,
) -> Result<T, BadText> {
    let bad = |error: DecodeError| BadText::NotCanonical(error.to_string());
    let mut decoder = Decoder::new(bytes);
    decoder.array().map_err(bad)?;
    let version = decoder.u8().map_err(bad)?;
    if version > TEXT_VERSION {
        return Err(BadText::Newer(version));
    }
    let value: T = minicbor::decode(bytes).map_err(bad)?;
    if *encode(&value, text_bytes(&value)) != bytes {
        return Err(BadText::NotCanonical("another spelling".into()));
    }
    Ok(value)
}

fn demand_array(d: &mut Decoder<'_>, items: u64) -> Result<(), DecodeError> {
    if d.array()? == Some(items) { Ok(()) } else { Err(DecodeError::message("another number of items")) }
}

fn demand_version(d: &mut Decoder<'_>) -> Result<(), DecodeError> {
    if d.u8()? == TEXT_VERSION { Ok(()) } else { Err(DecodeError::message("no such version")) }
}

impl<C> Encode<C> for MessageText {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.array(3)?.u8(TEXT_VERSION)?.str(&self.text)?.encode_with(&self.file, ctx)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for MessageText {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        demand_array(d, 3)?;
        demand_version(d)?;
        Ok(Self { text: d.str()?.to_owned(), file: d.decode_with(ctx)? })
    }
}

impl<C> Encode<C> for TitleText {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.array(2)?.u8(TEXT_VERSION)?.str(&self.title)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for TitleText {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        demand_array(d, 2)?;
        demand_version(d)?;
        Ok(Self { title: d.str()?.to_owned() })
    }
}

impl<C> Encode<C> for FileInfo {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.array(6)?.str(&self.name)?.u64(self.bytes)?.encode_with(&self.media_type, ctx)?;
        e.bytes(&self.sha256)?.bytes(self.key.expose())?.encode_with(self.chunk_size, ctx)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for FileInfo {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        let short = |_| DecodeError::message("not 32 bytes");
        demand_array(d, 6)?;
        Ok(Self {
            name: d.str()?.to_owned(),
            bytes: d.u64()?,
            media_type: d.decode_with(ctx)?,
            sha256: d.bytes()?.try_into().map_err(short)?,
            key: FileKey::from_bytes(<&[u8; KEY_BYTES]>::try_from(d.bytes()?).map_err(short)?),
            chunk_size: d.decode_with(ctx)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::padding;
    use proptest::prelude::*;

    fn info(name: &str, media_type: Option<&str>) -> FileInfo {
        FileInfo {
            name: name.into(),
            bytes: 5_000_000,
            media_type: media_type.map(Into::into),
            sha256: [6; 32],
            key: FileKey::from_bytes(&[7; 32]),
            chunk_size: SizeClass::CHUNK_MAX,
        }
    }

    #[test]
    fn texts_titles_and_files_come_back() {
        let bare = MessageText { text: "Встреча у маяка".into(), file: None };
        let with =
            MessageText { text: String::new(), file: Some(info("план.pdf", Some("application/pdf"))) };
        for text in [bare, with] {
            let bytes = text.encode().unwrap();
            assert!(MessageText::decode(&bytes).unwrap() == text);
            for at in 0..bytes.len() {
                assert!(MessageText::decode(&bytes[..at]).is_err());
            }
            assert!(MessageText::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
        let title = TitleText { title: "Watch of the lighthouse".into() };
        assert!(TitleText::decode(&title.encode().unwrap()).unwrap() == title);
        assert_eq!(TitleText { title: "ab".into() }.encode().unwrap()[..], [0x82, 1, 0x62, b'a', b'b']);
    }

    #[test]
    fn the_largest_text_with_the_largest_file_fits_into_the_largest_class() {
        let media_type = format!("application/{}", "x".repeat(MEDIA_TYPE_BYTES_MAX - 12));
        let mut file = info(&"n".repeat(FILE_NAME_BYTES_MAX), Some(&media_type));
        file.bytes = u64::MAX;
        let text = MessageText { text: "t".repeat(TEXT_BYTES_MAX), file: Some(file) };
        let bytes = text.encode().unwrap();
        assert!(bytes.len() <= TEXT_BYTES_MAX + ROOM_BYTES);
        assert!(padding::class_for(bytes.len()).unwrap() <= SizeClass::TEXT_MAX);
        assert!(MessageText::decode(&bytes).unwrap() == text);
        let title = TitleText { title: "t".repeat(TITLE_BYTES_MAX) }.encode().unwrap();
        assert!(padding::class_for(title.len()).unwrap().bytes() <= 1024);
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let long = MessageText { text: "t".repeat(TEXT_BYTES_MAX + 1), file: None };
        assert!(matches!(long.encode(), Err(BadText::TooLong { what: "text", .. })));
        let bytes = encode(&long, long.text.len());
        assert!(matches!(MessageText::decode(&bytes), Err(BadText::TooLong { what: "text", .. })));
        let title = TitleText { title: "t".repeat(TITLE_BYTES_MAX + 1) };
        assert!(title.encode().is_err());
        assert!(TitleText::decode(&encode(&title, title.title.len())).is_err());
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused_on_both_sides() {
        let refused = |file: FileInfo| {
            let text = MessageText { text: String::new(), file: Some(file) };
            text.encode().is_err() && MessageText::decode(&encode(&text, 0)).is_err()
        };
        for name in
            ["", ".", "..", "a/b", "/etc/passwd", "..\\x", "a\0b", "a\nb", "a\u{9b}b", &"n".repeat(256)]
        {
            assert!(refused(info(name, None)), "{name:?}");
        }
        for media_type in ["", "text", "/", "text/", "text/plain; charset=x", "тип/текст"] {
            assert!(refused(info("a", Some(media_type))), "{media_type:?}");
        }
        for class in [0, 7, 19] {
            assert!(refused(FileInfo { chunk_size: SizeClass(class), ..info("a", None) }));
        }
        assert!(!refused(info("...", Some("image/svg+xml"))));
    }

    #[test]
    fn other_spellings_and_newer_versions_are_refused() {
        assert!(matches!(MessageText::decode(&[0x84, 2, 0x60, 0xf6, 0]), Err(BadText::Newer(2))));
        let bad: [&[u8]; 6] = [
            &[0x83, 0, 0x60, 0xf6],             // version 0
            &[0x83, 0x18, 1, 0x60, 0xf6],       // a number longer than needed
            &[0x83, 1, 0x78, 0, 0xf6],          // a length longer than needed
            &[0x9f, 1, 0x60, 0xf6, 0xff],       // an open array
            &[0x83, 1, 0x61, 0xff, 0xf6],       // not UTF-8
            &[0x83, 1, 0x7f, 0x60, 0xff, 0xf6], // text in pieces
        ];
        assert!(MessageText::decode(&[0x83, 1, 0x60, 0xf6]).is_ok());
        for bytes in bad {
            assert!(matches!(MessageText::decode(bytes), Err(BadText::NotCanonical(_))), "{bytes:02x?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if bytes.len() > 3 {
                let text = 0x60 | bytes[2] & 0x17;
                bytes[..3].copy_from_slice(&[0x83, 1, text]);
            }
            if let Ok(text) = MessageText::decode(&bytes) {
                prop_assert_eq!(&text.encode().unwrap()[..], &bytes[..]);
            }
        }
    }
}
