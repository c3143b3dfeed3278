//! `conclave password`: changes one's own password while logged in.
//! Never keeps a secret after it was handed to the agent, and never changes a password that is not repeated first.

use super::request::{PASSPHRASE_LETTERS_MIN, differ, too_short};
use crate::Here;
use crate::agent::wire::{Ask, Tell};
use crate::reach::Line;
use crate::trouble::Trouble;
use clap::Args;
use console::{Exit, PassphraseFd, Secret, SecretSource, Words};
use protocol::client::SecretText;
use serde::Serialize;

#[derive(Args)]
pub(crate) struct Password {
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFd,
    /// Read the new password from this descriptor.
    #[arg(long, value_name = "N")]
    pub(crate) new_password_fd: Option<u32>,
}

console::words! {
    enum Said {
        Old => en("Old password: "), ru("Старый пароль: ");
        New => en("New password: "), ru("Новый пароль: ");
        Again => en("Once more: "), ru("Ещё раз: ");
        One => en("the password is changed; it opens the credential too"), ru("пароль изменён, он открывает и ключи");
        Two
            => en("the login password is changed; the credential keeps its own passphrase"),
               ru("пароль входа изменён; у ключей остаётся своя парольная фраза");
    }
}

#[derive(Serialize)]
struct Data {
    one_password: bool,
}

pub(super) fn run(args: &Password, here: Here) -> Result<Exit, Trouble> {
    let lang = here.voice.lang;
    let mut line = Line::open(&here.home, here.voice)?;
    // Said before a person types anything in vain.
    if !line.status()?.unlocked {
        return Err(Trouble::locked());
    }
    let mut main = SecretSource::open(args.passphrase.passphrase_fd)?;
    let old = main.ask(&Said::Old.say(lang))?;
    let (label, again) = (Said::New.say(lang), Said::Again.say(lang));
    let new = match args.new_password_fd {
        Some(fd) => SecretSource::open(Some(fd))?.ask_new(&label, &again)?,
        None => main.ask_new(&label, &again)?,
    };
    let new = new.ok_or_else(differ)?;
    if new.letters() < PASSPHRASE_LETTERS_MIN {
        return Err(too_short());
    }
    if new.same_as(&old) {
        return Err(Trouble::password_unchanged());
    }
    let Tell::PasswordSet(one_password) = line.ask(&Ask::ChangePassword(text(&old), text(&new)))? else {
        return Err(Trouble::odd_answer());
    };
    let said = if one_password { Said::One } else { Said::Two };
    Ok(here.voice.done("password", &said, Data { one_password }))
}

fn text(secret: &Secret) -> SecretText {
    SecretText::from(secret.expose())
}
