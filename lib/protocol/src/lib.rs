//! Frames, limits and both sides' sessions; end-to-end encryption of bodies.
//! Never touches a socket, a disk, a clock or a source of randomness: bytes, time and randomness come in as arguments,
//! bytes and commands go out.
#![forbid(unsafe_code)]

pub mod seal;
