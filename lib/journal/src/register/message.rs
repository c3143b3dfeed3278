//! Messages, read cursors and acknowledgements.
//! Never sees a text: size class, label and place are all it knows.

use super::columns::{FILE, MUST_ACKNOWLEDGE, Row};
use super::session::check_covered;
use super::{Applied, Audience, Context, Cursor, Effect, FileRow, Register};
use crate::act::{Acknowledge, Message, Read};
use crate::ids::Place;
use crate::refusal::Refusal;

impl Register {
    pub(super) fn message_act(&mut self, cx: &Context<'_>, act: &Message) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        self.check_message(cx, number, act)?;
        let file = match &act.file {
            Some(claim) => Some((claim.reservation, self.check_file(cx, number, claim)?)),
            None => None,
        };
        self.check_quota(cx.by.signer, act.size.bytes())?;
        let row = self.row(number)?;
        let mut effects = Vec::new();
        let item = match file {
            Some((id, (place, file_row))) => {
                self.claim(id);
                self.files.insert(cx.by.index, file_row);
                effects.push(Effect::ReservationClaimed { id, place });
                place.item
            }
            None => {
                let item = row.next_item;
                self.row_mut(number)?.next_item += 1;
                item
            }
        };
        effects.push(Effect::ItemAllocated { place: Place { conversation: number, item } });
        self.charge(cx.by.signer, number, act.size.bytes());
        self.keep_message(cx, number, item, act);
        Ok(Applied::with(Audience::Conversation(number), effects))
    }

    fn check_message(&self, cx: &Context<'_>, number: u64, act: &Message) -> Result<(), Refusal> {
        let signer = cx.by.signer;
        let row = self.row(number)?;
        row.membership.joined(signer)?;
        self.check_epoch_in_force(number, act.epoch, cx.now_ms)?;
        let ceiling = row.membership.ceiling();
        if act.label > ceiling {
            return Err(Refusal::LabelTooHigh { ceiling });
        }
        let newest = self.people.get(&signer).ok_or(Refusal::UnknownPerson { person: signer })?.clearance;
        let signing = self.certificates.get(&cx.header.certificate).ok_or(Refusal::UnknownCertificate)?;
        // Both the certificate that signs and the person's newest must cover the label.
        if !newest.min(signing.certificate().clearance()).covers(act.label) {
            return Err(Refusal::ClearanceTooLow { person: signer, needed: act.label });
        }
        if let Some(index) = act.reference {
            self.message_in(number, index)?;
        }
        Ok(())
    }

    /// The row number of a message of this conversation.
    pub(super) fn message_in(&self, number: u64, index: u64) -> Result<u32, Refusal> {
        let missing = Refusal::NoSuchMessage { index };
        let found = self.messages.find(index).ok_or(missing.clone())?;
        if self.messages.row(found).conversation != self.row(number)?.ordinal {
            return Err(missing);
        }
        Ok(found)
    }

    fn keep_message(&mut self, cx: &Context<'_>, number: u64, item: u64, act: &Message) {
        let author = self.people.get(&cx.by.signer).map_or(0, |person| person.ordinal);
        let Some(conversation) = self.conversations.get_mut(&number) else { return };
        let mut flags = 0;
        if act.must_acknowledge {
            flags |= MUST_ACKNOWLEDGE;
        }
        if act.file.is_some() {
            flags |= FILE;
        }
        let row = Row {
            index: cx.by.index,
            conversation: conversation.ordinal,
            item: u32::try_from(item).expect("a conversation has fewer items than the journal entries"),
            author,
            size: act.size,
            label: act.label,
            precedence: act.precedence,
            flags,
        };
        conversation.messages.push(self.messages.push(row));
    }

    /// Bytes of a message as they count in a quota: text and file.
    pub(super) fn message_bytes(&self, row: &Row) -> u64 {
        let file = (row.flags & FILE != 0).then(|| self.files.get(&row.index)).flatten();
        row.size.bytes() + file.map_or(0, FileRow::bytes)
    }

    pub(super) fn read_act(&mut self, cx: &Context<'_>, act: &Read) -> Result<Applied, Refusal> {
        let number = self.open_conversation(act.conversation)?;
        let row = self.row(number)?;
        row.membership.member(cx.by.signer)?;
        self.message_in(number, act.up_to)?;
        if let Some(cursor) = row.cursors.get(&cx.by.signer)
            && cursor.up_to >= act.up_to
        {
            return Err(Refusal::CursorBack { index: cursor.up_to });
        }
        let cursor = Cursor { up_to: act.up_to, said_at: cx.by.index };
        self.row_mut(number)?.cursors.insert(cx.by.signer, cursor);
        Ok(Applied::to(Audience::Conversation(number)))
    }

    pub(super) fn acknowledge(&mut self, cx: &Context<'_>, act: &Acknowledge) -> Result<Applied, Refusal> {
        let index = act.message;
        let message = self.message(index).ok_or(Refusal::NoSuchMessage { index })?;
        let row = self.row(message.conversation)?;
        row.membership.member(cx.by.signer)?;
        check_covered(cx.header, index)?;
        if !message.must_acknowledge || message.author == cx.by.signer {
            return Err(Refusal::NothingToAcknowledge { index });
        }
        if message.erased {
            return Err(Refusal::MessageErased { index });
        }
        if self.acknowledged(index).contains(&cx.by.signer) {
            return Err(Refusal::Unchanged);
        }
        self.acknowledged.entry(index).or_default().push(cx.by.signer);
        Ok(Applied::to(Audience::Conversation(message.conversation)))
    }
}
