//! What became of a statement whose chain ended before its receipt came: found in the log, or known never to come.
//! Never signs anything: it only answers the question that `chain.rs` must ask before it signs anew.

use std::ops::Range;

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
    place: Place,
    /// It cannot stand before the head that it named.
    from: Index,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Message(ConversationId),
    ActOf(ConversationId),
    /// What belongs to no conversation, or does not say to which.
    Log,
}

impl Search {
    /// Where to look, or nothing for what comes to nothing when it is said twice.
    pub(crate) fn of(flight: &InFlight) -> Option<Self> {
        let parsed = flight.frame.statement.clone().parse().ok()?;
        let place = match parsed.act() {
            Act::Message(act) => Place::Message(act.conversation),
            Act::Create(_) => Place::ActOf(ConversationId(flight.id.0)),
            Act::Invite(act) => Place::ActOf(act.conversation),
            Act::Leave(act) => Place::ActOf(act.conversation),
            Act::Remove(act) => Place::ActOf(act.conversation),
            Act::HandOver(act) => Place::ActOf(act.conversation),
            Act::Epoch(act) => Place::ActOf(act.conversation),
            Act::ShareHistory(act) => Place::ActOf(act.conversation),
            Act::Accept(act) => Place::ActOf(act.conversation),
            Act::Title(act) => Place::ActOf(act.conversation),
            // A second one would stand as a second record (Disclose, Hold), or do anew what others undid meanwhile (a
            // Suspend behind their Resume, a Report behind its close). Where it would be refused (Approve, Erase), nobody is to
            // hear that of what stands.
            Act::Disclose(_)
            | Act::Report(_)
            | Act::Finding(_)
            | Act::Backup(_)
            | Act::ClockAttest(_)
            | Act::AlarmAcknowledge(_)
            | Act::AlarmClose(_)
            | Act::Object(_)
            | Act::Hold(_)
            | Act::Submit(_)
            | Act::Propose(_)
            | Act::Approve(_)
            | Act::Withdraw(_)
            | Act::SetPassword(_)
            | Act::Revoke(_)
            | Act::Suspend(_)
            | Act::Resume(_)
            | Act::Unlock(_)
            | Act::EndSession(_)
            | Act::Read(_)
            | Act::Acknowledge(_)
            | Act::Erase(_) => Place::Log,
            // Nobody waits to hear of it, and a second one is refused. A Reserve falls.
            Act::BadWrap(_) | Act::Reserve(_) => return None,
            // It lets the session read in which it stands: one of an ended session is of no use to the next.
            Act::Export(_) => return None,
            // Ends the chain that it stands in, or is never in one of a person's.
            Act::Logout(_)
            | Act::Login(_)
            | Act::Genesis(_)
            | Act::Succession(_)
            | Act::Continues(_)
            | Act::Enrol(_)
            | Act::Crl(_)
            | Act::CrlPart(_)
            | Act::EnvelopePrint(_)
            | Act::EnvelopeHandOver(_)
            | Act::EnvelopeVoid(_) => return None,
        };
        Some(Self { id: flight.id, place, from: flight.header.head.size })
    }
}

/// Where to look for it in a conversation.
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
        let (found, hidden) = match search.place {
            Place::Message(conversation) => self.search_messages(&search, conversation).await?,
            Place::ActOf(conversation) => self.search_pages(&search, conversation, Pages::Acts).await?,
            Place::Log => (None, true),
        };
        if found.is_none() && hidden { self.search_log(&search, end).await } else { Ok(found) }
    }

    async fn search_messages(
        &self,
        search: &Search,
        conversation: ConversationId,
    ) -> Result<(Option<Admitted>, bool), Error> {
        let (found, hidden) = self.search_pages(search, conversation, Pages::Messages).await?;
        if found.is_some() || hidden {
            return Ok((found, hidden));
        }
        // Who was removed and is back is not shown what he himself said before.
        Ok((None, self.search_pages(search, conversation, Pages::Acts).await?.1))
    }

    /// Looks in the conversation. Also gives whether part of it may be hidden from us: we are not in it, or came later.
    async fn search_pages(
        &self,
        search: &Search,
        conversation: ConversationId,
        pages: Pages,
    ) -> Result<(Option<Admitted>, bool), Error> {
        let me = self.with(|state| state.me.person);
        let invites_me =
            |entry: &Checked| matches!(entry.act(), Some((_, Act::Invite(act))) if act.person == me);
        let (mut from, mut hidden) = (search.from, false);
        loop {
            let at = At { conversation, index: from };
            let Some(page) = self.search_page(pages, at).await? else { return Ok((None, true)) };
            let more = page.more;
            let entries = within(self.check_page(page).await?, from..Index::MAX)?;
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

    async fn search_page(&self, pages: Pages, at: At) -> Result<Option<Page>, Error> {
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
            let entries = within(self.check_page(page).await?, from..from + count)?;
            if let Some(found) = search.among(&entries) {
                return Ok(Some(found));
            }
            // A page may have been cut by its bytes behind the last entry shown; without any, none of them concerns us.
            from = entries.last().map_or(from + count, Checked::next);
        }
        Ok(None)
    }
}

/// A page holds nothing but what was asked for: by an entry before it the search would go back for ever, by one behind it
/// pass over what it looks for.
fn within(entries: Vec<Checked>, asked: Range<Index>) -> Result<Vec<Checked>, Error> {
    match entries.iter().all(|entry| asked.contains(&entry.index)) {
        true => Ok(entries),
        false => Err(Error::unverified(What::Answer)),
    }
}

impl Search {
    fn among(&self, entries: &[Checked]) -> Option<Admitted> {
        let found = entries.iter().find(|entry| entry.id() == Some(self.id))?;
        Some(Admitted { index: found.index, wall_ms: found.wall_ms, id: self.id })
    }
}
