//! How messages look, to people and to scripts.
//! Never shows a byte of foreign text that was not cleaned. People read the time of their own terminal, scripts UTC.

use crate::names::{Names, precedence};
use console::when::{bytes, minute, rfc3339};
use console::{Lang, clean, clean_lines};
use journal::act::Precedence;
use link::terminal::words::what_words;
use link::terminal::{CLOCK_BEHIND, role_words};
use pki::Role;
use protocol::client::event::{Content, ErasedBy, Eraser, FileView, MessageView, SuccessionView};
use serde::Serialize;

/// Spaces before the lines of a text, so that no text can pass for one of our own lines.
const MARGIN: &str = "    ";
/// The mark of a message that asks for an acknowledgement.
const ACKNOWLEDGE: (&str, &str) = ("  [acknowledge]", "  [подтвердить]");

/// Who signed a succession: `@olga, @oleg`.
pub(crate) fn officers(view: &SuccessionView) -> String {
    view.officers.iter().map(|(_, login)| format!("@{}", clean(login))).collect::<Vec<_>>().join(", ")
}

/// The roles of a certificate, for people.
pub(crate) fn roles(roles: impl Iterator<Item = Role>, lang: Lang) -> String {
    let words = roles.map(|role| {
        let (en, ru) = role_words(role);
        lang.pick(en, ru)
    });
    words.collect::<Vec<_>>().join(", ")
}

/// That an erasure is ahead of this computer's clock, and what that means here.
pub(crate) fn clock_ahead(index: u64, lang: Lang) -> String {
    lang.pick(
        format!(
            "one of two clocks is wrong: erasure #{index} is stamped more than an hour later than this computer's clock. The \
             agent has let go of the messages that it held and shows what the server still gives; it tries again. Set this \
             computer's clock right, or tell the administrator that the server's is wrong"
        ),
        format!(
            "одни из двух часов неверны: стирание № {index} помечено временем больше чем на час позже часов этого компьютера. \
             Агент забыл сообщения, которые держал, и показывает то, что сервер ещё отдаёт; попытка повторится. Поставьте \
             часы этого компьютера верно или сообщите администратору, что часы сервера неверны"
        ),
    )
}

/// That entries were given up, by whom, and what its person has to do about it.
pub(crate) fn succession(view: &SuccessionView, lang: Lang) -> String {
    let by = officers(view);
    let SuccessionView { era, kept, seen, bodies_lost, bodies_missing, .. } = *view;
    let mut text = match view.last_lost() {
        Some(last) => lang.pick(
            format!(
                "ATTENTION: the site has lost entries. By decision of {by} its log goes on in era {era} behind {kept} entries; \
                 entries from #{kept} to #{last} at least are LOST."
            ),
            format!(
                "ВНИМАНИЕ: система потеряла записи. По решению {by} журнал продолжается в эре {era} после записей: {kept}; \
                 записи с #{kept} по меньшей мере до #{last} УТРАЧЕНЫ."
            ),
        ),
        None => lang.pick(
            format!("ATTENTION: by decision of {by} the site's log goes on in era {era} behind {kept} entries."),
            format!("ВНИМАНИЕ: по решению {by} журнал системы продолжается в эре {era} после записей: {kept}."),
        ),
    };
    if seen > kept {
        text.push_str(lang.pick(
            " Some of what you sent, read or acknowledged here is among them: look through your conversations and send it again.",
            " Среди них часть того, что вы здесь отправили, прочли или подтвердили: просмотрите беседы и отправьте это снова.",
        ));
    }
    if bodies_lost {
        text.push_str(lang.pick(
            " EVERY MESSAGE AND FILE OF BEFORE IS LOST too.",
            " Утрачены и ВСЕ ПРЕЖНИЕ СООБЩЕНИЯ И ФАЙЛЫ.",
        ));
    }
    if bodies_missing > 0 && !bodies_lost {
        text.push_str(&lang.pick(
            format!(" Messages or files given up beside that: {bodies_missing}."),
            format!(" Кроме того, утрачено сообщений или файлов: {bodies_missing}."),
        ));
    }
    text.push_str(lang.pick(
        " If you did not expect this, ask these officers before you go on.",
        " Если вы этого не ожидали, спросите этих офицеров, прежде чем продолжать.",
    ));
    text
}

/// A message for people: a line about it, then its text.
pub(crate) fn message(message: &MessageView, names: &Names, lang: Lang) -> String {
    let mut out = heading(message, names, lang);
    out.push('\n');
    for line in content(message, names, lang).lines() {
        out.push_str(MARGIN);
        out.push_str(line);
        out.push('\n');
    }
    for by in &message.disclosed {
        let told = disclosed_line(&names.full(by.person, lang), by.index, lang);
        out.push_str(&format!("  ! {told}\n"));
    }
    out
}

/// That a member gave a message away to somebody outside.
pub(crate) fn disclosed_line(who: &str, index: u64, lang: Lang) -> String {
    lang.pick(format!("disclosed by {who}, #{index}"), format!("раскрыто посторонним: {who}, #{index}"))
}

/// A shown message whose acknowledgement is given: its mark says so. Only the line about it is touched, not the text.
pub(crate) fn acknowledged(shown: &str, lang: Lang) -> String {
    let (heading, rest) = shown.split_once('\n').unwrap_or((shown, ""));
    let done = lang.pick("  [acknowledged]", "  [подтверждено]");
    format!("{}\n{rest}", heading.replace(lang.pick(ACKNOWLEDGE.0, ACKNOWLEDGE.1), done))
}

/// The line about a message.
pub(crate) fn heading(message: &MessageView, names: &Names, lang: Lang) -> String {
    let mut out =
        format!("#{}  {}  {}", message.index, minute(message.wall_ms), names.full(message.author, lang));
    if message.label.rank() > 0 {
        out.push_str(&format!("  [{}]", names.label_name(message.label, lang)));
    }
    if message.precedence != Precedence::Routine {
        out.push_str(&format!("  [{}]", precedence(message.precedence, lang)));
    }
    // Of what is erased nobody can be asked to acknowledge anything.
    if message.must_acknowledge && !matches!(message.content, Content::Erased(_)) {
        out.push_str(lang.pick(ACKNOWLEDGE.0, ACKNOWLEDGE.1));
    }
    if let Some(reference) = message.reference {
        out.push_str(&format!("  {} #{reference}", lang.pick("answers", "ответ на")));
    }
    out
}

/// What a message says, or why nothing can be shown.
pub(crate) fn content(message: &MessageView, names: &Names, lang: Lang) -> String {
    match &message.content {
        Content::Text(text, file) => {
            let mut out = clean_lines(text.expose());
            if let Some(file) = file {
                if !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(&file_line(file, lang));
            }
            out
        }
        Content::Erased(by) => erased_by(by, names, lang),
        Content::NoKey(epoch) => format!(
            "{} ({} {epoch})",
            lang.pick("written before you joined", "написано до вашего прихода"),
            lang.pick("epoch", "эпоха")
        ),
        Content::Missing => lang
            .pick(
                "ALARM: the server does not give the content, and no erasure explains it",
                "ТРЕВОГА: сервер не отдаёт содержание, и никакое стирание этого не объясняет",
            )
            .to_owned(),
        Content::Ahead(index) => lang.pick(
            format!(
                "not given by the server: erased by #{index}, it says, stamped more than an hour later than this computer's \
                 clock; one of the two clocks is wrong"
            ),
            format!(
                "сервер не отдаёт: по его словам, стёрто записью № {index}, помеченной временем больше чем на час позже \
                 часов этого компьютера; одни из часов неверны"
            ),
        ),
        Content::GivenUp(era) => lang.pick(
            format!("lost: given up by the officers when the log went on in era {era} (`conclave status`)"),
            format!("утрачено: офицеры отказались от этого, когда журнал продолжился в эре {era} (`conclave status`)"),
        ),
        Content::Unreadable(what) => {
            let (en, ru) = what_words(*what);
            format!("{}: {}", lang.pick("cannot be opened", "не открывается"), lang.pick(en, ru))
        }
    }
}

/// By whom or what something was erased.
pub(crate) fn erased_by(by: &ErasedBy, names: &Names, lang: Lang) -> String {
    let index = by.index;
    match by.by {
        Eraser::Person(person) => {
            format!("{} {}, #{index}", lang.pick("erased by", "стёрто:"), names.full(person, lang))
        }
        Eraser::Officers(one, other) => format!(
            "{} {}, {}, #{index}",
            lang.pick("erased by order of", "стёрто по распоряжению:"),
            names.full(one, lang),
            names.full(other, lang)
        ),
        Eraser::Schedule => {
            format!("{}, #{index}", lang.pick("erased by the retention schedule", "стёрто по сроку хранения"))
        }
    }
}

/// A file in one line.
pub(crate) fn file_line(file: &FileView, lang: Lang) -> String {
    format!("{}: {} ({})", lang.pick("file", "файл"), clean(file.name.expose()), bytes(file.bytes, lang))
}

/// The first line of a text, for lists.
pub(crate) fn first_line(message: &MessageView, names: &Names, lang: Lang) -> String {
    clean(content(message, names, lang).lines().next().unwrap_or_default())
}

/// A message for scripts.
#[derive(Serialize)]
pub(crate) struct MessageJson {
    index: u64,
    conversation: String,
    author: String,
    author_login: String,
    time: String,
    label: u8,
    precedence: &'static str,
    must_acknowledge: bool,
    reference: Option<u64>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_at: Option<u64>,
    /// Nobody asked for it: its time was over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    by_schedule: bool,
    /// By whom it was given away to somebody outside, and by which entries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disclosed: Vec<DisclosedJson>,
}

#[derive(Serialize)]
struct DisclosedJson {
    by: String,
    index: u64,
}

/// A file for scripts.
#[derive(Serialize)]
pub(crate) struct FileJson {
    name: String,
    bytes: u64,
    media_type: Option<String>,
    sha256: String,
}

impl From<&FileView> for FileJson {
    fn from(file: &FileView) -> Self {
        Self {
            name: file.name.expose().to_owned(),
            bytes: file.bytes,
            media_type: file.media_type.clone(),
            sha256: hex::encode(file.sha256),
        }
    }
}

/// See [`MessageJson`]. JSON escapes what would steer a terminal, so texts stand as they were written.
pub(crate) fn message_json(message: &MessageView, names: &Names) -> MessageJson {
    let mut json = MessageJson {
        index: message.index,
        conversation: message.conversation.to_string(),
        author: message.author.to_string(),
        author_login: names.login(message.author),
        time: rfc3339(message.wall_ms),
        label: message.label.rank(),
        precedence: precedence(message.precedence, Lang::En),
        must_acknowledge: message.must_acknowledge,
        reference: message.reference,
        state: "text",
        text: None,
        file: None,
        erased_by: None,
        erased_at: None,
        by_schedule: false,
        disclosed: message
            .disclosed
            .iter()
            .map(|by| DisclosedJson { by: names.login(by.person), index: by.index })
            .collect(),
    };
    match &message.content {
        Content::Text(text, file) => {
            json.text = Some(text.expose().to_owned());
            json.file = file.as_ref().map(FileJson::from);
        }
        Content::Erased(by) => {
            json.state = "erased";
            json.erased_by = match by.by {
                Eraser::Person(person) | Eraser::Officers(_, person) => Some(names.login(person)),
                Eraser::Schedule => None,
            };
            json.by_schedule = by.by == Eraser::Schedule;
            json.erased_at = Some(by.index);
        }
        Content::NoKey(_) => json.state = "no-key",
        Content::Missing => json.state = "missing",
        Content::Unreadable(_) => json.state = "unreadable",
        Content::GivenUp(_) => json.state = "given-up",
        Content::Ahead(_) => json.state = CLOCK_BEHIND,
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::tests::names;
    use journal::ids::ConversationId;
    use pki::{Clearance, PersonId};
    use protocol::client::SecretText;
    use protocol::client::event::DisclosedBy;

    fn from_boris(content: Content) -> MessageView {
        MessageView {
            index: 7,
            conversation: ConversationId([1; 32]),
            author: PersonId(2),
            wall_ms: 1_795_283_588_000,
            time_ms: 0,
            label: Clearance(3),
            precedence: Precedence::Flash,
            must_acknowledge: true,
            reference: Some(5),
            content,
            disclosed: Vec::new(),
        }
    }

    #[test]
    fn a_text_stands_behind_a_margin_and_steers_nothing() {
        let text = SecretText::from("раз\n#9  2026-11-21 10:00  Анна @anna\u{1b}[31m\n");
        let shown = message(&from_boris(Content::Text(text, None)), &names(), Lang::Ru);
        assert_eq!(
            shown,
            "#7  2026-11-21 17:53  Борис Нотов @boris (!похожее имя)  [КОНФИДЕНЦИАЛЬНО]  [МОЛНИЯ]  [подтвердить]  \
             ответ на #5\n    раз\n    #9  2026-11-21 10:00  Анна @anna[31m\n"
        );
    }

    #[test]
    fn a_message_that_was_disclosed_says_so_in_a_line_that_no_text_can_imitate() {
        let by = DisclosedBy { person: PersonId(1), index: 9 };
        let text = || Content::Text(SecretText::from("! disclosed by nobody"), None);
        let view = MessageView { disclosed: vec![by], ..from_boris(text()) };
        let shown = message(&view, &names(), Lang::En);
        assert!(
            shown.ends_with("    ! disclosed by nobody\n  ! disclosed by Анна Петрова @anna, #9\n"),
            "{shown}"
        );
        assert_eq!(message_json(&view, &names()).disclosed[0].index, 9);
    }

    #[test]
    fn an_acknowledgement_that_is_given_is_not_asked_for() {
        let text = SecretText::from("печатаю [подтвердить]");
        let shown = message(&from_boris(Content::Text(text, None)), &names(), Lang::Ru);
        let shown = acknowledged(&shown, Lang::Ru);
        assert!(shown.contains("  [подтверждено]  ответ на #5\n    печатаю [подтвердить]\n"), "{shown}");
    }

    #[test]
    fn roles_have_words_in_both_languages() {
        let of = |lang| roles([Role::Operator, Role::Officer].into_iter(), lang);
        assert_eq!((&*of(Lang::En), &*of(Lang::Ru)), ("operator, officer", "оператор, офицер"));
    }

    #[test]
    fn an_erased_message_says_by_whom() {
        let by = ErasedBy { by: Eraser::Person(PersonId(1)), index: 9 };
        let asked = MessageView { must_acknowledge: true, ..from_boris(Content::Erased(by)) };
        let shown = message(&asked, &names(), Lang::En);
        assert!(!shown.contains(ACKNOWLEDGE.0), "{shown}");
        assert!(shown.ends_with("    erased by Анна Петрова @anna, #9\n"), "{shown}");
        let json = message_json(&from_boris(Content::Erased(by)), &names());
        assert_eq!(
            (json.state, json.erased_by.as_deref(), json.erased_at),
            ("erased", Some("anna"), Some(9))
        );
        let by = ErasedBy { by: Eraser::Schedule, index: 11 };
        let shown = message(&from_boris(Content::Erased(by)), &names(), Lang::Ru);
        assert!(shown.ends_with("    стёрто по сроку хранения, #11\n"), "{shown}");
        assert!(message_json(&from_boris(Content::Erased(by)), &names()).by_schedule);
    }
}
