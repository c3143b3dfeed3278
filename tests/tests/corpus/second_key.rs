//! One signature, two keys: of an ECDSA signature anybody reckons a second key under which it verifies as well.
//! Never known to whom that key belongs: a certificate for it does not make the statement its owner's.

use journal::act::Act;
use journal::entry::{Content, Entry};
use journal::statement::signed_bytes;
use journal::testing::{Described, FOUNDED_MS, SeededRng, TestLog, VALID_MS, seed};
use p256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use pki::profile::{self, Authority, LeafKey, LeafRequest, Validity};
use pki::{CertTime, Clearance, PublicKey, Role, RoleSet, SubjectNames, Suite, Verifier};
use sha2::{Digest, Sha256};

use crate::forge::*;

pub(crate) fn cases() -> Vec<Case> {
    let log = talked(29, Suite::EcdsaP256);
    let end = log.tree.size() as usize - 1;
    let Content::Statement(signed) = Entry::decode(&log.entries[end]).unwrap().content else {
        panic!("anna's message")
    };
    let bytes = signed_bytes(statement(&log.entries[end]).act.name(), &signed.statement);
    let own = log.site.person("anna").signature.public();
    let second = second_key(&bytes, &signed.signature, own);
    own.verify(&bytes, &signed.signature).unwrap();
    second.verify(&bytes, &signed.signature).expect("the attack: both keys verify it");
    vec![as_anothers(log, &second), before_it_was_said(&second)]
}

/// Another key under which this signature of this message verifies.
fn second_key(message: &[u8], signature: &[u8], own: &PublicKey) -> PublicKey {
    let signature = Signature::from_slice(signature).unwrap();
    let hash = Sha256::digest(message);
    let keys = (0..4).filter_map(|number| {
        let number = RecoveryId::from_byte(number)?;
        let key = VerifyingKey::recover_from_prehash(&hash, &signature, number).ok()?;
        PublicKey::from_raw(Suite::EcdsaP256, key.to_sec1_point(false).as_bytes()).ok()
    });
    keys.into_iter().find(|key| key != own).expect("two points have each abscissa")
}

/// Mallory in the log with a certificate for a key whose secret nobody has.
fn certified(log: &mut TestLog, key: &PublicKey) {
    let described = Described::new(Role::Operator, Clearance(3));
    log.site.issue("mallory", &described);
    let id = log.site.id("mallory");
    let names = SubjectNames {
        full_name: "Test mallory".into(),
        login: "mallory".into(),
        unit: vec!["Test unit".into()],
    };
    let at = |ms: u64| CertTime((ms / 1000) as i64);
    let request = LeafRequest {
        person: id,
        names: &names,
        roles: RoleSet::EMPTY.with(Role::Operator),
        clearance: Clearance(3),
        key: LeafKey::Signature(key),
        validity: Validity { from: at(FOUNDED_MS), until: at(FOUNDED_MS + VALID_MS) },
    };
    let issuer = Authority { certificate: &log.site.issuing, signer: &log.site.issuing_key };
    let certificate = profile::leaf(issuer, &request, &mut SeededRng::new(seed(29, "leaf"))).unwrap();
    log.site.people.get_mut("mallory").unwrap().signature_certificate = certificate;
    let enrol = log.site.person("mallory").enrol();
    log.submit("olga", vec![Act::Enrol(enrol)]).unwrap();
}

/// Anna's message, said to be mallory's: the bytes that were signed name her certificate.
fn as_anothers(mut log: TestLog, second: &PublicKey) -> Case {
    let message = log.entries.last().unwrap().clone();
    certified(&mut log, second);
    let Content::Statement(mut signed) = Entry::decode(&message).unwrap().content else {
        panic!("a message")
    };
    let (anna, mallory) = (log.site.person("anna"), log.site.person("mallory"));
    let at = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|found| found == what).unwrap();
    for (old, new) in [
        (anna.signature_certificate.id().0.to_vec(), mallory.signature_certificate.id().0.to_vec()),
        (anna.id.0.to_be_bytes().to_vec(), mallory.id.0.to_be_bytes().to_vec()),
    ] {
        let place = at(&signed.statement, &old);
        signed.statement[place..place + old.len()].copy_from_slice(&new);
    }
    let next = log.tree.size();
    let entries = changed(&log, |entries| entries.push(said(&log, signed)));
    forged("a statement said to be of whoever has a second key for it", &log, &entries, next)
}

/// The second key as the log's next period key, rolled to by the one before: its old note is no note of that period.
fn before_it_was_said(second: &PublicKey) -> Case {
    use journal::fact::{Fact, KeyRoll, key_roll_bytes};
    use pki::Signer;
    let mut log = talked(29, Suite::EcdsaP256);
    let old = note(&log, log.head());
    let end = log.period_end();
    log.fact(end).unwrap();
    let bytes = key_roll_bytes(log.register.log_id(), 3, Suite::EcdsaP256, second.spki());
    let signature = log.period_key.sign(&bytes).unwrap();
    let (key, signature) = (second.spki().to_vec().into(), signature.into());
    log.fact(Fact::KeyRoll(KeyRoll { period: 3, suite: Suite::EcdsaP256, key, signature })).unwrap();
    Case::new("a period of a key that nobody has", &log, bundle(&log.entries, &[old]), INCOMPLETE, None)
        .known(&[])
}
