//! What auditors do is recorded like anything else.

use crate::ids::Index;
use minicbor::{Decode, Encode};

/// An auditor takes entries out.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Export {
    /// First entry.
    #[n(0)]
    pub from: u64,
    /// One past the last entry.
    #[n(1)]
    pub to: u64,
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(index_only)]
#[allow(missing_docs)] // the auditors' own words
pub enum Severity {
    #[n(1)]
    Low,
    #[n(2)]
    Medium,
    #[n(3)]
    High,
    #[n(4)]
    Critical,
}

impl Severity {
    /// All of them, ascending.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];
}

/// What an auditor found: a list, not a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum FindingCode {
    /// An act that nobody can explain.
    #[n(1)]
    Unexplained,
    /// Rights beyond what the person's work needs.
    #[n(2)]
    Rights,
    /// A key or a password in other hands.
    #[n(3)]
    Identity,
    /// The server's clock.
    #[n(4)]
    Clock,
    /// An erasure, an order or a hold without its paper.
    #[n(5)]
    Erasure,
    /// How long things are kept.
    #[n(6)]
    Retention,
    /// Backups.
    #[n(7)]
    Backup,
    /// Something that ought to be in the journal and is not.
    #[n(8)]
    Missing,
    /// Against the site's own rules.
    #[n(9)]
    Procedure,
    /// Something else, which the auditor's paper tells.
    #[n(10)]
    Other,
}

impl FindingCode {
    /// All of them, in numeric order.
    pub const ALL: [Self; 10] = [
        Self::Unexplained,
        Self::Rights,
        Self::Identity,
        Self::Clock,
        Self::Erasure,
        Self::Retention,
        Self::Backup,
        Self::Missing,
        Self::Procedure,
        Self::Other,
    ];
}

/// An auditor files what he found at an entry. It stands open until an officer closes it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Finding {
    /// Which entry.
    #[n(0)]
    pub entry: Index,
    /// How bad.
    #[n(1)]
    pub severity: Severity,
    /// What.
    #[n(2)]
    pub code: FindingCode,
}
