//! `conclave login`: finds or starts the agent, and gives it what opens the credential and proves the login.
//! Never keeps a secret after it was handed over, and never passes one as an argument.

use super::request::{PASSPHRASE_LETTERS_MIN, differ, too_short};
use crate::Here;
use crate::agent::wire::{Ask, Tell, Unlock, Unlocked};
use crate::agent::{self, Start};
use crate::args::Login;
use crate::reach::{Line, runtime};
use crate::trouble::Trouble;
use console::{Exit, Secret, SecretSource, Words, clean, count_en, count_ru};
use hardening::Sandboxed;
use pki::one_time::{LETTERS, OneTimePassword, PasswordError};
use protocol::client::SecretText;
use serde::Serialize;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

console::words! {
    enum Said {
        Password => en("Password: "), ru("Пароль: ");
        Passphrase => en("Passphrase of the credential: "), ru("Парольная фраза ключей: ");
        LoginPassword => en("Login password: "), ru("Пароль входа: ");
        Envelope => en("One-time password of the envelope: "), ru("Одноразовый пароль из конверта: ");
        MustSet => en("Now a new password, of at least {PASSPHRASE_LETTERS_MIN} characters."),
                   ru("Теперь новый пароль, не меньше {PASSPHRASE_LETTERS_MIN} знаков.");
        NewPassword => en("New password: "), ru("Новый пароль: ");
        Again => en("Once more: "), ru("Ещё раз: ");
        OnePassword => en("the new password opens the credential too: the old passphrase is void"),
                       ru("новый пароль открывает и ключи: прежняя парольная фраза больше не действует");
        GoOn => en("no new password is set yet: `conclave login` goes on from here"),
                ru("новый пароль ещё не задан: `conclave login` продолжит с этого места");
        Failed { n: u64 }
            => en("{} not sent; `conclave status` says what and why", count_en(*n, "act was", "acts were")),
               ru("не отправлено: {}; что и почему, показывает `conclave status`",
                  count_ru(*n, "действие", "действия", "действий"));
        TwoPasswords
            => en("credential and login keep two secrets here: log in with --separate"),
               ru("у ключей и у входа здесь разные секреты: входите с --separate");
        Done { name: String, login: String, site: String, index: u64, entries: u64 }
            => en("logged in to {site} as {name} @{login}: #{index}; the journal has {entries} entries and only grew"),
               ru("вход в «{site}»: {name} @{login}, запись № {index}; в журнале записей: {entries}, он только рос");
    }
}

/// How often a person may type a new password that will not do, before the command gives up.
const NEW_PASSWORD_TRIES: u32 = 3;

#[derive(Serialize)]
struct Data {
    login: String,
    site: String,
    index: u64,
    entries: u64,
    new_password: bool,
}

pub(super) fn run(args: Login, here: Here, sandboxed: &Sandboxed) -> Result<Exit, Trouble> {
    // Said before a person types anything in vain.
    here.home.card()?;
    if !here.home.credential().exists() {
        return Err(Trouble::say(
            Exit::Missing,
            "no-credential",
            "there is no credential here: `conclave request` makes one",
            "здесь нет ключей: их создаёт `conclave request`",
        ));
    }
    let found = Line::open(&here.home, here.voice).and_then(|mut line| Ok((line.status()?, line)));
    match found {
        Ok((status, mut line)) if status.must_set_password => {
            // Left before it was done: what is missing is asked, not everything again.
            let mut main = SecretSource::open(args.passphrase.passphrase_fd)?;
            set_password(&args, &here, &mut line, &mut main)?;
            let (login, entries) = (status.login, status.entries);
            done(&here, &mut line, Unlocked { must_set_password: true, login, entries })
        }
        Ok((status, line)) if !status.unlocked => talk(&args, &here, line),
        Ok(_) => Err(Trouble::say(
            Exit::No,
            "unlocked-already",
            "logged in already; `conclave whoami` shows as whom",
            "вход уже выполнен; кем, показывает `conclave whoami`",
        )),
        // An agent that is just ending (its login was refused, say) is none.
        Err(trouble) if trouble.name == "no-agent" || trouble.name == "agent-gone" => {
            start(&args, here, sandboxed)
        }
        Err(trouble) => Err(trouble),
    }
}

/// Starts an agent: in a process of its own, or in this one, with the talk in a thread beside it.
fn start(args: &Login, here: Here, sandboxed: &Sandboxed) -> Result<Exit, Trouble> {
    let pair = UnixStream::pair().map_err(|error| Trouble::io(Path::new("socketpair"), &error))?;
    let idle_ms = args.idle.map(|seconds| u64::from(seconds) * 1000);
    if !args.foreground {
        spawn(&here, pair.1, idle_ms)?;
        let line = Line::over(pair.0, here.voice)?;
        return talk(args, &here, line);
    }
    let start = Start { home: here.home.clone(), idle_ms, starter: pair.1 };
    std::thread::scope(|scope| {
        let talking = scope.spawn(|| {
            let line = Line::over(pair.0, here.voice)?;
            let done = talk(args, &here, line);
            // The agent lives on in this process; what went wrong must be told now.
            done.inspect_err(|trouble| {
                let _ = here.voice.failed("login", trouble.exit, &trouble.name, trouble);
            })
        });
        agent::run(start, &runtime(), sandboxed)?;
        match talking.join() {
            Ok(Ok(exit)) => Ok(exit),
            Ok(Err(trouble)) => Ok(trouble.exit),
            Err(_panic) => Ok(Exit::Io),
        }
    })
}

fn spawn(here: &Here, starter: UnixStream, idle_ms: Option<u64>) -> Result<(), Trouble> {
    let own = std::env::current_exe().map_err(|error| Trouble::io(Path::new("conclave"), &error))?;
    let mut command = Command::new(&own);
    command.arg("agent").arg("--home").arg(here.home.path()).arg("--lang").arg(here.voice.lang.name());
    if let Some(idle_ms) = idle_ms {
        command.arg("--idle-ms").arg(idle_ms.to_string());
    }
    // The agent is handed one end of our pair as its standard input and nothing else of what we were given.
    hardening::close_on_exec().map_err(|error| Trouble::io(&own, &error))?;
    command.current_dir("/").stdin(Stdio::from(OwnedFd::from(starter)));
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    // It outlives us; whoever reaps orphans reaps it.
    child.map(drop).map_err(|error| Trouble::io(&own, &error))
}

/// Asks the person, tells the agent.
fn talk(args: &Login, here: &Here, mut line: Line) -> Result<Exit, Trouble> {
    let lang = here.voice.lang;
    let mut main = SecretSource::open(args.passphrase.passphrase_fd)?;
    let two = args.envelope || args.separate;
    let first = if two { Said::Passphrase } else { Said::Password };
    let passphrase = text(&main.ask(&first.say(lang))?);
    let password = match (args.envelope, args.separate) {
        (true, _) => {
            let typed = match args.envelope_fd {
                Some(fd) => SecretSource::open(Some(fd))?.ask("")?,
                None => main.ask(&Said::Envelope.say(lang))?,
            };
            let read = OneTimePassword::parse(typed.expose()).map_err(mistyped)?;
            Some(SecretText::from(read.canonical()))
        }
        (false, true) => Some(text(&main.ask(&Said::LoginPassword.say(lang))?)),
        (false, false) => None,
    };
    let unlock = Unlock { passphrase, password, end_other: args.end_other };
    let unlocked = line.unlock(unlock)?;
    if unlocked.must_set_password {
        set_password(args, here, &mut line, &mut main)?;
    }
    done(here, &mut line, unlocked)
}

/// Asks for the new password until one will do, a few times where a person types it.
fn set_password(args: &Login, here: &Here, line: &mut Line, main: &mut SecretSource) -> Result<(), Trouble> {
    here.voice.remark(&Said::MustSet);
    let scripted = args.new_password_fd.is_some() || args.passphrase.passphrase_fd.is_some();
    let mut left = if scripted { 1 } else { NEW_PASSWORD_TRIES };
    loop {
        left -= 1;
        let trouble = match new_password(args, here, main).and_then(|new| line.ask(&Ask::SetPassword(new))) {
            Ok(Tell::PasswordSet(one_password)) => {
                here.voice.remark(if one_password { &Said::OnePassword } else { &Said::TwoPasswords });
                return Ok(());
            }
            Ok(_) => return Err(Trouble::odd_answer()),
            Err(trouble) => trouble,
        };
        let typed_badly =
            matches!(&*trouble.name, "passphrases-differ" | "passphrase-short" | "password-unchanged");
        if !typed_badly || left == 0 {
            here.voice.remark(&Said::GoOn);
            return Err(trouble);
        }
        here.voice.remark(&trouble);
    }
}

fn new_password(args: &Login, here: &Here, main: &mut SecretSource) -> Result<SecretText, Trouble> {
    let lang = here.voice.lang;
    let (label, again) = (Said::NewPassword.say(lang), Said::Again.say(lang));
    let asked = match args.new_password_fd {
        Some(fd) => SecretSource::open(Some(fd))?.ask_new(&label, &again)?,
        None => main.ask_new(&label, &again)?,
    };
    let new = asked.ok_or_else(differ)?;
    if new.letters() < PASSPHRASE_LETTERS_MIN {
        return Err(too_short());
    }
    Ok(text(&new))
}

fn done(here: &Here, line: &mut Line, unlocked: Unlocked) -> Result<Exit, Trouble> {
    let me = line.status()?.me.ok_or_else(Trouble::odd_answer)?;
    let (login, site) = (clean(&me.login), clean(&me.site));
    let Unlocked { must_set_password, login: index, entries } = unlocked;
    let said =
        Said::Done { name: clean(&me.full_name), login: login.clone(), site: site.clone(), index, entries };
    let data = Data { login, site, index, entries, new_password: must_set_password };
    let status = line.status()?;
    if !status.failed.is_empty() {
        here.voice.remark(&Said::Failed { n: status.failed.len() as u64 });
    }
    super::order::remind(line, &status, here.voice);
    Ok(here.voice.done("login", &said, data))
}

/// Said before anything is sent: an envelope's password has few tries.
fn mistyped(error: PasswordError) -> Trouble {
    match error {
        PasswordError::Length { found } => Trouble::say(
            Exit::No,
            "envelope-length",
            format!("a one-time password has {LETTERS} letters, {found} were typed"),
            format!("в одноразовом пароле {LETTERS} знаков, введено {found}"),
        ),
        PasswordError::Group { group } => Trouble::say(
            Exit::No,
            "envelope-mistyped",
            format!("group {group} of the one-time password is mistyped"),
            format!("группа {group} одноразового пароля введена с ошибкой"),
        ),
    }
}

fn text(secret: &Secret) -> SecretText {
    SecretText::from(secret.expose())
}
