//! `password`: the first login with a paper envelope, and every later change.
//! Never keeps a password after it was handed over, and never lets a crash lock anybody out: see [`Password::set`].

use super::online::{Access, For, Online, Said as Asked, open, proof};
use super::trouble::Trouble;
use clap::Args;
use console::{Exit, HelpTable, Secret, SecretSource, Voice, Words};
use pki::KdfCost;
use pki::one_time::{OneTimePassword, PasswordError};
use protocol::client::{Command, Reply, SecretText};
use serde::Serialize;
use zeroize::Zeroizing;

/// Letters of a new password at least; `conclave` asks for as many.
const PASSWORD_LETTERS_MIN: usize = 10;

/// Set a new password: at the first login, with the one-time password of the envelope, and whenever you like.
#[derive(Args)]
#[command(after_help = "Examples:\n  conclave-admin password --envelope\n  conclave-admin password")]
pub(super) struct Password {
    /// First login, with the one-time password of the paper envelope.
    #[arg(long, conflicts_with = "separate")]
    envelope: bool,
    /// Read the envelope's password from this descriptor.
    #[arg(long, value_name = "FD", requires = "envelope")]
    envelope_fd: Option<u32>,
    /// Read the new password from this descriptor.
    #[arg(long, value_name = "FD")]
    new_password_fd: Option<u32>,
    #[command(flatten)]
    access: Access,
}

pub(super) const HELP: &HelpTable = &[
    (
        "password/@about",
        "Задать новый пароль: при первом входе, с одноразовым паролем из конверта, и когда угодно потом.",
    ),
    ("password/@after", "Примеры:\n  conclave-admin password --envelope\n  conclave-admin password"),
    ("password/envelope", "первый вход, с одноразовым паролем из бумажного конверта"),
    ("password/envelope_fd", "прочитать пароль из конверта из этого дескриптора"),
    ("password/new_password_fd", "прочитать новый пароль из этого дескриптора"),
];

console::words! {
    enum Said {
        Envelope => en("One-time password of the envelope: "), ru("Одноразовый пароль из конверта: ");
        NewPassword
            => en("New password, of at least {PASSWORD_LETTERS_MIN} characters: "),
               ru("Новый пароль, не меньше {PASSWORD_LETTERS_MIN} знаков: ");
        Again => en("Once more: "), ru("Ещё раз: ");
        Mistyped { group: usize }
            => en("group {group} of the one-time password is mistyped"),
               ru("группа {group} одноразового пароля введена с ошибкой");
        Length { found: usize }
            => en("a one-time password has 20 letters, {found} were typed"),
               ru("в одноразовом пароле 20 знаков, введено {found}");
        Differ => en("the two differ"), ru("введённое не совпало");
        Short
            => en("at least {PASSWORD_LETTERS_MIN} characters are needed"),
               ru("нужно не меньше {PASSWORD_LETTERS_MIN} знаков");
        Unchanged
            => en("the new password must be another one than before"), ru("новый пароль должен отличаться от прежнего");
        HalfSet { why: String }
            => en("the new password holds at the server, but the credential still opens with the old passphrase ({why}): use --separate from here on, or set a password once more"),
               ru("новый пароль действует на сервере, но ключи пока открываются старой парольной фразой ({why}): указывайте --separate или задайте пароль ещё раз");
        DoneOne { index: u64 }
            => en("the new password is set: #{index}. It opens the credential too: the old passphrase is void."),
               ru("новый пароль задан: запись № {index}. Он открывает и ключи: прежняя парольная фраза больше не действует.");
        DoneTwo { index: u64 }
            => en("the new password is set: #{index}. The credential keeps its own passphrase: use --separate from here on."),
               ru("новый пароль задан: запись № {index}. У ключей остаётся своя парольная фраза: указывайте --separate.");
    }
}

#[derive(Serialize)]
struct Data {
    index: u64,
    opens_credential: bool,
}

impl Password {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Trouble> {
        let home = self.access.place.home()?;
        home.card()?;
        home.credential()?;
        let mut source = SecretSource::open(self.access.passphrase.passphrase_fd)?;
        let two = self.envelope || self.access.separate;
        let first = if two { Asked::Passphrase } else { Asked::Password };
        let passphrase = source.ask(&first.say(voice.lang))?;
        let (file, card) = open(&home, &passphrase, For::Anyone, voice.lang)?;
        let password = self.current(passphrase, &mut source, voice)?;
        let new = self.new_one(&password, &mut source, voice)?;
        let mut online = Online::begin(file, card, &password, self.access.end_other, voice)?;
        drop(password);
        let done = set(&mut online, &new);
        // Before a password of one's own nothing may be asked. What cannot be told now the next command tells.
        online.tell_alarms(voice).ok();
        online.end();
        let (index, opens_credential) = done?;
        let said = match opens_credential {
            true => Said::DoneOne { index },
            false => Said::DoneTwo { index },
        };
        Ok(voice.done("password", &said, Data { index, opens_credential }))
    }

    /// What proves the login now.
    fn current(
        &self,
        passphrase: Secret,
        source: &mut SecretSource,
        voice: Voice,
    ) -> Result<Secret, Trouble> {
        match (self.envelope, self.access.separate) {
            (true, _) => {
                let label = Said::Envelope.say(voice.lang);
                let typed = match self.envelope_fd {
                    Some(fd) => SecretSource::open(Some(fd))?.ask(&label)?,
                    None => source.ask(&label)?,
                };
                let password = OneTimePassword::parse(typed.expose()).map_err(mistyped)?;
                Ok(Secret::take(Zeroizing::new(password.canonical().to_owned())))
            }
            (false, true) => Ok(source.ask(&Asked::LoginPassword.say(voice.lang))?),
            (false, false) => Ok(passphrase),
        }
    }

    /// Asked before anything is sent: an envelope is used up by the login that follows.
    fn new_one(&self, current: &Secret, source: &mut SecretSource, voice: Voice) -> Result<Secret, Trouble> {
        let (label, again) = (Said::NewPassword.say(voice.lang), Said::Again.say(voice.lang));
        let asked = match self.new_password_fd {
            Some(fd) => SecretSource::open(Some(fd))?.ask_new(&label, &again)?,
            None => source.ask_new(&label, &again)?,
        };
        check_new(asked, current)
    }
}

fn check_new(asked: Option<Secret>, current: &Secret) -> Result<Secret, Trouble> {
    let no = |name: &str, words: &Said| Err(Trouble::new(Exit::No, name, words));
    let Some(new) = asked else { return no("passwords-differ", &Said::Differ) };
    if new.letters() < PASSWORD_LETTERS_MIN {
        return no("password-short", &Said::Short);
    }
    // The envelope's password stands on paper: it is refused however it is typed.
    let canonical = |secret: &Secret| OneTimePassword::parse(secret.expose()).ok();
    let on_paper = match (canonical(&new), canonical(current)) {
        (Some(new), Some(current)) => new.same_as(&current),
        (None, _) | (_, None) => false,
    };
    match on_paper || new.same_as(current) {
        true => no("password-unchanged", &Said::Unchanged),
        false => Ok(new),
    }
}

/// Step 1: the server takes the new password. A crash before its answer: one of the two passwords holds there, the
/// credential opens with the old passphrase; `--separate` takes both kinds.
/// Step 2: the policy says whether one password serves for both.
/// Step 3: the credential is sealed under it. A crash before the new file has its name: as after step 1; after it: done.
fn set(online: &mut Online, new: &Secret) -> Result<(u64, bool), Trouble> {
    let proof = proof(new.expose(), online.person())?;
    let Reply::Admitted(admitted) = online.run(Command::SetPassword(SecretText::from(proof.as_str())))?
    else {
        return Err(Trouble::odd_answer());
    };
    let half = |why: Trouble| {
        // Both languages of the reason are at hand, but one sentence is told: the reader's own comes by its words.
        Trouble::say(
            Exit::Io,
            "password-half-set",
            Said::HalfSet { why: why.en() }.en(),
            Said::HalfSet { why: why.ru() }.ru(),
        )
    };
    let (policy, _) = online.policy().map_err(half)?;
    if !policy.one_password {
        return Ok((admitted.index, false));
    }
    let sealed = online.terminal().reseal(new.expose().as_bytes(), KdfCost::STANDARD);
    sealed.map_err(|error| half(error.into()))?;
    Ok((admitted.index, true))
}

fn mistyped(error: PasswordError) -> Trouble {
    match error {
        PasswordError::Length { found } => Trouble::new(Exit::No, "envelope-length", &Said::Length { found }),
        PasswordError::Group { group } => {
            Trouble::new(Exit::No, "envelope-mistyped", &Said::Mistyped { group })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::take(Zeroizing::new(text.to_owned()))
    }

    fn refused(new: Option<&str>, current: &str) -> String {
        check_new(new.map(secret), &secret(current))
            .map(|_| String::new())
            .unwrap_or_else(|trouble| trouble.name)
    }

    #[test]
    fn a_new_password_is_long_enough_and_new() {
        assert_eq!(refused(Some("correct horse"), "battery staple"), "");
        assert_eq!(refused(None, "battery staple"), "passwords-differ");
        assert_eq!(refused(Some("девять зн"), "battery staple"), "password-short");
        assert_eq!(refused(Some("battery staple"), "battery staple"), "password-unchanged");
        assert_eq!(refused(Some("2222е 2222т 22227 2222к"), "2222E2222T222272222K"), "password-unchanged");
    }
}
