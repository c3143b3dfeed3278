//! `init`: a new authority in a new directory.
//! Never overwrites one.

use crate::authority::found::{Plan, found};
use crate::authority::{Authority, acts::Mode, os_rng};
use crate::clock;
use crate::files::shown;
use crate::trouble::{Failure, Trouble};
use clap::Args;
use console::{Exit, HelpTable, PassphraseFd, SecretSource, Voice};
use pki::Suite;
use pki::sealed::PASSPHRASE_LETTERS_MIN;
use serde::Serialize;
use std::path::PathBuf;

/// Make a root and an issuing authority, their keys encrypted under one passphrase.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki init --ca ca --site \"North\" --suite ed25519")]
pub(super) struct Init {
    /// Directory to make; it must not exist.
    #[arg(long, value_name = "DIR", default_value = "ca")]
    ca: PathBuf,
    /// The site's name, as people will read it.
    #[arg(long, value_name = "NAME")]
    site: String,
    /// The site's signature suite, for ever.
    #[arg(long, value_name = "SUITE", default_value = "ed25519", value_parser = ["ed25519", "ecdsa-p256", "gost-256", "gost-512"])]
    suite: String,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

pub(super) const HELP: &HelpTable = &[
    ("init/@about", "Создать корневой и выпускающий центры; их ключи зашифрованы одной парольной фразой."),
    ("init/@after", "Пример: conclave-pki init --ca ca --site «Север» --suite ed25519"),
    ("init/ca", "каталог, который будет создан; его ещё не должно быть"),
    ("init/site", "имя объекта, как его прочтут люди"),
    ("init/suite", "набор алгоритмов подписи, навсегда"),
];

console::words! {
    enum Said {
        Made { dir: String, site: String, suite: String, until: String }
            => en("Authority of the site \"{site}\" made in {dir}, suite {suite}, issuing until {until}.\nKeep a copy of the directory in another place, and the passphrase in a third. root.key is needed only to renew the issuing authority: it may be locked away."),
               ru("Удостоверяющий центр объекта «{site}» создан в {dir}, набор {suite}, выпускает до {until}.\nХраните копию каталога в другом месте, а парольную фразу — в третьем. root.key нужен только для замены выпускающего центра: его можно убрать в сейф.");
    }
}

#[derive(Serialize)]
struct Data {
    site: String,
    suite: &'static str,
    root: String,
    issuing: String,
}

impl Init {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let suite = Suite::from_name(&self.suite)
            .ok_or_else(|| Trouble::UnknownName { kind: "suite", name: self.suite.clone() })?;
        if self.ca.exists() {
            return Err(Trouble::Exists { path: shown(&self.ca) }.into());
        }
        let mut source = SecretSource::open(self.passphrase.passphrase_fd)?;
        let label = voice.lang.pick(
            format!("New passphrase of the authority, at least {PASSPHRASE_LETTERS_MIN} characters: "),
            format!("Новая парольная фраза центра, не меньше {PASSPHRASE_LETTERS_MIN} знаков: "),
        );
        let again = voice.lang.pick("Once more: ", "Ещё раз: ");
        let passphrase = source.ask_new(&label, again)?.ok_or(Trouble::PassphrasesDiffer)?;
        if passphrase.letters() < PASSPHRASE_LETTERS_MIN {
            return Err(Trouble::PassphraseShort { least: PASSPHRASE_LETTERS_MIN as u64 }.into());
        }
        let plan =
            Plan { dir: &self.ca, site: &self.site, suite, passphrase: &passphrase, now_ms: clock::now_ms() };
        found(&plan, &mut os_rng())?;
        let authority = Authority::open(&self.ca, Mode::Read)?;
        let said = Said::Made {
            dir: shown(&self.ca),
            site: console::clean(authority.site()),
            suite: suite.name().into(),
            until: authority.issuing.validity().1.to_string(),
        };
        let data = Data {
            site: authority.site().into(),
            suite: suite.name(),
            root: authority.root.id().to_string(),
            issuing: authority.issuing.id().to_string(),
        };
        Ok(voice.done("init", &said, data))
    }
}
