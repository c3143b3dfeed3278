//! Makes search forgiving: case, ё and е, blanks.
//! Never used to compare what must be exact (logins, ids, anything signed).

/// The form in which texts are searched: lower case, ё as е (also as е with a combining diaeresis), й in one code
/// point, runs of blanks as one, none at the ends.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            'ё' => out.push('е'),
            '\u{308}' if out.ends_with('е') => {}
            '\u{306}' if out.ends_with('и') => {
                out.pop();
                out.push('й');
            }
            blank if blank.is_whitespace() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            other => out.push(other),
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// Whether every word of `query` occurs somewhere in `text`. An empty query matches everything.
pub fn matches(query: &str, text: &str) -> bool {
    let text = fold(text);
    fold(query).split(' ').all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_yo_do_not_matter() {
        assert_eq!(fold("  Алёна\u{A0} КОРОЛЁВА "), "алена королева");
        assert_eq!(fold("Але\u{308}на"), "алена");
        assert_eq!(fold("Андреи\u{306}"), "андрей");
        assert_eq!(fold("STRASSE"), "strasse");
    }

    #[test]
    fn all_words_of_a_query_are_wanted_in_any_order() {
        assert!(matches("королев ал", "Алёна Королёва"));
        assert!(matches("", "что угодно"));
        assert!(!matches("королёв борис", "Алёна Королёва"));
    }
}
