//! Frames of both directions have one spelling, and a stream gives the same frames however it is cut into pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::frame::{BadFrame, Decoder, decode_to_core, decode_to_terminal, encode};
use protocol::limits::{FRAME_BYTES_BEFORE_LOGIN, FRAME_BYTES_MAX};

fuzz_target!(|bytes: &[u8]| {
    content(bytes);
    let Some((cut, stream)) = bytes.split_first() else { return };
    let whole = frames(stream, stream.len().max(1), FRAME_BYTES_BEFORE_LOGIN);
    let pieces = frames(stream, usize::from(*cut) + 1, FRAME_BYTES_BEFORE_LOGIN);
    assert_eq!(whole, pieces);
    for frame in frames(stream, stream.len().max(1), FRAME_BYTES_MAX).0 {
        content(&frame);
    }
});

fn content(bytes: &[u8]) {
    if let Ok(frame) = decode_to_core(bytes) {
        assert_eq!(encode(&frame)[4..], *bytes);
    }
    if let Ok(frame) = decode_to_terminal(bytes) {
        assert_eq!(encode(&frame)[4..], *bytes);
    }
}

/// The frames, and whether the stream was refused in the end.
fn frames(stream: &[u8], piece: usize, limit: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut decoder, mut found) = (Decoder::default(), Vec::new());
    for bytes in stream.chunks(piece) {
        decoder.push(bytes);
        loop {
            match decoder.next_frame(limit) {
                Ok(Some(frame)) => found.push(frame.to_vec()),
                Ok(None) => break,
                Err(BadFrame::TooLong { found: length, limit: allowed }) => {
                    assert!(length > allowed);
                    return (found, true);
                }
                Err(other) => panic!("the decoder judges lengths alone: {other}"),
            }
        }
    }
    assert!(decoder.buffered() <= limit + 4);
    (found, false)
}
