//! A device that was replaced or overwritten while its root cell lives: what every command says, and the way back.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use std::os::unix::fs::FileExt;
use support::{Site, Talk, said};

/// What the commands say that meet such a device; all refuse alike.
fn refused(site: &Site) -> Vec<String> {
    let config = site.path("conclaved.toml");
    let (status, run) = site.start_refused();
    assert_eq!(status.code(), Some(69), "{run}");
    let commands = [&["store", "check"][..], &["check"], &["recover", "--accept-loss"]];
    let mut all = vec![run];
    for command in commands {
        let done = site.conclaved(&[command, &["--config", &config]].concat());
        assert_eq!(done.status.code(), Some(69), "{command:?}: {}", said(&done));
        all.push(said(&done));
    }
    let status = site.conclaved(&["store", "status", "--config", &config]);
    all.push(said(&status));
    all
}

#[test]
fn a_blank_device_in_the_place_of_a_lost_one_is_called_blank_and_a_backup_goes_onto_it() {
    let mut talk = Talk::begun();
    talk.say("kept");
    assert!(talk.site.backup(&["create", "--to"], "backup").status.success());
    talk.stop();
    let store = std::fs::OpenOptions::new().write(true).open(talk.site.path("store")).unwrap();
    let length = store.metadata().unwrap().len();
    store.write_all_at(&vec![0; length as usize], 0).unwrap();
    for said in refused(&talk.site) {
        assert!(said.contains("BLANK: nothing of ") && said.contains("conclaved backup restore"), "{said}");
    }
    let put = talk.site.backup(&["restore", "--yes"], "backup");
    assert!(put.status.success(), "{}", said(&put));
    let config = talk.site.path("conclaved.toml");
    let accepted = talk.site.conclaved(&["backup", "accept", "--nobody-saw-more", "--config", &config]);
    assert!(accepted.status.success(), "{}", said(&accepted));
    talk.go_on();
    let told = said(&talk.site.conclaved(&["status", "--config", &config]));
    assert!(told.contains("put back from a backup"), "{told}");
    assert_eq!(talk.texts(), ["kept"]);
}

#[test]
fn a_device_that_was_overwritten_is_told_by_what_is_on_it() {
    let mut talk = Talk::begun();
    talk.stop();
    let store = std::fs::OpenOptions::new().write(true).open(talk.site.path("store")).unwrap();
    let mut filesystem = vec![0; 1 << 20];
    filesystem[0x438..0x43a].copy_from_slice(&[0x53, 0xef]);
    store.write_all_at(&filesystem, 0).unwrap();
    let length = store.metadata().unwrap().len();
    store.write_all_at(&vec![0; 1 << 20], length - (1 << 20)).unwrap();
    let all = refused(&talk.site);
    for said in &all[..4] {
        assert!(said.contains("but ext:") && said.contains("conclaved backup restore"), "{said}");
    }
    assert!(all[4].contains("there now: ext:") && all[4].contains("backup restore"), "{}", all[4]);
    assert!(!all.iter().any(|said| said.contains("cell blank")), "nobody is told to blank the cell");
}
