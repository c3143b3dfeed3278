//! What is to be signed, before it has a number: it can be sealed and signed again under another one.
//! Never signs.

use super::conversations::Conversations;
use super::error::Error;
use super::secret::SecretText;
use super::state::State;
use crate::seal::body;
use crate::seal::keys::{EpochKey, Lock, TextPlace};
use journal::act::{Act, FileClaim, Message, Precedence, SetPassword, SizeClass, Title};
use journal::ids::{ConversationId, Index};
use journal::statement::Header;
use pki::Clearance;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An act that is not bound to a number yet, so that it can be signed again under another one.
#[derive(Clone)]
pub(crate) enum Draft {
    Act(Box<Act>),
    Message(Arc<MessageDraft>),
    Title(Arc<TitleDraft>),
    SetPassword(SecretText),
}

/// A message before it is sealed: its body key follows from chain and number.
pub(crate) struct MessageDraft {
    pub(crate) conversation: ConversationId,
    pub(crate) epoch: u32,
    pub(crate) key: Arc<EpochKey>,
    /// The encoded text.
    pub(crate) content: Arc<Zeroizing<Vec<u8>>>,
    pub(crate) size: SizeClass,
    pub(crate) reference: Option<Index>,
    pub(crate) label: Clearance,
    pub(crate) precedence: Precedence,
    pub(crate) must_acknowledge: bool,
    pub(crate) time_ms: u64,
    pub(crate) file: Option<FileClaim>,
}

/// A title before it is sealed.
pub(crate) struct TitleDraft {
    pub(crate) conversation: ConversationId,
    pub(crate) epoch: u32,
    pub(crate) key: Arc<EpochKey>,
    pub(crate) content: Zeroizing<Vec<u8>>,
    pub(crate) size: SizeClass,
}

/// What the loss of entries means for a draft.
pub(crate) enum Rests {
    /// It rests on none of them.
    OnKept,
    /// Nobody can tell: it is not signed from here on, for this reason; a statement that was made of it before may stand.
    Unknown(Error),
    /// It rests on one of them, and so would a statement of it.
    OnLost(Error),
}

impl Draft {
    /// Whether it may rest on an entry from `kept` on: names it as a message, an order or an epoch that was seen. What
    /// names people only does not.
    pub(crate) fn rests(&self, kept: Index, conversations: &Conversations) -> Rests {
        let of_epoch = |id: ConversationId, epoch: u32| {
            let row = conversations.get(id).and_then(|row| row.epochs.get(&epoch));
            // As if another had begun one meanwhile: whoever sends follows anew and tries again.
            let stale = Error::Refused { code: journal::refusal::code::WrongEpoch };
            match row {
                Some(row) if row.index < kept => Rests::OnKept,
                Some(_) => Rests::OnLost(stale),
                None => Rests::Unknown(stale),
            }
        };
        match self {
            Self::Message(draft) if draft.reference.is_some_and(|reference| reference >= kept) => {
                Rests::OnLost(Error::Overtaken)
            }
            Self::Message(draft) => of_epoch(draft.conversation, draft.epoch),
            Self::Title(draft) => of_epoch(draft.conversation, draft.epoch),
            Self::SetPassword(_) => Rests::OnKept,
            Self::Act(act) if matches!(**act, Act::Epoch(_) | Act::Reserve(_)) => {
                Rests::OnLost(Error::Refused { code: journal::refusal::code::WrongEpoch })
            }
            Self::Act(act) => {
                let of_people = matches!(
                    **act,
                    Act::Create(_)
                        | Act::Invite(_)
                        | Act::Leave(_)
                        | Act::Remove(_)
                        | Act::HandOver(_)
                        | Act::Logout(_)
                );
                if of_people { Rests::OnKept } else { Rests::Unknown(Error::Overtaken) }
            }
        }
    }
}

impl State {
    /// The act, sealed for the number that the header names, and its body.
    pub(crate) fn make(&mut self, draft: &Draft, header: &Header) -> Result<(Act, Option<Vec<u8>>), Error> {
        match draft {
            Draft::Act(act) => Ok(((**act).clone(), None)),
            Draft::SetPassword(_) => Ok((Act::SetPassword(SetPassword {}), None)),
            Draft::Message(draft) => {
                let place = text_place(header, draft.conversation, draft.epoch);
                let lock = Lock::message(header.suite, &draft.key, &place).map_err(|_| Error::Key)?;
                let body = body::seal(&lock, draft.size, &draft.content, &mut *self.rng).map_err(too_long)?;
                let act = Message {
                    conversation: draft.conversation,
                    epoch: draft.epoch,
                    reference: draft.reference,
                    commitment: body.commitment(),
                    size: draft.size,
                    label: draft.label,
                    precedence: draft.precedence,
                    must_acknowledge: draft.must_acknowledge,
                    time_ms: draft.time_ms,
                    file: draft.file.clone(),
                };
                Ok((Act::Message(act), Some(body.into_bytes())))
            }
            Draft::Title(draft) => {
                let place = text_place(header, draft.conversation, draft.epoch);
                let lock = Lock::title(header.suite, &draft.key, &place).map_err(|_| Error::Key)?;
                let body = body::seal(&lock, draft.size, &draft.content, &mut *self.rng).map_err(too_long)?;
                let act = Title {
                    conversation: draft.conversation,
                    epoch: draft.epoch,
                    commitment: body.commitment(),
                    size: draft.size,
                };
                Ok((Act::Title(act), Some(body.into_bytes())))
            }
        }
    }
}

fn text_place(header: &Header, conversation: ConversationId, epoch: u32) -> TextPlace {
    TextPlace {
        log: header.log,
        conversation,
        epoch,
        signer: header.person,
        chain: header.chain,
        sequence: header.sequence,
    }
}

fn too_long(error: crate::seal::padding::TooLong) -> Error {
    let limit = crate::seal::padding::content_bytes_max(error.class) as u64;
    Error::TooLong { bytes: error.content as u64, limit }
}
