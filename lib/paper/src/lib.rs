//! Sheets of paper: envelopes with one-time passwords, site cards, checkpoints, certificates of erasure, registers; as PDF.
//! Never reads a font, a clock or randomness from the system, never writes a file, and depends on no other room. The
//! same arguments give the same bytes.
#![forbid(unsafe_code)]

mod checkpoint;
mod date;
mod envelope;
mod erasure;
mod error;
mod fonts;
mod lang;
mod qr;
mod register;
mod render;
mod sheet;
mod site_card;
mod table;

pub use checkpoint::{CheckpointSheet, NOTE_BYTES_MAX};
pub use envelope::Envelope;
pub use erasure::{ErasureCertificate, LINES_MAX};
pub use error::PaperError;
pub use lang::Lang;
pub use register::{HEAD_LINES_MAX, REGISTER_PAGES_MAX, RegisterSheet};
pub use sheet::{FIELD_BYTES_MAX, PAGES_MAX, Pdf, Sheet};
pub use site_card::SiteCardSheet;
