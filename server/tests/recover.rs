//! Acknowledged entries are lost: the start refuses, two officers decide, the log goes on in a new era, and every terminal
//! says so and goes on. The real daemon throughout.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::{Act, LossSource};
use journal::statement::{SignedStatement, Statement};
use nix::sys::signal::Signal;
use pki::Suite;
use protocol::client::event::SuccessionView;
use protocol::client::{Event, Reply};
use protocol::succession::{Plan, signature_text};
use std::os::unix::fs::FileExt;
use std::process::Output;
use support::{Client, Server, Site, runtime};

fn stop(server: Server) {
    server.signal(Signal::SIGTERM);
    let (exit, said) = server.wait();
    assert!(exit.success(), "{said}");
}

/// The batch that holds this entry is gone from the device; later ones stay.
fn lose_batch_of(site: &Site, index: u64) {
    let entry = site.vault().entry_at(index).unwrap().unwrap();
    let from = entry.position.offset / disk::BLOCK as u64 * disk::BLOCK as u64;
    let store = std::fs::OpenOptions::new().write(true).open(site.path("store")).unwrap();
    store.write_all_at(&[0; disk::BLOCK], from).unwrap();
}

fn recover(site: &Site, more: &[&str]) -> Output {
    let config = site.path("conclaved.toml");
    site.conclaved(&[&["recover", "--accept-loss", "--config", &config][..], more].concat())
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].concat().iter().map(|byte| char::from(*byte)).collect()
}

/// A signature over a plan, by whoever has this login.
fn signed(site: &Site, plan: &Plan, login: &str) -> SignedStatement {
    let person = site.person(login);
    let certificate = person.signature_certificate.id();
    let header = plan.header(site.log, person.id, certificate).unwrap();
    let statement = Statement { header, act: Act::Succession(plan.act.clone()) };
    SignedStatement::sign(&statement, &person.signature).unwrap().0
}

fn write_signature(site: &Site, plan: &Plan, login: &str) -> String {
    let path = site.path(&format!("{login}.signature"));
    std::fs::write(&path, signature_text(signed(site, plan, login))).unwrap();
    path
}

fn carry(site: &Site, plan: &str, signatures: &[&String]) -> Output {
    let mut args = vec!["--plan", plan];
    signatures.iter().for_each(|path| args.extend(["--acts", path.as_str()]));
    recover(site, &args)
}

fn told_of_succession(client: &Client) -> Vec<SuccessionView> {
    let told = client.events.iter().filter_map(|event| match event {
        Event::Succession(view) => Some((**view).clone()),
        _ => None,
    });
    told.collect()
}

async fn send(client: &mut Client, conversation: journal::ConversationId, text: &str) -> u64 {
    match client.run(Client::message(conversation, text)).await {
        Ok(Reply::Admitted(admitted)) => admitted.index,
        _ => panic!("{text} was not admitted"),
    }
}

fn texts(found: Vec<(u64, String)>) -> Vec<String> {
    found.into_iter().map(|(_, text)| text).collect()
}

fn lost_entries_are_given_up_by_two_officers_and_everybody_hears_of_it(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let (conversation, lost) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        send(&mut anna, conversation, "one").await;
        let lost = send(&mut anna, conversation, "two").await;
        for n in 0..5 {
            send(&mut anna, conversation, &format!("more {n}")).await;
        }
        assert_eq!(boris.texts(conversation).await.len(), 7);
        (conversation, lost)
    });
    stop(server);
    anna.hang_up();
    boris.hang_up();
    lose_batch_of(&site, lost);

    let (status, why) = site.start_refused();
    assert!(status.code() == Some(2) && why.contains("conclaved recover --accept-loss"), "{why}");
    let check = site.check(&[]);
    assert!(check.status.code() == Some(2) && said(&check).contains("conclaved recover"), "{}", said(&check));
    let before = std::fs::read(site.path("store")).unwrap();
    let path = site.path("succession.plan");
    let planned = recover(&site, &["--out", &path]);
    assert!(planned.status.success(), "{}", said(&planned));
    assert!(
        said(&planned).contains("@oleg, @olga") || said(&planned).contains("@olga, @oleg"),
        "{}",
        said(&planned)
    );
    assert!(std::fs::read(site.path("store")).unwrap() == before, "a plan changes nothing");
    let plan = Plan::from_text(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let kept = plan.act.kept.size;
    assert!(kept <= lost && (plan.act.era, plan.act.bodies_lost) == (1, false), "{:?}", plan.act);
    assert!(
        plan.act.lost.iter().any(|trace| trace.source == LossSource::LaterBatches && trace.size > lost + 4)
    );

    // Neither one officer nor anybody else, nor another plan than this store's.
    let (olga, oleg) = (write_signature(&site, &plan, "olga"), write_signature(&site, &plan, "oleg"));
    let stranger = write_signature(&site, &plan, "anna");
    for signatures in [&[&olga][..], &[&olga, &olga], &[&olga, &stranger]] {
        let refused = carry(&site, &path, signatures);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    }
    let mut other = plan.clone();
    other.act.kept.root = [1; 32];
    let forged = site.path("forged.plan");
    std::fs::write(&forged, other.to_text()).unwrap();
    let (a, b) = (signed(&site, &other, "olga"), signed(&site, &other, "oleg"));
    let names = ["a.signature", "b.signature"].map(|name| site.path(name));
    [a, b]
        .into_iter()
        .zip(&names)
        .for_each(|(signed, name)| std::fs::write(name, signature_text(signed)).unwrap());
    let refused = carry(&site, &forged, &[&names[0], &names[1]]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(std::fs::read(site.path("store")).unwrap() == before, "what is refused changes nothing");

    let done = carry(&site, &path, &[&olga, &oleg]);
    assert!(done.status.success(), "{}", said(&done));
    let again = carry(&site, &path, &[&olga, &oleg]);
    assert!(again.status.success(), "the same once more: {}", said(&again));
    let nothing = recover(&site, &["--out", &site.path("second.plan")]);
    assert!(said(&nothing).contains("nothing is lost"), "{}", said(&nothing));

    let server = site.start();
    runtime.block_on(async {
        anna.enter(&site, "anna", &server).await;
        let told = told_of_succession(&anna);
        assert_eq!((told.len(), told[0].era, told[0].kept), (1, 1, kept));
        assert!(told[0].seen > lost, "hers is among what is lost");
        let by: Vec<&str> = told[0].officers.iter().map(|(_, login)| login.as_str()).collect();
        assert_eq!(by, ["olga", "oleg"]);
        assert_eq!(texts(anna.texts(conversation).await), ["one"]);
        send(&mut anna, conversation, "two again").await;
        boris.enter(&site, "boris", &server).await;
        assert_eq!(told_of_succession(&boris).len(), 1);
        assert_eq!(texts(boris.texts(conversation).await), ["one", "two again"]);
        // Once heard, it is not told again; a terminal without a past believes it only with the same proof.
        boris.hang_up();
        boris.enter(&site, "boris", &server).await;
        assert_eq!(told_of_succession(&boris).len(), 1);
        let mut olga = Client::new(&site, "olga");
        olga.first_login(&site, "olga", &server).await;
        assert_eq!(told_of_succession(&olga).len(), 1);
    });
    let journal = site.audited(server, &[&anna, &boris]);
    assert_eq!(journal.replay.verdict().successions.len(), 1);
    let check = site.check(&["--full"]);
    assert!(check.status.success(), "{}", said(&check));
}

fn a_backup_of_what_was_given_up_is_not_gone_on_with(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let mut anna = Client::new(&site, "anna");
    let (conversation, lost) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        send(&mut anna, conversation, "kept").await;
        let lost = send(&mut anna, conversation, "lost").await;
        for n in 0..5 {
            send(&mut anna, conversation, &format!("more {n}")).await;
        }
        (conversation, lost)
    });
    let config = site.path("conclaved.toml");
    let backup = |command: &[&str], dir: &str| {
        let dir = site.path(dir);
        site.conclaved(&[&["backup"][..], command, &[&dir, "--config", &config, "--json"]].concat())
    };
    let create = |dir: &str| backup(&["create", "--to"], dir);
    assert!(create("old").status.success());
    stop(server);
    anna.hang_up();
    lose_batch_of(&site, lost);
    let path = site.path("succession.plan");
    assert!(recover(&site, &["--out", &path]).status.success());
    let plan = Plan::from_text(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let (olga, oleg) = (write_signature(&site, &plan, "olga"), write_signature(&site, &plan, "oleg"));
    let done = carry(&site, &path, &[&olga, &oleg]);
    assert!(done.status.success(), "{}", said(&done));
    let server = site.start();
    runtime.block_on(async {
        anna.enter(&site, "anna", &server).await;
        send(&mut anna, conversation, "of the new era").await;
    });
    let refused = create("old");
    assert!(
        refused.status.code() == Some(1) && said(&refused).contains("backup-other"),
        "{}",
        said(&refused)
    );
    assert!(create("new").status.success());
    let opens = backup(&["rehearse"], "new");
    assert!(opens.status.success(), "{}", said(&opens));
    stop(server);
}

fn a_store_that_lost_nothing_has_nothing_to_give_up(suite: Suite) {
    let site = Site::founded(suite);
    let path = site.path("succession.plan");
    let refused = recover(&site, &["--out", &path]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("nothing is lost") && !std::path::Path::new(&path).exists());
    let server = site.start();
    let busy = recover(&site, &["--out", &path]);
    assert_eq!(busy.status.code(), Some(69), "{}", said(&busy));
    stop(server);
}

support::on_each_suite!(
    lost_entries_are_given_up_by_two_officers_and_everybody_hears_of_it,
    a_backup_of_what_was_given_up_is_not_gone_on_with,
    a_store_that_lost_nothing_has_nothing_to_give_up,
);
