//! The tables of the page: people, certificates, erasures, acts, claims.
//! Never shows more rows than a page takes, and says how many more there are.

use pki::{Clearance, Role};

use super::{PAGE_ROWS_MAX, Page, shown};
use crate::erasures::ErasureRow;
use crate::html::Html;
use crate::kind_words::kind_words;
use crate::names::{label, role};
use crate::report::{BY_SCHEDULE, KindRow, PersonRow};

impl Page<'_> {
    /// A table of rows, cut where there are too many.
    pub(super) fn table<T>(
        &self,
        html: &mut Html,
        heads: &[(&'static str, &'static str)],
        rows: &[T],
        more: u64,
        cells: impl Fn(&T) -> Vec<(&'static str, String)>,
    ) {
        if rows.is_empty() {
            html.leaf("p", &[], self.t("None.", "Нет."));
            return;
        }
        html.open("table", &[]);
        self.head_row(html, heads);
        html.open("tbody", &[]);
        rows.iter().take(PAGE_ROWS_MAX).for_each(|row| self.row(html, &cells(row)));
        html.close();
        html.close();
        self.more(html, more + rows.len().saturating_sub(PAGE_ROWS_MAX) as u64);
    }

    pub(super) fn people(&self, html: &mut Html) {
        html.leaf("h2", &[], self.t("People", "Люди"));
        let heads = [
            ("", self.t("login", "имя входа")),
            ("", self.t("name", "имя")),
            ("", self.t("roles", "роли")),
            ("", self.t("clearance", "допуск")),
            ("n", self.t("signed", "подписал")),
            ("n", self.t("enrolled in", "внесён в")),
            ("", self.t("state", "состояние")),
        ];
        self.table(html, &heads, &self.report.people, 0, |row| {
            let roles = row.roles.iter().filter_map(|name| Role::from_name(name));
            let roles: Vec<&str> = roles.map(|one| role(one, self.lang)).collect();
            vec![
                ("w", row.login.clone()),
                ("", row.name.clone()),
                ("", roles.join(", ")),
                ("", label(&self.report.labels, Clearance(row.clearance), self.lang)),
                ("n", row.signed.to_string()),
                ("n", format!("#{}", row.enrolled)),
                ("", self.person_state(row)),
            ]
        });
    }

    fn person_state(&self, row: &PersonRow) -> String {
        let state = [
            (row.revoked, self.t("revoked", "отозван")),
            (row.suspended, self.t("suspended", "приостановлен")),
            (row.locked, self.t("locked", "заблокирован")),
        ];
        let state: Vec<String> =
            state.iter().filter_map(|(at, word)| Some(format!("{word} #{}", (*at)?))).collect();
        if state.is_empty() { self.t("in force", "действует").to_owned() } else { state.join(", ") }
    }

    pub(super) fn certificates(&self, html: &mut Html) {
        html.leaf("h2", &[], self.t("Certificates", "Сертификаты"));
        html.leaf(
            "p",
            &[("class", &"quiet lead")],
            self.t(
                "Two for each person: one signs, one has conversation keys wrapped to it. Their state is that of the last entry.",
                "По два на каждого: один для подписи, другой для ключей бесед. Состояние — на момент последней записи.",
            ),
        );
        let heads = [
            ("", self.t("login", "имя входа")),
            ("", self.t("for", "для чего")),
            ("", self.t("from", "с")),
            ("", self.t("until", "по")),
            ("n", self.t("entry", "запись")),
            ("", self.t("state", "состояние")),
            ("", self.t("SHA-256, beginning", "SHA-256, начало")),
        ];
        self.table(html, &heads, &self.report.certificates, 0, |row| {
            vec![
                ("w", row.login.clone()),
                ("", row.purpose.words(self.lang).to_owned()),
                ("t", row.from.chars().take(10).collect()),
                ("t", row.until.chars().take(10).collect()),
                ("n", format!("#{}", row.index)),
                ("", row.state_words(self.lang)),
                ("h", row.id.chars().take(16).collect()),
            ]
        });
    }

    pub(super) fn erasures(&self, html: &mut Html) {
        html.leaf("h2", &[], self.t("Erasures", "Стирания"));
        html.leaf(
            "p",
            &[("class", &"quiet lead")],
            self.t(
                "Who asked is signed, and the right was checked by the rules. That the bodies are gone is the server's word.",
                "Кто просил — подписано, право проверено по правилам. Что содержимого больше нет — утверждает сервер.",
            ),
        );
        let heads = [
            ("n", self.t("entry", "запись")),
            ("", self.t("when (UTC)", "когда (UTC)")),
            ("", self.t("by", "кто")),
            ("", self.t("what", "что")),
            ("", self.t("by which right", "по какому праву")),
            ("", self.t("done (the server's word)", "исполнено (со слов сервера)")),
        ];
        self.table(html, &heads, &self.report.erasures, self.report.erasures_more, |row| {
            let done =
                row.done.map_or_else(|| self.t("pending", "ожидает").to_owned(), |at| format!("#{at}"));
            vec![
                ("n", format!("#{}", row.index)),
                ("t", shown(&row.at)),
                ("w", self.erased_by(row)),
                ("", self.erased_what(row)),
                ("", self.erased_right(row)),
                ("", done),
            ]
        });
    }

    fn erased_by(&self, row: &ErasureRow) -> String {
        match row.by == BY_SCHEDULE && row.conversation.is_none() {
            true => self.t("nobody: the schedule", "никто: срок хранения").to_owned(),
            false => row.by.clone(),
        }
    }

    fn erased_what(&self, row: &ErasureRow) -> String {
        let place = row.conversation.map_or_else(String::new, |number| format!("#{number}"));
        match row.messages {
            Some(n) if row.conversation.is_none() => {
                self.lang.pick(format!("messages: {n}"), format!("сообщений: {n}"))
            }
            Some(n) => {
                self.lang.pick(format!("messages in {place}: {n}"), format!("сообщений в {place}: {n}"))
            }
            None => {
                self.lang.pick(format!("conversation {place}, all of it"), format!("беседа {place} целиком"))
            }
        }
    }

    fn erased_right(&self, row: &ErasureRow) -> String {
        let right = row
            .right
            .map_or(self.t("not worked out", "не выяснено"), |right| right.words(self.lang));
        match &row.order {
            None => right.to_owned(),
            Some(order) => self.lang.pick(
                format!("{right} No. {} (#{}, #{})", order.number, order.proposal, order.approve),
                format!("{right} № {} (#{}, #{})", order.number, order.proposal, order.approve),
            ),
        }
    }

    pub(super) fn acts(&self, html: &mut Html) {
        html.leaf("h2", &[], self.t("Signed acts", "Подписанные акты"));
        self.kinds(html, &self.report.acts);
    }

    pub(super) fn claims(&self, html: &mut Html) {
        html.open("div", &[("class", &"claims")]);
        html.leaf("h2", &[], self.t("What only the server says", "Что утверждает только сервер"));
        html.leaf(
            "p",
            &[("class", &"lead")],
            self.t(
                "No person signed these entries. That they stand at their place in the journal is proven; that they are true is \
                 not. By the rules none of them can grant anybody anything.",
                "Эти записи не подписывал никто из людей. Доказано, что они стоят в журнале на своём месте; что они правдивы — \
                 не доказано. По правилам ни одна из них никому ничего не даёт.",
            ),
        );
        self.kinds(html, &self.report.claims);
        html.close();
    }

    fn kinds(&self, html: &mut Html, rows: &[KindRow]) {
        let heads = [
            ("", self.t("kind", "вид")),
            ("", self.t("name in filters", "имя в отборах")),
            ("n", self.t("entries", "записей")),
        ];
        self.table(html, &heads, rows, 0, |row| {
            let words = kind_words(row.kind, self.lang).unwrap_or(row.name);
            vec![("", words.to_owned()), ("", row.name.to_owned()), ("n", row.count.to_string())]
        });
    }
}
