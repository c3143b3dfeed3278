//! A credential and its state record: the sealed files as they lie there, and contents that open and are no contents.
//! The harness seals the state record by FORMAT.md alone, so a change of that format is noticed here.
#![no_main]

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use journal::testing::SeededRng;
use libfuzzer_sys::fuzz_target;
use pki::sealed::{KdfCost, seal_with_passphrase};
use pki::{Credential, Suite, canonical};

const KIND: &str = "conclave credential";

fuzz_target!(|bytes: &[u8]| {
    // The file as it lies there; a header that asks for hours of Argon2id is bounded by a named limit, not by this.
    if is_cheap(bytes) {
        let _ = Credential::open(b"passphrase", bytes);
    }
    let Some((mode, contents)) = bytes.split_first() else { return };
    let mut rng = SeededRng::new([*mode; 32]);
    if mode % 2 == 0 {
        let sealed = seal_with_passphrase(KIND, b"passphrase", KdfCost::TESTING, contents, &mut rng);
        if let Ok(credential) = Credential::open(b"passphrase", &sealed.expect("a small cost")) {
            let again = credential.seal(b"other", KdfCost::TESTING, &mut rng).expect("a small cost");
            assert!(
                Credential::open(b"other", &again).is_ok()
                    && Credential::open(b"passphrase", &again).is_err()
            );
            let _ = (credential.person(), credential.current().is_ok(), credential.former().len());
        }
    } else {
        let credential = Credential::generate(Suite::Ed25519, fuzz::names("anna"), &mut rng).expect("a name");
        let key = state_key(&credential, &mut rng);
        if let Ok(Some(state)) = credential.open_state(&seal_state(&key, contents)) {
            // A record of version 1 is written anew in version 2, which is read back as it is.
            let written = canonical::encode(&state);
            let again = credential.open_state(&seal_state(&key, &written)).expect("just written");
            assert_eq!(again.map(|state| canonical::encode(&state)), Some(written));
        }
    }
});

/// Neither a gigabyte nor sixteen passes: those are allowed to whoever writes the terminal's disk, and slow.
fn is_cheap(bytes: &[u8]) -> bool {
    let mut header = minicbor::Decoder::new(bytes.get(2..).unwrap_or_default());
    let mut cost = || -> Result<bool, minicbor::decode::Error> {
        header.array()?;
        (header.u8()?, header.str()?, header.str()?, header.array()?);
        Ok(header.u32()? <= 1024 && header.u32()? <= 2 && header.u32()? <= 4)
    };
    cost().unwrap_or(true)
}

/// `[1, suite, names, state key, …`: the fourth field of the contents.
fn state_key(credential: &Credential, rng: &mut SeededRng) -> [u8; 32] {
    let sealed = credential.seal(b"p", KdfCost::TESTING, rng).expect("a small cost");
    let opened = pki::sealed::open_with_passphrase(KIND, b"p", &sealed).expect("just sealed");
    let mut contents = minicbor::Decoder::new(&opened);
    let mut read = || -> Result<[u8; 32], minicbor::decode::Error> {
        contents.array()?;
        (contents.u8()?, contents.u8()?, contents.skip()?);
        Ok(contents.bytes()?.try_into().expect("32 bytes"))
    };
    read().expect("as FORMAT.md draws it")
}

/// Length of the header, header, sealed bytes.
fn seal_state(key: &[u8; 32], contents: &[u8]) -> Vec<u8> {
    let nonce = [7; 24];
    let mut header = minicbor::Encoder::new(Vec::new());
    let written = header.array(7).and_then(|e| e.u8(1)).and_then(|e| e.str("conclave state"));
    let written = written.and_then(|e| e.str("none")).and_then(|e| e.null()).and_then(|e| e.null());
    let written = written.and_then(|e| e.str("xchacha20poly1305")).and_then(|e| e.bytes(&nonce));
    assert!(written.is_ok());
    let header = header.into_writer();
    let mut out = (header.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(&header);
    let payload = Payload { msg: contents, aad: &out };
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(&nonce.into(), payload).expect("a short text");
    out.extend_from_slice(&sealed);
    out
}
