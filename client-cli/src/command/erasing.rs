//! Waiting for the epoch in which an erasure takes effect, and what it waits for.
//! Never says "erased" before the server claims it, nor of an entry that a succession gave up.

use crate::Here;
use crate::agent::wire::Tell;
use crate::reach::Line;
use crate::trouble::Trouble;
use link::terminal::{TerminalError, Words, erasing_words};
use protocol::answer::Answer;
use protocol::client::{Command, Error, Event, Reply};
use protocol::erasing::{ErasingRecord, ErasureWait};
use protocol::query::Query;
use std::time::{Duration, Instant};

/// How long `do` waits to hear that the erasure took effect, before it asks why it does not.
const EFFECT: Duration = Duration::from_secs(3);
/// How long beyond the time that the server has named.
const LATE: Duration = Duration::from_secs(10);
/// How long in all, at most.
const EFFECT_MAX: Duration = Duration::from_secs(90);
/// How long what was told before an answer takes to be read.
const TOLD: Duration = Duration::from_millis(200);
console::words! {
    enum Said {
        Waiting { why_en: String, why_ru: String } => en("{why_en}"), ru("{why_ru}");
    }
}

/// An erasure that was admitted.
pub(super) struct Asked {
    pub(super) index: u64,
    /// Of the successions that were known by then.
    pub(super) eras: Vec<u32>,
}

/// Waits for the epoch in which it takes effect, as long as that is worth it; else what it waits for.
pub(super) fn wait(
    watching: &mut Line,
    line: &mut Line,
    asked: &Asked,
    here: &Here,
) -> Result<Result<u64, ErasureWait>, Trouble> {
    if let Some(epoch) = effect(watching, asked, EFFECT)? {
        return Ok(Ok(epoch));
    }
    let erasing = ask_erasing(line)?;
    let limit = match erasing.wait {
        ErasureWait::Pace(seconds) if erasing.holds(asked.index) => {
            let Words { en: why_en, ru: why_ru, .. } = erasing_words(erasing.wait);
            here.voice.remark(&Said::Waiting { why_en, why_ru });
            (Duration::from_secs(seconds) + LATE).min(EFFECT_MAX)
        }
        // It was erased a moment ago, or is about to be.
        ErasureWait::Nothing | ErasureWait::Pace(_) => LATE,
        wait @ (ErasureWait::Cell | ErasureWait::Backup | ErasureWait::Room) => return Ok(Err(wait)),
    };
    if let Some(epoch) = effect(watching, asked, limit)? {
        return Ok(Ok(epoch));
    }
    // It may have been told while the connection was away; or the log goes on without it, which is told before the answer.
    let erasing = ask_erasing(line)?;
    if let Some(epoch) = effect(watching, asked, TOLD)? {
        return Ok(Ok(epoch));
    }
    Ok(if erasing.holds(asked.index) { Err(erasing.wait) } else { Ok(erasing.epoch) })
}

/// What the server says is being erased.
pub(super) fn ask_erasing(line: &mut Line) -> Result<ErasingRecord, Trouble> {
    let Reply::Answer(answer) = line.run(Command::Ask(Query::Erasing))? else {
        return Err(Trouble::odd_answer());
    };
    let Answer::Erasing(record) = *answer else { return Err(Trouble::odd_answer()) };
    Ok(record)
}

/// Waits until the server claims that every erasure up to this one took effect; the epoch in which. Where a succession gave
/// up the entry that asked for it, another may stand at its index, and nothing is said of that one.
fn effect(watching: &mut Line, asked: &Asked, limit: Duration) -> Result<Option<u64>, Trouble> {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        watching.patience(Some(left));
        match watching.hear() {
            Ok(Tell::Event(event)) => {
                if let Event::ErasureDone(epoch, through) = *event
                    && through >= asked.index
                {
                    return Ok(Some(epoch));
                }
                if let Event::Succession(view) = *event
                    && asked.index >= view.kept
                    && !asked.eras.contains(&view.era)
                {
                    return Err(TerminalError::Command(Error::Overtaken).into());
                }
            }
            Ok(_) | Err(_) => return Ok(None),
        }
    }
}
