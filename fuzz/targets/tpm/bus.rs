//! The far side of the way to a TPM: answers as a TPM would, with the HMACs of one, or as the script says.
//! The salt key is the curve's own base point, so that the shared secret is what the other side shows.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Base point of P-256.
const G: ([u8; 32], [u8; 32]) = (
    *b"\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96",
    *b"\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5",
);
/// The public area of the salt key, up to its point.
const TEMPLATE: &[u8] =
    &[0, 0x23, 0, 0x0b, 0, 3, 4, 0x72, 0, 0, 0, 6, 0, 128, 0, 0x43, 0, 0x10, 0, 3, 0, 0x10];
const NONCE: [u8; 32] = [3; 32];

const CREATE_PRIMARY: u32 = 0x131;
const DEFINE: u32 = 0x12a;
const WRITE: u32 = 0x137;
const READ: u32 = 0x14e;
const FLUSH: u32 = 0x165;
const READ_PUBLIC: u32 = 0x169;
const START_SESSION: u32 = 0x176;
const CAPABILITY: u32 = 0x17a;
/// Answers by which a command is put off: given again after a pause, they cost time and show nothing.
const LATER: [u32; 4] = [0x908, 0x90a, 0x920, 0x922];

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn salt_key_area() -> Vec<u8> {
    [TEMPLATE, &sized(&G.0), &sized(&G.1)].concat()
}

/// What the file of the authorisation value names.
pub fn salt_key_name() -> Vec<u8> {
    [&[0, 0x0b][..], &Sha256::digest(salt_key_area())].concat()
}

fn hmac(key: &[u8], pieces: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    pieces.iter().for_each(|piece| mac.update(piece));
    mac.finalize().into_bytes().into()
}

/// A place where a cell finds a TPM.
pub struct Bus {
    path: PathBuf,
    script: Arc<Mutex<Vec<u8>>>,
    proved: Arc<AtomicUsize>,
}

impl Bus {
    /// One thread answers one connection after the other, each by the script that was set last.
    pub fn open(path: &Path, value: [u8; 32]) -> Self {
        let _of_a_former_process = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).expect("a socket in the temporary folder");
        let (script, proved) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<AtomicUsize>::default());
        let (scripts, proofs) = (Arc::clone(&script), Arc::clone(&proved));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let script = scripts.lock().expect("nobody broke").clone();
                let mut far = Far { script: &script, value, key: [0; 32], proofs: &proofs };
                let _the_other_side_is_gone = far.serve(stream);
            }
        });
        Self { path: path.into(), script, proved }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the next connection hears.
    pub fn play(&self, script: &[u8]) {
        *self.script.lock().expect("nobody broke") = script.to_vec();
    }

    /// Responses so far that were under a sound HMAC.
    pub fn proved(&self) -> usize {
        self.proved.load(Ordering::SeqCst)
    }
}

struct Far<'a> {
    script: &'a [u8],
    value: [u8; 32],
    key: [u8; 32],
    proofs: &'a AtomicUsize,
}

impl Far<'_> {
    fn serve(&mut self, mut stream: UnixStream) -> std::io::Result<()> {
        loop {
            let mut command = vec![0; 10];
            stream.read_exact(&mut command)?;
            let size = u32::from_be_bytes([command[2], command[3], command[4], command[5]]) as usize;
            command.resize(size, 0);
            stream.read_exact(&mut command[10..])?;
            let Some(answer) = self.answer(&command) else { return Ok(()) };
            stream.write_all(&answer)?;
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let (taken, rest) = self.script.split_at(count.min(self.script.len()));
        self.script = rest;
        taken.to_vec()
    }

    /// The next word of the script: as a TPM; as a TPM with one byte changed; with these parameters; or these bytes. `None`: it
    /// hangs up.
    fn answer(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let what = *self.take(1).first()?;
        match what % 8 {
            0..=3 => self.honest(command, None),
            4 => {
                let mut answer = self.honest(command, None)?;
                let (at, value) = (self.take(2), self.take(1));
                let at = 10 + usize::from(u16::from_be_bytes(at.try_into().ok()?)) % answer.len();
                let before = answer.clone();
                *answer.get_mut(at)? ^= value.first()?;
                // A response that was changed is under no HMAC any more.
                if answer != before && command[..2] == [0x80, 2] {
                    self.proofs.fetch_sub(usize::from(self.is_proved(command)), Ordering::SeqCst);
                }
                Some(answer)
            }
            5 => {
                let length = usize::from(*self.take(1).first()?);
                let parameters = self.take(length);
                self.honest(command, Some(parameters))
            }
            _ => {
                let tag = [0x80, 1 + (what >> 3) % 2];
                let code = if what >> 4 == 0 { self.take(4) } else { vec![0; 4] };
                let code = u32::from_be_bytes(code.try_into().ok()?);
                let code = if LATER.contains(&code) { 0 } else { code };
                let length = usize::from(*self.take(1).first()?);
                Some(message(tag, code, &self.take(length)))
            }
        }
    }

    fn is_proved(&self, command: &[u8]) -> bool {
        code_of(command) != CREATE_PRIMARY
    }

    fn honest(&mut self, command: &[u8], parameters: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let code = code_of(command);
        let given = |usual: Vec<u8>| parameters.clone().unwrap_or(usual);
        if command[..2] == [0x80, 2] && code != CREATE_PRIMARY {
            let usual = match code {
                READ_PUBLIC => public(command.get(10..14)?),
                READ => sized(&vec![0; 256]),
                CAPABILITY => [0, 0, 0, 0, 1, 0, 0, 0, 0].to_vec(),
                DEFINE | WRITE => Vec::new(),
                _other => return None,
            };
            return self.in_session(command, &given(usual));
        }
        Some(match code {
            CREATE_PRIMARY => {
                let area = given([&sized(&salt_key_area())[..], &sized(&[])].concat());
                let length = (area.len() as u32).to_be_bytes();
                message([0x80, 2], 0, &[&[0x80, 0, 0, 0], &length[..], &area, &[0, 0, 1, 0, 0]].concat())
            }
            START_SESSION => {
                // Handles, then nonce, then the point as it shows itself.
                let nonce = command.get(20..52)?;
                let x = command.get(56..88)?;
                let salt = Sha256::new_with_prefix([0, 0, 0, 1]);
                let salt = [x, b"SECRET\0", x, &G.0].iter().fold(salt, Digest::chain_update).finalize();
                let bits = 256_u32.to_be_bytes();
                self.key = hmac(&salt, &[&[0, 0, 0, 1], b"ATH\0", &NONCE, nonce, &bits]);
                message([0x80, 1], 0, &given([&[2, 0, 0, 0][..], &sized(&NONCE)].concat()))
            }
            CAPABILITY => {
                let is_properties = command.get(10..14)? == [0, 0, 0, 6];
                let buffer = [0, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 1, 0x2c, 0, 0, 1, 0].to_vec();
                let nothing = [0, 0, 0, 0, 1, 0, 0, 0, 0].to_vec();
                message([0x80, 1], 0, &given(if is_properties { buffer } else { nothing }))
            }
            READ_PUBLIC => message([0x80, 1], 0, &given(public(command.get(10..14)?))),
            FLUSH => message([0x80, 1], 0, &[]),
            _other => return None,
        })
    }

    /// Under the session's HMAC. What should be encrypted is not: it decrypts to something.
    fn in_session(&mut self, command: &[u8], parameters: &[u8]) -> Option<Vec<u8>> {
        let (handles, with_value) = match code_of(command) {
            READ | WRITE => (2, true),
            READ_PUBLIC | DEFINE => (1, false),
            _capability => (0, false),
        };
        let session = command.get(10 + 4 * handles + 4..)?;
        // Handle, nonce, attributes.
        let (nonce, attributes) = (session.get(6..38)?, *session.get(38)?);
        let hash = Sha256::new_with_prefix([0; 4]).chain_update(code_of(command).to_be_bytes());
        let hash = hash.chain_update(parameters).finalize();
        let mut secret = self.key.to_vec();
        secret.extend(self.value.iter().filter(|_| with_value));
        let mac = hmac(&secret, &[&hash, &NONCE, nonce, &[attributes]]);
        self.proofs.fetch_add(1, Ordering::SeqCst);
        let length = (parameters.len() as u32).to_be_bytes();
        let reply = [&length[..], parameters, &sized(&NONCE), &[attributes], &sized(&mac)].concat();
        Some(message([0x80, 2], 0, &reply))
    }
}

fn code_of(command: &[u8]) -> u32 {
    u32::from_be_bytes([command[6], command[7], command[8], command[9]])
}

fn message(tag: [u8; 2], code: u32, body: &[u8]) -> Vec<u8> {
    let size = (10 + body.len() as u32).to_be_bytes();
    [&tag[..], &size, &code.to_be_bytes(), body].concat()
}

/// The public area of one of the cell's indices, as of one that was written, and no Name.
fn public(index: &[u8]) -> Vec<u8> {
    let area = [index, &[0, 0x0b, 0x22, 4, 0, 4, 0, 0, 1, 0]].concat();
    [sized(&area), sized(&[])].concat()
}
