//! A session with the server as the source of a backup.
//! Never has more than a bounded number of questions on their way, and believes no signature: the copy checks it.

use super::backup::busy;
use super::online::Online;
use super::trouble::Trouble;
use backup::{BackupError, Signed, Source, Taken, Verified};
use disk::{Anchor, BLOCK, Outline, Range};
use protocol::answer::Answer;
use protocol::client::Reply;
use protocol::code::Code;
use protocol::copy::{CopyAnswer, CopyAsk};
use protocol::limits::COPY_BYTES_MAX;
use protocol::query::Query;
use std::collections::VecDeque;

/// Blocks that one question asks for.
const PIECE_BLOCKS: u32 = (COPY_BYTES_MAX / BLOCK) as u32;

/// See the module.
pub(super) struct Pulling<'a> {
    online: &'a mut Online,
    /// The log identity key.
    identity: [u8; 32],
    /// Ranges on their way, each in so many pieces.
    asked: VecDeque<Vec<Range>>,
    /// An erasure waits until what is taken now is safe.
    owed: bool,
    /// An erasure waits for a backup still.
    waits: bool,
    /// Why it ended, in words.
    trouble: Option<Trouble>,
}

impl<'a> Pulling<'a> {
    pub(super) fn new(online: &'a mut Online, identity: [u8; 32]) -> Self {
        Self { online, identity, asked: VecDeque::new(), owed: false, waits: false, trouble: None }
    }

    /// Why the server gave no more, if that is why the copy ended.
    pub(super) fn trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Does an erasure wait for a backup still?
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    fn question(&mut self, ask: CopyAsk) -> Result<CopyAnswer, BackupError> {
        self.online.ask_ahead(Query::Copy(ask)).map_err(|trouble| self.ended(trouble))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<CopyAnswer, BackupError> {
        let reply = match self.online.answer_ahead() {
            Ok(reply) => reply,
            Err(trouble) if trouble.is_refusal(Code::Busy.number()) => return Err(self.ended(busy())),
            Err(trouble) => return Err(self.ended(trouble)),
        };
        let Reply::Answer(answer) = reply else { return Err(self.odd()) };
        let Answer::Copy(answer) = *answer else { return Err(self.odd()) };
        Ok(answer)
    }

    fn truth(&mut self, ask: CopyAsk) -> Result<bool, BackupError> {
        let CopyAnswer::Truth(truth) = self.question(ask)? else { return Err(self.odd()) };
        Ok(truth)
    }

    fn ended(&mut self, trouble: Trouble) -> BackupError {
        let error = BackupError::Server(trouble.name.clone());
        self.trouble = Some(trouble);
        error
    }

    fn odd(&mut self) -> BackupError {
        self.ended(Trouble::odd_answer())
    }
}

impl Source for Pulling<'_> {
    fn identity(&self) -> [u8; 32] {
        self.identity
    }

    fn hold(&mut self) -> Result<Outline, BackupError> {
        let CopyAnswer::Outline(bytes) = self.question(CopyAsk::Hold)? else { return Err(self.odd()) };
        Outline::decode(&bytes).map_err(|_| self.odd())
    }

    fn has_passed(&mut self, anchor: &Anchor) -> Result<bool, BackupError> {
        let mut bytes = Vec::new();
        anchor.encode(&mut bytes);
        self.truth(CopyAsk::HasPassed(bytes.into()))
    }

    fn is_same(&mut self, range: &Range, digest: &[u8; 32]) -> Result<Option<bool>, BackupError> {
        let mut bytes = Vec::new();
        range.encode(&mut bytes);
        match self.question(CopyAsk::IsSame(bytes.into(), *digest))? {
            CopyAnswer::Truth(truth) => Ok(Some(truth)),
            CopyAnswer::Lost => Ok(None),
            CopyAnswer::Outline(_)
            | CopyAnswer::Blocks(_)
            | CopyAnswer::Torn(_)
            | CopyAnswer::Waits
            | CopyAnswer::Signed(..) => Err(self.odd()),
        }
    }

    fn ask(&mut self, range: &Range) -> Result<(), BackupError> {
        let pieces: Vec<Range> = (0..range.blocks)
            .step_by(PIECE_BLOCKS as usize)
            .map(|from| Range {
                block: range.block + from,
                blocks: PIECE_BLOCKS.min(range.blocks - from),
                ..*range
            })
            .collect();
        for piece in &pieces {
            let mut bytes = Vec::new();
            piece.encode(&mut bytes);
            let asked = self.online.ask_ahead(Query::Copy(CopyAsk::Read(bytes.into())));
            asked.map_err(|trouble| self.ended(trouble))?;
        }
        self.asked.push_back(pieces);
        Ok(())
    }

    fn take(&mut self, blocks: &mut Vec<u8>) -> Result<Taken, BackupError> {
        let Some(pieces) = self.asked.pop_front() else { return Err(self.odd()) };
        blocks.clear();
        let mut taken = Taken::Blocks;
        for piece in pieces {
            match self.answer()? {
                CopyAnswer::Blocks(bytes) if bytes.len() == piece.bytes() => blocks.extend_from_slice(&bytes),
                CopyAnswer::Torn(bytes) if bytes.len() == piece.bytes() => {
                    blocks.extend_from_slice(&bytes);
                    taken = if taken == Taken::Lost { taken } else { Taken::Torn };
                }
                // The other pieces are on their way all the same.
                CopyAnswer::Lost => taken = Taken::Lost,
                CopyAnswer::Outline(_)
                | CopyAnswer::Truth(_)
                | CopyAnswer::Blocks(_)
                | CopyAnswer::Torn(_)
                | CopyAnswer::Waits
                | CopyAnswer::Signed(..) => return Err(self.odd()),
            }
        }
        Ok(taken)
    }

    fn sign(&mut self, segments: &[u8; 32]) -> Result<Signed, BackupError> {
        let answer = self.question(CopyAsk::Sign(*segments))?;
        let CopyAnswer::Signed(made_ms, signature) = answer else { return Err(self.odd()) };
        Ok(Signed { made_ms, signature: signature.into() })
    }

    fn kept(&mut self, _: &Verified) -> Result<bool, BackupError> {
        // What an erasure waits for lies here now: its root may go. Where it did not wait so long, this is a backup, and the
        // last one of this session.
        if std::mem::take(&mut self.owed) && !self.truth(CopyAsk::Safe)? {
            return Ok(false);
        }
        match self.question(CopyAsk::Next)? {
            CopyAnswer::Truth(owed) => self.owed = owed,
            CopyAnswer::Waits => self.waits = true,
            CopyAnswer::Outline(_)
            | CopyAnswer::Blocks(_)
            | CopyAnswer::Torn(_)
            | CopyAnswer::Lost
            | CopyAnswer::Signed(..) => return Err(self.odd()),
        }
        Ok(self.owed)
    }
}
