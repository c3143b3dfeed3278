//! `conclave status`: how the agent stands, what was not sent, and what came to nothing while nobody listened.
//! Never shows what a message contains.

use crate::Here;
use crate::agent::pending::is_kept;
use crate::agent::wire::{Status, Unsent};
use crate::closed::closed;
use crate::reach::Line;
use crate::show::officers;
use crate::trouble::Trouble;
use console::when::{ago, duration, minute, rfc3339};
use console::{Exit, Lang, Words, clean, count_en, count_ru};
use link::terminal::words::succession_words;
use link::terminal::{ClosedRow, now_ms};
use protocol::client::event::SuccessionView;
use serde::Serialize;

/// The page for people.
struct Page<'a>(&'a Status, Option<usize>);

impl Words for Page<'_> {
    fn en(&self) -> String {
        page(self.0, self.1, Lang::En)
    }
    fn ru(&self) -> String {
        page(self.0, self.1, Lang::Ru)
    }
}

#[derive(Serialize)]
struct Data {
    unlocked: bool,
    online: bool,
    login: Option<String>,
    login_index: u64,
    head: Option<String>,
    entries: u64,
    held: u64,
    unsent: Vec<UnsentJson>,
    failed: Vec<UnsentJson>,
    trouble: Option<String>,
    lock_in_ms: Option<u64>,
    memory: String,
    successions: Vec<SuccessionJson>,
    /// The log was closed into another one.
    closed: Option<ClosedRow>,
    /// Orders of erasure that concern this person and that one may still object to.
    /// Absent where they could not be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<u64>>,
}

#[derive(Serialize)]
struct SuccessionJson {
    era: u32,
    at: String,
    kept: u64,
    last_lost: Option<u64>,
    bodies_lost: bool,
    bodies_missing: u64,
    officers: Vec<String>,
}

fn succession_json(view: &SuccessionView) -> SuccessionJson {
    SuccessionJson {
        era: view.era,
        at: rfc3339(view.time_ms),
        kept: view.kept,
        last_lost: view.last_lost(),
        bodies_lost: view.bodies_lost,
        bodies_missing: view.bodies_missing,
        officers: view.officers.iter().map(|(_, login)| login.clone()).collect(),
    }
}

#[derive(Serialize)]
struct UnsentJson {
    kind: &'static str,
    at: String,
    to: Option<String>,
    error: Option<String>,
}

pub(super) fn run(here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let status = line.status()?;
    let json = |all: &[Unsent]| all.iter().map(unsent_json).collect();
    let orders = super::order::waiting(&mut line, &status).ok().flatten();
    let data = Data {
        unlocked: status.unlocked,
        online: status.online,
        login: status.me.as_ref().map(|me| me.login.clone()),
        login_index: status.login,
        head: super::checkpoint::head(&status),
        entries: status.entries,
        held: status.held,
        unsent: json(&status.unsent),
        failed: json(&status.failed),
        trouble: status.trouble.as_ref().map(|trouble| trouble.name.clone()),
        lock_in_ms: status.lock_in_ms,
        memory: status.memory.clone(),
        successions: status.successions.iter().map(succession_json).collect(),
        closed: status.closed.as_ref().map(|view| ClosedRow::of(view, rfc3339(view.at_ms))),
        orders: orders.as_ref().map(|orders| orders.iter().map(|view| view.proposal).collect()),
    };
    Ok(here.voice.done("status", &Page(&status, orders.map(|orders| orders.len())), data))
}

fn unsent_json(unsent: &Unsent) -> UnsentJson {
    UnsentJson {
        kind: what(unsent.kind, Lang::En),
        at: rfc3339(unsent.at_ms),
        to: unsent.to.clone(),
        error: unsent.failure.as_ref().map(|failure| failure.name.clone()),
    }
}

fn page(status: &Status, orders: Option<usize>, lang: Lang) -> String {
    let mut lines = Vec::new();
    let mut row = |en: &str, ru: &str, value: String| {
        lines.push(format!("{:<15}{value}", format!("{}:", lang.pick(en, ru))));
    };
    if let Some(me) = &status.me {
        row("person", "человек", format!("{} @{}", clean(&me.full_name), clean(&me.login)));
        row("site", "система", clean(&me.site));
    }
    let state = match (status.unlocked, status.online) {
        (true, _) if status.must_set_password => lang.pick(
            "logged in, but the new password is missing: `conclave login` asks for it",
            "вход начат, но не задан новый пароль: его спрашивает `conclave login`",
        ),
        (true, true) => lang.pick("logged in, connected", "вход выполнен, связь есть"),
        (true, false) => lang.pick("logged in, no connection just now", "вход выполнен, связи сейчас нет"),
        (false, _) => lang.pick("locked", "заблокирован"),
    };
    row("agent", "агент", state.to_owned());
    if status.unlocked {
        let entries = count(status.entries, lang, ["entry", "entries"], ["запись", "записи", "записей"]);
        row(
            "journal",
            "журнал",
            format!("{entries} {}", lang.pick("at the last login", "при последнем входе")),
        );
        let held = count(status.held, lang, ["message", "messages"], ["сообщение", "сообщения", "сообщений"]);
        row("in memory", "в памяти", held);
        if let Some(head) = super::checkpoint::head(status) {
            row("head", "вершина", head);
        }
    }
    for view in &status.successions {
        let (en, ru) = succession_words(view, &minute(view.time_ms), &officers(view));
        row("succession", "преемство", lang.pick(en, ru));
    }
    if let Some(view) = &status.closed {
        row("log closed", "журнал закрыт", closed(view, lang));
    }
    let (en, ru) = ("orders", "распоряжения");
    match orders {
        Some(0) => {}
        Some(orders) => row(en, ru, format!("{orders}: conclave erase orders")),
        None if !status.online || !status.unlocked || status.must_set_password => {}
        None => {
            let why = lang.pick("could not be asked for just now", "сейчас узнать не удалось");
            row(en, ru, format!("{why}: conclave erase orders"));
        }
    }
    if let Some(ms) = status.lock_in_ms {
        row("locks in", "блокировка", duration(ms, lang));
    }
    if let Some(trouble) = &status.trouble {
        row("trouble", "неполадка", lang.pick(&trouble.en, &trouble.ru).clone());
    }
    row("not sent", "не отправлено", status.unsent.len().to_string());
    lines.extend(status.unsent.iter().map(|unsent| format!("  {}", unsent_line(unsent, lang))));
    if status.unsent.iter().any(|unsent| is_kept(unsent.kind)) {
        lines.push(
            lang.pick(
                "  goes when the server is back; logging out or locking loses it",
                "  уйдёт, когда появится связь; выход и блокировка сотрут неотправленное",
            )
            .to_owned(),
        );
    }
    if !status.failed.is_empty() {
        lines.push(lang.pick("came to nothing:", "не состоялось:").to_owned());
        lines.extend(status.failed.iter().map(|unsent| format!("  {}", unsent_line(unsent, lang))));
    }
    lines.join("\n")
}

fn count(n: u64, lang: Lang, en: [&str; 2], ru: [&str; 3]) -> String {
    lang.pick(count_en(n, en[0], en[1]), count_ru(n, ru[0], ru[1], ru[2]))
}

/// What, where to and since when; and why it came to nothing, where it did.
pub(super) fn unsent_line(unsent: &Unsent, lang: Lang) -> String {
    let why = unsent.failure.as_ref().map(|failure| format!(": {}", lang.pick(&failure.en, &failure.ru)));
    let to =
        unsent.to.as_ref().map(|to| format!(" {} {}", lang.pick("to", "для"), clean(to))).unwrap_or_default();
    format!(
        "{}{to}, {}{}",
        what(unsent.kind, lang),
        ago(unsent.at_ms, now_ms(), lang),
        why.unwrap_or_default()
    )
}

/// The kinds of `agent::pending::kind`.
fn what(kind: u8, lang: Lang) -> &'static str {
    match kind {
        1 => lang.pick("message", "сообщение"),
        2 => lang.pick("file", "файл"),
        3 => lang.pick("new conversation", "новая беседа"),
        4 => lang.pick("change of a conversation", "изменение беседы"),
        5 => lang.pick("read mark or acknowledgement", "отметка о прочтении или подтверждение"),
        6 => lang.pick("erasure", "стирание"),
        8 => lang.pick("disclosure of a message", "раскрытие сообщения"),
        _ => lang.pick("act", "действие"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::wire::Failure;
    use journal::act::Successor;
    use journal::ids::LogId;
    use protocol::client::event::ClosedView;

    #[test]
    fn a_page_says_what_was_not_sent() {
        let failure = Failure { name: "full".into(), en: "full".into(), ru: "заполнено".into() };
        let mut status = Status {
            unlocked: true,
            online: false,
            me: None,
            login: 4,
            entries: 9,
            held: 2,
            unsent: vec![Unsent {
                kind: 1,
                at_ms: now_ms() - 300_000,
                failure: None,
                to: Some("@boris".into()),
            }],
            failed: vec![Unsent { kind: 6, at_ms: now_ms() - 300_000, failure: Some(failure), to: None }],
            trouble: None,
            lock_in_ms: Some(90_000),
            memory: "memfd_secret".into(),
            must_set_password: false,
            checkpoint: Vec::new().into(),
            successions: vec![SuccessionView {
                era: 7,
                kept: 100,
                known: 114,
                seen: 0,
                bodies_lost: false,
                officers: vec![(pki::PersonId(1), "olga".into()), (pki::PersonId(2), "oleg".into())],
                time_ms: 0,
                bodies_missing: 1,
                given_up: Vec::new(),
            }],
            closed: Some(ClosedView {
                index: 90,
                at_ms: 0,
                officers: vec![(pki::PersonId(1), "olga".into()), (pki::PersonId(2), "oleg".into())],
                successor: Successor { log: LogId([0xab; 32]), suite: pki::Suite::EcdsaP256 },
            }),
        };
        let shown = page(&status, Some(0), Lang::Ru);
        assert!(shown.contains("не отправлено: 1\n  сообщение для @boris, 5 мин назад"), "{shown}");
        assert!(shown.contains("стирание, 5 мин назад: заполнено"), "{shown}");
        let succession = "по решению @olga, @oleg, в эре 7 после записей: 100; УТРАЧЕНО записей не меньше: 14, с № 100 до \
                          № 113; утрачено тел: 1";
        assert!(shown.contains(succession), "{shown}");
        let closed = "журнал закрыт: навсегда, решение @olga, @oleg, 1970-01-01 ";
        assert!(shown.contains(closed) && shown.contains("Читать, стирать и выходить"), "{shown}");
        let asked = page(&status, Some(0), Lang::En);
        assert!(asked.contains("by which keys, ask @olga, @oleg; log abab"), "{asked}");
        assert!(
            page(&status, Some(2), Lang::En).contains("orders:        2: conclave erase orders"),
            "{shown}"
        );
        status.unlocked = false;
        assert!(page(&status, Some(2), Lang::En).contains("locked"));
    }
}
