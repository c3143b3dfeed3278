//! `cell status|drop`: the root cells, and letting go of one that is lost.
//! Never lets go of one alone: that is an act of two.

use super::cell_words;
use super::decide::{Decided, Decision};
use super::names::Text;
use super::online::{Access, For, Online, session};
use super::policy::{approve, propose};
use super::proposals::{self, number};
use super::trouble::Trouble;
use clap::{Args, Subcommand};
use console::{BadValue, Exit, HelpTable, Lang, Voice, clean};
use journal::Index;
use journal::act::{CellName, DualAct};
use protocol::answer::{Answer, CellRecord};
use protocol::client::{Command, Reply};
use protocol::query::Query;
use serde::Serialize;

/// The root cells: what the site's bodies open with.
#[derive(Subcommand)]
pub(super) enum Cell {
    /// Show the root cells, and which one is absent.
    #[command(after_help = "Example: conclave-admin cell status")]
    Status {
        #[command(flatten)]
        access: Access,
    },
    /// Let go of a cell that is lost, so that erasures wait for it no longer.
    #[command(subcommand)]
    Drop(Drop),
}

#[derive(Subcommand)]
pub(super) enum Drop {
    /// Propose to let go of the absent cell; a second officer approves.
    #[command(after_help = "Example: conclave-admin cell drop propose 0123456789abcdef")]
    Propose(Propose),
    /// Approve what another officer proposed to let go of.
    #[command(after_help = "Example: conclave-admin cell drop approve 1310")]
    Approve(Approve),
}

#[derive(Args)]
pub(super) struct Propose {
    /// The cell's name, as `cell status` shows it.
    #[arg(value_name = "NAME", value_parser = cell_name)]
    cell: CellName,
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

fn cell_name(typed: &str) -> Result<CellName, BadValue> {
    let bytes = hex::decode(typed).ok().and_then(|bytes| bytes.try_into().ok());
    let bad = BadValue::new("16 hexadecimal digits", "нужны 16 шестнадцатеричных цифр");
    bytes.map(CellName).ok_or(bad)
}

pub(super) const HELP: &HelpTable = &[
    ("cell/@about", "Корневые ячейки: то, чем открывается содержимое системы."),
    ("cell status/@about", "Показать корневые ячейки и какой из них нет на месте."),
    ("cell status/@after", "Пример: conclave-admin cell status"),
    ("cell drop/@about", "Отказаться от утраченной ячейки, чтобы уничтожения её больше не ждали."),
    ("cell drop propose/@about", "Предложить отказаться от отсутствующей ячейки; утверждает второй офицер."),
    ("cell drop propose/@after", "Пример: conclave-admin cell drop propose 0123456789abcdef"),
    ("cell drop propose/cell", "имя ячейки, как его показывает `cell status`"),
    ("cell drop approve/@about", "Утвердить отказ от ячейки, предложенный другим офицером."),
    ("cell drop approve/@after", "Пример: conclave-admin cell drop approve 1310"),
    ("cell drop approve/proposal", "предложение: #номер"),
];

console::words! {
    enum Said {
        Plan { cell: String }
            => en("once another officer approves, erasures wait for the root cell {cell} no longer.\n\
                   Wherever that cell is, it goes on opening everything that is erased from the moment it went away: whoever finds\n\
                   it with an old copy of the store reads that. Destroy it if it turns up. Take it out of the configuration\n\
                   (store.second_cell), or put a blank cell in its place: where it is configured and comes back, it joins again."),
               ru("после утверждения вторым офицером уничтожения больше не ждут корневую ячейку {cell}.\n\
                   Где бы она ни была, она и дальше открывает всё, что уничтожено с тех пор, как она пропала: это прочтёт тот, кто\n\
                   найдёт её и старую копию хранилища. Если она найдётся, уничтожьте её. Уберите её из настроек\n\
                   (store.second_cell) или поставьте на её место пустую: если она в настройках и вернётся, её примут снова.");
        Proposed { index: u64 }
            => en("proposed: #{index}\nAnother officer approves it: conclave-admin cell drop approve {index}"),
               ru("предложено: запись № {index}\nУтверждает другой офицер: conclave-admin cell drop approve {index}");
        Dropped { cell: String, index: u64 }
            => en("the root cell {cell} is let go of: #{index}; what waited for it is erased now"),
               ru("от корневой ячейки {cell} отказались: запись № {index}; то, что её ждало, уничтожается");
        NotAbsent { cell: String }
            => en("no root cell {cell} is absent; `conclave-admin cell status` shows which are"),
               ru("корневая ячейка {cell} не отсутствует; какие есть, показывает `conclave-admin cell status`");
        NotADrop { index: u64 }
            => en("#{index} does not propose to let go of a cell"), ru("предложение № {index} не об отказе от ячейки");
    }
}

#[derive(Serialize)]
struct Row {
    name: Option<String>,
    kind: &'static str,
    absent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<String>,
}

#[derive(Serialize)]
struct Data {
    cell: String,
    index: Option<u64>,
}

impl Cell {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "cell status",
            Self::Drop(Drop::Propose(_)) => "cell drop propose",
            Self::Drop(Drop::Approve(_)) => "cell drop approve",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Status { access } => show(access, voice),
            Self::Drop(Drop::Propose(propose)) => propose.run(voice),
            Self::Drop(Drop::Approve(approve)) => approve.run(voice),
        }
    }
}

/// The server's word.
pub(super) fn cells(online: &mut Online) -> Result<Vec<CellRecord>, Trouble> {
    let Reply::Answer(answer) = online.run(Command::Ask(Query::Cells))? else {
        return Err(Trouble::odd_answer());
    };
    let Answer::Cells(cells) = *answer else { return Err(Trouble::odd_answer()) };
    Ok(cells)
}

fn show(access: &Access, voice: Voice) -> Result<Exit, Trouble> {
    let cells = session(access, voice, For::Office, cells)?;
    let rows: Vec<Row> = cells
        .iter()
        .map(|cell| Row {
            name: cell.name.map(|name| name.to_string()),
            kind: cell_words::cell(cell.kind).0,
            absent: cell.absent.as_deref().map(clean),
            failing: cell.failing.as_deref().map(clean),
        })
        .collect();
    let lines: Vec<String> = rows.iter().map(|row| line(row, voice.lang)).collect();
    Ok(voice.done("cell status", &Text(lines.join("\n")), rows))
}

fn line(row: &Row, lang: Lang) -> String {
    let name = row.name.as_deref().unwrap_or(lang.pick("without a name", "без имени"));
    match &row.absent {
        None if row.failing.is_some() => {
            let why = row.failing.as_deref().unwrap_or_default();
            let words = lang.pick(
                "here, and FAILS: the next erasure or start may fail; let people save what they need first",
                "на месте, но ОТКАЗЫВАЕТ: следующее стирание или запуск могут не удаться; пусть люди прежде сохранят нужное",
            );
            format!("{name}  {}  {words} ({why})", row.kind)
        }
        None => format!("{name}  {}  {}", row.kind, lang.pick("here", "на месте")),
        // It is in no list: nothing waits for it.
        Some(why) if row.name.is_none() => {
            let words = lang.pick(
                "no part of the store: let go of, or it never joined; nothing waits for it",
                "не из этого хранилища: от неё отказались, или она ещё не присоединялась; её ничто не ждёт",
            );
            format!("{name}  {}  {words} ({why})", row.kind)
        }
        Some(why) => format!("{name}  {}  {}: {why}", row.kind, lang.pick("ABSENT", "НЕТ НА МЕСТЕ")),
    }
}

impl Propose {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let cell = self.cell.to_string();
        let (said, index) = session(&self.access, voice, For::Officers, |online| {
            let absent = cells(online)?
                .into_iter()
                .any(|found| found.name == Some(self.cell) && found.absent.is_some());
            if !absent {
                let words = Said::NotAbsent { cell: cell.clone() };
                return Err(Trouble::new(Exit::No, "not-absent", &words));
            }
            let plan = Said::Plan { cell: cell.clone() };
            match self.decision.ask(online, voice, &plan)? {
                Decided::PlanOnly => Ok((plan, None)),
                Decided::Yes => {
                    let index = propose(online, &DualAct::DropCell(self.cell))?;
                    Ok((Said::Proposed { index }, Some(index)))
                }
            }
        })?;
        Ok(voice.done("cell drop propose", &said, Data { cell, index }))
    }
}

impl Approve {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (cell, plan, index) = session(&self.access, voice, For::Officers, |online| {
            let open = proposals::find(online, self.proposal)?;
            let DualAct::DropCell(cell) = open.act else {
                let words = Said::NotADrop { index: self.proposal };
                return Err(Trouble::new(Exit::No, "not-a-drop", &words));
            };
            let (plan, index) = approve(online, &open, self.decision, voice)?;
            Ok((cell.to_string(), plan, index))
        })?;
        let data = Data { cell: cell.clone(), index };
        Ok(match index {
            None => voice.done("cell drop approve", &Text(plan), data),
            Some(index) => voice.done("cell drop approve", &Said::Dropped { cell, index }, data),
        })
    }
}
