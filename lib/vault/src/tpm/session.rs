//! One authorisation session (TCG TPM 2.0 Library, Part 1 sections 19 and 21): an HMAC session, salted to a key of the TPM, in which
//! the first parameter is encrypted in both directions. Who listens on the bus learns no record; who changes one is found out.

use aes::Aes128;
use cfb_mode::cipher::KeyIvInit;
use hmac::{Hmac, KeyInit, Mac};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::TpmError;
use super::transport::Transport;
use super::wire::{Authorisation, Code, Message, NULL, Reader, Response, command};

/// SHA-256's length: of nonces, digests, HMACs and the session key.
const DIGEST_BYTES: usize = 32;
/// TPM_ALG: SHA-256, AES, CFB.
pub(crate) const SHA256: u16 = 0x000b;
pub(crate) const AES: u16 = 0x0006;
pub(crate) const CFB: u16 = 0x0043;

/// TPMA_SESSION: the session outlives the command; the first parameter of the command, or of the response, is encrypted.
const CONTINUE: u8 = 0x01;
const DECRYPT: u8 = 0x20;
const ENCRYPT: u8 = 0x40;
/// The session only guards the command and its response; in a response, nothing ran between its commands.
const AUDIT: u8 = 0x80;
const EXCLUSIVE: u8 = 0x02;

type Nonce = [u8; DIGEST_BYTES];

/// What a session does beside its HMACs. Only a sized parameter can be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guarded {
    /// The command's first parameter is encrypted.
    Command,
    /// The response's first parameter is encrypted.
    Response,
    /// Nothing is secret; that nobody changed anything is all.
    Whole,
}

/// A session. It ends with its last command, or is flushed.
pub(crate) struct Session {
    pub(crate) handle: u32,
    key: Zeroizing<[u8; DIGEST_BYTES]>,
    nonce_tpm: Nonce,
}

/// An entity that a command acts upon: its handle and its Name, which the HMAC binds.
pub(crate) struct Named<'a> {
    pub(crate) handle: u32,
    pub(crate) name: &'a [u8],
}

impl Session {
    /// Starts a session salted to a key of the TPM.
    pub(crate) fn start(
        transport: &mut Transport,
        key_handle: u32,
        key: &PublicKey,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, TpmError> {
        let ephemeral = ephemeral(rng);
        let shared = ephemeral.diffie_hellman(key);
        let (mine, its) = (coordinates(&ephemeral.public_key()), coordinates(key));
        let salt = kdfe(shared.raw_secret_bytes(), b"SECRET", &mine.0, &its.0);
        let mut nonce_caller = Nonce::default();
        rng.fill_bytes(&mut nonce_caller);
        let point = Message::new().sized(&mine.0).sized(&mine.1);
        let hmac_session = 0;
        let parameters = Message::new()
            .sized(&nonce_caller)
            .sized(point.as_slice())
            .u8(hmac_session)
            .u16(AES)
            .u16(128)
            .u16(CFB)
            .u16(SHA256);
        let message =
            command(Code::StartAuthSession, &[key_handle, NULL], &Authorisation::None, parameters.as_slice());
        let response = transport.transmit(&message)?;
        let (handles, parameters) = response.parts(1)?;
        let (mut handles, mut parameters) = (Reader(handles), Reader(parameters));
        let handle = handles.u32()?;
        let nonce_tpm: Nonce = parameters.sized()?.try_into().map_err(|_| TpmError::Malformed)?;
        parameters.end()?;
        let key = kdfa(&*salt, b"ATH", &nonce_tpm, &nonce_caller);
        Ok(Self { handle, key, nonce_tpm })
    }

    /// Runs one command whose first handle is authorised by `auth`. Gives the response's parameters, in clear.
    #[expect(clippy::too_many_arguments, reason = "a command is what it is made of")]
    pub(crate) fn run(
        &mut self,
        transport: &mut Transport,
        code: Code,
        entities: &[Named<'_>],
        auth: &[u8],
        mut parameters: Message,
        guarded: Guarded,
        last: bool,
        rng: &mut dyn CryptoRng,
    ) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let mut nonce_caller = Nonce::default();
        rng.fill_bytes(&mut nonce_caller);
        let mut secret = Zeroizing::new([0; 2 * DIGEST_BYTES]);
        secret[..DIGEST_BYTES].copy_from_slice(&*self.key);
        secret[DIGEST_BYTES..DIGEST_BYTES + auth.len()].copy_from_slice(auth);
        let secret = &secret[..DIGEST_BYTES + auth.len()];
        let purpose = match guarded {
            Guarded::Command => {
                let (key, iv) = cfb_key(secret, &nonce_caller, &self.nonce_tpm);
                let first = first_sized(parameters.as_mut_slice())?;
                cfb_mode::Encryptor::<Aes128>::new((&*key).into(), (&*iv).into()).encrypt(first);
                DECRYPT
            }
            Guarded::Response => ENCRYPT,
            Guarded::Whole => AUDIT,
        };
        let attributes = purpose | if last { 0 } else { CONTINUE };
        let mut hash = Sha256::new_with_prefix((code as u32).to_be_bytes());
        entities.iter().for_each(|entity| hash.update(entity.name));
        hash.update(parameters.as_slice());
        let hmac = authorise(secret, &hash.finalize(), &nonce_caller, &self.nonce_tpm, attributes);
        let authorisation =
            Authorisation::Session { handle: self.handle, nonce: &nonce_caller, attributes, hmac: &hmac };
        let handles: Vec<u32> = entities.iter().map(|entity| entity.handle).collect();
        let message = command(code, &handles, &authorisation, parameters.as_slice());
        let response = transport.transmit(&message)?;
        self.open(&response, code, secret, &nonce_caller, attributes, guarded)
    }

    /// Checks the response's HMAC, and decrypts.
    fn open(
        &mut self,
        response: &Response,
        code: Code,
        secret: &[u8],
        nonce_caller: &Nonce,
        attributes: u8,
        guarded: Guarded,
    ) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let (_, parameters) = response.parts(0)?;
        let reply = response.session()?;
        let nonce_tpm: Nonce = reply.nonce.try_into().map_err(|_| TpmError::Malformed)?;
        let mut hash = Sha256::new_with_prefix(0u32.to_be_bytes());
        hash.update((code as u32).to_be_bytes());
        hash.update(parameters);
        let right = authorise(secret, &hash.finalize(), &nonce_tpm, nonce_caller, reply.attributes);
        let same: bool = right.as_slice().ct_eq(reply.hmac).into();
        let expected =
            if guarded == Guarded::Whole { reply.attributes & !EXCLUSIVE } else { reply.attributes };
        if !same || expected != attributes {
            return Err(TpmError::Forged);
        }
        self.nonce_tpm = nonce_tpm;
        let mut parameters = Zeroizing::new(parameters.to_vec());
        if guarded == Guarded::Response {
            let (key, iv) = cfb_key(secret, &nonce_tpm, nonce_caller);
            let first = first_sized(&mut parameters)?;
            cfb_mode::Decryptor::<Aes128>::new((&*key).into(), (&*iv).into()).decrypt(first);
        }
        Ok(parameters)
    }
}

/// A key for one handshake.
fn ephemeral(rng: &mut dyn CryptoRng) -> SecretKey {
    loop {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        // One in 2^32 draws is no scalar.
        if let Ok(key) = SecretKey::from_slice(&*bytes) {
            return key;
        }
    }
}

/// Both coordinates of a public key.
pub(crate) fn coordinates(key: &PublicKey) -> ([u8; 32], [u8; 32]) {
    let point = key.to_sec1_point(false);
    let bytes: &[u8; 65] = point.as_bytes().try_into().expect("an uncompressed point of P-256 has 65 bytes");
    let (mut x, mut y) = ([0; 32], [0; 32]);
    x.copy_from_slice(&bytes[1..33]);
    y.copy_from_slice(&bytes[33..]);
    (x, y)
}

/// The bytes of the sized parameter at the front.
fn first_sized(parameters: &mut [u8]) -> Result<&mut [u8], TpmError> {
    let (length, rest) = parameters.split_first_chunk_mut().ok_or(TpmError::Malformed)?;
    rest.get_mut(..usize::from(u16::from_be_bytes(*length))).ok_or(TpmError::Malformed)
}

/// HMAC of a command or response (Part 1, 19.6.5).
fn authorise(secret: &[u8], hash: &[u8], newer: &Nonce, older: &Nonce, attributes: u8) -> [u8; DIGEST_BYTES] {
    let mut mac = keyed(secret);
    for piece in [hash, newer, older, &[attributes]] {
        mac.update(piece);
    }
    mac.finalize().into_bytes().into()
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length")
}

/// KDFa of 256 bits (Part 1, 11.4.10.2): one block of HMAC-SHA256.
fn kdfa(key: &[u8], label: &[u8], context_u: &[u8], context_v: &[u8]) -> Zeroizing<[u8; DIGEST_BYTES]> {
    let bits: u32 = 256;
    let mut mac = keyed(key);
    for piece in [&1u32.to_be_bytes(), label, &[0], context_u, context_v, &bits.to_be_bytes()] {
        mac.update(piece);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// KDFe of 256 bits (Part 1, 11.4.10.3): one block of SHA-256.
fn kdfe(shared: &[u8], label: &[u8], party_u: &[u8], party_v: &[u8]) -> Zeroizing<[u8; DIGEST_BYTES]> {
    let mut hash = Sha256::new_with_prefix(1u32.to_be_bytes());
    for piece in [shared, label, &[0], party_u, party_v] {
        hash.update(piece);
    }
    Zeroizing::new(hash.finalize().into())
}

/// Key and first block of the parameter's encryption (Part 1, 21.3).
fn cfb_key(secret: &[u8], newer: &Nonce, older: &Nonce) -> (Zeroizing<[u8; 16]>, Zeroizing<[u8; 16]>) {
    let both = kdfa(secret, b"CFB", newer, older);
    let (mut key, mut iv) = (Zeroizing::new([0; 16]), Zeroizing::new([0; 16]));
    key.copy_from_slice(&both[..16]);
    iv.copy_from_slice(&both[16..]);
    (key, iv)
}
