//! A passphrase on its way from the keyboard to the key derivation.
//! Never printed, never cloned, wiped on drop, compared in constant time.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The longest passphrase that is read, in bytes of UTF-8.
pub const SECRET_BYTES_MAX: usize = 1024;

/// Text that a person typed in confidence. Deliberately without `Debug`, `Display` and `Clone`.
pub struct Secret(Zeroizing<String>);

/// The text is longer than [`SECRET_BYTES_MAX`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase has at most {SECRET_BYTES_MAX} bytes")]
pub struct SecretTooLong;

impl Secret {
    /// An empty one with its whole room reserved, so that growing never leaves a copy behind in freed memory.
    pub(crate) fn with_room() -> Secret {
        Secret(Zeroizing::new(String::with_capacity(SECRET_BYTES_MAX)))
    }

    /// Takes over a text that is already in memory; the caller's copy is wiped because it moves.
    pub fn take(text: Zeroizing<String>) -> Secret {
        Secret(text)
    }

    pub(crate) fn push(&mut self, letter: char) -> Result<(), SecretTooLong> {
        if self.0.len() + letter.len_utf8() > SECRET_BYTES_MAX {
            return Err(SecretTooLong);
        }
        self.0.push(letter);
        Ok(())
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    pub(crate) fn clear(&mut self) {
        use zeroize::Zeroize;
        self.0.zeroize();
        self.0.reserve(SECRET_BYTES_MAX);
    }

    /// The text, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Length in letters, for rules on new passphrases.
    pub fn letters(&self) -> usize {
        self.0.chars().count()
    }

    /// Whether both are the same text; the time depends on the lengths only.
    pub fn same_as(&self, other: &Secret) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_a_limit_and_never_grows_beyond_its_reserved_room() {
        let mut secret = Secret::with_room();
        let place = secret.expose().as_ptr();
        for _ in 0..SECRET_BYTES_MAX / 2 {
            secret.push('ж').unwrap();
        }
        assert_eq!(secret.push('ж'), Err(SecretTooLong));
        assert_eq!(secret.expose().as_ptr(), place);
        assert_eq!(secret.letters(), SECRET_BYTES_MAX / 2);
    }

    #[test]
    fn equality_is_of_the_whole_text() {
        let secret = |text: &str| Secret::take(Zeroizing::new(text.to_owned()));
        assert!(secret("раз").same_as(&secret("раз")));
        assert!(!secret("раз").same_as(&secret("ра")));
        assert!(!secret("раз").same_as(&secret("рак")));
    }
}
