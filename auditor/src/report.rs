//! What an audit found, for people and for scripts: verdict, coverage, people, erasures, anomalies, and apart from all
//! that what only the server claims.
//! Never hides a number: lists that grow too long are cut and say how many more there are.

use journal::ids::Index;
use journal::policy::LabelName;
use serde::Serialize;

pub use crate::certificates::CertificateRow;
pub use crate::desk_rows::{DisclosureRow, DoneBy, RaisedRow};
pub use crate::erasures::ErasureRow;
pub use crate::predecessor::{ClosedFound, ContinuesFound};
pub use crate::report_rows::{
    AnchorRow, Anomaly, AnomalyKind, CLAIMS, Grounds, KindRow, OpenRow, PersonRow, alarm_word,
};
pub use crate::report_successions::SuccessionFound;
pub use crate::timeline::Timeline;

/// The version of the JSON report; raised when its shape changes (FORMAT.md has the fields).
pub const REPORT_VERSION: u8 = 2;
/// Rows of any list in a report; the rest is counted.
pub const ROWS_MAX: usize = 10_000;
/// Stands for a person where nobody asked: the retention schedule did.
pub const BY_SCHEDULE: &str = "retention";

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub report: u8,
    /// Site name, as the genesis says.
    pub site: String,
    /// The log id.
    pub log: String,
    /// Stable word of the verdict.
    pub verdict: &'static str,
    /// The first bad entry.
    pub first_bad: Option<Index>,
    /// Entries that stand.
    pub entries: u64,
    /// Root over them, hex.
    pub root: String,
    /// SHA-256 of the Register's state behind them, hex.
    pub state: String,
    /// First and last time stamp: the server's clock.
    pub span: [String; 2],
    /// Entries that a head from outside covers.
    pub anchored: u64,
    /// Entries beyond it.
    pub beyond: u64,
    /// Entries that somebody else's head covers; the others rest on what the auditor saw himself.
    pub by_others: u64,
    /// Heads from outside that agree.
    pub anchors: Vec<AnchorRow>,
    /// Heads in the bundle that the log signed and the entries lead to.
    pub signed_heads: Vec<u64>,
    /// How the site calls its labels behind the last entry, for words.
    #[serde(skip)]
    pub labels: Vec<LabelName>,
    /// Signed acts by kind.
    pub acts: Vec<KindRow>,
    /// The server's claims by kind: covered by its signature alone.
    pub claims: Vec<KindRow>,
    /// Everybody.
    pub people: Vec<PersonRow>,
    /// Every certificate.
    pub certificates: Vec<CertificateRow>,
    /// Conversations: in all, closed, erased whole.
    pub conversations: [u64; 3],
    /// Messages, the erased included.
    pub messages: u64,
    /// Erasures, in order.
    pub erasures: Vec<ErasureRow>,
    /// Erasures that are not listed.
    pub erasures_more: u64,
    /// Messages that members disclosed, in order.
    pub disclosures: Vec<DisclosureRow>,
    /// Disclosures that are not listed.
    pub disclosures_more: u64,
    /// Alarms, reports and findings, with what came of them, in order.
    pub raised: Vec<RaisedRow>,
    /// Those that are not listed.
    pub raised_more: u64,
    /// Successions: what was given up, and by whom.
    pub successions: Vec<SuccessionFound>,
    /// The log that it says it continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continues: Option<ContinuesFound>,
    /// It was closed into another log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<ClosedFound>,
    /// Anomalies.
    pub anomalies: Vec<Anomaly>,
    /// Anomalies that are not listed.
    pub anomalies_more: u64,
    /// Volumes by day, and events.
    pub timeline: Timeline,
}
