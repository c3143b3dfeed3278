//! Keys and certificates: out of time, revoked, not yet recorded, of another suite, weak, and signatures in a second form.
//! Never by breaking a signature; each is one that some verifier accepts.

use auditor::cutting::Wanted;
use journal::act::{Act, Crl, Revoke, RevokeReason, Submit};
use journal::entry::{Content, Entry};
use journal::fact::{Fact, KeyRoll, key_roll_bytes};
use journal::register::submit_digest;
use journal::testing::{Described, FOUNDED_MS, TestLog, VALID_MS};
use pki::profile::{self, Authority, Validity};
use pki::{CertTime, Clearance, Reason, Role, SecretKey, Signer, Suite};

use crate::excerpts;
use crate::forge::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut all = certificates();
    all.extend(second_forms());
    all.extend(rolled());
    all
}

/// A log with mallory, who is enrolled by olga and logged in; and the indices of the Submit and her Enrol.
fn with_mallory(number: u64, valid_ms: (u64, u64)) -> TestLog {
    let mut log = talked(number, Suite::Ed25519);
    let described = Described { valid_ms, ..Described::new(Role::Operator, Clearance(3)) };
    log.enrol_by("olga", "mallory", &described);
    log.log_in("mallory").unwrap();
    log.act("mallory", Act::SetPassword(journal::act::SetPassword {})).unwrap();
    log
}

/// A statement of mallory's next, put into the log whatever its rules say.
fn goes_on(log: &TestLog) -> Vec<Vec<u8>> {
    let draft = log.draft("mallory", Act::Logout(journal::act::Logout {}));
    let entry = said(log, log.sign("mallory", draft).0);
    changed(log, |entries| entries.push(entry))
}

fn revoking(log: &mut TestLog) {
    let person = log.id("mallory");
    let act = Revoke { person, reason: RevokeReason::KeyCompromise, note: String::new() };
    log.act("olga", Act::Revoke(act)).unwrap();
}

/// The authority's list that names mallory's certificate, as an act that an officer submits.
fn listing(log: &mut TestLog) {
    let site = &log.site;
    let issuer = Authority { certificate: &site.issuing, signer: &site.issuing_key };
    let at = |ms: u64| CertTime((ms / 1000) as i64);
    let serial = site.person("mallory").signature_certificate.serial().to_vec();
    let revoked = [(serial, at(log.now_ms), Reason::KeyCompromise)];
    let validity = Validity { from: at(log.now_ms), until: at(FOUNDED_MS + VALID_MS) };
    let list = profile::revocation_list(issuer, 1, validity, &revoked).unwrap();
    let acts = vec![Act::Crl(Crl { list: list.der().to_vec().into() })];
    log.submit("olga", acts).unwrap();
}

fn certificates() -> Vec<Case> {
    let mut all = Vec::new();
    let usual = (FOUNDED_MS, FOUNDED_MS + VALID_MS);
    let next = |log: &TestLog| log.tree.size();
    let mut log = with_mallory(20, usual);
    all.push(Case::new("mallory enrolled", &log, honest(&log), VERIFIED, None));
    revoking(&mut log);
    all.push(Case::new("mallory revoked", &log, honest(&log), VERIFIED, None));
    all.push(forged("signed behind the revocation", &log, &goes_on(&log), next(&log)));
    let (entries, at) = (goes_on(&log), next(&log));
    let part = excerpts::cut(&resigned(&log, &entries), &Wanted::Range(at, at), &[]);
    let part = Case::new("excerpt: signed behind the revocation", &log, part, INVALID, Some(at));
    all.push(part.known(&[head_of(&entries)]).excerpt());
    let mut log = with_mallory(21, usual);
    listing(&mut log);
    all.push(Case::new("mallory listed", &log, honest(&log), VERIFIED, None));
    let list = next(&log) - 1;
    all.push(forged("signed behind the list", &log, &goes_on(&log), next(&log)));
    // The list hidden: its Submit waits for it.
    let hidden = changed(&log, |entries| {
        entries.remove(list as usize);
        entries.extend(goes_on(&log).pop());
    });
    all.push(forged("the list hidden", &log, &hidden, list));
    let mut log = with_mallory(22, (FOUNDED_MS, FOUNDED_MS + 3_600_000));
    log.wait_ms(7_200_000);
    all.push(forged("signed when the certificate had run out", &log, &goes_on(&log), next(&log)));
    // Her Enrol moved behind her Login: the authority's chain and the Submit's place are kept.
    let log = with_mallory(23, usual);
    let login = (0..next(&log)).rev().find(|index| {
        matches!(Entry::decode(&log.entries[*index as usize]).unwrap().content,
            Content::Statement(ref s) if matches!(s.clone().parse().unwrap().act(), Act::Login(_)))
    });
    let login = login.unwrap() as usize;
    let early = changed(&log, |entries| {
        let entry = entries.remove(login);
        entries.insert(login - 5, entry);
    });
    all.push(forged("signed before the certificate was recorded", &log, &early, login as u64 - 5));
    // The root itself vouches for her: the path is good, the authority is not the one that enrols.
    let mut log = talked(28, Suite::Ed25519);
    let enrol = {
        let site = &mut log.site;
        let issuing = std::mem::replace(&mut site.issuing, site.root.clone());
        std::mem::swap(&mut site.issuing_key, &mut site.root_key);
        let enrol = site.issue("mallory", &Described::new(Role::Operator, Clearance(3)));
        std::mem::swap(&mut site.issuing_key, &mut site.root_key);
        site.issuing = issuing;
        enrol
    };
    let (signed, id) = log.site.offline(Act::Enrol(enrol));
    let submit = Submit { count: 1, digest: submit_digest(&[id]) };
    log.act("olga", Act::Submit(submit)).unwrap();
    let entries = changed(&log, |entries| entries.push(said(&log, signed)));
    all.push(forged("a certificate that the root issued itself", &log, &entries, next(&log)));
    let never = {
        let mut stranger = talked(24, Suite::Ed25519);
        stranger.site.issue("mallory", &Described::new(Role::Operator, Clearance(3)));
        let entries = goes_on(&stranger);
        forged("signed by a certificate that was never recorded", &stranger, &entries, next(&stranger))
    };
    all.push(never);
    all
}

/// n of P-256, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// The order of Ed25519's base point, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn second_forms() -> Vec<Case> {
    let mut all = Vec::new();
    let curve = talked(25, Suite::EcdsaP256);
    let end = curve.tree.size() as usize - 1;
    let high = signature(&curve.entries[end], |bytes| {
        let mut borrow = 0i16;
        for at in (0..32).rev() {
            let digit = i16::from(ORDER[at]) - i16::from(bytes[32 + at]) - borrow;
            borrow = i16::from(digit < 0);
            bytes[32 + at] = (digit & 0xff) as u8;
        }
    });
    all.push(forged("high s", &curve, &changed(&curve, |e| e[end] = high), end as u64));
    let zero = signature(&curve.entries[end], |bytes| bytes.fill(0));
    all.push(forged("r and s are zero", &curve, &changed(&curve, |e| e[end] = zero), end as u64));
    let short = signature(&curve.entries[end], |bytes| bytes.truncate(63));
    all.push(forged("a short signature", &curve, &changed(&curve, |e| e[end] = short), end as u64));
    let log = talked(26, Suite::Ed25519);
    let end = log.tree.size() as usize - 1;
    let beyond = signature(&log.entries[end], |bytes| {
        let mut carry = 0u16;
        for at in 0..32 {
            let sum = u16::from(bytes[32 + at]) + u16::from(L[at]) + carry;
            bytes[32 + at] = (sum & 0xff) as u8;
            carry = sum >> 8;
        }
    });
    all.push(forged("s beyond the order", &log, &changed(&log, |e| e[end] = beyond), end as u64));
    let confused = said_anew(&log, &log.entries[end], "anna", |said| said.header.suite = Suite::EcdsaP256);
    all.push(forged("another suite than the key's", &log, &changed(&log, |e| e[end] = confused), end as u64));
    let by_boris = {
        let old = Entry::decode(&log.entries[end]).unwrap();
        let (signed, _) = log.sign("boris", statement(&log.entries[end]));
        Entry { content: Content::Statement(signed), ..old }.encode()
    };
    all.push(forged(
        "anna's statement by boris' key",
        &log,
        &changed(&log, |e| e[end] = by_boris),
        end as u64,
    ));
    all
}

/// Period keys that the server rolls to, each properly signed by the key before.
fn rolled() -> Vec<Case> {
    let mut all = Vec::new();
    let mut log = talked(27, Suite::Ed25519);
    let end = log.period_end();
    log.fact(end).unwrap();
    let next = log.tree.size();
    let id = log.register.log_id();
    let spki = |raw: &[u8]| [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], raw].concat();
    let roll = |key: Vec<u8>, by: &SecretKey| {
        let signature = by.sign(&key_roll_bytes(id, 3, Suite::Ed25519, &key)).unwrap();
        Fact::KeyRoll(KeyRoll {
            period: 3,
            suite: Suite::Ed25519,
            key: key.into(),
            signature: signature.into(),
        })
    };
    let mut push = |name: &str, roll: Fact| {
        let entries = changed(&log, |entries| entries.push(fact(&log, roll)));
        all.push(forged(name, &log, &entries, next));
    };
    let mut neutral = [0; 32];
    neutral[0] = 1;
    push("a period key of small order", roll(spki(&neutral), &log.period_key));
    // y = p + 3 spells the point with y = 3 a second time.
    let mut beyond = [0xff; 32];
    (beyond[0], beyond[31]) = (0xf0, 0x7f);
    push("a period key that is not canonical", roll(spki(&beyond), &log.period_key));
    push("a key roll by a former key", roll(spki(period_key(&log, 3).public().raw()), &period_key(&log, 0)));
    push(
        "a key roll by the identity key",
        roll(spki(period_key(&log, 3).public().raw()), &log.site.identity),
    );
    all
}
