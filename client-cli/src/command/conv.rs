//! `conclave conv`: one's conversations, their members, and changes of them.
//! Never decides who may: the journal's rules do, and the refusal is told.

use super::{conv_new, hold, order};
use crate::Here;
use crate::agent::policy_of;
use crate::args::{Conv, ConvOne, ConvPerson};
use crate::names::{self, Names, conversations};
use crate::reach::Line;
use crate::trouble::Trouble;
use console::when::{minute, rfc3339};
use console::{Align, Exit, Lang, Table, Words};
use journal::act::{ConversationKind, EraseTarget};
use journal::ids::ConversationId;
use journal::policy::Policy;
use pki::{Clearance, PersonId};
use protocol::answer::Answer;
use protocol::client::event::{ConversationView, OrderView};
use protocol::client::{Command, Reply};
use protocol::query::Query;
use serde::Serialize;

console::words! {
    enum Said {
        Invited { who: String, to: String, index: u64 }
            => en("{who} is invited to {to}: #{index}"), ru("приглашение в «{to}»: {who}, запись № {index}");
        Removed { who: String, to: String, index: u64 }
            => en("{who} is no longer in {to}: #{index}; the next message goes under a new key"),
               ru("больше не в «{to}»: {who}, запись № {index}; следующее сообщение пойдёт под новым ключом");
        Left { to: String, index: u64 } => en("you have left {to}: #{index}"), ru("вы вышли из «{to}»: запись № {index}");
        Owner { who: String, to: String, index: u64 }
            => en("{who} owns {to} now: #{index}"), ru("владелец «{to}» теперь {who}: запись № {index}");
        Shared { who: String, to: String, index: u64 }
            => en("{who} can read what was written in {to} before: #{index}; every member sees this"),
               ru("прежняя переписка «{to}» открыта для {who}: запись № {index}; это видят все участники");
    }
}

#[derive(Serialize)]
struct ConversationJson {
    id: String,
    number: u64,
    kind: &'static str,
    title: String,
    owner: Option<String>,
    ceiling: u8,
    default_label: u8,
    members: Vec<MemberJson>,
    epoch: u32,
    last: u64,
    read: u64,
    unread: u64,
    closed: Option<u64>,
    /// Holds that keep something here from being erased.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holds: Vec<u64>,
    /// Open orders to erase the whole of it; absent where they could not be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<u64>>,
    /// For how many days messages are kept, by label from the lowest up to the ceiling; null: for ever.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keep_days: Vec<Option<u32>>,
    /// By a schedule that was shortened they are kept for longer yet, by the server's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_days_before: Option<BeforeJson>,
}

#[derive(Serialize)]
struct BeforeJson {
    until: String,
    keep_days: Vec<Option<u32>>,
}

#[derive(Serialize)]
struct MemberJson {
    login: String,
    joined: bool,
    since: u64,
}

#[derive(Serialize)]
struct Done {
    conversation: String,
    index: u64,
}

pub(super) fn run(conv: Conv, here: Here) -> Result<Exit, Trouble> {
    match conv {
        Conv::New(args) => conv_new::run(args, here),
        Conv::List => list(here),
        Conv::Show(args) => show(&args, here),
        Conv::Leave(ConvOne { of }) => {
            let change = |conversation, _| Command::Leave(conversation);
            act("conv leave", &of, None, here, change, |to, _, index| Said::Left { to, index })
        }
        Conv::Invite(ConvPerson { of, who }) => {
            act("conv invite", &of, Some(&who), here, Command::Invite, |to, who, index| Said::Invited {
                who,
                to,
                index,
            })
        }
        Conv::Remove(ConvPerson { of, who }) => {
            act("conv remove", &of, Some(&who), here, Command::Remove, |to, who, index| Said::Removed {
                who,
                to,
                index,
            })
        }
        Conv::Owner(ConvPerson { of, who }) => {
            act("conv owner", &of, Some(&who), here, Command::HandOver, |to, who, index| Said::Owner {
                who,
                to,
                index,
            })
        }
        Conv::ShareHistory(ConvPerson { of, who }) => {
            let said = |to, who, index| Said::Shared { who, to, index };
            act("conv share-history", &of, Some(&who), here, Command::ShareHistory, said)
        }
    }
}

/// One change of a conversation, about one person or about oneself.
fn act(
    name: &str,
    of: &str,
    who: Option<&str>,
    here: Here,
    command: impl FnOnce(ConversationId, PersonId) -> Command,
    said: impl FnOnce(String, String, u64) -> Said,
) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let all = conversations(&mut line)?;
    let one = names::conversation(&all, &names, of)?;
    let person = who.map_or(Ok(names.me()), |who| names.person(who))?;
    let Reply::Admitted(admitted) = line.run(command(one.id, person))? else {
        return Err(Trouble::odd_answer());
    };
    let (to, who) = (names.title(one, here.voice.lang), names.full(person, here.voice.lang));
    let data = Done { conversation: one.id.to_string(), index: admitted.index };
    Ok(here.voice.done(name, &said(to, who, admitted.index), data))
}

struct List<'a> {
    names: &'a Names,
    all: &'a [ConversationView],
}

impl Words for List<'_> {
    fn en(&self) -> String {
        self.table(Lang::En)
    }
    fn ru(&self) -> String {
        self.table(Lang::Ru)
    }
}

fn list(here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let all = conversations(&mut line)?;
    line.fresh_for_scripts()?;
    let data: Vec<ConversationJson> = all.iter().map(|one| json(one, &names, here.voice.lang)).collect();
    Ok(here.voice.done("conv list", &List { names: &names, all: &all }, data))
}

impl List<'_> {
    fn table(&self, lang: Lang) -> String {
        if self.all.is_empty() {
            return lang.pick("there are no conversations yet", "бесед ещё нет").to_owned();
        }
        let mut table = Table::new([
            ("#", Align::Right),
            (lang.pick("conversation", "беседа"), Align::Left),
            (lang.pick("members", "участников"), Align::Right),
            (lang.pick("unread", "непрочитано"), Align::Right),
            (lang.pick("up to", "до грифа"), Align::Left),
            (lang.pick("state", "состояние"), Align::Left),
        ]);
        for one in self.all {
            table.row([
                one.number.to_string(),
                self.names.title(one, lang),
                one.members.len().to_string(),
                one.unread.to_string(),
                self.names.label_name(one.ceiling, lang),
                one.closed
                    .map_or(String::new(), |index| format!("{} #{index}", lang.pick("erased,", "стёрта,"))),
            ]);
        }
        table.render(super::width())
    }
}

struct One<'a> {
    names: &'a Names,
    one: &'a ConversationView,
    holds: &'a [hold::Held],
    /// Open orders over the whole of it.
    orders: &'a [OrderView],
    /// For how many days messages of each label up to the ceiling are kept; `None`: for ever.
    kept: &'a [Option<u32>],
    /// For how many at least until this time: the schedule was shortened, and that does not count yet.
    before: Option<&'a Before>,
}

impl Words for One<'_> {
    fn en(&self) -> String {
        self.page(Lang::En)
    }
    fn ru(&self) -> String {
        self.page(Lang::Ru)
    }
}

fn show(args: &ConvOne, here: Here) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let names = Names::fetch(&mut line)?;
    let all = conversations(&mut line)?;
    let id = names::conversation(&all, &names, &args.of)?.id;
    let Reply::Conversation(one) = line.run(Command::Conversation(id))? else {
        return Err(Trouble::odd_answer());
    };
    let holds = hold::holds(&mut line, id)?;
    let policy = line.run(Command::Ask(Query::Policy))?;
    let policy = policy_of(&policy).ok_or_else(Trouble::odd_answer)?;
    let rule = |rank| policy.retention.rule_for(one.kind, Clearance(rank)).map(|(_, days)| days);
    let kept: Vec<Option<u32>> = (0..=one.ceiling.rank()).map(rule).collect();
    let before = before(&mut line, &one, &policy)?.filter(|(_, days)| *days != kept);
    let mut data = json(&one, &names, here.voice.lang);
    data.keep_days = kept.clone();
    data.keep_days_before =
        before.clone().map(|(until_ms, keep_days)| BeforeJson { until: rfc3339(until_ms), keep_days });
    data.holds = holds.iter().map(|held| held.index).collect();
    let status = line.status()?;
    let mut orders = order::asked(&mut line, &status, here.voice);
    orders.iter_mut().for_each(|all| all.retain(|view| view.order.target == EraseTarget::Conversation(id)));
    data.orders = orders.as_ref().map(|all| all.iter().map(|view| view.proposal).collect());
    let page = One {
        names: &names,
        one: &one,
        holds: &holds,
        orders: orders.as_deref().unwrap_or_default(),
        kept: &kept,
        before: before.as_ref(),
    };
    Ok(here.voice.done("conv show", &page, data))
}

/// Until when, and for how many days messages of each label are kept until then.
type Before = (u64, Vec<Option<u32>>);

/// What a schedule of before keeps, where it counts on.
fn before(line: &mut Line, one: &ConversationView, policy: &Policy) -> Result<Option<Before>, Trouble> {
    let Reply::Answer(answer) = line.run(Command::Ask(Query::Former))? else {
        return Err(Trouble::odd_answer());
    };
    let Answer::Former(former) = *answer else { return Err(Trouble::odd_answer()) };
    Ok(former.map(|former| {
        let days = |rank| former.kept_days(&policy.retention, one.kind, Clearance(rank));
        (former.until_ms, (0..=one.ceiling.rank()).map(days).collect())
    }))
}

impl One<'_> {
    /// How long messages are kept, and from when on, where that was shortened.
    fn kept(&self, lang: Lang) -> String {
        let now = self.days(self.kept, lang);
        let Some((until_ms, before)) = self.before else { return now };
        let (until, before) = (minute(*until_ms), self.days(before, lang));
        lang.pick(
            format!("{now}, from {until} on at the earliest; until then {before}"),
            format!("{now}, не раньше чем с {until}; до того {before}"),
        )
    }

    /// Once where all labels are alike, else label by label.
    fn days(&self, kept: &[Option<u32>], lang: Lang) -> String {
        let time = |days: &Option<u32>| match days {
            None => lang.pick("for ever", "бессрочно").to_owned(),
            Some(days) => lang.pick(format!("{days} d"), format!("{days} дн.")),
        };
        match kept {
            [first, rest @ ..] if rest.iter().any(|days| days != first) => {
                let label = |rank| self.names.label_name(Clearance(rank), lang);
                let each = (0..).zip(kept).map(|(rank, days)| format!("{} {}", label(rank), time(days)));
                each.collect::<Vec<_>>().join(", ")
            }
            kept => time(kept.first().unwrap_or(&None)),
        }
    }

    fn page(&self, lang: Lang) -> String {
        let (one, names) = (self.one, self.names);
        let mut out = format!("{} (#{})\n", names.title(one, lang), one.number);
        let labels = [one.ceiling, one.default_label].map(|label| names.label_name(label, lang));
        out.push_str(&format!(
            "{}: {}; {}: {}; {}: {}\n",
            lang.pick("labels up to", "грифы до"),
            labels[0],
            lang.pick("by default", "по умолчанию"),
            labels[1],
            lang.pick("key epoch", "эпоха ключа"),
            one.epoch
        ));
        let mut table = Table::new([
            (lang.pick("member", "участник"), Align::Left),
            (lang.pick("since", "с записи"), Align::Right),
            (lang.pick("state", "состояние"), Align::Left),
        ]);
        for member in &one.members {
            let state = match (one.owner == Some(member.person), member.joined) {
                (true, _) => lang.pick("owner", "владелец"),
                (false, true) => "",
                (false, false) => lang.pick("invited", "приглашение"),
            };
            table.row([names.full(member.person, lang), format!("#{}", member.since), state.to_owned()]);
        }
        out.push_str(&table.render(super::width()));
        if let Some(index) = one.closed {
            out.push_str(&format!("{} #{index}\n", lang.pick("erased and closed:", "стёрта и закрыта:")));
        }
        out.push_str(&format!(
            "{}: {}\n",
            lang.pick("messages are kept", "сообщения хранятся"),
            self.kept(lang)
        ));
        for held in self.holds {
            out.push_str(&hold::hold_line(held, names, lang));
        }
        for view in self.orders {
            out.push_str(&order::whole_line(view, names, lang));
        }
        out
    }
}

fn json(one: &ConversationView, names: &Names, lang: Lang) -> ConversationJson {
    ConversationJson {
        id: one.id.to_string(),
        number: one.number,
        kind: match one.kind {
            ConversationKind::Private => "private",
            ConversationKind::Group => "group",
        },
        title: names.bare_title(one, lang),
        owner: one.owner.map(|owner| names.login(owner)),
        ceiling: one.ceiling.rank(),
        default_label: one.default_label.rank(),
        members: one
            .members
            .iter()
            .map(|member| MemberJson {
                login: names.login(member.person),
                joined: member.joined,
                since: member.since,
            })
            .collect(),
        epoch: one.epoch,
        last: one.last,
        read: one.read,
        unread: one.unread,
        closed: one.closed,
        holds: Vec::new(),
        orders: None,
        keep_days: Vec::new(),
        keep_days_before: None,
    }
}

#[cfg(test)]
#[path = "conv_tests.rs"]
mod tests;
