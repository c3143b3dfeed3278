//! What officers are told of what was raised, and of what came of it.
//! Never tells anybody else: who reported whom is theirs to know.

use super::{Engine, Found, Kind};
use crate::answer::{Answer, RaisedMessage, RaisedRecord};
use journal::ids::Index;
use journal::register::{Raised, RaisedRow};
use pki::{PersonId, Role};

impl Engine {
    /// What is open, and durable.
    pub(super) fn raised(&self, person: PersonId) -> Option<Found> {
        if !self.has_role(person, Role::Officer) {
            return None;
        }
        let size = self.commits.durable.head.size;
        let open = self.ledger.register.raised().filter(|(raised, _)| *raised < size);
        let record = |(raised, row): (Index, &RaisedRow)| RaisedRecord {
            raised,
            row: row.clone(),
            message: self.raised_message(row.what),
        };
        let records = open.map(record);
        Some(Found::Now(Answer::Raised(records.collect())))
    }

    fn raised_message(&self, what: Raised) -> Option<RaisedMessage> {
        match what {
            Raised::Report(_, index) | Raised::Finding(_, _, index) => {
                let row = self.ledger.register.message(index)?;
                Some(RaisedMessage { author: row.author, conversation: row.conversation })
            }
            Raised::Alarm(..) => None,
        }
    }

    /// What was raised, for officers who were away.
    pub(super) fn alarms_from(&self, person: PersonId, from: Index) -> Option<Found> {
        let may = self.has_role(person, Role::Officer);
        may.then(|| self.some(Kind::Alarms, self.ledger.books.told.alarms_from(from)))
    }

    /// What came of it, what watches showed and what was disclosed.
    pub(super) fn desk_from(&self, person: PersonId, from: Index) -> Option<Found> {
        let may = self.has_role(person, Role::Officer);
        may.then(|| self.some(Kind::Desk, self.ledger.books.told.desk_from(from)))
    }
}
