//! A site in memory for tests: keys from seeds, certificates by the product's own profile, a log that admits.
//! Never part of the product: only under `cfg(test)` or the feature `testing`.

mod log;
mod site;
mod succession;
mod talk;

pub use log::TestLog;
pub use site::{Described, FOUNDED_MS, SeededRng, TestPerson, TestSite, VALID_MS, seed};
