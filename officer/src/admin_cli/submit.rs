//! `submit`: the appliance takes in what the authority bundled: all of it or nothing, by one act of an officer.
//! Never sends a bundle whose every signature was not verified here first.

use super::brought::Brought;
use super::decide::{Decided, Decision};
use super::names::Names;
use super::online::{Access, For, Online, session};
use super::trouble::Trouble;
use crate::files::{read_text, shown};
use clap::Args;
use console::{Exit, HelpTable, Voice, count_en};
use journal::Refusal;
use journal::act::{Act, Submit as SubmitAct};
use journal::register::submit_digest;
use pki::pem::PEM_BYTES_MAX;
use protocol::client::command::OtherAct;
use serde::Serialize;
use std::path::PathBuf;

/// Take in a bundle of the authority: new people, revocations, envelopes. Shows first what it brings.
#[derive(Args)]
#[command(
    after_help = "Example: conclave-admin submit site.bundle\nOnly look: conclave-admin submit site.bundle --plan"
)]
pub(super) struct Submit {
    /// The bundle that `conclave-pki bundle` wrote.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    (
        "submit/@about",
        "Принять пакет удостоверяющего центра: новых людей, отзывы, конверты. Сначала показывает содержимое.",
    ),
    (
        "submit/@after",
        "Пример: conclave-admin submit site.bundle\nТолько посмотреть: conclave-admin submit site.bundle --plan",
    ),
    ("submit/bundle", "пакет, составленный командой `conclave-pki bundle`"),
];

console::words! {
    enum Said {
        Plan { path: String, acts: u64, verifiers: u64, list: String }
            => en("{path}: {} of the authority, signatures verified; {}\n{list}", count_en(*acts, "act", "acts"), count_en(*verifiers, "password verifier", "password verifiers")),
               ru("{path}: актов удостоверяющего центра {acts}, подписи проверены; проверочных значений паролей {verifiers}\n{list}");
        Done { acts: u64, submit: u64, first: u64, last: u64, path: String }
            => en("taken in: {}, #{first} to #{last}, by the Submit #{submit}\nTell the authority: conclave-pki bundle --taken {path}", count_en(*acts, "act", "acts")),
               ru("принято актов: {acts}, записи № {first}–{last}, по решению № {submit}\nСообщите удостоверяющему центру: conclave-pki bundle --taken {path}");
        NotNext
            => en("the bundle does not begin where the appliance stands: it was taken in already, or one before it was not"),
               ru("пакет начинается не с того места, на котором стоит сервер: он уже принят, или не принят предыдущий");
    }
}

#[derive(Serialize)]
struct Data {
    acts: usize,
    verifiers: usize,
    brings: Vec<String>,
    submit: Option<u64>,
    first: Option<u64>,
    last: Option<u64>,
}

impl Submit {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        // Before any password: a bundle that is none needs no login.
        let card = self.access.place.home()?.card()?;
        let brought = Brought::read(&read_text(&self.bundle, PEM_BYTES_MAX as u64)?, &card)
            .map_err(|bad| bad.of(&shown(&self.bundle)))?;
        if self.decision.plan {
            let nobody = Names::new(Vec::new(), voice.lang);
            let data = self.data(&brought, &nobody, voice, None);
            return Ok(voice.done("submit", &self.plan(&brought, &nobody, voice), data));
        }
        let (said, data) =
            session(&self.access, voice, For::Officers, |online| self.submit(&brought, online, voice))?;
        Ok(voice.done("submit", &said, data))
    }

    fn plan(&self, brought: &Brought, names: &Names, voice: Voice) -> Said {
        Said::Plan {
            path: shown(&self.bundle),
            acts: brought.acts.len() as u64,
            verifiers: brought.verifiers.len() as u64,
            list: brought.shown(names, voice.lang),
        }
    }

    fn data(&self, brought: &Brought, names: &Names, voice: Voice, submit: Option<u64>) -> Data {
        let acts = brought.acts.len();
        Data {
            acts,
            verifiers: brought.verifiers.len(),
            brings: brought.lines(names, voice.lang).collect(),
            submit,
            first: submit.map(|index| index + 1),
            last: submit.map(|index| index + acts as u64),
        }
    }

    fn submit(&self, brought: &Brought, online: &mut Online, voice: Voice) -> Result<(Said, Data), Trouble> {
        let names = Names::fetch(online, voice.lang)?;
        match self.decision.ask(online, voice, &self.plan(brought, &names, voice))? {
            // Said before the login.
            Decided::PlanOnly => return Err(Trouble::not_confirmed()),
            Decided::Yes => {}
        }
        let ids: Vec<_> = brought.acts.iter().map(|act| act.get().id()).collect();
        // One bundle holds as many acts as one Submit at most.
        let count = u32::try_from(ids.len()).map_err(|_| Trouble::odd_answer())?;
        let act = Act::Submit(SubmitAct { count, digest: submit_digest(&ids) });
        let staged = brought.acts.iter().map(|act| act.get().signed().clone()).collect();
        let admitted = online.submit(OtherAct { act, staged, verifiers: brought.verifiers.clone() });
        let admitted = admitted.map_err(not_next)?;
        let acts = u64::from(count);
        let said = Said::Done {
            acts,
            submit: admitted.index,
            first: admitted.index + 1,
            last: admitted.index + acts,
            path: shown(&self.bundle),
        };
        Ok((said, self.data(brought, &names, voice, Some(admitted.index))))
    }
}

/// A refusal of the acts' own order, in words about bundles.
fn not_next(trouble: Trouble) -> Trouble {
    let order = [Refusal::OutOfSequence { expected: 0, found: 0 }.code(), Refusal::WrongPrevious.code()];
    match order.iter().any(|code| trouble.is_refusal(*code)) {
        true => Trouble::new(Exit::No, "not-the-next-bundle", &Said::NotNext),
        false => trouble,
    }
}
