//! What follows from an admitted entry: its place in the open batch, its body, who gets it, whose session ends.
//! Never admits anything itself.

use super::books::allocated;
use super::commit::Release;
use super::ledger::Admitted;
use super::{Broken, Engine, Whole};
use crate::code::Code;
use crate::io::{EraseItem, SessionId, StoredBody, VerifierChange};
use journal::fact::{Alarm, AlarmKind, Fact};
use journal::register::{ChainEnd, Effect, ErasePlace};
use minicbor::bytes::ByteVec;

/// What came beside a statement.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) body: Option<ByteVec>,
    /// The verifier of the person's new password.
    pub(super) verifier: Option<ByteVec>,
    /// Whose request a receipt answers.
    pub(super) request: Option<(SessionId, u32)>,
}

impl Engine {
    /// Records a claim of ours. The Register refuses none that this engine makes: if it does, something is broken.
    pub(super) fn fact(&mut self, fact: Fact) -> Whole {
        self.ticks()?;
        self.claim(fact)
    }

    /// The same, where all that is due stands already.
    pub(super) fn claim(&mut self, fact: Fact) -> Whole {
        let name = fact.kind().1;
        let admitted =
            self.ledger.admit_fact(fact).map_err(|refusal| Broken(format!("the Fact {name}: {refusal}")))?;
        self.settle(admitted, Beside::default());
        Ok(())
    }

    /// Lets pass what is due before anything else is stamped.
    pub(super) fn ticks(&mut self) -> Whole {
        let ticks = self.ledger.ticks().map_err(|refusal| Broken(format!("a Tick: {refusal}")))?;
        ticks.into_iter().for_each(|tick| self.settle(tick, Beside::default()));
        // Only now: the Ticks stand in the journal already, all of them.
        std::mem::take(&mut self.holds_ending).into_iter().try_for_each(|(hold, by)| {
            let evidence = pki::canonical::encode(&hold).into();
            self.claim(Fact::Alarm(Alarm { alarm: AlarmKind::HoldEndsSoon, person: Some(by), evidence }))
        })?;
        self.runs()
    }

    /// Puts an admitted entry and all that follows from it into the open batch.
    pub(super) fn settle(&mut self, admitted: Admitted, mut beside: Beside) {
        let Admitted { index, wall_ms, boot_ms, bytes, applied } = admitted;
        let receivers = self.receivers(&applied);
        let open = &mut self.commits.open;
        let body_bytes = beside.body.as_ref().map_or(0, |body| body.len());
        let at = body_place(&applied.effects)
            .zip(beside.body.take())
            .map(|((place, subtree), body)| open.body(StoredBody { place, chunk: 0, subtree, body }));
        open.groups.add(&applied, receivers, index, bytes.clone(), at, body_bytes);
        open.entry(bytes);
        if let Some((session, request)) = beside.request {
            open.release.push(Release::Receipt { session, request, index, wall_ms, boot_ms });
        }
        for effect in applied.effects {
            self.follow(effect, &mut beside);
        }
    }

    fn follow(&mut self, effect: Effect, beside: &mut Beside) {
        let open = &mut self.commits.open;
        match effect {
            Effect::ChainEnded { person, chain, why } => {
                let Some(id) = self.sessions.live.get(&person).copied() else { return };
                let live = self.sessions.all.get(&id).and_then(|session| session.live());
                if live.is_some_and(|live| live.chain == chain) {
                    self.sessions.leave(id);
                    open.release.push(Release::end(id, code_of(why)));
                }
            }
            Effect::PasswordSet { person } => {
                open.verifiers.extend(beside.verifier.take().map(|made| VerifierChange::Set(person, made)));
            }
            Effect::EnvelopeVoided { number, person } => {
                open.verifiers.push(VerifierChange::DropEnvelope(person, number));
            }
            Effect::PersonRevoked { person } => open.verifiers.push(VerifierChange::Drop(person)),
            Effect::Reserved { id, .. } => self.reservations.opened(id),
            Effect::ReservationClaimed { id, .. } | Effect::ReservationDropped { id, .. } => {
                self.reservations.closed(id);
            }
            Effect::HoldEndsSoon { hold, by } => self.holds_ending.push((hold, by)),
            Effect::CellDropped { cell } => open.drop_cells.push(cell),
            Effect::EraseIntended { what, .. } => open.erase.extend(what.into_iter().map(erase_item)),
            Effect::ChainStarted { .. }
            | Effect::ClockSet { .. }
            | Effect::EnvelopeOpens { .. }
            | Effect::ItemAllocated { .. }
            | Effect::Erased { .. }
            | Effect::ConversationFounded { .. }
            | Effect::ConversationClosed { .. }
            | Effect::MemberAdded { .. }
            | Effect::MemberGone { .. }
            | Effect::EpochBegan { .. }
            | Effect::EpochDue { .. }
            | Effect::PersonEnrolled { .. }
            | Effect::CertificateRevoked { .. }
            | Effect::PersonLocked { .. }
            | Effect::OfficerAdmitted { .. }
            | Effect::PolicyChanged
            | Effect::ProposalLapsed { .. }
            | Effect::OrderBegan { .. }
            | Effect::OrderStopped { .. }
            | Effect::OrderCarriedOut { .. }
            | Effect::RetentionFell { .. }
            | Effect::HoldEnded { .. }
            | Effect::SubmitOpened { .. }
            | Effect::PeriodBegan { .. }
            | Effect::PeriodEnded { .. } => {}
        }
    }
}

/// Where the entry's body goes, and whether the item has chunks: a claimed reservation is the message's item.
fn body_place(effects: &[Effect]) -> Option<(journal::Place, bool)> {
    let claimed = effects.iter().any(|effect| matches!(effect, Effect::ReservationClaimed { .. }));
    allocated(effects).map(|place| (place, claimed))
}

pub(super) fn erase_item(place: ErasePlace) -> EraseItem {
    match place {
        ErasePlace::Item(place) => EraseItem::Item(place),
        ErasePlace::Conversation(number) => EraseItem::Conversation(number),
    }
}

fn code_of(why: ChainEnd) -> Code {
    match why {
        ChainEnd::Logout => Code::LoggedOut,
        ChainEnd::NewLogin => Code::Replaced,
        ChainEnd::SessionEnd => Code::Idle,
        ChainEnd::EndSession | ChainEnd::Suspended | ChainEnd::Revoked => Code::Expelled,
        ChainEnd::Start | ChainEnd::Stop | ChainEnd::Succession => Code::Stopping,
    }
}
