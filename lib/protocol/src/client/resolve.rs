//! What became of a statement whose chain ended before its receipt came: found in the log, or not shown there, or not to be told.
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
    /// What a reader of this message says: of all acts it is said most often, and its place is known.
    Reader(Index),
    /// What belongs to no conversation, or does not say to which; and an Erase, after which there may be no conversation
    /// that shows anything.
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
            | Act::Erase(_) => Place::Log,
            Act::Read(act) => Place::Reader(act.up_to),
            Act::Acknowledge(act) => Place::Reader(act.message),
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

/// A search under way.
struct Way {
    search: Search,
    /// It stands before this index: a statement of an ended chain, before the Login that began the next one.
    end: Index,
    /// The first entry met that does not read, and may be it.
    unread: Option<Index>,
}

/// What one place shows of it.
struct Shown {
    found: Option<Admitted>,
    /// Part of the place may be hidden from us: we are not in it, or came later.
    hidden: bool,
}

impl Shown {
    const HIDDEN: Self = Self { found: None, hidden: true };
}

impl Cx {
    /// Looks for the statement; `None` when it is not in the log, as far as the server shows it. [`Error::Untold`] where what
    /// it shows does not tell: an entry that may be it does not read, or its answers contradict themselves.
    pub(crate) async fn search(&self, search: Search) -> Result<Option<Admitted>, Error> {
        let end = self.until(|state| state.session_began()).await?;
        let mut way = Way { search, end, unread: None };
        let found = self.find(&mut way).await;
        let entry = way.unread;
        match found {
            Ok(None) if entry.is_some() => Err(Error::Untold { entry, what: None, code: None }),
            Ok(found) => Ok(found),
            Err(Error::NotReady) => Err(Error::NotReady),
            Err(Error::NotVerified { what }) => Err(Error::Untold { entry, what: Some(what), code: None }),
            Err(Error::Refused { code }) => Err(Error::Untold { entry, what: None, code: Some(code) }),
            Err(_) => Err(Error::Untold { entry, what: None, code: None }),
        }
    }

    async fn find(&self, way: &mut Way) -> Result<Option<Admitted>, Error> {
        let shown = match way.search.place {
            Place::Message(conversation) => self.in_messages(way, conversation).await?,
            Place::ActOf(conversation) => self.in_pages(way, conversation, Pages::Acts).await?,
            Place::Reader(message) => self.in_status(way, message).await?,
            Place::Log => Shown::HIDDEN,
        };
        if shown.found.is_none() && shown.hidden { self.in_log(way).await } else { Ok(shown.found) }
    }

    async fn in_messages(&self, way: &mut Way, conversation: ConversationId) -> Result<Shown, Error> {
        let shown = self.in_pages(way, conversation, Pages::Messages).await?;
        if shown.found.is_some() || shown.hidden {
            return Ok(shown);
        }
        // Who was removed and is back is not shown what he himself said before.
        Ok(Shown { found: None, ..self.in_pages(way, conversation, Pages::Acts).await? })
    }

    async fn in_pages(
        &self,
        way: &mut Way,
        conversation: ConversationId,
        pages: Pages,
    ) -> Result<Shown, Error> {
        let me = self.with(|state| state.me.person);
        let invites_me =
            |entry: &Checked| matches!(entry.act(), Some((_, Act::Invite(act))) if act.person == me);
        let (mut from, mut hidden) = (way.search.from, false);
        loop {
            let at = At { conversation, index: from };
            let Some(page) = self.ask_page(pages, at).await? else { return Ok(Shown::HIDDEN) };
            let (more, entries) = self.on_page(way, page, from..Index::MAX).await?;
            let found = way.search.among(&entries);
            if found.is_some() {
                return Ok(Shown { found, hidden });
            }
            hidden |= entries.iter().any(invites_me);
            if !more {
                return Ok(Shown { found, hidden });
            }
            from = behind(&entries)?;
            if from >= way.end {
                // What follows came later. An invitation of ours among it would hide what came before: the log tells.
                return Ok(Shown::HIDDEN);
            }
        }
    }

    async fn ask_page(&self, pages: Pages, at: At) -> Result<Option<Page>, Error> {
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

    /// What the server names as said by us of a message; hidden where we are no reader of it.
    async fn in_status(&self, way: &mut Way, message: Index) -> Result<Shown, Error> {
        let records = match self.ask(Query::MessageStatus(message)).await {
            Ok(Answer::MessageStatus(records)) => records,
            Ok(_) => return Err(Error::unverified(What::Answer)),
            Err(error) if error.is_refusal(crate::Code::NotFound.number()) => return Ok(Shown::HIDDEN),
            Err(error) => return Err(error),
        };
        let me = self.with(|state| state.me.person);
        let Some(own) = records.into_iter().find(|record| record.person == me) else {
            return Ok(Shown::HIDDEN);
        };
        let can_be = way.search.from..way.end;
        for at in [own.read, own.acknowledged].into_iter().flatten().filter(|at| can_be.contains(at)) {
            let Answer::EntriesAt(page) = self.ask(Query::EntriesAt(vec![at])).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let is_unread = page.unread == Some(at);
            let (_, entries) = self.on_page(way, page, at..at + 1).await?;
            let found = way.search.among(&entries);
            if found.is_some() {
                return Ok(Shown { found, hidden: false });
            }
            // What is named is shown, or said not to read.
            if !is_unread {
                behind(&entries)?;
            }
        }
        Ok(Shown { found: None, hidden: false })
    }

    /// The log itself, where one's own statements are shown whatever became of the conversation.
    async fn in_log(&self, way: &mut Way) -> Result<Option<Admitted>, Error> {
        let mut from = way.search.from;
        while from < way.end {
            let count = (way.end - from).min(ANSWER_ENTRIES_MAX as u64);
            let Answer::Entries(page) = self.ask(Query::Entries(from, count as u32)).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let (more, entries) = self.on_page(way, page, from..from + count).await?;
            let found = way.search.among(&entries);
            if found.is_some() {
                return Ok(found);
            }
            // What is not shown does not concern us; a page that was cut by its bytes goes on behind the last that is.
            from = if more { behind(&entries)? } else { from + count };
        }
        Ok(None)
    }

    /// A page's entries, and whether there are more.
    async fn on_page(
        &self,
        way: &mut Way,
        page: Page,
        asked: Range<Index>,
    ) -> Result<(bool, Vec<Checked>), Error> {
        let (more, unread) = (page.more, page.unread);
        way.unread = way.unread.or(unread.filter(|index| (asked.start..way.end).contains(index)));
        Ok((more, self.check_page_of(page, asked).await?))
    }
}

/// Where to ask on behind a page that has more behind it: one that shows nothing leads nowhere, and is no end either.
fn behind(entries: &[Checked]) -> Result<Index, Error> {
    entries.last().map(Checked::next).ok_or(Error::unverified(What::Answer))
}

impl Search {
    fn among(&self, entries: &[Checked]) -> Option<Admitted> {
        let found = entries.iter().find(|entry| entry.id() == Some(self.id))?;
        Some(Admitted { index: found.index, wall_ms: found.wall_ms, id: self.id })
    }
}
