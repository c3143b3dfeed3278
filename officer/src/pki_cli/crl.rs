//! `crl`: a fresh revocation list.
//! Never forgets an entry of an older one.

use super::Place;
use crate::authority::Authority;
use crate::authority::revoke::{Published, publish};
use crate::clock;
use crate::files;
use crate::trouble::Failure;
use clap::Args;
use console::{Exit, HelpTable, PassphraseFd, Voice, count_en};
use pki::{CertTime, UnixMs};
use serde::Serialize;
use std::path::PathBuf;

/// Make a fresh revocation list; it is in the next bundle, and in crl.pem.
#[derive(Args)]
#[command(after_help = "Example: conclave-pki crl --out crl.pem")]
pub(super) struct Crl {
    /// Write the list here too.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    passphrase: PassphraseFd,
}

pub(super) const HELP: &HelpTable = &[
    (
        "crl/@about",
        "Составить свежий список отозванных сертификатов; он войдёт в следующий пакет и лежит в crl.pem.",
    ),
    ("crl/@after", "Пример: conclave-pki crl --out crl.pem"),
    ("crl/out", "записать список ещё и сюда"),
];

console::words! {
    pub(super) enum Said {
        Made { number: u64, entries: usize, until: String }
            => en("revocation list No. {number}: {}, fresh until {until}", count_en(*entries as u64, "certificate", "certificates")),
               ru("список отозванных № {number}: сертификатов {entries}, свеж до {until}");
        TooLarge
            => en("the list has grown too large for acts; the server goes by the revocations themselves, crl.pem is for others"),
               ru("список слишком велик для актов; сервер исходит из самих отзывов, а crl.pem нужен другим");
        Ahead { until: String }
            => en("this machine's clock is behind the newest revocation list, made at {until}: set it right"),
               ru("часы этой машины отстают от новейшего списка отозванных, составленного {until}: выставьте их");
    }
}

/// Says where this machine's clock cannot be right: it stands before what was signed here already.
pub(super) fn look_at_clock(authority: &Authority, voice: Voice) {
    let now = CertTime::from_unix(UnixMs(clock::now_ms()));
    if let Some(list) = authority.state.list.as_ref().filter(|list| list.this_update() > now) {
        voice.remark(&Said::Ahead { until: list.this_update().to_string() });
    }
}

/// A list, for scripts.
#[derive(Serialize)]
pub(super) struct Data {
    number: u64,
    entries: usize,
    until: String,
}

impl Data {
    pub(super) fn of(list: &Published) -> Self {
        Self { number: list.number, entries: list.entries, until: list.until.to_string() }
    }
}

impl Crl {
    pub(super) fn run(&self, voice: Voice) -> Result<Exit, Failure> {
        let mut authority = self.place.write()?;
        look_at_clock(&authority, voice);
        let key = authority.unlock(self.passphrase.passphrase_fd, voice.lang)?;
        let list = publish(&mut authority, &key, clock::now_ms())?;
        if let Some(out) = &self.out {
            let text = files::read(&authority.path("crl.pem"), pki::pem::PEM_BYTES_MAX as u64)?;
            files::replace(out, &text, files::Readers::Anyone)?;
        }
        if !list.is_act {
            voice.remark(&Said::TooLarge);
        }
        let said = Said::Made { number: list.number, entries: list.entries, until: list.until.to_string() };
        Ok(voice.done("crl", &said, Data::of(&list)))
    }
}
