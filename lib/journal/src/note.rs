//! Signed notes as C2SP writes them (c2sp.org/signed-note): text, an empty line, signature lines.
//! Never believes a text by itself: what a note says counts only once a known key's signature was verified.
//!
//! ```text
//! text, every line ending in a newline        the signed bytes, final newline included
//!                                             an empty line, the last one of the note
//! — NAME base64(key id (4) ‖ signature)       one to sixteen lines
//! ```
mod cosignature;
mod key;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::SignError;

pub use cosignature::CosignerKey;
pub use key::{BadKey, KeyId, KeyName, NoteSigner, VerifierKey};

/// A longer note is refused unread. Sixteen post-quantum signatures of 5 kB fit.
pub const NOTE_BYTES_MAX: usize = 128 * 1024;
/// More signature lines are refused; the specification demands that sixteen are read.
pub const SIGNATURE_LINES_MAX: usize = 16;

const DASH: &str = "\u{2014} ";

/// What is wrong with the bytes of a note, or with the parts that should become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More than [`NOTE_BYTES_MAX`].
    #[error("the note has {bytes} bytes, more than {NOTE_BYTES_MAX}")]
    TooLong {
        /// Length of the note.
        bytes: usize,
    },
    /// Not UTF-8, or a control character other than newline.
    #[error("the note is not text, or holds a control character")]
    NotText,
    /// The text or the last line does not end in a newline.
    #[error("a line of the note does not end in a newline")]
    NoNewline,
    /// Nothing separates a text from signatures.
    #[error("the note has no empty line before its signatures")]
    NoSignatures,
    /// More than [`SIGNATURE_LINES_MAX`].
    #[error("the note has more than {SIGNATURE_LINES_MAX} signature lines")]
    TooManySignatures,
    /// A line after the empty line is no signature.
    #[error("signature line {line} of the note is malformed")]
    SignatureLine {
        /// Counted from one.
        line: usize,
    },
}

/// Why a well-formed note is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// A line claims to be by a known key and is not.
    #[error("the signature of {name} does not verify")]
    BadSignature {
        /// The key's name.
        name: KeyName,
    },
    /// No line is by a known key.
    #[error("no signature is by a known key")]
    NoKnownKey,
    /// Two of the known keys have the same name and id.
    #[error("two known keys are both called {name} with the same id")]
    AmbiguousKey {
        /// The name of both.
        name: KeyName,
    },
}

/// One signature as it stands in a note, verified or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    name: KeyName,
    id: KeyId,
    /// Never empty.
    signature: Vec<u8>,
}

impl SignatureLine {
    /// Name of the key that is claimed to have signed.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Id of that key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    fn read(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = STANDARD.decode(signature).ok()?;
        let (id, signature) = bytes.split_first_chunk::<4>()?;
        let name = name.parse().ok()?;
        (!signature.is_empty()).then(|| SignatureLine { name, id: KeyId(*id), signature: signature.to_vec() })
    }
}

/// Without its newline.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = STANDARD.encode([&self.id.0[..], &self.signature].concat());
        write!(f, "{DASH}{} {signature}", self.name)
    }
}

/// Without its newline.
impl FromStr for SignatureLine {
    type Err = Malformed;

    fn from_str(line: &str) -> Result<Self, Malformed> {
        let one_line = !line.contains(|c: char| c < ' ');
        Self::read(line).filter(|_| one_line).ok_or(Malformed::SignatureLine { line: 1 })
    }
}

/// A text and its signature lines, well-formed and not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    lines: Vec<SignatureLine>,
}

impl SignedNote {
    /// Reads a note whole. What is printed again is what was read, byte for byte.
    pub fn parse(note: &[u8]) -> Result<Self, Malformed> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(Malformed::TooLong { bytes: note.len() });
        }
        let note = std::str::from_utf8(note).map_err(|_| Malformed::NotText)?;
        let end = note.rfind("\n\n").ok_or(Malformed::NoSignatures)?;
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        check_text(text)?;
        if signatures.is_empty() {
            return Err(Malformed::NoSignatures);
        }
        let signatures = signatures.strip_suffix('\n').ok_or(Malformed::NoNewline)?;
        let mut lines = Vec::new();
        for (n, line) in signatures.split('\n').enumerate() {
            if n == SIGNATURE_LINES_MAX {
                return Err(Malformed::TooManySignatures);
            }
            lines.push(SignatureLine::read(line).ok_or(Malformed::SignatureLine { line: n + 1 })?);
        }
        Ok(SignedNote { text: text.into(), lines })
    }

    /// Signs a text, one line per signer in their order; [`SignedNote::add`] takes further ones.
    pub fn sign(text: String, signers: &[NoteSigner<'_>]) -> Result<Self, CannotSign> {
        check_text(&text)?;
        let mut note = SignedNote { text, lines: Vec::new() };
        for signer in signers {
            note.add(signer)?;
        }
        if note.lines.is_empty() { Err(Malformed::NoSignatures.into()) } else { Ok(note) }
    }

    /// Adds one more signature at the end.
    pub fn add(&mut self, signer: &NoteSigner<'_>) -> Result<(), CannotSign> {
        if self.lines.len() == SIGNATURE_LINES_MAX {
            return Err(Malformed::TooManySignatures.into());
        }
        self.lines.push(signer.sign(&self.text)?);
        Ok(())
    }

    /// Adds a line that somebody else made, at the end: a witness', whose key the caller has checked. One of the same name and
    /// key gives way to it: nobody fills the lines of others.
    pub fn add_line(&mut self, line: SignatureLine) -> Result<(), Malformed> {
        if let Some(before) =
            self.lines.iter_mut().find(|before| (&before.name, before.id) == (&line.name, line.id))
        {
            *before = line;
            return Ok(());
        }
        if self.lines.len() == SIGNATURE_LINES_MAX {
            return Err(Malformed::TooManySignatures);
        }
        self.lines.push(line);
        Ok(())
    }

    /// With its first lines alone, no more than these.
    pub(crate) fn truncate(&mut self, lines: usize) {
        self.lines.truncate(lines);
    }

    /// The text, final newline included. Not to be acted on before [`SignedNote::verify`].
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in their order.
    pub fn lines(&self) -> &[SignatureLine] {
        &self.lines
    }

    /// Verifies every line that is by a known key and passes over the others. Gives the known keys that signed.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NotSigned> {
        let mut signed = Vec::new();
        for line in &self.lines {
            let mut candidates = known.iter().filter(|key| key.made(line));
            let Some(key) = candidates.next() else { continue };
            if candidates.next().is_some() {
                return Err(NotSigned::AmbiguousKey { name: line.name.clone() });
            }
            key.verify(&self.text, line)?;
            signed.push(key);
        }
        if signed.is_empty() { Err(NotSigned::NoKnownKey) } else { Ok(signed) }
    }

    /// Verifies that line `line` (from zero) is by this key.
    pub fn verify_line(&self, line: usize, key: &VerifierKey) -> Result<(), NotSigned> {
        match self.lines.get(line) {
            Some(line) if key.made(line) => key.verify(&self.text, line),
            Some(_) | None => Err(NotSigned::NoKnownKey),
        }
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// Why a text was not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotSign {
    /// The text cannot stand in a note.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// The key could not sign, or is not the one its verifier key names.
    #[error(transparent)]
    Key(#[from] SignError),
}

fn check_text(text: &str) -> Result<(), Malformed> {
    if text.len() > NOTE_BYTES_MAX {
        return Err(Malformed::TooLong { bytes: text.len() });
    }
    if text.contains(|c: char| c < ' ' && c != '\n') {
        return Err(Malformed::NotText);
    }
    if text.ends_with('\n') { Ok(()) } else { Err(Malformed::NoNewline) }
}

#[cfg(test)]
mod tests;
