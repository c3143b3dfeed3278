//! The head of the page: verdict, what it means, what it rests on, and the numbers of the log.
//! Never softens a verdict: its word stands first and large.

use super::{Page, shown, title};
use crate::html::Html;
use crate::judgement::Judgement;
use crate::severity::Severity;

impl Page<'_> {
    pub(super) fn verdict(&self, html: &mut Html) {
        let report = self.report;
        html.leaf("h1", &[], title(self.lang));
        let about = match report.entries {
            0 => {
                self.t("Whose journal this is cannot be said.", "Чей это журнал, сказать нельзя.").to_owned()
            }
            _ => self.lang.pick(
                format!("Site: {}. All times are UTC.", report.site),
                format!("Система: {}. Всё время — UTC (всемирное).", report.site),
            ),
        };
        html.leaf("p", &[("class", &"quiet")], &about);
        let (word, means) = self.verdict_words();
        html.open("div", &[("class", &format!("verdict {}", report.verdict))]);
        html.leaf("p", &[("class", &"word")], word);
        html.leaf("p", &[("class", &"means")], means);
        html.open("ul", &[("class", &"lines")]);
        for line in self.said.lines() {
            html.leaf("li", &[], line.trim());
        }
        html.close();
        html.close();
        self.rests_on(html);
    }

    fn verdict_words(&self) -> (&'static str, &'static str) {
        match self.judgement {
            Judgement::Verified => (
                self.t("VERIFIED", "ПРОВЕРЕНО"),
                self.t(
                    "Every entry was replayed by the site's own rules, every signature holds, and a head that was kept outside \
                     of the server confirms the journal as far as stated below.",
                    "Каждая запись повторена по правилам самой системы, все подписи сходятся, и вершина, \
                     хранившаяся вне сервера, подтверждает журнал в указанных ниже пределах.",
                ),
            ),
            Judgement::Unanchored(_) => (
                self.t("NOT ANCHORED", "НЕ СВЕРЕНО"),
                self.t(
                    "The journal agrees with itself and every signature holds. But nothing recent that was kept outside of the \
                     server confirms that this is the journal that everybody else was shown.",
                    "Журнал непротиворечив, все подписи сходятся. Но ничто свежее, хранившееся вне сервера, не подтверждает, \
                     что остальным показывали именно этот журнал.",
                ),
            ),
            Judgement::Incomplete(_) => (
                self.t("INCOMPLETE", "НЕПОЛНО"),
                self.t(
                    "What is here agrees with itself, but parts of the journal are missing. Nothing can be said of what is not \
                     here.",
                    "То, что есть, непротиворечиво, но частей журнала не хватает. О недостающем сказать ничего нельзя.",
                ),
            ),
            Judgement::Diverged(_) => (
                self.t("DIVERGED", "РАСХОЖДЕНИЕ"),
                self.t(
                    "Two heads that both count contradict each other: somebody was shown another journal. Keep this bundle and \
                     the trust file as they are.",
                    "Две действительные вершины противоречат друг другу: кому-то показали другой журнал. Сохраните \
                     эту выгрузку и файл доверия в неизменном виде.",
                ),
            ),
            Judgement::Invalid(_) => (
                self.t("INVALID", "НЕДЕЙСТВИТЕЛЬНО"),
                self.t(
                    "Something in this journal is wrong. What follows describes only the entries before the first bad one, and \
                     proves nothing of the rest.",
                    "В этом журнале что-то неверно. Всё ниже относится только к записям до первой неверной и об остальных \
                     ничего не доказывает.",
                ),
            ),
        }
    }

    /// Coverage and anchors.
    fn rests_on(&self, html: &mut Html) {
        let report = self.report;
        html.leaf("h2", &[], self.t("What the verdict rests on", "На чём основан вывод"));
        html.open("table", &[("class", &"facts")]);
        let mut row = |class: &'static str, name: &str, value: &str| {
            html.open("tr", &[]);
            html.leaf("th", &[], name);
            html.leaf("td", &[("class", &class)], value);
            html.close();
        };
        row("", self.t("Entries that stand", "Записей, выдержавших проверку"), &report.entries.to_string());
        if let Some(bad) = report.first_bad {
            row("", self.t("First bad entry", "Первая неверная запись"), &format!("#{bad}"));
        }
        if report.entries == 0 {
            html.close();
            return;
        }
        row("h", self.t("Log", "Журнал"), &report.log);
        let [from, to] = report.span.each_ref().map(|at| shown(at));
        row(
            "",
            self.t("First and last entry (the server's clock)", "Первая и последняя запись (часы сервера)"),
            &format!("{from} — {to}"),
        );
        if let Some(found) = &report.continues {
            row("", self.t("The log before it", "Журнал до него"), &found.line(self.lang));
        }
        if let Some(found) = &report.closed {
            row("", self.t("The log behind it", "Журнал после него"), &found.line(self.lang));
        }
        let reach = |size: u64| match size.checked_sub(1) {
            None => self.t("nothing", "ничего").to_owned(),
            Some(last) => self.lang.pick(
                format!("up to entry #{last}; {} beyond it", report.entries - size),
                format!("по запись #{last}; после неё: {}", report.entries - size),
            ),
        };
        row(
            "",
            self.t("Confirmed by somebody else's head", "Подтверждено чужой вершиной"),
            &reach(report.by_others),
        );
        if report.by_others < report.anchored {
            let what = self
                .t("As the auditor saw it in an earlier audit", "Как видел сам аудитор при прежней проверке");
            row("", what, &reach(report.anchored));
        }
        for anchor in &report.anchors {
            let from = anchor.file.as_deref().unwrap_or(self.t("trust file", "файл доверия"));
            let what = self.lang.pick(
                format!("{} entries ({from}) {}", anchor.size, anchor.root),
                format!("записей {} ({from}) {}", anchor.size, anchor.root),
            );
            let whose = match anchor.own {
                true => self.t("The auditor's own head that agrees", "Совпавшая вершина самого аудитора"),
                false => self.t("Head from outside that agrees", "Совпавшая вершина извне"),
            };
            row("h", whose, &what);
        }
        let signed = match &report.signed_heads[..] {
            [] => self.t("none", "нет").to_owned(),
            heads => heads.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        row(
            "",
            self.t("Heads in the bundle that the log signed", "Вершины в выгрузке, подписанные журналом"),
            &signed,
        );
        row("h", self.t("Root over all entries", "Корень по всем записям"), &report.root);
        row(
            "h",
            self.t("State behind the last entry (SHA-256)", "Состояние после последней записи (SHA-256)"),
            &report.state,
        );
        html.close();
        if !self.lost.is_empty() {
            html.open("ul", &[]);
            self.lost.iter().for_each(|line| html.leaf("li", &[], line));
            html.close();
        }
    }

    pub(super) fn numbers(&self, html: &mut Html) {
        let report = self.report;
        html.leaf("h2", &[], self.t("At a glance", "Вкратце"));
        html.open("ul", &[("class", &"numbers")]);
        let mut number = |count: String, name: &str| {
            html.open("li", &[]);
            html.leaf("b", &[], &count);
            html.text(name);
            html.close();
        };
        let of = |severity| report.anomalies.iter().filter(|found| found.severity == severity).count();
        number(of(Severity::Critical).to_string(), self.t("critical", "критично"));
        number(of(Severity::Warning).to_string(), self.t("warnings", "внимание"));
        number(of(Severity::Note).to_string(), self.t("notes", "к сведению"));
        number(
            report.successions.len().to_string(),
            self.t("successions after a loss", "преемства после утраты"),
        );
        number(report.people.len().to_string(), self.t("people and machines", "лица и машины"));
        let [all, closed, erased] = report.conversations;
        let conversations = self.lang.pick(
            format!("conversations ({closed} closed, {erased} erased whole)"),
            format!("беседы (закрыто {closed}, стёрто целиком {erased})"),
        );
        number(all.to_string(), &conversations);
        number(report.messages.to_string(), self.t("messages", "сообщения"));
        let erasures = report.erasures.len() as u64 + report.erasures_more;
        number(erasures.to_string(), self.t("erasures", "стирания"));
        html.close();
        self.more_anomalies(html);
    }

    fn more_anomalies(&self, html: &mut Html) {
        if self.report.anomalies_more > 0 {
            let count = self.report.anomalies_more;
            let line = self.lang.pick(
                format!(
                    "{count} more anomalies are neither counted by weight nor listed: there are too many."
                ),
                format!(
                    "Ещё {count} отклонений не разобраны по важности и не перечислены: их слишком много."
                ),
            );
            html.leaf("p", &[], &line);
        }
    }

    pub(super) fn footer(&self, html: &mut Html) {
        html.open("footer", &[]);
        let made = self.lang.pick(
            "Made by conclave-audit from a bundle and a trust file, and from nothing else. The same bundle, trust file and \
             program make the same page, byte for byte: whoever doubts it makes it again. The journal holds who did what and \
             when; it never held what was said.",
            "Составлено программой conclave-audit по выгрузке и файлу доверия, и ни по чему более. Та же выгрузка, тот же \
             файл доверия и та же программа дают ту же страницу байт в байт: кто сомневается, составит её заново. В журнале \
             записано, кто, что и когда сделал; сказанного в нём никогда не было.",
        );
        html.leaf("p", &[], made);
        let version = self.lang.pick(
            format!("Program version {}, report version {}.", env!("CARGO_PKG_VERSION"), self.report.report),
            format!("Версия программы {}, версия отчёта {}.", env!("CARGO_PKG_VERSION"), self.report.report),
        );
        html.leaf("p", &[], &version);
        html.close();
    }
}
