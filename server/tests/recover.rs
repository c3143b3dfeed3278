//! Acknowledged entries are lost: the start refuses, two officers decide, the log goes on in a new era, and every terminal
//! says so and goes on. The real daemon throughout.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use journal::act::{Act, EraseTarget, KeptPasswords, LossSource};
use journal::entry::{Content, ENTRY_VERSION, Entry};
use journal::replay::Replay;
use journal::statement::{SignedStatement, Statement};
use journal::tree::leaf_hash;
use nix::sys::signal::Signal;
use pki::Suite;
use protocol::client::event::SuccessionView;
use protocol::client::{Command, Event, Reply};
use protocol::succession::{Plan, signature_text};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
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

/// The plan that is asked for with these options.
fn planned(site: &Site, more: &[&str]) -> (Plan, String) {
    let path = site.path("succession.plan");
    let _ = std::fs::remove_file(&path);
    let done = recover(site, &[&["--out", &path][..], more].concat());
    assert!(done.status.success(), "{}", said(&done));
    (Plan::from_text(&std::fs::read_to_string(&path).unwrap()).unwrap(), path)
}

/// Both officers sign it, and it is carried out.
fn carried(site: &Site, plan: &Plan, path: &str, more: &[&str]) -> Output {
    let (olga, oleg) = (write_signature(site, plan, "olga"), write_signature(site, plan, "oleg"));
    recover(site, &[&["--plan", path, "--acts", &olga, "--acts", &oleg][..], more].concat())
}

fn recovered(site: &Site, more: &[&str]) -> Plan {
    let (plan, path) = planned(site, more);
    let done = carried(site, &plan, &path, more);
    assert!(done.status.success(), "{}", said(&done));
    plan
}

/// What `recover` does up to a moment in which it is killed: behind the entries of the succession, or behind the first of
/// several epochs.
fn half_carried(site: &Site, plan: &Plan, first_epoch: bool) {
    let device = disk::FileDevice::open(Path::new(&site.path("store"))).unwrap();
    let cell = vault::FileCell::open(Path::new(&site.path("cell"))).unwrap();
    let (mut random, limits) = (support::rng(), vault::Limits::default());
    let found = vault::Salvage::find(Arc::new(device), Box::new(cell), limits, &mut random).unwrap();
    let mut replay = Replay::new(Some(site.log));
    for entry in found.journal_entries() {
        replay.feed(&entry.unwrap().bytes).unwrap();
    }
    let (register, mut tree) = (replay.register(), replay.tree().clone());
    let orphans = found.orphans(|number| match number {
        vault::SECRETS_CONVERSATION => Some(u64::MAX),
        number => register.conversation_by_number(number).map(|row| row.next_item),
    });
    let mut vault = found.settle(false, &mut random).unwrap();
    vault.leave_mark(&mut random).unwrap();
    let mut batch = vault.begin(disk::Claim::Urgent, &mut random).unwrap();
    for login in ["olga", "oleg"] {
        let content = Content::Statement(signed(site, plan, login));
        let entry = Entry { version: ENTRY_VERSION, wall_ms: plan.act.time_ms, boot_ms: 1 << 50, content };
        batch.entry(&entry.encode()).unwrap();
        tree.append(leaf_hash(&entry.encode()));
    }
    batch.commit(tree.root()).unwrap();
    if first_epoch {
        assert!(orphans.len() > 1, "there is more than one epoch's");
        let kept = (plan.act.kept.size, plan.act.kept.root);
        let intended = vault.begin_erasure(&orphans[..1]).unwrap();
        let written = vault.write_tree_naming(kept, intended, &mut random).unwrap();
        let replaced = vault.replace_cell(written).unwrap();
        let destroyed = vault.destroy_old_slot(replaced).unwrap();
        vault.finish_erasure(destroyed);
    }
}

/// The site's store and cell as they are, to be put back.
fn files(site: &Site) -> [Vec<u8>; 2] {
    ["store", "cell"].map(|name| std::fs::read(site.path(name)).unwrap())
}

fn put_back(site: &Site, files: &[Vec<u8>; 2]) {
    for (name, bytes) in ["store", "cell"].iter().zip(files) {
        std::fs::write(site.path(name), bytes).unwrap();
    }
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
    let (era, act) = (plan.act.era, &plan.act);
    assert!(kept <= lost && era > 1 && !act.bodies_lost && !act.period_key_lost, "{act:?}");
    assert_eq!((act.passwords, act.bodies_missing, act.cell_let_go), (KeptPasswords::InForce, 0, false));
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
    other.act.kept.size = 0;
    assert!(Plan::from_text(&other.to_text()).is_err(), "a plan that keeps nothing does not even read");
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
        assert_eq!((told.len(), told[0].era, told[0].kept), (1, era, kept));
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

#[test]
fn a_recovery_that_is_cut_between_two_epochs_is_ended_by_the_same_command() {
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
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
        (conversation, lost)
    });
    stop(server);
    lose_batch_of(&site, lost);
    let (plan, path) = planned(&site, &[]);
    half_carried(&site, &plan, true);
    let (status, why) = site.start_refused();
    assert!(status.code() == Some(2) && why.contains("was begun and not finished"), "{why}");
    let another = recover(&site, &["--out", &site.path("another.plan")]);
    assert!(said(&another).contains("was begun and not finished"), "{}", said(&another));
    let done = carried(&site, &plan, &path, &[]);
    assert!(done.status.success(), "{}", said(&done));
    let server = site.start();
    runtime.block_on(async {
        anna.hang_up();
        anna.enter(&site, "anna", &server).await;
        send(&mut anna, conversation, "where a lost one lay").await;
        assert_eq!(texts(anna.texts(conversation).await), ["one", "where a lost one lay"]);
    });
    site.audited(server, &[&anna]);
    let check = site.check(&["--full"]);
    assert!(check.status.success(), "{}", said(&check));
}

#[test]
fn a_recovery_that_is_cut_behind_its_entries_goes_on_whatever_the_cell_names() {
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let (conversation, erase) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        send(&mut anna, conversation, "stays").await;
        let goes = send(&mut anna, conversation, "goes").await;
        boris.first_login(&site, "boris", &server).await;
        let target = EraseTarget::Messages(conversation, vec![goes]);
        let erase = anna.admitted(Command::Erase(target)).await.unwrap();
        let done = anna.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("it is called erased");
        (conversation, erase)
    });
    stop(server);
    let before = files(&site);
    let keeper = vault::FileCell::open(Path::new(&site.path("cell"))).unwrap();
    drop(keeper);
    // The cell names the entries up to the erase: one, two, or more of them are lost.
    for back in [0, 1, 3] {
        put_back(&site, &before);
        lose_batch_of(&site, erase - back);
        let (plan, path) = planned(&site, &[]);
        assert!(plan.act.kept.size <= erase - back, "{:?}", plan.act);
        half_carried(&site, &plan, false);
        let (status, why) = site.start_refused();
        assert!(status.code() == Some(2) && why.contains("conclaved recover"), "{back}: {why}");
        for _ in 0..2 {
            let done = carried(&site, &plan, &path, &[]);
            assert!(done.status.success(), "{back}: {}", said(&done));
        }
        let server = site.start();
        if back == 3 {
            runtime.block_on(async {
                anna.hang_up();
                anna.enter(&site, "anna", &server).await;
                send(&mut anna, conversation, "goes on").await;
            });
        }
        stop(server);
    }
}

#[test]
fn a_plan_that_was_carried_out_gives_up_nothing_later() {
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let mut anna = Client::new(&site, "anna");
    let (conversation, lost) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        send(&mut anna, conversation, "one").await;
        let lost = send(&mut anna, conversation, "two").await;
        send(&mut anna, conversation, "three").await;
        send(&mut anna, conversation, "four").await;
        (conversation, lost)
    });
    stop(server);
    lose_batch_of(&site, lost);
    let (first, path) = planned(&site, &[]);
    let done = carried(&site, &first, &path, &[]);
    assert!(done.status.success(), "{}", said(&done));
    let old_path = site.path("old.plan");
    std::fs::rename(&path, &old_path).unwrap();
    let server = site.start();
    let again = runtime.block_on(async {
        anna.hang_up();
        anna.enter(&site, "anna", &server).await;
        let again = send(&mut anna, conversation, "of the next era").await;
        for n in 0..4 {
            send(&mut anna, conversation, &format!("more {n}")).await;
        }
        again
    });
    stop(server);
    // The old signatures are worth nothing for a later loss; a new plan is of an era of its own, also where the first
    // succession itself is lost.
    let before = files(&site);
    for lost in [again, first.act.kept.size - 1] {
        put_back(&site, &before);
        lose_batch_of(&site, lost);
        let image = files(&site);
        let refused = carried(&site, &first, &old_path, &[]);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(files(&site) == image, "nothing is changed");
        assert!(planned(&site, &[]).0.act.era > first.act.era);
    }
    recovered(&site, &[]);
    let server = site.start();
    runtime.block_on(async {
        anna.hang_up();
        anna.enter(&site, "anna", &server).await;
        send(&mut anna, conversation, "once more").await;
    });
    stop(server);
}

#[test]
fn a_cell_that_is_away_is_put_back_or_let_go_of_before_anything_is_written() {
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let (second, away) = (site.path("second"), site.path("away"));
    drop(vault::FileCell::create(Path::new(&second)).unwrap());
    let config = site.path("conclaved.toml");
    let alone = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, alone.replace("[store]\n", &format!("[store]\nsecond_cell = \"{second}\"\n")))
        .unwrap();
    let server = site.start();
    let mut anna = Client::new(&site, "anna");
    let (conversation, lost) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        let lost = send(&mut anna, conversation, "one").await;
        send(&mut anna, conversation, "two").await;
        send(&mut anna, conversation, "three").await;
        (conversation, lost)
    });
    stop(server);
    lose_batch_of(&site, lost);
    let (whole, path) = planned(&site, &[]);
    assert!(!whole.act.cell_let_go);
    std::fs::rename(&second, &away).unwrap();
    let image = files(&site);
    // Not by a plan that says nothing of it, neither with its line in the configuration nor without.
    for text in [std::fs::read_to_string(&config).unwrap(), alone.clone()] {
        std::fs::write(&config, &text).unwrap();
        for refused in
            [recover(&site, &["--out", &site.path("other.plan")]), carried(&site, &whole, &path, &[])]
        {
            let said = said(&refused);
            assert!(refused.status.code() == Some(1) && said.contains("--accept-loss-of-cell"), "{said}");
        }
    }
    assert!(files(&site) == image, "nothing is changed");
    assert!(recovered(&site, &["--accept-loss-of-cell"]).act.cell_let_go);
    let server = site.start();
    runtime.block_on(async {
        anna.hang_up();
        anna.enter(&site, "anna", &server).await;
        let goes = send(&mut anna, conversation, "goes").await;
        let target = EraseTarget::Messages(conversation, vec![goes]);
        anna.admitted(Command::Erase(target)).await.unwrap();
        let done = anna.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("one cell is the whole of it");
    });
    stop(server);
}

#[test]
fn what_a_start_needs_beside_the_entries_is_lost_and_two_officers_go_on() {
    let (site, runtime) = (Site::founded(Suite::Ed25519), runtime());
    let server = site.start();
    let (mut anna, mut boris) = (Client::new(&site, "anna"), Client::new(&site, "boris"));
    let (conversation, last) = runtime.block_on(async {
        anna.first_login(&site, "anna", &server).await;
        boris.first_login(&site, "boris", &server).await;
        let conversation = anna.talk_to(&site, "boris").await;
        send(&mut anna, conversation, "one").await;
        let goes = send(&mut anna, conversation, "goes").await;
        let target = EraseTarget::Messages(conversation, vec![goes]);
        anna.admitted(Command::Erase(target)).await.unwrap();
        let done = anna.until(|event| matches!(event, Event::ErasureDone(..)).then_some(()));
        done.await.expect("all is folded");
        let last = send(&mut anna, conversation, "two").await;
        send(&mut anna, conversation, "three").await;
        send(&mut anna, conversation, "four").await;
        (conversation, last)
    });
    stop(server);
    let before = files(&site);
    type Harm = fn(&Site);
    let flips: [(&str, Harm); 5] = [
        ("nodes", |site| site.flip("the key tree above the conversations")),
        ("verifiers", |site| site.flip_newest(|frame| frame.stream == disk::Stream::Verifiers)),
        ("top", |site| site.flip("the top of the key tree")),
        ("slots", |site| {
            let mut cell = vault::FileCell::open(Path::new(&site.path("cell"))).unwrap();
            for slot in [vault::CellSlot::Even, vault::CellSlot::Odd] {
                vault::RootCell::destroy(&mut cell, slot).unwrap();
            }
        }),
        ("period key", |site| site.flip("in conversation 0")),
    ];
    for (what, flip) in flips {
        for batch_too in [true, false] {
            put_back(&site, &before);
            if batch_too {
                lose_batch_of(&site, last);
            }
            flip(&site);
            let (status, why) = site.start_refused();
            assert_eq!(status.code(), Some(2), "{what}: {why}");
            let plan = recovered(&site, &["--accept-loss-of-bodies"]);
            let act = &plan.act;
            let unreadable = act.lost.iter().any(|trace| trace.source == LossSource::Unreadable);
            assert_eq!(unreadable, !batch_too, "{what}: {act:?}");
            let all = what == "slots" || what == "top";
            assert!(act.bodies_lost <= all, "{what}: {act:?}");
            assert_eq!(act.passwords != KeptPasswords::InForce, what == "verifiers", "{what}: {act:?}");
            let server = site.start();
            if what == "period key" && !batch_too {
                assert!(act.period_key_lost && act.bodies_missing == 0, "{act:?}");
                runtime.block_on(async {
                    anna.hang_up();
                    anna.enter(&site, "anna", &server).await;
                    send(&mut anna, conversation, "five").await;
                    assert_eq!(
                        texts(anna.texts(conversation).await),
                        ["one", "two", "three", "four", "five"]
                    );
                });
            }
            stop(server);
        }
    }
}

support::on_each_suite!(
    lost_entries_are_given_up_by_two_officers_and_everybody_hears_of_it,
    a_backup_of_what_was_given_up_is_not_gone_on_with,
    a_store_that_lost_nothing_has_nothing_to_give_up,
);
