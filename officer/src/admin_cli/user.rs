//! `user list|suspend|resume|unlock`: people and their standing.
//! Never enrols or certifies anybody: that is the authority's, offline.

use super::decide::{Decided, Decision};
use super::names::{self, Names, Text};
use super::online::{Access, For, Online, session};
use super::trouble::Trouble;
use clap::{Args, Subcommand};
use console::terminal::output_columns;
use console::{Align, Exit, HelpTable, Table, Voice, Words, clean};
use journal::act::{Act, Resume, Suspend, Unlock};
use journal::policy::Policy;
use protocol::client::event::PersonView;
use serde::Serialize;

/// People and their standing.
#[derive(Subcommand)]
pub(super) enum User {
    /// List people whose certificates hold.
    #[command(after_help = "Example: conclave-admin user list")]
    List {
        #[command(flatten)]
        access: Access,
    },
    /// Keep a person out until resumed; a live session ends at once.
    #[command(after_help = "Example: conclave-admin user suspend @anna")]
    Suspend(Change),
    /// Take a suspension back.
    #[command(after_help = "Example: conclave-admin user resume @anna")]
    Resume(Change),
    /// Take the lock of too many wrong passwords off.
    #[command(after_help = "Example: conclave-admin user unlock @anna")]
    Unlock(Change),
}

#[derive(Args)]
pub(super) struct Change {
    /// Who: @login.
    #[arg(value_name = "@LOGIN")]
    person: String,
    #[command(flatten)]
    decision: Decision,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    ("user/@about", "Люди и их положение."),
    ("user list/@about", "Перечислить людей с действующими сертификатами."),
    ("user list/@after", "Пример: conclave-admin user list"),
    ("user suspend/@about", "Не впускать человека, пока не будет возвращён; живой сеанс прекращается сразу."),
    ("user suspend/@after", "Пример: conclave-admin user suspend @anna"),
    ("user suspend/person", "кого: @логин"),
    ("user resume/@about", "Снять приостановку."),
    ("user resume/@after", "Пример: conclave-admin user resume @anna"),
    ("user resume/person", "с кого: @логин"),
    ("user unlock/@about", "Снять блокировку после неверных паролей."),
    ("user unlock/@after", "Пример: conclave-admin user unlock @anna"),
    ("user unlock/person", "с кого: @логин"),
];

console::words! {
    enum Said {
        WillSuspend { who: String, online: &'static str }
            => en("{who} will not be able to log in until resumed{}", if online.is_empty() { "" } else { "; the live session ends" }),
               ru("{who}: вход будет закрыт до возвращения{}", if online.is_empty() { "" } else { "; живой сеанс прекратится" });
        WillResume { who: String }
            => en("{who} will be able to log in again"), ru("{who}: вход снова будет открыт");
        WillUnlock { who: String }
            => en("{who} will be able to try passwords again"), ru("{who}: можно будет снова вводить пароль");
        Suspended { who: String, index: u64 }
            => en("{who} is suspended: #{index}"), ru("{who}: вход приостановлен, запись № {index}");
        Resumed { who: String, index: u64 }
            => en("{who} may log in again: #{index}"), ru("{who}: вход снова открыт, запись № {index}");
        Unlocked { who: String, index: u64 }
            => en("{who} is unlocked: #{index}"), ru("{who}: блокировка снята, запись № {index}");
        Alike
            => en("! marks names that look like another's: compare logins"),
               ru("! отмечает имена, похожие на чужие: сверяйте логины");
    }
}

#[derive(Serialize)]
struct Row {
    person: String,
    login: String,
    full_name: String,
    unit: Vec<String>,
    roles: Vec<&'static str>,
    clearance: u8,
    active: bool,
    online: bool,
    alike: bool,
}

#[derive(Serialize)]
struct Changed {
    person: String,
    login: String,
    index: Option<u64>,
}

/// What is to become of a person.
#[derive(Clone, Copy)]
enum Standing {
    Suspend,
    Resume,
    Unlock,
}

impl Standing {
    fn act(self, view: &PersonView) -> Act {
        let person = view.person;
        match self {
            Self::Suspend => Act::Suspend(Suspend { person }),
            Self::Resume => Act::Resume(Resume { person }),
            Self::Unlock => Act::Unlock(Unlock { person }),
        }
    }

    fn plan(self, view: &PersonView) -> Said {
        let who = names::full(view);
        match self {
            Self::Suspend => Said::WillSuspend { who, online: if view.online { "online" } else { "" } },
            Self::Resume => Said::WillResume { who },
            Self::Unlock => Said::WillUnlock { who },
        }
    }

    fn done(self, who: String, index: u64) -> Said {
        match self {
            Self::Suspend => Said::Suspended { who, index },
            Self::Resume => Said::Resumed { who, index },
            Self::Unlock => Said::Unlocked { who, index },
        }
    }
}

impl User {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::List { .. } => "user list",
            Self::Suspend(_) => "user suspend",
            Self::Resume(_) => "user resume",
            Self::Unlock(_) => "user unlock",
        }
    }

    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        match self {
            Self::List { access } => list(access, voice),
            Self::Suspend(change) => change.run(Standing::Suspend, self.name(), voice),
            Self::Resume(change) => change.run(Standing::Resume, self.name(), voice),
            Self::Unlock(change) => change.run(Standing::Unlock, self.name(), voice),
        }
    }
}

fn list(access: &Access, voice: Voice) -> Result<Exit, Trouble> {
    let (names, policy) =
        session(access, voice, For::Office, |online| Ok((Names::fetch(online)?, online.policy()?.0)))?;
    let said = Text(table(&names, &policy, voice));
    let everybody = names.everybody();
    if everybody.iter().any(|view| names.is_alike(view.person)) {
        voice.remark(&Said::Alike);
    }
    let rows: Vec<Row> = everybody.into_iter().map(|view| row(view, &names)).collect();
    Ok(voice.done("user list", &said, rows))
}

fn table(names: &Names, policy: &Policy, voice: Voice) -> String {
    let lang = voice.lang;
    let headings = lang.pick(
        ["login", "name", "unit", "roles", "clearance", "standing"],
        ["логин", "имя", "подразделение", "роли", "допуск", "положение"],
    );
    let mut table = Table::new(headings.into_iter().map(|heading| (heading, Align::Left)));
    for view in names.everybody() {
        let mark = if names.is_alike(view.person) { "! " } else { "" };
        let standing = match (view.active, view.online) {
            (true, true) => lang.pick("online", "в сети"),
            (true, false) => "",
            (false, _) => lang.pick("suspended or revoked", "приостановлен или отозван"),
        };
        table.row([
            format!("@{}", clean(&view.login)),
            format!("{mark}{}", clean(&view.full_name)),
            view.unit.iter().map(|step| clean(step)).collect::<Vec<_>>().join(" / "),
            names::roles(view.roles, lang),
            names::label(policy, view.clearance, lang),
            standing.to_owned(),
        ]);
    }
    table.render(output_columns())
}

fn row(view: &PersonView, names: &Names) -> Row {
    Row {
        person: view.person.to_string(),
        login: view.login.clone(),
        full_name: view.full_name.clone(),
        unit: view.unit.clone(),
        roles: names::role_names(view.roles),
        clearance: view.clearance.rank(),
        active: view.active,
        online: view.online,
        alike: names.is_alike(view.person),
    }
}

impl Change {
    fn run(&self, standing: Standing, command: &str, voice: Voice) -> Result<Exit, Trouble> {
        let (said, changed) =
            session(&self.access, voice, For::Officers, |online| self.change(standing, online, voice))?;
        Ok(voice.done(command, &said, changed))
    }

    fn change(
        &self,
        standing: Standing,
        online: &mut Online,
        voice: Voice,
    ) -> Result<(impl Words + use<>, Changed), Trouble> {
        let names = Names::fetch(online)?;
        let view = names.person(&self.person)?;
        if view.person == online.person() {
            return Err(Trouble::oneself());
        }
        let plan = standing.plan(view);
        let (person, login) = (view.person.to_string(), view.login.clone());
        let (said, index) = match self.decision.ask(online, voice, &plan)? {
            Decided::PlanOnly => (plan, None),
            Decided::Yes => {
                let index = online.act(standing.act(view))?.index;
                (standing.done(names::full(view), index), Some(index))
            }
        };
        Ok((said, Changed { person, login, index }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::tests::person;
    use super::*;
    use console::Lang;

    #[test]
    fn the_table_is_for_the_reader() {
        let mut people = vec![person(1, "anna", "Анна Петрова"), person(2, "boris", "Борис\u{1b}[2J Нотов")];
        people[0].online = true;
        people[1].active = false;
        let voice = Voice { lang: Lang::Ru, json: false };
        let shown = table(&Names::new(people), &Policy::standard(), voice);
        assert!(shown.contains("@anna   Анна Петрова") && shown.contains("КОНФИДЕНЦИАЛЬНО"), "{shown}");
        assert!(shown.contains("приостановлен или отозван") && !shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn a_plan_says_that_a_live_session_ends() {
        let mut anna = person(1, "anna", "Анна Петрова");
        assert!(!Standing::Suspend.plan(&anna).en().contains("session"));
        anna.online = true;
        assert!(Standing::Suspend.plan(&anna).en().contains("the live session ends"));
    }
}
