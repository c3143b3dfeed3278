//! A trust file on its disk: armoured, its owner's alone, replaced whole.
//! Never read where others may write it: whoever may decides what is believed.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pki::canonical;
use pki::durable_file::{self, OWNER_ONLY};
use pki::pem;

use super::{BadTrust, LABEL, TRUST_BYTES_MAX, TRUST_VERSION, Trust};

impl Trust {
    /// The armoured text.
    pub fn to_text(&self) -> String {
        pem::encode(LABEL, &canonical::encode(self))
    }

    /// Reads the armoured text.
    pub fn from_text(text: &str) -> Result<Self, BadTrust> {
        let blocks = pem::decode(text, LABEL)?;
        let [bytes] = blocks.as_slice() else { return Err(BadTrust::NotOne { found: blocks.len() }) };
        // `[version, …`: a newer file is named rather than misread.
        if let Some(&version) = bytes.get(1)
            && version > TRUST_VERSION
            && version < 24
        {
            return Err(BadTrust::Newer(version));
        }
        let trust: Self = canonical::decode(bytes)?;
        if trust.version != TRUST_VERSION {
            return Err(BadTrust::Field("version"));
        }
        trust.check()?;
        Ok(trust)
    }

    /// Reads a trust file for the user `reader`; one that others may write, or have written, is refused. Root's files are
    /// believed: who is root can do anything.
    pub fn read(path: &Path, reader: u32) -> Result<Self, BadTrust> {
        let file = File::open(path)?;
        let found = file.metadata()?;
        let (mode, owner) = (found.mode() & 0o7777, found.uid());
        if owner != reader && owner != 0 {
            return Err(BadTrust::Foreign { owner });
        }
        if mode & 0o022 != 0 {
            return Err(BadTrust::Exposed { mode });
        }
        let mut text = String::new();
        let read = file.take(TRUST_BYTES_MAX + 1).read_to_string(&mut text);
        match read {
            Ok(bytes) if bytes as u64 <= TRUST_BYTES_MAX => Self::from_text(&text),
            Ok(_) => Err(BadTrust::NotText),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(BadTrust::NotText),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a new trust file, mode 0600; an existing one is never overwritten by this.
    pub fn create(&self, path: &Path) -> Result<(), BadTrust> {
        match durable_file::create(path, self.to_text().as_bytes(), OWNER_ONLY) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BadTrust::Exists),
            done => Ok(done?),
        }
    }

    /// Puts a newer state in the place of the old one, whole or not at all.
    pub fn replace(&self, path: &Path) -> Result<(), BadTrust> {
        Ok(durable_file::replace(path, self.to_text().as_bytes(), OWNER_ONLY)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Anchor;
    use crate::trust::tests::trust;
    use journal::LogId;
    use journal::ids::Head;
    use journal::testing::TestSite;
    use pki::Suite;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn owner(path: &Path) -> u32 {
        fs::metadata(path).unwrap().uid()
    }

    fn example() -> Trust {
        trust(&TestSite::new(1, Suite::Ed25519), LogId([3; 32]))
    }

    #[test]
    fn a_trust_file_is_read_back_and_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("north.trust");
        let mut trust = example();
        trust.create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(trust.create(&path), Err(BadTrust::Exists)));
        assert_eq!(Trust::read(&path, owner(&path)).unwrap(), trust);
        let before = trust.fingerprint();
        trust.anchor = Some(Anchor { head: Head { size: 5, root: [1; 32] }, note: Vec::new().into() });
        trust.replace(&path).unwrap();
        assert_eq!(Trust::read(&path, owner(&path)).unwrap(), trust);
        assert_eq!(before, trust.fingerprint());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t");
        example().create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert!(matches!(Trust::read(&path, owner(&path)), Err(BadTrust::Exposed { mode: 0o620 })));
    }

    #[test]
    fn a_file_of_somebody_else_is_refused_whatever_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t");
        let trust = example();
        trust.create(&path).unwrap();
        let ours = owner(&path);
        assert_eq!(Trust::read(&path, ours).unwrap(), trust);
        // Whoever runs the tests is the other one here; root's own file is everybody's to believe.
        match Trust::read(&path, ours + 1) {
            Ok(found) => assert_eq!((ours, found), (0, trust.clone())),
            Err(BadTrust::Foreign { owner }) => assert_eq!(owner, ours),
            Err(other) => panic!("{other}"),
        }
        if ours == 0 {
            std::os::unix::fs::chown(&path, Some(4711), None).unwrap();
            assert!(matches!(Trust::read(&path, 0), Err(BadTrust::Foreign { owner: 4711 })));
            assert_eq!(Trust::read(&path, 4711).unwrap(), trust);
        }
    }

    #[test]
    fn what_is_no_trust_is_refused() {
        let good = example();
        let another_log = Trust { log: LogId([4; 32]), ..good.clone() };
        assert!(matches!(Trust::from_text(&another_log.to_text()), Err(BadTrust::Field("identity key"))));
        let no_root = Trust { roots: Vec::new(), ..good.clone() };
        assert!(matches!(Trust::from_text(&no_root.to_text()), Err(BadTrust::Field("root certificates"))));
        let newer = Trust { version: 2, ..good.clone() };
        assert!(matches!(Trust::from_text(&newer.to_text()), Err(BadTrust::Newer(2))));
        assert!(matches!(Trust::from_text(&good.to_text().repeat(2)), Err(BadTrust::NotOne { found: 2 })));
        let bytes = canonical::encode(&good);
        for cut in 0..bytes.len() {
            assert!(Trust::from_text(&pem::encode(LABEL, &bytes[..cut])).is_err());
        }
    }
}
