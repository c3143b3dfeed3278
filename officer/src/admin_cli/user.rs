//! `user list|suspend|resume|unlock`: people and their standing.
//! Never enrols or certifies anybody: that is the authority's, offline.

use super::decide::{Decided, Decision};
use super::names::{self, Names, Text};
use super::online::{Access, For, Online, session};
use super::trouble::Trouble;
use clap::{Args, Subcommand, ValueEnum};
use console::terminal::output_columns;
use console::{Align, Exit, HelpTable, Lang, Table, Voice, Words, clean};
use journal::act::{Act, Resume, Suspend, Unlock};
use journal::policy::Policy;
use protocol::answer::Standing;
use protocol::client::event::PersonView;
use serde::Serialize;

/// People and their standing.
#[derive(Subcommand)]
pub(super) enum User {
    /// List people whose certificates hold, and how they stand.
    #[command(
        after_help = "Examples:\n  conclave-admin user list\n  conclave-admin user list --standing locked"
    )]
    List {
        /// Only people who stand so.
        #[arg(long, value_name = "STANDING")]
        standing: Option<StandingName>,
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

/// How a person stands, as it is typed and as scripts read it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StandingName {
    Good,
    Suspended,
    Revoked,
    Locked,
}

impl StandingName {
    fn of(view: &PersonView) -> Self {
        match view.standing {
            Standing::Good => Self::Good,
            Standing::Suspended => Self::Suspended,
            Standing::Revoked => Self::Revoked,
            Standing::Locked => Self::Locked,
        }
    }

    fn word(self, online: bool, lang: Lang) -> &'static str {
        match (self, online) {
            (Self::Good, true) => lang.pick("online", "в сети"),
            (Self::Good, false) => "",
            (Self::Suspended, _) => lang.pick("suspended", "приостановлен"),
            (Self::Revoked, _) => lang.pick("revoked", "отозван"),
            (Self::Locked, true) => lang.pick("online, locked", "в сети, заблокирован"),
            (Self::Locked, false) => lang.pick("locked", "заблокирован"),
        }
    }
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
    ("user list/@about", "Перечислить людей с действующими сертификатами и их положение."),
    (
        "user list/@after",
        "Примеры:\n  conclave-admin user list\n  conclave-admin user list --standing locked",
    ),
    ("user list/standing", "только тех, чьё положение таково"),
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
        Needless { who: String }
            => en("{who} is neither suspended nor locked: nothing is to be done"),
               ru("{who}: ни приостановки, ни блокировки нет, делать нечего");
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
    standing: StandingName,
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
enum Measure {
    Suspend,
    Resume,
    Unlock,
}

impl Measure {
    fn act(self, view: &PersonView) -> Act {
        let person = view.person;
        match self {
            Self::Suspend => Act::Suspend(Suspend { person }),
            Self::Resume => Act::Resume(Resume { person }),
            Self::Unlock => Act::Unlock(Unlock { person }),
        }
    }

    fn plan(self, who: String, view: &PersonView) -> Said {
        match self {
            Self::Suspend => Said::WillSuspend { who, online: if view.online { "online" } else { "" } },
            Self::Resume => Said::WillResume { who },
            Self::Unlock => Said::WillUnlock { who },
        }
    }

    /// Whether there is nothing to take back, which needs no question. Of several standings only one is told, so whoever
    /// is suspended may be locked too, and the server says.
    fn is_needless(self, view: &PersonView) -> bool {
        match self {
            Self::Suspend => false,
            Self::Resume | Self::Unlock => matches!(view.standing, Standing::Good),
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
            Self::List { standing, access } => list(*standing, access, voice),
            Self::Suspend(change) => change.run(Measure::Suspend, self.name(), voice),
            Self::Resume(change) => change.run(Measure::Resume, self.name(), voice),
            Self::Unlock(change) => change.run(Measure::Unlock, self.name(), voice),
        }
    }
}

fn list(only: Option<StandingName>, access: &Access, voice: Voice) -> Result<Exit, Trouble> {
    let (names, policy) = session(access, voice, For::Office, |online| {
        Ok((Names::fetch(online, voice.lang)?, online.policy()?.0))
    })?;
    let mut people = names.everybody();
    people.retain(|view| only.is_none_or(|only| only == StandingName::of(view)));
    let said = Text(table(&people, &names, &policy, voice));
    if people.iter().any(|view| names.is_alike(view.person)) {
        voice.remark(&Said::Alike);
    }
    let rows: Vec<Row> = people.into_iter().map(|view| row(view, &names)).collect();
    Ok(voice.done("user list", &said, rows))
}

fn table(people: &[&PersonView], names: &Names, policy: &Policy, voice: Voice) -> String {
    let lang = voice.lang;
    let headings = lang.pick(
        ["login", "name", "unit", "roles", "clearance", "standing"],
        ["логин", "имя", "подразделение", "роли", "допуск", "положение"],
    );
    let mut table = Table::new(headings.into_iter().map(|heading| (heading, Align::Left)));
    for view in people {
        let mark = if names.is_alike(view.person) { "! " } else { "" };
        table.row([
            format!("@{}", clean(&view.login)),
            format!("{mark}{}", clean(&view.full_name)),
            view.unit.iter().map(|step| clean(step)).collect::<Vec<_>>().join(" / "),
            names::roles(view.roles, lang),
            names::label(policy, view.clearance, lang),
            StandingName::of(view).word(view.online, lang).to_owned(),
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
        active: view.standing.may_act(),
        standing: StandingName::of(view),
        online: view.online,
        alike: names.is_alike(view.person),
    }
}

impl Change {
    fn run(&self, measure: Measure, command: &str, voice: Voice) -> Result<Exit, Trouble> {
        let (said, changed) =
            session(&self.access, voice, For::Officers, |online| self.change(measure, online, voice))?;
        Ok(voice.done(command, &said, changed))
    }

    fn change(
        &self,
        measure: Measure,
        online: &mut Online,
        voice: Voice,
    ) -> Result<(impl Words + use<>, Changed), Trouble> {
        let names = Names::fetch(online, voice.lang)?;
        let view = names.person(&self.person)?;
        if view.person == online.person() {
            return Err(Trouble::oneself());
        }
        let who = names.full(view.person);
        if measure.is_needless(view) {
            return Err(Trouble::new(Exit::No, "needless", &Said::Needless { who }));
        }
        let plan = measure.plan(who.clone(), view);
        let (person, login) = (view.person.to_string(), view.login.clone());
        let (said, index) = match self.decision.ask(online, voice, &plan)? {
            Decided::PlanOnly => (plan, None),
            Decided::Yes => {
                let index = online.act(measure.act(view))?.index;
                (measure.done(who, index), Some(index))
            }
        };
        Ok((said, Changed { person, login, index }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::tests::person;
    use super::*;

    #[test]
    fn the_table_is_for_the_reader() {
        let mut people = vec![person(1, "anna", "Анна Петрова"), person(2, "boris", "Борис\u{1b}[2J Нотов")];
        people[0].online = true;
        people[1].standing = Standing::Suspended;
        let voice = Voice { lang: Lang::Ru, json: false };
        let names = Names::new(people, Lang::Ru);
        let shown = table(&names.everybody(), &names, &Policy::standard(), voice);
        assert!(shown.contains("@anna   Анна Петрова") && shown.contains("КОНФИДЕНЦИАЛЬНО"), "{shown}");
        assert!(shown.contains("приостановлен") && !shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn every_standing_has_a_word_of_its_own() {
        let all = StandingName::value_variants();
        let mut words: Vec<&str> = all.iter().map(|standing| standing.word(false, Lang::En)).collect();
        assert_eq!(words, ["", "suspended", "revoked", "locked"]);
        words.extend(all.iter().map(|standing| standing.word(true, Lang::En)));
        assert_eq!(words[4..], ["online", "suspended", "revoked", "online, locked"]);
    }

    #[test]
    fn a_plan_says_that_a_live_session_ends() {
        let mut anna = person(1, "anna", "Анна Петрова");
        let plan = |anna: &PersonView| Measure::Suspend.plan("anna".into(), anna).en();
        assert!(!plan(&anna).contains("session"));
        anna.online = true;
        assert!(plan(&anna).contains("the live session ends"));
        // Nobody is asked whether what is not there is to be taken off.
        assert!(Measure::Unlock.is_needless(&anna) && Measure::Resume.is_needless(&anna));
        anna.standing = Standing::Locked;
        assert!(!Measure::Unlock.is_needless(&anna));
    }
}
