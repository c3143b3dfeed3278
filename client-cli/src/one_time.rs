//! Reads the one-time password of a paper envelope as a tired person types it; a mistyped group is named before anything
//! is sent. The drawing of the format stands with whoever prints it (`paper::password`); terminals carry no PDF library,
//! so this is a reader of its own, held to the same golden password.
//! Never prints what was typed.

use crate::trouble::Trouble;
use console::Exit;
use protocol::client::SecretText;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 23] = b"234679ACDEFHJKMNPRTVWXY";
const GROUP_LETTERS: usize = 5;
const GROUPS: usize = 4;
const LETTERS: usize = GROUPS * GROUP_LETTERS;

/// The twenty letters without separators.
pub(crate) fn read(typed: &str) -> Result<SecretText, Trouble> {
    let mut letters = Zeroizing::new(String::with_capacity(LETTERS));
    let mut bad_group = None;
    let mut found = 0;
    for letter in typed.chars().filter(|letter| !is_separator(*letter)) {
        if found < LETTERS {
            match meant(letter) {
                Some(known) => letters.push(known),
                None => bad_group = bad_group.or(Some(found / GROUP_LETTERS + 1)),
            }
        }
        found += 1;
    }
    if found != LETTERS {
        return Err(Trouble::say(
            Exit::No,
            "envelope-length",
            format!("a one-time password has {LETTERS} letters, {found} were typed"),
            format!("в одноразовом пароле {LETTERS} знаков, введено {found}"),
        ));
    }
    let first_bad = bad_group.or_else(|| {
        let groups = letters.as_bytes().chunks(GROUP_LETTERS).enumerate();
        groups.filter(|(group, letters)| !checks(*group, letters)).map(|(group, _)| group + 1).next()
    });
    match first_bad {
        None => Ok(SecretText::from(letters.as_str())),
        Some(group) => Err(Trouble::say(
            Exit::No,
            "envelope-mistyped",
            format!("group {group} of the one-time password is mistyped"),
            format!("группа {group} одноразового пароля введена с ошибкой"),
        )),
    }
}

/// 1·a + 2·b + 3·c + 4·d + 5·check + g ≡ 0 modulo 23.
fn checks(group: usize, letters: &[u8]) -> bool {
    let number = |letter: &u8| ALPHABET.iter().position(|known| known == letter).unwrap_or(0);
    let sum: usize = letters.iter().zip(1..).map(|(letter, weight)| weight * number(letter)).sum();
    (sum + group + 1).is_multiple_of(ALPHABET.len())
}

fn is_separator(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '-' | '‐' | '‑' | '‒' | '–' | '—' | '−' | '_' | '.')
}

fn meant(typed: char) -> Option<char> {
    let upper = typed.to_uppercase().next().unwrap_or(typed);
    let latin = match upper {
        'А' => 'A',
        'С' => 'C',
        'Е' | 'Ё' => 'E',
        'Н' => 'H',
        'К' => 'K',
        'М' => 'M',
        'Р' => 'P',
        'Т' => 'T',
        'У' => 'Y',
        'Х' => 'X',
        'З' => '3',
        'Ч' => '4',
        'Б' | 'G' => '6',
        'Z' => '2',
        'U' => 'V',
        other => other,
    };
    ALPHABET.iter().map(|known| char::from(*known)).find(|known| *known == latin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(typed: &str) -> String {
        read(typed).map(|text| text.expose().to_owned()).unwrap_or_else(|trouble| trouble.en)
    }

    #[test]
    fn the_printed_password_is_read_however_it_is_typed() {
        assert_eq!(name("2222E-2222T-22227-2222K"), "2222E2222T222272222K");
        assert_eq!(
            name("2222е 2222т 22227 2222к"),
            "2222E2222T222272222K",
            "Cyrillic letters of the same shape"
        );
        assert_eq!(name("zzzze-2222T-22227-2222K"), "2222E2222T222272222K");
    }

    #[test]
    fn a_mistake_names_its_group() {
        assert!(name("2222E-2222T-22227-2222M").contains("group 4"));
        assert!(name("2222T-2222E-22227-2222K").contains("group 1"), "groups swapped");
        assert!(name("2222E-222QT-22227-2222K").contains("group 2"));
        assert!(name("2222E").contains("5 were typed"));
    }
}
