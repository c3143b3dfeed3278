//! Paper envelopes: printed, handed over, used, void.
//! Never sees a password: its verifier travels beside the acts.

use super::say::Lost;
use super::{Applied, Audience, Context, Effect, Envelope, EnvelopeState, PasswordState, Register};
use crate::act::{EnvelopeHandOver, EnvelopePrint, EnvelopeVoid};
use crate::refusal::Refusal;

impl Register {
    pub(super) fn envelope_print(
        &mut self,
        cx: &Context<'_>,
        act: &EnvelopePrint,
    ) -> Result<Applied, Refusal> {
        let person = self.people.get(&act.person).ok_or(Refusal::UnknownPerson { person: act.person })?;
        if let Some(index) = person.revoked {
            return Err(Refusal::CertificateRevoked { index });
        }
        let last = self.envelopes.last_key_value().map_or(0, |(number, _)| *number);
        if act.number <= last {
            return Err(Refusal::EnvelopeState { number: act.number });
        }
        let mut effects = Vec::new();
        if act.replaces != 0 {
            let replaced = self.envelopes.get(&act.replaces);
            if replaced.is_none_or(|old| old.person != act.person || old.state == EnvelopeState::Void) {
                return Err(Refusal::EnvelopeState { number: act.replaces });
            }
            self.make_void(cx, act.replaces, &mut effects);
        }
        let envelope = Envelope { person: act.person, state: EnvelopeState::Printed, index: cx.by.index };
        self.envelopes.insert(act.number, envelope);
        Ok(Applied::with(Audience::Officers, effects))
    }

    pub(super) fn envelope_hand_over(
        &mut self,
        cx: &Context<'_>,
        act: &EnvelopeHandOver,
    ) -> Result<Applied, Refusal> {
        let number = act.number;
        let refusal = Refusal::EnvelopeState { number };
        let Some(envelope) = self.envelopes.get(&number).copied() else { return Err(refusal) };
        if envelope.state != EnvelopeState::Printed {
            return Err(refusal);
        }
        let person = envelope.person;
        let row = self.people.get_mut(&person).ok_or(Refusal::UnknownPerson { person })?;
        if let Some(index) = row.revoked {
            return Err(Refusal::CertificateRevoked { index });
        }
        let before = std::mem::replace(&mut row.password, PasswordState::Envelope(number));
        row.wrong_passwords = 0;
        // Behind a Stop there is no officer who could unlock; where all of them are locked, this alone lets one in again.
        if !self.running {
            row.locked = None;
        }
        let known = row.last_login.is_some();
        let mut effects = Vec::new();
        // Whoever had a password of his own cannot enter by it any more.
        if known {
            self.lose_say(cx, person, Lost::Password, &mut effects);
        }
        // An earlier envelope that was never used opens nothing beside the new one.
        if let PasswordState::Envelope(old) = before {
            self.make_void(cx, old, &mut effects);
        }
        let handed = Envelope { person, state: EnvelopeState::HandedOver, index: cx.by.index };
        self.envelopes.insert(number, handed);
        effects.push(Effect::EnvelopeOpens { number, person });
        Ok(Applied::with(Audience::Officers, effects))
    }

    pub(super) fn envelope_void(&mut self, cx: &Context<'_>, act: &EnvelopeVoid) -> Result<Applied, Refusal> {
        let open = |envelope: &Envelope| {
            matches!(envelope.state, EnvelopeState::Printed | EnvelopeState::HandedOver)
        };
        if !self.envelopes.get(&act.number).is_some_and(open) {
            return Err(Refusal::EnvelopeState { number: act.number });
        }
        let mut effects = Vec::new();
        self.make_void(cx, act.number, &mut effects);
        Ok(Applied::with(Audience::Officers, effects))
    }

    /// A used envelope stays used; any other is void from here on and opens nothing.
    fn make_void(&mut self, cx: &Context<'_>, number: u64, effects: &mut Vec<Effect>) {
        let Some(envelope) = self.envelopes.get_mut(&number) else { return };
        if envelope.state == EnvelopeState::Used {
            return;
        }
        envelope.state = EnvelopeState::Void;
        envelope.index = cx.by.index;
        let person = envelope.person;
        if let Some(row) = self.people.get_mut(&person)
            && row.password == PasswordState::Envelope(number)
        {
            row.password = PasswordState::None;
            if row.last_login.is_some() {
                self.lose_say(cx, person, Lost::Password, effects);
            }
        }
        effects.push(Effect::EnvelopeVoided { number, person });
    }
}
