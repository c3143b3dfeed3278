//! The log's key of each day, with real processes and a wall clock in the test's hand. Nothing here sleeps.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::fact::Fact;
use pki::Suite;
use support::{Client, Site, runtime};
use vault::{Place, SECRETS_CONVERSATION};

const DAY: i64 = 24 * 3600;

/// Periods whose secret key opens.
fn open_secrets(site: &Site, periods: u64) -> Vec<u64> {
    let vault = site.vault();
    let opens = |number: &u64| vault.reader().read(Place::item(SECRETS_CONVERSATION, *number)).is_ok();
    (0..periods).filter(opens).collect()
}

fn a_new_day_gives_the_log_a_new_key(suite: Suite) {
    let (site, runtime) = (Site::founded(suite).with_clock(), runtime());
    let server = site.start();
    let mut anna = Client::new(&site, "anna");
    let to = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        anna.talk_to(&site, "boris").await
    });
    site.clock().set_ahead(DAY);
    server.wait_for("erasure epoch 1: 1 targets");
    runtime.block_on(async {
        anna.admitted(Client::message(to, "the next day")).await.unwrap();
    });
    let status = site.conclaved(&["status", "--config", &site.path("conclaved.toml")]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("log period: 1, since "), "{status}");
    // Cut off in the new period, and started three days later: one PeriodEnd for all of them.
    server.kill();
    assert_eq!(open_secrets(&site, 2), [1], "the first key is gone, wherever it lay");
    site.clock().set_ahead(4 * DAY);
    let server = site.start();
    server.wait_for("erasure epoch 2: 1 targets");
    runtime.block_on(async {
        anna.hang_up();
        anna.enter(&site, "anna", &server).await;
        anna.admitted(Client::message(to, "and three later")).await.unwrap();
    });
    let journal = site.audited(server, &[&anna]);
    assert_eq!(journal.facts().filter(|fact| matches!(fact, Fact::PeriodEnd(_))).count(), 2);
    assert_eq!(journal.facts().filter(|fact| matches!(fact, Fact::KeyRoll(_))).count(), 3);
    assert_eq!(open_secrets(&site, 3), [2]);
    let check = site.check(&["--full"]);
    assert!(check.status.success(), "{check:?}");
}

#[test]
fn a_new_day_gives_the_log_a_new_key_and_erases_the_old_one() {
    for suite in [Suite::Ed25519, Suite::EcdsaP256] {
        a_new_day_gives_the_log_a_new_key(suite);
    }
}
