//! That the site's log was closed into another one: a line of a status, a notice.
//! Never tells of it by the server's word: what is told here was read from the entries of two officers.

use console::when::minute;
use console::{Lang, clean};
use link::terminal::closed_words;
use protocol::client::event::ClosedView;

/// By whom, since when, and what still goes: behind the word "closed".
pub(crate) fn closed(view: &ClosedView, lang: Lang) -> String {
    let (en, ru) = closed_words(view, &minute(view.at_ms), clean);
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
