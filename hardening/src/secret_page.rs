//! A page of memory that holds one secret: keys, the root, a passphrase on its way.
//! Never prints, clones or grows; wiped when dropped.

use std::fmt;
use std::num::NonZeroUsize;

use nix::errno::Errno;
use zeroize::Zeroize;

use crate::mapping::{Lacking, Mapping};

/// Bytes of a secret page.
pub const SECRET_PAGE_BYTES: usize = 4096;

/// How well a page is kept. A program says so when it is not [`PageKind::Secret`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// `memfd_secret`: out of the kernel's own map; root of the host reads it neither through /proc nor by ptrace.
    Secret,
    /// Locked ordinary memory, not in core files nor in children: root of the host can read it. `why` is what
    /// `memfd_secret` answered.
    Locked {
        /// The system's answer.
        why: Errno,
    },
    /// Ordinary memory of which some rule could not be had: it may reach swap, a core file or a child.
    Weak {
        /// What `memfd_secret` answered.
        why: Errno,
        /// The rules that were refused, with the system's answers.
        lacking: Vec<(&'static str, Errno)>,
    },
}

impl fmt::Display for PageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PageKind::Secret => f.write_str("memfd_secret"),
            PageKind::Locked { why } => write!(f, "locked memory, readable by root (memfd_secret: {why})"),
            PageKind::Weak { why, lacking } => {
                write!(f, "WEAK memory (memfd_secret: {why}")?;
                lacking.iter().try_for_each(|(rule, errno)| write!(f, "; {rule}: {errno}"))?;
                f.write_str(")")
            }
        }
    }
}

/// No page could be had at all.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no memory for a secret page: {0}")]
pub struct SecretPageError(pub Errno);

/// One page for one secret. Deliberately without `Debug` and `Clone`; all zero at birth.
pub struct SecretPage {
    mapping: Mapping,
    kind: PageKind,
}

impl SecretPage {
    /// The best page this system gives; [`Self::kind`] says how good it is.
    pub fn new() -> Result<SecretPage, SecretPageError> {
        match Mapping::secret(Self::length()) {
            Ok(mapping) => Ok(SecretPage { mapping, kind: PageKind::Secret }),
            Err(why) => Self::fallback(why),
        }
    }

    /// A locked page, as it is used where `memfd_secret` answered `why`.
    fn fallback(why: Errno) -> Result<SecretPage, SecretPageError> {
        let (mapping, lacking): (Mapping, Lacking) =
            Mapping::locked(Self::length()).map_err(SecretPageError)?;
        let kind =
            if lacking.is_empty() { PageKind::Locked { why } } else { PageKind::Weak { why, lacking } };
        Ok(SecretPage { mapping, kind })
    }

    fn length() -> NonZeroUsize {
        NonZeroUsize::new(SECRET_PAGE_BYTES).expect("the constant is not zero")
    }

    /// How well this page is kept.
    pub fn kind(&self) -> &PageKind {
        &self.kind
    }

    /// Lends the bytes for the one thing that needs them.
    pub fn with<T>(&self, read: impl FnOnce(&[u8; SECRET_PAGE_BYTES]) -> T) -> T {
        read(self.mapping.bytes().try_into().expect("a mapping has exactly the length it was made with"))
    }

    /// Lends the bytes for writing.
    pub fn with_mut<T>(&mut self, write: impl FnOnce(&mut [u8; SECRET_PAGE_BYTES]) -> T) -> T {
        write(self.mapping.bytes_mut().try_into().expect("a mapping has exactly the length it was made with"))
    }

    /// Overwrites the page with zeros.
    pub fn wipe(&mut self) {
        self.mapping.bytes_mut().zeroize();
    }
}

impl Drop for SecretPage {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    /// The address range of a page, for looking at it from outside.
    fn address(page: &SecretPage) -> u64 {
        page.with(|bytes| bytes.as_ptr() as u64)
    }

    /// The flags line of the mapping that starts at `start` in /proc/self/smaps.
    fn vm_flags(start: u64) -> String {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let range = format!("{start:x}-");
        let mut lines = smaps.lines().skip_while(|line| !line.starts_with(&range));
        assert!(lines.next().is_some(), "the mapping stands alone");
        lines.find(|line| line.starts_with("VmFlags:")).unwrap().to_owned()
    }

    #[test]
    fn a_page_is_zero_at_birth_and_keeps_what_is_written() {
        let mut page = SecretPage::new().unwrap();
        assert!(page.with(|bytes| bytes.iter().all(|b| *b == 0)));
        page.with_mut(|bytes| bytes[..3].copy_from_slice(b"key"));
        assert_eq!(page.with(|bytes| bytes[..4].to_vec()), b"key\0");
        page.wipe();
        assert!(page.with(|bytes| bytes.iter().all(|b| *b == 0)));
    }

    #[test]
    fn a_secret_page_cannot_be_read_from_outside_even_by_root() {
        let mut page = SecretPage::new().unwrap();
        page.with_mut(|bytes| bytes.fill(0x5a));
        let mut read = [0; 16];
        let outside =
            File::open("/proc/self/mem").and_then(|mem| mem.read_exact_at(&mut read, address(&page)));
        match page.kind() {
            PageKind::Secret => assert_eq!(outside.unwrap_err().raw_os_error(), Some(Errno::EIO as i32)),
            // The difference that the product must tell: this memory is readable by root.
            PageKind::Locked { .. } | PageKind::Weak { .. } => {
                println!("skipped: memfd_secret is not to be had here ({:?})", page.kind());
            }
        }
    }

    #[test]
    fn no_child_inherits_a_page() {
        let page = SecretPage::new().unwrap();
        assert!(vm_flags(address(&page)).contains(" dc"), "not copied on fork");
    }

    #[test]
    fn the_fallback_is_locked_undumped_unforked_and_says_why_it_is_used() {
        let page = SecretPage::fallback(Errno::ENOSYS).unwrap();
        let flags = vm_flags(address(&page));
        match page.kind() {
            PageKind::Locked { why } => {
                assert_eq!(*why, Errno::ENOSYS);
                for flag in [" lo", " dd", " dc"] {
                    assert!(flags.contains(flag), "{flag} in {flags}");
                }
            }
            PageKind::Weak { lacking, .. } => {
                println!("skipped: the locked-memory allowance is used up ({lacking:?})");
                assert!(!lacking.is_empty());
            }
            PageKind::Secret => panic!("the fallback never claims to be secret"),
        }
    }

    #[test]
    fn a_weak_page_says_everything_it_lacks() {
        let kind = PageKind::Weak { why: Errno::ENOSYS, lacking: vec![("mlock", Errno::ENOMEM)] };
        let said = kind.to_string();
        assert!(
            said.starts_with("WEAK") && said.contains("ENOSYS") && said.contains("mlock: ENOMEM"),
            "{said}"
        );
    }

    #[test]
    fn a_dropped_page_is_unmapped() {
        let page = SecretPage::new().unwrap();
        let start = format!("{:x}-", address(&page));
        // Neighbouring mappings of the same kind could merge, a secret one never does.
        let secret = *page.kind() == PageKind::Secret;
        drop(page);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let still = maps.lines().any(|line| line.starts_with(&start) && line.contains("secretmem"));
        assert!(!secret || !still);
    }
}
