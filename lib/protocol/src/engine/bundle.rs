//! A Submit: the authority's acts that an officer staged, all or none, in one batch with the envelopes' verifiers.
//! Never opens a verifier: it goes to the driver as it came.

use super::Engine;
use super::session::Staged;
use super::settle::Beside;
use super::submit::{ENTRY_OVERHEAD_BYTES, Taken};
use crate::code::Code;
use crate::frame::SealedVerifier;
use crate::io::{SessionId, VerifierChange};
use crate::limits::SEALED_VERIFIER_BYTES_MAX;
use journal::act::{Act, EnvelopePrint, Submit};
use journal::entry::ENTRY_BYTES_MAX;
use journal::ids::{Index, StatementId};
use journal::register::check_submit;
use journal::statement::{SignedStatement, VerifiedStatement};
use minicbor::bytes::ByteVec;
use std::collections::BTreeMap;

impl Engine {
    /// A Submit and the acts that were staged for it: all or none, in one batch.
    pub(super) fn submit_staged(
        &mut self,
        id: SessionId,
        request: u32,
        statement: &VerifiedStatement,
        submit: &Submit,
    ) -> Taken {
        let live = self.sessions.all.get_mut(&id).and_then(|session| session.live_mut());
        let Staged { acts, verifiers, .. } =
            live.map_or_else(Staged::default, |live| std::mem::take(&mut live.staged));
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
        let admitted = match self.ledger.admit_all(&all) {
            Ok(admitted) => admitted,
            Err(refusal) => return Taken::No(refusal.code()),
        };
        self.count_admitted(id);
        let mut request = Some((id, request));
        for (admitted, statement) in admitted.into_iter().zip(&all) {
            if let Act::EnvelopePrint(print) = statement.get().act()
                && let Some(sealed) = verifiers.remove(&(print.person.0, print.number))
                && self.envelope_began(print, admitted.index)
            {
                let change = VerifierChange::SetSealed(print.person, print.number, sealed);
                self.commits.open.verifiers.push(change);
            }
            self.settle(admitted, Beside { request: request.take(), ..Beside::default() });
        }
        Taken::Yes
    }

    /// The act was not one without effect, which must not replace another envelope's verifier.
    fn envelope_began(&self, print: &EnvelopePrint, index: Index) -> bool {
        let found = self.ledger.register.envelope(print.number);
        found.is_some_and(|found| found.person == print.person && found.index >= index)
    }

    fn verify_staged(&self, act: SignedStatement) -> Result<VerifiedStatement, Code> {
        if act.statement.len() + act.signature.len() + ENTRY_OVERHEAD_BYTES > ENTRY_BYTES_MAX {
            return Err(Code::Statement);
        }
        let parsed = act.parse().map_err(|_| Code::Statement)?;
        let key = self.ledger.register.key_of(parsed.certificate()).ok_or(Code::Certificate)?;
        parsed.verify(key).map_err(|_| Code::Statement)
    }
}

/// Each printed envelope has its verifier and each verifier its envelope; `None` otherwise.
fn verifiers_of(
    acts: &[VerifiedStatement],
    verifiers: Vec<SealedVerifier>,
) -> Option<BTreeMap<(u64, u64), ByteVec>> {
    let count = verifiers.len();
    let fit = verifiers.iter().all(|one| one.sealed.len() <= SEALED_VERIFIER_BYTES_MAX);
    let found: BTreeMap<_, _> =
        verifiers.into_iter().map(|one| ((one.person.0, one.envelope), one.sealed)).collect();
    let printed = acts.iter().filter_map(|act| {
        if let Act::EnvelopePrint(print) = act.get().act() {
            Some((print.person.0, print.number))
        } else {
            None
        }
    });
    let printed: Vec<_> = printed.collect();
    let whole = fit && count == found.len() && printed.len() == found.len();
    (whole && printed.iter().all(|key| found.contains_key(key))).then_some(found)
}
