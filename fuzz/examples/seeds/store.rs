//! First inputs of the targets around the store: its records, its copies, what a recovery finds, and what a TPM says.

use super::keep;
use disk::{Anchor, BLOCK, Geometry, Outline, Part, Stream};
use sha2::{Digest, Sha256};

/// The mode in front; the rest as FORMAT.md draws it, numbers little-endian.
pub(crate) fn records() {
    let number = |value: u64| value.to_le_bytes();
    let commit = [
        &[0, 1][..],
        &number(1),
        &[0; 32],
        &number(3),
        &number(0),
        &[0, 0, 0, 0, 0],
        &[7; 32],
        &[0],
        &[0; 4],
        &[255; 12],
        &1u32.to_le_bytes(),
        &[0; 12],
        &[0],
    ];
    keep("disk", "commit", commit.concat());
    let verifiers =
        [&[1, 1][..], &[0; 4], &[0], &1u32.to_le_bytes(), &[5; 8], &[1], &3u32.to_le_bytes(), b"abc"];
    keep("disk", "verifiers", verifiers.concat());
    let four = |value: u32| value.to_le_bytes();
    let header =
        [&[2, 1, 1, 0, 0][..], &number(1), &number(0), &four(1), &four(1), &four(100), &four(60), &four(0)];
    keep("disk", "run", [&header.concat()[..], &four(20), &[0; 16]].concat());
    keep("disk", "superblock", [&[3][..], &[9; 16], &four(65536), &four(40), &four(3)].concat());
    keep("disk", "store", [4, 2, 0, 0, 1, 18, 0, 99, 255]);
    let slot = [&[0][..], &[1; 32], &number(4096), &four(100), &[2; 16]].concat();
    keep("vault", "node", [&[1, 0][..], &number(3), &number(1), &slot].concat());
    keep("vault", "top", [&[1][..], &number(3), &[4; 32], &[0]].concat());
    let leaf = [&number(1)[..], &number(2), &[0], &[1; 32], &number(4096), &four(100), &[2; 16]].concat();
    keep("vault", "pending", [&[1, 0][..], &four(1), &leaf].concat());
}

/// A state without its superblocks behind the mode and where they go, and a segment's head with one record.
pub(crate) fn backups() {
    let part = |extent, blocks| Part { extent, stream: Stream::Bodies, born: 1, blocks };
    let outline = Outline {
        store: [1; 16],
        geometry: Geometry { extent_bytes: 1 << 20, extents: 40, reserve: 3 },
        anchor: Anchor { batch: 9, commit_at: 8192, digest: [2; 32] },
        entries: 5,
        journal_root: [3; 32],
        epoch: 4,
        next_written: true,
        superblocks: vec![7; 2 * BLOCK],
        parts: vec![part(0, 200), part(7, 3)],
    };
    let bytes = outline.encode();
    let superblocks =
        bytes.windows(2 * BLOCK).position(|run| run.iter().all(|byte| *byte == 7)).expect("they are there");
    let (before, behind) = (&bytes[..superblocks], &bytes[superblocks + 2 * BLOCK..]);
    keep("backup", "state", [&[1, superblocks as u8], before, behind].concat());
    let blocks = [5; BLOCK];
    let range = disk::Range { extent: 0, born: 1, block: 0, blocks: 1 };
    let (mut anchor, mut named) = (Vec::new(), Vec::new());
    outline.anchor.encode(&mut anchor);
    range.encode(&mut named);
    let digest = backup::blocks_digest(&range, &blocks);
    let segment = [&b"conclave segment\x01"[..], &outline.store, &anchor, &named, &digest, &blocks];
    keep("backup", "segment", [&[2], &segment.concat()[..]].concat());
}

/// Edits of six bytes each: see `targets/salvage.rs`.
pub(crate) fn salvages() {
    // A block of zeros here and there: the journal's extent comes first.
    for block in [2_u16, 5, 9, 16, 20, 34, 40] {
        let [high, low] = block.to_be_bytes();
        keep("salvage", &format!("zeros-{block}"), [1, high, low, 0, 0, 0]);
    }
    keep("salvage", "flipped", [0, 0, 7, 0, 120, 1, 0, 0, 22, 1, 44, 255]);
    keep("salvage", "put-back", [2, 0, 8, 0, 0, 4, 2, 0, 20, 0, 0, 6, 2, 0, 36, 0, 0, 2]);
    keep("salvage", "exchanged", [3, 0, 5, 0, 6, 0, 3, 0, 24, 0, 25, 0]);
    keep("salvage", "cell", [4, 0, 0, 0, 40, 1]);
    keep("salvage", "cell-and-journal", [4, 1, 0, 0, 70, 8, 1, 0, 12, 0, 0, 0]);
}

/// The kind in front: see `targets/tpm.rs`. A script's words are those of `targets/tpm/bus.rs`.
pub(crate) fn tpms() {
    let response = |tag: u8, body: &[u8]| {
        let size = (10 + body.len() as u32).to_be_bytes();
        [&[0, 0x80, tag][..], &size, &[0; 4], body].concat()
    };
    keep("tpm", "capability", response(1, &[0, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 1, 0x2c, 0, 0, 1, 0]));
    let reply = [&[0, 0, 0, 2, 0, 0][..], &[0, 32], &[3; 32], &[0x40], &[0, 32], &[4; 32]].concat();
    keep("tpm", "session", response(2, &reply));
    let covered = [&[1][..], &[7; 32], &[0, 0x0b], &[5; 32]].concat();
    keep("tpm", "auth", [&[1][..], &covered, &Sha256::digest(&covered)].concat());
    keep("tpm", "auth-covered", [&[2][..], &covered].concat());
    // As a TPM throughout; one that says other things under sound HMACs; one with bytes changed on the way.
    keep("tpm", "honest", [&[3][..], &[0; 80]].concat());
    let said = |word: &[u8]| [&[3][..], &[0; 7], word, &[0; 40]].concat();
    keep("tpm", "short", said(&[5, 1, 9]));
    keep("tpm", "read", said(&[0, 5, 6, 0, 4, 1, 2, 3, 4]));
    keep("tpm", "changed", said(&[0, 4, 0, 60, 1]));
    keep("tpm", "refused", said(&[6, 0, 0, 1, 0x8b, 0]));
    keep("tpm", "made-up", said(&[0x16, 4, 1, 2, 3, 4]));
}
