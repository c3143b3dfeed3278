//! How much an anomaly weighs.
//! Never decides a verdict: what breaks the journal is a flaw, and no anomaly.

use console::Lang;
use journal::act::{ReportReason, Severity as FindingSeverity};
use journal::fact::AlarmKind;
use journal::register::Raised;
use serde::Serialize;

use crate::report::{AnomalyKind, Grounds};

/// How much it weighs; the heaviest comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Somebody lied, or what was promised no longer holds: act today.
    Critical,
    /// It may be harmless, and somebody must say why.
    Warning,
    /// For the record.
    Note,
}

impl Severity {
    /// All of them, the heaviest first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Warning, Self::Note];

    /// Of an anomaly of this kind, on these grounds.
    pub fn of(kind: AnomalyKind, alarm: Option<AlarmKind>, grounds: Grounds) -> Self {
        match kind {
            AnomalyKind::Alarm => alarm.map_or(Self::Warning, |alarm| of_alarm(alarm, grounds)),
            AnomalyKind::ClockStep
            | AnomalyKind::ClockSet
            | AnomalyKind::ClockAttestedOff
            | AnomalyKind::UncleanStart
            | AnomalyKind::DevelopmentCell
            | AnomalyKind::DuplicateCommitment
            | AnomalyKind::ErasurePending
            | AnomalyKind::FindingOpen
            | AnomalyKind::ReportOpen
            | AnomalyKind::AlarmUnacknowledged => Self::Warning,
            AnomalyKind::SetAside | AnomalyKind::WrongPasswords => Self::Note,
        }
    }

    /// Of something that was raised and is open, on these grounds.
    pub fn of_open(raised: Raised, grounds: Grounds) -> Self {
        match raised {
            Raised::Finding(FindingSeverity::Critical, ..) | Raised::Report(ReportReason::NotMine, _) => {
                Self::Critical
            }
            Raised::Finding(FindingSeverity::High | FindingSeverity::Medium, ..)
            | Raised::Report(ReportReason::Mislabelled | ReportReason::Other, _) => Self::Warning,
            Raised::Finding(FindingSeverity::Low, ..) => Self::Note,
            // That nobody has seen it weighs by itself.
            Raised::Alarm(alarm, ..) => of_alarm(alarm, grounds).min(Self::Warning),
        }
    }

    /// In words.
    pub fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Critical => lang.pick("critical", "критично"),
            Self::Warning => lang.pick("warning", "внимание"),
            Self::Note => lang.pick("note", "к сведению"),
        }
    }
}

fn of_alarm(alarm: AlarmKind, grounds: Grounds) -> Severity {
    match (alarm, grounds) {
        (AlarmKind::Equivocation, Grounds::Proven) => Severity::Critical,
        (AlarmKind::Equivocation, Grounds::Entries | Grounds::Unproven | Grounds::Claim) => Severity::Warning,
        (AlarmKind::Fork | AlarmKind::BodyDamaged, _) => Severity::Critical,
        (
            AlarmKind::NearlyFull
            | AlarmKind::LoginFlood
            | AlarmKind::RetentionMissed
            | AlarmKind::BackupBehind
            | AlarmKind::ClockLeapt
            | AlarmKind::WitnessSilent,
            _,
        ) => Severity::Warning,
        (AlarmKind::HoldEndsSoon, _) => Severity::Note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::act::FindingCode;

    #[test]
    fn what_is_open_weighs_what_was_said_of_it_and_an_alarm_that_nobody_saw_at_least_a_warning() {
        let of_open = |raised| Severity::of_open(raised, Grounds::Entries);
        let finding = |severity| of_open(Raised::Finding(severity, FindingCode::Rights, 3));
        let found = [FindingSeverity::Low, FindingSeverity::High, FindingSeverity::Critical].map(finding);
        assert_eq!(found, [Severity::Note, Severity::Warning, Severity::Critical]);
        assert_eq!(of_open(Raised::Report(ReportReason::NotMine, 3)), Severity::Critical);
        let alarm = |kind, grounds| Severity::of_open(Raised::Alarm(kind, None, None), grounds);
        assert_eq!(alarm(AlarmKind::HoldEndsSoon, Grounds::Claim), Severity::Warning);
        assert_eq!(alarm(AlarmKind::Fork, Grounds::Claim), Severity::Critical);
        assert_eq!(alarm(AlarmKind::Equivocation, Grounds::Unproven), Severity::Warning);
        assert_eq!(alarm(AlarmKind::Equivocation, Grounds::Proven), Severity::Critical);
    }

    #[test]
    fn what_is_proven_weighs_more_than_the_servers_word() {
        let of = |grounds| Severity::of(AnomalyKind::Alarm, Some(AlarmKind::Equivocation), grounds);
        assert_eq!((of(Grounds::Proven), of(Grounds::Unproven)), (Severity::Critical, Severity::Warning));
        assert!(Severity::Critical < Severity::Note, "the heaviest comes first");
    }
}
