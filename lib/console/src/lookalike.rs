//! Finds names that a tired reader would take for each other.
//! Never refuses a name: it only says which two to look at. Our own small table covers what a roster in Russian and
//! English can hold; it is no substitute for Unicode's confusables in other scripts.

use std::collections::BTreeMap;

use crate::fold::fold;

/// The skeleton of a name: two names with equal skeletons look alike. It is no text for people.
///
/// A letter's upper and lower form share one class, because a name may be printed either way: в and b are merged for
/// the sake of В and B. The table flags rather too much than too little.
pub fn skeleton(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in fold(&crate::clean::clean(name)).chars() {
        out.push_str(class(letter).unwrap_or(letter.encode_utf8(&mut [0; 4])));
    }
    // Pairs that run together in print. After the single letters, so that Cyrillic forms are caught too.
    out.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

/// Groups of at least two names that look alike (equal ones too), as places in `names`, in the order of their first.
pub fn alike<S: AsRef<str>>(names: &[S]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, name) in names.iter().enumerate() {
        groups.entry(skeleton(name.as_ref())).or_default().push(place);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().filter(|places| places.len() > 1).collect();
    groups.sort();
    groups
}

/// What a letter is replaced by; `None` keeps it.
fn class(letter: char) -> Option<&'static str> {
    Some(match letter {
        // Drawn with the same outline in Latin and Cyrillic, upper or lower case.
        'а' => "a",
        'в' | 'ь' | 'ъ' => "b",
        'с' => "c",
        'е' | 'є' | 'э' => "e",
        'н' | 'һ' => "h",
        'ј' => "j",
        'к' | 'ќ' => "k",
        'м' => "m",
        'о' | '0' | 'ө' => "o",
        'р' => "p",
        'ѕ' | '5' => "s",
        'т' => "t",
        'у' | 'ў' | 'ү' => "y",
        'х' | 'ҳ' => "x",
        'ԁ' => "d",
        'ԛ' => "q",
        'ԝ' => "w",
        'г' => "r",
        // The stroke: one, capital i, small l, the bar, and the Cyrillic letters made of it alone.
        'i' | '1' | '|' | 'і' | 'ї' | 'ӏ' | 'ı' | '!' => "l",
        'ы' => "bl",
        'ю' => "lo",
        // Digits drawn like Cyrillic letters.
        'з' | '3' => "3",
        'ч' | '4' => "4",
        'б' | '6' => "6",
        // Letters told apart by a small hook only.
        'й' | 'и' => "и",
        'щ' | 'ш' => "ш",
        'ц' => "ц",
        // Separators are easily overlooked.
        ' ' | '-' | '‐' | '‑' | '–' | '—' | '.' | '_' | '\'' | '’' | 'ʼ' | '`' | ',' => "",
        // Accents (a mark of its own).
        '\u{300}'..='\u{36F}' => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_is_searched_at_once() {
        let roster = ["anna", "boris", "аnnа", "olga", "Olga", "0lga"];
        assert_eq!(alike(&roster), [vec![0, 2], vec![3, 4, 5]]);
        assert_eq!(alike(&["anna", "boris"]), [[0; 0]; 0]);
    }

    #[test]
    fn latin_and_cyrillic_twins_are_found() {
        for (a, b) in [
            ("anna", "аnna"),
            ("BOPИC", "ВОРИС"),
            ("Вера", "Bepa"),
            ("oleg1", "olegl"),
            ("o.petrov", "о-реtrоv"),
            ("Королёв", "Королев"),
            ("Сорокин А.", "Сорокин А"),
            ("Зоя", "3оя"),
            ("Андрей", "Андреи"),
            ("barnes", "bames"),
            ("an\u{200B}na", "anna"),
        ] {
            assert!(skeleton(a) == skeleton(b), "{a} and {b}: {} {}", skeleton(a), skeleton(b));
        }
    }

    #[test]
    fn different_people_stay_different() {
        for (a, b) in [("anna", "hanna"), ("Борис", "Бориска"), ("Петров", "Петрова"), ("olga", "oleg")]
        {
            assert!(skeleton(a) != skeleton(b), "{a} and {b}");
        }
    }
}
