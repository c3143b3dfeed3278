//! The real daemon on every kind of root cell, with a second one that goes away and comes back, and with an unlock secret.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;
#[path = "../../lib/vault/tests/support/swtpm.rs"]
#[allow(dead_code, reason = "the bus is for the vault's own tests")]
mod swtpm;

use journal::ConversationId;
use journal::act::{Act, Approve, CellName, DualAct, EraseTarget, Propose};
use pki::{Suite, canonical};
use protocol::answer::Answer;
use protocol::client::command::OtherAct;
use protocol::client::{Command, Event, Reply};
use protocol::erasing::ErasureWait;
use protocol::query::Query;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::on_device::{LoopDevice, missing_for};
use support::{Client, Server, Site, runtime};
use swtpm::Swtpm;
use vault::TpmPlace;

/// A site whose `[store]` says what `lines` say, in place of the file cell where they name a cell.
fn site_with(lines: &str) -> Site {
    let site = Site::requested(Suite::Ed25519);
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let cell = format!("cell = \"{}\"\n", site.path("cell"));
    let kept = if lines.starts_with("cell =") { "" } else { &cell };
    std::fs::write(&config, text.replace(&cell, &format!("{kept}{lines}\n"))).unwrap();
    let done = init(&site);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    site
}

fn init(site: &Site) -> std::process::Output {
    site.conclaved(&["init", "--config", &site.path("conclaved.toml"), "--bundle", &site.path("site.bundle")])
}

fn status(site: &Site) -> String {
    let asked = site.conclaved(&["status", "--json", "--config", &site.path("conclaved.toml")]);
    String::from_utf8(asked.stdout).unwrap()
}

/// Two messages, one of them erased; a kill; the store is sound and holds one body.
fn says_and_erases(site: &Site, kind: &str) {
    let (runtime, server) = (runtime(), site.start());
    assert!(status(site).contains(&format!("\"cells\":[{{\"kind\":\"{kind}\",\"absent\":null}}]")));
    let (mut anna, mut boris) = (Client::new(site, "anna"), Client::new(site, "boris"));
    runtime.block_on(async {
        anna.first_login(site, "anna", &server).await;
        boris.first_login(site, "boris", &server).await;
        let conversation = anna.talk_to(site, "boris").await;
        let Ok(Reply::Admitted(goes)) = anna.run(Client::message(conversation, "goes")).await else {
            panic!()
        };
        assert!(anna.run(Client::message(conversation, "stays")).await.is_ok());
        let target = EraseTarget::Messages(conversation, vec![goes.index]);
        assert!(anna.run(Command::Erase(target)).await.is_ok());
        let done = boris.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("it is called erased");
    });
    server.kill();
    let said = String::from_utf8(site.check(&["--full", "--json"]).stdout).unwrap();
    assert!(said.contains("\"bodies\":1") && said.contains("\"erasure_epoch\":1"), "{said}");
}

#[test]
fn the_daemon_keeps_its_root_in_a_tpm() {
    if swtpm::missing_for("the_daemon_keeps_its_root_in_a_tpm") {
        return;
    }
    let tpm = Swtpm::start();
    let TpmPlace::Swtpm(socket) = tpm.place() else { panic!("a socket") };
    let auth = tpm.folder().join("auth");
    let lines = format!(
        "cell = \"tpm:0x01c10200\"\ntpm = \"swtpm:{}\"\ncell_auth = \"{}\"",
        socket.display(),
        auth.display()
    );
    let site = site_with(&lines);
    says_and_erases(&site, "tpm");
    std::fs::remove_file(&auth).unwrap();
    let (_, said) = site.start_refused();
    assert!(said.contains("authorisation value"), "{said}");
}

#[test]
fn the_daemon_keeps_its_root_in_a_raw_sector() {
    if missing_for("the_daemon_keeps_its_root_in_a_raw_sector") {
        return;
    }
    for sector_bytes in [512, 4096] {
        let folder = tempfile::tempdir().unwrap();
        let backing = folder.path().join("backing");
        File::create(&backing).unwrap().set_len(5 << 20).unwrap();
        let device = LoopDevice::over(&backing, sector_bytes).unwrap();
        let site = site_with(&format!("cell = \"sector:{}\"", device.path().display()));
        let blank = folder.path().join("blank");
        File::create(&blank).unwrap().set_len(5 << 20).unwrap();
        let blank = LoopDevice::over(&blank, sector_bytes).unwrap();
        let config = std::fs::read_to_string(site.path("conclaved.toml")).unwrap();
        let second = format!("[store]\nsecond_cell = \"sector:{}\"\n", blank.path().display());
        std::fs::write(site.path("two.toml"), config.replace("[store]\n", &second)).unwrap();
        let made = site.conclaved(&["store", "cell", "--config", &site.path("two.toml")]);
        let said = String::from_utf8_lossy(&made.stdout);
        assert!(made.status.success() && said.contains("blank, so nothing is to be made"), "{said}");
        says_and_erases(&site, "sector");
        let image = std::fs::read(&backing).unwrap();
        let is_blank = |region: usize| image[region << 20..(region + 1) << 20].iter().all(|byte| *byte == 0);
        assert!(
            is_blank(0) && is_blank(1) && !is_blank(2) && !is_blank(3),
            "epoch 1 is odd, epoch 0 is gone"
        );
    }
}

#[test]
fn while_the_second_cell_is_away_an_erasure_waits_and_nobody_is_told() {
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let (second, away) = (site.path("second"), site.path("away"));
    let config = site.path("conclaved.toml");
    let made = || site.conclaved(&["store", "cell", "--config", &config]).status.code().unwrap();
    assert_eq!(made(), 64, "the configuration names none");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("[store]\n", &format!("[store]\nsecond_cell = \"{second}\"\n")))
        .unwrap();
    assert_eq!((made(), made()), (0, 0), "a blank one joins at the next start");
    // It joins, and from then on it is missed.
    site.start().kill();
    assert_eq!(made(), 1, "never over one that is there");
    std::fs::rename(&second, &away).unwrap();
    let refused = || {
        let done = site.conclaved(&["store", "cell", "--config", &config]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(1) && said.contains("conclave-admin cell drop"), "{said}");
        assert!(!Path::new(&second).exists(), "one that is only not mounted is not made anew");
    };
    refused();
    let server = site.start();
    refused();
    assert!(status(&site).contains("\"absent\":\""));
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        let Ok(Reply::Admitted(goes)) = anna.run(Client::message(conversation, "goes")).await else {
            panic!()
        };
        let target = EraseTarget::Messages(conversation, vec![goes.index]);
        let Ok(Reply::Admitted(admitted)) = anna.run(Command::Erase(target)).await else { panic!() };
        let erased = admitted.index;
        // People go on, and the body is served to nobody.
        assert!(anna.run(Client::message(conversation, "meanwhile")).await.is_ok());
        let told = status(&site);
        assert!(told.contains("\"erasures_wait\":\"cell\""), "{told}");
        // Whoever asked for it is told why, within a second or so.
        loop {
            let Ok(Reply::Answer(answer)) = anna.run(Command::Ask(Query::Erasing)).await else { panic!() };
            let Answer::Erasing(erasing) = *answer else { panic!("no such answer") };
            assert!(erasing.count == 1 && erasing.holds(erased) && !erasing.holds(goes.index), "{erasing:?}");
            if erasing.wait == ErasureWait::Cell {
                break;
            }
        }
        std::fs::rename(&away, &second).unwrap();
        let done = boris.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("the cell is back");
    });
    assert!(!status(&site).contains("\"absent\":\""));
    server.kill();
    let slots = |path: &str| std::fs::read(path).unwrap()[..8192].to_vec();
    assert_eq!(slots(&site.path("cell")), slots(&second), "both hold the same root");
}

#[test]
fn a_store_with_an_unlock_secret_opens_with_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let unlock = folder.path().join("unlock");
    let bring = |digits: &str| {
        std::fs::write(&unlock, digits).unwrap();
        std::fs::set_permissions(&unlock, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    bring(&"07".repeat(32));
    let site = site_with(&format!("unlock_file = \"{}\"", unlock.display()));
    site.start().kill();
    bring(&"08".repeat(32));
    let (_, said) = site.start_refused();
    assert!(said.contains("unlock secret"), "{said}");
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("unlock_file", "# unlock_file")).unwrap();
    let (_, said) = site.start_refused();
    assert!(said.contains("locked"), "{said}");
    let asked = |more: &[&str]| {
        let told = site.conclaved(&[&["store", "status", "--config", &config], more].concat());
        String::from_utf8(told.stdout).unwrap()
    };
    let said = asked(&["--json"]);
    assert!(
        said.contains("\"state\":\"locked\"")
            && said.contains("\"verifiers\":4")
            && said.contains("\"verifiers_passed_over\":0"),
        "{said}"
    );
    assert!(asked(&[]).contains("verifiers: 4, as of batch "), "{}", asked(&[]));
    assert!(asked(&["--lang", "ru"]).contains("закрыто"));
}

fn act(act: Act) -> Command {
    Command::Act(Box::new(OtherAct { act, staged: Vec::new(), verifiers: Vec::new() }))
}

/// The name of the cell that is absent, once the server has told the core.
async fn absent_cell(olga: &mut Client) -> CellName {
    loop {
        let Ok(Reply::Answer(answer)) = olga.run(Command::Ask(Query::Cells)).await else {
            panic!("no answer")
        };
        let Answer::Cells(cells) = *answer else { panic!("no cells") };
        if let Some(cell) = cells.iter().find(|cell| cell.absent.is_some()) {
            return cell.name.expect("it had joined");
        }
    }
}

/// Two officers let go of the cell that is absent; the second one logs in to approve what he finds proposed.
async fn let_go(site: &Site, server: &Server, olga: &mut Client) {
    let cell = absent_cell(olga).await;
    let propose = Act::Propose(Propose { act: canonical::encode(&DualAct::DropCell(cell)).into() });
    let Ok(Reply::Admitted(proposal)) = olga.run(act(propose)).await else { panic!() };
    let mut oleg = Client::new(site, "oleg");
    oleg.first_login(site, "oleg", server).await;
    assert!(oleg.run(act(Act::Approve(Approve { proposal: proposal.index }))).await.is_ok());
}

/// A second cell has joined, and then it was lost for good. Gives the configuration without it too.
fn lost_second_cell(site: Site) -> (Site, String) {
    let (second, config) = (site.path("second"), site.path("conclaved.toml"));
    drop(vault::FileCell::create(Path::new(&second)).unwrap());
    let alone = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, alone.replace("[store]\n", &format!("[store]\nsecond_cell = \"{second}\"\n")))
        .unwrap();
    site.start().kill();
    std::fs::remove_file(&second).unwrap();
    (site, alone)
}

#[test]
fn two_officers_let_go_of_a_lost_cell_and_what_waited_for_it_is_erased() {
    let ((site, alone), runtime) = (lost_second_cell(Site::founded(Suite::Ed25519)), runtime());
    let config = site.path("conclaved.toml");
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let (mut olga, mut oleg) = (Client::new(&site, "olga"), Client::new(&site, "oleg"));
    let conversation = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        olga.first_login(&site, "olga", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        let Ok(Reply::Admitted(goes)) = anna.run(Client::message(conversation, "goes")).await else {
            panic!()
        };
        let target = EraseTarget::Messages(conversation, vec![goes.index]);
        assert!(anna.run(Command::Erase(target)).await.is_ok());
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
        assert!(told.contains("file: no part of this store: it is not there"), "{told}");
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
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        let Ok(Reply::Admitted(goes)) = anna.run(Client::message(conversation, "goes")).await else {
            panic!()
        };
        let target = EraseTarget::Messages(conversation, vec![goes.index]);
        assert!(anna.run(Command::Erase(target)).await.is_ok());
        let done = boris.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("the Start has let go of it again");
    });
}

#[test]
fn letting_go_of_a_cell_is_for_the_absence_that_it_was_said_for() {
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let (second, away) = (site.path("second"), site.path("away"));
    drop(vault::FileCell::create(Path::new(&second)).unwrap());
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("[store]\n", &format!("[store]\nsecond_cell = \"{second}\"\n")))
        .unwrap();
    site.start().kill();
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
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        let Ok(Reply::Admitted(goes)) = anna.run(Client::message(conversation, "goes")).await else {
            panic!()
        };
        let target = EraseTarget::Messages(conversation, vec![goes.index]);
        assert!(anna.run(Command::Erase(target)).await.is_ok());
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
