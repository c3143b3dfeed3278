//! What the notes of a bundle and the heads from outside say about the entries that stand, and which of it weighs most.
//! Never reads an entry: the replay has.

use journal::checkpoint::SignedCheckpoint;
use journal::ids::Head;
use journal::replay::{Compared, Divergence, Unconfirmed};

use crate::judgement::{Flaw, Judgement, Missing};
use crate::outside::OutsideHead;
use crate::spilled::Replay;
use crate::trust::Trust;

/// What notes and anchors say about the entries that stand.
#[derive(Default)]
pub(crate) struct Weighed {
    pub(crate) confirmed: Vec<(Head, Vec<u8>)>,
    pub(crate) agreed: Vec<OutsideHead>,
    pub(crate) lost: Vec<OutsideHead>,
    /// Those of the bundle: nobody held them against it.
    pub(crate) lost_notes: Vec<OutsideHead>,
    pub(crate) flaw: Option<Judgement>,
}

impl Weighed {
    /// The first reason against, in the order of weight.
    pub(crate) fn judge(
        &mut self,
        trust: &Trust,
        replay: &mut Replay,
        notes: &[Vec<u8>],
        outside: &[OutsideHead],
    ) {
        if replay.tree().size() == 0 {
            self.say(Judgement::Incomplete(Missing::Entries));
            return;
        }
        if !same_authorities(trust, replay) {
            self.say(Judgement::Invalid(Flaw::OtherAuthorities));
            return;
        }
        let (mut against_note, mut beyond) = (None, None);
        for (number, note) in notes.iter().enumerate() {
            match weigh_note(replay, number, note) {
                Ok(head) => self.confirmed.push((head, note.clone())),
                Err(Against::Flaw(flaw)) => self.say(Judgement::Invalid(flaw)),
                Err(Against::Beyond(size)) => beyond = Some(size),
                Err(Against::Lost(head)) => self.lost_notes.push(head),
                Err(Against::Diverged(divergence)) => against_note = Some(divergence),
            }
        }
        let mut against_known = None;
        for anchor in outside {
            match replay.compare(anchor.era.unwrap_or(0), anchor.head) {
                Ok(Compared::Same) => self.agreed.push(anchor.clone()),
                Ok(Compared::Beyond) => {
                    self.say(Judgement::Incomplete(Missing::KnownUpTo { size: anchor.head.size }));
                }
                Ok(Compared::Lost(_)) => self.lost.push(anchor.clone()),
                Err(divergence) => against_known = Some(divergence),
            }
        }
        self.weigh(against_note, against_known);
        let covered = self.confirmed.iter().map(|(head, _)| head.size).max();
        self.say_missing(replay.tree().size(), covered, beyond);
    }

    /// A contradiction counts as the log's own only where something the log signed stands on the entries' side.
    fn weigh(&mut self, against_note: Option<Divergence>, against_known: Option<Divergence>) {
        let vouched = |size| {
            let signed = self.confirmed.iter().any(|(head, _)| head.size >= size);
            signed || self.agreed.iter().any(|anchor| anchor.head.size >= size)
        };
        let judged = match (against_note, against_known) {
            (Some(named), _) if vouched(named.size) => Some(Judgement::Diverged(named)),
            (Some(named), _) => Some(Judgement::Invalid(Flaw::NotWhatWasSigned(named))),
            (None, Some(known)) if self.confirmed.iter().any(|(head, _)| head.size >= known.size) => {
                Some(Judgement::Diverged(known))
            }
            (None, Some(known)) => Some(Judgement::Invalid(Flaw::NotWhatIsKnown(known))),
            (None, None) => None,
        };
        // A contradiction weighs more than anything that is missing.
        if let Some(judgement) = judged
            && !matches!(self.flaw, Some(Judgement::Invalid(_)))
        {
            self.flaw = Some(judgement);
        }
    }

    fn say_missing(&mut self, entries: u64, covered: Option<u64>, beyond: Option<u64>) {
        match (beyond, covered) {
            (Some(size), _) => self.say(Judgement::Incomplete(Missing::EntriesUpTo { size })),
            (None, None) => self.say(Judgement::Incomplete(Missing::Note)),
            (None, Some(covered)) if covered < entries => {
                self.say(Judgement::Incomplete(Missing::NoteOver { covered }));
            }
            (None, Some(_)) => {}
        }
    }

    /// Keeps the first; an invalid one comes before what is missing.
    fn say(&mut self, judgement: Judgement) {
        let heavier = matches!(
            (&self.flaw, &judgement),
            (None, _) | (Some(Judgement::Incomplete(_)), Judgement::Invalid(_))
        );
        if heavier {
            self.flaw = Some(judgement);
        }
    }
}

enum Against {
    Flaw(Flaw),
    Beyond(u64),
    Lost(OutsideHead),
    Diverged(Divergence),
}

fn weigh_note(replay: &Replay, note: usize, bytes: &[u8]) -> Result<Head, Against> {
    let checkpoint =
        SignedCheckpoint::parse(bytes).map_err(|reason| Against::Flaw(Flaw::BadNote { note, reason }))?;
    let (era, head) = (checkpoint.claimed().origin.era, checkpoint.claimed().head);
    replay.confirm(&checkpoint).map_err(|reason| match reason {
        Unconfirmed::Lost { .. } => Against::Lost(OutsideHead {
            file: Some(format!("note {}", note + 1)),
            era: Some(era),
            head,
            cosigned_ms: None,
            own: false,
        }),
        Unconfirmed::OtherEra { found: era, .. } => Against::Flaw(Flaw::NoteOfOtherEra { note, era }),
        Unconfirmed::OtherLog { .. } => Against::Flaw(Flaw::NoteOfOtherLog { note }),
        Unconfirmed::Beyond { size, .. } => Against::Beyond(size),
        Unconfirmed::NoPeriod { .. } => Against::Flaw(Flaw::NoteNotSigned { note, reason: None }),
        Unconfirmed::NotSigned(reason) => Against::Flaw(Flaw::NoteNotSigned { note, reason: Some(reason) }),
        Unconfirmed::Diverged(divergence) => Against::Diverged(divergence),
    })
}

/// The genesis names the authorities, the identity key and the suite of the trust file.
fn same_authorities(trust: &Trust, replay: &Replay) -> bool {
    let Some(site) = replay.register().site() else { return false };
    let root = trust.roots.iter().any(|der| der[..] == *site.root().der());
    let issuing =
        trust.issuing.is_empty() || trust.issuing.iter().any(|der| der[..] == *site.issuing().der());
    root && issuing && trust.identity().key().raw() == site.identity && trust.suite == site.suite
}
