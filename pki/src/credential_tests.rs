use super::*;
use crate::credential_file::{CredentialFile, CredentialFileError};
use crate::forge::{self, NOW, day};
use crate::path::{Purpose, Question, verify_path};
use crate::profile::{self, Authority, LeafKey, LeafRequest, Validity};
use crate::role::Role;
use crate::state_record::OwnChain;
use crate::testing::Rng;

fn names() -> SubjectNames {
    SubjectNames {
        full_name: "Анна Петрова".into(), login: "anna".into(), unit: vec!["HQ".into()]
    }
}

/// Issues both certificates for the open request, as an officer would.
fn certify(
    credential: &Credential,
    issuer: &forge::Made,
    person: PersonId,
    rng: &mut Rng,
) -> (Certificate, Certificate) {
    let request = Request::parse(&credential.request().unwrap()).unwrap();
    let authority = Authority { certificate: &issuer.certificate, signer: &issuer.key };
    let mut issue = |key| {
        let leaf = LeafRequest {
            person,
            names: request.names(),
            roles: [Role::Operator].into_iter().collect(),
            clearance: crate::Clearance(3),
            key,
            validity: Validity { from: day(-1), until: day(300) },
        };
        profile::leaf(authority, &leaf, rng).unwrap()
    };
    (issue(LeafKey::Signature(request.key())), issue(LeafKey::Agreement(request.agreement())))
}

fn certified(suite: Suite, rng: &mut Rng) -> (Credential, forge::Made) {
    let root = forge::root();
    let mut credential = Credential::generate(suite, names(), rng).unwrap();
    let (signature, agreement) = certify(&credential, &root, PersonId(77), rng);
    credential.install(signature, agreement).unwrap();
    (credential, root)
}

#[test]
fn a_credential_survives_sealing_with_everything_in_it() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let mut rng = Rng::seeded(1);
        let (mut credential, root) = certified(suite, &mut rng);
        credential.set_site_card(crate::site_card::tests::card());
        let question = Question { role: Some(Role::Operator), ..Question::new(Purpose::Client, NOW) };
        let leaf = credential.current().unwrap().signature_certificate().clone();
        assert_eq!((leaf.full_name(), leaf.login()), (Some("Анна Петрова"), Some("anna")));
        assert_eq!((leaf.unit(), leaf.clearance().rank()), (vec!["HQ"], 3));
        verify_path(&leaf, &[], &[root.anchor()], &question).unwrap();
        let sealed = credential.seal(b"passphrase", KdfCost::TESTING, &mut rng).unwrap();
        let opened = Credential::open(b"passphrase", &sealed).unwrap();
        assert_eq!(opened.person(), Some(PersonId(77)));
        assert_eq!(opened.current().unwrap().signature_certificate(), &leaf);
        assert_eq!(opened.site_card(), credential.site_card());
        assert!(Credential::open(b"Passphrase", &sealed).is_err());
        assert!(matches!(opened.request(), Err(CredentialError::NothingPending)));
    }
}

#[test]
fn renewal_keeps_every_former_agreement_key() {
    let mut rng = Rng::seeded(2);
    let (mut credential, root) = certified(Suite::Ed25519, &mut rng);
    let old = credential.current().unwrap().agreement_certificate().clone();
    let wrap = old.agreement_key().unwrap().seal(b"", b"", b"epoch key", &mut rng).unwrap();
    for renewals in 1..4 {
        credential.renew(&mut rng).unwrap();
        let (signature, agreement) = certify(&credential, &root, PersonId(77), &mut rng);
        credential.install(signature, agreement).unwrap();
        assert_eq!(credential.former().len(), renewals);
    }
    let sealed = credential.seal(b"x", KdfCost::TESTING, &mut rng).unwrap();
    let opened = Credential::open(b"x", &sealed).unwrap();
    let secret = opened.agreement_for(old.id()).unwrap();
    assert_eq!(secret.open(b"", b"", &wrap).unwrap().as_slice(), b"epoch key");
    assert!(opened.agreement_for(CertId([0; 32])).is_none());
}

#[test]
fn foreign_certificates_are_not_taken_in() {
    let mut rng = Rng::seeded(3);
    let (mut credential, root) = certified(Suite::Ed25519, &mut rng);
    credential.renew(&mut rng).unwrap();
    let other = Credential::generate(Suite::Ed25519, names(), &mut rng).unwrap();
    let (foreign_signature, foreign_agreement) = certify(&other, &root, PersonId(77), &mut rng);
    let (signature, agreement) = certify(&credential, &root, PersonId(77), &mut rng);
    let (_, elsewhere) = certify(&credential, &root, PersonId(78), &mut rng);
    assert!(credential.install(foreign_signature, agreement.clone()).is_err());
    assert!(credential.install(signature.clone(), foreign_agreement).is_err());
    assert!(credential.install(signature.clone(), elsewhere).is_err());
    assert!(credential.install(agreement.clone(), signature.clone()).is_err());
    credential.install(signature, agreement).unwrap();
}

#[test]
fn the_file_has_one_user_and_its_state_survives() {
    let mut rng = Rng::seeded(4);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("anna.credential");
    let (credential, _) = certified(Suite::Ed25519, &mut rng);
    let cost = KdfCost::TESTING;
    let file = CredentialFile::create(&path, credential, b"p", cost, &mut rng).unwrap();
    assert!(matches!(CredentialFile::open(&path, b"p"), Err(CredentialFileError::InUse { .. })));
    assert!(file.read_state().unwrap().is_none());
    let mut state = StateRecord::new([5; 32], "log+00000000+AQ==".into());
    for next_sequence in 1..4 {
        let chain = OwnChain { login_leaf: [1; 32], next_sequence, last_id: [2; 32], attempt: 0 };
        state.chain = Some(chain);
        file.write_state(&state, &mut rng).unwrap();
    }
    drop(file);
    let file = CredentialFile::open(&path, b"p").unwrap();
    assert_eq!(file.read_state().unwrap(), Some(state));
    drop(file);
    let (another, _) = certified(Suite::Ed25519, &mut rng);
    let again = CredentialFile::create(&path, another, b"p", cost, &mut rng);
    assert!(matches!(again, Err(CredentialFileError::Exists { .. })));
    use std::os::unix::fs::PermissionsExt;
    for name in ["anna.credential", "anna.credential.state", "anna.credential.lock"] {
        let mode = std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(!directory.path().join("anna.credential.new").exists());
}

#[test]
fn a_state_record_of_another_credential_or_a_damaged_one_is_refused() {
    let mut rng = Rng::seeded(5);
    let (one, _) = certified(Suite::Ed25519, &mut rng);
    let (two, _) = certified(Suite::Ed25519, &mut rng);
    let sealed = one.seal_state(Some(&StateRecord::new([5; 32], "log".into())), &mut rng).unwrap();
    assert!(one.open_state(&sealed).is_ok());
    assert!(two.open_state(&sealed).is_err());
    for at in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[at] ^= 1;
        assert!(one.open_state(&bent).is_err(), "byte {at}");
    }
}

#[test]
fn a_crash_before_the_rename_leaves_the_old_file() {
    let mut rng = Rng::seeded(6);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c");
    let (credential, _) = certified(Suite::Ed25519, &mut rng);
    let file = CredentialFile::create(&path, credential, b"p", KdfCost::TESTING, &mut rng).unwrap();
    let state = StateRecord::new([5; 32], "log".into());
    file.write_state(&state, &mut rng).unwrap();
    std::fs::write(directory.path().join("c.state.new"), b"half").unwrap();
    assert_eq!(file.read_state().unwrap(), Some(state.clone()));
    file.write_state(&state, &mut rng).unwrap();
    std::fs::write(directory.path().join("c.state"), b"torn").unwrap();
    assert!(file.read_state().is_err());
    std::fs::remove_file(directory.path().join("c.state")).unwrap();
    assert!(file.read_state().is_err());
}
