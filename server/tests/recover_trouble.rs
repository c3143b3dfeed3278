//! A recovery that is not the plain case: cut off, with cells that are away or old, with more lost than entries. The real daemon
//! throughout.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::{KeptPasswords, LossSource, Succession};
use pki::Suite;
use std::path::Path;
use support::{Site, Talk, said};

#[test]
fn a_journal_whose_end_is_zeros_is_no_shorter_one() {
    let (mut talk, lost) = Talk::with_more_behind(Suite::Ed25519);
    talk.stop();
    talk.site.lose_end_from(lost);
    let (status, why) = talk.site.start_refused();
    let (cut, next) = ("batches newer than the journal's end", "conclaved recover --accept-loss");
    assert!(status.code() == Some(2) && why.contains(cut) && why.contains(next), "{why}");
    let check = talk.site.check(&["--full"]);
    assert!(check.status.code() == Some(2) && said(&check).contains(cut), "{}", said(&check));
    let (plan, path) = talk.site.planned(&[]);
    assert!(talk.site.carried(&plan, &path, &[]).status.success());
    talk.go_on();
    assert_eq!(talk.texts(), ["one"]);
}

#[test]
fn a_recovery_that_is_cut_between_two_epochs_is_ended_by_the_same_command() {
    let mut talk = Talk::broken();
    let (plan, path) = talk.site.planned(&[]);
    talk.site.half_carried(&plan, true);
    let (status, why) = talk.site.start_refused();
    assert!(status.code() == Some(2) && why.contains("was begun and not finished"), "{why}");
    let another = talk.site.recover(&["--out", &talk.site.path("another.plan")]);
    assert!(said(&another).contains("was begun and not finished"), "{}", said(&another));
    let done = talk.site.carried(&plan, &path, &[]);
    assert!(done.status.success(), "{}", said(&done));
    talk.go_on();
    talk.say("where a lost one lay");
    assert_eq!(talk.texts(), ["one", "where a lost one lay"]);
    talk.site.audited(talk.server.take().unwrap(), &[&talk.anna]);
    let check = talk.site.check(&["--full"]);
    assert!(check.status.success(), "{}", said(&check));
}

#[test]
fn a_recovery_that_is_cut_behind_its_entries_goes_on_whatever_the_cell_names() {
    let mut talk = Talk::begun();
    talk.say("stays");
    let goes = talk.say("goes");
    let erase = talk.erase(goes);
    talk.stop();
    let before = talk.site.files();
    // The cell names the entries up to the erase: one, two, or more of them are lost.
    for back in [0, 1, 2] {
        talk.site.put_back(&before);
        talk.site.lose_batch_of(erase - back);
        let (plan, path) = talk.site.planned(&[]);
        assert!(plan.act.kept.size <= erase - back, "{:?}", plan.act);
        talk.site.half_carried(&plan, false);
        let (status, why) = talk.site.start_refused();
        assert!(status.code() == Some(2) && why.contains("conclaved recover"), "{back}: {why}");
        for _ in 0..2 {
            let done = talk.site.carried(&plan, &path, &[]);
            assert!(done.status.success(), "{back}: {}", said(&done));
        }
        if back == 2 {
            talk.go_on();
            talk.say("goes on");
            talk.stop();
        } else {
            talk.site.start().kill();
        }
    }
}

#[test]
fn what_is_carried_out_is_what_was_signed() {
    let talk = Talk::broken();
    let (plan, path) = talk.site.planned(&[]);
    let before = talk.site.files();
    type Harm = fn(&Site);
    let harms: [(&str, Harm); 2] = [
        ("verifiers", |site| site.flip_newest(|frame| frame.stream == disk::Stream::Verifiers)),
        ("period key", |site| site.flip("in conversation 0")),
    ];
    for (what, harm) in harms {
        talk.site.put_back(&before);
        harm(&talk.site);
        let image = talk.site.files();
        let refused = talk.site.carried(&plan, &path, &[]);
        assert!(refused.status.code() == Some(1), "{what}: {}", said(&refused));
        assert!(said(&refused).contains("have it signed anew"), "{what}: {}", said(&refused));
        assert!(talk.site.files() == image, "{what}: nothing is changed");
    }
    talk.site.put_back(&before);
    let done = talk.site.carried(&plan, &path, &[]);
    assert!(done.status.success(), "{}", said(&done));
}

/// A site with two cells, and its configuration with and without the second.
fn with_two_cells() -> (Site, [String; 2]) {
    let site = Site::founded(Suite::Ed25519);
    let second = site.path("second");
    drop(vault::FileCell::create(Path::new(&second)).unwrap());
    let alone = std::fs::read_to_string(site.path("conclaved.toml")).unwrap();
    let both = alone.replace("[store]\n", &format!("[store]\nsecond_cell = \"{second}\"\n"));
    std::fs::write(site.path("conclaved.toml"), &both).unwrap();
    (site, [both, alone])
}

#[test]
fn a_cell_that_is_away_is_put_back_or_let_go_of_before_anything_is_written() {
    let (site, [both, alone]) = with_two_cells();
    let (config, second, away) = (site.path("conclaved.toml"), site.path("second"), site.path("away"));
    let mut talk = Talk::begun_on(site);
    let lost = talk.say("one");
    talk.say("two");
    talk.say("three");
    talk.stop();
    talk.site.lose_batch_of(lost);
    let (whole, path) = talk.site.planned(&[]);
    assert!(!whole.act.cell_let_go);
    std::fs::rename(&second, &away).unwrap();
    let image = talk.site.files();
    // Not by a plan that says nothing of it, neither with its line in the configuration nor without.
    for text in [both, alone] {
        std::fs::write(&config, &text).unwrap();
        for refused in [
            talk.site.recover(&["--out", &talk.site.path("other.plan")]),
            talk.site.carried(&whole, &path, &[]),
        ] {
            let said = said(&refused);
            assert!(refused.status.code() == Some(1) && said.contains("--accept-loss-of-cell"), "{said}");
        }
    }
    assert!(talk.site.files() == image, "nothing is changed");
    assert!(talk.site.recovered(&["--accept-loss-of-cell"]).act.cell_let_go);
    talk.go_on();
    let goes = talk.say("goes");
    talk.erase(goes);
    talk.stop();
}

#[test]
fn a_cell_that_is_lost_while_a_recovery_is_carried_out_is_let_go_of_by_a_further_word() {
    let (site, [_, alone]) = with_two_cells();
    let (config, second) = (site.path("conclaved.toml"), site.path("second"));
    let mut talk = Talk::begun_on(site);
    talk.say("one");
    let lost = talk.say("two");
    talk.say("three");
    talk.say("four");
    talk.stop();
    talk.site.lose_batch_of(lost);
    let (plan, path) = talk.site.planned(&[]);
    talk.site.half_carried(&plan, false);
    std::fs::remove_file(&second).unwrap();
    let image = talk.site.files();
    let refused = talk.site.carried(&plan, &path, &[]);
    let words = said(&refused);
    assert!(refused.status.code() == Some(1) && words.contains("--accept-loss-of-cell"), "{words}");
    assert!(talk.site.files() == image, "nothing is changed");
    let refused = talk.site.recover(&["--out", &talk.site.path("another.plan")]);
    assert!(said(&refused).contains("was begun and not finished"), "{}", said(&refused));
    std::fs::write(&config, alone).unwrap();
    let further = talk.site.recovered(&["--accept-loss-of-cell"]);
    assert!(further.act.cell_let_go && further.act.cells.len() == 1, "{:?}", further.act);
    assert!(further.act.era > plan.act.era && further.act.kept.size == plan.act.kept.size + 2);
    talk.go_on();
    assert_eq!(support::lost_by(&talk.anna.events).len(), 2);
    let goes = talk.say("goes");
    talk.erase(goes);
    assert_eq!(talk.texts(), ["one"]);
    talk.site.audited(talk.server.take().unwrap(), &[&talk.anna]);
}

#[test]
fn the_only_cell_is_lost_and_any_copy_of_it_keeps_the_log() {
    let mut talk = Talk::begun();
    talk.say("one");
    let goes = talk.say("goes");
    let old = std::fs::read(talk.site.path("cell")).unwrap();
    talk.erase(goes);
    talk.say("two");
    talk.stop();
    let [_, right] = talk.site.files();
    let cell = talk.site.path("cell");
    let both = ["--accept-loss-of-bodies", "--out", &talk.site.path("no.plan")];
    // Without its keys nothing opens, and that is said with what helps.
    let noise: Vec<u8> = (0..right.len()).map(|at| (at * 7 + at / 256) as u8).collect();
    for state in [None, Some(vec![0; right.len()]), Some(noise)] {
        match &state {
            None => std::fs::remove_file(&cell).unwrap(),
            Some(bytes) => std::fs::write(&cell, bytes).unwrap(),
        }
        let refused = talk.site.recover(&both);
        let words = said(&refused);
        assert!(refused.status.code() == Some(2) && words.contains("any copy of it"), "{words}");
        assert!(!words.contains("conclaved init"), "that would end everything: {words}");
    }
    // Both roots are damaged, or it is an older copy: the keys beside them still serve.
    let mut damaged = right.clone();
    damaged[..8192].iter_mut().for_each(|byte| *byte ^= 0x55);
    let whole = std::fs::read(talk.site.path("store")).unwrap();
    for (what, bytes) in [("damaged", damaged), ("older", old)] {
        std::fs::write(talk.site.path("store"), &whole).unwrap();
        std::fs::write(&cell, bytes).unwrap();
        let (status, why) = talk.site.start_refused();
        assert!(status.code() == Some(2) && why.contains("--accept-loss"), "{what}: {why}");
        let unsaid = talk.site.recover(&["--out", &talk.site.path("no.plan")]);
        let words = said(&unsaid);
        assert!(!unsaid.status.success() && words.contains("--accept-loss-of-bodies"), "{what}: {words}");
        let plan = talk.site.recovered(&["--accept-loss-of-bodies"]);
        assert!(plan.act.bodies_lost && plan.act.period_key_lost, "{what}: {:?}", plan.act);
        talk.site.start().kill();
    }
    talk.go_on();
    talk.say("of the new root");
    talk.stop();
}

#[test]
fn a_loss_behind_a_recovery_that_lost_the_period_key_is_recovered_too() {
    let mut talk = Talk::begun();
    talk.say("one");
    talk.say("two");
    talk.stop();
    talk.site.lose_roots();
    let first = talk.site.recovered(&["--accept-loss-of-bodies"]);
    talk.go_on();
    talk.say("three");
    talk.say("four");
    talk.stop();
    // The very batch of that recovery: the kept entries know nothing of its period, and its key is in the tree.
    talk.site.lose_batch_of(first.act.kept.size);
    // Both in one second have one number by the clock, and nothing that is kept tells of the first.
    let era = (first.act.era + 1).to_string();
    let second = talk.site.recovered(&["--accept-loss-of-bodies", "--era", &era]);
    assert!(second.act.period_key_lost && second.act.kept.size == first.act.kept.size, "{:?}", second.act);
    talk.go_on();
    talk.say("five");
    talk.stop();
}

#[test]
fn what_a_start_needs_beside_the_entries_is_lost_and_two_officers_go_on() {
    let mut talk = Talk::begun();
    talk.say("one");
    let goes = talk.say("goes");
    talk.erase(goes);
    let last = talk.say("two");
    talk.say("three");
    talk.say("four");
    talk.stop();
    let before = talk.site.files();
    type Harm = fn(&Site);
    let flips: [(&str, Harm); 5] = [
        ("nodes", |site| site.flip("the key tree above the conversations")),
        ("verifiers", |site| site.flip_newest(|frame| frame.stream == disk::Stream::Verifiers)),
        ("top", |site| site.flip("the top of the key tree")),
        ("slots", Site::lose_roots),
        ("period key", |site| site.flip("in conversation 0")),
    ];
    for (what, flip) in flips {
        for batch_too in [true, false] {
            talk.site.put_back(&before);
            if batch_too {
                talk.site.lose_batch_of(last);
            }
            flip(&talk.site);
            let (status, why) = talk.site.start_refused();
            assert_eq!(status.code(), Some(2), "{what}: {why}");
            let plan = talk.site.recovered(&["--accept-loss-of-bodies"]);
            let act = &plan.act;
            let unreadable = act.lost.iter().any(|trace| trace.source == LossSource::Unreadable);
            assert_eq!(unreadable, !batch_too, "{what}: {act:?}");
            let all = what == "slots" || what == "top";
            assert!(act.bodies_lost <= all, "{what}: {act:?}");
            assert_eq!(act.passwords != KeptPasswords::InForce, what == "verifiers", "{what}: {act:?}");
            if what == "period key" && !batch_too {
                assert!(act.period_key_lost && act.bodies_missing == 0, "{act:?}");
                talk.go_on();
                talk.say("five");
                assert_eq!(talk.texts(), ["one", "two", "three", "four", "five"]);
                talk.stop();
            } else {
                talk.site.start().kill();
            }
        }
    }
}

#[test]
fn a_recovery_of_every_body_that_is_cut_before_its_entries_goes_on_by_the_same_plan() {
    let bodies = ["--accept-loss-of-bodies"];
    for passwords_too in [false, true] {
        let talk = Talk::broken();
        talk.site.lose_roots();
        if passwords_too {
            talk.site.flip_newest(|frame| frame.stream == disk::Stream::Verifiers);
        }
        let (plan, path) = talk.site.planned(&bodies);
        let first = talk.site.path("first.plan");
        std::fs::rename(path, &first).unwrap();
        assert_eq!(plan.act.passwords != KeptPasswords::InForce, passwords_too, "{:?}", plan.act);
        for _ in 0..2 {
            talk.site.settled_only();
            assert!(!talk.site.start_refused().0.success());
            // Whoever asks anew is told no less of the passwords.
            let (anew, _) = talk.site.planned(&bodies);
            assert_eq!(anew.act.passwords, plan.act.passwords, "{:?}", anew.act);
        }
        let done = talk.site.carried(&plan, &first, &bodies);
        assert!(done.status.success(), "{passwords_too}: {}", said(&done));
        talk.site.start().kill();
    }
}

#[test]
fn bodies_below_a_node_that_does_not_open_are_given_up_and_no_damage_for_ever() {
    let mut talk = Talk::begun();
    talk.say("below");
    let goes = talk.say("goes");
    talk.erase(goes);
    let lost = talk.say("two");
    talk.say("three");
    talk.say("four");
    talk.stop();
    talk.site.lose_batch_of(lost);
    talk.site.flip_newest(|frame| {
        let words = vault::owner_words(&frame.owner);
        words.contains("the key tree of conversation") && !words.contains("conversation 0")
    });
    let Succession { bodies_missing, given_up, .. } = talk.site.recovered(&[]).act;
    assert!(bodies_missing > 0 && !given_up.is_empty());
    for command in [&["create", "--to"][..], &["rehearse"]] {
        let told = talk.site.backup(command, "backup");
        assert!(told.status.success(), "{}", said(&told));
        let words = said(&told);
        assert!(command[0] == "create" || words.contains("\"bodies_given_up\":"), "{words}");
        assert!(!words.contains("\"bodies_given_up\":0"), "{words}");
    }
    talk.site.start().kill();
}

#[test]
fn every_body_that_is_lost_behind_the_entries_of_a_recovery_is_given_up_by_a_further_word() {
    let bodies = ["--accept-loss-of-bodies"];
    let mut talk = Talk::begun();
    let goes = talk.say("goes");
    talk.erase(goes);
    talk.say("one");
    let lost = talk.say("two");
    for n in 0..3 {
        talk.say(&format!("more {n}"));
    }
    talk.stop();
    talk.site.lose_batch_of(lost);
    let (plan, path) = talk.site.planned(&[]);
    assert!(!plan.act.bodies_lost, "{:?}", plan.act);
    let first = talk.site.path("first.plan");
    std::fs::rename(path, &first).unwrap();
    talk.site.half_carried(&plan, false);
    talk.site.flip("the top of the key tree");
    assert!(!talk.site.start_refused().0.success());
    // By what was signed of the entries alone it ends nowhere, and each command names the next.
    let image = talk.site.files();
    let out = talk.site.path("further.plan");
    for refused in [talk.site.carried(&plan, &first, &[]), talk.site.recover(&["--out", &out])] {
        let words = said(&refused);
        assert!(refused.status.code() == Some(1) && words.contains(bodies[0]), "{words}");
    }
    assert!(talk.site.files() == image, "nothing is changed");
    let (further, path) = talk.site.planned(&bodies);
    assert!(further.act.bodies_lost && further.act.era > plan.act.era, "{:?}", further.act);
    assert_eq!(further.act.kept.size, plan.act.kept.size + 2, "behind the statements of the first");
    for cut in [true, false] {
        talk.site.put_back(&image);
        if cut {
            talk.site.settled_only();
            assert!(!talk.site.start_refused().0.success());
        }
        let done = talk.site.carried(&further, &path, &bodies);
        assert!(done.status.success(), "{cut}: {}", said(&done));
    }
    talk.go_on();
    assert_eq!(support::lost_by(&talk.anna.events).len(), 2);
    talk.say("of the new root");
    assert_eq!(talk.texts(), ["of the new root"]);
    talk.site.audited(talk.server.take().unwrap(), &[&talk.anna]);
}
