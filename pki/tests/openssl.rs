//! We and the stock `openssl` command must agree: its chains hold here, ours hold there.
// Every function here is part of a test.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use pki::path::{Fault, Purpose, Question, Revocation, TrustAnchor, verify_path};
use pki::profile::{self, Authority, LeafKey, LeafRequest, Validity};
use pki::{
    AgreementSecret, CertTime, Certificate, Clearance, PersonId, Reason, RevocationList, Role, SecretKey,
    SubjectNames, Suite, UnixMs, pem,
};

/// The operating system's randomness: openssl's keys are random anyway.
struct Os;

impl rand_core::TryRng for Os {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|n| n as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        getrandom::fill(out).unwrap();
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Os {}

fn openssl_is_missing(test: &str) -> bool {
    let missing = Command::new("openssl").arg("version").output().is_err();
    if missing {
        println!("skipped: {test}: no openssl command here");
    }
    missing
}

/// Runs `openssl` with these words in this directory; gives its output, or panics with what it said.
fn openssl(directory: &Path, words: &str) -> String {
    let (yes, said) = try_openssl(directory, words);
    assert!(yes, "openssl {words}: {said}");
    said
}

fn try_openssl(directory: &Path, words: &str) -> (bool, String) {
    let output =
        Command::new("openssl").args(words.split_whitespace()).current_dir(directory).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn now() -> UnixMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixMs(since.as_millis() as u64)
}

fn read(directory: &Path, name: &str) -> Certificate {
    let text = std::fs::read_to_string(directory.join(name)).unwrap();
    Certificate::parse(&pem::decode(&text, pem::CERTIFICATE).unwrap()[0]).unwrap()
}

const CONFIG: &str = "\
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
nameConstraints = critical, permitted;DNS:example.org, permitted;dirName:dir, excluded;IP:10.0.0.0/255.0.0.0
[dir]
O = Test
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:www.example.org
[stray]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:www.example.com
[authority]
default_ca = list
[list]
database = index.txt
crlnumber = crlnumber
default_md = default
default_crl_days = 30
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
";

/// Makes root, authority and leaf of one kind of key with one digest; files `root.pem`, `ca.pem`, `leaf.pem`.
fn make_chain(directory: &Path, key: &str, digest: &str) {
    std::fs::write(directory.join("c.cnf"), CONFIG).unwrap();
    for name in ["root", "ca", "leaf"] {
        openssl(directory, &format!("genpkey {key} -out {name}.key"));
    }
    let make = |name: &str, extensions: &str, by: &str| {
        openssl(
            directory,
            &format!("req -new -config c.cnf -key {name}.key -subj /O=Test/CN={name} -out {name}.csr"),
        );
        let signer =
            if by == name { format!("-signkey {name}.key") } else { format!("-CA {by}.pem -CAkey {by}.key") };
        let serial = format!("0x4{}", name.len());
        openssl(
            directory,
            &format!(
                "x509 -req -in {name}.csr {signer} -set_serial {serial} -days 100 -extfile c.cnf -extensions {extensions} {digest} -out {name}.pem"
            ),
        );
    };
    make("root", "root", "root");
    make("ca", "ca", "root");
    make("leaf", "leaf", "ca");
    std::fs::copy(directory.join("leaf.key"), directory.join("stray.key")).unwrap();
    make("stray", "stray", "ca");
}

#[test]
fn chains_of_openssl_hold_here() {
    if openssl_is_missing("chains_of_openssl_hold_here") {
        return;
    }
    let kinds = [
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-sha256"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-sha384"),
        ("-algorithm ED25519", ""),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha256"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha384"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha512"),
    ];
    for (key, digest) in kinds {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        make_chain(at, key, digest.trim_end());
        let anchors = [TrustAnchor::new(read(at, "root.pem"))];
        let pool = [read(at, "ca.pem")];
        let ask = |name: &str, purpose| {
            verify_path(&read(at, name), &pool, &anchors, &Question::new(purpose, now())).map_err(|e| e.why)
        };
        ask("leaf.pem", Purpose::Server).unwrap_or_else(|why| panic!("{key} {digest}: {why}"));
        assert_eq!(ask("leaf.pem", Purpose::Client), Err(Fault::Purpose));
        assert!(matches!(ask("stray.pem", Purpose::Server), Err(Fault::Names(_))), "{key}");
        check_lists(at, &pool, &anchors);
    }
}

/// A list that openssl makes: first empty, then with the leaf in it.
fn check_lists(at: &Path, pool: &[Certificate], anchors: &[TrustAnchor]) {
    std::fs::write(at.join("index.txt"), "").unwrap();
    std::fs::write(at.join("crlnumber"), "01\n").unwrap();
    let leaf = read(at, "leaf.pem");
    let list = |name: &str| {
        openssl(at, &format!("ca -config c.cnf -name list -gencrl -keyfile ca.key -cert ca.pem -out {name}"));
        let text = std::fs::read_to_string(at.join(name)).unwrap();
        RevocationList::parse(&pem::decode(&text, pem::CRL).unwrap()[0]).unwrap()
    };
    let ask = |lists: &[RevocationList]| {
        let question =
            Question { revocation: Revocation::Leaf(lists), ..Question::new(Purpose::Server, now()) };
        verify_path(&leaf, pool, anchors, &question).map(|_| ()).map_err(|error| error.why)
    };
    let empty = list("empty.crl");
    assert_eq!(ask(std::slice::from_ref(&empty)), Ok(()));
    openssl(
        at,
        "ca -config c.cnf -name list -keyfile ca.key -cert ca.pem -revoke leaf.pem -crl_reason keyCompromise",
    );
    let full = list("full.crl");
    assert!(matches!(ask(&[empty, full]), Err(Fault::Revoked { reason: Some(Reason::KeyCompromise), .. })));
}

#[test]
fn weak_chains_of_openssl_do_not_hold() {
    if openssl_is_missing("weak_chains_of_openssl_do_not_hold") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    make_chain(at, "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha1");
    let anchors = [TrustAnchor::new(read(at, "root.pem"))];
    let outcome = verify_path(
        &read(at, "leaf.pem"),
        &[read(at, "ca.pem")],
        &anchors,
        &Question::new(Purpose::Server, now()),
    );
    assert_eq!(outcome.map_err(|error| error.why), Err(Fault::UnknownAlgorithm));
    openssl(at, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out weak.key");
    openssl(at, "req -x509 -new -config c.cnf -key weak.key -subj /CN=weak -extensions root -out weak.pem");
    let text = std::fs::read_to_string(at.join("weak.pem")).unwrap();
    assert!(Certificate::parse(&pem::decode(&text, pem::CERTIFICATE).unwrap()[0]).is_err());
}

#[test]
fn our_chains_and_lists_hold_there() {
    if openssl_is_missing("our_chains_and_lists_hold_there") {
        return;
    }
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let moment = CertTime::from_unix(now());
        let validity =
            Validity { from: CertTime(moment.0 - 3600), until: CertTime(moment.0 + 40 * 365 * 86_400) };
        let root_key = SecretKey::generate(suite, &mut Os).unwrap();
        let root = profile::root("Site root", root_key.public(), &root_key, validity, &mut Os).unwrap();
        let key = SecretKey::generate(suite, &mut Os).unwrap();
        let above = Authority { certificate: &root, signer: &root_key };
        let issuing =
            profile::issuing_authority(above, "Site CA 1", key.public(), validity, &mut Os).unwrap();
        let authority = Authority { certificate: &issuing, signer: &key };
        let names =
            SubjectNames {
                full_name: "Анна Петрова".into(), login: "anna".into(), unit: vec!["HQ".into()]
            };
        let person = PersonId::random(&mut Os);
        let signature = SecretKey::generate(suite, &mut Os).unwrap();
        let agreement = AgreementSecret::generate(suite, &mut Os).unwrap();
        let issue = |roles: &[Role], key| {
            let roles = roles.iter().copied().collect();
            let request =
                LeafRequest { person, names: &names, roles, clearance: Clearance(3), key, validity };
            profile::leaf(authority, &request, &mut Os).unwrap()
        };
        let client = issue(&[Role::Operator], LeafKey::Signature(signature.public()));
        let server = issue(&[Role::Server], LeafKey::Signature(signature.public()));
        let wrap = issue(&[Role::Core], LeafKey::Agreement(agreement.public()));
        let list = |issuer, revoked: &[_]| profile::revocation_list(issuer, 7, validity, revoked).unwrap();
        let lists = [list(above, &[]), list(authority, &[])];
        let write = |name: &str, label: &str, ders: &[&[u8]]| {
            let text: String = ders.iter().map(|der| pem::encode(label, der)).collect();
            std::fs::write(at.join(name), text).unwrap();
        };
        write("root.pem", pem::CERTIFICATE, &[root.der()]);
        write("ca.pem", pem::CERTIFICATE, &[issuing.der()]);
        write("lists.pem", pem::CRL, &[lists[0].der(), lists[1].der()]);
        let strict =
            "verify -x509_strict -crl_check_all -CRLfile lists.pem -CAfile root.pem -untrusted ca.pem";
        for (name, leaf, purpose) in [
            ("client", &client, "-purpose sslclient"),
            ("server", &server, "-purpose sslserver"),
            ("wrap", &wrap, ""),
        ] {
            write(&format!("{name}.pem"), pem::CERTIFICATE, &[leaf.der()]);
            openssl(at, &format!("{strict} {purpose} {name}.pem"));
        }
        let question = Question {
            role: Some(Role::Server),
            revocation: Revocation::Chain(&lists),
            ..Question::new(Purpose::Server, now())
        };
        verify_path(&server, std::slice::from_ref(&issuing), &[TrustAnchor::new(root.clone())], &question)
            .unwrap();
        let revoked = list(authority, &[(client.serial().to_vec(), moment, Reason::KeyCompromise)]);
        write("lists.pem", pem::CRL, &[lists[0].der(), revoked.der()]);
        let (yes, said) = try_openssl(at, &format!("{strict} client.pem"));
        assert!(!yes && said.contains("revoked"), "{said}");
        openssl(at, &format!("{strict} server.pem"));
        let text = openssl(at, "x509 -in client.pem -noout -subject -nameopt utf8,sep_comma_plus");
        assert!(text.contains(&person.to_string()), "{text}");
    }
}

#[test]
fn openssl_reads_our_requests() {
    if openssl_is_missing("openssl_reads_our_requests") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        let key = SecretKey::generate(suite, &mut Os).unwrap();
        let agreement = AgreementSecret::generate(suite, &mut Os).unwrap();
        let names = SubjectNames { full_name: "Anna".into(), login: "anna".into(), unit: vec![] };
        let request = pki::Request::make(&names, key.public(), agreement.public(), &key).unwrap();
        std::fs::write(directory.path().join("r.pem"), pem::encode(pem::REQUEST, &request)).unwrap();
        openssl(directory.path(), "req -in r.pem -verify -noout");
    }
}
