//! `recover head`: the newest head that an officer's terminal has seen, for the server that has lost entries.
//! Never asks the server: it is stopped. Never writes a file: where it goes is the person's business.

use super::super::names::Text;
use super::super::online::{Place, open_offline};
use super::super::trouble::Trouble;
use clap::Args;
use console::{Exit, HelpTable, PassphraseFd, Voice};
use link::terminal::LastSeen;
use serde::Serialize;

/// Print the newest head that this terminal has seen: the server counts by it what is lost.
#[derive(Args)]
#[command(after_help = "Example: conclave-admin recover head")]
pub(in crate::admin_cli) struct Head {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

pub(in crate::admin_cli) const HELP: &HelpTable = &[
    (
        "recover head/@about",
        "Вывести новейшую вершину, которую видел этот терминал: по ней сервер считает, что утрачено.",
    ),
    ("recover head/@after", "Пример: conclave-admin recover head"),
];

console::words! {
    enum Said {
        Seen { head: String }
            => en("this is what this terminal last saw of the journal, {head}: take it to the server, \
                   `conclaved recover --accept-loss --head FILE`"),
               ru("это то, что этот терминал видел в журнале последним, {head}: отнесите на сервер, \
                   `conclaved recover --accept-loss --head ФАЙЛ`");
        NothingSeen
            => en("this terminal has not seen the journal yet: nobody has logged in here"),
               ru("этот терминал ещё не видел журнала: здесь никто не входил");
    }
}

#[derive(Serialize)]
struct Data {
    head: String,
    note: String,
}

impl Head {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let file = open_offline(&self.place, self.passphrase, voice.lang)?;
        let nothing = || Trouble::new(Exit::Missing, "nothing-seen", &Said::NothingSeen);
        let LastSeen { head, note } = LastSeen::of(&file)?.ok_or_else(nothing)?;
        voice.remark(&Said::Seen { head: head.clone() });
        Ok(voice.done("recover head", &Text(note.clone()), Data { head, note }))
    }
}
