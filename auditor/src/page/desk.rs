//! What was given away of conversations, and what was raised with what came of it, as tables of the page.
//! Never a text of anybody: who, when, which message, and a word of a list.

use super::{Page, shown};
use crate::html::Html;

impl Page<'_> {
    pub(super) fn desk(&self, html: &mut Html) {
        let title = self.t("What was given away and what was raised", "Что раскрыто и о чём сообщено");
        html.leaf("h2", &[], title);
        html.leaf(
            "p",
            &[("class", &"quiet lead")],
            self.t(
                "Messages that a member gave to somebody outside: from then on that one may read and prove them. The journal holds \
                 that it was done, not to whom.",
                "Сообщения, которые участник передал постороннему: с тех пор тот может их читать и доказывать. В журнале записано, \
                 что это сделано, но не кому.",
            ),
        );
        let heads = [
            ("n", self.t("entry", "запись")),
            ("", self.t("when (UTC)", "когда (UTC)")),
            ("", self.t("by", "кто")),
            ("n", self.t("message", "сообщение")),
            ("n", self.t("conversation", "беседа")),
            ("", self.t("written by", "автор")),
        ];
        self.table(html, &heads, &self.report.disclosures, self.report.disclosures_more, |row| {
            let conversation = row.conversation.map_or_else(String::new, |number| format!("#{number}"));
            vec![
                ("n", format!("#{}", row.index)),
                ("t", shown(&row.at)),
                ("w", row.by.clone()),
                ("n", format!("#{}", row.message)),
                ("n", conversation),
                ("w", row.author.clone().unwrap_or_default()),
            ]
        });
        html.leaf(
            "p",
            &[("class", &"quiet lead")],
            self.t(
                "Alarms are the server's word; reports and findings are signed. Officers acknowledge and close them.",
                "Тревоги — слова сервера; сообщения о нарушениях и замечания подписаны. Подтверждают и закрывают их офицеры.",
            ),
        );
        let heads = [
            ("n", self.t("entry", "запись")),
            ("", self.t("when (UTC)", "когда (UTC)")),
            ("", self.t("by", "кто")),
            ("", self.t("what", "что")),
            ("n", self.t("times", "раз")),
            ("", self.t("what came of it", "чем кончилось")),
        ];
        self.table(html, &heads, &self.report.raised, self.report.raised_more, |row| {
            let by = row.by.clone().unwrap_or_else(|| self.t("the server", "сервер").to_owned());
            vec![
                ("n", format!("#{}", row.index)),
                ("t", shown(&row.at)),
                ("w", by),
                ("", row.words(self.lang)),
                ("n", row.times.to_string()),
                ("", row.state_words(self.lang)),
            ]
        });
    }
}
