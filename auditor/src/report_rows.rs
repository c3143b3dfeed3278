//! The rows of a report: anomalies, people, kinds, heads.
//! Never a text of anybody; names are as the certificates have them.

use journal::act::KINDS;
use journal::fact::AlarmKind;
use journal::ids::Index;
use journal::register::Raised;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::desk_rows::DoneBy;
use crate::severity::Severity;

/// Something an auditor should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Anomaly {
    /// How much it weighs.
    pub severity: Severity,
    /// Stable word.
    pub kind: AnomalyKind,
    /// Where.
    pub index: Index,
    /// When, RFC 3339; `None` of a pair that was found at the end.
    pub at: Option<String>,
    /// The other entry of a pair.
    pub other: Option<Index>,
    /// About whom.
    pub who: Option<String>,
    /// Which alarm.
    pub alarm: Option<&'static str>,
    /// To which time the journal's was set back, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What it rests on.
    pub grounds: Grounds,
    /// Of something that was raised and is open: what, and how it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenRow>,
}

/// What is open behind the last entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenRow {
    /// Stable word: of an alarm, `report-…` or `finding`.
    pub what: &'static str,
    /// How bad, of a finding.
    pub severity: Option<&'static str>,
    /// Who raised it; `null`: the server.
    pub by: Option<String>,
    /// How many entries say it.
    pub times: u64,
    /// Who acknowledged it.
    pub acknowledged: Option<DoneBy>,
    /// For words.
    #[serde(skip)]
    pub raised: Raised,
}

/// What an anomaly rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grounds {
    /// Signed entries: whoever has them sees it.
    Entries,
    /// A claim of the server, with evidence that proves it: `other` is the entry of the first text.
    Proven,
    /// A claim of the server, whose evidence does not prove it.
    Unproven,
    /// A claim of the server.
    Claim,
}

/// Stable words of alarms.
pub fn alarm_word(alarm: AlarmKind) -> &'static str {
    match alarm {
        AlarmKind::Equivocation => "equivocation",
        AlarmKind::Fork => "fork",
        AlarmKind::NearlyFull => "nearly-full",
        AlarmKind::BodyDamaged => "body-damaged",
        AlarmKind::LoginFlood => "login-flood",
        AlarmKind::HoldEndsSoon => "hold-ends-soon",
        AlarmKind::RetentionMissed => "retention-missed",
        AlarmKind::BackupBehind => "backup-behind",
        AlarmKind::ClockLeapt => "clock-leapt",
        AlarmKind::WitnessSilent => "witness-silent",
    }
}

/// Kinds of anomalies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyKind {
    /// The server raised an alarm.
    Alarm,
    /// The clock jumped.
    ClockStep,
    /// Two officers set the journal's time back.
    ClockSet,
    /// An officer's watch showed another time than the server's clock.
    ClockAttestedOff,
    /// A start without a stop before it: power was cut, or the process was killed.
    UncleanStart,
    /// What had never been released was set aside at a start.
    SetAside,
    /// The root cell is a file: erasure promises nothing against old copies of it.
    DevelopmentCell,
    /// Wrong passwords.
    WrongPasswords,
    /// Two bodies with one commitment.
    DuplicateCommitment,
    /// An erasure that was asked for and is not done at the end.
    ErasurePending,
    /// A finding that no officer has closed.
    FindingOpen,
    /// What a member reported and no officer has closed.
    ReportOpen,
    /// An alarm that no officer has acknowledged.
    AlarmUnacknowledged,
}

/// A person.
#[derive(Clone, Debug, Serialize)]
pub struct PersonRow {
    /// 16 hex digits.
    pub person: String,
    /// Login.
    pub login: String,
    /// Full name.
    pub name: String,
    /// Stable role words.
    pub roles: Vec<&'static str>,
    /// Clearance rank.
    pub clearance: u8,
    /// Entries this person signed.
    pub signed: u64,
    /// Index of the first enrolment.
    pub enrolled: Index,
    /// Index of the revocation.
    pub revoked: Option<Index>,
    /// Suspended since.
    pub suspended: Option<Index>,
    /// Locked since.
    pub locked: Option<Index>,
}

/// How many of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct KindRow {
    /// The stable number; Facts as 1000 + theirs.
    pub kind: u16,
    /// Its name.
    pub name: &'static str,
    /// How many.
    pub count: u64,
}

/// A head that the entries lead to.
#[derive(Clone, Debug, Serialize)]
pub struct AnchorRow {
    /// The file, or `null` for the trust file's own.
    pub file: Option<String>,
    /// Entries covered.
    pub size: u64,
    /// Hex.
    pub root: String,
    /// When a trusted witness cosigned it, by the witness' clock; `null` for any other.
    pub cosigned_at: Option<String>,
    /// The auditor's own from an earlier audit; otherwise somebody else's.
    pub own: bool,
}

/// Names of the server's claims, by number.
pub const CLAIMS: [(u16, &str); 11] = [
    (1, "start"),
    (2, "stop"),
    (3, "session-end"),
    (4, "clock-step"),
    (5, "failed-login"),
    (6, "tick"),
    (7, "erased"),
    (8, "key-roll"),
    (9, "alarm"),
    (10, "period-end"),
    (11, "retention-run"),
];
const CLAIM_BASE: u16 = 1000;

pub(crate) fn kinds(counts: &BTreeMap<u16, u64>) -> (Vec<KindRow>, Vec<KindRow>) {
    let name = |kind: u16| {
        let (list, number): (&[(u16, &'static str)], u16) = match kind.checked_sub(CLAIM_BASE) {
            Some(number) => (&CLAIMS, number),
            None => (KINDS, kind),
        };
        list.iter().find(|(known, _)| *known == number).map_or("?", |(_, name)| *name)
    };
    let rows = counts.iter().map(|(kind, count)| KindRow { kind: *kind, name: name(*kind), count: *count });
    rows.partition(|row| row.kind < CLAIM_BASE)
}
