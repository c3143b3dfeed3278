//! `conclave request --take`: takes in the certificates that an officer issued for the request.
//! Never takes a certificate whose path does not hold, by the site card where there is one.

use super::request::passphrase_label;
use crate::Here;
use crate::home::read_text_file;
use crate::show::roles;
use crate::trouble::Trouble;
use console::{DETAILS_RU, Exit, SecretSource, clean};
use link::terminal::{TerminalError, now_ms};
use pki::exchange::{CertificatesFile, TEXT_BYTES_MAX};
use pki::{
    Certificate, CredentialFile, KdfCost, KeyUse, Purpose, Question, TrustAnchor, UnixMs, verify_path,
};
use serde::Serialize;
use std::path::Path;

console::words! {
    enum Said {
        Done { name: String, login: String, roles: String, until: String }
            => en("certificates taken in: {name} @{login}, {roles}, valid until {until}"),
               ru("сертификаты приняты: {name} @{login}, {roles}, действуют до {until}");
        NoCard => en("there is no site card yet: whether these are the site's own will be seen at login"),
                  ru("карты системы ещё нет: принадлежат ли они ей, выяснится при входе");
    }
}

#[derive(Serialize)]
struct Data {
    person: String,
    login: String,
    full_name: String,
    roles: Vec<String>,
    valid_until: String,
}

pub(super) fn run(path: &Path, passphrase_fd: Option<u32>, here: Here) -> Result<Exit, Trouble> {
    let text = read_text_file(path, TEXT_BYTES_MAX)?;
    let bad = |error: &dyn std::fmt::Display| {
        Trouble::say(
            Exit::No,
            "bad-certificates",
            format!("this is no file of certificates: {error}"),
            format!("это не файл сертификатов ({DETAILS_RU})"),
        )
    };
    let file = CertificatesFile::from_text(&text).map_err(|error| bad(&error))?;
    let parsed: Result<Vec<Certificate>, _> =
        file.certificates.iter().map(|der| Certificate::parse(der)).collect();
    let parsed = parsed.map_err(|error| bad(&error))?;
    let [signature, agreement, above @ ..] = &parsed[..] else { return Err(bad(&"too few certificates")) };
    let (issuing, anchors) = authorities(above, &here)?;
    for (leaf, key_use) in [(signature, KeyUse::DigitalSignature), (agreement, KeyUse::KeyAgreement)] {
        let question = Question { key_use: Some(key_use), ..Question::new(Purpose::Any, UnixMs(now_ms())) };
        verify_path(leaf, &issuing, &anchors, &question)
            .map_err(|error| TerminalError::OwnCertificate(Box::new(error)))?;
    }
    let mut source = SecretSource::open(passphrase_fd)?;
    let passphrase = source.ask(&passphrase_label(here.voice.lang))?;
    let passphrase = passphrase.expose().as_bytes();
    let mut credential =
        CredentialFile::open(&here.home.credential(), passphrase).map_err(TerminalError::from)?;
    let installed = credential.credential_mut().install(signature.clone(), agreement.clone());
    installed.map_err(TerminalError::from)?;
    let saved = credential.save(passphrase, KdfCost::STANDARD, &mut *crate::random::source());
    saved.map_err(TerminalError::from)?;
    let name = |text: Option<&str>| clean(text.unwrap_or_default());
    let role_names: Vec<String> = signature.roles().iter().map(|role| role.name().to_owned()).collect();
    let until = signature.validity().1.to_string();
    let said = Said::Done {
        name: name(signature.full_name()),
        login: name(signature.login()),
        roles: roles(signature.roles().iter(), here.voice.lang),
        until: until.clone(),
    };
    let data = Data {
        person: signature.person().map(|person| person.to_string()).unwrap_or_default(),
        login: name(signature.login()),
        full_name: name(signature.full_name()),
        roles: role_names,
        valid_until: until,
    };
    Ok(here.voice.done("request", &said, data))
}

/// The card's authorities; without a card those of the file itself, said aloud.
fn authorities(above: &[Certificate], here: &Here) -> Result<(Vec<Certificate>, Vec<TrustAnchor>), Trouble> {
    if here.home.card_path().exists() {
        let card = here.home.card()?;
        return Ok((card.issuing_authorities(), card.anchors()));
    }
    here.voice.remark(&Said::NoCard);
    let anchors = above.last().cloned().map(TrustAnchor::new).into_iter().collect();
    Ok((above.to_vec(), anchors))
}
