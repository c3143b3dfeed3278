//! What a log asks of a witness, and what it answers (c2sp.org/tlog-witness, add-checkpoint), as bodies of text.
//! Never keeps a state: the caller holds the newest head that the witness cosigned, and writes the next one down before
//! the answer leaves.
//!
//! ```text
//! old SIZE                           the size that the witness is said to have cosigned last, decimal
//! BASE64                             the consistency proof from there, at most 63 hashes, one a line
//!                                    an empty line
//! the checkpoint, as it was signed
//! ```
//! Answer: a status of HTTP and a body. 200: signature lines; 409: the size that the witness has, and a newline; 400,
//! 403, 404 and 422: nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{BadCheckpoint, SignedCheckpoint, parse_decimal, parse_hash};
use crate::ids::{Hash, Head, LogId};
use crate::note::{
    CosignerKey, KeyName, Malformed, NOTE_BYTES_MAX, SIGNATURE_LINES_MAX, SignatureLine, VerifierKey,
};
use crate::proof::ConsistencyProof;
use crate::statement::context_prefix;
use pki::PersonId;

/// The name that a witness cosigns with: its log's, and who it is there.
pub fn cosigner_name(log: LogId, person: PersonId) -> KeyName {
    let name = format!("conclave/{log}/witness/{person}");
    name.parse().expect("digits and letters are a name")
}

/// What a person signs to say that a cosigner key is his: context, 0x00, log id, the verifier key's text.
pub fn key_binding_bytes(log: LogId, key: &CosignerKey) -> Vec<u8> {
    let mut bytes = context_prefix("witness-key");
    bytes.extend_from_slice(&log.0);
    bytes.extend_from_slice(key.to_string().as_bytes());
    bytes
}

/// More hashes are refused unread.
pub const WITNESS_HASHES_MAX: usize = 63;
/// A longer request is refused unread.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + (WITNESS_HASHES_MAX + 1) * 45 + 32;

/// A checkpoint that a witness is asked to cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness cosigned last.
    pub old: u64,
    /// At most [`WITNESS_HASHES_MAX`].
    pub path: Vec<Hash>,
    /// What is to be cosigned, not yet believed.
    pub checkpoint: SignedCheckpoint,
}

/// Why bytes are no such request: answered by 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// More than [`REQUEST_BYTES_MAX`], or not text.
    #[error("the request is too long, or not text")]
    NotText,
    /// The first line is not `old` and a size in its one spelling.
    #[error("the line of the old size is malformed")]
    Old,
    /// A line of the proof is no hash, or there are more than [`WITNESS_HASHES_MAX`].
    #[error("the consistency proof is malformed")]
    Hashes,
    /// The checkpoint is malformed.
    #[error(transparent)]
    Checkpoint(#[from] BadCheckpoint),
}

impl AddCheckpoint {
    /// Reads a request whole. What is printed again is what was read, byte for byte.
    pub fn parse(body: &[u8]) -> Result<Self, BadRequest> {
        if body.len() > REQUEST_BYTES_MAX {
            return Err(BadRequest::NotText);
        }
        let text = std::str::from_utf8(body).map_err(|_| BadRequest::NotText)?;
        let (old, mut text) = text.split_once('\n').ok_or(BadRequest::Old)?;
        let old = old.strip_prefix("old ").and_then(parse_decimal).ok_or(BadRequest::Old)?;
        let mut path = Vec::new();
        loop {
            let (line, rest) = text.split_once('\n').ok_or(BadRequest::Hashes)?;
            text = rest;
            if line.is_empty() {
                break;
            }
            if path.len() == WITNESS_HASHES_MAX {
                return Err(BadRequest::Hashes);
            }
            path.push(parse_hash(line).ok_or(BadRequest::Hashes)?);
        }
        Ok(AddCheckpoint { old, path, checkpoint: SignedCheckpoint::parse(text.as_bytes())? })
    }

    /// What a witness that cosigned `last` (the empty tree where none) answers, before it cosigns: the head it is to
    /// write down, or why not. The order of the checks is the specification's.
    pub fn judge(&self, log: &VerifierKey, last: Head) -> Result<Head, Refused> {
        let claimed = self.checkpoint.claimed();
        if claimed.origin.key_name() != *log.name() {
            return Err(Refused::UnknownLog);
        }
        let head = self.checkpoint.verify_by(log).map_err(|_| Refused::NotSigned)?.head();
        if self.old > head.size {
            return Err(Refused::BadRequest);
        }
        if self.old != last.size {
            return Err(Refused::Conflict { size: last.size });
        }
        let proof = ConsistencyProof::new(self.old, head.size, self.path.clone());
        let proven = proof.is_ok_and(|proof| proof.verify(&last.root, &head.root).is_ok());
        if proven { Ok(head) } else { Err(Refused::Inconsistent) }
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Malformed, or the old size is above the new one.
    #[error("the request is malformed")]
    BadRequest,
    /// No signature of the log, or a bad one.
    #[error("the checkpoint is not signed by the log")]
    NotSigned,
    /// Another log's.
    #[error("the checkpoint is of a log that this witness does not know")]
    UnknownLog,
    /// The witness has another size: ask again from it.
    #[error("the witness cosigned size {size} last")]
    Conflict {
        /// Which.
        size: u64,
    },
    /// The log does not continue what was cosigned.
    #[error("the checkpoint does not continue the one that was cosigned last")]
    Inconsistent,
}

/// A witness' answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// Its lines, at least one.
    Cosigned(Vec<SignatureLine>),
    /// It does not.
    Refused(Refused),
}

impl WitnessAnswer {
    /// The status of HTTP.
    pub fn status(&self) -> u16 {
        match self {
            Self::Cosigned(_) => 200,
            Self::Refused(Refused::BadRequest) => 400,
            Self::Refused(Refused::NotSigned) => 403,
            Self::Refused(Refused::UnknownLog) => 404,
            Self::Refused(Refused::Conflict { .. }) => 409,
            Self::Refused(Refused::Inconsistent) => 422,
        }
    }

    /// The body.
    pub fn body(&self) -> String {
        match self {
            Self::Cosigned(lines) => lines.iter().map(|line| format!("{line}\n")).collect(),
            Self::Refused(Refused::Conflict { size }) => format!("{size}\n"),
            Self::Refused(
                Refused::BadRequest | Refused::NotSigned | Refused::UnknownLog | Refused::Inconsistent,
            ) => String::new(),
        }
    }

    /// Reads an answer whole. Lines are not yet believed.
    pub fn parse(status: u16, body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > NOTE_BYTES_MAX {
            return Err(Malformed::TooLong { bytes: body.len() });
        }
        let text = std::str::from_utf8(body).map_err(|_| Malformed::NotText)?;
        let refused = |why| if text.is_empty() { Ok(Self::Refused(why)) } else { Err(Malformed::NotText) };
        match status {
            200 => lines(text).map(Self::Cosigned),
            400 => refused(Refused::BadRequest),
            403 => refused(Refused::NotSigned),
            404 => refused(Refused::UnknownLog),
            422 => refused(Refused::Inconsistent),
            409 => {
                let size = text.strip_suffix('\n').and_then(parse_decimal).ok_or(Malformed::NotText)?;
                Ok(Self::Refused(Refused::Conflict { size }))
            }
            _ => Err(Malformed::NotText),
        }
    }
}

fn lines(text: &str) -> Result<Vec<SignatureLine>, Malformed> {
    let text = text.strip_suffix('\n').ok_or(Malformed::NoNewline)?;
    let mut lines = Vec::new();
    for (n, line) in text.split('\n').enumerate() {
        if n == SIGNATURE_LINES_MAX {
            return Err(Malformed::TooManySignatures);
        }
        lines.push(line.parse().map_err(|_| Malformed::SignatureLine { line: n + 1 })?);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use pki::Suite;

    use super::*;
    use crate::checkpoint::tests::Log;
    use crate::tree::{Tree, empty_root, leaf_hash};

    const NOTHING: Head = Head { size: 0, root: [0; 32] };

    fn grown(size: u8) -> Tree {
        let mut tree = Tree::new();
        for n in 0..size {
            tree.append(leaf_hash(&[n]));
        }
        tree
    }

    fn head(tree: &Tree, size: u64) -> Head {
        Head { size, root: tree.root_at(size).unwrap() }
    }

    fn request(log: &Log, tree: &Tree, old: u64, new: u64) -> AddCheckpoint {
        let path = tree.consistency_proof(old, new).unwrap().path().to_vec();
        AddCheckpoint { old, path, checkpoint: log.sign(head(tree, new)) }
    }

    fn empty() -> Head {
        Head { root: empty_root(), ..NOTHING }
    }

    #[test]
    fn a_request_is_the_text_of_the_specification() {
        let (log, tree) = (Log::new(Suite::Ed25519), grown(11));
        for (old, new) in [(0, 11), (1, 11), (7, 11), (8, 11), (11, 11), (0, 0)] {
            let request = request(&log, &tree, old, new);
            let text = request.to_string();
            assert!(text.starts_with(&format!("old {old}\n")));
            assert_eq!(AddCheckpoint::parse(text.as_bytes()).unwrap(), request);
            assert_eq!(text.lines().nth(1 + request.path.len()), Some(""));
        }
        let text = request(&log, &tree, 7, 11).to_string();
        let hash = text.lines().nth(1).unwrap();
        let more = format!("{hash}\n").repeat(WITNESS_HASHES_MAX);
        for (from, to, fault) in [
            ("old 7", "old 07", BadRequest::Old),
            ("old 7", "old  7", BadRequest::Old),
            ("old 7\n", "old 7\r\n", BadRequest::Old),
            ("old 7", "Old 7", BadRequest::Old),
            ("old 7", "old -7", BadRequest::Old),
            (hash, "AAAA", BadRequest::Hashes),
            (hash, &format!("{more}{hash}"), BadRequest::Hashes),
            ("\n\nconclave", "\nconclave", BadRequest::Hashes),
            ("\n\nconclave", "\n\n\nconclave", BadRequest::Checkpoint(BadCheckpoint::Lines)),
        ] {
            let bent = text.replacen(from, to, 1);
            assert_eq!(AddCheckpoint::parse(bent.as_bytes()), Err(fault), "{from:?} -> {to:?}");
        }
        assert_eq!(AddCheckpoint::parse(&vec![b'x'; REQUEST_BYTES_MAX + 1]), Err(BadRequest::NotText));
    }

    /// Written and signed by a program in Python that shares nothing with this one: the request, and the cosigned note
    /// behind the witness' verifier key.
    #[test]
    fn what_another_program_wrote_and_signed_is_read_and_believed() {
        let log = Log::new(Suite::Ed25519);
        let key = log.keys.identity.unwrap();
        let tree = grown(11);
        let request = AddCheckpoint::parse(include_bytes!("../tests/vectors/add-checkpoint.txt")).unwrap();
        assert_eq!(request.judge(&key, head(&tree, 7)), Ok(head(&tree, 11)));
        let cosigned = include_str!("../tests/vectors/cosigned.txt");
        let (cosigner, note) = cosigned.split_once('\n').unwrap();
        let (cosigner, note) =
            (cosigner.parse::<CosignerKey>(), SignedCheckpoint::parse(note.as_bytes()).unwrap());
        assert_eq!(cosigner.unwrap().cosigned(note.note()), Ok(Some(1_679_315_147)));
        assert_eq!(note.verify_by(&key).unwrap().head(), head(&tree, 11));
    }

    /// Each line of the specification's list, with the status it demands.
    #[test]
    fn a_witness_cosigns_only_what_continues_what_it_cosigned() {
        let (log, tree) = (Log::new(Suite::Ed25519), grown(11));
        let key = log.keys.identity.clone().unwrap();
        let seven = head(&tree, 7);
        assert_eq!(request(&log, &tree, 7, 11).judge(&key, seven), Ok(head(&tree, 11)));
        assert_eq!(request(&log, &tree, 0, 11).judge(&key, empty()), Ok(head(&tree, 11)));
        assert_eq!(request(&log, &tree, 7, 7).judge(&key, seven), Ok(seven));
        let refused = |request: &AddCheckpoint, last| request.judge(&key, last).unwrap_err();
        let good = request(&log, &tree, 7, 11);
        // 409: raced by another request, restored from an older copy, or simply not asked before.
        assert_eq!(refused(&good, head(&tree, 8)), Refused::Conflict { size: 8 });
        assert_eq!(refused(&good, empty()), Refused::Conflict { size: 0 });
        // 400.
        assert_eq!(refused(&AddCheckpoint { old: 12, ..good.clone() }, seven), Refused::BadRequest);
        // 422: another root at the same size, a bent proof, one that is not needed, a fork.
        assert_eq!(refused(&good, Head { root: [9; 32], ..seven }), Refused::Inconsistent);
        let mut bent = good.clone();
        bent.path[0][0] ^= 1;
        assert_eq!(refused(&bent, seven), Refused::Inconsistent);
        let needless = AddCheckpoint { path: vec![[1; 32]], ..request(&log, &tree, 0, 11) };
        assert_eq!(refused(&needless, empty()), Refused::Inconsistent);
        let mut fork = grown(6);
        for n in 100..105u8 {
            fork.append(leaf_hash(&[n]));
        }
        assert_eq!(refused(&request(&log, &fork, 7, 11), seven), Refused::Inconsistent);
        assert_eq!(refused(&request(&log, &fork, 7, 7), seven), Refused::Inconsistent);
        // 403 and 404.
        let text = good.to_string().replace("\n11\n", "\n10\n");
        let forged = AddCheckpoint::parse(text.as_bytes()).unwrap();
        assert_eq!(refused(&forged, seven), Refused::NotSigned);
        let other = VerifierKey::new("conclave/other".parse().unwrap(), key.key().clone()).unwrap();
        assert_eq!(good.judge(&other, seven), Err(Refused::UnknownLog));
    }

    #[test]
    fn answers_travel_as_status_and_body() {
        let (log, tree) = (Log::new(Suite::Ed25519), grown(3));
        let secret = pki::SecretKey::from_bytes(Suite::Ed25519, &[6; 32]).unwrap();
        let cosigner = CosignerKey::new("w1".parse().unwrap(), secret.public().clone()).unwrap();
        let mut checkpoint = log.sign(head(&tree, 3));
        let line = cosigner.cosign(checkpoint.note().text(), &secret, 77).unwrap();
        let answers = [
            WitnessAnswer::Cosigned(vec![line.clone()]),
            WitnessAnswer::Cosigned(vec![line.clone(), line.clone()]),
            WitnessAnswer::Refused(Refused::BadRequest),
            WitnessAnswer::Refused(Refused::NotSigned),
            WitnessAnswer::Refused(Refused::UnknownLog),
            WitnessAnswer::Refused(Refused::Conflict { size: 20_852_014 }),
            WitnessAnswer::Refused(Refused::Inconsistent),
        ];
        for answer in answers {
            assert_eq!(WitnessAnswer::parse(answer.status(), answer.body().as_bytes()), Ok(answer));
        }
        for (status, body) in [
            (200, ""),
            (200, "\n"),
            (200, "x\n"),
            (409, "07\n"),
            (409, "7"),
            (422, "7\n"),
            (500, ""),
            (201, ""),
        ] {
            assert!(WitnessAnswer::parse(status, body.as_bytes()).is_err(), "{status} {body:?}");
        }
        // Put behind the log's lines, it is a note that both sides still read.
        checkpoint.add_line(line.clone()).unwrap();
        checkpoint.add_line(line).unwrap();
        let read = SignedCheckpoint::parse(checkpoint.to_string().as_bytes()).unwrap();
        assert_eq!((read.note().lines().len(), cosigner.cosigned(read.note())), (3, Ok(Some(77))));
        assert!(read.verify(&log.keys).is_ok());
    }
}
