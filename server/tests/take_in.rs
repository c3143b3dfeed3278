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
use support::{Client, Site, Talk, said};

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
    let (plan, path) = talk.site.planned(&[]);
    assert_eq!(plan.act.passwords, KeptPasswords::Lost);
    let done = talk.site.carried(&plan, &path, &[]);
    assert!(done.status.success() && said(&done).contains("nobody can log in yet"), "{}", said(&done));
    // Behind the recovery no server has to run first.
    let config = talk.site.path("conclaved.toml");
    let take_in = |talk: &Talk, bundle: &Bundle, path: &str| {
        std::fs::write(path, bundle.to_text()).unwrap();
        talk.site.conclaved(&["take-in", "--config", &config, "--bundle", path])
    };
    let envelope = |talk: &mut Talk, login: &str| {
        let (number, print, verifier) = talk.site.print(login, &format!("one-time {login}"));
        let acts = vec![print, talk.site.hand_over(number)];
        Bundle { version: VERSION, genesis: None, acts, verifiers: vec![verifier], server: None }
    };
    let (bundle, path) = (envelope(&mut talk, "boris"), talk.site.path("first.bundle"));
    let done = take_in(&talk, &bundle, &path);
    assert!(done.status.success(), "{}", said(&done));

    // Everybody tries his own password, officers first of all, and more often than wrong ones may be tried.
    let server = talk.site.start();
    talk.runtime.block_on(async {
        for login in ["olga", "oleg"] {
            let mut officer = Client::new(&talk.site, login);
            for _ in 0..6 {
                officer.kept_out(&talk.site, login, &server, &format!("password {login}")).await;
            }
        }
        talk.anna.kept_out(&talk.site, "anna", &server, "password anna").await;
    });

    let (number, print, verifier) = talk.site.print("anna", "one-time anna");
    let acts = vec![print, talk.site.hand_over(number)];
    let bundle = Bundle { version: VERSION, genesis: None, acts, verifiers: vec![verifier], server: None };
    let path = talk.site.path("later.bundle");
    std::fs::write(&path, bundle.to_text()).unwrap();
    let take_in = ["take-in", "--config", &config, "--bundle", &path];
    let refused = talk.site.conclaved(&take_in);
    assert!(!refused.status.success(), "the server has the store");
    // A life that was cut off ends with the first thing that comes in.
    server.kill();

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
    let of_olga = envelope(&mut talk, "olga");
    std::fs::write(&path, of_olga.to_text()).unwrap();
    assert!(talk.site.conclaved(&take_in).status.success());
    let server = talk.site.start();
    talk.anna.hang_up();
    talk.runtime.block_on(async {
        talk.anna.first_login(&talk.site, "anna", &server).await;
        Client::new(&talk.site, "olga").first_login(&talk.site, "olga", &server).await;
    });
    talk.server = Some(server);
    talk.say("in again");
    assert_eq!(talk.texts().last().map(String::as_str), Some("in again"));
    talk.site.audited(talk.server.take().unwrap(), &[&talk.anna]);
    assert!(talk.site.check(&["--full"]).status.success());
}
