//! A store on a partition that is named by its PARTUUID, as /dev/disk/by-partuuid names it. The real daemon throughout.
//! Never touches a device that it did not make.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod support;

use pki::Suite;
use std::io::Write;
use std::os::unix::fs::{FileExt, FileTypeExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::on_device::talking;
use support::{Client, Site, runtime, said};

const SECTOR: u64 = 512;
/// The partition's first byte and its length; before and behind it lie other people's bytes.
const START: u64 = 2 << 20;
const LENGTH: u64 = 64 << 20;
const OTHERS: u8 = 0x5c;
/// As udev calls it.
const PARTUUID: &str = "4f3b2c1d-0a9e-4d7c-8b6a-5e4f3d2c1b0a";

/// A disk with partitions; taken down when dropped.
struct Disk(PathBuf);

fn ran(program: &str, args: &[&str]) -> Result<String, String> {
    let done = Command::new(program).args(args).output().map_err(|error| format!("{program}: {error}"))?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).trim().into()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim())),
    }
}

impl Disk {
    fn over(file: &Path) -> Result<Self, String> {
        let made = ran("losetup", &["--find", "--show", "--partscan", file.to_str().unwrap()])?;
        Ok(Self(made.into()))
    }

    /// The kernel knows a partition of this number from here on, as from a table.
    fn add(&self, number: u32) -> Result<PathBuf, String> {
        let (start, length) = (START / SECTOR, LENGTH / SECTOR);
        let numbers = [number.to_string(), start.to_string(), length.to_string()];
        ran("addpart", &[self.0.to_str().unwrap(), &numbers[0], &numbers[1], &numbers[2]])?;
        let path = PathBuf::from(format!("{}p{number}", self.0.display()));
        let is_there = path.metadata().is_ok_and(|found| found.file_type().is_block_device());
        is_there.then_some(path).ok_or_else(|| "the partition has no device node".into())
    }

    fn remove(&self, number: u32) {
        ran("delpart", &[self.0.to_str().unwrap(), &number.to_string()]).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _left_for_the_kernel = ran("losetup", &["--detach", self.0.to_str().unwrap()]);
    }
}

/// As udev names it, and names it anew when its number has changed.
fn name(links: &Path, partition: &Path) -> PathBuf {
    let link = links.join(PARTUUID);
    let _first = std::fs::remove_file(&link);
    symlink(partition, &link).unwrap();
    link
}

#[test]
fn a_partition_is_found_by_its_partuuid_whatever_its_number_and_its_neighbours_stay() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk");
    let file = std::fs::File::create_new(&image).unwrap();
    file.write_all_at(&vec![OTHERS; (START + LENGTH + START) as usize], 0).unwrap();
    file.write_all_at(&vec![0; LENGTH as usize], START).unwrap();
    file.sync_all().unwrap();
    let disk = Disk::over(&image).and_then(|disk| disk.add(2).map(|partition| (disk, partition)));
    let (disk, partition) = match disk {
        Ok(made) => made,
        Err(why) => {
            // Past libtest's capture, in the words that `cargo xtask test` counts.
            let test = "a_partition_is_found_by_its_partuuid_whatever_its_number_and_its_neighbours_stay";
            let _ = writeln!(
                std::io::stdout(),
                "test {test} ... ignored, needs partitions of loop devices: {why}"
            );
            return;
        }
    };
    let links = folder.path().join("by-partuuid");
    std::fs::create_dir(&links).unwrap();
    let link = name(&links, &partition);

    let site = Site::requested(Suite::Ed25519);
    let config = site.path("conclaved.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(&site.path("store"), link.to_str().unwrap())).unwrap();
    let made = site.conclaved(&["store", "format", "--yes", "--config", &config]);
    assert!(made.status.success(), "{}", said(&made));
    let bundle = site.path("site.bundle");
    let founded = site.conclaved(&["init", "--config", &config, "--bundle", &bundle]);
    assert!(founded.status.success() && said(&founded).contains(PARTUUID), "{}", said(&founded));

    let (runtime, server) = (runtime(), site.start());
    let (mut anna, _boris, conversation) = runtime.block_on(talking(&site, &server));
    assert!(runtime.block_on(anna.run(Client::message(conversation, "kept"))).is_ok());
    anna.hang_up();
    server.kill();
    // Another partition was made before it: it has another number, and the same PARTUUID.
    disk.remove(2);
    name(&links, &disk.add(5).unwrap());
    let server = site.start();
    runtime.block_on(async {
        anna.enter(&site, "anna", &server).await;
        assert_eq!(anna.texts(conversation).await.len(), 1);
    });
    server.kill();
    let checked = site.check(&["--full"]);
    assert!(checked.status.success(), "{}", said(&checked));
    // No udev has named it: the partition is away, and the store is not made anew.
    std::fs::remove_file(&link).unwrap();
    let (status, refused) = site.start_refused();
    assert!(status.code() == Some(69) && refused.contains("put the device or the file back"), "{refused}");

    disk.remove(5);
    drop(disk);
    let bytes = std::fs::read(&image).unwrap();
    let (start, end) = (START as usize, (START + LENGTH) as usize);
    assert!(bytes[..start].iter().chain(&bytes[end..]).all(|byte| *byte == OTHERS), "the neighbours stay");
    assert!(bytes[start..end].iter().any(|byte| *byte != 0));
}
