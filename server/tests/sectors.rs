//! The daemon on a raw block device that is full, that fails to read, and whose server is killed while it erases.
//! Those on a raw device need root and loop devices; where there are none, each says so and is counted as skipped. What a recovery
//! does over bad sectors needs none.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use disk::{
    BLOCK, FrameRecord, Geometry, Log, MemoryDevice, RecordedWrite, Sealer, StoreId, Stream, frames_of_write,
};
use journal::act::EraseTarget;
use journal::fact::{AlarmKind, Fact};
use journal::{ConversationId, Index};
use pki::Suite;
use protocol::Code;
use protocol::client::{Command as Ask, Event, Reply};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use support::bad_sectors::BadSectors;
use support::on_device::{LoopDevice, missing_for, point, said, site_on, talking};
use support::{Client, Site, Talk, runtime};
use vault::adversary::{cell_keys, device_keys, live_keys, open_everything};
use vault::{FileCell, Place};

#[test]
fn a_device_that_fails_to_read_hides_what_lies_there_and_loses_nothing() {
    if missing_for("a_device_that_fails_to_read_hides_what_lies_there_and_loses_nothing") {
        return;
    }
    let ((site, device), runtime) = (site_on(4096), runtime());
    let bad = BadSectors::of(&site, device.path());
    let server = site.start();
    let (mut anna, mut boris, conversation) = runtime.block_on(talking(&site, &server));
    let last = runtime.block_on(async {
        assert!(anna.admitted(Client::message(conversation, "one")).await.is_ok());
        assert!(anna.admitted(Client::message(conversation, "two")).await.is_ok());
        anna.admitted(Client::message(conversation, "three")).await.unwrap()
    });
    site.audited(server, &[&anna]);
    let newest = site.newest(|frame| vault::owner_words(&frame.owner).starts_with("the body of item "));
    let server = site.start_with(|command| {
        command.envs(bad.environment());
    });
    runtime.block_on(async {
        for (login, client) in [("anna", &mut anna), ("boris", &mut boris)] {
            client.hang_up();
            client.enter(&site, login, &server).await;
        }
        let first = newest.position.offset;
        bad.are(first, first + u64::from(newest.position.length) - 1);
        assert_eq!(texts(&mut boris, conversation).await, ["one", "two"], "the others are read");
        let missing = |event: &Event| matches!(event, Event::MissingBody(_, index) if *index == last);
        assert!(boris.events.iter().any(missing), "and what is missing is said");
        assert!(anna.admitted(Client::message(conversation, "four")).await.is_ok(), "nobody waits for it");
        bad.are(0, 0);
        assert_eq!(texts(&mut boris, conversation).await, ["one", "two", "three", "four"], "it is not lost");
        // What does not read is erased as well as anything else.
        bad.are(first, first + u64::from(newest.position.length) - 1);
        let target = EraseTarget::Messages(conversation, vec![last]);
        let erase = anna.admitted(Ask::Erase(target)).await.unwrap();
        erased(&mut anna, erase).await;
    });
    server.kill();
    // Nothing reads any more: no start makes up a store of its own.
    bad.are(0, u64::MAX / 4);
    let (status, said) = site.start_refused_with(|command| {
        command.envs(bad.environment());
    });
    assert!(!status.success() && said.contains("Input/output error"), "{said}");
    bad.are(0, 0);
    let server = site.start();
    boris.hang_up();
    runtime.block_on(async {
        boris.enter(&site, "boris", &server).await;
        assert_eq!(texts(&mut boris, conversation).await, ["one", "two", "four"]);
    });
    let journal = site.audited(server, &[&boris]);
    let alarm = |fact: &&Fact| matches!(fact, Fact::Alarm(alarm) if alarm.alarm == AlarmKind::BodyDamaged);
    assert_eq!(journal.facts().filter(alarm).count(), 1, "told once in each run of the server");
    assert!(site.check(&["--full"]).status.success());
}

#[test]
fn a_bad_sector_under_what_was_erased_ends_no_server() {
    if missing_for("a_bad_sector_under_what_was_erased_ends_no_server") {
        return;
    }
    let ((site, device), runtime) = (site_on(512), runtime());
    let bad = BadSectors::of(&site, device.path());
    let server = site.start();
    let (mut anna, mut boris, conversation) = runtime.block_on(talking(&site, &server));
    boris.hang_up();
    let text = "x".repeat(60_000);
    let first = runtime.block_on(anna.admitted(Client::message(conversation, &text))).unwrap();
    site.audited(server, &[&anna]);
    let length = std::fs::metadata(site.path("store")).unwrap().len();
    let extent_bytes = u64::from(Geometry::for_length(length).unwrap().extent_bytes);
    let body =
        site.newest(|frame| vault::owner_words(&frame.owner).starts_with("the body of item ")).position;
    // The header of its run, behind that of what every start reads.
    let header = body.offset / BLOCK as u64 * BLOCK as u64;
    let server = site.start_with(|command| {
        command.envs(bad.environment());
    });
    runtime.block_on(async {
        anna.hang_up();
        anna.enter(&site, "anna", &server).await;
        // Past the extent in which the first one lies: only one that is closed is given back.
        let mut sent = vec![first];
        for _ in 0..extent_bytes / text.len() as u64 + 4 {
            sent.push(anna.admitted(Client::message(conversation, &text)).await.unwrap());
        }
        bad.are(header, header + 511);
        let target = EraseTarget::Messages(conversation, sent);
        let erase = anna.admitted(Ask::Erase(target)).await.unwrap();
        erased(&mut anna, erase).await;
    });
    let told = server.wait_for("does not read or does not open");
    assert!(told.contains("near byte"), "{told}");
    runtime.block_on(async {
        assert!(anna.admitted(Client::message(conversation, "and on")).await.is_ok(), "nobody waits for it");
    });
    server.kill();
    // Nor does the next one end of it.
    let server = site.start_with(|command| {
        command.envs(bad.environment());
    });
    if !server.began.contains("does not read or does not open") {
        server.wait_for("does not read or does not open");
    }
    anna.hang_up();
    runtime.block_on(async {
        anna.enter(&site, "anna", &server).await;
        assert_eq!(texts(&mut anna, conversation).await, ["and on"]);
    });
    bad.are(0, 0);
    site.audited(server, &[&anna]);
    assert!(site.check(&["--full"]).status.success());
}

async fn texts(client: &mut Client, conversation: ConversationId) -> Vec<String> {
    client.texts(conversation).await.into_iter().map(|(_, text)| text).collect()
}

/// Waits until everything up to this erasure is called erased.
async fn erased(client: &mut Client, erase: Index) {
    let through = |event: &Event| match event {
        Event::ErasureDone(_, through) if *through >= erase => Some(()),
        _ => None,
    };
    client.told(through).await.expect("it is called erased");
}

#[test]
fn a_full_store_on_a_raw_device_still_erases_through_a_kill() {
    if missing_for("a_full_store_on_a_raw_device_still_erases_through_a_kill") {
        return;
    }
    let (site, runtime) = (Site::founded_on(Suite::Ed25519, 50 << 20), runtime());
    let device = LoopDevice::over(Path::new(&site.path("store")), 512).unwrap();
    point(&site, &device);
    let server = site.start();
    let (mut anna, mut boris, conversation) = runtime.block_on(talking(&site, &server));
    boris.hang_up();
    let text = "x".repeat(60_000);
    let sent = runtime.block_on(async {
        let mut sent = Vec::new();
        loop {
            match anna.admitted(Client::message(conversation, &text)).await {
                Ok(index) => sent.push(index),
                Err(code) => break assert_eq!(code, Code::Full.number()),
            }
            assert!(sent.len() < 1000, "50 MiB never fill");
        }
        assert!(sent.len() > 4, "there was room once");
        for index in &sent[..2] {
            let target = EraseTarget::Messages(conversation, vec![*index]);
            assert!(anna.admitted(Ask::Erase(target)).await.is_ok());
        }
        sent
    });
    server.kill();
    let server = site.start();
    anna.hang_up();
    runtime.block_on(async {
        anna.enter(&site, "anna", &server).await;
        assert_eq!(anna.admitted(Client::message(conversation, &text)).await, Err(Code::Full.number()));
        let target = EraseTarget::Messages(conversation, vec![sent[2]]);
        let erase = anna.admitted(Ask::Erase(target)).await.unwrap();
        erased(&mut anna, erase).await;
        let left: Vec<Index> = anna.texts(conversation).await.into_iter().map(|(index, _)| index).collect();
        assert_eq!(left, sent[3..], "what was not erased is all there");
    });
    let journal = site.audited(server, &[&anna]);
    assert_eq!(journal.replay.register().erasures_pending().count(), 0);
    let check = site.check(&["--full"]);
    assert!(check.status.success(), "{}", said(&check));
}

/// All runs of frames that lie on the site's device now, as whoever copies it has them.
fn copied(site: &Site) -> (StoreId, Vec<RecordedWrite>) {
    let keys = device_keys(&FileCell::look(Path::new(&site.path("cell"))).unwrap()).unwrap();
    let bytes = std::fs::read(site.path("store")).unwrap();
    let store = Log::identify(&MemoryDevice::from_bytes(bytes.clone()), &keys).unwrap().unwrap();
    let sealer = Sealer::new(&keys, store);
    let mut runs = Vec::new();
    for at in (0..bytes.len()).step_by(BLOCK) {
        let frames = frames_of_write(&sealer, at as u64, &bytes[at..]);
        let ends = frames.iter().map(|frame| frame.position.offset + u64::from(frame.position.length));
        if let Some(end) = ends.max() {
            // The run's table stands behind its frames; what follows it does no harm.
            let end = (end as usize + (frames.len() + 2) * 64).next_multiple_of(BLOCK).min(bytes.len());
            let run = RecordedWrite { offset: at as u64, bytes: bytes[at..end].to_vec() };
            assert_eq!(frames_of_write(&sealer, run.offset, &run.bytes).len(), frames.len());
            runs.push(run);
        }
    }
    (store, runs)
}

#[test]
fn kills_under_erasures_on_a_raw_device_lose_nothing_and_revive_nothing() {
    if missing_for("kills_under_erasures_on_a_raw_device_lose_nothing_and_revive_nothing") {
        return;
    }
    const ROUNDS: usize = 4;
    let ((site, _device), runtime) = (site_on(512), runtime());
    let mut server = site.start();
    let (mut anna, mut boris, conversation) = runtime.block_on(talking(&site, &server));
    let (mut live, mut gone, mut copies) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for round in 0..ROUNDS {
        let under_way = runtime.block_on(async {
            let mut said = Vec::new();
            for n in 0..12 {
                let text = format!("{round} {n}");
                said.push(anna.admitted(Client::message(conversation, &text)).await.unwrap());
            }
            // Whoever copies the device now has all of them.
            copies.extend(copied(&site).1);
            live.extend(&said[8..]);
            gone.extend(&said[..8]);
            let mut under_way = Vec::new();
            for index in &said[..8] {
                let target = EraseTarget::Messages(conversation, vec![*index]);
                under_way.push(anna.command(Ask::Erase(target)));
                under_way.push(anna.command(Client::message(conversation, "meanwhile")));
            }
            for id in &under_way[..=4 * round] {
                assert!(anna.settled(*id).await.is_ok());
            }
            under_way
        });
        server.kill();
        copies.extend(copied(&site).1);
        server = site.start();
        anna.hang_up();
        boris.hang_up();
        runtime.block_on(async {
            anna.enter(&site, "anna", &server).await;
            for (n, id) in under_way.iter().enumerate() {
                match anna.settled(*id).await {
                    Ok(Reply::Admitted(admitted)) if n % 2 == 1 => assert!(live.insert(admitted.index)),
                    Ok(Reply::Admitted(_)) => {}
                    Ok(_) | Err(_) => panic!("{n} of {round} was not admitted"),
                }
            }
            boris.enter(&site, "boris", &server).await;
            let found: BTreeSet<Index> =
                boris.texts(conversation).await.into_iter().map(|(index, _)| index).collect();
            assert_eq!(found, live, "behind kill {round}");
        });
    }
    // Called erased: the last one, and so all before it.
    runtime.block_on(async {
        let last = anna.admitted(Client::message(conversation, "the last one")).await.unwrap();
        let target = EraseTarget::Messages(conversation, vec![last]);
        let erase = anna.admitted(Ask::Erase(target)).await.unwrap();
        erased(&mut anna, erase).await;
        gone.insert(last);
    });
    let journal = site.audited(server, &[&anna, &boris]);
    let check = site.check(&["--full"]);
    assert!(check.status.success(), "{}", said(&check));
    // Every copy of the device, the cell, and every key that is left.
    let (store, now) = copied(&site);
    copies.extend(now);
    let cell = FileCell::open(Path::new(&site.path("cell"))).unwrap();
    let keys = device_keys(&cell).unwrap();
    let mut left = cell_keys(&cell, &store);
    drop(cell);
    left.extend(live_keys(&site.vault()));
    let opened = open_everything(&keys, store, left, &copies);
    let register = journal.replay.register();
    let rows = (0..journal.entries.len() as u64).flat_map(|number| register.messages_of(number, 0..u64::MAX));
    for row in rows {
        let place = Place::item(row.conversation, row.item);
        match (live.contains(&row.index), gone.contains(&row.index)) {
            (true, false) => assert!(opened.contains_key(&place), "live message {} does not open", row.index),
            (false, true) => assert!(!opened.contains_key(&place), "erased message {} opens", row.index),
            (true, true) | (false, false) => panic!("message {} is of no kind", row.index),
        }
    }
}

/// Words that are said of a node of a conversation's key tree.
const NODE: &str = "the key tree of conversation";

/// A site of which the end of the journal is lost, and the block in which the first nodes of the newest write of its key tree lie.
/// Among them is the one that leads to the period key, or it was written `before`.
fn with_nodes_in_a_bad_sector(before: bool, loss: bool) -> (Talk, BadSectors, Range<u64>) {
    let mut talk = Talk::begun();
    if before {
        let goes = talk.say("early");
        talk.erase(goes);
    }
    let said: Vec<u64> = (0..90).map(|n| talk.say(&format!("said {n}"))).collect();
    talk.erase(said[89]);
    let lost = talk.say("lost");
    for text in ["behind it", "and more", "and yet more"] {
        talk.say(text);
    }
    talk.stop();
    if loss {
        talk.site.lose_batch_of(lost);
    }
    let newest = talk.site.newest(|frame| vault::owner_words(&frame.owner).contains(NODE)).batch;
    let of_it = |frame: &FrameRecord| frame.batch == newest && frame.stream == Stream::Tree;
    let frames: Vec<FrameRecord> = talk.site.frames().into_iter().filter(of_it).collect();
    let block = frames[0].position.offset / BLOCK as u64 * BLOCK as u64;
    let block = block..block + BLOCK as u64;
    let lie_there = frames.iter().filter(|frame| block.contains(&frame.position.offset));
    let words: Vec<String> = lie_there.map(|frame| vault::owner_words(&frame.owner)).collect();
    let upper = |words: &String| words.contains("above the conversations") || words.contains("the top");
    assert!(!words.iter().any(upper), "with these every body is lost: {words:?}");
    assert_eq!(words.iter().any(|words| words.contains("conversation 0")), !before, "{words:?}");
    let bad = BadSectors::of(&talk.site, Path::new(&talk.site.path("store")));
    talk.site.environment = bad.environment();
    (talk, bad, block)
}

#[test]
fn a_recovery_goes_on_where_a_node_of_the_key_tree_fails_to_read() {
    for period_key_too in [true, false] {
        let (mut talk, bad, block) = with_nodes_in_a_bad_sector(!period_key_too, true);
        bad.are(block.start, block.end - 1);
        let act = talk.site.recovered(&[]).act;
        assert!(act.period_key_lost == period_key_too && !act.bodies_lost, "{act:?}");
        assert!(act.bodies_missing > 0 && !act.given_up.is_empty(), "{act:?}");
        // The sector stays bad, and nothing needs it any more.
        talk.go_on();
        let goes = talk.say("goes");
        talk.say("of the new era");
        talk.erase(goes);
        assert_eq!(talk.texts().last().map(String::as_str), Some("of the new era"));
        talk.site.audited(talk.server.take().unwrap(), &[&talk.anna]);
    }
}

#[test]
fn where_nothing_but_a_node_of_the_key_tree_fails_to_read_the_officers_give_up_what_hangs_on_it() {
    let (mut talk, bad, block) = with_nodes_in_a_bad_sector(true, false);
    bad.are(block.start, block.end - 1);
    let act = talk.site.recovered(&[]).act;
    assert!(act.bodies_missing > 0 && !act.given_up.is_empty() && !act.period_key_lost, "{act:?}");
    assert_eq!(act.kept.size, act.known_size(), "no entry is lost");
    talk.go_on();
    let goes = talk.say("goes");
    talk.erase(goes);
    talk.say("of the new era");
    assert_eq!(talk.texts().last().map(String::as_str), Some("of the new era"));
    talk.site.audited(talk.server.take().unwrap(), &[&talk.anna]);

    // One more goes bad behind the recovery: it bars no start, and a full check names it.
    let block = block_of_the_newest_node(&talk.site);
    bad.are(block.start, block.end - 1);
    let check = talk.site.check(&[]);
    assert!(check.status.success(), "{}", support::said(&check));
    let check = talk.site.check(&["--full"]);
    let told = support::said(&check);
    assert!(check.status.code() == Some(2) && !told.contains("does not start"), "{told}");
    talk.site.start().kill();
}

/// A block in which nodes of a conversation lie, and nothing that a start needs.
fn block_of_the_newest_node(site: &Site) -> Range<u64> {
    let mut frames = site.frames();
    frames.sort_by_key(|frame| frame.batch);
    let is_node = |frame: &FrameRecord| {
        let words = vault::owner_words(&frame.owner);
        words.contains(NODE) && !words.contains("conversation 0")
    };
    let block = |frame: &FrameRecord| {
        let block = frame.position.offset / BLOCK as u64 * BLOCK as u64;
        block..block + BLOCK as u64
    };
    let overlaps = |frame: &FrameRecord, block: &Range<u64>| {
        let end = frame.position.offset + u64::from(frame.position.length);
        frame.position.offset < block.end && block.start < end
    };
    let is_alone = |block: &Range<u64>| {
        frames.iter().filter(|frame| frame.stream == Stream::Tree && overlaps(frame, block)).all(is_node)
    };
    frames
        .iter()
        .rev()
        .filter(|frame| is_node(frame))
        .map(block)
        .find(is_alone)
        .expect("there are such nodes")
}

#[test]
fn a_sector_that_goes_bad_behind_the_look_under_glass_is_given_up_by_nobody() {
    let (talk, bad, block) = with_nodes_in_a_bad_sector(true, true);
    bad.spare(i64::MAX, block.clone());
    let (plan, path) = talk.site.planned(&[]);
    assert_eq!(plan.act.bodies_missing, 0, "{:?}", plan.act);
    // It reads as often as the first look needs it, and no more.
    let reads = bad.seen();
    assert!(reads > 0);
    bad.spare(reads, block);
    let image = talk.site.files();
    let refused = talk.site.carried(&plan, &path, &[]);
    assert!(refused.status.code() == Some(1), "{}", support::said(&refused));
    assert!(support::said(&refused).contains("have it signed anew"), "{}", support::said(&refused));
    assert!(bad.seen() > reads && talk.site.files() == image, "nothing is changed");
    bad.are(0, 0);
    let done = talk.site.carried(&plan, &path, &[]);
    assert!(done.status.success(), "{}", support::said(&done));
    talk.site.start().kill();
}
