//! `conclave-audit`: a journal verified on a laptop, without the appliance.
//! Never has rules of its own: the replay is the server's own `Register::apply`.
#![forbid(unsafe_code)]

pub mod audit;
#[cfg(test)]
mod audit_tests;
pub mod bundle;
pub mod cli;
pub mod collector;
pub mod command;
pub mod concern;
pub mod describe;
mod describe_desk;
mod describe_fact;
mod describe_law;
pub mod duplicates;
pub mod equivocation;
pub mod export;
pub mod judgement;
pub mod let_go;
pub mod names;
pub mod parallel;
pub mod plain;
pub mod replaying;
pub mod report;
mod report_rows;
mod report_successions;
pub mod report_text;
pub mod trouble;
pub mod trust;
