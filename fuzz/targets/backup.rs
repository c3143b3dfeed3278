//! What a pulling administrator hears from a server, and what lies about on a medium that others write to: a state is read
//! whole or refused and gives the same bytes again; a segment is read up to its first record that is not whole.
#![no_main]

use backup::Folder;
use disk::{BLOCK, Cover, Outline};
use libfuzzer_sys::fuzz_target;

/// A state without its superblocks, which are blocks of bytes and nothing more.
fn outline(bytes: &[u8]) {
    let Ok(outline) = Outline::decode(bytes) else { return };
    assert_eq!(outline.encode(), bytes);
    assert!(outline.used_bytes() <= outline.device_bytes());
    let mut cover = Cover::default();
    for range in cover.missing(&outline) {
        assert!(outline.holds(&range) && cover.add(&range));
        assert!(outline.offset(&range) + range.bytes() as u64 <= outline.device_bytes());
    }
    assert!(cover.missing(&outline).is_empty());
    let _some_cell_opens_it = (outline.opens_at(0), outline.opens_at(u64::MAX));
}

/// Over the state that has these superblocks, where there is room for them.
fn with_superblocks(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = usize::from(*bytes.first()?);
    let (before, behind) = bytes[1..].split_at_checked(at)?;
    Some([before, &[7; 2 * BLOCK][..], behind].concat())
}

fn folder(bytes: &[u8]) {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("segment-00001"), bytes).expect("a segment");
    let folder = Folder::make(dir.path()).expect("its own");
    assert_eq!(folder.segments().ok(), Some(vec![1]));
    backup::look(&folder, &[7; 32]).expect("without a manifest all of it is left over");
    let left = std::fs::read(dir.path().join("segment-00001")).expect("it is there");
    assert!(bytes.starts_with(&left), "cut off, never changed");
    std::fs::write(dir.path().join("manifest"), bytes).expect("a manifest");
    assert!(folder.finished(&[7; 32]).is_err(), "signed by nobody");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind {
        0 => outline(rest),
        1 => with_superblocks(rest).iter().for_each(|bytes| outline(bytes)),
        _ => folder(rest),
    }
});
