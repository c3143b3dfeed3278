//! Registers for inspectors: what was done about envelopes, people, keys, erasures, holds or exports in a period, with the
//! state behind the journal's last entry.
//! Never made of a journal that was not verified: the command sees to that. All times are UTC.

mod csv;
mod gather;
mod state;

use clap::ValueEnum;
use console::when::rfc3339;
use console::{Lang, count_en, count_ru};
use journal::ids::Index;

use crate::audit::Audit;
use crate::names::hex;

pub use csv::csv;
pub use gather::Gatherer;

/// Rows of one register; a longer one is refused, and a shorter period is asked for.
pub const REGISTER_ROWS_MAX: usize = 200_000;

/// What a register is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum RegisterKind {
    /// Paper envelopes with one-time passwords.
    Envelopes,
    /// Who was enrolled, suspended, locked, revoked.
    People,
    /// Certificates, period keys of the log, revocations.
    Keys,
    /// Erasures, orders of two officers, runs of the retention schedule.
    Erasures,
    /// Holds on erasure.
    Holds,
    /// What auditors and administrators took out.
    Exports,
    /// Messages that members gave to people outside.
    Disclosures,
    /// Alarms, reports, findings, and what officers did about them.
    Findings,
}

impl RegisterKind {
    /// The stable word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Envelopes => "envelopes",
            Self::People => "people",
            Self::Keys => "keys",
            Self::Erasures => "erasures",
            Self::Holds => "holds",
            Self::Exports => "exports",
            Self::Disclosures => "disclosures",
            Self::Findings => "findings",
        }
    }

    /// The title of the register.
    pub fn title(self, lang: Lang) -> &'static str {
        match self {
            Self::Envelopes => lang.pick("Register of envelopes", "Реестр конвертов"),
            Self::People => lang.pick("Register of people", "Реестр лиц"),
            Self::Keys => lang.pick("Register of keys and certificates", "Реестр ключей и сертификатов"),
            Self::Erasures => lang.pick("Register of erasures", "Реестр стираний"),
            Self::Holds => lang.pick("Register of holds on erasure", "Реестр запретов на стирание"),
            Self::Exports => lang.pick("Register of exports", "Реестр выгрузок"),
            Self::Disclosures => lang.pick("Register of disclosures", "Реестр раскрытых сообщений"),
            Self::Findings => {
                lang.pick("Register of alarms, reports and findings", "Реестр тревог, сообщений и замечаний")
            }
        }
    }
}

/// Days, both included, UTC. What was stamped ahead, before two officers set the journal's time back, belongs to the day set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period {
    /// The first moment.
    pub from_ms: u64,
    /// The last.
    pub to_ms: u64,
}

/// One row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegisterRow {
    /// The entry.
    pub index: Index,
    /// Its time, `2026-11-21 17:53:08`, UTC, by the server's clock.
    pub at: String,
    /// Who signed it; the server for its own claims.
    pub who: String,
    /// What was done.
    pub what: String,
    /// How it stands behind the last entry.
    pub state: String,
}

impl RegisterRow {
    /// In the order of the columns.
    pub fn cells(&self) -> Vec<String> {
        let Self { index, at, who, what, state } = self;
        vec![index.to_string(), at.clone(), who.clone(), what.clone(), state.clone()]
    }
}

/// The columns' names.
pub fn columns(lang: Lang) -> [&'static str; 5] {
    lang.pick(
        ["entry", "time (UTC)", "who", "what", "state at the end"],
        ["запись", "время (UTC)", "кто", "что", "состояние в конце"],
    )
}

/// At the head of each page: the journal, what the register rests on, the period, and as of when its states are.
pub fn head(audit: &Audit, period: Period, rows: usize, lang: Lang) -> Vec<String> {
    let (verdict, register) = (audit.replay.verdict(), audit.replay.register());
    let site = register.site().map(|site| console::clean(&site.name)).unwrap_or_default();
    let log = &verdict.log.to_string()[..16];
    let root = &hex(&verdict.head.root)[..16];
    let (size, last) = (verdict.head.size, verdict.head.size.saturating_sub(1));
    let others = match audit.by_others.checked_sub(1) {
        None => lang
            .pick("compared with nobody else's head".to_owned(), "с чужой вершиной не сверялось".to_owned()),
        Some(to) => lang.pick(
            format!(
                "confirmed by somebody else's head up to entry #{to}, {} beyond it",
                size - audit.by_others
            ),
            format!("подтверждено чужой вершиной по запись #{to}, после неё: {}", size - audit.by_others),
        ),
    };
    let day = |ms| rfc3339(ms).chars().take(10).collect::<String>();
    let (from, to, at) = (day(period.from_ms), day(period.to_ms), shown(verdict.span_ms.1));
    let entries =
        lang.pick(count_en(size, "entry", "entries"), count_ru(size, "запись", "записи", "записей"));
    lang.pick(
        vec![
            format!("Site: {site}. Log {log}…"),
            format!("VERIFIED: {entries}, root {root}…, {others}"),
            format!(
                "Period {from} to {to}, both included. All times are UTC, by the server's clock. Rows: {rows}"
            ),
            format!("States as of the last entry, #{last}, {at}"),
        ],
        vec![
            format!("Система: {site}. Журнал {log}…"),
            format!("ПРОВЕРЕНО: {entries}, корень {root}…, {others}"),
            format!("Период с {from} по {to} включительно. Всё время — UTC, по часам сервера. Строк: {rows}"),
            format!("Состояния — на последнюю запись, #{last}, {at}"),
        ],
    )
}

/// `2026-11-21 17:53:08`.
pub(crate) fn shown(at_ms: u64) -> String {
    rfc3339(at_ms).replace('T', " ").trim_end_matches('Z').to_owned()
}
