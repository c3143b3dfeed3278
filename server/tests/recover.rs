//! Acknowledged entries are lost: the start refuses, two officers decide, the log goes on in a new era, and every terminal
//! says so and goes on. The real daemon throughout.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::{KeptPasswords, LossSource, Succession};
use pki::Suite;
use protocol::succession::{Plan, signature_text};
use support::{Client, Site, Talk, lost_by, said};

fn texts(found: Vec<(u64, String)>) -> Vec<String> {
    found.into_iter().map(|(_, text)| text).collect()
}

fn lost_entries_are_given_up_by_two_officers_and_everybody_hears_of_it(suite: Suite) {
    let (mut talk, lost) = Talk::with_more_behind(suite);
    let mut boris = Client::new(&talk.site, "boris");
    let (conversation, runtime) = (talk.conversation, talk.runtime.clone());
    runtime.block_on(async {
        boris.enter(&talk.site, "boris", talk.server.as_ref().unwrap()).await;
        assert_eq!(boris.texts(conversation).await.len(), 7);
    });
    talk.stop();
    boris.hang_up();
    let Talk { site, mut anna, .. } = talk;
    site.lose_batch_of(lost);

    let (status, why) = site.start_refused();
    assert!(status.code() == Some(2) && why.contains("conclaved recover --accept-loss"), "{why}");
    let check = site.check(&[]);
    assert!(check.status.code() == Some(2) && said(&check).contains("conclaved recover"), "{}", said(&check));
    let before = std::fs::read(site.path("store")).unwrap();
    let path = site.path("succession.plan");
    // As the refusal names it: it shows, and writes nothing.
    let shown = site.recover(&[]);
    let words = said(&shown);
    assert!(
        shown.status.code() == Some(1) && words.contains("with --out succession.plan writes it"),
        "{words}"
    );
    assert!(
        why.contains("--head FILE") && words.contains("BEFORE ANYBODY SIGNS: bring the newest head"),
        "{words}"
    );
    let planned = site.recover(&["--out", &path]);
    assert!(planned.status.success(), "{}", said(&planned));
    assert!(
        said(&planned).contains("@oleg, @olga") || said(&planned).contains("@olga, @oleg"),
        "{}",
        said(&planned)
    );
    assert!(std::fs::read(site.path("store")).unwrap() == before, "a plan changes nothing");
    let plan = Plan::from_text(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let kept = plan.act.kept.size;
    let (era, act) = (plan.act.era, &plan.act);
    assert!(kept <= lost && era > 1 && !act.bodies_lost && !act.period_key_lost, "{act:?}");
    assert_eq!((act.passwords, act.bodies_missing, act.cell_let_go), (KeptPasswords::InForce, 0, false));
    assert!(
        plan.act.lost.iter().any(|trace| trace.source == LossSource::LaterBatches && trace.size > lost + 4)
    );

    // Neither one officer nor anybody else, nor another plan than this store's.
    let (olga, oleg) = (site.write_signature(&plan, "olga"), site.write_signature(&plan, "oleg"));
    let stranger = site.write_signature(&plan, "anna");
    for signatures in [&[olga.as_str()][..], &[&olga, &olga], &[&olga, &stranger]] {
        let refused = site.carried_by(&path, signatures, &[]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    }
    let mut other = plan.clone();
    other.act.kept.size = 0;
    assert!(Plan::from_text(&other.to_text()).is_err(), "a plan that keeps nothing does not even read");
    let mut other = plan.clone();
    other.act.kept.root = [1; 32];
    let forged = site.path("forged.plan");
    std::fs::write(&forged, other.to_text()).unwrap();
    let (a, b) = (site.signed(&other, "olga"), site.signed(&other, "oleg"));
    let names = ["a.signature", "b.signature"].map(|name| site.path(name));
    [a, b]
        .into_iter()
        .zip(&names)
        .for_each(|(signed, name)| std::fs::write(name, signature_text(signed)).unwrap());
    let refused = site.carried_by(&forged, &[&names[0], &names[1]], &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(std::fs::read(site.path("store")).unwrap() == before, "what is refused changes nothing");

    let done = site.carried_by(&path, &[&olga, &oleg], &[]);
    assert!(done.status.success(), "{}", said(&done));
    let again = site.carried_by(&path, &[&olga, &oleg], &[]);
    assert!(again.status.success(), "the same once more: {}", said(&again));
    let nothing = site.recover(&["--out", &site.path("second.plan")]);
    assert!(said(&nothing).contains("nothing is lost"), "{}", said(&nothing));

    let server = site.start();
    runtime.block_on(async {
        anna.enter(&site, "anna", &server).await;
        let told = lost_by(&anna.events);
        assert_eq!((told.len(), told[0].era, told[0].kept), (1, era, kept));
        assert!(told[0].seen > lost, "hers is among what is lost");
        let by: Vec<&str> = told[0].officers.iter().map(|(_, login)| login.as_str()).collect();
        assert_eq!(by, ["olga", "oleg"]);
        assert_eq!(texts(anna.texts(conversation).await), ["one"]);
        anna.run(Client::message(conversation, "two again")).await.ok().unwrap();
        boris.enter(&site, "boris", &server).await;
        assert_eq!(lost_by(&boris.events).len(), 1);
        assert_eq!(texts(boris.texts(conversation).await), ["one", "two again"]);
        // Once heard, it is not told again; a terminal without a past believes it only with the same proof.
        boris.hang_up();
        boris.enter(&site, "boris", &server).await;
        assert_eq!(lost_by(&boris.events).len(), 1);
        let mut olga = Client::new(&site, "olga");
        olga.first_login(&site, "olga", &server).await;
        assert_eq!(lost_by(&olga.events).len(), 1);
    });
    let journal = site.audited(server, &[&anna, &boris]);
    assert_eq!(journal.replay.verdict().successions.len(), 1);
    let check = site.check(&["--full"]);
    assert!(check.status.success(), "{}", said(&check));
}

fn a_backup_of_what_was_given_up_is_not_gone_on_with(suite: Suite) {
    let (mut talk, lost) = Talk::with_more_behind(suite);
    assert!(talk.site.backup(&["create", "--to"], "old").status.success());
    talk.stop();
    talk.site.lose_batch_of(lost);
    talk.site.recovered(&[]);
    talk.go_on();
    talk.say("of the new era");
    let refused = talk.site.backup(&["create", "--to"], "old");
    let words = said(&refused);
    assert!(refused.status.code() == Some(1) && words.contains("backup-other"), "{words}");
    assert!(talk.site.backup(&["create", "--to"], "new").status.success());
    let opens = talk.site.backup(&["rehearse"], "new");
    assert!(opens.status.success(), "{}", said(&opens));
    talk.stop();
}

fn a_store_that_lost_nothing_has_nothing_to_give_up(suite: Suite) {
    let site = Site::founded(suite);
    let path = site.path("succession.plan");
    let refused = site.recover(&["--out", &path]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("nothing is lost") && !std::path::Path::new(&path).exists());
    let server = site.start();
    let busy = site.recover(&["--out", &path]);
    assert_eq!(busy.status.code(), Some(69), "{}", said(&busy));
    server.kill();
}

#[test]
fn a_plan_that_was_carried_out_gives_up_nothing_later() {
    let mut talk = Talk::begun();
    talk.say("one");
    let lost = talk.say("two");
    talk.say("three");
    talk.say("four");
    talk.stop();
    talk.site.lose_batch_of(lost);
    let (first, path) = talk.site.planned(&[]);
    let done = talk.site.carried(&first, &path, &[]);
    assert!(done.status.success(), "{}", said(&done));
    let era = first.act.era.to_string();
    let old_path = talk.site.path("old.plan");
    std::fs::rename(&path, &old_path).unwrap();
    talk.go_on();
    let again = talk.say("of the next era");
    for n in 0..4 {
        talk.say(&format!("more {n}"));
    }
    talk.stop();
    // The old signatures are worth nothing for a later loss; a new plan is of an era of its own, also where the first
    // succession itself is lost.
    let before = talk.site.files();
    for lost in [again, first.act.kept.size - 1] {
        talk.site.put_back(&before);
        talk.site.lose_batch_of(lost);
        let image = talk.site.files();
        let refused = talk.site.carried(&first, &old_path, &[]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(talk.site.files() == image, "nothing is changed");
        assert!(talk.site.planned(&[]).0.act.era > first.act.era);
        if lost == again {
            let twice = talk.site.recover(&["--out", &talk.site.path("twice.plan"), "--era", &era]);
            assert!(twice.status.code() == Some(1), "{}", said(&twice));
            assert!(said(&twice).contains("which was there already"), "{}", said(&twice));
        }
    }
    talk.site.recovered(&[]);
    talk.go_on();
    talk.say("once more");
    talk.stop();
}

#[test]
fn a_plan_gives_up_nothing_that_came_behind_what_the_officers_knew() {
    let mut talk = Talk::begun();
    talk.say("one");
    let lost = talk.say("two");
    for n in 0..3 {
        talk.say(&format!("known {n}"));
    }
    talk.stop();
    let whole = talk.site.files();
    talk.site.lose_batch_of(lost);
    // Signed in a false alarm, and not used: what was missing came back.
    let (plan, path) = talk.site.planned(&[]);
    talk.site.put_back(&whole);
    talk.go_on();
    for n in 0..5 {
        talk.say(&format!("later {n}"));
    }
    talk.stop();
    talk.site.lose_batch_of(lost);
    let image = talk.site.files();
    let refused = talk.site.carried(&plan, &path, &[]);
    assert!(
        refused.status.code() == Some(1) && said(&refused).contains("other things"),
        "{}",
        said(&refused)
    );
    assert!(talk.site.files() == image, "nothing is changed");
    talk.site.recovered(&[]);
}

#[test]
fn whose_bodies_are_given_up_is_said_and_stays_known() {
    let mut talk = Talk::begun();
    talk.say("stays");
    let goes = talk.say("goes");
    let erase = talk.erase(goes);
    talk.stop();
    // The erasure was carried out, and its entry is lost.
    talk.site.lose_batch_of(erase);
    let (plan, path) = talk.site.planned(&[]);
    let Succession { bodies_missing, given_up, .. } = &plan.act;
    let ranges: Vec<(u64, u64)> = given_up.iter().map(|range| (range.first, range.last)).collect();
    assert_eq!((*bodies_missing, ranges), (1, vec![(goes, goes)]));
    let again = talk.site.recover(&["--out", &talk.site.path("again.plan")]);
    assert!(said(&again).contains(&format!("of entries #{goes}")), "{}", said(&again));
    let done = talk.site.carried(&plan, &path, &[]);
    assert!(done.status.success(), "{}", said(&done));
    talk.go_on();
    let journal = talk.site.audited(talk.server.take().unwrap(), &[&talk.anna]);
    let register = journal.replay.register();
    assert!(register.body_given_up(goes).is_some() && register.body_given_up(goes - 1).is_none());
}

#[test]
fn what_was_put_back_waits_for_somebody_to_say_what_came_after_it() {
    let mut talk = Talk::begun();
    talk.say("one");
    assert!(talk.site.backup(&["create", "--to"], "copy").status.success());
    for text in ["two", "three"] {
        talk.say(text);
    }
    assert_eq!(talk.texts(), ["one", "two", "three"]);
    let head = talk.site.path("anna.head");
    std::fs::write(&head, talk.anna.checkpoint()).unwrap();
    talk.stop();
    let restore = |talk: &Talk| {
        std::fs::remove_file(talk.site.path("store")).unwrap();
        let done = talk.site.backup(&["restore", "--yes"], "copy");
        assert!(done.status.success(), "{}", said(&done));
        let (status, why) = talk.site.start_refused();
        assert!(status.code() == Some(1) && why.contains("--cause restored"), "{why}");
    };
    restore(&talk);
    let refused = talk.site.conclaved(&["store", "grow", "--config", &talk.site.path("conclaved.toml")]);
    assert!(!refused.status.success(), "it would take the mark away: {}", said(&refused));
    let unnamed = talk.site.recover(&["--out", &talk.site.path("no.plan")]);
    assert!(said(&unnamed).contains("conclaved backup accept"), "{}", said(&unnamed));
    // Started all the same, it is another past; and there is a way on.
    let accepted = talk.site.conclaved(&[
        "backup",
        "accept",
        "--nobody-saw-more",
        "--config",
        &talk.site.path("conclaved.toml"),
    ]);
    assert!(accepted.status.success(), "{}", said(&accepted));
    let server = talk.site.start();
    assert!(server.began.contains("nobody has seen anything newer"), "{}", server.began);
    server.kill();
    for _ in 0..4 {
        let server = talk.site.start();
        assert!(!server.began.contains("put back"), "it goes on since: {}", server.began);
        server.kill();
    }
    let other = talk.site.recover(&["--out", &talk.site.path("no.plan"), "--head", &head]);
    assert!(said(&other).contains("put it back once more"), "{}", said(&other));
    restore(&talk);
    let plan = talk.site.recovered(&["--head", &head, "--cause", "restored"]);
    assert!(plan.act.lost.iter().any(|trace| trace.source == LossSource::SignedHead));
    talk.go_on();
    assert_eq!(lost_by(&talk.anna.events).len(), 1);
    assert_eq!(talk.texts(), ["one"]);
    talk.stop();
}

support::on_each_suite!(
    lost_entries_are_given_up_by_two_officers_and_everybody_hears_of_it,
    a_backup_of_what_was_given_up_is_not_gone_on_with,
    a_store_that_lost_nothing_has_nothing_to_give_up,
);
