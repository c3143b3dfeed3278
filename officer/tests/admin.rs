//! `conclave-admin` with a credential, and with a server that is not there: what is judged before anything is sent.

#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

mod common;

use common::{command, request};
use pki::exchange::{CertificatesFile, RequestFile};
use pki::{Certificate, Credential, CredentialFile, KdfCost, SubjectNames, Suite};
use protocol::bundle::Bundle;
use rand_core::UnwrapErr;
use std::path::Path;

const PASSPHRASE: &str = "correct horse battery";
/// Nothing that this test opens was ever typed by a person.
const CHEAP: KdfCost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };

fn done(dir: &Path, line: &str) -> String {
    let output = command(dir, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and what was said on standard error.
fn refused(dir: &Path, line: &str) -> (i32, String) {
    let output = command(dir, line);
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Makes a credential as `conclave request` does, has it certified, and takes the certificates in.
fn credential(dir: &Path, login: &str, name: &str, role: &str) {
    let mut rng = UnwrapErr(getrandom::SysRng);
    let names = SubjectNames { full_name: name.into(), login: login.into(), unit: Vec::new() };
    let credential = Credential::generate(Suite::Ed25519, names, &mut rng).unwrap();
    std::fs::write(dir.join("me.request"), RequestFile::new(credential.request().unwrap(), None).to_text())
        .unwrap();
    let home = dir.join(login);
    std::fs::create_dir(&home).unwrap();
    std::fs::copy(dir.join("site.card"), home.join("site.card")).ok();
    let mut file =
        CredentialFile::create(&home.join("credential"), credential, PASSPHRASE.as_bytes(), CHEAP, &mut rng)
            .unwrap();
    let issued = done(
        dir,
        &format!("conclave-pki issue me.request --role {role} --out . --json --passphrase-fd 0 < pass"),
    );
    assert!(issued.contains("\"ok\":true"), "{issued}");
    let text = std::fs::read_to_string(dir.join(format!("{login}.certificates"))).unwrap();
    let certificates = CertificatesFile::from_text(&text).unwrap().certificates;
    let [signature, agreement] = [0, 1].map(|at: usize| Certificate::parse(&certificates[at]).unwrap());
    file.credential_mut().install(signature, agreement).unwrap();
    file.save(PASSPHRASE.as_bytes(), CHEAP, &mut rng).unwrap();
}

/// A site whose server is at a port where nobody listens.
fn site() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path();
    done(dir, "conclave-pki init --site Север --passphrase-fd 0 < pass");
    request(dir, "server|Server|ed25519|server.request", true);
    done(dir, "conclave-pki issue server.request --passphrase-fd 0 < pass");
    for (login, name) in [("olga", "Ольга Зимина"), ("oleg", "Олег Орлов")] {
        credential(dir, login, name, "officer");
    }
    done(dir, "conclave-pki genesis --server server --officers olga,oleg --passphrase-fd 0 < pass");
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    done(dir, &format!("conclave-pki site-card --address 127.0.0.1:{port} --out site.card"));
    for login in ["olga", "oleg"] {
        std::fs::copy(dir.join("site.card"), dir.join(login).join("site.card")).unwrap();
    }
    place
}

#[test]
fn what_can_be_judged_here_is_not_sent() {
    let place = site();
    let dir = place.path();
    let me = done(dir, "conclave-admin whoami --home olga --passphrase-fd 0 < pass");
    assert!(me.starts_with("Ольга Зимина @olga (") && me.contains("roles:       officer\n"), "{me}");
    let me = done(dir, "conclave-admin whoami --home olga --json --lang ru --passphrase-fd 0 < pass");
    assert!(me.contains(r#""login":"olga""#) && me.contains(r#""roles":["officer"]"#), "{me}");

    std::fs::write(dir.join("wrong"), "another passphrase\n").unwrap();
    let (code, said) = refused(dir, "conclave-admin status --home olga --passphrase-fd 0 < wrong");
    assert!(code == 1 && said.contains("does not open"), "{code} {said}");

    // An administrator is no officer; that is said before any connection.
    credential(dir, "adam", "Адам Смолин", "administrator");
    let (code, said) = refused(dir, "conclave-admin proposals --home adam --passphrase-fd 0 < pass");
    assert!(
        code == 77 && said == "this needs the role officer; this certificate has: administrator\n",
        "{code} {said}"
    );
    let (code, said) =
        refused(dir, "conclave-admin revoke @olga --reason superseded --home adam --passphrase-fd 0 < pass");
    assert_eq!((code, said.contains("needs the role")), (77, true), "{said}");

    // A new password is judged before the envelope is used up.
    std::fs::write(dir.join("lines"), format!("{PASSPHRASE}\n2222E-2222T-22227-2222K\nshort\n")).unwrap();
    let (code, said) =
        refused(dir, "conclave-admin password --envelope --home olga --passphrase-fd 0 < lines");
    assert_eq!((code, said.as_str()), (1, "at least 10 characters are needed\n"));
    std::fs::write(dir.join("lines"), format!("{PASSPHRASE}\n2222E-2222T-22227-2222M\nlong enough\n"))
        .unwrap();
    let (code, said) =
        refused(dir, "conclave-admin password --envelope --home olga --passphrase-fd 0 < lines");
    assert_eq!((code, said.as_str()), (1, "group 4 of the one-time password is mistyped\n"));
}

#[test]
fn a_server_that_is_not_there_is_said() {
    let place = site();
    let output = command(place.path(), "conclave-admin status --home olga --json --passphrase-fd 0 < pass");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(69) && said.contains(r#""code":"no-answer""#), "{said}");
}

#[test]
fn a_bundle_with_a_part_cut_out_is_not_sent() {
    let place = site();
    let dir = place.path();
    let bundle = |line: &str| {
        done(dir, &format!("conclave-pki bundle --out {line}"));
        Bundle::from_text(&std::fs::read_to_string(dir.join(line)).unwrap()).unwrap()
    };
    bundle("first.bundle");
    done(dir, "conclave-pki bundle --taken first.bundle");
    done(dir, "conclave-pki envelope print @olga --one-time-fd 1 --passphrase-fd 0 < pass");
    done(dir, "conclave-pki envelope print @oleg --one-time-fd 1 --passphrase-fd 0 < pass");
    done(dir, "conclave-pki envelope hand-over 1 --passphrase-fd 0 < pass");
    let whole = bundle("second.bundle");
    let told = |bundle: &Bundle| {
        std::fs::write(dir.join("y.bundle"), bundle.to_text()).unwrap();
        let output = command(dir, "conclave-admin submit y.bundle --plan --json --home olga");
        let said = String::from_utf8(output.stdout).unwrap();
        said.split_once(r#""code":""#)
            .map_or_else(String::new, |(_, rest)| rest[..rest.find('"').unwrap()].to_owned())
    };
    assert_eq!(told(&whole), "");
    let mut cut = whole.clone();
    cut.acts.remove(1);
    assert_eq!(told(&cut), "acts-missing");
    let mut cut = whole.clone();
    cut.verifiers.remove(0);
    assert_eq!(told(&cut), "verifiers-missing");
    let mut swapped = whole.clone();
    swapped.verifiers[0].sealed = b"one whose password he knows who carried it".to_vec().into();
    assert_eq!(told(&swapped), "verifiers-missing");
    let mut twice = whole.clone();
    twice.verifiers.push(whole.verifiers[0].clone());
    assert_eq!(told(&twice), "verifiers-missing");
    let mut changed = whole.clone();
    let last = changed.acts.last_mut().unwrap().signature.last_mut().unwrap();
    *last ^= 1;
    assert_eq!(told(&changed), "foreign-act");
    let empty = Bundle { acts: Vec::new(), verifiers: Vec::new(), ..whole };
    assert_eq!(told(&empty), "nothing-new");
}
