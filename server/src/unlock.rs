//! The unlock secret as it is brought to a start: a credential of the service manager, or a file.
//! Never writes one, and never keeps it anywhere but in its own page.

use crate::keys::KeysError;
use crate::store::StoreError;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use vault::UnlockSecret;
use zeroize::Zeroizing;

/// Name of the credential.
const CREDENTIAL: &str = "unlock";
/// Thirty-two bytes, or as many hexadecimal digits as spell them and a line's end.
const BYTES: usize = 32;
const DIGITS: usize = 2 * BYTES;
const FILE_BYTES_MAX: usize = DIGITS + 2;

/// The secret, where the service manager hands one over or the configuration names a file.
pub(crate) fn read(named: Option<&Path>) -> Result<Option<UnlockSecret>, StoreError> {
    let credential = std::env::var_os(crate::keys::CREDENTIALS_VARIABLE)
        .map(|dir| PathBuf::from(dir).join(CREDENTIAL))
        .filter(|path| path.exists());
    let Some(path) = credential.as_deref().or(named) else { return Ok(None) };
    let wrong = |error| StoreError::Unlock { error };
    let io = |reason| wrong(KeysError::Io { path: path.to_owned(), reason });
    let file = File::open(path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(wrong(KeysError::Readable { path: path.to_owned(), mode }));
    }
    let mut bytes = Zeroizing::new([0; FILE_BYTES_MAX + 1]);
    let length = read_whole(file, bytes.as_mut_slice()).map_err(io)?;
    let not_a_key = || wrong(KeysError::NotAKey { path: path.to_owned() });
    let secret = parse(&bytes[..length]).ok_or_else(not_a_key)?;
    let kept = UnlockSecret::filled(|page| page.copy_from_slice(&*secret));
    Ok(Some(kept.map_err(|error| StoreError::Vault(error.into()))?))
}

fn read_whole(mut file: File, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..])? {
            0 => return Ok(length),
            read => length += read,
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Zeroizing<[u8; BYTES]>> {
    if let Ok(raw) = bytes.try_into() {
        return Some(Zeroizing::new(raw));
    }
    let digits = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
    let mut secret = Zeroizing::new([0; BYTES]);
    if digits.len() != DIGITS {
        return None;
    }
    for (byte, [high, low]) in secret.iter_mut().zip(digits.as_chunks::<2>().0) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_32_bytes_or_64_digits() {
        assert_eq!(parse(&[7; 32]).as_deref(), Some(&[7; 32]));
        assert_eq!(parse("07".repeat(32).as_bytes()).as_deref(), Some(&[7; 32]));
        assert_eq!(parse(("Fe".repeat(32) + "\r\n").as_bytes()).as_deref(), Some(&[0xfe; 32]));
        for wrong in ["", "07", &"0g".repeat(32), &("07".repeat(32) + "\n\n"), &"07".repeat(33)] {
            assert!(parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("unlock");
        std::fs::write(&path, [7; 32]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read(Some(&path)).err(), Some(StoreError::Unlock { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(read(Some(&path)).unwrap().is_some());
        assert!(read(None).unwrap().is_none());
        assert!(read(Some(&dir.path().join("none"))).is_err());
    }
}
