//! The daemon's life with real processes: founding, first logins, a message, a clean stop, a kill under load.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::EraseTarget;
use nix::sys::signal::Signal;
use pki::Suite;
use protocol::client::event::Content;
use protocol::client::{Command, Event, Reply};
use std::os::unix::fs::FileExt;
use support::{Client, NotIn, Site, runtime};

fn a_whole_life(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let conversation = runtime.block_on(async {
        anna.connect(&site, "anna", &server).await.unwrap();
        assert!(matches!(anna.login("wrong").await, Err(NotIn::Failed(_))), "a wrong password");
        anna.hang_up();
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        assert!(matches!(anna.run(Client::message(conversation, "привет")).await, Ok(Reply::Admitted(_))));
        let got = boris.until(|event| match event {
            Event::Message(message) => Some(message.conversation),
            _ => None,
        });
        assert_eq!(got.await, Some(conversation), "delivered");
        conversation
    });
    let status = site.conclaved(&["status", "--json", "--config", &site.path("conclaved.toml")]);
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("\"ok\":true") && status.contains("\"site\":\"Комната\""), "{status}");

    server.signal(Signal::SIGTERM);
    let ended = runtime.block_on(async {
        anna.until(|event| match event {
            Event::Ended(code) => Some(*code),
            _ => None,
        })
        .await
    });
    assert_eq!(ended, Some(protocol::Code::Stopping.number()), "told why");
    let (exit, said) = server.wait();
    assert!(exit.success(), "{said}");
    assert!(!said.contains("привет"), "no text in the log");
    let status = site.conclaved(&["status", "--config", &site.path("conclaved.toml")]);
    assert_eq!(status.status.code(), Some(69), "nobody answers any more");

    let check = site.check(&["--full"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let server = site.start();
    boris.hang_up();
    let found = runtime.block_on(async {
        boris.enter(&site, "boris", &server).await;
        boris.texts(conversation).await
    });
    assert_eq!(found.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["привет"]);
    let store = std::fs::read(site.path("store")).unwrap();
    assert!(!store.windows(12).any(|window| window == "привет".as_bytes()), "never in clear on the disk");
}

fn a_kill_under_load_loses_nothing_acknowledged(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let mut server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let conversation = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        assert!(anna.run(Client::message(conversation, "0")).await.is_ok());
        conversation
    });
    let mut acknowledged = Vec::new();
    for round in 1..=3 {
        let sent: Vec<String> = (0..48).map(|n| format!("{round}/{n}")).collect();
        let ids: Vec<u64> =
            sent.iter().map(|text| anna.command(Client::message(conversation, text))).collect();
        runtime.block_on(async {
            // Some are acknowledged, the rest is on its way when the server dies.
            for id in &ids[..8 * round] {
                assert!(matches!(anna.settled(*id).await, Ok(Reply::Admitted(_))));
            }
        });
        server.kill();
        server = site.start();
        boris.hang_up();
        anna.hang_up();
        let found = runtime.block_on(async {
            // The terminal sends again by itself what was not answered; each message stands once.
            anna.enter(&site, "anna", &server).await;
            for id in &ids[8 * round..] {
                let outcome = anna.settled(*id).await;
                assert!(matches!(outcome, Ok(Reply::Admitted(_))), "the terminal settles what was open");
            }
            boris.enter(&site, "boris", &server).await;
            boris.texts(conversation).await
        });
        acknowledged.extend(sent);
        let mut seen: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        seen.sort_unstable();
        let mut wanted: Vec<&str> = acknowledged.iter().map(String::as_str).chain(["0"]).collect();
        wanted.sort_unstable();
        assert_eq!(seen, wanted, "round {round}: all of them, each once");
    }
    server.signal(Signal::SIGTERM);
    assert!(server.wait().0.success());
    assert!(site.check(&["--full"]).status.success());
}

fn an_erased_message_is_gone_for_good_and_the_others_stay(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let (conversation, erased) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        let mut indices = Vec::new();
        for text in ["stays", "goes", "stays too"] {
            match anna.run(Client::message(conversation, text)).await {
                Ok(Reply::Admitted(admitted)) => indices.push(admitted.index),
                Ok(_) | Err(_) => panic!("not sent"),
            }
        }
        assert_eq!(boris.texts(conversation).await.len(), 3);
        let target = EraseTarget::Messages(conversation, vec![indices[1]]);
        assert!(anna.run(Command::Erase(target)).await.is_ok());
        let done = boris.until(|event| match event {
            Event::ErasureDone(epoch, through) => Some((*epoch, *through)),
            _ => None,
        });
        let (epoch, through) = done.await.expect("only now it is called erased");
        assert!(epoch == 1 && through > indices[1]);
        (conversation, indices[1])
    });
    server.kill();
    let check = site.check(&["--full", "--json"]);
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains("\"bodies\":2") && said.contains("\"erasure_epoch\":1"), "{said}");
    let server = site.start();
    boris.hang_up();
    runtime.block_on(async {
        boris.enter(&site, "boris", &server).await;
        let left = boris.texts(conversation).await;
        assert_eq!(left.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["stays", "stays too"]);
        let Ok(Reply::Messages(page, _)) = boris.run(Command::MessagesFrom(conversation, erased)).await
        else {
            panic!("no page")
        };
        assert!(matches!(page[0].content, Content::Erased(_)), "a tombstone whose right was checked");
        // The whole conversation, and a kill before anybody is told: the next start does it again.
        assert!(boris.run(Command::Erase(EraseTarget::Conversation(conversation))).await.is_ok());
    });
    server.kill();
    let server = site.start();
    server.signal(Signal::SIGTERM);
    assert!(server.wait().0.success());
    let check = site.check(&["--full", "--json"]);
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains("\"bodies\":0") && !said.contains("\"erasure_epoch\":1,"), "{said}");
}

/// Entries behind the newest snapshot from which on a stop writes another.
const WORTH_A_SNAPSHOT: u64 = 4096;

fn a_start_by_a_snapshot_gives_what_was_before_it_and_one_that_is_damaged_is_done_without(suite: Suite) {
    let (site, runtime) = (Site::founded(suite), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let conversation = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        assert!(anna.run(Client::message(conversation, "the oldest")).await.is_ok());
        boris.hang_up();
        let text = |n| Client::message(conversation, &format!("one of many, {n}"));
        for first in (0..WORTH_A_SNAPSHOT).step_by(32) {
            let ids: Vec<u64> = (first..first + 32).map(|n| anna.command(text(n))).collect();
            for id in ids {
                assert!(matches!(anna.settled(id).await, Ok(Reply::Admitted(_))));
            }
        }
        conversation
    });
    server.signal(Signal::SIGTERM);
    let (exit, said) = server.wait();
    assert!(exit.success() && said.contains("a snapshot of"), "{said}");

    // From it, and from it once more after a kill in the middle of what followed.
    anna.hang_up();
    let server = site.start();
    assert!(by_a_snapshot(&server.began) >= WORTH_A_SNAPSHOT, "{}", server.began);
    runtime.block_on(async {
        anna.enter(&site, "anna", &server).await;
        assert!(anna.run(Client::message(conversation, "the newest")).await.is_ok());
    });
    server.kill();
    let server = site.start();
    assert!(by_a_snapshot(&server.began) >= WORTH_A_SNAPSHOT, "{}", server.began);
    let all = runtime.block_on(async {
        boris.enter(&site, "boris", &server).await;
        boris.texts(conversation).await
    });
    assert_eq!(all.len() as u64, WORTH_A_SNAPSHOT + 2);
    assert_eq!((all[0].1.as_str(), all[all.len() - 1].1.as_str()), ("the oldest", "the newest"));
    site.audited(server, &[&anna, &boris]);
    let check = site.check(&["--full", "--json"]);
    assert!(check.status.success(), "the snapshot's state is the journal's");

    // One flipped bit: a remark for who only asks, damage for who asks for everything, and a start without it.
    let newest = site.vault().snapshots()[0].unwrap();
    let store = std::fs::OpenOptions::new().read(true).write(true).open(site.path("store")).unwrap();
    let mut byte = [0];
    store.read_exact_at(&mut byte, newest.offset + 40).unwrap();
    store.write_all_at(&[byte[0] ^ 1], newest.offset + 40).unwrap();
    let check = site.check(&[]);
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && said.contains("not used for a start"), "{said}");
    assert_eq!(site.check(&["--full"]).status.code(), Some(2), "damage");
    boris.hang_up();
    let server = site.start();
    assert_eq!(by_a_snapshot(&server.began), 0, "{}", server.began);
    assert!(server.began.contains("not used for this start"), "{}", server.began);
    let again = runtime.block_on(async {
        boris.enter(&site, "boris", &server).await;
        boris.texts(conversation).await
    });
    assert!(again == all);
}

/// How many entries a start did not have to replay, by its own word.
fn by_a_snapshot(began: &str) -> u64 {
    let (before, _) = began.split_once(" by a snapshot").expect("it is said");
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

support::on_each_suite! {
    a_whole_life,
    a_kill_under_load_loses_nothing_acknowledged,
    an_erased_message_is_gone_for_good_and_the_others_stay,
    a_start_by_a_snapshot_gives_what_was_before_it_and_one_that_is_damaged_is_done_without,
}
