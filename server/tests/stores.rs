//! The store as the daemon finds it: in use, missing, damaged, another's; and commands that must not overwrite.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use pki::Suite;
use std::os::unix::fs::FileExt;
use support::Site;

/// Where the first journal run begins: behind the superblocks.
fn flip(path: &str, at: u64) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

/// Offsets of bytes that are not zero, one in every few.
fn written(path: &str) -> Vec<u64> {
    let bytes = std::fs::read(path).unwrap();
    (0..bytes.len() as u64).filter(|at| bytes[*at as usize] != 0).collect()
}

#[test]
fn a_second_server_on_the_same_store_is_refused() {
    let site = Site::founded(Suite::Ed25519);
    let server = site.start();
    let (status, said) = site.start_refused();
    assert_eq!(status.code(), Some(69), "{said}");
    assert!(said.contains("another server has this store open"), "{said}");
    let check = site.check(&[]);
    assert_eq!(check.status.code(), Some(69), "nor is it checked beside a server");
    server.signal(nix::sys::signal::Signal::SIGINT);
    assert!(server.wait().0.success());
}

#[test]
fn nothing_is_ever_made_over_what_is_there() {
    let site = Site::founded(Suite::Ed25519);
    let (config, bundle) = (site.path("conclaved.toml"), site.path("site.bundle"));
    let before = std::fs::read(site.path("store")).unwrap();
    let again = site.conclaved(&["init", "--config", &config, "--bundle", &bundle]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("never made over another"));
    assert!(std::fs::read(site.path("store")).unwrap() == before);
    let state = site.path("state");
    let keys = ["request", "--state", &state, "--server-name", "room", "--out"];
    let same_out = site.conclaved(&[&keys[..], &[&site.path("server.request")]].concat());
    assert_eq!(same_out.status.code(), Some(1));
    let new_keys = site.conclaved(&[&keys[..], &[&site.path("other.request")]].concat());
    assert_eq!(new_keys.status.code(), Some(1), "keys are never made anew");
    assert!(!std::path::Path::new(&site.path("other.request")).exists());
}

#[test]
fn a_missing_store_and_a_wrong_configuration_say_what_to_do() {
    let site = Site::requested(Suite::Ed25519);
    let (status, said) = site.start_refused();
    assert_eq!(status.code(), Some(69), "{said}");
    assert!(said.contains("conclaved init"), "{said}");
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "colour = \"blue\"\n").unwrap();
    let (status, said) = site.start_refused();
    assert_eq!(status.code(), Some(64), "{said}");
    assert!(said.contains("colour") && said.contains("line"), "{said}");
}

#[test]
fn a_bundle_of_another_server_or_with_a_changed_act_founds_nothing() {
    let (site, other) = (Site::requested(Suite::Ed25519), Site::requested(Suite::Ed25519));
    let config = site.path("conclaved.toml");
    let foreign = site.conclaved(&["init", "--config", &config, "--bundle", &other.path("site.bundle")]);
    assert_eq!(foreign.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&foreign.stderr).contains("log identity key"));
    let text = std::fs::read_to_string(site.path("site.bundle")).unwrap();
    let mut bundle = protocol::bundle::Bundle::from_text(&text).unwrap();
    bundle.acts.swap(1, 2);
    std::fs::write(site.path("swapped.bundle"), bundle.to_text()).unwrap();
    let swapped = site.conclaved(&["init", "--config", &config, "--bundle", &site.path("swapped.bundle")]);
    assert_eq!(swapped.status.code(), Some(1), "{}", String::from_utf8_lossy(&swapped.stderr));
    assert!(!std::path::Path::new(&site.path("store")).exists());
}

#[test]
fn a_damaged_store_is_told_and_not_started() {
    let site = Site::founded(Suite::Ed25519);
    // A start and a stop, so that there are batches behind the founding.
    let server = site.start();
    server.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(server.wait().0.success());
    assert!(site.check(&["--full"]).status.success());
    let store = site.path("store");
    let before = std::fs::read(&store).unwrap();
    let all = written(&store);
    let sample: Vec<u64> = (1..8).map(|part| all[all.len() * part / 8]).collect();
    let mut refused = 0;
    for at in sample {
        flip(&store, at);
        let check = site.check(&[]);
        if check.status.code() == Some(2) {
            refused += 1;
            let (status, said) = site.start_refused();
            assert_eq!(status.code(), Some(2), "byte {at}: {said}");
            assert!(said.contains("damaged"), "{said}");
        } else {
            // A byte that nothing rests on any more: a former version of the tree.
            assert!(check.status.success(), "byte {at}: {}", String::from_utf8_lossy(&check.stderr));
        }
        flip(&store, at);
    }
    assert!(refused > 0, "the journal is most of a young store");
    assert!(std::fs::read(&store).unwrap() == before, "neither check nor a refused start changed a byte");
    std::fs::write(site.path("cell"), vec![0; 3 * 4096]).unwrap();
    assert_eq!(
        site.check(&[]).status.code(),
        Some(2),
        "without its root nothing opens, and no new root is made"
    );
}

#[test]
fn keys_that_others_can_read_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::founded(Suite::Ed25519);
    let key = site.path("state/keys/identity");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (status, said) = site.start_refused();
    assert_eq!(status.code(), Some(77), "{said}");
    assert!(said.contains("chmod 600"), "{said}");
}
