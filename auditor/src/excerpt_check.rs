//! An excerpt against a trust file: the note's signatures, every entry under its root, every statement's signature by a
//! certificate that the entries bring and whose path leads to the trust file's root, order and numbers.
//! Never judges rights: who may do what follows from all entries before, and an excerpt does not have them.

use std::io::{self, Read};

use journal::Origin;
use journal::checkpoint::{LogKeys, SignedCheckpoint};
use journal::ids::{Head, Index};
use journal::replay::{BadAt, CheckedEntry, Divergence, KeyBook, Signatures, in_order};
use pki::{PublicKey, Suite};

use crate::bundle::BadBundle;
use crate::bundle::{BATCH_BYTES, BATCH_ENTRIES};
use crate::clock_sets::{age_ms, counted_ms};
use crate::excerpt::{Asked, ExcerptReader, Piece, Proofs};
use crate::excerpt_state::State;
use crate::judgement::{Flaw, Judgement, Missing, Unanchored};
use crate::outside::OutsideHead;
use crate::parallel::processors;
use crate::trust::Trust;

/// What a check of an excerpt found.
pub struct Checked {
    /// The judgement. A selection in which nothing is wrong is [`Missing::Selection`]: present, not complete.
    pub judgement: Judgement,
    /// What it was asked for, as it says itself.
    pub asked: Asked,
    /// Entries asked for.
    pub entries: u64,
    /// Entries that stand there for the check of those.
    pub context: u64,
    /// The head that the log signed; `None` where no note was reached or believed.
    pub head: Option<Head>,
    /// Time stamps of the first and the last entry asked for.
    pub span_ms: Option<(u64, u64)>,
    /// The largest size at which a head from outside agrees; 0 for none.
    pub anchored: u64,
    /// The same, of heads that somebody else held.
    pub by_others: u64,
}

/// What a check is told.
pub struct CheckAsked<'a> {
    /// The trust file's content.
    pub trust: &'a Trust,
    /// Heads from outside, the trust file's own anchor not among them.
    pub outside: Vec<OutsideHead>,
    /// Is told how many bytes were read.
    pub progress: &'a mut dyn FnMut(u64),
    /// Is told of every entry that stands, in order: asked for or context, index, entry.
    pub observer: &'a mut dyn FnMut(bool, Index, &CheckedEntry),
}

/// Checks an excerpt. Only a failing disk is an error.
pub fn check<R: Read>(reader: ExcerptReader<R>, asked: CheckAsked<'_>) -> io::Result<Checked> {
    let CheckAsked { trust, mut outside, progress, observer } = asked;
    outside.splice(0..0, OutsideHead::trusted(trust));
    let told = reader.asked().clone();
    let mut checked = Checked {
        judgement: Judgement::Verified,
        asked: told.clone(),
        entries: 0,
        context: 0,
        head: None,
        span_ms: None,
        anchored: 0,
        by_others: 0,
    };
    let (mut state, mut newest) = (State::new(trust, &told), (0, 0));
    let read = read_through(reader, progress, &mut |piece, entry| {
        state.take(piece, entry)?;
        observer(piece.asked, piece.index, entry);
        if piece.asked {
            checked.entries += 1;
            newest = (piece.index, entry.wall_ms());
            checked.span_ms = Some((checked.span_ms.map_or(entry.wall_ms(), |span| span.0), entry.wall_ms()));
        } else {
            checked.context += 1;
        }
        Ok(())
    });
    checked.judgement = match read {
        Ok((note, proofs)) => {
            let closing = Closing { trust, state: &state, newest, checked: &mut checked };
            closing.judge(&note, &proofs, &outside).unwrap_or_else(|judgement| judgement)
        }
        Err(Stopped::Flaw(flaw)) => Judgement::Invalid(flaw),
        Err(Stopped::Place(BadAt { index, fault })) => Judgement::Invalid(Flaw::Entry { index, fault }),
        Err(Stopped::Bundle(BadBundle::Io(error))) => return Err(error),
        Err(Stopped::Bundle(BadBundle::Truncated { .. })) => Judgement::Incomplete(Missing::Cut),
        Err(Stopped::Bundle(bad)) => Judgement::Invalid(Flaw::Container(bad)),
    };
    Ok(checked)
}

enum Stopped {
    /// At a place in the file, which is not the index.
    Place(BadAt),
    Flaw(Flaw),
    Bundle(BadBundle),
}

impl From<BadAt> for Stopped {
    fn from(bad: BadAt) -> Self {
        Self::Place(bad)
    }
}

type Push<'a> = &'a mut dyn FnMut(&Piece, &CheckedEntry) -> Result<(), Flaw>;

/// Reads, hashes and verifies on all processors; gives each entry on in order, then note and proofs.
fn read_through<R: Read>(
    mut reader: ExcerptReader<R>,
    progress: &mut dyn FnMut(u64),
    push: Push<'_>,
) -> Result<(Vec<u8>, Proofs), Stopped> {
    let mut indices = Vec::new();
    let mut cut = None;
    let load = || -> Result<Vec<Piece>, Stopped> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while cut.is_none() && batch.len() < BATCH_ENTRIES && bytes < BATCH_BYTES {
            match reader.next_piece() {
                Ok(Some(piece)) => {
                    bytes += piece.entry.len();
                    indices.push(piece.index);
                    batch.push(piece);
                }
                Ok(None) => break,
                Err(bad) => cut = Some(bad),
            }
        }
        progress(reader.bytes());
        Ok(batch)
    };
    let push = |piece: &Piece, entry: &CheckedEntry| push(piece, entry).map_err(Stopped::Flaw);
    match in_order(processors(), Signatures::Verify, KeyBook::new(), 0, load, push) {
        Err(Stopped::Place(BadAt { index: place, fault })) => {
            let index = usize::try_from(place).ok().and_then(|place| indices.get(place)).copied();
            return Err(Stopped::Flaw(Flaw::Entry { index: index.unwrap_or(place), fault }));
        }
        Err(stopped) => return Err(stopped),
        Ok(()) => {}
    }
    match cut {
        Some(bad) => Err(Stopped::Bundle(bad)),
        None => reader.finish().map_err(Stopped::Bundle),
    }
}

/// Note and proofs, when every entry stands by itself.
struct Closing<'a> {
    trust: &'a Trust,
    state: &'a State<'a>,
    /// The last entry asked for, and its stamp.
    newest: (Index, u64),
    checked: &'a mut Checked,
}

impl Closing<'_> {
    /// `Err` is a judgement against.
    fn judge(
        mut self,
        note: &[u8],
        proofs: &Proofs,
        outside: &[OutsideHead],
    ) -> Result<Judgement, Judgement> {
        let leaves = self.state.leaves();
        if self.checked.entries == 0 {
            return Err(Judgement::Incomplete(Missing::Entries));
        }
        self.state.complete().map_err(Judgement::Invalid)?;
        let head = self.believe(note).map_err(Judgement::Invalid)?;
        self.checked.head = Some(head);
        proofs
            .entries
            .verify(leaves, head.size, &head.root)
            .map_err(|_| Judgement::Invalid(Flaw::NotUnderNote { size: head.size }))?;
        let newest = self.anchor(head, proofs, outside)?;
        match (&self.checked.asked, newest) {
            (_, Err(unanchored)) => Err(Judgement::Unanchored(unanchored)),
            (Asked::Range(..), Ok(())) => Ok(Judgement::Verified),
            (Asked::Selection(..), Ok(())) => Ok(Judgement::Incomplete(Missing::Selection)),
        }
    }

    /// The head, where line 1 is by the newest period key inside and line 2 by the trust file's identity key.
    fn believe(&self, note: &[u8]) -> Result<Head, Flaw> {
        let checkpoint = SignedCheckpoint::parse(note).map_err(|reason| Flaw::BadNote { note: 0, reason })?;
        let Origin { log, era: named } = checkpoint.claimed().origin;
        let size = checkpoint.claimed().head.size;
        if log != self.trust.log {
            return Err(Flaw::NoteOfOtherLog { note: 0 });
        }
        let era = self.state.era_at(size);
        if named != era {
            return Err(Flaw::NoteOfOtherEra { note: 0, era: named });
        }
        let identity = PublicKey::from_raw(Suite::Ed25519, self.trust.identity().key().raw()).ok();
        let period = self.state.period_key_at(size);
        let keys = period.and_then(|period| LogKeys::new(Origin { log, era }, period.clone(), identity).ok());
        let keys = keys.ok_or(Flaw::NoteNotSigned { note: 0, reason: None })?;
        let signed = checkpoint.verify(&keys);
        Ok(signed.map_err(|reason| Flaw::NoteNotSigned { note: 0, reason: Some(reason) })?.head())
    }

    /// What the heads from outside say of the note's: every one below it must be led from.
    fn anchor(
        &mut self,
        head: Head,
        proofs: &Proofs,
        outside: &[OutsideHead],
    ) -> Result<Result<(), Unanchored>, Judgement> {
        let mut unlinked = None;
        for known in outside {
            if self.state.lost_by(known.era.unwrap_or(0), known.head.size) {
                // Whether it was given up rightly only the whole journal tells.
                unlinked = unlinked.max(Some(known.head.size));
                continue;
            }
            if known.head.size == head.size {
                if known.head.root != head.root {
                    let Head { size, root: found } = head;
                    return Err(Judgement::Diverged(Divergence { size, named: known.head.root, found }));
                }
                self.agrees(known, head.size);
            } else if let Some(link) =
                proofs.links.iter().find(|link| link.old() == known.head.size && link.new_size() == head.size)
            {
                // A proof that does not hold may be forged by whoever brings the excerpt: that is no word of the log's.
                if link.verify(&known.head.root, &head.root).is_err() {
                    return Err(Judgement::Invalid(Flaw::BadLink { size: known.head.size }));
                }
                self.agrees(known, known.head.size);
            } else if known.head.size < head.size {
                unlinked = unlinked.max(Some(known.head.size));
            }
        }
        // Whoever brings an excerpt does not choose which of the reader's heads count.
        if let Some(size) = unlinked.filter(|_| self.checked.anchored > 0) {
            return Ok(Err(Unanchored::NotLinked { size }));
        }
        Ok(self.within_limits(head))
    }

    fn agrees(&mut self, known: &OutsideHead, size: u64) {
        self.checked.anchored = self.checked.anchored.max(size);
        if !known.own {
            self.checked.by_others = self.checked.by_others.max(size);
        }
    }

    fn within_limits(&self, head: Head) -> Result<(), Unanchored> {
        let Some(last) = self.checked.anchored.checked_sub(1) else { return Err(Unanchored::NoAnchor) };
        if head.size - self.checked.anchored > self.trust.beyond_max {
            return Err(Unanchored::TooMany { limit: self.trust.beyond_max });
        }
        let newest_ms = counted_ms(self.newest, self.state.clock.sets());
        // Of an anchor beyond everything here no stamp is needed: it is no older than what was asked for.
        let stamp = self.state.stamp(last).unwrap_or(if self.state.is_beyond(last) { newest_ms } else { 0 });
        let age_ms = age_ms(newest_ms, (last, stamp), self.state.clock.sets());
        if age_ms > self.trust.age_ms_max {
            return Err(Unanchored::TooOld { age_ms, limit_ms: self.trust.age_ms_max });
        }
        Ok(())
    }
}
