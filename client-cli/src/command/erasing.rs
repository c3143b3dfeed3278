//! Waiting for the epoch in which an erasure takes effect, and what it waits for.
//! Never says "erased" before the server claims it, nor of an entry that a succession gave up.

use crate::agent::wire::Tell;
use crate::reach::Line;
use crate::trouble::Trouble;
use console::Voice;
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
    voice: Voice,
) -> Result<Result<u64, ErasureWait>, Trouble> {
    if let Some(epoch) = effect(watching, asked, EFFECT)? {
        return Ok(Ok(epoch));
    }
    let erasing = match look(watching, line, asked)? {
        Ok(epoch) => return Ok(Ok(epoch)),
        Err(erasing) => erasing,
    };
    let limit = match erasing.wait {
        ErasureWait::Pace(seconds) if erasing.holds(asked.index) => {
            let Words { en: why_en, ru: why_ru, .. } = erasing_words(erasing.wait);
            voice.remark(&Said::Waiting { why_en, why_ru });
            (Duration::from_secs(seconds) + LATE).min(EFFECT_MAX)
        }
        wait @ (ErasureWait::Cell | ErasureWait::Backup | ErasureWait::Room)
            if erasing.holds(asked.index) =>
        {
            return Ok(Err(wait));
        }
        // It was erased a moment ago, or is about to be.
        ErasureWait::Nothing
        | ErasureWait::Pace(_)
        | ErasureWait::Cell
        | ErasureWait::Backup
        | ErasureWait::Room => LATE,
    };
    if let Some(epoch) = effect(watching, asked, limit)? {
        return Ok(Ok(epoch));
    }
    Ok(match look(watching, line, asked)? {
        Ok(epoch) => Ok(epoch),
        Err(erasing) if erasing.holds(asked.index) => Err(erasing.wait),
        Err(erasing) => Ok(erasing.epoch),
    })
}

/// The epoch in which it took effect, or what the server says is being erased. It may have been told while the connection was
/// away; or the log goes on without it, which is told before the answer.
fn look(watching: &mut Line, line: &mut Line, asked: &Asked) -> Result<Result<u64, ErasingRecord>, Trouble> {
    let erasing = ask_erasing(line)?;
    Ok(effect(watching, asked, TOLD)?.ok_or(erasing))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::wire::{self, VERSION};
    use console::Lang;
    use protocol::client::event::SuccessionView;
    use std::os::unix::net::UnixStream;

    const VOICE: Voice = Voice { lang: Lang::En, json: false };

    /// A command's line, and the agent's end of it, which has said who it is.
    fn line() -> (Line, UnixStream) {
        let (ours, mut agent) = UnixStream::pair().unwrap();
        wire::write(&mut agent, &Tell::Hello(VERSION, None)).unwrap();
        (Line::over(ours, VOICE).unwrap(), agent)
    }

    /// The link was away meanwhile: what the agent tells before an answer that says what entry 7 waits for.
    fn waited(kept: u64, wait: ErasureWait) -> Result<Result<u64, ErasureWait>, Trouble> {
        let ((mut watching, mut told), (mut line, mut answers)) = (line(), line());
        let view = SuccessionView {
            era: 2,
            kept,
            known: kept + 9,
            seen: kept + 9,
            bodies_lost: false,
            officers: Vec::new(),
            time_ms: 0,
            bodies_missing: 0,
            given_up: Vec::new(),
        };
        // Nothing more is looked for behind a word that says nothing of this: no time passes here.
        let said = [
            Tell::Waiting(false),
            Tell::Event(Box::new(Event::Succession(Box::new(view)))),
            Tell::Waiting(true),
        ];
        said.iter().for_each(|tell| wire::write(&mut told, tell).unwrap());
        let record = ErasingRecord { count: 1, first: Some(7), wait, epoch: 3 };
        let answer = Reply::Answer(Box::new(Answer::Erasing(record)));
        wire::write(&mut answers, &Tell::Done(Box::new(answer))).unwrap();
        let asked = Asked { index: 7, eras: vec![1] };
        super::wait(&mut watching, &mut line, &asked, VOICE)
    }

    #[test]
    fn whatever_the_server_waits_for_an_erasure_that_a_succession_gave_up_is_told_as_that() {
        for wait in [ErasureWait::Cell, ErasureWait::Backup, ErasureWait::Room] {
            assert!(waited(7, wait).is_err(), "{wait:?}: another entry stands at that index by now");
            let kept = waited(8, wait).ok().and_then(Result::err);
            assert_eq!(kept, Some(wait), "what was kept waits");
        }
    }
}
