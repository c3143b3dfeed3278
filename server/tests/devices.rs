//! The daemon on a raw block device of the kernel's: killed under load, with a device that fails, scanned from outside.
//! Needs root and loop devices; where there are none, each test says so and is counted as skipped.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use nix::sys::signal::Signal;
use pki::Suite;
use protocol::client::Reply;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use support::on_device::{LoopDevice, missing_for, point, said, site_on, talking};
use support::{Client, Site, dresses, runtime, stands_in};

#[test]
fn a_kill_under_load_on_a_raw_device_loses_nothing_acknowledged() {
    if missing_for("a_kill_under_load_on_a_raw_device_loses_nothing_acknowledged") {
        return;
    }
    for sector_bytes in [512, 4096] {
        let ((site, _device), runtime) = (site_on(sector_bytes), runtime());
        let mut server = site.start();
        let (mut anna, mut boris, conversation) = runtime.block_on(talking(&site, &server));
        let mut wanted = Vec::new();
        for round in 1..=3 {
            let sent: Vec<String> = (0..64).map(|n| format!("{sector_bytes} {round} {n}")).collect();
            let ids: Vec<u64> =
                sent.iter().map(|text| anna.command(Client::message(conversation, text))).collect();
            runtime.block_on(async {
                for id in &ids[..16 * round] {
                    assert!(matches!(anna.settled(*id).await, Ok(Reply::Admitted(_))));
                }
            });
            server.kill();
            server = site.start();
            anna.hang_up();
            boris.hang_up();
            wanted.extend(sent);
            runtime.block_on(async {
                anna.enter(&site, "anna", &server).await;
                for id in &ids[16 * round..] {
                    assert!(
                        matches!(anna.settled(*id).await, Ok(Reply::Admitted(_))),
                        "sent again by itself"
                    );
                }
                boris.enter(&site, "boris", &server).await;
                let found = boris.texts(conversation).await;
                let mut seen: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
                let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
                seen.sort_unstable();
                wanted.sort_unstable();
                assert_eq!(seen, wanted, "all of them, each once");
            });
        }
        drop(server);
        let check = site.check(&["--full"]);
        assert!(check.status.success(), "{}", said(&check));
    }
}

#[test]
fn nobody_opens_or_mounts_the_device_of_a_running_server() {
    if missing_for("nobody_opens_or_mounts_the_device_of_a_running_server") {
        return;
    }
    let (site, device) = site_on(512);
    let server = site.start();
    let (status, said_again) = site.start_refused();
    assert_eq!(status.code(), Some(69), "{said_again}");
    assert!(said_again.contains("The server runs: stop it first"), "{said_again}");
    assert_eq!(site.check(&[]).status.code(), Some(69), "nor is it checked beside a server");
    let exclusively = || {
        let mut options = std::fs::OpenOptions::new();
        options.read(true).custom_flags(nix::fcntl::OFlag::O_EXCL.bits()).open(device.path())
    };
    assert_eq!(exclusively().unwrap_err().raw_os_error(), Some(nix::errno::Errno::EBUSY as i32));
    let at = tempfile::tempdir().unwrap();
    let mount =
        || Command::new("mount").args(["-t", "ext4"]).arg(device.path()).arg(at.path()).output().unwrap();
    let refused = mount();
    assert!(!refused.status.success() && said(&refused).contains("already mounted"), "{}", said(&refused));
    server.signal(Signal::SIGTERM);
    assert!(server.wait().0.success());
    assert!(exclusively().is_ok());
    let refused = mount();
    assert!(!refused.status.success() && said(&refused).contains("wrong fs type"), "{}", said(&refused));
}

#[test]
fn nothing_on_the_device_tells_what_it_is_or_what_was_said() {
    if missing_for("nothing_on_the_device_tells_what_it_is_or_what_was_said") {
        return;
    }
    let canary = "Канарейка поёт: the canary sings at dawn";
    for dress in dresses(canary) {
        assert!(!stands_in(&dress[1..], canary), "a search that finds what is not there");
        assert!(
            stands_in(&[b"xy".as_slice(), &dress, b"z"].concat(), canary),
            "a search that cannot find proves nothing"
        );
    }
    let ((site, device), runtime) = (site_on(512), runtime());
    let server = site.start();
    runtime.block_on(async {
        let (mut anna, mut boris, conversation) = talking(&site, &server).await;
        for _ in 0..40 {
            assert!(matches!(anna.run(Client::message(conversation, canary)).await, Ok(Reply::Admitted(_))));
        }
        assert_eq!(boris.texts(conversation).await.len(), 40);
    });
    server.signal(Signal::SIGTERM);
    assert!(server.wait().0.success());
    let image = std::fs::read(site.path("store")).unwrap();
    // People, the site's name, and what the formats of other layers would leave.
    let words = [canary, "Комната", "anna", "boris", "conclave", "message", "BEGIN "];
    for word in words.iter().filter(|word| word.chars().count() > 4) {
        assert!(!stands_in(&image, word), "{word:?} stands on the device");
    }
    let blkid = Command::new("blkid").args(["--probe"]).arg(device.path()).output().unwrap();
    assert_eq!(blkid.status.code(), Some(2), "blkid: {}", said(&blkid));
    assert_eq!(said(&blkid), "");
    let test = "nothing_on_the_device_tells_what_it_is_or_what_was_said";
    match Command::new("file").args(["--brief", "--special-files"]).arg(device.path()).output() {
        Ok(file) => assert_eq!(said(&file).trim(), "data"),
        // Past libtest's capture, in the words that `cargo xtask test` counts.
        Err(why) => {
            writeln!(std::io::stdout(), "test {test} ... ignored, in part: needs `file`: {why}").unwrap()
        }
    }
    let cell = std::fs::read(site.path("cell")).unwrap();
    assert!(!stands_in(&cell, canary));
}

/// A filesystem in memory that can be filled to the last byte; unmounted when dropped.
struct Filled(tempfile::TempDir);

impl Filled {
    fn mount(bytes: u64) -> Self {
        let at = tempfile::tempdir().unwrap();
        let size = format!("size={bytes}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at.path())
            .output()
            .unwrap();
        assert!(mount.status.success(), "{}", said(&mount));
        Self(at)
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        let _left_for_the_kernel = Command::new("umount").args(["--lazy"]).arg(self.0.path()).status();
    }
}

#[test]
fn a_device_that_fails_to_write_ends_the_server_and_loses_nothing_acknowledged() {
    const ROOM: u64 = 3 << 20;
    if missing_for("a_device_that_fails_to_write_ends_the_server_and_loses_nothing_acknowledged") {
        return;
    }
    // Thin provisioning that runs dry: the device takes writes until the filesystem below has no block left.
    let site = Site::founded(Suite::Ed25519);
    let below = Filled::mount(96 << 20);
    let thin = below.0.path().join("thin");
    let copied = Command::new("cp").args(["--sparse=always"]).arg(site.path("store")).arg(&thin).output();
    assert!(copied.unwrap().status.success());
    let left = nix::sys::statvfs::statvfs(below.0.path()).unwrap();
    let left = left.blocks_available() * left.fragment_size();
    let ballast = below.0.path().join("ballast");
    std::fs::write(&ballast, vec![7; (left - ROOM) as usize]).unwrap();
    let device = LoopDevice::over(&thin, 4096).unwrap();
    point(&site, &device);
    let runtime = runtime();
    let server = site.start();
    let (mut anna, _boris, conversation) = runtime.block_on(talking(&site, &server));
    let text = |n: u32| format!("{n} {}", "long ".repeat(4000));
    let mut acknowledged = 0;
    // A process that ends at once says goodbye to nobody: what ends the story is its end.
    let (gone, mut ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || gone.send(server.wait()));
    let (status, log) = runtime.block_on(async {
        // The room below is far less than all this: the server ends at the first write or sync that fails.
        for n in 0.. {
            tokio::select! {
                biased;
                ended = &mut ended => return ended.unwrap(),
                sent = anna.run(Client::message(conversation, &text(n))) => match sent {
                    Ok(Reply::Admitted(_)) => acknowledged += 1,
                    Ok(_) | Err(_) => panic!("message {n} was not admitted"),
                },
            }
        }
        unreachable!("the device is never full")
    });
    assert_eq!(status.code(), Some(74), "{log}");
    assert!(log.contains("stopping, a start replays what is durable"), "{log}");
    assert!(acknowledged > 20, "{acknowledged}");
    // With nothing mended below, a start either stops in words or serves; it never makes up a shorter journal.
    std::fs::remove_file(ballast).unwrap();
    let server = site.start();
    anna.hang_up();
    let found = runtime.block_on(async {
        anna.enter(&site, "anna", &server).await;
        anna.texts(conversation).await
    });
    let found: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    for n in 0..acknowledged {
        assert!(found.contains(&text(n).as_str()), "message {n} of {acknowledged} was acknowledged");
    }
    drop(server);
    assert!(site.check(&["--full"]).status.success());
}
