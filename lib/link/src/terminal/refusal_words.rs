//! What a refusal code means, in words for the person who was refused, in both languages.
//! Never tells more than the code does: the server gives no hints, and nothing is guessed here.

mod register;

use protocol::Code;
use register::register_words;

/// One meaning in both languages, with a stable name for scripts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words {
    /// Lowercase with dashes; never changes.
    pub name: String,
    /// For an English reader.
    pub en: String,
    /// For a Russian reader.
    pub ru: String,
}

impl Words {
    pub(super) fn new(name: &str, en: impl Into<String>, ru: impl Into<String>) -> Self {
        Self { name: name.into(), en: en.into(), ru: ru.into() }
    }
}

/// The words of a code of `protocol::Code` or of `journal::Refusal`.
pub fn refusal_words(code: u16) -> Words {
    let (name, en, ru) = match Code::from_number(code) {
        Some(code) => protocol_words(code),
        None => match register_words(code) {
            Some(words) => words,
            None => {
                return Words::new(
                    "refused",
                    format!("the server refused with code {code}, which this program does not know"),
                    format!("сервер отказал с кодом {code}, который этой программе неизвестен"),
                );
            }
        },
    };
    Words::new(name, en, ru)
}

type Row = (&'static str, &'static str, &'static str);

fn protocol_words(code: Code) -> Row {
    match code {
        Code::Protocol => (
            "protocol",
            "the server did not understand this program; are both of the same version?",
            "сервер не понял эту программу; совпадают ли версии?",
        ),
        Code::Login => (
            "login-refused",
            "the login was refused: wrong password, or an account that is locked, suspended or has no envelope. The \
             server does not say which",
            "вход отклонён: неверный пароль либо учётная запись заблокирована, приостановлена или без конверта. Что \
             именно, сервер не говорит",
        ),
        Code::Certificate => (
            "certificate-refused",
            "the server does not accept the certificate: no officer has taken in the authority's bundle with it yet \
             (conclave-admin submit), it was revoked, or its time is over by the server's clock. Ask an officer",
            "сервер не принимает сертификат: офицер ещё не принял пакет удостоверяющего центра с этим сертификатом \
             (conclave-admin submit), сертификат отозван, либо его срок по часам сервера истёк. Обратитесь к офицеру",
        ),
        Code::Busy => {
            ("busy", "the server is busy; try again in a moment", "сервер занят; повторите чуть позже")
        }
        Code::Statement => (
            "statement-refused",
            "the server does not accept the signature or the form of this act",
            "сервер не принимает подпись или форму этого действия",
        ),
        Code::Body => (
            "body-refused",
            "the content does not fit what was signed",
            "содержимое не соответствует подписанному",
        ),
        Code::Wraps => (
            "wraps-refused",
            "the keys for the members do not fit; try again",
            "ключи для участников не подошли; повторите",
        ),
        Code::NotFound => {
            ("not-found", "there is no such thing, or it is not for you", "такого нет, или это не для вас")
        }
        Code::Full => (
            "full",
            "the server's storage is full: only erasing is possible",
            "хранилище сервера заполнено: можно только стирать",
        ),
        Code::Replaced => {
            ("replaced", "another session of yours took over", "работу продолжил другой ваш сеанс")
        }
        Code::Expelled => (
            "expelled",
            "an officer ended the session, or the certificate was revoked",
            "офицер прекратил сеанс, или сертификат отозван",
        ),
        Code::Stopping => ("stopping", "the server is stopping", "сервер останавливается"),
        Code::Idle => ("idle", "nothing was heard for too long", "слишком долго не было связи"),
        Code::Erased => ("erased", "it was erased", "стёрто"),
        Code::Damaged => (
            "damaged",
            "the server cannot find or open it; an alarm was raised there",
            "сервер не находит или не открывает это; поднята тревога",
        ),
        Code::TooManyPeople => (
            "too-many-people",
            "the server's store keeps the passwords of as many people as it can; nothing of this bundle was taken \
             in. Revoke those who have left with conclave-admin revoke, and bring the same bundle again: what the authority issues \
             later waits behind it",
            "хранилище сервера уже хранит пароли стольких людей, сколько может; из этого пакета не принято ничего. Отзовите \
             тех, кто ушёл, командой conclave-admin revoke и принесите тот же пакет снова: всё, что центр выдаст позже, ждёт за ним",
        ),
        Code::NoRoom => (
            "no-room",
            "the file is larger than the room that the server has left for files (`conclave-admin status` says how much; its \
             administrator adds some by `conclaved store grow`); messages still go through",
            "файл больше места, которое на сервере осталось для файлов (сколько его, скажет `conclave-admin status`; добавляет его \
             администратор: `conclaved store grow`); сообщения по-прежнему принимаются",
        ),
        Code::LoggedOut => ("logged-out", "the session was ended by logging out", "сеанс завершён выходом"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::refusal::REFUSALS;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_words_in_both_languages() {
        let codes = REFUSALS.iter().map(|(code, _)| *code).chain(Code::ALL.map(Code::number));
        let mut names = BTreeSet::new();
        for code in codes {
            let words = refusal_words(code);
            assert_ne!(words.name, "refused", "code {code}");
            assert!(names.insert(words.name.clone()), "{} twice", words.name);
            assert!(words.ru.chars().any(|c| ('а'..='я').contains(&c)), "code {code}");
            assert!(words.en.is_ascii(), "code {code}");
        }
    }

    #[test]
    fn no_words_are_left_over() {
        let known: BTreeSet<u16> = REFUSALS.iter().map(|(code, _)| *code).collect();
        let stale: Vec<u16> =
            (0..2000).filter(|code| register_words(*code).is_some() && !known.contains(code)).collect();
        assert_eq!(stale, Vec::<u16>::new());
    }

    #[test]
    fn a_code_of_tomorrow_is_told_by_its_number() {
        assert!(refusal_words(9999).en.contains("9999"));
    }
}
