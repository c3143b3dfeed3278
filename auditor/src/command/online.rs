//! A session with the appliance, for the commands that go online: credential, site card, password.
//! Never decides what is asked there.

use std::path::{Path, PathBuf};

use clap::Args;
use console::{Exit, NoHome, PassphraseFd, SecretSource, Voice, Words, home_dir};
use link::terminal::{Terminal, TerminalError};
use pki::password::login_proof;
use pki::site_card::CARD_BYTES_MAX;
use pki::{CredentialFile, SiteCard};
use rand_core::{CryptoRng, UnwrapErr};
use zeroize::Zeroizing;

use super::{read_small, shown};
use crate::trouble::Trouble;

/// Where a credential lies, and how it is opened; flattened into every command that goes online.
#[derive(Args, Debug, Default)]
#[allow(missing_docs, reason = "the group's own help stands at its struct")]
pub struct Access {
    /// Directory of your credential and site card (else CONCLAVE_HOME, else the configuration directory).
    #[arg(long, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// End another live session of yours.
    #[arg(long)]
    pub end_other: bool,
    /// Your password is another one than your credential's passphrase: ask for both.
    #[arg(long)]
    pub separate: bool,
    #[command(flatten)]
    pub passphrase: PassphraseFd,
}

console::words! {
    enum Label {
        Passphrase => en("Passphrase of the credential: "), ru("Парольная фраза ключей: ");
        Password => en("Password: "), ru("Пароль: ");
        LoginPassword => en("Login password: "), ru("Пароль входа: ");
    }
}

impl Access {
    /// The site card.
    pub fn card(&self) -> Result<SiteCard, Trouble> {
        card(&self.home()?.join("site.card"))
    }

    /// Opens the credential; the login proof goes along. Nothing is connected yet.
    pub fn open(&self, card: SiteCard, voice: Voice) -> Result<(Terminal, Zeroizing<String>), Trouble> {
        let mut source = SecretSource::open(self.passphrase.passphrase_fd);
        let mut ask = |label: Label| match &mut source {
            Ok(source) => {
                let label = label.say(voice.lang);
                source.ask(&label).map_err(|error| Trouble::asked(&error, voice.lang))
            }
            Err(error) => Err(Trouble::asked(error, voice.lang)),
        };
        let passphrase = ask(if self.separate { Label::Passphrase } else { Label::Password })?;
        let file = CredentialFile::open(&self.home()?.join("credential"), passphrase.expose().as_bytes())
            .map_err(|error| online(&error.into()))?;
        let terminal = Terminal::open(file, card, false, randomness).map_err(|error| online(&error))?;
        let separate = if self.separate { Some(ask(Label::LoginPassword)?) } else { None };
        let password = separate.as_ref().unwrap_or(&passphrase);
        let proof = login_proof(password.expose().as_bytes(), terminal.person())
            .map_err(|error| Trouble::BadValue { what: "password".into(), wanted: error.to_string() })?;
        Ok((terminal, proof))
    }

    /// Where credential and site card lie.
    pub fn home(&self) -> Result<PathBuf, Trouble> {
        home_dir(self.home.as_deref(), |name| std::env::var_os(name)).ok_or_else(|| Trouble::Online {
            code: "no-home".into(),
            exit: Exit::Missing,
            en: NoHome::Unset.en(),
            ru: NoHome::Unset.ru(),
        })
    }
}

/// The runtime of a command that goes online.
pub fn runtime() -> Result<tokio::runtime::Runtime, Trouble> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Trouble::Unreadable { file: "tokio".into(), cause: error.to_string() })
}

fn card(path: &Path) -> Result<SiteCard, Trouble> {
    let bad = |cause: String| Trouble::BadCard { file: shown(path), cause };
    let text = String::from_utf8(read_small(path, CARD_BYTES_MAX * 2)?).map_err(|_| bad("UTF-8".into()))?;
    SiteCard::from_text(&text).map_err(|error| bad(error.to_string()))
}

/// The operating system's randomness; it panics where the system refuses, which it does not after start-up.
fn randomness() -> Box<dyn CryptoRng + Send> {
    Box::new(UnwrapErr(getrandom::SysRng))
}

/// An answer that fits no question.
pub fn odd() -> Trouble {
    Trouble::Online {
        code: "odd-answer".into(),
        exit: Exit::of_reason("odd-answer"),
        en: "the server answered something else than was asked".into(),
        ru: "сервер ответил не то, что спрашивали".into(),
    }
}

/// What the terminal says, in words.
pub fn online(error: &TerminalError) -> Trouble {
    let words = error.words();
    let exit = Exit::of_reason(&words.name);
    Trouble::Online { code: words.name, exit, en: words.en, ru: words.ru }
}
