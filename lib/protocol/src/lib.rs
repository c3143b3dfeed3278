//! Frames, limits and both sides' sessions; end-to-end encryption of bodies.
//! Never touches a socket, a disk, a clock or a source of randomness: bytes, time and randomness come in as arguments,
//! bytes and commands go out.
#![forbid(unsafe_code)]

pub mod answer;
pub mod bundle;
pub mod client;
pub mod code;
pub mod continuation;
pub mod copy;
pub mod disclosure;
pub mod engine;
pub mod erasing;
pub mod frame;
pub mod io;
pub mod limits;
pub mod query;
pub mod seal;
pub mod succession;

pub use code::Code;
pub use io::{Batch, Input, Now, Output, SessionId};
