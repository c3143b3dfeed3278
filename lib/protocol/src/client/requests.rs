//! Questions and chunks under way, by the number that their answers carry.
//! Never holds an act: acts belong to the chain, because sending one twice is not the same as asking twice.

use super::error::Error;
use crate::answer::Answer;
use crate::frame::{self, Ask, PutChunk, ToCore};
use crate::limits::REQUESTS_MAX;
use crate::query::Query;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Questions and chunks of one session at once; the rest of [`REQUESTS_MAX`] is left to acts.
const ASKED_MAX: usize = REQUESTS_MAX / 2;

/// What was sent.
pub(crate) enum Asked {
    Query(Query),
    Put(PutChunk),
}

struct Waiting {
    asked: Asked,
    result: Option<Result<Option<Answer>, Error>>,
    /// Nobody waits for the result any more.
    abandoned: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Requests {
    waiting: BTreeMap<u32, Waiting>,
}

impl Requests {
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < ASKED_MAX
    }

    /// Notes what is asked under this number and gives the frame.
    pub(crate) fn begin(&mut self, request: u32, asked: Asked) -> Bytes {
        let frame = frame_of(request, &asked);
        self.waiting.insert(request, Waiting { asked, result: None, abandoned: false });
        frame
    }

    /// The answer came. Whether anybody waits for it.
    pub(crate) fn finish(&mut self, request: u32, result: Result<Option<Answer>, Error>) -> bool {
        match self.waiting.get_mut(&request) {
            Some(waiting) if waiting.abandoned => self.waiting.remove(&request).is_some(),
            Some(waiting) if waiting.result.is_none() => {
                waiting.result = Some(result);
                true
            }
            Some(_) | None => false,
        }
    }

    /// The result, once.
    pub(crate) fn take(&mut self, request: u32) -> Option<Result<Option<Answer>, Error>> {
        match self.waiting.get(&request) {
            Some(Waiting { result: None, .. }) => None,
            Some(Waiting { result: Some(_), .. }) => self.waiting.remove(&request)?.result,
            None => Some(Err(Error::NotReady)),
        }
    }

    /// Nothing will be answered any more.
    pub(crate) fn fail_all(&mut self) {
        for waiting in self.waiting.values_mut() {
            waiting.result.get_or_insert(Err(Error::NotReady));
        }
    }

    /// Whoever asked does not wait any more.
    pub(crate) fn abandon(&mut self, request: u32) {
        match self.waiting.get_mut(&request) {
            Some(waiting) if waiting.result.is_none() => waiting.abandoned = true,
            Some(_) => drop(self.waiting.remove(&request)),
            None => {}
        }
    }

    /// Nobody waits for anything that was asked until now.
    pub(crate) fn abandon_all(&mut self) {
        self.waiting.retain(|_, waiting| waiting.result.is_none());
        self.waiting.values_mut().for_each(|waiting| waiting.abandoned = true);
    }

    /// What is unanswered, to be sent again on a new connection. Questions change nothing, and a chunk that is stored
    /// already is the same chunk.
    pub(crate) fn again(&mut self) -> Vec<Bytes> {
        self.waiting.retain(|_, waiting| !waiting.abandoned);
        let unanswered = self.waiting.iter().filter(|(_, waiting)| waiting.result.is_none());
        unanswered.map(|(request, waiting)| frame_of(*request, &waiting.asked)).collect()
    }
}

fn frame_of(request: u32, asked: &Asked) -> Bytes {
    frame::encode(&match asked {
        Asked::Query(query) => ToCore::Ask(Ask { request, query: query.clone() }),
        Asked::Put(chunk) => ToCore::PutChunk(PutChunk { request, ..chunk.clone() }),
    })
}
