//! Cursors and acknowledgements: one's own, and who has read what by his own signed word.
//! Never says "read" of anybody on the server's word alone.

use super::chain::Draft;
use super::error::{Error, What};
use super::event::{Admitted, ReaderView, Stamp};
use super::flow::Cx;
use crate::answer::Answer;
use crate::query::Query;
use journal::act::conversation::MEMBERS_MAX;
use journal::act::{Acknowledge, Act, Read};
use journal::ids::{ConversationId, Index};
use pki::PersonId;

impl Cx {
    /// Moves one's cursor.
    pub(crate) async fn read(&self, conversation: ConversationId, up_to: Index) -> Result<Admitted, Error> {
        self.submit(Draft::Act(Box::new(Act::Read(Read { conversation, up_to })))).await
    }

    /// Acknowledges a message.
    pub(crate) async fn acknowledge(&self, message: Index) -> Result<Admitted, Error> {
        self.submit(Draft::Act(Box::new(Act::Acknowledge(Acknowledge { message })))).await
    }

    /// Who did what with a message. The statements that the server names are fetched and verified.
    pub(crate) async fn message_status(
        &self,
        id: ConversationId,
        index: Index,
    ) -> Result<Vec<ReaderView>, Error> {
        let Answer::MessageStatus(records) = self.ask(Query::MessageStatus(index)).await? else {
            return Err(Error::unverified(What::Answer));
        };
        if records.len() as u64 > MEMBERS_MAX {
            return Err(Error::unverified(What::Answer));
        }
        let mut views = Vec::with_capacity(records.len());
        for record in records {
            let person = record.person;
            let read = match record.read {
                Some(at) => Some(self.cursor(at, person, id, index).await?),
                None => None,
            };
            let acknowledged = match record.acknowledged {
                Some(at) => Some(self.acknowledgement(at, person, index).await?),
                None => None,
            };
            views.push(ReaderView { person, delivered: record.delivered, read, acknowledged });
        }
        Ok(views)
    }

    async fn cursor(
        &self,
        at: Index,
        person: PersonId,
        id: ConversationId,
        message: Index,
    ) -> Result<Stamp, Error> {
        let entry = self.entry(at).await?;
        match entry.act() {
            Some((header, Act::Read(read)))
                if header.person == person && read.conversation == id && read.up_to >= message =>
            {
                Ok(Stamp { index: at, wall_ms: entry.wall_ms })
            }
            _ => Err(Error::unverified(What::Statement)),
        }
    }

    async fn acknowledgement(&self, at: Index, person: PersonId, message: Index) -> Result<Stamp, Error> {
        let entry = self.entry(at).await?;
        match entry.act() {
            Some((header, Act::Acknowledge(act))) if header.person == person && act.message == message => {
                Ok(Stamp { index: at, wall_ms: entry.wall_ms })
            }
            _ => Err(Error::unverified(What::Statement)),
        }
    }
}
