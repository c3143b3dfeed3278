//! What is wrong with an entry, in words.
//! Never says who is at fault: the entry says it of itself.

use console::Lang;
use journal::entry::BadEntry;
use journal::replay::Fault;
use journal::statement::BadStatement;

/// What is wrong with an entry.
pub fn fault(fault: &Fault, lang: Lang) -> String {
    match fault {
        Fault::Entry(BadEntry::Newer(version)) => newer(*version, lang),
        Fault::Entry(BadEntry::TooLong(_) | BadEntry::NotCanonical(_)) => {
            lang.pick("its bytes are no entry of a journal", "её байты — не запись журнала").to_owned()
        }
        Fault::Statement(BadStatement::Newer(version)) => newer(*version, lang),
        Fault::Statement(BadStatement::NotCanonical(_) | BadStatement::OutOfBounds(_)) => {
            lang.pick("what it holds is no statement", "её содержимое — не заявление").to_owned()
        }
        Fault::Statement(BadStatement::WrongSuite { .. }) => lang
            .pick(
                "it names another signature algorithm than the signer's certificate",
                "в ней назван не тот алгоритм подписи, что в сертификате подписавшего",
            )
            .to_owned(),
        Fault::Statement(BadStatement::BadSignature(_)) => lang
            .pick(
                "the signature does not verify: the entry was changed, or signed with another key",
                "подпись не сходится: запись изменена или подписана другим ключом",
            )
            .to_owned(),
        Fault::Genesis(why) => match lang {
            Lang::En => format!("the first entry founds no log: {why}"),
            Lang::Ru => "первая запись не основывает журнал".to_owned(),
        },
        Fault::UnknownCertificate { certificate } => format!(
            "{} {certificate}",
            lang.pick(
                "it is signed with a certificate that the journal never made known,",
                "она подписана сертификатом, которого в журнале не было,"
            )
        ),
        Fault::Refused(refusal) => {
            let (rule, code) = (rule(refusal.code(), lang), refusal.code());
            match lang {
                Lang::En => format!("{rule} (rule {code}: {refusal})"),
                Lang::Ru => format!("{rule} (правило {code})"),
            }
        }
        Fault::OtherLog { expected, found } => {
            let words = lang
                .pick("this is another log than the trust file's", "это не тот журнал, что в файле доверия");
            format!("{words}\n  {found}\n  {expected}")
        }
    }
}

/// The families of refusals (FORMAT.md), as an auditor should read them.
fn rule(code: u16, lang: Lang) -> &'static str {
    match code {
        100..=109 => lang.pick(
            "it does not continue what its signer said before: something was dropped, moved, inserted or changed here",
            "она не продолжает сказанное её автором: здесь что-то выброшено, переставлено, вставлено или изменено",
        ),
        110..=129 => lang.pick(
            "its signer had no right to act at this point",
            "её автор в этот момент не имел права действовать",
        ),
        130..=149 => lang.pick(
            "it contradicts what the journal says about people, certificates or envelopes",
            "она противоречит сведениям журнала о людях, сертификатах или конвертах",
        ),
        150..=169 => lang.pick(
            "the rules of conversations do not allow it here",
            "правила бесед этого здесь не допускают",
        ),
        170..=189 => lang.pick(
            "the rules of messages, keys and files do not allow it here",
            "правила сообщений, ключей и файлов этого здесь не допускают",
        ),
        190..=194 => lang.pick("its author had no right to erase this", "её автор не вправе это стирать"),
        200..=209 => lang.pick(
            "the server could not truthfully claim this here",
            "сервер не мог правдиво утверждать это здесь",
        ),
        254 => lang.pick(
            "two officers had closed the log before it: nothing new was to be said",
            "двое офицеров закрыли журнал раньше: нового в нём уже не писали",
        ),
        _ => lang.pick("the rules do not allow it here", "правила этого здесь не допускают"),
    }
}

fn newer(version: u8, lang: Lang) -> String {
    lang.pick(
        format!("its format version {version} is newer than this program reads"),
        format!("её формат версии {version} новее, чем читает эта программа"),
    )
}
