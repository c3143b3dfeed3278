//! The state file: where the auditor's last audit ended, signed by himself, so that the next one goes on from there.
//! Never believed unless his own key signed it. Never gone on from unless this very executable wrote it (its version may
//! be that of many, its SHA-256 is not); from another one's the head counts, which he has seen, and all is replayed.
//!
//! ```text
//! "conclave audited"    16 bytes
//! version               1 byte: 1
//! content length        8 bytes, big-endian
//! content               canonical [rules, program, log id, root, replay, logins, let go, era]
//! register length       8 bytes, big-endian
//! register              the Register's snapshot
//! signature             canonical bytes: 64 × 0x20 ‖ "conclave/1 audit-state" ‖ 0x00 ‖ SHA-256(all before it), the auditor's key
//! ```
//! replay = [size, [[index, key]…] KeyRolls, [[kind, count]…], first stamp, last stamp];
//! logins: 32 bytes StatementId and 8 bytes index each, ascending; let go = [[index, [name of a cell…]]…].

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

use journal::RULES;
use journal::ids::{Hash, Head, LogId};
use journal::register::Register;
use journal::replay::KeptReplay;
use journal::statement::context_prefix;
use minicbor::{Decode, Encode, bytes::ByteVec};
use pki::canonical;
use pki::durable_file::{self, OWNER_ONLY};
use pki::{PublicKey, SecretKey, SignError, Signer, Verifier};
use sha2::{Digest, Sha256};

use crate::audit::Audit;
use crate::known::Known;
use crate::let_go::{LetGo, LetGoRow};
use crate::names::hex;

const MAGIC: &[u8; 16] = b"conclave audited";
/// The version that this program writes.
pub const STATE_VERSION: u8 = 1;
/// Largest state file, bytes: that of some hundred million entries.
pub const STATE_BYTES_MAX: u64 = 4 << 30;
const LENGTH_BYTES: usize = 8;
const LOGIN_BYTES: usize = 40;

#[derive(Encode, Decode)]
#[cbor(array)]
struct Content {
    #[n(0)]
    rules: u32,
    #[n(1)]
    program: String,
    #[n(2)]
    log: LogId,
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    root: Hash,
    #[n(4)]
    replay: KeptReplay,
    #[n(5)]
    logins: ByteVec,
    #[n(6)]
    let_go: Vec<LetGoRow>,
    #[n(7)]
    era: u32,
}

/// What a state file says: a head that the auditor has seen, and what the next audit goes on from.
#[derive(Clone, Debug)]
pub struct Audited {
    /// The log.
    pub log: LogId,
    /// Where the audit ended.
    pub head: Head,
    /// The era that its last entry is of.
    pub era: u32,
    /// `None`: another executable wrote it, which may have judged by other rules; nobody goes on from there.
    pub known: Option<Known>,
}

/// Why a state file is not gone on from. The audit is then a whole one.
#[derive(Debug, thiserror::Error)]
pub enum NotKnown {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no state file, or a damaged one.
    #[error("not a state file, or a damaged one")]
    NotAState,
    /// Another key signed it, or it was changed.
    #[error("not signed by this auditor's key, or changed since")]
    NotMine,
}

/// Version and SHA-256 of the executable that runs: another one, be it of the same version, may judge otherwise.
fn program() -> io::Result<String> {
    static DIGEST: OnceLock<Hash> = OnceLock::new();
    let digest = match DIGEST.get() {
        Some(digest) => *digest,
        None => {
            let (mut file, mut hasher) = (File::open("/proc/self/exe")?, Sha256::new());
            let mut piece = vec![0; 1 << 16];
            loop {
                match file.read(&mut piece)? {
                    0 => break,
                    read => hasher.update(&piece[..read]),
                }
            }
            *DIGEST.get_or_init(|| hasher.finalize().into())
        }
    };
    Ok(format!("{} {}", env!("CARGO_PKG_VERSION"), hex(&digest)))
}

/// The state behind an audit, as bytes, signed.
pub fn signed(audit: &Audit, key: &SecretKey) -> io::Result<Vec<u8>> {
    signed_as(program()?, audit, key).map_err(io::Error::other)
}

fn signed_as(program: String, audit: &Audit, key: &SecretKey) -> Result<Vec<u8>, SignError> {
    let replay = &audit.replay;
    let logins: Vec<u8> =
        audit.logins.iter().flat_map(|(id, index)| id.iter().copied().chain(index.to_be_bytes())).collect();
    let content = canonical::encode(&Content {
        rules: RULES,
        program,
        log: replay.register().log_id(),
        root: replay.tree().root(),
        replay: replay.keep(),
        logins: logins.into(),
        let_go: audit.let_go.rows(),
        era: replay.register().era_at(replay.tree().size()),
    });
    let mut bytes = [&MAGIC[..], &[STATE_VERSION], &(content.len() as u64).to_be_bytes(), &content].concat();
    // It may be long: it is written where it is to stand.
    bytes.extend_from_slice(&[0; LENGTH_BYTES]);
    let from = bytes.len();
    let mut bytes = replay.register().snapshot_behind(bytes);
    let length = (bytes.len() - from) as u64;
    bytes[from - LENGTH_BYTES..from].copy_from_slice(&length.to_be_bytes());
    let signature = canonical::encode(&ByteVec::from(key.sign(&to_be_signed(&bytes))?));
    bytes.extend_from_slice(&signature);
    Ok(bytes)
}

/// Writes it in the place of the one before.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    durable_file::replace(path, bytes, OWNER_ONLY)
}

/// Reads a state file that this key signed; `None` where there is none yet.
pub fn read(path: &Path, key: &PublicKey) -> Result<Option<Audited>, NotKnown> {
    let file = match File::open(path) {
        Err(none) if none.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    // Of the file's length at once, and a byte to see its end: a vector that grows would stand in memory twice.
    let length = file.metadata()?.len().min(STATE_BYTES_MAX);
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_or(0, |length| length + 1));
    file.take(STATE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > STATE_BYTES_MAX {
        return Err(NotKnown::NotAState);
    }
    parse(&bytes, key).map(Some)
}

fn parse(bytes: &[u8], key: &PublicKey) -> Result<Audited, NotKnown> {
    let none = || NotKnown::NotAState;
    let rest =
        bytes.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(&[STATE_VERSION])).ok_or_else(none)?;
    let (content, rest) = piece(rest).ok_or_else(none)?;
    let (register, signature) = piece(rest).ok_or_else(none)?;
    let signed = &bytes[..bytes.len() - signature.len()];
    let signature: ByteVec = canonical::decode(signature).map_err(|_| none())?;
    key.verify(&to_be_signed(signed), &signature).map_err(|_| NotKnown::NotMine)?;
    let content: Content = canonical::decode(content).map_err(|_| none())?;
    let (log, head, era) = (content.log, Head { size: content.replay.size, root: content.root }, content.era);
    if content.rules != RULES || content.program != program()? {
        return Ok(Audited { log, head, era, known: None });
    }
    let register = Register::restore(register).map_err(|_| none())?;
    let (logins, rest) = content.logins.as_chunks::<LOGIN_BYTES>();
    if !rest.is_empty() {
        return Err(NotKnown::NotAState);
    }
    let login = |bytes: &[u8; LOGIN_BYTES]| {
        let (id, index) = bytes.split_at(32);
        Some((id.try_into().ok()?, u64::from_be_bytes(index.try_into().ok()?)))
    };
    let logins = logins.iter().filter_map(login).collect();
    let known =
        Known { log, head, replay: content.replay, register, logins, let_go: LetGo::of(content.let_go) };
    Ok(Audited { log, head, era, known: Some(known) })
}

/// What stands behind its length, and what follows it.
fn piece(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)
}

fn to_be_signed(bytes: &[u8]) -> Vec<u8> {
    let mut signed = context_prefix("audit-state");
    signed.extend_from_slice(&Sha256::digest(bytes));
    signed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{bundle, exported, judged, signed as note, trust};
    use crate::audit::{Wanted, audit_from};
    use crate::bundle::BundleReader;
    use crate::judgement::{Flaw, Judgement};
    use crate::outside::OutsideHead;
    use crate::replaying::Start;
    use journal::testing::TestLog;
    use pki::Suite;

    fn key(byte: u8) -> SecretKey {
        SecretKey::from_bytes(Suite::Ed25519, &[byte; 32]).unwrap()
    }

    fn known(log: &TestLog) -> Known {
        let audit = judged(&exported(log), &trust(log, Some(log.head())), Vec::new());
        assert!(matches!(audit.judgement, Judgement::Verified));
        parse(&signed(&audit, &key(7)).unwrap(), key(7).public()).unwrap().known.unwrap()
    }

    fn go_on(bytes: &[u8], log: &TestLog, known: &Known) -> Option<Audit> {
        let trust = trust(log, Some(known.head));
        let outside: Vec<OutsideHead> = Vec::new();
        let wanted = Wanted { trust: &trust, outside, progress: &mut |_| {}, observer: &mut |_, _, _| {} };
        audit_from(BundleReader::open(bytes).unwrap(), wanted, Start::Hashed(known.clone())).unwrap()
    }

    #[test]
    fn the_next_audit_goes_on_and_comes_to_what_a_whole_one_comes_to() {
        let mut log = TestLog::standard(51);
        let before = known(&log);
        let chat = log.talking("anna", &["boris"]);
        log.send("boris", chat).unwrap();
        let whole = judged(&exported(&log), &trust(&log, Some(log.head())), Vec::new());
        let next = go_on(&exported(&log), &log, &before).expect("it begins with what was audited");
        assert!(matches!(next.judgement, Judgement::Verified), "{:?}", next.judgement);
        let (found, expected) = (next.replay.verdict(), whole.replay.verdict());
        assert_eq!((found.head, found.state, &found.kinds), (expected.head, expected.state, &expected.kinds));
        assert_eq!(found.span_ms, expected.span_ms);
        assert_eq!(next.logins, whole.logins);
        assert_eq!(signed(&next, &key(7)).unwrap(), signed(&whole, &key(7)).unwrap());
    }

    #[test]
    fn what_is_bad_behind_it_is_found_at_its_index() {
        let mut log = TestLog::standard(52);
        let before = known(&log);
        let chat = log.talking("anna", &["boris"]);
        log.send("boris", chat).unwrap();
        let mut entries = log.entries.clone();
        let last = entries.len() - 1;
        *entries[last].last_mut().unwrap() ^= 1;
        let found = go_on(&bundle(&entries, &[note(&log, log.head())]), &log, &before).unwrap();
        let flaw = found.judgement;
        assert!(
            matches!(flaw, Judgement::Invalid(Flaw::Entry { index, .. }) if index == last as u64),
            "{flaw:?}"
        );
    }

    /// A Login of before the state stands again behind it: the Register has forgotten it, the state has not.
    #[test]
    fn a_login_of_before_that_stands_again_is_found() {
        let log = TestLog::standard(54);
        let before = known(&log);
        assert!(!before.logins.is_empty());
        let mut again = before.clone();
        again.logins.push((before.logins[0].0, log.tree.size() - 1));
        let found = go_on(&exported(&log), &log, &again).unwrap();
        assert!(matches!(found.judgement, Judgement::Invalid(Flaw::LoginRepeated { .. })));
    }

    /// What is no bundle is none, also to who has seen all its entries: he would call "verified" what nobody else can read.
    #[test]
    fn a_bundle_that_is_malformed_among_the_known_entries_is_not_gone_on_with() {
        let log = TestLog::standard(57);
        let before = known(&log);
        let whole = exported(&log);
        let mut at = 17;
        for entry in &log.entries[..30] {
            at += 4 + entry.len();
        }
        let mut bytes = whole.clone();
        bytes.splice(at..at, [0xff; 4]);
        assert!(go_on(&bytes, &log, &before).is_none());
        assert!(matches!(judged(&bytes, &trust(&log, None), Vec::new()).judgement, Judgement::Invalid(_)));
    }

    #[test]
    fn a_bundle_that_begins_otherwise_is_not_gone_on_with() {
        let mut log = TestLog::standard(53);
        let before = known(&log);
        log.talking("anna", &["boris"]);
        let mut entries = log.entries.clone();
        *entries[3].last_mut().unwrap() ^= 1;
        assert!(go_on(&bundle(&entries, &[note(&log, log.head())]), &log, &before).is_none());
        let size = usize::try_from(before.head.size).unwrap();
        assert!(go_on(&bundle(&log.entries[..size - 1], &[]), &log, &before).is_none());
    }

    /// The version alone says nothing: two builds of one version may judge by other rules. What was seen was seen.
    #[test]
    fn a_state_of_another_build_is_not_gone_on_from_and_its_head_counts() {
        let log = TestLog::standard(56);
        let audit = judged(&exported(&log), &trust(&log, Some(log.head())), Vec::new());
        let own = program().unwrap();
        let known = |program| parse(&signed_as(program, &audit, &key(7)).unwrap(), key(7).public()).unwrap();
        assert!(known(own.clone()).known.is_some());
        for other in [env!("CARGO_PKG_VERSION").to_owned(), own.replace(['0', '1'], "2"), String::new()] {
            let found = known(other);
            assert!(found.known.is_none());
            assert_eq!(found.head, log.head());
        }
    }

    #[test]
    fn a_state_of_another_key_or_changed_by_one_bit_is_not_believed() {
        let log = TestLog::standard(55);
        let audit = judged(&exported(&log), &trust(&log, Some(log.head())), Vec::new());
        let bytes = signed(&audit, &key(7)).unwrap();
        assert!(matches!(parse(&bytes, key(8).public()), Err(NotKnown::NotMine)));
        for at in (0..bytes.len()).step_by(97).chain(bytes.len() - 64..bytes.len()) {
            let mut bad = bytes.clone();
            bad[at] ^= 4;
            assert!(parse(&bad, key(7).public()).is_err(), "{at}");
        }
        for length in [0, 16, 24, 25, bytes.len() - 1] {
            assert!(parse(&bytes[..length], key(7).public()).is_err(), "{length}");
        }
        assert!(parse(&[&bytes[..], &[0]].concat(), key(7).public()).is_err());
    }
}
