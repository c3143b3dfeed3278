//! The file that carries a part of a journal to a stranger: the entries asked for, those that a check of them needs, one
//! signed note, and the proof that they all stand under it.
//! Never judges anything, and never holds more than one entry in memory.
//!
//! ```text
//! "conclave excerpt"        16 bytes
//! version                   1 byte: 1
//! asked record              canonical [1, first, last] or [2, [PersonId…], [conversation…]]
//! entry records             mark (1 asked for, 2 context) ‖ index (8 bytes, big-endian) ‖ entry; ascending by index
//! 00000000                  end of the entries
//! note record               the signed note
//! proof record              canonical [multiproof, [consistency proof…]]
//! 00000000                  end of the file
//! ```
//! A record is its length (4 bytes, big-endian) and so many bytes, as in a bundle.

use std::io::{self, Read, Write};

use journal::entry::ENTRY_BYTES_MAX;
use journal::ids::Index;
use journal::multiproof::MultiProof;
use journal::note::NOTE_BYTES_MAX;
use journal::proof::ConsistencyProof;
use minicbor::{Decode, Encode};
use pki::{PersonId, canonical};

use crate::bundle::{
    BUNDLE_VERSION, BadBundle, EXCERPT_MAGIC, OPENING_BYTES, Opening, nothing_follows, opening,
};
use crate::record::{read_record, write_record};

/// Most persons, and most conversations, of one selection.
pub const ASKED_MAX: usize = 64;
/// Most consistency proofs from older heads.
pub const LINKS_MAX: usize = 16;
/// Largest asked record, bytes: 64 persons and 64 conversations of 9 bytes each, and the heads of the arrays.
pub const ASKED_BYTES_MAX: usize = 2 * ASKED_MAX * 9 + 16;
/// Largest proof, bytes: a million single entries far from each other.
pub const PROOF_BYTES_MAX: usize = 64 << 20;
/// Mark and index before an entry.
const MARK_BYTES: usize = 9;

/// What an excerpt was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(flat)]
pub enum Asked {
    /// All entries from the first to the last of these, both included: presence and completeness.
    #[n(1)]
    Range(#[n(0)] Index, #[n(1)] Index),
    /// What these persons signed or what concerns them, and what is of these conversations, by the word of whoever chose:
    /// presence, not completeness.
    #[n(2)]
    Selection(#[n(0)] Vec<PersonId>, #[n(1)] Vec<Index>),
}

/// What proves that the entries stand under the note's root.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Proofs {
    /// Of all entries of the excerpt.
    #[n(0)]
    pub entries: MultiProof,
    /// That the note continues older heads, which a reader may hold.
    #[n(1)]
    pub links: Vec<ConsistencyProof>,
}

/// One entry of an excerpt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// It was asked for; else it stands there for the check of others.
    pub asked: bool,
    /// Its place in the journal.
    pub index: Index,
    /// Its bytes, as they were hashed.
    pub entry: Vec<u8>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.entry
    }
}

/// Writes an excerpt record by record.
pub struct ExcerptWriter<W: Write> {
    out: W,
}

impl<W: Write> ExcerptWriter<W> {
    /// Writes the beginning.
    pub fn new(mut out: W, asked: &Asked) -> io::Result<Self> {
        out.write_all(EXCERPT_MAGIC)?;
        out.write_all(&[BUNDLE_VERSION])?;
        write_record(&mut out, &canonical::encode(asked), ASKED_BYTES_MAX)?;
        Ok(Self { out })
    }

    /// Writes the next entry.
    pub fn piece(&mut self, asked: bool, index: Index, entry: &[u8]) -> io::Result<()> {
        let mark = [if asked { 1 } else { 2 }];
        let record = [&mark[..], &index.to_be_bytes(), entry].concat();
        write_record(&mut self.out, &record, MARK_BYTES + ENTRY_BYTES_MAX)
    }

    /// Writes note, proofs and end marks; gives the file back, to be synced by its owner.
    pub fn finish(mut self, note: &[u8], proofs: &Proofs) -> io::Result<W> {
        self.out.write_all(&[0; 4])?;
        write_record(&mut self.out, note, NOTE_BYTES_MAX)?;
        write_record(&mut self.out, &canonical::encode(proofs), PROOF_BYTES_MAX)?;
        self.out.write_all(&[0; 4])?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads an excerpt record by record.
pub struct ExcerptReader<R: Read> {
    input: R,
    asked: Asked,
    pieces: u64,
    bytes: u64,
    ended: bool,
}

impl<R: Read> ExcerptReader<R> {
    /// Reads the beginning.
    pub fn open(mut input: R) -> Result<Self, BadBundle> {
        if opening(&mut input)? == Opening::Whole {
            return Err(BadBundle::Whole);
        }
        let record = read_record(&mut input, ASKED_BYTES_MAX)
            .map_err(|bad| bad.at(0, 0, ASKED_BYTES_MAX))?
            .ok_or(BadBundle::NotABundle)?;
        let asked: Asked = canonical::decode(&record).map_err(|_| BadBundle::NotABundle)?;
        let fits = match &asked {
            Asked::Range(first, last) => first <= last,
            Asked::Selection(persons, conversations) => {
                let asked = persons.len() + conversations.len();
                asked > 0 && persons.len().max(conversations.len()) <= ASKED_MAX
            }
        };
        if !fits {
            return Err(BadBundle::NotABundle);
        }
        Ok(Self { input, asked, pieces: 0, bytes: OPENING_BYTES, ended: false })
    }

    /// What it was asked for, as it says itself.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Bytes read so far, about.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next entry; `None` behind the last one.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, BadBundle> {
        if self.ended {
            return Ok(None);
        }
        let limit = MARK_BYTES + ENTRY_BYTES_MAX;
        let Some(record) = self.record(limit)? else {
            self.ended = true;
            return Ok(None);
        };
        let bad = BadBundle::Malformed { record: self.pieces };
        self.pieces += 1;
        let Some((head, entry)) = record.split_first_chunk::<MARK_BYTES>() else { return Err(bad) };
        let [mark, index @ ..] = *head;
        let asked = match mark {
            1 => true,
            2 => false,
            _ => return Err(bad),
        };
        Ok(Some(Piece { asked, index: u64::from_be_bytes(index), entry: entry.to_vec() }))
    }

    /// Note and proofs, once all entries were read, and that nothing follows them.
    pub fn finish(mut self) -> Result<(Vec<u8>, Proofs), BadBundle> {
        while self.next_piece()?.is_some() {}
        let missing = |pieces| BadBundle::Truncated { entries: pieces };
        let note = self.record(NOTE_BYTES_MAX)?.ok_or(missing(self.pieces))?;
        let proofs = self.record(PROOF_BYTES_MAX)?.ok_or(missing(self.pieces))?;
        let bad = BadBundle::Malformed { record: 1 };
        let Ok(proofs) = canonical::decode::<Proofs>(&proofs) else { return Err(bad) };
        if proofs.links.len() > LINKS_MAX {
            return Err(bad);
        }
        match self.record(0)? {
            None => nothing_follows(&mut self.input)?,
            Some(_) => return Err(BadBundle::TrailingBytes),
        }
        Ok((note, proofs))
    }

    fn record(&mut self, limit: usize) -> Result<Option<Vec<u8>>, BadBundle> {
        let found =
            read_record(&mut self.input, limit).map_err(|bad| bad.at(self.pieces, self.pieces, limit))?;
        self.bytes += 4 + found.as_ref().map_or(0, Vec::len) as u64;
        Ok(found)
    }
}
