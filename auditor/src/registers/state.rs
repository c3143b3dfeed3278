//! How the thing that a row is about stands behind the last entry, in words.
//! Never guesses: it asks the Register that the replay has left.

use console::Lang;
use console::when::rfc3339;
use journal::act::Act;
use journal::fact::Fact;
use journal::ids::Index;
use journal::register::{Applied, Effect, EnvelopeState, OrderState, Register};
use link::terminal::ground_words;
use pki::{CertId, PersonId};

use super::gather::Ended;
use super::shown;
use crate::certificates::certificate_row;
use crate::names::{Names, What};

/// What a row's state is asked of.
pub(super) enum State {
    Envelope(u64),
    /// Used up or voided by an act that does not name it.
    EnvelopeEnded(u64),
    Person(PersonId),
    Certificate(CertId),
    /// The log's key of this period.
    Period(u64),
    /// The log itself began.
    Founded,
    Erasure(Index),
    /// By the `Propose`.
    Order(Index),
    /// By the `Propose`, carried out by this entry.
    OrderErasure(Index, Index),
    Hold(Index),
    HoldEnded(Index),
    /// What was taken out cannot be called back.
    TakenOut,
    /// This message was given away.
    GivenAway(Index),
    /// By the entry that raised it.
    Raised(Index),
}

/// What later entries ended.
#[derive(Default)]
pub(super) struct Ends {
    /// What the `Erased` reached, and the entry: both ascending.
    erased: Vec<(Index, Index)>,
    holds: Ended,
    /// What was raised, by the `AlarmClose`.
    raised: Ended,
}

impl Ends {
    pub(super) fn take(&mut self, index: Index, what: What<'_>, applied: &Applied) {
        if let What::Fact(Fact::Erased(fact)) = what
            && self.erased.last().is_none_or(|(through, _)| *through < fact.through)
        {
            self.erased.push((fact.through, index));
        }
        if let What::Statement(parsed) = what
            && let Act::AlarmClose(act) = parsed.act()
        {
            self.raised.insert(act.raised, index);
        }
        for effect in &applied.effects {
            if let Effect::HoldEnded { hold } = effect {
                self.holds.insert(*hold, index);
            }
        }
    }

    /// The `Erased` that closed an erasure.
    fn done(&self, asked: Index) -> Option<Index> {
        let first = self.erased.partition_point(|(through, _)| *through < asked);
        self.erased.get(first).map(|(_, said)| *said)
    }
}

impl State {
    /// What the row's own words leave out: which of several things it is about.
    pub(super) fn more(&self, what: What<'_>, lang: Lang) -> String {
        match self {
            Self::EnvelopeEnded(number) => lang.pick(
                format!("; envelope {number} ends with it"),
                format!("; конверт № {number} на этом прекращён"),
            ),
            Self::Certificate(id) => {
                let id = &id.to_string()[..16];
                lang.pick(format!("; certificate {id}…"), format!("; сертификат {id}…"))
            }
            Self::Order(proposal) | Self::OrderErasure(proposal, _) => lang.pick(
                format!("; order of erasure #{proposal}"),
                format!("; распоряжение о стирании #{proposal}"),
            ),
            Self::HoldEnded(hold) => {
                lang.pick(format!("; hold #{hold} ends"), format!("; запрет #{hold} прекращён"))
            }
            Self::Person(_) if matches!(what, What::Fact(_)) => {
                lang.pick("; the account is locked", "; учётная запись заблокирована").to_owned()
            }
            Self::Envelope(_)
            | Self::Person(_)
            | Self::Period(_)
            | Self::Founded
            | Self::Erasure(_)
            | Self::Hold(_)
            | Self::TakenOut
            | Self::GivenAway(_)
            | Self::Raised(_) => String::new(),
        }
    }

    pub(super) fn words(&self, register: &Register, ends: &Ends, names: &Names, lang: Lang) -> String {
        match self {
            Self::Envelope(number) | Self::EnvelopeEnded(number) => envelope(*number, register, lang),
            Self::Person(person) => {
                let state = person_state(*person, register, lang);
                format!("{}: {state}", names.person(*person, lang))
            }
            Self::Certificate(id) => certificate(*id, register, lang),
            Self::Period(number) => match register.period().is_some_and(|now| now.number == *number) {
                true => lang.pick("in use", "используется").to_owned(),
                false => lang.pick("replaced by a later one", "сменён более поздним").to_owned(),
            },
            Self::Founded => lang.pick("the log goes on", "журнал ведётся").to_owned(),
            Self::Erasure(asked) => erasure(*asked, ends, lang),
            Self::OrderErasure(proposal, asked) => {
                format!("{}; {}", order(*proposal, register, names, lang), erasure(*asked, ends, lang))
            }
            Self::Order(proposal) => order(*proposal, register, names, lang),
            Self::Hold(hold) | Self::HoldEnded(hold) => self::hold(*hold, register, ends, lang),
            Self::TakenOut => lang.pick("taken out", "вывезено").to_owned(),
            Self::GivenAway(message) => given_away(*message, register, names, lang),
            Self::Raised(first) => raised(*first, register, ends, names, lang),
        }
    }
}

fn envelope(number: u64, register: &Register, lang: Lang) -> String {
    let Some(row) = register.envelope(number) else { return String::new() };
    let word = match row.state {
        EnvelopeState::Printed => lang.pick("printed, not handed over", "напечатан, не выдан"),
        EnvelopeState::HandedOver => lang.pick("handed over, not used", "выдан, не использован"),
        EnvelopeState::Used => lang.pick("used", "использован"),
        EnvelopeState::Void => lang.pick("void", "аннулирован"),
    };
    format!("{word} (#{})", row.index)
}

fn person_state(person: PersonId, register: &Register, lang: Lang) -> String {
    let Some(row) = register.person(person) else { return String::new() };
    let state = [
        (row.revoked, lang.pick("revoked", "отозван")),
        (row.suspended, lang.pick("suspended", "приостановлен")),
        (row.locked, lang.pick("locked", "заблокирован")),
    ];
    let state: Vec<String> =
        state.iter().filter_map(|(at, word)| Some(format!("{word} (#{})", (*at)?))).collect();
    if state.is_empty() { lang.pick("in force", "действует").to_owned() } else { state.join(", ") }
}

fn certificate(id: CertId, register: &Register, lang: Lang) -> String {
    let Some(found) = register.certificate(id) else { return String::new() };
    let row = certificate_row(found, register.floor_ms());
    let (purpose, state) = (row.purpose.words(lang), row.state_words(lang));
    let until = row.until.chars().take(10).collect::<String>();
    lang.pick(format!("{purpose}: {state}, until {until}"), format!("{purpose}: {state}, до {until}"))
}

fn erasure(asked: Index, ends: &Ends, lang: Lang) -> String {
    match ends.done(asked) {
        None => lang.pick("pending", "ожидает исполнения").to_owned(),
        Some(said) => lang.pick(
            format!("carried out, by the server's word #{said}"),
            format!("исполнено, со слов сервера, #{said}"),
        ),
    }
}

/// Which paper, by whom, and how it stands.
fn order(proposal: Index, register: &Register, names: &Names, lang: Lang) -> String {
    let Some(row) = register.order(proposal) else { return String::new() };
    let (_, en, ru) = ground_words(row.order.order.ground);
    let (number, ground) = (console::clean(&row.order.order.number), lang.pick(en, ru));
    let (by, with) = (names.person(row.by, lang), names.person(row.with, lang));
    let standing = standing(register.order_state(row), names, lang);
    lang.pick(
        format!("order {number}, {ground}, by {by} and {with}: {standing}"),
        format!("распоряжение {number}, {ground}, офицеры {by} и {with}: {standing}"),
    )
}

fn standing(state: OrderState, names: &Names, lang: Lang) -> String {
    match state {
        OrderState::Counting(until_ms) => {
            let until = shown(until_ms);
            lang.pick(format!("objections until {until}"), format!("возражения до {until}"))
        }
        OrderState::Objected(person, index, _) => {
            let who = names.person(person, lang);
            lang.pick(
                format!("stopped, {who} objected (#{index})"),
                format!("остановлено, возражает {who} (#{index})"),
            )
        }
        OrderState::Silenced(person, index, _) => {
            let who = names.person(person, lang);
            lang.pick(
                format!("stopped, {who}, who may object, was cut off (#{index})"),
                format!("остановлено: {who} не может возразить, доступ закрыт (#{index})"),
            )
        }
        OrderState::Held(hold) => {
            lang.pick(format!("kept by hold #{hold}"), format!("удержано запретом #{hold}"))
        }
        OrderState::Done(index) => {
            lang.pick(format!("took effect in #{index}"), format!("вступило в силу в #{index}"))
        }
    }
}

fn hold(hold: Index, register: &Register, ends: &Ends, lang: Lang) -> String {
    if let Some(end) = ends.holds.get(&hold) {
        return lang.pick(format!("ended in #{end}"), format!("прекращён в #{end}"));
    }
    let found = register.holds().find(|(index, _)| *index == hold);
    let until =
        found.map_or_else(String::new, |(_, row)| rfc3339(row.hold.end_ms).chars().take(10).collect());
    lang.pick(format!("stands, until {until}"), format!("действует, до {until}"))
}

/// Whose words went out, and whether the site still has them: the copy outside stays either way.
fn given_away(message: Index, register: &Register, names: &Names, lang: Lang) -> String {
    let Some(found) = register.message(message) else { return String::new() };
    let author = names.person(found.author, lang);
    match found.erased {
        false => lang.pick(format!("written by {author}"), format!("автор {author}")),
        true => lang.pick(
            format!("written by {author}; erased here since"),
            format!("автор {author}; здесь с тех пор стёрто"),
        ),
    }
}

fn raised(first: Index, register: &Register, ends: &Ends, names: &Names, lang: Lang) -> String {
    let open = register.raised().find(|(index, _)| *index == first);
    match (open, ends.raised.get(&first)) {
        (Some((_, row)), _) => match row.acknowledged {
            Some(seen) => {
                let (by, at) = (names.person(seen.person, lang), seen.index);
                lang.pick(
                    format!("open, acknowledged by {by} (#{at})"),
                    format!("открыто, подтвердил {by} (#{at})"),
                )
            }
            None => lang.pick("open", "открыто").to_owned(),
        },
        (None, Some(end)) => lang.pick(format!("closed in #{end}"), format!("закрыто в #{end}")),
        (None, None) => lang
            .pick("counted with an earlier one that says the same", "учтено вместе с прежней такой же")
            .to_owned(),
    }
}
