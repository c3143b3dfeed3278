//! `conclave erase orders` and `conclave erase object`: what two officers ordered to be erased of what one is in or
//! wrote, and one's word against it.
//! Never says that an order is right: only that two officers signed it, and by which paper.

use crate::Here;
use crate::agent::wire::Status;
use crate::args::EraseObject;
use crate::names::{Names, conversations, number};
use crate::reach::Line;
use crate::trouble::Trouble;
use console::when::{minute, rfc3339};
use console::{Exit, Lang, Voice, Words, clean, confirm_at_terminal};
use journal::act::{Act, EraseTarget, Object, Order};
use journal::register::OrderState;
use link::terminal::{OrderStanding, ground_words, now_ms, order_standing, unshown_words};
use pki::Role;
use protocol::client::command::OtherAct;
use protocol::client::event::{ConversationView, OrderView};
use protocol::client::{Command, Reply};
use serde::Serialize;
use std::time::Duration;

/// Orders that a login names; all of them are in the list.
const REMINDED_MAX: usize = 5;

console::words! {
    enum Said {
        None => en("no order of erasure concerns you"), ru("распоряжений о стирании, касающихся вас, нет");
        More { more: u64 }
            => en("and {more} more: conclave erase orders"), ru("и ещё {more}: conclave erase orders");
        Waiting { n: u64 }
            => en("erasures that concern you: {n}; conclave erase orders"),
               ru("вас касаются стирания: {n}; conclave erase orders");
        NotAsked
            => en("orders of erasure could not be asked for just now: conclave erase orders"),
               ru("распоряжения о стирании сейчас узнать не удалось: conclave erase orders");
        Ask => en("Object to this order?"), ru("Возразить против этого распоряжения?");
        Objected { index: u64 }
            => en("your objection is in the journal: #{index}. The order takes effect only if two officers confirm it"),
               ru("возражение записано: № {index}. Распоряжение исполнят, только если двое офицеров его подтвердят");
    }
}

#[derive(Serialize)]
struct OrderJson {
    order: u64,
    approve: u64,
    by: String,
    with: String,
    approved: String,
    conversation: String,
    messages: Vec<u64>,
    number: String,
    ground: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    /// The hold that will stop it as long as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<u64>,
}

#[derive(Serialize)]
struct ObjectJson {
    order: u64,
    index: u64,
}

struct Page(String, String);

impl Words for Page {
    fn en(&self) -> String {
        self.0.clone()
    }
    fn ru(&self) -> String {
        self.1.clone()
    }
}

pub(super) fn list(here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let (orders, names) = (orders(&mut line)?, Names::fetch(&mut line)?);
    let all = conversations(&mut line)?;
    let data: Vec<OrderJson> = orders.iter().map(|view| json(view, &names)).collect();
    if orders.is_empty() {
        return Ok(here.voice.done("erase orders", &Said::None, data));
    }
    let page =
        |lang| orders.iter().map(|view| shown(view, &names, &all, lang)).collect::<Vec<_>>().join("\n");
    Ok(here.voice.done("erase orders", &Page(page(Lang::En), page(Lang::Ru)), data))
}

pub(super) fn object(args: &EraseObject, here: Here) -> Result<Exit, Trouble> {
    let proposal = number(&args.order)?;
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let all = conversations(&mut line)?;
    let view = orders(&mut line)?.into_iter().find(|view| view.proposal == proposal).ok_or_else(|| {
        Trouble::say(
            Exit::No,
            "no-such-order",
            "no such order concerns you; `conclave erase orders` lists those that do",
            "такое распоряжение вас не касается; касающиеся показывает `conclave erase orders`",
        )
    })?;
    let page = |lang| shown(&view, &names, &all, lang);
    here.voice.remark(&Page(page(Lang::En), page(Lang::Ru)));
    if !args.consent.yes && !confirm_at_terminal(&Said::Ask.say(here.voice.lang), here.voice.lang, "--yes")? {
        return Err(Trouble::say(Exit::No, "declined", "nothing was said", "ничего не сказано"));
    }
    let act = Act::Object(Object { proposal });
    let other = OtherAct { act, staged: Vec::new(), verifiers: Vec::new() };
    let Reply::Admitted(admitted) = line.run(Command::Act(Box::new(other)))? else {
        return Err(Trouble::odd_answer());
    };
    let index = admitted.index;
    let data = ObjectJson { order: proposal, index };
    Ok(here.voice.done("erase object", &Said::Objected { index }, data))
}

/// Orders, oldest first. That the server lists one and does not prove it hides no other, and is said.
fn orders(line: &mut Line) -> Result<Vec<OrderView>, Trouble> {
    let Reply::Orders(orders, unshown) = line.run(Command::Orders(None))? else {
        return Err(Trouble::odd_answer());
    };
    for told in unshown_words(&unshown) {
        line.voice().notice(&Page(told.en, told.ru));
    }
    Ok(orders)
}

/// How long each word of the agent is waited for, where orders are only a reminder.
const REMINDER: Duration = Duration::from_secs(3);

/// Orders that concern whoever works here and that one may still object to; `None` where nobody can be asked just now.
pub(super) fn waiting(line: &mut Line, status: &Status) -> Result<Option<Vec<OrderView>>, Trouble> {
    let corresponds = status.me.as_ref().is_some_and(|me| {
        me.roles.iter().any(|role| role == Role::Operator.name() || role == Role::Bot.name())
    });
    if !status.unlocked || !status.online || status.must_set_password {
        return Ok(None);
    }
    if !corresponds {
        return Ok(Some(Vec::new()));
    }
    // A server that died a moment ago answers nothing, and nobody knows it yet: the command has its own work to tell.
    line.patience(Some(REMINDER));
    let orders = orders(line);
    line.patience(None);
    Ok(Some(orders?.into_iter().filter(|view| is_open(view.state, now_ms())).collect()))
}

/// The same; that they could not be asked for is said, for nobody is to take it for their absence.
pub(super) fn asked(line: &mut Line, status: &Status, voice: Voice) -> Option<Vec<OrderView>> {
    waiting(line, status).unwrap_or_else(|_| {
        voice.remark(&Said::NotAsked);
        None
    })
}

/// One may still object. What counts down is open whatever this clock shows: the time to object is also one of the server's
/// running, and that it is over shows in the order's taking effect alone.
fn is_open(state: OrderState, now_ms: u64) -> bool {
    match state {
        OrderState::Counting(_) => true,
        OrderState::Objected(.., until_ms) | OrderState::Silenced(.., until_ms) => until_ms > now_ms,
        OrderState::Held(_) | OrderState::Done(_) => false,
    }
}

/// Says which orders wait: whoever may object is to know before it is too late. What cannot be asked just now is no reason
/// for a command to fail that did its own work.
pub(super) fn remind(line: &mut Line, status: &Status, voice: Voice) {
    let orders = asked(line, status, voice).unwrap_or_default();
    if orders.is_empty() {
        return;
    }
    line.patience(Some(REMINDER));
    let names = Names::fetch(line);
    line.patience(None);
    let Ok(names) = names else { return voice.remark(&Said::Waiting { n: orders.len() as u64 }) };
    for view in orders.iter().take(REMINDED_MAX) {
        let said = |lang| {
            let (paper, state) = (paper(&view.order.order, lang), state(view, &names, lang));
            let concerns = lang.pick("an erasure that concerns you", "вас касается стирание");
            format!("{concerns}: #{}, {paper}: {state}", view.proposal)
        };
        voice.remark(&Page(said(Lang::En), said(Lang::Ru)));
    }
    if let Some(more) = orders.len().checked_sub(REMINDED_MAX).filter(|more| *more > 0) {
        voice.remark(&Said::More { more: more as u64 });
    }
}

/// `order 12-3/2026 (a court's decision)`.
pub(super) fn paper(order: &Order, lang: Lang) -> String {
    let (_, en, ru) = ground_words(order.ground);
    let number = clean(&order.number);
    lang.pick(format!("order {number} ({en})"), format!("распоряжение {number} ({ru})"))
}

/// An order as people read it: who, by which paper, what, and how it stands.
pub(super) fn shown(view: &OrderView, names: &Names, all: &[ConversationView], lang: Lang) -> String {
    let id = view.order.target.conversation();
    let at = all.iter().find(|one| one.id == id);
    let at = at.map_or_else(
        || lang.pick("a conversation", "беседа").to_owned(),
        |one| format!("{} (#{})", names.title(one, lang), one.number),
    );
    let what = match &view.order.target {
        EraseTarget::Conversation(_) => lang.pick(format!("the whole of {at}"), format!("{at} целиком")),
        EraseTarget::Messages(_, messages) => {
            let list = messages.iter().take(12).map(|n| format!("#{n}")).collect::<Vec<_>>().join(", ");
            let more =
                if messages.len() > 12 { format!(", … ({})", messages.len()) } else { String::new() };
            format!("{at}: {list}{more}")
        }
    };
    let (by, with) = (names.full(view.by, lang), names.full(view.with, lang));
    let erase = lang.pick("to be erased", "подлежит стиранию");
    format!(
        "#{}  {by}, {with}\n  {}\n  {erase}: {what}\n  {}",
        view.proposal,
        paper(&view.order.order, lang),
        state(view, names, lang)
    )
}

fn state(view: &OrderView, names: &Names, lang: Lang) -> String {
    let stands = standing(view, names, lang);
    // Where it counts, the hold is named instead of a time at which nothing will happen.
    let counts = matches!(view.state, OrderState::Counting(_));
    match view.hold.filter(|_| !counts) {
        Some(hold) => lang.pick(
            format!("{stands}; the hold #{hold} keeps it too"),
            format!("{stands}; его удерживает и запрет № {hold}"),
        ),
        None => stands,
    }
}

fn standing(view: &OrderView, names: &Names, lang: Lang) -> String {
    match view.state {
        OrderState::Counting(at_ms) => {
            let (at, n) = (minute(at_ms), view.proposal);
            match view.hold {
                None => lang.pick(
                    format!("takes effect {at}; whom it concerns may object until then: conclave erase object {n}"),
                    format!("исполняется {at}; до тех пор те, кого это касается, могут возразить: conclave erase object {n}"),
                ),
                Some(hold) => lang.pick(
                    format!(
                        "HELD by #{hold}: while that hold stands nothing of this is erased; if it still stands at {at}, two \
                         officers must confirm the order afterwards. Whom it concerns may object until then: conclave erase \
                         object {n}"
                    ),
                    format!(
                        "УДЕРЖАНО запретом № {hold}: пока он действует, ничего из этого не сотрут; если он ещё действует {at}, \
                         потом двое офицеров должны будут подтвердить распоряжение. До тех пор те, кого это касается, могут \
                         возразить: conclave erase object {n}"
                    ),
                ),
            }
        }
        OrderState::Objected(person, index, until_ms) => {
            let (who, at) = (names.full(person, lang), minute(until_ms));
            lang.pick(
                format!("stopped: {who} objects, #{index}; others may until {at}, then two officers may confirm it"),
                format!(
                    "остановлено: возражает {who}, #{index}; другие могут до {at}, затем двое офицеров могут подтвердить"
                ),
            )
        }
        OrderState::Silenced(person, index, until_ms) => {
            let (who, at) = (names.full(person, lang), minute(until_ms));
            lang.pick(
                format!(
                    "stopped: {who} was kept from objecting by #{index}; others may until {at}, then two officers may confirm it"
                ),
                format!(
                    "остановлено: {who} не может возразить из-за #{index}; другие могут до {at}, затем двое офицеров могут подтвердить"
                ),
            )
        }
        OrderState::Held(hold) => lang.pick(
            format!("waits for the hold #{hold}; then two officers must confirm it"),
            format!("ждёт окончания запрета #{hold}; затем двое офицеров должны подтвердить"),
        ),
        OrderState::Done(index) => {
            lang.pick(format!("took effect: #{index}"), format!("исполнено: #{index}"))
        }
    }
}

/// An order over a whole conversation, for whoever looks at the conversation.
pub(super) fn whole_line(view: &OrderView, names: &Names, lang: Lang) -> String {
    let (paper, state) = (paper(&view.order.order, lang), state(view, names, lang));
    let erased = lang.pick("all of it is to be erased", "всё это подлежит стиранию");
    format!("#{} {erased}: {paper}; {state}\n", view.proposal)
}

fn json(view: &OrderView, names: &Names) -> OrderJson {
    let OrderStanding { name: state, effect_ms, at, hold } = order_standing(view);
    OrderJson {
        order: view.proposal,
        approve: view.approve,
        by: names.login(view.by),
        with: names.login(view.with),
        approved: rfc3339(view.approved_ms),
        conversation: view.order.target.conversation().to_string(),
        messages: match &view.order.target {
            EraseTarget::Messages(_, messages) => messages.clone(),
            EraseTarget::Conversation(_) => Vec::new(),
        },
        number: view.order.order.number.clone(),
        ground: ground_words(view.order.order.ground).0,
        state,
        effect: effect_ms.map(rfc3339),
        at,
        hold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::tests::names;
    use journal::ConversationId;
    use journal::act::{EraseOrder, Ground};
    use pki::PersonId;

    #[test]
    fn an_order_that_counts_is_open_though_its_time_is_over_by_this_clock() {
        assert!(is_open(OrderState::Counting(5), 6));
        let stopped = OrderState::Objected(PersonId(1), 4, 5);
        assert!(is_open(stopped, 4) && !is_open(stopped, 6));
        assert!(!is_open(OrderState::Done(5), 4) && !is_open(OrderState::Held(5), 4));
    }
    #[test]
    fn an_order_under_a_hold_names_it_instead_of_a_time() {
        let target = EraseTarget::Messages(ConversationId([1; 32]), vec![7]);
        let order = Order { number: "9/2026".into(), ground: Ground::Court };
        let order = EraseOrder { target, order, confirms: None };
        let (by, with, state) = (PersonId(1), PersonId(2), OrderState::Counting(60_000));
        let free =
            OrderView { proposal: 20, approve: 21, by, with, approved_ms: 0, order, state, hold: None };
        let held = OrderView { hold: Some(12), ..free.clone() };
        let said = |view: &OrderView, lang| super::state(view, &names(), lang);
        assert!(said(&free, Lang::En).starts_with("takes effect 1970-01-01 00:01;"));
        assert!(said(&held, Lang::En).starts_with("HELD by #12: while that hold stands nothing of this"));
        assert!(said(&held, Lang::Ru).starts_with("УДЕРЖАНО запретом № 12: "));
        assert!(said(&held, Lang::Ru).ends_with("conclave erase object 20"));
        let state = OrderState::Objected(PersonId(2), 30, 60_000);
        assert!(said(&OrderView { state, ..held.clone() }, Lang::En).ends_with("the hold #12 keeps it too"));
        let rows = [json(&free, &names()), json(&held, &names())];
        assert_eq!(rows.map(|row| (row.effect.is_some(), row.hold)), [(true, None), (false, Some(12))]);
    }
}
