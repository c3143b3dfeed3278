//! What one extent shows to whoever looks through a store of which batches are lost, and what it carries by that.
//! Never reads: it is told block by block.

use crate::extents::{Stream, Use};
use crate::headers::Block;

/// What was seen of an extent so far.
pub(crate) struct Seen {
    /// Stream and batch of the first run that has a frame.
    first: Option<(Stream, u64)>,
    /// Blocks that runs of one stream fill from its beginning, without a gap.
    filled: u32,
    is_straight: bool,
    /// Nothing but zeros.
    is_blank: bool,
    /// Its very first run is of a lost batch.
    begins_lost: bool,
    /// Behind the gap nothing lies but zeros and runs of former lives.
    ends_clean: bool,
}

impl Default for Seen {
    fn default() -> Self {
        let (first, filled) = (None, 0);
        Self { first, filled, is_straight: true, is_blank: true, begins_lost: false, ends_clean: true }
    }
}

impl Seen {
    /// The next block, or the whole run that begins there. `kept`: the last batch that is kept.
    pub(crate) fn note(&mut self, block: &Block, is_first: bool, kept: u64) {
        self.is_blank &= matches!(block, Block::Zero);
        let header = match block {
            Block::Run(header) if header.blocks > 0 => header,
            Block::Zero => {
                self.is_straight = false;
                return;
            }
            Block::Run(_) | Block::Other | Block::Unread => {
                (self.is_straight, self.ends_clean) = (false, false);
                return;
            }
        };
        if self.is_straight && self.first.is_none_or(|(stream, _)| stream == header.stream) {
            self.filled = self.filled.saturating_add(header.blocks);
        } else {
            self.is_straight = false;
            self.ends_clean &= header.batch <= kept;
        }
        // One without a frame is a mark that an earlier attempt has left, or an empty end of a batch in the journal.
        if header.frames > 0 {
            self.first.get_or_insert((header.stream, header.batch));
            self.begins_lost |= is_first && header.batch > kept;
        }
    }

    /// What the extent carries now, whatever the kept batches knew of it.
    pub(crate) fn carries(&self, known: Use, kept: u64) -> Use {
        match (known.stream, self.first) {
            // Given back by a lost batch, and discarded: nothing is there any more.
            (Some(Stream::Tree | Stream::Bodies | Stream::Verifiers), None) if self.is_blank => {
                Use::default()
            }
            // Nothing reads there, perhaps only for a moment: bodies and nodes are found by their places, without a header.
            (Some(Stream::Tree | Stream::Bodies | Stream::Verifiers), None) => known,
            (Some(Stream::Journal) | None, None) => Use::default(),
            // A lost journal goes; so does what was given back before and only left its bytes.
            (_, Some((Stream::Journal, _))) => Use::default(),
            (None, Some((_, batch))) if batch <= kept => Use::default(),
            (Some(_) | None, Some((stream, batch))) => {
                // Taken anew since: what it carried then is gone. Where only the first runs do not read, a lost one behind
                // them goes on in the same extent.
                let is_anew = self.begins_lost || batch > kept && known.stream != Some(stream);
                let before = if is_anew { 0 } else { known.used_blocks };
                Use { stream: Some(stream), used_blocks: self.filled.max(before) }
            }
        }
    }

    /// May its stream go on behind what it carries? Only where nothing that is wanted can lie there.
    pub(crate) fn goes_on(&self, carries: Use) -> bool {
        self.ends_clean && self.filled == carries.used_blocks && self.filled > 0
    }
}
