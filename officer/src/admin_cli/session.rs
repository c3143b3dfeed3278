//! `session list|kill`: who is connected, and an end to one session.
//! Never ends a session that began after it was looked at: the act names the chain.

use super::decide::{Decided, Decision};
use super::names::{Names, Text};
use super::online::{Access, For, Online, session};
use super::trouble::Trouble;
use clap::{Args, Subcommand};
use console::terminal::output_columns;
use console::{Align, Exit, HelpTable, Table, Voice};
use journal::act::{Act, EndSession};
use protocol::answer::SessionRecord;
use protocol::client::{Command, Reply};
use protocol::query::Query;
use serde::Serialize;

/// Live sessions.
#[derive(Subcommand)]
pub(super) enum Session {
    /// List live sessions.
    #[command(after_help = "Example: conclave-admin session list")]
    List {
        #[command(flatten)]
        access: Access,
    },
    /// End the live session of a person, who may log in again.
    #[command(after_help = "Example: conclave-admin session kill @anna")]
    Kill(Kill),
}

#[derive(Args)]
pub(super) struct Kill {
    /// Whose: @login.
    #[arg(value_name = "@LOGIN")]
    person: String,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("session/@about", "Живые сеансы."),
    ("session list/@about", "Перечислить живые сеансы."),
    ("session list/@after", "Пример: conclave-admin session list"),
    ("session kill/@about", "Прекратить живой сеанс человека; войти снова он может."),
    ("session kill/@after", "Пример: conclave-admin session kill @anna"),
    ("session kill/person", "чей: @логин"),
];

console::words! {
    enum Said {
        Plan { who: String, since: u64, statements: u64 }
            => en("the session of {who}, begun by #{since}, with {statements} acts, will end. To keep the person out: conclave-admin user suspend"),
               ru("сеанс {who}, начатый записью № {since} (действий: {statements}), будет прекращён. Чтобы человек не вошёл снова: conclave-admin user suspend");
        Done { who: String, index: u64 }
            => en("the session of {who} is ended: #{index}"), ru("сеанс {who} прекращён: запись № {index}");
        NoSession { who: String }
            => en("{who} has no live session"), ru("у {who} нет живого сеанса");
    }
}

#[derive(Serialize)]
struct Row {
    person: String,
    login: String,
    since_index: u64,
    statements: u64,
    own: bool,
}

#[derive(Serialize)]
struct Killed {
    person: String,
    login: String,
    since_index: u64,
    statements: u64,
    index: Option<u64>,
}

impl Session {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::List { .. } => "session list",
            Self::Kill(_) => "session kill",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::List { access } => list(access, voice),
            Self::Kill(kill) => kill.run(voice),
        }
    }
}

/// The server's word.
pub(super) fn live(online: &mut Online) -> Result<Vec<SessionRecord>, Trouble> {
    let Reply::Sessions(sessions) = online.run(Command::Ask(Query::Sessions))? else {
        return Err(Trouble::odd_answer());
    };
    Ok(sessions)
}

fn list(access: &Access, voice: Voice) -> Result<Exit, Trouble> {
    let (rows, names) = session(access, voice, For::Office, |online| {
        let sessions = live(online)?;
        let names = Names::fetch(online, voice.lang)?;
        let full: Vec<String> = sessions.iter().map(|one| names.full(one.person)).collect();
        Ok((rows(&sessions, &names, online), full))
    })?;
    let headings = voice.lang.pick(["session of", "since", "acts"], ["сеанс", "с записи", "действий"]);
    let mut table = Table::new(headings.into_iter().zip([Align::Left, Align::Right, Align::Right]));
    for (row, name) in rows.iter().zip(&names) {
        let own = match row.own {
            true => voice.lang.pick(" (this one)", " (этот)"),
            false => "",
        };
        table.row([format!("{name}{own}"), format!("#{}", row.since_index), row.statements.to_string()]);
    }
    Ok(voice.done("session list", &Text(table.render(output_columns())), rows))
}

fn rows(sessions: &[SessionRecord], names: &Names, online: &Online) -> Vec<Row> {
    let row = |one: &SessionRecord| Row {
        person: one.person.to_string(),
        login: names.login(one.person),
        since_index: one.since,
        statements: one.statements,
        own: one.person == online.person(),
    };
    sessions.iter().map(row).collect()
}

impl Kill {
    fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let (who, killed) = session(&self.access, voice, For::Office, |online| self.kill(online, voice))?;
        let Killed { since_index, statements, index, .. } = killed;
        let said = match index {
            Some(index) => Said::Done { who, index },
            None => Said::Plan { who, since: since_index, statements },
        };
        Ok(voice.done("session kill", &said, killed))
    }

    fn kill(&self, online: &mut Online, voice: Voice) -> Result<(String, Killed), Trouble> {
        let names = Names::fetch(online, voice.lang)?;
        let person = names.person(&self.person)?.person;
        if person == online.person() {
            return Err(Trouble::oneself());
        }
        let who = names.full(person);
        let found = live(online)?.into_iter().find(|one| one.person == person);
        let Some(SessionRecord { chain, since, statements, .. }) = found else {
            return Err(Trouble::new(Exit::No, "no-such-session", &Said::NoSession { who }));
        };
        let plan = Said::Plan { who: who.clone(), since, statements };
        let index = match self.decision.ask(online, voice, &plan)? {
            Decided::PlanOnly => None,
            Decided::Yes => Some(online.act(Act::EndSession(EndSession { person, chain }))?.index),
        };
        let login = names.login(person);
        Ok((who, Killed { person: person.to_string(), login, since_index: since, statements, index }))
    }
}
