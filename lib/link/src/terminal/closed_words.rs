//! That the log was closed, in words for people: what still goes, and who knows where to go on.
//! Never says where the new site is: that its officers tell, with its card.

use protocol::client::event::ClosedView;
use serde::Serialize;

/// The same for scripts.
#[derive(Serialize)]
pub struct ClosedRow {
    index: u64,
    at: String,
    officers: Vec<String>,
    successor: String,
    suite: &'static str,
}

impl ClosedRow {
    /// `at`: since when, as scripts read it (RFC 3339).
    pub fn of(view: &ClosedView, at: String) -> Self {
        Self {
            index: view.index,
            at,
            officers: view.officers.iter().map(|(_, login)| login.clone()).collect(),
            successor: view.successor.log.to_string(),
            suite: view.successor.suite.name(),
        }
    }
}

/// Behind the word "closed": by whom, since when, what goes on; `when` as people read it, `shown` makes a login fit for
/// the screen.
pub fn closed_words(view: &ClosedView, when: &str, shown: impl Fn(&str) -> String) -> (String, String) {
    let (index, log) = (view.index, view.successor.log);
    let who: Vec<String> = view.officers.iter().map(|(_, login)| format!("@{}", shown(login))).collect();
    let who = who.join(", ");
    (
        format!(
            "for good, by {who}, {when}, #{index}: nothing new is said here. Reading, erasing and leaving still go. Where \
             to write now, and by which keys, ask {who}; log {log} goes on"
        ),
        format!(
            "навсегда, решение {who}, {when}, запись № {index}: нового здесь не пишут. Читать, стирать и выходить из \
             бесед по-прежнему можно. Где писать теперь и с какими ключами, спросите {who}; продолжение — журнал {log}"
        ),
    )
}
