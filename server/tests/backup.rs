//! Backups with the real daemon: copied while it serves, put back after the disk was lost, and worth nothing once an
//! erasure has gone past them.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use pki::Suite;
use std::path::Path;
use support::on_device::{LoopDevice, missing_for, said};
use support::{Site, Talk, stands_in};

impl Talk {
    /// `conclaved backup …`: exit code and JSON.
    fn backup(&self, args: &[&str]) -> (i32, serde_json::Value) {
        let config = self.site.path("conclaved.toml");
        let done = self.site.conclaved(&[&["backup"], args, &["--config", &config, "--json"]].concat());
        let said = String::from_utf8(done.stdout).unwrap();
        let value = serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("{said} {}", String::from_utf8_lossy(&done.stderr)));
        (done.status.code().unwrap(), value)
    }

    fn create(&self, name: &str) -> serde_json::Value {
        let (code, said) = self.backup(&["create", "--to", &self.site.path(name)]);
        assert_eq!(code, 0, "{said}");
        said["data"].clone()
    }

    fn status(&self) -> serde_json::Value {
        let done = self.site.conclaved(&["status", "--json", "--config", &self.site.path("conclaved.toml")]);
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()["data"].clone()
    }

    /// What was put back is started by nobody until somebody says that nothing came after it.
    fn accept(&mut self) {
        let (status, why) = self.site.start_refused();
        assert!(status.code() == Some(1) && why.contains("conclaved backup accept"), "{why}");
        for _ in 0..2 {
            let (code, said) = self.backup(&["accept", "--nobody-saw-more"]);
            assert_eq!(code, 0, "{said}");
        }
        self.server = Some(self.site.start());
        let (code, said) = self.backup(&["accept", "--nobody-saw-more"]);
        assert!(code != 0, "beside a server: {said}");
    }

    /// The machine dies and its disk with it; the cell survives.
    fn lose_the_disk(&mut self) {
        self.server.take().unwrap().kill();
        std::fs::remove_file(self.site.path("store")).unwrap();
    }
}

/// Both ways on, for a person and for a script.
fn assert_barred(talk: &Talk, is_barred: bool) {
    let config = talk.site.path("conclaved.toml");
    for command in [&["store", "status"][..], &["store", "check"], &["check"]] {
        let told = said(&talk.site.conclaved(&[command, &["--config", &config]].concat()));
        let ways = ["--cause restored --head FILE", "conclaved backup accept --nobody-saw-more"];
        assert!(ways.iter().all(|way| told.contains(way) == is_barred), "{told}");
        let told = said(&talk.site.conclaved(&[command, &["--json", "--config", &config]].concat()));
        assert_eq!(told.contains("\"start_barred\":\"put-back\""), is_barred, "{told}");
    }
}

fn code_of(said: &serde_json::Value) -> &str {
    said["code"].as_str().or(said["error"]["code"].as_str()).unwrap_or_else(|| panic!("{said}"))
}

fn copy_dir(from: &str, to: &str) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), Path::new(to).join(entry.file_name())).unwrap();
    }
}

fn after_back_up_erase_pull_and_a_lost_disk_everything_opens_but_what_was_erased(suite: Suite) {
    let mut talk = Talk::begun_at(suite);
    talk.say("kept one");
    let doomed = talk.say("doomed");
    let first = talk.create("backup");
    assert_eq!(first["beside_server"], true);
    assert!(talk.status()["newest_backup"]["unusable_since_ms"].is_null());
    copy_dir(&talk.site.path("backup"), &talk.site.path("old"));
    talk.say("kept two");
    talk.erase(doomed);
    let status = talk.status();
    assert!(status["newest_backup"]["unusable_since_ms"].is_u64(), "{status}");
    let (code, said) = talk.backup(&["verify", &talk.site.path("backup")]);
    assert!(code == 1 && code_of(&said) == "backup-behind", "{said}");

    let second = talk.create("backup");
    assert!(second["copied_bytes"].as_u64().unwrap() < first["copied_bytes"].as_u64().unwrap());
    assert!(second["erasure_epoch"].as_u64() > first["erasure_epoch"].as_u64());
    assert!(talk.status()["newest_backup"]["unusable_since_ms"].is_null());
    assert_eq!(talk.backup(&["verify", &talk.site.path("backup")]).0, 0);
    // Beside the running server; nothing is locked, nothing changes.
    let (code, said) = talk.backup(&["rehearse", &talk.site.path("backup")]);
    assert!(code == 0 && said["data"]["bodies"].as_u64() == Some(2), "{said}");
    talk.lose_the_disk();

    // The backup from before the erasure is refused, in words, and nothing is written.
    for yes in [&[][..], &["--yes"]] {
        let (code, said) = talk.backup(&[&["restore", &talk.site.path("old")], yes].concat());
        assert!(code == 1 && code_of(&said) == "backup-behind", "{said}");
        assert!(said.to_string().contains("can ever be opened again"), "{said}");
        assert!(!Path::new(&talk.site.path("store")).exists());
    }
    let (code, said) = talk.backup(&["rehearse", &talk.site.path("old")]);
    assert!(code == 1 && code_of(&said) == "backup-behind", "{said}");

    let cell = std::fs::read(talk.site.path("cell")).unwrap();
    let (code, said) = talk.backup(&["rehearse", &talk.site.path("backup")]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said["data"]["bodies"], 2);
    let (code, said) = talk.backup(&["restore", &talk.site.path("backup")]);
    assert!(code == 1 && code_of(&said) == "plan", "{said}");
    assert!(!Path::new(&talk.site.path("store")).exists(), "a plan writes nothing");
    let (code, said) = talk.backup(&["restore", &talk.site.path("backup"), "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(std::fs::read(talk.site.path("cell")).unwrap() == cell, "the cell was only looked at");
    assert!(talk.site.check(&["--full"]).status.success());
    talk.accept();
    assert_eq!(talk.read(), ["kept one", "kept two"]);

    // Nothing in clear in any backup, nor a record of the cell.
    let mut bytes = Vec::new();
    for dir in ["backup", "old"] {
        for entry in std::fs::read_dir(talk.site.path(dir)).unwrap() {
            bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
    }
    let has = |canary: &[u8]| bytes.windows(canary.len()).any(|window| window == canary);
    for text in ["kept one", "kept two", "doomed", "Комната"] {
        assert!(!stands_in(&bytes, text), "{text}");
    }
    for record in cell.chunks(4096) {
        let length = usize::from(u16::from_le_bytes([record[0], record[1]]));
        assert!(record[2..2 + length].windows(32).step_by(8).all(|piece| !has(piece)));
    }
}

#[test]
fn an_interrupted_copy_goes_on_and_damage_is_told() {
    let mut talk = Talk::begun();
    for n in 0..20 {
        talk.say(&format!("message {n}"));
    }
    let whole = talk.create("backup");
    // What a killed copy leaves: segments without a manifest, the last record torn.
    let (from, to) = (talk.site.path("backup"), talk.site.path("again"));
    copy_dir(&from, &to);
    std::fs::remove_file(format!("{to}/manifest")).unwrap();
    let segment = format!("{to}/segment-00002");
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() - 100]).unwrap();
    let (code, said) = talk.backup(&["verify", &to]);
    assert!(code == 69 && code_of(&said) == "backup-missing", "{said}");
    let resumed = talk.create("again");
    let (taken_over, copied) =
        (resumed["taken_over_bytes"].as_u64().unwrap(), resumed["copied_bytes"].as_u64().unwrap());
    assert!(taken_over > 0 && copied < whole["copied_bytes"].as_u64().unwrap(), "{resumed}");
    assert_eq!(talk.backup(&["verify", &to]).0, 0);

    // One flipped byte anywhere.
    let manifest = std::fs::read(format!("{from}/manifest")).unwrap();
    for (name, at) in [
        ("manifest", 10),
        ("manifest", manifest.len() - 5),
        ("segment-00001", 40),
        ("segment-00002", bytes.len() - 3),
    ] {
        let path = format!("{from}/{name}");
        let before = std::fs::read(&path).unwrap();
        let mut flipped = before.clone();
        flipped[at] ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        for command in ["verify", "rehearse"] {
            let (code, said) = talk.backup(&[command, &from]);
            assert!(code == 2 && code_of(&said) == "backup-damaged", "{name} {at}: {said}");
        }
        std::fs::write(&path, before).unwrap();
    }
    std::fs::remove_file(format!("{from}/segment-00001")).unwrap();
    let (code, said) = talk.backup(&["verify", &from]);
    assert!(code == 2 && code_of(&said) == "backup-damaged", "{said}");
    let nowhere = talk.site.path("nowhere");
    let (code, said) = talk.backup(&["verify", &nowhere]);
    assert!(code == 69 && code_of(&said) == "backup-missing", "{said}");
}

/// Begins a copy and kills it as soon as blocks are there. `false` when it was done before.
fn killed_in_the_middle(site: &Site, to: &str) -> bool {
    let config = site.path("conclaved.toml");
    let mut copy = std::process::Command::new(env!("CARGO_BIN_EXE_conclaved"))
        .args(["backup", "create", "--config", &config, "--to", to])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The second segment is begun: the first, of the journal, is whole.
    let has_blocks = || Path::new(&format!("{to}/segment-00002")).exists();
    while !has_blocks() && copy.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    copy.kill().unwrap(); // SIGKILL
    copy.wait().unwrap();
    has_blocks() && !Path::new(&format!("{to}/manifest")).exists()
}

#[test]
fn a_copy_that_was_killed_goes_on_and_opens_everything() {
    let mut talk = Talk::begun();
    let text = "x".repeat(30_000);
    for n in 0..60 {
        talk.say(&format!("{n} {text}"));
    }
    // Where the machine was quicker than the kill, once more.
    let to = (0..100)
        .map(|n| talk.site.path(&format!("killed{n}")))
        .find(|to| killed_in_the_middle(&talk.site, to))
        .expect("a copy that is killed in the middle");
    let (code, said) = talk.backup(&["verify", &to]);
    assert!(code == 69 && code_of(&said) == "backup-missing", "{said}");
    let resumed = talk.create(to.rsplit('/').next().unwrap());
    assert!(resumed["taken_over_bytes"].as_u64().unwrap() > 0, "{resumed}");
    let (code, said) = talk.backup(&["rehearse", &to]);
    assert!(code == 0 && said["data"]["bodies"].as_u64() == Some(60), "{said}");
    assert_eq!(talk.backup(&["verify", &to]).0, 0);
}

#[test]
fn a_backup_is_put_back_onto_a_raw_device() {
    if missing_for("a_backup_is_put_back_onto_a_raw_device") {
        return;
    }
    for sector_bytes in [512, 4096] {
        let mut talk = Talk::begun();
        talk.say("kept");
        let doomed = talk.say("doomed");
        talk.erase(doomed);
        talk.create("backup");
        let length = std::fs::metadata(talk.site.path("store")).unwrap().len();
        talk.lose_the_disk();
        let backing = talk.site.path("backing");
        std::fs::File::create(&backing).unwrap().set_len(length).unwrap();
        let device = LoopDevice::over(Path::new(&backing), sector_bytes).unwrap();
        let config = talk.site.path("conclaved.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let pointed = text.replace(&talk.site.path("store"), device.path().to_str().unwrap());
        std::fs::write(&config, pointed).unwrap();
        let (code, said) = talk.backup(&["restore", &talk.site.path("backup"), "--yes"]);
        assert_eq!(code, 0, "{sector_bytes}: {said}");
        assert!(talk.site.check(&["--full"]).status.success());
        talk.accept();
        assert_eq!(talk.read(), ["kept"]);
        talk.server.take().unwrap().kill();
        drop(device);
    }
}

#[test]
fn a_store_that_no_server_has_open_is_copied_and_goes_nowhere_else() {
    let mut talk = Talk::begun();
    talk.say("one");
    talk.stop();
    let before = std::fs::read(talk.site.path("store")).unwrap();
    assert_eq!(talk.create("backup")["beside_server"], false);
    assert!(std::fs::read(talk.site.path("store")).unwrap() == before, "a copy changes nothing");
    assert_eq!(talk.backup(&["verify", &talk.site.path("backup")]).0, 0);

    // The store is there: nothing is put over it.
    let (code, said) = talk.backup(&["restore", &talk.site.path("backup"), "--yes"]);
    let same = std::fs::read(talk.site.path("store")).unwrap() == before;
    assert!(same, "{code} {said}");
    let mut other = before.clone();
    *other.last_mut().unwrap() = 7;
    std::fs::write(talk.site.path("store"), &other).unwrap();
    let (code, said) = talk.backup(&["restore", &talk.site.path("backup"), "--yes"]);
    assert!(code == 1 && code_of(&said) == "restore-covers", "{said}");
    assert!(std::fs::read(talk.site.path("store")).unwrap() == other);
    // Too short; then zeros.
    std::fs::write(talk.site.path("store"), vec![0; before.len() / 2]).unwrap();
    let (code, said) = talk.backup(&["restore", &talk.site.path("backup"), "--yes"]);
    assert!(code == 1 && code_of(&said) == "restore-too-small", "{said}");
    std::fs::write(talk.site.path("store"), vec![0; before.len()]).unwrap();
    assert_eq!(talk.backup(&["restore", &talk.site.path("backup"), "--yes"]).0, 0);
    assert!(talk.site.check(&["--full"]).status.success());

    // Another site's backup, and another site's cell.
    let other = Site::founded(Suite::Ed25519);
    let foreign = other.conclaved(&[
        "backup",
        "verify",
        "--config",
        &other.path("conclaved.toml"),
        &talk.site.path("backup"),
    ]);
    assert_eq!(foreign.status.code(), Some(2), "{}", String::from_utf8_lossy(&foreign.stderr));
    std::fs::copy(other.path("cell"), talk.site.path("cell")).unwrap();
    std::fs::remove_file(talk.site.path("store")).unwrap();
    let (code, said) = talk.backup(&["restore", &talk.site.path("backup"), "--yes"]);
    assert!(code == 2 && code_of(&said) == "backup-not-of-cell", "{said}");
}

#[test]
fn a_store_that_has_gone_another_way_is_not_mixed_into_the_backup_of_the_first() {
    let mut talk = Talk::begun();
    talk.say("one");
    talk.create("early");
    for n in 0..5 {
        talk.say(&format!("later {n}"));
    }
    talk.create("late");
    talk.lose_the_disk();
    // Without an erasure between them the earlier one opens too.
    assert_eq!(talk.backup(&["restore", &talk.site.path("early"), "--yes"]).0, 0);
    talk.accept();
    assert_eq!(talk.read(), ["one"]);
    let (code, said) = talk.backup(&["create", "--to", &talk.site.path("late")]);
    assert!(code == 1 && code_of(&said) == "backup-other", "{said}");
    talk.create("early");
    assert_eq!(talk.backup(&["verify", &talk.site.path("early")]).0, 0);
}

#[test]
fn the_answer_to_a_store_that_was_put_back_stays_until_a_server_goes_on_with_it() {
    let mut talk = Talk::begun();
    talk.say("one");
    talk.create("backup");
    talk.stop();
    assert_barred(&talk, false);
    std::fs::remove_file(talk.site.path("store")).unwrap();
    assert_eq!(talk.backup(&["restore", &talk.site.path("backup"), "--yes"]).0, 0);
    assert_barred(&talk, true);
    assert_eq!(talk.backup(&["accept", "--nobody-saw-more"]).0, 0);
    assert_barred(&talk, false);
    let (config, bundle) = (talk.site.path("conclaved.toml"), talk.site.path("site.bundle"));
    let grown = talk.site.conclaved(&["store", "grow", "--bytes", "134217728", "--config", &config]);
    assert!(grown.status.success(), "{}", said(&grown));
    let refused = talk.site.conclaved(&["init", "--config", &config, "--bundle", &bundle]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let server = talk.site.start();
    assert!(
        server.began.contains("it was said here that nobody has seen anything newer"),
        "{}",
        server.began
    );
    server.kill();
    let server = talk.site.start();
    assert!(!server.began.contains("put back"), "{}", server.began);
}

#[test]
fn a_plan_that_was_carried_out_before_the_backup_says_nothing_of_what_came_behind_it() {
    let mut talk = Talk::begun();
    talk.say("one");
    let lost = talk.say("two");
    for n in 0..3 {
        talk.say(&format!("more {n}"));
    }
    talk.stop();
    talk.site.lose_batch_of(lost);
    let (plan, path) = talk.site.planned(&[]);
    assert!(talk.site.carried(&plan, &path, &[]).status.success());
    talk.create("backup");
    talk.go_on();
    talk.say("behind the backup");
    let head = talk.site.path("anna.head");
    std::fs::write(&head, talk.anna.checkpoint()).unwrap();
    talk.lose_the_disk();
    assert_eq!(talk.backup(&["restore", &talk.site.path("backup"), "--yes"]).0, 0);
    for more in [&[][..], &["--json"]] {
        let again = talk.site.carried(&plan, &path, more);
        let still = if more.is_empty() { "A start is still barred" } else { "\"start_barred\":\"put-back\"" };
        assert!(again.status.success() && said(&again).contains(still), "{}", said(&again));
    }
    assert!(!talk.site.start_refused().0.success());
    // Started all the same, by a wrong word. A head of more entries than it has by now says what it can, and what not.
    assert_eq!(talk.backup(&["accept", "--nobody-saw-more"]).0, 0);
    let out = talk.site.path("next.plan");
    let planned = said(&talk.site.recover(&["--out", &out, "--head", &head]));
    assert!(planned.contains("are not in this store, and somebody has seen them"), "{planned}");
}

support::on_each_suite!(after_back_up_erase_pull_and_a_lost_disk_everything_opens_but_what_was_erased);
