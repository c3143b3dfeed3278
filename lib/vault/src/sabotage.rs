//! Faults that tests put into an erasure, to see that the adversary finds them. The product has none of them.

/// What an erasure wrongly keeps.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sabotage {
    #[default]
    None,
    /// An erasure replaces the root and J, but no key on the path.
    #[cfg(test)]
    KeepPathKeys,
    /// An erasure keeps J.
    #[cfg(test)]
    KeepJ,
    /// Every erasure takes this root: one that serves two tree writes.
    #[cfg(test)]
    SameRoot([u8; 32]),
}

impl Sabotage {
    pub(crate) fn keeps_path_keys(self) -> bool {
        match self {
            Self::None => false,
            #[cfg(test)]
            Self::KeepPathKeys => true,
            #[cfg(test)]
            Self::KeepJ | Self::SameRoot(_) => false,
        }
    }

    pub(crate) fn keeps_j(self) -> bool {
        match self {
            Self::None => false,
            #[cfg(test)]
            Self::KeepPathKeys | Self::SameRoot(_) => false,
            #[cfg(test)]
            Self::KeepJ => true,
        }
    }

    pub(crate) fn root(self) -> Option<[u8; 32]> {
        match self {
            Self::None => None,
            #[cfg(test)]
            Self::KeepPathKeys | Self::KeepJ => None,
            #[cfg(test)]
            Self::SameRoot(root) => Some(root),
        }
    }
}
