//! What first officers gave up, as an office command tells it: by their signatures, which the session verified.
//! Never says that it was right: that enough of them have signed it is all that is proven.

use console::when::{minute, rfc3339};
use console::{Lang, clean};
use link::terminal::words::succession_words;
use protocol::client::event::SuccessionView;
use serde::Serialize;

/// For scripts.
#[derive(Serialize)]
pub(super) struct Succession {
    era: u32,
    at: String,
    kept: u64,
    last_lost: Option<u64>,
    bodies_lost: bool,
    bodies_missing: u64,
    officers: Vec<String>,
}

impl Succession {
    pub(super) fn of(view: &SuccessionView) -> Self {
        Self {
            era: view.era,
            at: rfc3339(view.time_ms),
            kept: view.kept,
            last_lost: view.last_lost(),
            bodies_lost: view.bodies_lost,
            bodies_missing: view.bodies_missing,
            officers: view.officers.iter().map(|(_, login)| login.clone()).collect(),
        }
    }
}

/// When, by whom, how much: in both languages.
pub(super) fn succession_line(view: &SuccessionView) -> (String, String) {
    let who = view.officers.iter().map(|(_, login)| format!("@{}", clean(login))).collect::<Vec<_>>();
    succession_words(view, &minute(view.time_ms), &who.join(", "))
}

/// A line for each, behind the other lines of a status.
pub(super) fn succession_lines(views: &[SuccessionView], lang: Lang) -> String {
    let line = |view: &SuccessionView| {
        let (en, ru) = succession_line(view);
        lang.pick(format!("\nsuccession:    {en}"), format!("\nпреемство:   {ru}"))
    };
    views.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::PersonId;

    #[test]
    fn a_succession_says_who_when_and_how_many() {
        let officers = vec![(PersonId(1), "olga".to_owned()), (PersonId(2), "oleg".to_owned())];
        let (era, kept, known, seen) = (7, 248, 262, 0);
        let view = SuccessionView {
            era,
            kept,
            known,
            seen,
            officers,
            bodies_lost: false,
            time_ms: 0,
            bodies_missing: 2,
            given_up: Vec::new(),
        };
        let line = succession_lines(std::slice::from_ref(&view), Lang::En);
        assert!(line.contains("by decision of @olga, @oleg, in era 7 behind 248 entries"), "{line}");
        assert!(line.ends_with("LOST: 14 at least, #248 to #261; bodies given up: 2"), "{line}");
        let none = succession_lines(&[SuccessionView { known: 248, bodies_missing: 0, ..view }], Lang::Ru);
        assert!(none.ends_with("после записей: 248"), "{none}");
    }
}
