//! Checkpoints of a log (c2sp.org/tlog-checkpoint): a size and a root as a signed note.
//! Never carries extension lines, and never names a log but by its id.
//!
//! ```text
//! conclave/LOGID                     origin: the log id, 64 lowercase hex digits; also the name of both keys. Behind a
//!                                    succession `/` and the number of the era (`origin.rs`)
//! SIZE                               decimal, no leading zero
//! ROOT                               base64 of 32 bytes
//!
//! — conclave/LOGID ...               line 1: the log's period key, in the site's suite
//! — conclave/LOGID ...               line 2: the log's identity key; absent where the site signs GOST only
//! — ...                              further lines: the other period key at a KeyRoll, witnesses
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::PublicKey;

use crate::ids::{Hash, Head, LogId};
use crate::note::{
    BadKey, CannotSign, KeyName, Malformed, NotSigned, NoteSigner, SignatureLine, SignedNote, VerifierKey,
};
use crate::origin::Origin;
use crate::tree::{TREE_SIZE_MAX, empty_root};

const PERIOD_LINE: usize = 0;
const IDENTITY_LINE: usize = 1;

/// What a log says of itself: how many entries, and the root over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log, and its era.
    pub origin: Origin,
    /// Its size and root.
    pub head: Head,
}

/// Why bytes are no checkpoint of a Conclave log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCheckpoint {
    /// Not a signed note at all.
    #[error(transparent)]
    Note(#[from] Malformed),
    /// The text has not exactly three lines: extension lines are not ours.
    #[error("the checkpoint has not exactly three lines")]
    Lines,
    /// The first line is not `conclave/` and a log id.
    #[error("the origin names no Conclave log")]
    Origin,
    /// The second line is not a size in its one spelling.
    #[error("the size is not a decimal number without leading zeros")]
    Size,
    /// The third line is not the base64 of 32 bytes, or not the root of the empty tree at size 0.
    #[error("the root hash is malformed, or not that of the empty tree")]
    Root,
}

impl Checkpoint {
    /// The name under which a log's keys sign before any succession: what a site card carries.
    pub fn key_name(log: LogId) -> KeyName {
        Origin::from(log).key_name()
    }

    /// The text to be signed.
    pub fn text(&self) -> String {
        let Head { size, root } = self.head;
        format!("{}\n{size}\n{}\n", self.origin, STANDARD.encode(root))
    }

    /// Reads a checkpoint's text whole; there is one spelling of each.
    pub fn parse_text(text: &str) -> Result<Self, BadCheckpoint> {
        let mut lines = text.strip_suffix('\n').ok_or(BadCheckpoint::Lines)?.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(BadCheckpoint::Lines);
        };
        let origin = Origin::parse(origin).ok_or(BadCheckpoint::Origin)?;
        let size = parse_decimal(size).filter(|size| *size <= TREE_SIZE_MAX).ok_or(BadCheckpoint::Size)?;
        let root = parse_hash(root).ok_or(BadCheckpoint::Root)?;
        if size == 0 && root != empty_root() {
            return Err(BadCheckpoint::Root);
        }
        Ok(Checkpoint { origin, head: Head { size, root } })
    }
}

/// The keys a log signs checkpoints with during one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeys {
    /// Line 1.
    pub period: VerifierKey,
    /// Line 2, unless the site signs with GOST only.
    pub identity: Option<VerifierKey>,
}

impl LogKeys {
    /// The keys of a log under the name of its era (a log id alone: the first).
    pub fn new(
        origin: impl Into<Origin>,
        period: PublicKey,
        identity: Option<PublicKey>,
    ) -> Result<Self, BadKey> {
        let origin = origin.into();
        let key = |key| VerifierKey::new(origin.key_name(), key);
        Ok(LogKeys { period: key(period)?, identity: identity.map(key).transpose()? })
    }
}

/// A checkpoint with its signatures, well-formed and not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: SignedNote,
}

impl SignedCheckpoint {
    /// Signs with each key in the order of the lines: period key, identity key, further ones.
    pub fn sign(checkpoint: Checkpoint, signers: &[NoteSigner<'_>]) -> Result<Self, CannotSign> {
        Ok(SignedCheckpoint { checkpoint, note: SignedNote::sign(checkpoint.text(), signers)? })
    }

    /// Reads a checkpoint whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadCheckpoint> {
        let note = SignedNote::parse(bytes)?;
        Ok(SignedCheckpoint { checkpoint: Checkpoint::parse_text(note.text())?, note })
    }

    /// What the text says, before any signature was looked at: good for choosing keys, for nothing else.
    pub fn claimed(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, for further signatures of witnesses.
    pub fn note(&self) -> &SignedNote {
        &self.note
    }

    /// With the lines that [`Self::verify`] looks at, and no others.
    #[must_use]
    pub fn own_lines(mut self) -> Self {
        self.note.truncate(IDENTITY_LINE + 1);
        self
    }

    /// Adds a witness' line at the end.
    pub fn add_line(&mut self, line: SignatureLine) -> Result<(), Malformed> {
        self.note.add_line(line)
    }

    /// What replay and terminals demand: line 1 by the period key and line 2 by the identity key, of this log.
    pub fn verify(&self, keys: &LogKeys) -> Result<VerifiedCheckpoint, NotSigned> {
        self.own_name(&keys.period)?;
        self.note.verify_line(PERIOD_LINE, &keys.period)?;
        if let Some(identity) = &keys.identity {
            self.own_name(identity)?;
            self.note.verify_line(IDENTITY_LINE, identity)?;
        }
        Ok(VerifiedCheckpoint(self.checkpoint))
    }

    /// Whether one key of this log signed, on any line: the new period key at a KeyRoll, the identity key alone.
    pub fn verify_by(&self, key: &VerifierKey) -> Result<VerifiedCheckpoint, NotSigned> {
        self.own_name(key)?;
        self.note.verify(std::slice::from_ref(key))?;
        Ok(VerifiedCheckpoint(self.checkpoint))
    }

    /// A key of another log proves nothing here, whatever it signed.
    fn own_name(&self, key: &VerifierKey) -> Result<(), NotSigned> {
        match *key.name() == self.checkpoint.origin.key_name() {
            true => Ok(()),
            false => Err(NotSigned::NoKnownKey),
        }
    }
}

impl std::fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.note.fmt(f)
    }
}

/// A checkpoint whose signatures were verified. The only ways to obtain one are [`SignedCheckpoint::verify`] and
/// [`SignedCheckpoint::verify_by`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedCheckpoint(Checkpoint);

impl VerifiedCheckpoint {
    /// The log.
    pub fn log(&self) -> LogId {
        self.0.origin.log
    }

    /// Its era.
    pub fn era(&self) -> u32 {
        self.0.origin.era
    }

    /// Its size and root.
    pub fn head(&self) -> Head {
        self.0.head
    }
}

/// A number in its one decimal spelling.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash in its one base64 spelling.
pub(crate) fn parse_hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use pki::{SecretKey, Suite};

    use super::*;

    pub(crate) const LOG: LogId = LogId([0xab; 32]);

    /// A log with a period key in `suite` and an Ed25519 identity key.
    pub(crate) struct Log {
        pub(crate) period: SecretKey,
        pub(crate) identity: SecretKey,
        pub(crate) keys: LogKeys,
    }

    impl Log {
        pub(crate) fn new(suite: Suite) -> Self {
            let period = SecretKey::from_bytes(suite, &[3; 32]).unwrap();
            let identity = SecretKey::from_bytes(Suite::Ed25519, &[4; 32]).unwrap();
            let keys = LogKeys::new(LOG, period.public().clone(), Some(identity.public().clone())).unwrap();
            Log { period, identity, keys }
        }

        pub(crate) fn sign(&self, head: Head) -> SignedCheckpoint {
            let identity = self.keys.identity.as_ref().unwrap();
            let signers = [
                NoteSigner { key: &self.keys.period, signer: &self.period },
                NoteSigner { key: identity, signer: &self.identity },
            ];
            SignedCheckpoint::sign(Checkpoint { origin: LOG.into(), head }, &signers).unwrap()
        }
    }

    const HEAD: Head = Head { size: 20852163, root: [0x0a; 32] };

    #[test]
    fn the_text_has_its_one_form() {
        let checkpoint = Checkpoint { origin: LOG.into(), head: HEAD };
        let text = checkpoint.text();
        let expected =
            format!("conclave/{}\n20852163\nCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo=\n", "ab".repeat(32));
        assert_eq!(text, expected);
        assert_eq!(Checkpoint::parse_text(&text), Ok(checkpoint));
        for (from, to, fault) in [
            ("20852163", "020852163", BadCheckpoint::Size),
            ("20852163", "+20852163", BadCheckpoint::Size),
            ("20852163", "", BadCheckpoint::Size),
            ("20852163", "9223372036854775809", BadCheckpoint::Size),
            ("20852163", "0", BadCheckpoint::Root),
            ("CgoK", "Cgo", BadCheckpoint::Root),
            ("Cgo=", "Cgp=", BadCheckpoint::Root),
            ("Cgo=", "Cgo", BadCheckpoint::Root),
            ("CgoK", "CgoKCgoK", BadCheckpoint::Root),
            ("conclave/ab", "conclave/AB", BadCheckpoint::Origin),
            ("conclave/ab", "conclave/", BadCheckpoint::Origin),
            ("conclave/ab", "conclave/a", BadCheckpoint::Origin),
            ("conclave/ab", "example.com/ab", BadCheckpoint::Origin),
            ("Cgo=\n", "Cgo=\nextension\n", BadCheckpoint::Lines),
            ("Cgo=\n", "Cgo=\n\n", BadCheckpoint::Lines),
            ("\n20852163", "", BadCheckpoint::Lines),
            ("Cgo=\n", "Cgo=", BadCheckpoint::Lines),
        ] {
            assert_eq!(Checkpoint::parse_text(&text.replacen(from, to, 1)), Err(fault), "{from:?} -> {to:?}");
        }
        let empty = Checkpoint { origin: LOG.into(), head: Head { size: 0, root: empty_root() } };
        assert_eq!(Checkpoint::parse_text(&empty.text()), Ok(empty));
    }

    #[test]
    fn both_lines_are_demanded_in_their_order() {
        for suite in [Suite::Ed25519, Suite::EcdsaP256] {
            let log = Log::new(suite);
            let signed = log.sign(HEAD);
            let read = SignedCheckpoint::parse(signed.to_string().as_bytes()).unwrap();
            assert_eq!(read, signed);
            assert_eq!(read.verify(&log.keys).unwrap().head(), HEAD);

            let text = signed.to_string();
            let (body, lines) = text.split_at(text.find('—').unwrap());
            let lines: Vec<&str> = lines.split_inclusive('\n').collect();
            let swapped = SignedCheckpoint::parse([body, lines[1], lines[0]].concat().as_bytes()).unwrap();
            assert_eq!(swapped.verify(&log.keys), Err(NotSigned::NoKnownKey));
            let one = SignedCheckpoint::parse([body, lines[0]].concat().as_bytes()).unwrap();
            assert_eq!(one.verify(&log.keys), Err(NotSigned::NoKnownKey));
            assert!(one.verify_by(&log.keys.period).is_ok());
            assert!(swapped.verify_by(log.keys.identity.as_ref().unwrap()).is_ok());
            let gost_only = LogKeys { period: log.keys.period.clone(), identity: None };
            assert!(one.verify(&gost_only).is_ok());

            let bigger = SignedCheckpoint::parse(text.replace("20852163", "20852164").as_bytes()).unwrap();
            assert!(matches!(bigger.verify(&log.keys), Err(NotSigned::BadSignature { .. })));
        }
    }

    /// The keys of one log vouch for nothing in another, even where they are the very same keys.
    #[test]
    fn a_key_of_another_log_proves_nothing() {
        let log = Log::new(Suite::Ed25519);
        let other = LogKeys::new(LogId([1; 32]), log.period.public().clone(), None).unwrap();
        let foreign = NoteSigner { key: &other.period, signer: &log.period };
        let mixed =
            SignedCheckpoint::sign(Checkpoint { origin: LOG.into(), head: HEAD }, &[foreign]).unwrap();
        assert_eq!(mixed.verify(&other), Err(NotSigned::NoKnownKey));
        assert_eq!(mixed.verify_by(&other.period), Err(NotSigned::NoKnownKey));
        assert_eq!(log.sign(HEAD).verify(&other), Err(NotSigned::NoKnownKey));
    }
}
