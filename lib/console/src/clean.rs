//! Makes text that others wrote safe to show on a terminal or a sheet.
//! Never judges what a text says, and never shortens what can be read.

use unicode_width::UnicodeWidthChar;

/// Marks (accents and the like) that may stand on one letter; more of them would climb over other lines.
pub const MARKS_MAX: usize = 2;

/// One line of foreign text: names, titles, file names. Line breaks and tabs become spaces, and whatever could steer
/// the terminal, reorder letters or hide among them is dropped.
pub fn clean(text: &str) -> String {
    cleaned(text, false)
}

/// What was cleaned, as one word of a shell: for commands that are printed to be run.
pub fn quoted(cleaned: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,@".contains(c);
    match !cleaned.is_empty() && cleaned.chars().all(plain) {
        true => cleaned.to_owned(),
        false => format!("'{}'", cleaned.replace('\'', r"'\''")),
    }
}

/// Foreign text of several lines: like [`clean`], but `\n` and `\t` stay (`\r\n` and the other line breaks of Unicode
/// become `\n`).
pub fn clean_lines(text: &str) -> String {
    cleaned(&text.replace("\r\n", "\n"), true)
}

/// Whether a letter could steer a terminal or the reading of what stands around it, so that even a script's answer spells
/// it out.
pub(crate) fn steers(letter: char) -> bool {
    match fate(letter) {
        Fate::Drop | Fate::Break | Fate::Unknown => true,
        Fate::Keep | Fate::Space | Fate::Mark => false,
    }
}

/// What is to be done with one letter.
enum Fate {
    Keep,
    Space,
    Break,
    Mark,
    Unknown,
    Drop,
}

fn cleaned(text: &str, lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // A mark at the start would stand on what the program printed before it, so there it has no room.
    let mut marks_left = 0;
    for letter in text.chars() {
        match fate(letter) {
            Fate::Keep => {
                out.push(letter);
                marks_left = MARKS_MAX;
            }
            Fate::Space if lines && letter == '\t' => {
                out.push('\t');
                marks_left = 0;
            }
            Fate::Break if lines => {
                out.push('\n');
                marks_left = 0;
            }
            Fate::Space | Fate::Break => {
                out.push(' ');
                marks_left = 0;
            }
            Fate::Mark if marks_left > 0 => {
                out.push(letter);
                marks_left -= 1;
            }
            Fate::Unknown => {
                out.push('\u{FFFD}');
                marks_left = 0;
            }
            Fate::Mark | Fate::Drop => {}
        }
    }
    out
}

fn fate(letter: char) -> Fate {
    match letter {
        '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Fate::Break,
        '\t' => Fate::Space,
        // C0, DEL and C1 steer terminals (ESC, CSI, OSC). What follows an ESC stays readable: a sender cannot use it
        // to hide words from a reader.
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' => Fate::Drop,
        // Direction marks, embeddings, overrides, isolates: they show letters in another order than they stand.
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}' => Fate::Drop,
        // Soft hyphen, grapheme joiner, zero-width spaces and joiners, invisible operators, byte order mark,
        // annotation anchors, variation selectors and tags: two names that look equal could differ by them.
        '\u{AD}'
        | '\u{34F}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200D}'
        | '\u{2060}'..='\u{2065}' => Fate::Drop,
        '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}' => {
            Fate::Drop
        }
        // Letters that are drawn as nothing: Hangul and Khmer fillers, musical controls, shorthand controls.
        '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{3164}' | '\u{FFA0}' => Fate::Drop,
        '\u{1D173}'..='\u{1D17A}' | '\u{1BCA0}'..='\u{1BCA3}' => Fate::Drop,
        // Every other width of blank is one blank.
        '\u{A0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200A}'
        | '\u{202F}'
        | '\u{205F}'
        | '\u{2800}'
        | '\u{3000}' => Fate::Space,
        // Private letters mean something else on each machine.
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => Fate::Unknown,
        _ => match letter.width() {
            None => Fate::Drop,
            Some(0) => Fate::Mark,
            Some(_) => Fate::Keep,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["Привет, мир — «ёлка»!", "naïve café № 5", "日本語", "👍 да", "е\u{301} и\u{306}"]
        {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn nothing_that_steers_a_terminal_comes_through() {
        assert_eq!(clean("a\x1b[31mred\x1b[0m"), "a[31mred[0m");
        assert_eq!(clean("\x1b]0;title\x07x\u{9b}2J"), "]0;titlex2J");
        assert_eq!(clean("one\r\ntwo\ttab\u{2028}three"), "one  two tab three");
        let all: String = ('\0'..='\u{A0}').collect();
        assert!(clean_lines(&all).chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
        assert!(clean(&all).chars().all(|c| !c.is_control()));
    }

    #[test]
    fn lines_and_tabs_stay_where_asked() {
        assert_eq!(clean_lines("one\r\ntwo\ttab\u{2029}three\rfour"), "one\ntwo\ttab\nthree\nfour");
    }

    #[test]
    fn letters_are_neither_reordered_nor_hidden() {
        assert_eq!(clean("exe.\u{202E}gpj\u{202C}\u{2066}x\u{2069}"), "exe.gpjx");
        assert_eq!(clean("an\u{200B}na\u{FEFF}\u{AD}\u{E0061}\u{FE0F}"), "anna");
        assert_eq!(clean("a\u{3164}b\u{2800}c\u{A0}d"), "ab c d");
        assert_eq!(clean("\u{E000}\u{10FFFD}"), "\u{FFFD}\u{FFFD}");
    }

    #[test]
    fn marks_are_bounded_and_never_stand_on_what_we_printed() {
        let tower = format!("о{}", "\u{301}".repeat(40));
        assert_eq!(clean(&tower), format!("о{}", "\u{301}".repeat(MARKS_MAX)));
        assert_eq!(clean("\u{301}\u{301}a"), "a");
        assert_eq!(clean_lines("a\n\u{301}b"), "a\nb");
    }

    #[test]
    fn cleaning_twice_is_cleaning_once() {
        let odd: String = (0..0x11_0000u32).step_by(7).filter_map(char::from_u32).collect();
        assert_eq!(clean(&clean(&odd)), clean(&odd));
        assert_eq!(clean_lines(&clean_lines(&odd)), clean_lines(&odd));
    }
}
