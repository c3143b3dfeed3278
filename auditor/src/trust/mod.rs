//! The trust file: what the auditor knows of a log from people and from his own former audits, never from the server.
//! Never holds a secret; how it lies on a disk is `file.rs`'s.
//!
//! ```text
//! -----BEGIN CONCLAVE TRUST-----
//! base64 of canonical [1, site, suite, log id, identity key, [root…], [issuing…], fingerprint, age limit,
//!           entries limit, anchor, [witness…], compared]
//! -----END CONCLAVE TRUST-----
//! anchor = null or [[size, root], note]; the note is empty where the head came from paper
//! ```

mod file;

use std::io;

use journal::Origin;
use journal::checkpoint::{Checkpoint, SignedCheckpoint};
use journal::ids::{Head, LogId};
use journal::note::{CosignerKey, NOTE_BYTES_MAX, VerifierKey};
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::canonical::{self, NotCanonical};
use pki::pem::BadPem;
use pki::site_card::{Fingerprint, LIST_MAX, TEXT_BYTES_MAX};
use pki::{Certificate, SiteCard, Suite};
use sha2::{Digest, Sha256};

/// The version that this program writes.
pub const TRUST_VERSION: u8 = 1;
/// Label of the armour.
pub const LABEL: &str = "CONCLAVE TRUST";
/// Largest trust file, bytes.
pub const TRUST_BYTES_MAX: u64 = 1 << 20;
/// How old an anchor may be when nobody decided otherwise: 30 days, milliseconds.
pub const AGE_MS_STANDARD: u64 = 30 * 24 * 3600 * 1000;
/// How many entries may lie beyond an anchor when nobody decided otherwise.
pub const BEYOND_STANDARD: u64 = 1_000_000;

/// A head that the auditor holds on a medium of his own.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Anchor {
    /// The head.
    #[n(0)]
    pub head: Head,
    /// The signed note it came with; empty where it came from paper.
    #[n(1)]
    pub note: ByteVec,
}

/// What is known of one log.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Trust {
    #[n(0)]
    version: u8,
    /// The site's name, for people.
    #[n(1)]
    pub site: String,
    /// Its suite.
    #[n(2)]
    pub suite: Suite,
    /// The log.
    #[n(3)]
    pub log: LogId,
    /// The log identity key, as a signed-note verifier key.
    #[n(4)]
    identity: String,
    /// Root certificates, DER.
    #[n(5)]
    pub roots: Vec<ByteVec>,
    /// Issuing authorities, DER; empty where only roots were typed in.
    #[n(6)]
    pub issuing: Vec<ByteVec>,
    /// The fingerprint that a person compared: the site card's, or that of the typed values.
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    fingerprint: [u8; 32],
    /// An anchor whose entry is older than this, by the last entry's stamp, is too old, milliseconds.
    #[n(8)]
    pub age_ms_max: u64,
    /// More entries than this beyond the anchor are too many.
    #[n(9)]
    pub beyond_max: u64,
    /// The newest head that the auditor compared, or saw himself; see [`Trust::compared`].
    #[n(10)]
    pub anchor: Option<Anchor>,
    /// Witnesses whose cosignatures count, as verifier keys of cosigners; absent where there is none.
    #[n(11)]
    witnesses: Option<Vec<String>>,
    /// Entries up to which somebody else's head was compared, where the anchor is the auditor's own; absent: it is not.
    #[n(12)]
    compared: Option<u64>,
}

/// What is typed in or stands on a site card.
#[derive(Clone, Debug)]
pub struct TrustFacts {
    /// See [`Trust`].
    pub site: String,
    /// See [`Trust`].
    pub suite: Suite,
    /// See [`Trust`].
    pub log: LogId,
    /// See [`Trust`].
    pub identity: String,
    /// See [`Trust`].
    pub roots: Vec<Vec<u8>>,
    /// See [`Trust`].
    pub issuing: Vec<Vec<u8>>,
}

/// Why a trust file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadTrust {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is one already.
    #[error("the file exists")]
    Exists,
    /// Others than its owner may write it.
    #[error("others than its owner may write the file (mode {mode:o})")]
    Exposed {
        /// Its permission bits.
        mode: u32,
    },
    /// More than [`TRUST_BYTES_MAX`], or not text.
    #[error("not a text of at most {TRUST_BYTES_MAX} bytes")]
    NotText,
    /// It belongs to somebody else.
    #[error("the file belongs to user {owner}, not to who reads it")]
    Foreign {
        /// Whose it is.
        owner: u32,
    },
    /// No armour.
    #[error(transparent)]
    Pem(#[from] BadPem),
    /// No block or several.
    #[error("the file holds {found} trust blocks instead of one")]
    NotOne {
        /// How many.
        found: usize,
    },
    /// Not the one encoding.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// Written by a newer program.
    #[error("trust file version {0} is newer than this program reads ({TRUST_VERSION})")]
    Newer(u8),
    /// A field cannot be what it says it is.
    #[error("the field {0} is not acceptable")]
    Field(&'static str),
}

impl Anchor {
    /// The era that its note names; 0 where there is none.
    pub fn era(&self) -> u32 {
        SignedCheckpoint::parse(&self.note).map_or(0, |note| note.claimed().origin.era)
    }
}

impl Trust {
    /// Trust from facts that a person vouches for; no anchor yet.
    pub fn new(facts: TrustFacts) -> Result<Self, BadTrust> {
        let list = |ders: Vec<Vec<u8>>| ders.into_iter().map(ByteVec::from).collect();
        let mut trust = Self {
            version: TRUST_VERSION,
            site: facts.site,
            suite: facts.suite,
            log: facts.log,
            identity: facts.identity,
            roots: list(facts.roots),
            issuing: list(facts.issuing),
            fingerprint: [0; 32],
            age_ms_max: 0,
            beyond_max: 0,
            anchor: None,
            witnesses: None,
            compared: None,
        };
        trust.check()?;
        // Over what names the log and its authorities; limits and anchor change later.
        trust.fingerprint = Sha256::digest(canonical::encode(&trust)).into();
        (trust.age_ms_max, trust.beyond_max) = (AGE_MS_STANDARD, BEYOND_STANDARD);
        Ok(trust)
    }

    /// Trust from a site card whose fingerprint a person compared.
    pub fn from_card(card: &SiteCard) -> Result<Self, BadTrust> {
        let list = |ders: &[ByteVec]| ders.iter().map(|der| der.to_vec()).collect();
        let trust = Self::new(TrustFacts {
            site: card.site.clone(),
            suite: card.suite,
            log: LogId(card.log_id),
            identity: card.log_identity.clone(),
            roots: list(&card.roots),
            issuing: list(&card.issuing),
        })?;
        Ok(Self { fingerprint: card.fingerprint().0, ..trust })
    }

    fn check(&self) -> Result<(), BadTrust> {
        let plain =
            |text: &str| (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        if !plain(&self.site) {
            return Err(BadTrust::Field("site"));
        }
        let identity = self.identity.parse::<VerifierKey>().map_err(|_| BadTrust::Field("identity key"))?;
        let ours = identity.name() == &Checkpoint::key_name(self.log);
        if !ours || identity.key().suite() != Suite::Ed25519 {
            return Err(BadTrust::Field("identity key"));
        }
        let authorities = |ders: &[ByteVec]| {
            ders.len() <= LIST_MAX
                && ders.iter().all(|der| Certificate::parse(der).is_ok_and(|found| found.is_ca()))
        };
        if self.roots.is_empty() || !authorities(&self.roots) {
            return Err(BadTrust::Field("root certificates"));
        }
        if !authorities(&self.issuing) {
            return Err(BadTrust::Field("issuing certificates"));
        }
        let known = self.witnesses.as_deref();
        let good = |key: &String| key.parse::<CosignerKey>().is_ok();
        if known.is_some_and(|keys| keys.is_empty() || keys.len() > LIST_MAX || !keys.iter().all(good)) {
            return Err(BadTrust::Field("witnesses"));
        }
        match &self.anchor {
            Some(anchor) if anchor.note.len() > NOTE_BYTES_MAX => return Err(BadTrust::Field("anchor")),
            Some(_) | None => {}
        }
        // One spelling: what reaches as far as the anchor, or stands without one, says nothing.
        let size = self.anchor.as_ref().map_or(0, |anchor| anchor.head.size);
        if self.compared.is_some_and(|compared| compared >= size) {
            return Err(BadTrust::Field("compared"));
        }
        Ok(())
    }

    /// Entries up to which somebody else's head was compared; 0: none ever was.
    pub fn compared(&self) -> u64 {
        let size = self.anchor.as_ref().map_or(0, |anchor| anchor.head.size);
        self.compared.unwrap_or(size)
    }

    /// Whether the anchor is the auditor's own, of an earlier audit, and reaches further than anybody else's.
    pub fn is_own(&self) -> bool {
        self.compared.is_some()
    }

    /// Moves the anchor to a head of the auditor's own: he saw it, and somebody else's reach so far.
    pub fn advance(&mut self, anchor: Anchor, by_others: u64) {
        self.compared = (by_others < anchor.head.size).then_some(by_others);
        self.anchor = Some(anchor);
    }

    /// The log identity key.
    pub fn identity(&self) -> VerifierKey {
        self.identity.parse().expect("every way to a Trust has parsed it")
    }

    /// The log identity key under the name of an era.
    pub fn identity_in(&self, era: u32) -> VerifierKey {
        let name = Origin { log: self.log, era }.key_name();
        VerifierKey::new(name, self.identity().key().clone()).expect("a good key is one under any good name")
    }

    /// The witnesses whose cosignatures count.
    pub fn witnesses(&self) -> Vec<CosignerKey> {
        let keys = self.witnesses.iter().flatten();
        keys.map(|key| key.parse().expect("every way to a Trust has parsed it")).collect()
    }

    /// Takes a witness in. One that is there is not doubled; more than a file holds are refused.
    pub fn add_witness(&mut self, key: &CosignerKey) -> Result<(), BadTrust> {
        let witnesses = self.witnesses.get_or_insert_default();
        if !witnesses.contains(&key.to_string()) {
            witnesses.push(key.to_string());
        }
        self.check()
    }

    /// Believes a witness no longer; whether it was believed.
    pub fn remove_witness(&mut self, key: &CosignerKey) -> bool {
        let (key, before) = (key.to_string(), self.witnesses.take().unwrap_or_default());
        let kept: Vec<String> = before.iter().filter(|witness| **witness != key).cloned().collect();
        let is_shorter = kept.len() < before.len();
        self.witnesses = Some(kept).filter(|kept| !kept.is_empty());
        is_shorter
    }

    /// What a person compared: the site card's fingerprint, or SHA-256 over the typed values.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.fingerprint)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use journal::testing::TestSite;

    /// Trust in a test site's log.
    pub(crate) fn trust(site: &TestSite, log: LogId) -> Trust {
        let identity = VerifierKey::new(Checkpoint::key_name(log), site.identity.public().clone()).unwrap();
        Trust::new(TrustFacts {
            site: format!("Test site {}", site.number),
            suite: site.suite,
            log,
            identity: identity.to_string(),
            roots: vec![site.root.der().to_vec()],
            issuing: vec![site.issuing.der().to_vec()],
        })
        .unwrap()
    }
}
