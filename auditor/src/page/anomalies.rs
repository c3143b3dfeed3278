//! What an auditor should look at, the heaviest first: each kind once, with what it means and what to do.
//! Never mixes what signed entries show with what the server only says: each kind names its grounds.

use std::collections::BTreeMap;

use super::{PAGE_ANOMALIES_MAX, Page, shown};
use crate::advice::advice;
use crate::html::Html;
use crate::report::{Anomaly, AnomalyKind, Grounds};
use crate::report_text::open_line;
use crate::severity::Severity;

/// Anomalies that are told as one.
type Key = (Severity, AnomalyKind, Option<&'static str>, bool);

impl Page<'_> {
    pub(super) fn anomalies(&self, html: &mut Html) {
        html.leaf("h2", &[], self.t("To be looked at", "На что посмотреть"));
        self.successions(html);
        let mut kinds: BTreeMap<Key, Vec<&Anomaly>> = BTreeMap::new();
        for found in &self.report.anomalies {
            let key = (found.severity, found.kind, found.alarm, found.grounds == Grounds::Proven);
            kinds.entry(key).or_default().push(found);
        }
        if kinds.is_empty() && self.report.successions.is_empty() {
            html.leaf("p", &[], self.t("Nothing.", "Ничего."));
        }
        for ((severity, ..), found) in &kinds {
            self.kind(html, *severity, found);
        }
        self.more(html, self.report.anomalies_more);
    }

    /// Entries that were given up are the first thing a reader must know.
    fn successions(&self, html: &mut Html) {
        if self.report.successions.is_empty() {
            return;
        }
        html.open("div", &[("class", &"anomaly critical")]);
        html.open("h3", &[]);
        html.leaf("span", &[("class", &"badge")], Severity::Critical.words(self.lang));
        html.text(self.t("entries were lost, and the log went on", "записи утрачены, журнал продолжен"));
        html.close();
        html.leaf(
            "p",
            &[],
            self.t(
                "Officers signed that entries are lost. What stood in them cannot be known from this journal; whoever keeps \
                 receipts or checkpoints of them should be asked.",
                "Офицеры подписали, что записи утрачены. Что в них стояло, из этого журнала узнать нельзя; спросите тех, у \
                 кого сохранились квитанции или контрольные точки.",
            ),
        );
        html.open("ul", &[]);
        for found in &self.report.successions {
            html.leaf("li", &[], &found.line(self.lang));
        }
        html.close();
        html.close();
    }

    fn kind(&self, html: &mut Html, severity: Severity, found: &[&Anomaly]) {
        let Some(first) = found.first() else { return };
        let advice = advice(first, self.lang);
        let class = match severity {
            Severity::Critical => "anomaly critical",
            Severity::Warning => "anomaly warning",
            Severity::Note => "anomaly note",
        };
        html.open("div", &[("class", &class)]);
        html.open("h3", &[]);
        html.leaf("span", &[("class", &"badge")], severity.words(self.lang));
        html.text(&format!("{} ({})", advice.title, found.len()));
        html.close();
        html.leaf("p", &[("class", &"lead")], advice.means);
        self.labelled(html, self.t("What to do: ", "Что делать: "), advice.todo);
        self.labelled(html, self.t("Rests on: ", "Основание: "), self.grounds(first.grounds));
        html.open("table", &[("class", &"short")]);
        // A column that nobody needs is left out.
        let named =
            found.iter().any(|found| found.who.is_some() || found.other.is_some() || found.open.is_some());
        let mut heads = vec![("n", self.t("entry", "запись")), ("", self.t("when (UTC)", "когда (UTC)"))];
        heads.extend(named.then(|| ("", self.t("about", "о ком, о чём"))));
        self.head_row(html, &heads);
        html.open("tbody", &[]);
        for found in found.iter().take(PAGE_ANOMALIES_MAX) {
            let at = found.at.as_deref().map_or_else(String::new, shown);
            let mut cells = vec![("n", format!("#{}", found.index)), ("t", at)];
            cells.extend(named.then(|| ("", self.about(found))));
            self.row(html, &cells);
        }
        html.close();
        html.close();
        self.more(html, found.len().saturating_sub(PAGE_ANOMALIES_MAX) as u64);
        html.close();
    }

    fn labelled(&self, html: &mut Html, label: &str, text: &str) {
        html.open("p", &[("class", &"lead")]);
        html.leaf("b", &[], label);
        html.text(text);
        html.close();
    }

    fn grounds(&self, grounds: Grounds) -> &'static str {
        match grounds {
            Grounds::Entries => self.t(
                "signed entries: whoever has this journal sees it",
                "подписанные записи: это видит всякий, у кого есть журнал",
            ),
            Grounds::Proven => self.t(
                "the server's word, and evidence that proves it",
                "слова сервера и доказательство, которое их подтверждает",
            ),
            Grounds::Unproven => self.t(
                "the server's word; its evidence does not prove it",
                "слова сервера; сохранённое им этого не доказывает",
            ),
            Grounds::Claim => self.t("the server's word alone", "только слова сервера"),
        }
    }

    fn about(&self, found: &Anomaly) -> String {
        if found.open.is_some() {
            return open_line(found, self.lang);
        }
        let with =
            found.other.map(|other| self.lang.pick(format!("with #{other}"), format!("вместе с #{other}")));
        let to = found.to.as_ref().map(|to| self.lang.pick(format!("to {to}"), format!("на {to}")));
        let parts = [found.who.clone(), with, to];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
