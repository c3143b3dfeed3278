//! The engine driven in memory: every frame decoded, every batch checked, nothing heard before its commit.
mod files;
mod login;
mod messages;
mod office;
mod queries;
mod running;
mod statements;
mod world;
