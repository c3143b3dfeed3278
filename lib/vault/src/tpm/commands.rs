//! The TPM as the cell uses it: a salt key, and indices that are defined, written and read.
//! Never undefines, clears, or touches another's index.

use p256::PublicKey;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::auth::{NAME_BYTES, TpmAuth};
use super::session::{AES, CFB, Guarded, Named, SHA256, Session};
use super::transport::{TpmPlace, Transport};
use super::wire::{Authorisation, Code, Message, OWNER, Reader, command};
use super::{INDEX_BYTES, TpmError};

/// TPM_RC, without handle, parameter and session numbers.
pub(super) const HANDLE: u32 = 0x08b;
pub(super) const AUTH_FAIL: u32 = 0x08e;
pub(super) const BAD_AUTH: u32 = 0x0a2;
/// Of a session that guards a command and authorises nothing: its HMAC does not hold.
const SESSION_REFUSED: [u32; 2] = [AUTH_FAIL, BAD_AUTH];
pub(super) const NV_SPACE: u32 = 0x14b;
pub(super) const NV_DEFINED: u32 = 0x14c;

/// The bare reason in a response code: format one carries in its other bits what the reason is about.
pub(super) fn base(code: u32) -> u32 {
    if code & 0x80 != 0 { code & 0xbf } else { code }
}

/// TPMA_NV: read and written with the index's own authorisation value, outside the dictionary-attack lockout, which a value of 256 random
/// bits does not need and which others' mistakes would trip.
const ATTRIBUTES: u32 = 0x0004_0000 | 0x0000_0004 | 0x0200_0000;
/// TPMA_NV_WRITTEN: set by the TPM with the first write.
const WRITTEN: u32 = 0x2000_0000;

/// Capabilities: handles, properties; TPM_PT_NV_BUFFER_MAX.
const CAP_HANDLES: u32 = 1;
const CAP_PROPERTIES: u32 = 6;
const NV_BUFFER_MAX: u32 = 0x12c;
/// First loaded session, first transient object.
const LOADED_SESSIONS: u32 = 0x0200_0000;
const TRANSIENT: u32 = 0x8000_0000;
/// More than a TPM holds of either.
const HANDLES_MAX: u32 = 64;

/// What the salt key is: an ECC storage key of the owner's hierarchy (fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA,
/// restricted, decrypt; AES-128-CFB; P-256). The TPM derives it from its seed, the same one each time, until it is cleared.
fn salt_key_template() -> Message {
    let (ecc, null, p256) = (0x0023, 0x0010, 0x0003);
    Message::new()
        .u16(ecc)
        .u16(SHA256)
        .u32(0x0003_0472)
        .sized(&[])
        .u16(AES)
        .u16(128)
        .u16(CFB)
        .u16(null)
        .u16(p256)
        .u16(null)
}

/// A TPM in use.
pub(super) struct Tpm {
    transport: Transport,
    key_handle: u32,
    key: PublicKey,
    salt_key: [u8; NAME_BYTES],
    /// Bytes that one write or read may carry.
    piece: usize,
    rng: Box<dyn CryptoRng + Send>,
}

/// TPMS_NV_PUBLIC of one of our indices.
pub(super) struct Index {
    number: u32,
    attributes: u32,
}

impl Index {
    fn public_area(&self) -> Message {
        let size = INDEX_BYTES as u16;
        Message::new().u32(self.number).u16(SHA256).u32(self.attributes).sized(&[]).u16(size)
    }

    fn is_written(&self) -> bool {
        self.attributes & WRITTEN != 0
    }

    fn name(&self) -> [u8; NAME_BYTES] {
        name(self.public_area().as_slice())
    }
}

/// The Name of a public area: algorithm and digest.
fn name(public_area: &[u8]) -> [u8; NAME_BYTES] {
    let mut name = [0; NAME_BYTES];
    name[..2].copy_from_slice(&SHA256.to_be_bytes());
    name[2..].copy_from_slice(&Sha256::digest(public_area));
    name
}

impl Tpm {
    /// Opens the way to it and makes its salt key; with `expected`, only that very one will do.
    pub(super) fn open(
        place: &TpmPlace,
        expected: Option<&[u8; NAME_BYTES]>,
        rng: Box<dyn CryptoRng + Send>,
    ) -> Result<Self, TpmError> {
        let mut transport = Transport::open(place)?;
        if transport.is_bare() {
            flush_all(&mut transport)?;
        }
        let (key_handle, key, salt_key) = create_salt_key(&mut transport)?;
        if expected.is_some_and(|expected| *expected != salt_key) {
            return Err(TpmError::OtherTpm);
        }
        let piece = nv_buffer_max(&mut transport)?.min(INDEX_BYTES);
        Ok(Self { transport, key_handle, key, salt_key, piece, rng })
    }

    pub(super) fn salt_key(&self) -> &[u8; NAME_BYTES] {
        &self.salt_key
    }

    pub(super) fn rng(&mut self) -> &mut dyn CryptoRng {
        &mut *self.rng
    }

    /// What is defined under a number: nothing, or one of ours. Anything else is refused.
    ///
    /// Whoever stands between can give any answer that no session guards. "Written" is proved by the session that reads
    /// or writes the index next: its HMAC binds the Name. "Not written" and "not there", behind which nobody would read, are
    /// proved here.
    pub(super) fn public(&mut self, number: u32) -> Result<Option<Index>, TpmError> {
        match self.claimed(number)? {
            None if self.is_defined(number)? => Err(TpmError::Forged),
            None => Ok(None),
            Some(index) if index.is_written() => Ok(Some(index)),
            Some(index) => {
                self.confirm(&index)?;
                Ok(Some(index))
            }
        }
    }

    /// Is anything defined under a number? Asked for in an audit session: a refusal would come without an HMAC, a list does not.
    fn is_defined(&mut self, number: u32) -> Result<bool, TpmError> {
        let parameters = Message::new().u32(CAP_HANDLES).u32(number).u32(1);
        self.in_session(|tpm, session| {
            let Self { transport, rng, .. } = tpm;
            let (code, guarded) = (Code::GetCapability, Guarded::Whole);
            let listed = session.run(transport, code, &[], &[], parameters, guarded, true, &mut **rng)?;
            let mut listed = Reader(&listed);
            let (_more, capability, count) = (listed.u8()?, listed.u32()?, listed.u32()?);
            if capability != CAP_HANDLES || count > 1 {
                return Err(TpmError::Malformed);
            }
            let first = if count == 1 { Some(listed.u32()?) } else { None };
            listed.end()?;
            Ok(first == Some(number)) // The list begins with the first one from there on.
        })
    }

    /// The index is there and is what was said: the TPM reckons the Name itself, and takes no command that is bound to another.
    fn confirm(&mut self, index: &Index) -> Result<(), TpmError> {
        let name = index.name();
        let confirmed = self.in_session(|tpm, session| {
            let Self { transport, rng, .. } = tpm;
            let entities = [Named { handle: index.number, name: &name }];
            let (code, guarded) = (Code::NvReadPublic, Guarded::Response);
            session.run(transport, code, &entities, &[], Message::new(), guarded, true, &mut **rng)
        });
        let confirmed = match confirmed {
            Err(TpmError::Refused { code }) if SESSION_REFUSED.contains(&base(code)) => Err(TpmError::Forged),
            answered => answered,
        }?;
        let is_so = Reader(&confirmed).sized()? == index.public_area().as_slice();
        if is_so { Ok(()) } else { Err(TpmError::Forged) }
    }

    /// What the TPM, or somebody between, says of a number.
    fn claimed(&mut self, number: u32) -> Result<Option<Index>, TpmError> {
        let message = command(Code::NvReadPublic, &[number], &Authorisation::None, &[]);
        let response = match self.transport.transmit(&message) {
            Err(TpmError::Refused { code }) if base(code) == HANDLE => return Ok(None),
            answered => answered?,
        };
        let (_, parameters) = response.parts(0)?;
        let mut parameters = Reader(parameters);
        let found = parameters.sized()?;
        parameters.sized()?; // Its Name, which we reckon ourselves.
        parameters.end()?;
        let ours = [ATTRIBUTES, ATTRIBUTES | WRITTEN].map(|attributes| Index { number, attributes });
        let mut ours = ours.into_iter();
        ours.find(|index| index.public_area().as_slice() == found)
            .map(Some)
            .ok_or(TpmError::Foreign { index: number })
    }

    /// Defines an index under the authorisation value, which travels encrypted. Needs the owner's authorisation to be empty.
    pub(super) fn define(&mut self, number: u32, auth: &TpmAuth) -> Result<(), TpmError> {
        let index = Index { number, attributes: ATTRIBUTES };
        let parameters = Message::new().sized(&*auth.value()).sized(index.public_area().as_slice());
        let owner = Named { handle: OWNER, name: &OWNER.to_be_bytes() };
        self.in_session(|tpm, session| {
            let Self { transport, rng, .. } = tpm;
            let guarded = Guarded::Command;
            session.run(
                transport,
                Code::NvDefineSpace,
                &[owner],
                &[],
                parameters,
                guarded,
                true,
                &mut **rng,
            )?;
            Ok(())
        })
    }

    /// Overwrites an index, in pieces where the TPM takes no whole one. A crash between two: a torn record, as its MAC tells.
    pub(super) fn write(
        &mut self,
        number: u32,
        auth: &TpmAuth,
        bytes: &[u8; INDEX_BYTES],
    ) -> Result<(), TpmError> {
        let mut index = match self.public(number)? {
            Some(index) => index,
            None => {
                self.define(number, auth)?;
                Index { number, attributes: ATTRIBUTES }
            }
        };
        self.in_session(|tpm, session| {
            let Self { transport, rng, piece, .. } = tpm;
            let count = bytes.len().div_ceil(*piece);
            for (n, part) in bytes.chunks(*piece).enumerate() {
                let parameters = Message::new().sized(part).u16((n * *piece) as u16);
                let (name, last) = (index.name(), n + 1 == count);
                let entities = [Named { handle: number, name: &name }, Named { handle: number, name: &name }];
                let (code, guarded) = (Code::NvWrite, Guarded::Command);
                session.run(
                    transport,
                    code,
                    &entities,
                    &*auth.value(),
                    parameters,
                    guarded,
                    last,
                    &mut **rng,
                )?;
                index.attributes |= WRITTEN; // The first write changes the Name.
            }
            Ok(())
        })
    }

    /// An index's bytes; `None` when it is not there or was never written.
    pub(super) fn read(
        &mut self,
        number: u32,
        auth: &TpmAuth,
    ) -> Result<Option<Zeroizing<[u8; INDEX_BYTES]>>, TpmError> {
        let Some(index) = self.public(number)?.filter(Index::is_written) else { return Ok(None) };
        let name = index.name();
        let mut bytes = Zeroizing::new([0; INDEX_BYTES]);
        self.in_session(|tpm, session| {
            let Self { transport, rng, piece, .. } = tpm;
            let count = bytes.len().div_ceil(*piece);
            for (n, part) in bytes.chunks_mut(*piece).enumerate() {
                let parameters = Message::new().u16(part.len() as u16).u16((n * *piece) as u16);
                let entities = [Named { handle: number, name: &name }, Named { handle: number, name: &name }];
                let (code, guarded, last) = (Code::NvRead, Guarded::Response, n + 1 == count);
                let read = session.run(
                    transport,
                    code,
                    &entities,
                    &*auth.value(),
                    parameters,
                    guarded,
                    last,
                    &mut **rng,
                )?;
                let mut read = Reader(&read);
                let found = read.sized()?;
                read.end()?;
                if found.len() != part.len() {
                    return Err(TpmError::Malformed);
                }
                part.copy_from_slice(found);
            }
            Ok(())
        })?;
        Ok(Some(bytes))
    }

    /// One session for one operation. It ends with the operation's last command; after an error it is flushed.
    fn in_session<T>(
        &mut self,
        operation: impl FnOnce(&mut Self, &mut Session) -> Result<T, TpmError>,
    ) -> Result<T, TpmError> {
        let mut session = Session::start(&mut self.transport, self.key_handle, &self.key, &mut *self.rng)?;
        let done = operation(self, &mut session);
        if done.is_err() {
            let _already_gone = flush(&mut self.transport, session.handle);
        }
        done
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _gone_with_the_tpm = flush(&mut self.transport, self.key_handle);
    }
}

/// Makes the salt key, and looks whether it is what was asked for.
fn create_salt_key(transport: &mut Transport) -> Result<(u32, PublicKey, [u8; NAME_BYTES]), TpmError> {
    let template = salt_key_template();
    let public = Message::new().bytes(template.as_slice()).sized(&[]).sized(&[]); // No point yet.
    let sensitive = Message::new().sized(&[]).sized(&[]);
    let no_pcrs = 0;
    let parameters =
        Message::new().sized(sensitive.as_slice()).sized(public.as_slice()).sized(&[]).u32(no_pcrs);
    let message = command(Code::CreatePrimary, &[OWNER], &Authorisation::Empty, parameters.as_slice());
    let response = transport.transmit(&message)?;
    let (handles, parameters) = response.parts(1)?;
    let handle = Reader(handles).u32()?;
    let area = Reader(parameters).sized()?; // Creation data, ticket and Name follow; we reckon the Name ourselves.
    let point = area.strip_prefix(template.as_slice()).ok_or(TpmError::Malformed)?;
    let mut point = Reader(point);
    let mut sec1 = [0; 65];
    sec1[0] = 4;
    for at in [1, 33] {
        let coordinate = point.sized()?;
        // A TPM may leave zeros at the front away.
        let from = at + 32usize.checked_sub(coordinate.len()).ok_or(TpmError::Malformed)?;
        sec1[from..at + 32].copy_from_slice(coordinate);
    }
    point.end()?;
    let key = PublicKey::from_sec1_bytes(&sec1).map_err(|_| TpmError::Malformed)?;
    Ok((handle, key, name(area)))
}

fn flush(transport: &mut Transport, handle: u32) -> Result<(), TpmError> {
    transport.transmit(&command(Code::FlushContext, &[handle], &Authorisation::None, &[]))?;
    Ok(())
}

/// What a former life that was killed has left loaded: its sessions and its key.
fn flush_all(transport: &mut Transport) -> Result<(), TpmError> {
    for first in [LOADED_SESSIONS, TRANSIENT] {
        let response = capability(transport, CAP_HANDLES, first, HANDLES_MAX)?;
        let (_, parameters) = response.parts(0)?;
        let mut parameters = Reader(parameters);
        let (_more, _capability, count) = (parameters.u8()?, parameters.u32()?, parameters.u32()?);
        for _ in 0..count.min(HANDLES_MAX) {
            flush(transport, parameters.u32()?)?;
        }
    }
    Ok(())
}

fn nv_buffer_max(transport: &mut Transport) -> Result<usize, TpmError> {
    let response = capability(transport, CAP_PROPERTIES, NV_BUFFER_MAX, 1)?;
    let (_, parameters) = response.parts(0)?;
    let mut parameters = Reader(parameters);
    let (_more, _capability, count) = (parameters.u8()?, parameters.u32()?, parameters.u32()?);
    let (property, value) = (parameters.u32()?, parameters.u32()?);
    if count == 0 || property != NV_BUFFER_MAX || value == 0 {
        return Err(TpmError::Malformed);
    }
    Ok(value as usize)
}

fn capability(
    transport: &mut Transport,
    capability: u32,
    property: u32,
    count: u32,
) -> Result<super::wire::Response, TpmError> {
    let parameters = Message::new().u32(capability).u32(property).u32(count);
    transport.transmit(&command(Code::GetCapability, &[], &Authorisation::None, parameters.as_slice()))
}
