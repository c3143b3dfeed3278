//! Heads that an auditor holds from elsewhere than the bundle: his own earlier ones, a witness', paper, typed.
//! Never judges: what they say of the entries is weighed in `weighing.rs`.

use journal::ids::Head;

use crate::trust::Trust;

/// Most heads from outside that one verification takes; more are refused before anything is read.
pub const OUTSIDE_MAX: usize = 4096;

/// A head from outside the bundle, and where it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutsideHead {
    /// The file's name; `None` for the trust file's own anchor.
    pub file: Option<String>,
    /// The era that its note names, or that was typed with it; `None` for a head that was typed without one.
    pub era: Option<u32>,
    /// The head.
    pub head: Head,
    /// When a witness of the trust file cosigned it, by the witness' clock; `None` for a head that is here on another word.
    pub cosigned_ms: Option<u64>,
    /// The auditor's own from an earlier audit, which saw what the server showed him; otherwise somebody else's.
    pub own: bool,
}

impl OutsideHead {
    /// Somebody else's, that was given as this file or typed so.
    pub fn given(file: String, era: Option<u32>, head: Head) -> Self {
        Self { file: Some(file), era, head, cosigned_ms: None, own: false }
    }

    /// The trust file's.
    pub fn trusted(trust: &Trust) -> Option<Self> {
        let anchor = trust.anchor.as_ref()?;
        let (era, own) = (Some(anchor.era()), trust.is_own());
        Some(Self { file: None, era, head: anchor.head, cosigned_ms: None, own })
    }
}
