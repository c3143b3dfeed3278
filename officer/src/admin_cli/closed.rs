//! That the site's log was closed into another one, as an office command tells it: by the entries of two officers.
//! Never says more than they do: whether the other log exists and lives is seen there.

use console::when::minute;
use console::{Lang, clean};
use link::terminal::closed_words;
use protocol::client::event::ClosedView;

/// A line behind the other lines of a status; nothing of a log that is open.
pub(super) fn closed_line(view: Option<&ClosedView>, lang: Lang) -> String {
    let Some(view) = view else { return String::new() };
    let (en, ru) = closed_words(view, &minute(view.at_ms), clean);
    lang.pick(format!("\nCLOSED:        {en}"), format!("\nЗАКРЫТ:      {ru}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::act::Successor;
    use journal::ids::LogId;
    use pki::{PersonId, Suite};

    #[test]
    fn a_closed_log_says_by_whom_what_still_goes_and_whom_to_ask() {
        let view = ClosedView {
            index: 1310,
            at_ms: 0,
            officers: vec![(PersonId(1), "olga".into()), (PersonId(2), "oleg".into())],
            successor: Successor { log: LogId([0xab; 32]), suite: Suite::EcdsaP256 },
        };
        let (en, ru) = (closed_line(Some(&view), Lang::En), closed_line(Some(&view), Lang::Ru));
        assert!(en.contains("CLOSED:        for good, by @olga, @oleg, 1970-01-01 "), "{en}");
        assert!(en.contains("#1310") && en.contains("Reading, erasing and leaving still go"), "{en}");
        assert!(ru.contains("спросите @olga, @oleg") && ru.ends_with(&"ab".repeat(32)), "{ru}");
        assert_eq!(closed_line(None, Lang::En), "");
    }
}
