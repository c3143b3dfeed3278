//! What stands in the place of a root cell and is not the store's, and what the commands say of it. The real daemon throughout.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use pki::Suite;
use protocol::client::Event;
use std::path::Path;
use support::mirrored::{let_go, mirrored, name_second_cell, status};
use support::{Client, Site, runtime, said};

/// A command that takes the configuration alone, and what it said.
fn told(site: &Site, command: &[&str]) -> (Option<i32>, String) {
    let done = site.conclaved(&[command, &["--config", &site.path("conclaved.toml")]].concat());
    (done.status.code(), said(&done))
}

#[test]
fn a_blank_cell_in_the_place_of_the_lost_first_one_joins_once_that_was_let_go_of() {
    let ((site, _), runtime) = (mirrored(Site::founded(Suite::Ed25519)), runtime());
    std::fs::remove_file(site.path("cell")).unwrap();
    drop(vault::FileCell::create(Path::new(&site.path("cell"))).unwrap());
    for command in [&["store", "status"][..], &["store", "check"], &["check"]] {
        let (code, said) = told(&site, command);
        let first =
            format!("root cell: file {}: ABSENT: it is blank, and the store waits", site.path("cell"));
        assert!(code == Some(0) && said.contains(&first), "{command:?}: {said}");
        assert!(said.contains("conclave-admin cell drop propose "), "{said}");
    }
    let server = site.start();
    let began = &server.began;
    assert!(
        began.contains(&format!("root cell (file, {}) is ABSENT: it is blank", site.path("cell"))),
        "{began}"
    );
    assert!(began.contains("cell drop propose") && !began.contains("second cell"), "{began}");
    assert!(began.contains(&format!("root cell (file, {}) is here", site.path("second"))), "{began}");
    // The first look may come before it listens.
    let looked = began.lines().find(|line| line.contains("is not taken")).map(str::to_owned);
    let not_taken = looked.unwrap_or_else(|| server.wait_for("is not taken"));
    assert!(not_taken.contains("it is blank; it joins at a start"), "{not_taken}");
    let (code, said) = told(&site, &["store", "cell"]);
    assert!(code == Some(1) && said.contains("and blank, so nothing is to be made"), "{said}");
    assert!(said.contains("conclave-admin cell drop propose "), "{said}");
    let (_, said) = told(&site, &["status"]);
    let lines = said.lines().filter(|line| line.starts_with("root cell: ")).collect::<Vec<_>>();
    assert!(
        lines.len() == 2 && lines[1] == format!("root cell: file {}: here", site.path("second")),
        "{said}"
    );

    let mut olga = Client::new(&site, "olga");
    runtime.block_on(async {
        olga.first_login(&site, "olga", &server).await;
        let_go(&site, &server, &mut olga).await;
        let done = olga.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("an epoch behind it");
    });
    server.kill();
    let server = site.start();
    assert!(!status(&site).contains("\"absent\":\""), "it has joined: {}", status(&site));
    server.kill();
    assert!(site.check(&["--full"]).status.success());
}

#[test]
fn of_two_cells_the_one_that_is_not_the_stores_is_named_and_the_other_starts_alone() {
    let (site, alone) = mirrored(Site::founded(Suite::Ed25519));
    let other = Site::founded(Suite::Ed25519);
    for (foreign, own) in [("second", "cell"), ("cell", "second")] {
        let kept = std::fs::read(site.path(foreign)).unwrap();
        std::fs::copy(other.path("cell"), site.path(foreign)).unwrap();
        let files = [site.path("cell"), site.path("second")].map(|path| std::fs::read(path).unwrap());
        let (foreign, own) = (site.path(foreign), site.path(own));
        let is_named = |said: &str| {
            assert!(said.contains(&format!("{foreign}: NOT a root cell of this store")), "{said}");
            assert!(said.contains(&format!("{own} IS this store's: leave it as it is")), "{said}");
            assert!(!said.contains("ake it blank"), "{said}");
        };
        let (status, said) = site.start_refused();
        assert_eq!(status.code(), Some(2), "{said}");
        is_named(&said);
        let recover = ["recover", "--accept-loss"];
        for command in [&["store", "status"][..], &["store", "check"], &["check"], &recover] {
            let (code, said) = told(&site, command);
            assert_eq!(code, Some(2), "{command:?}: {said}");
            is_named(&said);
        }
        let config = site.path("conclaved.toml");
        let two = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, alone.replace(&site.path("cell"), &own)).unwrap();
        let server = site.start();
        assert!(
            server.began.contains("the configuration does not name it; erasures wait"),
            "{}",
            server.began
        );
        server.kill();
        let now = [site.path("cell"), site.path("second")].map(|path| std::fs::read(path).unwrap());
        assert!(
            now.iter().zip(&files).all(|(now, then)| now == then),
            "nothing was written to the other one"
        );
        std::fs::write(&config, two).unwrap();
        std::fs::write(&foreign, kept).unwrap();
        site.start().kill();
    }
}

#[test]
fn a_second_cell_that_is_away_is_told_by_every_command_that_looks_and_the_store_is_sound() {
    let (site, _) = mirrored(Site::founded(Suite::Ed25519));
    let (_, whole) = told(&site, &["store", "status"]);
    for name in ["cell", "second"] {
        assert!(whole.contains(&format!("root cell: file {}: here", site.path(name))), "{whole}");
    }
    std::fs::rename(site.path("second"), site.path("away")).unwrap();
    let line = format!("root cell: file {}: ABSENT: it is not there; erasures wait", site.path("second"));
    for command in [&["store", "status"][..], &["store", "check"]] {
        let (code, said) = told(&site, command);
        assert!(code == Some(0) && said.contains(&line), "{said}");
        let (_, json) = told(&site, &[command, &["--json"]].concat());
        let path = site.path("second");
        assert!(
            json.contains(&format!("{{\"kind\":\"file\",\"path\":\"{path}\",\"absent\":\"No such")),
            "{json}"
        );
    }
    // Beside the running server it is the server that tells.
    let server = site.start();
    let (_, said) = told(&site, &["store", "status"]);
    assert!(said.contains("a server has it open") && said.contains(&line), "{said}");
    server.kill();
}

#[test]
fn a_cell_that_another_program_holds_is_named() {
    let site = Site::founded(Suite::Ed25519);
    name_second_cell(&site);
    let held = vault::FileCell::create(Path::new(&site.path("second"))).unwrap();
    let (status, said) = site.start_refused();
    let named = format!("the root cell {} is mounted or held by another program", site.path("second"));
    assert!(status.code() == Some(69) && said.contains(&named), "{said}");
    drop(held);
    site.start().kill();
}
