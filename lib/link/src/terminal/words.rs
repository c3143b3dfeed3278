//! Why a terminal cannot work or a command was not done, in words for people.
//! Never shows a foreign text that was not cleaned: certificates' names are left to whoever has the directory.

use super::error::TerminalError;
use super::law_words::CLOCK_BEHIND;
use super::login_words::first_login_words;
use super::refusal_words::{Words, refusal_words};
use super::untold_words::untold_words;
use crate::client::LinkError;
use crate::transport::IDLE_TIMEOUT_MS;
use pki::{CredentialError, CredentialFileError, Fault};
use protocol::client::event::SuccessionView;
use protocol::client::{BadParts, Error, What};

/// Where the reason is an expert's, in the words of a library: a Russian reader is told how to read it.
const DETAILS: &str = "подробности по-английски: --lang en";

/// A connection whose other side is gone without a word ends after so long at the latest; its place is free then.
const TOO_MANY_SECONDS: u32 = IDLE_TIMEOUT_MS / 1000;

impl TerminalError {
    /// The words for people, and the name for scripts.
    pub fn words(&self) -> Words {
        match self {
            Self::CredentialFile(error) => credential_file_words(error),
            Self::Credential(error) => credential_words(error),
            Self::Parts(error) => parts_words(*error),
            Self::OtherLog => Words::new(
                "other-log",
                "this credential has worked with another log than the site card names. Ask an officer before you go on",
                "эти ключи работали с другим журналом, чем назван в карте системы. Прежде чем продолжать, спросите \
                 офицера",
            ),
            Self::OwnCertificate(error) => own_words(&error.why),
            Self::Address { address, error } => Words::new(
                "no-address",
                format!("the address {address} cannot be found: {error}"),
                format!("адрес {address} не найден; проверьте имя и сеть"),
            ),
            Self::Link(error) => link_words(error),
            Self::NoAnswer => Words::new("no-answer", "the server does not answer", "сервер не отвечает"),
            Self::Closed => Words::new("closed", "the connection is closed", "соединение закрыто"),
            Self::Ended { code: 0 } => Words::new(
                "not-verified",
                "the server showed something that does not verify; the session was ended here",
                "сервер предъявил то, что не проходит проверку; сеанс прекращён терминалом",
            ),
            Self::Ended { code } => refusal_words(*code),
            Self::Distrust(distrust) if distrust.rolled_back => Words::new(
                "log-rolled-back",
                format!(
                    "ALARM: the server's log has {} entries, this terminal has seen {}. Nothing was sent. Tell an officer",
                    distrust.theirs.size, distrust.ours.size
                ),
                format!(
                    "ТРЕВОГА: в журнале сервера записей: {}, а этот терминал видел {}. Ничего не отправлено. Сообщите \
                     офицеру",
                    distrust.theirs.size, distrust.ours.size
                ),
            ),
            Self::Distrust(_) => Words::new(
                "log-forked",
                "ALARM: the server's log contradicts what it signed before. Nothing was sent. Tell an officer",
                "ТРЕВОГА: журнал сервера противоречит подписанному ранее. Ничего не отправлено. Сообщите офицеру",
            ),
            Self::FirstLogin => first_login_words(),
            Self::Command(error) => error_words(error),
        }
    }
}

/// The words of a command that was not done.
pub fn error_words(error: &Error) -> Words {
    match error {
        Error::Refused { code } => refusal_words(*code),
        Error::NotVerified { what } => {
            let (en, ru) = what_words(*what);
            Words::new(
                "not-verified",
                format!("{en} does not verify and was not believed"),
                format!("не прошло проверку и отвергнуто: {ru}"),
            )
        }
        Error::NotReady => Words::new("not-logged-in", "not logged in", "вход не выполнен"),
        Error::Busy => {
            Words::new("busy-here", "too many commands at once", "слишком много команд одновременно")
        }
        Error::UnknownPerson { person } => Words::new(
            "unknown-person",
            format!("there is no person {person}"),
            format!("нет человека с номером {person}"),
        ),
        Error::CannotReceive { person } => Words::new(
            "cannot-receive",
            format!("person {person} cannot receive: revoked, or without a valid agreement certificate"),
            format!("{person} не может получать: сертификат отозван или ключ согласования не действует"),
        ),
        Error::UnknownConversation { .. } => Words::new(
            "unknown-conversation",
            "there is no such conversation, or you are not in it",
            "такой беседы нет, или вы в ней не участвуете",
        ),
        Error::UnknownMessage { index } => Words::new(
            "no-such-message",
            format!("there is no message #{index}"),
            format!("нет сообщения № {index}"),
        ),
        Error::TooLong { bytes, limit } => Words::new(
            "too-long",
            format!("{bytes} bytes, at most {limit} are taken"),
            format!("байт: {bytes}, принимается не больше {limit}"),
        ),
        Error::NoKey { epoch } => Words::new(
            "no-key",
            format!("written before you joined (epoch {epoch}); a member can share the history"),
            format!("написано до вашего прихода (эпоха {epoch}); участник может открыть историю"),
        ),
        Error::Outpaced { times } => Words::new(
            "outpaced",
            format!("others changed the conversation {times} times meanwhile; try again"),
            format!("беседа тем временем изменилась (раз: {times}); повторите"),
        ),
        Error::Erased { index } => Words::new(
            "message-erased",
            format!("message #{index} was erased"),
            format!("сообщение № {index} стёрто"),
        ),
        Error::NoFile { index } => Words::new(
            "no-file",
            format!("message #{index} has no file"),
            format!("в сообщении № {index} нет файла"),
        ),
        Error::FileChanged => Words::new(
            "file-changed",
            "the file changed while it was being sent; nothing was sent",
            "файл изменился во время отправки; ничего не отправлено",
        ),
        Error::Key => Words::new(
            "key",
            "the key cannot sign, or its suite is not supported",
            "ключ не может подписать, или его набор алгоритмов не поддерживается",
        ),
        Error::Overtaken => Words::new(
            "overtaken",
            "entries were lost while this was under way (`conclave status`): look again, then repeat it",
            "пока это выполнялось, были утрачены записи (`conclave status`): посмотрите заново и повторите",
        ),
        Error::Ahead => Words::new(
            CLOCK_BEHIND,
            "what the server shows is stamped more than an hour later than this computer's clock shows: set the clock right, \
             or tell the administrator that the server's is wrong",
            "запись сервера помечена временем больше чем на час позже часов этого компьютера: поставьте часы верно или \
             сообщите администратору, что часы сервера неверны",
        ),
        Error::GivenUp { era } => Words::new(
            "given-up",
            format!("lost: given up by the officers when the log went on in era {era} (`conclave status`)"),
            format!(
                "утрачено: офицеры отказались от этого, когда журнал продолжился в эре {era} (`conclave status`)"
            ),
        ),
        Error::Untold { entry, what, code } => untold_words(*entry, *what, *code),
        Error::RecordedAlone { index } => Words::new(
            "recorded-not-written",
            format!(
                "the disclosure is recorded as #{index}, and nobody has the file: disclosing again is recorded again"
            ),
            format!(
                "раскрытие внесено в журнал под № {index}, а файла ни у кого нет: повторное раскрытие станет ещё одной записью"
            ),
        ),
        Error::Stopped => Words::new("stopped", "stopped", "остановлено"),
        Error::Exists { .. } => Words::new(
            "private-exists",
            "you two have a private conversation already",
            "у вас двоих уже есть личная беседа",
        ),
    }
}

/// A succession in a line: when, by whom, and what was given up. `when` and `who` come ready for people.
pub fn succession_words(view: &SuccessionView, when: &str, who: &str) -> (String, String) {
    let (era, kept, bodies) = (view.era, view.kept, view.bodies_missing);
    let mut en = format!("{when}, by decision of {who}, in era {era} behind {kept} entries");
    let mut ru = format!("{when}, по решению {who}, в эре {era} после записей: {kept}");
    if let Some(last) = view.last_lost() {
        let count = last + 1 - kept;
        en.push_str(&format!("; LOST: {count} at least, #{kept} to #{last}"));
        ru.push_str(&format!("; УТРАЧЕНО записей не меньше: {count}, с № {kept} до № {last}"));
    }
    if view.bodies_lost {
        en.push_str("; EVERY BODY of before is lost");
        ru.push_str("; УТРАЧЕНЫ ВСЕ прежние сообщения и файлы");
    } else if bodies > 0 {
        en.push_str(&format!("; bodies given up: {bodies}"));
        ru.push_str(&format!("; утрачено тел: {bodies}"));
    }
    (en, ru)
}

/// What failed to verify, as a noun.
pub fn what_words(what: What) -> (&'static str, &'static str) {
    match what {
        What::Hello => ("the server's greeting", "приветствие сервера"),
        What::Note => ("a checkpoint of the log", "контрольная точка журнала"),
        What::Inclusion => ("an entry's place in the log", "место записи в журнале"),
        What::Consistency => ("the growth of the log", "рост журнала"),
        What::Certificate => ("a certificate", "сертификат"),
        What::Statement => ("a signature", "подпись"),
        What::Membership => ("the conversation's membership", "состав беседы"),
        What::Wrap => ("a key of the conversation", "ключ беседы"),
        What::Body => ("a message's content", "содержание сообщения"),
        What::File => ("the file", "файл"),
        What::Erasure => ("the right to an erasure", "право на стирание"),
        What::KeyRoll => ("a key of the log", "ключ журнала"),
        What::Answer => ("the server's answer", "ответ сервера"),
        What::Enrolment => (
            "a person's certificates: newer ones were proven before",
            "сертификаты человека: прежде доказаны более новые",
        ),
        What::Policy => ("the site's policy", "политика системы"),
        What::Retention => ("a run of the retention schedule", "стирание по сроку хранения"),
        What::Succession => (
            "that the first officers gave up lost entries: the log's era is not proven",
            "решение первых офицеров отказаться от утраченных записей: эра журнала не доказана",
        ),
    }
}

fn credential_file_words(error: &CredentialFileError) -> Words {
    match error {
        CredentialFileError::InUse { path } => Words::new(
            "credential-in-use",
            format!(
                "{} is in use by another program; if that is your agent, `conclave logout` ends it",
                path.display()
            ),
            format!(
                "{} занят другой программой; если это ваш агент, его завершит `conclave logout`",
                path.display()
            ),
        ),
        CredentialFileError::Exists { path } => Words::new(
            "credential-exists",
            format!("{} exists already and is never overwritten", path.display()),
            format!("{} уже есть и никогда не перезаписывается", path.display()),
        ),
        CredentialFileError::Io { path, error } => Words::new(
            "credential-io",
            format!("{}: {error}", path.display()),
            format!("{}: отказ системы ({DETAILS})", path.display()),
        ),
        CredentialFileError::Credential(error) => credential_words(error),
    }
}

fn credential_words(error: &CredentialError) -> Words {
    match error {
        CredentialError::Sealed(_) => Words::new(
            "credential-closed",
            "the credential does not open: wrong passphrase, or a damaged file",
            "ключи не открываются: неверная парольная фраза или повреждённый файл",
        ),
        CredentialError::NotCertified => Words::new(
            "not-certified",
            "there are no certificates yet: `conclave request --take FILE` takes them in",
            "сертификатов ещё нет: их принимает `conclave request --take ФАЙЛ`",
        ),
        CredentialError::NothingPending => Words::new(
            "nothing-pending",
            "no request is open that certificates could answer",
            "нет открытого запроса, на который отвечали бы сертификаты",
        ),
        CredentialError::Unfit { .. } => Words::new(
            "certificates-unfit",
            format!("the certificates do not answer this request: {error}"),
            "сертификаты не отвечают этому запросу (другой ключ, другой человек или другое назначение)",
        ),
        CredentialError::Contents(_) | CredentialError::Key(_) | CredentialError::TooManyKeys => Words::new(
            "credential-damaged",
            format!("the credential cannot be used: {error}"),
            format!("ключи непригодны ({DETAILS})"),
        ),
        CredentialError::Request(_) => Words::new(
            "request",
            format!("the request cannot be made: {error}"),
            format!("запрос не составлен ({DETAILS})"),
        ),
    }
}

fn parts_words(error: BadParts) -> Words {
    match error {
        BadParts::Certificate => Words::new(
            "certificate-unfit",
            "the certificate does not fit its key, or names no person",
            "сертификат не подходит к ключу или не называет человека",
        ),
        BadParts::Identity => Words::new(
            "card-unfit",
            "the site card's log key is not one of its log",
            "ключ журнала в карте системы не относится к её журналу",
        ),
        BadParts::Record => Words::new(
            "record-unfit",
            "the state record holds no checkpoint of this log. Ask an officer before you go on",
            "в записи состояния нет контрольной точки этого журнала. Прежде чем продолжать, спросите офицера",
        ),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other faults of a path are an expert's; the fault's own words serve"
)]
fn own_words(why: &Fault) -> Words {
    match why {
        Fault::NotYetValid { from } => Words::new(
            "own-certificate-not-yet-valid",
            format!("your certificate is valid only from {from} on; is the clock right?"),
            format!("ваш сертификат действует только с {from}; верны ли часы?"),
        ),
        Fault::Expired { until } => Words::new(
            "own-certificate-expired",
            format!("your certificate expired at {until}"),
            format!("срок вашего сертификата истёк {until}"),
        ),
        Fault::UnknownIssuer | Fault::BadSignature => Words::new(
            "own-certificate-foreign",
            "your certificate is not one of this site's authority",
            "ваш сертификат выдан не удостоверяющим центром этой системы",
        ),
        other => Words::new(
            "own-certificate",
            format!("your certificate does not hold: {other}"),
            format!("ваш сертификат не принимается ({DETAILS})"),
        ),
    }
}

fn link_words(error: &LinkError) -> Words {
    match error {
        LinkError::NoAnswer(address) => Words::new(
            "no-answer",
            format!("the server at {address} does not answer"),
            format!("сервер по адресу {address} не отвечает"),
        ),
        LinkError::ServerCertificate(why) => Words::new(
            "server-certificate",
            format!("the server is not the one of the site card: {why}"),
            format!("сервер не тот, что назван в карте системы ({DETAILS})"),
        ),
        LinkError::Refused { alert } => Words::new(
            "connection-refused",
            format!(
                "the server refused the certificate of this terminal: no officer has taken in the authority's bundle with it \
                 yet (conclave-admin submit), or it is revoked, expired or of another site; ask an officer (alert {alert})"
            ),
            format!(
                "сервер не принял сертификат этого терминала: офицер ещё не принял пакет с ним (conclave-admin submit), либо \
                 сертификат отозван, истёк или выдан другой системой; обратитесь к офицеру (код {alert})"
            ),
        ),
        LinkError::Tls(_) | LinkError::Socket(_) | LinkError::Address { .. } => Words::new(
            "no-connection",
            format!("no connection can be made: {error}"),
            format!("соединиться нельзя ({DETAILS})"),
        ),
        LinkError::TooMany => Words::new(
            "too-many-connections",
            format!(
                "the server takes no further connection of yours just now: earlier ones are still being ended, as after \
                 several refused logins, or too many people connect at once. The network works; wait {TOO_MANY_SECONDS} \
                 seconds and try again"
            ),
            format!(
                "сервер пока не принимает от вас ещё одно соединение: прежние ещё завершаются, как после нескольких \
                 отклонённых входов, либо подключается слишком много людей. Сеть исправна; подождите {TOO_MANY_SECONDS} с и \
                 повторите"
            ),
        ),
        LinkError::Connection(error) => Words::new(
            "connection-lost",
            format!("the connection was lost: {error}"),
            "соединение с сервером потеряно",
        ),
        LinkError::NothingToBind => Words::new(
            "connection-lost",
            format!("the connection cannot be used: {error}"),
            "соединение с сервером непригодно",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn whoever_came_too_often_is_told_to_wait_and_not_to_look_at_the_network() {
        let words = link_words(&LinkError::TooMany);
        assert_eq!(words.name, "too-many-connections");
        assert!(words.en.contains("wait 30 seconds") && words.ru.contains("подождите 30 с"));
        let lost = link_words(&LinkError::Connection(quinn::ConnectionError::Reset));
        assert_eq!(lost.en.matches("lost").count(), 1, "{}", lost.en);
    }

    #[test]
    fn a_russian_reader_reads_no_reason_of_a_library() {
        let error = || io::Error::other("english reason");
        let all = [
            link_words(&LinkError::Socket(error())),
            link_words(&LinkError::ServerCertificate("english reason".into())),
            credential_file_words(&CredentialFileError::Io { path: "x".into(), error: error() }),
            TerminalError::Address { address: "x".into(), error: error() }.words(),
        ];
        for words in all {
            assert!(words.en.contains("english"), "{}", words.en);
            assert!(!words.ru.contains("english"), "{}", words.ru);
        }
    }
}
