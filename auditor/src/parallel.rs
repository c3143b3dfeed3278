//! How much of the machine a replay takes.
//! Never does the work: that is the journal's.

pub use journal::replay::parallel::each;

/// Processors to use.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
