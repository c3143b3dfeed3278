//! `erase status`: how the orders of erasure stand, also those that were stopped and confirmed since.
//! Never shows one that was not verified.

use super::law;
use super::names::{Names, Text};
use super::online::{Access, For, Online, session};
use super::orders;
use super::proposals::{self, Open};
use super::trouble::Trouble;
use console::when::{minute, rfc3339};
use console::{Exit, Lang, Voice};
use journal::act::{Act, DualAct, EraseOrder, EraseTarget};
use journal::entry::Content;
use journal::{Entry, Index};
use link::terminal::{OrderStanding, order_standing};
use pki::PersonId;
use protocol::client::event::{EntryView, OrderView};
use protocol::client::{Command, Reply};
use protocol::limits::ANSWER_ENTRIES_MAX;
use protocol::query::Query;
use serde::Serialize;

console::words! {
    enum Said {
        NoOrders
            => en("no order of erasure was given; what waits for a second officer is in `conclave-admin proposals`"),
               ru("распоряжений о стирании не было; что ждёт второго офицера, покажет `conclave-admin proposals`");
    }
}

#[derive(Serialize)]
struct OrderRow {
    proposal: u64,
    approve: u64,
    by: String,
    with: String,
    approved: String,
    /// The order that was stopped and that this one confirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirms: Option<u64>,
    conversation: String,
    messages: Vec<u64>,
    order: String,
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

pub(super) fn status(access: &Access, voice: Voice) -> Result<Exit, Trouble> {
    let (orders, confirmed, holds, names) = session(access, voice, For::Officers, |online| {
        let orders = orders::orders(online, None, voice)?;
        let confirmed = confirmed(online, &orders)?;
        Ok((orders, confirmed, law::holds(online)?, Names::fetch(online, voice.lang)?))
    })?;
    if orders.is_empty() {
        return Ok(voice.done("erase status", &Said::NoOrders, Vec::<OrderRow>::new()));
    }
    let lines = listed(&orders, &confirmed, &holds, &names, voice.lang);
    let rows: Vec<OrderRow> = orders.iter().map(|view| order_row(view, &names)).collect();
    Ok(voice.done("erase status", &Text(lines), rows))
}

/// Orders by the number of their proposals; what was confirmed keeps its own.
fn listed(
    orders: &[OrderView],
    confirmed: &[Confirmed],
    holds: &[law::Standing],
    names: &Names,
    lang: Lang,
) -> String {
    let shown = |view: &OrderView| {
        let state = orders::state(view, holds, names, lang);
        let (by, with, at) = (names.full(view.by), names.full(view.with), minute(view.approved_ms));
        let what = what(&view.order, lang);
        (view.proposal, format!("#{}  {at}  {by}, {with}\n  {what}\n  {state}", view.proposal))
    };
    let was = |one: &Confirmed| {
        let by = one.by;
        let signed = one.signed.as_ref().map_or(String::new(), |open| {
            let what = law_of(open, lang);
            let with = one.with.map_or(String::new(), |with| format!(", {}", names.full(with)));
            format!("  {}  {}{with}\n  {what}", minute(open.wall_ms), names.full(open.by))
        });
        let state = lang.pick(
            format!("was stopped; two officers have confirmed it: #{by}"),
            format!("было остановлено; двое офицеров его подтвердили: № {by}"),
        );
        (one.stopped, format!("#{}{signed}\n  {state}", one.stopped))
    };
    let mut lines: Vec<(Index, String)> = orders.iter().map(shown).chain(confirmed.iter().map(was)).collect();
    lines.sort_by_key(|(index, _)| *index);
    lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

fn what(order: &EraseOrder, lang: Lang) -> String {
    format!("{}: {}", law::paper(&order.order, lang), law::target(&order.target, lang))
}

fn law_of(open: &Open, lang: Lang) -> String {
    match &open.act {
        DualAct::Erase(order) => what(order, lang),
        DualAct::Policy(_)
        | DualAct::AdmitOfficer(_)
        | DualAct::LiftHold(_)
        | DualAct::DropCell(_)
        | DualAct::Close(_)
        | DualAct::SetClock(_) => String::new(),
    }
}

/// An order that was stopped and that another one confirms: the server lists that one alone.
struct Confirmed {
    stopped: Index,
    /// What its proposer signed, where the server shows it.
    signed: Option<Open>,
    /// Who approved it, where that was found.
    with: Option<PersonId>,
    /// The proposal of the one that confirms it.
    by: Index,
}

fn confirmed(online: &mut Online, orders: &[OrderView]) -> Result<Vec<Confirmed>, Trouble> {
    let mut all = Vec::new();
    for view in orders {
        let Some(stopped) = view.order.confirms else { continue };
        let signed = online.entry(stopped)?.as_ref().and_then(proposals::of_entry);
        let with = approved_by(online, stopped, view.proposal)?;
        all.push(Confirmed { stopped, signed, with, by: view.proposal });
    }
    Ok(all)
}

/// Pages of entries that are looked through for one approval: most are given soon.
const APPROVAL_PAGES_MAX: u64 = 16;

/// Who approved a proposal, by the entries between it and what came after; `None` where it is not among the first of them.
fn approved_by(online: &mut Online, proposal: Index, below: Index) -> Result<Option<PersonId>, Trouble> {
    let mut from = proposal + 1;
    for _page in 0..APPROVAL_PAGES_MAX {
        let asked = below.saturating_sub(from).min(ANSWER_ENTRIES_MAX as u64);
        if asked == 0 {
            break;
        }
        let query = Query::Entries(from, asked as u32);
        let Reply::Entries(entries, more) = online.run(Command::Ask(query))? else {
            return Err(Trouble::odd_answer());
        };
        if let Some(with) = entries.iter().find_map(|entry| approver(entry, proposal)) {
            return Ok(Some(with));
        }
        let last = entries.last().map(|entry| entry.index).filter(|_| more);
        from = last.map_or(from + asked, |last| last.max(from) + 1);
    }
    Ok(None)
}

/// Who signed the approval of this proposal, if this entry is it.
fn approver(view: &EntryView, proposal: Index) -> Option<PersonId> {
    let Content::Statement(signed) = Entry::decode(&view.entry).ok()?.content else { return None };
    let parsed = signed.parse().ok()?;
    let Act::Approve(approve) = parsed.act() else { return None };
    (approve.proposal == proposal).then_some(parsed.header().person)
}

fn order_row(view: &OrderView, names: &Names) -> OrderRow {
    let OrderStanding { name: state, effect_ms, at, hold } = order_standing(view);
    let messages = match &view.order.target {
        EraseTarget::Messages(_, messages) => messages.clone(),
        EraseTarget::Conversation(_) => Vec::new(),
    };
    OrderRow {
        proposal: view.proposal,
        approve: view.approve,
        by: names.login(view.by),
        with: names.login(view.with),
        approved: rfc3339(view.approved_ms),
        confirms: view.order.confirms,
        conversation: view.order.target.conversation().to_string(),
        messages,
        order: view.order.order.number.clone(),
        ground: law::ground_name(view.order.order.ground),
        state,
        effect: effect_ms.map(rfc3339),
        at,
        hold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::ConversationId;
    use journal::act::{Ground, Order};
    use journal::register::OrderState;

    #[test]
    fn an_order_that_was_confirmed_keeps_its_number_in_the_list() {
        let order = |confirms| EraseOrder {
            target: EraseTarget::Messages(ConversationId([1; 32]), vec![7]),
            order: Order { number: "12-3/2026".into(), ground: Ground::Court },
            confirms,
        };
        let (by, with) = (PersonId(1), PersonId(2));
        let state = OrderState::Done(91);
        let view = OrderView {
            proposal: 90,
            approve: 91,
            by,
            with,
            approved_ms: 0,
            order: order(Some(72)),
            state,
            hold: None,
        };
        let signed = Some(Open { index: 72, wall_ms: 0, by, act: DualAct::Erase(order(None)) });
        let confirmed = [Confirmed { stopped: 72, signed, with: Some(with), by: 90 }];
        let names = Names::new(Vec::new(), Lang::En);
        let told = listed(&[view], &confirmed, &[], &names, Lang::En);
        let both = format!("#72  1970-01-01 00:00  {by}, {with}\n");
        assert!(told.starts_with(&both), "{told}");
        assert!(told.contains("two officers have confirmed it: #90\n#90  "), "{told}");
        assert!(told.ends_with("took effect: #91"), "{told}");
        let hidden = [Confirmed { stopped: 72, signed: None, with: None, by: 90 }];
        assert!(listed(&[], &hidden, &[], &names, Lang::Ru).starts_with("#72\n  было остановлено"));
    }
}
