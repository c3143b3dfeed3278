//! The real daemon on every kind of root cell, with a second one that goes away and comes back, and with an unlock secret.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;
#[path = "../../lib/vault/tests/support/swtpm.rs"]
#[allow(dead_code, reason = "the bus is for the vault's own tests")]
mod swtpm;

use journal::act::EraseTarget;
use pki::Suite;
use protocol::answer::Answer;
use protocol::client::{Command, Event, Reply};
use protocol::erasing::ErasureWait;
use protocol::query::Query;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::mirrored::{erased_one, name_second_cell, status};
use support::on_device::{LoopDevice, missing_for};
use support::{Client, Site, runtime};
use swtpm::Swtpm;
use vault::TpmPlace;

/// A site whose `[store]` says what `lines` say, in place of the file cell where they name a cell.
fn site_with(lines: &str) -> Site {
    let site = Site::requested(Suite::Ed25519);
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let cell = format!("cell = \"{}\"\n", site.path("cell"));
    let kept = if lines.starts_with("cell =") { "" } else { &cell };
    std::fs::write(&config, text.replace(&cell, &format!("{kept}{lines}\n"))).unwrap();
    let done = init(&site);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    site
}

fn init(site: &Site) -> std::process::Output {
    site.conclaved(&["init", "--config", &site.path("conclaved.toml"), "--bundle", &site.path("site.bundle")])
}

/// Two messages, one of them erased; a kill; the store is sound and holds one body.
fn says_and_erases(site: &Site, kind: &str) {
    let (runtime, server) = (runtime(), site.start());
    assert!(status(site).contains(&format!("\"cells\":[{{\"kind\":\"{kind}\",\"path\":\"")));
    let (mut anna, mut boris) = (Client::new(site, "anna"), Client::new(site, "boris"));
    runtime.block_on(async {
        anna.first_login(site, "anna", &server).await;
        boris.first_login(site, "boris", &server).await;
        let conversation = anna.talk_to(site, "boris").await;
        let Ok(Reply::Admitted(goes)) = anna.run(Client::message(conversation, "goes")).await else {
            panic!()
        };
        assert!(anna.run(Client::message(conversation, "stays")).await.is_ok());
        let target = EraseTarget::Messages(conversation, vec![goes.index]);
        assert!(anna.run(Command::Erase(target)).await.is_ok());
        let done = boris.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("it is called erased");
    });
    server.kill();
    let said = String::from_utf8(site.check(&["--full", "--json"]).stdout).unwrap();
    assert!(said.contains("\"bodies\":1") && said.contains("\"erasure_epoch\":1"), "{said}");
}

#[test]
fn the_daemon_keeps_its_root_in_a_tpm() {
    if swtpm::missing_for("the_daemon_keeps_its_root_in_a_tpm") {
        return;
    }
    let tpm = Swtpm::start();
    let TpmPlace::Swtpm(socket) = tpm.place() else { panic!("a socket") };
    let auth = tpm.folder().join("auth");
    let lines = format!(
        "cell = \"tpm:0x01c10200\"\ntpm = \"swtpm:{}\"\ncell_auth = \"{}\"",
        socket.display(),
        auth.display()
    );
    let site = site_with(&lines);
    says_and_erases(&site, "tpm");
    std::fs::remove_file(&auth).unwrap();
    let (_, said) = site.start_refused();
    assert!(said.contains("authorisation value"), "{said}");
}

#[test]
fn the_daemon_keeps_its_root_in_a_raw_sector() {
    if missing_for("the_daemon_keeps_its_root_in_a_raw_sector") {
        return;
    }
    for sector_bytes in [512, 4096] {
        let folder = tempfile::tempdir().unwrap();
        let backing = folder.path().join("backing");
        File::create(&backing).unwrap().set_len(5 << 20).unwrap();
        let device = LoopDevice::over(&backing, sector_bytes).unwrap();
        let site = site_with(&format!("cell = \"sector:{}\"", device.path().display()));
        let blank = folder.path().join("blank");
        File::create(&blank).unwrap().set_len(5 << 20).unwrap();
        let blank = LoopDevice::over(&blank, sector_bytes).unwrap();
        let config = std::fs::read_to_string(site.path("conclaved.toml")).unwrap();
        let second = format!("[store]\nsecond_cell = \"sector:{}\"\n", blank.path().display());
        std::fs::write(site.path("two.toml"), config.replace("[store]\n", &second)).unwrap();
        let made = site.conclaved(&["store", "cell", "--config", &site.path("two.toml")]);
        let said = String::from_utf8_lossy(&made.stdout);
        assert!(made.status.success() && said.contains("blank, so nothing is to be made"), "{said}");
        says_and_erases(&site, "sector");
        let image = std::fs::read(&backing).unwrap();
        let is_blank = |region: usize| image[region << 20..(region + 1) << 20].iter().all(|byte| *byte == 0);
        assert!(
            is_blank(0) && is_blank(1) && !is_blank(2) && !is_blank(3),
            "epoch 1 is odd, epoch 0 is gone"
        );
    }
}

#[test]
fn while_the_second_cell_is_away_an_erasure_waits_and_nobody_is_told() {
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let (second, away) = (site.path("second"), site.path("away"));
    let config = site.path("conclaved.toml");
    let made = || site.conclaved(&["store", "cell", "--config", &config]).status.code().unwrap();
    assert_eq!(made(), 64, "the configuration names none");
    name_second_cell(&site);
    assert_eq!((made(), made()), (0, 0), "a blank one joins at the next start");
    // It joins, and from then on it is missed.
    site.start().kill();
    assert_eq!(made(), 1, "never over one that is there");
    std::fs::rename(&second, &away).unwrap();
    let refused = || {
        let done = site.conclaved(&["store", "cell", "--config", &config]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(1) && said.contains("conclave-admin cell drop"), "{said}");
        assert!(!Path::new(&second).exists(), "one that is only not mounted is not made anew");
    };
    refused();
    let server = site.start();
    refused();
    assert!(status(&site).contains("\"absent\":\""));
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    runtime.block_on(async {
        let (conversation, goes, erased) = erased_one(&site, &server, [&mut anna, &mut boris]).await;
        // People go on, and the body is served to nobody.
        assert!(anna.run(Client::message(conversation, "meanwhile")).await.is_ok());
        let told = status(&site);
        assert!(told.contains("\"erasures_wait\":\"cell\""), "{told}");
        // Whoever asked for it is told why, within a second or so.
        loop {
            let Ok(Reply::Answer(answer)) = anna.run(Command::Ask(Query::Erasing)).await else { panic!() };
            let Answer::Erasing(erasing) = *answer else { panic!("no such answer") };
            assert!(erasing.count == 1 && erasing.holds(erased) && !erasing.holds(goes), "{erasing:?}");
            if erasing.wait == ErasureWait::Cell {
                break;
            }
        }
        std::fs::rename(&away, &second).unwrap();
        let done = boris.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("the cell is back");
    });
    assert!(!status(&site).contains("\"absent\":\""));
    server.kill();
    let slots = |path: &str| std::fs::read(path).unwrap()[..8192].to_vec();
    assert_eq!(slots(&site.path("cell")), slots(&second), "both hold the same root");
}

#[test]
fn a_store_with_an_unlock_secret_opens_with_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let unlock = folder.path().join("unlock");
    let bring = |digits: &str| {
        std::fs::write(&unlock, digits).unwrap();
        std::fs::set_permissions(&unlock, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    bring(&"07".repeat(32));
    let site = site_with(&format!("unlock_file = \"{}\"", unlock.display()));
    site.start().kill();
    bring(&"08".repeat(32));
    let (_, said) = site.start_refused();
    assert!(said.contains("unlock secret"), "{said}");
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("unlock_file", "# unlock_file")).unwrap();
    let (_, said) = site.start_refused();
    assert!(said.contains("locked"), "{said}");
    let asked = |more: &[&str]| {
        let told = site.conclaved(&[&["store", "status", "--config", &config], more].concat());
        String::from_utf8(told.stdout).unwrap()
    };
    let said = asked(&["--json"]);
    assert!(
        said.contains("\"state\":\"locked\"")
            && said.contains("\"verifiers\":4")
            && said.contains("\"verifiers_passed_over\":0"),
        "{said}"
    );
    assert!(asked(&[]).contains("verifiers: 4, as of batch "), "{}", asked(&[]));
    assert!(asked(&["--lang", "ru"]).contains("закрыто"));
}
