//! Why `conclave-admin` did not do what it was asked: a stable name, words in both languages, and the exit code.
//! Never holds a secret, and never tells more about a refusal than its code does.

use console::{Exit, PromptError, Words, cause_ru};
use link::terminal::{TerminalError, refusal_words};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) exit: Exit,
    pub(super) name: String,
    en: String,
    ru: String,
}

impl Words for Trouble {
    fn en(&self) -> String {
        self.en.clone()
    }
    fn ru(&self) -> String {
        self.ru.clone()
    }
}

impl Trouble {
    /// Of words that are a type of their own.
    pub(super) fn new(exit: Exit, name: &str, words: &dyn Words) -> Self {
        Self { exit, name: name.into(), en: words.en(), ru: words.ru() }
    }

    /// Of words that stand in one place only.
    pub(super) fn say(exit: Exit, name: &str, en: impl Into<String>, ru: impl Into<String>) -> Self {
        Self { exit, name: name.into(), en: en.into(), ru: ru.into() }
    }

    /// The server answered something else than was asked.
    pub(super) fn odd_answer() -> Self {
        Self::say(
            Exit::Io,
            "odd-answer",
            "the server's answer is not one to this question; nothing was done with it",
            "ответ сервера не отвечает на вопрос; он отброшен",
        )
    }

    /// The person decided otherwise.
    pub(super) fn not_confirmed() -> Self {
        Self::say(
            Exit::No,
            "not-confirmed",
            "not confirmed: nothing was done",
            "не подтверждено: ничего не сделано",
        )
    }

    /// What would end one's own session before its answer comes is another's to do.
    pub(super) fn oneself() -> Self {
        Self::say(
            Exit::NotAllowed,
            "oneself",
            "this would end your own session before its answer comes: ask another officer",
            "это прекратило бы ваш собственный сеанс до ответа: обратитесь к другому офицеру",
        )
    }

    /// The system refused something that is no file of ours.
    pub(super) fn system(error: &std::io::Error) -> Self {
        Self::say(
            Exit::Io,
            "system",
            format!("the system refused: {error}"),
            format!("отказ системы: {}", cause_ru(&error.to_string())),
        )
    }

    /// Whether the server refused with this code.
    pub(super) fn is_refusal(&self, code: u16) -> bool {
        self.name == refusal_words(code).name
    }
}

impl From<TerminalError> for Trouble {
    fn from(error: TerminalError) -> Self {
        let words = error.words();
        Self { exit: Exit::of_reason(&words.name), name: words.name, en: words.en, ru: words.ru }
    }
}

impl From<PromptError> for Trouble {
    fn from(error: PromptError) -> Self {
        Self::new(error.exit(), error.code(), &error)
    }
}

impl From<crate::trouble::Trouble> for Trouble {
    fn from(trouble: crate::trouble::Trouble) -> Self {
        Self::new(trouble.exit(), trouble.code(), &trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::Refusal;
    use protocol::client::Error;

    fn refused(code: u16) -> Trouble {
        TerminalError::Command(Error::Refused { code }).into()
    }

    #[test]
    fn refusals_end_with_the_code_that_fits_and_with_their_words() {
        for refusal in
            [Refusal::WrongRole, Refusal::SecondPersonNeeded, Refusal::NotAdmitted, Refusal::Locked]
        {
            assert_eq!(refused(refusal.code()).exit, Exit::NotAllowed, "{refusal}");
        }
        assert_eq!(refused(Refusal::Unchanged.code()).exit, Exit::No);
        assert_eq!(refused(protocol::Code::Full.number()).exit, Exit::Missing);
        assert_eq!(refused(protocol::Code::Login.number()).exit, Exit::NotAllowed);
        assert!(refused(139).is_refusal(139) && !refused(139).is_refusal(140));
    }
}
