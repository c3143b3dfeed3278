//! `revoke`: ends all certificates of a person, for ever.
//! Never revokes single certificates: one act is about one person.

use super::Place;
use super::crl::{self, look_at_clock};
use crate::authority::revoke::publish;
use crate::clock;
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, PassphraseFd, Voice};
use journal::act::{Act, Revoke as RevokeAct, RevokeReason};
use serde::Serialize;

/// Revoke every certificate of a person, for ever, and make a fresh revocation list.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki revoke @anna --reason key-compromise --note \"laptop lost\"")]
pub(super) struct Revoke {
    /// Who: @login or the person's id.
    #[arg(value_name = "@PERSON")]
    person: String,
    /// Why, in the words of RFC 5280.
    #[arg(long, value_name = "REASON", value_parser = ["unspecified", "key-compromise", "affiliation-changed", "superseded", "cessation-of-operation"])]
    reason: String,
    /// Why, in your words, for the journal.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

pub(super) const HELP: &HelpTable = &[
    ("revoke/@about", "Отозвать все сертификаты человека, навсегда, и составить свежий список отозванных."),
    ("revoke/@after", "Пример: conclave-pki revoke @anna --reason key-compromise --note «ноутбук утерян»"),
    ("revoke/person", "кто: @логин или номер лица"),
    ("revoke/reason", "почему, словами RFC 5280"),
    ("revoke/note", "почему, своими словами, для журнала"),
];

console::words! {
    enum Said {
        Done { login: String, number: u64, until: String }
            => en("{login} is revoked; revocation list No. {number}, fresh until {until}.\nIt takes effect when the next bundle is taken in; an officer can revoke at once with conclave-admin."),
               ru("{login}: сертификаты отозваны; список отозванных № {number}, свеж до {until}.\nПодействует, когда будет принят следующий пакет; сразу отозвать может офицер через conclave-admin.");
    }
}

#[derive(Serialize)]
struct Data {
    login: String,
    person: String,
    list: crl::Data,
}

fn reason(name: &str) -> Option<RevokeReason> {
    match name {
        "unspecified" => Some(RevokeReason::Unspecified),
        "key-compromise" => Some(RevokeReason::KeyCompromise),
        "affiliation-changed" => Some(RevokeReason::AffiliationChanged),
        "superseded" => Some(RevokeReason::Superseded),
        "cessation-of-operation" => Some(RevokeReason::CessationOfOperation),
        _ => None,
    }
}

impl Revoke {
    /// The act first, then the list. A crash between the two: the same command again makes the list.
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let unknown = || Trouble::UnknownName { kind: "reason", name: console::clean(&self.reason) };
        let reason = reason(&self.reason).ok_or_else(unknown)?;
        let mut authority = self.place.write()?;
        look_at_clock(&authority, voice);
        let person = authority.person(&self.person)?.clone();
        let login = person.names.login.clone();
        let listed = |serial| authority.state.list.as_ref().is_some_and(|list| list.entry(serial).is_some());
        if person.revoked.is_some() && listed(person.newest().agreement.serial()) {
            return Err(Trouble::Revoked { login }.into());
        }
        let key = authority.unlock(self.passphrase.passphrase_fd, voice.lang)?;
        if person.revoked.is_none() {
            let act = RevokeAct { person: person.id, reason, note: self.note.clone() };
            authority.record(&key, Act::Revoke(act))?;
        }
        let list = publish(&mut authority, &key, clock::now_ms())?;
        if !list.is_act {
            voice.remark(&crl::Said::TooLarge);
        }
        let said = Said::Done { login: login.clone(), number: list.number, until: list.until.to_string() };
        let data = Data { login, person: person.id.to_string(), list: crl::Data::of(&list) };
        Ok(voice.done("revoke", &said, data))
    }
}
