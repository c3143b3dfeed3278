//! `log`: one log closed into another; here `close propose|approve`, into a log that is founded already (`log_sign.rs`: what
//! the other log's first officers sign).
//! Never closes alone: that is an act of two. Never into a log that is typed: its own site card names it.

use super::decide::{Decided, Decision};
use super::log_sign::{Show, Sign};
use super::names::Text;
use super::online::{Access, For, session};
use super::policy::{approve, propose};
use super::proposals::{self, number};
use super::trouble::Trouble;
use crate::files::{read_text, shown};
use clap::{Args, Subcommand};
use console::{DETAILS_RU, Exit, HelpTable, Lang, Voice, Words, clean};
use journal::Index;
use journal::act::{DualAct, Successor};
use journal::ids::LogId;
use pki::SiteCard;
use pki::site_card::CARD_BYTES_MAX;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The site's log: close it into the log of another suite or store that goes on for it.
#[derive(Subcommand)]
pub(super) enum Log {
    /// Close the log for good into its successor.
    #[command(subcommand)]
    Close(Close),
    Show(Show),
    Sign(Sign),
}

#[derive(Subcommand)]
pub(super) enum Close {
    /// Propose to close the log; a second officer approves.
    #[command(after_help = "Example: conclave-admin log close propose new-site.card")]
    Propose(Propose),
    /// Approve what another officer proposed: from then on nothing more is said in this log.
    #[command(after_help = "Example: conclave-admin log close approve 1310 new-site.card")]
    Approve(Approve),
}

#[derive(Args)]
pub(super) struct Propose {
    /// The new site's card: it names the log that goes on.
    #[arg(value_name = "CARD")]
    card: PathBuf,
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
    /// Your own copy of the new site's card: it must name the very log that was proposed.
    #[arg(value_name = "CARD")]
    card: PathBuf,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    (
        "log/@about",
        "Журнал системы: закрыть его и продолжить журналом с другим набором алгоритмов или хранилищем.",
    ),
    ("log close/@about", "Закрыть журнал навсегда и назвать его преемника."),
    ("log close propose/@about", "Предложить закрыть журнал; утверждает второй офицер."),
    ("log close propose/@after", "Пример: conclave-admin log close propose new-site.card"),
    ("log close propose/card", "карта новой системы: она называет журнал, который продолжит работу"),
    (
        "log close approve/@about",
        "Утвердить закрытие, предложенное другим офицером: с этой записи в журнале не пишут ничего нового.",
    ),
    ("log close approve/@after", "Пример: conclave-admin log close approve 1310 new-site.card"),
    ("log close approve/proposal", "предложение: #номер"),
    (
        "log close approve/card",
        "ваш собственный экземпляр карты новой системы: он должен называть тот же журнал, что и предложение",
    ),
];

console::words! {
    enum Said {
        Closes { log: String, suite: &'static str }
            => en("  CLOSES THIS LOG FOR GOOD into the log {log} ({suite}). There is NO WAY BACK.\n\
                   \u{20} Nothing more is said in it: no message, file, title, conversation or invitation, and no new correspondent joins;\n\
                   \u{20} files that are being sent come to nothing.\n\
                   \u{20} What still works: logging in, reading, acknowledging, reporting and disclosing, erasing and objecting, holds, the\n\
                   \u{20} retention schedule, exports, backups, alarms, revocations and renewals of certificates, policy.\n"),
               ru("  ЗАКРЫТЬ ЭТОТ ЖУРНАЛ НАВСЕГДА, продолжив его журналом {log} ({suite}). ПУТИ НАЗАД НЕТ.\n\
                   \u{20} Нового в нём больше не пишут: ни сообщений, ни файлов, ни названий, ни бесед, ни приглашений; новых собеседников\n\
                   \u{20} не принимают; незаконченная отправка файлов пропадёт.\n\
                   \u{20} Останутся вход, чтение, подтверждения, заявления и раскрытие, стирание и возражения, запреты на стирание, стирание\n\
                   \u{20} по срокам, выгрузки, резервные копии, тревоги, отзыв и замена сертификатов, политика.\n");
        Plan { site: String, what: String }
            => en("once another officer approves, the site {site} goes on for this one:\n{what}\
                   \u{20} See first that the new site is founded from this very card (conclaved init), and that people get it: their old keys and\n\
                   \u{20} passwords do not serve there."),
               ru("после утверждения вторым офицером вместо этой системы будет работать система {site}:\n{what}\
                   \u{20} Прежде убедитесь, что новая система основана именно по этой карте (conclaved init) и что люди её получат: прежние ключи\n\
                   \u{20} и пароли там не действуют.");
        Proposed { index: u64 }
            => en("proposed: #{index}\nAnother officer approves it, with a card of his own: conclave-admin log close approve {index} CARD"),
               ru("предложено: запись № {index}\nУтверждает другой офицер, по своему экземпляру карты: conclave-admin log close approve {index} КАРТА");
        Closed { log: String, index: u64 }
            => en("the log is closed: #{index}. It is continued by the log {log}\n\
                   Next, at this server's console, once it is stopped: conclaved log closing --config FILE --out old.closing"),
               ru("журнал закрыт: запись № {index}. Его продолжит журнал {log}\n\
                   Далее, на консоли этого сервера, когда он остановлен: conclaved log closing --config ФАЙЛ --out old.closing");
        NotAClose { index: u64 }
            => en("#{index} does not propose to close the log"), ru("предложение № {index} не о закрытии журнала");
        OtherCard { proposed: String, card: String }
            => en("the proposal names the log {proposed}, this card the log {card}: NOTHING was approved"),
               ru("предложение называет журнал {proposed}, а эта карта — журнал {card}: НИЧЕГО не утверждено");
        OwnCard
            => en("this is the card of this very site: its log cannot continue itself"),
               ru("это карта этой же системы: журнал не может продолжить сам себя");
    }
}

#[derive(Serialize)]
struct Data {
    successor: String,
    suite: &'static str,
    index: Option<u64>,
}

impl Data {
    fn of(successor: &Successor, index: Option<Index>) -> Self {
        Self { successor: successor.log.to_string(), suite: successor.suite.name(), index }
    }
}

/// What a proposal to close would do, in lines.
pub(super) fn what(successor: &Successor, lang: Lang) -> String {
    Said::Closes { log: successor.log.to_string(), suite: successor.suite.name() }.say(lang)
}

impl Log {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Close(Close::Propose(_)) => "log close propose",
            Self::Close(Close::Approve(_)) => "log close approve",
            Self::Show(_) => "log show",
            Self::Sign(_) => "log sign",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Close(Close::Propose(propose)) => propose.run(voice),
            Self::Close(Close::Approve(approve)) => approve.run(voice),
            Self::Show(show) => show.run(voice),
            Self::Sign(sign) => sign.run(voice),
        }
    }
}

/// The new site's card, which is another site's than the one that lies at home.
fn successor(path: &Path, access: &Access) -> Result<(SiteCard, Successor), Trouble> {
    let text = read_text(path, 2 * CARD_BYTES_MAX as u64)?;
    let card = SiteCard::from_text(&text).map_err(|error| {
        Trouble::say(
            Exit::No,
            "bad-site-card",
            format!("{} is no site card of ours: {error}", shown(path)),
            format!("{} не является картой системы ({DETAILS_RU})", shown(path)),
        )
    })?;
    let successor = Successor { log: LogId(card.log_id), suite: card.suite };
    match access.place.home()?.card()?.log_id == card.log_id {
        true => Err(Trouble::new(Exit::No, "own-card", &Said::OwnCard)),
        false => Ok((card, successor)),
    }
}

impl Propose {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (card, successor) = successor(&self.card, &self.access)?;
        let (said, index) = session(&self.access, voice, For::Officers, |online| {
            let plan = Said::Plan { site: clean(&card.site), what: what(&successor, voice.lang) };
            match self.decision.ask(online, voice, &plan)? {
                Decided::PlanOnly => Ok((plan, None)),
                Decided::Yes => {
                    let index = propose(online, &DualAct::Close(successor))?;
                    Ok((Said::Proposed { index }, Some(index)))
                }
            }
        })?;
        Ok(voice.done("log close propose", &said, Data::of(&successor, index)))
    }
}

impl Approve {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (_, successor) = successor(&self.card, &self.access)?;
        let (shown, index) = session(&self.access, voice, For::Officers, |online| {
            let open = proposals::find(online, self.proposal)?;
            let DualAct::Close(proposed) = open.act else {
                let words = Said::NotAClose { index: self.proposal };
                return Err(Trouble::new(Exit::No, "not-a-close", &words));
            };
            if proposed != successor {
                let (proposed, card) = (proposed.log.to_string(), successor.log.to_string());
                return Err(Trouble::new(Exit::No, "other-card", &Said::OtherCard { proposed, card }));
            }
            approve(online, &open, self.decision, voice)
        })?;
        let data = Data::of(&successor, index);
        Ok(match index {
            None => voice.done("log close approve", &Text(shown), data),
            Some(index) => {
                let log = successor.log.to_string();
                voice.done("log close approve", &Said::Closed { log, index }, data)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::Suite;

    #[test]
    fn whoever_approves_reads_which_log_goes_on_and_that_there_is_no_way_back() {
        let next = Successor { log: LogId([0xab; 32]), suite: Suite::EcdsaP256 };
        let log = "ab".repeat(32);
        let (en, ru) = (what(&next, Lang::En), what(&next, Lang::Ru));
        assert!(
            en.starts_with(&format!("  CLOSES THIS LOG FOR GOOD into the log {log} (ecdsa-p256)")),
            "{en}"
        );
        assert!(en.contains("NO WAY BACK") && ru.contains("ПУТИ НАЗАД НЕТ") && ru.contains(&log), "{ru}");
    }
}
