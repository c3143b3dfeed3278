//! `erase propose|approve|withdraw|status`: erasure by right, ordered by two officers.
//! Never shows a text: officers order what they do not read.

use super::certificate::Certificate;
use super::decide::{Decided, Decision};
use super::erase_find::Search;
use super::erase_status::status;
use super::held;
use super::law::{self, Paper};
use super::names::{Names, Text};
use super::online::{Access, For, Online, session};
use super::orders::{order, to_confirm};
use super::policy::{approve, propose};
use super::proposals::{self, Open, number};
use super::trouble::Trouble;
use clap::{ArgGroup, Args, Subcommand};
use console::when::duration;
use console::{Exit, HelpTable, Lang, Voice};
use journal::Index;
use journal::act::{Act, DualAct, EraseOrder, EraseTarget, Withdraw};
use serde::Serialize;

/// Erasure by right: what two officers order, whoever wrote it.
#[derive(Subcommand)]
pub(super) enum Erase {
    /// Find messages by who, where and when; their texts are not shown to officers.
    #[command(
        after_help = "Example: conclave-admin erase find --who @anna --since 2026-11-01 --until 2026-11-21\nExample: conclave-admin erase find --conversation 1234"
    )]
    Find(Search),
    /// Propose to erase messages, or a whole conversation; a second officer approves.
    #[command(
        after_help = "Example: conclave-admin erase propose 1234 1240 --order 12-3/2026 --ground persons-request\nExample: conclave-admin erase propose --whole-of 1234 --order 12-4/2026 --ground court\nExample: conclave-admin erase propose --confirm 1400"
    )]
    Propose(ProposeErase),
    /// Approve what another officer proposed to erase. Those concerned are told and may object before it takes effect.
    #[command(after_help = "Example: conclave-admin erase approve 1400")]
    Approve(ApproveErase),
    /// Take back an order of erasure that has not taken effect.
    #[command(after_help = "Example: conclave-admin erase withdraw 1400")]
    Withdraw(One),
    /// How the orders of erasure stand.
    #[command(after_help = "Example: conclave-admin erase status")]
    Status {
        #[command(flatten)]
        access: Access,
    },
    Certificate(Certificate),
}

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).args(["messages", "whole_of", "confirm"])))]
pub(super) struct ProposeErase {
    /// The messages, all of one conversation: #index.
    #[arg(value_name = "#N", value_parser = number)]
    messages: Vec<Index>,
    /// The whole conversation that this message is in.
    #[arg(long, value_name = "#N", value_parser = number)]
    whole_of: Option<Index>,
    /// Confirm the order of this proposal, which was stopped: it then takes effect at once.
    #[arg(long, value_name = "#N", value_parser = number)]
    confirm: Option<Index>,
    #[command(flatten)]
    paper: Paper,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(super) struct ApproveErase {
    /// The proposal: #index.
    #[arg(value_name = "#N", value_parser = number)]
    proposal: Index,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(super) struct One {
    /// The proposal: #index.
    #[arg(value_name = "#N", value_parser = number)]
    proposal: Index,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("erase/@about", "Стирание по праву: что предписали двое офицеров, кто бы это ни написал."),
    ("erase propose/@about", "Предложить стереть сообщения или всю беседу; утверждает второй офицер."),
    (
        "erase propose/@after",
        "Пример: conclave-admin erase propose 1234 1240 --order 12-3/2026 --ground persons-request\nПример: conclave-admin erase propose --whole-of 1234 --order 12-4/2026 --ground court\nПример: conclave-admin erase propose --confirm 1400",
    ),
    ("erase propose/messages", "сообщения одной беседы: #номер"),
    ("erase propose/whole_of", "вся беседа, в которой это сообщение"),
    (
        "erase propose/confirm",
        "подтвердить остановленное распоряжение этого предложения: тогда оно исполняется сразу",
    ),
    (
        "erase approve/@about",
        "Утвердить стирание, предложенное другим офицером. Кого это касается, узнают и могут возразить до исполнения.",
    ),
    ("erase approve/@after", "Пример: conclave-admin erase approve 1400"),
    ("erase approve/proposal", "предложение: #номер"),
    ("erase withdraw/@about", "Отозвать распоряжение о стирании, пока оно не исполнено."),
    ("erase withdraw/@after", "Пример: conclave-admin erase withdraw 1400"),
    ("erase withdraw/proposal", "предложение: #номер"),
    ("erase status/@about", "Как обстоит дело с распоряжениями о стирании."),
    ("erase status/@after", "Пример: conclave-admin erase status"),
];

console::words! {
    enum Said {
        Plan { what: String, paper: String, count: String, again: String, held: String }
            => en("to be erased, once another officer approves{again}:\n  {what}\n  {count}\n  {paper}\n{held}"),
               ru("после утверждения вторым офицером будет стёрто{again}:\n  {what}\n  {count}\n  {paper}\n{held}");
        Proposed { index: u64 }
            => en("proposed: #{index}\nAnother officer approves it: conclave-admin erase approve {index}"),
               ru("предложено: запись № {index}\nУтверждает другой офицер: conclave-admin erase approve {index}");
        Approved { index: u64, proposal: u64, wait: String }
            => en("the order #{proposal} is given: #{index}\nThose whom it concerns are told and may object for {wait}; then it takes effect, where no hold keeps it. How it stands: conclave-admin erase status"),
               ru("распоряжение № {proposal} отдано: запись № {index}\nКого это касается, узнают и могут возразить в течение: {wait}; затем оно исполняется, если этого не держит запрет. Состояние: conclave-admin erase status");
        AtOnce { index: u64, proposal: u64 }
            => en("the order #{proposal} is confirmed and takes effect: #{index}"),
               ru("распоряжение № {proposal} подтверждено и исполняется: запись № {index}");
        Withdrawn { index: u64, proposal: u64 }
            => en("the order #{proposal} is withdrawn: #{index}"), ru("распоряжение № {proposal} отозвано: запись № {index}");
        NotErase { index: u64 }
            => en("#{index} does not propose an erasure"), ru("предложение № {index} не о стирании");
    }
}

#[derive(Serialize)]
struct Data {
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<u64>,
}

impl Erase {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Find(_) => "erase find",
            Self::Propose(_) => "erase propose",
            Self::Approve(_) => "erase approve",
            Self::Withdraw(_) => "erase withdraw",
            Self::Status { .. } => "erase status",
            Self::Certificate(_) => "erase certificate",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Find(it) => it.run(voice),
            Self::Propose(it) => it.run(voice),
            Self::Approve(it) => it.run(voice),
            Self::Withdraw(it) => it.run(voice),
            Self::Status { access } => status(access, voice),
            Self::Certificate(it) => it.run(voice),
        }
    }
}

impl ProposeErase {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        // What confirms an order may go by the same paper.
        let paper = match self.confirm.is_some() && self.paper.is_absent() {
            true => None,
            false => Some(self.paper.order()?),
        };
        let (said, index) = session(&self.access, voice, For::Officers, |online| {
            let (target, order, confirms) = match self.confirm {
                Some(stopped) => {
                    let view = order(online, stopped, voice)?;
                    to_confirm(&view)?;
                    (view.order.target, paper.unwrap_or(view.order.order), Some(view.proposal))
                }
                None => (self.target(online)?, self.paper.order()?, None),
            };
            let act = EraseOrder { target, order, confirms };
            let names = Names::fetch(online, voice.lang)?;
            let held = held::held(online, &act.target, &names, voice.lang)?;
            let told = proposed_already(&proposals::open(online)?, &act, voice.lang) + &held;
            let plan = plan(&act, told, voice);
            match self.decision.ask(online, voice, &plan)? {
                Decided::PlanOnly => Ok((plan, None)),
                Decided::Yes => {
                    let index = propose(online, &DualAct::Erase(act))?;
                    Ok((Said::Proposed { index }, Some(index)))
                }
            }
        })?;
        Ok(voice.done("erase propose", &said, Data { index, proposal: None }))
    }

    fn target(&self, online: &mut Online) -> Result<EraseTarget, Trouble> {
        if let Some(index) = self.whole_of {
            let rows = law::messages(online, &[index])?;
            return Ok(EraseTarget::Conversation(rows.first().ok_or_else(Trouble::odd_answer)?.conversation));
        }
        let rows = law::messages(online, &self.messages)?;
        let id = rows.first().ok_or_else(Trouble::odd_answer)?.conversation;
        Ok(EraseTarget::Messages(id, rows.iter().map(|row| row.index).collect()))
    }
}

/// A line for each open proposal that would erase any of the same by the same paper.
fn proposed_already(open: &[Open], order: &EraseOrder, lang: Lang) -> String {
    let overlaps = |other: &EraseTarget| match (other, &order.target) {
        (EraseTarget::Messages(of, some), EraseTarget::Messages(id, messages)) => {
            of == id && some.iter().any(|index| messages.contains(index))
        }
        (other, target) => other.conversation() == target.conversation(),
    };
    let same = open.iter().filter(|one| match &one.act {
        DualAct::Erase(other) => other.order.number == order.order.number && overlaps(&other.target),
        DualAct::Policy(_)
        | DualAct::AdmitOfficer(_)
        | DualAct::LiftHold(_)
        | DualAct::DropCell(_)
        | DualAct::Close(_)
        | DualAct::SetClock(_) => false,
    });
    let line = |one: &Open| {
        let index = one.index;
        lang.pick(
            format!("  PROPOSED ALREADY by this paper: #{index}. Another officer approves it: conclave-admin erase approve {index}\n"),
            format!("  УЖЕ ПРЕДЛОЖЕНО по этому распоряжению: № {index}. Утверждает другой офицер: conclave-admin erase approve {index}\n"),
        )
    };
    same.map(line).collect()
}

fn plan(order: &EraseOrder, held: String, voice: Voice) -> Said {
    let count = match &order.target {
        EraseTarget::Messages(_, messages) => {
            let n = messages.len();
            voice.lang.pick(format!("messages with their files: {n}"), format!("сообщений с их файлами: {n}"))
        }
        EraseTarget::Conversation(_) => voice
            .lang
            .pick(
                "everything in it, also what is said until then; it is closed",
                "всё в ней, и сказанное до исполнения; она закрывается",
            )
            .to_owned(),
    };
    let again = match order.confirms {
        None => String::new(),
        Some(n) => {
            voice.lang.pick(format!(", at once, confirming #{n}"), format!(" сразу, в подтверждение #{n}"))
        }
    };
    Said::Plan {
        what: law::target(&order.target, voice.lang),
        paper: law::paper(&order.order, voice.lang),
        count,
        again,
        held,
    }
}

impl ApproveErase {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let proposal = self.proposal;
        let (plan, index, confirms, wait) = session(&self.access, voice, For::Officers, |online| {
            let open = proposals::find(online, proposal)?;
            let DualAct::Erase(given) = &open.act else {
                let words = Said::NotErase { index: proposal };
                return Err(Trouble::new(Exit::No, "not-an-erasure", &words));
            };
            let confirms = given.confirms.is_some();
            let (plan, index) = approve(online, &open, self.decision, voice)?;
            let wait_ms = match index {
                // Behind a policy that shortens it the former time counts on.
                Some(_) if !confirms => {
                    let view = order(online, proposal, voice)?;
                    view.state.until_ms().unwrap_or(view.approved_ms).saturating_sub(view.approved_ms)
                }
                Some(_) | None => 0,
            };
            Ok((plan, index, confirms, duration(wait_ms, voice.lang)))
        })?;
        let data = Data { index, proposal: Some(proposal) };
        Ok(match index {
            None => voice.done("erase approve", &Text(plan), data),
            Some(index) if confirms => voice.done("erase approve", &Said::AtOnce { index, proposal }, data),
            Some(index) => voice.done("erase approve", &Said::Approved { index, proposal, wait }, data),
        })
    }
}

impl One {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let proposal = self.proposal;
        let index = session(&self.access, voice, For::Officers, |online| {
            Ok(online.act(Act::Withdraw(Withdraw { proposal }))?.index)
        })?;
        let data = Data { index: Some(index), proposal: Some(proposal) };
        Ok(voice.done("erase withdraw", &Said::Withdrawn { index, proposal }, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::ConversationId;
    use journal::act::{Ground, Order};
    use pki::PersonId;

    #[test]
    fn what_was_proposed_already_by_the_same_paper_is_told() {
        let order = |number: &str, messages: &[Index]| EraseOrder {
            target: EraseTarget::Messages(ConversationId([1; 32]), messages.to_vec()),
            order: Order { number: number.into(), ground: Ground::Court },
            confirms: None,
        };
        let act = DualAct::Erase(order("9/2026", &[7, 8]));
        let open = [Open { index: 40, wall_ms: 0, by: PersonId(1), act }];
        let told = |order: &EraseOrder| proposed_already(&open, order, Lang::En);
        assert!(told(&order("9/2026", &[8, 9])).starts_with("  PROPOSED ALREADY by this paper: #40."));
        assert_eq!(told(&order("10/2026", &[8])) + &told(&order("9/2026", &[9])), "");
    }
}
