//! Why a length or a division is none for a store, in both languages.
//! Never says where: whoever knows the path does.

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A raw store was asked for on something else.
    #[error("not a block device")]
    NotABlockDevice,
    /// Blocks of ours would be written in parts of the device's.
    #[error("the device's logical block is larger than 4096 bytes")]
    LogicalBlock,
    /// A container is whole blocks.
    #[error("the container's length is no multiple of the block")]
    UnevenContainer,
    /// Longer than the system counts.
    #[error("the container is too long")]
    ContainerTooLong,
    /// It was asked to become shorter, or by a part of a block.
    #[error("a container becomes longer, by whole blocks, or stays")]
    ContainerShrinks,
    /// The store does not lie in it whole.
    #[error("the device is too short")]
    DeviceTooShort,
    /// A copy is put back onto no shorter one.
    #[error("the device is shorter than the store that was copied")]
    ShorterThanCopied,
    /// The length of an extent.
    #[error("an extent is a multiple of 4096 bytes and at most 1 GiB")]
    ExtentBytes,
    /// Their number.
    #[error("too few or too many extents")]
    ExtentCount,
    /// A commit record names every extent, and has to fit into one.
    #[error("an extent is too small for its commit record")]
    ExtentTooSmall,
}

impl Misfit {
    /// For people who read Russian.
    pub fn ru(self) -> &'static str {
        match self {
            Self::NotABlockDevice => "это не блочное устройство",
            Self::LogicalBlock => "логический блок устройства больше 4096 байт",
            Self::UnevenContainer => "длина контейнера не кратна блоку",
            Self::ContainerTooLong => "контейнер слишком велик",
            Self::ContainerShrinks => {
                "контейнер можно только удлинить, на целое число блоков, или оставить как есть"
            }
            Self::DeviceTooShort => "устройство слишком мало",
            Self::ShorterThanCopied => "устройство короче, чем хранилище, с которого снята копия",
            Self::ExtentBytes => "длина экстента должна быть кратна 4096 байт и не больше 1 ГиБ",
            Self::ExtentCount => "экстентов слишком мало или слишком много",
            Self::ExtentTooSmall => "экстент слишком мал для итога партии",
        }
    }
}
