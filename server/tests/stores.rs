//! The store as the daemon finds it: in use, missing, damaged, another's; and commands that must not overwrite.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use pki::Suite;
use protocol::bundle::Bundle;
use protocol::frame::SealedVerifier;
use protocol::limits::SEALED_VERIFIER_BYTES_MAX;
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

fn a_second_server_on_the_same_store_is_refused(suite: Suite) {
    let site = Site::founded(suite);
    let server = site.start();
    let (status, said) = site.start_refused();
    assert_eq!(status.code(), Some(69), "{said}");
    assert!(said.contains("The server runs: stop it first"), "{said}");
    let check = site.check(&[]);
    assert_eq!(check.status.code(), Some(69), "nor is it checked beside a server");
    server.signal(nix::sys::signal::Signal::SIGINT);
    assert!(server.wait().0.success());
}

fn nothing_is_ever_made_over_what_is_there(suite: Suite) {
    let site = Site::founded(suite);
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

fn a_bundle_with_another_verifier_founds_nothing(suite: Suite) {
    let site = Site::requested(suite);
    let whole = Bundle::from_text(&std::fs::read_to_string(site.path("site.bundle")).unwrap()).unwrap();
    let sealed =
        |bytes: usize| SealedVerifier { sealed: vec![7; bytes].into(), ..whole.verifiers[1].clone() };
    let known = Bundle { verifiers: vec![whole.verifiers[0].clone(), sealed(150)], ..whole.clone() };
    let long = Bundle { verifiers: vec![sealed(SEALED_VERIFIER_BYTES_MAX + 1)], ..whole.clone() };
    let stray = SealedVerifier { envelope: 99, ..whole.verifiers[0].clone() };
    let stray = Bundle { verifiers: [&whole.verifiers[..], &[stray]].concat(), ..whole.clone() };
    let found = |bundle: &Bundle| {
        let path = site.path("carried.bundle");
        std::fs::write(&path, bundle.to_text()).unwrap();
        site.conclaved(&["init", "--config", &site.path("conclaved.toml"), "--bundle", &path])
    };
    for (bundle, said) in
        [(known, "envelope 2 is not the one"), (long, "do not fit"), (stray, "envelope 99 is not the one")]
    {
        let done = found(&bundle);
        let words = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.code() == Some(1) && words.contains(said), "{words}");
        assert!(!std::path::Path::new(&site.path("store")).exists());
    }
    assert!(found(&whole).status.success());
}

fn a_missing_store_and_a_wrong_configuration_say_what_to_do(suite: Suite) {
    let site = Site::requested(suite);
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

fn a_bundle_of_another_server_or_with_a_changed_act_founds_nothing(suite: Suite) {
    let (site, other) = (Site::requested(suite), Site::requested(suite));
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

fn a_damaged_store_is_told_and_not_started(suite: Suite) {
    let site = Site::founded(suite);
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
            assert!(said.contains("does not start") && said.contains("recover --accept-loss"), "{said}");
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

fn keys_that_others_can_read_are_refused(suite: Suite) {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::founded(suite);
    let key = site.path("state/keys/identity");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (status, said) = site.start_refused();
    assert_eq!(status.code(), Some(77), "{said}");
    assert!(said.contains("chmod 600"), "{said}");
}

/// One mistake in the configuration: the exit code of who uses it wrongly, and words that name the place.
fn a_corrupt_configuration_names_its_mistake(suite: Suite) {
    let site = Site::founded(suite);
    let config = site.path("conclaved.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    let log_level = good.lines().find(|line| line.starts_with("log_level")).unwrap();
    let mistakes = [
        ("cut in the middle", good[..good.len() / 2].to_owned(), "line"),
        ("no text", "\u{0}\u{1}\u{2}".to_owned(), "line 1"),
        ("another type", good.replace("bytes = ", "bytes = \"many\" #"), "line 7"),
        ("twice", good.replace(log_level, &format!("{log_level}\n{log_level}")), "line 4"),
        ("no network", good[..good.find("[network]").unwrap()].to_owned(), "network"),
        ("no address", good.replace("127.0.0.1", "300.0.0.1"), "line 9"),
        ("a store too small", good.replace("bytes = ", "bytes = 4096 #"), "16777216"),
        ("a relative path", good.replace("path = \"/", "path = \""), "absolute"),
    ];
    for (name, text, told) in mistakes {
        assert_ne!(text, good, "{name}");
        std::fs::write(&config, text).unwrap();
        let (status, said) = site.start_refused();
        assert_eq!(status.code(), Some(64), "{name}: {said}");
        assert!(said.contains(told) && said.contains("conclaved.toml"), "{name}: {said}");
        assert_eq!(site.check(&[]).status.code(), Some(64), "{name}: nor is it checked");
    }
    std::fs::write(&config, good).unwrap();
    assert!(site.check(&["--full"]).status.success(), "the store was not touched");
}

support::on_each_suite! {
    a_second_server_on_the_same_store_is_refused,
    nothing_is_ever_made_over_what_is_there,
    a_bundle_with_another_verifier_founds_nothing,
    a_missing_store_and_a_wrong_configuration_say_what_to_do,
    a_bundle_of_another_server_or_with_a_changed_act_founds_nothing,
    a_damaged_store_is_told_and_not_started,
    keys_that_others_can_read_are_refused,
    a_corrupt_configuration_names_its_mistake,
}
