//! Reads everything that the commit records say is there, and names whatever does not open or does not count up.
//! Never changes a byte, and never stops at the first damage: the next run is looked for block by block.

use crate::device::BLOCK;
use crate::error::Error;
use crate::extents::{Extent, Stream};
use crate::log::Log;
use crate::run::{HEADER_BYTES, Header, Owner, Position, open_table};
use crate::seal::Piece;
use crate::superblock::Superblock;

/// Damages that are told one by one; more are only counted.
pub const DAMAGES_MAX: usize = 1000;

/// What a damage lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One of the two superblocks.
    Superblock,
    /// A stretch in which no run begins, or a run that does not read: every frame in it is lost.
    Run,
    /// The table of a run, or a frame's end that is not the table's: none of the run's frames can be trusted.
    Table,
    /// A journal entry.
    Entry {
        /// Its index.
        index: u64,
    },
    /// A frame of the tree or of the verifiers.
    Frame {
        /// Whose it is.
        owner: Owner,
    },
    /// A commit record.
    Commit,
    /// Bytes behind a run's end that are not zero.
    Padding,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The extent; `None` for a superblock.
    pub extent: Option<Extent>,
    /// The extent's stream.
    pub stream: Option<Stream>,
    /// Byte of the device.
    pub offset: u64,
    /// Bytes from there.
    pub bytes: u64,
    /// What it is.
    pub part: Part,
}

/// What a scan read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// Extents in use.
    pub extents: u32,
    /// Runs that opened.
    pub runs: u64,
    /// Frames in them.
    pub frames: u64,
    /// Journal entries among these.
    pub entries: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The first of what is damaged.
    pub damages: Vec<Damage>,
    /// All of it.
    pub damages_count: u64,
}

impl Scan {
    fn damaged(&mut self, damage: Damage) {
        self.damages_count += 1;
        if self.damages.len() < DAMAGES_MAX {
            self.damages.push(damage);
        }
    }
}

impl Log {
    /// Bytes that [`Log::scan`] will read.
    pub fn scan_bytes(&self) -> u64 {
        let uses = self.state.table.uses.iter();
        uses.map(|extent| u64::from(extent.used_blocks) * BLOCK as u64).sum()
    }

    /// Reads and authenticates all that is in use; `progress` hears the bytes read so far. Bodies are sealed by the layer
    /// above: of them only place, length and end are known here.
    pub fn scan(&self, progress: &mut dyn FnMut(u64)) -> Result<Scan, Error> {
        let mut scan = Scan::default();
        for copy in Superblock::damaged_copies(&*self.device, self.sealer.verifiers_key()) {
            let (offset, bytes) = (copy * BLOCK as u64, BLOCK as u64);
            scan.damaged(Damage { extent: None, stream: None, offset, bytes, part: Part::Superblock });
        }
        let table = &self.state.table;
        for (extent, used) in table.uses.iter().enumerate() {
            let (Some(stream), extent) = (used.stream, extent as Extent) else { continue };
            scan.extents += 1;
            let start = table.geometry.start(extent);
            let end = start + u64::from(used.used_blocks) * BLOCK as u64;
            self.scan_extent(&mut scan, (extent, stream), start, end, progress)?;
        }
        Ok(scan)
    }

    fn scan_extent(
        &self,
        scan: &mut Scan,
        (extent, stream): (Extent, Stream),
        start: u64,
        end: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let reader = self.reader().over_bad_sectors();
        let damage =
            |offset, bytes, part| Damage { extent: Some(extent), stream: Some(stream), offset, bytes, part };
        let (mut offset, mut lost_from) = (start, None);
        while offset < end {
            let header = reader.header(offset)?.filter(|header| {
                let blocks = u64::from(header.blocks);
                header.stream == stream
                    && header.batch <= self.state.batch
                    && blocks > 0
                    && offset + blocks * BLOCK as u64 <= end
            });
            let Some(header) = header else {
                lost_from.get_or_insert(offset);
                offset += BLOCK as u64;
                scan.bytes += BLOCK as u64;
                continue;
            };
            if let Some(from) = lost_from.take() {
                scan.damaged(damage(from, offset - from, Part::Run));
            }
            let bytes = u64::from(header.blocks) * BLOCK as u64;
            match reader.blocks(offset, bytes as usize) {
                Ok(run) => {
                    self.scan_run(scan, &header, offset, run.as_ref(), &damage);
                    scan.runs += 1;
                }
                Err(error) => {
                    reader.pass_over(error)?;
                    scan.damaged(damage(offset, bytes, Part::Run));
                }
            }
            scan.bytes += bytes;
            offset += bytes;
            progress(scan.bytes);
        }
        if let Some(from) = lost_from {
            scan.damaged(damage(from, end - from, Part::Run));
        }
        Ok(())
    }

    fn scan_run(
        &self,
        scan: &mut Scan,
        header: &Header,
        offset: u64,
        bytes: &[u8],
        damage: &dyn Fn(u64, u64, Part) -> Damage,
    ) {
        let covered = header.covered_bytes() as usize;
        let whole = covered + header.commit_bytes as usize;
        match open_table(&self.sealer, offset, header, bytes) {
            None => scan.damaged(damage(offset, bytes.len() as u64, Part::Table)),
            Some(rows) => {
                let mut position = Position { offset: offset + HEADER_BYTES as u64, length: 0 };
                for (number, row) in rows.iter().enumerate() {
                    position.length = row.length;
                    let index = header.first + number as u64;
                    let at = (position.offset - offset) as usize;
                    let frame = &bytes[at..at + row.length as usize];
                    let part = match header.stream {
                        // Whether a body opens is for the holder of its key to find.
                        Stream::Bodies => None,
                        Stream::Journal => Some(Part::Entry { index }),
                        Stream::Tree | Stream::Verifiers => Some(Part::Frame { owner: row.owner }),
                    };
                    let opens = |piece| self.sealer.open(piece, position.offset, frame).is_some();
                    if let Some(part) = part.filter(|_| !opens(Piece::Frame(header.stream))) {
                        scan.damaged(damage(position.offset, row.length.into(), part));
                    }
                    scan.frames += 1;
                    scan.entries += u64::from(header.stream == Stream::Journal);
                    position.offset += u64::from(row.length);
                }
            }
        }
        let commit = bytes.get(covered..whole);
        let opens = |sealed| self.sealer.open(Piece::Commit, offset + covered as u64, sealed).is_some();
        if header.commit_bytes > 0 && !commit.is_some_and(opens) {
            scan.damaged(damage(offset + covered as u64, header.commit_bytes.into(), Part::Commit));
        }
        if bytes.get(whole..).is_some_and(|padding| padding.iter().any(|byte| *byte != 0)) {
            scan.damaged(damage(offset + whole as u64, (bytes.len() - whole) as u64, Part::Padding));
        }
    }
}
