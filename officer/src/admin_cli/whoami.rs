//! `whoami`: whose credential lies here, by its certificate.
//! Never asks the server, and leaves no entry.

use super::names;
use super::online::{For, Place, Said as Online, open};
use super::trouble::Trouble;
use clap::Args;
use console::{Exit, HelpTable, PassphraseFd, SecretSource, Voice, Words, clean};
use link::terminal::TerminalError;
use serde::Serialize;

/// Show whose credential lies here: name, roles, site, until when. Asks nobody but you.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin whoami")]
pub(super) struct Whoami {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

pub(super) const HELP: &HelpTable = &[
    ("whoami/@about", "Показать, чьи ключи здесь лежат: имя, роли, система, срок. Сервер не спрашивается."),
    ("whoami/@after", "Пример: conclave-admin whoami"),
];

console::words! {
    enum Said {
        Me { name: String, login: String, person: String, site: String, roles: String, clearance: String, until: String }
            => en("{name} @{login} ({person})\nsite:        {site}\nroles:       {roles}\nclearance:   {clearance}\n\
                   certificate: until {until}"),
               ru("{name} @{login} ({person})\nсистема:     {site}\nроли:        {roles}\nдопуск:      {clearance}\n\
                   сертификат:  до {until}");
    }
}

#[derive(Serialize)]
struct Data {
    person: String,
    login: String,
    full_name: String,
    site: String,
    roles: Vec<&'static str>,
    clearance: u8,
    valid_until: String,
}

impl Whoami {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let home = self.place.home()?;
        home.card()?;
        home.credential()?;
        let mut source = SecretSource::open(self.passphrase.passphrase_fd)?;
        let passphrase = source.ask(&Online::Passphrase.say(voice.lang))?;
        let (file, card) = open(&home, &passphrase, For::Anyone, voice.lang)?;
        let credential = file.credential();
        let keys = credential.current().map_err(TerminalError::from)?;
        let certificate = keys.signature_certificate();
        let (names, site) = (credential.names(), clean(&card.site));
        let person = certificate.person().map(|person| person.to_string()).unwrap_or_default();
        let until = certificate.validity().1.to_string();
        let rank = certificate.clearance();
        let said = Said::Me {
            name: clean(&names.full_name),
            login: clean(&names.login),
            person: person.clone(),
            site: site.clone(),
            roles: names::roles(certificate.roles(), voice.lang),
            clearance: format!("{} ({})", rank.name(), rank.rank()),
            until: until.clone(),
        };
        let data = Data {
            person,
            login: names.login.clone(),
            full_name: names.full_name.clone(),
            site,
            roles: names::role_names(certificate.roles()),
            clearance: rank.rank(),
            valid_until: until,
        };
        Ok(voice.done("whoami", &said, data))
    }
}
