//! What is said of an act whose receipt was lost, where the server does not tell what became of it.
//! Never says that it was done, nor that it was not.

use super::refusal_words::{Words, refusal_words};
use super::words::error_words;
use journal::ids::Index;
use protocol::client::{Error, What};

/// The reasons in words, and to whom to go: of a disk to the administrator, of what contradicts itself to an officer.
pub(super) fn untold_words(entry: Option<Index>, what: Option<What>, code: Option<u16>) -> Words {
    let unread = entry.map(|entry| {
        let en = format!("the server cannot read entry #{entry}, perhaps this very one");
        (en, format!("сервер не может прочесть запись № {entry}, возможно, как раз эту"))
    });
    let unverified = what.map(|what| {
        let words = error_words(&Error::NotVerified { what });
        (words.en, words.ru)
    });
    let refused = code.map(|code| {
        let words = refusal_words(code);
        (
            format!("the server does not show it ({})", words.en),
            format!("сервер этого не показывает ({})", words.ru),
        )
    });
    let whom = match unverified.is_none() && (unread.is_some() || refused.is_some()) {
        true => ("the administrator", "администратору"),
        false => ("an officer", "офицеру"),
    };
    let (mut en, mut ru): (Vec<_>, Vec<_>) = [unread, unverified, refused].into_iter().flatten().unzip();
    if en.is_empty() {
        en.push("what the server answers about its log does not hold".to_owned());
        ru.push("ответы сервера о журнале не сходятся".to_owned());
    }
    Words::new(
        "untold",
        format!(
            "the server's answer was lost, and whether this was done is not known: {}. It was not sent again: check first whether \
             it is there, before you repeat it, and tell {}",
            en.join("; "),
            whom.0
        ),
        format!(
            "ответ сервера потерян, и неизвестно, выполнено ли это: {}. Повторно не отправлено: прежде чем повторять, \
             проверьте, не выполнено ли уже, и сообщите {}",
            ru.join("; "),
            whom.1
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Code;

    #[test]
    fn who_cannot_be_told_what_became_of_an_act_hears_why_and_whom_to_ask() {
        let unread = untold_words(Some(7), None, None);
        assert_eq!(unread.name, "untold");
        assert!(unread.en.contains("cannot read entry #7") && unread.en.ends_with("tell the administrator"));
        assert!(
            unread.ru.contains("запись № 7, возможно, как раз эту.") && unread.ru.ends_with("администратору")
        );
        let lying = untold_words(Some(7), Some(What::Inclusion), None);
        assert!(lying.en.contains("#7") && lying.en.contains("an entry's place in the log does not verify"));
        assert!(lying.ru.contains("место записи в журнале") && lying.ru.ends_with("офицеру"));
        let code = Code::Full.number();
        let refused = untold_words(None, None, Some(code));
        assert!(refused.en.contains(&refusal_words(code).en) && refused.ru.contains(&refusal_words(code).ru));
        for words in [unread, lying, refused, untold_words(None, None, None)] {
            assert!(
                words.en.contains("is not known: ") && words.en.contains("check first whether it is there")
            );
            // An acknowledgement is another thing.
            assert!(!words.ru.contains("подтверждение") && words.ru.starts_with("ответ сервера потерян"));
        }
    }
}
