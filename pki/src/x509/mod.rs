//! X.509 as we read and write it: strict DER, names, times, extensions, signatures.
//! Never trusts anything: that is `path`'s work.
pub mod der;
pub mod extension;
pub mod general_name;
pub mod name;
pub mod sign;
pub(crate) mod spelling;
pub(crate) mod template;
pub mod time;
