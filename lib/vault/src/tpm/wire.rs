//! Commands and responses of a TPM 2.0 as bytes (TCG TPM 2.0 Library, Part 1 section 18, Part 3): only the ten that the cell
//! needs. What is written here may be secret, so it lies in buffers of fixed size that are wiped; none of it grows.

use zeroize::Zeroizing;

use super::TpmError;

/// Longest command and response: what a PC client's TPM takes at least, and more than the cell needs.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4096;
/// Tag, size, code.
pub(crate) const HEADER_BYTES: usize = 10;

const TAG_NO_SESSIONS: u16 = 0x8001;
const TAG_SESSIONS: u16 = 0x8002;

/// TPM_RH_OWNER: the owner's hierarchy, whose authorisation is empty unless the site has set one.
pub(crate) const OWNER: u32 = 0x4000_0001;
/// TPM_RH_NULL.
pub(crate) const NULL: u32 = 0x4000_0007;
/// TPM_RS_PW: a password in place of a session.
const PASSWORD_SESSION: u32 = 0x4000_0009;

/// TPM_CC: the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Code {
    NvDefineSpace = 0x12a,
    CreatePrimary = 0x131,
    NvWrite = 0x137,
    NvRead = 0x14e,
    FlushContext = 0x165,
    NvReadPublic = 0x169,
    StartAuthSession = 0x176,
    GetCapability = 0x17a,
}

/// A buffer that is filled from the front.
pub(crate) struct Message(Zeroizing<Vec<u8>>);

impl Message {
    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(MESSAGE_BYTES_MAX)))
    }

    pub(crate) fn u8(mut self, value: u8) -> Self {
        self.put(&[value]);
        self
    }

    pub(crate) fn u16(mut self, value: u16) -> Self {
        self.put(&value.to_be_bytes());
        self
    }

    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.put(&value.to_be_bytes());
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.put(bytes);
        self
    }

    /// TPM2B: a length and the bytes.
    pub(crate) fn sized(self, bytes: &[u8]) -> Self {
        let length = u16::try_from(bytes.len()).expect("nothing of the cell's is longer than a message");
        self.u16(length).bytes(bytes)
    }

    fn put(&mut self, bytes: &[u8]) {
        // A vector that grows leaves its former bytes behind, unwiped.
        assert!(
            self.0.len() + bytes.len() <= MESSAGE_BYTES_MAX,
            "the cell's commands are far below the limit"
        );
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// How a command is authorised.
pub(crate) enum Authorisation<'a> {
    /// Not at all.
    None,
    /// The empty password.
    Empty,
    /// One session: handle, nonce, attributes, HMAC.
    Session { handle: u32, nonce: &'a [u8], attributes: u8, hmac: &'a [u8] },
}

/// A whole command.
pub(crate) fn command(
    code: Code,
    handles: &[u32],
    authorisation: &Authorisation<'_>,
    parameters: &[u8],
) -> Message {
    let mut area = Message::new();
    area = match authorisation {
        Authorisation::None => area,
        Authorisation::Empty => area.u32(PASSWORD_SESSION).sized(&[]).u8(0).sized(&[]),
        Authorisation::Session { handle, nonce, attributes, hmac } => {
            area.u32(*handle).sized(nonce).u8(*attributes).sized(hmac)
        }
    };
    let area = area.as_slice();
    let area_size = if area.is_empty() { 0 } else { 4 + area.len() };
    let size = HEADER_BYTES + 4 * handles.len() + area_size + parameters.len();
    let length = |bytes: usize| u32::try_from(bytes).expect("a message is short");
    let tag = if area.is_empty() { TAG_NO_SESSIONS } else { TAG_SESSIONS };
    let mut message = Message::new().u16(tag).u32(length(size)).u32(code as u32);
    for handle in handles {
        message = message.u32(*handle);
    }
    if !area.is_empty() {
        message = message.u32(length(area.len())).bytes(area);
    }
    message.bytes(parameters)
}

/// Reads from the front; what is short is malformed.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], TpmError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TpmError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], TpmError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(TpmError::Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, TpmError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, TpmError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, TpmError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// TPM2B.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], TpmError> {
        let length = usize::from(self.u16()?);
        self.take(length)
    }

    pub(crate) fn end(self) -> Result<(), TpmError> {
        if self.0.is_empty() { Ok(()) } else { Err(TpmError::Malformed) }
    }
}

/// A response to a command that succeeded.
pub(crate) struct Response {
    bytes: Zeroizing<Vec<u8>>,
    with_sessions: bool,
}

/// What follows the parameters of an authorised command.
pub(crate) struct SessionReply<'a> {
    pub(crate) nonce: &'a [u8],
    pub(crate) attributes: u8,
    pub(crate) hmac: &'a [u8],
}

impl Response {
    /// Takes whole bytes apart: the header fits them, and the code says success.
    pub(crate) fn parse(bytes: Zeroizing<Vec<u8>>) -> Result<Self, TpmError> {
        let mut reader = Reader(&bytes);
        let (tag, size, code) = (reader.u16()?, reader.u32()?, reader.u32()?);
        if size as usize != bytes.len() {
            return Err(TpmError::Malformed);
        }
        match (code, tag) {
            (0, TAG_SESSIONS) => Ok(Self { bytes, with_sessions: true }),
            (0, TAG_NO_SESSIONS) => Ok(Self { bytes, with_sessions: false }),
            (0, _) => Err(TpmError::Malformed),
            (code, _) => Err(TpmError::Refused { code }),
        }
    }

    /// Handles, which are `handles` in number, and parameters.
    pub(crate) fn parts(&self, handles: usize) -> Result<(&[u8], &[u8]), TpmError> {
        let mut reader = Reader(&self.bytes[HEADER_BYTES..]);
        let handles = reader.take(4 * handles)?;
        if !self.with_sessions {
            return Ok((handles, reader.0));
        }
        let size = reader.u32()? as usize;
        Ok((handles, reader.take(size)?))
    }

    /// The one session's part, behind the parameters of a response without handles.
    pub(crate) fn session(&self) -> Result<SessionReply<'_>, TpmError> {
        if !self.with_sessions {
            return Err(TpmError::Malformed);
        }
        let mut reader = Reader(&self.bytes[HEADER_BYTES..]);
        let size = reader.u32()? as usize;
        reader.take(size)?;
        let reply = SessionReply { nonce: reader.sized()?, attributes: reader.u8()?, hmac: reader.sized()? };
        reader.end()?;
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_laid_out_as_the_library_says() {
        let plain = command(Code::NvReadPublic, &[0x01c1_0200], &Authorisation::None, &[]);
        assert_eq!(plain.as_slice(), [0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x69, 1, 0xc1, 2, 0]);
        let session =
            Authorisation::Session { handle: 0x0200_0000, nonce: &[7; 2], attributes: 1, hmac: &[9] };
        let whole = command(Code::NvRead, &[1, 2], &session, &[0, 3]);
        let (area, parameters) = ([2, 0, 0, 0, 0, 2, 7, 7, 1, 0, 1, 9], [0, 3]);
        let expected = [
            &[0x80, 2, 0, 0, 0, 36, 0, 0, 1, 0x4e, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 12][..],
            &area,
            &parameters,
        ];
        assert_eq!(whole.as_slice(), expected.concat());
    }

    #[test]
    fn a_response_that_is_short_long_or_a_refusal_is_told() {
        let parse = |bytes: &[u8]| Response::parse(Zeroizing::new(bytes.to_vec())).map(|_| ());
        assert!(parse(&[0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0]).is_ok());
        assert!(matches!(
            parse(&[0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x4a]),
            Err(TpmError::Refused { code: 0x14a })
        ));
        for wrong in
            [&[0x80, 1, 0, 0, 0, 11, 0, 0, 0, 0][..], &[0x80, 1, 0], &[0x80, 9, 0, 0, 0, 10, 0, 0, 0, 0]]
        {
            assert!(matches!(parse(wrong), Err(TpmError::Malformed)), "{wrong:?}");
        }
        // A parameter size beyond the bytes.
        let bytes = Zeroizing::new(vec![0x80, 2, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 9]);
        assert!(Response::parse(bytes).unwrap().parts(0).is_err());
    }
}
