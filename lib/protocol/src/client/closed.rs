//! That two officers closed the log into another one, by the entries that say so.
//! Never believed because the server says so. That it was not done is the server's word: a refusal may say otherwise.

use super::error::{Error, What};
use super::event::Event;
use super::flow::Cx;
use journal::act::{DualAct, Successor};
use journal::ids::Index;
use minicbor::{Decode, Encode};
use pki::PersonId;

/// See [`Event::LogClosed`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct ClosedView {
    /// The `Approve`: behind it nothing new is said.
    #[n(0)]
    pub index: Index,
    /// Its time stamp, milliseconds since 1970.
    #[n(1)]
    pub at_ms: u64,
    /// Who proposed it and who approved, with their logins.
    #[n(2)]
    pub officers: Vec<(PersonId, String)>,
    /// The log that goes on.
    #[n(3)]
    pub successor: Successor,
}

impl Cx {
    /// Reads the entries by which the log was closed, and tells of it once.
    pub(crate) async fn learn_closed(&self, index: Index) -> Result<(), Error> {
        if self.with(|state| state.closed.as_ref().is_some_and(|known| known.index == index)) {
            return Ok(());
        }
        let set = self.entry(index).await?;
        let Some((DualAct::Close(successor), persons)) = self.of_two(&set).await? else {
            return Err(Error::unverified(What::Policy));
        };
        let mut officers = Vec::new();
        for person in persons {
            officers.push((person, self.person(person).await?.view.login));
        }
        let view = ClosedView { index, at_ms: set.wall_ms, officers, successor };
        let told = self.with(|state| state.closed.replace(view.clone()) == Some(view.clone()));
        if !told {
            self.event(Event::LogClosed(Box::new(view)));
        }
        Ok(())
    }
}
