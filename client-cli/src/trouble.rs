//! Why a command did not do what it was asked: a stable name, words in both languages, and the exit code they go with.
//! Never holds a secret or the text of a message.

use crate::agent::wire::Failure;
use console::{Exit, PromptError, Words};
use link::terminal::TerminalError;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) exit: Exit,
    pub(crate) name: String,
    pub(crate) en: String,
    pub(crate) ru: String,
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
    pub(crate) fn new(exit: Exit, name: &str, words: &dyn Words) -> Self {
        Self { exit, name: name.into(), en: words.en(), ru: words.ru() }
    }

    /// Of words that stand in one place only.
    pub(crate) fn say(exit: Exit, name: &str, en: impl Into<String>, ru: impl Into<String>) -> Self {
        Self { exit, name: name.into(), en: en.into(), ru: ru.into() }
    }

    /// A file or the agent's socket.
    pub(crate) fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        let exit = match error.kind() == std::io::ErrorKind::NotFound {
            true => Exit::Missing,
            false => Exit::Io,
        };
        let path = console::clean(&path.display().to_string());
        use std::io::ErrorKind::{NotFound, PermissionDenied, StorageFull};
        let known = [
            (NotFound, "there is no such file", "такого файла нет"),
            (PermissionDenied, "no permission", "нет прав доступа"),
            (StorageFull, "the disk is full", "диск заполнен"),
        ];
        let known = known.into_iter().find(|(kind, ..)| *kind == error.kind());
        let (en, ru) = known.map_or_else(
            || (error.to_string(), console::cause_ru(&error.to_string())),
            |(_, en, ru)| (en.to_owned(), ru.to_owned()),
        );
        Self::say(exit, "io", format!("{path}: {en}"), format!("{path}: {ru}"))
    }

    /// No agent listens.
    pub(crate) fn no_agent() -> Self {
        Self::say(
            Exit::Missing,
            "no-agent",
            "not logged in: `conclave login` starts the agent",
            "вход не выполнен: агента запускает `conclave login`",
        )
    }

    /// Nothing can be encrypted for this person (`@login`).
    pub(crate) fn cannot_receive(who: &str) -> Self {
        let who = console::clean(who);
        Self::say(
            Exit::No,
            "cannot-receive",
            format!("{who} cannot receive: the certificate of {who} is revoked or no longer valid"),
            format!("{who} не может получать: сертификат {who} отозван или уже не действует"),
        )
    }

    /// What stands where the agent belongs is not this user's alone.
    pub(crate) fn foreign_place(dir: &std::path::Path) -> Self {
        let dir = console::clean(&dir.display().to_string());
        Self::say(
            Exit::NotAllowed,
            "foreign-place",
            format!(
                "{dir}: this directory, or the one above it, is not closed to other users, or another user listens \
                 there; nothing was said. Tell the administrator; XDG_RUNTIME_DIR can name another place"
            ),
            format!(
                "{dir}: этот каталог или каталог над ним открыт другим пользователям, либо там отвечает чужая программа; \
                 ничего не передано. Сообщите администратору; другое место задаёт XDG_RUNTIME_DIR"
            ),
        )
    }

    /// The agent listens, locked.
    pub(crate) fn locked() -> Self {
        Self::say(
            Exit::Missing,
            "locked",
            "the agent is locked: `conclave login` unlocks it",
            "агент заблокирован: его открывает `conclave login`",
        )
    }

    /// The agent locked itself: because of this, where it must not be overlooked.
    pub(crate) fn locked_by(why: Option<&Failure>) -> Self {
        let alarm = why.filter(|why| Exit::of_reason(&why.name) == Exit::Diverged);
        alarm.map_or_else(Self::locked, |why| why.clone().into())
    }

    /// What others erased while the agent was away is still to be asked for.
    pub(crate) fn behind() -> Self {
        Self::say(
            Exit::Missing,
            "behind",
            "the agent still asks what was erased while it was away: try again in a moment",
            "агент ещё узнаёт, что было стёрто без него: повторите чуть позже",
        )
    }

    /// What was waiting when the agent locked.
    pub(crate) fn locked_before_sent() -> Self {
        Self::say(
            Exit::No,
            "locked-before-sent",
            "the agent was locked before it could go: not sent, the text is wiped",
            "агент был заблокирован раньше, чем это ушло: не отправлено, текст затёрт",
        )
    }

    /// A new password that is the old one.
    pub(crate) fn password_unchanged() -> Self {
        Self::say(
            Exit::No,
            "password-unchanged",
            "the new password must be another one than before",
            "новый пароль должен отличаться от прежнего",
        )
    }

    /// The server cannot be asked, and a script wants no answer of before.
    pub(crate) fn no_connection() -> Self {
        Self::say(
            Exit::Missing,
            "no-connection",
            "no connection to the server just now",
            "сейчас нет связи с сервером",
        )
    }

    /// The connection went behind a signed disclosure.
    pub(crate) fn disclosure_unknown() -> Self {
        Self::say(
            Exit::Missing,
            "no-connection",
            "the connection to the server is gone: nothing was written, and whether the disclosure stands in the journal is \
             not known yet. Once the server is back `conclave message show` says so",
            "связь с сервером пропала: файл не записан, а внесено ли раскрытие в журнал, пока не известно. Когда связь \
             появится, это покажет `conclave message show`",
        )
    }

    /// A password that cannot be stretched, or no memory for it.
    pub(crate) fn no_proof() -> Self {
        Self::say(
            Exit::No,
            "password-unfit",
            "the password is empty or too long, or there is no memory to work with it",
            "пароль пуст или слишком длинен, либо не хватает памяти для работы с ним",
        )
    }

    /// What the agent has to say does not fit what it may say at once.
    pub(crate) fn answer_too_long() -> Self {
        Self::say(
            Exit::No,
            "answer-too-long",
            "the answer is longer than the agent can hand over",
            "ответ длиннее, чем агент может передать",
        )
    }

    /// The agent said something that this command did not expect.
    pub(crate) fn odd_answer() -> Self {
        Self::say(
            Exit::Io,
            "agent-answer",
            "the agent answered something unexpected; `conclave logout` and log in again",
            "агент ответил неожиданно; выполните `conclave logout` и войдите заново",
        )
    }
}

impl From<TerminalError> for Trouble {
    fn from(error: TerminalError) -> Self {
        let words = error.words();
        Self { exit: Exit::of_reason(&words.name), name: words.name, en: words.en, ru: words.ru }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self { exit: Exit::of_reason(&failure.name), name: failure.name, en: failure.en, ru: failure.ru }
    }
}

impl From<PromptError> for Trouble {
    fn from(error: PromptError) -> Self {
        Self::new(error.exit(), error.code(), &error)
    }
}
