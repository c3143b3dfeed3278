//! Revocation lists in parts: one directly behind the other, and of effect as a whole with the last.
//! Never lets anything stand between two parts, and never believes a part by itself.

use super::{Applied, Audience, Candidate, CandidateContent, Context, OpenList, Register};
use crate::act::{Act, CrlPart};
use crate::refusal::Refusal;
use sha2::{Digest, Sha256};

fn bad(reason: &str) -> Refusal {
    Refusal::BadRevocationList { reason: reason.into() }
}

impl Register {
    /// A revocation list of which parts are missing; whoever takes acts in at rest ends with none.
    pub fn open_list(&self) -> Option<&OpenList> {
        self.list.as_ref()
    }

    pub(super) fn check_list_open(&self, candidate: &Candidate<'_>) -> Result<(), Refusal> {
        let Some(open) = &self.list else { return Ok(()) };
        let goes_on = match candidate.content {
            CandidateContent::Statement(statement) => matches!(statement.get().act(), Act::CrlPart(_)),
            CandidateContent::Fact(_) => false,
        };
        if goes_on { Ok(()) } else { Err(Refusal::ListOpen { missing: open.of.saturating_sub(open.taken) }) }
    }

    /// The next part. A Submit that ends in the middle of a list is refused whole: its rest could never follow.
    pub(super) fn take_list_part(&mut self, cx: &Context<'_>, act: &CrlPart) -> Result<Applied, Refusal> {
        let before: &[u8] = match &self.list {
            None if act.number == 1 => &[],
            Some(open) if (open.whole, open.of, open.taken + 1) == (act.whole, act.of, act.number) => {
                &open.bytes
            }
            None | Some(_) => return Err(bad("a part that does not follow")),
        };
        let bytes = [before, &act.bytes[..]].concat();
        if !act.is_last() {
            let ends = |open: &super::OpenSubmit| open.taken.len() as u64 + 1 == u64::from(open.count);
            if self.submit.as_ref().is_some_and(ends) {
                return Err(Refusal::ListOpen { missing: act.of - act.number });
            }
            let (whole, of, taken) = (act.whole, act.of, act.number);
            self.list = Some(OpenList { whole, of, taken, bytes: bytes.into() });
            return Ok(Applied::to(Audience::Nobody));
        }
        if act.whole[..] != Sha256::digest(&bytes)[..] {
            return Err(bad("its parts make another list than they name"));
        }
        let applied = self.take_list(cx, &bytes)?;
        self.list = None;
        Ok(applied)
    }
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
