//! `policy show|propose|approve|withdraw`: the site's rules, changed by two officers.
//! Never takes the server's word for what the policy says where the entry that set it is shown.

use super::decide::{Decided, Decision};
use super::law;
use super::names::{Names, Text};
use super::now::{Now, former_lines};
use super::online::{Access, For, Online, session};
use super::policy_words::{Change, Rule, change_lines, changes, longer, rule_lines, rules};
use super::proposals::{self, number, of_another, of_entry};
use super::trouble::Trouble;
use crate::policy_file;
use clap::{Args, Subcommand};
use console::when::rfc3339;
use console::{Exit, HelpTable, Voice};
use journal::act::{Act, Approve, DualAct, Propose, Withdraw};
use journal::entry::Content;
use journal::policy::Policy as Rules;
use journal::{Entry, Index};
use pki::canonical;
use protocol::client::event::EntryView;
use serde::Serialize;
use std::path::PathBuf;

/// The site's rules.
#[derive(Subcommand)]
pub(super) enum Policy {
    /// Show the policy in force, and the entry that set it.
    #[command(after_help = "Example: conclave-admin policy show")]
    Show {
        #[command(flatten)]
        access: Access,
    },
    /// Propose a change; what the file does not name stays as it is. A second officer approves it.
    #[command(
        after_help = "Example: conclave-admin policy propose policy.toml\nThe file, for instance: file_save = false"
    )]
    Propose(ProposePolicy),
    /// Approve a proposed policy: from here on it rules.
    #[command(after_help = "Example: conclave-admin policy approve 1234")]
    Approve(ApprovePolicy),
    /// Take back a proposal of your own.
    #[command(after_help = "Example: conclave-admin policy withdraw 1234")]
    Withdraw(WithdrawProposal),
}

#[derive(Args)]
pub(super) struct ProposePolicy {
    /// What changes, TOML.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(super) struct ApprovePolicy {
    /// Journal index of the proposal.
    #[arg(value_name = "N", value_parser = number)]
    proposal: Index,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(super) struct WithdrawProposal {
    /// Journal index of the proposal.
    #[arg(value_name = "N", value_parser = number)]
    proposal: Index,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("policy/@about", "Правила системы."),
    ("policy show/@about", "Показать действующую политику и запись, которой она введена."),
    ("policy show/@after", "Пример: conclave-admin policy show"),
    (
        "policy propose/@about",
        "Предложить изменение; чего нет в файле, остаётся прежним. Утверждает второй офицер.",
    ),
    (
        "policy propose/@after",
        "Пример: conclave-admin policy propose policy.toml\nФайл, например: file_save = false",
    ),
    ("policy propose/file", "что меняется, TOML"),
    ("policy approve/@about", "Утвердить предложенную политику: с этого места она действует."),
    ("policy approve/@after", "Пример: conclave-admin policy approve 1234"),
    ("policy approve/proposal", "номер записи предложения"),
    ("policy withdraw/@about", "Отозвать собственное предложение."),
    ("policy withdraw/@after", "Пример: conclave-admin policy withdraw 1234"),
    ("policy withdraw/proposal", "номер записи предложения"),
];

console::words! {
    enum Said {
        Shown { index: u64, rules: String }
            => en("policy of the entry #{index}, verified:\n{rules}"), ru("политика записи № {index}, проверено:\n{rules}");
        ShownByWord { index: u64, rules: String }
            => en("policy of the entry #{index}, by the server's word: this entry is shown to officers and auditors\n{rules}"),
               ru("политика записи № {index} по словам сервера: сама запись показывается офицерам и аудиторам\n{rules}");
        Unproven { index: u64 }
            => en("the server says that the entry #{index} set this policy, but that entry says something else. Tell an officer"),
               ru("по словам сервера, эта политика введена записью № {index}, но в записи сказано иное. Сообщите офицеру");
        PlanChange { lines: String } => en("what would change:\n{lines}"), ru("что изменится:\n{lines}");
        Same => en("the policy says so already"), ru("политика и так такова");
        Proposed { index: u64 }
            => en("proposed: #{index}\nAnother officer approves it: conclave-admin policy approve {index}"),
               ru("предложено: запись № {index}\nУтверждает другой офицер: conclave-admin policy approve {index}");
        Approved { index: u64, proposal: u64 }
            => en("the policy proposed at #{proposal} is in force: #{index}"),
               ru("политика, предложенная записью № {proposal}, действует: запись № {index}");
        ApprovedLater { index: u64, proposal: u64 }
            => en("the policy proposed at #{proposal} is in force: #{index}; what it shortens counts later: conclave-admin policy show"),
               ru("политика, предложенная записью № {proposal}, действует: запись № {index}; сокращённое — позже: conclave-admin policy show");
        NotPolicy { index: u64 }
            => en("#{index} proposes something else than a policy: conclave-admin admit approve"),
               ru("запись № {index} предлагает не политику: conclave-admin admit approve");
        NotOwn { index: u64 }
            => en("#{index} is another officer's: only the proposer withdraws it"),
               ru("запись № {index} предложил другой офицер: отзывает только он");
        Withdrawn { index: u64, proposal: u64 }
            => en("the proposal #{proposal} is withdrawn: #{index}"),
               ru("предложение № {proposal} отозвано: запись № {index}");
    }
}

#[derive(Serialize)]
struct Shown {
    index: u64,
    verified: bool,
    rules: Vec<Rule>,
    /// What counts on from before, the longer of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<FormerShown>,
}

#[derive(Serialize)]
struct FormerShown {
    until: String,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Data {
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
}

impl Policy {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Show { .. } => "policy show",
            Self::Propose(_) => "policy propose",
            Self::Approve(_) => "policy approve",
            Self::Withdraw(_) => "policy withdraw",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Show { access } => show(access, voice),
            Self::Propose(propose) => propose.run(voice),
            Self::Approve(approve) => approve.run(voice),
            Self::Withdraw(withdraw) => withdraw.run("policy withdraw", voice),
        }
    }
}

fn show(access: &Access, voice: Voice) -> Result<Exit, Trouble> {
    let (Ruling { policy, index, verified }, former) =
        session(access, voice, For::Anyone, |online| Ok((ruling(online)?, online.former()?)))?;
    let rules = rules(&policy, voice.lang);
    let mut lines = rule_lines(&rules);
    if let Some(former) = &former {
        lines.push_str(&former_lines(former, &policy, voice.lang));
    }
    let former = former.map(|former| FormerShown {
        until: rfc3339(former.until_ms),
        rules: longer(&former, &policy, voice.lang),
    });
    let former = former.filter(|former| !former.rules.is_empty());
    let said = match verified {
        true => Said::Shown { index, rules: lines },
        false => Said::ShownByWord { index, rules: lines },
    };
    Ok(voice.done("policy show", &said, Shown { index, verified, rules, former }))
}

/// The policy in force.
pub(super) struct Ruling {
    pub(super) policy: Rules,
    pub(super) index: Index,
    /// It is what the signed acts say that set it. That no newer one exists is the server's word, until an audit.
    pub(super) verified: bool,
}

/// Asks for the policy and for the acts that set it, which officers are shown.
pub(super) fn ruling(online: &mut Online) -> Result<Ruling, Trouble> {
    let (policy, index) = online.policy()?;
    let signed = match online.entry(index)?.map(|entry| act_of(&entry.entry)) {
        Some(Some(Act::Genesis(genesis))) => Some(genesis.policy),
        Some(Some(Act::Approve(approve))) => {
            online.entry(approve.proposal)?.and_then(|entry| proposed(&entry))
        }
        None => return Ok(Ruling { policy, index, verified: false }),
        Some(_) => None,
    };
    match signed.is_some_and(|signed| signed == policy) {
        true => Ok(Ruling { policy, index, verified: true }),
        false => Err(Trouble::new(Exit::No, "policy-unproven", &Said::Unproven { index })),
    }
}

fn act_of(entry: &[u8]) -> Option<Act> {
    let Content::Statement(signed) = Entry::decode(entry).ok()?.content else { return None };
    Some(signed.parse().ok()?.act().clone())
}

fn proposed(entry: &EntryView) -> Option<Rules> {
    match of_entry(entry)?.act {
        DualAct::Policy(policy) => Some(policy),
        DualAct::AdmitOfficer(_)
        | DualAct::Erase(_)
        | DualAct::LiftHold(_)
        | DualAct::DropCell(_)
        | DualAct::Close(_)
        | DualAct::SetClock(_) => None,
    }
}

/// The policy in force by its signed acts, to change it.
pub(super) fn proven(online: &mut Online) -> Result<Rules, Trouble> {
    let Ruling { policy, index, verified } = ruling(online)?;
    match verified {
        true => Ok(policy),
        false => Err(Trouble::new(Exit::No, "policy-unproven", &Said::Unproven { index })),
    }
}

impl ProposePolicy {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        // A file that is none needs no login.
        policy_file::read(&self.file)?;
        let (said, data) = session(&self.access, voice, For::Officers, |online| self.propose(online, voice))?;
        Ok(voice.done("policy propose", &said, data))
    }

    fn propose(&self, online: &mut Online, voice: Voice) -> Result<(Said, Data), Trouble> {
        let ruling = proven(online)?;
        let policy = policy_file::read_over(&self.file, ruling.clone())?;
        let changes = changes(&ruling, &policy, voice.lang);
        if changes.is_empty() {
            return Err(Trouble::new(Exit::No, "unchanged", &Said::Same));
        }
        let act = DualAct::Policy(policy.clone());
        let now = Now::fetch(online, [&act])?;
        let lines = change_lines(&changes) + &now.later(&policy, voice.lang) + &now.counts_on(voice.lang);
        let (said, index) =
            match self.decision.ask(online, voice, &Said::PlanChange { lines: lines.clone() })? {
                Decided::PlanOnly => (Said::PlanChange { lines }, None),
                Decided::Yes => {
                    let index = propose(online, &act)?;
                    (Said::Proposed { index }, Some(index))
                }
            };
        Ok((said, Data { index, proposal: None, changes }))
    }
}

/// Signs a proposal of an act of two.
pub(super) fn propose(online: &mut Online, act: &DualAct) -> Result<Index, Trouble> {
    let act = canonical::encode(act).into();
    Ok(online.act(Act::Propose(Propose { act }))?.index)
}

/// Shows what an open proposal of another officer would do, asks, approves. `None`: only the plan was wanted.
pub(super) fn approve(
    online: &mut Online,
    open: &proposals::Open,
    decision: Decision,
    voice: Voice,
) -> Result<(String, Option<Index>), Trouble> {
    of_another(open, online)?;
    let now = Now::fetch(online, [&open.act])?;
    let names = Names::fetch(online, voice.lang)?;
    let behind = law::behind(online, &open.act, &names, voice.lang)?;
    let (by, index) = (names.full(open.by), open.index);
    let whose = voice.lang.pick(format!("#{index} by {by}"), format!("предложение № {index}, автор {by}"));
    let what = proposals::what(&open.act, &now, &names, voice.lang);
    let plan = format!("{whose}:\n{what}{behind}");
    match decision.ask(online, voice, &Text(plan.clone()))? {
        Decided::PlanOnly => Ok((plan, None)),
        Decided::Yes => {
            let admitted = online.act(Act::Approve(Approve { proposal: open.index }))?;
            Ok((plan, Some(admitted.index)))
        }
    }
}

impl ApprovePolicy {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let proposal = self.proposal;
        let (plan, index, (changes, later)) = session(&self.access, voice, For::Officers, |online| {
            let open = proposals::find(online, proposal)?;
            let changes = match &open.act {
                DualAct::Policy(policy) => {
                    let before = online.policy()?.0;
                    (changes(&before, policy, voice.lang), policy.shortens(&before))
                }
                DualAct::AdmitOfficer(_)
                | DualAct::Erase(_)
                | DualAct::LiftHold(_)
                | DualAct::DropCell(_)
                | DualAct::Close(_)
                | DualAct::SetClock(_) => {
                    return Err(Trouble::new(Exit::No, "not-a-policy", &Said::NotPolicy { index: proposal }));
                }
            };
            let (plan, index) = approve(online, &open, self.decision, voice)?;
            Ok((plan, index, changes))
        })?;
        let data = Data { index, proposal: Some(proposal), changes };
        Ok(match index {
            None => voice.done("policy approve", &Text(plan), data),
            Some(index) => {
                let said = match later {
                    true => Said::ApprovedLater { index, proposal },
                    false => Said::Approved { index, proposal },
                };
                voice.done("policy approve", &said, data)
            }
        })
    }
}

impl WithdrawProposal {
    fn run(&self, command: &str, voice: Voice) -> Result<Exit, Trouble> {
        let proposal = self.proposal;
        let index = session(&self.access, voice, For::Officers, |online| {
            let open = proposals::find(online, proposal)?;
            withdraw(online, &open)
        })?;
        let data = Data { index: Some(index), proposal: Some(proposal), changes: Vec::new() };
        Ok(voice.done(command, &Said::Withdrawn { index, proposal }, data))
    }
}

/// Takes back a proposal of one's own, of whatever kind.
pub(super) fn withdraw(online: &mut Online, open: &proposals::Open) -> Result<Index, Trouble> {
    let proposal = open.index;
    if open.by != online.person() {
        return Err(Trouble::new(Exit::NotAllowed, "not-own-proposal", &Said::NotOwn { index: proposal }));
    }
    Ok(online.act(Act::Withdraw(Withdraw { proposal }))?.index)
}
