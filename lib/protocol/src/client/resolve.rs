//! What became of a statement whose chain ended before its receipt came: found in the log, or known never to come.
//! Never signs anything: it only answers the question that `chain.rs` must ask before it signs anew.

use super::chain::InFlight;
use super::error::Error;
use super::event::Admitted;
use super::flow::Cx;
use super::receive::Checked;
use crate::answer::{Answer, Page};
use crate::frame::At;
use crate::query::Query;
use journal::act::Act;
use journal::ids::{ConversationId, Index, StatementId};

/// Where a lost statement would stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Search {
    id: StatementId,
    conversation: ConversationId,
    /// It cannot stand before the head that it named.
    from: Index,
    message: bool,
}

impl Search {
    /// Where to look, or nothing for acts that do no harm when they come twice.
    pub(crate) fn of(flight: &InFlight) -> Option<Self> {
        let parsed = flight.frame.statement.clone().parse().ok()?;
        let (conversation, message) = match parsed.act() {
            Act::Message(act) => (act.conversation, true),
            Act::Create(_) => (ConversationId(flight.id.0), false),
            Act::Invite(act) => (act.conversation, false),
            Act::Leave(act) => (act.conversation, false),
            Act::Remove(act) => (act.conversation, false),
            Act::HandOver(act) => (act.conversation, false),
            Act::Epoch(act) => (act.conversation, false),
            Act::ShareHistory(act) => (act.conversation, false),
            Act::Title(act) => (act.conversation, false),
            // Refused when they come twice (Accept, Read, Acknowledge, Erase, officers' acts that change a state), or
            // without effect (a Reserve falls, a proposal lapses, an Export is a note).
            Act::Accept(_)
            | Act::BadWrap(_)
            | Act::Reserve(_)
            | Act::Read(_)
            | Act::Acknowledge(_)
            | Act::Erase(_)
            | Act::Export(_)
            | Act::Genesis(_)
            | Act::Submit(_)
            | Act::Propose(_)
            | Act::Approve(_)
            | Act::Withdraw(_)
            | Act::Login(_)
            | Act::Logout(_)
            | Act::SetPassword(_)
            | Act::Enrol(_)
            | Act::Revoke(_)
            | Act::Crl(_)
            | Act::EnvelopePrint(_)
            | Act::EnvelopeHandOver(_)
            | Act::EnvelopeVoid(_)
            | Act::Suspend(_)
            | Act::Resume(_)
            | Act::Unlock(_)
            | Act::EndSession(_) => return None,
        };
        Some(Self { id: flight.id, conversation, from: flight.header.head.size, message })
    }
}

impl Cx {
    /// Looks for the statement; `None` when it is not in the log.
    pub(crate) async fn search(&self, search: Search) -> Result<Option<Admitted>, Error> {
        let mut from = search.from;
        loop {
            let Some(page) = self.search_page(&search, from).await? else { return Ok(None) };
            let more = page.more;
            let entries = self.check_page(page).await?;
            if let Some(found) = entries.iter().find(|entry| entry.id() == Some(search.id)) {
                return Ok(Some(Admitted { index: found.index, wall_ms: found.wall_ms, id: search.id }));
            }
            match entries.last().map(Checked::next) {
                Some(next) if more => from = next,
                Some(_) | None => return Ok(None),
            }
        }
    }

    async fn search_page(&self, search: &Search, from: Index) -> Result<Option<Page>, Error> {
        let at = At { conversation: search.conversation, index: from };
        let query = if search.message { Query::Messages(at) } else { Query::Acts(at) };
        match self.ask(query).await {
            Ok(Answer::Messages(page) | Answer::Acts(page)) => Ok(Some(page)),
            Ok(_) => Ok(None),
            // A conversation that is not there cannot hold the act that would have founded it.
            Err(error) if error.is_refusal(crate::Code::NotFound.number()) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
