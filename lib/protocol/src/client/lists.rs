//! Revocation lists in parts: what stands directly before the last part is asked for, and only the whole is believed.
//! Never takes a list whose parts are not the authority's, in their order, and of the very digest that they name.

use super::error::{Error, What};
use super::flow::Cx;
use super::receive::Checked;
use crate::answer::Answer;
use crate::query::Query;
use journal::act::{Act, CrlPart};
use journal::ids::Index;
use pki::{PersonId, RevocationList};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;

/// Most lists kept at hand. Whoever asks for one has it until others have asked for so many.
const LISTS_MAX: usize = 2;

/// Whole lists by the index of their last part, the one that was asked for last at the end.
#[derive(Default)]
pub(crate) struct Lists(VecDeque<(Index, Arc<RevocationList>)>);

impl Lists {
    pub(crate) fn get(&self, index: Index) -> Option<Arc<RevocationList>> {
        self.0.iter().find(|(at, _)| *at == index).map(|(_, list)| list.clone())
    }

    fn keep(&mut self, index: Index, list: Arc<RevocationList>) {
        self.0.retain(|(at, _)| *at != index);
        self.0.push_back((index, list));
        if self.0.len() > LISTS_MAX {
            self.0.pop_front();
        }
    }
}

/// The authority's part in an entry.
fn part(entry: &Checked) -> Option<&CrlPart> {
    match entry.act() {
        Some((header, Act::CrlPart(part))) if header.person == PersonId(0) => Some(part),
        Some(_) | None => None,
    }
}

impl Cx {
    /// Puts the list of a last part together, from those that stand before it. Nothing for any other part. It is at hand
    /// until the caller next waits for something.
    pub(crate) async fn whole_list(&self, last: &Checked) -> Result<(), Error> {
        let bad = || Error::unverified(What::Statement);
        let end = part(last).ok_or_else(bad)?;
        if !end.is_last() {
            return Ok(());
        }
        if let Some(list) = self.with(|state| state.lists.get(last.index)) {
            self.with(|state| state.lists.keep(last.index, list));
            return Ok(());
        }
        let before = u64::from(end.number).saturating_sub(1);
        let first = last.index.checked_sub(before).ok_or_else(bad)?;
        let (mut bytes, mut next) = (Vec::new(), first);
        let mut previous: Option<CrlPart> = None;
        while next < last.index {
            let asked: Vec<Index> = (next..last.index).collect();
            let Answer::EntriesAt(page) = self.ask(Query::EntriesAt(asked)).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let entries = self.check_page(page).await?;
            if entries.is_empty() {
                return Err(Error::unverified(What::Answer));
            }
            for entry in entries {
                let one = part(&entry).filter(|_| entry.index == next).ok_or_else(bad)?;
                let fits = previous.as_ref().map_or(one.number == 1, |before| one.follows(before));
                if !fits {
                    return Err(bad());
                }
                bytes.extend_from_slice(&one.bytes);
                previous = Some(one.clone());
                next += 1;
            }
        }
        if !previous.is_some_and(|before| end.follows(&before)) {
            return Err(bad());
        }
        bytes.extend_from_slice(&end.bytes);
        if Sha256::digest(&bytes)[..] != end.whole[..] {
            return Err(bad());
        }
        let list = RevocationList::parse(&bytes).map_err(|_| bad())?;
        self.with(|state| state.lists.keep(last.index, Arc::new(list)));
        Ok(())
    }
}
