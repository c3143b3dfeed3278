//! The site's policy: the rules that officers may change by an act of two, in the journal from genesis on.
//! Never read from a configuration file: replay must see it.

use crate::act::ConversationKind;
use crate::retention::{RANKS, Retention};
use minicbor::{Decode, Encode};

/// Who may erase a private conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum PrivateErase {
    /// Either of the two sides alone.
    #[n(1)]
    Either,
    /// Nobody alone: two officers are the only way.
    #[n(2)]
    Officers,
}

/// That a site wants a witness.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Witnessing {
    /// A minute without a cosignature is an alarm.
    #[n(1)]
    On,
}

/// The name of a label rank in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct LabelName {
    /// English.
    #[n(0)]
    pub en: String,
    /// Russian.
    #[n(1)]
    pub ru: String,
}

/// Everything a site may decide. Times in milliseconds, sizes in bytes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(array)]
pub struct Policy {
    /// Which version of the Register's rules judges entries.
    #[n(0)]
    pub rules: u32,
    /// Names of label ranks 0..=5, lowest first (the ranks of RFC 5913).
    #[n(1)]
    pub labels: Vec<LabelName>,
    /// Who may erase a whole private conversation.
    #[n(2)]
    pub private_erase: PrivateErase,
    /// Whether an author may erase his own message.
    #[n(3)]
    pub author_erases: bool,
    /// An epoch older than this is due for renewal.
    #[n(4)]
    pub epoch_ms: u64,
    /// A reservation that nothing has claimed falls after this time.
    #[n(5)]
    pub reservation_ms: u64,
    /// A proposal that nobody approved falls after this time.
    #[n(6)]
    pub proposal_ms: u64,
    /// Wrong passwords in a row that lock an account.
    #[n(7)]
    pub wrong_passwords_max: u32,
    /// Statements that one person may have admitted in a minute.
    #[n(8)]
    pub statements_per_minute: u32,
    /// Bytes of bodies that one person may have stored and not erased.
    #[n(9)]
    pub stored_bytes_per_person: u64,
    /// Whether `file save` may write a file outside the agent's memory.
    #[n(10)]
    pub file_save: bool,
    /// Whether one password both opens the credential and proves the login (else they are two, named apart).
    #[n(11)]
    pub one_password: bool,
    /// A terminal locks itself after this time without use.
    #[n(12)]
    pub idle_lock_ms: u64,
    /// How long those concerned may object after two officers have ordered an erasure.
    #[n(13)]
    pub objection_ms: u64,
    /// How long before its end a hold is called to the officers' mind.
    #[n(14)]
    pub hold_warning_ms: u64,
    /// How long messages are kept.
    #[n(15)]
    pub retention: Retention,
    /// No root is destroyed before what replaces it lies with an administrator who takes a backup away.
    #[n(16)]
    pub backup_required: bool,
    /// Officers are alarmed when no witness cosigns. Absent, not told as `false`: policies of before have one spelling.
    #[n(17)]
    pub witness: Option<Witnessing>,
}

impl Policy {
    /// What a site has when nobody decided otherwise.
    pub fn standard() -> Self {
        let label = |en: &str, ru: &str| LabelName { en: en.into(), ru: ru.into() };
        const DAY_MS: u64 = 24 * 3600 * 1000;
        Self {
            rules: crate::RULES,
            labels: vec![
                label("UNMARKED", "БЕЗ ГРИФА"),
                label("OFFICIAL", "ДЛЯ СЛУЖЕБНОГО ПОЛЬЗОВАНИЯ"),
                label("RESTRICTED", "ОГРАНИЧЕННОГО РАСПРОСТРАНЕНИЯ"),
                label("CONFIDENTIAL", "КОНФИДЕНЦИАЛЬНО"),
                label("SECRET", "СЕКРЕТНО"),
                label("TOP SECRET", "СОВЕРШЕННО СЕКРЕТНО"),
            ],
            private_erase: PrivateErase::Either,
            author_erases: true,
            epoch_ms: 30 * DAY_MS,
            reservation_ms: DAY_MS,
            proposal_ms: 7 * DAY_MS,
            wrong_passwords_max: 5,
            statements_per_minute: 6000,
            stored_bytes_per_person: 16 << 30,
            file_save: true,
            one_password: true,
            idle_lock_ms: 10 * 60 * 1000,
            objection_ms: 3 * DAY_MS,
            hold_warning_ms: 7 * DAY_MS,
            retention: Retention::default(),
            backup_required: false,
            witness: None,
        }
    }
}

/// Shortest time that a policy may give anything that lapses: a minute.
pub const LAPSE_MS_MIN: u64 = 60_000;

/// Why no site can live under a policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnfitPolicy {
    /// A newer program's.
    #[error("the rules are of version {0}, newer than this program knows")]
    NewerRules(u32),
    /// There is no version 0.
    #[error("there are no rules of version 0")]
    NoRules,
    /// Not one name for each rank.
    #[error("six label ranks are to be named")]
    Labels,
    /// See [`LABEL_BYTES_MAX`].
    #[error("a label's name is empty or too long")]
    LabelName,
    /// See [`LAPSE_MS_MIN`].
    #[error("a time below a minute")]
    Time,
    /// Nobody's password or no statement would pass.
    #[error("a limit that nobody can work under")]
    Limit,
    /// See [`crate::retention::RETENTION_RULES_MAX`].
    #[error("too many rules of retention")]
    RetentionRules,
    /// A day has 1440 minutes.
    #[error("a minute that no day has")]
    RetentionMinute,
    /// There are six ranks.
    #[error("a rule of retention for a label that there is not")]
    RetentionLabel,
    /// See [`crate::retention::KEEP_DAYS_MAX`].
    #[error("a time of retention below a day, or above a hundred years")]
    RetentionDays,
    /// Of the same kind and label.
    #[error("two rules of retention for the same")]
    RetentionTwice,
}

impl From<UnfitPolicy> for crate::Refusal {
    fn from(unfit: UnfitPolicy) -> Self {
        match unfit {
            UnfitPolicy::NewerRules(rules) => Self::NewerRules { rules },
            UnfitPolicy::NoRules
            | UnfitPolicy::Labels
            | UnfitPolicy::LabelName
            | UnfitPolicy::Time
            | UnfitPolicy::Limit
            | UnfitPolicy::RetentionRules
            | UnfitPolicy::RetentionMinute
            | UnfitPolicy::RetentionLabel
            | UnfitPolicy::RetentionDays
            | UnfitPolicy::RetentionTwice => Self::BadProposal { reason: unfit.to_string() },
        }
    }
}

impl Policy {
    /// A policy that a site can live under, by rules that this program knows.
    pub fn check(&self) -> Result<(), UnfitPolicy> {
        if self.rules > crate::RULES {
            return Err(UnfitPolicy::NewerRules(self.rules));
        }
        if self.rules == 0 {
            return Err(UnfitPolicy::NoRules);
        }
        if self.labels.len() != 6 {
            return Err(UnfitPolicy::Labels);
        }
        let unnamed = |name: &str| name.is_empty() || name.len() > LABEL_BYTES_MAX;
        if self.labels.iter().any(|label| unnamed(&label.en) || unnamed(&label.ru)) {
            return Err(UnfitPolicy::LabelName);
        }
        let times =
            [self.epoch_ms, self.reservation_ms, self.proposal_ms, self.objection_ms, self.hold_warning_ms];
        if times.iter().any(|ms| *ms < LAPSE_MS_MIN) {
            return Err(UnfitPolicy::Time);
        }
        if self.wrong_passwords_max == 0 || self.statements_per_minute < 10 {
            return Err(UnfitPolicy::Limit);
        }
        self.retention.check()
    }
}

impl Policy {
    /// Whether it takes time or messages away from people that the one before gave them: for a while both count then.
    pub fn shortens(&self, before: &Self) -> bool {
        let keeps = |policy: &Self, kind, label| {
            policy.retention.rule_for(kind, label).map_or(u32::MAX, |(_, days)| days)
        };
        let ranks = (0u8..).map(pki::Clearance).take(RANKS);
        let mut cases = ranks
            .flat_map(|label| [ConversationKind::Private, ConversationKind::Group].map(|kind| (kind, label)));
        self.objection_ms < before.objection_ms
            || self.hold_warning_ms < before.hold_warning_ms
            || cases.any(|(kind, label)| keeps(self, kind, label) < keeps(before, kind, label))
    }
}

/// Longest name of a label in one language, bytes.
pub const LABEL_BYTES_MAX: usize = 120;
