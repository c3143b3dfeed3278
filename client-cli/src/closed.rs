//! That the site's log was closed into another one: a line of a status, a notice, and for scripts.
//! Never tells of it by the server's word: what is told here was read from the entries of two officers.

use console::when::{minute, rfc3339};
use console::{Lang, clean};
use link::terminal::closed_words;
use protocol::client::event::ClosedView;
use serde::Serialize;

/// For scripts.
#[derive(Serialize)]
pub(crate) struct ClosedJson {
    index: u64,
    at: String,
    officers: Vec<String>,
    successor: String,
    suite: &'static str,
}

impl ClosedJson {
    pub(crate) fn of(view: &ClosedView) -> Self {
        Self {
            index: view.index,
            at: rfc3339(view.at_ms),
            officers: view.officers.iter().map(|(_, login)| login.clone()).collect(),
            successor: view.successor.log.to_string(),
            suite: view.successor.suite.name(),
        }
    }
}

/// By whom, since when, and what still goes: behind the word "closed".
pub(crate) fn closed(view: &ClosedView, lang: Lang) -> String {
    let who: Vec<String> = view.officers.iter().map(|(_, login)| format!("@{}", clean(login))).collect();
    let (en, ru) = closed_words(view, &minute(view.at_ms), &who.join(", "));
    lang.pick(en, ru)
}

/// The same as a sentence of its own.
pub(crate) fn notice(view: &ClosedView, lang: Lang) -> String {
    format!(
        "{} {}",
        lang.pick("NOTICE: the site's log is closed", "ВНИМАНИЕ: журнал системы закрыт"),
        closed(view, lang)
    )
}
