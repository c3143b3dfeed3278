//! The TPM cell against swtpm, a TPM 2.0 in software that the tests start and kill themselves. Never called erasable: it is a file.

#![cfg(feature = "tpm")]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

#[path = "support/swtpm.rs"]
mod swtpm;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use disk::{Claim, Geometry, MemoryDevice};
use swtpm::{Lie, Swtpm, missing_for};
use vault::{
    CellError, CellKind, CellSlot, Error, Limits, Place, RootCell, Target, TpmAuth, TpmCell, TpmError,
    TpmPlace, Vault,
};

const BASE: u32 = 0x01c1_0200;
const SLOTS: [CellSlot; 3] = [CellSlot::Even, CellSlot::Odd, CellSlot::Device];

fn rng(seed: u64) -> Box<ChaCha20Rng> {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

fn create(tpm: &Swtpm, auth: &Path) -> Result<TpmCell, CellError> {
    TpmCell::create(&tpm.place(), BASE, auth, rng(1))
}

fn open(place: &TpmPlace, auth: &Path) -> Result<TpmCell, CellError> {
    TpmCell::open(place, BASE, TpmAuth::read(auth)?.unwrap(), rng(2))
}

fn auth_of(tpm: &Swtpm) -> PathBuf {
    tpm.folder().join("auth")
}

#[test]
fn records_survive_a_power_cut_and_destroyed_ones_do_not() {
    if missing_for("records_survive_a_power_cut_and_destroyed_ones_do_not") {
        return;
    }
    let mut tpm = Swtpm::start();
    let auth = auth_of(&tpm);
    let mut cell = create(&tpm, &auth).unwrap();
    assert_eq!((cell.kind(), cell.kind().name()), (CellKind::Tpm, "tpm"));
    for slot in SLOTS {
        assert!(cell.read(slot).unwrap().is_empty());
        cell.write(slot, &[slot as u8 + 1; 200]).unwrap();
    }
    cell.destroy(CellSlot::Even).unwrap();
    drop(cell);
    tpm.power_cut();
    let cell = open(&tpm.place(), &auth).unwrap();
    assert!(cell.read(CellSlot::Even).unwrap().is_empty());
    assert_eq!(cell.read(CellSlot::Odd).unwrap().as_slice(), [2; 200]);
    assert_eq!(cell.read(CellSlot::Device).unwrap().as_slice(), [3; 200]);
    // The same place again: an interrupted founding goes on with what it has defined.
    drop(cell);
    assert_eq!(create(&tpm, &auth).unwrap().read(CellSlot::Odd).unwrap().as_slice(), [2; 200]);
}

#[test]
fn no_record_and_no_authorisation_value_crosses_the_bus_in_clear() {
    if missing_for("no_record_and_no_authorisation_value_crosses_the_bus_in_clear") {
        return;
    }
    let tpm = Swtpm::start();
    let auth = auth_of(&tpm);
    let bus = tpm.listened_to(u64::MAX);
    let mut cell = TpmCell::create(&bus.place(), BASE, &auth, rng(1)).unwrap();
    let canary = *b"canary of a root secret that must not be seen";
    cell.write(CellSlot::Even, &canary).unwrap();
    assert_eq!(cell.read(CellSlot::Even).unwrap().as_slice(), canary);
    drop(cell);
    let heard = bus.heard();
    let value = &std::fs::read(&auth).unwrap()[1..33];
    assert!(heard.len() > 1000);
    assert!(!heard.windows(16).any(|window| window == &canary[..16] || window == &value[..16]));
}

#[test]
fn a_response_that_somebody_changed_is_not_believed() {
    if missing_for("a_response_that_somebody_changed_is_not_believed") {
        return;
    }
    let tpm = Swtpm::start();
    let auth = auth_of(&tpm);
    let mut cell = create(&tpm, &auth).unwrap();
    cell.write(CellSlot::Even, &[7; 100]).unwrap();
    drop(cell);
    let bus = tpm.tampered_with();
    let cell = open(&bus.place(), &auth).unwrap();
    let refused = cell.read(CellSlot::Even).unwrap_err();
    assert!(matches!(refused, CellError::Tpm(TpmError::Forged)), "{refused}");
}

#[test]
fn a_wrong_authorisation_value_and_another_tpm_are_told_apart() {
    if missing_for("a_wrong_authorisation_value_and_another_tpm_are_told_apart") {
        return;
    }
    let (tpm, other) = (Swtpm::start(), Swtpm::start());
    let auth = auth_of(&tpm);
    create(&tpm, &auth).unwrap().write(CellSlot::Even, &[7; 100]).unwrap();
    // Another store's indices at the same place, or our own whose value was lost: no fresh one is drawn beside them.
    let foreign = tpm.folder().join("foreign");
    let refused = TpmCell::create(&tpm.place(), BASE, &foreign, rng(9)).map(|_| ()).unwrap_err();
    assert!(matches!(refused, CellError::Tpm(TpmError::Orphaned { index: BASE })), "{refused}");
    assert!(!foreign.exists() && !TpmCell::is_undefined(&tpm.place(), BASE, rng(9)).unwrap());
    // A value that was drawn for other indices: it does not open these, and nothing of them is changed.
    assert!(TpmCell::is_undefined(&tpm.place(), BASE + 16, rng(9)).unwrap());
    drop(TpmCell::create(&tpm.place(), BASE + 16, &foreign, rng(9)).unwrap());
    let create_foreign = || TpmCell::create(&tpm.place(), BASE, &foreign, rng(9));
    let cell = create_foreign().unwrap();
    let refused = cell.read(CellSlot::Even).unwrap_err();
    assert!(refused.to_string().contains("authorisation value"), "{refused}");
    drop(cell);
    let (device, geometry) = (Arc::new(MemoryDevice::new(16 << 20)), Geometry::for_length(16 << 20).unwrap());
    let refused =
        Vault::create(device, Box::new(create_foreign().unwrap()), geometry, Limits::default(), &mut *rng(3));
    assert!(matches!(refused.map(|_| ()), Err(Error::Cell(CellError::Tpm(TpmError::Refused { .. })))));
    assert_eq!(open(&tpm.place(), &auth).unwrap().read(CellSlot::Even).unwrap().as_slice(), [7; 100]);
    // The value of one TPM beside another.
    let refused = open(&other.place(), &auth).map(|_| ()).unwrap_err();
    assert!(matches!(refused, CellError::Tpm(TpmError::OtherTpm)), "{refused}");
}

#[test]
fn a_tpm_without_room_is_told_in_words() {
    if missing_for("a_tpm_without_room_is_told_in_words") {
        return;
    }
    let tpm = Swtpm::start();
    let mut made = Vec::new();
    let refused = loop {
        let auth = tpm.folder().join(format!("auth {}", made.len()));
        match TpmCell::create(&tpm.place(), BASE + 16 * made.len() as u32, &auth, rng(made.len() as u64)) {
            Ok(mut cell) => {
                SLOTS.iter().for_each(|slot| cell.write(*slot, &[9; 200]).unwrap());
                made.push(auth);
            }
            Err(refused) => break refused,
        }
        assert!(made.len() < 1000);
    };
    assert!(!made.is_empty() && refused.to_string().contains("no room"), "{refused}");
    assert_eq!(open(&tpm.place(), &made[0]).unwrap().read(CellSlot::Odd).unwrap().as_slice(), [9; 200]);
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    if missing_for("a_file_that_others_can_read_is_refused") {
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let tpm = Swtpm::start();
    let auth = auth_of(&tpm);
    drop(create(&tpm, &auth).unwrap());
    assert_eq!(std::fs::metadata(&auth).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&auth, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(TpmAuth::read(&auth).map(|_| ()), Err(TpmError::Readable)));
    assert!(TpmAuth::read(&tpm.folder().join("none")).unwrap().is_none());
}

/// One erasure, from the intent on.
fn erase(vault: &mut Vault, target: Target) -> Result<(), Error> {
    let intended = vault.begin_erasure(&[target])?;
    let written = vault.write_tree(intended, &mut *rng(8))?;
    let replaced = vault.replace_cell(written)?;
    let destroyed = vault.destroy_old_slot(replaced)?;
    vault.finish_erasure(destroyed);
    Ok(())
}

#[test]
fn a_bus_that_says_the_old_root_is_not_there_gets_no_erasure_called_done() {
    if missing_for("a_bus_that_says_the_old_root_is_not_there_gets_no_erasure_called_done") {
        return;
    }
    for lie in [Lie::NeverWritten, Lie::NotThere] {
        let tpm = Swtpm::start();
        let auth = auth_of(&tpm);
        let bus = tpm.listened_to(u64::MAX);
        let device = Arc::new(MemoryDevice::new(16 << 20));
        let geometry = Geometry::for_length(16 << 20).unwrap();
        let cell = Box::new(TpmCell::create(&bus.place(), BASE, &auth, rng(1)).unwrap());
        let mut vault =
            Vault::create(device.clone(), cell, geometry, Limits::default(), &mut *rng(4)).unwrap();
        let victim = Place::item(1, 2);
        let mut random = rng(5);
        let mut batch = vault.begin(Claim::Ordinary, &mut *random).unwrap();
        batch.insert(victim, b"goes").unwrap();
        batch.commit([0; 32]).unwrap();
        let intended = vault.begin_erasure(&[Target::Place(victim)]).unwrap();
        let written = vault.write_tree(intended, &mut *rng(8)).unwrap();
        let replaced = vault.replace_cell(written).unwrap();
        bus.says(lie);
        let done = vault.destroy_old_slot(replaced).map(|_| ());
        bus.says(Lie::None);
        drop(vault);
        let cell = open(&tpm.place(), &auth).unwrap();
        let old_root = cell.read(CellSlot::Even).unwrap();
        assert!(done.is_err() || old_root.is_empty(), "{lie:?}: called done, and the old root is there");
        // The next start, with nobody between, finishes it.
        drop(Vault::open(device, Box::new(cell), Limits::default(), &mut *rng(6)).unwrap());
        let cell = open(&tpm.place(), &auth).unwrap();
        assert!(cell.read(CellSlot::Even).unwrap().is_empty());
        assert!(!cell.read(CellSlot::Odd).unwrap().is_empty());
    }
}

#[test]
fn a_full_index_is_never_taken_for_a_blank_one_on_the_word_of_the_bus() {
    if missing_for("a_full_index_is_never_taken_for_a_blank_one_on_the_word_of_the_bus") {
        return;
    }
    let tpm = Swtpm::start();
    let auth = auth_of(&tpm);
    let bus = tpm.listened_to(u64::MAX);
    let mut cell = TpmCell::create(&bus.place(), BASE, &auth, rng(1)).unwrap();
    // What is true is believed: not there yet, never written, written.
    assert!(cell.read(CellSlot::Odd).unwrap().is_empty());
    cell.write(CellSlot::Even, &[7; 100]).unwrap();
    for lie in [Lie::NeverWritten, Lie::NotThere] {
        bus.says(lie);
        let refused = cell.read(CellSlot::Even).unwrap_err();
        assert!(matches!(refused, CellError::Tpm(TpmError::Forged)), "{lie:?}: {refused}");
        assert!(cell.write(CellSlot::Even, &[8; 100]).is_err());
    }
    bus.says(Lie::None);
    assert_eq!(cell.read(CellSlot::Even).unwrap().as_slice(), [7; 100]);
}

#[test]
fn a_second_server_is_refused_while_one_holds_the_cell() {
    if missing_for("a_second_server_is_refused_while_one_holds_the_cell") {
        return;
    }
    let tpm = Swtpm::start();
    let auth = auth_of(&tpm);
    let cell = create(&tpm, &auth).unwrap();
    for _life in 0..2 {
        let refused = open(&tpm.place(), &auth).map(|_| ()).unwrap_err();
        assert!(matches!(refused, CellError::InUse), "{refused}");
        assert!(matches!(create(&tpm, &auth).map(|_| ()), Err(CellError::InUse)));
    }
    drop(cell);
    open(&tpm.place(), &auth).unwrap();
}

#[test]
fn at_every_command_of_an_erasure_the_tpm_may_die_and_the_living_lives() {
    if missing_for("at_every_command_of_an_erasure_the_tpm_may_die_and_the_living_lives") {
        return;
    }
    let (live, victim) = (Place::item(1, 1), Place::item(1, 2));
    let mut died = 0;
    for commands in 0.. {
        let mut tpm = Swtpm::start();
        let auth = auth_of(&tpm);
        let device = Arc::new(MemoryDevice::new(16 << 20));
        let geometry = Geometry::for_length(16 << 20).unwrap();
        let cell = Box::new(create(&tpm, &auth).unwrap());
        let mut vault =
            Vault::create(device.clone(), cell, geometry, Limits::default(), &mut *rng(4)).unwrap();
        let mut random = rng(5);
        let mut batch = vault.begin(Claim::Ordinary, &mut *random).unwrap();
        batch.insert(live, b"stays").unwrap();
        batch.insert(victim, b"goes").unwrap();
        batch.commit([0; 32]).unwrap();
        drop(vault);
        let bus = tpm.listened_to(commands);
        let story = || -> Result<(), Error> {
            let cell = Box::new(open(&bus.place(), &auth)?);
            let (mut vault, _) = Vault::open(device.clone(), cell, Limits::default(), &mut *rng(6))?;
            erase(&mut vault, Target::Place(victim))
        };
        let done = story();
        let struck = bus.has_struck();
        assert!(done.is_ok() || struck, "after {commands} commands");
        drop(bus);
        tpm.power_cut();
        let cell = Box::new(open(&tpm.place(), &auth).unwrap());
        let (mut vault, _) = Vault::open(device, cell, Limits::default(), &mut *rng(7)).unwrap();
        assert_eq!(&*vault.reader().read(live).unwrap(), b"stays", "after {commands} commands");
        erase(&mut vault, Target::Place(victim)).unwrap();
        assert!(matches!(vault.reader().read(victim), Err(Error::Missing(_))));
        assert_eq!(&*vault.reader().read(live).unwrap(), b"stays");
        if !struck {
            break;
        }
        died += 1;
    }
    assert!(died > 15, "{died}");
}
