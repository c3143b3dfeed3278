//! `conclaved store`: formatting what is there and what is not, founding in it, growing, and naming damage by its place.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;
#[path = "../../lib/vault/tests/support/swtpm.rs"]
#[allow(dead_code, reason = "the bus is for the vault's own tests")]
mod swtpm;

use nix::sys::signal::Signal;
use pki::Suite;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Output};
use support::Site;
use support::on_device::{LoopDevice, missing_for};

/// Runs `conclaved store …`; exit code, and everything it said.
fn store(site: &Site, args: &[&str]) -> (i32, String) {
    let config = site.path("conclaved.toml");
    let (name, more) = args.split_first().unwrap();
    told(site.conclaved(&[&["store", name, "--config", &config], more].concat()))
}

fn init(site: &Site) -> (i32, String) {
    let (config, bundle) = (site.path("conclaved.toml"), site.path("site.bundle"));
    told(site.conclaved(&["init", "--config", &config, "--bundle", &bundle]))
}

fn told(output: Output) -> (i32, String) {
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    (output.status.code().unwrap(), said)
}

/// The state that `store status` tells.
fn state(site: &Site) -> String {
    let (code, said) = store(site, &["status", "--json"]);
    assert_eq!(code, 0, "{said}");
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    json["data"]["state"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
}

fn point(site: &Site, device: &LoopDevice) {
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(config, text.replace(&site.path("store"), device.path().to_str().unwrap())).unwrap();
}

fn starts_and_stops(site: &Site) {
    let server = site.start();
    assert_eq!(state(site), "serving");
    server.signal(Signal::SIGTERM);
    assert!(server.wait().0.success());
}

#[test]
fn what_is_on_a_device_is_overwritten_only_when_it_is_named_exactly() {
    if missing_for("what_is_on_a_device_is_overwritten_only_when_it_is_named_exactly") {
        return;
    }
    let site = Site::requested(Suite::Ed25519);
    let backing = site.path("backing");
    std::fs::File::create(&backing).unwrap().set_len(48 << 20).unwrap();
    let device = LoopDevice::over(Path::new(&backing), 4096).unwrap();
    let path = device.path().to_str().unwrap();
    let uuid = "00112233-4455-6677-8899-aabbccddeeff";
    let made = Command::new("mkfs.ext4").args(["-q", "-U", uuid, path]).output().unwrap();
    assert!(made.status.success());
    point(&site, &device);
    let there = "ext:00112233445566778899aabbccddeeff";
    assert_eq!(state(&site), "occupied");
    assert_eq!(init(&site).0, 69, "init formats no device");

    let before = std::fs::read(&backing).unwrap();
    for args in [
        &["format", "--yes"][..],
        &["format", "--yes", "--overwrite", "ext"],
        &["format", "--yes", "--overwrite", "ext:ffeeddccbbaa99887766554433221100"],
        // Named rightly, and not told to do it.
        &["format", "--overwrite", there],
    ] {
        let (code, said) = store(&site, args);
        assert!(code == 1 && said.contains(there), "{args:?}: {said}");
    }
    let (code, said) = store(&site, &["format", "--yes", "--overwrite", there, "--device", "/dev/null"]);
    assert!(code == 64 && said.contains("--device"), "{said}");
    assert!(std::fs::read(&backing).unwrap() == before, "not a byte was touched");
    assert!(!Path::new(&site.path("cell")).exists());

    let (code, said) = store(&site, &["format", "--yes", "--overwrite", there, "--device", path]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(state(&site), "empty");
    let blkid = Command::new("blkid").args(["--probe", path]).output().unwrap();
    assert_eq!(blkid.status.code(), Some(2), "nothing is left of the filesystem");
    let (status, said) = site.start_refused();
    assert!(status.code() == Some(69) && said.contains("conclaved init"), "{said}");
    assert_eq!(init(&site).0, 0);
    starts_and_stops(&site);
    assert_eq!(store(&site, &["check"]).0, 0);

    // A store is somebody's too, and is known by its key alone.
    let (code, said) = store(&site, &["format", "--yes"]);
    assert!(code == 1 && said.contains("conclave-store:"), "{said}");
    let named = said.split_whitespace().last().unwrap().to_owned();
    assert_eq!(state(&site), "founded");
    assert_eq!(store(&site, &["format", "--yes", "--overwrite", &named]).0, 0);
    assert_eq!(state(&site), "empty", "the former one is gone");
    let other = named.replace("conclave-store:", "conclave-store:0");
    assert_eq!(store(&site, &["format", "--yes", "--overwrite", &other]).0, 1);

    // Without its cell it is noise, and noise is somebody's.
    std::fs::rename(site.path("cell"), site.path("cell.away")).unwrap();
    assert_eq!(state(&site), "cell-missing");
    let (code, said) = store(&site, &["format", "--yes"]);
    assert!(code == 1 && said.contains("unknown:") && said.contains("Put the cell back"), "{said}");
}

#[test]
fn a_lost_cell_and_a_lost_store_are_told_apart_and_no_advice_destroys_the_other_half() {
    let site = Site::founded(Suite::Ed25519);
    let backup = site.path("backup");
    let config = site.path("conclaved.toml");
    let refused = |part: &str, advice: &str| {
        std::fs::rename(site.path(part), site.path("away")).unwrap();
        let plan = site.path("plan");
        let mut answers =
            vec![store(&site, &["check"]), store(&site, &["grow", "--bytes", "134217728"]), init(&site)];
        let recover =
            told(site.conclaved(&["recover", "--accept-loss", "--config", &config, "--out", &plan]));
        assert!(recover.0 != 0 && !recover.1.contains("--overwrite"), "{part}: {recover:?}");
        let (status, said) = site.start_refused();
        answers.push((status.code().unwrap(), said));
        if part == "cell" {
            answers.push(told(site.conclaved(&["backup", "rehearse", "--config", &config, &backup])));
        }
        for (code, said) in answers {
            assert!(code == 69 && said.contains(advice), "{part}: {code} {said}");
            assert!(!said.contains("--overwrite") && !said.contains("unknown:"), "{said}");
        }
        let (_, said) = store(&site, &["status"]);
        assert!(!said.contains("unknown:") && said.contains("back"), "{said}");
        let state = state(&site);
        std::fs::rename(site.path("away"), site.path(part)).unwrap();
        state
    };
    let server = site.start();
    assert_eq!(told(site.conclaved(&["backup", "create", "--config", &config, "--to", &backup])).0, 0);
    server.signal(Signal::SIGTERM);
    assert!(server.wait().0.success());
    assert_eq!(refused("cell", "put it back"), "cell-missing");
    assert_eq!(refused("store", "put the device or the file back"), "away");
    // A cell that was overwritten is no better than one that is away: nothing hands out what overwrites the store.
    let whole = std::fs::read(site.path("cell")).unwrap();
    std::fs::write(site.path("cell"), vec![0; whole.len()]).unwrap();
    let (_, said) = store(&site, &["status"]);
    assert!(state(&site) == "cell-missing" && !said.contains("unknown:"), "{said}");
    std::fs::write(site.path("cell"), whole).unwrap();
    starts_and_stops(&site);
}

#[test]
fn what_the_key_tree_holds_and_the_journal_does_not_know_is_named() {
    let site = Site::founded(Suite::Ed25519);
    let server = site.start();
    server.signal(Signal::SIGTERM);
    assert!(server.wait().0.success());
    assert_eq!(store(&site, &["check"]).0, 0);
    // As a batch leaves it whose entries were lost, or an erasure that was called done too early.
    let device = disk::Medium::open(Path::new(&site.path("store"))).unwrap();
    let cell = vault::FileCell::open(Path::new(&site.path("cell"))).unwrap();
    let mut rng = support::rng();
    let opened =
        vault::Vault::open(std::sync::Arc::new(device), Box::new(cell), Default::default(), &mut rng);
    let (mut vault, _) = opened.unwrap();
    let root = vault.journal().1;
    let mut batch = vault.begin(disk::Claim::Ordinary, &mut rng).unwrap();
    batch.insert(vault::Place::item(7, 12), b"nobody knows me").unwrap();
    batch.insert(vault::Place::chunk(9, 3, 2), b"nor me").unwrap();
    batch.commit(root).unwrap();
    drop(vault);
    let (code, said) = store(&site, &["check"]);
    assert!(code == 2 && said.contains("item 12 of conversation 7") && said.contains("item 3 of"), "{said}");
    assert!(said.contains("DAMAGED in 2 places"), "{said}");
    // A start does not look.
    site.start().kill();
}

#[test]
fn a_making_that_was_interrupted_is_told_and_the_same_command_finishes_it() {
    let site = Site::requested(Suite::Ed25519);
    assert_eq!(state(&site), "missing");
    // Cut off before the cell: a container of zeros.
    std::fs::File::create(site.path("store")).unwrap().set_len(64 << 20).unwrap();
    assert_eq!(state(&site), "unformatted");
    assert_eq!(store(&site, &["format"]).0, 1);
    assert_eq!(store(&site, &["format", "--yes"]).0, 0);
    assert_eq!(state(&site), "empty");
    assert_eq!(store(&site, &["check"]).0, 69, "nothing is founded in it");

    // Cut off before the root: the cell's two slots are blank, and one of them torn.
    for length in [0_u16, 40] {
        let cell = std::fs::OpenOptions::new().write(true).open(site.path("cell")).unwrap();
        cell.write_all_at(&length.to_le_bytes(), 0).unwrap();
        assert_eq!(state(&site), "unfinished");
        let (status, said) = site.start_refused();
        assert!(status.code() == Some(69) && said.contains("interrupted"), "{said}");
        if length == 0 {
            assert_eq!(store(&site, &["format", "--yes"]).0, 0);
            assert_eq!(state(&site), "empty");
        }
    }
    let (code, said) = init(&site);
    assert_eq!(code, 0, "{said}");
    starts_and_stops(&site);
    let (code, said) = init(&site);
    assert!(code == 1 && said.contains("never made over another"), "{said}");

    // The same blank slots over a store with entries: never a fresh root.
    let cell = std::fs::OpenOptions::new().write(true).open(site.path("cell")).unwrap();
    cell.write_all_at(&0_u16.to_le_bytes(), 0).unwrap();
    assert_eq!(state(&site), "root-lost");
    for (code, said) in [init(&site), store(&site, &["format", "--yes"]), store(&site, &["check"])] {
        assert!(code == 2 && said.contains("lost its root"), "{said}");
    }
    assert_eq!(site.start_refused().0.code(), Some(2));
}

#[test]
fn a_file_that_is_no_store_and_a_root_of_another_are_not_touched() {
    let site = Site::requested(Suite::Ed25519);
    std::fs::write(site.path("store"), vec![b'x'; 32 << 20]).unwrap();
    assert_eq!(init(&site).0, 69);
    assert_eq!(store(&site, &["format", "--yes"]).0, 1);
    assert!(std::fs::read(site.path("store")).unwrap().iter().all(|byte| *byte == b'x'));
    assert!(!Path::new(&site.path("cell")).exists());
    let other = Site::founded(Suite::Ed25519);
    std::fs::rename(other.path("store"), other.path("away")).unwrap();
    assert_eq!(state(&other), "away");
    for (code, said) in [init(&other), store(&other, &["format", "--yes"])] {
        assert!(code == 69 && said.contains("put the device or the file back"), "{said}");
    }
    std::fs::copy(site.path("store"), other.path("store")).unwrap();
    assert_eq!(state(&other), "root-of-another");
    for (code, said) in [init(&other), store(&other, &["format", "--yes"])] {
        assert!(code == 1 && said.contains("root of a store that is not on this device"), "{said}");
    }
    std::fs::rename(other.path("away"), other.path("store")).unwrap();
    starts_and_stops(&other);
}

/// Writes these lines into `[store]`, in place of the file cell where they name a cell.
fn configure(site: &Site, lines: &str) {
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let cell = format!("cell = \"{}\"\n", site.path("cell"));
    let lines = format!("{lines}\n");
    std::fs::write(
        &config,
        text.replace(&cell, &if lines.starts_with("cell") { lines } else { cell.clone() + &lines }),
    )
    .unwrap();
}

#[test]
fn a_lost_authorisation_value_costs_no_store() {
    if swtpm::missing_for("a_lost_authorisation_value_costs_no_store") {
        return;
    }
    let tpm = swtpm::Swtpm::start();
    let vault::TpmPlace::Swtpm(socket) = tpm.place() else { panic!("a socket") };
    let (site, socket) = (Site::requested(Suite::Ed25519), socket.display().to_string());
    let auth = site.path("auth");
    configure(&site, &format!("cell = \"tpm:0x01c10200\"\ntpm = \"swtpm:{socket}\"\ncell_auth = \"{auth}\""));
    assert_eq!(init(&site).0, 0);
    starts_and_stops(&site);
    let away = site.path("auth.away");
    std::fs::rename(&auth, &away).unwrap();
    let before = std::fs::read(site.path("store")).unwrap();
    let (code, said) = store(&site, &["format", "--yes"]);
    assert!(code != 0 && said.contains("authorisation value"), "{said}");
    // Whoever names what he believes to see gets no further.
    let (code, said) = store(&site, &["format", "--yes", "--overwrite", "unknown:00000000"]);
    assert!(code != 0 && said.contains("authorisation value"), "{said}");
    assert!(std::fs::read(site.path("store")).unwrap() == before && !Path::new(&auth).exists());
    std::fs::rename(&away, &auth).unwrap();
    starts_and_stops(&site);
}

#[test]
fn nothing_is_overwritten_where_a_cell_cannot_be_founded() {
    // A second cell that is away: neither the old root goes nor anything else.
    let site = Site::founded(Suite::Ed25519);
    let (second, away) = (site.path("second"), site.path("second.away"));
    drop(vault::FileCell::create(Path::new(&second)).unwrap());
    configure(&site, &format!("second_cell = \"{second}\""));
    starts_and_stops(&site);
    let (_, said) = store(&site, &["format", "--yes"]);
    let named = said.split_whitespace().last().unwrap().to_owned();
    assert!(named.starts_with("conclave-store:"), "{said}");
    std::fs::rename(&second, &away).unwrap();
    let read = || ["store", "cell"].map(|name| std::fs::read(site.path(name)).unwrap());
    let before = read();
    let (code, said) = store(&site, &["format", "--yes", "--overwrite", &named]);
    assert!(code != 0 && said.contains("absent"), "{said}");
    assert!(read() == before, "a byte was touched");
    std::fs::rename(&away, &second).unwrap();
    starts_and_stops(&site);

    // Somebody's file in the place of a cell, over a device that may be overwritten.
    let site = Site::requested(Suite::Ed25519);
    std::fs::write(site.path("store"), vec![b'x'; 32 << 20]).unwrap();
    let mut somebody = vec![0; 3 * 4096];
    somebody[100..4096].fill(b'y');
    std::fs::write(site.path("cell"), &somebody).unwrap();
    let (_, said) = store(&site, &["format", "--yes"]);
    let named = said.split_whitespace().last().unwrap().to_owned();
    assert!(named.starts_with("unknown:"), "{said}");
    let (code, said) = store(&site, &["format", "--yes", "--overwrite", &named]);
    assert!(code != 0 && said.contains("not blank"), "{said}");
    assert!(std::fs::read(site.path("store")).unwrap().iter().all(|byte| *byte == b'x'));
    assert!(std::fs::read(site.path("cell")).unwrap() == somebody);
}

#[test]
fn a_store_grows_with_its_container_and_its_device() {
    let site = Site::founded(Suite::Ed25519);
    starts_and_stops(&site);
    let (code, said) = store(&site, &["grow"]);
    assert_eq!(code, 0, "nothing to take over is no fault: {said}");
    for wrong in ["1048576", "300000000"] {
        let (code, said) = store(&site, &["grow", "--bytes", wrong]);
        assert!(code == 64 && said.contains("a multiple of 4096, no less than its 67108864 bytes"), "{said}");
    }
    let grown = store(&site, &["grow", "--bytes", &(101_u64 << 20).to_string(), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&grown.1).unwrap();
    let (before, after) = (&json["data"]["extents_before"], &json["data"]["extents"]);
    assert!(before.as_u64().unwrap() < after.as_u64().unwrap(), "{}", grown.1);
    starts_and_stops(&site);
    assert_eq!(store(&site, &["check"]).0, 0);
    let server = site.start();
    assert_eq!(store(&site, &["grow"]).0, 69, "never beside a server");
    drop(server);

    if missing_for("a_store_grows_with_its_container_and_its_device") {
        return;
    }
    let file = std::fs::OpenOptions::new().write(true).open(site.path("store")).unwrap();
    file.set_len(150 << 20).unwrap();
    let device = LoopDevice::over(Path::new(&site.path("store")), 512).unwrap();
    point(&site, &device);
    let (code, said) = store(&site, &["grow"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        store(&site, &["grow", "--bytes", "209715200"]).0,
        64,
        "a device is lengthened by its own tools"
    );
    starts_and_stops(&site);
    assert_eq!(store(&site, &["check"]).0, 0);
}

#[test]
fn a_check_names_each_damaged_place_and_what_depends_on_it() {
    let site = Site::founded(Suite::Ed25519);
    starts_and_stops(&site);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(site.path("store")).unwrap();
    let flip = |at: u64| {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    };
    // One of the superblocks: a start goes on with the other, a check tells it, a growth of nothing mends it.
    flip(4096 + 70);
    assert_eq!(site.check(&[]).status.code(), Some(0));
    let (code, said) = store(&site, &["check", "--json"]);
    assert_eq!(code, 2, "{said}");
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["data"]["count"], 1, "{said}");
    assert_eq!(json["data"]["places"][0]["offset"], 4096);
    assert_eq!(store(&site, &["grow"]).0, 0);
    assert_eq!(store(&site, &["check"]).0, 0);
    // The first entry's frame.
    flip(8192 + 4096 + 200);
    let (code, said) = store(&site, &["check"]);
    assert!(code == 2 && said.contains("DAMAGED") && said.contains("extent 0, byte"), "{said}");
}
