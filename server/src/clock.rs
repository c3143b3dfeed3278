//! The daemon's clocks: wall time, time since boot, the boot's id.
//! Never steps them and never decides what a step means.

use nix::time::{ClockId, clock_gettime};
use protocol::io::Now;

/// Where the kernel tells its boot id.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Where systemd may tell it (`Environment=CONCLAVE_BOOT_ID=%b`) to a process that is not shown `/proc/sys`.
const BOOT_ID_VARIABLE: &str = "CONCLAVE_BOOT_ID";

/// A clock that cannot be read ends the process: nothing may be stamped without one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClockError {
    /// The system call failed.
    #[error("clock {which}: {reason}")]
    Unreadable {
        /// Which clock.
        which: &'static str,
        /// Why.
        reason: nix::Error,
    },
    /// A wall clock before 1970.
    #[error("the wall clock stands before 1970")]
    Before1970,
    /// No boot id.
    #[error("{BOOT_ID}: {0}")]
    BootId(std::io::Error),
    /// A boot id that is none.
    #[error("{BOOT_ID} does not hold 32 hexadecimal digits")]
    BadBootId,
}

/// Both clocks, now.
pub(crate) fn now() -> Result<Now, ClockError> {
    let read = |which, id: ClockId| {
        let time = clock_gettime(id).map_err(|reason| ClockError::Unreadable { which, reason })?;
        let (seconds, nanos) = (u64::try_from(time.tv_sec()), u64::try_from(time.tv_nsec()));
        match (seconds, nanos) {
            (Ok(seconds), Ok(nanos)) => Ok(seconds * 1000 + nanos / 1_000_000),
            (Err(_), _) | (_, Err(_)) => Err(ClockError::Before1970),
        }
    };
    let wall_ms = read("CLOCK_REALTIME", ClockId::CLOCK_REALTIME)?;
    let boot_ms = read("CLOCK_BOOTTIME", ClockId::CLOCK_BOOTTIME)?;
    Ok(Now { wall_ms, boot_ms })
}

/// The kernel's id of this boot.
pub(crate) fn boot_id() -> Result<[u8; 16], ClockError> {
    let text = std::fs::read_to_string(BOOT_ID);
    let text =
        text.or_else(|hidden| std::env::var(BOOT_ID_VARIABLE).map_err(|_| ClockError::BootId(hidden)))?;
    let digits: Vec<u32> = text.trim().chars().filter(|c| *c != '-').map_while(|c| c.to_digit(16)).collect();
    let digits: [u32; 32] = digits.try_into().map_err(|_| ClockError::BadBootId)?;
    Ok(std::array::from_fn(|n| (digits[2 * n] << 4 | digits[2 * n + 1]) as u8))
}

#[cfg(test)]
mod tests {
    #[test]
    fn clocks_and_boot_id_are_there() {
        let (one, two) = (super::now().unwrap(), super::now().unwrap());
        assert!(two.boot_ms >= one.boot_ms && one.wall_ms > 1_700_000_000_000);
        assert_eq!(super::boot_id().unwrap(), super::boot_id().unwrap());
        assert_ne!(super::boot_id().unwrap(), [0; 16]);
    }
}
