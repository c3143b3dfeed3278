//! Acts of the authority that come in at the machine's console, while no server runs. The real daemon throughout.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::KeptPasswords;
use protocol::bundle::{Bundle, VERSION};
use std::os::unix::fs::FileExt;
use support::{Site, Talk, said};

/// No frame of them reads any more.
fn lose_passwords(site: &Site) {
    let store = std::fs::OpenOptions::new().write(true).open(site.path("store")).unwrap();
    let frames = site.frames();
    let lost: Vec<_> = frames.iter().filter(|frame| frame.stream == disk::Stream::Verifiers).collect();
    assert!(!lost.is_empty());
    for frame in lost {
        store.write_all_at(&vec![0; frame.position.length as usize], frame.position.offset).unwrap();
    }
}

#[test]
fn where_the_passwords_are_lost_new_envelopes_let_everybody_in_again() {
    let mut talk = Talk::begun();
    talk.say("kept");
    talk.stop();
    lose_passwords(&talk.site);
    let plan = talk.site.recovered(&[]);
    assert_eq!(plan.act.passwords, KeptPasswords::Lost);
    let server = talk.site.start();
    let kept_out = talk.anna.kept_out(&talk.site, "anna", &server, "password anna");
    talk.runtime.block_on(kept_out);

    let (number, print, verifier) = talk.site.print("anna", "one-time anna");
    let acts = vec![print, talk.site.hand_over(number)];
    let bundle = Bundle { version: VERSION, genesis: None, acts, verifiers: vec![verifier], server: None };
    let path = talk.site.path("later.bundle");
    std::fs::write(&path, bundle.to_text()).unwrap();
    let config = talk.site.path("conclaved.toml");
    let take_in = ["take-in", "--config", &config, "--bundle", &path];
    let refused = talk.site.conclaved(&take_in);
    assert!(!refused.status.success(), "the server has the store");
    server.kill();
    let refused = talk.site.conclaved(&take_in);
    assert!(said(&refused).contains("did not stop in good order"), "{}", said(&refused));
    let server = talk.site.start();
    talk.site.audited(server, &[]);

    // What is signed for another verifier, or by nobody, changes nothing.
    let image = talk.site.files();
    for harm in 0..2 {
        let mut bad = bundle.clone();
        match harm {
            0 => bad.verifiers[0].sealed[20] ^= 1,
            _ => bad.acts[0].signature[9] ^= 1,
        }
        std::fs::write(&path, bad.to_text()).unwrap();
        let refused = talk.site.conclaved(&take_in);
        assert!(!refused.status.success() && talk.site.files() == image, "{}", said(&refused));
    }

    std::fs::write(&path, bundle.to_text()).unwrap();
    let done = talk.site.conclaved(&take_in);
    assert!(done.status.success() && said(&done).contains("2 acts"), "{}", said(&done));
    let again = talk.site.conclaved(&take_in);
    assert!(again.status.success() && said(&again).contains("already"), "{}", said(&again));
    let server = talk.site.start();
    talk.anna.hang_up();
    talk.runtime.block_on(talk.anna.first_login(&talk.site, "anna", &server));
    talk.server = Some(server);
    talk.say("in again");
    assert_eq!(talk.texts().last().map(String::as_str), Some("in again"));
    talk.site.audited(talk.server.take().unwrap(), &[&talk.anna]);
    assert!(talk.site.check(&["--full"]).status.success());
}
