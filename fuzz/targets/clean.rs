//! Text of others on a screen: nothing that steers a terminal is left, and cleaning twice changes nothing more.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for (cleaned, lines) in [(console::clean(&text), false), (console::clean_lines(&text), true)] {
        let steers = |letter: char| letter.is_control() && !(lines && matches!(letter, '\n' | '\t'));
        assert!(!cleaned.chars().any(steers));
        assert!(
            !cleaned
                .chars()
                .any(|letter| matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'))
        );
        let again = if lines { console::clean_lines(&cleaned) } else { console::clean(&cleaned) };
        assert_eq!(again, cleaned);
    }
    let folded = console::fold(&text);
    assert_eq!(console::fold(&folded), folded);
});
