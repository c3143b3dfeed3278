//! `hold place|lift|approve|list`: what may not be erased by anybody, until when, by which paper.
//! Never lifts a hold alone: that is an act of two.

use super::decide::{Decided, Decision};
use super::law::{self, Paper, Standing};
use super::names::{Names, Text};
use super::online::{Access, For, Online, session};
use super::policy::{approve, propose};
use super::proposals::{self, number};
use super::trouble::Trouble;
use crate::clock;
use clap::{ArgGroup, Args, Subcommand};
use console::when::{minute, rfc3339};
use console::{Exit, HelpTable, Lang, Voice};
use journal::Index;
use journal::act::{Act, DualAct, Hold as HoldAct, HoldScope};
use journal::register::HOLD_MS_MAX;
use serde::Serialize;

/// Holds: what nobody may erase for a time, whoever asks.
#[derive(Subcommand)]
pub(super) enum Hold {
    /// Place a hold: one officer suffices, for it only keeps. Members see it.
    #[command(
        after_help = "Example: conclave-admin hold place --person @anna --until 2027-03-01 --order 17/2026 --ground court\nExample: conclave-admin hold place --message 1234 --until 2027-03-01 --order 18/2026 --ground inquiry"
    )]
    Place(Place),
    /// Propose to lift a hold before its end; a second officer approves.
    #[command(after_help = "Example: conclave-admin hold lift 1300")]
    Lift(Lift),
    /// Approve what another officer proposed to lift.
    #[command(after_help = "Example: conclave-admin hold approve 1310")]
    Approve(Approve),
    /// List the holds that stand.
    #[command(after_help = "Example: conclave-admin hold list")]
    List {
        #[command(flatten)]
        access: Access,
    },
}

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).args(["person", "message", "whole_of"])))]
pub(super) struct Place {
    /// All that this person wrote or writes: @login.
    #[arg(long, value_name = "@LOGIN")]
    person: Option<String>,
    /// This message; may be given more than once, for messages of one conversation.
    #[arg(long, value_name = "#N", value_parser = number)]
    message: Vec<Index>,
    /// The whole conversation that this message is in.
    #[arg(long, value_name = "#N", value_parser = number)]
    whole_of: Option<Index>,
    /// When it ends: 2027-03-01 (UTC), or an RFC 3339 time.
    #[arg(long, value_name = "TIME", value_parser = law::moment)]
    until: u64,
    #[command(flatten)]
    paper: Paper,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(super) struct Lift {
    /// The hold: #index.
    #[arg(value_name = "#N", value_parser = number)]
    hold: Index,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(super) struct Approve {
    /// The proposal: #index.
    #[arg(value_name = "#N", value_parser = number)]
    proposal: Index,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("hold/@about", "Запреты на стирание: что некоторое время не может стереть никто."),
    (
        "hold place/@about",
        "Наложить запрет: достаточно одного офицера, ведь запрет только сохраняет. Участники его видят.",
    ),
    (
        "hold place/@after",
        "Пример: conclave-admin hold place --person @anna --until 2027-03-01 --order 17/2026 --ground court\nПример: conclave-admin hold place --message 1234 --until 2027-03-01 --order 18/2026 --ground inquiry",
    ),
    ("hold place/person", "всё, что этот человек написал или напишет: @логин"),
    ("hold place/message", "это сообщение; можно повторить для сообщений одной беседы"),
    ("hold place/whole_of", "вся беседа, в которой это сообщение"),
    ("hold place/until", "до какого времени: 2027-03-01 (UTC) или время по RFC 3339"),
    ("hold lift/@about", "Предложить снять запрет до срока; утверждает второй офицер."),
    ("hold lift/@after", "Пример: conclave-admin hold lift 1300"),
    ("hold lift/hold", "запрет: #номер"),
    ("hold approve/@about", "Утвердить снятие запрета, предложенное другим офицером."),
    ("hold approve/@after", "Пример: conclave-admin hold approve 1310"),
    ("hold approve/proposal", "предложение: #номер"),
    ("hold list/@about", "Перечислить действующие запреты."),
    ("hold list/@after", "Пример: conclave-admin hold list"),
    ("*/order", "номер распоряжения, под которым хранится бумага; журнал хранит его всегда"),
    ("*/ground", "на каком основании оно дано"),
];

console::words! {
    enum Said {
        Past { until: String }
            => en("--until {until} is past: a hold ends in the future"),
               ru("--until {until} уже прошло: запрет кончается в будущем");
        TooFar { until: String }
            => en("--until {until} is more than ten years ahead: place it for less, and anew before it ends"),
               ru("--until {until} дальше десяти лет: наложите на меньший срок и продлите до его конца");
        Plan { what: String, until: String, paper: String }
            => en("nobody will be able to erase until {until}:\n  {what}\n  {paper}\nThose whom it concerns see it. To end it sooner takes two officers."),
               ru("до {until} никто не сможет стереть:\n  {what}\n  {paper}\nЭто видят те, кого это касается. Снять раньше могут только двое офицеров.");
        Placed { index: u64 } => en("the hold stands: #{index}"), ru("запрет действует: запись № {index}");
        LiftPlan { index: u64, what: String }
            => en("to be lifted, once another officer approves, the hold #{index}:\n  {what}"),
               ru("после утверждения вторым офицером снимается запрет № {index}:\n  {what}");
        Proposed { index: u64 }
            => en("proposed: #{index}\nAnother officer approves it: conclave-admin hold approve {index}"),
               ru("предложено: запись № {index}\nУтверждает другой офицер: conclave-admin hold approve {index}");
        Lifted { hold: u64, index: u64 }
            => en("the hold #{hold} is lifted: #{index}"), ru("запрет № {hold} снят: запись № {index}");
        None => en("no hold stands"), ru("запретов нет");
        NotLift { index: u64 }
            => en("#{index} does not propose to lift a hold"), ru("предложение № {index} не о снятии запрета");
    }
}

#[derive(Serialize)]
struct Data {
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<u64>,
}

#[derive(Serialize)]
struct Row {
    index: u64,
    placed: String,
    by: String,
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<u64>,
    ends: String,
    /// Within the time before its end that the policy names for a warning.
    ends_soon: bool,
    order: String,
    ground: &'static str,
}

impl Hold {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Place(_) => "hold place",
            Self::Lift(_) => "hold lift",
            Self::Approve(_) => "hold approve",
            Self::List { .. } => "hold list",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Place(it) => it.run(voice),
            Self::Lift(it) => it.run(voice),
            Self::Approve(it) => it.run(voice),
            Self::List { access } => list(access, voice),
        }
    }
}

impl Place {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let order = self.paper.order()?;
        let until = minute(self.until);
        // Said before anybody types a password; the server judges again, by its own clock.
        if self.until <= clock::now_ms() {
            return Err(Trouble::new(Exit::Usage, "bad-hold", &Said::Past { until }));
        }
        if self.until - clock::now_ms() > HOLD_MS_MAX {
            return Err(Trouble::new(Exit::Usage, "bad-hold", &Said::TooFar { until }));
        }
        let (said, index) = session(&self.access, voice, For::Officers, |online| {
            let names = Names::fetch(online, voice.lang)?;
            let scope = self.scope(online, &names)?;
            let plan = Said::Plan {
                what: law::scope(&scope, &names, voice.lang),
                until: minute(self.until),
                paper: law::paper(&order, voice.lang),
            };
            match self.decision.ask(online, voice, &plan)? {
                Decided::PlanOnly => Ok((plan, None)),
                Decided::Yes => {
                    let act = Act::Hold(HoldAct { scope, order, end_ms: self.until });
                    let index = online.act(act)?.index;
                    Ok((Said::Placed { index }, Some(index)))
                }
            }
        })?;
        Ok(voice.done("hold place", &said, Data { index, hold: None }))
    }

    fn scope(&self, online: &mut Online, names: &Names) -> Result<HoldScope, Trouble> {
        if let Some(typed) = &self.person {
            return Ok(HoldScope::Person(names.person(typed)?.person));
        }
        if let Some(index) = self.whole_of {
            let rows = law::messages(online, &[index])?;
            return Ok(HoldScope::Conversation(rows.first().ok_or_else(Trouble::odd_answer)?.conversation));
        }
        let rows = law::messages(online, &self.message)?;
        let id = rows.first().ok_or_else(Trouble::odd_answer)?.conversation;
        Ok(HoldScope::Messages(id, rows.iter().map(|row| row.index).collect()))
    }
}

impl Lift {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let index = self.hold;
        let (said, proposal) = session(&self.access, voice, For::Officers, |online| {
            let names = Names::fetch(online, voice.lang)?;
            let held = law::holds(online)?.into_iter().find(|held| held.index == index);
            let held = held.ok_or_else(|| law::no_such_hold(index))?;
            let plan = Said::LiftPlan { index, what: line(&held, &names, voice.lang) };
            match self.decision.ask(online, voice, &plan)? {
                Decided::PlanOnly => Ok((plan, None)),
                Decided::Yes => {
                    let proposal = propose(online, &DualAct::LiftHold(index))?;
                    Ok((Said::Proposed { index: proposal }, Some(proposal)))
                }
            }
        })?;
        Ok(voice.done("hold lift", &said, Data { index: proposal, hold: Some(index) }))
    }
}

impl Approve {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (hold, plan, index) = session(&self.access, voice, For::Officers, |online| {
            let open = proposals::find(online, self.proposal)?;
            let DualAct::LiftHold(hold) = open.act else {
                let words = Said::NotLift { index: self.proposal };
                return Err(Trouble::new(Exit::No, "not-a-hold", &words));
            };
            let (plan, index) = approve(online, &open, self.decision, voice)?;
            Ok((hold, plan, index))
        })?;
        let data = Data { index, hold: Some(hold) };
        Ok(match index {
            None => voice.done("hold approve", &Text(plan), data),
            Some(index) => voice.done("hold approve", &Said::Lifted { hold, index }, data),
        })
    }
}

/// The policy wants officers told of its end by now.
fn ends_soon(held: &Standing, warning_ms: u64) -> bool {
    held.hold.end_ms.saturating_sub(warning_ms) <= clock::now_ms()
}

/// A hold in words: until when, what, by which paper, who placed it.
pub(super) fn line(held: &Standing, names: &Names, lang: Lang) -> String {
    let (end, by) = (minute(held.hold.end_ms), names.full(held.by));
    let (what, paper) = (law::scope(&held.hold.scope, names, lang), law::paper(&held.hold.order, lang));
    let until = lang.pick("until", "до");
    format!("#{}  {until} {end}  {what}\n    {paper}; {by}", held.index)
}

fn row(held: &Standing, warning_ms: u64, names: &Names) -> Row {
    let (scope, person, messages) = match &held.hold.scope {
        HoldScope::Person(person) => ("person", Some(names.login(*person)), Vec::new()),
        HoldScope::Conversation(_) => ("conversation", None, Vec::new()),
        HoldScope::Messages(_, messages) => ("messages", None, messages.clone()),
    };
    Row {
        index: held.index,
        placed: rfc3339(held.placed_ms),
        by: names.login(held.by),
        scope,
        person,
        conversation: held.hold.scope.conversation().map(|id| id.to_string()),
        messages,
        ends: rfc3339(held.hold.end_ms),
        ends_soon: ends_soon(held, warning_ms),
        order: held.hold.order.number.clone(),
        ground: law::ground_name(held.hold.order.ground),
    }
}

fn list(access: &Access, voice: Voice) -> Result<Exit, Trouble> {
    let (holds, names, warning_ms) = session(access, voice, For::Officers, |online| {
        let (policy, _) = online.policy()?;
        Ok((law::holds(online)?, Names::fetch(online, voice.lang)?, policy.hold_warning_ms))
    })?;
    let rows: Vec<Row> = holds.iter().map(|held| row(held, warning_ms, &names)).collect();
    if holds.is_empty() {
        return Ok(voice.done("hold list", &Said::None, rows));
    }
    let shown = |held: &Standing| match ends_soon(held, warning_ms) {
        true => {
            format!("{}  {}", line(held, &names, voice.lang), voice.lang.pick("ENDS SOON", "СКОРО ИСТЕКАЕТ"))
        }
        false => line(held, &names, voice.lang),
    };
    let lines: Vec<String> = holds.iter().map(shown).collect();
    Ok(voice.done("hold list", &Text(lines.join("\n")), rows))
}
