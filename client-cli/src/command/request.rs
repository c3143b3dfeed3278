//! `conclave request`: makes both keys and the request for their certificates. Role-blind: whoever needs certificates
//! asks in this way.
//! Never lets a secret key leave the credential, and never overwrites a credential.

use crate::Here;
use crate::args::{Request, SuiteName};
use crate::trouble::Trouble;
use console::{Exit, SecretSource, clean};
use link::terminal::TerminalError;
use pki::durable_file::{self, UMASK};
use pki::exchange::RequestFile;
use pki::{Credential, CredentialFile, KdfCost, SubjectNames, Suite};
use serde::Serialize;
use std::path::Path;

pub(super) use pki::sealed::PASSPHRASE_LETTERS_MIN;

console::words! {
    enum Said {
        NewPassphrase
            => en("New passphrase of the credential, at least {PASSPHRASE_LETTERS_MIN} characters: "),
               ru("Новая парольная фраза для ключей, не меньше {PASSPHRASE_LETTERS_MIN} знаков: ");
        Again => en("Once more: "), ru("Ещё раз: ");
        Passphrase => en("Passphrase of the credential: "), ru("Парольная фраза ключей: ");
        Done { out: String, home: String, fingerprint: String }
            => en("the keys are in {home} and stay there; give {out} to a security officer, who must see the same fingerprint: {fingerprint}"),
               ru("ключи лежат в {home} и не покидают его; файл {out} передайте офицеру безопасности, у него должен быть тот же отпечаток: {fingerprint}");
    }
}

#[derive(Serialize)]
struct Data {
    login: String,
    full_name: String,
    out: String,
    fingerprint: String,
}

pub(super) fn run(args: Request, mut here: Here) -> Result<Exit, Trouble> {
    let Some(out) = &args.out else { return Err(Trouble::odd_answer()) };
    here.home.prepare()?;
    if out.exists() {
        return Err(exists(out));
    }
    let file = if args.renew { renewed(&args, &here)? } else { fresh(&args, &here)? };
    let credential = file.credential();
    let request = credential.request().map_err(TerminalError::from)?;
    // Made anew each time from the keys that wait: a crash before this line loses nothing.
    let request = RequestFile::new(request, None);
    write_new(out, request.to_text().as_bytes())?;
    let fingerprint = request.fingerprint();
    let shown = |path: &Path| clean(&path.display().to_string());
    let said =
        Said::Done { out: shown(out), home: shown(here.home.path()), fingerprint: fingerprint.clone() };
    let names = credential.names();
    let data =
        Data { login: names.login.clone(), full_name: names.full_name.clone(), out: shown(out), fingerprint };
    Ok(here.voice.done("request", &said, data))
}

fn fresh(args: &Request, here: &Here) -> Result<CredentialFile, Trouble> {
    let path = here.home.credential();
    if path.exists() {
        return Err(TerminalError::from(pki::CredentialFileError::Exists { path }).into());
    }
    let names = SubjectNames {
        full_name: args.name.clone().unwrap_or_default(),
        login: args.login.clone().unwrap_or_default(),
        unit: args.unit.clone(),
    };
    names.check().map_err(|error| bad_names(&error))?;
    let suite = match args.suite {
        Some(SuiteName::Ed25519) => Suite::Ed25519,
        Some(SuiteName::EcdsaP256) => Suite::EcdsaP256,
        None if here.home.card_path().exists() => here.home.card()?.suite,
        None => Suite::Ed25519,
    };
    let lang = here.voice.lang;
    let mut source = SecretSource::open(args.passphrase.passphrase_fd)?;
    let label = |said: Said| console::Words::say(&said, lang);
    let Some(passphrase) = source.ask_new(&label(Said::NewPassphrase), &label(Said::Again))? else {
        return Err(differ());
    };
    if passphrase.letters() < PASSPHRASE_LETTERS_MIN {
        return Err(too_short());
    }
    let mut rng = crate::random::source();
    let credential = Credential::generate(suite, names, &mut *rng).map_err(TerminalError::from)?;
    let passphrase = passphrase.expose().as_bytes();
    let created = CredentialFile::create(&path, credential, passphrase, KdfCost::STANDARD, &mut *rng);
    Ok(created.map_err(TerminalError::from)?)
}

fn renewed(args: &Request, here: &Here) -> Result<CredentialFile, Trouble> {
    let mut source = SecretSource::open(args.passphrase.passphrase_fd)?;
    let passphrase = source.ask(&console::Words::say(&Said::Passphrase, here.voice.lang))?;
    let passphrase = passphrase.expose().as_bytes();
    let mut file = CredentialFile::open(&here.home.credential(), passphrase).map_err(TerminalError::from)?;
    let mut rng = crate::random::source();
    file.credential_mut().renew(&mut *rng).map_err(TerminalError::from)?;
    file.save(passphrase, KdfCost::STANDARD, &mut *rng).map_err(TerminalError::from)?;
    Ok(file)
}

/// The passphrase of a credential that is there.
pub(super) fn passphrase_label(lang: console::Lang) -> String {
    console::Words::say(&Said::Passphrase, lang)
}

/// Writes a file that was not there.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let written = durable_file::create(path, bytes, UMASK);
    written.map_err(|error| match error.kind() == std::io::ErrorKind::AlreadyExists {
        true => exists(path),
        false => Trouble::io(path, &error),
    })
}

fn exists(path: &Path) -> Trouble {
    let path = clean(&path.display().to_string());
    Trouble::say(
        Exit::No,
        "file-exists",
        format!("{path} exists and is not overwritten"),
        format!("{path} уже есть и не перезаписывается"),
    )
}

pub(super) fn differ() -> Trouble {
    Trouble::say(Exit::No, "passphrases-differ", "the two differ", "введённое не совпало")
}

pub(super) fn too_short() -> Trouble {
    Trouble::say(
        Exit::No,
        "passphrase-short",
        format!("at least {PASSPHRASE_LETTERS_MIN} characters are needed"),
        format!("нужно не меньше {PASSPHRASE_LETTERS_MIN} знаков"),
    )
}

fn bad_names(error: &pki::subject::BadSubject) -> Trouble {
    use pki::subject::{BadSubject, LOGIN_BYTES_MAX, NAME_CHARS_MAX, UNIT_STEPS_MAX};
    let russian = match error {
        BadSubject::FullName => {
            format!(
                "полное имя: от 1 до {NAME_CHARS_MAX} знаков, без управляющих символов и пробелов по краям"
            )
        }
        BadSubject::Login => format!(
            "имя входа: от 1 до {LOGIN_BYTES_MAX} знаков a-z, 0-9, точка, дефис, подчёркивание; первой стоит буква"
        ),
        BadSubject::Unit => {
            format!("подразделение: не больше {UNIT_STEPS_MAX} ступеней от 1 до {NAME_CHARS_MAX} знаков")
        }
    };
    Trouble::say(Exit::Usage, "bad-names", error.to_string(), russian)
}
