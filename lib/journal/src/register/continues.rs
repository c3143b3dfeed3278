//! What log this one continues, by the word of its first officers: said at most once, and before anybody has logged in.
//! Never proof by itself that the other log was closed into this one: that is in the other log, and an auditor who has both
//! compares them. That the other log's identity key signed the head that is named is checked here.

use super::{Applied, Audience, Context, Register};
use crate::act::Continues;
use crate::checkpoint::SignedCheckpoint;
use crate::ids::Index;
use crate::note::VerifierKey;
use crate::refusal::Refusal;
use crate::statement::Header;
use crate::tree::empty_root;
use minicbor::{Decode, Encode};
use pki::{PersonId, PublicKey, Suite};

/// What the log continues, and who said so.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ContinuesRow {
    /// What each of them signed.
    #[n(0)]
    pub act: Continues,
    /// Who, in order.
    #[n(1)]
    pub officers: Vec<PersonId>,
    /// The entry with which enough had signed. Before, nothing is said yet.
    #[n(2)]
    pub since: Option<Index>,
}

fn bad(reason: &str) -> Refusal {
    Refusal::BadContinues { reason: reason.into() }
}

impl Continues {
    /// Whether the header binds nothing but the log and the signer: no chain, and the head of no entries.
    pub fn check_header(header: &Header) -> Result<(), Refusal> {
        let of_no_entries = (header.head.size, header.head.root) == (0, empty_root());
        match header.is_outside_chains() && of_no_entries {
            true => Ok(()),
            false => Err(bad("the header is not such a statement's")),
        }
    }

    /// Whether the note is the named log's own, of the named head: line by its identity key.
    pub fn check_note(&self) -> Result<(), Refusal> {
        let note = SignedCheckpoint::parse(&self.note).map_err(|error| bad(&error.to_string()))?;
        let claimed = note.claimed();
        if claimed.origin.log != self.log || claimed.head != self.head {
            return Err(bad("the note is of another log or head"));
        }
        let key = PublicKey::from_raw(Suite::Ed25519, &self.identity).map_err(|_| bad("no identity key"))?;
        let key = VerifierKey::new(claimed.origin.key_name(), key).map_err(|_| bad("no identity key"))?;
        note.verify_by(&key).map_err(|_| bad("the note is not signed by the log's identity key"))?;
        Ok(())
    }
}

impl Register {
    /// What this log continues, as far as it was said.
    pub fn continues(&self) -> Option<&ContinuesRow> {
        self.continues.as_ref()
    }

    pub(super) fn continues_act(&mut self, cx: &Context<'_>, act: &Continues) -> Result<Applied, Refusal> {
        self.check_continues_place(cx)?;
        let signed = match &self.continues {
            Some(ContinuesRow { since: Some(_), .. }) => return Err(Refusal::Unchanged),
            Some(row) if row.act != *act => return Err(bad("the officers did not sign the same")),
            Some(row) if row.officers.contains(&cx.by.signer) => return Err(Refusal::SecondPersonNeeded),
            Some(row) => row.officers.clone(),
            None => Vec::new(),
        };
        if act.log == self.founded()?.log {
            return Err(bad("no log continues itself"));
        }
        act.check_note()?;
        self.check_first_officer(cx)?;
        let officers = [signed, vec![cx.by.signer]].concat();
        let is_enough = officers.len() >= self.founded()?.threshold as usize;
        let since = is_enough.then_some(cx.by.index);
        self.continues = Some(ContinuesRow { act: act.clone(), officers, since });
        Ok(Applied::to(Audience::Everyone))
    }

    /// The header binds nothing but the log and the signer, and the log has not been in use.
    fn check_continues_place(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let header = cx.header;
        if header.log != self.founded()?.log {
            return Err(Refusal::WrongLog);
        }
        Continues::check_header(header)?;
        if self.running {
            return Err(bad("the server runs"));
        }
        if let Some(open) = &self.submit {
            let missing = u64::from(open.count).saturating_sub(open.taken.len() as u64);
            return Err(Refusal::SubmitOpen { missing: u32::try_from(missing).unwrap_or(u32::MAX) });
        }
        match self.people.values().any(|person| person.last_login.is_some()) {
            true => Err(bad("people have logged in already")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "continues_tests.rs"]
mod tests;
