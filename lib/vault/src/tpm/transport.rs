//! The way to a TPM: the kernel's resource manager, or the socket of a software TPM.
//! Never interprets a message beyond its length.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::wire::{HEADER_BYTES, MESSAGE_BYTES_MAX, Message, Response};
use super::{PACE_MS, TpmError};

/// How long a TPM may take over one command. Making a key takes slow parts seconds.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Answers that mean "later": TPM_RC_YIELDED, CANCELED left out, TESTING, RETRY.
const LATER: [u32; 3] = [0x908, 0x90a, 0x922];
/// TPM_RC_NV_RATE: the part spares its memory. To die of it and start again would only ask it for more.
const NV_RATE: u32 = 0x920;
/// How long is waited before a command is given again. No part tells when "later" is.
const PAUSE: Duration = Duration::from_millis(50);
/// How often it is given again: for five seconds in all.
const TRIES_MAX: u32 = 100;

/// Is a command that was answered so given once more, `tries` of it behind us? A part that spares its memory is waited for as long as
/// the cell's own pace between two replacements.
fn is_later(code: u32, tries: u32) -> bool {
    let most = match code {
        NV_RATE => u32::try_from(u128::from(PACE_MS) / PAUSE.as_millis()).expect("seconds"),
        other if LATER.contains(&other) => TRIES_MAX,
        _refusal => 0,
    };
    tries < most
}

/// Where a TPM is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TpmPlace {
    /// A character device, best the resource manager's: `/dev/tpmrm0`.
    Device(PathBuf),
    /// The Unix socket of swtpm: for tests and for virtual machines.
    Swtpm(PathBuf),
}

pub(crate) enum Transport {
    Device(File),
    Socket(UnixStream),
}

impl Transport {
    pub(crate) fn open(place: &TpmPlace) -> Result<Self, TpmError> {
        Ok(match place {
            TpmPlace::Device(path) => Self::Device(open_device(path)?),
            TpmPlace::Swtpm(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                Self::Socket(stream)
            }
        })
    }

    /// Is the TPM ours alone, with whatever a former life left in it? The kernel's resource manager keeps lives apart.
    pub(crate) fn is_bare(&self) -> bool {
        match self {
            Self::Device(_) => false,
            Self::Socket(_) => true,
        }
    }

    /// Gives a command and waits for its response.
    pub(crate) fn transmit(&mut self, command: &Message) -> Result<Response, TpmError> {
        for tries in 1.. {
            self.send(command.as_slice())?;
            match Response::parse(self.receive()?) {
                Err(TpmError::Refused { code }) if is_later(code, tries) => std::thread::sleep(PAUSE),
                Err(TpmError::Refused { code }) if is_later(code, 0) => break,
                answered => return answered,
            }
        }
        Err(TpmError::Busy)
    }

    fn send(&mut self, command: &[u8]) -> Result<(), TpmError> {
        match self {
            // The driver takes a command in one write and nothing else.
            Self::Device(device) => device.write_all(command)?,
            Self::Socket(stream) => stream.write_all(command)?,
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let mut bytes = Zeroizing::new(vec![0; MESSAGE_BYTES_MAX]);
        let length = match self {
            Self::Device(device) => device.read(&mut bytes)?,
            Self::Socket(stream) => {
                stream.read_exact(&mut bytes[..HEADER_BYTES])?;
                let size = u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]) as usize;
                let rest = bytes.get_mut(HEADER_BYTES..size).ok_or(TpmError::Malformed)?;
                stream.read_exact(rest)?;
                size
            }
        };
        bytes.truncate(length); // Never grows; the whole capacity is wiped in the end.
        Ok(bytes)
    }
}

fn open_device(path: &Path) -> Result<File, TpmError> {
    Ok(OpenOptions::new().read(true).write(true).open(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_spares_its_memory_is_waited_for_as_long_as_the_cell_rests_between_two_epochs() {
        let seconds = |code| (1..).take_while(|tries| is_later(code, *tries)).count() as u64 / 20;
        assert_eq!(
            (seconds(0x922), seconds(NV_RATE) + 1),
            (4, PACE_MS / 1000),
            "the last try is not waited for"
        );
        assert!(!is_later(0x98e, 0), "a refusal is one at once");
    }
}
