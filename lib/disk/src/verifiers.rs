//! Password verifiers: opaque bytes per person under their own device key, readable before unlock.
//! Replaced and removed by a later frame; the old one is unreachable, not erased. Never in the journal.
//!
//! A frame is a list of changes, and place and tag of the frame before it; now and then a full one starts anew. The tag
//! tells it from a frame that lay in the same place in a former life of the extent.

use std::collections::BTreeMap;

use crate::codec::{Fields, Malformed, Put};
use crate::commit::Top;
use crate::error::Error;

/// Number of a person, eight bytes.
pub type PersonKey = [u8; 8];
/// Bytes one verifier may have.
pub const VERIFIER_BYTES_MAX: usize = 1024;
/// People one store may hold verifiers of.
pub(crate) const VERIFIERS_MAX: usize = 65_536;
/// After this many frames a full one is written, so that a start reads few.
pub(crate) const CHAIN_MAX: u32 = 32;

/// Bytes around one verifier in a frame: person, flag, length.
const AROUND_VERIFIER_BYTES: usize = 8 + 1 + 4;
/// What an extent of verifiers holds beside the largest frame, and a frame beside its changes: with room to spare.
const AROUND_FRAME_BYTES: usize = 4096;

/// People of whom a store with such extents holds verifiers of any allowed length: all of them fit the one frame that is
/// written now and then.
pub fn verifiers_max(extent_bytes: u64) -> usize {
    let bytes = usize::try_from(extent_bytes).unwrap_or(usize::MAX).saturating_sub(AROUND_FRAME_BYTES);
    (bytes / (VERIFIER_BYTES_MAX + AROUND_VERIFIER_BYTES)).min(VERIFIERS_MAX)
}

/// A change: new bytes, or removal.
pub(crate) type Change = (PersonKey, Option<Vec<u8>>);

/// One frame's meaning.
pub(crate) struct VerifierFrame {
    /// Frames behind this one; 0 means that this one is full.
    pub(crate) depth: u32,
    pub(crate) previous: Option<Top>,
    pub(crate) changes: Vec<Change>,
}

impl VerifierFrame {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.put_u32(self.depth);
        bytes.put_u8(u8::from(self.previous.is_some()));
        if let Some(previous) = self.previous {
            previous.encode(&mut bytes);
        }
        bytes.put_u32(self.changes.len() as u32);
        for (person, verifier) in &self.changes {
            bytes.put(person);
            bytes.put_u8(u8::from(verifier.is_some()));
            if let Some(verifier) = verifier {
                bytes.put_u32(verifier.len() as u32);
                bytes.put(verifier);
            }
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        if fields.u8()? != 1 {
            return Err(Malformed);
        }
        let depth = fields.u32()?;
        let previous = if fields.flag()? { Some(Top::decode(&mut fields)?) } else { None };
        if previous.is_some() != (depth > 0) || depth > CHAIN_MAX {
            return Err(Malformed);
        }
        let mut changes = Vec::new();
        for _ in 0..fields.count(VERIFIERS_MAX)? {
            let person = fields.array()?;
            let verifier = if fields.flag()? {
                let count = fields.count(VERIFIER_BYTES_MAX)?;
                Some(fields.take(count)?.to_vec())
            } else {
                None
            };
            changes.push((person, verifier));
        }
        fields.end()?;
        Ok(Self { depth, previous, changes })
    }
}

/// Verifiers in force.
#[derive(Default, Clone)]
pub(crate) struct Verifiers {
    pub(crate) by_person: BTreeMap<PersonKey, Vec<u8>>,
    pub(crate) newest: Option<Top>,
    pub(crate) depth: u32,
}

impl Verifiers {
    /// The frame that carries these changes, full when the chain has grown long.
    pub(crate) fn next_frame(&self, changes: &[Change]) -> VerifierFrame {
        if let Some(previous) = self.newest.filter(|_| self.depth < CHAIN_MAX) {
            return VerifierFrame {
                depth: self.depth + 1,
                previous: Some(previous),
                changes: changes.to_vec(),
            };
        }
        let mut full = self.by_person.clone();
        apply(&mut full, changes);
        let changes = full.into_iter().map(|(person, verifier)| (person, Some(verifier))).collect();
        VerifierFrame { depth: 0, previous: None, changes }
    }
}

/// Walks back from the newest frame to the last full one.
pub(crate) fn walk_back(
    newest: Option<Top>,
    read: impl Fn(Top) -> Result<Vec<u8>, Error>,
) -> Result<Verifiers, Error> {
    let mut verifiers = Verifiers { newest, ..Verifiers::default() };
    let mut frames = Vec::new();
    let mut next = newest;
    while let Some(at) = next {
        let damaged = |what| Error::Damaged { offset: at.position.offset, what };
        let frame = VerifierFrame::decode(&read(at)?).map_err(|_| damaged("verifier frame"))?;
        if frames.len() > CHAIN_MAX as usize {
            return Err(damaged("verifier chain"));
        }
        next = frame.previous;
        frames.push(frame);
    }
    verifiers.depth = frames.first().map_or(0, |frame| frame.depth);
    for frame in frames.iter().rev() {
        apply(&mut verifiers.by_person, &frame.changes);
    }
    Ok(verifiers)
}

/// Puts changes into the map.
pub(crate) fn apply(by_person: &mut BTreeMap<PersonKey, Vec<u8>>, changes: &[Change]) {
    for (person, verifier) in changes {
        match verifier {
            Some(verifier) => by_person.insert(*person, verifier.clone()),
            None => by_person.remove(person),
        };
    }
}
