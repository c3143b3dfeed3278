//! `clock set propose|approve`: two officers set the journal's time back, because the server's clock was put ahead.
//! Never sets the machine's clock, which an administrator puts right before, and never sets a time forward.

use super::clock_attest::{moment, stamp_of_login};
use super::decide::{Decided, Decision};
use super::names::Text;
use super::online::{Access, For, Online, session};
use super::policy::{approve, propose};
use super::proposals::{self, number};
use super::trouble::Trouble;
use clap::{Args, Subcommand};
use console::when::{duration, rfc3339};
use console::{Exit, HelpTable, Lang, Voice};
use journal::Index;
use journal::act::DualAct;
use protocol::client::{Command, Reply};
use protocol::query::Query;
use serde::Serialize;

/// Less than this the journal's time is not ahead of the clock, milliseconds.
const AHEAD_MS_MIN: u64 = 1000;

#[derive(Subcommand)]
pub(super) enum Set {
    /// Propose a time to go back to; a second officer approves.
    #[command(after_help = "Example: conclave-admin clock set propose --time 2026-11-23T12:00:00+03:00")]
    Propose(Propose),
    /// Approve the time that another officer proposed.
    #[command(after_help = "Example: conclave-admin clock set approve 1310")]
    Approve(Approve),
}

#[derive(Args)]
pub(super) struct Propose {
    /// What a watch shows now that you trust, with its zone; not later than that.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    time: u64,
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
    ("clock set/@about", "Перевести время журнала назад, если часы сервера по ошибке ушли вперёд."),
    ("clock set propose/@about", "Предложить время, к которому вернуться; утверждает второй офицер."),
    ("clock set propose/@after", "Пример: conclave-admin clock set propose --time 2026-11-23T12:00:00+03:00"),
    ("clock set propose/time", "что показывают сейчас верные часы, с часовым поясом; не позже этого"),
    ("clock set approve/@about", "Утвердить время, предложенное другим офицером."),
    ("clock set approve/@after", "Пример: conclave-admin clock set approve 1310"),
    ("clock set approve/proposal", "предложение: #номер"),
];

console::words! {
    enum Said {
        Plan { to: String, behind: String }
            => en("once another officer approves, the journal's time is {to}, or what the server's clock shows if that is later\n{behind}"),
               ru("после утверждения вторым офицером время журнала — {to} или то, что показывают часы сервера, если это позже\n{behind}");
        Proposed { index: u64 }
            => en("proposed: #{index}\nAnother officer approves it, before the journal's time goes on by an hour: conclave-admin clock set approve {index}"),
               ru("предложено: запись № {index}\nУтверждает другой офицер, пока время журнала не ушло вперёд на час: conclave-admin clock set approve {index}");
        Done { index: u64, to: String }
            => en("the journal's time is set back to {to}: #{index}"),
               ru("время журнала переведено назад на {to}: запись № {index}");
        NotAhead { server: String }
            => en("the server's own clock shows {server}, about, and the journal goes by it: nothing is to be set back. If that clock is \
                   wrong, an administrator puts it right first, at the machine"),
               ru("сами часы сервера показывают примерно {server}, и журнал идёт по ним: переводить нечего. Если они неверны, сначала \
                   их исправляет администратор на самой машине");
        NotASet { index: u64 }
            => en("#{index} does not propose to set the time"), ru("предложение № {index} не о переводе времени");
    }
}

#[derive(Serialize)]
struct Data {
    to: String,
    index: Option<u64>,
}

impl Set {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Propose(_) => "clock set propose",
            Self::Approve(_) => "clock set approve",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Propose(it) => it.run(voice),
            Self::Approve(it) => it.run(voice),
        }
    }
}

/// The journal's time and by how much it is ahead of the server's clock: the server's word, seconds old.
struct Shown {
    journal_ms: u64,
    ahead_ms: u64,
}

impl Shown {
    fn ask(online: &mut Online) -> Result<Self, Trouble> {
        let journal_ms = stamp_of_login(online)?;
        let Reply::Server(status) = online.run(Command::Ask(Query::Status))? else {
            return Err(Trouble::odd_answer());
        };
        Ok(Self { journal_ms, ahead_ms: status.clock_ahead_ms })
    }

    /// The same, and a refusal where there is nothing to set back.
    fn ahead(online: &mut Online) -> Result<Self, Trouble> {
        let shown = Self::ask(online)?;
        if shown.ahead_ms < AHEAD_MS_MIN {
            let words = Said::NotAhead { server: rfc3339(shown.server_ms()) };
            return Err(Trouble::new(Exit::No, "clock-not-ahead", &words));
        }
        Ok(shown)
    }

    fn server_ms(&self) -> u64 {
        self.journal_ms.saturating_sub(self.ahead_ms)
    }
}

/// What an officer is to know who decides.
pub(super) fn behind(online: &mut Online, to_ms: u64, lang: Lang) -> Result<String, Trouble> {
    Ok(consequences(&Shown::ask(online)?, to_ms, lang))
}

fn consequences(shown: &Shown, to_ms: u64, lang: Lang) -> String {
    let (journal, server) = (rfc3339(shown.journal_ms), rfc3339(shown.server_ms()));
    let back = duration(shown.journal_ms.saturating_sub(to_ms), lang);
    lang.pick(
        format!(
            "  the journal's time is {journal}, the server's clock shows {server}, about: it goes back by {back}\n  \
             - what fell due by the wrong date does not come back; what waits goes by the right one\n  \
             - orders of erasure given under the wrong date wait for that date: take them back and give them anew\n  \
             - messages stamped ahead fall by the schedule counted from the wrong date; `erase find --since` finds them before\n  \
             - the journal keeps for ever that you two did it\n"
        ),
        format!(
            "  время журнала {journal}, часы сервера показывают примерно {server}: назад на {back}\n  \
             - истёкшее по неверной дате не вернётся; остальное ждёт верной\n  \
             - распоряжения о стирании, данные под неверной датой, ждут её: отзовите их и дайте заново\n  \
             - сообщения с забежавшей датой уйдут по срокам хранения, считая от этой даты; раньше их находит `erase find --since`\n  \
             - журнал навсегда сохранит, что это сделали вы двое\n"
        ),
    )
}

impl Propose {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let to = rfc3339(self.time);
        let (said, index) = session(&self.access, voice, For::Officers, |online| {
            let shown = Shown::ahead(online)?;
            let behind = consequences(&shown, self.time, voice.lang);
            let plan = Said::Plan { to: to.clone(), behind };
            match self.decision.ask(online, voice, &plan)? {
                Decided::PlanOnly => Ok((plan, None)),
                Decided::Yes => {
                    let index = propose(online, &DualAct::SetClock(self.time))?;
                    Ok((Said::Proposed { index }, Some(index)))
                }
            }
        })?;
        Ok(voice.done("clock set propose", &said, Data { to, index }))
    }
}

impl Approve {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (to, plan, index) = session(&self.access, voice, For::Officers, |online| {
            let open = proposals::find(online, self.proposal)?;
            let DualAct::SetClock(to_ms) = open.act else {
                let words = Said::NotASet { index: self.proposal };
                return Err(Trouble::new(Exit::No, "not-a-clock-set", &words));
            };
            Shown::ahead(online)?;
            let (plan, index) = approve(online, &open, self.decision, voice)?;
            Ok((rfc3339(to_ms), plan, index))
        })?;
        let data = Data { to: to.clone(), index };
        Ok(match index {
            None => voice.done("clock set approve", &Text(plan), data),
            Some(index) => voice.done("clock set approve", &Said::Done { index, to }, data),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decides_is_told_both_times_and_by_how_much_it_goes_back() {
        let shown = Shown { journal_ms: 1_795_435_200_000, ahead_ms: 259_200_000 };
        let said = consequences(&shown, 1_795_435_200_000 - 259_200_000, Lang::En);
        let (journal, server) = (rfc3339(shown.journal_ms), rfc3339(shown.server_ms()));
        assert!(said.contains(&journal) && said.contains(&server) && said.contains("3 d"), "{said}");
        let said = consequences(&shown, 0, Lang::Ru);
        assert!(said.contains("отзовите"), "{said}");
    }
}
