//! A file in chunks: sealed one by one on the way up, opened and checked one by one on the way down.
//! Never holds more than one chunk of content, and never opens a file on a disk.
//!
//! Chunk `n` (from 1) holds bytes `(n-1)·c .. n·c` of the content, `c` being what its size class holds; only the last
//! is shorter. An empty file has one empty chunk. The message's `FileClaim` binds the chunks by the root over leaves
//! `SHA-256(00 ‖ commitment)`; its sealed text holds the key, the length and a digest of the content.

use journal::act::{FileClaim, SizeClass};
use journal::proof::InclusionProof;
use journal::tree::{Frontier, leaf_hash};
use journal::{Commitment, ConversationId, Hash, LogId, ReservationId};
use pki::Suite;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::body::{self, BadBody, Body, BodyRef};
use super::envelope::{Envelope, Unsupported};
use super::keys::{ChunkPlace, FileKey, Lock};
use super::padding::{class_for, content_bytes_max, exists};
use super::text::FileInfo;

/// Most chunks of a file: one of a reservation's is the message's own body.
pub const FILE_CHUNKS_MAX: u64 = journal::act::message::CHUNKS_MAX - 1;
/// Longest file, bytes: almost 16 GiB.
pub const FILE_BYTES_MAX: u64 = FILE_CHUNKS_MAX * ((256 << 10) - 4);

/// Where a file belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FilePlace {
    /// Which log.
    pub log: LogId,
    /// Which conversation.
    pub conversation: ConversationId,
    /// The reservation that holds its chunks.
    pub reservation: ReservationId,
}

impl FilePlace {
    fn chunk(self, number: u32) -> ChunkPlace {
        let Self { log, conversation, reservation } = self;
        ChunkPlace { log, conversation, reservation, number }
    }
}

/// The size class of every chunk of a file of this length: the smallest that holds all of it, or the largest.
pub fn chunk_class(file_bytes: u64) -> SizeClass {
    usize::try_from(file_bytes).ok().and_then(class_for).unwrap_or(SizeClass::CHUNK_MAX)
}

/// How many chunks of this class a file of this length has; `None` when they are too many, or the class is none.
pub fn chunk_count(file_bytes: u64, class: SizeClass) -> Option<u32> {
    if !exists(class) {
        return None;
    }
    let chunks = file_bytes.div_ceil(content_bytes_max(class) as u64).max(1);
    u32::try_from(chunks).ok().filter(|chunks| u64::from(*chunks) <= FILE_CHUNKS_MAX)
}

/// Bytes of content in chunk `number` of a file; the caller has checked the number.
fn content_bytes(file_bytes: u64, class: SizeClass, number: u32) -> usize {
    let full = content_bytes_max(class) as u64;
    let left = file_bytes.saturating_sub(u64::from(number - 1) * full);
    usize::try_from(left.min(full)).expect("at most 256 KiB")
}

/// The leaf of a chunk in the tree that a `FileClaim` names; the core appends them to a [`Frontier`] as they come.
pub fn chunk_leaf(commitment: &Commitment) -> Hash {
    leaf_hash(&commitment.0)
}

/// The root that a `FileClaim` must name, over the commitments of chunks 1, 2, ….
pub fn chunk_root(commitments: impl IntoIterator<Item = Commitment>) -> Hash {
    let mut tree = Frontier::default();
    for commitment in commitments {
        tree.append(chunk_leaf(&commitment));
    }
    tree.root()
}

/// Why a file is not sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FileError {
    /// A suite whose envelopes are not in this program.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// Longer than a file may be.
    #[error("the file has {bytes} bytes, the limit is {FILE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// The content's length changed while it was read, or it was read in other pieces than [`FileSealer::wants`] said.
    #[error("chunk {number} has {found} bytes of content, expected were {expected}")]
    Piece {
        /// Which chunk.
        number: u32,
        /// Given.
        found: usize,
        /// Needed; 0 when all chunks are sealed.
        expected: usize,
    },
    /// Chunks are missing at the end.
    #[error("{sealed} of {chunks} chunks are sealed")]
    Unfinished {
        /// Sealed.
        sealed: u32,
        /// All.
        chunks: u32,
    },
}

/// Seals a file's chunks in order, in constant memory.
pub struct FileSealer {
    suite: Suite,
    place: FilePlace,
    key: FileKey,
    bytes: u64,
    class: SizeClass,
    chunks: u32,
    tree: Frontier,
    digest: Sha256,
}

impl FileSealer {
    /// For a file of this length, under a fresh key.
    pub fn new(
        suite: Suite,
        place: FilePlace,
        bytes: u64,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, FileError> {
        Envelope::of(suite)?;
        let class = chunk_class(bytes);
        let chunks = chunk_count(bytes, class).ok_or(FileError::TooLong { bytes })?;
        let (tree, digest) = (Frontier::default(), Sha256::new());
        Ok(Self { suite, place, key: FileKey::generate(rng), bytes, class, chunks, tree, digest })
    }

    /// Size class of every chunk: what to reserve.
    pub fn class(&self) -> SizeClass {
        self.class
    }

    /// How many chunks; the reservation has one more, for the message's own body.
    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// Number of the next chunk and how many bytes of content it takes; `None` when all are sealed.
    pub fn wants(&self) -> Option<(u32, usize)> {
        let number = self.sealed() + 1;
        (number <= self.chunks).then(|| (number, content_bytes(self.bytes, self.class, number)))
    }

    /// Seals the next chunk; gives its number too.
    pub fn seal_next(&mut self, content: &[u8], rng: &mut dyn CryptoRng) -> Result<(u32, Body), FileError> {
        let (number, expected) = self.wants().unwrap_or((self.chunks, 0));
        if content.len() != expected || self.wants().is_none() {
            return Err(FileError::Piece { number, found: content.len(), expected });
        }
        let lock = Lock::chunk(self.suite, &self.key, &self.place.chunk(number))?;
        let body = body::seal(&lock, self.class, content, rng).expect("the piece is what its class holds");
        self.tree.append(chunk_leaf(&body.commitment()));
        self.digest.update(content);
        Ok((number, body))
    }

    /// What the message says of the file, and what its sealed text does.
    pub fn finish(
        self,
        name: String,
        media_type: Option<String>,
    ) -> Result<(FileClaim, FileInfo), FileError> {
        let (sealed, chunks) = (self.sealed(), self.chunks);
        if sealed != chunks {
            return Err(FileError::Unfinished { sealed, chunks });
        }
        let claim = FileClaim { reservation: self.place.reservation, root: self.tree.root(), chunks };
        let sha256 = self.digest.finalize().into();
        let info =
            FileInfo { name, bytes: self.bytes, media_type, sha256, key: self.key, chunk_size: self.class };
        Ok((claim, info))
    }

    fn sealed(&self) -> u32 {
        u32::try_from(self.tree.size()).expect("at most FILE_CHUNKS_MAX")
    }
}

/// Why a file, or a chunk of it, is not what its message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadFile {
    /// A suite whose envelopes are not in this program.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The sealed text and the signed message disagree.
    #[error("the message names {claimed} chunks, the text {bytes} bytes in class {}", .class.0)]
    Misfit {
        /// In the signed message.
        claimed: u32,
        /// In the sealed text.
        bytes: u64,
        /// In the sealed text.
        class: SizeClass,
    },
    /// The file has no such chunk.
    #[error("the file has {chunks} chunks, no number {number}")]
    NoChunk {
        /// Asked for.
        number: u32,
        /// There are.
        chunks: u32,
    },
    /// The chunk is no body, or does not open.
    #[error("chunk {number}: {why}")]
    Chunk {
        /// Which.
        number: u32,
        /// Why.
        why: BadBody,
    },
    /// The chunk's content has another length than its place demands.
    #[error("chunk {number} has {found} bytes of content, expected were {expected}")]
    Piece {
        /// Which.
        number: u32,
        /// In it.
        found: usize,
        /// At its place.
        expected: usize,
    },
    /// The proof is of another place, or does not lead to the root.
    #[error("chunk {number} is not under the root that the message names")]
    NotUnderRoot {
        /// Which.
        number: u32,
    },
    /// All chunks opened, but together they are not what was signed.
    #[error("the chunks are not those under the root that the message names")]
    OtherChunks,
    /// All chunks are those that were signed, but the content is not what the sender described.
    #[error("the content has another digest than the sender named")]
    OtherContent,
    /// Chunks are missing at the end.
    #[error("{opened} of {chunks} chunks are opened")]
    Unfinished {
        /// Opened.
        opened: u32,
        /// All.
        chunks: u32,
    },
}

/// Opens a file's chunks, in constant memory. Two ways: any chunk by itself with a proof ([`Self::open`]), or all in
/// order without proofs ([`Self::open_next`]), where only [`Self::finish`] says that they were the signed ones.
pub struct FileOpener<'a> {
    suite: Suite,
    place: FilePlace,
    info: &'a FileInfo,
    root: Hash,
    chunks: u32,
    tree: Frontier,
    digest: Sha256,
}

impl<'a> FileOpener<'a> {
    /// From the signed message's claim and its sealed text.
    pub fn new(
        suite: Suite,
        log: LogId,
        conversation: ConversationId,
        claim: &FileClaim,
        info: &'a FileInfo,
    ) -> Result<Self, BadFile> {
        Envelope::of(suite)?;
        if chunk_count(info.bytes, info.chunk_size) != Some(claim.chunks) {
            let (claimed, bytes, class) = (claim.chunks, info.bytes, info.chunk_size);
            return Err(BadFile::Misfit { claimed, bytes, class });
        }
        let place = FilePlace { log, conversation, reservation: claim.reservation };
        let (tree, digest) = (Frontier::default(), Sha256::new());
        Ok(Self { suite, place, info, root: claim.root, chunks: claim.chunks, tree, digest })
    }

    /// How many chunks.
    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// The next chunk that [`Self::open_next`] takes; `None` after the last.
    pub fn wants(&self) -> Option<u32> {
        let number = self.opened() + 1;
        (number <= self.chunks).then_some(number)
    }

    /// Opens one chunk after checking that it is under the root.
    pub fn open(
        &self,
        number: u32,
        body: &[u8],
        proof: &InclusionProof,
    ) -> Result<Zeroizing<Vec<u8>>, BadFile> {
        let (commitment, content) = self.read(number, body)?;
        let placed = proof.index() + 1 == u64::from(number) && proof.size() == u64::from(self.chunks);
        if !placed || proof.verify(&chunk_leaf(&commitment), &self.root).is_err() {
            return Err(BadFile::NotUnderRoot { number });
        }
        Ok(content)
    }

    /// Opens the next chunk in order. Somebody who holds the file's key sealed it for this place; that it is the signed
    /// one, only [`Self::finish`] says: until then nothing may be shown as the sender's, nor kept.
    pub fn open_next(&mut self, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadFile> {
        let number = self.opened() + 1;
        let (commitment, content) = self.read(number, body)?;
        self.tree.append(chunk_leaf(&commitment));
        self.digest.update(&*content);
        Ok(content)
    }

    /// After the last chunk: whether all of them were those that the message binds, and the content what it describes.
    pub fn finish(self) -> Result<(), BadFile> {
        let (opened, chunks) = (self.opened(), self.chunks);
        if opened != chunks {
            return Err(BadFile::Unfinished { opened, chunks });
        }
        if self.tree.root() != self.root {
            return Err(BadFile::OtherChunks);
        }
        let digest: [u8; 32] = self.digest.finalize().into();
        if digest == self.info.sha256 { Ok(()) } else { Err(BadFile::OtherContent) }
    }

    fn read(&self, number: u32, body: &[u8]) -> Result<(Commitment, Zeroizing<Vec<u8>>), BadFile> {
        if number == 0 || number > self.chunks {
            return Err(BadFile::NoChunk { number, chunks: self.chunks });
        }
        let bad = |why| BadFile::Chunk { number, why };
        let body = BodyRef::parse(body).map_err(bad)?;
        if body.size() != self.info.chunk_size {
            return Err(bad(BadBody::Length { bytes: body::body_bytes(body.size()) }));
        }
        let lock = Lock::chunk(self.suite, &self.info.key, &self.place.chunk(number))?;
        let content = body.open(&lock).map_err(bad)?;
        let expected = content_bytes(self.info.bytes, self.info.chunk_size, number);
        if content.len() != expected {
            return Err(BadFile::Piece { number, found: content.len(), expected });
        }
        Ok((body.commitment(), content))
    }

    fn opened(&self) -> u32 {
        u32::try_from(self.tree.size()).expect("at most FILE_CHUNKS_MAX")
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
