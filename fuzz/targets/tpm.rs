//! What comes from a TPM, or from whoever stands on the way to it: responses are taken apart whole or refused, and nothing is
//! believed that no HMAC covers. And the file of the authorisation value.
//! Decoders that are private to their crate are taken in by their paths; the rest goes through a cell and a socket.
#![no_main]
#![allow(dead_code, unreachable_pub)]

#[path = "../../lib/vault/src/tpm/auth.rs"]
mod auth;
#[path = "tpm/bus.rs"]
mod bus;
#[path = "../../lib/vault/src/tpm/wire.rs"]
mod wire;

// What the modules above name as their parent's.
use vault::TpmError;

use bus::Bus;
use journal::testing::SeededRng;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use vault::{CellError, CellSlot, RootCell, TpmAuth, TpmCell, TpmPlace};
use wire::Response;
use zeroize::Zeroizing;

/// First index of the cell.
const BASE: u32 = 0x01c1_0200;
/// Words that are enough for all commands of one connection.
const HONEST: usize = 80;
/// The authorisation value, which the far side of the bus knows too.
const VALUE: [u8; 32] = [7; 32];

/// The file of the authorisation value for the one salt key that the bus shows, and the bus.
static SITE: LazyLock<(PathBuf, Bus)> = LazyLock::new(|| {
    let file = kept(&with_digest(&[&[1], &VALUE[..], &bus::salt_key_name()].concat()), "cell-auth");
    (file, Bus::open(&place("tpm"), VALUE))
});

/// A path of this process alone.
fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("conclave-fuzz-{name}-{}", std::process::id()))
}

/// A file that nobody else reads.
fn kept(bytes: &[u8], name: &str) -> PathBuf {
    let path = place(name);
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(bytes)).expect("the temporary folder takes a small file");
    path
}

fn with_digest(covered: &[u8]) -> Vec<u8> {
    [covered, &Sha256::digest(covered)].concat()
}

fn response(bytes: &[u8]) {
    let Ok(response) = Response::parse(Zeroizing::new(bytes.to_vec())) else { return };
    for handles in 0..3 {
        if let Ok((found, parameters)) = response.parts(handles) {
            assert!(found.len() == 4 * handles && found.len() + parameters.len() <= bytes.len());
        }
    }
    if let Ok(reply) = response.session() {
        assert!(bytes.ends_with(reply.hmac) && reply.nonce.len() + reply.hmac.len() < bytes.len());
    }
}

fn auth_file(bytes: &[u8]) {
    let path = kept(bytes, "auth");
    let Ok(read) = auth::TpmAuth::read(&path) else { return };
    let read = read.expect("it is there");
    assert_eq!([&[1], &read.value()[..], read.salt_key()].concat(), bytes[..67]);
    assert_eq!(with_digest(&bytes[..67]), bytes);
}

/// A cell whose commands are answered as the script says. Whatever it says, nothing is read, written or called blank that was not
/// under an HMAC of the TPM's.
fn cell(script: &[u8]) {
    let (file, bus) = &*SITE;
    bus.play(script);
    let auth = TpmAuth::read(file).ok().flatten().expect("it was just written");
    let rng = Box::new(SeededRng::new([8; 32]));
    let at = TpmPlace::Swtpm(Path::new(bus.path()).into());
    // The control: a TPM that does what it is asked is opened, read and written. What it gives decrypts to something, so that what
    // was written is not read back; all that comes before that succeeds.
    let is_honest = script.len() >= HONEST && script.iter().all(|word| *word == 0);
    let mut cell = match TpmCell::open(&at, BASE, auth, rng) {
        Ok(cell) => cell,
        Err(error) => {
            assert!(!is_honest, "an honest TPM is not opened: {error}");
            return;
        }
    };
    let mut proved = bus.proved();
    let mut check = |done: Result<(), CellError>| {
        assert!(done.is_err() || bus.proved() > proved, "something was believed that no HMAC covers");
        let as_ever = matches!(done, Ok(()) | Err(CellError::ReadBack));
        assert!(as_ever || !is_honest, "an honest TPM is not believed: {done:?}");
        proved = bus.proved();
    };
    for slot in [CellSlot::Even, CellSlot::Odd, CellSlot::Device] {
        check(cell.read(slot).map(drop));
    }
    check(cell.write(CellSlot::Even, &[5; 100]));
    check(cell.destroy(CellSlot::Odd));
    check(cell.is_blank(None).map(drop));
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => response(rest),
        1 => auth_file(rest),
        2 => auth_file(&with_digest(rest)),
        _ => cell(rest),
    }
});
