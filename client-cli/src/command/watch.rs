//! `conclave watch`: what happens, as it happens, a line (or a JSON line) an event.
//! Never marks anything as read, and never shows what the session did not verify.

use crate::Here;
use crate::agent::wire::{Ask, Tell};
use crate::closed;
use crate::names::{Names, conversations};
use crate::reach::Line;
use crate::show::{self, erased_by, message_json};
use crate::trouble::Trouble;
use console::voice::print_to;
use console::{Exit, Lang};
use journal::ids::ConversationId;
use link::terminal::{CLOCK_BEHIND, TerminalError, alarm_words, refusal_words, words::what_words};
use protocol::client::Event;
use protocol::client::event::ConversationView;
use serde::Serialize;

console::words! {
    enum Said {
        Watching => en("watching; Ctrl-C ends it"), ru("наблюдение; Ctrl-C завершает");
    }
}

#[derive(Serialize)]
struct EventJson {
    event: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<show::MessageJson>,
}

pub(super) fn run(here: Here) -> Result<Exit, Trouble> {
    let mut asking = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut asking)?;
    let mut known = conversations(&mut asking)?;
    let mut watching = Line::open(&here.home, here.voice)?;
    watching.say(&Ask::Watch)?;
    here.voice.remark(&Said::Watching);
    loop {
        let Tell::Event(event) = watching.hear()? else { return Err(Trouble::odd_answer()) };
        if let Event::Conversation(_) = *event {
            known = conversations(&mut asking)?;
        }
        let Some((kind, text)) = line(&event, &names, &known, here.voice.lang) else { continue };
        let message =
            if let Event::Message(view) = &*event { Some(message_json(view, &names)) } else { None };
        let text = match here.voice.json {
            true => console::Json::done("watch", EventJson { event: kind, text, message })
                .line()
                .unwrap_or_default(),
            false => text,
        };
        if print_to(&mut std::io::stdout().lock(), &text).is_err() {
            return Ok(Exit::Io);
        }
    }
}

/// An event in words; `None` where it says nothing to a person.
fn line(
    event: &Event,
    names: &Names,
    known: &[ConversationView],
    lang: Lang,
) -> Option<(&'static str, String)> {
    let title = |of: &ConversationId| {
        let one = known.iter().find(|one| one.id == *of);
        one.map_or_else(|| lang.pick("a conversation", "беседа").to_owned(), |one| names.title(one, lang))
    };
    let who = |person| names.full(person, lang);
    Some(match event {
        Event::Message(view) => {
            let shown = show::message(view, names, lang);
            ("message", format!("{}: {shown}", title(&view.conversation)))
        }
        Event::Conversation(of) => {
            ("conversation", format!("{}: {}", title(of), lang.pick("changed", "изменилась")))
        }
        Event::Invited(of) => {
            ("invited", format!("{}: {}", title(of), lang.pick("invitation", "приглашение")))
        }
        Event::ReadBy(of, person, index) => (
            "read",
            format!(
                "{}: {} {} #{index}",
                title(of),
                who(*person),
                lang.pick("has read up to", "прочтено до")
            ),
        ),
        Event::AcknowledgedBy(person, index) => (
            "acknowledged",
            format!("{} {} #{index}", who(*person), lang.pick("acknowledged", "подтверждает")),
        ),
        Event::Erased(of, indices, by) => {
            let what = match indices.is_empty() {
                true => lang.pick("the whole conversation", "вся беседа").to_owned(),
                false => indices.iter().map(|index| format!("#{index}")).collect::<Vec<_>>().join(", "),
            };
            ("erased", format!("{}: {what} {}", title(of), erased_by(by, names, lang)))
        }
        Event::Ran(run) => (
            "retention-run",
            format!(
                "#{}: {}",
                run.index,
                lang.pick(
                    "the retention schedule ran; what its time was over for is erased",
                    "прошло стирание по сроку хранения: стёрто то, чей срок истёк"
                )
            ),
        ),
        Event::Ordered(view) => ("ordered", super::order::shown(view, names, known, lang)),
        Event::ErasureDone(epoch, through) => (
            "erasure-done",
            format!(
                "{} #{through} {} {epoch}",
                lang.pick("erasures up to", "стирания до"),
                lang.pick("took effect in epoch", "вступили в силу в эпоху")
            ),
        ),
        Event::Approved(index) => {
            ("approved", format!("#{index}: {}", lang.pick("two officers decided", "решение двух офицеров")))
        }
        Event::KeyChanged(person, ..) => {
            ("key-changed", format!("{}: {}", who(*person), lang.pick("has a new key", "новый ключ")))
        }
        Event::Disclosed(person, index, message) => {
            ("disclosed", format!("#{message} {}", show::disclosed_line(&who(*person), *index, lang)))
        }
        Event::Succession(view) => ("succession", show::succession(view, lang)),
        Event::LogClosed(view) => ("log-closed", closed::notice(view, lang)),
        Event::Alarm(view) => {
            let words = alarm_words(view);
            let (what, advice) = (lang.pick(words.en, words.ru), lang.pick(words.advice_en, words.advice_ru));
            let about = view.person().map_or(String::new(), |person| format!(": {}", who(person)));
            ("alarm", format!("{} #{}: {what}{about}. {advice}", lang.pick("ALARM", "ТРЕВОГА"), view.index))
        }
        Event::Revoked(person) => {
            ("revoked", format!("{}: {}", who(*person), lang.pick("revoked", "сертификат отозван")))
        }
        Event::MissingBody(of, index) => (
            "missing-body",
            format!(
                "{} {}: #{index}",
                lang.pick("ALARM: content is missing in", "ТРЕВОГА: пропало содержание в беседе"),
                title(of)
            ),
        ),
        Event::BadWrap(of, _, person) => (
            "bad-wrap",
            format!(
                "{} {}: {}",
                lang.pick("ALARM: a bad key from", "ТРЕВОГА: негодный ключ от"),
                who(*person),
                title(of)
            ),
        ),
        Event::Dropped(index, what) => {
            let (en, ru) = what_words(*what);
            (
                "dropped",
                format!(
                    "#{index}: {}: {}",
                    lang.pick("does not verify", "не прошло проверку"),
                    lang.pick(en, ru)
                ),
            )
        }
        Event::Ended(code) => {
            let words = match code {
                0 => TerminalError::Ended { code: 0 }.words(),
                code => refusal_words(*code),
            };
            ("ended", lang.pick(words.en, words.ru))
        }
        Event::Distrust(distrust) => {
            let words = TerminalError::Distrust(Box::new(distrust.clone())).words();
            ("distrust", lang.pick(words.en, words.ru))
        }
        Event::ClockAhead(index) => (CLOCK_BEHIND, show::clock_ahead(*index, lang)),
        Event::Lagging(_)
        | Event::CaughtUp
        | Event::Greeted
        | Event::Ready(_)
        | Event::Done(..)
        | Event::Failed(..)
        | Event::ChunkWanted(..)
        | Event::FileChunk(..)
        | Event::Progress(..) => return None,
    })
}
