//! Weak Ed25519: certificates for keys that are none, and signatures in a second spelling, each one that a lax verifier takes.
//! Never a period key: those are in `keys.rs`.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use journal::act::{Act, Submit};
use journal::entry::{Content, Entry};
use journal::register::submit_digest;
use journal::statement::signed_bytes;
use journal::testing::{Described, TestLog, seed};
use pki::{Clearance, Role, Signer, Suite};
use sha2::{Digest, Sha256, Sha512};

use crate::forge::*;

/// Spellings of y = 1, the point that adds nothing: its own; beyond the field's prime; with the sign of an x that is zero.
const NEUTRAL: [u8; 32] = spelt(1, 0, 0);
const NEUTRAL_BEYOND: [u8; 32] = spelt(0xee, 0xff, 0x7f);
const NEUTRAL_SIGNED: [u8; 32] = spelt(1, 0, 0x80);
/// y = -1: the point of order two.
const ORDER_TWO: [u8; 32] = spelt(0xec, 0xff, 0x7f);
/// y = p + 3 spells the point with y = 3, of large order, a second time.
const THREE_BEYOND: [u8; 32] = spelt(0xf0, 0xff, 0x7f);

const fn spelt(lowest: u8, between: u8, highest: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    (bytes[0], bytes[31]) = (lowest, highest);
    bytes
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = vec![
        enrolled("a certificate for a key of small order", &NEUTRAL),
        enrolled("a certificate for a key of order two", &ORDER_TWO),
        enrolled("a certificate for a key that is not canonical", &THREE_BEYOND),
        enrolled("a certificate for a key of small order that is not canonical", &NEUTRAL_BEYOND),
    ];
    all.extend(spellings());
    all
}

/// Mallory's certificate names this key, and the authority signed just that.
fn enrolled(name: &str, key: &[u8; 32]) -> Case {
    let mut log = talked(73, Suite::Ed25519);
    let mut enrol = log.site.issue("mallory", &Described::new(Role::Operator, Clearance(3)));
    let own: [u8; 32] = log.site.person("mallory").signature.public().raw().try_into().unwrap();
    enrol.signature = issued_for(&log, &enrol.signature, &own, key).into();
    let (signed, id) = log.site.offline(Act::Enrol(enrol));
    log.act("olga", Act::Submit(Submit { count: 1, digest: submit_digest(&[id]) })).unwrap();
    let next = log.tree.size();
    let entries = changed(&log, |entries| entries.push(said(&log, signed)));
    forged(name, &log, &entries, next)
}

/// The certificate with another key of the same length, its identifier, and the authority's signature over that.
fn issued_for(log: &TestLog, certificate: &[u8], old: &[u8; 32], new: &[u8; 32]) -> Vec<u8> {
    let spki = |raw: &[u8]| [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], raw].concat();
    let id = |raw: &[u8]| Sha256::digest(spki(raw))[..20].to_vec();
    let mut bytes = certificate.to_vec();
    for (from, to) in [(spki(old), spki(new)), (id(old), id(new))] {
        let at = bytes.windows(from.len()).position(|found| found == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(&to);
    }
    // SEQUENCE { signed part, algorithm, BIT STRING of 64 bytes at the end }, lengths of two bytes each.
    assert_eq!((bytes[1], bytes[5]), (0x82, 0x82));
    let length = usize::from(u16::from_be_bytes([bytes[6], bytes[7]]));
    let signature = log.site.issuing_key.sign(&bytes[4..8 + length]).unwrap();
    let at = bytes.len() - signature.len();
    bytes[at..].copy_from_slice(&signature);
    bytes
}

/// Anna's last message under a signature whose first half is the neutral point, in each spelling: the equation holds for all
/// of them, so only the spelling tells them apart. And the good one with s beyond the order.
fn spellings() -> Vec<Case> {
    let log = talked(74, Suite::Ed25519);
    let end = log.entries.len() - 1;
    let Content::Statement(signed) = Entry::decode(&log.entries[end]).unwrap().content else {
        panic!("anna's message")
    };
    let message = signed_bytes(statement(&log.entries[end]).act.name(), &signed.statement);
    let under = |first: &[u8; 32]| {
        let made = neutral_signature(&log, first, &message);
        changed(&log, |entries| entries[end] = signature(&entries[end], |bytes| *bytes = made.to_vec()))
    };
    let case = |name: &str, first: &[u8; 32]| forged(name, &log, &under(first), end as u64);
    let good = under(&NEUTRAL);
    let taken =
        Case::new("R is the neutral point in its own spelling", &log, resigned(&log, &good), VERIFIED, None);
    vec![
        // The control: this is her signature by the letter of RFC 8032, if a careless one.
        taken.known(&[head_of(&good)]),
        case("R that is not canonical, beyond the prime", &NEUTRAL_BEYOND),
        case("R that is not canonical, with the sign of zero", &NEUTRAL_SIGNED),
    ]
}

/// (R, s) with s·B = R + k·A, R neutral: s = k·a.
fn neutral_signature(log: &TestLog, first: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let anna = log.site.person("anna");
    let expanded = Sha512::digest(seed(log.site.number, "anna/signature/0"));
    let secret = Scalar::from_bytes_mod_order(clamp_integer(expanded[..32].try_into().unwrap()));
    let public = anna.signature.public().raw();
    let digest = Sha512::new().chain_update(first).chain_update(public).chain_update(message).finalize();
    let k = Scalar::from_bytes_mod_order_wide(&digest.into());
    let s = k * secret;
    let key = CompressedEdwardsY(public.try_into().unwrap()).decompress().unwrap();
    assert_eq!(s * ED25519_BASEPOINT_POINT, k * key, "the attack: the equation holds");
    let mut made = [0; 64];
    made[..32].copy_from_slice(first);
    made[32..].copy_from_slice(s.as_bytes());
    made
}
