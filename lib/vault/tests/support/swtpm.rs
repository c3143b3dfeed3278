//! A TPM 2.0 in software, started and killed by the test that needs it, and a bus to it that can be listened to and cut.
//! Never a TPM of the machine. Where swtpm is not installed, a test says so and is counted.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use tempfile::TempDir;
use vault::TpmPlace;

/// A software TPM with its own state; killed when dropped.
pub(crate) struct Swtpm {
    folder: TempDir,
    process: Arc<Mutex<Child>>,
}

impl Swtpm {
    /// A fresh TPM.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = Arc::new(Mutex::new(launch(folder.path())));
        Self { folder, process }
    }

    /// Where files of the test may lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn place(&self) -> TpmPlace {
        TpmPlace::Swtpm(self.socket())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("tpm.sock")
    }

    /// Killed and started again with what it had made durable.
    pub(crate) fn power_cut(&mut self) {
        let mut process = self.process.lock().unwrap();
        kill(&mut process);
        *process = launch(self.folder.path());
    }

    /// A bus that somebody listens to; behind `commands` commands the TPM is killed, every other time with the next one taken but not
    /// answered.
    pub(crate) fn listened_to(&self, commands: u64) -> Bus {
        Bus::new(self, commands, false)
    }

    /// A bus on which somebody changes a bit in every long response to a read.
    pub(crate) fn tampered_with(&self) -> Bus {
        Bus::new(self, u64::MAX, true)
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        kill(&mut self.process.lock().unwrap());
    }
}

fn kill(process: &mut Child) {
    let _gone_already = process.kill();
    let _reaped = process.wait();
}

fn launch(folder: &Path) -> Child {
    let (socket, listens) = (folder.join("tpm.sock"), folder.join("listens"));
    let _none_yet = (std::fs::remove_file(&socket), std::fs::remove_file(&listens));
    let made = Command::new("mkfifo").arg(&listens).status();
    assert!(made.is_ok_and(|made| made.success()), "a named pipe");
    let mut command = Command::new("swtpm");
    command.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate"]);
    command.arg(format!("dir={}", folder.display())).arg("--server");
    command.arg(format!("type=unixio,path={}", socket.display())).arg("--pid");
    // Its number comes through the pipe once it listens.
    command.arg(format!("file={}", listens.display()));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (tell, told) = mpsc::channel();
    let (mut output, ended) = (child.stdout.take().unwrap(), tell.clone());
    std::thread::spawn(move || {
        let _until_it_dies = output.read_to_end(&mut Vec::new());
        ended.send(false)
    });
    std::thread::spawn(move || tell.send(std::fs::read(listens).is_ok_and(|number| !number.is_empty())));
    assert_eq!(told.recv(), Ok(true), "swtpm does not listen");
    child
}

/// Why a test cannot run here, in the words that `cargo xtask test` counts.
pub(crate) fn missing_for(test: &str) -> bool {
    if Command::new("swtpm").arg("--version").output().is_ok() {
        return false;
    }
    // Past libtest's capture, so that a test which could not run is named and counted, and not taken for a green one.
    let _ =
        writeln!(std::io::stdout(), "test {test} ... ignored, swtpm is not installed (Debian package swtpm)");
    true
}

/// What somebody on the bus says of every index, in answers that no session guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Lie {
    /// Nothing but the truth.
    None,
    /// It was never written.
    NeverWritten,
    /// It is not there.
    NotThere,
}

impl Lie {
    /// What becomes of a response to TPM2_NV_ReadPublic.
    fn told(self, response: &mut Vec<u8>) {
        let is_unguarded = response[..2] == [0x80, 0x01];
        match self {
            // The attributes stand behind header, size, index and name algorithm; WRITTEN is bit 29.
            Self::NeverWritten if is_unguarded && response.len() > 18 => response[18] &= !0x20,
            Self::NotThere => *response = vec![0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x8b],
            Self::None | Self::NeverWritten => {}
        }
    }
}

/// A socket between a cell and its TPM.
pub(crate) struct Bus {
    folder: TempDir,
    lie: Arc<AtomicU8>,
    heard: Arc<Mutex<Vec<u8>>>,
    struck: Arc<AtomicBool>,
}

impl Bus {
    fn new(tpm: &Swtpm, commands: u64, tampers: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("bus.sock")).unwrap();
        let (heard, struck) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let lie = Arc::new(AtomicU8::new(Lie::None as u8));
        let bus = Self { folder, lie: lie.clone(), heard: heard.clone(), struck: struck.clone() };
        let (below, process) = (tpm.socket(), tpm.process.clone());
        std::thread::spawn(move || {
            let (mut above, _) = listener.accept().unwrap();
            let mut below = UnixStream::connect(below).unwrap();
            let mut left = commands;
            while let Some(command) = message(&mut above) {
                heard.lock().unwrap().extend(&command);
                if left == 0 {
                    struck.store(true, Ordering::SeqCst);
                    if commands % 2 == 1 {
                        below.write_all(&command).unwrap();
                        let _done_but_not_told = message(&mut below);
                    }
                    kill(&mut process.lock().unwrap());
                    let _ = above.shutdown(Shutdown::Both);
                    return;
                }
                left -= 1;
                below.write_all(&command).unwrap();
                let Some(mut response) = message(&mut below) else { return };
                heard.lock().unwrap().extend(&response);
                let is_read = command[6..10] == 0x14eu32.to_be_bytes();
                if tampers && is_read && response.len() > 100 {
                    response[20] ^= 1;
                }
                if command[6..10] == 0x169u32.to_be_bytes() {
                    let lies = [Lie::None, Lie::NeverWritten, Lie::NotThere];
                    lies[usize::from(lie.load(Ordering::SeqCst))].told(&mut response);
                }
                if above.write_all(&response).is_err() {
                    return;
                }
            }
        });
        bus
    }

    pub(crate) fn place(&self) -> TpmPlace {
        TpmPlace::Swtpm(self.folder.path().join("bus.sock"))
    }

    /// From now on somebody says so.
    pub(crate) fn says(&self, lie: Lie) {
        self.lie.store(lie as u8, Ordering::SeqCst);
    }

    /// Everything that crossed it.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }

    /// Was the TPM killed?
    pub(crate) fn has_struck(&self) -> bool {
        self.struck.load(Ordering::SeqCst)
    }
}

/// One command or response: its length stands in its header.
fn message(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 10];
    stream.read_exact(&mut bytes).ok()?;
    let size = u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]) as usize;
    bytes.resize(size, 0);
    stream.read_exact(&mut bytes[10..]).ok()?;
    Some(bytes)
}
