//! What became of a statement whose chain ended before its receipt came: found in the log, or known never to come.
//! Never signs anything: it only answers the question that `chain.rs` must ask before it signs anew.

use super::chain::InFlight;
use super::error::{Error, What};
use super::event::Admitted;
use super::flow::Cx;
use super::receive::Checked;
use crate::answer::{Answer, Page};
use crate::frame::At;
use crate::limits::ANSWER_ENTRIES_MAX;
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
            // without effect (a Reserve falls, a proposal lapses, an Export or Backup is a note).
            Act::Accept(_)
            | Act::BadWrap(_)
            | Act::Reserve(_)
            | Act::Read(_)
            | Act::Acknowledge(_)
            | Act::Erase(_)
            | Act::Export(_)
            | Act::Backup(_)
            | Act::ClockAttest(_)
            | Act::AlarmAcknowledge(_)
            | Act::AlarmClose(_)
            | Act::Report(_)
            | Act::Disclose(_)
            | Act::Finding(_)
            | Act::Object(_)
            | Act::Hold(_)
            | Act::Genesis(_)
            | Act::Succession(_)
            | Act::Continues(_)
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
            | Act::CrlPart(_)
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

/// Where to look for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pages {
    Acts,
    Messages,
}

impl Cx {
    /// Looks for the statement; `None` when it is not in the log.
    pub(crate) async fn search(&self, search: Search) -> Result<Option<Admitted>, Error> {
        // A statement of an ended chain stands before the Login that began the next one.
        let end = self.until(|state| state.session_began()).await?;
        let pages = if search.message { Pages::Messages } else { Pages::Acts };
        let (found, mut hidden) = self.search_pages(&search, pages).await?;
        if found.is_some() {
            return Ok(found);
        }
        if search.message && !hidden {
            // Who was removed and is back is not shown what he himself said before.
            hidden = self.search_pages(&search, Pages::Acts).await?.1;
        }
        if hidden { self.search_log(&search, end).await } else { Ok(None) }
    }

    /// Looks in the conversation. Also gives whether part of it may be hidden from us: we are not in it, or came later.
    async fn search_pages(&self, search: &Search, pages: Pages) -> Result<(Option<Admitted>, bool), Error> {
        let me = self.with(|state| state.me.person);
        let invites_me =
            |entry: &Checked| matches!(entry.act(), Some((_, Act::Invite(act))) if act.person == me);
        let (mut from, mut hidden) = (search.from, false);
        loop {
            let Some(page) = self.search_page(search, pages, from).await? else { return Ok((None, true)) };
            let more = page.more;
            let entries = self.check_page(page).await?;
            if let Some(found) = search.among(&entries) {
                return Ok((Some(found), hidden));
            }
            hidden |= entries.iter().any(invites_me);
            match entries.last().map(Checked::next) {
                Some(next) if more => from = next,
                Some(_) | None => return Ok((None, hidden)),
            }
        }
    }

    async fn search_page(&self, search: &Search, pages: Pages, from: Index) -> Result<Option<Page>, Error> {
        let at = At { conversation: search.conversation, index: from };
        let query = match pages {
            Pages::Messages => Query::Messages(at),
            Pages::Acts => Query::Acts(at),
        };
        match self.ask(query).await {
            Ok(Answer::Messages(page) | Answer::Acts(page)) => Ok(Some(page)),
            Ok(_) => Err(Error::unverified(What::Answer)),
            Err(error) if error.is_refusal(crate::Code::NotFound.number()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looks through the log itself, where one's own statements are shown whatever became of the conversation.
    async fn search_log(&self, search: &Search, end: Index) -> Result<Option<Admitted>, Error> {
        let mut from = search.from;
        while from < end {
            let count = (end - from).min(ANSWER_ENTRIES_MAX as u64);
            let Answer::Entries(page) = self.ask(Query::Entries(from, count as u32)).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let entries = self.check_page(page).await?;
            if let Some(found) = search.among(&entries) {
                return Ok(Some(found));
            }
            // A page may have been cut by its bytes behind the last entry shown; without any, none of them concerns us.
            from = entries.last().map_or(from + count, Checked::next);
        }
        Ok(None)
    }
}

impl Search {
    fn among(&self, entries: &[Checked]) -> Option<Admitted> {
        let found = entries.iter().find(|entry| entry.id() == Some(self.id))?;
        Some(Admitted { index: found.index, wall_ms: found.wall_ms, id: self.id })
    }
}
