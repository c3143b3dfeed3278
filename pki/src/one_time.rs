//! One-time passwords that survive being printed, read aloud and typed by a tired person.
//! Never draws randomness by itself, never prints itself in an error.
//!
//! ```text
//! password = group "-" group "-" group "-" group        20 letters, 16 of them random: 72.4 bits
//! group    = 4 random letters, 1 check letter           letters of ALPHABET, as numbers 0..22
//! check    : 1·a + 2·b + 3·c + 4·d + 5·check + g ≡ 0    modulo 23, g = number of the group, 1 to 4
//! ```
//! 23 is prime and the weights differ, so one wrong letter, two swapped letters and swapped groups are always noticed,
//! and the group is named. Anything else passes a group by chance once in 23.

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Letters that are told apart in every hand and font: no 0 O Q, 1 I L, 2's twin Z, 5 S, 8 B, G (6), U (V).
const ALPHABET: &[u8; 23] = b"234679ACDEFHJKMNPRTVWXY";
const GROUPS: usize = 4;
const GROUP_LETTERS: usize = 5;
/// Letters of a one-time password.
pub const LETTERS: usize = GROUPS * GROUP_LETTERS;
/// Bytes of typed text that are looked at; more is no password.
const TYPED_BYTES_MAX: usize = 200;

/// A password for one first login. Deliberately without `Debug`, `Display` and `Clone`; wiped on drop.
pub struct OneTimePassword(Zeroizing<[u8; LETTERS]>);

/// What is wrong with a typed password. Says where, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too few or too many letters.
    #[error("a one-time password has {LETTERS} letters, {found} were typed")]
    Length {
        /// How many were typed, counted up to a limit.
        found: usize,
    },
    /// A group holds a letter that never occurs, or its check letter does not fit.
    #[error("group {group} is mistyped")]
    Group {
        /// 1 to 4.
        group: usize,
    },
}

impl OneTimePassword {
    /// A fresh one: sixteen letters, each equally likely.
    pub fn random(rng: &mut dyn CryptoRng) -> OneTimePassword {
        let mut letters = Zeroizing::new([0u8; LETTERS]);
        for (group, letters) in letters.chunks_exact_mut(GROUP_LETTERS).enumerate() {
            for letter in &mut letters[..GROUP_LETTERS - 1] {
                *letter = ALPHABET[below_alphabet(rng)];
            }
            letters[GROUP_LETTERS - 1] = check_letter(group, letters);
        }
        OneTimePassword(letters)
    }

    /// Reads what a person typed. Case, blanks and dashes do not matter; Cyrillic letters of the same shape and the
    /// look-alikes that the alphabet leaves out are taken for what was printed.
    pub fn parse(typed: &str) -> Result<OneTimePassword, PasswordError> {
        let mut letters = Zeroizing::new([0u8; LETTERS]);
        let mut found = 0;
        let mut bad_group = None;
        for letter in typed.chars().take(TYPED_BYTES_MAX).filter(|c| !is_separator(*c)) {
            if let Some(place) = letters.get_mut(found) {
                match meant(letter) {
                    Some(known) => *place = known,
                    None => bad_group = bad_group.or(Some(found / GROUP_LETTERS + 1)),
                }
            }
            found += 1;
        }
        if found != LETTERS {
            return Err(PasswordError::Length { found });
        }
        if let Some(group) = bad_group {
            return Err(PasswordError::Group { group });
        }
        for (group, letters) in letters.chunks_exact(GROUP_LETTERS).enumerate() {
            if letters[GROUP_LETTERS - 1] != check_letter(group, letters) {
                return Err(PasswordError::Group { group: group + 1 });
            }
        }
        Ok(OneTimePassword(letters))
    }

    /// The groups, to be printed apart.
    pub fn groups(&self) -> [&str; GROUPS] {
        let text = self.canonical();
        [&text[0..5], &text[5..10], &text[10..15], &text[15..20]]
    }

    /// The twenty letters without separators: what goes into the password hash.
    pub fn canonical(&self) -> &str {
        std::str::from_utf8(self.0.as_slice()).expect("every letter was taken from ALPHABET, which is ASCII")
    }

    /// Whether both are the same, in constant time.
    pub fn same_as(&self, other: &OneTimePassword) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

/// A number below 23, unbiased: bytes of the last, incomplete round are thrown away.
fn below_alphabet(rng: &mut dyn CryptoRng) -> usize {
    const ROUNDS: u8 = (256 / ALPHABET.len()) as u8 * ALPHABET.len() as u8;
    let mut byte = Zeroizing::new([0u8]);
    loop {
        rng.fill_bytes(byte.as_mut_slice());
        if byte[0] < ROUNDS {
            return usize::from(byte[0]) % ALPHABET.len();
        }
    }
}

/// The check letter for the first four letters of a group (0 to 3).
fn check_letter(group: usize, letters: &[u8]) -> u8 {
    let weighted: usize = letters[..GROUP_LETTERS - 1]
        .iter()
        .zip(1..)
        .map(|(letter, weight)| weight * number(*letter))
        .sum::<usize>()
        + group
        + 1;
    let modulus = ALPHABET.len();
    let wanted = (modulus - weighted % modulus) % modulus;
    // 5 · 14 = 70 = 3 · 23 + 1: fourteen undoes the weight five.
    ALPHABET[wanted * 14 % modulus]
}

fn number(letter: u8) -> usize {
    ALPHABET.iter().position(|known| *known == letter).expect("only letters of ALPHABET are kept")
}

fn is_separator(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '-' | '‐' | '‑' | '‒' | '–' | '—' | '−' | '_' | '.')
}

/// The letter of the alphabet that was meant.
fn meant(typed: char) -> Option<u8> {
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
    ALPHABET.iter().copied().find(|known| char::from(*known) == latin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{TryCryptoRng, TryRng};
    use std::convert::Infallible;

    /// Counts: good enough to make passwords in tests, and the same each time.
    struct Counting(u64);

    impl TryRng for Counting {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            self.try_next_u64().map(|n| (n >> 32) as u32)
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Ok(self.0)
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            for byte in bytes {
                *byte = (self.try_next_u64()? >> 56) as u8;
            }
            Ok(())
        }
    }

    impl TryCryptoRng for Counting {}

    fn parsed(text: &str) -> Result<String, PasswordError> {
        OneTimePassword::parse(text).map(|password| password.canonical().to_owned())
    }

    #[test]
    fn what_is_printed_is_read_back_however_it_is_typed() {
        let mut rng = Counting(1);
        for _ in 0..500 {
            let password = OneTimePassword::random(&mut rng);
            let printed = password.groups().join("-");
            assert_eq!(printed.len(), 23);
            assert!(OneTimePassword::parse(&printed).unwrap().same_as(&password));
            assert!(
                OneTimePassword::parse(&printed.to_lowercase().replace('-', " ")).unwrap().same_as(&password)
            );
            let russian: String = printed
                .chars()
                .map(|c| {
                    "ACEHKMPTYX346"
                        .chars()
                        .position(|l| l == c)
                        .map_or(c, |n| "АСЕНКМРТУХЗЧБ".chars().nth(n).unwrap())
                })
                .collect();
            assert!(OneTimePassword::parse(&russian.to_lowercase()).unwrap().same_as(&password));
        }
    }

    /// Worked out by hand from the drawing above: envelopes printed today must be read by every later version.
    #[test]
    fn the_check_letter_is_the_documented_one() {
        // 2 is 0: the sum is the group's number alone, and 5·9+1, 5·18+2, 5·4+3 and 5·13+4 are multiples of 23.
        assert_eq!(parsed("2222E-2222T-22227-2222K").as_deref(), Ok("2222E2222T222272222K"));
        let password = OneTimePassword::random(&mut Counting(5));
        for (group, letters) in password.groups().iter().zip(1..).map(|(text, group)| (group, text.bytes())) {
            let sum: usize = letters.zip(1..).map(|(letter, weight)| weight * number(letter)).sum();
            assert_eq!((sum + group) % 23, 0);
        }
    }

    #[test]
    fn every_single_mistake_names_its_group() {
        let password = OneTimePassword::random(&mut Counting(7));
        let text = password.canonical().as_bytes();
        for place in 0..LETTERS {
            let group = place / GROUP_LETTERS + 1;
            for letter in ALPHABET.iter().filter(|l| **l != text[place]) {
                let mut wrong = text.to_vec();
                wrong[place] = *letter;
                assert_eq!(parsed(std::str::from_utf8(&wrong).unwrap()), Err(PasswordError::Group { group }));
            }
            let mut odd = text.to_vec();
            odd[place] = b'0';
            assert_eq!(parsed(std::str::from_utf8(&odd).unwrap()), Err(PasswordError::Group { group }));
        }
    }

    #[test]
    fn swapped_letters_and_swapped_groups_are_noticed() {
        let mut rng = Counting(9);
        for _ in 0..50 {
            let password = OneTimePassword::random(&mut rng);
            let text = password.canonical().as_bytes();
            for (a, b) in (0..LETTERS).flat_map(|a| (a + 1..LETTERS).map(move |b| (a, b))) {
                let mut swapped = text.to_vec();
                swapped.swap(a, b);
                assert_eq!(parsed(std::str::from_utf8(&swapped).unwrap()).is_ok(), text[a] == text[b]);
            }
            let [one, two, three, four] = password.groups();
            assert!(parsed(&[two, one, three, four].concat()).is_err());
            assert!(parsed(&[one, two, four, three].concat()).is_err());
        }
    }

    #[test]
    fn a_wrong_length_is_told_and_endless_input_is_not_read() {
        assert_eq!(parsed(""), Err(PasswordError::Length { found: 0 }));
        assert_eq!(parsed("ACDEF-ACDEF"), Err(PasswordError::Length { found: 10 }));
        assert_eq!(parsed(&"A".repeat(100_000)), Err(PasswordError::Length { found: TYPED_BYTES_MAX }));
    }

    #[test]
    fn every_letter_is_equally_likely() {
        let mut counts = [0u32; 23];
        let mut rng = Counting(3);
        for _ in 0..23_000 {
            counts[below_alphabet(&mut rng)] += 1;
        }
        assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
    }
}
