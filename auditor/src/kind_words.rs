//! The kinds of entries in words, for tables that people read.
//! Never the stable names: scripts and filters have those.

use console::Lang;

/// `number`: as in a report, Facts as 1000 + theirs. `None`: of a newer program's kind.
pub fn kind_words(number: u16, lang: Lang) -> Option<&'static str> {
    let (_, en, ru) = WORDS.iter().find(|(known, ..)| *known == number)?;
    Some(lang.pick(en, ru))
}

const WORDS: &[(u16, &str, &str)] = &[
    (1, "founding of the log", "основание журнала"),
    (2, "taking in of the authority's acts", "приём актов удостоверяющего центра"),
    (3, "proposal of an act of two", "предложение акта двоих"),
    (4, "approval of an act of two", "утверждение акта двоих"),
    (5, "withdrawal of a proposal", "отзыв предложения"),
    (6, "succession after a loss", "преемство после утраты"),
    (7, "continuation of another log", "продолжение другого журнала"),
    (10, "login", "вход"),
    (11, "logout", "выход"),
    (12, "new password", "новый пароль"),
    (20, "enrolment", "внесение лица"),
    (21, "revocation", "отзыв лица"),
    (22, "revocation list", "список отзыва"),
    (23, "part of a revocation list", "часть списка отзыва"),
    (24, "envelope printed", "печать конверта"),
    (25, "envelope handed over", "выдача конверта"),
    (26, "envelope voided", "аннулирование конверта"),
    (28, "suspension", "приостановка доступа"),
    (29, "suspension lifted", "возобновление доступа"),
    (30, "lock taken off", "снятие блокировки"),
    (31, "session ended by an officer", "завершение сеанса офицером"),
    (32, "hold on erasure", "запрет на стирание"),
    (33, "attestation of the clock", "заверение часов"),
    (34, "alarm acknowledged", "тревога принята"),
    (35, "alarm closed", "тревога закрыта"),
    (40, "conversation founded", "создание беседы"),
    (41, "invitation", "приглашение"),
    (42, "invitation accepted", "принятие приглашения"),
    (43, "leaving of a conversation", "выход из беседы"),
    (44, "removal from a conversation", "исключение из беседы"),
    (45, "ownership handed over", "передача беседы"),
    (46, "new conversation key", "новый ключ беседы"),
    (47, "history shared", "передача истории"),
    (48, "complaint about a key", "жалоба на ключ"),
    (49, "title of a conversation", "название беседы"),
    (60, "room reserved", "отведение места"),
    (61, "message", "сообщение"),
    (62, "read up to", "отметка о прочтении"),
    (63, "acknowledgement", "подтверждение"),
    (64, "message reported", "заявление о сообщении"),
    (65, "message disclosed", "раскрытие сообщения"),
    (70, "erasure", "стирание"),
    (71, "objection to an erasure", "возражение против стирания"),
    (80, "export by an auditor", "выгрузка аудитором"),
    (81, "backup taken away", "вывоз резервной копии"),
    (82, "finding of an auditor", "замечание аудитора"),
    (1001, "start of the server", "пуск сервера"),
    (1002, "stop of the server", "остановка сервера"),
    (1003, "session ended", "конец сеанса"),
    (1004, "clock step", "сбой часов"),
    (1005, "failed logins", "неудачные входы"),
    (1006, "deadline passed", "наступление срока"),
    (1007, "erasure carried out", "исполнение стирания"),
    (1008, "new log key", "новый ключ журнала"),
    (1009, "alarm", "тревога"),
    (1010, "end of a period", "конец периода"),
    (1011, "run of the retention schedule", "стирание по сроку хранения"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::CLAIMS;
    use journal::act::KINDS;

    #[test]
    fn every_kind_has_words() {
        let claims = CLAIMS.iter().map(|(number, name)| (1000 + number, name));
        let kinds = KINDS.iter().map(|(number, name)| (*number, name));
        for (number, name) in kinds.chain(claims) {
            assert!(kind_words(number, Lang::Ru).is_some(), "{number} {name} has no words");
        }
        assert!(WORDS.is_sorted_by_key(|(number, ..)| *number));
    }
}
