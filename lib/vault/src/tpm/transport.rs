//! The way to a TPM: the kernel's resource manager, or the socket of a software TPM.
//! Never interprets a message beyond its length.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::TpmError;
use super::wire::{HEADER_BYTES, MESSAGE_BYTES_MAX, Message, Response};

/// How long a TPM may take over one command. Making a key takes slow parts seconds.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Answers that mean "later": TPM_RC_YIELDED, CANCELED left out, TESTING, NV_RATE, RETRY.
const LATER: [u32; 4] = [0x908, 0x90a, 0x920, 0x922];
/// How often a command is given again, and how long is waited before: five seconds in all. No part tells when "later" is.
const TRIES_MAX: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

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
        for _ in 0..TRIES_MAX {
            self.send(command.as_slice())?;
            match Response::parse(self.receive()?) {
                Err(TpmError::Refused { code }) if LATER.contains(&code) => std::thread::sleep(PAUSE),
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
