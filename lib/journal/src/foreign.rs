//! Proofs of logs that are not Conclave's (c2sp.org/tlog-proof, c2sp.org/tlog-checkpoint): any origin, extension lines.
//! Never used for a log of ours: there an origin is a log id and an extension line a fault.

use crate::checkpoint::{parse_decimal, parse_hash};
use crate::ids::{Hash, Head};
use crate::note::{Malformed, NotSigned, SignedNote, VerifierKey};
use crate::proof::{InclusionProof, Misshapen};
use crate::receipt::{BadReceipt, Split, split};
use crate::tree::TREE_SIZE_MAX;

/// Why bytes are no proof of any log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadForeignProof {
    /// The lines before the checkpoint.
    #[error(transparent)]
    Proof(#[from] BadReceipt),
    /// The checkpoint is no signed note.
    #[error(transparent)]
    Note(#[from] Malformed),
    /// Its text is not an origin, a size, a root and whole lines.
    #[error("the checkpoint is malformed")]
    Checkpoint,
    /// Index, size and number of hashes do not belong together.
    #[error(transparent)]
    Shape(#[from] Misshapen),
}

/// A proof that something is in a log, which names itself by any origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignProof {
    extra: Vec<u8>,
    proof: InclusionProof,
    origin: String,
    head: Head,
    note: SignedNote,
}

impl ForeignProof {
    /// Reads a proof whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadForeignProof> {
        let Split { extra, index, path, note } = split(bytes)?;
        let note = SignedNote::parse(note)?;
        let (origin, head) = read_text(note.text()).ok_or(BadForeignProof::Checkpoint)?;
        let proof = InclusionProof::new(index, head.size, path)?;
        Ok(Self { extra, proof, origin, head, note })
    }

    /// What goes along, empty where nothing does. Nothing vouches for it.
    pub fn extra(&self) -> &[u8] {
        &self.extra
    }

    /// The leaf's index.
    pub fn index(&self) -> u64 {
        self.proof.index()
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root that the checkpoint claims.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Whether this key signed the checkpoint. Keys of a log carry its origin as their name.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NotSigned> {
        if key.name().as_str() != self.origin {
            return Err(NotSigned::NoKnownKey);
        }
        self.note.verify(std::slice::from_ref(key)).map(drop)
    }

    /// Whether `leaf` is where the proof says, under the root that the checkpoint claims.
    pub fn holds(&self, leaf: &Hash) -> bool {
        self.proof.verify(leaf, &self.head.root).is_ok()
    }
}

fn read_text(text: &str) -> Option<(String, Head)> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let size = parse_decimal(size).filter(|size| *size <= TREE_SIZE_MAX)?;
    let whole = !origin.is_empty() && lines.all(|extension| !extension.is_empty());
    whole.then_some((origin.to_owned(), Head { size, root: parse_hash(root)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::NoteSigner;
    use crate::proof::PROOF_HASHES_MAX;
    use crate::tree::{Tree, leaf_hash};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use pki::{SecretKey, Suite};

    /// A log of another house: its name, an extension line, its key.
    fn foreign(extension: &str, extra: &str) -> (String, VerifierKey) {
        let secret = SecretKey::from_bytes(Suite::Ed25519, &[7; 32]).unwrap();
        let key = VerifierKey::new("example.com/fancylog".parse().unwrap(), secret.public().clone()).unwrap();
        let mut tree = Tree::new();
        for n in 0..100u8 {
            tree.append(leaf_hash(&[n]));
        }
        let encode = |bytes: &[u8]| STANDARD.encode(bytes);
        let text = format!("example.com/fancylog\n100\n{}\n{extension}", encode(&tree.root()));
        let note = SignedNote::sign(text, &[NoteSigner { key: &key, signer: &secret }]).unwrap();
        let proof = tree.inclusion_proof(70, 100).unwrap();
        let hashes: String = proof.path().iter().map(|hash| format!("{}\n", encode(hash))).collect();
        (format!("c2sp.org/tlog-proof@v1\n{extra}index 70\n{hashes}\n{note}"), key)
    }

    #[test]
    fn a_proof_of_another_house_is_read_and_checked() {
        for (extension, extra) in [("", ""), ("any 1\nmore\n", "extra ZXh0cmE=\n")] {
            let (text, key) = foreign(extension, extra);
            let proof = ForeignProof::parse(text.as_bytes()).unwrap();
            assert_eq!((proof.index(), proof.head().size, proof.origin()), (70, 100, "example.com/fancylog"));
            assert_eq!(proof.extra(), if extra.is_empty() { &b""[..] } else { b"extra" });
            assert!(proof.verify(&key).is_ok() && proof.holds(&leaf_hash(&[70])));
            assert!(!proof.holds(&leaf_hash(&[71])));
            let renamed = VerifierKey::new("example.com/other".parse().unwrap(), key.key().clone()).unwrap();
            assert_eq!(proof.verify(&renamed), Err(NotSigned::NoKnownKey));
            assert!(crate::receipt::Receipt::parse(text.as_bytes()).is_err(), "no log of ours");
        }
        let (text, _) = foreign("any\n", "");
        assert!(ForeignProof::parse(text.replace("\nany\n", "\n\nany\n").as_bytes()).is_err());
        assert!(ForeignProof::parse(text.replace("\n100\n", "\n0100\n").as_bytes()).is_err());
    }

    /// The longest proofs there are: 63 hashes in a tree of 2^63 leaves.
    #[test]
    fn sixty_three_hashes_are_read_and_no_more_than_a_tree_has() {
        let (text, _) = foreign("", "");
        let hash = text.lines().nth(2).unwrap().to_owned();
        let (before, rest) = text.split_once(&hash).unwrap();
        let note = rest.split_once("\n\n").unwrap().1;
        let with = |count: usize, size: &str| {
            let hashes = format!("{hash}\n").repeat(count);
            let text = format!("{before}{hashes}\n{}", note.replace("\n100\n", &format!("\n{size}\n")));
            ForeignProof::parse(text.as_bytes())
        };
        assert!(with(63, "9223372036854775808").is_ok());
        let misshapen = |found: Result<_, BadForeignProof>| matches!(found, Err(BadForeignProof::Shape(_)));
        assert!(misshapen(with(62, "9223372036854775808")) && misshapen(with(64, "9223372036854775808")));
        assert!(with(7, "9223372036854775809").is_err());
        let many = with(PROOF_HASHES_MAX + 1, "9223372036854775808");
        assert_eq!(many, Err(BadForeignProof::Proof(BadReceipt::Hashes)));
    }
}
