//! Terminals and the engine in one loop: what people do with the product, with nothing faked between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::wildcard_enum_match_arm)]

mod attacks;
mod clocks;
mod closed;
mod disclose;
mod forks;
mod gaps;
mod given_up;
mod hidden;
mod law;
mod lists;
mod lost;
mod members;
mod missed;
mod people;
mod periods;
mod retention;
mod stories;
mod untold;
mod world;
