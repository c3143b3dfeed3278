//! The certificates that a journal made known, as a report lists them.
//! Never judges a path: the Register did when each came in.

use console::Lang;
use console::when::rfc3339;
use journal::ids::Index;
use journal::register::{Certified, Register};
use pki::CertTime;
use serde::Serialize;

/// How long before its end a certificate is told as running out: thirty days.
pub const RUNNING_OUT_MS: u64 = 30 * 86_400_000;

/// A certificate.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateRow {
    /// SHA-256 of its DER, hex.
    pub id: String,
    /// Whose: 16 hex digits; `None` for an authority's.
    pub person: Option<String>,
    /// Login, cleaned.
    pub login: String,
    /// For signatures, or for key agreement.
    pub purpose: Purpose,
    /// First moment at which it is valid, RFC 3339.
    pub from: String,
    /// Last moment.
    pub until: String,
    /// The same, milliseconds since 1970.
    #[serde(skip)]
    pub until_ms: u64,
    /// The entry that made it known.
    pub index: Index,
    /// How it stands behind the last entry, by the last entry's clock.
    pub state: CertificateState,
    /// The entry that revoked it.
    pub revoked: Option<Index>,
}

/// What a certificate's key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Statements and TLS.
    Signature,
    /// Wraps of epoch keys, sealed passwords.
    Agreement,
}

/// How a certificate stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateState {
    /// It may be used.
    Valid,
    /// It may be used for less than [`RUNNING_OUT_MS`] more.
    RunningOut,
    /// Its time is over.
    RanOut,
    /// Its time has not come.
    NotYet,
    /// Two officers have not admitted it.
    NotAdmitted,
    /// Revoked.
    Revoked,
}

impl Purpose {
    /// In words.
    pub fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Signature => lang.pick("signature", "подпись"),
            Self::Agreement => lang.pick("keys", "ключи"),
        }
    }
}

impl CertificateRow {
    /// How it stands, in words.
    pub fn state_words(&self, lang: Lang) -> String {
        let at = self.revoked.map_or_else(String::new, |at| format!(" #{at}"));
        let word = match self.state {
            CertificateState::Valid => lang.pick("valid", "действует"),
            CertificateState::RunningOut => {
                lang.pick("runs out within 30 days", "истекает в течение 30 суток")
            }
            CertificateState::RanOut => lang.pick("ran out", "истёк"),
            CertificateState::NotYet => lang.pick("not valid yet", "ещё не действует"),
            CertificateState::NotAdmitted => {
                lang.pick("not admitted by two officers", "не допущен двумя офицерами")
            }
            CertificateState::Revoked => lang.pick("revoked", "отозван"),
        };
        format!("{word}{at}")
    }
}

/// All certificates, by login, then by the entry that made them known.
pub(crate) fn certificates(register: &Register) -> Vec<CertificateRow> {
    let now_ms = register.floor_ms();
    let mut rows: Vec<_> = register.certificates().map(|found| certificate_row(found, now_ms)).collect();
    rows.sort_by(|a, b| (&a.login, a.index, &a.id).cmp(&(&b.login, b.index, &b.id)));
    rows
}

/// One certificate, as it stands at this time.
pub(crate) fn certificate_row(found: &Certified, now_ms: u64) -> CertificateRow {
    let certificate = found.certificate();
    let until_ms = found.valid_until_ms();
    let state = match (found.revoked, found.admitted, found.valid_at(now_ms)) {
        (Some(_), _, _) => CertificateState::Revoked,
        (None, false, _) => CertificateState::NotAdmitted,
        (None, true, false) if until_ms < now_ms => CertificateState::RanOut,
        (None, true, false) => CertificateState::NotYet,
        (None, true, true) if until_ms - now_ms < RUNNING_OUT_MS => CertificateState::RunningOut,
        (None, true, true) => CertificateState::Valid,
    };
    CertificateRow {
        id: found.id().to_string(),
        person: certificate.person().map(|person| person.to_string()),
        login: console::clean(certificate.login().unwrap_or_default()),
        purpose: if found.key().is_some() { Purpose::Signature } else { Purpose::Agreement },
        from: time(certificate.validity().0),
        until: time(certificate.validity().1),
        until_ms,
        index: found.index,
        state,
        revoked: found.revoked,
    }
}

fn time(at: CertTime) -> String {
    u64::try_from(at.0).map_or_else(|_| at.to_string(), |seconds| rfc3339(seconds.saturating_mul(1000)))
}
