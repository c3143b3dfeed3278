//! What lies on a device that is to become a store: filesystems, tables, volumes, swap, or bytes that nobody knows.
//! Never believes that a device is empty because it knows nothing on it: any byte that is not zero is somebody's.

use disk::{BLOCK, Device};
use journal::tree::leaf_hash;
use std::fmt;
use std::io;

/// Bytes looked at whole at both ends: every signature of the table lies there.
const ENDS_BYTES: u64 = 1 << 20;
/// Blocks looked at between the ends, evenly spread.
const SAMPLES: u64 = 256;

/// What nobody knows is called so.
pub(crate) const UNKNOWN: &str = "unknown";

/// Something that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    /// What it is.
    pub(crate) kind: &'static str,
    /// Which one: its own id, hexadecimal, where it has one.
    pub(crate) name: String,
}

/// As a person must repeat it to have it overwritten.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.is_empty() {
            true => f.write_str(self.kind),
            false => write!(f, "{}:{}", self.kind, self.name),
        }
    }
}

/// Several, in one word.
pub(crate) fn shown(found: &[Found]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
}

/// A signature: bytes at an offset from the start, and where the id stands, if anywhere.
struct Signature {
    kind: &'static str,
    at: usize,
    magic: &'static [u8],
    id: Option<(usize, usize)>,
}

const fn sign(kind: &'static str, at: usize, magic: &'static [u8], id: Option<(usize, usize)>) -> Signature {
    Signature { kind, at, magic, id }
}

/// Magic of Linux software RAID, as it lies there.
const RAID: &[u8] = &[0xfc, 0x4e, 0x2b, 0xa9];

/// From the formats' own documents.
const AT_START: &[Signature] = &[
    sign("ext", 0x438, &[0x53, 0xef], Some((0x468, 16))),
    sign("xfs", 0, b"XFSB", Some((32, 16))),
    sign("btrfs", 0x1_0040, b"_BHRfS_M", Some((0x1_0020, 16))),
    sign("fat", 0x36, b"FAT12   ", Some((0x27, 4))),
    sign("fat", 0x36, b"FAT16   ", Some((0x27, 4))),
    sign("fat", 0x52, b"FAT32   ", Some((0x43, 4))),
    sign("exfat", 3, b"EXFAT   ", Some((0x64, 4))),
    sign("ntfs", 3, b"NTFS    ", Some((0x48, 8))),
    sign("bitlocker", 3, b"-FVE-FS-", None),
    sign("f2fs", 0x400, &[0x10, 0x20, 0xf5, 0xf2], Some((0x46c, 16))),
    sign("erofs", 0x400, &[0xe2, 0xe1, 0xf5, 0xe0], None),
    sign("reiserfs", 0x1_0034, b"ReIsEr", None),
    sign("jfs", 0x8000, b"JFS1", None),
    sign("apfs", 32, b"NXSB", None),
    sign("hfs", 0x400, b"H+\0\x04", None),
    sign("squashfs", 0, b"hsqs", None),
    sign("iso9660", 0x8001, b"CD001", None),
    sign("udf", 0x8001, b"BEA01", None),
    sign("swap", 0xff6, b"SWAPSPACE2", Some((0x40c, 16))),
    sign("swap", 0xff6, b"SWAP-SPACE", None),
    sign("luks", 0, b"LUKS\xba\xbe", Some((168, 36))),
    sign("luks", 0x4000, b"SKUL\xba\xbe", None),
    sign("lvm", 0x18, b"LVM2 001", Some((0x20, 32))),
    sign("lvm", 0x218, b"LVM2 001", Some((0x220, 32))),
    sign("lvm", 0x418, b"LVM2 001", Some((0x420, 32))),
    sign("lvm", 0x618, b"LVM2 001", Some((0x620, 32))),
    sign("raid", 0, RAID, Some((16, 16))),
    sign("raid", 0x1000, RAID, Some((0x1010, 16))),
    sign("bcache", 0x1018, &[0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca], Some((0x1028, 16))),
    sign("integrity", 0, b"integrt\0", None),
    sign("verity", 0, b"verity\0\0", None),
    sign("bluestore", 0, b"bluestore block device", None),
    sign("gpt", 512, b"EFI PART", Some((512 + 56, 16))),
    sign("gpt", 4096, b"EFI PART", Some((4096 + 56, 16))),
];

/// The same, counted back from the device's end.
const AT_END: &[Signature] = &[
    sign("gpt-backup", 512, b"EFI PART", Some((512 - 56, 16))),
    sign("gpt-backup", 4096, b"EFI PART", Some((4096 - 56, 16))),
    sign("raid", 8192, RAID, Some((8192 - 16, 16))),
    sign("raid", 65_536, RAID, None),
    sign("raid", 131_072, RAID, None),
];

/// Everything that is found at a glance. Nothing: the ends are zeros, and so is every sample between them; before anything is
/// overwritten, [`look_through`] sees the rest.
pub(crate) fn look(device: &dyn Device) -> io::Result<Vec<Found>> {
    let ends = ENDS_BYTES.min(device.length()) as usize;
    let (mut head, mut tail) = (vec![0; ends], vec![0; ends]);
    device.read(0, &mut head)?;
    device.read(device.length() - ends as u64, &mut tail)?;
    let mut found = Vec::new();
    for signature in AT_START {
        take(&mut found, signature, &head, Some);
    }
    for signature in AT_END {
        // Written forwards from where they begin; the table counts backwards from the end.
        take(&mut found, signature, &tail, |at| tail.len().checked_sub(at));
    }
    if is_zfs(&head) || is_zfs(&tail) {
        found.push(Found { kind: "zfs", name: String::new() });
    }
    // What has no id of its own is known by its bytes: the word for one device must not fit the next.
    let digest = |more: &[u8]| hex::encode(&leaf_hash(&[&head[..], &tail[..], more].concat())[..4]);
    for one in found.iter_mut().filter(|one| one.name.is_empty()) {
        one.name = digest(&[]);
    }
    if has_partition_table(&head) && found.is_empty() {
        let name = hex::encode(&head[0x1b8..0x1bc]);
        found.push(Found { kind: "mbr", name });
    }
    if found.is_empty() {
        let ends_are_zero = is_zero(&head) && is_zero(&tail);
        let between = if ends_are_zero { sampled(device)? } else { Some(Vec::new()) };
        found.extend(between.map(|more| Found { kind: UNKNOWN, name: digest(&more) }));
    }
    Ok(found)
}

/// Reads a device at which [`look`] found nothing, to its end: any byte that is not zero is somebody's. `told` hears how many bytes
/// are through.
pub(crate) fn look_through(device: &dyn Device, mut told: impl FnMut(u64)) -> io::Result<Option<Found>> {
    let (length, mut piece) = (device.length(), vec![0; ENDS_BYTES as usize]);
    for offset in (0..length).step_by(piece.len()) {
        let bytes = ENDS_BYTES.min(length - offset) as usize;
        device.read(offset, &mut piece[..bytes])?;
        if !is_zero(&piece[..bytes]) {
            let name = hex::encode(&leaf_hash(&[&offset.to_le_bytes(), &piece[..bytes]].concat())[..4]);
            return Ok(Some(Found { kind: UNKNOWN, name }));
        }
        told(offset + bytes as u64);
    }
    Ok(None)
}

/// Looks for one signature; `place` turns the table's offsets into the buffer's.
fn take(found: &mut Vec<Found>, signature: &Signature, bytes: &[u8], place: impl Fn(usize) -> Option<usize>) {
    let Signature { kind, at, magic, id } = signature;
    if !place(*at).and_then(|at| bytes.get(at..)).is_some_and(|bytes| bytes.starts_with(magic)) {
        return;
    }
    let id = id.and_then(|(at, length)| bytes.get(place(at)?..)?.get(..length));
    let name = id.map(|id| match id.iter().all(u8::is_ascii_graphic) {
        true => String::from_utf8_lossy(id).into_owned(),
        false => hex::encode(id),
    });
    let one = Found { kind, name: name.unwrap_or_default() };
    if !found.contains(&one) {
        found.push(one);
    }
}

/// Four entries behind the boot code, each active or not, at least one with a type.
fn has_partition_table(head: &[u8]) -> bool {
    let Some(entries) = head.get(0x1be..0x1fe).filter(|_| head.get(0x1fe..0x200) == Some(&[0x55, 0xaa][..]))
    else {
        return false;
    };
    let entries = entries.as_chunks::<16>().0;
    entries.iter().all(|entry| entry[0] & 0x7f == 0) && entries.iter().any(|entry| entry[4] != 0)
}

/// Uberblocks lie in the upper half of each label of 256 KiB, two labels at each end.
fn is_zfs(end: &[u8]) -> bool {
    let magics: [&[u8]; 2] = [&[0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0], &[0, 0, 0, 0, 0, 0xba, 0xb1, 0x0c]];
    let blocks = end.chunks(1024);
    blocks.filter(|block| magics.iter().any(|magic| block.starts_with(magic))).count() > 0
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// The first sample that is not zeros.
fn sampled(device: &dyn Device) -> io::Result<Option<Vec<u8>>> {
    let (mut block, blocks) = (vec![0; BLOCK], device.length() / BLOCK as u64);
    for sample in 0..SAMPLES.min(blocks) {
        device.read(blocks * sample / SAMPLES.min(blocks) * BLOCK as u64, &mut block)?;
        if !is_zero(&block) {
            return Ok(Some(block));
        }
    }
    Ok(None)
}

/// Takes every signature off that [`look`] knows: zeros at both ends. The caller syncs.
pub(crate) fn wipe(device: &dyn Device) -> io::Result<()> {
    let ends = ENDS_BYTES.min(device.length());
    let zeros = vec![0; ends as usize];
    device.write(0, &zeros)?;
    device.write(device.length() - ends, &zeros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use disk::{Medium, MemoryDevice};
    use std::process::Command;

    const LENGTH: u64 = 8 << 20;

    fn with(writes: &[(u64, &[u8])]) -> MemoryDevice {
        let mut bytes = vec![0; LENGTH as usize];
        for (at, written) in writes {
            bytes[*at as usize..][..written.len()].copy_from_slice(written);
        }
        MemoryDevice::from_bytes(bytes)
    }

    #[test]
    fn every_signature_is_found_under_its_name_and_is_gone_when_it_was_wiped() {
        for (signature, is_end) in
            AT_START.iter().map(|one| (one, false)).chain(AT_END.iter().map(|one| (one, true)))
        {
            let at = if is_end { LENGTH - signature.at as u64 } else { signature.at as u64 };
            let device = with(&[(at, signature.magic)]);
            let found = look(&device).unwrap();
            assert_eq!(found.len(), 1, "{} {at}: {}", signature.kind, shown(&found));
            assert_eq!(found[0].kind, signature.kind);
            wipe(&device).unwrap();
            assert_eq!(look(&device).unwrap(), []);
        }
    }

    #[test]
    fn a_partition_table_zfs_and_unknown_bytes_are_told() {
        let mut table = [0; 512];
        table[0x1b8..0x1bc].copy_from_slice(&[1, 2, 3, 4]);
        table[0x1be + 4] = 0x83;
        table[0x1fe..].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(shown(&look(&with(&[(0, &table)])).unwrap()), "mbr:01020304");
        let uberblock = [0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0];
        let pools = [1, 2].map(|id| look(&with(&[(128 << 10, &uberblock), (300 << 10, &[id])])).unwrap());
        assert!(
            pools.iter().all(|found| found[0].kind == "zfs") && pools[0] != pools[1],
            "two pools, one word"
        );
        let one = look(&with(&[(5000, &[1])])).unwrap();
        let other = look(&with(&[(5000, &[2])])).unwrap();
        assert!(one[0].kind == "unknown" && one != other, "unknown bytes are told apart");
        // Far from both ends, under a sample.
        assert_eq!(look(&with(&[(LENGTH / 2, &[1])])).unwrap()[0].kind, "unknown");
        assert_eq!(look(&with(&[])).unwrap(), []);
    }

    #[test]
    fn what_lies_between_the_samples_is_found_by_reading_on() {
        // 4,096 blocks between the ends' MiB, every sixteenth a sample.
        let bytes = |id: u8| {
            let device = MemoryDevice::new(16 << 20);
            device.write((5 << 20) + 3 * BLOCK as u64, &[id; BLOCK]).unwrap();
            device
        };
        let (one, other) = (bytes(1), bytes(2));
        assert_eq!(look(&one).unwrap(), [], "at a glance nothing is there");
        let mut through = 0;
        let found = look_through(&one, |bytes| through = bytes).unwrap().unwrap();
        assert!(found.kind == "unknown" && through == 5 << 20);
        assert_ne!(Some(found), look_through(&other, |_| {}).unwrap());
        assert_eq!(look_through(&MemoryDevice::new(3 << 20), |bytes| through = bytes).unwrap(), None);
        assert_eq!(through, 3 << 20);
    }

    #[test]
    fn what_the_real_tools_make_is_found_with_their_own_ids() {
        let folder = tempfile::tempdir().unwrap();
        for (tool, kind) in [("mkfs.ext4", "ext"), ("mkswap", "swap")] {
            let path = folder.path().join(kind);
            std::fs::File::create(&path).unwrap().set_len(LENGTH).unwrap();
            let uuid = "00112233-4455-6677-8899-aabbccddeeff";
            if !Command::new(tool).args(["-q", "-U", uuid]).arg(&path).status().is_ok_and(|s| s.success()) {
                // mkswap of some systems knows no `-q`.
                let made = Command::new(tool).args(["-U", uuid]).arg(&path).output();
                if !made.is_ok_and(|made| made.status.success()) {
                    continue; // The tool is not here; the test above has its signature.
                }
            }
            let found = look(&Medium::open(&path).unwrap()).unwrap();
            assert_eq!(shown(&found), format!("{kind}:00112233445566778899aabbccddeeff"));
        }
    }
}
