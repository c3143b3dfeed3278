//! `admit propose|approve|withdraw`: a new officer's certificate may act once two officers have said so.
//! Never admits a certificate that was not verified here: the directory names it by its path to the site card.

use super::decide::{Decided, Decision};
use super::names::{self, Names, Text};
use super::online::{Access, For, Online, session};
use super::policy::{approve, propose, withdraw};
use super::proposals::{self, Open, of_another};
use super::trouble::Trouble;
use clap::{Args, Subcommand};
use console::{Exit, HelpTable, Lang, Voice};
use journal::act::DualAct;
use pki::{CertId, Role};
use protocol::client::event::PersonView;
use serde::Serialize;

/// New officers: an act of two.
#[derive(Subcommand)]
pub(super) enum Admit {
    /// Propose that an enrolled officer may act.
    #[command(after_help = "Example: conclave-admin admit propose @irina")]
    Propose(One),
    /// Approve what another officer proposed: from here on the new officer may act.
    #[command(after_help = "Example: conclave-admin admit approve @irina")]
    Approve(One),
    /// Take back your own proposal.
    #[command(after_help = "Example: conclave-admin admit withdraw @irina")]
    Withdraw(Back),
}

#[derive(Args)]
pub(super) struct One {
    /// The new officer: @login.
    #[arg(value_name = "@LOGIN")]
    person: String,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

#[derive(Args)]
pub(super) struct Back {
    /// The officer you proposed: @login.
    #[arg(value_name = "@LOGIN")]
    person: String,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("admit/@about", "Новые офицеры: решение двоих."),
    ("admit propose/@about", "Предложить, чтобы внесённый офицер мог действовать."),
    ("admit propose/@after", "Пример: conclave-admin admit propose @irina"),
    ("admit propose/person", "новый офицер: @логин"),
    (
        "admit approve/@about",
        "Утвердить предложенное другим офицером: с этого места новый офицер может действовать.",
    ),
    ("admit approve/@after", "Пример: conclave-admin admit approve @irina"),
    ("admit approve/person", "новый офицер: @логин"),
    ("admit withdraw/@about", "Отозвать собственное предложение."),
    ("admit withdraw/@after", "Пример: conclave-admin admit withdraw @irina"),
    ("admit withdraw/person", "предложенный вами офицер: @логин"),
];

console::words! {
    enum Said {
        NotOfficer { who: String }
            => en("the certificate of {who} is not one of an officer"), ru("сертификат {who} — не офицерский");
        NoProposal { who: String }
            => en("nobody has an open proposal to admit {who}: conclave-admin admit propose"),
               ru("открытого предложения допустить {who} нет: conclave-admin admit propose");
        Proposed { who: String, login: String, index: u64 }
            => en("proposed to admit {who} as officer: #{index}\nAnother officer approves it: conclave-admin admit approve @{login}"),
               ru("предложено допустить офицером: {who}, запись № {index}\nУтверждает другой офицер: conclave-admin admit approve @{login}");
        Approved { who: String, index: u64, proposal: u64 }
            => en("{who} may act as officer: #{index} (proposed at #{proposal})"),
               ru("{who} может действовать как офицер: запись № {index} (предложено записью № {proposal})");
        Withdrawn { who: String, index: u64, proposal: u64 }
            => en("the proposal #{proposal} to admit {who} is withdrawn: #{index}"),
               ru("предложение № {proposal} допустить {who} отозвано: запись № {index}");
    }
}

#[derive(Serialize)]
struct Data {
    person: String,
    login: String,
    certificate: String,
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<u64>,
}

impl Data {
    fn of(view: &PersonView, index: Option<u64>, proposal: Option<u64>) -> Self {
        let (person, login) = (view.person.to_string(), view.login.clone());
        Self { person, login, certificate: view.signature.to_string(), index, proposal }
    }
}

/// Who is to be admitted, in lines for the plan.
fn shown((view, who): (&PersonView, &str), lang: Lang) -> String {
    let label = |en: &'static str, ru: &'static str| lang.pick(en, ru);
    format!(
        "{} {}\n  {} {}\n  {} {} ({})\n  {} {}\n",
        label("admits as officer:", "допустить офицером:"),
        who,
        label("roles:", "роли:"),
        names::roles(view.roles, lang),
        label("clearance:", "допуск:"),
        view.clearance.name(),
        view.clearance.rank(),
        label("certificate:", "сертификат:"),
        view.signature,
    )
}

impl Admit {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Propose(_) => "admit propose",
            Self::Approve(_) => "admit approve",
            Self::Withdraw(_) => "admit withdraw",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::Propose(one) => one.propose(voice),
            Self::Approve(one) => one.approve(voice),
            Self::Withdraw(back) => back.run(voice),
        }
    }
}

/// The person meant, who has an officer's certificate, and who that is in words.
fn officer(online: &mut Online, typed: &str, lang: Lang) -> Result<(PersonView, String), Trouble> {
    let names = Names::fetch(online, lang)?;
    let view = names.person(typed)?;
    let who = names.full(view.person);
    match view.roles.contains(Role::Officer) {
        true => Ok((view.clone(), who)),
        false => Err(Trouble::new(Exit::No, "not-an-officer", &Said::NotOfficer { who })),
    }
}

fn no_proposal(who: &str) -> Trouble {
    Trouble::new(Exit::No, "no-such-proposal", &Said::NoProposal { who: who.into() })
}

impl One {
    fn propose(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (view, who, index) = session(&self.access, voice, For::Officers, |online| {
            let (view, who) = officer(online, &self.person, voice.lang)?;
            let index = match self.decision.ask(online, voice, &Text(shown((&view, &who), voice.lang)))? {
                Decided::PlanOnly => None,
                Decided::Yes => Some(propose(online, &DualAct::AdmitOfficer(view.signature))?),
            };
            Ok((view, who, index))
        })?;
        let data = Data::of(&view, index, None);
        let login = console::clean(&view.login);
        Ok(match index {
            None => voice.done("admit propose", &Text(shown((&view, &who), voice.lang)), data),
            Some(index) => voice.done("admit propose", &Said::Proposed { who, login, index }, data),
        })
    }

    fn approve(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (view, who, plan, proposal, index) = session(&self.access, voice, For::Officers, |online| {
            let (view, who) = officer(online, &self.person, voice.lang)?;
            let open = proposals::open(online)?;
            let open = newest(open, view.signature, |open| of_another(open, online).is_ok());
            let open = open.ok_or_else(|| no_proposal(&who))?;
            let (plan, index) = approve(online, &open, self.decision, voice)?;
            Ok((view, who, plan, open.index, index))
        })?;
        let data = Data::of(&view, index, Some(proposal));
        Ok(match index {
            None => voice.done("admit approve", &Text(plan), data),
            Some(index) => voice.done("admit approve", &Said::Approved { who, index, proposal }, data),
        })
    }
}

impl Back {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (view, who, proposal, index) = session(&self.access, voice, For::Officers, |online| {
            let (view, who) = officer(online, &self.person, voice.lang)?;
            let open = proposals::open(online)?;
            let open = newest(open, view.signature, |open| open.by == online.person());
            let open = open.ok_or_else(|| no_proposal(&who))?;
            let index = withdraw(online, &open)?;
            Ok((view, who, open.index, index))
        })?;
        let data = Data::of(&view, Some(index), Some(proposal));
        let said = Said::Withdrawn { who, index, proposal };
        Ok(voice.done("admit withdraw", &said, data))
    }
}

/// The newest open proposal about this certificate; those that are preferred before the others.
fn newest(open: Vec<Open>, certificate: CertId, preferred: impl Fn(&Open) -> bool) -> Option<Open> {
    let about = |open: &Open| match &open.act {
        DualAct::AdmitOfficer(id) => *id == certificate,
        DualAct::Policy(_)
        | DualAct::Erase(_)
        | DualAct::LiftHold(_)
        | DualAct::DropCell(_)
        | DualAct::Close(_)
        | DualAct::SetClock(_) => false,
    };
    open.into_iter().filter(about).max_by_key(|open| (preferred(open), open.index))
}
