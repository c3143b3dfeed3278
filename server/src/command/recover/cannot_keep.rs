//! Why nothing of a store can be kept, or not yet.

use super::{open_trouble, store_trouble};
use crate::config::StoreConfig;
use crate::recovery::RecoveryError;
use crate::store::StoreError;
use crate::words::{NoRecovery, Trouble};

/// See the module.
pub(super) enum CannotKeep {
    Store(StoreError),
    /// No cell opens.
    Cells(StoreError),
    Entries(RecoveryError),
}

impl CannotKeep {
    pub(super) fn trouble(self, config: &StoreConfig) -> Trouble {
        match self {
            Self::Cells(held @ (StoreError::InUse { .. } | StoreError::Unlock { .. })) => store_trouble(held),
            // A person says first which of the two is meant, and which device.
            Self::Store(
                error @ StoreError::Vault(
                    vault::Error::ForeignCell | vault::Error::Disk(disk::Error::NotAStore),
                ),
            ) => open_trouble(config, error),
            // Without the device keys nothing on the device opens.
            Self::Cells(error) | Self::Store(error @ StoreError::Vault(vault::Error::NoRoot(_))) => {
                NoRecovery::CellLost { reason: error.reason() }.into()
            }
            // Whoever recovers has founded it: nothing is to be made in its place.
            Self::Store(StoreError::Missing { path }) => {
                Trouble::StoreAway { path: path.display().to_string() }
            }
            Self::Store(error) => store_trouble(error),
            Self::Entries(error) => Trouble::StoreDamaged { reason: error.reason() },
        }
    }
}

impl From<StoreError> for CannotKeep {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<vault::Error> for CannotKeep {
    fn from(error: vault::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<RecoveryError> for CannotKeep {
    fn from(error: RecoveryError) -> Self {
        Self::Entries(error)
    }
}
