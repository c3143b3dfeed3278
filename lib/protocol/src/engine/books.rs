//! What the engine looks up beside the Register: which entries shape a conversation, where titles and wraps lie, which
//! Erase took what, the KeyRolls, the last receipts. Follows from the entries alone: a start feeds it the replay.
//! Never decides what is admitted.

mod look;

use super::receipts::{Known, ReceiptBook};
use super::told::Told;
use bytes::Bytes;
use journal::act::{Act, EraseTarget};
use journal::fact::Fact;
use journal::ids::{Chain, ConversationId, Index, Place};
use journal::register::codec::pairs;
use journal::register::{Applied, Candidate, CandidateContent, Effect, Register};
use journal::statement::VerifiedStatement;
use minicbor::{Decode, Encode};
use pki::PersonId;
use std::collections::BTreeMap;

/// The wraps that an Epoch or ShareHistory claimed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub(super) struct Wraps {
    #[n(0)]
    pub(super) place: Place,
    /// Chunk `n` is for the `n`-th.
    #[n(1)]
    pub(super) to: Vec<PersonId>,
}

#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
struct ConversationBook {
    /// Entries that shape it, ascending.
    #[n(0)]
    acts: Vec<Index>,
    /// Where each epoch begins, from epoch 1 on.
    #[n(1)]
    epochs: Vec<Index>,
    #[n(2)]
    last_message: Option<Index>,
}

/// See the module. The form in which a snapshot holds it is encoded here too.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Books {
    #[n(0)]
    pub(super) receipts: ReceiptBook,
    #[cbor(n(1), with = "key_rolls")]
    pub(super) key_rolls: Vec<(Index, Bytes)>,
    #[cbor(n(2), with = "pairs")]
    conversations: BTreeMap<u64, ConversationBook>,
    #[cbor(n(3), with = "pairs")]
    erased_by: BTreeMap<Index, Index>,
    #[cbor(n(4), with = "pairs")]
    titles: BTreeMap<Index, Place>,
    #[cbor(n(5), with = "pairs")]
    wraps: BTreeMap<Index, Wraps>,
    #[cbor(n(6), with = "pairs")]
    acknowledged: BTreeMap<(Index, PersonId), Index>,
    /// Each reader's way through a conversation, ascending.
    #[cbor(n(7), with = "pairs")]
    reads: BTreeMap<(u64, PersonId), Vec<Reading>>,
    /// The time of every [`TIMES_EVERY`]th entry: where to look for what was said since.
    #[n(8)]
    times: Vec<u64>,
    #[n(9)]
    pub(super) told: Told,
    /// The genesis and the statements of successions.
    #[cbor(n(10), with = "key_rolls")]
    pub(crate) founding: Vec<(Index, Bytes)>,
    /// Where the journal's time was set back: `times` ascends between two of these, and nowhere over one.
    #[n(11)]
    set_back: Vec<Index>,
}

/// Entries between two whose times are kept.
const TIMES_EVERY: u64 = 512;

/// One `Read` statement: it covers all up to `up_to` that none before it covered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
struct Reading {
    #[n(0)]
    up_to: Index,
    #[n(1)]
    at: Index,
}

/// Entries as byte strings.
mod key_rolls {
    use super::Bytes;
    use journal::ids::Index;
    use minicbor::decode::Error;
    use minicbor::{Decoder, Encoder, encode::Write};

    pub(super) fn encode<C, W: Write>(
        rolls: &[(Index, Bytes)],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(rolls.len() as u64)?;
        rolls.iter().try_for_each(|(index, entry)| e.array(2)?.u64(*index)?.bytes(entry).map(drop))
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<(Index, Bytes)>, Error> {
        let count = d.array()?.ok_or_else(|| Error::message("indefinite array"))?;
        let mut rolls = Vec::new();
        for _ in 0..count {
            if d.array()? != Some(2) {
                return Err(Error::message("not a pair"));
            }
            rolls.push((d.u64()?, Bytes::copy_from_slice(d.bytes()?)));
        }
        Ok(rolls)
    }
}

impl Books {
    /// Takes in an admitted entry. `register` is the state behind it, `bytes` are the entry's.
    pub fn observe(
        &mut self,
        candidate: &Candidate<'_>,
        bytes: &[u8],
        applied: &Applied,
        register: &Register,
    ) {
        if candidate.index == self.times.len() as u64 * TIMES_EVERY {
            self.times.push(candidate.wall_ms);
        }
        match candidate.content {
            CandidateContent::Statement(statement) => {
                self.observe_receipt(candidate, statement);
                let act = statement.get().act();
                if let Act::Genesis(_) | Act::Succession(_) = act {
                    self.founding.push((candidate.index, Bytes::copy_from_slice(bytes)));
                }
                if let Act::Acknowledge(acknowledge) = act {
                    let person = statement.get().header().person;
                    self.acknowledged.insert((acknowledge.message, person), candidate.index);
                } else if let Act::Read(read) = act
                    && let Some(found) = register.conversation(read.conversation)
                {
                    let person = statement.get().header().person;
                    self.observe_read(
                        found.number,
                        person,
                        Reading { up_to: read.up_to, at: candidate.index },
                    );
                }
                self.observe_act(candidate.index, act, applied, register);
            }
            CandidateContent::Fact(Fact::KeyRoll(_)) => {
                self.key_rolls.push((candidate.index, Bytes::copy_from_slice(bytes)));
            }
            CandidateContent::Fact(Fact::Alarm(_)) => self.told.alarm(candidate.index),
            CandidateContent::Fact(_) => {}
        }
        applied.effects.iter().for_each(|effect| self.observe_effect(candidate.index, effect));
    }

    fn observe_receipt(&mut self, candidate: &Candidate<'_>, statement: &VerifiedStatement) {
        let (header, id) = (statement.get().header(), statement.get().id());
        if header.person == PersonId(0) {
            return; // the authority's acts come in a Submit, whose receipt covers them
        }
        let is_login = matches!(statement.get().act(), Act::Login(_));
        let chain = if is_login { Chain(candidate.leaf) } else { header.chain };
        let known = Known {
            sequence: header.sequence,
            attempt: header.attempt,
            id,
            index: candidate.index,
            wall_ms: candidate.wall_ms,
            boot_ms: candidate.boot_ms,
        };
        self.receipts.admitted(header.person, chain, known);
    }

    fn observe_act(&mut self, index: Index, act: &Act, applied: &Applied, register: &Register) {
        if let Some(id) = shapes(act)
            && let Some(conversation) = register.conversation(id)
        {
            self.note(conversation.number, index);
        }
        if let Act::Report(_) | Act::Finding(_) = act {
            self.told.alarm(index);
        } else if let Act::AlarmAcknowledge(_) | Act::AlarmClose(_) | Act::ClockAttest(_) = act {
            self.told.desk(index);
        }
        if let Act::Disclose(disclose) = act
            && let Some(row) = register.message(disclose.message)
        {
            self.note(row.conversation, index);
            self.told.desk(index);
        }
        if let Act::Erase(erase) = act
            && let EraseTarget::Messages(_, messages) = &erase.target
        {
            messages.iter().for_each(|message| {
                self.erased_by.entry(*message).or_insert(index);
            });
        } else if let Act::Message(_) = act
            && let Some(row) = register.message(index)
        {
            self.conversations.entry(row.conversation).or_default().last_message = Some(index);
        } else if let Act::Title(_) = act {
            self.titles.extend(allocated(&applied.effects).map(|place| (index, place)));
        } else if let Act::Epoch(epoch) = act {
            let members = register.conversation(epoch.conversation).map(|found| found.membership.members());
            self.observe_wraps(index, applied, members.into_iter().flatten().map(|(id, _)| *id).collect());
        } else if let Act::ShareHistory(share) = act {
            self.observe_wraps(index, applied, vec![share.person]);
        }
    }

    fn observe_read(&mut self, conversation: u64, person: PersonId, reading: Reading) {
        let way = self.reads.entry((conversation, person)).or_default();
        // A member who left and came back begins anew; what he had read before stays read then.
        if way.last().is_none_or(|last| last.up_to < reading.up_to) {
            way.push(reading);
        }
    }

    fn observe_wraps(&mut self, index: Index, applied: &Applied, to: Vec<PersonId>) {
        let place = applied.effects.iter().find_map(|effect| {
            if let Effect::ReservationClaimed { place, .. } = effect { Some(*place) } else { None }
        });
        self.wraps.extend(place.map(|place| (index, Wraps { place, to })));
    }

    fn observe_effect(&mut self, index: Index, effect: &Effect) {
        match effect {
            Effect::ConversationFounded { conversation }
            | Effect::ConversationClosed { conversation }
            | Effect::MemberAdded { conversation, .. }
            | Effect::MemberGone { conversation, .. }
            | Effect::EpochDue { conversation } => self.note(*conversation, index),
            Effect::EpochBegan { conversation, .. } => {
                self.note(*conversation, index);
                self.conversations.entry(*conversation).or_default().epochs.push(index);
            }
            Effect::ChainEnded { chain, .. } => self.receipts.ended(*chain),
            Effect::OrderBegan { conversation, .. } => self.note(*conversation, index),
            Effect::OrderCarriedOut { approve, messages, .. } => {
                messages.iter().for_each(|message| {
                    self.erased_by.entry(*message).or_insert(*approve);
                });
            }
            // The entry of the run is the proof.
            Effect::RetentionFell { messages, .. } => {
                messages.iter().for_each(|message| {
                    self.erased_by.entry(*message).or_insert(index);
                });
                self.told.run(index);
            }
            Effect::ClockSet { .. } => self.set_back.push(index),
            Effect::PolicyChanged
            | Effect::ChainStarted { .. }
            | Effect::PasswordSet { .. }
            | Effect::EnvelopeOpens { .. }
            | Effect::EnvelopeVoided { .. }
            | Effect::ItemAllocated { .. }
            | Effect::Reserved { .. }
            | Effect::ReservationClaimed { .. }
            | Effect::ReservationDropped { .. }
            | Effect::EraseIntended { .. }
            | Effect::Erased { .. }
            | Effect::PersonEnrolled { .. }
            | Effect::PersonRevoked { .. }
            | Effect::CertificateRevoked { .. }
            | Effect::PersonLocked { .. }
            | Effect::OfficerAdmitted { .. }
            | Effect::ProposalLapsed { .. }
            | Effect::OrderStopped { .. }
            | Effect::HoldEndsSoon { .. }
            | Effect::HoldEnded { .. }
            | Effect::CellDropped { .. }
            | Effect::SubmitOpened { .. }
            | Effect::PeriodBegan { .. }
            | Effect::PeriodEnded { .. } => {}
        }
    }

    fn note(&mut self, conversation: u64, index: Index) {
        let acts = &mut self.conversations.entry(conversation).or_default().acts;
        if acts.last() != Some(&index) {
            acts.push(index);
        }
    }
}

/// Where the entry's body goes.
pub(super) fn allocated(effects: &[Effect]) -> Option<Place> {
    effects
        .iter()
        .find_map(|effect| if let Effect::ItemAllocated { place } = effect { Some(*place) } else { None })
}

/// The conversation whose shape an act belongs to: all kinds but messages, reservations and cursors.
fn shapes(act: &Act) -> Option<ConversationId> {
    // A Create's number is its index: the effect ConversationFounded names it.
    if matches!(act, Act::Message(_) | Act::Reserve(_) | Act::Read(_)) { None } else { act.conversation() }
}
