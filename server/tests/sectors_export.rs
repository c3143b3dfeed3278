//! An export over a device whose sector under an old entry fails to read: the real daemon, and an auditor.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::Index;
use journal::act::{Act, Export};
use journal::fact::{AlarmKind, Fact};
use pki::{Role, Suite};
use protocol::client::{Command as Ask, Reply};
use protocol::query::Query;
use std::path::Path;
use support::bad_sectors::BadSectors;
use support::{Client, Site, runtime};

/// An auditor takes the journal out while the sector under an old entry fails to read: he gets what comes before, then not
/// the next one but one beyond, which no exporter takes for it; officers are alarmed; and nothing is lost.
#[test]
fn an_entry_that_fails_to_read_is_a_gap_in_what_an_auditor_takes_out_and_an_alarm() {
    let (mut site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let mut igor = runtime.block_on(async {
        let mut olga = Client::new(&site, "olga");
        olga.first_login(&site, "olga", &server).await;
        let (acts, verifiers) = site.welcome("igor", Role::Auditor);
        olga.take_in(acts, verifiers).await.unwrap();
        let mut igor = Client::new(&site, "igor");
        igor.first_login(&site, "igor", &server).await;
        igor.hang_up();
        igor
    });
    let to = site.audited(server, &[&igor]).entries.len() as u64;
    let wanted = 5;
    let lies = site.vault().journal_entries(wanted).next().unwrap().unwrap().position;
    let bad = BadSectors::of(&site, Path::new(&site.path("store")));
    site.environment = bad.environment();
    let server = site.start();
    runtime.block_on(async {
        igor.enter(&site, "igor", &server).await;
        igor.act(Act::Export(Export { from: 0, to })).await.unwrap();
        let all: Vec<u64> = (0..to).collect();
        assert_eq!(taken(&mut igor, to).await, all);
        bad.are(lies.offset, lies.offset + u64::from(lies.length) - 1);
        let given = taken(&mut igor, to).await;
        assert!(!given.contains(&wanted), "it does not read: {given:?}");
        assert!(given.len() < all.len() && given.contains(&(to - 1)), "and what lies elsewhere does");
        bad.are(0, 0);
        assert_eq!(taken(&mut igor, to).await, all);
    });
    let journal = site.audited(server, &[&igor]);
    let alarm = |fact: &&Fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::BodyDamaged);
    assert_eq!(journal.facts().filter(alarm).count(), 1);
}

async fn taken(igor: &mut Client, to: u64) -> Vec<Index> {
    let count = u32::try_from(to).unwrap();
    match igor.run(Ask::Ask(Query::Entries(0, count))).await {
        Ok(Reply::Entries(page, _)) => page.iter().map(|entry| entry.index).collect(),
        Ok(_) => panic!("entries were asked for"),
        Err(why) => panic!("{why:?}"),
    }
}
