//! What stands inside a body: texts, titles and the descriptions of files have one spelling and keep their limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::seal::text::{FILE_NAME_BYTES_MAX, MessageText, TEXT_BYTES_MAX, TITLE_BYTES_MAX, TitleText};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = MessageText::decode(bytes) {
        assert!(text.text.len() <= TEXT_BYTES_MAX);
        assert!(text.encode().is_ok_and(|again| **again == *bytes));
        if let Some(file) = &text.file {
            assert!(!file.name.contains('/') && file.name != ".." && file.name.len() <= FILE_NAME_BYTES_MAX);
        }
    }
    if let Ok(title) = TitleText::decode(bytes) {
        assert!(title.title.len() <= TITLE_BYTES_MAX);
        assert!(title.encode().is_ok_and(|again| **again == *bytes));
    }
});
