//! What witnesses are asked and what they bring: cosignatures of the newest checkpoints, kept in memory.
//! Never stops anybody because a witness is silent: officers are told, where the policy wants a witness. Who relies on a
//! cosignature verifies it himself, by a key that he chose.

use super::{Engine, Whole};
use crate::answer::{Answer, WitnessRecord};
use crate::code::Code;
use crate::io::SessionId;
use crate::limits::WITNESS_SILENT_MS;
use crate::query::Cosigned;
use journal::checkpoint::SignedCheckpoint;
use journal::fact::AlarmKind;
use journal::note::{CosignerKey, SignatureLine};
use journal::witness::{AddCheckpoint, WitnessAnswer, cosigner_name, key_binding_bytes};
use pki::{PersonId, Role, Verifier};
use std::collections::BTreeMap;

/// The newest checkpoint that a witness cosigned, with the lines of all that did.
struct Newest {
    checkpoint: SignedCheckpoint,
    at_ms: u64,
}

#[derive(Default)]
pub(super) struct Witnesses {
    /// What each was given last.
    offered: BTreeMap<PersonId, SignedCheckpoint>,
    newest: Option<Newest>,
    /// Since when commits wait for a cosignature, by the boot clock.
    waits_since_ms: Option<u64>,
    /// The officers were told of this silence.
    told: bool,
}

impl Witnesses {
    fn size(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.checkpoint.claimed().head.size)
    }

    /// The newest, for the office.
    pub(super) fn record(&self) -> Option<WitnessRecord> {
        self.newest.as_ref().map(|newest| WitnessRecord { size: self.size(), at_ms: newest.at_ms })
    }

    fn take(&mut self, mut checkpoint: SignedCheckpoint, line: SignatureLine, at_ms: u64) {
        let (head, newest) = (checkpoint.claimed().head, self.newest.as_mut());
        match newest.map(|newest| (newest.checkpoint.claimed().head, newest)) {
            // One witness more, or the same again: no witness takes another's place.
            Some((same, newest)) if same == head => {
                let _full = newest.checkpoint.add_line(line);
            }
            Some((newer, _)) if newer.size > head.size => {}
            Some(_) | None => {
                let _full = checkpoint.add_line(line);
                self.newest = Some(Newest { checkpoint, at_ms });
            }
        }
    }
}

impl Engine {
    /// The newest durable checkpoint as a request to who has cosigned `old` entries; and what was cosigned last.
    pub(super) fn offer(&mut self, person: PersonId, old: u64) -> Result<Answer, Code> {
        let durable = &self.commits.durable;
        // A witness that has seen more than there is says so itself.
        let old = old.min(durable.head.size);
        let proof = self.ledger.tree.consistency_proof(old, durable.head.size).map_err(|_| Code::NotFound)?;
        let checkpoint = SignedCheckpoint::parse(&durable.note).map_err(|_| Code::NotFound)?;
        let request = AddCheckpoint { old, path: proof.path().to_vec(), checkpoint };
        let body = request.to_string().into_bytes().into();
        if self.has_role(person, Role::Witness) {
            self.witnesses.offered.insert(person, request.checkpoint);
        }
        let newest = self.witnesses.newest.as_ref();
        let cosigned = newest.map(|newest| newest.checkpoint.to_string().into_bytes().into());
        Ok(Answer::Witness(body, cosigned))
    }

    /// What a witness answers to its last request.
    pub(super) fn cosigned(
        &mut self,
        id: SessionId,
        person: PersonId,
        brought: &Cosigned,
    ) -> Result<Answer, Code> {
        let key = self.cosigner(id, person, brought).ok_or(Code::NotFound)?;
        let answer = WitnessAnswer::parse(brought.status, &brought.body).map_err(|_| Code::NotFound)?;
        let checkpoint = self.witnesses.offered.get(&person).cloned().ok_or(Code::NotFound)?;
        // A refusal is the witness' to tell its people; here its silence is what counts.
        if let WitnessAnswer::Cosigned(lines) = answer {
            let text = checkpoint.note().text();
            let own = lines.into_iter().find(|line| key.time_of(text, line).is_ok());
            let line = own.ok_or(Code::NotFound)?;
            let (before, at_ms) = (self.witnesses.size(), self.ledger.wall_ms());
            self.witnesses.take(checkpoint, line, at_ms);
            if self.witnesses.size() > before {
                (self.witnesses.waits_since_ms, self.witnesses.told) = (None, false);
            }
        }
        Ok(Answer::Cosigned(self.witnesses.size()))
    }

    /// The cosigner key that a witness brings: under its own name, vouched for by its certificate's key.
    fn cosigner(&self, id: SessionId, person: PersonId, brought: &Cosigned) -> Option<CosignerKey> {
        if !self.has_role(person, Role::Witness) {
            return None;
        }
        let log = self.site.log;
        let key: CosignerKey = brought.key.parse().ok()?;
        let certificate = self.sessions.all.get(&id)?.peer.certificate;
        let person_key = self.ledger.register.key_of(certificate)?;
        let vouched = person_key.verify(&key_binding_bytes(log, &key), &brought.binding);
        (vouched.is_ok() && *key.name() == cosigner_name(log, person)).then_some(key)
    }

    /// Officers hear once of a silence, and again only behind a cosignature.
    pub(super) fn watch_witnesses(&mut self) -> Whole {
        let wanted = self.ledger.register.policy().is_some_and(|policy| policy.witness.is_some());
        if !wanted || self.witnesses.size() >= self.commits.durable.head.size {
            self.witnesses.waits_since_ms = None;
            return Ok(());
        }
        let boot_ms = self.ledger.boot_ms();
        let since_ms = *self.witnesses.waits_since_ms.get_or_insert(boot_ms);
        if self.witnesses.told || boot_ms.saturating_sub(since_ms) < WITNESS_SILENT_MS {
            return Ok(());
        }
        self.witnesses.told = true;
        self.alarm(AlarmKind::WitnessSilent, None)
    }

    /// When [`Self::watch_witnesses`] is to be asked next, by the wall clock.
    pub(super) fn witness_deadline_ms(&self) -> Option<u64> {
        let since_ms = self.witnesses.waits_since_ms.filter(|_| !self.witnesses.told)?;
        let waited_ms = self.ledger.boot_ms().saturating_sub(since_ms);
        Some(self.ledger.wall_ms().saturating_add(WITNESS_SILENT_MS.saturating_sub(waited_ms)))
    }
}
