//! The server's machine: a device and a cell that outlive its lives, and every version of every block ever written.
//! Never knows what is on it.

use disk::{CrashClock, CrashingDevice, Device, Geometry, RecordedWrite, RecordingDevice};
use std::sync::{Arc, Mutex};
use vault::adversary::{OpenedBodies, cell_keys, device_keys, live_keys, open_everything};
use vault::{CellRecords, MemoryCell, Vault};

/// Small extents, so that streams fill and change them in short histories.
pub const GEOMETRY: Geometry = Geometry { extent_bytes: 64 * 1024, extents: 48, reserve: 4 };

/// A machine between its lives.
pub struct Machine {
    image: Vec<u8>,
    records: CellRecords,
    history: Vec<RecordedWrite>,
    /// How its device is divided.
    pub geometry: Geometry,
}

/// The power is on.
#[derive(Clone)]
pub struct Powered {
    crashing: Arc<CrashingDevice>,
    recording: Arc<RecordingDevice>,
    clock: Arc<CrashClock>,
}

impl Machine {
    /// A blank one.
    pub fn new(geometry: Geometry) -> Self {
        let length = geometry.extent_bytes as usize * (geometry.extents as usize + 1);
        Self {
            image: vec![0; length],
            records: Arc::new(Mutex::new(Default::default())),
            history: Vec::new(),
            geometry,
        }
    }

    /// Switches it on. The clock decides on which operation the power fails.
    pub fn power_on(&self, clock: Arc<CrashClock>) -> Powered {
        let crashing = Arc::new(CrashingDevice::new(self.image.clone(), clock.clone()));
        let recording = Arc::new(RecordingDevice::new(crashing.clone(), self.history.clone()));
        Powered { crashing, recording, clock }
    }

    /// The power is gone: of what was not synced, sectors survive at random.
    pub fn power_off(&mut self, powered: &Powered, seed: u64) {
        self.image = powered.crashing.after_power_cut(seed);
        self.history = powered.recording.writes();
    }

    /// The cell of a life.
    pub fn cell(&self, powered: &Powered) -> Box<MemoryCell> {
        Box::new(MemoryCell::new(self.records.clone(), Some(powered.clock.clone())))
    }

    /// A copy of everything, for a server that is rolled back or forked.
    pub fn snapshot(&self) -> Self {
        Self {
            image: self.image.clone(),
            records: Arc::new(Mutex::new(self.records.lock().unwrap().clone())),
            history: self.history.clone(),
            geometry: self.geometry,
        }
    }

    /// This machine's cell with another one's device.
    pub fn with_device_of(&self, other: &Self) -> Self {
        Self { image: other.image.clone(), ..self.snapshot() }
    }

    /// What somebody opens who has every live key, the cell, and every block ever written.
    pub fn open_everything(&self, powered: &Powered, vault: &Vault) -> OpenedBodies {
        let cell = MemoryCell::new(self.records.clone(), None);
        let mut keys = live_keys(vault);
        keys.extend(cell_keys(&cell, &vault.store()));
        let device = device_keys(&cell).unwrap();
        open_everything(&device, vault.store(), keys, &powered.recording.writes())
    }
}

impl Powered {
    /// The device.
    pub fn device(&self) -> Arc<dyn Device> {
        self.recording.clone()
    }

    /// Whether the power has failed.
    pub fn has_failed(&self) -> bool {
        self.clock.has_struck()
    }
}
