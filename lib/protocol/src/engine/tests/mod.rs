//! The engine driven in memory: every frame decoded, every batch checked, nothing heard before its commit.
#![allow(clippy::wildcard_enum_match_arm)] // a test that meets another arm fails
mod clock_sets;
mod continues;
mod copies;
mod files;
mod geometry;
mod login;
mod memory;
mod messages;
mod office;
mod periods;
mod queries;
mod retention;
mod running;
mod seeds;
mod snapshots;
mod statements;
mod terminal;
mod witnesses;
mod world;
