//! The list of signed acts and the state that follows from it.
//! Never touches a socket, a disk, a clock or a source of randomness.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod note;
pub mod proof;
pub mod receipt;
pub mod tree;
