//! How long the independent verifier takes over ten thousand entries, told and never demanded.
//! Never part of the ordinary run: `cargo test --release -p tests --test corpus -- --ignored --nocapture ten_thousand`.

use std::time::Instant;

use pki::Suite;

use crate::forge::*;
use crate::judge;

#[test]
#[ignore = "a figure: minutes"]
fn ten_thousand_entries_are_read_by_the_python() {
    for (number, suite) in [(50, Suite::Ed25519), (51, Suite::EcdsaP256)] {
        let mut log = talked(number, suite);
        log.watch_refusals = false;
        let chat = log.register.conversations().next().unwrap().membership.id();
        while log.tree.size() < 10_000 {
            log.wait_ms(1000);
            log.send(["anna", "boris"][(log.tree.size() % 2) as usize], chat).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let case = Case::new("ten thousand", &log, honest(&log), VERIFIED, None);
        let file = dir.path().join("file");
        std::fs::write(&file, &case.file).unwrap();
        let begun = Instant::now();
        let out = judge::asked(&case, &file, dir.path()).output().unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stdout));
        println!("verify_bundle.py, {suite}, {} entries: {:?}", log.tree.size(), begun.elapsed());
    }
}
