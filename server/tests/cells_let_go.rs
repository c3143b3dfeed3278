//! A second root cell that is lost for good, and two officers who let go of it. The real daemon throughout.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::ConversationId;
use journal::act::{Act, Approve, DualAct, EraseTarget, Propose};
use pki::{Suite, canonical};
use protocol::answer::Answer;
use protocol::client::{Command, Event, Reply};
use protocol::erasing::ErasureWait;
use protocol::query::Query;
use support::mirrored::{absent_cell, act, erased_one, let_go, lost_second_cell, mirrored, status};
use support::{Client, Server, Site, runtime};

#[test]
fn two_officers_let_go_of_a_lost_cell_and_what_waited_for_it_is_erased() {
    let ((site, alone), runtime) = (lost_second_cell(Site::founded(Suite::Ed25519)), runtime());
    let config = site.path("conclaved.toml");
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let (mut olga, mut oleg) = (Client::new(&site, "olga"), Client::new(&site, "oleg"));
    let conversation = runtime.block_on(async {
        let (conversation, ..) = erased_one(&site, &server, [&mut anna, &mut boris]).await;
        olga.first_login(&site, "olga", &server).await;
        let cell = absent_cell(&mut olga).await;
        let propose = Act::Propose(Propose { act: canonical::encode(&DualAct::DropCell(cell)).into() });
        let Ok(Reply::Admitted(proposal)) = olga.run(act(propose)).await else { panic!() };
        let approve = || act(Act::Approve(Approve { proposal: proposal.index }));
        assert!(olga.run(approve()).await.is_err(), "it takes two");
        assert!(status(&site).contains("\"erasures_wait\":\"cell\""));
        oleg.first_login(&site, "oleg", &server).await;
        assert!(oleg.run(approve()).await.is_ok());
        let done = boris.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("what waited is erased");
        conversation
    });
    let no_part = || {
        let told = site.conclaved(&["status", "--config", &config]).stdout;
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(told.contains("second: no part of this store: it is not there"), "{told}");
    };
    no_part();
    server.kill();
    // The configuration still names it: that is told, and nothing waits for it any more.
    let server = site.start();
    assert!(status(&site).contains("\"absent\":\""));
    no_part();
    assert_erases(&site, &server, &runtime, [&mut anna, &mut boris], conversation);
    server.kill();
    std::fs::write(&config, alone).unwrap();
    let server = site.start();
    assert!(!status(&site).contains("\"absent\":\""), "{}", status(&site));
    assert_erases(&site, &server, &runtime, [&mut anna, &mut boris], conversation);
}

/// One cell is the whole of it: a message is said and erased.
fn assert_erases(
    site: &Site,
    server: &Server,
    runtime: &tokio::runtime::Handle,
    [anna, boris]: [&mut Client; 2],
    conversation: ConversationId,
) {
    runtime.block_on(async {
        anna.hang_up();
        boris.hang_up();
        anna.enter(site, "anna", server).await;
        boris.enter(site, "boris", server).await;
        let Ok(Reply::Admitted(next)) = anna.run(Client::message(conversation, "next")).await else {
            panic!()
        };
        let target = EraseTarget::Messages(conversation, vec![next.index]);
        assert!(anna.run(Command::Erase(target)).await.is_ok());
        let done = boris.until(|event| match event {
            Event::ErasureDone(_, through) => (*through >= next.index).then_some(()),
            _ => None,
        });
        done.await.expect("one cell is the whole of it");
    });
}

#[test]
fn what_two_officers_let_go_of_is_let_go_of_after_a_kill_too() {
    let ((site, _), runtime) = (lost_second_cell(Site::founded(Suite::Ed25519)), runtime());
    let server = site.start();
    let mut olga = Client::new(&site, "olga");
    runtime.block_on(async {
        olga.first_login(&site, "olga", &server).await;
        let_go(&site, &server, &mut olga).await;
    });
    // Nothing was erased yet, so nothing but the journal knows of it.
    server.kill();
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    runtime.block_on(async {
        erased_one(&site, &server, [&mut anna, &mut boris]).await;
        let done = boris.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("the Start has let go of it again");
    });
}

#[test]
fn letting_go_of_a_cell_is_for_the_absence_that_it_was_said_for() {
    let ((site, _), runtime) = (mirrored(Site::founded(Suite::Ed25519)), runtime());
    let (second, away) = (site.path("second"), site.path("away"));
    std::fs::rename(&second, &away).unwrap();
    let server = site.start();
    let mut olga = Client::new(&site, "olga");
    // Nothing waits to be erased, and the cells are listed anew all the same.
    runtime.block_on(async {
        olga.first_login(&site, "olga", &server).await;
        let_go(&site, &server, &mut olga).await;
        let done = olga.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("an epoch behind it");
    });
    server.kill();
    // It is found, put back, and mirrors again; then it is stolen. Nobody was asked about that.
    std::fs::rename(&away, &second).unwrap();
    site.start().kill();
    std::fs::rename(&second, &away).unwrap();
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    runtime.block_on(async {
        let (conversation, ..) = erased_one(&site, &server, [&mut anna, &mut boris]).await;
        // Behind that batch the writer has looked.
        assert!(anna.run(Client::message(conversation, "meanwhile")).await.is_ok());
        let told = status(&site);
        assert!(told.contains("\"erasures_wait\":\"cell\""), "{told}");
    });
    server.kill();
}

/// So many bodies that a store of the least size erases them in more than one epoch.
const BODIES: usize = 750;
const LEAST_STORE_BYTES: u64 = 16 << 20;

/// Two officers let go of a lost cell, many bodies wait, and the machine dies behind the first of several epochs; whether it did.
fn dies_between_two_epochs() -> bool {
    let site = Site::founded_on(Suite::Ed25519, LEAST_STORE_BYTES);
    let ((site, _), runtime) = (lost_second_cell(site), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let mut olga = Client::new(&site, "olga");
    runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        boris.hang_up();
        olga.first_login(&site, "olga", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        assert!(anna.run(Client::message(conversation, "stays")).await.is_ok());
        let mut goes = Vec::new();
        for _ in 0..BODIES {
            goes.push(anna.admitted(Client::message(conversation, "goes")).await.unwrap());
        }
        assert!(anna.run(Command::Erase(EraseTarget::Messages(conversation, goes))).await.is_ok());
        let_go(&site, &server, &mut olga).await;
    });
    let first = server.wait_for("erasure epoch 1: ");
    server.kill();
    let check = site.check(&["--json"]);
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success(), "{said}");
    let died_between =
        said.contains("\"erasure_epoch\":1,") && !first.contains(&format!(" {BODIES} targets"));
    let server = site.start();
    runtime.block_on(async {
        anna.hang_up();
        anna.enter(&site, "anna", &server).await;
        loop {
            let Ok(Reply::Answer(answer)) = anna.run(Command::Ask(Query::Erasing)).await else { panic!() };
            let Answer::Erasing(erasing) = *answer else { panic!("no such answer") };
            assert_ne!(erasing.wait, ErasureWait::Cell, "the Start has let go of it again");
            if erasing.count == 0 {
                break;
            }
        }
    });
    assert!(!status(&site).contains("\"erasures_wait\":\"cell\""), "{}", status(&site));
    server.kill();
    let said = String::from_utf8(site.check(&["--full", "--json"]).stdout).unwrap();
    assert!(said.contains("\"bodies\":1,"), "{said}");
    died_between
}

#[test]
fn a_kill_between_two_epochs_behind_a_cell_that_was_let_go_of_costs_nothing() {
    // Where the machine was quicker than the kill, once more.
    assert!((0..5).any(|_| dies_between_two_epochs()), "never between two epochs");
}
