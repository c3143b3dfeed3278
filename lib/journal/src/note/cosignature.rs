//! Cosignatures of witnesses (c2sp.org/tlog-cosignature, the Ed25519 type `cosignature/v1`).
//! Never says what a witness looked at: a cosignature counts only for who chose to believe its key.
//!
//! ```text
//! signed bytes   "cosignature/v1\n" ‖ "time " SECONDS "\n" ‖ the note's text
//! line           — NAME base64(key id (4) ‖ SECONDS (8, big-endian) ‖ signature (64))
//! verifier key   NAME + "+" + 8 hex digits of the id + "+" + base64(04 ‖ key)
//!                id = SHA-256(NAME ‖ 0A ‖ 04 ‖ key)[..4]
//! ```

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::{PublicKey, SignError, Signer, Suite, Verifier};
use sha2::{Digest, Sha256};

use super::{BadKey, KeyId, KeyName, NotSigned, SignatureLine, SignedNote};

const TYPE_COSIGNATURE: u8 = 0x04;
/// Times behind this are no cosignature's.
const TIME_MAX: u64 = i64::MAX as u64;

/// A witness' public key under the name it cosigns with. Its text form is a verifier key of type 04.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: KeyName,
    id: KeyId,
    key: PublicKey,
}

impl CosignerKey {
    /// The cosigner key of an Ed25519 key under `name`.
    pub fn new(name: KeyName, key: PublicKey) -> Result<Self, BadKey> {
        match key.suite() {
            Suite::Ed25519 => {}
            suite @ (Suite::EcdsaP256 | Suite::Gost256 | Suite::Gost512) => {
                return Err(BadKey::UnsupportedSuite { suite });
            }
        }
        let hash = Sha256::new().chain_update(name.as_str()).chain_update([b'\n', TYPE_COSIGNATURE]);
        let digest = hash.chain_update(key.raw()).finalize();
        let id = KeyId([digest[0], digest[1], digest[2], digest[3]]);
        Ok(CosignerKey { name, id, key })
    }

    /// The name it cosigns with.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key itself.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Cosigns a note's text as of `time_s`, seconds since 1970. `signer` must hold the secret half of this key.
    pub fn cosign(&self, text: &str, signer: &dyn Signer, time_s: u64) -> Result<SignatureLine, SignError> {
        let signature = signer.sign(message(text, time_s).as_bytes())?;
        let signature = [&time_s.to_be_bytes()[..], &signature].concat();
        let line = SignatureLine { name: self.name.clone(), id: self.id, signature };
        // A signer that does not fit its key would make lines that nobody accepts.
        self.time_of(text, &line).map_err(|_| SignError { suite: signer.suite() })?;
        Ok(line)
    }

    /// When this key cosigned a note last, seconds since 1970; `None` where no line is by it. A line that claims to be
    /// by it and is not is an error, as the specification of notes has it.
    pub fn cosigned(&self, note: &SignedNote) -> Result<Option<u64>, NotSigned> {
        let own = note.lines().iter().filter(|line| line.name == self.name && line.id == self.id);
        let times = own.map(|line| self.time_of(note.text(), line)).collect::<Result<Vec<u64>, _>>()?;
        Ok(times.into_iter().max())
    }

    /// The time in a line by this key over this text.
    pub fn time_of(&self, text: &str, line: &SignatureLine) -> Result<u64, NotSigned> {
        if line.name != self.name || line.id != self.id {
            return Err(NotSigned::NoKnownKey);
        }
        let bad = || NotSigned::BadSignature { name: line.name.clone() };
        let (time_s, signature) = line.signature.split_first_chunk::<8>().ok_or_else(bad)?;
        let time_s = u64::from_be_bytes(*time_s);
        if time_s > TIME_MAX {
            return Err(bad());
        }
        self.key.verify(message(text, time_s).as_bytes(), signature).map_err(|_| bad())?;
        Ok(time_s)
    }
}

fn message(text: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[TYPE_COSIGNATURE], self.key.raw()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(material))
    }
}

impl FromStr for CosignerKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BadKey::Malformed);
        };
        let key = match STANDARD.decode(key).map_err(|_| BadKey::Malformed)?.split_first() {
            Some((&TYPE_COSIGNATURE, raw)) => PublicKey::from_raw(Suite::Ed25519, raw)?,
            Some((&kind, _)) => return Err(BadKey::UnknownType { kind }),
            None => return Err(BadKey::Malformed),
        };
        let parsed = CosignerKey::new(name.parse()?, key)?;
        if parsed.id.to_string() == id { Ok(parsed) } else { Err(BadKey::WrongId) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::SecretKey;

    const TEXT: &str = "conclave/abab\n3\nCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo=\n";
    const TIME_S: u64 = 1_679_315_147;

    fn witness(name: &str, seed: u8) -> (CosignerKey, SecretKey) {
        let secret = SecretKey::from_bytes(Suite::Ed25519, &[seed; 32]).unwrap();
        (CosignerKey::new(name.parse().unwrap(), secret.public().clone()).unwrap(), secret)
    }

    fn note(lines: &[SignatureLine]) -> SignedNote {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        SignedNote::parse(format!("{TEXT}\n{lines}").as_bytes()).unwrap()
    }

    /// The example of c2sp.org/tlog-cosignature names no key; its line shows the layout: the id, then the time of the
    /// signed bytes beside it, `time 1679315147`.
    #[test]
    fn the_layout_is_that_of_the_specifications_example() {
        let example = "\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";
        let line: SignatureLine = example.parse().unwrap();
        assert_eq!(
            (line.name().as_str(), line.id().to_string()),
            ("witness.example.com/w1", "8d66cf3f".into())
        );
        assert_eq!(line.to_string(), example);
        let (time_s, signature) = line.signature.split_first_chunk::<8>().unwrap();
        assert_eq!((u64::from_be_bytes(*time_s), signature.len()), (TIME_S, 64));
    }

    /// Golden: any change of a byte breaks what witnesses have signed.
    #[test]
    fn the_bytes_are_these_for_ever() {
        let (key, secret) = witness("conclave/town/wera", 9);
        assert_eq!(
            key.to_string(),
            "conclave/town/wera+fa691bb6+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"
        );
        assert_eq!(message(TEXT, TIME_S), format!("cosignature/v1\ntime 1679315147\n{TEXT}"));
        let line = key.cosign(TEXT, &secret, TIME_S).unwrap();
        assert!(line.signature.starts_with(&TIME_S.to_be_bytes()));
        assert_eq!(key.time_of(TEXT, &line), Ok(TIME_S));
        assert_eq!(key.to_string().parse::<CosignerKey>(), Ok(key));
    }

    #[test]
    fn only_its_own_lines_over_its_own_text_count() {
        let (key, secret) = witness("conclave/town/wera", 9);
        let (other, others) = witness("conclave/town/wera", 8);
        let (renamed, _) = witness("conclave/town/vera", 9);
        let early = key.cosign(TEXT, &secret, 5).unwrap();
        let late = key.cosign(TEXT, &secret, TIME_S).unwrap();
        let foreign = other.cosign(TEXT, &others, TIME_S + 1).unwrap();
        assert_eq!(key.cosigned(&note(&[late.clone(), foreign.clone(), early])), Ok(Some(TIME_S)));
        assert_eq!(key.cosigned(&note(std::slice::from_ref(&foreign))), Ok(None));
        assert_eq!(renamed.cosigned(&note(std::slice::from_ref(&late))), Ok(None));
        assert!(key.time_of(&TEXT.replace('3', "4"), &late).is_err());
        let mut moved = late.clone();
        moved.signature[7] ^= 1;
        assert!(key.cosigned(&note(&[late, moved])).is_err(), "the time is signed too");
        assert!(key.cosign(TEXT, &others, 1).is_err(), "another key's secret");
        // A period key's line is no cosignature, even under the same name.
        let plain: SignatureLine =
            format!("\u{2014} {} {}", key.name(), STANDARD.encode([0; 68])).parse().unwrap();
        assert_eq!(key.cosigned(&note(&[plain])), Ok(None));
        let short = SignatureLine { name: key.name.clone(), id: key.id, signature: vec![1; 7] };
        assert!(key.time_of(TEXT, &short).is_err());
    }

    #[test]
    fn keys_have_one_spelling() {
        let (key, _) = witness("conclave/town/wera", 9);
        let text = key.to_string();
        for (from, to) in
            [("+fa69", "+FA69"), ("+fa69", "+fa68"), ("+BP0X", "+AP0X"), ("wera+", "wer a+"), ("+BP0X", "+")]
        {
            assert!(text.replacen(from, to, 1).parse::<CosignerKey>().is_err(), "{from} -> {to}");
        }
        let p256 = SecretKey::from_bytes(Suite::EcdsaP256, &[3; 32]).unwrap();
        assert!(CosignerKey::new("w".parse().unwrap(), p256.public().clone()).is_err());
    }
}
