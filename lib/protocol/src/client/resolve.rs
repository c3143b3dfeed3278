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
struct Look {
    search: Search,
    /// It stands before this index: a statement of an ended chain, before the Login that began the next one.
    end: Index,
    /// The first entry met that does not read, and may be it.
    unread: Option<Index>,
}

impl Cx {
    /// Looks for the statement; `None` when it is not in the log, as far as the server shows it. [`Error::Untold`] where what
    /// it shows does not tell: an entry that may be it does not read, or its answers contradict themselves.
    pub(crate) async fn search(&self, search: Search) -> Result<Option<Admitted>, Error> {
        let end = self.until(|state| state.session_began()).await?;
        let mut look = Look { search, end, unread: None };
        match self.look(&mut look).await {
            Ok(None) if look.unread.is_some() => Err(Error::Untold { entry: look.unread }),
            Ok(found) => Ok(found),
            Err(Error::NotReady) => Err(Error::NotReady),
            Err(_) => Err(Error::Untold { entry: look.unread }),
        }
    }

    async fn look(&self, look: &mut Look) -> Result<Option<Admitted>, Error> {
        let (found, hidden) = match look.search.place {
            Place::Message(conversation) => self.look_at_messages(look, conversation).await?,
            Place::ActOf(conversation) => self.look_at_pages(look, conversation, Pages::Acts).await?,
            Place::Reader(message) => self.look_at_reader(look, message).await?,
            Place::Log => (None, true),
        };
        if found.is_none() && hidden { self.look_at_log(look).await } else { Ok(found) }
    }

    async fn look_at_messages(
        &self,
        look: &mut Look,
        conversation: ConversationId,
    ) -> Result<(Option<Admitted>, bool), Error> {
        let (found, hidden) = self.look_at_pages(look, conversation, Pages::Messages).await?;
        if found.is_some() || hidden {
            return Ok((found, hidden));
        }
        // Who was removed and is back is not shown what he himself said before.
        Ok((None, self.look_at_pages(look, conversation, Pages::Acts).await?.1))
    }

    /// Looks in the conversation. Also gives whether part of it may be hidden from us: we are not in it, or came later.
    async fn look_at_pages(
        &self,
        look: &mut Look,
        conversation: ConversationId,
        pages: Pages,
    ) -> Result<(Option<Admitted>, bool), Error> {
        let me = self.with(|state| state.me.person);
        let invites_me =
            |entry: &Checked| matches!(entry.act(), Some((_, Act::Invite(act))) if act.person == me);
        let (mut from, mut hidden) = (look.search.from, false);
        loop {
            let at = At { conversation, index: from };
            let Some(page) = self.ask_page(pages, at).await? else { return Ok((None, true)) };
            let (more, entries) = self.looked_through(look, page, from..Index::MAX).await?;
            if let Some(found) = look.search.among(&entries) {
                return Ok((Some(found), hidden));
            }
            hidden |= entries.iter().any(invites_me);
            if !more {
                return Ok((None, hidden));
            }
            from = behind(&entries)?;
            if from >= look.end {
                // What follows came later. An invitation of ours among it would hide what came before: the log tells.
                return Ok((None, true));
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

    /// Looks at what the server names as said by us of a message; hidden where we are no reader of it.
    async fn look_at_reader(
        &self,
        look: &mut Look,
        message: Index,
    ) -> Result<(Option<Admitted>, bool), Error> {
        let records = match self.ask(Query::MessageStatus(message)).await {
            Ok(Answer::MessageStatus(records)) => records,
            Ok(_) => return Err(Error::unverified(What::Answer)),
            Err(error) if error.is_refusal(crate::Code::NotFound.number()) => return Ok((None, true)),
            Err(error) => return Err(error),
        };
        let me = self.with(|state| state.me.person);
        let Some(own) = records.into_iter().find(|record| record.person == me) else {
            return Ok((None, true));
        };
        let can_be = look.search.from..look.end;
        for at in [own.read, own.acknowledged].into_iter().flatten().filter(|at| can_be.contains(at)) {
            let Answer::EntriesAt(page) = self.ask(Query::EntriesAt(vec![at])).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let (_, entries) = self.looked_through(look, page, at..at + 1).await?;
            if let Some(found) = look.search.among(&entries) {
                return Ok((Some(found), false));
            }
            // What is named is shown.
            behind(&entries)?;
        }
        Ok((None, false))
    }

    /// Looks through the log itself, where one's own statements are shown whatever became of the conversation.
    async fn look_at_log(&self, look: &mut Look) -> Result<Option<Admitted>, Error> {
        let mut from = look.search.from;
        while from < look.end {
            let count = (look.end - from).min(ANSWER_ENTRIES_MAX as u64);
            let Answer::Entries(page) = self.ask(Query::Entries(from, count as u32)).await? else {
                return Err(Error::unverified(What::Answer));
            };
            let (more, entries) = self.looked_through(look, page, from..from + count).await?;
            if let Some(found) = look.search.among(&entries) {
                return Ok(Some(found));
            }
            // What is not shown does not concern us; a page that was cut by its bytes goes on behind the last that is.
            from = if more { behind(&entries)? } else { from + count };
        }
        Ok(None)
    }

    /// A page's entries, and whether there are more.
    async fn looked_through(
        &self,
        look: &mut Look,
        page: Page,
        asked: Range<Index>,
    ) -> Result<(bool, Vec<Checked>), Error> {
        let (more, unread) = (page.more, page.unread);
        look.unread = look.unread.or(unread.filter(|index| (asked.start..look.end).contains(index)));
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
