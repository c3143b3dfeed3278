//! `conclave lock` and `conclave logout`.
//! Never asks: leaving must be quick. What is lost by it is said.

use crate::Here;
use crate::agent::wire::{Ask, Tell};
use crate::reach::Line;
use crate::trouble::Trouble;
use console::{Exit, count_en, count_ru};
use serde::Serialize;

/// How far one leaves.
#[derive(Clone, Copy)]
pub(super) enum How {
    Lock,
    Logout,
}

console::words! {
    enum Said {
        Locked => en("locked: secrets and texts are wiped"), ru("заблокировано: секреты и тексты затёрты");
        LoggedOut => en("logged out; the agent has ended"), ru("сеанс завершён, агент закончил работу");
        Lost { n: u64 }
            => en("{} without an answer given up", count_en(*n, "act was", "acts were")),
               ru("оставлено без ответа: {}", count_ru(*n, "действие", "действия", "действий"));
    }
}

#[derive(Serialize)]
struct Data {
    lost: u32,
}

pub(super) fn run(here: Here, how: How) -> Result<Exit, Trouble> {
    let mut line = Line::open(&here.home, here.voice)?;
    let (ask, name, said) = match how {
        How::Lock => (Ask::Lock, "lock", Said::Locked),
        How::Logout => (Ask::Logout, "logout", Said::LoggedOut),
    };
    let Tell::Locked(lost) = line.ask(&ask)? else { return Err(Trouble::odd_answer()) };
    if lost > 0 {
        here.voice.remark(&Said::Lost { n: lost.into() });
    }
    Ok(here.voice.done(name, &said, Data { lost }))
}
