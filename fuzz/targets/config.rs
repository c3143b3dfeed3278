//! The daemon's configuration: any file is a configuration or an error with its line.
//! The reader belongs to a program, so it is taken in by its path.
#![no_main]
#![allow(dead_code)]

#[path = "../../server/src/cell_place.rs"]
mod cell_place;
#[path = "../../server/src/config.rs"]
mod config;
#[path = "../../server/src/limits.rs"]
mod limits;
#[path = "../../server/src/log.rs"]
mod log;
#[path = "../../server/src/words/reason.rs"]
mod reason;
mod words {
    pub(crate) use crate::reason::Reason;
}

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = fuzz::scratch(bytes);
    if let Ok(config) = config::Config::read(&path) {
        assert!(config.state_dir.is_absolute() && !config.network.listen.is_empty());
    }
});
