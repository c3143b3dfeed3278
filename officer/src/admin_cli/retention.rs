//! `retention show|propose|status`: how long messages are kept, what a change would take, and the runs that take it.
//! Never changes anything alone: a schedule is part of the policy, which another officer approves.

use super::decide::{Decided, Decision};
use super::names::Text;
use super::now::Now;
use super::online::{Access, For, Online, session};
use super::policy::{Ruling, propose, proven, ruling};
use super::policy_words::{kept_value, time_of_day};
use super::retention_status::status;
use super::retention_words::{falls, kept_longer, rules};
use super::trouble::Trouble;
use crate::policy_file::{minute_of, unfit};
use clap::{ArgGroup, Args, Subcommand};
use console::when::{minute, rfc3339};
use console::{BadValue, Exit, HelpTable, Lang, Voice};
use journal::act::{ConversationKind, DualAct};
use journal::policy::{Policy, UnfitPolicy};
use journal::retention::{Retention as Schedule, RetentionRule};
use pki::Clearance;
use protocol::answer::{Answer, RetentionRecord};
use protocol::client::{Command, Reply};
use protocol::query::Query;
use serde::Serialize;

/// How long messages are kept.
#[derive(Subcommand)]
pub(super) enum Retention {
    /// Show the schedule in force.
    #[command(after_help = "Example: conclave-admin retention show")]
    Show {
        #[command(flatten)]
        access: Access,
    },
    /// Propose another schedule, which replaces all rules; a second officer approves it as a policy.
    #[command(
        after_help = "Example: conclave-admin retention propose --keep private=90 --keep group:2=365 --keep any=3650 --at 03:00\nExample: conclave-admin retention propose --for-ever\nExample: conclave-admin retention propose --date-is-right\nA label is named by its rank, from 0. The most specific rule counts; what no rule covers is kept for ever."
    )]
    Propose(Propose),
    /// Show the next run, the last one, and what is due.
    #[command(after_help = "Example: conclave-admin retention status")]
    Status {
        #[command(flatten)]
        access: Access,
    },
}

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["keep", "at", "for_ever", "date_is_right"])))]
pub(super) struct Propose {
    /// Keep messages for so many days: any|private|group, and :RANK of a label. May be given more than once.
    #[arg(long, value_name = "WHAT=DAYS", value_parser = rule, conflicts_with = "for_ever")]
    keep: Vec<RetentionRule>,
    /// When the run of a day is due, UTC.
    #[arg(long, value_name = "HH:MM", value_parser = time)]
    at: Option<u16>,
    /// No rules: everything is kept for ever.
    #[arg(long)]
    for_ever: bool,
    /// Changes nothing: the schedule waits because the date went far ahead, and the date is right.
    #[arg(long, conflicts_with_all = ["keep", "at", "for_ever"])]
    date_is_right: bool,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("retention/@about", "Сроки хранения сообщений."),
    ("retention show/@about", "Показать действующие сроки."),
    ("retention show/@after", "Пример: conclave-admin retention show"),
    (
        "retention propose/@about",
        "Предложить другие сроки взамен всех прежних; второй офицер утверждает их как политику.",
    ),
    (
        "retention propose/@after",
        "Пример: conclave-admin retention propose --keep private=90 --keep group:2=365 --keep any=3650 --at 03:00\nПример: conclave-admin retention propose --for-ever\nПример: conclave-admin retention propose --date-is-right\nГриф называют его рангом, с 0. Действует самое точное правило; что не охвачено, хранится бессрочно.",
    ),
    (
        "retention propose/keep",
        "хранить столько дней: any|private|group и :РАНГ грифа; можно указать несколько раз",
    ),
    ("retention propose/at", "когда проходит ежедневное стирание, UTC"),
    ("retention propose/for_ever", "без правил: всё хранится бессрочно"),
    (
        "retention propose/date_is_right",
        "ничего не менять: стирание ждёт, потому что дата ушла далеко вперёд, а дата верна",
    ),
    ("retention status/@about", "Показать следующее и последнее стирание и то, чей срок истёк."),
    ("retention status/@after", "Пример: conclave-admin retention status"),
];

console::words! {
    enum Said {
        Shown { index: u64, rules: String, doubt: String }
            => en("schedule of the policy #{index}{doubt}:\n{rules}"), ru("сроки по политике записи № {index}{doubt}:\n{rules}");
        Plan { rules: String, first: String, falls: String }
            => en("the schedule would be:\n{rules}{first}{falls}What falls is erased for good. Another officer approves."),
               ru("сроки станут такими:\n{rules}{first}{falls}Стёртое не вернуть. Утверждает второй офицер.");
        Proposed { index: u64 }
            => en("proposed: #{index}\nAnother officer approves it: conclave-admin policy approve {index}"),
               ru("предложено: запись № {index}\nУтверждает другой офицер: conclave-admin policy approve {index}");
        Date { days: String, rules: String, falls: String }
            => en("the schedule stays as it is:\n{rules}The officers say that the server's date is right: {days}. Then runs wait no longer, and what is due falls:\n{falls}Another officer approves."),
               ru("сроки останутся прежними:\n{rules}Офицеры подтверждают, что дата на сервере верна: {days}. Тогда ожидание кончится и сотрётся то, чей срок истёк:\n{falls}Утверждает второй офицер.");
        NotAsked
            => en("runs do not wait because of the date: there is nothing to confirm"),
               ru("стирание не ждёт из-за даты: подтверждать нечего");
        Same => en("the schedule is so already"), ru("сроки и так таковы");
        Unfit { why: UnfitPolicy }
            => en("no such schedule: {}", unfit(*why, Lang::En)),
               ru("такими сроки быть не могут: {}", unfit(*why, Lang::Ru));
    }
}

fn rule(typed: &str) -> Result<RetentionRule, BadValue> {
    let bad = || {
        BadValue::new(
            "any, private or group, perhaps :RANK of a label, and =DAYS: group:2=365",
            "нужно any (любые), private (личные) или group (группы), при желании двоеточие и ранг грифа, затем = и число дней: group:2=365",
        )
    };
    let (what, days) = typed.split_once('=').ok_or_else(bad)?;
    let (kind, label) = what.split_once(':').map_or((what, None), |(kind, label)| (kind, Some(label)));
    let kind = match kind {
        "any" => None,
        "private" => Some(ConversationKind::Private),
        "group" => Some(ConversationKind::Group),
        _ => return Err(bad()),
    };
    let label = label.map(|rank| rank.parse().map(Clearance)).transpose().map_err(|_| bad())?;
    Ok(RetentionRule { kind, label, keep_days: days.parse().map_err(|_| bad())? })
}

fn time(typed: &str) -> Result<u16, BadValue> {
    let bad = BadValue::new("a time of day, UTC: 03:00", "нужно время суток по UTC, например 03:00");
    minute_of(typed).ok_or(bad)
}

#[derive(Serialize)]
struct Data {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    at: String,
    keep: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    /// Messages that would fall at the first run, by rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    due: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<u64>,
    /// The schedule of before, which counts on: the longer of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<FormerData>,
}

#[derive(Serialize)]
struct FormerData {
    until: String,
    /// Empty: everything was kept for ever.
    keep: String,
}

impl Data {
    fn of(schedule: &Schedule) -> Self {
        let (at, keep) = (time_of_day(schedule.minute), kept_value(schedule));
        Self { index: None, verified: None, at, keep, first: None, due: Vec::new(), held: None, former: None }
    }

    fn counted(&mut self, record: &RetentionRecord) {
        if let Some(preview) = &record.preview {
            (self.due, self.held) = (preview.counts.clone(), Some(preview.held));
        }
    }
}

impl Retention {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Show { .. } => "retention show",
            Self::Propose(_) => "retention propose",
            Self::Status { .. } => "retention status",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Show { access } => show(access, voice),
            Self::Propose(it) => it.run(voice),
            Self::Status { access } => status(access, voice),
        }
    }
}

fn show(access: &Access, voice: Voice) -> Result<Exit, Trouble> {
    let (Ruling { policy, index, verified }, former) =
        session(access, voice, For::Anyone, |online| Ok((ruling(online)?, online.former()?)))?;
    let doubt = match verified {
        true => String::new(),
        false => voice.lang.pick(", by the server's word", ", по словам сервера").to_owned(),
    };
    let former = former.filter(|former| former.keeps_longer(&policy.retention));
    let shown = rules(&policy.retention, &policy.labels, voice.lang);
    let shown = shown + &kept_longer(former.as_deref(), &policy, voice.lang);
    let said = Said::Shown { index, rules: shown, doubt };
    let former = former
        .map(|former| FormerData { until: rfc3339(former.until_ms), keep: kept_value(&former.retention) });
    let data = Data { index: Some(index), verified: Some(verified), former, ..Data::of(&policy.retention) };
    Ok(voice.done("retention show", &said, data))
}

/// How the schedule stands, and what this one would take.
pub(super) fn ask(online: &mut Online, schedule: Option<Schedule>) -> Result<RetentionRecord, Trouble> {
    let Reply::Answer(answer) = online.run(Command::Ask(Query::Retention(schedule)))? else {
        return Err(Trouble::odd_answer());
    };
    let Answer::Retention(record) = *answer else { return Err(Trouble::odd_answer()) };
    Ok(*record)
}

impl Propose {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (said, data) = session(&self.access, voice, For::Officers, |online| self.propose(online, voice))?;
        Ok(voice.done("retention propose", &said, data))
    }

    fn schedule(&self, ruling: &Schedule) -> Schedule {
        let rules = match (self.for_ever, &self.keep[..]) {
            (true, _) => Vec::new(),
            (false, []) => ruling.rules.clone(),
            (false, keep) => keep.to_vec(),
        };
        Schedule { rules, minute: self.at.unwrap_or(ruling.minute) }
    }

    /// The policy as it rules, set again: by that two officers say that the date is right.
    fn confirm_date(
        &self,
        online: &mut Online,
        ruling: Policy,
        voice: Voice,
    ) -> Result<(Text, Data), Trouble> {
        let lang = voice.lang;
        let record = ask(online, None)?;
        if record.waits_ms.is_none() {
            return Err(Trouble::new(Exit::No, "unchanged", &Said::NotAsked));
        }
        let schedule = ruling.retention.clone();
        let plan = Said::Date {
            days: minute(record.now_ms),
            rules: rules(&schedule, &ruling.labels, lang),
            falls: falls(&schedule, &ruling.labels, &record, lang),
        };
        let mut data = Data::of(&schedule);
        data.counted(&record);
        let said = match self.decision.ask(online, voice, &plan)? {
            Decided::PlanOnly => plan,
            Decided::Yes => {
                let index = propose(online, &DualAct::Policy(ruling))?;
                data.index = Some(index);
                Said::Proposed { index }
            }
        };
        Ok((Text(console::Words::say(&said, lang)), data))
    }

    fn propose(&self, online: &mut Online, voice: Voice) -> Result<(Text, Data), Trouble> {
        let ruling = proven(online)?;
        let retention = self.schedule(&ruling.retention);
        if self.date_is_right {
            return self.confirm_date(online, ruling, voice);
        }
        if retention == ruling.retention {
            return Err(Trouble::new(Exit::No, "unchanged", &Said::Same));
        }
        let policy = Policy { retention, ..ruling };
        if let Err(why) = policy.check() {
            return Err(Trouble::new(Exit::Usage, "bad-schedule", &Said::Unfit { why }));
        }
        let (schedule, labels, lang) = (&policy.retention, &policy.labels, voice.lang);
        let record = ask(online, Some(schedule.clone()))?;
        let first = record.first_ms.map_or(String::new(), |at| {
            let at = minute(at);
            lang.pick(format!("at its first run, {at}:\n"), format!("при первом стирании, {at}:\n"))
        });
        let now = Now { record: Some(record.clone()), ..Now::fetch(online, [])? };
        let falls = falls(schedule, labels, &record, lang) + &now.later(&policy, lang) + &now.counts_on(lang);
        let plan = Said::Plan { rules: rules(schedule, labels, lang), first, falls };
        let mut data = Data::of(schedule);
        data.first = record.first_ms.map(rfc3339);
        data.counted(&record);
        let said = match self.decision.ask(online, voice, &plan)? {
            Decided::PlanOnly => plan,
            Decided::Yes => {
                let index = propose(online, &DualAct::Policy(policy))?;
                data.index = Some(index);
                Said::Proposed { index }
            }
        };
        Ok((Text(console::Words::say(&said, lang)), data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_typed_as_it_is_shown() {
        let typed = ["any=900", "group:2=30", "private=7"];
        let rules = typed.iter().map(|text| rule(text).unwrap()).collect();
        let schedule = Schedule { rules, minute: 180 };
        assert_eq!((kept_value(&schedule), time_of_day(180)), (typed.join(","), "03:00".into()));
        for bad in ["any", "all=3", "group:x=3", "private=", "any=-1", "group:300=3"] {
            assert!(rule(bad).is_err(), "{bad}");
        }
        assert_eq!(time("03:00"), Ok(180));
        assert!(time("25:00").is_err());
    }

    #[test]
    fn what_no_rule_covers_is_said_to_stay() {
        let labels = Policy::standard().labels;
        let shown = |typed: &str| {
            let schedule = Schedule { rules: vec![rule(typed).unwrap()], minute: 0 };
            rules(&schedule, &labels, Lang::En)
        };
        assert_eq!(
            shown("group:1=30"),
            "  groups, OFFICIAL: 30 d\n  all else: for ever\n  one run a day, at 00:00 UTC\n"
        );
        assert!(!shown("any=30").contains("all else"));
    }
}
