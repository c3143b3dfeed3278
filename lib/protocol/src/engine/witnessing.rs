//! What witnesses are asked and what they bring: cosignatures of the newest checkpoints, kept in memory, and over a start by
//! `cosigned.rs`.
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
use journal::ids::Head;
use journal::note::{CosignerKey, SignatureLine};
use journal::witness::{AddCheckpoint, WitnessAnswer, cosigner_name, key_binding_bytes};
use minicbor::bytes::ByteVec;
use pki::{CertId, PersonId, Role, Verifier};
use std::collections::BTreeMap;

/// The newest checkpoint that a witness cosigned, with the lines of all that did.
struct Newest {
    /// As the log signed it.
    own: SignedCheckpoint,
    at_ms: u64,
    by: BTreeMap<PersonId, Vouched>,
}

impl Newest {
    fn head(&self) -> Head {
        self.own.claimed().head
    }

    /// With the lines of the witnesses, as many as a note has room for.
    fn checkpoint(&self) -> SignedCheckpoint {
        let mut checkpoint = self.own.clone();
        for vouched in self.by.values() {
            let _full = checkpoint.add_line(vouched.line.clone());
        }
        checkpoint
    }
}

/// A line of a witness, and what says that it is his.
#[derive(Clone)]
pub(super) struct Vouched {
    pub(super) certificate: CertId,
    /// His cosigner key, and the signature of his certificate's key over it.
    pub(super) key: CosignerKey,
    pub(super) binding: ByteVec,
    pub(super) line: SignatureLine,
}

#[derive(Default)]
pub(super) struct Witnesses {
    /// What each was given last.
    offered: BTreeMap<PersonId, SignedCheckpoint>,
    newest: Option<Newest>,
    /// What is newest was not handed out to be kept.
    pub(super) unkept: bool,
    /// Since when commits wait for a cosignature, by the boot clock.
    waits_since_ms: Option<u64>,
    /// The officers were told of this silence.
    told: bool,
}

impl Witnesses {
    fn size(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.head().size)
    }

    /// The newest, for the office.
    pub(super) fn record(&self) -> Option<WitnessRecord> {
        self.newest.as_ref().map(|newest| WitnessRecord { size: self.size(), at_ms: newest.at_ms })
    }

    /// The newest as the log signed it, and the lines.
    pub(super) fn newest(&self) -> Option<(&SignedCheckpoint, impl Iterator<Item = &Vouched>)> {
        self.newest.as_ref().map(|newest| (&newest.own, newest.by.values()))
    }

    pub(super) fn take(&mut self, own: SignedCheckpoint, (person, vouched): (PersonId, Vouched), at_ms: u64) {
        let head = own.claimed().head;
        match &mut self.newest {
            // One witness more, or the same again: no witness takes another's place.
            Some(newest) if newest.head() == head => drop(newest.by.insert(person, vouched)),
            Some(newest) if newest.head().size > head.size => return,
            Some(_) | None => self.newest = Some(Newest { own, at_ms, by: [(person, vouched)].into() }),
        }
        self.unkept = true;
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
        let cosigned = newest.map(|newest| newest.checkpoint().to_string().into_bytes().into());
        Ok(Answer::Witness(body, cosigned))
    }

    /// What a witness answers to its last request.
    pub(super) fn cosigned(
        &mut self,
        id: SessionId,
        person: PersonId,
        brought: &Cosigned,
    ) -> Result<Answer, Code> {
        let certificate = self.sessions.all.get(&id).ok_or(Code::NotFound)?.peer.certificate;
        let key =
            self.cosigner((certificate, person), &brought.key, &brought.binding).ok_or(Code::NotFound)?;
        let answer = WitnessAnswer::parse(brought.status, &brought.body).map_err(|_| Code::NotFound)?;
        let checkpoint = self.witnesses.offered.get(&person).cloned().ok_or(Code::NotFound)?;
        // A refusal is the witness' to tell its people; here its silence is what counts.
        if let WitnessAnswer::Cosigned(lines) = answer {
            let text = checkpoint.note().text();
            let own = lines.into_iter().find(|line| key.time_of(text, line).is_ok());
            let line = own.ok_or(Code::NotFound)?;
            let (before, at_ms) = (self.witnesses.size(), self.ledger.wall_ms());
            let vouched = Vouched { certificate, key, binding: brought.binding.clone(), line };
            self.witnesses.take(checkpoint, (person, vouched), at_ms);
            if self.witnesses.size() > before {
                (self.witnesses.waits_since_ms, self.witnesses.told) = (None, false);
            }
        }
        Ok(Answer::Cosigned(self.witnesses.size()))
    }

    /// The cosigner key that a witness brings: under its own name, vouched for by the key of a certificate by which he acts as
    /// a witness.
    pub(super) fn cosigner(
        &self,
        (certificate, person): (CertId, PersonId),
        key: &str,
        binding: &[u8],
    ) -> Option<CosignerKey> {
        let register = &self.ledger.register;
        if !register.roles_of_session(certificate).contains(Role::Witness) {
            return None;
        }
        let log = self.site.log;
        let key: CosignerKey = key.parse().ok()?;
        let vouched = register.key_of(certificate)?.verify(&key_binding_bytes(log, &key), binding);
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
