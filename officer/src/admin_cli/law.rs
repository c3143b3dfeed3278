//! What `erase` and `hold` have in common: messages found by what the journal says of them, papers, and their words.
//! Never sees a text or a title: an officer learns who, where, when and how large.

use super::held::{held, keeps};
use super::names::Names;
use super::online::Online;
use super::trouble::Trouble;
use clap::{Args, ValueEnum};
use console::{BadValue, Exit, Lang, clean};
use journal::act::law::ORDER_NUMBER_BYTES_MAX;
use journal::act::{Act, DualAct, EraseTarget, Ground, Hold, HoldScope, Order};
use journal::entry::Content;
use journal::{ConversationId, Entry, Index};
use link::terminal::ground_words;
use pki::{Clearance, PersonId};
use protocol::client::event::FoundView;
use protocol::client::{Command, Reply};
use protocol::query::{Find, Query};
use std::collections::BTreeSet;

/// The paper behind an act.
#[derive(Args)]
pub(super) struct Paper {
    /// Number of the order, as its paper is filed; the journal keeps it for ever.
    #[arg(long, value_name = "NUMBER")]
    order: Option<String>,
    /// On which ground it was given.
    #[arg(long)]
    ground: Option<GroundName>,
}

#[derive(Clone, Copy, ValueEnum)]
enum GroundName {
    Court,
    Authority,
    PersonsRequest,
    Inquiry,
    Spill,
    Other,
}

impl Paper {
    /// Nothing of it was named.
    pub(super) fn is_absent(&self) -> bool {
        self.order.is_none() && self.ground.is_none()
    }

    /// The paper that was named, which it must be.
    pub(super) fn order(&self) -> Result<Order, Trouble> {
        let missing = || {
            Trouble::say(
                Exit::Usage,
                "no-paper",
                "an order has a number and a ground: --order and --ground",
                "у распоряжения есть номер и основание: --order и --ground",
            )
        };
        let number = self.order.as_deref().ok_or_else(missing)?;
        let ground = self.ground.ok_or_else(missing)?;
        let fits = !number.is_empty() && number.len() as u64 <= ORDER_NUMBER_BYTES_MAX;
        if !fits || number.trim() != number || number.chars().any(char::is_control) {
            return Err(Trouble::say(
                Exit::Usage,
                "bad-order-number",
                format!(
                    "an order's number has 1 to {ORDER_NUMBER_BYTES_MAX} bytes, no line breaks, no space around it"
                ),
                format!(
                    "номер распоряжения: от 1 до {ORDER_NUMBER_BYTES_MAX} байт, без переводов строки и пробелов по краям"
                ),
            ));
        }
        let ground = match ground {
            GroundName::Court => Ground::Court,
            GroundName::Authority => Ground::Authority,
            GroundName::PersonsRequest => Ground::PersonsRequest,
            GroundName::Inquiry => Ground::Inquiry,
            GroundName::Spill => Ground::Spill,
            GroundName::Other => Ground::Other,
        };
        Ok(Order { number: number.to_owned(), ground })
    }
}

/// A ground for scripts: as it is typed.
pub(super) fn ground_name(ground: Ground) -> &'static str {
    ground_words(ground).0
}

/// `order 12-3/2026 (a court's decision)`.
pub(super) fn paper(order: &Order, lang: Lang) -> String {
    let (_, en, ru) = ground_words(order.ground);
    let number = clean(&order.number);
    lang.pick(format!("order {number} ({en})"), format!("распоряжение {number} ({ru})"))
}

/// The beginning of a conversation's id, which is all that an officer can call it by.
pub(super) fn short(id: ConversationId) -> String {
    id.to_string().chars().take(12).collect()
}

/// Messages that a line names; of more it says how many.
const LISTED: usize = 12;

fn listed(messages: &[Index]) -> String {
    let list = messages.iter().take(LISTED).map(|n| format!("#{n}")).collect::<Vec<_>>().join(", ");
    if messages.len() > LISTED { format!("{list}, … ({})", messages.len()) } else { list }
}

/// Every message of a target that [`target`] cuts: whoever approves reads all that he approves.
fn in_full(target: &EraseTarget) -> Option<String> {
    match target {
        EraseTarget::Messages(_, messages) if messages.len() > LISTED => {
            Some(messages.iter().map(|n| format!("#{n}")).collect::<Vec<_>>().join(" "))
        }
        EraseTarget::Messages(..) | EraseTarget::Conversation(_) => None,
    }
}

/// What stands behind the numbers of a proposal that is to be approved: the hold that it lifts, and all that it erases.
pub(super) fn behind(
    online: &mut Online,
    act: &DualAct,
    names: &Names,
    lang: Lang,
) -> Result<String, Trouble> {
    let target = match act {
        DualAct::LiftHold(hold) => {
            let found = holds(online)?.into_iter().find(|held| held.index == *hold);
            let held = found.ok_or_else(|| no_such_hold(*hold))?;
            let shown = super::hold::line(&held, names, lang);
            let all = match &held.hold.scope {
                HoldScope::Messages(id, messages) => in_full(&EraseTarget::Messages(*id, messages.clone())),
                HoldScope::Person(_) | HoldScope::Conversation(_) => None,
            };
            return Ok(format!("  {shown}\n{}", all.map_or(String::new(), |all| format!("    {all}\n"))));
        }
        DualAct::Erase(order) => &order.target,
        DualAct::SetClock(to_ms) => return super::clock_set::behind(online, *to_ms, lang),
        DualAct::Policy(_) | DualAct::AdmitOfficer(_) | DualAct::DropCell(_) | DualAct::Close(_) => {
            return Ok(String::new());
        }
    };
    let all = in_full(target).map_or(String::new(), |all| format!("  {all}\n"));
    Ok(all + &held(online, target, names, lang)?)
}

pub(super) fn no_such_hold(index: Index) -> Trouble {
    Trouble::say(
        Exit::No,
        "no-such-hold",
        format!("no hold #{index} stands; `conclave-admin hold list` lists those that do"),
        format!("запрета № {index} нет; действующие показывает `conclave-admin hold list`"),
    )
}

/// What an order takes.
pub(super) fn target(target: &EraseTarget, lang: Lang) -> String {
    let at = short(target.conversation());
    match target {
        EraseTarget::Messages(_, messages) => {
            let list = listed(messages);
            lang.pick(format!("in conversation {at}…: {list}"), format!("в беседе {at}…: {list}"))
        }
        EraseTarget::Conversation(_) => {
            lang.pick(format!("the whole conversation {at}…"), format!("беседа {at}… целиком"))
        }
    }
}

/// What a hold keeps.
pub(super) fn scope(scope: &HoldScope, names: &Names, lang: Lang) -> String {
    match scope {
        HoldScope::Person(person) => {
            let who = names.full(*person);
            lang.pick(format!("all that {who} writes"), format!("всё, что пишет {who}"))
        }
        HoldScope::Conversation(id) => target(&EraseTarget::Conversation(*id), lang),
        HoldScope::Messages(id, messages) => target(&EraseTarget::Messages(*id, messages.clone()), lang),
    }
}

/// A message, by its entry.
pub(super) struct Found {
    pub(super) index: Index,
    pub(super) wall_ms: u64,
    pub(super) author: PersonId,
    pub(super) conversation: ConversationId,
    pub(super) bytes: u64,
    pub(super) chunks: u32,
    pub(super) label: Clearance,
    /// What erased it, by the server's word.
    pub(super) erased: Option<Index>,
}

fn found(view: &FoundView) -> Option<Found> {
    let entry = Entry::decode(&view.entry.entry).ok()?;
    let Content::Statement(signed) = entry.content else { return None };
    let parsed = signed.parse().ok()?;
    let Act::Message(act) = parsed.act() else { return None };
    Some(Found {
        index: view.entry.index,
        wall_ms: entry.wall_ms,
        author: parsed.header().person,
        conversation: act.conversation,
        bytes: act.size.bytes(),
        chunks: act.file.as_ref().map_or(0, |file| file.chunks),
        label: act.label,
        erased: view.erased_by,
    })
}

/// A page of what was asked for, and where to ask on.
pub(super) fn page(online: &mut Online, find: Find) -> Result<(Vec<Found>, Option<Index>), Trouble> {
    let Reply::Found(views, next) = online.run(Command::Ask(Query::Find(find)))? else {
        return Err(Trouble::odd_answer());
    };
    let rows = views.iter().map(|view| found(view).ok_or_else(Trouble::odd_answer));
    Ok((rows.collect::<Result<_, _>>()?, next))
}

/// These very messages, ascending; all of one conversation.
pub(super) fn messages(online: &mut Online, wanted: &[Index]) -> Result<Vec<Found>, Trouble> {
    let mut wanted: BTreeSet<Index> = wanted.iter().copied().collect();
    let mut rows: Vec<Found> = Vec::new();
    while let Some(from) = wanted.first().copied() {
        let find = Find { from, since_ms: 0, until_ms: u64::MAX, person: None, conversation: None };
        let (some, _) = page(online, find)?;
        // Each page gives all that it shows: messages named together mostly stand together.
        rows.extend(some.into_iter().filter(|row| wanted.remove(&row.index)));
        if wanted.first() == Some(&from) {
            return Err(no_message(from));
        }
    }
    if let [first, rest @ ..] = &rows[..]
        && let Some(other) = rest.iter().find(|row| row.conversation != first.conversation)
    {
        return Err(Trouble::say(
            Exit::Usage,
            "two-conversations",
            format!("#{} and #{} are of two conversations: one order is about one", first.index, other.index),
            format!("#{} и #{} из разных бесед: одно распоряжение — об одной", first.index, other.index),
        ));
    }
    Ok(rows)
}

fn no_message(index: Index) -> Trouble {
    Trouble::say(
        Exit::No,
        "no-such-message",
        format!("#{index} is no message"),
        format!("запись № {index} — не сообщение"),
    )
}

/// A hold that stands.
#[derive(Clone)]
pub(super) struct Standing {
    pub(super) index: Index,
    pub(super) placed_ms: u64,
    pub(super) by: PersonId,
    pub(super) hold: Hold,
}

/// All that stand, as they were signed.
pub(super) fn holds(online: &mut Online) -> Result<Vec<Standing>, Trouble> {
    let (mut holds, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        let Reply::Entries(views, more) = online.run(Command::Ask(Query::Holds(from)))? else {
            return Err(Trouble::odd_answer());
        };
        let last = views.last().map(|view| view.index);
        // A page that is no step further ends nothing: a part is never given for the whole.
        if more && last.is_none_or(|last| last < from) {
            return Err(Trouble::odd_answer());
        }
        for view in &views {
            holds.push(standing(view).ok_or_else(Trouble::odd_answer)?);
        }
        next = last.filter(|_| more).map(|last| last + 1);
    }
    Ok(holds)
}

fn standing(view: &protocol::client::event::EntryView) -> Option<Standing> {
    let entry = Entry::decode(&view.entry).ok()?;
    let Content::Statement(signed) = entry.content else { return None };
    let parsed = signed.parse().ok()?;
    let Act::Hold(hold) = parsed.act() else { return None };
    let by = parsed.header().person;
    Some(Standing { index: view.index, placed_ms: entry.wall_ms, by, hold: hold.clone() })
}

/// The first hold that keeps a message.
pub(super) fn keeping(holds: &[Standing], row: &Found) -> Option<Index> {
    holds.iter().find(|held| keeps(held, row)).map(|held| held.index)
}

/// `2026-11-21`, from its first moment in UTC, or an RFC 3339 time.
pub(super) fn moment(typed: &str) -> Result<u64, BadValue> {
    let whole = if typed.len() == 10 { format!("{typed}T00:00:00Z") } else { typed.to_owned() };
    let read = console::when::parse_rfc3339(&whole);
    read.ok_or(BadValue::new(
        "a day like 2026-11-21, or a time like 2026-11-21T08:00:00Z",
        "нужен день, например 2026-11-21, или время, например 2026-11-21T08:00:00Z",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_taken_from_its_first_moment() {
        assert_eq!(moment("1970-01-02"), Ok(86_400_000));
        assert_eq!(moment("1970-01-01T00:01:00Z"), Ok(60_000));
        assert!(moment("yesterday").is_err() && moment("2026-13-41").is_err());
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let many: Vec<Index> = (1..=40).collect();
        assert!(listed(&many).ends_with("#12, … (40)"), "{}", listed(&many));
        assert_eq!(listed(&[3, 5]), "#3, #5");
    }
}
