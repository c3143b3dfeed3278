//! `clock attest`: an officer states what a watch shows that he trusts, beside the server's stamp.
//! Never sets a clock: it changes nothing but what an auditor knows.

use super::clock_set;
use super::decide::{Decided, Decision};
use super::online::{Access, For, Online, session};
use super::trouble::Trouble;
use clap::{Args, Subcommand};
use console::when::rfc3339;
use console::{BadValue, Exit, HelpTable, Lang, Voice};
use journal::act::{Act, ClockAttest};
use journal::{Entry, Index};
use serde::Serialize;
use std::time::Instant;

/// The server's clock, as officers vouch for it.
#[derive(Subcommand)]
pub(super) enum Clock {
    /// State what a watch shows that you trust; without --time you are asked whether it shows the server's time.
    #[command(
        after_help = "Example: conclave-admin clock attest --time 2026-11-23T12:00:00+03:00\nExample: conclave-admin clock attest"
    )]
    Attest(Attest),
    /// Set the journal's time back, where the server's clock was put ahead by mistake.
    #[command(subcommand)]
    Set(clock_set::Set),
}

#[derive(Args)]
pub(super) struct Attest {
    /// What the watch shows now, with its zone.
    #[arg(long, value_name = "TIME", value_parser = moment, required_if_eq("yes", "true"))]
    time: Option<u64>,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("clock/@about", "Часы сервера и свидетельства офицеров о них."),
    (
        "clock attest/@about",
        "Засвидетельствовать, что показывают часы, которым вы верите; без --time вас спросят, то же ли на них время, что на \
         сервере.",
    ),
    (
        "clock attest/@after",
        "Пример: conclave-admin clock attest --time 2026-11-23T12:00:00+03:00\nПример: conclave-admin clock attest",
    ),
    ("clock attest/time", "что показывают часы сейчас, с часовым поясом"),
];

console::words! {
    enum Said {
        Plan { shown: String, server: String }
            => en("the journal will keep that your watch shows {shown}; the server's clock shows {server}, about"),
               ru("журнал сохранит, что ваши часы показывают {shown}; часы сервера показывают примерно {server}");
        Same { server: String }
            => en("the server's clock shows {server}, about. If a watch that you trust shows the same within a minute, say \
                   yes, and the journal keeps it; if not, say no and give its time with --time"),
               ru("часы сервера показывают примерно {server}. Если верные часы показывают то же с точностью до минуты, \
                   ответьте «да», и журнал это сохранит; если нет, откажитесь и укажите их время через --time");
        Done { index: u64, apart_en: String, apart_ru: String }
            => en("attested: #{index}; {apart_en}"), ru("засвидетельствовано: запись № {index}; {apart_ru}");
    }
}

#[derive(Serialize)]
struct Data {
    index: Option<u64>,
    shown: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stamped: Option<String>,
    /// The server's stamp less what the watch shows, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_ahead_ms: Option<i64>,
}

impl Clock {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Attest(_) => "clock attest",
            Self::Set(it) => it.name(),
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Attest(it) => it.run(voice),
            Self::Set(it) => it.run(voice),
        }
    }
}

impl Attest {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        // The watch is read before the command is typed to its end; how long the login takes is added.
        let typed = Instant::now();
        let (said, data) = session(&self.access, voice, For::Officers, |online| {
            let (login_ms, since) = (stamp_of_login(online)?, Instant::now());
            let server = |since: Instant| login_ms.saturating_add(millis(since));
            let plan = match self.time {
                Some(shown_ms) => Said::Plan {
                    shown: rfc3339(shown_ms.saturating_add(millis(typed))),
                    server: rfc3339(server(since)),
                },
                None => Said::Same { server: rfc3339(server(since)) },
            };
            let asked = self.decision.ask(online, voice, &plan)?;
            let shown_ms = match self.time {
                Some(shown_ms) => shown_ms.saturating_add(millis(typed)),
                None => server(since),
            };
            if asked == Decided::PlanOnly {
                let data =
                    Data { index: None, shown: rfc3339(shown_ms), stamped: None, server_ahead_ms: None };
                return Ok((plan, data));
            }
            let admitted = online.act(Act::ClockAttest(ClockAttest { shown_ms }))?;
            let ahead_ms = ahead(admitted.wall_ms, shown_ms);
            let data = Data {
                index: Some(admitted.index),
                shown: rfc3339(shown_ms),
                stamped: Some(rfc3339(admitted.wall_ms)),
                server_ahead_ms: Some(ahead_ms),
            };
            let (apart_en, apart_ru) = (apart(ahead_ms, Lang::En), apart(ahead_ms, Lang::Ru));
            Ok((Said::Done { index: admitted.index, apart_en, apart_ru }, data))
        })?;
        Ok(voice.done("clock attest", &said, data))
    }
}

/// When the server stamped this session's Login: proven, and seconds old.
pub(super) fn stamp_of_login(online: &mut Online) -> Result<u64, Trouble> {
    let login: Index = online.ready().login;
    let view = online.entry(login)?.ok_or_else(Trouble::odd_answer)?;
    Ok(Entry::decode(&view.entry).map_err(|_| Trouble::odd_answer())?.wall_ms)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn ahead(stamped_ms: u64, shown_ms: u64) -> i64 {
    let apart = i64::try_from(stamped_ms.abs_diff(shown_ms)).unwrap_or(i64::MAX);
    if stamped_ms >= shown_ms { apart } else { -apart }
}

/// How far the server's clock is from the watch, in whole seconds.
fn apart(ahead_ms: i64, lang: Lang) -> String {
    let seconds = ahead_ms.unsigned_abs() / 1000;
    match (seconds, ahead_ms > 0) {
        (0, _) => lang.pick("the server's clock shows the same", "часы сервера показывают то же").to_owned(),
        (_, true) => lang.pick(
            format!("the server's clock is {seconds} s ahead of the watch"),
            format!("часы сервера спешат на {seconds} с"),
        ),
        (_, false) => lang.pick(
            format!("the server's clock is {seconds} s behind the watch"),
            format!("часы сервера отстают на {seconds} с"),
        ),
    }
}

pub(super) fn moment(typed: &str) -> Result<u64, BadValue> {
    console::when::parse_rfc3339(typed).ok_or(BadValue::new(
        "a time with its zone, like 2026-11-23T12:00:00+03:00",
        "нужно время с часовым поясом, например 2026-11-23T12:00:00+03:00",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_attests_unasked_what_no_watch_was_read_for() {
        let parse = |args: &[&str]| {
            Attest::augment_args(clap::Command::new("attest"))
                .try_get_matches_from(args)
                .map_err(|bad| bad.kind())
        };
        let missing = clap::error::ErrorKind::MissingRequiredArgument;
        assert_eq!(parse(&["attest", "--yes"]).err(), Some(missing));
        let time = ["attest", "--yes", "--time", "2026-11-23T12:00:00+03:00"];
        assert!(parse(&time).is_ok() && parse(&["attest"]).is_ok());
    }

    #[test]
    fn the_difference_is_told_with_its_direction() {
        assert_eq!(apart(ahead(5_000, 5_400), Lang::En), "the server's clock shows the same");
        assert_eq!(apart(ahead(65_000, 5_000), Lang::En), "the server's clock is 60 s ahead of the watch");
        assert_eq!(apart(ahead(5_000, 65_000), Lang::Ru), "часы сервера отстают на 60 с");
        assert_eq!(ahead(0, u64::MAX), -i64::MAX);
    }
}
