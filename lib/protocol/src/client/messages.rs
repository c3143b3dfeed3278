//! Sending messages and titles; reading and opening those of others; tombstones.
//! Never shows a text whose commitment, key or seal does not hold, and never keeps one that was erased.

use super::chain::{Draft, MessageDraft, TitleDraft};
use super::command::Send;
use super::epochs::TRIES_MAX;
use super::error::{Error, What};
use super::event::{Admitted, Content, Event, FileView, MessageView};
use super::flow::Cx;
use super::receive::Checked;
use super::secret::SecretText;
use super::state::State;
use crate::answer::{Answer, Page};
use crate::frame::At;
use crate::query::Query;
use crate::seal::body::BodyRef;
use crate::seal::keys::{Lock, TextPlace};
use crate::seal::padding::class_for;
use crate::seal::text::{FileInfo, MessageText, TEXT_BYTES_MAX, TITLE_BYTES_MAX, TitleText};
use journal::act::{Act, FileClaim, Message, SizeClass};
use journal::ids::{ConversationId, Index};
use journal::statement::Header;
use pki::{Clearance, PersonId};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Opened messages kept, bytes of text; each is wiped when it goes.
pub(crate) const MESSAGES_KEPT_BYTES: usize = 16 * 1024 * 1024;
/// Opened messages kept.
pub(crate) const MESSAGES_KEPT: usize = 8192;

/// Which messages a page is asked for: at or above an index, or the newest before one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    From(Index),
    Before(Index),
}

impl Which {
    fn query(self, conversation: ConversationId) -> Query {
        match self {
            Self::From(index) => Query::Messages(At { conversation, index }),
            Self::Before(index) => Query::MessagesBefore(At { conversation, index }),
        }
    }

    fn range(self) -> Range<Index> {
        match self {
            Self::From(index) => index..Index::MAX,
            Self::Before(index) => 0..index,
        }
    }
}

/// A message's opened text, with what its signed act says of its file.
pub(crate) struct Opened {
    pub(crate) conversation: ConversationId,
    pub(crate) author: PersonId,
    pub(crate) label: Clearance,
    pub(crate) wall_ms: u64,
    pub(crate) text: MessageText,
    pub(crate) claim: Option<FileClaim>,
}

impl Opened {
    fn bytes(&self) -> usize {
        self.text.text.len() + 512
    }

    fn content(&self) -> Content {
        let text = SecretText::from(self.text.text.as_str());
        let file = self.text.file.as_ref().zip(self.claim.as_ref());
        Content::Text(text, file.map(|(info, claim)| file_view(info, claim)))
    }
}

pub(crate) fn file_view(info: &FileInfo, claim: &FileClaim) -> FileView {
    FileView {
        name: SecretText::from(info.name.as_str()),
        bytes: info.bytes,
        media_type: info.media_type.clone(),
        sha256: info.sha256,
        chunks: claim.chunks,
    }
}

/// Opened messages by index, the oldest of them forgotten first.
#[derive(Default)]
pub(crate) struct MessageCache {
    opened: BTreeMap<Index, Arc<Opened>>,
    order: VecDeque<Index>,
    bytes: usize,
}

impl MessageCache {
    pub(crate) fn get(&self, index: Index) -> Option<Arc<Opened>> {
        self.opened.get(&index).cloned()
    }

    fn keep(&mut self, index: Index, opened: Arc<Opened>) {
        self.bytes += opened.bytes();
        if let Some(before) = self.opened.insert(index, opened) {
            self.bytes -= before.bytes();
        } else {
            self.order.push_back(index);
        }
        while self.bytes > MESSAGES_KEPT_BYTES || self.opened.len() > MESSAGES_KEPT {
            let Some(oldest) = self.order.pop_front() else { return };
            self.forget(oldest);
        }
    }

    pub(crate) fn forget(&mut self, index: Index) {
        if let Some(gone) = self.opened.remove(&index) {
            self.bytes -= gone.bytes();
            self.order.retain(|kept| *kept != index);
        }
    }

    pub(crate) fn forget_conversation(&mut self, id: ConversationId) {
        self.forget_where(|_, opened| opened.conversation == id);
    }

    pub(crate) fn forget_where(&mut self, goes: impl Fn(Index, &Opened) -> bool) {
        let gone = self.opened.iter().filter(|(index, opened)| goes(**index, opened));
        let gone: Vec<_> = gone.map(|(index, _)| *index).collect();
        gone.into_iter().for_each(|index| self.forget(index));
    }
}

impl Cx {
    /// Sends a message, making a new epoch first where one is due. Gives up when others outpace it too often.
    pub(crate) async fn send(
        &self,
        send: &Send,
        file: Option<(FileClaim, FileInfo)>,
    ) -> Result<Admitted, Error> {
        let (claim, info) = file.unzip();
        let text = MessageText { text: send.text.expose().to_owned(), file: info };
        let bytes = text.text.len() as u64;
        let too_long = Error::TooLong { bytes, limit: TEXT_BYTES_MAX as u64 };
        let content = Arc::new(text.encode().map_err(|_| too_long.clone())?);
        let size = class_for(content.len()).filter(|size| *size <= SizeClass::TEXT_MAX).ok_or(too_long)?;
        let conversation = send.conversation;
        for _ in 0..TRIES_MAX {
            let (epoch, key) = self.current_epoch(conversation).await?;
            let draft = self.with(|state| {
                let view = state.conversations.get(conversation).and_then(|row| row.view.as_ref());
                let default = view.map(|view| view.membership().default_label()).unwrap_or_default();
                MessageDraft {
                    conversation,
                    epoch,
                    key,
                    content: content.clone(),
                    size,
                    reference: send.reference,
                    label: send.label.unwrap_or(default),
                    precedence: send.precedence,
                    must_acknowledge: send.must_acknowledge,
                    time_ms: state.now_ms,
                    file: claim.clone(),
                }
            });
            match self.submit(Draft::Message(Arc::new(draft))).await {
                Err(error) if State::is_outpaced(&error) => self.epoch_refused(conversation, &error),
                outcome => return outcome,
            }
        }
        Err(Error::Outpaced { times: TRIES_MAX })
    }

    /// Sets a group's title.
    pub(crate) async fn set_title(&self, id: ConversationId, title: &SecretText) -> Result<Admitted, Error> {
        let text = TitleText { title: title.expose().to_owned() };
        let too_long = Error::TooLong { bytes: text.title.len() as u64, limit: TITLE_BYTES_MAX as u64 };
        let content = text.encode().map_err(|_| too_long.clone())?;
        let size = class_for(content.len()).ok_or(too_long)?;
        for _ in 0..TRIES_MAX {
            let (epoch, key) = self.current_epoch(id).await?;
            let content = content.clone();
            let draft = TitleDraft { conversation: id, epoch, key, content, size };
            match self.submit(Draft::Title(Arc::new(draft))).await {
                Err(error) if State::is_outpaced(&error) => self.epoch_refused(id, &error),
                outcome => {
                    self.with(|state| state.conversations.dirty(id));
                    return outcome;
                }
            }
        }
        Err(Error::Outpaced { times: TRIES_MAX })
    }

    /// The epoch was not taken: somebody was faster, or it is due by age, which no act says.
    fn epoch_refused(&self, id: ConversationId, error: &Error) {
        self.with(|state| {
            let row = state.conversations.row(id);
            row.dirty = true;
            row.epoch_unfit |= error.is_refusal(journal::refusal::code::EpochStale);
        });
    }

    /// A page of messages, each verified and, where it can be, opened.
    pub(crate) async fn messages(
        &self,
        id: ConversationId,
        which: Which,
    ) -> Result<(Vec<MessageView>, bool), Error> {
        for _ in 0..TRIES_MAX {
            let before = self.with(|state| state.conversations.drops_of(id));
            let page = self.page(id, which).await?;
            // What was erased meanwhile may still stand in it: neither the screen nor any memory takes it back in.
            if self.with(|state| state.conversations.drops_of(id)) == before {
                return Ok(page);
            }
        }
        Err(Error::Outpaced { times: TRIES_MAX })
    }

    async fn page(&self, id: ConversationId, which: Which) -> Result<(Vec<MessageView>, bool), Error> {
        self.follow(id).await?;
        let (Answer::Messages(page) | Answer::MessagesBefore(page)) = self.ask(which.query(id)).await? else {
            return Err(Error::unverified(What::Answer));
        };
        let Page { more, .. } = page;
        let mut views = Vec::with_capacity(page.entries.len());
        for entry in self.check_page_of(page, which.range()).await? {
            let view = self.view(&entry).await?;
            if view.conversation != id {
                return Err(Error::unverified(What::Answer));
            }
            views.push(view);
        }
        Ok((views, more))
    }

    /// The one message at this index of the conversation.
    pub(crate) async fn message(&self, id: ConversationId, index: Index) -> Result<MessageView, Error> {
        let (views, _) = self.messages(id, Which::From(index)).await?;
        views.into_iter().next().filter(|view| view.index == index).ok_or(Error::UnknownMessage { index })
    }

    /// What a verified message entry says.
    pub(crate) async fn view(&self, entry: &Checked) -> Result<MessageView, Error> {
        let Some((header, Act::Message(act))) = entry.act() else {
            return Err(Error::unverified(What::Answer));
        };
        let content = self.content(entry, header, act).await?;
        Ok(MessageView {
            index: entry.index,
            conversation: act.conversation,
            author: header.person,
            wall_ms: entry.wall_ms,
            time_ms: act.time_ms,
            label: act.label,
            precedence: act.precedence,
            must_acknowledge: act.must_acknowledge,
            reference: act.reference,
            content,
            disclosed: self.with(|state| state.disclosed(act.conversation, entry.index)),
        })
    }

    async fn content(&self, entry: &Checked, header: &Header, act: &Message) -> Result<Content, Error> {
        if let Some(erase) = entry.erased_by {
            return match self.tombstone(erase, entry, header.person, act).await {
                Ok(by) => {
                    self.with(|state| state.messages.forget(entry.index));
                    Ok(Content::Erased(by))
                }
                // Two clocks: neither an erasure nor an alarm.
                Err(Error::Ahead) => {
                    self.with(|state| state.messages.forget(entry.index));
                    Ok(Content::Ahead(erase))
                }
                // An Erase that is none, or without the right, explains nothing.
                Err(Error::NotVerified { .. }) => Ok(self.missing(act.conversation, entry.index)),
                Err(error) => Err(error),
            };
        }
        let known = self.with(|state| state.messages.get(entry.index));
        // By its index alone a text might be another's, should entries ever be lost under it.
        let same =
            |known: &Arc<Opened>| known.conversation == act.conversation && known.author == header.person;
        if let Some(known) = known.filter(same) {
            return Ok(known.content());
        }
        let Some(body) = &entry.body else { return Ok(self.missing(act.conversation, entry.index)) };
        if !self.might_write(entry, header, act).await? {
            return Ok(Content::Unreadable(What::Membership));
        }
        let key = match self.epoch_key(act.conversation, act.epoch).await {
            Ok(key) => key,
            Err(Error::NoKey { epoch }) => return Ok(Content::NoKey(epoch)),
            Err(Error::NotVerified { what }) => return Ok(Content::Unreadable(what)),
            Err(error) => return Err(error),
        };
        let place = TextPlace::of(header, act.conversation, act.epoch);
        let opened =
            Lock::message(header.suite, &key, &place).ok().and_then(|lock| open(body, header, act, &lock));
        let Some(text) = opened else { return Ok(Content::Unreadable(What::Body)) };
        // A file in the text that the signed act does not bind, or the other way round, is no file.
        if text.file.is_some() != act.file.is_some() {
            return Ok(Content::Unreadable(What::File));
        }
        let opened = Arc::new(Opened {
            conversation: act.conversation,
            author: header.person,
            label: act.label,
            wall_ms: entry.wall_ms,
            text,
            claim: act.file.clone(),
        });
        let content = opened.content();
        self.with(|state| state.messages.keep(entry.index, opened));
        Ok(content)
    }

    /// Whether the author had joined when he wrote, under the epoch that was in force: he who left holds its key still.
    /// What is known of the conversation may end before the entry, so a no counts only after one has asked again.
    async fn might_write(&self, entry: &Checked, header: &Header, act: &Message) -> Result<bool, Error> {
        let id = act.conversation;
        let judge = |state: &mut State| {
            state.conversations.row(id).might_write(header.person, act.epoch, entry.index)
        };
        if self.with(judge) {
            return Ok(true);
        }
        self.with(|state| state.conversations.dirty(id));
        self.follow(id).await?;
        Ok(self.with(judge))
    }

    fn missing(&self, id: ConversationId, index: Index) -> Content {
        // Said by the officers' own signatures, entry by entry.
        if let Some(era) = self.with(|state| state.successions.gave_up(index)) {
            return Content::GivenUp(era);
        }
        self.event(Event::MissingBody(id, index));
        Content::Missing
    }

    /// A conversation's title, opened.
    pub(crate) async fn title(&self, id: ConversationId) -> Option<SecretText> {
        let title = self.with(|state| state.conversations.get(id).and_then(|row| row.title.clone()))?;
        let body = title.body.as_ref()?;
        let key = self.epoch_key(id, title.act.epoch).await.ok()?;
        let place = TextPlace::of(&title.header, id, title.act.epoch);
        let lock = Lock::title(title.header.suite, &key, &place).ok()?;
        let parsed = BodyRef::parse(body).ok()?;
        let bound = parsed.commitment() == title.act.commitment && parsed.size() == title.act.size;
        let content: Zeroizing<Vec<u8>> = bound.then(|| parsed.open(&lock).ok()).flatten()?;
        // The whole of it may have been erased while the key was asked for.
        self.with(|state| state.conversations.get(id)?.title.as_ref().map(drop))?;
        Some(SecretText::from(TitleText::decode(&content).ok()?.title.as_str()))
    }
}

/// Commitment first: it binds key and text to what was signed; then the key's own commitment and the seal.
fn open(body: &[u8], header: &Header, act: &Message, lock: &Lock<'_>) -> Option<MessageText> {
    let parsed = BodyRef::parse(body).ok()?;
    let bound =
        parsed.commitment() == act.commitment && parsed.size() == act.size && parsed.suite() == header.suite;
    let content = bound.then(|| parsed.open(lock).ok()).flatten()?;
    MessageText::decode(&content).ok()
}
