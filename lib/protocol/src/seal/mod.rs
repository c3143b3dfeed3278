//! End-to-end encryption: what terminals seal for each other and what the core can check without opening it.
//! Never draws randomness of its own, never reads a clock, and never holds a key longer than its caller does.

pub mod body;
pub mod envelope;
pub mod file;
pub mod keys;
pub mod padding;
pub mod text;
pub mod wrap_chunk;
pub mod wraps;

#[cfg(test)]
mod speed_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod vector_tests;
