//! A secret of fixed length in a page of its own.
//! Never copies the secret out: it is lent for one call.

use crate::secret_page::{PageKind, SECRET_PAGE_BYTES, SecretPage, SecretPageError};

/// `N` secret bytes. Each takes a whole locked page, so this is for the few keys that matter most (the root, device
/// keys, log keys), not for one key per message. Deliberately without `Debug`, `Clone` and `PartialEq`.
pub struct SecretBox<const N: usize> {
    page: SecretPage,
}

impl<const N: usize> SecretBox<N> {
    const FITS: () = assert!(N <= SECRET_PAGE_BYTES, "a secret fits one page");

    /// A box whose bytes `fill` writes in place, so that no other copy ever exists. They are zero before.
    pub fn filled(fill: impl FnOnce(&mut [u8; N])) -> Result<SecretBox<N>, SecretPageError> {
        let () = Self::FITS;
        let mut page = SecretPage::new()?;
        page.with_mut(|bytes| {
            fill(bytes.first_chunk_mut().expect("N is at most the page, checked when this is compiled"));
        });
        Ok(SecretBox { page })
    }

    /// Lends the bytes for the one thing that needs them.
    pub fn with<T>(&self, read: impl FnOnce(&[u8; N]) -> T) -> T {
        let () = Self::FITS;
        self.page
            .with(|bytes| read(bytes.first_chunk().expect("N is at most the page, checked when compiled")))
    }

    /// How well the page is kept.
    pub fn kind(&self) -> &PageKind {
        self.page.kind()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_in_place_and_lent() {
        let secret = SecretBox::<32>::filled(|bytes| {
            assert_eq!(*bytes, [0; 32]);
            bytes.fill(7);
        })
        .unwrap();
        assert!(secret.with(|bytes| *bytes == [7; 32]));
    }

    #[test]
    fn a_hundred_boxes_do_not_touch_each_other() {
        let boxes: Vec<SecretBox<32>> =
            (0..100).map(|n| SecretBox::filled(|bytes| bytes.fill(n)).unwrap()).collect();
        assert!(boxes.iter().zip(0..).all(|(secret, n)| secret.with(|bytes| *bytes == [n; 32])));
    }
}
