//! Padded lengths: what is sealed shows its size class and nothing more of its length.
//! Never seals anything: it lays content out in a buffer and finds it there again.
//!
//! ```text
//! length u32 big-endian | content | zero bytes up to 2^class
//! ```

use journal::act::SizeClass;

/// Bytes of the length in front of the content.
pub const PREFIX_BYTES: usize = 4;

/// More content than the class holds, or a class that does not exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{content} bytes of content do not fit into size class {}", .class.0)]
pub struct TooLong {
    /// Bytes of content.
    pub content: usize,
    /// The class.
    pub class: SizeClass,
}

/// The padding is not what [`pad`] writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the padding is not zero, or the length in front is too large")]
pub struct BadPadding;

/// Whether the class exists: from 256 bytes to 256 KiB.
pub fn exists(class: SizeClass) -> bool {
    (SizeClass::MIN..=SizeClass::CHUNK_MAX).contains(&class)
}

/// Most bytes of content in the class; 0 for a class that does not exist.
pub fn content_bytes_max(class: SizeClass) -> usize {
    if exists(class) { padded_bytes(class) - PREFIX_BYTES } else { 0 }
}

/// The smallest class for so much content, or `None` above the largest.
pub fn class_for(content_bytes: usize) -> Option<SizeClass> {
    SizeClass::holding(content_bytes.checked_add(PREFIX_BYTES)?)
}

/// Bytes of padded content; 0 for a class that does not exist.
pub(crate) fn padded_bytes(class: SizeClass) -> usize {
    if exists(class) { usize::try_from(class.bytes()).expect("at most 256 KiB") } else { 0 }
}

/// Lays the content out behind what `out` already holds.
pub(crate) fn pad(out: &mut Vec<u8>, content: &[u8], class: SizeClass) -> Result<(), TooLong> {
    if !exists(class) || content.len() > content_bytes_max(class) {
        return Err(TooLong { content: content.len(), class });
    }
    let length = u32::try_from(content.len()).expect("at most 256 KiB");
    let end = out.len() + padded_bytes(class);
    // One allocation: growing would leave a copy of the content behind.
    out.reserve_exact(padded_bytes(class));
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(content);
    out.resize(end, 0);
    Ok(())
}

/// Finds the content, and demands that the rest is zero: there is one padding for each content.
pub(crate) fn unpad(padded: &[u8]) -> Result<&[u8], BadPadding> {
    let (prefix, rest) = padded.split_first_chunk::<PREFIX_BYTES>().ok_or(BadPadding)?;
    let length = usize::try_from(u32::from_be_bytes(*prefix)).map_err(|_| BadPadding)?;
    let (content, zeros) = rest.split_at_checked(length).ok_or(BadPadding)?;
    if zeros.iter().all(|byte| *byte == 0) { Ok(content) } else { Err(BadPadding) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_around_a_class_comes_back() {
        for class in (SizeClass::MIN.0..=SizeClass::CHUNK_MAX.0).map(SizeClass) {
            for length in [0, 1, content_bytes_max(class) - 1, content_bytes_max(class)] {
                let content = vec![0xa5; length];
                let mut padded = vec![1, 2, 3];
                pad(&mut padded, &content, class).unwrap();
                assert_eq!(padded.len() as u64, 3 + class.bytes());
                assert_eq!(unpad(&padded[3..]).unwrap(), content);
            }
            let long = content_bytes_max(class) + 1;
            assert_eq!(pad(&mut Vec::new(), &vec![0; long], class), Err(TooLong { content: long, class }));
        }
    }

    #[test]
    fn the_class_is_the_smallest_that_holds_prefix_and_content() {
        assert_eq!(class_for(0), Some(SizeClass(8)));
        assert_eq!(class_for(252), Some(SizeClass(8)));
        assert_eq!(class_for(253), Some(SizeClass(9)));
        assert_eq!(class_for(262_140), Some(SizeClass(18)));
        assert_eq!(class_for(262_141), None);
        assert_eq!(class_for(usize::MAX), None);
    }

    #[test]
    fn classes_out_of_range_hold_nothing() {
        for class in [0, 7, 19, 31, 32, 255].map(SizeClass) {
            assert_eq!(content_bytes_max(class), 0);
            assert!(pad(&mut Vec::new(), b"", class).is_err());
        }
    }

    #[test]
    fn a_wrong_length_or_a_byte_in_the_padding_is_found() {
        let mut padded = Vec::new();
        pad(&mut padded, b"hello", SizeClass(8)).unwrap();
        for at in [9, 10, 255] {
            let mut bent = padded.clone();
            bent[at] = 1;
            assert_eq!(unpad(&bent), Err(BadPadding), "byte {at}");
        }
        let mut long = padded.clone();
        long[..4].copy_from_slice(&253u32.to_be_bytes());
        assert_eq!(unpad(&long), Err(BadPadding));
        long[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(unpad(&long), Err(BadPadding));
        assert_eq!(unpad(&[0, 0, 0]), Err(BadPadding));
    }
}
