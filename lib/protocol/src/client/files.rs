//! Files: sealed from pieces that the caller gives, and opened into pieces that the caller takes.
//! Never holds more than a few chunks, and never says that a file is right before its last chunk was checked.

use super::chain::Draft;
use super::command::{CommandId, SendFile};
use super::error::{Error, What};
use super::event::{Admitted, Content, Event, FileView};
use super::flow::{Cx, Ticket};
use super::messages::file_view;
use super::requests::Asked;
use super::secret::SecretBytes;
use super::state::State;
use crate::answer::Answer;
use crate::code::Code;
use crate::frame::PutChunk;
use crate::query::Query;
use crate::seal::file::{FILE_BYTES_MAX, FileError, FileOpener, FilePlace, FileSealer};
use crate::seal::text::{FILE_NAME_BYTES_MAX, FileInfo};
use journal::act::{Act, FileClaim, Purpose, Reserve};
use journal::ids::{ConversationId, Index};
use std::collections::{BTreeMap, VecDeque};

/// Chunks of one file on their way at once, in either direction.
const WINDOW: usize = 8;

/// Pieces that callers gave and flows have not taken yet.
#[derive(Default)]
pub(crate) struct Uploads {
    wanted: BTreeMap<CommandId, Option<SecretBytes>>,
}

impl Uploads {
    /// Takes a piece; whether one was wanted.
    pub(crate) fn give(&mut self, command: CommandId, piece: SecretBytes) -> bool {
        match self.wanted.get_mut(&command) {
            Some(slot @ None) => {
                *slot = Some(piece);
                true
            }
            Some(Some(_)) | None => false,
        }
    }
}

impl Cx {
    /// Stores chunks, several on their way at once.
    pub(crate) async fn put_all(&self, chunks: impl Iterator<Item = PutChunk>) -> Result<(), Error> {
        let mut window = VecDeque::new();
        for chunk in chunks {
            if window.len() == WINDOW {
                self.finish_first(&mut window).await?;
            }
            window.push_back(self.begin(Asked::Put(chunk)).await?);
        }
        while !window.is_empty() {
            self.finish_first(&mut window).await?;
        }
        Ok(())
    }

    async fn finish_first(&self, window: &mut VecDeque<Ticket>) -> Result<(), Error> {
        match window.pop_front() {
            Some(ticket) => self.finish(ticket).await.map(drop),
            None => Ok(()),
        }
    }

    /// Sends a message with a file.
    pub(crate) async fn send_file(&self, command: CommandId, send: &SendFile) -> Result<Admitted, Error> {
        let conversation = send.message.conversation;
        let name_bytes = send.name.expose().len();
        if name_bytes > FILE_NAME_BYTES_MAX {
            return Err(Error::TooLong { bytes: name_bytes as u64, limit: FILE_NAME_BYTES_MAX as u64 });
        }
        self.follow(conversation).await?;
        let (id, mut sealer) = self.with(|state| state.file_sealer(conversation, send.bytes))?;
        let (chunks, size) = (sealer.chunks() + 1, sealer.class());
        let reserve = Reserve { id, conversation, purpose: Purpose::File, chunks, size };
        self.submit(Draft::Act(Box::new(Act::Reserve(reserve)))).await?;
        let mut window = VecDeque::new();
        while let Some((number, bytes)) = sealer.wants() {
            let piece = self.piece(command, number, bytes as u64).await;
            let sealed = self.with(|state| sealer.seal_next(piece.expose(), &mut *state.rng));
            let (chunk, body) = sealed.map_err(|_| Error::FileChanged)?;
            if window.len() == WINDOW {
                self.finish_first(&mut window).await?;
            }
            let put = PutChunk { request: 0, reservation: id, chunk, body: body.into_bytes().into() };
            window.push_back(self.begin(Asked::Put(put)).await?);
            self.event(Event::Progress(command, number, chunks - 1));
        }
        while !window.is_empty() {
            self.finish_first(&mut window).await?;
        }
        let name = send.name.expose().to_owned();
        let file = sealer.finish(name, send.media_type.clone()).map_err(|_| Error::FileChanged)?;
        self.send(&send.message, Some(file)).await
    }

    /// Asks the caller for a piece and waits for it.
    async fn piece(&self, command: CommandId, number: u32, bytes: u64) -> SecretBytes {
        self.with(|state| {
            state.uploads.wanted.insert(command, None);
            state.event(Event::ChunkWanted(command, number, bytes));
        });
        self.until(|state| match state.uploads.wanted.get_mut(&command).map(Option::take) {
            Some(Some(piece)) => {
                state.uploads.wanted.remove(&command);
                Some(piece)
            }
            Some(None) => None,
            None => Some(SecretBytes::default()),
        })
        .await
    }

    /// Fetches the file of a message; its pieces come as events.
    pub(crate) async fn fetch_file(
        &self,
        command: CommandId,
        id: ConversationId,
        index: Index,
    ) -> Result<FileView, Error> {
        let view = self.message(id, index).await?;
        match view.content {
            Content::Text(_, Some(_)) => {}
            Content::Text(_, None) => return Err(Error::NoFile { index }),
            Content::Erased(_) => return Err(Error::Erased { index }),
            Content::NoKey(epoch) => return Err(Error::NoKey { epoch }),
            Content::Ahead(_) => return Err(Error::Ahead),
            Content::GivenUp(era) => return Err(Error::GivenUp { era }),
            Content::Missing => return Err(Error::unverified(What::Body)),
            Content::Unreadable(what) => return Err(Error::unverified(what)),
        }
        let opened = self.with(|state| state.messages.get(index)).ok_or(Error::UnknownMessage { index })?;
        let (Some(info), Some(claim)) = (&opened.text.file, &opened.claim) else {
            return Err(Error::NoFile { index });
        };
        self.fetch_chunks(command, id, index, info, claim).await?;
        Ok(file_view(info, claim))
    }

    async fn fetch_chunks(
        &self,
        command: CommandId,
        id: ConversationId,
        index: Index,
        info: &FileInfo,
        claim: &FileClaim,
    ) -> Result<(), Error> {
        let bad = Error::unverified(What::File);
        let (suite, log) = self.with(|state| (state.me.suite, state.trust.log()));
        let mut opener = FileOpener::new(suite, log, id, claim, info).map_err(|_| bad.clone())?;
        let mut window = VecDeque::new();
        let mut asked = 0;
        while let Some(number) = opener.wants() {
            while window.len() < WINDOW && asked < claim.chunks {
                asked += 1;
                window.push_back(self.begin(Asked::Query(Query::Chunk(index, asked))).await?);
            }
            let ticket = window.pop_front().ok_or(bad.clone())?;
            let answer = self.finish(ticket).await.map_err(|error| self.given_up(index, error))?;
            let Some(Answer::Chunk(body)) = answer else {
                return Err(Error::unverified(What::Answer));
            };
            let content = opener.open_next(&body).map_err(|_| bad.clone())?;
            self.event(Event::FileChunk(command, number, SecretBytes::from(content)));
            self.event(Event::Progress(command, number, claim.chunks));
        }
        opener.finish().map_err(|_| bad)
    }

    /// A chunk that is not found: damage, unless the officers' own signatures say that what belongs to this entry was given up.
    fn given_up(&self, index: Index, error: Error) -> Error {
        let damaged = error.is_refusal(Code::Damaged.number());
        let era = self.with(|state| state.successions.gave_up(index)).filter(|_| damaged);
        era.map_or(error, |era| Error::GivenUp { era })
    }
}

impl State {
    fn file_sealer(
        &mut self,
        conversation: ConversationId,
        bytes: u64,
    ) -> Result<(journal::ReservationId, FileSealer), Error> {
        let reservation = self.random_reservation();
        let place = FilePlace { log: self.trust.log(), conversation, reservation };
        let sealer = FileSealer::new(self.me.suite, place, bytes, &mut *self.rng);
        match sealer {
            Ok(sealer) => Ok((reservation, sealer)),
            Err(FileError::TooLong { bytes }) => Err(Error::TooLong { bytes, limit: FILE_BYTES_MAX }),
            Err(FileError::Unsupported(_) | FileError::Piece { .. } | FileError::Unfinished { .. }) => {
                Err(Error::Key)
            }
        }
    }
}
