//! Receipts: that an entry is in a log, for anyone who holds the log's keys (c2sp.org/tlog-proof).
//! Never says more than the checkpoint inside it; what the entry means is not its business.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra BASE64                       only where something goes along, such as the entry itself; proves nothing
//! index N                            decimal, no leading zero
//! BASE64                             the inclusion proof, one hash a line, from the leaf's sibling up
//!
//! the checkpoint, as it was signed
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{
    BadCheckpoint, LogKeys, SignedCheckpoint, VerifiedCheckpoint, parse_decimal, parse_hash,
};
use crate::ids::Hash;
use crate::note::{NOTE_BYTES_MAX, NotSigned};
use crate::proof::{BadProof, InclusionProof, Misshapen, PROOF_HASHES_MAX};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// What may go along in the `extra` line: an entry of the greatest length fits.
pub const EXTRA_BYTES_MAX: usize = 60 * 1024;
/// A longer receipt is refused unread.
pub const RECEIPT_BYTES_MAX: usize = NOTE_BYTES_MAX + EXTRA_BYTES_MAX / 3 * 4 + PROOF_HASHES_MAX * 45 + 128;

/// Why bytes are no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReceipt {
    /// More than [`RECEIPT_BYTES_MAX`].
    #[error("the receipt has {bytes} bytes, more than {RECEIPT_BYTES_MAX}")]
    TooLong {
        /// Length of the receipt.
        bytes: usize,
    },
    /// Not text, another format, or a later version of this one.
    #[error("not a proof of format {FIRST_LINE}")]
    Format,
    /// What goes along is empty, too long or not base64.
    #[error("the extra line is malformed, or longer than {EXTRA_BYTES_MAX} bytes")]
    Extra,
    /// The index is missing or not in its one spelling.
    #[error("the index line is malformed")]
    Index,
    /// A line of the proof is no hash, or there are more than [`PROOF_HASHES_MAX`].
    #[error("the inclusion proof is malformed")]
    Hashes,
    /// The checkpoint is malformed.
    #[error(transparent)]
    Checkpoint(#[from] BadCheckpoint),
    /// Index, size and number of hashes do not belong together.
    #[error(transparent)]
    Proof(#[from] Misshapen),
}

/// Why a well-formed receipt does not prove that an entry is in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// The checkpoint is not signed by the log.
    #[error(transparent)]
    Signature(#[from] NotSigned),
    /// The entry is not where the receipt says.
    #[error(transparent)]
    Proof(#[from] BadProof),
}

/// An inclusion proof with the checkpoint it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    extra: Vec<u8>,
    proof: InclusionProof,
    checkpoint: SignedCheckpoint,
}

impl Receipt {
    /// A receipt for one entry; refused where the proof is about another size than the checkpoint.
    pub fn new(proof: InclusionProof, checkpoint: SignedCheckpoint) -> Result<Self, BadReceipt> {
        let size = checkpoint.claimed().head.size;
        if proof.size() != size {
            return Err(Misshapen { from: proof.index(), size, hashes: proof.path().len() }.into());
        }
        Ok(Receipt { extra: Vec::new(), proof, checkpoint })
    }

    /// The receipt with something that goes along unproven; empty for nothing.
    pub fn with_extra(mut self, extra: Vec<u8>) -> Result<Self, BadReceipt> {
        if extra.len() > EXTRA_BYTES_MAX {
            return Err(BadReceipt::Extra);
        }
        self.extra = extra;
        Ok(self)
    }

    /// Reads a receipt whole. What is printed again is what was read, byte for byte.
    pub fn parse(receipt: &[u8]) -> Result<Self, BadReceipt> {
        let Split { extra, index, path, note } = split(receipt)?;
        let checkpoint = SignedCheckpoint::parse(note)?;
        let proof = InclusionProof::new(index, checkpoint.claimed().head.size, path)?;
        Ok(Receipt { extra, proof, checkpoint })
    }

    /// What goes along, empty where nothing does. Nothing vouches for it.
    pub fn extra(&self) -> &[u8] {
        &self.extra
    }

    /// The proof; its size is the checkpoint's.
    pub fn proof(&self) -> &InclusionProof {
        &self.proof
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Verifies the checkpoint's lines and that `leaf` stands at the index under its root.
    pub fn verify(&self, leaf: &Hash, keys: &LogKeys) -> Result<VerifiedCheckpoint, NotProven> {
        let checkpoint = self.checkpoint.verify(keys)?;
        self.proof.verify(leaf, &checkpoint.head().root)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if !self.extra.is_empty() {
            writeln!(f, "extra {}", STANDARD.encode(&self.extra))?;
        }
        writeln!(f, "index {}", self.proof.index())?;
        for hash in self.proof.path() {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// The lines before the note, and the note.
pub(crate) struct Split<'a> {
    pub(crate) extra: Vec<u8>,
    pub(crate) index: u64,
    pub(crate) path: Vec<Hash>,
    pub(crate) note: &'a [u8],
}

pub(crate) fn split(receipt: &[u8]) -> Result<Split<'_>, BadReceipt> {
    if receipt.len() > RECEIPT_BYTES_MAX {
        return Err(BadReceipt::TooLong { bytes: receipt.len() });
    }
    let text = std::str::from_utf8(receipt).map_err(|_| BadReceipt::Format)?;
    let (first, text) = text.split_once('\n').ok_or(BadReceipt::Format)?;
    if first != FIRST_LINE {
        return Err(BadReceipt::Format);
    }
    let (extra, text) = match text.strip_prefix("extra ") {
        Some(text) => {
            let (extra, text) = text.split_once('\n').ok_or(BadReceipt::Extra)?;
            (parse_extra(extra).ok_or(BadReceipt::Extra)?, text)
        }
        None => (Vec::new(), text),
    };
    let (index, mut text) = text.split_once('\n').ok_or(BadReceipt::Index)?;
    let index = index.strip_prefix("index ").and_then(parse_decimal).ok_or(BadReceipt::Index)?;
    let mut path = Vec::new();
    loop {
        let (line, rest) = text.split_once('\n').ok_or(BadReceipt::Hashes)?;
        text = rest;
        if line.is_empty() {
            return Ok(Split { extra, index, path, note: text.as_bytes() });
        }
        if path.len() == PROOF_HASHES_MAX {
            return Err(BadReceipt::Hashes);
        }
        path.push(parse_hash(line).ok_or(BadReceipt::Hashes)?);
    }
}

fn parse_extra(extra: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(extra).ok()?;
    (!bytes.is_empty() && bytes.len() <= EXTRA_BYTES_MAX).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use pki::Suite;

    use super::*;
    use crate::checkpoint::tests::Log;
    use crate::ids::Head;
    use crate::tree::{Tree, leaf_hash};

    fn receipt(log: &Log, index: u64) -> Receipt {
        let mut tree = Tree::new();
        for n in 0..11u8 {
            tree.append(leaf_hash(&[n]));
        }
        let checkpoint = log.sign(Head { size: 11, root: tree.root() });
        Receipt::new(tree.inclusion_proof(index, 11).unwrap(), checkpoint).unwrap()
    }

    #[test]
    fn a_receipt_proves_its_entry_and_no_other() {
        for suite in [Suite::Ed25519, Suite::EcdsaP256] {
            let log = Log::new(suite);
            for index in 0..11u8 {
                let receipt = receipt(&log, index.into());
                let read = Receipt::parse(receipt.to_string().as_bytes()).unwrap();
                assert_eq!(read, receipt);
                assert_eq!(read.verify(&leaf_hash(&[index]), &log.keys).unwrap().head().size, 11);
                let other = read.verify(&leaf_hash(&[index + 1]), &log.keys);
                assert_eq!(other, Err(BadProof::NotIncluded { index: index.into(), size: 11 }.into()));
            }
        }
    }

    #[test]
    fn the_text_is_that_of_the_specification() {
        let receipt = receipt(&Log::new(Suite::Ed25519), 8).with_extra(b"extra data".to_vec()).unwrap();
        let text = receipt.to_string();
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(lines[..3], ["c2sp.org/tlog-proof@v1", "extra ZXh0cmEgZGF0YQ==", "index 8"]);
        assert!(lines[3..6].iter().all(|line| parse_hash(line).is_some()));
        assert_eq!(lines[6], "");
        assert_eq!(lines[7..].join("\n"), receipt.checkpoint().to_string());
        let read = Receipt::parse(text.as_bytes()).unwrap();
        assert_eq!((read.extra(), &read), (&b"extra data"[..], &receipt));
    }

    #[test]
    fn a_single_entry_needs_no_hashes() {
        let log = Log::new(Suite::Ed25519);
        let mut tree = Tree::new();
        tree.append(leaf_hash(b"genesis"));
        let checkpoint = log.sign(Head { size: 1, root: tree.root() });
        let receipt = Receipt::new(tree.inclusion_proof(0, 1).unwrap(), checkpoint).unwrap();
        assert!(receipt.to_string().starts_with("c2sp.org/tlog-proof@v1\nindex 0\n\nconclave/"));
        let read = Receipt::parse(receipt.to_string().as_bytes()).unwrap();
        assert!(read.verify(&leaf_hash(b"genesis"), &log.keys).is_ok());
    }

    #[test]
    fn proof_and_checkpoint_must_be_about_one_size() {
        let log = Log::new(Suite::Ed25519);
        let checkpoint = log.sign(Head { size: 12, root: [1; 32] });
        let mixed = Receipt::new(receipt(&log, 8).proof().clone(), checkpoint);
        assert_eq!(mixed, Err(Misshapen { from: 8, size: 12, hashes: 3 }.into()));
    }

    #[test]
    fn malformed_receipts_are_refused_by_their_fault() {
        let receipt = receipt(&Log::new(Suite::Ed25519), 8);
        let text = receipt.to_string();
        let hash = text.lines().nth(2).unwrap();
        let misshapen = |hashes| BadReceipt::Proof(Misshapen { from: 8, size: 11, hashes });
        for (from, to, fault) in [
            ("proof@v1", "proof@v2", BadReceipt::Format),
            ("v1\n", "v1\r\n", BadReceipt::Format),
            ("index 8", "extra \nindex 8", BadReceipt::Extra),
            ("index 8", "extra !!\nindex 8", BadReceipt::Extra),
            ("index 8", "index 08", BadReceipt::Index),
            ("index 8", "index  8", BadReceipt::Index),
            ("index 8", "Index 8", BadReceipt::Index),
            ("index 8", "extra AA==\nextra AA==\nindex 8", BadReceipt::Index),
            (hash, "AAAA", BadReceipt::Hashes),
            (&format!("{hash}\n"), "", misshapen(2)),
            (hash, &format!("{hash}\n{hash}"), misshapen(4)),
            (hash, &vec![hash; 65].join("\n"), BadReceipt::Hashes),
            ("\n\nconclave", "\nconclave", BadReceipt::Hashes),
            ("\n\nconclave", "\n\n\nconclave", BadReceipt::Checkpoint(BadCheckpoint::Lines)),
        ] {
            assert_eq!(
                Receipt::parse(text.replacen(from, to, 1).as_bytes()),
                Err(fault),
                "{from:?} -> {to:?}"
            );
        }
        let long = vec![b'x'; RECEIPT_BYTES_MAX + 1];
        assert_eq!(Receipt::parse(&long), Err(BadReceipt::TooLong { bytes: long.len() }));
        assert_eq!(receipt.clone().with_extra(vec![0; EXTRA_BYTES_MAX + 1]), Err(BadReceipt::Extra));
        assert!(
            Receipt::parse(receipt.with_extra(vec![0; EXTRA_BYTES_MAX]).unwrap().to_string().as_bytes())
                .is_ok()
        );
    }
}
