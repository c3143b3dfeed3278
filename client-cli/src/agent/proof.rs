//! The login proof, in a locked page until the agent locks: with it the agent reconnects by itself.
//! Never a password, and never copied out of its page but into the one statement that carries it.

use hardening::{SECRET_PAGE_BYTES, SecretPage, SecretPageError};
use pki::PersonId;
use pki::password::{PasswordError, login_proof};
use protocol::client::SecretText;
use subtle::ConstantTimeEq;

/// See the module.
pub(crate) struct Proof {
    page: SecretPage,
    length: usize,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoProof {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Page(#[from] SecretPageError),
    #[error("the proof does not fit its page")]
    Length,
}

impl Proof {
    /// Stretches a password.
    pub(crate) fn of(password: &str, person: PersonId) -> Result<Self, NoProof> {
        let proof = login_proof(password.as_bytes(), person)?;
        let length = proof.len();
        if length > SECRET_PAGE_BYTES {
            return Err(NoProof::Length);
        }
        let mut page = SecretPage::new()?;
        page.with_mut(|bytes| bytes[..length].copy_from_slice(proof.as_bytes()));
        Ok(Self { page, length })
    }

    /// The text for a Login or a SetPassword.
    pub(crate) fn text(&self) -> SecretText {
        self.page.with(|bytes| match std::str::from_utf8(&bytes[..self.length]) {
            Ok(text) => SecretText::from(text),
            Err(_) => SecretText::default(),
        })
    }

    /// Whether both prove the same password.
    pub(crate) fn is(&self, other: &Self) -> bool {
        // Whole pages: what lies behind a proof is zero in both.
        self.page.with(|ours| other.page.with(|theirs| ours.ct_eq(theirs).into()))
    }

    /// How well it is kept.
    pub(crate) fn kept(&self) -> String {
        self.page.kind().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_comes_out_of_its_page_as_it_went_in() {
        let person = PersonId(7);
        let proof = Proof::of("верная лошадь", person).unwrap();
        assert_eq!(proof.text().expose(), login_proof("верная лошадь".as_bytes(), person).unwrap().as_str());
        assert!(Proof::of("", person).is_err());
        assert!(proof.is(&Proof::of("верная лошадь", person).unwrap()));
        assert!(!proof.is(&Proof::of("верная лошадь!", person).unwrap()));
        assert!(!proof.is(&Proof::of("верная лошадь", PersonId(8)).unwrap()));
    }
}
