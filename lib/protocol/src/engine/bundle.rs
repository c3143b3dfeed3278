//! A Submit: the authority's acts that an officer staged, all or none, in one batch with the envelopes' verifiers.
//! Never opens a verifier: it goes to the driver as it came, and only where the authority's act is signed for its bytes.

use super::Engine;
use super::session::Staged;
use super::settle::Beside;
use super::submit::Taken;
use crate::bundle::ended_within;
use crate::code::Code;
use crate::frame::SealedVerifier;
use crate::io::{SessionId, VerifierChange};
use crate::limits::{AROUND_STATEMENT_BYTES, SEALED_VERIFIER_BYTES_MAX};
use journal::act::{Act, EnvelopePrint, Submit};
use journal::entry::ENTRY_BYTES_MAX;
use journal::ids::{Index, StatementId};
use journal::register::{Register, check_submit};
use journal::statement::{SignedStatement, VerifiedStatement};
use minicbor::bytes::ByteVec;
use pki::Certificate;
use std::collections::{BTreeMap, BTreeSet};

/// What a Submit names, and what came for it.
pub(super) struct Bundle<'a> {
    pub(super) submit: &'a Submit,
    pub(super) staged: Staged,
}

impl Engine {
    /// What was staged for the Submit frame that comes now. Whatever becomes of that one, nothing of it is left for the next.
    pub(super) fn take_staged(&mut self, id: SessionId) -> Staged {
        let live = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut());
        live.map_or_else(Staged::default, |live| std::mem::take(&mut live.staged))
    }

    /// A Submit and the acts that were staged for it: all or none, in one batch.
    pub(super) fn submit_staged(
        &mut self,
        id: SessionId,
        request: u32,
        statement: &VerifiedStatement,
        bundle: Bundle<'_>,
    ) -> Taken {
        let Bundle { submit, staged: Staged { acts, verifiers, .. } } = bundle;
        let mut all = vec![statement.clone()];
        for act in acts {
            match self.verify_staged(act) {
                Ok(act) => all.push(act),
                Err(code) => return code.into(),
            }
        }
        let bytes =
            all.iter().map(|act| act.get().signed().statement.len() + act.get().signed().signature.len());
        if !self.commits.takes(all.len(), bytes.sum()) {
            return Code::Full.into();
        }
        let ids: Vec<StatementId> = all[1..].iter().map(|act| act.get().id()).collect();
        if let Err(refusal) = check_submit(submit, &ids) {
            return Taken::No(refusal.code());
        }
        let Some(mut verifiers) = verifiers_of(&all[1..], verifiers) else { return Code::Body.into() };
        if !self.takes_people_of(&all[1..]) {
            return Code::TooManyPeople.into();
        }
        let admitted = match self.ledger.admit_all(&all) {
            Ok(admitted) => admitted,
            Err(refusal) => return Taken::No(refusal.code()),
        };
        self.count_admitted(id);
        let mut request = Some((id, request));
        for (admitted, statement) in admitted.into_iter().zip(&all) {
            if let Act::EnvelopePrint(print) = statement.get().act()
                && let Some(sealed) = verifiers.remove(&print.number)
                && envelope_began(&self.ledger.register, print, admitted.index)
            {
                let change = VerifierChange::SetSealed(print.person, print.number, sealed);
                self.commits.open.verifiers.push(change);
            }
            self.settle(admitted, Beside { request: request.take(), ..Beside::default() });
        }
        Taken::Yes
    }

    /// Whether the store keeps passwords of these acts' new people too.
    fn takes_people_of(&self, acts: &[VerifiedStatement]) -> bool {
        let register = &self.ledger.register;
        let person = |act: &VerifiedStatement| {
            let Act::Enrol(enrol) = act.get().act() else { return None };
            Certificate::parse(&enrol.signature).ok()?.person()
        };
        let new = acts.iter().filter_map(person).filter(|person| register.person(*person).is_none());
        let new = new.collect::<BTreeSet<_>>().len();
        new == 0 || self.room.takes_people(people(register) + new)
    }

    fn verify_staged(&self, act: SignedStatement) -> Result<VerifiedStatement, Code> {
        if act.statement.len() + act.signature.len() + AROUND_STATEMENT_BYTES > ENTRY_BYTES_MAX {
            return Err(Code::Statement);
        }
        let parsed = act.parse().map_err(|_| Code::Statement)?;
        let key = self.ledger.register.key_of(parsed.certificate()).ok_or(Code::Certificate)?;
        parsed.verify(key).map_err(|_| Code::Statement)
    }
}

/// People of whom the store may have to keep passwords. Who was revoked has none.
pub(super) fn people(register: &Register) -> usize {
    register.people().filter(|person| person.revoked.is_none()).count()
}

/// The act was not one without effect, which must not replace another envelope's verifier.
pub(super) fn envelope_began(register: &Register, print: &EnvelopePrint, index: Index) -> bool {
    let found = register.envelope(print.number);
    found.is_some_and(|found| found.person == print.person && found.index >= index)
}

/// Sealed verifiers that came beside acts, by envelope; each is claimed by the act that binds it.
pub(super) struct Unclaimed(BTreeMap<u64, SealedVerifier>);

impl Unclaimed {
    /// `None` where one is too long for the store, or two are of one envelope.
    pub(super) fn new(verifiers: Vec<SealedVerifier>) -> Option<Self> {
        let count = verifiers.len();
        let fit = verifiers.iter().all(|one| one.sealed.len() <= SEALED_VERIFIER_BYTES_MAX);
        let found: BTreeMap<_, _> = verifiers.into_iter().map(|one| (one.envelope, one)).collect();
        (fit && count == found.len()).then_some(Self(found))
    }

    /// The verifier of a printed envelope, if it is here and the very one that was signed for.
    pub(super) fn claim(&mut self, print: &EnvelopePrint) -> Option<ByteVec> {
        let found = self.0.remove(&print.number)?;
        (found.person == print.person && print.binds(&found.sealed)).then_some(found.sealed)
    }

    /// Whether one of this envelope is here.
    pub(super) fn has(&self, number: u64) -> bool {
        self.0.contains_key(&number)
    }

    /// One that no act has claimed.
    pub(super) fn left(&self) -> Option<u64> {
        self.0.keys().next().copied()
    }
}

/// Each printed envelope has its verifier and each verifier its envelope; `None` otherwise. Where the same acts end the
/// envelope again the verifier may be missing: its password can never open anything.
fn verifiers_of(
    acts: &[VerifiedStatement],
    verifiers: Vec<SealedVerifier>,
) -> Option<BTreeMap<u64, ByteVec>> {
    let mut unclaimed = Unclaimed::new(verifiers)?;
    let ended = ended_within(acts.iter().map(|act| act.get().act()));
    let mut found = BTreeMap::new();
    for act in acts {
        if let Act::EnvelopePrint(print) = act.get().act()
            && (unclaimed.has(print.number) || !ended.contains(&print.number))
        {
            found.insert(print.number, unclaimed.claim(print)?);
        }
    }
    unclaimed.left().is_none().then_some(found)
}
