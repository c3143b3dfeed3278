//! The report as one HTML file without script: for a reader who has a browser and nothing of ours, on a screen or on paper.
//! Never adds anything to the report, and knows no clock: the same report in the same language is the same file, byte for byte.

mod anomalies;
mod desk;
mod lists;
mod timeline;
mod verdict;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use console::Lang;
use sha2::{Digest, Sha256};

use crate::html::Html;
use crate::judgement::Judgement;
use crate::report::Report;

/// Rows of one table of the page; the JSON report has more.
pub const PAGE_ROWS_MAX: usize = 1000;
/// Entries that are listed of one kind of anomaly.
pub const PAGE_ANOMALIES_MAX: usize = 100;

/// The style, and nothing of others: its hash stands in the page's policy.
const STYLE: &str = include_str!("style.css");

/// What a page is made of.
pub struct Page<'a> {
    /// The report.
    pub report: &'a Report,
    /// The verdict.
    pub judgement: &'a Judgement,
    /// Its first lines, in the page's language.
    pub said: &'a str,
    /// The heads of which entries were lost, one line each, in the page's language.
    pub lost: &'a [String],
    /// The page's language.
    pub lang: Lang,
}

impl Page<'_> {
    /// The whole file.
    pub fn html(&self) -> String {
        let (lang, report) = (self.lang, self.report);
        let mut html = Html::default();
        html.own("<!DOCTYPE html>\n");
        html.open("html", &[("lang", &lang.name())]);
        html.open("head", &[]);
        html.empty("meta", &[("charset", &"utf-8")]);
        html.empty("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &policy())]);
        html.empty("meta", &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")]);
        html.empty("meta", &[("name", &"referrer"), ("content", &"no-referrer")]);
        html.leaf("title", &[], &format!("{} — {}", title(lang), report.site));
        html.open("style", &[]);
        html.own(STYLE);
        html.close();
        html.close();
        html.open("body", &[]);
        self.verdict(&mut html);
        self.numbers(&mut html);
        self.timeline(&mut html);
        self.anomalies(&mut html);
        self.desk(&mut html);
        self.erasures(&mut html);
        self.people(&mut html);
        self.certificates(&mut html);
        self.acts(&mut html);
        self.claims(&mut html);
        self.footer(&mut html);
        html.finish()
    }

    fn t(&self, en: &'static str, ru: &'static str) -> &'static str {
        self.lang.pick(en, ru)
    }

    /// A list that was cut says so.
    fn more(&self, html: &mut Html, count: u64) {
        if count > 0 {
            let line = self.lang.pick(
                format!("… and {count} more, which are not listed here."),
                format!("… и ещё {count}: здесь не перечислены."),
            );
            html.leaf("p", &[("class", &"quiet")], &line);
        }
    }

    fn head_row(&self, html: &mut Html, heads: &[(&'static str, &'static str)]) {
        html.open("thead", &[]);
        html.open("tr", &[]);
        for (class, head) in heads {
            html.leaf("th", &[("class", class)], head);
        }
        html.close();
        html.close();
    }

    fn row(&self, html: &mut Html, cells: &[(&'static str, String)]) {
        html.open("tr", &[]);
        for (class, cell) in cells {
            html.leaf("td", &[("class", class)], cell);
        }
        html.close();
    }
}

fn title(lang: Lang) -> &'static str {
    lang.pick("Audit report of a Conclave journal", "Отчёт о проверке журнала «Конклава»")
}

/// Nothing is loaded and nothing runs; of styles only the page's own counts.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// `2026-11-21 17:53:08`: the same time as RFC 3339 has it, for eyes. The page says once that all of it is UTC.
fn shown(at: &str) -> String {
    at.replace('T', " ").trim_end_matches('Z').to_owned()
}
