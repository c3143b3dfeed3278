//! Which texts have one spelling, and which letters nobody sees.
//! Never normalises: a text that could be written in another way as well is said to be such, and refused by who must
//! compare it.

/// A text as an exclusion compares it: without case and with single inner spaces. `None` where a letter has a twin
/// under NFKC or is ignored there (RFC 4518 2.2 to 2.4): combining marks, wide and narrow forms, ligatures, format
/// characters, and whatever script is not listed here.
pub(crate) fn folded(text: &str) -> Option<String> {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        for letter in word.chars() {
            match letter {
                // Its compatibility spelling, and common in names of units.
                '№' => folded.push_str("no"),
                _ if !has_one_spelling(letter) => return None,
                // Up and down again: letters whose capitals are one, as ß and ss, are one.
                _ => folded.extend(letter.to_uppercase().flat_map(char::to_lowercase)),
            }
        }
    }
    Some(folded)
}

/// Letters and signs that NFKC leaves as they are and never composes with what follows; no marks among them.
fn has_one_spelling(letter: char) -> bool {
    matches!(letter,
        '!'..='~'
        | '¡'..='§' | '©' | '«' | '¬' | '®' | '°' | '±' | '¶' | '·' | '»' | '¿'..='ı'
        | 'Ĵ'..='ľ' | 'Ł'..='ň' | 'Ŋ'..='ž'
        | 'Ά' | 'Έ'..='Ί' | 'Ό' | 'Ύ'..='Ρ' | 'Σ'..='ώ'
        | 'Ѐ'..='ҁ' | 'Ҋ'..='ԯ'
        | 'Ա'..='Ֆ' | 'ա'..='ֆ' | 'א'..='ת' | 'ა'..='ჺ'
        | 'Ạ'..='ỹ'
        | '\u{2010}' | '\u{2012}'..='\u{2015}' | '‘'..='‟' | '†'..='•'
        | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '가'..='힣')
}

/// Letters that leave no trace on paper or screen: format characters, fillers, joiners, selectors, and the line and
/// paragraph separators. Two names that differ by one of them look the same.
pub(crate) fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}'
        | '\u{890}'..='\u{891}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_is_compared_and_another_is_noticed() {
        let same = |a: &str, b: &str| assert_eq!(folded(a).unwrap(), folded(b).unwrap(), "{a} {b}");
        same("Внешний  отдел", "внешний ОТДЕЛ");
        same("Straße", "STRASSE");
        same("ΟΔΟΣ", "οδος");
        same("Отдел № 5", "отдел no 5");
        same("a\u{a0}b", "A b");
        for twin in [
            "Внешни\u{438}\u{306}",
            "e\u{301}",
            "\u{ff25}vil",
            "Ev\u{200b}il",
            "\u{fb01}",
            "\u{b2}",
            "\u{17f}",
            "\u{212a}",
            "E\u{ad}vil",
        ] {
            assert_eq!(folded(twin), None, "{twin}");
        }
    }

    #[test]
    fn what_nobody_sees_is_known() {
        assert!("\u{200b}\u{202e}\u{2028}\u{ad}\u{feff}\u{e0041}".chars().all(is_invisible));
        assert!(!"Анна O'Neil-Штраус é".chars().any(is_invisible));
    }
}
