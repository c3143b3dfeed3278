//! `revoke`: an officer ends all certificates of a person at once, online.
//! Never makes a revocation list: the authority's follows by `conclave-pki`.

use super::decide::{Decided, Decision};
use super::names::Names;
use super::online::{Access, For, Online, session};
use super::trouble::Trouble;
use clap::{Args, ValueEnum};
use console::{Exit, HelpTable, Voice};
use journal::act::people::REVOKE_NOTE_BYTES_MAX;
use journal::act::{Act, Revoke as RevokeAct, RevokeReason};
use serde::Serialize;

/// Revoke every certificate of a person, for ever and at once: out of every conversation, the live session ends.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin revoke @anna --reason key-compromise --note \"laptop lost\"")]
pub(super) struct Revoke {
    /// Who: @login.
    #[arg(value_name = "@LOGIN")]
    person: String,
    /// Why, in the words of RFC 5280.
    #[arg(long)]
    reason: Reason,
    /// Why, in your words, for the journal: auditors read it.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

#[derive(Clone, Copy, ValueEnum)]
enum Reason {
    Unspecified,
    KeyCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
}

impl Reason {
    fn of_rfc5280(self) -> RevokeReason {
        match self {
            Self::Unspecified => RevokeReason::Unspecified,
            Self::KeyCompromise => RevokeReason::KeyCompromise,
            Self::AffiliationChanged => RevokeReason::AffiliationChanged,
            Self::Superseded => RevokeReason::Superseded,
            Self::CessationOfOperation => RevokeReason::CessationOfOperation,
        }
    }
}

pub(super) const HELP: &HelpTable = &[
    (
        "revoke/@about",
        "Отозвать все сертификаты человека, навсегда и сразу: он исключается из всех бесед, живой сеанс прекращается.",
    ),
    ("revoke/@after", "Пример: conclave-admin revoke @anna --reason key-compromise --note «ноутбук утерян»"),
    ("revoke/person", "кого: @логин"),
    ("revoke/reason", "почему, словами RFC 5280"),
    ("revoke/note", "почему, своими словами, для журнала: его читают аудиторы"),
];

console::words! {
    enum Said {
        Plan { who: String }
            => en("{who}: every certificate ends for ever, at once; out of every conversation; a live session ends. There is no way back: a person who returns gets new keys and certificates."),
               ru("{who}: все сертификаты прекращаются навсегда и сразу; исключение из всех бесед; живой сеанс прекращается. Обратного пути нет: вернувшийся получает новые ключи и сертификаты.");
        Done { who: String, login: String, index: u64 }
            => en("{who} is revoked: #{index}\nThe authority's revocation list follows: conclave-pki revoke @{login}, then conclave-pki bundle and conclave-admin submit."),
               ru("{who}: сертификаты отозваны, запись № {index}\nСписок отозванных составляет удостоверяющий центр: conclave-pki revoke @{login}, затем conclave-pki bundle и conclave-admin submit.");
        Note { limit: u64 }
            => en("the note is longer than {limit} bytes"), ru("примечание длиннее {limit} байт");
    }
}

#[derive(Serialize)]
struct Data {
    person: String,
    login: String,
    index: Option<u64>,
}

impl Revoke {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        if self.note.len() as u64 > REVOKE_NOTE_BYTES_MAX {
            let words = Said::Note { limit: REVOKE_NOTE_BYTES_MAX };
            return Err(Trouble::new(Exit::Usage, "note-too-long", &words));
        }
        let (said, data) = session(&self.access, voice, For::Officers, |online| self.revoke(online, voice))?;
        Ok(voice.done("revoke", &said, data))
    }

    fn revoke(&self, online: &mut Online, voice: Voice) -> Result<(Said, Data), Trouble> {
        let names = Names::fetch(online, voice.lang)?;
        let person = names.person(&self.person)?.person;
        if person == online.person() {
            return Err(Trouble::oneself());
        }
        let (who, login) = (names.full(person), names.login(person));
        let plan = Said::Plan { who: who.clone() };
        let (said, index) = match self.decision.ask(online, voice, &plan)? {
            Decided::PlanOnly => (plan, None),
            Decided::Yes => {
                let (reason, note) = (self.reason.of_rfc5280(), self.note.clone());
                let index = online.act(Act::Revoke(RevokeAct { person, reason, note }))?.index;
                (Said::Done { who, login: login.clone(), index }, Some(index))
            }
        };
        Ok((said, Data { person: person.to_string(), login, index }))
    }
}
