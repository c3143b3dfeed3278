//! `conclave-audit`: a journal verified on a laptop, without the appliance.
//! Never has rules of its own: the replay is the server's own `Register::apply`.
#![forbid(unsafe_code)]

pub mod about_whom;
pub mod advice;
pub mod audit;
#[cfg(test)]
mod audit_history_tests;
#[cfg(test)]
mod audit_tests;
pub mod bundle;
pub mod certificates;
pub mod cli;
mod clock_sets;
pub mod collector;
pub mod command;
pub mod concern;
pub mod cutting;
pub mod describe;
mod describe_desk;
mod describe_fact;
mod describe_law;
pub mod desk_rows;
pub mod duplicates;
pub mod equivocation;
pub mod erasures;
pub mod excerpt;
pub mod excerpt_check;
mod excerpt_state;
pub mod export;
mod help_ru;
pub mod html;
pub mod judgement;
pub mod kind_words;
pub mod known;
pub mod leaves;
pub mod let_go;
mod list_parts;
pub mod mirror;
pub mod names;
pub mod outside;
pub mod page;
pub mod parallel;
pub mod plain;
mod plain_fault;
pub mod predecessor;
pub mod read_ahead;
mod record;
pub mod registers;
pub mod replaying;
pub mod report;
mod report_desk_text;
mod report_rows;
mod report_successions;
pub mod report_text;
pub mod second_reading;
pub mod severity;
pub mod source;
pub mod spilled;
pub mod state;
pub mod tile_folder;
pub mod tile_reader;
pub mod timeline;
pub mod trouble;
pub mod trust;
pub mod unlinked;
pub mod verifier;
mod weighing;
