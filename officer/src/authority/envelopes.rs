//! Paper envelopes as the authority knows them: printed, handed over, void.
//! Never sees a password, and never learns here whether one was used: that is in the appliance's journal.

use journal::act::EnvelopePrint;
use journal::ids::Hash;
use pki::PersonId;
use std::collections::BTreeMap;

/// What became of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeState {
    /// On paper, with the officer.
    Printed,
    /// With its person, who signed the slip.
    HandedOver,
    /// Worth nothing.
    Void,
}

/// One envelope.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    /// Counted from 1.
    pub number: u64,
    /// For whom.
    pub person: PersonId,
    /// What became of it.
    pub state: EnvelopeState,
    /// Which act printed it, counted from 0 in the offline chain.
    pub act: u64,
    /// What binds its sealed verifier.
    pub verifier: Hash,
}

/// All of them, by number.
#[derive(Debug, Clone, Default)]
pub struct Envelopes(BTreeMap<u64, Envelope>);

impl Envelopes {
    /// All, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Envelope> {
        self.0.values()
    }

    /// The one of this number.
    pub fn get(&self, number: u64) -> Option<&Envelope> {
        self.0.get(&number)
    }

    /// The number of the next one.
    pub fn next_number(&self) -> u64 {
        self.0.last_key_value().map_or(1, |(number, _)| number + 1)
    }

    /// The person's newest envelope that is not void.
    pub fn open_of(&self, person: PersonId) -> Option<&Envelope> {
        let is_open =
            |envelope: &&Envelope| envelope.person == person && envelope.state != EnvelopeState::Void;
        self.0.values().rev().find(is_open)
    }

    pub(super) fn print(&mut self, print: &EnvelopePrint, act: u64) -> Result<(), String> {
        if print.number != self.next_number() {
            return Err("an envelope out of number".into());
        }
        if print.replaces != 0 {
            let replaced = self.0.get_mut(&print.replaces).ok_or("it replaces no envelope")?;
            if replaced.person != print.person || replaced.state == EnvelopeState::Void {
                return Err("it replaces a void envelope, or another's".into());
            }
            replaced.state = EnvelopeState::Void;
        }
        let EnvelopePrint { number, person, verifier, .. } = *print;
        self.0.insert(number, Envelope { number, person, state: EnvelopeState::Printed, act, verifier });
        Ok(())
    }

    pub(super) fn hand_over(&mut self, number: u64) -> Result<(), String> {
        let envelope = self.0.get_mut(&number).ok_or("no such envelope")?;
        if envelope.state != EnvelopeState::Printed {
            return Err("the envelope was handed over before, or is void".into());
        }
        envelope.state = EnvelopeState::HandedOver;
        let person = envelope.person;
        // The Register lets a person have one envelope that opens: an earlier one falls.
        for other in self.0.values_mut() {
            if other.person == person && other.number != number && other.state == EnvelopeState::HandedOver {
                other.state = EnvelopeState::Void;
            }
        }
        Ok(())
    }

    pub(super) fn void(&mut self, number: u64) -> Result<(), String> {
        let envelope = self.0.get_mut(&number).ok_or("no such envelope")?;
        if envelope.state == EnvelopeState::Void {
            return Err("the envelope is void already".into());
        }
        envelope.state = EnvelopeState::Void;
        Ok(())
    }
}
